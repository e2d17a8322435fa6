"""The electrochemical window: how much of the ion is taken up at which voltage."""

from __future__ import annotations

from typing import Any

import dash
import plotly.graph_objects as go
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

from mlsse.errors import MlsseError
from mlsse.explorer.context import Context
from mlsse.explorer.parts import aria, facts, formula_field, graph, message, offer_formulas, table
from mlsse.explorer.theme import (
    BLUE,
    GREEN,
    LOOKS,
    MODE_STORE,
    VERMILION,
    Axis,
    Mode,
    as_mode,
    as_plain,
    empty_figure,
    figure,
)
from mlsse.thermodynamics import mixture
from mlsse.windows import Step, Window, window

TITLE = "Voltage"

_MOST_V = 6.0


def layout(context: Context) -> Component:
    """A formula, an ion and the staircase."""
    return html.Div(
        [
            html.P(
                "Ions taken up or given off in equilibrium, against voltage; shaded is the window "
                "in which the formula lasts. Thermodynamics alone: slow reactions let measured "
                "windows look wider.",
                className="lead",
            ),
            html.Div(
                [
                    formula_field("voltage"),
                    html.Fieldset(
                        [
                            html.Legend("Mobile ion", className="label"),
                            dcc.RadioItems(["Li", "Na", "K"], "Li", id="voltage-ion", inline=True),
                        ],
                        className="field narrow plain",
                    ),
                ],
                className="controls",
            ),
            html.Div(id="voltage-message", **aria(live="polite")),
            html.Div(id="voltage-facts"),
            graph("voltage-plot", "Voltage staircase"),
            html.Div(id="voltage-steps"),
        ]
    )


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""
    offer_formulas(app, "voltage")

    @app.callback(
        Output("voltage-plot", "figure"),
        Output("voltage-plot-text", "children"),
        Output("voltage-facts", "children"),
        Output("voltage-steps", "children"),
        Output("voltage-message", "children"),
        Input("voltage-formula", "value"),
        Input("voltage-ion", "value"),
        Input(MODE_STORE, "data"),
    )
    def draw(text: str | None, ion: str | None, stored: str | None) -> tuple[Any, ...]:
        mode = as_mode(stored)
        if not text:
            return empty_figure("Enter a formula", mode), "", None, None, None
        try:
            found = window(text, str(ion), model=context.model)
            assert isinstance(found, Window)
        except MlsseError as error:
            return (
                empty_figure("No window", mode), "", None, None, message(str(error), "error")
            )  # fmt: skip
        notes = message("; ".join(found.notes)) if found.notes else None
        return staircase(found, mode), in_words(found), _facts(found), _steps(found), notes


def staircase(found: Window, mode: Mode) -> go.Figure:
    """Draw the uptake of the ion against voltage."""
    steps = found.steps
    right = max(_MOST_V, steps[-1].voltage_low_v + 0.5)
    ends = [right if s.voltage_high_v is None else s.voltage_high_v for s in steps]
    look = LOOKS[mode]
    line = go.Scatter(
        x=[*(step.voltage_low_v for step in steps), right],
        y=[*(step.uptake for step in steps), steps[-1].uptake],
        mode="lines",
        line={"shape": "hv", "color": look.text, "width": 2.5},
        hoverinfo="skip",
    )
    middles = go.Scatter(
        x=[0.5 * (s.voltage_low_v + end) for s, end in zip(steps, ends, strict=True)],
        y=[step.uptake for step in steps],
        mode="markers",
        marker={"color": BLUE, "size": 9, "line": {"width": 1, "color": look.surface}},
        text=[f"{_range(step)} V<br>{as_plain(mixture(step.products))}" for step in steps],
        hovertemplate="%{text}<br>%{y:+.3g} ions<extra></extra>",
    )
    drawn = figure(
        [line, middles],
        x=Axis(f"voltage against {found.ion}", "V"),
        y=Axis(f"{found.ion} taken up by one formula unit", None),
        mode=mode,
        height=460,
        showlegend=False,
        margin={"t": 40},
    )
    drawn.update_xaxes(range=[0.0, right])
    low, high = found.reduction_limit_v, found.oxidation_limit_v
    drawn.add_vrect(low, high, fillcolor=GREEN, opacity=0.18, line_width=0)
    narrow = high - low < 0.12 * right
    for limit, colour, right_side in ((low, BLUE, False), (high, VERMILION, True)):
        if limit > 0.0:
            drawn.add_vline(limit, line={"color": colour, "width": 1.5, "dash": "dash"})
            at_edge = limit < 0.1 * right
            drawn.add_annotation(
                x=limit,
                y=1.0,
                yref="paper",
                yanchor="bottom",
                xanchor="left" if right_side or (at_edge and not narrow) else "right",
                text=f"{limit:.2f} V",
                showarrow=False,
            )
    return drawn


def in_words(found: Window) -> str:
    """What the staircase shows."""
    low, high = found.reduction_limit_v, found.oxidation_limit_v
    start = (
        f"stable against {found.ion} metal and" if low == 0.0 else f"not reduced above {low:.2f} V,"
    )
    return f"{found.formula}: {start} not oxidised below {high:.2f} V; {len(found.steps)} steps."


def _range(step: Step) -> str:
    high = "and up" if step.voltage_high_v is None else f"to {step.voltage_high_v:.2f}"
    return f"{step.voltage_low_v:.2f} {high}"


def _arrow(reaction: str) -> str:
    return reaction.replace("->", "→")  # which no line end parts


def _uptake(step: Step) -> str:
    return f"{step.uptake:+.3g}" if step.uptake else "0"


def _facts(found: Window) -> Component:
    source = "reference phases" if found.e_hull_source == "reference" else "model"
    return facts(
        [
            ("Reduction limit, V", f"{found.reduction_limit_v:.2f}"),
            ("Oxidation limit, V", f"{found.oxidation_limit_v:.2f}"),
            ("Above hull, eV/atom", f"{found.e_hull_ev_per_atom:.3f} ({source})"),
            ("When reduced", _arrow(found.reduction_reaction) or "nothing happens"),
            ("When oxidised", _arrow(found.oxidation_reaction) or "nothing happens"),
        ]
    )


def _steps(found: Window) -> Component:
    return table(
        f"Equilibria of {found.formula} against {found.ion}, moles for one formula unit",
        ("Voltage, V", f"{found.ion} taken up", "In equilibrium"),
        [[_range(s), _uptake(s), mixture(s.products)] for s in found.steps],
        id_="voltage-table",
        numbers=(1,),
        words=(2,),
    )
