"""Candidates of a recipe: counted before they are made, and made one after the other.

Candidates with the same normal form have the same elements. The systems of a recipe are
therefore put in groups by their elements, and duplicates looked for within a group alone; a
single grid that cannot repeat a composition needs no look at all. Memory is that of one piece
of a grid and, where needed, eight bytes for each candidate of the same elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import numpy as np

from mlsse.composition_grids import Grid, SeenCompositions, decimal
from mlsse.enumerations import EnumeratedSystem, enumerated_systems
from mlsse.errors import ConfigError
from mlsse.recipes import Recipe
from mlsse.substitutions import System, substituted_systems

#: Columns of a candidate.
COLUMNS = ("formula", "parent", "recipe", "substitution")
#: Most ways to combine elements; each takes some 300 bytes.
MAX_SYSTEMS = 200_000
_PIECE = 50_000
# A grid smaller than this is looked through for duplicates at less cost than for a proof.
_SMALL = 20_000
# Points of grids that a count evaluates at most, some ten seconds.
_COUNTED_POINTS = 30_000_000


class Candidate(NamedTuple):
    """A formula and where it comes from.

    Attributes
    ----------
    formula : str
        Amounts exact, elements in the order of the parent.
    parent : str
        As in the recipe; of an enumerated formula its elements, such as ``Li-Y-Cl``.
    recipe : str
        Name of the recipe.
    substitution : str
        Such as ``Zr->Ta x=0.25; Li-0.25``; ``none`` for the parent, ``enumerated``.
    """

    formula: str
    parent: str
    recipe: str
    substitution: str


@dataclass(frozen=True)
class Count:
    """How many candidates a recipe makes.

    Attributes
    ----------
    number : int
    exact : bool
        If false the number is an upper bound.
    """

    number: int
    exact: bool

    def __str__(self) -> str:
        return str(self.number) if self.exact else f"at most {self.number}"


def count_candidates(recipe: Recipe) -> Count:
    """Count the candidates of a recipe without making them.

    A grid that nothing is left out of and that cannot repeat a composition counts by its size,
    however large. Others are evaluated, up to thirty million points in all; beyond, their size
    is an upper bound.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    Count

    Raises
    ------
    ConfigError
        If the recipe cannot be followed; a parent that is not neutral, a charge that cannot
        be told, more replaced than there is, or more than `MAX_SYSTEMS` systems.

    Examples
    --------
    >>> from mlsse.recipes import parse_recipe
    >>> recipe = parse_recipe('''
    ... name = "argyrodites"
    ... [[series]]
    ... parents = ["Li6PS5Cl"]
    ... substitutions = [{site = "Cl", by = "Br", x = {from = 0, to = 1, by = 0.25}}]
    ... ''')
    >>> print(count_candidates(recipe))
    5
    >>> for candidate in make_candidates(recipe):
    ...     print(candidate.formula, "|", candidate.substitution)
    Li6PS5Cl | none
    Li6PS5Cl0.75Br0.25 | Cl->Br x=0.25
    Li6PS5Cl0.5Br0.5 | Cl->Br x=0.5
    Li6PS5Cl0.25Br0.75 | Cl->Br x=0.75
    Li6PS5Br | Cl->Br x=1
    """
    number, exact, points_left = 0, True, _COUNTED_POINTS
    for group in _groups(recipe):
        sized = None
        if len(group) == 1:
            grid = group[0].grid()
            if grid.n_points > _SMALL and grid.is_full() and grid.is_distinct():
                sized = grid.n_points
        if sized is None:
            n_points = sum(system.grid().n_points for system in group)
            points_left -= n_points
            if points_left < 0:
                sized, exact = n_points, False
            else:
                sized = sum(len(piece.amounts) for piece in _pieces(group))
        number += sized
    return Count(number, exact)


def make_candidates(recipe: Recipe) -> Iterator[Candidate]:
    """Make the candidates of a recipe, one after the other, always in the same order.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    iterator of Candidate
        No two with the same normal form, all of them neutral.

    Raises
    ------
    ConfigError
        At once, if the recipe cannot be followed.
    """
    batches = candidate_batches(recipe)
    return (Candidate(*row) for batch in batches for row in zip(*batch.values(), strict=True))


def candidate_batches(
    recipe: Recipe, *, rows: int = 10_000, start: int = 0
) -> Iterator[dict[str, list[str]]]:
    """Make the candidates of a recipe in batches of columns.

    Parameters
    ----------
    recipe : Recipe
    rows : int
        Candidates of a batch; the last one may have fewer.
    start : int
        Candidates to pass over, at less cost than to make them.

    Returns
    -------
    iterator of dict
        Each of `COLUMNS` with its texts.

    Raises
    ------
    ConfigError
        At once, if the recipe cannot be followed.
    """
    return _batches(recipe.name, _groups(recipe), rows, start)


def _groups(recipe: Recipe) -> list[list[System | EnumeratedSystem]]:
    """Systems of a recipe by their elements, in order of appearance."""
    groups: dict[int, list[System | EnumeratedSystem]] = {}
    for n_systems, system in enumerate(_systems(recipe)):
        if n_systems == MAX_SYSTEMS:
            raise ConfigError(
                f"recipe {recipe.name} combines its elements in more than {MAX_SYSTEMS} ways: "
                "shorten its lists or split it"
            )
        groups.setdefault(system.key, []).append(system)
    return list(groups.values())


def _systems(recipe: Recipe) -> Iterator[System | EnumeratedSystem]:
    for series in recipe.series:
        yield from substituted_systems(series)
    for enumeration in recipe.enumerations:
        yield from enumerated_systems(enumeration)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Points of a grid whose compositions are new."""

    system: System | EnumeratedSystem
    grid: Grid
    amounts: np.ndarray
    places: list[np.ndarray]

    def after(self, n: int) -> _Piece:
        places = [place[n:] for place in self.places]
        return _Piece(self.system, self.grid, self.amounts[n:], places)


def _pieces(group: list[System | EnumeratedSystem]) -> Iterator[_Piece]:
    """Points of the grids of a group, without duplicates."""
    seen = None
    for system in group:
        grid = system.grid()
        n = len(grid.elements)
        proven = grid.distinct or (grid.n_points > _SMALL and grid.is_distinct())
        if seen is None and not (len(group) == 1 and proven):
            seen = SeenCompositions(n)
        order = sorted(range(n), key=grid.elements.__getitem__)
        for start in range(0, grid.n_points, _PIECE):
            amounts, places = grid.rows(start, start + _PIECE)
            if seen is not None and len(amounts):
                rows = seen.fresh(amounts[:, order])
                if len(rows) < len(amounts):
                    amounts, places = amounts[rows], [place[rows] for place in places]
            if len(amounts):
                yield _Piece(system, grid, amounts, places)


def _batches(
    name: str, groups: list[list[System | EnumeratedSystem]], rows: int, start: int
) -> Iterator[dict[str, list[str]]]:
    formulas: list[str] = []
    parents: list[str] = []
    substitutions: list[str] = []
    for group in groups:
        for piece in _pieces(group):
            if start >= len(piece.amounts):
                start -= len(piece.amounts)
                continue
            if start:
                piece, start = piece.after(start), 0
            formulas += _formulas(piece)
            parents += [piece.system.parent] * len(piece.amounts)
            substitutions += _substitutions(piece)
            while len(formulas) >= rows:
                yield _batch(formulas[:rows], parents[:rows], name, substitutions[:rows])
                del formulas[:rows], parents[:rows], substitutions[:rows]
    if formulas:
        yield _batch(formulas, parents, name, substitutions)


def _batch(
    formulas: list[str], parents: list[str], name: str, substitutions: list[str]
) -> dict[str, list[str]]:
    columns = (formulas, parents, [name] * len(formulas), substitutions)
    return dict(zip(COLUMNS, columns, strict=True))


# Texts
# -----


class _Terms(dict[int, str]):
    """An element with its amount, by the whole number that stands for it."""

    def __init__(self, symbol: str, unit: int) -> None:
        self.symbol, self.unit = symbol, unit

    def __missing__(self, number: int) -> str:
        text = self.symbol if number == self.unit else self.symbol + decimal(number, self.unit)
        self[number] = text
        return text


class _Changes(dict[int, str]):
    """What makes up for the charge, by the whole number that stands for its change."""

    def __init__(self, symbol: str, unit: int) -> None:
        self.symbol, self.unit = symbol, unit

    def __missing__(self, number: int) -> str:
        sign = "+" if number > 0 else ""
        text = f"; {self.symbol}{sign}{decimal(number, self.unit)}" if number else ""
        self[number] = text
        return text


_terms = lru_cache(maxsize=1000)(_Terms)
_changes = lru_cache(maxsize=1000)(_Changes)


def _formulas(piece: _Piece) -> list[str]:
    """Formulas with exact amounts; thirds and the like are avoided by a multiple."""
    elements, unit = piece.grid.elements, piece.grid.unit
    amounts = piece.amounts[:, : len(elements)]
    factor = unit
    for prime in (2, 5):
        while factor % prime == 0:
            factor //= prime
    if factor > 1:
        unit //= factor
        whole = (amounts % factor == 0).all(axis=1)
        amounts = np.where(whole[:, None], amounts // factor, amounts)
    columns: list[Iterable[str]] = []
    for i, symbol in enumerate(elements):
        terms = _terms(symbol, unit)
        if factor == 1 and not piece.grid.slopes[:, i].any() and i:
            columns.append(repeat(terms[int(amounts[0, i])]))
        else:
            columns.append([terms[number] for number in amounts[:, i].tolist()])
    return list(map("".join, zip(*columns, strict=False)))


def _substitutions(piece: _Piece) -> list[str]:
    """What is replaced by what, and how the charge is made up for."""
    if isinstance(piece.system, EnumeratedSystem):
        return ["enumerated"] * len(piece.amounts)
    columns: list[Iterable[str]] = []
    for labels, place in zip(piece.system.labels(piece.grid), piece.places, strict=True):
        if columns:
            columns.append(repeat("; "))
        columns.append([labels[i] for i in place.tolist()])
    if not columns:
        return ["none"] * len(piece.amounts)
    changes = _changes(piece.system.compensate, piece.grid.unit)
    columns.append([changes[number] for number in piece.amounts[:, -1].tolist()])
    return list(map("".join, zip(*columns, strict=False)))
