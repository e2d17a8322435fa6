"""Inputs of a screen: what is read, what is a bad row, and what is refused."""

from __future__ import annotations

import io
import json
import sys

import pyarrow as pa
import pytest
from pyarrow import parquet

from mlsse.errors import ScreenInputError
from mlsse.screen_input import open_input

RECIPE = """
name = "argyrodites"
[[series]]
parents = ["Li6PS5Cl"]
substitutions = [{site = "Cl", by = "Br", x = {from = 0, to = 1, by = 0.25}}]
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def read(source, chunk_rows=100, first=0):
    """Readable rows (input row, line, formula, own values) and bad ones (row, line, error)."""
    rows, bad = [], []
    for chunk in source.chunks(chunk_rows, first):
        own = [list(row.values()) for row in chunk.own.to_pylist()] or [[]] * len(chunk.formulas)
        places = zip(
            chunk.input_rows.to_pylist(), chunk.lines.to_pylist(), chunk.formulas.to_pylist(),
            own, strict=True,
        )  # fmt: skip
        rows += [(row, line, formula, *values) for row, line, formula, values in places]
        bad += [(row.input_row, row.line, row.error) for row in chunk.bad]
        assert chunk.n_rows == len(chunk.formulas) + len(chunk.bad)
        assert chunk.own.schema == source.own
    return rows, bad


def test_plain_text(tmp_path):
    source = open_input(write(tmp_path, "in.txt", "# mine\nLi2O\n\n Li2S \n"))
    assert read(source) == ([(0, 2, "Li2O"), (1, 4, "Li2S")], [])
    assert source.own.names == []


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Li2O\nLi2S\n")))
    source = open_input("-")
    assert source.sha256 is None
    assert read(source)[0] == [(0, 1, "Li2O"), (1, 2, "Li2S")]


def test_csv_keeps_own_columns_as_texts_under_names_that_are_free(tmp_path):
    text = "id,formula,price,error,input_row,\n007,Li2O,1.50,none,5,x\n"
    source = open_input(write(tmp_path, "in.csv", text))
    assert source.own.names == ["id", "price", "error_input", "input_row_input", "column_6"]
    assert set(source.own.types) == {pa.string()}
    assert read(source) == ([(0, 2, "Li2O", "007", "1.50", "none", "5", "x")], [])


def test_another_column_may_hold_the_formulas(tmp_path):
    text = "formula,composition,formula_input\nF1,Li2O,a\n"
    source = open_input(write(tmp_path, "in.csv", text), "composition")
    assert source.own.names == ["formula_input_input", "composition", "formula_input"]
    assert read(source) == ([(0, 2, "Li2O", "F1", "Li2O", "a")], [])


def test_broken_rows_of_a_csv_are_bad_rows_with_their_lines(tmp_path):
    text = 'formula,n\nLi2O,1\nLi2S\nLi3N,2,3\n"Li3P,4\n,5\n\n"Li2\nSe",6\nLiF,7\n'
    rows, bad = read(open_input(write(tmp_path, "in.csv", text)), chunk_rows=2)
    assert rows == [(0, 2, "Li2O", "1"), (5, 8, "Li2\nSe", "6"), (6, 10, "LiF", "7")]
    assert bad == [
        (1, 3, "1 cell, the header has 2"),
        (2, 4, "3 cells, the header has 2"),
        (3, 5, "a quote is not closed, or not where it may be"),
        (4, 6, "no formula"),
    ]


def test_json_lines_are_typed_by_the_whole_file(tmp_path):
    lines = [
        {"formula": "Li2O", "n": 1, "x": 1, "ok": True, "mixed": 1, "deep": [1], "big": 2**70},
        {"formula": "Li2S", "n": None, "x": 0.5, "ok": False, "mixed": "a", "late": "z"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    source = open_input(write(tmp_path, "in.jsonl", text))
    assert dict(zip(source.own.names, map(str, source.own.types), strict=True)) == {
        "n": "int64", "x": "double", "ok": "bool", "mixed": "string", "deep": "string",
        "big": "string", "late": "string",
    }  # fmt: skip
    assert read(source, chunk_rows=1)[0] == [
        (0, 1, "Li2O", 1, 1.0, True, "1", "[1]", str(2**70), None),
        (1, 2, "Li2S", None, 0.5, False, "a", None, None, "z"),
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"formula": "Li2O"', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('["Li2O"]', "expected an object"),
        ('{"n": 1}', "'formula' is missing"),
        ('{"formula": 5}', "'formula' is 5, expected a text"),
        ('{"formula": "\\ud800"}', "no JSON"),
        ('{"formula": "Li2O", "n": "\\udfff"}', "no JSON"),
        ('{"formula": ""}', "no formula"),
    ],
)
def test_a_broken_json_line_is_a_bad_row(tmp_path, line, error):
    text = f'{{"formula": "Li2O"}}\n\n{line}\n{{"formula": "Li2S"}}\n'
    rows, bad = read(open_input(write(tmp_path, "in.jsonl", text)))
    assert [row[:3] for row in rows] == [(0, 1, "Li2O"), (2, 4, "Li2S")]
    ((row, number, found),) = bad
    assert (row, number) == (1, 3)
    assert found.startswith(error)


def test_parquet_keeps_types_and_may_begin_in_the_middle(tmp_path):
    table = pa.table(
        {
            "formula": pa.array(["Li2O", None, " ", "Li2S", "LiF"], pa.large_string()),
            "n": pa.array([1, 2, 3, 4, None], pa.int8()),
            "kind": pa.array(["a", "b", "a", "b", "c"]).dictionary_encode(),
        }
    )
    path = tmp_path / "in.parquet"
    parquet.write_table(table, path, row_group_size=2)
    source = open_input(path)
    assert source.about_rows == 5
    assert source.own.field("n").type == pa.int8()
    good = [(0, None, "Li2O", 1, "a"), (3, None, "Li2S", 4, "b"), (4, None, "LiF", None, "c")]
    for chunk_rows in (1, 2, 3, 5, 9):
        assert read(source, chunk_rows) == (
            good, [(1, None, "no formula"), (2, None, "no formula")]
        )  # fmt: skip
    assert read(source, 3, first=1) == (good[1:], [])
    assert read(source, 3, first=2) == ([], [])


def test_formulas_of_a_parquet_file_may_be_categories(tmp_path):
    parquet.write_table(
        pa.table({"formula": pa.array(["Li2O", "Li2O"]).dictionary_encode()}),
        tmp_path / "a.parquet",
    )
    assert [row[2] for row in read(open_input(tmp_path / "a.parquet"))[0]] == ["Li2O", "Li2O"]


def test_a_recipe_gives_its_candidates(tmp_path):
    source = open_input(write(tmp_path, "in.toml", RECIPE))
    rows, bad = read(source, chunk_rows=2)
    assert source.own.names == ["parent", "recipe", "substitution"]
    assert source.about_rows == len(rows) == 5
    assert rows[1] == (1, None, "Li6PS5Cl0.75Br0.25", "Li6PS5Cl", "argyrodites", "Cl->Br x=0.25")
    assert not bad
    assert read(source, 2, first=1)[0] == rows[2:]


def test_the_digest_of_a_recipe_is_that_of_what_it_says(tmp_path):
    digest = open_input(write(tmp_path, "a.toml", RECIPE)).sha256
    assert open_input(write(tmp_path, "b.toml", "# mine\n" + RECIPE)).sha256 == digest
    other = RECIPE.replace("0.25", "0.5")
    assert open_input(write(tmp_path, "c.toml", other)).sha256 != digest


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.jsonl"])
def test_lines_may_begin_in_the_middle(tmp_path, name):
    text = {
        "in.txt": "Li2O\nLi2S\nLiF\n",
        "in.csv": "formula\nLi2O\nLi2S\nLiF\n",
        "in.jsonl": '{"formula": "Li2O"}\n{"formula": "Li2S"}\n{"formula": "LiF"}\n',
    }[name]
    source = open_input(write(tmp_path, name, text))
    assert read(source, 2, first=1)[0] == read(source, 2)[0][2:]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("in.csv", "a,b\n1,2\n", r"no column 'formula'; its columns are 'a', 'b'.*--formula-col"),
        ("in.csv", "", "is empty"),
        ("in.csv", '"formula\n', "the header cannot be read"),
        ("in.csv", "formula,a,a\n", "'a' stands twice"),
        ("in.jsonl", '{"a": 1}\n', "no column 'formula'; its columns are 'a'"),
        ("in.parquet", "PAR1 and no more", "no whole Parquet file"),
        ("in.xlsx", "", r"expected one of \.csv"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_remedy(tmp_path, name, text, message):
    with pytest.raises(ScreenInputError, match=message):
        open_input(write(tmp_path, name, text))


def test_other_refusals(tmp_path):
    with pytest.raises(ScreenInputError, match="does not exist"):
        open_input(tmp_path / "none.csv")
    with pytest.raises(ScreenInputError, match="leave --formula-column out"):
        open_input(write(tmp_path, "in.txt", "Li2O\n"), "formula")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ScreenInputError, match="no regular file"):
        open_input(tmp_path / "folder.csv")
    path = tmp_path / "numbers.parquet"
    parquet.write_table(pa.table({"formula": [1, 2]}), path)
    with pytest.raises(ScreenInputError, match="holds int64, expected texts"):
        open_input(path)
    with pytest.raises(ScreenInputError, match="more than 1000 different keys"):
        open_input(write(tmp_path, "in.jsonl", json.dumps(dict.fromkeys(map(str, range(1001))))))


def test_a_parquet_file_that_is_cut_off_is_refused_before_anything_is_done(tmp_path):
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table({"formula": ["Li2O"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ScreenInputError, match="may be cut off or damaged"):
        open_input(path)


def test_a_parquet_file_damaged_within_gives_what_comes_before(tmp_path):
    path = tmp_path / "in.parquet"
    formulas = [f"Li{i}O{j}" for i in range(1, 101) for j in range(1, 101)]
    parquet.write_table(
        pa.table({"formula": formulas}), path, row_group_size=2000, use_dictionary=False,
        compression="snappy",
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    start = parquet.read_metadata(path).row_group(3).column(0).data_page_offset
    data[start : start + 2000] = bytes(2000)
    path.write_bytes(data)
    chunks = open_input(path).chunks(1000)
    assert [next(chunks).n_rows for _ in range(6)] == [1000] * 6
    with pytest.raises(ScreenInputError, match="row 6000 or one soon after it cannot be read"):
        next(chunks)
