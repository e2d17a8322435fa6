from __future__ import annotations

import base64

import pytest

from mlsse.errors import ScreenInputError
from mlsse.explorer.uploads import (
    MAX_FORMULAS,
    MAX_LENGTH,
    from_store,
    read_upload,
    safe_cell,
    split_text,
)


def upload(content: bytes, name: str = "formulas.csv"):
    return read_upload(name, "data:;base64," + base64.b64encode(content).decode())


def test_text_is_parted_by_lines_commas_semicolons_and_tabs():
    assert split_text("Li3N,LiF;\tLiCl\r\n 70Li2S 30P2S5 \n\n") == [
        "Li3N", "LiF", "LiCl", "70Li2S 30P2S5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" \n,", "no formula"),
        ("Li3N," * (MAX_FORMULAS + 1), f"more than {MAX_FORMULAS}"),
        ("Li" * MAX_LENGTH, f"at most {MAX_LENGTH}"),
    ],
)
def test_texts_beyond_the_limits_are_refused(text, why):
    with pytest.raises(ScreenInputError, match=why):
        split_text(text)


def test_the_column_of_formulas_is_found():
    read = upload(b'\xef\xbb\xbfid, Formula ,note\n1,Li3N,"a, b"\n2, LiF ,\n')
    assert read.formulas == ["Li3N", "LiF"]
    assert read.note == "column 'Formula'"


def test_one_column_needs_no_name():
    assert upload(b"compound\nLi3N\nLiF\n").formulas == ["Li3N", "LiF"]


def test_broken_lines_are_counted():
    read = upload(b'id,formula\n1,Li3N\n2\n3,"LiF\n')
    assert read.formulas == ["Li3N"]
    assert "2 lines could not be read" in read.note


def test_plain_text_has_comments():
    assert upload(b"# mine\nLi3N\n\nLiF\n", "mine.txt").formulas == ["Li3N", "LiF"]


def test_what_is_not_base64_is_refused():
    with pytest.raises(ScreenInputError, match="did not arrive whole"):
        read_upload("a.csv", "data:;base64,***")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1"])
def test_commands_of_spreadsheets_are_disarmed(text):
    assert safe_cell(text) == f"'{text}"


def test_other_cells_stay():
    assert [safe_cell(value) for value in ("Li3N", -1.5, None, True)] == ["Li3N", -1.5, None, True]


def test_what_comes_back_is_cut_to_the_limits():
    assert from_store(["Li3N", 1, None, "x" * 5000]) == ["Li3N", "x" * MAX_LENGTH]
    assert len(from_store(["Li3N"] * 20_000)) == MAX_FORMULAS
    assert from_store({"a": 1}) == []
