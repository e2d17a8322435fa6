"""How electrolytes react with electrodes, coatings and air: a heat map of reaction energies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import dash
import numpy as np
import plotly.graph_objects as go
from dash import Input, Output, dcc, html
from dash.development.base_component import Component
from plotly.colors import sample_colorscale

from mlsse.errors import MlsseError, ScreenInputError
from mlsse.explorer import uploads
from mlsse.explorer.context import Context
from mlsse.explorer.parts import FORMULAS_STORE, aria, field, graph, message, table
from mlsse.explorer.theme import (
    MODE_STORE,
    SEQUENTIAL_REVERSED,
    Axis,
    Mode,
    as_mode,
    as_plain,
    empty_figure,
    figure,
)
from mlsse.interfaces import Interface, Partner, interface, partners

TITLE = "Interfaces"

_MAX_FORMULAS = 10
_ROW_PX, _HEAD_PX = 30, 210
_TICKS = (0, 10, 50, 100, 200, 500, 1000, 2000)
_MIDDLE_LUMINANCE = 0.18  # black and white have the same contrast to it
Pair = tuple[float | None, str]


def layout(context: Context) -> Component:
    """Formulas, partners, and the map."""
    kinds = list(dict.fromkeys(partner.kind for partner in partners()))
    voltage = dcc.Input(
        id="interfaces-voltage", type="number", min=0, max=10, step="any", debounce=True
    )
    return html.Div(
        [
            html.P(
                "The energy that contact releases, at the mixing ratio at which it is greatest; "
                "the darker, the stronger the reaction.",
                className="lead",
            ),
            html.Div(
                [
                    field(
                        "Formulas",
                        dcc.Input(
                            id="interfaces-formulas",
                            type="text",
                            debounce=True,
                            spellCheck=False,
                            autoComplete="off",
                        ),
                        f"Parted by commas, at most {_MAX_FORMULAS}.",
                    ),
                    field(
                        "Voltage against Li, V",
                        voltage,
                        "Empty: open circuit. Else the energy that contact adds to what each "
                        "does alone.",
                    ),
                    html.Fieldset(
                        [
                            html.Legend("Partners", className="label"),
                            dcc.Checklist(
                                kinds, ["cathode", "anode"], id="interfaces-kinds", inline=True
                            ),
                        ],
                        className="field wide plain",
                    ),
                ],
                className="controls",
            ),
            html.Div(id="interfaces-message", **aria(live="polite")),
            html.Div(
                graph("interfaces-plot", "Reaction energies of electrolytes with their partners"),
                className="wide-figure",
            ),
            html.Div(id="interfaces-worst"),
        ]
    )


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""

    @app.callback(Output("interfaces-formulas", "value"), Input(FORMULAS_STORE, "data"))
    def fill(formulas: list[str] | None) -> str:
        return ", ".join((formulas or [])[:_MAX_FORMULAS])

    @app.callback(
        Output("interfaces-plot", "figure"),
        Output("interfaces-plot-text", "children"),
        Output("interfaces-worst", "children"),
        Output("interfaces-message", "children"),
        Input("interfaces-formulas", "value"),
        Input("interfaces-kinds", "value"),
        Input("interfaces-voltage", "value"),
        Input(MODE_STORE, "data"),
    )
    def draw(
        text: str | None, kinds: list[str] | None, voltage_v: float | None, stored: str | None
    ) -> tuple[Any, ...]:
        mode = as_mode(stored)
        chosen = [partner for partner in partners() if partner.kind in (kinds or ())]
        try:
            formulas = list(dict.fromkeys(uploads.split_text(text or "")))
            if len(formulas) > _MAX_FORMULAS:
                raise ScreenInputError(
                    f"{len(formulas)} formulas, at most {_MAX_FORMULAS} fit into the map"
                )
            if not chosen:
                raise ScreenInputError("no partners: tick a kind")
            pairs, errors = _pairs(formulas, chosen, voltage_v, context)
        except MlsseError as error:
            return empty_figure("No map", mode), "", None, message(str(error), "error")
        note = message("; ".join(errors), "error") if errors else None
        drawn = [formula for formula in formulas if any(name == formula for name, _ in pairs)]
        if not drawn:
            return empty_figure("No map", mode), "", None, note
        return (
            heat_map(pairs, drawn, chosen, mode),
            _in_words(pairs, drawn, len(chosen), voltage_v),
            _worst(pairs, drawn, chosen),
            note,
        )


def _pairs(
    formulas: Sequence[str], chosen: Sequence[Partner], voltage_v: float | None, context: Context
) -> tuple[dict[tuple[str, str], Pair], list[str]]:
    """Energy and reaction of each pair, and what could not be computed, each once."""
    pairs: dict[tuple[str, str], Pair] = {}
    errors: dict[str, None] = {}
    for formula in formulas:
        for partner in chosen:
            try:
                pairs[formula, partner.name] = _pair(formula, partner.name, voltage_v, context)
            except MlsseError as error:
                pairs[formula, partner.name] = None, str(error)
                errors.setdefault(str(error))
        if all(pairs[formula, partner.name][0] is None for partner in chosen):
            for partner in chosen:
                del pairs[formula, partner.name]
    return pairs, list(errors)


@lru_cache(maxsize=4096)
def _pair(formula: str, partner: str, voltage_v: float | None, context: Context) -> Pair:
    """meV/atom that contact adds, and the reaction."""
    found = interface(formula, partner, voltage_v=voltage_v, model=context.model)
    assert isinstance(found, Interface)
    return 1e3 * found.reaction_energy_mutual_ev_per_atom, found.reaction or "no reaction"


def heat_map(
    pairs: dict[tuple[str, str], Pair],
    formulas: Sequence[str],
    chosen: Sequence[Partner],
    mode: Mode,
) -> go.Figure:
    """Draw partners by electrolytes; colour follows the root of the energy."""
    cells = [[pairs[formula, partner.name] for formula in formulas] for partner in chosen]
    energies = np.array([[np.nan if e is None else e for e, _ in row] for row in cells], float)
    # Among weak reactions small differences matter, hence the root.
    depth = np.sqrt(np.maximum(-energies, 0.0))
    most = max(10.0, float(np.nanmax(-energies)))
    ticks = [tick for tick in _TICKS if tick <= most]
    names = [as_plain(formula) for formula in formulas]
    partner_names = [as_plain(partner.name) for partner in chosen]
    shown = [["-" if np.isnan(e) else f"{round(e) + 0:d}" for e in row] for row in energies]
    cells_drawn = go.Heatmap(
        z=depth,
        x=names,
        y=partner_names,
        customdata=[[as_plain(reaction) for _, reaction in row] for row in cells],
        text=shown,
        zmin=0.0,
        zmax=most**0.5,
        colorscale=SEQUENTIAL_REVERSED,
        xgap=2,
        ygap=2,
        hovertemplate="<b>%{x} and %{y}</b><br>%{text} meV/atom<br>%{customdata}<extra></extra>",
        colorbar={
            "orientation": "h",
            "title": {"text": "reaction energy / (meV/atom)", "side": "bottom"},
            "tickvals": [tick**0.5 for tick in ticks],
            "ticktext": [str(-tick) if tick else "0" for tick in ticks],
            "thickness": 12,
            "y": 0.0,
            "yanchor": "top",
            "ypad": 14,
        },
    )
    map_ = figure(
        [cells_drawn, *_numbers(names, partner_names, shown, depth / most**0.5)],
        x=Axis("electrolyte", None),
        y=Axis("partner", None),
        mode=mode,
        height=_HEAD_PX + _ROW_PX * len(chosen),
        showlegend=False,
    )
    map_.update_xaxes(side="top", tickangle=-35, type="category", showgrid=False, showline=False)
    map_.update_yaxes(type="category", showgrid=False, showline=False)
    map_.update_xaxes(range=[-0.5, len(names) - 0.5])
    return map_.update_yaxes(range=[len(partner_names) - 0.5, -0.5])


def _numbers(
    names: Sequence[str], partner_names: Sequence[str], shown: list[list[str]], share: np.ndarray
) -> list[go.Scatter]:
    """The energies, dark on light cells and light on dark ones, each of enough contrast."""
    light = np.array([[np.isnan(v) or _is_light(float(v)) for v in row] for row in share])
    traces = []
    for colour, mask in (("#000000", light), ("#ffffff", ~light)):
        rows, columns = (places.tolist() for places in np.nonzero(mask))
        traces.append(
            go.Scatter(
                x=[names[j] for j in columns],
                y=[partner_names[i] for i in rows],
                text=[shown[i][j] for i, j in zip(rows, columns, strict=True)],
                mode="text",
                textfont={"color": colour, "size": 12},
                hoverinfo="skip",
            )
        )
    return traces


def _is_light(share: float) -> bool:
    """Whether black is read better than white on a colour of the scale (luminance of WCAG 2)."""
    (colour,) = sample_colorscale(
        SEQUENTIAL_REVERSED, [min(max(share, 0.0), 1.0)], colortype="tuple"
    )
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > _MIDDLE_LUMINANCE


def _in_words(
    pairs: dict[tuple[str, str], Pair],
    formulas: Sequence[str],
    n_partners: int,
    voltage_v: float | None,
) -> str:
    calm = {
        formula: sum(
            energy is not None and energy > -1.0
            for (name, _), (energy, _) in pairs.items()
            if name == formula
        )
        for formula in formulas
    }
    where = "at open circuit" if voltage_v is None else f"at {voltage_v:g} V against Li"
    counts = ", ".join(f"{formula} {count}" for formula, count in calm.items())
    return f"{where.capitalize()}: of {n_partners} partners less than 1 meV/atom with: {counts}."


def _worst(
    pairs: dict[tuple[str, str], Pair], formulas: Sequence[str], chosen: Sequence[Partner]
) -> Component:
    rows = []
    for formula in formulas:
        energy, partner, reaction = min(
            (energy, partner.name, reaction)
            for partner in chosen
            for energy, reaction in [pairs[formula, partner.name]]
            if energy is not None
        )
        rows.append([formula, partner, f"{round(energy) + 0:d}", reaction])
    return table(
        "The strongest reaction of each formula",
        ("Formula", "With", "Energy\nmeV/atom", "Reaction, in moles"),
        rows,
        id_="interfaces-table",
        numbers=(2,),
        words=(3,),
    )
