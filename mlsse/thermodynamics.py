"""Energy above the convex hull, and what a composition decomposes into.

The hull is the least formation energy of any mixture of reference phases; see `mlsse.phases`.
A compound among the reference phases has its own energy from there. For any other the models
have learned how far it may lie from the hull.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlsse.bundle import Model, champion
from mlsse.charges import is_charge_balanced
from mlsse.errors import ConditionError, FormulaError
from mlsse.features import compute_features
from mlsse.formulas import Formula, parse_formula
from mlsse.phases import ChemicalSystem, PhaseStore, element_name
from mlsse.simplex import Basis, Floats, minimise

if TYPE_CHECKING:
    import pandas as pd

#: What lies above the hull by less is as good as on it.
WORTH_A_NOTE_EV_PER_ATOM = 5e-4

_NO_AMOUNT = 1e-7  # atom fraction of a product that is left out
_EQUAL_DIGITS = 10  # of amounts per atom
_OUT_OF_REACH = 1e3  # eV/atom: the energy of a phase that no mixture takes up
_WHOLE = 1e-3
_ELEMENT_NOTE = "element: the reference of all energies"


@dataclass(frozen=True)
class Hull:
    """Where a composition lies against the convex hull.

    Attributes
    ----------
    formula, reduced_formula : str
    e_hull_ev_per_atom : float
        Energy above the hull; zero for a stable compound.
    source : {"reference", "model", "given"}
        Of the energies: a reference phase of this very composition; the learned models; the
        caller.
    decomposition_energy_ev_per_atom : float
        Energy against the mixture of ``products``; below zero for a stable compound, which
        lies that much below what it competes with.
    formation_energy_ev_per_atom : float
        If the source is the models, learned apart from the decomposition energy.
    hull_energy_ev_per_atom : float
        Formation energy of the mixture of ``products``.
    stable_probability, metastable_probability : float or None
        Learned chances to lie on the hull, or at most 0.05 eV/atom above it; None where the
        energy is not the models'.
    products : dict of str to float
        Reference phases, without the compound itself, that the composition decomposes into, or
        would if it were not stable: moles for one mole of the formula as written.
    reaction : str
        The balanced decomposition.
    notes : tuple of str
        Cautions, each a short code with words.
    """

    formula: str
    reduced_formula: str
    e_hull_ev_per_atom: float
    source: str
    decomposition_energy_ev_per_atom: float
    formation_energy_ev_per_atom: float
    hull_energy_ev_per_atom: float
    stable_probability: float | None
    metastable_probability: float | None
    products: dict[str, float]
    reaction: str
    notes: tuple[str, ...]


def hull(
    formula: str | Formula | Iterable[str],
    *,
    formation_energy_ev_per_atom: float | None = None,
    formation_energy_ev_per_formula: float | None = None,
    model: Model | None = None,
) -> Hull | pd.DataFrame:
    """Find the energy above the convex hull and the products of decomposition.

    Parameters
    ----------
    formula : str or Formula, or iterable of str
    formation_energy_ev_per_atom, formation_energy_ev_per_formula : float, optional
        A computed energy to use in place of the reference or the models, of one formula; it
        must be a formation energy from the elements, comparable with those of the Materials
        Project.
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    Hull, or pandas.DataFrame of shape (n, n_fields)
        A table for an iterable, with a column ``error`` in which an unusable formula has its
        error and all else is empty.

    Raises
    ------
    FormulaError
        If the formula is unusable, or an element has no reference.
    ConditionError
        If two energies are given, one is not finite, or one is given with many formulas.

    References
    ----------
    Bartel et al. 2020, doi:10.1038/s41524-020-00362-y, for decomposition energy and data.

    Examples
    --------
    >>> found = hull("Li3PS4")
    >>> found.source, found.e_hull_ev_per_atom
    ('reference', 0.0)
    """
    given = (formation_energy_ev_per_atom, formation_energy_ev_per_formula)
    if not isinstance(formula, (str, Formula)):
        if given != (None, None):
            raise ConditionError("a formation energy belongs to one formula: give it alone")
        return as_table(lambda text: hull(text, model=model), formula, Hull)
    model = model or champion()
    read = read_formula(formula, model.phases)
    n_atoms = sum(read.amounts.values())
    if None not in given:
        raise ConditionError("give the formation energy per atom or per formula unit, not both")
    energy = next((value for value in given if value is not None), None)
    if energy is not None and not np.isfinite(energy):
        raise ConditionError(f"formation energy {energy}: expected a finite number of eV")
    if formation_energy_ev_per_formula is not None:
        energy = formation_energy_ev_per_formula / n_atoms
    return _hull(read, energy, model)


def _hull(formula: Formula, energy: float | None, model: Model) -> Hull:
    phases = model.phases
    n_atoms = sum(formula.amounts.values())
    row = phases.find(formula)
    is_element = len(formula.amounts) == 1
    system, costs = _competitors(formula, row, phases)
    target = system.target(formula)
    basis = minimise(system.columns, costs, target)
    hull_energy = float(basis.prices(costs) @ target)
    products = named_amounts(system, basis, basis.amounts(target), n_atoms, phases)
    stable = metastable = None
    if energy is not None:
        source, formation = "given", energy
    elif is_element or row is not None:
        source, formation = "reference", 0.0 if row is None else float(phases.energies[row])
    else:
        source = "model"
        learned = model.stability(compute_features([formula], model.tables))
        formation = float(learned.formation_energy[0])
        stable, metastable = (
            float(p[0]) for p in (learned.stable_probability, learned.metastable_probability)
        )
    decomposition = (
        float(learned.decomposition_energy[0]) if source == "model" else formation - hull_energy
    )
    return Hull(
        formula=formula.text,
        reduced_formula=formula.reduced_formula,
        e_hull_ev_per_atom=max(0.0, decomposition),
        source=source,
        decomposition_energy_ev_per_atom=decomposition,
        formation_energy_ev_per_atom=formation,
        hull_energy_ev_per_atom=hull_energy,
        stable_probability=stable,
        metastable_probability=metastable,
        products=products,
        reaction=reaction({formula.text: 1.0}, products),
        notes=(_ELEMENT_NOTE,) if is_element else _notes(formula, source),
    )


def _competitors(
    formula: Formula, row: int | None, phases: PhaseStore
) -> tuple[ChemicalSystem, Floats]:
    """The chemical system with its energies, in which the compound itself takes no part."""
    elements = phases.elements_of(formula)
    if row is None:
        system = phases.system(elements)
        return system, system.energies
    # What lies above the hull may be a product once the compound is left out.
    system = phases.system(elements, whole=True)
    costs = system.energies.copy()
    costs[len(elements) + int(np.searchsorted(system.rows, row))] = _OUT_OF_REACH
    return system, costs


def _notes(formula: Formula, source: str) -> tuple[str, ...]:
    notes = []
    if source == "reference":
        notes.append(
            "polymorphs: the energy is that of the most stable known polymorph; another lies higher"
        )
    elif source == "model":
        notes.append(
            "model: no reference phase has this composition; its energy is learned from others"
        )
    if is_disordered(formula):
        notes.append(
            "disorder: broken amounts mean shared sites, whose mixing entropy stabilises a "
            "compound when it is hot; energies are those at 0 K"
        )
    notes += general_notes(formula)
    return tuple(notes)


def general_notes(formula: Formula) -> list[str]:
    """Cautions about any reference energies of a composition."""
    notes = []
    if is_charge_balanced(formula) is False:
        notes.append("charge_unbalanced: no common oxidation states make the formula neutral")
    if {"Ni", "O"} <= formula.amounts.keys():
        notes.append("nickel_oxide: energies of nickel oxides are off by up to 0.3 eV/atom")
    if len(formula.amounts) > 1 and formula.amounts.keys() <= {"H", "O", "C", "S", "N"}:
        notes.append(
            "molecule: small molecules are bound too strongly in the reference energies; "
            "compare materials with one another, the value itself is no measurement"
        )
    return notes


def is_disordered(formula: Formula) -> bool:
    """Whether amounts are broken, as those of shared sites are."""
    return any(abs(amount - round(amount)) > _WHOLE for amount in formula.amounts.values())


@lru_cache(maxsize=64)  # few, as each keeps its model in memory; a screen asks for one often
def energy_above_hull(formula: Formula, model: Model) -> tuple[float, str]:
    """Energy above the hull in eV/atom, never below zero, and its source, as in `Hull`."""
    phases = model.phases
    row = phases.find(formula)
    if row is None and len(formula.amounts) > 1:
        learned = model.decomposition_energy(compute_features([formula], model.tables))
        return max(0.0, float(learned[0])), "model"
    if row is None:
        return 0.0, "reference"  # an element
    system = phases.system(phases.elements_of(formula))
    target = system.target(formula)
    prices = minimise(system.columns, system.energies, target).prices(system.energies)
    return max(0.0, float(phases.energies[row] - prices @ target)), "reference"


def read_formula(formula: str | Formula, phases: PhaseStore) -> Formula:
    """Read a formula whose elements all have a reference.

    Raises
    ------
    FormulaError
    """
    read = formula if isinstance(formula, Formula) else parse_formula(formula)
    phases.check(read)
    return read


def named_amounts(
    system: ChemicalSystem, basis: Basis, amounts: Floats, n_atoms: float, phases: PhaseStore
) -> dict[str, float]:
    """Moles of each phase of a mixture.

    Parameters
    ----------
    system : ChemicalSystem
    basis : Basis
    amounts : ndarray of shape (n,)
        Atoms in each member of the basis, as a fraction of all atoms.
    n_atoms : float
        Number of all atoms.
    phases : PhaseStore

    Returns
    -------
    dict of str to float
        The greatest number of atoms first.
    """
    n_elements = len(system.elements)
    found = {}
    # Rounded, so that equal amounts come in one order, alone and in a batch.
    for place in np.lexsort((basis.members, -amounts.round(_EQUAL_DIGITS))):
        member, atoms = int(basis.members[place]), float(amounts[place]) * n_atoms
        if atoms <= _NO_AMOUNT * n_atoms:
            break
        if member < n_elements:
            name = element_name(system.elements[member])
            found[name] = atoms / (1 if name == system.elements[member] else 2)
        else:
            name = phases.name(int(system.rows[member - n_elements]))
            found[name] = atoms / _atoms(name)
    return found


@lru_cache(maxsize=65536)
def _atoms(name: str) -> float:
    return sum(parse_formula(name).amounts.values())


def reaction(reactants: Mapping[str, float], products: Mapping[str, float]) -> str:
    """Write a reaction; amounts in moles."""
    return f"{mixture(reactants)} -> {mixture(products)}"


def mixture(amounts: Mapping[str, float]) -> str:
    """Write moles of phases: ``2 Li2S + 0.5 GeS2``."""
    # The first rounding lets a half in the last place fall to the same side, whatever its noise.
    shown = {name: f"{float(f'{amount:.10g}'):.4g}" for name, amount in amounts.items()}
    return " + ".join(name if n == "1" else f"{n} {name}" for name, n in shown.items())


def as_table(compute: Callable[[Any], Any], items: Iterable[Any], kind: type) -> pd.DataFrame:
    """Results of many items as a table; what cannot be computed is a row with its error."""
    import pandas as pd

    rows = []
    for item in items:
        try:
            rows.append(asdict(compute(item)) | {"error": None})
        except (FormulaError, ConditionError) as error:
            rows.append({"formula": item, "error": str(error)})
    return pd.DataFrame(rows, columns=[*(field.name for field in fields(kind)), "error"])
