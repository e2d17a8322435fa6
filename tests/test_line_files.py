"""Text files are looked through once and read line by line."""

from __future__ import annotations

import hashlib
import io

import pytest

from mlsse.errors import ScreenInputError
from mlsse.line_files import MAX_LINE_BYTES, read_lines, survey_file, unchanged


def write(tmp_path, data):
    path = tmp_path / "input.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("data", "n_lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\n\nb", 3)])
def test_a_survey_tells_hash_and_lines(tmp_path, data, n_lines):
    survey = survey_file(write(tmp_path, data))
    assert survey.sha256 == hashlib.sha256(data).hexdigest()
    assert survey.n_lines == n_lines


@pytest.mark.parametrize("before", [b"a\nb\n", b"x" * (MAX_LINE_BYTES - 3) + b"\n\n"])
def test_what_is_no_utf8_is_told_with_its_line(tmp_path, before):
    path = write(tmp_path, before + "é".encode() + b"ok \xe9 then\n")
    with pytest.raises(ScreenInputError, match=r"line 3, is not UTF-8 text \(byte 0xe9\)"):
        survey_file(path)
    with path.open("rb") as stream, pytest.raises(ScreenInputError, match="line 3, is not UTF-8"):
        list(read_lines(str(path), stream))


def test_a_file_cut_within_a_character_is_told(tmp_path):
    with pytest.raises(ScreenInputError, match="line 2, is not UTF-8"):
        survey_file(write(tmp_path, b"a\n\xc3"))


def test_utf16_is_named(tmp_path):
    with pytest.raises(ScreenInputError, match="seems to be UTF-16"):
        survey_file(write(tmp_path, "Li2O\n".encode("utf-16")))


def test_lines_lose_their_ends_and_the_byte_order_mark():
    stream = io.BytesIO("\ufeffLi2O\r\n\nLi2S".encode())
    assert list(read_lines("here", stream)) == [(1, "Li2O"), (2, ""), (3, "Li2S")]


def test_a_line_that_is_too_long_is_left_out_in_little_memory():
    long = b"x" * (3 * MAX_LINE_BYTES + 7)
    assert list(read_lines("here", io.BytesIO(b"a\n" + long + b"\nb\n"))) == [
        (1, "a"), (2, None), (3, "b"),
    ]  # fmt: skip


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path):
    path = write(tmp_path, b"a\n")
    survey = survey_file(path)
    with unchanged(path, survey):
        pass
    with pytest.raises(ScreenInputError, match="has changed"), unchanged(path, survey):
        path.write_bytes(b"a\nb\n")
