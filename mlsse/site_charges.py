"""Which charge each element of a recipe has.

Charges are the common ones of `mlsse.charges`, by which the score card also warns. Those of a
parent follow from its neutrality, those of a dopant from the sign of its site; where several
are left the recipe has to say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

from mlsse.charges import charge_states
from mlsse.errors import ConfigError


def states(symbol: str, beside: Mapping[str, Fraction]) -> list[tuple[int, int]]:
    """Ranges of the common charges of an element beside others, least and greatest of each."""
    company = {symbol: 1.0} | {other: float(amount) for other, amount in beside.items()}
    return sorted({(int(low), int(high)) for low, high in charge_states(symbol, company)})


def _whole_states(symbol: str, beside: Mapping[str, Fraction]) -> list[int]:
    ranges = states(symbol, beside)
    return sorted({q for low, high in ranges for q in range(low, high + 1) if q})


def given_charge(
    symbol: str, given: Mapping[str, int], possible: Sequence[int], where: str
) -> list[int]:
    """The charge that the recipe gives, or else all possible ones."""
    if symbol not in given:
        return list(possible)
    if given[symbol] not in possible:
        raise ConfigError(
            f"{where}: charge {given[symbol]:+d} of {symbol} is not among its common ones here, "
            f"{_listed(possible)}: correct [charges]"
        )
    return [given[symbol]]


def parent_charges(
    amounts: Mapping[str, Fraction], given: Mapping[str, int], where: str
) -> dict[str, int]:
    """The one choice of charges by which a parent is neutral."""
    options = [
        given_charge(symbol, given, _whole_states(symbol, amounts), where) for symbol in amounts
    ]
    counts = list(amounts.values())
    if math.prod(map(len, options)) > 100_000:
        raise ConfigError(f"{where}: too many charges are possible: give some in [charges]")
    sums = {
        chosen: sum((q * n for q, n in zip(chosen, counts, strict=True)), Fraction(0))
        for chosen in product(*options)
    }
    neutral = [chosen for chosen, total in sums.items() if total == 0]
    if len(neutral) == 1:
        return dict(zip(amounts, neutral[0], strict=True))
    if not neutral:
        nearest = min(sums.values(), key=lambda total: abs(total))
        raise ConfigError(
            f"{where}: common charges do not make the parent neutral, the least sum is "
            f"{float(nearest):+g}: correct its amounts"
        )
    open_symbols = [
        symbol
        for symbol, states in zip(amounts, zip(*neutral, strict=True), strict=True)
        if len(set(states)) > 1
    ]
    raise ConfigError(
        f"{where}: the charges of {' and '.join(open_symbols)} can be chosen in {len(neutral)} "
        "ways: give them in [charges]"
    )


def dopant_charge(
    dopant: str,
    site: str,
    site_charge: int,
    amounts: Mapping[str, Fraction],
    given: Mapping[str, int],
    where: str,
) -> int:
    """The one common charge of a dopant that has the sign of its site."""
    company = {**amounts, dopant: Fraction(1)}
    possible = [q for q in _whole_states(dopant, company) if (q > 0) == (site_charge > 0)]
    if not possible:
        raise ConfigError(
            f"{where}: {dopant} has no common charge of the sign of {site} ({site_charge:+d}): "
            "choose another dopant"
        )
    found = given_charge(dopant, given, possible, where)
    if len(found) > 1:
        raise ConfigError(
            f"{where}: {dopant} has several common charges, {_listed(found)}: give one in "
            f"[charges], such as {dopant} = {found[-1]}"
        )
    return found[0]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:+d}" for number in numbers)
