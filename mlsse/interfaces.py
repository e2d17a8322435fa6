"""The reaction of two materials in contact.

Mixtures of two materials lie on a line between their compositions; the reaction energy is the
deepest point of the convex hull below that line. Methods: Richards et al. 2016,
doi:10.1021/acs.chemmater.5b04082; Zhu, He and Mo 2016, doi:10.1039/c5ta08574h. At a given
voltage of the mobile ion, as beside a charged cathode, the ion is free to come and go and grand
potentials take the place of energies.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlsse.bundle import Model, champion
from mlsse.errors import ConditionError, FormulaError
from mlsse.formulas import Formula, parse_formula
from mlsse.paths import resource_folder
from mlsse.phases import ChemicalSystem
from mlsse.simplex import Floats, follow, minimise
from mlsse.thermodynamics import (
    WORTH_A_NOTE_EV_PER_ATOM,
    energy_above_hull,
    general_notes,
    mixture,
    named_amounts,
    read_formula,
)
from mlsse.windows import check_window_ion

if TYPE_CHECKING:
    import pandas as pd

#: Greatest voltage that is looked at.
MAX_VOLTAGE_V = 10.0

_KJ_PER_MOL = 96.4853321  # of one eV for each particle, CODATA 2018
_ROUNDING = 1e-10  # eV/atom
_NO_REACTION = 1e-7  # eV/atom
_SAME_FRACTION = 1e-9
_NO_IONS = 1e-6


@dataclass(frozen=True)
class Partner:
    """A material with a name of its own.

    Attributes
    ----------
    name : str
        Such as ``NMC811``.
    formula : str
    kind : {"cathode", "charged cathode", "anode", "coating", "air"}
    note : str
    """

    name: str
    formula: str
    kind: str
    note: str


@dataclass(frozen=True)
class Kink:
    """A mixture at which the products change.

    Attributes
    ----------
    fraction : float
        Atoms of the first material among all atoms, 0 to 1; with a voltage only those that are
        not of the ion count.
    reaction_energy_ev_per_atom : float
        Both materials at their hull energy.
    products : dict of str to float
        Moles for one mole of the mixture.
    """

    fraction: float
    reaction_energy_ev_per_atom: float
    products: dict[str, float]


@dataclass(frozen=True)
class Interface:
    """The reaction of two materials, at the mixing ratio at which it releases most energy.

    Attributes
    ----------
    first, second : str
        Formulas.
    partner : str
        Name of the second material, or its formula.
    ion : str or None
    voltage_v : float or None
        Of the ion that is free to come and go, against its metal; None at open circuit.
    reaction_energy_ev_per_atom : float
        Both materials at their hull energy; below zero they react. With a voltage, for one
        atom that is not of the ion.
    reaction_energy_kj_per_mol : float
        For one mole of formula units of the mixture.
    reaction_energy_kj_per_kg : float
    reaction_energy_own_ev_per_atom : float
        Both materials at their own energy, their decomposition included; its deepest point may
        lie at another ratio.
    reaction_energy_mutual_ev_per_atom : float
        What contact adds to what each material does by itself: at a voltage a cathode is charged
        and a material may decompose without any contact. See `contact`.
    fraction : float or None
        Atoms of the first material among all atoms, as in `Kink`; None if nothing reacts.
    mole_fraction : float or None
        Formula units of the first material among those of both.
    products : dict of str to float
        Moles for one mole of formula units of the mixture; none if nothing reacts.
    reaction : str
        The balanced reaction, with ions taken up or given off at a voltage.
    excess_reaction : str
        What one mole of the first material turns into where the second is plentiful, as beside
        an electrode; empty if nothing reacts.
    kinks : tuple of Kink
        From the second material alone to the first alone.
    e_hull_first_ev_per_atom, e_hull_second_ev_per_atom : float
        How far the materials lie above the hull.
    notes : tuple of str
        Cautions, each a short code with words.
    """

    first: str
    second: str
    partner: str
    ion: str | None
    voltage_v: float | None
    reaction_energy_ev_per_atom: float
    reaction_energy_kj_per_mol: float
    reaction_energy_kj_per_kg: float
    reaction_energy_own_ev_per_atom: float
    reaction_energy_mutual_ev_per_atom: float
    fraction: float | None
    mole_fraction: float | None
    products: dict[str, float]
    reaction: str
    excess_reaction: str
    kinks: tuple[Kink, ...]
    e_hull_first_ev_per_atom: float
    e_hull_second_ev_per_atom: float
    notes: tuple[str, ...]


def interface(
    first: str | Formula | Iterable[str],
    second: str | Formula | Iterable[str],
    *,
    voltage_v: float | None = None,
    ion: str = "Li",
    model: Model | None = None,
) -> Interface | pd.DataFrame:
    """Find how two materials react.

    Parameters
    ----------
    first : str or Formula, or iterable of str
        An electrolyte; a formula.
    second : str or Formula, or iterable of str
        What it touches: a formula or the name of a `Partner` such as ``"NMC811"``.
    voltage_v : float, optional
        Voltage of the ion against its metal, 0 to 10: the ion is then free to come and go. By
        default no ion leaves (open circuit).
    ion : {"Li", "Na", "K"}
        The free ion; of no account without a voltage.
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    Interface, or pandas.DataFrame of shape (n_first * n_second, n_fields)
        A table if either is an iterable, with a column ``error`` in which a pair that cannot
        be computed has its error and all else but ``first`` and ``second`` is empty.

    Raises
    ------
    FormulaError
        If a formula is unusable, an element has no reference, or the partner is unknown.
    ConditionError
        If the voltage or the ion cannot be used, or a material consists of the free ion alone.

    Examples
    --------
    >>> found = interface("Na3SbS4", "sodium")
    >>> found.reaction
    '0.1111 Na3SbS4 + 0.8889 Na -> 0.4444 Na2S + 0.1111 Na3Sb'
    """
    _check_voltage(voltage_v, ion)
    if not (isinstance(first, (str, Formula)) and isinstance(second, (str, Formula))):
        return _matrix(first, second, voltage_v=voltage_v, ion=ion, model=model)
    model = model or champion()
    one = read_formula(first, model.phases)
    name, partner = read_partner(second)
    model.phases.check(partner)
    line = _Line(one, partner, voltage_v, ion if voltage_v is not None else None, model)
    return line.interface(name)


def contact(
    one: Formula, other: Formula, model: Model, *, voltage_v: float | None = None, ion: str = "Li"
) -> tuple[float, str]:
    """Find what contact adds to what each material does by itself.

    At a voltage each material by itself gives off or takes up ions, as a cathode does when it
    is charged, and may decompose. The reaction energy of `interface` contains that; here it is
    measured from the two equilibria that the materials reach apart (the mutual reaction energy
    of Zhu, He and Mo 2016). Without a voltage the two energies are the same.

    Parameters
    ----------
    one, other : Formula
    model : Model
    voltage_v, ion
        As in `interface`.

    Returns
    -------
    energy : float
        eV/atom, never above zero; with a voltage, for one atom that is not of the ion.
    reaction : str
        At the mixing ratio of that energy; empty if nothing reacts.

    Raises
    ------
    ConditionError
        If the voltage or the ion cannot be used, or a material consists of the free ion alone.
    """
    _check_voltage(voltage_v, ion)
    return _Line(one, other, voltage_v, ion if voltage_v is not None else None, model).contact()


def partners(kind: str | None = None) -> list[Partner]:
    """Materials with names of their own, all of them or those of a kind."""
    return [p for p in _partners().values() if kind in (None, p.kind)]


@lru_cache(maxsize=1)
def _partners() -> Mapping[str, Partner]:
    path = resource_folder("data") / "partners.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"].lower(): Partner(**row) for row in csv.DictReader(file)}


def read_partner(text: str | Formula) -> tuple[str, Formula]:
    """Name and formula of a material given by either.

    Raises
    ------
    FormulaError
    """
    if isinstance(text, Formula):
        return text.text, text
    known = _partners().get(text.strip().lower()) if isinstance(text, str) else None
    if known is not None:
        return known.name, parse_formula(known.formula)
    try:
        return text, parse_formula(text)
    except FormulaError as error:
        near = difflib.get_close_matches(str(text).lower(), list(_partners()), n=3)
        hint = (
            f"did you mean {' or '.join(_partners()[n].name for n in near)}?"
            if near
            else "mlsse interface --partners lists them"
        )
        raise FormulaError(
            f"{error}; nor is {error.text!r} the name of a partner: {hint}",
            text=error.text,
            position=error.position,
        ) from None


def _check_voltage(voltage_v: float | None, ion: str) -> None:
    check_window_ion(ion)
    if voltage_v is not None and not 0.0 <= voltage_v <= MAX_VOLTAGE_V:
        raise ConditionError(
            f"voltage {voltage_v} V: expected 0 to {MAX_VOLTAGE_V:g} V against the ion's metal"
        )


def _matrix(
    first: str | Formula | Iterable[str],
    second: str | Formula | Iterable[str],
    *,
    voltage_v: float | None,
    ion: str,
    model: Model | None,
) -> pd.DataFrame:
    import pandas as pd

    def listed(items: str | Formula | Iterable[str]) -> list[str | Formula]:
        return [items] if isinstance(items, (str, Formula)) else list(items)

    rows = []
    others = listed(second)
    for one in listed(first):
        for other in others:
            try:
                found = interface(one, other, voltage_v=voltage_v, ion=ion, model=model)
                assert isinstance(found, Interface)
                rows.append(asdict(found) | {"error": None})
            except (FormulaError, ConditionError) as error:
                rows.append({"first": one, "second": other, "error": str(error)})
    return pd.DataFrame(rows, columns=[*(field.name for field in fields(Interface)), "error"])


class _Line:
    """Mixtures of two materials, from the second alone to the first alone.

    With a free ion, compositions and energies are those of the other atoms: its line of the
    program is left out, and each phase costs ``energy + voltage * ions`` (its grand potential).
    """

    def __init__(
        self, one: Formula, other: Formula, voltage_v: float | None, ion: str | None, model: Model
    ) -> None:
        phases = self.phases = model.phases
        self.formulas = one, other
        self.voltage_v, self.ion = voltage_v, ion
        free = [] if ion is None else [Formula(ion, {ion: 1.0})]
        elements = phases.elements_of(one, other, *free)
        system = phases.system(elements)
        targets = [system.target(formula) for formula in self.formulas]
        costs = system.energies
        lowest = [_least_energy(system, target) for target in targets]
        self.e_hull = [energy_above_hull(formula, model) for formula in self.formulas]
        self.n_atoms = [sum(formula.amounts.values()) for formula in self.formulas]
        self.masses = [_mass(formula, model) for formula in self.formulas]
        above = [e for e, _ in self.e_hull]
        if ion is not None and voltage_v is not None:
            place = elements.index(ion)
            for formula, target in zip(self.formulas, targets, strict=True):
                if target[place] == 1.0:
                    raise ConditionError(
                        f"{formula.text} consists of the free ion alone: at a voltage the ion is "
                        "already there; leave the voltage out"
                    )
            rest = [1.0 - target[place] for target in targets]
            costs = np.delete(system.energies + voltage_v * system.columns[place], place)
            lowest = [
                (energy + voltage_v * target[place]) / r
                for energy, target, r in zip(lowest, targets, rest, strict=True)
            ]
            above = [e / r for e, r in zip(above, rest, strict=True)]
            self.n_atoms = [n * r for n, r in zip(self.n_atoms, rest, strict=True)]
            targets = [np.delete(t, place) / r for t, r in zip(targets, rest, strict=True)]
            columns = np.delete(np.delete(system.columns, place, axis=0), place, axis=1)
            elements = tuple(e for e in elements if e != ion)
            system = ChemicalSystem(elements, columns, costs, system.rows)
        self.system, self.targets, self.lowest, self.above = system, targets, lowest, above

    def interface(self, partner: str) -> Interface:
        kinks = self._kinks()
        # The energy of a mixture is least at a kink, whichever straight line it is seen from.
        best = min(kinks, key=lambda kink: kink.reaction_energy_ev_per_atom)
        own = min(
            k.reaction_energy_ev_per_atom
            - k.fraction * self.above[0]
            - (1.0 - k.fraction) * self.above[1]
            for k in kinks
        )
        energy = best.reaction_energy_ev_per_atom
        one, other = self.formulas
        mutual, _ = self._mutual(kinks)
        atoms, share = self._mole(best.fraction)
        kj_per_mol = energy * atoms * _KJ_PER_MOL
        mass = share * self.masses[0] + (1.0 - share) * self.masses[1]
        reacts = energy < -_NO_REACTION
        return Interface(
            first=one.text,
            second=other.text,
            partner=partner,
            ion=self.ion,
            voltage_v=self.voltage_v,
            reaction_energy_ev_per_atom=energy,
            reaction_energy_kj_per_mol=kj_per_mol,
            reaction_energy_kj_per_kg=1e3 * kj_per_mol / mass,
            reaction_energy_own_ev_per_atom=own,
            reaction_energy_mutual_ev_per_atom=mutual,
            fraction=best.fraction if reacts else None,
            mole_fraction=share if reacts else None,
            products=best.products if reacts else {},
            reaction=self._reaction(best) if reacts else "",
            excess_reaction=self._reaction(kinks[1], of_one_first=True) if reacts else "",
            kinks=tuple(kinks),
            e_hull_first_ev_per_atom=self.e_hull[0][0],
            e_hull_second_ev_per_atom=self.e_hull[1][0],
            notes=self._notes(),
        )

    def contact(self) -> tuple[float, str]:
        energy, kink = self._mutual(self._kinks())
        return energy, self._reaction(kink) if energy < -_NO_REACTION else ""

    def _mutual(self, kinks: Sequence[Kink]) -> tuple[float, Kink]:
        """Least energy measured from what each material becomes alone, and where it is."""
        apart = kinks[-1].reaction_energy_ev_per_atom, kinks[0].reaction_energy_ev_per_atom

        def added(kink: Kink) -> float:
            alone = kink.fraction * apart[0] + (1.0 - kink.fraction) * apart[1]
            return kink.reaction_energy_ev_per_atom - alone

        best = min(kinks, key=added)
        return _released(added(best)), best

    def _kinks(self) -> list[Kink]:
        one, other = self.targets
        system = self.system
        basis = minimise(system.columns, system.energies, other)
        points = [(0.0, basis)]
        if not np.allclose(one, other, rtol=0.0, atol=1e-12):
            parts = follow(system.columns, system.energies, basis, other, one - other, 1.0)
            points += [(end, found) for _, end, found in parts]
        last = minimise(system.columns, system.energies, one)
        points = [point for point in points if point[0] < 1.0 - _SAME_FRACTION] + [(1.0, last)]
        kinks = []
        for fraction, found in points:
            amounts = np.maximum(found.amounts(fraction * one + (1.0 - fraction) * other), 0.0)
            energy = float(system.energies[found.members] @ amounts)
            alone = float(fraction * self.lowest[0] + (1.0 - fraction) * self.lowest[1])
            atoms, _ = self._mole(fraction)
            products = named_amounts(system, found, amounts, atoms, self.phases)
            kinks.append(Kink(fraction, _released(energy - alone), products))
        return kinks

    def _mole(self, fraction: float) -> tuple[float, float]:
        """Atoms in one mole of formula units, and the share of those of the first material."""
        units = fraction / self.n_atoms[0], (1.0 - fraction) / self.n_atoms[1]
        return 1.0 / sum(units), units[0] / sum(units)

    def _reaction(self, kink: Kink, *, of_one_first: bool = False) -> str:
        share = self._mole(kink.fraction)[1]
        scale = 1.0 / share if of_one_first else 1.0
        units = share * scale, (1.0 - share) * scale
        left = {f.text: n for f, n in zip(self.formulas, units, strict=True) if n > 0.0}
        right = {name: amount * scale for name, amount in kink.products.items()}
        if self.ion is not None:
            ions = sum(
                n * f.amounts.get(self.ion, 0.0) for f, n in zip(self.formulas, units, strict=True)
            ) - sum(n * parse_formula(name).amounts.get(self.ion, 0.0) for name, n in right.items())
            if abs(ions) > _NO_IONS:
                (right if ions > 0.0 else left)[self.ion] = abs(ions)
        return f"{mixture(left)} -> {mixture(right)}"

    def _notes(self) -> tuple[str, ...]:
        notes: list[str] = []
        if self.ion is not None and not any(self.ion in f.amounts for f in self.formulas):
            notes.append(
                f"foreign_ion: neither material has {self.ion}; at the voltage it enters from "
                "outside, as an impurity would"
            )
        for formula, (energy, source) in zip(self.formulas, self.e_hull, strict=True):
            if energy > WORTH_A_NOTE_EV_PER_ATOM:
                notes.append(
                    f"above_hull: {formula.text} lies {energy:.3f} eV/atom above the hull "
                    f"({source}); its own decomposition counts in reaction_energy_own_ev_per_atom"
                    " alone"
                )
            notes += [note for note in general_notes(formula) if note not in notes]
        return tuple(notes)


def _released(energy: float) -> float:
    """The energy, zero where rounding alone sets it off from zero."""
    return energy if energy < -_ROUNDING else 0.0


def _least_energy(system: ChemicalSystem, target: Floats) -> float:
    basis = minimise(system.columns, system.energies, target)
    return float(basis.prices(system.energies) @ target)


def _mass(formula: Formula, model: Model) -> float:
    """Molar mass, g/mol."""
    weights = model.tables.atomic_weights
    return sum(amount * weights[symbol] for symbol, amount in formula.amounts.items())
