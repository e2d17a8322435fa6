"""The trial of killed screens."""

from __future__ import annotations

import pyarrow as pa

from mlsse import screening_fault_benchmark as benchmark


def test_one_candidate_in_a_hundred_is_broken_and_no_other_repeats():
    header, *lines = benchmark.candidates(500)
    assert header == "number,formula"
    assert len(lines) == 500
    whole = [line for line in lines if line.count(",") == 1 and '"' not in line]
    formulas = [line.split(",")[1] for line in whole]
    assert len(set(formulas)) == len(formulas) == 497  # of the five broken, two look whole


def test_tables_are_compared_row_for_row():
    table = pa.table({"input_row": [0, 1]})
    assert benchmark._same((table, ["x"]), (table, ["x"]))
    assert not benchmark._same((table, ["x"]), (table, []))
    assert not benchmark._same((table, []), (table.slice(1), []))


def test_a_screen_that_is_killed_goes_on(monkeypatch):
    monkeypatch.setattr(benchmark, "find_spec", lambda _: None)  # Dask has a test of its own
    found = benchmark.measure(rows=300, chunk_rows=20, moments=2)["killed"]
    assert found["n"] == len(found["n_chunks_done_at_death"]) == 2
    assert found["n_with_equal_tables"] == found["n_with_no_chunk_done_again"] == 2
    assert found["n_with_no_temporary_left"] == 2
    assert (found["n_rows"], found["n_bad_rows"], found["n_chunks"]) == (300, 3, 15)
