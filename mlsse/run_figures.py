"""Figures of one training, drawn from predictions of rows that were not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlsse.figures import BLUE, GREEN, GREY, INK, ORANGE, SMALL, TEXT, TITLE, new_figure
from mlsse.targets import INTERVAL_COVERAGE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlsse.evidence import Evidence

_N_BINS = 10
_N_IMPORTANCES = 20
_MIN_BIN_ROWS = 5


def draw_all(evidence: Evidence) -> dict[str, Figure]:
    """Draw the figures that are logged with a run.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        ``parity``, ``calibration``, ``interval_width``, ``residuals_by_family`` and
        ``importances``.
    """
    rows = evidence.out_of_fold
    return {
        "parity": parity(rows),
        "calibration": calibration(rows, evidence.held_out),
        "interval_width": interval_width(rows),
        "residuals_by_family": residuals_by_family(rows),
        "importances": importances(evidence.importances),
    }


def parity(rows: pd.DataFrame) -> Figure:
    """Draw predicted against measured log10 of conductivity, S/cm."""
    figure, axes = _panel("Held-out rows: predicted against measured conductivity")
    measured, predicted = rows["log10_conductivity"], rows["predicted_log10_conductivity"]
    is_value = rows["censored"] == "none"
    for where, colour, marker, label in (
        (is_value, BLUE, "o", "measured"), (~is_value, ORANGE, "<", "upper bound"),
    ):  # fmt: skip
        axes.plot(
            measured[where], predicted[where], marker, ms=3, alpha=0.4, color=colour, label=label
        )
    ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
    axes.plot(ends, ends, color=INK, lw=0.8)
    axes.set_xlabel("measured log10(S/cm)", size=TEXT)
    axes.set_ylabel("predicted log10(S/cm)", size=TEXT)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def calibration(rows: pd.DataFrame, held_out: pd.DataFrame) -> Figure:
    """Draw stated against observed shares: of intervals, and of stable compounds."""
    figure, axes = _panel("Held-out rows: stated against observed")
    nominal, observed = coverage(rows)
    axes.plot(nominal, observed, "o-", ms=3, color=BLUE, label="intervals of log10(S/cm)")
    for name, colour in (("stable", GREEN), ("metastable", ORANGE)):
        stated, found = reliability(held_out[f"{name}_probability"], held_out[name])
        axes.plot(stated, found, "s-", ms=3, color=colour, label=f"{name} probability")
    axes.plot([0, 1], [0, 1], color=INK, lw=0.8)
    axes.set_xlabel("stated share", size=TEXT)
    axes.set_ylabel("observed share", size=TEXT)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def coverage(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Share of measured values inside central intervals of the predicted distribution.

    Bounds are left out.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``rank`` and ``censored``.

    Returns
    -------
    nominal, observed : ndarray of shape (19,)
    """
    rank = rows["rank"][rows["censored"] == "none"].to_numpy()
    nominal = np.linspace(0.05, 0.95, 19)
    inside = np.abs(rank[:, None] - 0.5) <= nominal / 2.0 + 1e-12
    return nominal, inside.mean(axis=0) if len(rank) else np.full(len(nominal), np.nan)


def reliability(probability: pd.Series, label: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Mean probability and share of positives in up to ten bins of it; thin bins are left out.

    Parameters
    ----------
    probability : pandas.Series of shape (n,)
    label : pandas.Series of bool, shape (n,)

    Returns
    -------
    stated, observed : ndarray of shape (k,)
    """
    bins = np.minimum((probability.to_numpy() * _N_BINS).astype(int), _N_BINS - 1)
    counts = np.bincount(bins, minlength=_N_BINS)
    kept = counts >= _MIN_BIN_ROWS
    sums = (
        np.bincount(bins, weights=x.to_numpy(dtype=float), minlength=_N_BINS)
        for x in (probability, label)
    )
    stated, observed = (total[kept] / counts[kept] for total in sums)
    return stated, observed


def interval_width(rows: pd.DataFrame) -> Figure:
    """Draw the width of the 90 % interval, and the error, against the distance from known rows."""
    figure, axes = _panel("Held-out rows: interval width against distance from what is known")
    low, high = (rows[f"predicted_log10_conductivity_{end}"] for end in ("lower", "upper"))
    error = (rows["log10_conductivity"] - rows["predicted_log10_conductivity"]).abs()
    distance, is_value = rows["unexplained"], rows["censored"] == "none"
    axes.plot(distance[is_value], error[is_value], "o", ms=3, alpha=0.3, color=GREY, label="error")
    axes.plot(
        distance, high - low, ".", ms=3, color=BLUE,
        label=f"width of the {INTERVAL_COVERAGE:.0%} interval",
    )  # fmt: skip
    axes.set_xlabel("share of the variance that the known compositions leave open", size=TEXT)
    axes.set_ylabel("decades", size=TEXT)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def residuals_by_family(rows: pd.DataFrame) -> Figure:
    """Draw measured minus predicted log10 of conductivity for each family; bounds left out."""
    figure, axes = _panel("Held-out rows: measured minus predicted, by family")
    values = rows[rows["censored"] == "none"]
    residual = values["log10_conductivity"] - values["predicted_log10_conductivity"]
    families = values["family"].str.split("|").explode()
    groups = [
        (name, residual[index].to_numpy())
        for name, index in families.groupby(families).groups.items()
    ]
    axes.axhline(0.0, color=INK, lw=0.8)
    if groups:
        axes.boxplot([values for _, values in groups], sym=".")
    axes.set_xticks(
        range(1, len(groups) + 1), [f"{name}\n{len(values)} rows" for name, values in groups]
    )
    axes.set_ylabel("decades", size=TEXT)
    return figure


def importances(table: pd.DataFrame) -> Figure:
    """Draw the features that brought most of the gain, over all tree models."""
    figure, axes = _panel("Share of the gain of the tree models")
    top = table.loc[table.mean(axis=1).nlargest(_N_IMPORTANCES).index[::-1]]
    left = np.zeros(len(top))
    for model, shares in top.items():
        axes.barh(top.index, shares / len(table.columns), left=left, label=str(model))
        left += shares.to_numpy() / len(table.columns)
    axes.tick_params(axis="y", labelsize=SMALL)
    axes.set_xlabel("mean share over the models", size=TEXT)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def _panel(title: str) -> tuple[Figure, Axes]:
    figure = new_figure(7.0, 5.0)
    axes = figure.add_subplot()
    figure.set_layout_engine("constrained")
    axes.set_title(title, size=TITLE, color=INK)
    axes.tick_params(labelsize=SMALL)
    return figure, axes
