"""What-if: one substitution in a host, from nothing replaced to everything, scored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from mlsse.candidates import make_candidates
from mlsse.errors import ConfigError, FormulaError
from mlsse.explorer.context import Context
from mlsse.formulas import ELEMENT_INDEX, parse_formula
from mlsse.kernels import Floats
from mlsse.prediction import predict_arrays
from mlsse.recipes import Recipe, Series, Substitution

_N_STEPS = 40
_MAX_DENOMINATOR = 10_000
_X = re.compile(r"x=([0-9.]+)")
_CHARGE = re.compile(r"([A-Z][a-z]?)\s*=\s*([+-]?[0-9])")


@dataclass(frozen=True)
class Doping:
    """A host, and what replaces what in it; lithium makes up for the charge.

    Attributes
    ----------
    host : str
        Formula.
    site, dopant : str
        Elements: the dopant takes the place of the site's.
    charges : tuple of (str, int)
        Where several are common.
    """

    host: str
    site: str
    dopant: str
    charges: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Scores:
    """A substitution, scored; k compositions.

    Attributes
    ----------
    x : ndarray of shape (k,)
        Atoms of a formula unit of the host that are replaced, rising.
    formulas : list of str
    columns : mapping of str to ndarray of shape (k,)
        Columns of the score card; NaN or None where empty.
    """

    x: Floats
    formulas: list[str]
    columns: Mapping[str, np.ndarray]


def read_charges(text: str) -> tuple[tuple[str, int], ...]:
    """Read charges such as ``Sn=4, P=5``.

    Raises
    ------
    ConfigError
        If anything else is in the text.

    Examples
    --------
    >>> read_charges("Sn=4, P=5")
    (('Sn', 4), ('P', 5))
    """
    rest = _CHARGE.sub("", text).replace(",", "").strip()
    found = {symbol: int(charge) for symbol, charge in _CHARGE.findall(text)}
    if rest or any(symbol not in ELEMENT_INDEX for symbol in found):
        raise ConfigError(f"charges {text[:60]!r}: expected such as Sn=4, P=5")
    return tuple(found.items())


def sites_of(host: str) -> list[str]:
    """Elements of a formula.

    Raises
    ------
    FormulaError
    """
    return list(parse_formula(host).amounts)


@lru_cache(maxsize=128)
def follow(doping: Doping, temperature_k: float, context: Context) -> Scores:
    """Score the compositions along a substitution.

    Parameters
    ----------
    doping : Doping
    temperature_k : float
        K.
    context : Context

    Returns
    -------
    Scores
        41 compositions or fewer: those that would need more lithium than a site that vanishes
        gives, or less than none, are left out.

    Raises
    ------
    FormulaError, ConfigError
        If the host cannot be read or is not neutral, or a charge cannot be told.
    ConditionError
        If the temperature cannot be used.
    """
    found = _compositions(doping)
    texts = list(found.values())
    return Scores(
        np.array(list(found)),
        texts,
        predict_arrays(texts, temperature_k=temperature_k, model=context.model),
    )


def _compositions(doping: Doping) -> dict[float, str]:
    """Formulas by x."""
    amounts = parse_formula(doping.host).amounts
    if "Li" not in amounts:
        raise FormulaError(f"host {doping.host!r}: no Li in it, which has to balance the charge")
    if doping.site not in amounts:
        raise ConfigError(f"{doping.host} has no {doping.site}: choose one of its elements")
    if doping.dopant == doping.site:
        raise ConfigError(f"{doping.dopant} cannot replace itself: choose another element")
    most = Fraction(amounts[doping.site]).limit_denominator(_MAX_DENOMINATOR)
    x = tuple(most * i / _N_STEPS for i in range(_N_STEPS + 1))
    substitution = Substitution(doping.site, (doping.dopant,), x)
    series = Series(
        (doping.host,), (substitution,), ("Li",), {}, dict(doping.charges), "this substitution"
    )
    try:
        candidates = list(make_candidates(Recipe("what-if", "Li", (series,), ())))
    except ConfigError as error:
        raise ConfigError(str(error).replace("[charges]", "the field of charges")) from error
    found: dict[float, str] = {}
    for candidate in candidates:
        match = _X.search(candidate.substitution)
        found[float(match[1]) if match else 0.0] = candidate.formula
    if len(found) < 2:
        raise ConfigError(
            f"{doping.site} by {doping.dopant} in {doping.host}: lithium cannot balance the charge"
        )
    return dict(sorted(found.items()))
