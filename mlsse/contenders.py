"""The best rows of a stream by given rules: order, diversity, Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse.chances import chances, columns_needed
from mlsse.choices import PROBABILITY, Choice
from mlsse.conditions import numbers
from mlsse.pareto import MAX_FRONT, non_dominated

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SPARE = 4  # rows kept for each one asked for, since equal compositions of two parents fall away
#: Rows from which the list is made where compositions are compared.
VARIANT_POOL = 20_000


def passing_rows(table: pa.Table, choice: Choice, counts: dict[str, int]) -> Mask:
    """Rows that fulfil everything; adds to the counts."""
    passing = np.ones(len(table), dtype=bool)

    def narrow(name: str, holds: Mask) -> None:
        counts[name] += int(holds.sum())
        np.logical_and(passing, holds, out=passing)

    counts["rows"] += len(table)
    for condition in choice.where:
        narrow(str(condition), condition.holds(table))
    if choice.excluded:
        narrow("without excluded elements", ~_has_any(table, choice.excluded))
    if choice.max_known_distance is not None:
        is_new = ~_is_reference(table)
        if "nearest_known_distance" in table.column_names:
            # An empty distance tells of no known material, as for an ion that no data cover.
            is_new &= ~(numbers(table["nearest_known_distance"]) < choice.max_known_distance)
        narrow("new", is_new)
    counts["passing"] += int(passing.sum())
    return passing


def _has_any(table: pa.Table, symbols: Sequence[str]) -> Mask:
    import pyarrow.compute as pc

    pattern = f"({'|'.join(symbols)})([^a-z]|$)"
    found = pc.match_substring_regex(table["reduced_formula"], pattern)
    return np.asarray(pc.fill_null(found, True), dtype=bool)


def _is_reference(table: pa.Table) -> Mask:
    import pyarrow.compute as pc

    if "e_hull_source" not in table.column_names:
        return np.zeros(len(table), dtype=bool)
    found = pc.equal(table["e_hull_source"], "reference")
    return np.asarray(pc.fill_null(found, False), dtype=bool)


@dataclass
class Keys:
    """What rows are sorted and told apart by, n of them.

    ``costs`` are the objectives, each the better the lower, infinite where empty.
    """

    part: NDArray[np.intp]
    place: NDArray[np.intp]
    input_row: NDArray[np.int64]
    composition: NDArray[np.object_]
    parent: NDArray[np.object_]
    each: Floats
    together: Floats
    costs: Floats

    @classmethod
    def of(cls, table: pa.Table, choice: Choice, part: int, places: NDArray[np.intp]) -> Keys:
        """The keys of rows of one part."""
        names = table.column_names
        n = len(table)
        values = {name: numbers(table[name]) for name in columns_needed(choice.thresholds, names)}
        each, together = chances(
            choice.thresholds, values, _is_reference(table), choice.window_error_v
        )
        costs = np.empty((n, len(choice.objectives)))
        for column, objective in zip(costs.T, choice.objectives, strict=True):
            is_probability = objective.name == PROBABILITY and PROBABILITY not in names
            value = together if is_probability else numbers(table[objective.name])
            column[:] = np.nan_to_num(-value if objective.is_max else value, nan=np.inf)
        compositions = table["reduced_formula"].to_numpy()
        parents = np.full(n, None, dtype=object)
        if "parent" in names:
            parents[:] = table["parent"].to_pylist()
        return cls(
            np.full(n, part),
            places,
            numbers(table["input_row"]).astype(np.int64),
            compositions,
            parents,
            each,
            together,
            costs,
        )

    @classmethod
    def none(cls, choice: Choice) -> Keys:
        """The keys of no row."""
        whole, texts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=object)
        return cls(
            whole,
            whole,
            whole,
            texts,
            texts,
            np.zeros((0, len(choice.thresholds))),
            np.zeros(0),
            np.zeros((0, len(choice.objectives))),
        )

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Keys:
        return Keys(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def __add__(self, other: Keys) -> Keys:
        pairs = ((getattr(self, n), getattr(other, n)) for n in self.__dataclass_fields__)
        return Keys(*(np.concatenate(pair) for pair in pairs))

    def order(self) -> NDArray[np.intp]:
        """The best first."""
        percent = np.round(100.0 * self.together)
        return np.lexsort((self.input_row, *self.costs.T[::-1], -percent))


@dataclass
class Best:
    """The best rows so far, as many as may be needed."""

    choice: Choice
    keys: Keys | None = None
    ran_out: bool = False
    has_parents: bool = False
    _is_cut: bool = field(default=False)

    def add(self, found: Keys) -> None:
        """Take what belongs to the best of all rows so far."""
        self.has_parents |= any(parent is not None for parent in found.parent)
        everything = found if self.keys is None else self.keys + found
        everything = everything[everything.order()]
        limit = _SPARE * self.choice.top + 100
        per_parent = self.choice.per_parent
        if per_parent and not self.has_parents:
            limit, per_parent = max(limit, VARIANT_POOL), 0
        kept = _walk(everything, per_parent, limit)
        self._is_cut |= len(kept) == limit
        self.keys = everything[kept]

    def listed(self) -> Keys:
        """The rows to list, the best first."""
        if self.keys is None:
            return Keys.none(self.choice)
        keys, choice = self.keys, self.choice
        _, first = np.unique(keys.composition.astype(str), return_index=True)
        keys = keys[np.sort(first)]  # a composition of two parents is listed once
        if choice.per_parent and not self.has_parents:
            chosen = _apart(keys, choice)
            self.ran_out = self._is_cut and len(chosen) < choice.top
            return keys[chosen]
        return keys[: choice.top]


def _walk(keys: Keys, per_parent: int, limit: int) -> NDArray[np.intp]:
    """The first rows that repeat none, at most so many of one parent, 0 for any number."""
    seen: set[tuple[Any, Any]] = set()
    of_parent: dict[Any, int] = {}
    taken = []
    for i, key in enumerate(zip(keys.parent.tolist(), keys.composition.tolist(), strict=True)):
        if key in seen:
            continue
        seen.add(key)
        parent = key[0]
        if per_parent and parent is not None:
            of_parent[parent] = of_parent.get(parent, 0) + 1
            if of_parent[parent] > per_parent:
                continue
        taken.append(i)
        if len(taken) == limit:
            break
    return np.array(taken, dtype=np.intp)


def _apart(keys: Keys, choice: Choice) -> NDArray[np.intp]:
    """Rows of which at most so many lie within the distance of variants of one another."""
    from mlsse.compositions import composition_vectors, cumulative_vectors

    places = cumulative_vectors(composition_vectors(keys.composition.tolist()))
    n_alike = np.zeros(len(keys), dtype=int)  # rows taken so far that lie near to each
    taken: list[int] = []
    for i in range(len(keys)):
        if len(taken) == choice.top:
            break
        if n_alike[i] < choice.per_parent:
            taken.append(i)
            n_alike += np.abs(places - places[i]).sum(axis=1) <= choice.variant_distance
    return np.array(taken, dtype=np.intp)


class Front:
    """The rows so far of which none is worse than another in every objective."""

    def __init__(self, choice: Choice) -> None:
        self.is_of_use = len(choice.objectives) > 1
        self.is_too_large = False
        self.keys = Keys.none(choice)

    def add(self, found: Keys) -> None:
        """Take the rows that nothing dominates, and drop those that they dominate."""
        if not self.is_of_use or self.is_too_large:
            return
        found = found[np.flatnonzero(np.isfinite(found.costs).all(axis=1))]
        everything = self.keys + found if len(self.keys) else found
        self.keys = everything[non_dominated(everything.costs)]
        self.is_too_large = len(self.keys) > MAX_FRONT

    def has(self, keys: Keys) -> Mask | None:
        """Which of other rows are on the front; None where it is not told."""
        if not self.is_of_use or self.is_too_large:
            return None
        on_front = set(zip(self.keys.part.tolist(), self.keys.place.tolist(), strict=True))
        pairs = zip(keys.part.tolist(), keys.place.tolist(), strict=True)
        return np.array([pair in on_front for pair in pairs], dtype=bool)
