"""Reactions at interfaces beside pymatgen, the order of the literature, and known products."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

from threadpoolctl import threadpool_limits

from mlsse.benchmark_tools import (
    ELECTROLYTES,
    GARNET,
    SULFIDES,
    Protocols,
    forgetful,
    milliseconds,
    pymatgen_composition,
    pymatgen_entries,
)
from mlsse.bundle import Model, champion
from mlsse.formulas import parse_formula
from mlsse.interfaces import Interface, interface
from mlsse.windows import Window, window

_log = logging.getLogger(__name__)

# Sizes of the protocols.
_N_COMPARED, _N_ORDERED = 10, 6
_PARTNERS = ("LCO", "LFP", "LMO", "NMC811", "lithium")
_LAYERED = ("LCO", "NMC811")


def interface_protocols() -> Protocols:
    """Run all protocols of the interfaces benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``pymatgen``, ``orders`` and ``products`` by name.
    """
    model = champion()
    with threadpool_limits(1, user_api="blas"):
        return {
            "pymatgen": pymatgen_interfaces(model, ELECTROLYTES[:_N_COMPARED], _PARTNERS),
            "orders": orders(model, ELECTROLYTES[:_N_ORDERED], _PARTNERS),
            "products": products(model),
        }


def pymatgen_interfaces(
    model: Model, electrolytes: Sequence[str], partners: Sequence[str]
) -> dict[str, Any]:
    """Compare reaction energies with those of pymatgen's ``InterfacialReactivity``.

    Both at open circuit with both materials at their hull energy; pymatgen gets its entries
    ready made.

    Parameters
    ----------
    model : Model
    electrolytes, partners : sequence of str
        Each with each.

    Returns
    -------
    dict
        ``n``, ``max_abs_difference_ev_per_atom`` and the pair of the ``largest``; medians of
        the times ``ms`` (no chemical system met before), ``pymatgen_ms`` (phase diagram
        included) and ``pymatgen_reaction_ms`` (without it), and the ``ratio`` of the first two.
    """
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    differences, ours, theirs, theirs_alone = {}, [], [], []
    for one in electrolytes:
        _log.info("pymatgen: %s with %d partners", one, len(partners))
        for other in partners:
            found = _interface(one, other, model)
            ours.append(milliseconds(interface, (one, other), forgetful(model)))
            formulas = [parse_formula(text) for text in (found.first, found.second)]
            system = model.phases.system(model.phases.elements_of(*formulas))
            entries = pymatgen_entries(model.phases, system)
            compositions = [pymatgen_composition(formula) for formula in formulas]
            start = perf_counter()
            diagram = PhaseDiagram(entries)
            built = perf_counter()
            reaction = InterfacialReactivity(
                compositions[0], compositions[1], diagram, use_hull_energy=True
            )
            energy = min(kink[2] for kink in reaction.get_kinks())
            done = perf_counter()
            theirs.append(1e3 * (done - start))
            theirs_alone.append(1e3 * (done - built))
            differences[f"{one}, {other}"] = abs(found.reaction_energy_ev_per_atom - energy)
    largest = max(differences, key=differences.__getitem__)
    return {
        "n": len(differences),
        "max_abs_difference_ev_per_atom": float(differences[largest]),
        "largest": largest,
        "ms": median(ours),
        "pymatgen_ms": median(theirs),
        "pymatgen_reaction_ms": median(theirs_alone),
        "ratio": median(theirs) / median(ours),
    }


def orders(model: Model, electrolytes: Sequence[str], partners: Sequence[str]) -> dict[str, Any]:
    """Rank reactions as the literature does.

    Parameters
    ----------
    model : Model
    electrolytes : sequence of str
        With garnet and sulfides.
    partners : sequence of str
        With LCO, LFP, LMO and NMC811.

    Returns
    -------
    dict
        ``mev_per_atom``, reaction energies by electrolyte and partner;
        ``garnet_reacts_least_with_lco`` of LCO, LFP and LMO; and by layered oxide how many
        times as strongly as garnet the least reactive sulfide reacts,
        ``min_ratio_of_sulfides_to_garnet`` (None where garnet does not react at all).
    """
    energies = {
        one: {
            other: 1e3 * _interface(one, other, model).reaction_energy_ev_per_atom
            for other in partners
        }
        for one in electrolytes
    }
    garnet = energies[GARNET]
    return {
        "mev_per_atom": energies,
        "garnet_reacts_least_with_lco": garnet["LCO"] > max(garnet["LFP"], garnet["LMO"]),
        "min_ratio_of_sulfides_to_garnet": {
            # Energies below zero: the greatest is that of the sulfide that reacts least.
            oxide: max(energies[sulfide][oxide] for sulfide in SULFIDES) / garnet[oxide]
            if garnet[oxide]
            else None
            for oxide in _LAYERED
        },
    }


def products(model: Model) -> dict[str, Any]:
    """Reactions whose products are known.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        ``reaction`` and ``as_expected`` of Na3SbS4 beside sodium, Li10GeP2S12 beside plenty of
        lithium, and Li7La3Zr2O12 oxidised.
    """
    sodium = _interface("Na3SbS4", "sodium", model)
    lithium = _interface("Li10GeP2S12", "lithium", model)
    garnet = window(GARNET, model=model)
    assert isinstance(garnet, Window)
    beside_lithium = set(lithium.kinks[1].products)
    alloys = [set(parse_formula(name).amounts) == {"Li", "Ge"} for name in beside_lithium]
    oxides = {"Li2O2", "Li6Zr2O7", "La2O3"}
    return {
        "Na3SbS4 with sodium": {
            "reaction": sodium.reaction,
            "as_expected": set(sodium.products) == {"Na2S", "Na3Sb"},
        },
        "Li10GeP2S12 with lithium": {
            "reaction": lithium.excess_reaction,
            "as_expected": beside_lithium >= {"Li3P", "Li2S"} and any(alloys),
        },
        "Li7La3Zr2O12 oxidised": {
            "reaction": garnet.oxidation_reaction,
            "as_expected": set(garnet.oxidation_products) == oxides,
        },
    }


def _interface(first: str, second: str, model: Model) -> Interface:
    found = interface(first, second, model=model)
    assert isinstance(found, Interface)
    return found
