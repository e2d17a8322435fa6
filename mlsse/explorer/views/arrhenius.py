"""Conductivity against temperature, beside what was measured of the nearest materials."""

from __future__ import annotations

from typing import Any

import dash
import numpy as np
import plotly.graph_objects as go
from dash import Input, Output, html
from dash.development.base_component import Component

from mlsse.errors import MlsseError
from mlsse.explorer.answers import (
    Line,
    Neighbour,
    arrhenius_line,
    dois_of,
    measured_words,
    neighbours,
    power,
)
from mlsse.explorer.context import Context
from mlsse.explorer.parts import aria, formula_field, graph, message, offer_formulas
from mlsse.explorer.theme import (
    LOOKS,
    MODE_STORE,
    PALETTE,
    SKY,
    Axis,
    Mode,
    as_mode,
    as_plain,
    empty_figure,
    figure,
    series_symbol,
    translucent,
)
from mlsse.targets import ROOM_TEMPERATURE_K

TITLE = "Arrhenius"

_X = Axis("1000/T", "1/K")
_Y = Axis("conductivity", "S/cm")
_CELSIUS = (500, 300, 200, 100, 60, 25, 0, -30, -60)
# Sky blue is the prediction, so the materials take the others.
_COLOURS = tuple(colour for colour in PALETTE if colour != SKY)


def layout(context: Context) -> Component:
    """A formula and its plot."""
    return html.Div(
        [
            html.P(
                "The predicted line with its 90 % interval, and the measured points of the five "
                "nearest known materials. Dashed where few measurements lie.",
                className="lead",
            ),
            html.Div(formula_field("arrhenius"), className="controls"),
            html.Div(id="arrhenius-message", **aria(live="polite")),
            graph("arrhenius-plot", "Conductivity against inverse temperature"),
        ]
    )


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""
    offer_formulas(app, "arrhenius")

    @app.callback(
        Output("arrhenius-plot", "figure"),
        Output("arrhenius-plot-text", "children"),
        Output("arrhenius-message", "children"),
        Input("arrhenius-formula", "value"),
        Input(MODE_STORE, "data"),
    )
    def draw(text: str | None, stored: str | None) -> tuple[go.Figure, str, Component | None]:
        mode = as_mode(stored)
        if not text:
            return empty_figure("Enter a formula", mode), "", None
        try:
            line, near = arrhenius_line(text, context), neighbours(text, context)
        except MlsseError as error:
            return empty_figure("No prediction", mode), "", message(str(error), "error")
        return arrhenius_figure(line, near, mode), _in_words(line, near), _notes(line, context)


def arrhenius_figure(line: Line, near: list[Neighbour], mode: Mode) -> go.Figure:
    """Draw the line with its interval, and the measured points."""
    x = 1000.0 / line.temperature_k
    value, lower, upper = (10.0**v for v in (line.log10_conductivity, line.lower, line.upper))
    band = go.Scatter(
        x=[*x, *x[::-1]],
        y=[*upper, *lower[::-1]],
        fill="toself",
        fillcolor=translucent(SKY, 0.25),
        line={"width": 0},
        hoverinfo="skip",
        name="90 % interval",
    )
    low, high = line.supported_k
    inside = (line.temperature_k >= low) & (line.temperature_k <= high)
    traces: list[Any] = [band]
    parts = (
        (inside, "solid", f"{line.formula}, predicted", True),
        (line.temperature_k <= low, "dash", "predicted, colder than most data", False),
        (line.temperature_k >= high, "dash", "predicted, hotter than most data", False),
    )
    for mask, dash_, name, in_legend in parts:
        if mask.any():
            traces.append(
                go.Scatter(
                    x=x[mask],
                    y=value[mask],
                    customdata=np.column_stack([line.temperature_k, lower, upper])[mask],
                    mode="lines",
                    line={"color": LOOKS[mode].text, "width": 2.5, "dash": dash_},
                    name=as_plain(name),
                    showlegend=in_legend,
                    hovertemplate="%{y:.2e} S/cm at %{customdata[0]:.0f} K<br>90 %: "
                    "%{customdata[1]:.1e} to %{customdata[2]:.1e}",
                )
            )
    traces += [_points(known, place, mode) for place, known in enumerate(near)]
    drawn = figure(traces, x=_X, y=_Y, mode=mode, height=560)
    drawn.update_yaxes(type="log", exponentformat="power", dtick=2)
    drawn.update_xaxes(range=[float(x.min()) - 0.05, float(x.max()) + 0.05])
    drawn.update_layout(
        legend={"y": -0.16, "yanchor": "top"},
        xaxis2={
            "overlaying": "x", "side": "top", "matches": "x", "title": {"text": "T / °C"},
            "tickvals": [1000.0 / (c + 273.15) for c in _CELSIUS],
            "ticktext": [str(c) for c in _CELSIUS],
            "showgrid": False,
        },
    )  # fmt: skip
    # A second axis appears only with a trace of its own.
    drawn.add_scatter(x=[None], y=[None], xaxis="x2", showlegend=False, hoverinfo="skip")
    return drawn


def _points(known: Neighbour, place: int, mode: Mode) -> go.Scatter:
    """Measured points of a material; a bound is a triangle that points where the value lies."""
    rows = known.measurements or [
        {
            "temperature_k": ROOM_TEMPERATURE_K,
            "log10_conductivity": known.room_log10_conductivity,
            "censored": "none",
            "doi": "",
            "source": "mean, from the model",
        }
    ]
    bound = {"upper": "triangle-down-open", "lower": "triangle-up-open"}
    colour = _COLOURS[place % len(_COLOURS)]
    return go.Scatter(
        x=[1000.0 / row["temperature_k"] for row in rows],
        y=[10.0 ** row["log10_conductivity"] for row in rows],
        mode="markers",
        marker={
            "color": colour,
            "size": 10,
            "symbol": [bound.get(row["censored"], series_symbol(place)) for row in rows],
            "line": {"width": 1, "color": LOOKS[mode].surface},
        },
        name=as_plain(f"{known.formula} ({known.distance:.2f})"),
        text=[
            as_plain(
                f"{measured_words(row)} S/cm at {row['temperature_k']:.0f} K, "
                f"{', '.join(dois_of(row['doi'])) or row['source']}"
            )
            for row in rows
        ],
        hovertemplate=f"<b>{as_plain(known.formula)}</b><br>%{{text}}<extra></extra>",
    )


def _in_words(line: Line, near: list[Neighbour]) -> str:
    room = int(np.argmin(np.abs(line.temperature_k - ROOM_TEMPERATURE_K)))
    counts = ", ".join(
        f"{known.formula} (distance {known.distance:.2f}, {len(known.measurements)} measured)"
        for known in near
    )
    return (
        f"{line.formula}: about {power(line.log10_conductivity[room])} S/cm at "
        f"{line.temperature_k[room]:.0f} K, 90 % interval {power(line.lower[room], digits=0)} to "
        f"{power(line.upper[room], digits=0)}, activation energy {line.activation_energy_ev:.2f} "
        f"eV. Nearest known: {counts}."
    )


def _notes(line: Line, context: Context) -> Component | None:
    notes = []
    if not line.in_domain:
        notes.append(f"Out of domain: {'; '.join(line.domain_reasons)}.")
    if context.measured_note:
        notes.append(
            f"Measured values: {context.measured_note}; until then each known material shows "
            "its mean at 298 K from the model."
        )
    return message(" ".join(notes)) if notes else None
