"""How good conductivities are, family by family, on rows that were not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlsse import metrics
from mlsse.targets import ROOM_TEMPERATURE_K

if TYPE_CHECKING:
    import pandas as pd

#: How the scores are made, for those who read them.
PROTOCOL = (
    "rows within 10 K of 298 K, each predicted by models that know neither its paper nor a chain "
    "of compositions that leads to it; a respected bound counts as no error; the 95 % interval is "
    "a bootstrap over compositions, and rows of one paper err together, so the true uncertainty "
    "is larger"
)
_ROOM_K = 10.0
_ALL = "all families"


def scores_by_family(out_of_fold: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Score held-out rows at room temperature, all together and by family.

    Parameters
    ----------
    out_of_fold : pandas.DataFrame
        As `mlsse.evidence.out_of_fold_table` makes it.

    Returns
    -------
    dict of str to dict
        Under ``all families`` and then each family by falling number of rows: ``n`` rows,
        ``n_compositions``, ``mae`` in decades with ``mae_ci95``, ``median_mae``, the error of the
        median of all rows, and of the 90 % interval ``coverage_90`` and
        ``mean_interval_width`` in decades. A row of two families counts in both. Empty where no
        row was measured at room temperature.
    """
    room = (out_of_fold["temperature_k"] - ROOM_TEMPERATURE_K).abs() <= _ROOM_K
    rows = out_of_fold[room]
    if rows.empty:
        return {}
    median = float(rows["log10_conductivity"].median())
    of_row = [set(names.split("|")) for names in rows["family"]]
    counts = {name: sum(name in names for names in of_row) for name in set().union(*of_row)}
    order = sorted(counts, key=lambda name: (name == "other", -counts[name], name))
    masks = {name: np.array([name in names for names in of_row]) for name in order}
    return {_ALL: _scores(rows, median)} | {
        name: _scores(rows[mask], median) for name, mask in masks.items()
    }


def _scores(rows: pd.DataFrame, median: float) -> dict[str, Any]:
    truth, censored = rows["log10_conductivity"].to_numpy(), rows["censored"].to_numpy(str)
    predicted = rows["predicted_log10_conductivity"].to_numpy()
    lower, upper = (
        rows[f"predicted_log10_conductivity_{end}"].to_numpy() for end in ("lower", "upper")
    )
    _, composition = np.unique(rows["formula"].to_numpy(str), return_inverse=True)
    errors = np.abs(metrics.errors(truth, predicted, censored))
    ends = metrics.bootstrap_mae_interval(errors, groups=composition)
    return {
        "n": len(rows),
        "n_compositions": int(composition.max()) + 1,
        "mae": metrics.mae(truth, predicted, censored),
        "mae_ci95": None if ends is None else list(ends),
        "median_mae": metrics.mae(truth, np.full(len(rows), median), censored),
        "coverage_90": metrics.interval_coverage(truth, lower, upper, censored),
        "mean_interval_width": metrics.mean_interval_width(lower, upper),
    }
