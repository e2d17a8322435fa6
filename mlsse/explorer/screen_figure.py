"""The Pareto scatter of a screen, and the rows inside a box that was drawn in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from mlsse.conditions import numbers
from mlsse.explorer import theme
from mlsse.explorer.screen_columns import NUMBERS
from mlsse.explorer.screen_selection import Asked, HeldScreen, Selection, as_frame, spread_out

#: About so many rows are drawn; those of the front are always among them.
MAX_POINTS = 3_000


def _axes(asked: Asked) -> tuple[str, str]:
    x, y = (text.rpartition(":")[0] for text in asked.objectives)
    return x, y


def in_box(screen: HeldScreen, asked: Asked, found: Selection, box: Any) -> Selection:
    """The rows inside a box of the figure, drawn or not; all without a box.

    Parameters
    ----------
    screen : HeldScreen
    asked : Asked
    found : Selection
    box : dict or None
        What the figure tells of a selection: ``range`` with ``x`` and ``y``.

    Returns
    -------
    Selection
    """
    ranges = (box or {}).get("range")
    if not ranges:
        return found
    inside = np.ones(len(found.rows), dtype=bool)
    for name, axis in zip(_axes(asked), ("x", "y"), strict=True):
        low, high = sorted(float(end) for end in ranges[axis])
        values = numbers(screen.table[name])[found.rows]
        inside &= (values >= low) & (values <= high)
    return Selection(found.rows[inside], found.on_front[inside], found.counts, found.notes)


def draw(
    screen: HeldScreen, asked: Asked, found: Selection, mode: theme.Mode, *, revision: str = ""
) -> go.Figure:
    """Draw the candidates that pass, those on the front apart.

    Parameters
    ----------
    screen : HeldScreen
    asked : Asked
    found : Selection
    mode : {"light", "dark"}
    revision : str
        As long as it stays, so does the box of the visitor.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    x, y = _axes(asked)
    has_both = np.isfinite(numbers(screen.table[x])[found.rows])
    has_both &= np.isfinite(numbers(screen.table[y])[found.rows])
    rows, on_front = found.rows[has_both], found.on_front[has_both]
    kept = spread_out(len(rows), MAX_POINTS, always=on_front)
    rows, on_front = rows[kept], on_front[kept]
    others, front = rows[~on_front], rows[on_front]
    traces = [
        _points(screen, others, x, y, "passing", theme.BLUE, "circle", opacity=0.6),
        _points(screen, front, x, y, "on the Pareto front", theme.VERMILION, "diamond", size=10),
    ]
    return theme.figure(
        traces,
        x=NUMBERS[x].axis,
        y=NUMBERS[y].axis,
        mode=mode,
        height=520,
        showlegend=True,
        dragmode="select",
        uirevision=f"{x} {y} {revision}",
    )


def _points(
    screen: HeldScreen,
    rows: NDArray[np.intp],
    x: str,
    y: str,
    name: str,
    colour: str,
    symbol: str,
    *,
    size: int = 6,
    opacity: float = 1.0,
) -> go.Scatter:
    frame = as_frame(screen, rows, ["formula", x, y])
    return go.Scatter(
        x=frame[x], y=frame[y], mode="markers", name=f"{name} ({len(rows):,} shown)",
        text=[theme.as_plain(text) for text in frame["formula"]], customdata=rows,
        hovertemplate="%{text}<br>" + f"{NUMBERS[x].axis.title}: %{{x:.3g}}<br>"
        + f"{NUMBERS[y].axis.title}: %{{y:.3g}}<extra></extra>",
        marker={"size": size, "color": colour, "symbol": symbol, "opacity": opacity},
    )  # fmt: skip


def describe(asked: Asked, found: Selection) -> str:
    """What the figure shows, in words."""
    counts = "; ".join(f"{name}: {count:,}" for name, count in found.counts.items())
    aims = " and ".join(text.replace(":", ", ") for text in asked.objectives)
    thinned = (
        f" Of those that pass, about {MAX_POINTS:,} are drawn."
        if len(found.rows) > MAX_POINTS
        else ""
    )
    return f"Rows by condition, each by itself: {counts}. The front is that of {aims}.{thinned}"
