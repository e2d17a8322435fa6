"""The thermodynamic columns of the score card, for many formulas at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from mlsse.bundle import Model
from mlsse.formulas import Formula
from mlsse.phases import ChemicalSystem
from mlsse.simplex import Basis, Floats, minimise_many
from mlsse.thermodynamics import mixture, named_amounts
from mlsse.windows import WINDOW_IONS, limits, window_notes

#: Columns that `phase_columns` fills, besides adding to ``warnings``.
PHASE_COLUMNS = (
    "e_hull_ev_per_atom", "e_hull_source", "decomposition_products", "reduction_limit_v",
    "oxidation_limit_v",
)  # fmt: skip
#: Those of them that hold texts; the others are numbers.
PHASE_TEXTS = frozenset({"e_hull_source", "decomposition_products"})

_ON_HULL = 1e-9  # eV/atom


def phase_columns(
    formulas: Sequence[Formula],
    ions: Sequence[str],
    decomposition_energies: Floats,
    model: Model,
) -> tuple[dict[str, list[Any]], list[list[str]]]:
    """Energies above the hull, products and limits of windows.

    Parameters
    ----------
    formulas : sequence of Formula
        n of them.
    ions : sequence of str
        Mobile ion of each. A window is given where it is lithium, sodium or potassium and in
        the formula.
    decomposition_energies : ndarray of shape (n,)
        Those of the models, eV/atom, for what is no reference phase.
    model : Model

    Returns
    -------
    columns : dict of str to list
        `PHASE_COLUMNS`; None where a value is empty. A stable reference phase has no products.
    warnings : list of list of str
        For each formula.
    """
    columns: dict[str, list[Any]] = {name: [None] * len(formulas) for name in PHASE_COLUMNS}
    columns["e_hull_ev_per_atom"] = np.maximum(decomposition_energies, 0.0).tolist()
    columns["e_hull_source"] = ["model"] * len(formulas)
    warnings: list[list[str]] = [[] for _ in formulas]
    phases = model.phases
    systems: dict[tuple[str, ...], list[int]] = {}
    for i, formula in enumerate(formulas):
        missing = phases.without_reference(formula)
        if missing:
            warnings[i].append(
                f"no_reference: no reference phase has {', '.join(missing)}, so neither products "
                "nor window are known"
            )
        else:
            systems.setdefault(phases.elements_of(formula), []).append(i)
    for elements, members in systems.items():
        system = phases.system(elements)
        targets = np.stack([system.target(formulas[i]) for i in members], axis=1)
        for served, basis in minimise_many(system.columns, system.energies, targets):
            of_served = [members[place] for place in served.tolist()]
            for i, amounts in zip(of_served, basis.amounts(targets[:, served]).T, strict=True):
                for name, value in _energies(formulas[i], system, basis, amounts, model).items():
                    columns[name][i] = value
            for ion in WINDOW_IONS:
                asked = [ion == ions[i] and ion in formulas[i].amounts for i in of_served]
                if len(elements) == 1 or not any(asked):
                    continue
                found = limits(system, targets[:, served[asked]], basis, ion)
                for i, window in zip(compress(of_served, asked), found, strict=True):
                    columns["reduction_limit_v"][i] = window.reduction_v
                    columns["oxidation_limit_v"][i] = window.oxidation_v
                    n_atoms = sum(formulas[i].amounts.values())
                    warnings[i] += window_notes(window, n_atoms, ion)
    return columns, warnings


def _energies(
    formula: Formula, system: ChemicalSystem, basis: Basis, amounts: Floats, model: Model
) -> dict[str, Any]:
    """Energy above the hull where it is known, and products where it is not stable."""
    phases = model.phases
    known = phases.find(formula)
    found: dict[str, Any] = {}
    if known is not None or len(formula.amounts) == 1:
        energy = 0.0 if known is None else float(phases.energies[known])
        e_hull = max(0.0, energy - float(system.energies[basis.members] @ amounts))
        found = {"e_hull_ev_per_atom": e_hull, "e_hull_source": "reference"}
        if e_hull <= _ON_HULL:
            return found
    n_atoms = sum(formula.amounts.values())
    products = named_amounts(system, basis, amounts, n_atoms, phases)
    return found | {"decomposition_products": mixture(products)}
