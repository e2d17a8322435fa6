"""How far a prediction steps away from the prior: as far as held-out rows show it may.

The models trust their smoothness too far. The step from the prior (the median of the known
rows) to their value is multiplied by a trust between 0 and 1.25, a logistic function of the
signals of doubt, under which predictions of held-out rows err least; for a known composition it
is 1. Where neighbours scatter,
a step is worth little; one toward low conductivity is worth less than one toward high, since
the measured values have a long lower tail and a median does not follow it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlsse.arrhenius import Lines
from mlsse.kernels import Floats
from mlsse.signals import signal

_MOST = 1.25
_AT_HAND = 0.02  # unexplained share below which a prediction is believed as it is
_PENALTY = 0.003  # on squared weights, in decades of mean error
_ROUND = 0.1  # decades within which the absolute error is rounded, so that it has a slope


@dataclass(frozen=True)
class Trust:
    """Fitted trust.

    Attributes
    ----------
    weights : ndarray of shape (7,)
        Of the columns of `_inputs` in the logistic function.
    """

    weights: Floats

    def __call__(self, lines: Lines) -> Lines:
        """Draw predicted lines, n of them, toward the prior."""
        step = signal(lines.signals, "step")
        trust = 1.0 - _distance(lines) * (1.0 - _MOST * _logistic(_inputs(lines) @ self.weights))
        return replace(
            lines,
            room_log10_conductivity=lines.room_log10_conductivity + (trust - 1.0) * step,
        )


def fit_trust(lines: Lines, room_log10: Floats, weights: Floats) -> Trust:
    """Fit to held-out rows by least absolute errors.

    Parameters
    ----------
    lines : Lines
        Predictions of n rows by models that did not know them.
    room_log10 : ndarray of shape (n,)
        log10 of S/cm as measured near room temperature.
    weights : ndarray of shape (n,)
        What each row counts.

    Returns
    -------
    Trust
    """
    from scipy.optimize import minimize  # needed in training alone

    inputs, step, far = _inputs(lines), signal(lines.signals, "step"), _distance(lines)
    residual = room_log10 - (lines.room_log10_conductivity - step)
    share = weights / weights.sum()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        bare = _MOST * _logistic(inputs @ parameters)
        error = residual - (1.0 - far * (1.0 - bare)) * step
        rounded = np.sqrt(error**2 + _ROUND**2)
        slope = -share * error / rounded * step * far * bare * (1.0 - bare / _MOST)
        free = np.concatenate([[0.0], parameters[1:]])
        return (
            float(share @ rounded + _PENALTY * free @ free),
            inputs.T @ slope + 2.0 * _PENALTY * free,
        )

    start = np.zeros(inputs.shape[1])
    return Trust(np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x))


def _inputs(lines: Lines) -> Floats:
    """Columns of about unit spread, shape (n, 7)."""
    step = signal(lines.signals, "step")
    return np.column_stack(
        [
            np.ones(len(step)),
            step > 0.0,
            3.0 * np.sqrt(lines.unexplained) - 1.0,
            signal(lines.signals, "crowd") - 5.0,
            signal(lines.signals, "local_spread") - 2.1,
            np.minimum(step, 0.0) + 1.0,
            np.maximum(step, 0.0) - 0.5,
        ]
    )


def _distance(lines: Lines) -> Floats:
    """From 0 for a known composition to 1 for others, shape (n,)."""
    return 1.0 - np.exp(-lines.unexplained / _AT_HAND)


def _logistic(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0)))
