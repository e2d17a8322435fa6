"""What a training shows beside its scores: predictions of rows not learned from, importances.

The tables hold measured values, so they belong to the record of a training and not into the
bundle, which is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse.arrhenius import Lines
from mlsse.estimators import feature_importances
from mlsse.features import feature_names
from mlsse.intervals import Calibration
from mlsse.kernels import Floats
from mlsse.splits import family_masks

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Evidence:
    """Tables that a training leaves beside its bundle.

    Attributes
    ----------
    out_of_fold : pandas.DataFrame
        As `out_of_fold_table` makes it, one row a measurement.
    held_out : pandas.DataFrame
        Columns ``stable``, ``stable_probability``, ``metastable``, ``metastable_probability``
        of the compounds that the classifiers were calibrated on and did not learn from.
    importances : pandas.DataFrame
        As `importance_table` makes it.
    """

    out_of_fold: pd.DataFrame
    held_out: pd.DataFrame
    importances: pd.DataFrame


def out_of_fold_table(
    table: pd.DataFrame,
    vectors: Floats,
    inverse_temperature: Floats,
    lines: Lines,
    calibration: Calibration,
) -> pd.DataFrame:
    """Put measured values beside what models that did not know them predicted.

    Parameters
    ----------
    table : pandas.DataFrame
        Canonical columns of n measurements.
    vectors : ndarray of shape (n, n_elements)
        Atom fractions.
    inverse_temperature : ndarray of shape (n,)
        See `mlsse.targets.inverse_temperature`.
    lines : Lines
        Out-of-fold predictions.
    calibration : Calibration
        Fitted on these residuals among others, so its intervals are slightly flattering.

    Returns
    -------
    pandas.DataFrame of n rows
        ``formula``, ``family`` (names of `mlsse.splits.family_masks`, joined by ``|``, or
        ``other``), ``temperature_k``, ``censored``, ``log10_conductivity`` (measured),
        ``predicted_log10_conductivity`` with ``_lower`` and ``_upper`` (90 %), ``rank`` (share
        of the predicted distribution below the measured value) and ``unexplained`` (share of
        the variance that the known compositions leave open: the distance from what is known).
    """
    import pandas as pd

    predicted = lines.log10_conductivity(inverse_temperature)
    lower, upper = calibration.interval(lines, inverse_temperature)
    measured = table["log10_conductivity"].to_numpy()
    masks = family_masks(vectors)
    return pd.DataFrame(
        {
            "formula": table["formula"].to_numpy(),
            "family": [
                "|".join(name for name, mask in masks.items() if mask[row]) or "other"
                for row in range(len(table))
            ],
            "temperature_k": table["temperature_k"].to_numpy(),
            "censored": table["censored"].to_numpy(),
            "log10_conductivity": measured,
            "predicted_log10_conductivity": predicted,
            "predicted_log10_conductivity_lower": lower,
            "predicted_log10_conductivity_upper": upper,
            "rank": calibration.rank(lines, inverse_temperature, measured),
            "unexplained": lines.unexplained,
        }
    )


def importance_table(models: Mapping[str, tuple[Any, NDArray[np.intp]]]) -> pd.DataFrame:
    """Tell how much each feature did for each tree model.

    Parameters
    ----------
    models : mapping of str to (estimator, ndarray of int)
        Each with the features that it sees.

    Returns
    -------
    pandas.DataFrame of shape (n_features, len(models))
        Indexed by the name of the feature. The share of the gain over all splits of a model;
        each column sums to one, a feature that a model does not see has 0.
    """
    import pandas as pd

    names = feature_names()
    shares: dict[str, NDArray[np.float64]] = {}
    for name, (model, columns) in models.items():
        shares[name] = np.zeros(len(names))
        shares[name][columns] = feature_importances(model)
    return pd.DataFrame(shares, index=pd.Index(names, name="feature"))
