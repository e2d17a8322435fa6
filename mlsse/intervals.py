"""From a predicted line to an interval, a probability and a domain flag.

One calibrated predictive distribution serves the interval and the superionic probability,
so the two cannot contradict each other. It has two widths, one below the predicted value and
one above, since a poor conductor can turn out much better and a good one much worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlsse.arrhenius import Lines
from mlsse.domain import Domain
from mlsse.kernels import Floats
from mlsse.signals import signal
from mlsse.targets import INTERVAL_COVERAGE, SUPERIONIC_LOG10

#: Probabilities at which the residual distribution is kept; the interval's ends among them.
PROBABILITIES: Floats = np.linspace(0.005, 0.995, 199)
_TAIL = (1.0 - INTERVAL_COVERAGE) / 2.0
_N_INPUTS = 4
_NOVELTY = slice(2, _N_INPUTS)  # inputs that may only widen
_NEAR = 0.1  # unexplained share over which a prediction counts less and less as near
_LEVELS = (-12.0, -2.0)  # log10 S/cm between which levels tell apart
_EXPONENTS = (-3.0, 4.0)  # natural logarithms of the least and the greatest width in decades
_PENALTY = 0.01
_ROUND = 0.05  # decades within which the pinball loss is rounded, so that it has a slope
_BELOW_BOUND = 1.0  # decades that an upper bound is taken to lie above the value, for the widths


@dataclass(frozen=True)
class HeldOut:
    """Rows, n of them, beside what models say that did not know them.

    Attributes
    ----------
    lines : Lines
    inverse_temperature, log10_conductivity : ndarray of shape (n,)
    is_bound : ndarray of bool, shape (n,)
        Where the conductivity is an upper bound.
    """

    lines: Lines
    inverse_temperature: Floats
    log10_conductivity: Floats
    is_bound: NDArray[np.bool_]

    @property
    def residuals(self) -> Floats:
        """Measured minus predicted, decades, shape (n,)."""
        return self.log10_conductivity - self.lines.log10_conductivity(self.inverse_temperature)


@dataclass(frozen=True)
class Calibration:
    """Predictive distribution of log10 conductivity around a predicted line.

    Attributes
    ----------
    lower_weights, upper_weights : ndarray of shape (4,)
        Weights of the columns of `_inputs` in the logarithm of the width below and above.
    energy_sd : float
        Standard deviation of the activation energy where nothing is known, over that of
        log10 conductivity, eV per decade: how fast the widths grow away from 298.15 K.
    quantiles : ndarray of shape (len(PROBABILITIES),)
        Quantiles of the residual (measured minus predicted) in units of the width on its side.
    domain : Domain
    surprise : float
        Share by which the width above grows far from what is known.
    """

    lower_weights: Floats
    upper_weights: Floats
    energy_sd: float
    quantiles: Floats
    domain: Domain
    surprise: float = 0.0

    def widths(self, lines: Lines, inverse_temperature: float | Floats) -> tuple[Floats, Floats]:
        """Units of the distribution below and above in decades, each of shape (n,)."""
        inputs = _inputs(lines)
        away = np.sqrt(1.0 + (self.energy_sd * np.asarray(inverse_temperature)) ** 2)
        surprise = 1.0 + self.surprise * (1.0 - _nearness(lines))
        return (
            _width(inputs, self.lower_weights) * away,
            _width(inputs, self.upper_weights) * away * surprise,
        )

    def interval(self, lines: Lines, inverse_temperature: float | Floats) -> tuple[Floats, Floats]:
        """Ends of the 90 % interval of log10 conductivity, each of shape (n,)."""
        predicted = lines.log10_conductivity(inverse_temperature)
        below, above = self.widths(lines, inverse_temperature)
        low, high = np.interp([_TAIL, 1.0 - _TAIL], PROBABILITIES, self.quantiles)
        return (
            predicted + low * (below if low < 0.0 else above),
            predicted + high * (below if high < 0.0 else above),
        )

    def rank(
        self, lines: Lines, inverse_temperature: float | Floats, log10_conductivity: float | Floats
    ) -> Floats:
        """Share of the predicted distribution below a value, shape (n,), 0.005 to 0.995."""
        residual = log10_conductivity - lines.log10_conductivity(inverse_temperature)
        below, above = self.widths(lines, inverse_temperature)
        return np.interp(
            residual / np.where(residual < 0.0, below, above), self.quantiles, PROBABILITIES
        )

    def superionic_probability(self, lines: Lines, inverse_temperature: float | Floats) -> Floats:
        """Probability of at least 1e-4 S/cm, shape (n,), between 0.005 and 0.995."""
        return 1.0 - self.rank(lines, inverse_temperature, SUPERIONIC_LOG10)

    def in_domain(self, lines: Lines) -> NDArray[np.bool_]:
        """Whether the known compositions say enough, shape (n,)."""
        return self.domain.contains(lines)

    def domain_reasons(self, lines: Lines) -> list[list[str]]:
        """Why each composition lies outside the domain, in words; as `Domain.reasons`."""
        return self.domain.reasons(lines)


def fit_calibration(
    held_out: Mapping[str, tuple[HeldOut, float]],
    *,
    energy_sd: float,
    domain: Domain,
    surprise: float = 0.0,
) -> Calibration:
    """Calibrate on predictions of rows that were held out in several ways.

    The widths are those under which the ends of the interval lose least by the pinball loss of
    the 5 % and 95 % quantiles, which is the interval score. The quantiles then take the
    residuals as they are, upper bounds as bounds: each is the one farthest out among the kinds
    of hold-out, since a user's formula may be as new as the hardest of them.

    Parameters
    ----------
    held_out : mapping of str to (HeldOut, float)
        Each kind of hold-out, with the weight of its rows.
    energy_sd, domain, surprise
        See `Calibration`; the surprise widens beyond what the held-out rows ask for.

    Returns
    -------
    Calibration
    """
    parts = [rows for rows, _ in held_out.values()]
    weights = np.concatenate([np.full(len(r.is_bound), w) for r, w in held_out.values()])
    inputs = np.vstack([_inputs(rows.lines) for rows in parts])
    away = np.concatenate(
        [np.sqrt(1.0 + (energy_sd * rows.inverse_temperature) ** 2) for rows in parts]
    )
    bounded = np.concatenate([rows.is_bound for rows in parts])
    residuals = np.concatenate([rows.residuals for rows in parts])
    lowered = (residuals - _BELOW_BOUND * bounded) / away
    share = weights * away / weights.sum()
    fitted = Calibration(
        _fit_width(inputs, -lowered, share),
        _fit_width(inputs, lowered, share),
        energy_sd,
        PROBABILITIES,
        domain,
    )

    def quantiles(part: HeldOut) -> Floats:
        below, above = fitted.widths(part.lines, part.inverse_temperature)
        scaled = part.residuals / np.where(part.residuals < 0.0, below, above)
        return censored_quantiles(scaled, part.is_bound, PROBABILITIES)

    each = np.array([quantiles(part) for part in parts])
    found = np.where(PROBABILITIES < 0.5, each.min(axis=0), each.max(axis=0))
    # Strictly rising, so that a probability belongs to every residual.
    found = np.maximum.accumulate(found) + 1e-9 * np.arange(len(found))
    return replace(fitted, quantiles=found, surprise=surprise)


def _inputs(lines: Lines) -> Floats:
    """What the widths depend on, columns of about unit spread, shape (n, 4).

    The level, since low conductivities scatter more and high ones have a ceiling, the weightiest
    pair of elements that is new, and how far the known compositions are. More inputs fit the
    calibration rows better and cover chains of compositions that were held out from it worse.
    """
    level = np.clip(lines.room_log10_conductivity, *_LEVELS)
    pair = signal(lines.signals, "weightiest_pair")
    return np.column_stack(
        [np.ones(len(level)), (level + 6.0) / 2.0, 8.0 * pair - 0.4, -_nearness(lines)]
    )


def _nearness(lines: Lines) -> Floats:
    """From 1 for a known composition to 0 far from all, shape (n,)."""
    return np.exp(-lines.unexplained / _NEAR)


def _width(inputs: Floats, weights: Floats) -> Floats:
    return np.exp(np.clip(inputs @ weights, *_EXPONENTS))


def _fit_width(inputs: Floats, distances: Floats, share: Floats) -> Floats:
    """Weights of the width that 95 % of the distances to one side do not exceed."""
    from scipy.optimize import minimize  # needed in training alone

    def loss(weights: Floats) -> tuple[float, Floats]:
        width = _width(inputs, weights)
        excess = np.clip((distances - width) / _ROUND, -500.0, 500.0)
        value = _TAIL * width + _ROUND * np.logaddexp(0.0, excess)
        slope = (_TAIL - 1.0 / (1.0 + np.exp(-excess))) * width
        free = np.concatenate([[0.0], weights[1:]])
        return (
            float(share @ value + _PENALTY * free @ free),
            inputs.T @ (share * slope) + 2.0 * _PENALTY * free,
        )

    bounds: list[tuple[float | None, float | None]] = [(None, None)] * _N_INPUTS
    bounds[_NOVELTY] = [(0.0, None)] * len(bounds[_NOVELTY])
    start = np.zeros(_N_INPUTS)
    start[0] = 1.0
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.asarray(found)


def censored_quantiles(
    values: Floats, is_bound: NDArray[np.bool_], probabilities: Floats
) -> Floats:
    """Quantiles of values of which some are only known to lie below a bound.

    Parameters
    ----------
    values : ndarray of shape (n,)
    is_bound : ndarray of bool, shape (n,)
        Where the value is an upper bound.
    probabilities : ndarray of shape (k,)

    Returns
    -------
    ndarray of shape (k,)

    References
    ----------
    Kaplan and Meier, J. Am. Stat. Assoc. 53, 457 (1958), for bounds below instead of above.

    Examples
    --------
    >>> censored_quantiles(np.array([1.0, 2.0, 3.0]), np.zeros(3, bool), np.array([0.5]))
    array([2.])
    """
    # From the greatest value down: a bound leaves the rows still to be placed unseen.
    order = np.lexsort((is_bound, -values))
    at_risk = np.arange(len(values), 0, -1)
    below = np.cumprod(np.where(is_bound[order], 1.0, 1.0 - 1.0 / at_risk))
    placed = ~is_bound[order]
    ordered, below = values[order][placed][::-1], below[placed][::-1]
    above = np.append(below[1:], 1.0)
    return np.interp(probabilities, (below + above) / 2.0, ordered)
