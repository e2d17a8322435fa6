"""A map of the known materials, with the candidates of the visitor in it."""

from __future__ import annotations

from functools import cache
from typing import Any

import dash
import plotly.graph_objects as go
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

from mlsse.explorer import theme
from mlsse.explorer.answers import dois_of, measured_words, power
from mlsse.explorer.context import Context
from mlsse.explorer.embedding import map_known
from mlsse.explorer.known_materials import KnownMaterials, gather
from mlsse.explorer.material_map import (
    COLOURINGS,
    MAX_CANDIDATES,
    Candidates,
    World,
    describe,
    draw,
    interval_words,
    read_candidates,
)
from mlsse.explorer.parts import FORMULAS_STORE, aria, doi_link, field, graph, message, table
from mlsse.explorer.texts import unbroken

TITLE = "Materials"


def layout(context: Context) -> Component:
    """The page of the view."""
    options = [
        {"label": formula, "value": str(row)} for row, formula in enumerate(context.known_formulas)
    ]
    return html.Div(
        [
            html.P(
                "Each point is a composition that the model has learned from. What the model holds "
                "alike lies close together.",
                className="lead",
            ),
            html.Div(
                [
                    field(
                        "Colour by",
                        dcc.Dropdown(
                            id="materials-colour",
                            options=[{"label": v, "value": k} for k, v in COLOURINGS.items()],
                            value="log10",
                            clearable=False,
                            searchable=False,
                        ),
                    ),
                    field(
                        "Candidates",
                        dcc.Input(
                            id="materials-formulas", type="text", debounce=True, maxLength=20_000
                        ),
                        "Formulas, parted by commas.",
                    ),
                    field(
                        "Known material",
                        dcc.Dropdown(
                            id="materials-find",
                            options=options,
                            placeholder="Find one, or choose its point",
                        ),
                    ),
                ],
                className="controls",
            ),
            html.Div(id="materials-message"),
            graph("materials-map", "Map of the known materials"),
            html.Div(id="materials-details", **aria(live="polite")),
            html.Div(id="materials-candidates"),
        ]
    )


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""

    @cache
    def world() -> World:
        return World(gather(context), map_known(context.model))

    @app.callback(Output("materials-formulas", "value"), Input(FORMULAS_STORE, "data"))
    def take_over(formulas: list[str] | None) -> str:
        return ", ".join((formulas or [])[:MAX_CANDIDATES])

    @app.callback(
        Output("materials-map", "figure"),
        Output("materials-map-text", "children"),
        Output("materials-candidates", "children"),
        Output("materials-message", "children"),
        Input("materials-colour", "value"),
        Input("materials-formulas", "value"),
        Input("materials-find", "value"),
        Input(theme.MODE_STORE, "data"),
    )
    def draw_map(
        colouring: str, typed: str | None, found: str | None, mode: str | None
    ) -> tuple[go.Figure, str, Component | None, list[Component]]:
        candidates = read_candidates(typed or "", context, world().map)
        messages = [message(text, "error") for text in candidates.errors]
        if colouring == "source" and context.measured is None:
            messages.append(message(context.measured_note))
        drawn = draw(
            world(), colouring, theme.as_mode(mode), candidates, None if not found else int(found)
        )
        return drawn, describe(world(), candidates), candidate_table(candidates), messages

    @app.callback(
        Output("materials-find", "value"),
        Input("materials-map", "clickData"),
        prevent_initial_call=True,
    )
    def choose(clicked: dict[str, Any] | None) -> Any:
        data = (clicked or {}).get("points", [{}])[0].get("customdata")
        return dash.no_update if data is None else str(data)

    @app.callback(Output("materials-details", "children"), Input("materials-find", "value"))
    def show_details(found: str | None) -> list[Component]:
        return [] if not found else details(int(found), world().known, context)


def candidate_table(candidates: Candidates) -> Component | None:
    """The candidates with their nearest known materials."""
    if not candidates.rows:
        return None
    headings = [
        "Formula", "Conductivity at 298 K / (S/cm)", "90 % interval / (S/cm)", "Nearest known",
        "Its distance / places", "In domain",
    ]  # fmt: skip
    rows = [
        [
            unbroken(row["formula"]),
            power(row["log10_conductivity"]),
            unbroken(interval_words(row)),
            unbroken(row["nearest_known_formula"]),
            f"{row['nearest_known_distance']:.2f}",
            "yes" if row["in_domain"] else "no",
        ]
        for row in candidates.rows
    ]
    caption = (
        "Candidates and the known material nearest to each; the distance is the mean number of "
        "places by which an atom moves along the modified Pettifor scale"
    )
    return table(caption, headings, rows)


def details(row: int, known: KnownMaterials, context: Context) -> list[Component]:
    """All that is known of a known material."""
    formula = known.formulas[row]
    parts: list[Component] = [html.H2(formula)]
    measured = known.measurements(row, context)
    parts.append(
        html.P(
            f"Mean of what was measured, brought to 298 K: {power(known.log10_conductivity[row])} "
            f"S/cm. Predicted from all other known compositions: "
            f"{power(known.log10_conductivity[row] - known.left_out_error[row])} S/cm."
        )
    )
    if not measured:
        return [*parts, message(context.measured_note or "no measurement of it is at hand")]
    rows = [
        [
            f"{one['temperature_k']:.0f}",
            measured_words(one),
            one["source"],
            [part for doi in dois_of(one["doi"]) for part in (doi_link(doi), " ")] or "-",
        ]
        for one in sorted(measured, key=lambda one: one["temperature_k"])
    ]
    headings = ["Temperature / K", "Conductivity / (S/cm)", "Source", "Paper"]
    return [*parts, table(f"Measurements of {formula}", headings, rows)]
