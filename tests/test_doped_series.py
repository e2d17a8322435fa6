"""Doped series: neutral, followed step by step, and moved by rounding."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse import doped_series
from mlsse.bundle import champion
from mlsse.charges import is_charge_balanced
from mlsse.formulas import Formula, parse_formula
from mlsse.windows import window


@pytest.fixture(scope="module")
def model():
    return champion()


@pytest.fixture(scope="module")
def series():
    return {one.name: one for one in doped_series.read_series("doped_series.csv")}


@pytest.fixture(scope="module")
def unseen():
    return {one.name: one for one in doped_series.read_series("unseen_series.csv")}


def test_series_are_neutral_all_the_way(series, unseen):
    assert (len(series), len(unseen)) == (200, 157)
    for one in (*series.values(), *unseen.values()):
        assert one.compensation == one.ion
        assert one.site in parse_formula(one.host).amounts
        for x in (0.0, 0.05, 0.25, 0.5):
            amounts = one.amounts(x)
            assert min(amounts.values()) >= 0
            assert amounts[one.ion] > 0.4
            present = {symbol: amount for symbol, amount in amounts.items() if amount}
            assert is_charge_balanced(Formula(one.name, present)) is True, (one, x)


def test_series_cover_the_families(series, unseen):
    families = [one.family for one in series.values()]
    assert set(families) == {
        "garnet", "NASICON", "argyrodite", "LGPS", "thiophosphate", "halide", "perovskite",
        "LISICON", "antiperovskite", "simple oxide", "sodium sulfide", "sodium NASICON",
        "sodium halide",
    }  # fmt: skip
    assert max(map(families.count, families)) <= 24
    assert len({one.host for one in unseen.values()}) == 58


def test_no_host_is_in_both_tables(series, unseen):
    ours, others = (
        {parse_formula(one.host).reduced_formula for one in some.values()}
        for some in (series, unseen)
    )
    assert not ours & others


def test_amounts_of_a_series(series):
    found = series["Li7La3Zr2O12, Al for Li"].amounts(0.25)
    assert found == pytest.approx({"Li": 6.25, "La": 3, "Zr": 2, "O": 12, "Al": 0.25})
    found = series["Li6PS5Cl, Cl for S"].amounts(0.5)
    assert found == pytest.approx({"Li": 5.5, "P": 1, "S": 4.5, "Cl": 1.5})
    found = series["Li3PO4, N for O"].amounts(0.5)
    assert found == pytest.approx({"Li": 3.5, "P": 1, "O": 3.5, "N": 0.5})


def test_series_count_what_jumps_and_what_collapses(model, series):
    names = ("Li3PO4, S for O", "Li7La3Zr2O12, Ti for Zr", "Li3PS4, Cl for S")
    some = [series[name] for name in names]
    doping = (0.0, 0.25, 0.5)
    figures = doped_series.follow_series(model, some, doping)
    assert (figures["n_steps"], figures["n_windows"]) == (2 * len(some), 3 * len(some))
    jumps = collapsed = 0
    for one in some:
        windows = [window(Formula("", {s: a for s, a in one.amounts(x).items() if a}), one.ion)
                   for x in doping]  # fmt: skip
        limits = np.array([(w.reduction_limit_v, w.oxidation_limit_v) for w in windows])
        jumped = np.abs(np.diff(limits, axis=0)).max(axis=1) > 0.3
        narrow = limits[:, 1] - limits[:, 0] < 0.05
        jumps, collapsed = jumps + jumped.sum(), collapsed + narrow.sum()
        assert figures["jumps"].get(one.name, {"n": 0})["n"] == jumped.sum()
        assert figures["collapsed"].get(one.name, {"x": []})["x"] == [
            x for x, is_narrow in zip(doping, narrow, strict=True) if is_narrow
        ]
    assert jumps > 0
    assert collapsed > 0
    assert (figures["n_jumps"], figures["n_collapsed"]) == (jumps, collapsed)
    assert figures["n_collapsed_flagged"] == collapsed
    assert figures["jumps_percent"] == pytest.approx(100 * jumps / figures["n_steps"])


def test_rounding_lists_what_moved(model, series):
    figures = doped_series.rounding(model, list(series.values()), n=40)
    assert figures["n"] == 40
    assert figures["n_moved"] == len(figures["moved"])
    assert figures["kept_percent"] == pytest.approx(100 - 2.5 * figures["n_moved"])
    assert figures["kept_percent"] >= 90
    assert doped_series.rounding(model, list(series.values()), n=40) == figures


def test_rounding_that_moves_a_limit_is_seen(model, series, monkeypatch):
    monkeypatch.setattr(doped_series, "_DECIMALS", 0)
    figures = doped_series.rounding(model, [series["Li7La3Zr2O12, Ta for Zr"]], n=5)
    assert figures["n_moved"] > 0
    changes = [row["change_v"] for row in figures["moved"]]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] == figures["max_change_v"] > 0.05
    row = figures["moved"][0]
    exact, rounded = window(row["formula"]), window(row["rounded"])
    expected = max(
        abs(exact.reduction_limit_v - rounded.reduction_limit_v),
        abs(exact.oxidation_limit_v - rounded.oxidation_limit_v),
    )
    assert row["change_v"] == pytest.approx(expected, abs=1e-3)
