"""Energies against the hull beside published ones and pymatgen, and the time of single answers.

Times are those of one thread.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlsse.benchmark_tools import (
    ELECTROLYTES,
    Protocols,
    forgetful,
    milliseconds,
    pymatgen_composition,
    pymatgen_entries,
    read_rows,
    reference_row,
    without_phase,
)
from mlsse.bundle import Model, champion
from mlsse.datasets import load_dataset
from mlsse.formulas import Formula, parse_formula
from mlsse.interfaces import interface
from mlsse.phases import ChemicalSystem, PhaseStore
from mlsse.simplex import minimise
from mlsse.speed import generated_formulas, predict_fresh
from mlsse.thermodynamics import hull
from mlsse.windows import window

_log = logging.getLogger(__name__)

# Sizes of the protocols.
_N_RATE, _N_PYMATGEN_RATE = 5_000, 40
_N_TIMED = 40
_TIMED_PARTNERS = ("LCO", "NMC811", "lithium", "LFP")
_REPEATS = 5
_N_PREDICTED = 1_000


def hull_protocols() -> Protocols:
    """Run all protocols of the hull benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``decomposition_energy``, ``rate``, ``timing`` and ``predict_1000`` by name.

    Raises
    ------
    DataUnavailableError
        If the published decomposition energies can be had from nowhere.
    """
    model = champion()
    table = load_dataset("critexam")
    texts = table["formula"].tolist()
    sample = random.Random(0).sample(texts, _N_RATE)
    asked = [*(row["formula"] for row in read_rows("windows.csv")), *generated_formulas(_N_TIMED)]
    with threadpool_limits(1, user_api="blas"):
        protocols = {
            "decomposition_energy": decomposition_energy(
                model.phases, texts, table["decomposition_energy_ev_per_atom"].to_numpy()
            ),
            "rate": rate(model.phases, sample, n_pymatgen=_N_PYMATGEN_RATE),
            "timing": timing(model, asked, ELECTROLYTES, _TIMED_PARTNERS, repeats=_REPEATS),
        }
    _log.info("predict_%d: in a fresh process", _N_PREDICTED)
    protocols[f"predict_{_N_PREDICTED}"] = predict_fresh(generated_formulas(_N_PREDICTED))
    return protocols


def decomposition_energy(
    phases: PhaseStore, texts: Sequence[str], published: NDArray[np.float64]
) -> dict[str, Any]:
    """Compare decomposition energies with published ones.

    Each compound is taken out of its own hull.

    Parameters
    ----------
    phases : PhaseStore
    texts : sequence of str
        Formulas of n reference phases.
    published : ndarray of shape (n,)
        Decomposition energies, eV/atom; at most zero for a stable compound.

    Returns
    -------
    dict
        ``n``; of the absolute differences ``median_mev``, ``p99_mev`` and ``max_mev`` per atom
        and the share ``within_1mev``; ``n_flipped`` compounds that are stable to one side
        alone, ``flipped`` with their published energies in meV, and the largest of those,
        ``max_flipped_mev``; ``seconds`` and ``compounds_per_second``, reading included.
    """
    _log.info("decomposition_energy: %d compounds", len(texts))
    start = perf_counter()
    found = np.array(_decomposition_energies(phases, texts))
    seconds = perf_counter() - start
    differences = 1e3 * np.abs(found - published)
    flipped = np.flatnonzero((found <= 0.0) != (published <= 0.0))
    return {
        "n": len(texts),
        "median_mev": float(np.median(differences)),
        "p99_mev": float(np.quantile(differences, 0.99)),
        "max_mev": float(differences.max()),
        "within_1mev": float((differences <= 1.0).mean()),
        "n_flipped": len(flipped),
        "max_flipped_mev": 1e3 * float(np.abs(published[flipped]).max(initial=0.0)),
        "flipped": {texts[i]: 1e3 * float(published[i]) for i in flipped.tolist()},
        "seconds": seconds,
        "compounds_per_second": len(texts) / seconds,
    }


def rate(phases: PhaseStore, texts: Sequence[str], *, n_pymatgen: int) -> dict[str, Any]:
    """Time decomposition energies, no chemical system known beforehand, beside pymatgen.

    pymatgen gets its entries ready made; the time is that of the phase diagram of the other
    phases and of the hull energy at the compound.

    Parameters
    ----------
    phases : PhaseStore
    texts : sequence of str
        Formulas of reference phases.
    n_pymatgen : int
        How many of them pymatgen gets: the first.

    Returns
    -------
    dict
        ``n``, ``compounds_per_second``; ``n_pymatgen``, ``pymatgen_compounds_per_second`` and
        ``ours_on_same_per_second``, the ``ratio`` of these two, and the greatest difference of
        the energies, ``max_abs_difference_ev_per_atom``.
    """
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    _log.info("rate: %d compounds, pymatgen on %d of them", len(texts), n_pymatgen)

    def ours(some: Sequence[str]) -> tuple[list[float], float]:
        fresh = PhaseStore(**phases.arrays())
        start = perf_counter()
        return _decomposition_energies(fresh, some), perf_counter() - start

    seconds = ours(texts)[1]
    found, seconds_same = ours(texts[:n_pymatgen])
    theirs, their_seconds = [], 0.0
    for text in texts[:n_pymatgen]:
        formula = parse_formula(text)
        row = reference_row(phases, formula)
        entries = pymatgen_entries(phases, _competitors(phases, formula, row))
        composition = pymatgen_composition(formula)
        start = perf_counter()
        energy = PhaseDiagram(entries).get_hull_energy_per_atom(composition)
        their_seconds += perf_counter() - start
        theirs.append(float(phases.energies[row]) - energy)
    return {
        "n": len(texts),
        "compounds_per_second": len(texts) / seconds,
        "n_pymatgen": n_pymatgen,
        "pymatgen_compounds_per_second": n_pymatgen / their_seconds,
        "ours_on_same_per_second": n_pymatgen / seconds_same,
        "ratio": their_seconds / seconds_same,
        "max_abs_difference_ev_per_atom": float(np.abs(np.subtract(found, theirs)).max()),
    }


def timing(
    model: Model,
    texts: Sequence[str],
    electrolytes: Sequence[str],
    partners: Sequence[str],
    *,
    repeats: int,
) -> dict[str, Any]:
    """Time single answers, the model being loaded.

    Parameters
    ----------
    model : Model
    texts : sequence of str
        Lithium compounds for hulls and windows.
    electrolytes, partners : sequence of str
        Each with each for interfaces.
    repeats : int

    Returns
    -------
    dict
        ``n_formulas``, ``n_pairs``, and for ``hull``, ``window`` and ``interface`` medians over
        the formulas: ``_ms`` where the same was asked before, ``_new_ms`` where not even the
        chemical system was met before, and the slowest of these, ``_slowest_new_ms``.
    """
    pairs = [(one, other) for one in electrolytes for other in partners]
    _log.info("timing: %d formulas, %d pairs", len(texts), len(pairs))
    asked: dict[str, tuple[Callable[..., object], Sequence[tuple[str, ...]]]] = {
        "hull": (hull, [(text,) for text in texts]),
        "window": (window, [(text,) for text in texts]),
        "interface": (interface, pairs),
    }
    figures: dict[str, Any] = {"n_formulas": len(texts), "n_pairs": len(pairs)}
    for name, (answer, questions) in asked.items():
        new, warm = [], []
        for question in questions:
            answer(*question, model=model)
            times = [milliseconds(answer, question, model) for _ in range(repeats)]
            warm.append(median(times))
            times = [milliseconds(answer, question, forgetful(model)) for _ in range(repeats)]
            new.append(median(times))
        figures |= {
            f"{name}_ms": median(warm),
            f"{name}_new_ms": median(new),
            f"{name}_slowest_new_ms": max(new),
        }
    return figures


def _decomposition_energies(phases: PhaseStore, texts: Iterable[str]) -> list[float]:
    return [_decomposition_energy(phases, parse_formula(text)) for text in texts]


def _decomposition_energy(phases: PhaseStore, formula: Formula) -> float:
    """Energy of a reference phase against the mixtures of all others, eV/atom."""
    row = reference_row(phases, formula)
    system = _competitors(phases, formula, row)
    target = system.target(formula)
    prices = minimise(system.columns, system.energies, target).prices(system.energies)
    return float(phases.energies[row] - prices @ target)


def _competitors(phases: PhaseStore, formula: Formula, row: int) -> ChemicalSystem:
    """All phases of the elements of a reference phase, also well above the hull, but itself."""
    return without_phase(phases.system(phases.elements_of(formula), whole=True), row)
