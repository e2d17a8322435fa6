"""Protocols of the windows benchmark, each on a few compounds."""

from __future__ import annotations

import json

import pytest

from mlsse import benchmarks, window_benchmarks
from mlsse.bundle import champion
from mlsse.doped_series import read_series
from mlsse.formulas import Formula, parse_formula
from mlsse.thermodynamics import hull
from mlsse.windows import window


@pytest.fixture(scope="module")
def model():
    return champion()


def test_published_windows_keep_their_rows_and_explain_misses(model):
    figures = window_benchmarks.published_windows(model)
    windows = figures["windows"]
    assert figures["n"] == len(windows) == 20
    assert figures["n_within"] == sum(row["within"] for row in windows.values()) >= 16
    for formula, row in windows.items():
        found = window(formula)
        tolerance = 0.17 if row["class"] == "sulfide" else 0.05
        differences = {}
        for name in ("reduction", "oxidation"):
            assert row[name]["ours"] == getattr(found, f"{name}_limit_v")
            differences[name] = row[name]["ours"] - row[name]["published"]
            assert row[name]["difference"] == differences[name]
        missed = {name for name, d in differences.items() if abs(d) > tolerance}
        assert row["within"] is not bool(missed)
        assert set(row.get("misses", ())) == missed
        for name in missed:
            miss = row["misses"][name]
            assert miss["reaction"] == getattr(found, f"{name}_reaction")
            assert miss["without"]
    assert windows["Li3PO4"]["oxidation"]["published"] == 4.21


def test_the_phase_behind_a_miss_is_found_by_leaving_it_out(model):
    # Li4Ti5O12 turns to Li7Ti10O24, which the published work of 2015 did not know.
    miss = window_benchmarks.published_windows(model)["windows"]["Li4Ti5O12"]["misses"]["oxidation"]
    assert "Li7Ti10O24" in miss["reaction"]
    assert miss["without"]["Li7Ti10O24"] == pytest.approx(3.71, abs=0.05)


def test_random_compounds_are_stable_and_repeatable(model):
    rows = window_benchmarks.random_compounds(model, "Na", 15, n_elements=(3, 4))
    assert len(set(rows)) == 15
    assert rows == window_benchmarks.random_compounds(model, "Na", 15, n_elements=(3, 4))
    for row in rows:
        amounts = model.phases.amounts(row)
        assert "Na" in amounts
        assert 3 <= len(amounts) <= 4
        assert hull(Formula("", amounts)).e_hull_ev_per_atom < 1e-3


def test_windows_are_those_of_pymatgen(model):
    rows = window_benchmarks.random_compounds(model, "Li", 12, n_elements=(2, 4))
    figures = window_benchmarks.pymatgen_windows(model, "Li", rows)
    assert figures["n"] == 12
    for name in ("same_mean", "strict"):
        assert figures[name]["n_within_2mv"] == 12
        assert figures[name]["max_mv"] < 0.1
    assert figures["limits_and_strict"]["median_mv"] < 2


def test_pymatgen_reads_a_step_of_a_small_part(model):
    # The first 0.0027 ions for one atom of Li2AlB5O10 are taken up at a higher voltage.
    row = model.phases.find(parse_formula("Li2AlB5O10"))
    figures = window_benchmarks.pymatgen_windows(model, "Li", [row])
    assert figures["same_mean"]["max_mv"] < 0.1
    assert figures["strict"]["max_mv"] < 0.1
    assert figures["limits_and_strict"]["max_mv"] > 100
    assert figures["limits_and_strict"]["n_within_2mv"] == 0


def test_the_benchmark_runs_to_plain_numbers(monkeypatch):
    monkeypatch.setattr(window_benchmarks, "read_series", lambda name: read_series(name)[::50])
    for name, value in (("_N_PYMATGEN", 2), ("DOPING", (0.0, 0.1)), ("_N_ROUNDED", 3)):
        monkeypatch.setattr(window_benchmarks, name, value)
    record = benchmarks.run("windows")
    assert record["benchmark"] == "windows"
    assert set(record["protocols"]) == {
        "published", "pymatgen", "series", "unseen_series", "rounding",
    }  # fmt: skip
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["protocols"]["series"]["n_series"] == 4
    assert record["protocols"]["unseen_series"]["n_series"] == 4
