"""Figures of windows and interfaces, drawn without a display.

Whoever draws imports this module when it is needed: matplotlib takes half a second to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from mlsse.errors import ConditionError
from mlsse.figures import (
    BLUE,
    DPI,
    GREEN,
    GREY,
    INK,
    ORANGE,
    SMALL,
    TEXT,
    TITLE,
    check_path,
    new_figure,
    pretty,
    renderer_of,
    save,
    sign,
)
from mlsse.interfaces import partners
from mlsse.plot_labels import Span, place_labels

if TYPE_CHECKING:
    import pandas as pd

    from mlsse.windows import Window

__all__ = ["check_path", "heat_map", "save", "staircase"]

_MAX_PANELS = 24
_MAX_CELLS = 10_000

# Inches.
_PANEL_WIDTH, _PANEL_HEIGHT = 7.6, 3.3
_LEFT, _RIGHT, _ABOVE, _BELOW, _FOOT = 0.75, 0.25, 0.85, 0.55, 0.4
_LINE = 0.17
_CELL_WIDTH, _CELL_HEIGHT = 0.52, 0.3
_PAD, _HEAD, _LEAST_WIDTH = 0.15, 0.65, 5.4
_BAR_WIDTH, _BAR_HEIGHT, _BAR_ROOM = 2.8, 0.14, 0.85
_MAX_COLUMNS = 14
_TICKS = (10, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_TICK_DISTANCE = 0.1  # of the length of the bar
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722, 0.0])
_HATCHED: dict[str, Any] = {
    "facecolor": "0.88", "edgecolor": "0.6", "hatch": "////", "linewidth": 0.0,
}  # fmt: skip


def staircase(windows: Sequence[Window]) -> Figure:
    """Draw the uptake of the ion against voltage, one panel a formula.

    Parameters
    ----------
    windows : sequence of Window
        At least one, at most 24.

    Returns
    -------
    matplotlib.figure.Figure
        The products stand beside each step; where they have no room the step has a number,
        explained below the panel.

    Raises
    ------
    ConditionError
        If there are none or too many.
    """
    if not 0 < len(windows) <= _MAX_PANELS:
        raise ConditionError(
            f"{len(windows)} formulas to draw: expected 1 to {_MAX_PANELS}, one panel each"
        )
    # Labels find their places in panels of the final size; the lists below them come later.
    height = len(windows) * _PANEL_HEIGHT
    figure = new_figure(_PANEL_WIDTH, height)
    axes, lists = [], []
    for i, window in enumerate(windows):
        panel = figure.add_axes((0.0, 1.0 - (i + 1) / len(windows), 1.0, 1.0 / len(windows)))
        axes.append(panel)
        lists.append(_draw_staircase(panel, window))
    height += len(windows) * (_ABOVE + _BELOW) + _FOOT
    height += sum(len(lines) + 0.5 for lines in lists if lines) * _LINE
    width = _LEFT + _PANEL_WIDTH + _RIGHT
    figure.set_size_inches(width, height)
    top = height
    for panel, lines in zip(axes, lists, strict=True):
        top -= _ABOVE + _PANEL_HEIGHT
        panel.set_position(
            (_LEFT / width, top / height, _PANEL_WIDTH / width, _PANEL_HEIGHT / height)
        )
        top -= _BELOW
        for number, line in enumerate(lines, start=1):
            top -= _LINE
            for x, text in ((_LEFT, f"{number}"), (_LEFT + 2.0 * _PAD, line)):
                figure.text(x / width, top / height, text, size=SMALL, color=INK)
        top -= 0.5 * _LINE if lines else 0.0
    sign(figure)
    return figure


def heat_map(table: pd.DataFrame) -> Figure:
    """Draw the reaction energies of electrolytes with their partners.

    At a voltage these are the mutual ones: what contact adds to what each material does alone.

    Parameters
    ----------
    table : pandas.DataFrame of shape (n_pairs, n_columns)
        As `mlsse.interface` gives for lists.

    Returns
    -------
    matplotlib.figure.Figure
        Electrolytes by partners, or the other way about where there are many partners.

    Raises
    ------
    ConditionError
        If there are no pairs, or too many.
    """
    if not 0 < len(table) <= _MAX_CELLS:
        raise ConditionError(f"{len(table)} pairs to draw: expected 1 to {_MAX_CELLS}")
    names = table["partner"].where(table["partner"].notna(), table["second"]).astype(str)
    electrolytes = list(dict.fromkeys(table["first"].astype(str)))
    kinds = {partner.name: partner.kind for partner in partners()}
    order = [*dict.fromkeys(kinds.values()), ""]
    columns = sorted(dict.fromkeys(names), key=lambda name: order.index(kinds.get(name, "")))
    values = np.full((len(electrolytes), len(columns)), np.nan)
    for first, name, energy in zip(
        table["first"].astype(str), names, table["reaction_energy_mutual_ev_per_atom"], strict=True
    ):
        energy = np.nan if energy is None else float(energy)
        values[electrolytes.index(first), columns.index(name)] = 1e3 * energy
    groups = [kinds.get(name, "") for name in columns]
    most = float(np.nanmax(-values, initial=1.0))
    figure = new_figure(1.0, 1.0)
    if len(columns) > max(_MAX_COLUMNS, len(electrolytes)):
        axes = _draw_cells(figure, values.T, columns, electrolytes, most)
        _write_kinds(axes, groups, upright=True)
    else:
        axes = _draw_cells(figure, values, electrolytes, columns, most)
        _write_kinds(axes, groups, upright=False)
    has_gaps = bool(np.isnan(values).any())
    _lay_out(figure, axes, _circumstances(table), most=most, has_gaps=has_gaps)
    return figure


def _mixture(products: dict[str, float]) -> str:
    parts = (
        name if f"{amount:.3g}" == "1" else f"{amount:.3g} {name}"
        for name, amount in products.items()
    )
    return pretty(" + ".join(parts))


def _label(name: str) -> str:
    """A formula with its amounts lowered, or the name of a partner as it is."""
    is_name = any(partner.name == name != partner.formula for partner in partners())
    return name if is_name else pretty(name)


# A staircase
# -----------


def _draw_staircase(axes: Axes, window: Window) -> list[str]:
    """Draw one panel; return the lines that explain its numbers."""
    steps = window.steps
    last = steps[-1].voltage_low_v
    right = last + max(0.5, 0.15 * last)
    ends = [right if s.voltage_high_v is None else s.voltage_high_v for s in steps]
    levels = [s.uptake for s in steps]
    span = max(levels) - min(levels) or 1.0
    axes.set_xlim(0.0, right)
    axes.set_ylim(min(levels) - 0.14 * span, max(levels) + 0.14 * span)
    axes.stairs(
        levels, [steps[0].voltage_low_v, *ends], baseline=None, color=INK, linewidth=1.8, zorder=3
    )
    low, high = window.reduction_limit_v, window.oxidation_limit_v
    axes.axvspan(low, high, color=GREEN, alpha=0.14, linewidth=0)
    for limit, colour, side in ((low, BLUE, "right"), (high, ORANGE, "left")):
        if limit > 0.0:
            axes.axvline(limit, color=colour, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
            _write_limit(axes, limit, colour, side)
    axes.set_xlabel(f"voltage against {window.ion} / V", size=TEXT + 1)
    axes.set_ylabel(f"{window.ion} taken up by one formula unit", size=TEXT + 1)
    axes.tick_params(labelsize=TEXT)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _write_title(axes, window)
    return _write_products(axes, window, ends)


def _write_limit(axes: Axes, limit: float, colour: str, side: str) -> None:
    """Write a limit above its line, on the side away from the window."""
    axes.annotate(
        f"{limit:.2f} V",
        (limit, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(2.0 if side == "left" or limit < 0.1 * axes.get_xlim()[1] else -2.0, 2.0),
        textcoords="offset points",
        ha="left" if limit < 0.1 * axes.get_xlim()[1] else side,
        size=TEXT,
        color=colour,
    )


def _write_title(axes: Axes, window: Window) -> None:
    name = window.formula if len(window.formula) <= 60 else f"{window.formula[:59]}…"
    words = f"window {window.reduction_limit_v:.2f} to {window.oxidation_limit_v:.2f} V"
    if window.reduction_limit_v == 0.0:
        words = f"stable against {window.ion} metal, up to {window.oxidation_limit_v:.2f} V"
    if window.e_hull_ev_per_atom > 0.0:
        words += f"; {window.e_hull_ev_per_atom:.3f} eV/atom above hull ({window.e_hull_source})"
    for height, text, style in (
        (30.0, pretty(name), {"size": TITLE, "weight": "bold"}),
        (17.0, words, {"size": TEXT, "color": GREY}),
    ):
        axes.annotate(
            text,
            (0.0, 1.0),
            xycoords="axes fraction",
            xytext=(0.0, height),
            textcoords="offset points",
            **style,  # type: ignore[arg-type]
        )


def _write_products(axes: Axes, window: Window, ends: Sequence[float]) -> list[str]:
    """Write products beside their steps where they fit, or else numbers; return the list."""
    steps = window.steps
    limits = window.reduction_limit_v, window.oxidation_limit_v
    texts = [_mixture(step.products) for step in steps]
    spans = [
        Span(step.voltage_low_v, end, step.uptake) for step, end in zip(steps, ends, strict=True)
    ]
    lines: list[str] = []
    for step, end, text, label in zip(
        steps, ends, texts, place_labels(axes, spans, texts, limits), strict=True
    ):
        if label.is_number:
            high = "up" if step.voltage_high_v is None else f"to {end:.2f}"
            lines.append(f"{step.voltage_low_v:.2f} {high} V:  {text}")
            style: dict[str, Any] = {
                "bbox": {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": INK, "lw": 0.6},
                "arrowprops": {
                    "arrowstyle": "-",
                    "color": INK,
                    "lw": 0.6,
                    "shrinkA": 4.0,
                    "shrinkB": 0.0,
                },
            }
        else:
            style = {"path_effects": [withStroke(linewidth=2.0, foreground="white", alpha=0.8)]}
        axes.annotate(
            str(len(lines)) if label.is_number else text,
            label.place,
            xytext=label.offset,
            textcoords="offset points",
            ha=label.ha,
            va=label.va,
            size=SMALL,
            color=INK,
            zorder=4,
            **style,
        )
    return lines


# A heat map
# ----------


def _circumstances(table: pd.DataFrame) -> str:
    known = table[table["voltage_v"].notna()]
    if known.empty:
        return "at open circuit"
    pairs = dict.fromkeys(zip(known["voltage_v"], known["ion"], strict=True))
    words = ", ".join(f"at {voltage:g} V against {ion}" for voltage, ion in pairs)
    return f"{words}, beyond what each does alone there"


def _draw_cells(
    figure: Figure,
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    most: float,
) -> Axes:
    """Draw energies, released ones the darker; the cells have their final size."""
    n_rows, n_columns = values.shape
    figure.set_size_inches(n_columns * _CELL_WIDTH, n_rows * _CELL_HEIGHT)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    released = np.ma.masked_invalid(-values)
    # The root of the energy: among weak reactions small differences matter.
    norm = PowerNorm(0.5, vmin=0.0, vmax=most)
    cells = axes.pcolormesh(
        released, norm=norm, cmap="cividis_r", edgecolors="white", linewidth=0.8
    )
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.add_patch(Rectangle((j, i), 1.0, 1.0, **_HATCHED))
            continue
        is_dark = float(cells.to_rgba(np.array([-value]))[0] @ _LUMINANCE) < 0.5
        colour = "white" if is_dark else INK
        text = f"{round(float(value)) + 0:d}"
        axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", size=SMALL, color=colour)
    axes.set_xlim(0, n_columns)
    axes.set_ylim(n_rows, 0)
    axes.xaxis.tick_top()
    axes.set_xticks(
        np.arange(n_columns) + 0.5,
        [_label(name) for name in columns],
        rotation=45,
        ha="left",
        va="bottom",
        rotation_mode="anchor",
        size=TEXT,
    )
    axes.set_yticks(np.arange(n_rows) + 0.5, [_label(name) for name in rows], size=TEXT)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return axes


def _write_kinds(axes: Axes, groups: Sequence[str], *, upright: bool) -> None:
    """Part the kinds of partners, and name them at the right or below."""
    start = 0
    for kind, members in groupby(groups):
        end = start + len(list(members))
        if start:
            (axes.axhline if upright else axes.axvline)(start, color="white", linewidth=4.0)
        if kind and upright:
            axes.annotate(
                kind,
                (1.0, 0.5 * (start + end)),
                xycoords=("axes fraction", "data"),
                xytext=(6.0, 0.0),
                textcoords="offset points",
                va="center",
                size=SMALL,
                color=GREY,
            )
        elif kind:
            axes.annotate(
                kind if end - start > 1 else kind.replace(" ", "\n"),
                (0.5 * (start + end), 0.0),
                xycoords=("data", "axes fraction"),
                xytext=(0.0, -5.0),
                textcoords="offset points",
                ha="center",
                va="top",
                size=SMALL,
                color=GREY,
            )
        start = end


def _lay_out(
    figure: Figure, axes: Axes, circumstances: str, *, most: float, has_gaps: bool
) -> None:
    """Give the names the room they take, and add title, colour bar and source."""
    width, height = figure.get_size_inches()
    names, cells = axes.get_tightbbox(renderer_of(axes)), axes.bbox
    assert names is not None
    left = (cells.x0 - names.x0) / DPI + _PAD
    right = (names.x1 - cells.x1) / DPI + _PAD
    above = (names.y1 - cells.y1) / DPI + _HEAD
    below = (cells.y0 - names.y0) / DPI + _BAR_ROOM + _FOOT
    total = max(left + width + right, _LEAST_WIDTH), above + height + below

    def place(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        return x / total[0], y / total[1], w / total[0], h / total[1]

    figure.set_size_inches(*total)
    axes.set_position(place(left, below, width, height))
    bar_axes = figure.add_axes(place(_PAD + 0.1, _FOOT + 0.5, _BAR_WIDTH, _BAR_HEIGHT))
    ticks = [0]
    for tick in _TICKS:
        if tick <= most and (tick**0.5 - ticks[-1] ** 0.5) / most**0.5 > _TICK_DISTANCE:
            ticks.append(tick)
    bar = figure.colorbar(axes.collections[0], cax=bar_axes, orientation="horizontal", ticks=ticks)
    bar.set_ticks(ticks, labels=[f"{-tick:d}" if tick else "0" for tick in ticks], size=SMALL)
    bar.set_label("reaction energy / (meV/atom)", size=TEXT)
    bar.outline.set_visible(False)
    if has_gaps:
        key = figure.add_axes(
            place(_BAR_WIDTH + 3.5 * _PAD, _FOOT + 0.5, 2.0 * _BAR_HEIGHT, _BAR_HEIGHT)
        )
        key.set_axis_off()
        key.add_patch(Rectangle((0.0, 0.0), 1.0, 1.0, **_HATCHED))
        key.annotate(
            "no result", (1.3, 0.5), annotation_clip=False, va="center", size=SMALL, color=INK
        )
    for y, text, style in (
        (0.3, "Reaction energy at the interface", {"size": TITLE, "weight": "bold"}),
        (0.5, circumstances, {"size": TEXT, "color": GREY}),
    ):
        figure.text(_PAD / total[0], 1.0 - y / total[1], text, **style)  # type: ignore[arg-type]
    sign(figure)
