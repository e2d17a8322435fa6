"""Protocols of the hull benchmark, each on a few compounds."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mlsse import benchmarks, hull_benchmarks
from mlsse.bundle import champion
from mlsse.datasets import load_dataset
from mlsse.speed import generated_formulas
from mlsse.thermodynamics import hull

FEW = ("Li2O", "Li3PO4", "LiCoO2", "Li7La3Zr2O12", "Na3SbS4", "NaCl", "Al2O3", "LiTiO2")


@pytest.fixture(scope="module")
def model():
    return champion()


def own_energies(texts):
    return np.array([hull(text).decomposition_energy_ev_per_atom for text in texts])


def test_decomposition_energies_are_those_of_hull(model):
    figures = hull_benchmarks.decomposition_energy(model.phases, FEW, own_energies(FEW))
    assert figures["n"] == len(FEW)
    assert figures["max_mev"] < 1e-6
    assert (figures["within_1mev"], figures["n_flipped"], figures["flipped"]) == (1.0, 0, {})
    assert figures["compounds_per_second"] == pytest.approx(len(FEW) / figures["seconds"])


def test_differences_and_flipped_labels_are_counted(model):
    energies = own_energies(FEW)
    published = energies + 1e-3 * np.array([0.5, -0.5, 0, 0, 0, 0, 0, 0])
    published[7] = -np.sign(energies[7]) * 0.0015
    figures = hull_benchmarks.decomposition_energy(model.phases, FEW, published)
    assert figures["within_1mev"] == 7 / 8
    assert figures["max_mev"] == pytest.approx(1e3 * abs(energies[7] - published[7]))
    assert figures["flipped"] == pytest.approx({"LiTiO2": 1e3 * published[7]})
    assert (figures["n_flipped"], figures["max_flipped_mev"]) == (1, pytest.approx(1.5))


def test_a_formula_that_is_no_reference_phase_is_refused(model):
    with pytest.raises(LookupError, match="Li4Co3O9"):
        hull_benchmarks.decomposition_energy(model.phases, ["Li4Co3O9"], np.zeros(1))


@pytest.mark.mirror
def test_published_decomposition_energies(model):
    table = load_dataset("critexam").sample(500, random_state=0)
    published = table["decomposition_energy_ev_per_atom"].to_numpy()
    figures = hull_benchmarks.decomposition_energy(
        model.phases, table["formula"].tolist(), published
    )
    assert figures["n"] == 500
    assert figures["median_mev"] < 1e-3
    assert figures["within_1mev"] > 0.98
    assert figures["max_mev"] < 6
    assert figures["max_flipped_mev"] < 2


def test_rate_beside_pymatgen(model):
    figures = hull_benchmarks.rate(model.phases, FEW, n_pymatgen=3)
    assert (figures["n"], figures["n_pymatgen"]) == (len(FEW), 3)
    assert figures["max_abs_difference_ev_per_atom"] < 1e-9
    assert figures["ratio"] > 1
    assert figures["ratio"] == pytest.approx(
        figures["ours_on_same_per_second"] / figures["pymatgen_compounds_per_second"]
    )


def test_timing_of_known_and_new_questions(model):
    texts = ["Li3PO4", *generated_formulas(2)]
    figures = hull_benchmarks.timing(model, texts, ["Li3PS4", "Li3YCl6"], ["LCO"], repeats=3)
    assert (figures["n_formulas"], figures["n_pairs"]) == (3, 2)
    for name in ("hull", "window", "interface"):
        assert 0.01 < figures[f"{name}_ms"] < 1000
        assert 0.01 < figures[f"{name}_new_ms"] <= figures[f"{name}_slowest_new_ms"]


def test_the_benchmark_runs_to_plain_numbers(monkeypatch):
    table = pd.DataFrame({"formula": FEW, "decomposition_energy_ev_per_atom": own_energies(FEW)})
    monkeypatch.setattr(hull_benchmarks, "load_dataset", lambda name: table)
    monkeypatch.setattr(hull_benchmarks, "predict_fresh", lambda texts: {"n": len(texts)})
    for name, value in (
        ("_N_RATE", 4), ("_N_PYMATGEN_RATE", 1), ("_N_TIMED", 1), ("_REPEATS", 1),
        ("_N_PREDICTED", 3), ("_TIMED_PARTNERS", ("LFP",)),
    ):  # fmt: skip
        monkeypatch.setattr(hull_benchmarks, name, value)
    record = benchmarks.run("hull")
    assert record["benchmark"] == "hull"
    assert set(record["protocols"]) == {"decomposition_energy", "rate", "timing", "predict_3"}
    assert json.loads(json.dumps(record, allow_nan=False)) == record
