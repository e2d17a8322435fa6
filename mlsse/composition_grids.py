"""Compositions on a grid: amounts that follow from a few variables, in whole numbers.

A grid is the product of some axes. The amounts at a point are affine in its coordinates and
counted in a common unit, so that arithmetic is that of integers. Bounds and a test leave points
out. Nothing of the size of a grid is held: it is evaluated a piece at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from mlsse.formulas import ELEMENT_INDEX

#: No upper bound of an amount.
UNBOUNDED = 2**62
# Two fractions that differ by 1e-6 have different normal forms; twice that leaves a margin.
_DISTINCT = 2e-6
_MIXER = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class Grid:
    """Amounts of some elements at the points of a grid.

    The columns may go beyond the elements: those that follow are sums that are bounded, too.

    Attributes
    ----------
    elements : tuple of str
        Those that the formulas have, in writing order.
    unit : int
        An amount of n stands for n / unit atoms.
    axes : tuple of numpy.ndarray of int, each of shape (n_values,)
        Values of each variable.
    base : numpy.ndarray of int, shape (n_columns,)
        Amounts where all variables are zero; the elements come first.
    slopes : numpy.ndarray of int, shape (n_axes, n_columns)
        Change of the amounts with each variable.
    lower, upper : numpy.ndarray of int, shape (n_columns,)
        Bounds of the amounts, both allowed.
    accept : callable, optional
        Which rows of amounts of the elements are kept, shape (n,) of bool for (n, n_elements).
    distinct : bool
        Whether it is known that no two points have the same composition.
    """

    elements: tuple[str, ...]
    unit: int
    axes: tuple[np.ndarray, ...]
    base: np.ndarray
    slopes: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    accept: Callable[[np.ndarray], np.ndarray] | None = None
    distinct: bool = False

    @property
    def n_points(self) -> int:
        """Number of points, those that bounds and test leave out among them."""
        return math.prod([len(axis) for axis in self.axes])

    def pruned(self) -> Grid:
        """Leave out the values of each axis that a column of this axis alone forbids."""
        if not len(self._bounded):
            return self
        axes = list(self.axes)
        depends = self.slopes != 0
        alone = depends.sum(axis=0) == 1
        for i, axis in enumerate(axes):
            columns = depends[i] & alone
            amounts = self.base[columns] + axis[:, None] * self.slopes[i, columns]
            kept = (amounts >= self.lower[columns]) & (amounts <= self.upper[columns])
            axes[i] = axis[kept.all(axis=1)]
        return Grid(
            self.elements, self.unit, tuple(axes), self.base, self.slopes, self.lower, self.upper,
            self.accept, self.distinct,
        )  # fmt: skip

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """Evaluate points start to stop and keep those that bounds and test allow.

        Returns
        -------
        amounts : numpy.ndarray of int, shape (n_kept, n_columns)
        places : list of numpy.ndarray of int, each of shape (n_kept,)
            Which value of each axis.
        """
        points = np.arange(start, min(stop, self.n_points))
        if not len(points):
            return np.zeros((0, len(self.base)), int), [points] * len(self.axes)
        shape = tuple(len(axis) for axis in self.axes)
        places = list(np.unravel_index(points, shape)) if shape else []
        values = [axis[place] for axis, place in zip(self.axes, places, strict=True)]
        if values:
            amounts = np.stack(values, axis=1) @ self.slopes + self.base
        else:
            amounts = self.base[None, :]
        kept = np.ones(len(points), bool)
        for column in self._bounded:
            kept &= amounts[:, column] >= self.lower[column]
            kept &= amounts[:, column] <= self.upper[column]
        if self.accept is not None:
            kept &= self.accept(amounts[:, : len(self.elements)])
        if not kept.all():
            amounts, places = amounts[kept], [place[kept] for place in places]
        return amounts, places

    def is_full(self) -> bool:
        """Whether neither bounds nor test can leave a point out."""
        return self.accept is None and not len(self._bounded)

    def is_distinct(self) -> bool:
        """Whether it is certain that no two points have the same normal form.

        Fractions are f = A u, with the columns of A the base and, for each axis, its slope times
        its greatest value, and u = (1, x) / T for relative coordinates x and T atoms. Two points
        differ by at least s / (2 T) in u, s the least relative step of an axis, hence in f by
        that over the norm of the inverse of A, if A has full rank.
        """
        if self.distinct:
            return True
        n = len(self.elements)
        greatest = np.array([max(axis[-1], 1) for axis in self.axes], dtype=float)
        matrix = np.vstack([self.base[:n], self.slopes[:, :n] * greatest[:, None]]).T
        if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
            return False
        steps = [
            np.diff(axis).min() / most
            for axis, most in zip(self.axes, greatest, strict=True)
            if len(axis) > 1
        ]
        atoms = self._range()[1][:n].sum()
        norm = np.abs(np.linalg.pinv(matrix)).sum(axis=1).max()
        return bool(min(steps, default=1.0) / (2.0 * atoms * norm) >= _DISTINCT)

    @cached_property
    def _bounded(self) -> np.ndarray:
        """Columns whose bounds leave points out."""
        least, most = self._range()
        return np.flatnonzero((least < self.lower) | (most > self.upper))

    def _range(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest amount of each column, at the corners."""
        if not self.n_points or not self.axes:
            return self.base, self.base
        first = np.array([axis[0] for axis in self.axes])[:, None] * self.slopes
        last = np.array([axis[-1] for axis in self.axes])[:, None] * self.slopes
        least, most = np.minimum(first, last).sum(axis=0), np.maximum(first, last).sum(axis=0)
        return self.base + least, self.base + most


class SeenCompositions:
    """Which normal forms over the same elements were met before, in eight bytes each.

    A key is the sum of hashes of the parts per million, 64 bits each. Among a million
    compositions of the same elements, two share a key with a probability of 3e-8; the later one
    would be lost.
    """

    def __init__(self, n_elements: int) -> None:
        self._factors = _factors()[:n_elements]
        self._keys = np.zeros(0, np.uint64)

    def fresh(self, amounts: np.ndarray) -> np.ndarray:
        """Which rows have a normal form that was not met before; they are remembered.

        Parameters
        ----------
        amounts : numpy.ndarray of shape (n, n_elements)
            The elements in the same order each time.

        Returns
        -------
        numpy.ndarray of int
            Rows, rising.
        """
        scale = 1e6 / amounts.sum(axis=1)
        # As `Formula.normal_form` counts them.
        parts = (amounts * scale[:, None] + 0.500001).astype(np.uint64) * self._factors
        parts ^= parts >> np.uint64(29)
        parts *= _MIXER
        parts ^= parts >> np.uint64(32)
        keys, rows = np.unique(parts.sum(axis=1), return_index=True)
        if len(self._keys):
            places = np.searchsorted(self._keys, keys)
            places[places == len(self._keys)] = 0
            new = self._keys[places] != keys
            keys, rows = keys[new], rows[new]
            if len(keys):
                self._keys = np.sort(np.concatenate([self._keys, keys]), kind="stable")
        else:
            self._keys = keys
        rows.sort()
        return rows


@lru_cache(maxsize=1)
def _factors() -> np.ndarray:
    """Odd random numbers of 64 bits, one for each element."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 2**63, len(ELEMENT_INDEX), dtype=np.uint64) * 2 + 1


def elements_key(symbols: Iterable[str]) -> int:
    """Make a small key of different elements: a bit for each."""
    return sum([1 << ELEMENT_INDEX[symbol] for symbol in symbols])


@lru_cache(maxsize=100_000)
def decimal(number: int, unit: int) -> str:
    """Write number / unit exactly: a decimal, or else a fraction.

    Examples
    --------
    >>> decimal(5, 20), decimal(40, 20), decimal(-1, 3)
    ('0.25', '2', '-1/3')
    """
    divisor = math.gcd(number, unit)
    number, unit = number // divisor, unit // divisor
    digits = max(_power(unit, 2), _power(unit, 5))
    if 10**digits % unit:
        return f"{number}/{unit}"
    sign = "-" if number < 0 else ""
    whole, rest = divmod(abs(number) * 10**digits // unit, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


def _power(number: int, prime: int) -> int:
    """How often a prime divides a number."""
    count = 0
    while number % prime == 0:
        number //= prime
        count += 1
    return count
