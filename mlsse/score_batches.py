"""Columns of the score card for a batch of formulas that were read, with the doubts about them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from mlsse.bundle import Model
from mlsse.charges import are_charge_unbalanced
from mlsse.features import MOBILE_ION, features_of_vectors
from mlsse.flat_formulas import write_formulas
from mlsse.formulas import parse_formula
from mlsse.phase_columns import PHASE_TEXTS, phase_columns
from mlsse.readings import Group, Readings
from mlsse.targets import inverse_temperature

Scored = dict[str, np.ndarray]

#: Ions looked for, in this order, where none is asked for.
IONS = ("Li", "Na", "K", "Ag", "Cu", "Mg", "Ca", "Zn", "Al", "Rb", "Cs", "H")

#: Measurements of one composition that differ by more than this speak of polymorphs, decades.
_POLYMORPH_SPREAD = 1.5
#: A nearest known composition within this distance is the composition itself.
_SAME_COMPOSITION = 1e-3
_PHASE_CHANGE_K = 573.15


def first_ion(symbols: Container[str]) -> str:
    """The first of `IONS` that a formula of these elements has; lithium if it has none."""
    return next((known for known in IONS if known in symbols), MOBILE_ION)


class Batch:
    """Readable formulas, their conditions and what was found of them group by group.

    Arrays have an entry a readable formula, in the order of `Readings`.
    """

    def __init__(
        self,
        texts: list[Any],
        read: Readings,
        temperatures_k: list[float],
        asked_ions: list[str | None],
        model: Model,
        groups: frozenset[str],
        warnings: list[list[str]],
    ) -> None:
        rows = read.rows.tolist()
        self.texts, self.read, self.model, self.groups = texts, read, model, groups
        self.temperatures_k = np.array([temperatures_k[row] for row in rows])
        self.warnings = [warnings[row] for row in rows]
        self.ions = np.empty(len(rows), dtype=object)
        self.has_ion = np.empty(len(rows), dtype=bool)
        self.group_of = np.empty(len(rows), dtype=np.intp)
        for number, group in enumerate(read.groups):
            first = first_ion(group.symbols)
            ions = [asked_ions[row] or first for row in rows[group.places]]
            self.ions[group.places] = ions
            self.has_ion[group.places] = [ion in group.symbols for ion in ions]
            self.group_of[group.places] = number

    def of_formulas(self) -> dict[str, Any]:
        """Columns of the formulas and conditions themselves."""
        reduced = []
        for group in self.read.groups:
            reduced += write_formulas(group.symbols, group.amounts)
        return {
            "reduced_formula": np.array(reduced, dtype=object),
            "mobile_ion": self.ions,
            "temperature_k": self.temperatures_k,
            "model_version": self.model.version,
        }

    def score(self, part: slice) -> Scored:
        """Columns of the models for some of the formulas; adds to their warnings."""
        model, groups = self.model, self.groups
        vectors = self.read.vectors(part.start, part.stop)
        features = features_of_vectors(vectors, model.tables)
        columns: Scored = {}
        if "conductivity" in groups:
            columns |= self._conductivity(part, vectors, features)
        self._warn_of_formulas(part)
        if "stability" in groups or "phases" in groups:
            stability = model.stability(features)
        if "stability" in groups:
            columns |= {
                "formation_energy_ev_per_atom": stability.formation_energy,
                "decomposition_energy_ev_per_atom": stability.decomposition_energy,
                "stable_probability": stability.stable_probability,
                "metastable_probability": stability.metastable_probability,
            }
        if "phases" in groups:
            formulas = [parse_formula(self.texts[row]) for row in self.read.rows[part].tolist()]
            of_phases, more = phase_columns(
                formulas, self.ions[part].tolist(), stability.decomposition_energy, model
            )
            columns |= {
                name: np.array(values, dtype=object if name in PHASE_TEXTS else float)
                for name, values in of_phases.items()
            }
            for found, added in zip(self.warnings[part], more, strict=True):
                found += added
        return columns

    def _conductivity(self, part: slice, vectors: np.ndarray, features: np.ndarray) -> Scored:
        """Columns of the group ``conductivity``; adds to the warnings."""
        model, calibration = self.model, self.model.calibration
        distinct, place = np.unique(self.temperatures_k[part], return_inverse=True)
        t = np.array([inverse_temperature(value) for value in distinct.tolist()])[place]
        covered = self.has_ion[part] & (self.ions[part] == MOBILE_ION)
        lines = model.lines(features)
        log10 = lines.log10_conductivity(t)
        lower, upper = calibration.interval(lines, t)
        in_domain = calibration.in_domain(lines) & covered
        indices, distances = (a[:, 0] for a in model.known.nearest(vectors))
        self._warn_of_conductivities(part, covered, in_domain, indices, distances)
        kinds = np.full(len(covered), None, dtype=object)
        kinds[covered] = "total"
        names = {i: model.known_formula(i) for i in np.unique(indices).tolist()}
        numbers = {
            "log10_conductivity": log10,
            "log10_conductivity_lower": lower,
            "log10_conductivity_upper": upper,
            "conductivity_s_per_cm": 10.0**log10,
            "activation_energy_ev": lines.activation_energy_ev,
            "superionic_probability": calibration.superionic_probability(lines, t),
        }
        return {
            **{name: np.where(covered, values, np.nan) for name, values in numbers.items()},
            "in_domain": in_domain.astype(object),
            "nearest_known_formula": np.array([names[i] for i in indices.tolist()], dtype=object),
            "nearest_known_distance": distances,
            "conductivity_kind": kinds,
        }

    def _warn_of_conductivities(
        self,
        part: slice,
        covered: np.ndarray,
        in_domain: np.ndarray,
        indices: np.ndarray,
        distances: np.ndarray,
    ) -> None:
        """Doubts about conductivities, short codes with words, the gravest first."""
        model, warnings, ions = self.model, self.warnings[part], self.ions[part]
        for i in np.flatnonzero(~covered).tolist():
            ion = ions[i]
            warnings[i].append(
                f"ion_not_covered: the data hold {MOBILE_ION} conductors, not {ion}"
                if ion != MOBILE_ION
                else f"mobile_ion_missing: no {ion} in the formula, so no {ion} conductivity"
            )
        for i in np.flatnonzero(covered & ~in_domain).tolist():
            warnings[i].append(
                "out_of_domain: little alike was ever measured; the value leans on a prior"
            )
        for here, group in self._groups(part):
            if any(symbol not in model.known_elements for symbol in group.symbols):
                for i in here[covered[here]].tolist():
                    amounts = parse_formula(self.texts[self.read.rows[part.start + i]]).amounts
                    unseen = [symbol for symbol in amounts if symbol not in model.known_elements]
                    warnings[i].append(
                        f"unseen_elements: no measured conductor has {', '.join(unseen)}"
                    )
        spread = model.spread_decades[indices]
        known = covered & (distances < _SAME_COMPOSITION)
        for i in np.flatnonzero(known & (spread > _POLYMORPH_SPREAD)).tolist():
            warnings[i].append(
                f"polymorphs: measured values of this composition spread over {spread[i]:.1f} "
                "decades (polymorphs, glass, density)"
            )
        low, high = model.temperature_range_k
        temperatures_k = self.temperatures_k[part]
        outside = (temperatures_k < low) | (temperatures_k > high)
        for i in np.flatnonzero(covered & outside).tolist():
            warnings[i].append(
                f"temperature_extrapolated: most measurements lie at {low:.0f} to {high:.0f} K"
            )
        for i in np.flatnonzero(covered & (temperatures_k > _PHASE_CHANGE_K)).tolist():
            warnings[i].append("phase_change: melting and changes of phase are not modelled")

    def _warn_of_formulas(self, part: slice) -> None:
        """Doubts about formulas themselves."""
        warnings = self.warnings[part]
        for here, group in self._groups(part):
            if {"C", "H"} <= set(group.symbols):
                for i in here.tolist():
                    warnings[i].append(
                        "organic: polymers, liquids and molecular solids are outside the data"
                    )
            of_group = here + (part.start - group.places.start)
            unbalanced = are_charge_unbalanced(group.symbols, group.amounts[of_group])
            for i in here[unbalanced].tolist():
                warnings[i].append(
                    "charge_unbalanced: no common oxidation states make the formula neutral"
                )
        if self.read.notes:
            for found, row in zip(warnings, self.read.rows[part].tolist(), strict=True):
                found += [f"note: {note}" for note in self.read.notes.get(row, ())]

    def _groups(self, part: slice) -> Iterator[tuple[np.ndarray, Group]]:
        """Groups that have formulas in a part, and which of its formulas these are."""
        first, last = self.group_of[part.start], self.group_of[part.stop - 1]
        for group in self.read.groups[first : last + 1]:
            start, stop = max(part.start, group.places.start), min(part.stop, group.places.stop)
            yield np.arange(start, stop) - part.start, group
