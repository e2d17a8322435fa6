"""Protocols of the interfaces benchmark, each on a few pairs."""

from __future__ import annotations

import json

import pytest

from mlsse import benchmarks, interface_benchmarks
from mlsse.benchmark_tools import GARNET, SULFIDES
from mlsse.bundle import champion


@pytest.fixture(scope="module")
def model():
    return champion()


def test_interfaces_are_those_of_pymatgen(model):
    figures = interface_benchmarks.pymatgen_interfaces(
        model, ["Li3PS4", "Li1.3Al0.3Ti1.7(PO4)3"], ["LCO", "lithium"]
    )
    assert figures["n"] == 4
    assert figures["max_abs_difference_ev_per_atom"] < 1e-6
    assert figures["pymatgen_reaction_ms"] < figures["pymatgen_ms"]
    assert figures["ratio"] == pytest.approx(figures["pymatgen_ms"] / figures["ms"])


def test_orders_of_reactions(model):
    figures = interface_benchmarks.orders(
        model, [GARNET, *SULFIDES], interface_benchmarks._PARTNERS
    )
    energies = figures["mev_per_atom"]
    assert all(energy <= 0 for row in energies.values() for energy in row.values())
    assert figures["garnet_reacts_least_with_lco"] is True
    ratios = [energies[s]["LCO"] / energies[GARNET]["LCO"] for s in SULFIDES]
    assert figures["min_ratio_of_sulfides_to_garnet"]["LCO"] == pytest.approx(min(ratios))
    assert min(ratios) >= 5


def test_known_products(model):
    figures = interface_benchmarks.products(model)
    assert len(figures) == 3
    for found in figures.values():
        assert found["as_expected"] is True
    assert figures["Na3SbS4 with sodium"]["reaction"].endswith("0.4444 Na2S + 0.1111 Na3Sb")


def test_the_benchmark_runs_to_plain_numbers(monkeypatch):
    monkeypatch.setattr(interface_benchmarks, "_N_COMPARED", 1)
    record = benchmarks.run("interfaces")
    assert record["benchmark"] == "interfaces"
    assert set(record["protocols"]) == {"pymatgen", "orders", "products"}
    assert json.loads(json.dumps(record, allow_nan=False)) == record
