"""Free enumeration: all neutral formulas of small whole numbers over some elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from mlsse.composition_grids import UNBOUNDED, Grid, elements_key
from mlsse.errors import ConfigError
from mlsse.recipes import Enumeration
from mlsse.site_charges import given_charge, states


@dataclass(frozen=True, slots=True)
class EnumeratedSystem:
    """All neutral formulas of some elements, whole numbers of each.

    Attributes
    ----------
    elements : tuple of str
    states : tuple of tuple of (int, int)
        Ways to choose the range of charge of each element.
    max_amount, max_atoms : int
    """

    elements: tuple[str, ...]
    states: tuple[tuple[tuple[int, int], ...], ...]
    max_amount: int
    max_atoms: int

    @property
    def key(self) -> int:
        """The same for the same elements."""
        return elements_key(self.elements)

    @property
    def parent(self) -> str:
        """Name of the chemical system, as there is no parent."""
        return "-".join(self.elements)

    def grid(self) -> Grid:
        """Amounts; last column: their sum."""
        n = len(self.elements)
        states = np.array(self.states, dtype=float)
        lowest, highest = states[:, :, 0].T, states[:, :, 1].T

        def accept(amounts: np.ndarray) -> np.ndarray:
            neutral = (amounts @ lowest <= 0.0) & (amounts @ highest >= 0.0)
            return neutral.any(axis=1) & (np.gcd.reduce(amounts, axis=1) == 1)

        return Grid(
            self.elements,
            1,
            (np.arange(1, min(self.max_amount, self.max_atoms - n + 1) + 1),) * n,
            np.zeros(n + 1, int),
            np.hstack([np.eye(n, dtype=int), np.ones((n, 1), int)]),
            np.ones(n + 1, int),
            np.array([UNBOUNDED] * n + [self.max_atoms]),
            accept,
            distinct=True,
        )

    def labels(self, grid: Grid) -> list[list[str]]:
        """Nothing is replaced."""
        return []


def enumerated_systems(part: Enumeration) -> Iterator[EnumeratedSystem]:
    """Generate the sets of elements that can be neutral, smaller ones first.

    Raises
    ------
    ConfigError
        If an element has a charge of the wanted sign in none of them, or SMACT is missing.
    """
    useful: set[str] = set()
    least, most = part.n_elements
    for size in range(least, most + 1):
        for elements in combinations((*part.cations, *part.anions), size):
            has_both = not set(elements).isdisjoint(part.cations) and not set(elements).isdisjoint(
                part.anions
            )
            if not has_both or not set(part.required) <= set(elements):
                continue
            states = _enumerated_states(part, elements)
            if part.smact:
                states = _known_to_smact(elements, states)
            if states:
                useful.update(elements)
                yield EnumeratedSystem(elements, tuple(states), part.max_amount, part.max_atoms)
    for symbol in (*part.cations, *part.anions):
        if symbol not in useful:
            kind = "cation" if symbol in part.cations else "anion"
            raise ConfigError(
                f"{part.where}: {symbol} has no common charge as {kind} in any company: take it out"
            )


def _enumerated_states(
    part: Enumeration, elements: Sequence[str]
) -> list[tuple[tuple[int, int], ...]]:
    """Ways to choose a range of charge for each element, of the sign that the recipe asks for."""
    company = dict.fromkeys(elements, Fraction(1))
    options = []
    for symbol in elements:
        ranges = states(symbol, company)
        if symbol in part.cations:
            signed = {(max(low, 1), high) for low, high in ranges if high > 0}
        else:
            signed = {(low, min(high, -1)) for low, high in ranges if low < 0}
        if symbol in part.charges and signed:
            q = part.charges[symbol]
            possible = sorted({n for low, high in signed for n in range(low, high + 1)})
            signed = {(q, q) for q in given_charge(symbol, {symbol: q}, possible, part.where)}
        options.append(sorted(signed))
    return list(product(*options))


def _known_to_smact(
    elements: Sequence[str], states: Sequence[tuple[tuple[int, int], ...]]
) -> list[tuple[tuple[int, int], ...]]:
    """Keep choices of charges that SMACT has from the ICSD, if its Pauling test passes.

    One import and one call for each set of elements: SMACT itself would try every ratio of the
    amounts in Python.
    """
    try:
        from smact import Element
        from smact.screening import pauling_test
    except ImportError as error:
        raise ConfigError(
            "smact = true needs SMACT: pip install 'mlsse[smact]', or take it out of the recipe"
        ) from error
    known = [Element(symbol) for symbol in elements]
    kept = []
    for chosen in states:
        inside = all(
            any(low <= q <= high for q in element.oxidation_states_icsd24 or ())
            for element, (low, high) in zip(known, chosen, strict=True)
        )
        ends = [low for low, _ in chosen]
        if inside and pauling_test(ends, [element.pauling_eneg for element in known]):
            kept.append(chosen)
    return kept
