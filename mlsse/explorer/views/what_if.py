"""What if: a slider along a substitution redraws conductivity, stability and window."""

from __future__ import annotations

from typing import Any

import dash
import numpy as np
import plotly.graph_objects as go
from dash import Input, Output, Patch, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from mlsse.errors import MlsseError
from mlsse.explorer.answers import power
from mlsse.explorer.context import Context
from mlsse.explorer.parts import aria, facts, field, graph, message
from mlsse.explorer.substitutions import Doping, Scores, follow, read_charges, sites_of
from mlsse.explorer.theme import (
    BLUE,
    GREEN,
    LOOKS,
    MODE_STORE,
    VERMILION,
    Axis,
    Mode,
    as_mode,
    empty_figure,
    figure,
    translucent,
)
from mlsse.targets import ROOM_TEMPERATURE_K

TITLE = "What if"

#: Hosts, each with a substitution that was tried in laboratories.
HOSTS = {
    "Li7La3Zr2O12": ("Zr", "Ta"),
    "Li6PS5Cl": ("Cl", "Br"),
    "Li10GeP2S12": ("Ge", "Sn"),
    "Li3YCl6": ("Y", "Zr"),
    "Li3InCl6": ("Cl", "Br"),
    "LiTi2(PO4)3": ("Ti", "Al"),
    "Li4SiO4": ("Si", "P"),
    "Li3OCl": ("Cl", "Br"),
}
_CHARGES = "Ge=4, Sn=4, P=5, Ti=4, Nb=5, Sb=5, W=6"
_DOPANTS = (
    "Na", "K", "Mg", "Ca", "Sr", "Ba", "Zn", "Al", "Ga", "In", "Sc", "Y", "La", "Nd", "Gd", "Er",
    "B", "Si", "Ge", "Sn", "Ti", "Zr", "Hf", "P", "As", "Sb", "Nb", "Ta", "Mo", "W", "N", "O", "S",
    "Se", "Te", "F", "Cl", "Br", "I",
)  # fmt: skip
_NAMES = ("conductivity", "stability", "window")


def layout(context: Context) -> Component:
    """A host, what replaces what, a slider, and three figures."""
    first = next(iter(HOSTS))
    site, dopant = HOSTS[first]
    host = dcc.Input(
        id="what_if-host",
        type="text",
        value=first,
        list="what_if-hosts",
        debounce=True,
        autoComplete="off",
        spellCheck=False,
    )
    slider = dcc.Slider(
        id="what_if-x", min=0, max=1, value=0, step=None, updatemode="drag", marks={0: "0"}
    )
    return html.Div(
        [
            html.P(
                "Replace an element of a host by another; lithium makes up for the charge.",
                className="lead",
            ),
            html.Div(
                [
                    field("Host", host, "A formula with lithium."),
                    html.Datalist([html.Option(value=text) for text in HOSTS], id="what_if-hosts"),
                    field(
                        "Replace",
                        dcc.Dropdown(
                            id="what_if-site", options=[site], value=site, clearable=False
                        ),
                    ),
                    field(
                        "by",
                        dcc.Dropdown(
                            id="what_if-dopant",
                            options=list(_DOPANTS),
                            value=dopant,
                            clearable=False,
                        ),
                    ),
                    field(
                        "Charges",
                        dcc.Input(
                            id="what_if-charges",
                            type="text",
                            value=_CHARGES,
                            debounce=True,
                            spellCheck=False,
                            autoComplete="off",
                        ),
                        "Where several are common.",
                    ),
                    field(
                        "Temperature, K",
                        dcc.Input(
                            id="what_if-temperature",
                            type="number",
                            value=ROOM_TEMPERATURE_K,
                            min=200,
                            max=800,
                            step="any",
                            debounce=True,
                        ),
                    ),
                    html.Div(
                        [html.Span("Atoms replaced, x", className="label"), slider],
                        className="field wide",
                        role="group",
                        **aria(label="Atoms replaced, x"),
                    ),
                ],
                className="controls",
            ),
            html.Div(id="what_if-message", **aria(live="polite")),
            html.Div(id="what_if-facts", **aria(live="polite")),
            html.Div(
                [
                    graph("what_if-conductivity", "Conductivity along the substitution"),
                    graph("what_if-stability", "Energy above the hull along the substitution"),
                    graph("what_if-window", "Voltage window along the substitution"),
                ],
                className="grid",
            ),
        ]
    )


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""

    @app.callback(
        Output("what_if-site", "options"),
        Output("what_if-site", "value"),
        Output("what_if-dopant", "value"),
        Input("what_if-host", "value"),
        State("what_if-site", "value"),
        State("what_if-dopant", "value"),
    )
    def choose(host: str | None, site: str | None, dopant: str | None) -> tuple[Any, ...]:
        if host in HOSTS:
            return sites_of(host), *HOSTS[host]
        try:
            sites = sites_of(host or "")
        except MlsseError:
            return no_update, no_update, no_update  # the figures tell why
        return sites, site if site in sites else sites[-1], dopant

    @app.callback(
        Output("what_if-x", "min"),
        Output("what_if-x", "max"),
        Output("what_if-x", "step"),
        Output("what_if-x", "marks"),
        Output("what_if-x", "value"),
        Output("what_if-message", "children"),
        *_inputs(),
        State("what_if-x", "value"),
    )
    def lay_out(*given: Any) -> tuple[Any, ...]:
        *asked, value = given
        try:
            x = _follow(asked, context).x
        except MlsseError as error:
            return 0, 1, 1, {0: "0"}, 0, message(str(error), "error")
        low, high = float(x[0]), float(x[-1])
        marks = {
            m: f"{m:.3g}" for m in (low, *(low + (high - low) * q / 4 for q in (1, 2, 3)), high)
        }
        kept = min(max(float(value or 0.0), low), high)
        return low, high, _step(x), marks, float(x[np.argmin(np.abs(x - kept))]), None

    @app.callback(
        Output("what_if-facts", "children"),
        *(Output(f"what_if-{name}", "figure") for name in _NAMES),
        *(Output(f"what_if-{name}-text", "children") for name in _NAMES),
        Input("what_if-x", "value"),
        *_inputs(),
        Input(MODE_STORE, "data"),
    )
    def draw(value: float | None, *given: Any) -> tuple[Any, ...]:
        *asked, stored = given
        mode = as_mode(stored)
        try:
            scores = _follow(asked, context)
        except MlsseError:
            return None, *(empty_figure("Nothing to draw", mode) for _ in _NAMES), "", "", ""
        place = int(np.argmin(np.abs(scores.x - float(value or 0.0))))
        if set(ctx.triggered_prop_ids) == {"what_if-x.value"}:
            moved = [_moved_line(float(scores.x[place])) for _ in _NAMES]
            return _facts(scores, place), *moved, *[no_update] * len(_NAMES)
        axis = Axis(f"x, atoms of {asked[1]} replaced by {asked[2]}", None)
        drawn = (
            _conductivity(scores, axis, mode), _stability(scores, axis, mode),
            _window(scores, axis, mode),
        )  # fmt: skip
        for one in drawn:
            one.add_vline(scores.x[place], line={"color": LOOKS[mode].muted, "width": 2})
        return _facts(scores, place), *drawn, *_in_words(scores)


def _moved_line(x: float) -> Patch:
    """The upright line of a figure that is there, at another place."""
    moved = Patch()
    moved["layout"]["shapes"][0]["x0"] = x
    moved["layout"]["shapes"][0]["x1"] = x
    return moved


def _inputs() -> list[Input]:
    names = ("host", "site", "dopant", "charges", "temperature")
    return [Input(f"what_if-{name}", "value") for name in names]


def _follow(asked: list[Any], context: Context) -> Scores:
    host, site, dopant, charges, temperature_k = asked
    doping = Doping(str(host or ""), str(site), str(dopant), read_charges(str(charges or "")))
    kelvin = "none" if temperature_k is None else temperature_k
    return follow(doping, kelvin, context)


def _step(x: np.ndarray) -> float:
    return round(float(np.min(np.diff(x))), 6)


def _band(scores: Scores, lower: str, upper: str, *, log: bool, name: str) -> go.Scatter:
    low, high = (scores.columns[column] for column in (lower, upper))
    y = np.concatenate([high, low[::-1]])
    return go.Scatter(
        x=np.concatenate([scores.x, scores.x[::-1]]),
        y=10.0**y if log else y,
        fill="toself",
        fillcolor=translucent(GREEN, 0.2),
        line={"width": 0},
        hoverinfo="skip",
        name=name,
    )


def _line(
    scores: Scores, y: np.ndarray, name: str, colour: str, form: str, dash_: str = "solid"
) -> go.Scatter:
    return go.Scatter(
        x=scores.x,
        y=y,
        mode="lines",
        line={"color": colour, "width": 2.5, "dash": dash_},
        name=name,
        text=scores.formulas,
        hovertemplate=f"%{{text}}<br>%{{y:{form}}}<extra></extra>",
    )


def _conductivity(scores: Scores, axis: Axis, mode: Mode) -> go.Figure:
    ends = ("log10_conductivity_lower", "log10_conductivity_upper")
    drawn = figure(
        [
            _band(scores, *ends, log=True, name="90 % interval"),
            _line(scores, scores.columns["conductivity_s_per_cm"], "predicted", BLUE, ".2e"),
        ],
        x=axis,
        y=Axis("conductivity", "S/cm"),
        mode=mode,
        height=380,
    )
    return drawn.update_yaxes(type="log", exponentformat="power", dtick=1)


def _stability(scores: Scores, axis: Axis, mode: Mode) -> go.Figure:
    """Energies above the hull; those of reference phases have a marker, the rest are learned."""
    energies = scores.columns["e_hull_ev_per_atom"]
    known = _is_reference(scores)
    markers = go.Scatter(
        x=scores.x[known],
        y=energies[known],
        mode="markers",
        marker={"color": VERMILION, "size": 10, "symbol": "diamond"},
        name="reference phase",
        hoverinfo="skip",
    )
    drawn = figure(
        [_line(scores, energies, "above the hull", BLUE, ".3f"), markers],
        x=axis,
        y=Axis("energy above hull", "eV/atom"),
        mode=mode,
        height=380,
    )
    most = float(np.nanmax(energies, initial=0.06))
    return drawn.update_yaxes(range=[-0.03 * most, 1.1 * most])


def _is_reference(scores: Scores) -> np.ndarray:
    return np.asarray(scores.columns["e_hull_source"] == "reference")


def _window(scores: Scores, axis: Axis, mode: Mode) -> go.Figure:
    low, high = (scores.columns[f"{end}_limit_v"] for end in ("reduction", "oxidation"))
    drawn = figure(
        [
            _band(scores, "reduction_limit_v", "oxidation_limit_v", log=False, name="window"),
            _line(scores, high, "oxidation limit", VERMILION, ".2f V"),
            _line(scores, low, "reduction limit", BLUE, ".2f V", "dash"),
        ],
        x=axis,
        y=Axis("voltage against Li", "V"),
        mode=mode,
        height=380,
    )
    return drawn.update_yaxes(rangemode="tozero")


def _facts(scores: Scores, place: int) -> Component:
    row = {name: column[place] for name, column in scores.columns.items()}
    ends = (power(row[f"log10_conductivity_{end}"], digits=0) for end in ("lower", "upper"))
    return facts(
        [
            (f"At x = {scores.x[place]:g}", scores.formulas[place]),
            ("Conductivity, S/cm", f"{power(row['log10_conductivity'])} ({' to '.join(ends)})"),
            ("Above hull, eV/atom", f"{row['e_hull_ev_per_atom']:.3f} ({row['e_hull_source']})"),
            ("Window, V", f"{row['reduction_limit_v']:.2f} to {row['oxidation_limit_v']:.2f}"),
            ("Trust", "in domain" if row["in_domain"] else "out of domain"),
        ]
    )


def _in_words(scores: Scores) -> tuple[str, str, str]:
    log10 = scores.columns["log10_conductivity"]
    best = int(np.nanargmax(log10))
    hull = scores.columns["e_hull_ev_per_atom"]
    low, high = (scores.columns[f"{end}_limit_v"] for end in ("reduction", "oxidation"))
    return (
        f"From {power(log10[0])} to {power(log10[-1])} S/cm; greatest, {power(log10[best])} S/cm, "
        f"at x = {scores.x[best]:g} ({scores.formulas[best]}).",
        f"Between {np.nanmin(hull):.3f} and {np.nanmax(hull):.3f} eV/atom above the hull; "
        f"{int(_is_reference(scores).sum())} of {len(hull)} are reference phases, the others "
        "are learned.",
        f"From {low[0]:.2f} to {high[0]:.2f} V at the beginning, from {low[-1]:.2f} to "
        f"{high[-1]:.2f} V at the end.",
    )
