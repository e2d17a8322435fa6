"""What the benchmarks of hulls, windows and interfaces share: materials, clocks and pymatgen.

All use the reference phases of the shipped model. Where pymatgen answers the same question, it
gets the very same phases and energies.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from copy import copy
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mlsse.bundle import Model
from mlsse.formulas import Formula
from mlsse.paths import resource_folder
from mlsse.phases import ChemicalSystem, PhaseStore
from mlsse.simplex import minimise
from mlsse.thermodynamics import energy_above_hull
from mlsse.windows import Limits, limits

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

#: Metrics by the name of the protocol.
Protocols = dict[str, dict[str, Any]]

GARNET, SULFIDES = "Li7La3Zr2O12", ("Li3PS4", "Li6PS5Cl", "Li10GeP2S12")
ELECTROLYTES = (
    GARNET, *SULFIDES, "Li1.3Al0.3Ti1.7(PO4)3", "Li3YCl6", "Li0.33La0.56TiO3", "Li3PO4",
    "Li2PO2N", "Li3InCl6", "Li7P3S11", "Li6.4La3Zr1.4Ta0.6O12", "Li6.25Al0.25La3Zr2O12",
    "Li1.5Al0.5Ge1.5(PO4)3", "Li5.5PS4.5Cl1.5", "Li4SnS4", "Li9.54Si1.74P1.44S11.7Cl0.3",
    "Li2ZrCl6", "Li3OCl", "Li3.5Ge0.5V0.5O4",
)  # fmt: skip


def read_rows(name: str) -> list[dict[str, str]]:
    """Rows of a table in the folder ``data``, by column."""
    with (resource_folder("data") / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def milliseconds(answer: Callable[..., object], question: Sequence[str], model: Model) -> float:
    """Time one answer that was not kept from an earlier question."""
    energy_above_hull.cache_clear()
    start = perf_counter()
    answer(*question, model=model)
    return 1e3 * (perf_counter() - start)


def forgetful(model: Model) -> Model:
    """The same model, its trees loaded, which was asked nothing before."""
    _ = model.sessions
    fresh = copy(model)
    fresh.__dict__["phases"] = PhaseStore(**model.phases.arrays())
    return fresh


def reference_row(phases: PhaseStore, formula: Formula) -> int:
    """Row of the reference phase of this very composition.

    Raises
    ------
    LookupError
        If there is none.
    """
    row = phases.find(formula)
    if row is None:
        raise LookupError(f"{formula.text} is no reference phase")
    return row


def without_phase(system: ChemicalSystem, row: int) -> ChemicalSystem:
    """A chemical system as if one of its reference phases, given by its row, did not exist."""
    place = int(np.searchsorted(system.rows, row))
    column = len(system.elements) + place
    return ChemicalSystem(
        system.elements,
        np.delete(system.columns, column, axis=1),
        np.delete(system.energies, column),
        np.delete(system.rows, place),
    )


def window_limits(system: ChemicalSystem, formula: Formula, ion: str) -> Limits:
    """Limits of the window of one formula, without the staircase."""
    target = system.target(formula)
    basis = minimise(system.columns, system.energies, target)
    return limits(system, target[:, None], basis, ion)[0]


def pymatgen_entries(phases: PhaseStore, system: ChemicalSystem) -> list[PDEntry]:
    """The phases of a chemical system, and their energies, as pymatgen takes them."""
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    entries = [PDEntry(Composition(element), 0.0) for element in system.elements]
    for row in system.rows.tolist():
        amounts = phases.amounts(row)
        energy = float(phases.energies[row]) * sum(amounts.values())
        entries.append(PDEntry(Composition(amounts), energy))
    return entries


def pymatgen_composition(formula: Formula) -> Composition:
    """A formula as pymatgen takes it."""
    from pymatgen.core import Composition

    return Composition(formula.amounts)
