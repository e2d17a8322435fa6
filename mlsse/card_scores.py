"""Scores of a score card against measured conductivities, doubt included.

Conductivities are log10 of S/cm and their errors decades.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse import doubt_metrics, metrics, splits
from mlsse.targets import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K
from mlsse.training import ConductivityRows

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The second band is room temperature; the last end belongs to the last band.
_BAND_ENDS_K = (MIN_TEMPERATURE_K, 288.15, 308.15, 373.15, 473.15, MAX_TEMPERATURE_K + 1e-9)


def truth_of(rows: ConductivityRows, convention: str) -> tuple[Floats, NDArray[np.str_], Mask]:
    """Measured values, what they are and which count; see `mlsse.metrics.apply_convention`."""
    return metrics.apply_convention(
        rows.table["log10_conductivity"], rows.table["censored"], convention
    )


def conductivity_scores(
    rows: ConductivityRows, card: pd.DataFrame, convention: str
) -> dict[str, Any]:
    """Score all that a card says of measured rows, by a convention for bounds."""
    truth, censored, kept = truth_of(rows, convention)
    return _scores(truth[kept], card[kept], censored[kept])


def _scores(
    truth: Floats, card: pd.DataFrame, censored: NDArray[np.str_] | None = None
) -> dict[str, Any]:
    return metrics.conductivity_scores(
        truth,
        card["log10_conductivity"],
        lower=card["log10_conductivity_lower"],
        upper=card["log10_conductivity_upper"],
        superionic_probability=card["superionic_probability"],
        censored=censored,
    )


def domain_scores(rows: ConductivityRows, card: pd.DataFrame) -> dict[str, Any]:
    """What the domain flag tells of errors; a respected bound counts as none."""
    truth, censored, _ = truth_of(rows, "censor_aware")
    errors = np.abs(metrics.errors(truth, card["log10_conductivity"], censored))
    return doubt_metrics.domain_scores(errors, card["in_domain"].to_numpy(dtype=bool))


def family_scores(truth: Floats, card: pd.DataFrame, median: Floats) -> dict[str, Any]:
    """Score a family that was left out; the median of the remaining rows beside."""
    scores = _scores(truth, card)
    of_median = float(np.abs(median - truth).mean())
    errors = np.abs(card["log10_conductivity"].to_numpy() - truth)
    domain = doubt_metrics.domain_scores(errors, card["in_domain"].to_numpy(dtype=bool))
    return {
        **scores,
        "median_of_rest_mae": of_median,
        "gain": 1.0 - scores["mae"] / of_median if of_median else None,
        "excess": scores["mae"] - of_median,
        **{name: value for name, value in domain.items() if name != "n"},
    }


def doubt_scores(rows: ConductivityRows, card: pd.DataFrame, constant: Floats) -> dict[str, Any]:
    """Score the doubt in cross-validated rows.

    Parameters
    ----------
    rows : ConductivityRows
        Of all temperatures, n of them.
    card : pandas.DataFrame of n rows
    constant : ndarray of shape (n, 2)
        Ends of an interval of constant width about the prediction, found without the row.

    Returns
    -------
    dict
        Of the rows at room temperature: the scores of the ``intervals``, of those of
        ``constant_width`` and the gain over them as a share; the same for the
        ``best_constant_width``, found knowing the rows; scores ``by_family``; the ``domain``
        flag; the probability of being superionic in bins. Of all: scores ``by_temperature``.
    """
    truth, censored = rows.measurements.log10_conductivity, rows.table["censored"].to_numpy(str)
    predicted, lower, upper = (
        card[f"log10_conductivity{end}"].to_numpy() for end in ("", "_lower", "_upper")
    )
    room = rows.at_room_temperature
    own = doubt_metrics.interval_scores(truth[room], lower[room], upper[room], censored[room])
    fixed = doubt_metrics.interval_scores(
        truth[room],
        predicted[room] + constant[room, 0],
        predicted[room] + constant[room, 1],
        censored[room],
    )
    # The best that a constant width could have done, the held-out rows being known.
    low, high = doubt_metrics.constant_width(
        (truth - predicted)[room], rows.measurements.is_bound[room]
    )
    best = doubt_metrics.interval_scores(
        truth[room], predicted[room] + low, predicted[room] + high, censored[room]
    )
    families = splits.family_masks(rows.vectors)
    families["other"] = ~np.any(list(families.values()), axis=0)
    temperature = rows.table["temperature_k"].to_numpy()
    bands = {
        f"{low:g}-{high:g} K": (temperature >= low) & (temperature < high)
        for low, high in pairwise(_BAND_ENDS_K)
    }
    columns = truth, predicted, lower, upper, censored
    superionic, decided = metrics.superionic_labels(truth, censored)
    scored = room & decided
    bins = doubt_metrics.reliability(
        superionic[scored], card["superionic_probability"].to_numpy()[scored]
    )
    return {
        "intervals": own,
        "constant_width": fixed,
        "gain_over_constant_width": _gain(own, fixed),
        "best_constant_width": best,
        "gain_over_best_constant_width": _gain(own, best),
        "by_family": doubt_metrics.interval_scores_by(
            {name: family & room for name, family in families.items()}, *columns
        ),
        "by_temperature": doubt_metrics.interval_scores_by(bands, *columns),
        "domain": domain_scores(rows[room], card[room]),
        "superionic_calibration_error": doubt_metrics.calibration_error(bins),
        "superionic_reliability": bins,
    }


def _gain(own: dict[str, Any], other: dict[str, Any]) -> float | None:
    """By which share an interval score is less than another."""
    score, reference = own["mean_interval_score"], other["mean_interval_score"]
    return None if score is None or not reference else 1.0 - score / reference
