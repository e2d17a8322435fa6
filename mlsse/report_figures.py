"""Figures of reports: predictions with their intervals, Arrhenius lines, what a screen found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse.figures import BLUE, GREEN, GREY, INK, ORANGE, SMALL, TEXT, TITLE, new_figure, pretty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Row = Mapping[str, Any]

LOG10 = "log10 of conductivity / (S/cm)"
_MAX_NAME = 34  # letters of a formula beside a bar
_COLUMNS = 3
_NEIGHBOUR_COLOURS = (ORANGE, GREEN, GREY)
_MARKERS = ("o", "s", "^")
_RASTER_FROM = 3_000  # points; more are drawn as one image, which is smaller
_BINS = 40


@dataclass(frozen=True)
class ArrheniusLine:
    """A predicted line and what was measured nearby.

    Attributes
    ----------
    formula : str
    temperature_k : ndarray of shape (n,)
    log10, lower, upper : ndarray of shape (n,)
        log10 of S/cm; the 90 % interval.
    measured : tuple of (str, ndarray, ndarray)
        Of each of the nearest known materials the formula, the temperatures in K and the
        measured log10 of S/cm.
    """

    formula: str
    temperature_k: Floats
    log10: Floats
    lower: Floats
    upper: Floats
    measured: tuple[tuple[str, Floats, Floats], ...] = ()


def conductivities(rows: Sequence[Row]) -> Figure:
    """Draw conductivities with their 90 % intervals, one line a formula.

    Parameters
    ----------
    rows : sequence of mapping
        Of the score card, with a conductivity; the first is drawn on top.

    Returns
    -------
    matplotlib.figure.Figure
        Open marks are out of the domain.
    """
    figure, axes = _panel("Predicted conductivity with its 90 % interval", 1.3 + 0.24 * len(rows))
    for place, row in enumerate(reversed(rows)):
        colour = BLUE if row["in_domain"] else GREY
        ends = row["log10_conductivity_lower"], row["log10_conductivity_upper"]
        axes.plot(ends, [place, place], "-", color=colour, lw=1.6, solid_capstyle="butt")
        axes.plot(
            [row["log10_conductivity"]], [place], "o", ms=5, color=colour,
            mfc=colour if row["in_domain"] else "white",
        )  # fmt: skip
    axes.axvline(-4.0, color=GREY, lw=0.8, ls=":")
    axes.annotate(
        "1e-4 S/cm", (-4.0, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
        textcoords="offset points", ha="center", size=SMALL, color=GREY,
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), [_name(row["formula"]) for row in reversed(rows)])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_title(axes.get_title(), pad=14)
    axes.set_xlabel(LOG10, size=TEXT)
    return figure


def arrhenius(lines: Sequence[ArrheniusLine]) -> Figure:
    """Draw Arrhenius lines with intervals against the measured points of the nearest materials.

    Parameters
    ----------
    lines : sequence of ArrheniusLine
        One panel each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n_columns = min(_COLUMNS, len(lines))
    n_rows = -(-len(lines) // n_columns)
    figure = new_figure(3.0 * n_columns + 0.4, 3.3 * n_rows)
    figure.set_layout_engine("constrained", h_pad=0.12)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, line in zip(panels, lines, strict=False):
        _draw_arrhenius(axes, line)
    for axes in panels[len(lines) :]:
        axes.set_axis_off()
    return figure


def _draw_arrhenius(axes: Axes, line: ArrheniusLine) -> None:
    x = 1000.0 / line.temperature_k
    axes.fill_between(x, line.lower, line.upper, color=BLUE, alpha=0.15, lw=0)
    axes.plot(x, line.log10, "-", color=BLUE, lw=1.6)
    low, high = x.min(), x.max()
    for (formula, temperatures_k, log10), colour, marker in zip(
        line.measured, _NEIGHBOUR_COLOURS, _MARKERS, strict=False
    ):
        at = 1000.0 / temperatures_k
        shown = (at >= low) & (at <= high)
        if shown.any():
            axes.plot(
                at[shown], log10[shown], marker, ms=3.5, color=colour, mfc="none",
                label=_name(formula),
            )  # fmt: skip
    axes.set_title(_name(line.formula), size=TEXT, color=INK)
    axes.set_xlabel("1000/T / (1/K)", size=SMALL)
    axes.set_ylabel(LOG10, size=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.set_xlim(low, high)
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            fontsize=6.5, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2),
            handletextpad=0.2, borderpad=0.0,
        )  # fmt: skip


def histogram(
    parts: Mapping[str, Floats], title: str, label: str, limit: float | None = None
) -> Figure:
    """Draw how often values occur, the parts stacked.

    Parameters
    ----------
    parts : mapping of str to ndarray
        Values by the name of the part; those that are not finite are left out.
    title, label : str
        Of the figure, and of the axis of the values, with their unit.
    limit : float, optional
        A value to mark.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _panel(title, 3.4)
    kept = {name: values[np.isfinite(values)] for name, values in parts.items()}
    kept = {name: values for name, values in kept.items() if len(values)}
    if kept:
        axes.hist(
            list(kept.values()), bins=_BINS, stacked=True, color=(BLUE, ORANGE, GREEN)[: len(kept)],
            label=[f"{name} ({len(values):,})" for name, values in kept.items()],
        )  # fmt: skip
        axes.legend(fontsize=SMALL, frameon=False)
    if limit is not None:
        axes.axvline(limit, color=INK, lw=0.8, ls=":")
    axes.set_xlabel(label, size=TEXT)
    axes.set_ylabel("number of candidates", size=TEXT)
    return figure


def trade_off(
    x: Floats,
    y: Floats,
    on_front: NDArray[np.bool_],
    is_listed: NDArray[np.bool_],
    labels: tuple[str, str],
) -> Figure:
    """Draw two objectives against each other.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Rows where one is not finite are left out.
    on_front, is_listed : ndarray of bool, shape (n,)
        Rows of the Pareto front, and of the list.
    labels : (str, str)
        Of the axes, with units.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _panel("Two objectives against each other", 4.6)
    has_both = np.isfinite(x) & np.isfinite(y)
    groups = (
        ("not listed", has_both & ~is_listed & ~on_front, GREY, "."),
        ("listed", has_both & is_listed & ~on_front, BLUE, "o"),
        ("Pareto front", has_both & on_front, ORANGE, "D"),
    )
    for label, rows, colour, marker in groups:
        if rows.any():
            axes.plot(
                x[rows], y[rows], marker, color=colour, ms=5 if marker == "." else 4,
                alpha=0.5 if marker != "D" else 1.0, mew=0, label=f"{label} ({int(rows.sum()):,})",
                rasterized=bool(rows.sum() > _RASTER_FROM),
            )  # fmt: skip
    axes.set_xlabel(labels[0], size=TEXT)
    axes.set_ylabel(labels[1], size=TEXT)
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    figure.legend(fontsize=SMALL, frameon=False, loc="outside lower center", ncols=3)
    return figure


def by_family(families: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the mean absolute error of each family with its interval, the median's beside.

    Parameters
    ----------
    families : mapping of str to mapping
        As `mlsse.family_scores.scores_by_family` makes them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _panel(
        "Error of held-out rows by family, with a 95 % interval", 1.2 + 0.34 * len(families)
    )
    places = np.arange(len(families))[::-1]
    for place, scores in zip(places.tolist(), families.values(), strict=True):
        axes.plot(scores["mae_ci95"], [place, place], "-", color=BLUE, lw=1.6)
    of_model = [scores["mae"] for scores in families.values()]
    of_median = [scores["median_mae"] for scores in families.values()]
    axes.plot(of_median, places, "D", ms=5, mfc="none", color=ORANGE, label="median of all rows")
    axes.plot(of_model, places, "o", ms=5, color=BLUE, label="model")
    axes.set_yticks(places, [f"{name} ({s['n']:,})" for name, s in families.items()], size=TEXT)
    axes.set_ylim(-0.6, len(families) - 0.4)
    axes.set_xlim(left=0.0)
    axes.set_xlabel("mean absolute error / decades", size=TEXT)
    figure.legend(fontsize=SMALL, frameon=False, loc="outside lower center", ncols=2)
    return figure


def _name(formula: str) -> str:
    shown = formula if len(formula) <= _MAX_NAME else f"{formula[: _MAX_NAME - 1]}…"
    return pretty(shown)


def _panel(title: str, height: float) -> tuple[Figure, Axes]:
    figure = new_figure(7.4, height)
    axes = figure.add_subplot()
    figure.set_layout_engine("constrained")
    axes.set_title(title, size=TITLE, color=INK)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
