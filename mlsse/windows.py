"""The electrochemical window: between which voltages of the mobile ion a composition lasts.

As ions are taken up or given off, the equilibrium among the reference phases passes from one
plateau of voltage to the next. The voltage against the metal of the ion is minus its chemical
potential. Methods: Zhu, He and Mo 2015, doi:10.1021/acsami.5b07517; Richards et al. 2016,
doi:10.1021/acs.chemmater.5b04082.

A composition above the hull is treated as if it lay on the hull, as these works do. A formula
that was rounded, or doped without exact balance of charge, lies beside the ion content at which
the voltage changes, and a strict reading gives no window at all. So

- a limit is not the voltage of the very first ion exchanged but a mean over the ions from 0.001
  to 0.02 for one atom of the composition, with weights that fall linearly to zero,
- where the ion content lies at a distance ``d`` from the nearest one at which the voltage falls
  by 0.1 V or more, that range is moved outwards by ``2 d``, and the result says so.

Both make the limits change gradually with the composition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlsse.bundle import Model, champion
from mlsse.errors import ConditionError, FormulaError
from mlsse.formulas import Formula
from mlsse.phases import ChemicalSystem, PhaseStore
from mlsse.simplex import Basis, Floats, follow_many, minimise
from mlsse.thermodynamics import (
    WORTH_A_NOTE_EV_PER_ATOM,
    as_table,
    energy_above_hull,
    general_notes,
    is_disordered,
    mixture,
    named_amounts,
    read_formula,
)

if TYPE_CHECKING:
    import pandas as pd

#: Ions whose windows are known, each of one elementary charge.
WINDOW_IONS = ("Li", "Na", "K")

#: Codes of `window_notes`, what may move the limits.
WINDOW_CODES = frozenset(
    {"no_window", "off_stoichiometry", "reduction_in_steps", "oxidation_in_steps"}
)

# Ions exchanged, for one atom of the composition.
_FIRST, _LAST = 0.001, 0.02
_AT_ITS_WORD = 1e-4  # an ion content within this of a change of voltage is taken as it stands
_SHIFT = 2.0
_MAX_DISTANCE = 0.03
_LEFT = 0.95  # of an ion content may be given off at most until a limit is read
#: How far the limits look, in ions for one atom of the composition.
REACH = _LAST + _SHIFT * _MAX_DISTANCE

_SMALL_CHANGE_V = 0.03
_CHANGE_V = 0.1
_NARROW_V = 0.05
_SAME_V = 1e-6
_NO_VOLTAGE = 1e-9  # below this the metal itself is deposited
_NO_WEIGHT = 0.01  # a plateau of less is not worth a note
_PRODUCTS_BEYOND_V = 1e-3
_ROUNDED = 0.002  # ions for one atom: a distance above this is worth a note


@dataclass(frozen=True)
class Step:
    """Equilibrium over a range of voltages.

    Attributes
    ----------
    voltage_low_v : float
        Against the metal of the ion.
    voltage_high_v : float or None
        None where no higher voltage changes anything.
    uptake : float
        Ions taken up (above zero) or given off by one mole of the formula as written.
    products : dict of str to float
        Phases in equilibrium, moles.
    """

    voltage_low_v: float
    voltage_high_v: float | None
    uptake: float
    products: dict[str, float]


@dataclass(frozen=True)
class Window:
    """The electrochemical window of a composition.

    Attributes
    ----------
    formula, reduced_formula, ion : str
    reduction_limit_v, oxidation_limit_v : float
        Volts against the metal of the ion. A reduction limit of zero: stable against the metal.
    reduction_products, oxidation_products : dict of str to float
        Equilibrium one millivolt beyond the limits: moles for one mole of the formula; none
        where nothing is reduced.
    reduction_reaction, oxidation_reaction : str
        The balanced reactions, with the ions taken up or given off.
    steps : tuple of Step
        The whole staircase, from zero volts up.
    e_hull_ev_per_atom : float
        How far the composition lies above the hull on which the window treats it.
    e_hull_source : {"reference", "model"}
    notes : tuple of str
        Cautions, each a short code with words.
    """

    formula: str
    reduced_formula: str
    ion: str
    reduction_limit_v: float
    oxidation_limit_v: float
    reduction_products: dict[str, float]
    oxidation_products: dict[str, float]
    reduction_reaction: str
    oxidation_reaction: str
    steps: tuple[Step, ...]
    e_hull_ev_per_atom: float
    e_hull_source: str
    notes: tuple[str, ...]


def window(
    formula: str | Formula | Iterable[str], ion: str = "Li", *, model: Model | None = None
) -> Window | pd.DataFrame:
    """Find the electrochemical window.

    Parameters
    ----------
    formula : str or Formula, or iterable of str
    ion : {"Li", "Na", "K"}
        The mobile ion; voltages are against its metal.
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    Window, or pandas.DataFrame of shape (n, n_fields)
        A table for an iterable, with a column ``error`` in which a formula without a window
        has its error and all else is empty.

    Raises
    ------
    FormulaError
        If the formula is unusable, an element has no reference, or the ion is not in it.
    ConditionError
        If the ion is none of the three.

    Examples
    --------
    >>> found = window("Li3PO4")
    >>> round(found.reduction_limit_v, 2), round(found.oxidation_limit_v, 2)
    (0.69, 4.21)
    """
    check_window_ion(ion)
    if not isinstance(formula, (str, Formula)):
        return as_table(lambda text: window(text, ion, model=model), formula, Window)
    model = model or champion()
    read = read_formula(formula, model.phases)
    if ion not in read.amounts:
        raise FormulaError(
            f"formula {read.text!r}: no {ion} in it, so no window of that ion: name the ion that "
            "it has, one of Li, Na, K",
            text=read.text,
        )
    if len(read.amounts) == 1:
        raise FormulaError(f"formula {read.text!r}: the metal itself has no window", text=read.text)
    phases = model.phases
    system = phases.system(phases.elements_of(read))
    target = system.target(read)
    basis = minimise(system.columns, system.energies, target)
    paths = _plateaus(system, target[:, None], basis, ion, reach=np.inf)
    (found,) = _limits(paths, target[system.elements.index(ion), None])
    e_hull, source = energy_above_hull(read, model)
    n_atoms = sum(read.amounts.values())
    steps = _steps(system, target, paths[0], ion, n_atoms, phases)
    reduced = _products_at(steps, found.reduction_v - _PRODUCTS_BEYOND_V)
    oxidised = _products_at(steps, found.oxidation_v + _PRODUCTS_BEYOND_V)
    return Window(
        formula=read.text,
        reduced_formula=read.reduced_formula,
        ion=ion,
        reduction_limit_v=found.reduction_v,
        oxidation_limit_v=found.oxidation_v,
        reduction_products=reduced.products if reduced else {},
        oxidation_products=oxidised.products if oxidised else {},
        reduction_reaction=_ion_reaction(read, ion, reduced),
        oxidation_reaction=_ion_reaction(read, ion, oxidised),
        steps=steps,
        e_hull_ev_per_atom=e_hull,
        e_hull_source=source,
        notes=_notes(read, found, n_atoms, ion, e_hull, source),
    )


def check_window_ion(ion: str) -> str:
    """Return the ion, or refuse it with a `ConditionError`."""
    if ion not in WINDOW_IONS:
        raise ConditionError(f"ion {ion!r}: windows are known for {', '.join(WINDOW_IONS)}")
    return ion


@dataclass(frozen=True)
class Limits:
    """The limits of a window, and what they rest on.

    Attributes
    ----------
    reduction_v, reduction_range_v : float
        A limit, and from the least to the greatest voltage that it is the mean of.
    oxidation_v, oxidation_range_v : float
    distance : float
        From the ion content to the nearest one at which the voltage changes, in ions for one
        atom of the composition.
    """

    reduction_v: float
    reduction_range_v: float
    oxidation_v: float
    oxidation_range_v: float
    distance: float


class _Plateau(NamedTuple):
    """A voltage at which ions are exchanged, from one number of them to another.

    The ions are counted for one atom of the composition and from it, above zero where taken up.
    """

    start: float
    end: float
    voltage: float
    basis: Basis


def limits(system: ChemicalSystem, targets: Floats, basis: Basis, ion: str) -> list[Limits]:
    """Limits of the windows of compositions with one basis, without the staircases.

    Parameters
    ----------
    system : ChemicalSystem
    targets : ndarray of shape (n, k)
        Atom fractions.
    basis : Basis
        Optimal for all targets.
    ion : str
        In each composition.

    Returns
    -------
    list of Limits
    """
    paths = _plateaus(system, targets, basis, ion, reach=REACH)
    return _limits(paths, targets[system.elements.index(ion)])


def _limits(paths: Sequence[Sequence[_Plateau]], contents: Floats) -> list[Limits]:
    """Limits from plateaus of k compositions, and their ion contents, shape (k,)."""
    starts, ends, voltages = _as_arrays(paths)
    distances = np.minimum(_distances(starts, voltages), _MAX_DISTANCE)
    shift = _SHIFT * distances
    # Of a small ion content some is left when the oxidation limit is read.
    scale = np.minimum(1.0, _LEFT * contents / (_LAST + shift))
    reduction = _means(starts, ends, voltages, shift)
    oxidation = _means(-ends / scale[:, None], -starts / scale[:, None], voltages, shift)
    found = np.stack([*reduction, *oxidation, distances], axis=1)
    return [Limits(*values) for values in found.tolist()]


def _as_arrays(paths: Sequence[Sequence[_Plateau]]) -> tuple[Floats, Floats, Floats]:
    """Starts, ends and voltages of plateaus, each of shape (k, most plateaus of a path).

    Shorter paths are filled up with plateaus of no width.
    """
    width = max(map(len, paths))
    filled = []
    for path in paths:
        last = path[-1]
        nothing = _Plateau(last.end, last.end, last.voltage, last.basis)
        filled.append([*path, *[nothing] * (width - len(path))])
    starts, ends, voltages = np.array([[p[:3] for p in path] for path in filled]).transpose(2, 0, 1)
    return starts, ends, voltages


def _distances(starts: Floats, voltages: Floats) -> Floats:
    """Distance of each composition to the nearest ion content at which the voltage changes."""
    places, drops = np.abs(starts[:, 1:]), voltages[:, :-1] - voltages[:, 1:]
    here = np.where(places <= _AT_ITS_WORD, drops, 0.0).sum(axis=1)
    nearest = np.where(drops >= _CHANGE_V, places, np.inf).min(axis=1, initial=np.inf)
    return np.where(here >= _SMALL_CHANGE_V, 0.0, nearest)


def _means(starts: Floats, ends: Floats, voltages: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """Mean and range of the voltages at which ions are exchanged, the first counting most."""
    weights = _weight_up_to(ends - shift[:, None]) - _weight_up_to(starts - shift[:, None])
    counts = weights > _NO_WEIGHT
    least = np.where(counts, voltages, np.inf).min(axis=1)
    greatest = np.where(counts, voltages, -np.inf).max(axis=1)
    return (voltages * weights).sum(axis=1) / weights.sum(axis=1), greatest - least


def _weight_up_to(ions: Floats) -> Floats:
    """Weight of the ions up to a number of them; 1 for all."""
    left = np.clip((_LAST - ions) / (_LAST - _FIRST), 0.0, 1.0)
    return 1.0 - left * left


def _plateaus(
    system: ChemicalSystem, targets: Floats, basis: Basis, ion: str, *, reach: float
) -> list[list[_Plateau]]:
    """Plateaus on both sides of compositions, from those that have given off most ions."""
    place = system.elements.index(ion)
    heading = np.zeros(len(targets))
    heading[place] = 1.0
    sides: list[list[list[_Plateau]]] = []
    for sign, reaches in (
        (-1.0, np.minimum(reach, targets[place])),
        (1.0, np.full(targets.shape[1], reach)),
    ):
        side: list[list[_Plateau]] = [[] for _ in reaches]
        for which, starts, ends, found in follow_many(
            system.columns, system.energies, basis, targets, sign * heading, reaches
        ):
            voltage = -float(found.prices(system.energies)[place])
            voltage = voltage if voltage > _NO_VOLTAGE else 0.0
            for i, start, end in zip(which.tolist(), starts.tolist(), ends.tolist(), strict=True):
                low, high = sorted((sign * start, sign * end))
                side[i].append(_Plateau(low, high, voltage, found))
        sides.append(side)
    return [given_off[::-1] + taken_up for given_off, taken_up in zip(*sides, strict=True)]


def _steps(
    system: ChemicalSystem,
    target: Floats,
    plateaus: Sequence[_Plateau],
    ion: str,
    n_atoms: float,
    phases: PhaseStore,
) -> tuple[Step, ...]:
    """The equilibria between plateaus, from zero volts up."""
    heading = np.array([float(element == ion) for element in system.elements])
    found = []
    high = None
    for plateau in plateaus:
        if high is not None and plateau.voltage > high - _SAME_V:
            continue
        composition = np.maximum(target + plateau.start * heading, 0.0)
        amounts = plateau.basis.amounts(composition)
        products = named_amounts(system, plateau.basis, amounts, n_atoms, phases)
        found.append(Step(plateau.voltage, high, plateau.start * n_atoms, products))
        high = plateau.voltage
    return tuple(reversed(found))


def _products_at(steps: Sequence[Step], voltage: float) -> Step | None:
    """The equilibrium at a voltage; None below zero, where the metal is deposited."""
    passed = [step for step in steps if step.voltage_low_v <= voltage]
    return passed[-1] if passed else None


def _ion_reaction(formula: Formula, ion: str, step: Step | None) -> str:
    if step is None:
        return ""
    ions = mixture({ion: abs(step.uptake)})
    if step.uptake > 0:
        return f"{formula.text} + {ions} -> {mixture(step.products)}"
    return f"{formula.text} -> {mixture(step.products)} + {ions}"


def _notes(
    formula: Formula, limits: Limits, n_atoms: float, ion: str, e_hull: float, source: str
) -> tuple[str, ...]:
    notes = window_notes(limits, n_atoms, ion)
    if e_hull > WORTH_A_NOTE_EV_PER_ATOM:
        notes.append(
            f"above_hull: {e_hull:.3f} eV/atom above the hull ({source}), on which the window "
            "treats it; by itself it would last less"
        )
    if is_disordered(formula):
        notes.append("disorder: mixing entropy is left out")
    return tuple(notes + general_notes(formula))


def window_notes(limits: Limits, n_atoms: float, ion: str) -> list[str]:
    """What stands behind the limits of a window, as short codes with words."""
    notes = []
    if limits.oxidation_v - limits.reduction_v < _NARROW_V:
        notes.append("no_window: ions are taken up and given off at nearly the same voltage")
    if limits.distance > _ROUNDED:
        distance = "more than " if limits.distance >= _MAX_DISTANCE else ""
        distance += f"{limits.distance * n_atoms:.2g} {ion}"
        notes.append(
            f"off_stoichiometry: the voltage changes {distance} a formula unit away, by rounding, "
            "unbalanced charge or a part that reduces another; the limits are read beyond that"
        )
    for name, spread in (
        ("reduction", limits.reduction_range_v), ("oxidation", limits.oxidation_range_v),
    ):  # fmt: skip
        if spread > _CHANGE_V:
            notes.append(
                f"{name}_in_steps: the {name} limit is a mean over {spread:.1f} V, since a "
                "small part of the composition reacts first; small changes of it move the limit"
            )
    return notes
