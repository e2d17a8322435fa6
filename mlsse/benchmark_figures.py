"""Figures of a benchmark record: how far its probabilities and intervals can be believed.

They are drawn from the record alone, so an old record can be drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlsse.figures import BLUE, GREEN, GREY, INK, ORANGE, SMALL, TEXT, TITLE, new_figure
from mlsse.targets import INTERVAL_COVERAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = "_reliability"
_COLOURS = {"stable": GREEN, "metastable": ORANGE, "superionic": BLUE}
#: The coverage that every family should reach.
_LEAST_COVERAGE = 0.8


def draw(record: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw what a record of `mlsse.benchmarks.run` tells of doubt.

    Parameters
    ----------
    record : mapping
        Of the benchmark of conductivity or stability; others have nothing to draw.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        ``reliability``, and of conductivities also ``coverage``; keys begin with the name of
        the benchmark.
    """
    name, protocols = record["benchmark"], record["protocols"]
    doubts = [scores for key, scores in protocols.items() if key.endswith("_doubt")]
    bins = {
        key.removesuffix(_BINS): found
        for scores in doubts
        for key, found in scores.items()
        if key.endswith(_BINS)
    }
    figures = {}
    if bins:
        figures[f"{name}_reliability"] = reliability(bins)
    parts = {
        part: scores[f"by_{kind}"]
        for scores in doubts
        for kind, part in (("family", "room temperature"), ("temperature", "all families"))
        if f"by_{kind}" in scores
    }
    if parts:
        left_out = protocols.get("leave_one_family_out", {}).get("families", {})
        figures[f"{name}_coverage"] = coverage(parts, left_out)
    return figures


def reliability(bins: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw stated probabilities against what came true.

    Parameters
    ----------
    bins : mapping of str to sequence
        By the name of the class, as `mlsse.doubt_metrics.reliability` makes them.

    Returns
    -------
    matplotlib.figure.Figure
        The area of a mark goes with the number of rows.
    """
    figure, axes = _panel("Stated probabilities against what came true", 5.0)
    axes.plot([0, 1], [0, 1], color=INK, lw=0.8)
    for name, found in bins.items():
        stated, observed = ([part[key] for part in found] for key in ("stated", "observed"))
        total = sum(part["n"] for part in found)
        colour = _COLOURS.get(name, GREY)
        axes.plot(stated, observed, "-", color=colour, lw=1.0, label=f"{name} ({total:,} rows)")
        areas = [6.0 + 300.0 * part["n"] / total for part in found]
        axes.scatter(stated, observed, s=areas, color=colour, alpha=0.6, linewidths=0)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_xlabel("stated probability, mean of a bin", size=TEXT)
    axes.set_ylabel("share that came true", size=TEXT)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left")
    return figure


def coverage(
    parts: Mapping[str, Mapping[str, Mapping[str, Any]]], left_out: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Draw the coverage of the 90 % interval by family and temperature.

    Parameters
    ----------
    parts : mapping of str to mapping
        Groups of parts of the cross-validated rows, with the scores of each part.
    left_out : mapping of str to mapping
        Scores of each family when it was left out whole.

    Returns
    -------
    matplotlib.figure.Figure
    """
    marks = [
        (f"{name} ({scores['n']:,})", scores["coverage_90"], BLUE)
        for group in parts.values()
        for name, scores in group.items()
    ]
    marks += [
        (f"{name}, left out ({scores['n']:,})", scores["coverage_90"], ORANGE)
        for name, scores in left_out.items()
    ]
    figure, axes = _panel("Coverage of the 90 % interval", 1.2 + 0.24 * len(marks))
    for place, (_, value, colour) in enumerate(reversed(marks)):
        axes.plot([value], [place], "o", color=colour, ms=5)
    axes.axvline(INTERVAL_COVERAGE, color=INK, lw=0.8)
    axes.axvline(_LEAST_COVERAGE, color=GREY, lw=0.8, ls=":")
    axes.set_yticks(range(len(marks)), [label for label, *_ in reversed(marks)])
    axes.set_xlim(min(0.5, *(value for _, value, _ in marks)) - 0.02, 1.01)
    axes.set_xlabel("share of the measured values inside", size=TEXT)
    return figure


def _panel(title: str, height: float) -> tuple[Figure, Axes]:
    figure = new_figure(7.0, height)
    axes = figure.add_subplot()
    figure.set_layout_engine("constrained")
    axes.set_title(title, size=TITLE, color=INK)
    axes.tick_params(labelsize=SMALL)
    return figure, axes
