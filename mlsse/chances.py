"""The chance that a candidate fulfils thresholds, from the uncertainties of its score card.

Assumptions, written beside every ranking:

- Conductivity: its logarithm is normally distributed with 5 % beyond each end of the 90 %
  interval; between the ends, the normal scores are drawn straight through the given superionic
  probability at 1e-4 S/cm, where there is one, so that it counts as it is given.
- Stability: a logistic curve of the decomposition energy through the given probabilities of
  being stable (at most 0 eV/atom) and metastable (at most 0.05 eV/atom). The energy above hull
  of a reference phase counts as exact.
- A limit of a window: normal, with a stated standard deviation.
- These four quantities (both limits count by themselves) are independent of one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsse.conditions import Condition
from mlsse.targets import METASTABLE_EV_PER_ATOM, SUPERIONIC_LOG10

Floats = NDArray[np.float64]

#: Root mean square difference of 40 limits of windows to published ones, rounded, V.
WINDOW_ERROR_V = 0.2
_Z_95 = 1.6448536269514722  # of a standard normal, 5 % lie beyond
_SURE = 1e-6
_LEAST_SCALE = 1e-6  # decades
_SUPERIONIC = "superionic_probability"

_ENDS = ("log10_conductivity_lower", "log10_conductivity_upper")
_CONDUCTIVITY = ("log10_conductivity", *_ENDS)
_STABILITY = ("stable_probability", "metastable_probability")
#: Columns that a chance is worked out from, by the column of the condition.
_NEEDED = {
    **dict.fromkeys((*_CONDUCTIVITY, "conductivity_s_per_cm"), _ENDS),
    "superionic_probability": ("superionic_probability",),
    "stable_probability": ("stable_probability",),
    "metastable_probability": ("metastable_probability",),
    "decomposition_energy_ev_per_atom": _STABILITY,
    "e_hull_ev_per_atom": ("e_hull_ev_per_atom", *_STABILITY),
    "reduction_limit_v": ("reduction_limit_v",),
    "oxidation_limit_v": ("oxidation_limit_v",),
}
_QUANTITY = {
    **dict.fromkeys(
        (*_CONDUCTIVITY, "conductivity_s_per_cm", "superionic_probability"), "conductivity"
    ),
    **dict.fromkeys(
        (*_STABILITY, "decomposition_energy_ev_per_atom", "e_hull_ev_per_atom"), "stability"
    ),
    "reduction_limit_v": "reduction limit",
    "oxidation_limit_v": "oxidation limit",
}
_ASSUMED = {
    "conductivity": "the logarithm of the conductivity is normally distributed with 5 % beyond "
    "each end of the 90 % interval, bent between them so that the superionic probability counts "
    "as given",
    "stability": "the decomposition energy follows a logistic curve through the given "
    "probabilities of being stable (0 eV/atom) and metastable (0.05 eV/atom); the energy above "
    "hull of a reference phase counts as exact",
}

Columns = Mapping[str, Floats]


@dataclass(frozen=True)
class Threshold:
    """A condition on a quantity that is uncertain.

    Attributes
    ----------
    condition : Condition
    quantity : {"conductivity", "stability", "reduction limit", "oxidation limit"}
    is_least : bool
        Whether the quantity shall lie above a value; else below. A probability of being stable
        that shall be high asks for a low energy.
    """

    condition: Condition
    quantity: str
    is_least: bool


def thresholds(conditions: Iterable[Condition], columns: Iterable[str]) -> tuple[Threshold, ...]:
    """Conditions whose chance can be told; all others are taken at their word.

    Parameters
    ----------
    conditions : iterable of Condition
    columns : iterable of str
        Those of the table.

    Returns
    -------
    tuple of Threshold
    """
    there = set(columns)
    found: dict[Condition, Threshold] = {}
    for condition in conditions:
        name, above = condition.name, condition.operator in (">", ">=")
        if (
            condition.operator in ("=", "!=")
            or not set(_NEEDED.get(name, (name, ""))) <= there
            # An interval that reaches beyond a value says only that more is possible.
            or (name == "log10_conductivity_lower" and not above)
            or (name == "log10_conductivity_upper" and above)
            or (name == "conductivity_s_per_cm" and float(condition.value) <= 0.0)
        ):
            continue
        is_least = not above if name in _STABILITY else above
        found[condition] = Threshold(condition, _QUANTITY[name], is_least)
    return tuple(found.values())


def columns_needed(wanted: Iterable[Threshold], columns: Iterable[str]) -> tuple[str, ...]:
    """Those of the columns that `chances` reads, besides ``e_hull_source``."""
    wanted = tuple(wanted)
    names = {name for each in wanted for name in _NEEDED[each.condition.name]}
    if any(each.quantity == "conductivity" for each in wanted):
        names.add(_SUPERIONIC)
    return tuple(name for name in columns if name in names)


def assumptions(wanted: Sequence[Threshold], window_error_v: float) -> tuple[str, ...]:
    """What the chances rest on, in words."""
    quantities = list(dict.fromkeys(each.quantity for each in wanted))
    found = [_ASSUMED[quantity] for quantity in quantities if quantity in _ASSUMED]
    if any(quantity.endswith("limit") for quantity in quantities):
        found.append(
            "a limit of a window is normally distributed with a standard deviation of "
            f"{window_error_v:g} V"
        )
    if len(quantities) > 1:
        found.append(f"{', '.join(quantities)}: assumed independent of one another")
    return tuple(found)


def chances(
    wanted: Sequence[Threshold],
    columns: Columns,
    is_reference: NDArray[np.bool_],
    window_error_v: float = WINDOW_ERROR_V,
) -> tuple[Floats, Floats]:
    """Work out the probabilities of thresholds.

    Parameters
    ----------
    wanted : sequence of Threshold
        k of them.
    columns : mapping of str to ndarray of shape (n,)
        `columns_needed`; NaN where empty.
    is_reference : ndarray of bool, shape (n,)
        Where the energy above hull is that of a reference phase.
    window_error_v : float

    Returns
    -------
    each : ndarray of shape (n, k)
        Of each threshold by itself; 0 where the quantity is empty.
    together : ndarray of shape (n,)
        Of all at once. For one quantity this is exact: of several thresholds on the same side
        the strictest counts.
    """
    n = len(is_reference)
    each = np.empty((n, len(wanted)))
    together = np.ones(n)
    for i, one in enumerate(wanted):
        chance = _chance(one.condition, columns, is_reference, window_error_v)
        each[:, i] = np.nan_to_num(chance, nan=0.0)
    for quantity in dict.fromkeys(one.quantity for one in wanted):
        sides = []
        for least in (True, False):
            of_side = [
                i for i, t in enumerate(wanted) if t.quantity == quantity and t.is_least is least
            ]
            sides.append(each[:, of_side].min(axis=1) if of_side else np.ones(n))
        together *= np.maximum(sides[0] + sides[1] - 1.0, 0.0)
    return each, together


def _chance(
    condition: Condition, columns: Columns, is_reference: NDArray[np.bool_], window_error_v: float
) -> Floats:
    """Probability of one threshold, shape (n,), NaN where the quantity is empty."""
    name, limit = condition.name, float(condition.value)
    above = condition.operator in (">", ">=")
    if name.endswith("_probability"):
        return columns[name] if above else 1.0 - columns[name]
    if name.endswith("_limit_v"):
        below = _normal(limit - columns[name], np.full(len(is_reference), window_error_v))
    elif name in _CONDUCTIVITY or name == "conductivity_s_per_cm":
        if name == "conductivity_s_per_cm":
            limit = math.log10(limit)
        below = _conductivity_below(limit, columns)
    else:
        below = _stability_curve(
            columns["stable_probability"], columns["metastable_probability"], limit
        )
        if name == "e_hull_ev_per_atom":  # no energy above hull is below zero
            below = below if limit >= 0.0 else 0.0 * below
            at_most = columns[name] <= limit
            if condition.operator in ("<", ">="):
                at_most = columns[name] < limit
            below = np.where(is_reference, at_most.astype(float), below)
            below = np.where(np.isnan(columns[name]), np.nan, below)
    return 1.0 - below if above else below


def _conductivity_below(limit: float, columns: Columns) -> Floats:
    """Probability of a log10 conductivity below a limit."""
    from scipy.special import ndtri  # importing scipy takes longer than most of mlsse

    lower, upper = (columns[name] for name in _ENDS)
    scale = np.maximum((upper - lower) / (2.0 * _Z_95), _LEAST_SCALE)
    score = (limit - (lower + upper) / 2.0) / scale
    if _SUPERIONIC in columns:
        given = ndtri(1.0 - columns[_SUPERIONIC])
        inside = (lower < SUPERIONIC_LOG10) & (upper > SUPERIONIC_LOG10) & (np.abs(given) < _Z_95)
        left = limit < SUPERIONIC_LOG10
        end, at_end = (lower, -_Z_95) if left else (upper, _Z_95)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (limit - SUPERIONIC_LOG10) / (end - SUPERIONIC_LOG10)
        bent = inside & (share <= 1.0)
        score = np.where(bent, given + share * (at_end - given), score)
    return _normal(score, np.ones(len(score)))


def _normal(residual: Floats, scale: Floats) -> Floats:
    """Probability that a normal variable of zero mean lies below the residual."""
    from scipy.special import ndtr  # as above

    call: Callable[[Floats], Floats] = ndtr
    return call(residual / np.maximum(scale, _LEAST_SCALE))


def _stability_curve(stable: Floats, metastable: Floats, limit: float) -> Floats:
    """Probability of a decomposition energy of at most a limit, eV/atom."""
    at_zero, at_metastable = (
        np.log(p) - np.log1p(-p)
        for p in (np.clip(p, _SURE, 1.0 - _SURE) for p in (stable, metastable))
    )
    slope = np.maximum(at_metastable - at_zero, 0.0) / METASTABLE_EV_PER_ATOM
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(at_zero + slope * limit, -700.0, 700.0))))
