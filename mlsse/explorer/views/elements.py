"""A periodic table of what is known: how much, how conducting, how well predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import dash
import numpy as np
import plotly.graph_objects as go
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

from mlsse.explorer import theme
from mlsse.explorer.context import Context
from mlsse.explorer.element_table import (
    N_GROUPS,
    PERIODS,
    ElementFacts,
    cells,
    element_facts,
    grid,
)
from mlsse.explorer.known_materials import gather
from mlsse.explorer.parts import field, graph, message, table

TITLE = "Elements"

_NO_VALUE = "-"
_MIDDLE = 0.45  # of the colour scale: black is easier to read above, white below


@dataclass(frozen=True)
class Quantity:
    """What the cells show.

    Attributes
    ----------
    label : str
        In the menu.
    bar : str
        Title of the colour bar, with its unit.
    note : str
        What it means.
    is_logarithmic : bool
        Whether the colours go by the logarithm.
    """

    label: str
    bar: str
    note: str
    is_logarithmic: bool = False


QUANTITIES = {
    "compositions": Quantity(
        "known compositions",
        "number of known compositions",
        "Compositions that the model has learned from and that contain the element; the colours "
        "go by the logarithm.",
        is_logarithmic=True,
    ),
    "measurements": Quantity(
        "measurements",
        "number of measurements",
        "Measurements of compositions that contain the element; the colours go by the logarithm.",
        is_logarithmic=True,
    ),
    "mean": Quantity(
        "mean conductivity",
        "mean log10 of conductivity at 298 K / (S/cm)",
        "Mean over the known compositions that contain the element.",
    ),
    "error": Quantity(
        "error",
        "mean absolute error / decades",
        "Each known composition predicted from all others by the Gaussian process alone. Its close "
        "relatives stay known, so chemistry that is new to the data is predicted worse: the model "
        "card has those errors.",
    ),
}


def layout(context: Context) -> Component:
    """The page of the view."""
    names = [n for n in QUANTITIES if n != "measurements" or context.measured is not None]
    options = [{"label": QUANTITIES[name].label, "value": name} for name in names]
    return html.Div(
        [
            html.P(
                "Where the data are, what conducts, and where predictions fail, element by "
                "element.",
                className="lead",
            ),
            html.Div(
                field(
                    "Colour by",
                    dcc.Dropdown(
                        id="elements-quantity",
                        options=options,
                        value=names[0],
                        clearable=False,
                        searchable=False,
                    ),
                ),
                className="controls",
            ),
            *([] if context.measured else [message(context.measured_note)]),
            html.Div(
                graph("elements-table", "Periodic table of the known compositions"),
                className="wide-figure",
            ),
            html.Details(
                [
                    html.Summary("All values as a table"),
                    html.Div(id="elements-values"),
                ]
            ),
        ]
    )


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""

    @cache
    def facts() -> list[ElementFacts]:
        known = gather(context)
        return element_facts(
            context.model.process.vectors,
            known.log10_conductivity,
            known.left_out_error,
            known.n_measurements,
        )

    @app.callback(
        Output("elements-table", "figure"),
        Output("elements-table-text", "children"),
        Output("elements-values", "children"),
        Input("elements-quantity", "value"),
        Input(theme.MODE_STORE, "data"),
    )
    def draw_table(name: str, mode: str | None) -> tuple[go.Figure, str, Component]:
        return (
            draw(facts(), name, theme.as_mode(mode)),
            describe(facts(), name),
            value_table(facts(), context.measured is not None),
        )


def value_of(facts: ElementFacts, name: str) -> float:
    """The quantity of an element, NaN where nothing is known."""
    value = {
        "compositions": float(facts.n_compositions),
        "measurements": float(facts.n_measurements),
        "mean": facts.mean_log10_conductivity,
        "error": facts.mean_error,
    }[name]
    return value if facts.n_compositions else float("nan")


def draw(facts: Sequence[ElementFacts], name: str, mode: theme.Mode) -> go.Figure:
    """Draw the periodic table.

    Parameters
    ----------
    facts : sequence of ElementFacts
    name : str
        One of `QUANTITIES`.
    mode : {"light", "dark"}

    Returns
    -------
    plotly.graph_objects.Figure
    """
    quantity, look = QUANTITIES[name], theme.LOOKS[mode]
    by_symbol = {one.symbol: one for one in facts}
    values = {symbol: value_of(one, name) for symbol, one in by_symbol.items()}
    colours = grid(values)
    if quantity.is_logarithmic:
        colours = np.log10(np.where(colours > 0, colours, np.nan))
    texts = np.full((len(PERIODS), N_GROUPS), "", dtype=object)
    hovers = texts.copy()
    blank = np.full(texts.shape, np.nan)
    for symbol, place in cells().items():
        value = values.get(symbol, float("nan"))
        texts[place] = f"<b>{symbol}</b><br>{_shown(value, name)}"
        hovers[place] = _hover(symbol, by_symbol.get(symbol))
        blank[place] = 0.0
    x, y = np.arange(1, N_GROUPS + 1), list(PERIODS)
    size = {"size": 12}
    low, high = _ends(colours)
    # Dark letters on light cells and light ones on dark: each layer has the cells of one kind.
    is_known = np.isfinite(colours)
    is_light = is_known & ((colours - low) / (high - low) > _MIDDLE)
    is_dark = is_known & ~is_light
    empty = go.Heatmap(
        z=np.where(is_known, np.nan, blank), x=x, y=y, showscale=False, xgap=2, ygap=2,
        colorscale=[[0, look.grid], [1, look.grid]], text=texts, texttemplate="%{text}",
        textfont={**size, "color": look.muted}, customdata=hovers,
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    layers = [
        go.Heatmap(
            z=np.where(mask, colours, np.nan), x=x, y=y, xgap=2, ygap=2, coloraxis="coloraxis",
            text=np.where(mask, texts, ""), texttemplate="%{text}", customdata=hovers,
            textfont={**size, "color": ink},
            hovertemplate="%{customdata}<extra></extra>", hoverongaps=False,
        )
        for mask, ink in ((is_light, "#000000"), (is_dark, "#ffffff"))
    ]  # fmt: skip
    bar = {"title": {"text": quantity.bar, "side": "right"}, "thickness": 14, "outlinewidth": 0}
    if quantity.is_logarithmic:
        bar |= _logarithmic_ticks(colours)
    return theme.figure(
        [empty, *layers],
        x=theme.Axis("group", None),
        y=theme.Axis("period; f: lanthanides and actinides", None),
        mode=mode,
        height=520,
        xaxis={"dtick": 1, "showgrid": False, "zeroline": False, "side": "top"},
        yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
        coloraxis={"colorscale": theme.SEQUENTIAL, "cmin": low, "cmax": high, "colorbar": bar},
    )


def _ends(colours: np.ndarray) -> tuple[float, float]:
    known = colours[np.isfinite(colours)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return low, max(high, low + 1.0)


def _logarithmic_ticks(colours: np.ndarray) -> dict[str, list[float] | list[str]]:
    top = float(np.nanmax(colours)) if np.isfinite(colours).any() else 0.0
    ticks = [value for value in (1, 3, 10, 30, 100, 300, 1000, 3000, 10000) if value <= 10**top]
    return {"tickvals": [float(np.log10(v)) for v in ticks], "ticktext": [f"{v:,}" for v in ticks]}


def _shown(value: float, name: str) -> str:
    if np.isnan(value):
        return _NO_VALUE
    return f"{value:.0f}" if QUANTITIES[name].is_logarithmic else f"{value:.1f}"


def _hover(symbol: str, facts: ElementFacts | None) -> str:
    if facts is None or not facts.n_compositions:
        return f"{symbol}<br>in no known composition"
    measured = f"<br>{facts.n_measurements} measurements" if facts.n_measurements else ""
    return (
        f"{symbol}<br>{facts.n_compositions} known compositions{measured}"
        f"<br>mean log10 of conductivity at 298 K: {facts.mean_log10_conductivity:.1f} (S/cm)"
        f"<br>mean absolute error: {facts.mean_error:.2f} decades"
    )


def describe(facts: Sequence[ElementFacts], name: str) -> str:
    """What the table shows, in words."""
    known = [one for one in facts if one.n_compositions]
    ordered = sorted(known, key=lambda one: -value_of(one, name))
    ends = [
        ", ".join(f"{one.symbol} {_shown(value_of(one, name), name)}" for one in some)
        for some in (ordered[:5], ordered[-5:])
    ]
    return (
        f"{QUANTITIES[name].note} {len(known)} of {len(facts)} elements occur. "
        f"Highest: {ends[0]}. Lowest: {ends[1]}."
    )


def value_table(facts: Sequence[ElementFacts], has_measurements: bool) -> Component:
    """All values, the best known element first."""
    known = sorted(
        (one for one in facts if one.n_compositions), key=lambda one: -one.n_compositions
    )
    headings = ["Element", "Known compositions", "Measurements", "Mean log10 of conductivity at "
                "298 K / (S/cm)", "Mean absolute error / decades"]  # fmt: skip
    rows = [
        [
            one.symbol,
            str(one.n_compositions),
            str(one.n_measurements) if has_measurements else _NO_VALUE,
            f"{one.mean_log10_conductivity:.2f}",
            f"{one.mean_error:.2f}",
        ]
        for one in known
    ]
    return table("Elements of the known compositions", headings, rows)
