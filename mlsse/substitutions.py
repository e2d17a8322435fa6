"""Substitution: what is replaced in a parent by what, and what makes up for the charge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from mlsse.composition_grids import UNBOUNDED, Grid, decimal, elements_key
from mlsse.errors import ConfigError
from mlsse.formulas import parse_formula
from mlsse.recipes import Series
from mlsse.site_charges import dopant_charge, parent_charges

_MAX_UNIT = 1_000_000
_MAX_DENOMINATOR = 10_000


@dataclass(frozen=True, slots=True)
class System:
    """Candidates of the same elements: a host, what is replaced in it, and what vanishes.

    Attributes
    ----------
    host : Host
    dopants : tuple of (int, str)
        Number of each substitution that takes place, and the dopant.
    compensate : str
        Element that makes up for the charge.
    absent : tuple of str
        Elements of the parent that are replaced completely.
    """

    host: Host
    dopants: tuple[tuple[int, str], ...]
    compensate: str
    absent: tuple[str, ...]

    @property
    def key(self) -> int:
        """The same for the same elements."""
        symbols = {*self.host.amounts, *(dopant for _, dopant in self.dopants)}
        return elements_key(symbols.difference(self.absent))

    @property
    def parent(self) -> str:
        """Formula of the parent."""
        return self.host.parent

    def grid(self) -> Grid:
        """Amounts by how much is replaced; last column: change of what compensates."""
        return self.host.grid(self)

    def labels(self, grid: Grid) -> list[list[str]]:
        """What is written of each value of each axis."""
        labels = []
        for (number, dopant), axis in zip(self.dopants, grid.axes, strict=True):
            site = self.host.sites[number]
            text = f"{site.element}->{dopant} x="
            labels.append([text + decimal(x, self.host.unit) for x in axis.tolist()])
        return labels


@dataclass(frozen=True, slots=True)
class Site:
    """A substitution in a host: x in the unit of the host, without zero."""

    element: str
    by: tuple[str, ...]
    x: np.ndarray
    optional: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A parent with the substitutions of its series, amounts as whole numbers of 1 / unit."""

    parent: str
    unit: int
    amounts: dict[str, int]
    charges: dict[str, int]
    sites: tuple[Site, ...]
    limits: Mapping[str, tuple[Fraction, Fraction]]

    def grid(self, system: System) -> Grid:
        """Grid of one system of this host."""
        balance = self.charges[system.compensate]
        factor, sign = abs(balance), (1 if balance > 0 else -1)
        unit = self.unit * factor
        dopants = [dopant for _, dopant in system.dopants]
        sites = [self.sites[number] for number, _ in system.dopants]
        replaced = [site.element for site in sites]
        elements = self._written(replaced, dopants, system.absent)
        columns = {symbol: i for i, symbol in enumerate(elements)}
        for symbol in system.absent:
            columns[symbol] = len(columns)
        # Where an element is also added, its amount alone does not say what is left of its site.
        mixed = [s for s in dict.fromkeys(replaced) if s in dopants or s == system.compensate]
        n = len(columns)
        shape = n + len(mixed) + 1
        base, lower = np.zeros(shape, int), np.zeros(shape, int)
        upper = np.full(shape, UNBOUNDED)
        slopes = np.zeros((len(sites), shape), int)
        for symbol, column in columns.items():
            base[column] = self.amounts.get(symbol, 0) * factor
            lower[column] = symbol not in system.absent
            if symbol in self.limits:
                low, high = self.limits[symbol]
                lower[column] = max(lower[column], math.ceil(low * unit))
                upper[column] = math.floor(high * unit)
        for symbol in system.absent:
            upper[columns[symbol]] = 0
        for i, (site, dopant) in enumerate(zip(sites, dopants, strict=True)):
            change = -sign * (self.charges[dopant] - self.charges[site.element])
            slopes[i, columns[site.element]] -= factor
            slopes[i, columns[dopant]] += factor
            slopes[i, columns[system.compensate]] += change
            slopes[i, -1] = change
            if site.element in mixed:
                slopes[i, n + mixed.index(site.element)] = -factor
        for i, symbol in enumerate(mixed):
            base[n + i] = self.amounts[symbol] * factor
        lower[-1] = -UNBOUNDED
        axes = tuple(site.x for site in sites)
        return Grid(elements, unit, axes, base, slopes, lower, upper).pruned()

    def _written(
        self, replaced: Sequence[str], dopants: Sequence[str], absent: Sequence[str]
    ) -> tuple[str, ...]:
        """Elements as in the parent, dopants behind what they replace."""
        order: dict[str, None] = {}
        for symbol in self.amounts:
            order.setdefault(symbol)
            for site, dopant in zip(replaced, dopants, strict=True):
                if site == symbol and dopant not in self.amounts:
                    order.setdefault(dopant)
        return tuple(symbol for symbol in order if symbol not in absent)


def substituted_systems(series: Series) -> Iterator[System]:
    """Generate the systems of a series: dopants, what compensates, what vanishes.

    Raises
    ------
    ConfigError
        If a parent is not neutral, a charge cannot be told, or more is replaced than there is.
    """
    for parent in series.parents:
        host = _host(series, parent)
        none: tuple[str | None, ...] = (None,)
        choices = [(none if site.optional else ()) + site.by for site in host.sites]
        for chosen in product(*choices):
            dopants = tuple((i, dopant) for i, dopant in enumerate(chosen) if dopant is not None)
            pairs = [(host.sites[i].element, dopant) for i, dopant in dopants]
            if len(set(pairs)) < len(pairs):
                continue  # the same as one substitution with more of it
            isovalent = all(host.charges[one] == host.charges[other] for one, other in pairs)
            for compensate in series.compensate[:1] if isovalent else series.compensate:
                for absent in _vanishing(host, dopants, compensate):
                    yield System(host, dopants, compensate, absent)


def _vanishing(
    host: Host, dopants: Sequence[tuple[int, str]], compensate: str
) -> Iterator[tuple[str, ...]]:
    """Sets of elements that may be replaced completely, at some points of the grid."""
    most: dict[str, int] = {}
    for number, _ in dopants:
        site = host.sites[number]
        most[site.element] = most.get(site.element, 0) + int(site.x[-1])
    able = [s for s, x in most.items() if x >= host.amounts[s] and s != compensate]
    for size in range(len(able) + 1):
        yield from combinations(able, size)


def _host(series: Series, parent: str) -> Host:
    """Check a series against one of its parents and bring it to whole numbers."""
    where = f"{series.where}, {parent}"
    exact = _exact_amounts(parent, where)
    for what, symbols in {
        "site": [one.site for one in series.substitutions],
        "compensate": series.compensate,
    }.items():
        for symbol in symbols:
            if symbol not in exact:
                raise ConfigError(
                    f"{where}: {what} {symbol!r} is not in the parent: name one of its elements, "
                    "or give this parent a [[series]] of its own"
                )
    found = parent_charges(exact, series.charges, where)
    for one in series.substitutions:
        if one.x[-1] > exact[one.site]:
            raise ConfigError(
                f"{where}: x = {float(one.x[-1]):g} of {one.site}, of which the parent has "
                f"{float(exact[one.site]):g}: lower x"
            )
        for dopant in one.by:
            if dopant not in found:
                found[dopant] = dopant_charge(
                    dopant, one.site, found[one.site], exact, series.charges, where
                )
            if (found[dopant] > 0) != (found[one.site] > 0):
                raise ConfigError(
                    f"{where}: {dopant} of charge {found[dopant]:+d} cannot take the place of "
                    f"{one.site} of charge {found[one.site]:+d}: choose a dopant of the same sign"
                )
    known = {*exact, *(dopant for one in series.substitutions for dopant in one.by)}
    for symbol in series.limits:
        if symbol not in known:
            raise ConfigError(f"{where}: limits of {symbol}, which no candidate has: remove them")
    grids = [x for one in series.substitutions for x in one.x]
    unit = math.lcm(*(value.denominator for value in (*exact.values(), *grids)))
    if unit > _MAX_UNIT:
        raise ConfigError(
            f"{where}: amounts and x have no common unit above 1/{_MAX_UNIT}: round them"
        )
    sites = tuple(
        Site(one.site, one.by, np.array([int(x * unit) for x in one.x if x]), 0 in one.x)
        for one in series.substitutions
    )
    amounts = {symbol: int(value * unit) for symbol, value in exact.items()}
    return Host(parent, unit, amounts, found, sites, series.limits)


def _exact_amounts(parent: str, where: str) -> dict[str, Fraction]:
    exact = {}
    for symbol, amount in parse_formula(parent).amounts.items():
        exact[symbol] = Fraction(amount).limit_denominator(_MAX_DENOMINATOR)
        if abs(float(exact[symbol]) - amount) > 1e-13 * amount:
            raise ConfigError(
                f"{where}: the amount {amount:g} of {symbol} is no fraction with a denominator of "
                f"at most {_MAX_DENOMINATOR}: round it"
            )
    return exact
