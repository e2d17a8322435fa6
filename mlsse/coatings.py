"""Which materials keep a cathode and a solid electrolyte apart.

Between a cathode and a sulfide electrolyte lies a coating of some nanometres that lets the ions
pass. It has to be stable itself, last at the voltages of the cathode, and react with neither
side. This is the screening of Xiao et al. 2019, doi:10.1016/j.joule.2019.02.006, from formulas
alone; the limits below are ours. It cannot tell whether a coating conducts ions, blocks
electrons, dissolves in water or can be deposited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlsse.bundle import Model, champion
from mlsse.errors import ConditionError, FormulaError
from mlsse.formulas import Formula
from mlsse.interfaces import MAX_VOLTAGE_V, contact, read_partner
from mlsse.simplex import minimise
from mlsse.thermodynamics import (
    as_table,
    energy_above_hull,
    general_notes,
    is_disordered,
    read_formula,
)
from mlsse.windows import Limits, check_window_ion, limits, window_notes

if TYPE_CHECKING:
    import pandas as pd

#: A coating passes if it lies at most this far above the hull, eV/atom.
MAX_E_HULL_EV_PER_ATOM = 1e-4
#: Each of its reactions releases at most this, eV/atom.
MAX_REACTION_EV_PER_ATOM = 0.1
#: The oxidation limit may lie this far below the greatest voltage. Oxides are oxidised by giving
#: off oxygen, which is slow: they last some tenths of a volt beyond the limit of equilibrium.
#: Three tenths admit Li2CO3 (4.1 V) to a cathode charged to 4.3 V, and no LiNbO3 (3.8 V).
OXIDATION_TOLERANCE_V = 0.3

#: Elements that no candidate of the store has, with the reason. Transition metals and
#: lanthanides that change their valence near the voltages of a cathode conduct electrons and
#: take part in its reactions; those that have empty or full d shells there (Sc, Ti, Zn, Y, Zr,
#: Nb, Cd, La, Hf, Ta, W) stay in, and what their lower valences make of them is left to the
#: window.
EXCLUDED_ELEMENTS: Mapping[str, str] = {
    symbol: reason
    for reason, symbols in {
        "variable valence": (
            "V Cr Mn Fe Co Ni Cu Mo Tc Ru Rh Pd Ag Re Os Ir Pt Au Hg Ce Pr Eu Tb Yb"
        ),
        "radioactive": "Pm Po Ra Ac Th Pa U Np Pu Am Cm",
    }.items()
    for symbol in symbols.split()
}

_ON_HULL = 1e-6
_METASTABLE = 0.05
_SAME_ENERGY = 1e-3
_TOXIC = ("Be", "As", "Cd", "Hg", "Tl", "Pb")


@dataclass(frozen=True)
class Coating:
    """What a material does between a cathode and an electrolyte.

    The reaction energies are those of the contact, at the mixing ratio that releases most, both
    materials at their hull energy; zero where nothing reacts. See `mlsse.interfaces.contact`.

    Attributes
    ----------
    formula, reduced_formula : str
    passes : bool
        All filters.
    worst_reaction_energy_ev_per_atom : float
        The least of the three that follow.
    cathode_reaction_energy_ev_per_atom : float
        With the cathode as made; no ion leaves.
    charged_cathode_reaction_energy_ev_per_atom : float
        With the cathode at the greatest voltage, the ion free to come and go: for one atom
        that is not of the ion, beyond what charging makes of the cathode and of the coating
        apart.
    electrolyte_reaction_energy_ev_per_atom : float
        With the electrolyte; no ion leaves.
    reduction_limit_v, oxidation_limit_v : float
        The electrochemical window, volts against the metal of the ion.
    e_hull_ev_per_atom : float
    e_hull_source : {"reference", "model"}
    cathode_reaction, charged_cathode_reaction, electrolyte_reaction : str
        Balanced; empty if nothing reacts.
    notes : tuple of str
        Which filters it fails, and cautions, each a short code with words.
    """

    formula: str
    reduced_formula: str
    passes: bool
    worst_reaction_energy_ev_per_atom: float
    cathode_reaction_energy_ev_per_atom: float
    charged_cathode_reaction_energy_ev_per_atom: float
    electrolyte_reaction_energy_ev_per_atom: float
    reduction_limit_v: float
    oxidation_limit_v: float
    e_hull_ev_per_atom: float
    e_hull_source: str
    cathode_reaction: str
    charged_cathode_reaction: str
    electrolyte_reaction: str
    notes: tuple[str, ...]


def coatings(
    cathode: str | Formula,
    electrolyte: str | Formula,
    *,
    candidates: Iterable[str | Formula] | None = None,
    ion: str = "Li",
    min_voltage_v: float = 3.0,
    max_voltage_v: float = 4.3,
    model: Model | None = None,
) -> pd.DataFrame:
    """Rank coatings between a cathode and a solid electrolyte.

    A coating passes if

    - it lies on the convex hull,
    - its electrochemical window reaches from ``min_voltage_v`` to ``max_voltage_v``, the latter
      less `OXIDATION_TOLERANCE_V`,
    - no contact with the cathode as made, the cathode at ``max_voltage_v`` or the electrolyte
      releases more than `MAX_REACTION_EV_PER_ATOM`.

    Those that pass come first. Both they and the others are ranked by their worst reaction
    energy, the nearest to zero first, in steps of 1 meV/atom, below which the reference energies
    say nothing; of the same step the wider window comes first.

    Parameters
    ----------
    cathode, electrolyte : str or Formula
        Formula, or name of a `mlsse.interfaces.Partner` such as ``"NMC811"``; the cathode as
        made.
    candidates : iterable of str or Formula, optional
        By default the `stable_phases` of the store, about a thousand for lithium, which takes
        about a quarter of a minute.
    ion : {"Li", "Na", "K"}
    min_voltage_v, max_voltage_v : float
        Between which the cathode works, against the metal of the ion.
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    pandas.DataFrame of shape (n, n_fields + 1)
        Best first, the fields of `Coating` and a column ``error``, in which an unusable
        candidate has its error and all else but ``formula`` and ``passes`` is empty; these come
        last. ``attrs`` has ``uncoated_reaction_energy_ev_per_atom``, of the cathode as made with
        the electrolyte: what a coating has to improve on.

    Raises
    ------
    FormulaError
        If the cathode or the electrolyte is unusable.
    ConditionError
        If the ion or the voltages cannot be used, or the cathode is the metal of the ion.

    References
    ----------
    Xiao et al. 2019, doi:10.1016/j.joule.2019.02.006.

    Examples
    --------
    >>> found = coatings("LCO", "Li6PS5Cl", candidates=["LiNbO3", "Li3PO4", "Li2O"])
    >>> found["formula"].tolist(), found["passes"].tolist()
    (['Li3PO4', 'LiNbO3', 'Li2O'], [True, False, False])
    """
    from tqdm import tqdm

    check_window_ion(ion)
    if not 0.0 <= min_voltage_v < max_voltage_v <= MAX_VOLTAGE_V:
        raise ConditionError(
            f"voltages of the cathode from {min_voltage_v} to {max_voltage_v} V: expected 0 to "
            f"{MAX_VOLTAGE_V:g} V against the metal of the ion, the lower first"
        )
    model = model or champion()
    sides = [read_formula(read_partner(side)[1], model.phases) for side in (cathode, electrolyte)]
    if sides[0].amounts.keys() == {ion}:
        raise ConditionError(f"the cathode {cathode!r} is the metal of the ion: name a cathode")
    uncoated, _ = contact(sides[1], sides[0], model)
    screen = _Screen(sides[0], sides[1], uncoated, ion, min_voltage_v, max_voltage_v, model)
    if candidates is None:
        candidates = stable_phases(ion, model)
    elif isinstance(candidates, (str, Formula)):
        candidates = [candidates]
    # The bar goes to standard error, and only to a terminal.
    table = as_table(screen.coating, tqdm(candidates, "coatings", disable=None), Coating)
    table["passes"] = table["passes"].eq(True)
    table = _ranked(table)
    table.attrs["uncoated_reaction_energy_ev_per_atom"] = uncoated
    return table


def stable_phases(ion: str = "Li", model: Model | None = None) -> list[str]:
    """Formulas of the reference phases on the hull that have the ion.

    Parameters
    ----------
    ion : {"Li", "Na", "K"}
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    list of str
        Without those that have one of `EXCLUDED_ELEMENTS`.

    Raises
    ------
    ConditionError
    """
    check_window_ion(ion)
    model = model or champion()
    names = map(model.phases.name, model.phases.rows_with(ion, EXCLUDED_ELEMENTS).tolist())
    return [
        name
        for name in names
        if energy_above_hull(read_formula(name, model.phases), model)[0] <= _ON_HULL
    ]


@dataclass(frozen=True)
class _Screen:
    """What the coatings lie between, and the conditions."""

    cathode: Formula
    electrolyte: Formula
    uncoated: float  # eV/atom that they release in contact
    ion: str
    min_voltage_v: float
    max_voltage_v: float
    model: Model

    def coating(self, candidate: str | Formula) -> Coating:
        formula = read_formula(candidate, self.model.phases)
        reach = self._limits(formula)
        e_hull, source = energy_above_hull(formula, self.model)
        made = contact(formula, self.cathode, self.model)
        charged = contact(
            formula, self.cathode, self.model, voltage_v=self.max_voltage_v, ion=self.ion
        )
        inside = contact(formula, self.electrolyte, self.model)
        energies = {
            "cathode": made[0], "charged_cathode": charged[0], "electrolyte": inside[0],
        }  # fmt: skip
        failures = self._failures(e_hull, source, reach, energies)
        return Coating(
            formula=formula.text,
            reduced_formula=formula.reduced_formula,
            passes=not failures,
            worst_reaction_energy_ev_per_atom=min(energies.values()),
            cathode_reaction_energy_ev_per_atom=made[0],
            charged_cathode_reaction_energy_ev_per_atom=charged[0],
            electrolyte_reaction_energy_ev_per_atom=inside[0],
            reduction_limit_v=reach.reduction_v,
            oxidation_limit_v=reach.oxidation_v,
            e_hull_ev_per_atom=e_hull,
            e_hull_source=source,
            cathode_reaction=made[1],
            charged_cathode_reaction=charged[1],
            electrolyte_reaction=inside[1],
            notes=(*failures, *self._cautions(formula, reach, source, min(made[0], inside[0]))),
        )

    def _limits(self, formula: Formula) -> Limits:
        if self.ion not in formula.amounts:
            raise FormulaError(
                f"formula {formula.text!r}: no {self.ion} in it, so no window of that ion; try "
                "what it turns into with the ion, as LiAlO2 for Al2O3",
                text=formula.text,
            )
        if len(formula.amounts) == 1:
            raise FormulaError(
                f"formula {formula.text!r}: the metal itself is no coating", text=formula.text
            )
        system = self.model.phases.system(self.model.phases.elements_of(formula))
        target = system.target(formula)
        basis = minimise(system.columns, system.energies, target)
        return limits(system, target[:, None], basis, self.ion)[0]

    def _failures(
        self, e_hull: float, source: str, reach: Limits, energies: Mapping[str, float]
    ) -> list[str]:
        failures = []
        if e_hull > MAX_E_HULL_EV_PER_ATOM:
            code = "metastable" if e_hull <= _METASTABLE else "unstable"
            failures.append(
                f"{code}: {e_hull:.3f} eV/atom above the hull ({source}), on which window and "
                "reactions treat it"
            )
        if reach.reduction_v > self.min_voltage_v:
            failures.append(
                f"reduction: reduced below {reach.reduction_v:.2f} V; the cathode works down to "
                f"{self.min_voltage_v:g} V"
            )
        if reach.oxidation_v < self.max_voltage_v - OXIDATION_TOLERANCE_V:
            failures.append(
                f"oxidation: oxidised above {reach.oxidation_v:.2f} V; the cathode works up to "
                f"{self.max_voltage_v:g} V"
            )
        failures += [
            f"{side}: releases {-energy:.3f} eV/atom"
            for side, energy in energies.items()
            if energy < -MAX_REACTION_EV_PER_ATOM
        ]
        return failures

    def _cautions(self, formula: Formula, reach: Limits, source: str, coated: float) -> list[str]:
        notes = []
        if coated < self.uncoated - _SAME_ENERGY:
            notes.append(
                f"no_gain: without a coating the contact releases {-self.uncoated:.3f} eV/atom, "
                f"with this one {-coated:.3f}"
            )
        short = self.max_voltage_v - reach.oxidation_v
        if 0.0 < short <= OXIDATION_TOLERANCE_V:
            notes.append(
                f"slow_oxidation: oxidised above {reach.oxidation_v:.2f} V in equilibrium, "
                f"{short:.2f} V below the greatest voltage but within the tolerance"
            )
        if source == "model":
            notes.append("model: no reference phase has this composition; its stability is learned")
        if is_disordered(formula):
            notes.append("disorder: mixing entropy is left out")
        toxic = [symbol for symbol in _TOXIC if symbol in formula.amounts]
        if toxic:
            notes.append(f"toxic: has {', '.join(toxic)}")
        notes += window_notes(reach, sum(formula.amounts.values()), self.ion)
        return notes + general_notes(formula)


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Best first, whatever the order was; those with an error last."""
    width = (table["oxidation_limit_v"] - table["reduction_limit_v"]).astype(float)
    keys = table.assign(
        unusable=table["error"].notna(),
        fails=~table["passes"],
        step=(-table["worst_reaction_energy_ev_per_atom"].astype(float) / _SAME_ENERGY).round(),
        narrow=-width,
        name=table["formula"].map(str),
    )
    order = keys.sort_values(["unusable", "fails", "step", "narrow", "name"], kind="stable").index
    return table.loc[order].reset_index(drop=True)
