"""From a predicted line to an interval, a probability and a domain flag.

One calibrated predictive distribution serves the interval and the superionic probability,
so the two cannot contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mlsse.arrhenius import Lines
from mlsse.kernels import Floats
from mlsse.targets import INTERVAL_COVERAGE, SUPERIONIC_LOG10

#: Probabilities at which the residual distribution is kept; the interval's ends among them.
PROBABILITIES: Floats = np.linspace(0.005, 0.995, 199)
_TAIL = (1.0 - INTERVAL_COVERAGE) / 2.0


@dataclass(frozen=True)
class Calibration:
    """Predictive distribution of log10 conductivity around a predicted line.

    Attributes
    ----------
    floor : float
        Scale that remains for a known composition, decades.
    span : float
        What the scale gains at most with distance from what is known, decades.
    half_way : float
        Unexplained share at which it has gained 63 % of the span.
    energy_sd : float
        Standard deviation of the activation energy where nothing is known, over that of
        log10 conductivity, eV per decade: how fast the scale grows away from 298.15 K.
    quantiles : ndarray of shape (len(PROBABILITIES),)
        Quantiles of the residual (measured minus predicted) in units of the scale.
    max_unexplained : float
        Compositions with more than this share of the prior variance left open are out of the
        domain.
    """

    floor: float
    span: float
    half_way: float
    energy_sd: float
    quantiles: Floats
    max_unexplained: float

    def scale(self, lines: Lines, inverse_temperature: float | Floats) -> Floats:
        """Width of the distribution in decades, shape (n,); grows away from what is known."""
        novelty = 1.0 - np.exp(-lines.unexplained / self.half_way)
        away = np.sqrt(1.0 + (self.energy_sd * np.asarray(inverse_temperature)) ** 2)
        return (self.floor + self.span * novelty) * away

    def interval(self, lines: Lines, inverse_temperature: float | Floats) -> tuple[Floats, Floats]:
        """Ends of the 90 % interval of log10 conductivity, each of shape (n,)."""
        predicted = lines.log10_conductivity(inverse_temperature)
        scale = self.scale(lines, inverse_temperature)
        low, high = np.interp([_TAIL, 1.0 - _TAIL], PROBABILITIES, self.quantiles)
        return predicted + low * scale, predicted + high * scale

    def superionic_probability(self, lines: Lines, inverse_temperature: float | Floats) -> Floats:
        """Probability of at least 1e-4 S/cm, shape (n,), between 0.005 and 0.995."""
        predicted = lines.log10_conductivity(inverse_temperature)
        needed = (SUPERIONIC_LOG10 - predicted) / self.scale(lines, inverse_temperature)
        return 1.0 - np.interp(needed, self.quantiles, PROBABILITIES)

    def in_domain(self, lines: Lines) -> NDArray[np.bool_]:
        """Whether the known compositions say enough, shape (n,)."""
        return lines.unexplained <= self.max_unexplained


def fit_calibration(
    lines: Lines,
    inverse_temperature: Floats,
    log10_conductivity: Floats,
    is_bound: NDArray[np.bool_],
    *,
    energy_sd: float,
    max_unexplained: float,
) -> Calibration:
    """Calibrate on out-of-fold predictions of n rows.

    The scale is the one under which the residuals are most likely Laplace-distributed; the
    quantiles then take the residuals as they are, upper bounds as bounds.

    Parameters
    ----------
    lines : Lines
        Out-of-fold predictions.
    inverse_temperature, log10_conductivity : ndarray of shape (n,)
    is_bound : ndarray of bool, shape (n,)
    energy_sd, max_unexplained : float
        See `Calibration`.

    Returns
    -------
    Calibration
    """
    residuals = log10_conductivity - lines.log10_conductivity(inverse_temperature)

    def calibration(floor: float, span: float, half_way: float) -> Calibration:
        return Calibration(floor, span, half_way, energy_sd, PROBABILITIES, max_unexplained)

    def misfit(parameters: tuple[float, float, float]) -> float:
        scale = calibration(*parameters).scale(lines, inverse_temperature)[~is_bound]
        return float(np.mean(np.log(scale) + np.abs(residuals[~is_bound]) / scale))

    grid = product(np.arange(0.1, 1.6, 0.1), np.arange(0.0, 4.1, 0.25), np.geomspace(0.005, 1, 12))
    best = calibration(*min(grid, key=misfit))
    scale = best.scale(lines, inverse_temperature)
    quantiles = censored_quantiles(residuals / scale, is_bound, PROBABILITIES)
    # Strictly rising, so that a probability belongs to every residual.
    quantiles = np.maximum.accumulate(quantiles) + 1e-9 * np.arange(len(quantiles))
    return replace(best, quantiles=quantiles)


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
