"""The folder of a screen: whole parts, and no mixing of two screens."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import pyarrow as pa
import pytest
from pyarrow import parquet

from mlsse.errors import ScreenError, ScreenInputError
from mlsse.prediction import SCORE_CARD, predict_columns
from mlsse.screen_chunks import BadRow
from mlsse.screen_store import (
    Manifest,
    Totals,
    open_screen,
    scores_schema,
    writable_screen,
    write_chunk,
)

MANIFEST = Manifest(
    input_kind="csv",
    input_name="in.csv",
    input_sha256="0" * 64,
    formula_column="formula",
    own_columns=("id",),
    columns=("conductivity", "stability"),
    temperature_k=298.15,
    ion=None,
    model_version="champion-1",
    model_sha256="1" * 64,
    mlsse_version="0.1.0",
    chunk_rows=10,
    about_rows=20,
)


def start(folder, manifest=MANIFEST, *, resume=False):
    with writable_screen(folder, manifest, resume=resume) as screen:
        return screen


def table(n_rows=2):
    schema = scores_schema(pa.schema([]))
    return pa.table([pa.nulls(n_rows, field.type) for field in schema], schema=schema)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_schema_has_a_type_for_each_column_of_the_score_card():
    schema = scores_schema(pa.schema([("id", pa.int8())]))
    assert schema.names == ["input_row", "id", *SCORE_CARD]
    columns = predict_columns(["Li6PS5Cl", "Li7La3Zr2O12", "Xx", "Fe2O3"])
    for name in SCORE_CARD:
        assert pa.array(columns[name], schema.field(name).type).to_pylist() == columns[name]
    assert str(schema.field("warnings").type) == "list<item: string>"
    assert schema.field("nearest_known_distance").type == pa.float64()


def test_a_manifest_is_read_back(tmp_path):
    start(tmp_path / "new" / "screen").finish(Totals(20, 19, 1, 2))
    found = open_screen(tmp_path / "new" / "screen")
    assert found.is_complete
    assert found.manifest == replace(MANIFEST, totals=Totals(20, 19, 1, 2))


def test_a_chunk_is_written_whole(tmp_path):
    screen = start(tmp_path)
    assert screen.n_scored(0) is None
    bad = [BadRow(1, 3, "x" * 500, "not\na formula"), BadRow(2, None, "", "no formula")]
    write_chunk(tmp_path, 0, table(), bad)
    write_chunk(tmp_path, 1234567, table(0), [])
    assert screen.n_scored(0) == 2
    assert screen.n_scored(1234567) == 0
    assert [path.name for path in screen.score_files()] == [
        "part-000000.parquet", "part-1234567.parquet",
    ]  # fmt: skip
    (errors,) = screen.error_files()
    assert errors.read_text() == (
        f"input_row,line,formula,error\n1,3,{'x' * 200},not a formula\n2,,,no formula\n"
    )


def test_a_damaged_part_is_not_done(tmp_path):
    screen = start(tmp_path)
    write_chunk(tmp_path, 0, table(), [])
    path = screen.score_files()[0]
    path.write_bytes(path.read_bytes()[:-9])
    assert screen.n_scored(0) is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_is_told_with_the_remedy_and_leaves_no_temporary(
    tmp_path, monkeypatch, code, failing
):
    start(tmp_path)
    write_chunk(tmp_path, 0, table(), [])
    before = names(tmp_path)

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(ScreenError, match=r"no room to write to .*scores.*--resume"):
        write_chunk(tmp_path, 1, table(), [])
    with pytest.raises(ScreenError, match=r"no room to write to .*errors"):
        write_chunk(tmp_path, 1, table(), [BadRow(0, 1, "", "no formula")])
    assert names(tmp_path) == before


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path):
    with pytest.raises(ScreenError, match="a file system that all workers share"):
        write_chunk(tmp_path, 0, table(), [])


def test_a_folder_in_use_is_refused(tmp_path):
    with (
        writable_screen(tmp_path, MANIFEST, resume=False),
        pytest.raises(ScreenInputError, match="is being written by another screen"),
    ):
        start(tmp_path, resume=True)
    start(tmp_path, resume=True)


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ScreenInputError, match=r"is not empty: --resume goes on"):
        start(tmp_path)
    with pytest.raises(ScreenError, match=r"holds no screen \(manifest.json is missing\)"):
        start(tmp_path, resume=True)
    with pytest.raises(ScreenInputError, match="is no folder"):
        start(tmp_path / "note.txt")


def test_what_was_killed_before_its_manifest_starts_anew(tmp_path):
    for name in ("scores", "errors"):
        (tmp_path / name).mkdir()
    (tmp_path / ".manifest.json-1-2.tmp").write_text("{")
    (tmp_path / "scores" / ".part-000000.parquet-1-2.tmp").write_text("PAR1")
    start(tmp_path)
    assert names(tmp_path) == [".lock", "manifest.json"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input_sha256": "2" * 64}, r"the input: 000000000000\.\.\. there, 222222222222\.\.\."),
        ({"columns": ("stability",)}, "--columns: conductivity, stability there, stability now"),
        ({"temperature_k": 300.0}, "--temperature: 298.15 there, 300.0 now"),
        ({"ion": "Na"}, "--ion: none there, Na now"),
        ({"model_version": "mine-2"}, "the model: champion-1 there, mine-2 now"),
        ({"chunk_rows": 5}, "--chunk-rows: 10 there, 5 now"),
        ({"mlsse_version": "9"}, "mlsse_version: 0.1.0 there, 9 now"),
    ],
)
def test_going_on_with_another_screen_is_refused(tmp_path, changed, message):
    start(tmp_path)
    with pytest.raises(ScreenInputError, match=message):
        start(tmp_path, replace(MANIFEST, **changed), resume=True)
    start(tmp_path, replace(MANIFEST, input_name="moved.csv"), resume=True)


def test_standard_input_cannot_be_gone_on_with(tmp_path):
    manifest = replace(MANIFEST, input_sha256=None)
    start(tmp_path, manifest)
    with pytest.raises(ScreenInputError, match="standard input cannot be read again"):
        start(tmp_path, manifest, resume=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        (json.dumps({"format_version": 99}), "has screen format 99, this version of mlsse reads 1"),
        (json.dumps({"format_version": 1, "totals": None}), "is damaged"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ScreenError, match=message):
        open_screen(tmp_path)


def test_parts_are_the_same_bytes_for_the_same_rows(tmp_path):
    start(tmp_path)
    write_chunk(tmp_path, 0, table(), [])
    write_chunk(tmp_path, 1, table(), [])
    one, other = (path.read_bytes() for path in open_screen(tmp_path).score_files())
    assert one == other
    assert parquet.read_schema(tmp_path / "scores" / "part-000000.parquet").equals(
        scores_schema(pa.schema([]))
    )
