"""How good the doubt is: probabilities, intervals and the domain flag against what was found.

Conductivities are log10 of S/cm and their errors decades. What is not defined for the rows
given is None, never a NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsse import metrics
from mlsse.intervals import censored_quantiles
from mlsse.targets import INTERVAL_COVERAGE

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: An error above this, in decades, is one that the domain flag should foresee.
LARGE_ERROR = 1.5
_N_BINS = 10
_TAILS = np.array([(1.0 - INTERVAL_COVERAGE) / 2.0, (1.0 + INTERVAL_COVERAGE) / 2.0])


def reliability(labels: ArrayLike, probability: ArrayLike) -> list[dict[str, Any]]:
    """Compare stated probabilities with what came true, in bins of a tenth.

    Parameters
    ----------
    labels : array-like of bool, shape (n,)
    probability : array-like, shape (n,)
        From 0 to 1.

    Returns
    -------
    list of dict
        ``from`` and ``to`` of each bin that holds a row, ``n`` rows in it, the mean of the
        stated probabilities, ``stated``, and the share of positive labels, ``observed``.

    Examples
    --------
    >>> reliability([True, False, True], [0.72, 0.78, 1.0])[0]["observed"]
    0.5
    """
    stated, truth = np.asarray(probability, dtype=float), np.asarray(labels, dtype=bool)
    bins = np.minimum((stated * _N_BINS).astype(int), _N_BINS - 1)
    return [
        {
            "from": i / _N_BINS,
            "to": (i + 1) / _N_BINS,
            "n": int((bins == i).sum()),
            "stated": float(stated[bins == i].mean()),
            "observed": float(truth[bins == i].mean()),
        }
        for i in np.unique(bins).tolist()
    ]


def calibration_error(bins: list[dict[str, Any]]) -> float | None:
    """Mean distance of stated from observed over the bins of `reliability`, by their rows."""
    n_rows = sum(part["n"] for part in bins)
    if not n_rows:
        return None
    return sum(part["n"] * abs(part["stated"] - part["observed"]) for part in bins) / n_rows


def constant_width(residuals: Floats, is_bound: Mask) -> tuple[float, float]:
    """Ends of the interval of residuals that holds 90 % of them.

    Added to any prediction, they make an interval that doubts everything alike: what an
    interval that adapts has to beat.

    Parameters
    ----------
    residuals : ndarray of shape (n,)
        Measured less predicted, of rows that the predictions did not know.
    is_bound : ndarray of bool, shape (n,)
        Where the measured value is an upper bound.

    Returns
    -------
    tuple of float
        Lower end, upper end.
    """
    low, high = censored_quantiles(residuals, is_bound, _TAILS)
    return float(low), float(high)


def interval_scores(
    truth: ArrayLike, lower: ArrayLike, upper: ArrayLike, censored: ArrayLike | None = None
) -> dict[str, Any]:
    """Score 90 % intervals of n rows.

    Returns
    -------
    dict
        ``n``, ``coverage_90``, ``mean_interval_width``, ``mean_interval_score``.
    """
    return {
        "n": len(np.asarray(truth)),
        "coverage_90": metrics.interval_coverage(truth, lower, upper, censored),
        "mean_interval_width": metrics.mean_interval_width(lower, upper),
        "mean_interval_score": metrics.interval_score(truth, lower, upper, censored),
    }


def interval_scores_by(
    parts: Mapping[str, Mask],
    truth: Floats,
    predicted: Floats,
    lower: Floats,
    upper: Floats,
    censored: NDArray[np.str_],
) -> dict[str, dict[str, Any]]:
    """Score intervals and point predictions for parts of the rows; empty parts are left out.

    Parameters
    ----------
    parts : mapping of str to ndarray of bool, shape (n,)
    truth, predicted, lower, upper : ndarray of shape (n,)
    censored : ndarray of str, shape (n,)

    Returns
    -------
    dict of str to dict
        The scores of `interval_scores` and ``mae`` of each part.
    """
    return {
        name: {
            **interval_scores(truth[part], lower[part], upper[part], censored[part]),
            "mae": metrics.mae(truth[part], predicted[part], censored[part]),
        }
        for name, part in parts.items()
        if part.any()
    }


def domain_scores(absolute_errors: Floats, in_domain: Mask) -> dict[str, Any]:
    """Tell what the domain flag says of errors.

    Parameters
    ----------
    absolute_errors : ndarray of shape (n,)
        In decades.
    in_domain : ndarray of bool, shape (n,)

    Returns
    -------
    dict
        ``n``, ``in_domain_share``, ``mae_in_domain``, ``mae_out_of_domain``, their ratio
        ``error_ratio`` (above 1 where the flag is right to warn), ``n_errors_above_1.5`` and
        ``share_of_these_out_of_domain``.
    """
    inside, outside = absolute_errors[in_domain], absolute_errors[~in_domain]
    large = absolute_errors > LARGE_ERROR
    mean_inside = float(inside.mean()) if len(inside) else None
    mean_outside = float(outside.mean()) if len(outside) else None
    return {
        "n": len(absolute_errors),
        "in_domain_share": float(in_domain.mean()) if len(in_domain) else None,
        "mae_in_domain": mean_inside,
        "mae_out_of_domain": mean_outside,
        "error_ratio": mean_outside / mean_inside if mean_inside and mean_outside else None,
        "n_errors_above_1.5": int(large.sum()),
        "share_of_these_out_of_domain": float((~in_domain)[large].mean()) if large.any() else None,
    }
