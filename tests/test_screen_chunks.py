"""Chunks have a fixed number of input rows, whatever comes in."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mlsse.screen_chunks import exact_tables, own_names, row_input


@pytest.mark.parametrize("sizes", [(10,), (1,) * 10, (3, 7), (0, 4, 0, 6), (9, 1)])
@pytest.mark.parametrize("n_rows", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("n_skipped", [0, 1, 4, 10])
def test_batches_of_any_size_become_tables_of_one_size(sizes, n_rows, n_skipped):
    schema = pa.schema([("i", pa.int64())])
    rows = iter(range(10))
    batches = [pa.record_batch({"i": [next(rows) for _ in range(n)]}, schema) for n in sizes]
    found = [table["i"].to_pylist() for table in exact_tables(batches, n_rows, n_skipped)]
    assert [i for rows in found for i in rows] == list(range(n_skipped, 10))
    assert all(len(rows) == n_rows for rows in found[:-1])
    assert all(found)


def test_rows_are_not_read_further_than_they_are_asked_for():
    taken = []

    def rows():
        for i in range(1000):
            taken.append(i)
            yield i + 1, "Li2O", (), ""

    chunks = row_input("text", "x", None, None, pa.schema([]), None, rows).chunks(10)
    next(chunks)
    assert len(taken) == 10


def test_own_names_are_free():
    assert own_names(["a", "formula", "input_row"]) == ["a", "formula_input", "input_row_input"]
    assert own_names(["formula", "formula_input"]) == ["formula_input_input", "formula_input"]
    assert own_names(["warnings_input", "warnings"]) == ["warnings_input", "warnings_input_input"]
