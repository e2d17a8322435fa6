"""Protocols of hulls, windows and interfaces, each on a few items."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mlsse import benchmarks
from mlsse import thermodynamic_benchmarks as thermo
from mlsse.bundle import champion
from mlsse.charges import is_charge_balanced
from mlsse.datasets import load_dataset
from mlsse.formulas import Formula, parse_formula
from mlsse.speed import generated_formulas
from mlsse.thermodynamics import hull
from mlsse.windows import window

FEW = ("Li2O", "Li3PO4", "LiCoO2", "Li7La3Zr2O12", "Na3SbS4", "NaCl", "Al2O3", "LiTiO2")


@pytest.fixture(scope="module")
def model():
    return champion()


@pytest.fixture(scope="module")
def series():
    return {one.name: one for one in thermo.read_series()}


def own_energies(texts):
    return np.array([hull(text).decomposition_energy_ev_per_atom for text in texts])


def test_decomposition_energies_are_those_of_hull(model):
    figures = thermo.decomposition_energy(model.phases, FEW, own_energies(FEW))
    assert figures["n"] == len(FEW)
    assert figures["max_mev"] < 1e-6
    assert (figures["within_1mev"], figures["n_flipped"], figures["flipped"]) == (1.0, 0, {})
    assert figures["compounds_per_second"] == pytest.approx(len(FEW) / figures["seconds"])


def test_differences_and_flipped_labels_are_counted(model):
    energies = own_energies(FEW)
    published = energies + 1e-3 * np.array([0.5, -0.5, 0, 0, 0, 0, 0, 0])
    published[7] = -np.sign(energies[7]) * 0.0015
    figures = thermo.decomposition_energy(model.phases, FEW, published)
    assert figures["within_1mev"] == 7 / 8
    assert figures["max_mev"] == pytest.approx(1e3 * abs(energies[7] - published[7]))
    assert figures["flipped"] == pytest.approx({"LiTiO2": 1e3 * published[7]})
    assert (figures["n_flipped"], figures["max_flipped_mev"]) == (1, pytest.approx(1.5))


def test_a_formula_that_is_no_reference_phase_is_refused(model):
    with pytest.raises(LookupError, match="Li4Co3O9"):
        thermo.decomposition_energy(model.phases, ["Li4Co3O9"], np.zeros(1))


@pytest.mark.mirror
def test_published_decomposition_energies(model):
    table = load_dataset("critexam").sample(500, random_state=0)
    published = table["decomposition_energy_ev_per_atom"].to_numpy()
    figures = thermo.decomposition_energy(model.phases, table["formula"].tolist(), published)
    assert figures["n"] == 500
    assert figures["median_mev"] < 1e-3
    assert figures["within_1mev"] > 0.98
    assert figures["max_mev"] < 6
    assert figures["max_flipped_mev"] < 2


def test_rate_beside_pymatgen(model):
    figures = thermo.rate(model.phases, FEW, n_pymatgen=3)
    assert (figures["n"], figures["n_pymatgen"]) == (len(FEW), 3)
    assert figures["max_abs_difference_ev_per_atom"] < 1e-9
    assert figures["ratio"] > 1
    assert figures["ratio"] == pytest.approx(
        figures["ours_on_same_per_second"] / figures["pymatgen_compounds_per_second"]
    )


def test_timing_of_known_and_new_questions(model):
    texts = ["Li3PO4", *generated_formulas(2)]
    figures = thermo.timing(model, texts, ["Li3PS4", "Li3YCl6"], ["LCO"], repeats=3)
    assert (figures["n_formulas"], figures["n_pairs"]) == (3, 2)
    for name in ("hull", "window", "interface"):
        assert 0.01 < figures[f"{name}_ms"] < 1000
        assert 0.01 < figures[f"{name}_new_ms"] <= figures[f"{name}_slowest_new_ms"]


def test_a_forgetful_model_answers_the_same_and_knows_no_system(model):
    fresh = thermo._forgetful(model)
    assert hull("Li6.5PS5.5Cl", model=fresh) == hull("Li6.5PS5.5Cl", model=model)
    assert fresh.phases is not model.phases
    assert fresh.sessions is model.sessions


def test_published_windows_keep_their_rows_and_explain_misses(model):
    figures = thermo.published_windows(model)
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
    miss = thermo.published_windows(model)["windows"]["Li4Ti5O12"]["misses"]["oxidation"]
    assert "Li7Ti10O24" in miss["reaction"]
    assert miss["without"]["Li7Ti10O24"] == pytest.approx(3.71, abs=0.05)


def test_random_compounds_are_stable_and_repeatable(model):
    rows = thermo.random_compounds(model, "Na", 15, n_elements=(3, 4))
    assert len(set(rows)) == 15
    assert rows == thermo.random_compounds(model, "Na", 15, n_elements=(3, 4))
    for row in rows:
        amounts = model.phases.amounts(row)
        assert "Na" in amounts
        assert 3 <= len(amounts) <= 4
        assert hull(Formula("", amounts)).e_hull_ev_per_atom < 1e-3


def test_windows_are_those_of_pymatgen(model):
    rows = thermo.random_compounds(model, "Li", 12, n_elements=(2, 4))
    figures = thermo.pymatgen_windows(model, "Li", rows)
    assert figures["n"] == 12
    for name in ("same_mean", "strict"):
        assert figures[name]["n_within_2mv"] == 12
        assert figures[name]["max_mv"] < 0.1
    assert figures["limits_and_strict"]["median_mv"] < 2


def test_pymatgen_reads_a_step_of_a_small_part(model):
    # The first 0.0027 ions for one atom of Li2AlB5O10 are taken up at a higher voltage.
    row = model.phases.find(parse_formula("Li2AlB5O10"))
    figures = thermo.pymatgen_windows(model, "Li", [row])
    assert figures["same_mean"]["max_mv"] < 0.1
    assert figures["strict"]["max_mv"] < 0.1
    assert figures["limits_and_strict"]["max_mv"] > 100
    assert figures["limits_and_strict"]["n_within_2mv"] == 0


def test_doped_series_are_neutral_and_cover_the_families(series):
    assert len(series) == 200
    families = [one.family for one in series.values()]
    assert set(families) == {
        "garnet", "NASICON", "argyrodite", "LGPS", "thiophosphate", "halide", "perovskite",
        "LISICON", "antiperovskite", "simple oxide", "sodium sulfide", "sodium NASICON",
        "sodium halide",
    }  # fmt: skip
    assert max(map(families.count, families)) <= 24
    for one in series.values():
        assert one.compensation == one.ion
        assert one.site in parse_formula(one.host).amounts
        for x in (0.0, 0.05, 0.25, 0.5):
            amounts = one.amounts(x)
            assert min(amounts.values()) >= 0
            assert amounts[one.ion] > 0.4
            present = {symbol: amount for symbol, amount in amounts.items() if amount}
            assert is_charge_balanced(Formula(one.name, present)) is True, (one, x)


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
    figures = thermo.doped_series(model, some, doping)
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
    figures = thermo.rounding(model, list(series.values()), n=40)
    assert figures["n"] == 40
    assert figures["n_moved"] == len(figures["moved"])
    assert figures["kept_percent"] == pytest.approx(100 - 2.5 * figures["n_moved"])
    assert figures["kept_percent"] >= 90
    assert thermo.rounding(model, list(series.values()), n=40) == figures


def test_rounding_that_moves_a_limit_is_seen(model, series, monkeypatch):
    monkeypatch.setattr(thermo, "_DECIMALS", 0)
    figures = thermo.rounding(model, [series["Li7La3Zr2O12, Ta for Zr"]], n=5)
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


def test_interfaces_are_those_of_pymatgen(model):
    figures = thermo.pymatgen_interfaces(
        model, ["Li3PS4", "Li1.3Al0.3Ti1.7(PO4)3"], ["LCO", "lithium"]
    )
    assert figures["n"] == 4
    assert figures["max_abs_difference_ev_per_atom"] < 1e-6
    assert figures["pymatgen_reaction_ms"] < figures["pymatgen_ms"]
    assert figures["ratio"] == pytest.approx(figures["pymatgen_ms"] / figures["ms"])


def test_orders_of_reactions(model):
    figures = thermo.orders(model, ["Li7La3Zr2O12", *thermo._SULFIDES], thermo._PARTNERS)
    energies = figures["mev_per_atom"]
    assert all(energy <= 0 for row in energies.values() for energy in row.values())
    assert figures["garnet_reacts_least_with_lco"] is True
    ratios = [energies[s]["LCO"] / energies["Li7La3Zr2O12"]["LCO"] for s in thermo._SULFIDES]
    assert figures["min_ratio_of_sulfides_to_garnet"]["LCO"] == pytest.approx(min(ratios))
    assert min(ratios) >= 5


def test_known_products(model):
    figures = thermo.products(model)
    assert len(figures) == 3
    for found in figures.values():
        assert found["as_expected"] is True
    assert figures["Na3SbS4 with sodium"]["reaction"].endswith("0.4444 Na2S + 0.1111 Na3Sb")


def test_benchmarks_run_to_plain_numbers(monkeypatch):
    table = pd.DataFrame({"formula": FEW, "decomposition_energy_ev_per_atom": own_energies(FEW)})
    monkeypatch.setattr(thermo, "load_dataset", lambda name: table)
    monkeypatch.setattr(thermo, "predict_fresh", lambda texts: {"n": len(texts)})
    series = thermo.read_series()[::50]
    monkeypatch.setattr(thermo, "read_series", lambda: series)
    for name, value in (
        ("_N_RATE", 4), ("_N_PYMATGEN_RATE", 1), ("_N_TIMED", 1), ("_REPEATS", 1),
        ("_N_PREDICTED", 3), ("_N_PYMATGEN_WINDOWS", 2), ("_DOPING", (0.0, 0.1)),
        ("_N_ROUNDED", 3), ("_N_COMPARED", 1), ("_TIMED_PARTNERS", ("LFP",)),
    ):  # fmt: skip
        monkeypatch.setattr(thermo, name, value)
    expected = {
        "hull": {"decomposition_energy", "rate", "timing", "predict_3"},
        "windows": {"published", "pymatgen", "series", "rounding"},
        "interfaces": {"pymatgen", "orders", "products"},
    }
    for name, protocols in expected.items():
        record = benchmarks.run(name)
        assert record["benchmark"] == name
        assert set(record["protocols"]) == protocols
        assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert benchmarks.run("windows")["protocols"]["series"]["n_series"] == len(series)
