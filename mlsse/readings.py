"""Many formulas read at once, in groups of the same elements, as bulk prediction takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlsse.errors import FormulaError
from mlsse.flat_formulas import read_flat_formulas
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS, parse_formula

Floats = NDArray[np.float64]

_FEW = 16  # formulas that are read faster one by one
_HALF = len(ELEMENTS) // 2


@dataclass(frozen=True)
class Group:
    """Formulas of the same elements.

    Attributes
    ----------
    symbols : tuple of str
        k elements, in the order of `ELEMENTS`.
    places : slice
        Which readable formulas, n of them.
    amounts : ndarray of shape (n, k)
    """

    symbols: tuple[str, ...]
    places: slice
    amounts: Floats


@dataclass(frozen=True)
class Readings:
    """What was read of many texts. The m readable formulas come group after group.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Which text each readable formula comes from.
    groups : list of Group
    errors : dict of int to str
        What is wrong with the others, by the place of the text.
    notes : dict of int to tuple of str
        Notes of the reader, by the place of the text.
    """

    rows: NDArray[np.intp]
    groups: list[Group]
    errors: dict[int, str]
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def vectors(self, start: int, stop: int) -> Floats:
        """Atom fractions of some readable formulas, shape (stop - start, len(ELEMENTS))."""
        vectors = np.zeros((min(stop, len(self.rows)) - start, len(ELEMENTS)))
        for group in self.groups[self._group_of(start) : self._group_of(stop - 1) + 1]:
            first = max(start, group.places.start)
            last = min(stop, group.places.stop)
            of_group = slice(first - group.places.start, last - group.places.start)
            columns = [ELEMENT_INDEX[symbol] for symbol in group.symbols]
            vectors[first - start : last - start, columns] = fractions(group.amounts[of_group])
        return vectors

    def parts(self, n_rows: int) -> list[slice]:
        """Parts of at most so many readable formulas; large groups have parts of their own."""
        found: list[slice] = []
        for group in self.groups:
            start, size = group.places.start, group.places.stop - group.places.start
            if found and found[-1].stop - found[-1].start + size <= n_rows:
                found[-1] = slice(found[-1].start, group.places.stop)
                continue
            n_parts = -(-size // n_rows)
            bounds = [start + size * i // n_parts for i in range(n_parts + 1)]
            found += [slice(*pair) for pair in pairwise(bounds)]
        return found

    def _group_of(self, place: int) -> int:
        starts = [group.places.start for group in self.groups]
        return int(np.searchsorted(starts, place, side="right")) - 1


def fractions(amounts: Floats) -> Floats:
    """Amounts over their sum, added up element by element; shape (n, k)."""
    total = np.zeros(len(amounts))
    for column in amounts.T:
        total += column
    return amounts / total[:, None]


def read_formulas(texts: Sequence[object]) -> Readings:
    """Read formulas, the plain ones at once.

    Parameters
    ----------
    texts : sequence
        Of texts; anything else counts as unusable.

    Returns
    -------
    Readings
    """
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    amounts: Floats
    errors: dict[int, str] = {}
    notes: dict[int, tuple[str, ...]] = {}
    if len(texts) < _FEW:
        rows, columns, amounts = np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
        unread = np.arange(len(texts))
    else:
        plain = [text if isinstance(text, str) else "" for text in texts]
        rows, columns, amounts, unread = read_flat_formulas(plain)
    more: list[tuple[int, int, float]] = []
    for row in unread.tolist():
        try:
            read = parse_formula(texts[row])
        except FormulaError as error:
            errors[row] = str(error)
            continue
        if read.notes:
            notes[row] = read.notes
        more += [(row, ELEMENT_INDEX[symbol], amount) for symbol, amount in read.amounts.items()]
    if more:
        of_more = np.array(more)
        rows = np.concatenate([rows, of_more[:, 0].astype(np.intp)])
        columns = np.concatenate([columns, of_more[:, 1].astype(np.intp)])
        amounts = np.concatenate([amounts, of_more[:, 2]])
    # Entries by row, and in one order of the elements.
    order = np.argsort(rows * len(ELEMENTS) + columns, kind="stable")
    rows, columns, amounts = rows[order], columns[order], amounts[order]
    readable, starts, counts = np.unique(rows, return_index=True, return_counts=True)
    if not len(readable):
        return Readings(readable, [], errors, notes)
    # The elements of a row as two numbers, a bit each.
    bits = np.left_shift(np.int64(1), columns % _HALF)
    low = np.add.reduceat(np.where(columns < _HALF, bits, 0), starts)
    high = np.add.reduceat(np.where(columns < _HALF, 0, bits), starts)
    by_elements = np.lexsort((low, high))
    low, high = low[by_elements], high[by_elements]
    changes = np.flatnonzero((low[1:] != low[:-1]) | (high[1:] != high[:-1])) + 1
    bounds = [0, *changes.tolist(), len(readable)]
    starts, counts = starts[by_elements], counts[by_elements]
    groups = []
    for first, last in pairwise(bounds):
        entries = starts[first:last, None] + np.arange(counts[first])
        symbols = tuple(ELEMENTS[i] for i in columns[entries[0]].tolist())
        groups.append(Group(symbols, slice(first, last), amounts[entries]))
    return Readings(readable[by_elements], groups, errors, notes)
