"""The reference phases: their energies, the chemical systems that they span, their names.

Reference energies are formation energies of density functional theory at 0 K, one for each
composition; the elements have energy zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlsse.errors import FormulaError
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS, Formula, formula_from_fractions
from mlsse.simplex import Floats

_BASE = len(ELEMENTS) + 1  # of the number whose digits are the elements of a chemical system
_MAX_ELEMENTS = 9  # of one phase: such a number still fits 63 bits
_MANY_ELEMENTS = 12  # of a formula: looking through all phases is faster than at all subsets
_SAME_FRACTION = 1e-6
# The published decomposition energies and the least energies of mixtures of the same data differ
# by up to 5.4 meV/atom, so what lies a little above the hull may lie on it.
_NEAR_HULL_EV_PER_ATOM = 0.006
_DIATOMIC = frozenset({"H", "N", "O", "F", "Cl", "Br", "I"})
_USUAL_NAMES = {
    "LiO": "Li2O2", "NaO": "Na2O2", "KO": "K2O2", "RbO": "Rb2O2", "CsO": "Cs2O2", "HO": "H2O2",
    "NaS": "Na2S2", "NaS2": "Na2S4", "KS": "K2S2", "KS2": "K2S4",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ChemicalSystem:
    """The phases that a mixture of some elements can consist of.

    Attributes
    ----------
    elements : tuple of str
        n of them, by atomic number.
    columns : ndarray of shape (n, m)
        Atom fractions of each phase; the elements themselves come first, as the unit matrix.
    energies : ndarray of shape (m,)
        Formation energies, eV/atom.
    rows : ndarray of int, shape (m - n,)
        Places in the store of the phases after the elements.
    """

    elements: tuple[str, ...]
    columns: Floats
    energies: Floats
    rows: NDArray[np.intp]

    def target(self, formula: Formula) -> Floats:
        """Atom fractions of a formula in the order of the elements, shape (n,)."""
        amounts = np.array([formula.amounts.get(e, 0.0) for e in self.elements])
        return amounts / amounts.sum()


class PhaseStore:
    """Reference phases, sorted by chemical system.

    Parameters
    ----------
    sizes : ndarray of uint8, shape (n,)
        Number of elements of each phase.
    element_ids : ndarray of uint8, shape (sizes.sum(),)
        Places in `ELEMENTS`, rising within a phase.
    amounts : ndarray of uint16, shape (sizes.sum(),)
        Atoms of each in the formula unit.
    energies : ndarray of float32, shape (n,)
        Formation energy, eV/atom.
    near_hull : ndarray of bool, shape (n,)
        Phases that mixtures consist of. The others matter where a compound itself is left out.
    """

    def __init__(
        self,
        sizes: NDArray[np.uint8],
        element_ids: NDArray[np.uint8],
        amounts: NDArray[np.uint16],
        energies: NDArray[np.float32],
        near_hull: NDArray[np.bool_],
    ) -> None:
        self._arrays: dict[str, np.ndarray] = {
            "sizes": sizes,
            "element_ids": element_ids,
            "amounts": amounts,
            "energies": energies,
            "near_hull": near_hull,
        }
        self.energies = energies.astype(float)
        self.near_hull = near_hull
        filled = np.arange(_MAX_ELEMENTS) < sizes[:, None]
        self._ids = np.full(filled.shape, -1, dtype=np.int8)
        self._ids[filled] = element_ids
        self._amounts = np.zeros(filled.shape, dtype=np.uint16)
        self._amounts[filled] = amounts
        keys = np.zeros(len(sizes), dtype=np.int64)
        for ids in self._ids.T:
            keys = np.where(ids < 0, keys, keys * _BASE + ids + 1)
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys = keys[starts]
        self._starts = np.append(starts, len(sizes))
        self._elements = frozenset(ELEMENTS[i] for i in np.unique(element_ids).tolist())
        self._cached_system = lru_cache(maxsize=512)(self._system)
        self.name = lru_cache(maxsize=65536)(self._name)

    def __len__(self) -> int:
        """Number of phases, the elements not counted."""
        return len(self.energies)

    def arrays(self) -> dict[str, np.ndarray]:
        """What the store is made from again, by the names of its parameters."""
        return dict(self._arrays)

    def without_reference(self, formula: Formula) -> list[str]:
        """Elements of a formula that no reference phase has."""
        return [element for element in formula.amounts if element not in self._elements]

    def check(self, formula: Formula) -> None:
        """Refuse elements without a reference.

        Raises
        ------
        FormulaError
        """
        missing = self.without_reference(formula)
        if missing:
            raise FormulaError(
                f"formula {formula.text!r}: no reference phase has {', '.join(missing)}, so "
                "nothing is known of such energies: leave it out",
                text=formula.text,
            )

    def elements_of(self, formula: Formula, *others: Formula) -> tuple[str, ...]:
        """Elements of formulas, by atomic number."""
        found = formula.amounts.keys() | {e for other in others for e in other.amounts}
        return tuple(sorted(found, key=ELEMENT_INDEX.__getitem__))

    def find(self, formula: Formula) -> int | None:
        """Row of the phase of this very composition, or None."""
        symbols = self.elements_of(formula)
        if len(symbols) > _MAX_ELEMENTS:
            return None
        key = 0
        for symbol in symbols:
            key = key * _BASE + ELEMENT_INDEX[symbol] + 1
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or self._keys[place] != key:
            return None
        start, end = self._starts[place : place + 2]
        amounts = self._amounts[start:end, : len(symbols)]
        fractions = np.array([formula.amounts[s] for s in symbols])
        difference = amounts / amounts.sum(axis=1, keepdims=True) - fractions / fractions.sum()
        found = np.flatnonzero(np.abs(difference).max(axis=1) < _SAME_FRACTION)
        return int(start + found[0]) if len(found) else None

    def rows_with(self, element: str, without: Collection[str] = ()) -> NDArray[np.intp]:
        """Rows of the phases near the hull that have an element, and none of some others."""
        others = [ELEMENT_INDEX[symbol] for symbol in without]
        found = self.near_hull & (self._ids == ELEMENT_INDEX[element]).any(axis=1)
        return np.flatnonzero(found & ~np.isin(self._ids, others).any(axis=1))

    def amounts(self, row: int) -> dict[str, float]:
        """Atoms of each element in the formula unit of a phase."""
        return {
            ELEMENTS[i]: float(amount)
            for i, amount in zip(self._ids[row].tolist(), self._amounts[row].tolist(), strict=True)
            if i >= 0
        }

    def _name(self, row: int) -> str:
        """Formula of a phase, as chemists write it."""
        name = formula_from_fractions(self.amounts(row), whole=True)
        return _USUAL_NAMES.get(name, name)

    def system(self, elements: tuple[str, ...], *, whole: bool = False) -> ChemicalSystem:
        """Phases of a chemical system.

        Parameters
        ----------
        elements : tuple of str
            By atomic number, all of them with a reference.
        whole : bool
            Also the phases well above the hull.

        Returns
        -------
        ChemicalSystem
        """
        # Systems of many elements are large and hardly asked for twice.
        make = self._cached_system if len(elements) <= _MANY_ELEMENTS else self._system
        return make(elements, whole=whole)

    def _system(self, elements: tuple[str, ...], *, whole: bool) -> ChemicalSystem:
        ids = [ELEMENT_INDEX[symbol] for symbol in elements]
        rows = self._rows(ids)
        if not whole:
            rows = rows[self.near_hull[rows]]
        n = len(ids)
        place = np.full(_BASE, n)  # the last, of the id -1, is a line to be thrown away
        place[ids] = np.arange(n)
        amounts = self._amounts[rows]
        columns = np.zeros((n + 1, n + len(rows)))
        columns[place[self._ids[rows]], np.arange(n, n + len(rows))[:, None]] = (
            amounts / amounts.sum(axis=1, keepdims=True)
        )
        columns[:, :n] = np.eye(n + 1, n)
        energies = np.concatenate([np.zeros(n), self.energies[rows]])
        return ChemicalSystem(elements, np.ascontiguousarray(columns[:n]), energies, rows)

    def _rows(self, ids: Sequence[int]) -> NDArray[np.intp]:
        """Phases that have no other elements than these; the ids rise."""
        if len(ids) > _MANY_ELEMENTS:
            return np.flatnonzero(np.isin(self._ids, [*ids, -1]).all(axis=1))
        subsets = [np.zeros(1, dtype=np.int64)]  # keys of the subsets of 0, 1, 2 ... elements
        for i in ids:
            longer = [keys * _BASE + i + 1 for keys in subsets[:_MAX_ELEMENTS]]
            subsets = [
                np.concatenate(pair)
                for pair in zip([*subsets, _NOTHING], [_NOTHING, *longer], strict=False)
            ]
        keys = np.sort(np.concatenate(subsets))
        places = np.searchsorted(self._keys, keys)
        places = places[self._keys.take(places, mode="clip") == keys]
        starts, ends = self._starts[places].tolist(), self._starts[places + 1].tolist()
        return np.array([r for s, e in zip(starts, ends, strict=True) for r in range(s, e)], int)


_NOTHING = np.zeros(0, dtype=np.int64)


def element_name(symbol: str) -> str:
    """Formula of an element as it reacts: ``O2``, ``Li``."""
    return f"{symbol}2" if symbol in _DIATOMIC else symbol


def fit_phases(
    formulas: Sequence[Mapping[str, float]],
    formation_energies: Floats,
    decomposition_energies: Floats,
) -> PhaseStore:
    """Make a store of compounds with known energies.

    Parameters
    ----------
    formulas : sequence of mapping of str to float
        Whole numbers of atoms of each element; no composition twice.
    formation_energies, decomposition_energies : ndarray of shape (n,)
        eV/atom.

    Returns
    -------
    PhaseStore
    """
    ids = [sorted(ELEMENT_INDEX[symbol] for symbol in amounts) for amounts in formulas]
    # The key of a longer system is the larger number, so sorting by length first sorts the keys.
    order = sorted(range(len(ids)), key=lambda i: (len(ids[i]), ids[i], formation_energies[i]))
    return PhaseStore(
        np.array([len(ids[i]) for i in order], dtype=np.uint8),
        np.array([e for i in order for e in ids[i]], dtype=np.uint8),
        np.array([formulas[i][ELEMENTS[e]] for i in order for e in ids[i]], dtype=np.uint16),
        np.asarray(formation_energies, dtype=np.float32)[order],
        np.asarray(decomposition_energies)[order] <= _NEAR_HULL_EV_PER_ATOM,
    )
