"""Runs and registered versions side by side, so that an expert can choose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import dash
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

from mlsse.errors import MlsseError
from mlsse.explorer import theme
from mlsse.explorer.context import Context
from mlsse.explorer.model_comparison import Comparison, compare, differing
from mlsse.explorer.model_figures import calibration, disagreement, parity, residuals, shared_limits
from mlsse.explorer.parts import field, graph, message, table
from mlsse.explorer.texts import breakable, command_block, unbroken
from mlsse.explorer.tracked_models import (
    Entry,
    entries,
    evidence_of,
    find_store,
    loaded_entry,
    model_of,
)
from mlsse.store import Store

TITLE = "Models"

_N_DIFFERENT = 15
#: Shown in the list: the ending of a metric's name, and the heading.
_LISTED = (
    ("/mae_room_temperature", "MAE at room temperature / decades"),
    ("/stable_roc_auc", "ROC-AUC of stability"),
    ("/stable_brier", "Brier score of stability"),
)
_FIGURES = ("parity-first", "parity-second", "residuals", "calibration", "disagreement")
_NO_EVIDENCE = "this model left no predictions of held-out rows in the store"


def layout(context: Context) -> Component:
    """The page of the view."""
    return html.Div(
        [
            html.P(
                "Trainings in the tracking store, two of them side by side. Scores and figures "
                "are of rows that the models had not learned from; promotion stays a command.",
                className="lead",
            ),
            html.Div(
                [
                    field("First model", dcc.Dropdown(id="models-first", clearable=False)),
                    field("Second model", dcc.Dropdown(id="models-second", clearable=False)),
                    html.Div(
                        html.Button(
                            "Read the store again",
                            id="models-reload",
                            type="button",
                            className="quiet",
                        ),
                        style={"alignSelf": "end"},
                    ),
                ],
                className="controls",
            ),
            dcc.Loading(html.Div(id="models-message"), delay_show=400, type="dot"),
            html.Div(id="models-list"),
            html.Div(_comparison(), id="models-comparison", hidden=True),
        ]
    )


def _comparison() -> list[Component]:
    return [
        html.Div(id="models-commands"),
        html.H2("Predicted against measured"),
        html.Div(
            [
                html.Div(
                    [
                        html.H3(id=f"models-name-{place}"),
                        graph(f"models-parity-{place}", f"Parity plot of the {place} model"),
                    ]
                )
                for place in ("first", "second")
            ],
            className="grid",
        ),
        html.H2("Residuals by family, calibration"),
        html.Div(
            [
                graph("models-residuals", "Residuals by family"),
                graph("models-calibration", "Stated against observed shares"),
            ],
            className="grid",
        ),
        html.H2("Where they disagree most"),
        graph("models-disagreement", "Predictions of both models for the known materials"),
        html.Div(id="models-different"),
        html.H2("Scores and settings"),
        html.Div(id="models-scores"),
    ]


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""

    @lru_cache(maxsize=16)
    def compared(*keys: str) -> Comparison:
        by_key = {entry.key: entry for entry in find_entries(context)[0]}
        store = find_store(context.tracking_uri)
        pair = [by_key[key] for key in keys]
        return compare(*(model_of(e, store) if e.run.run_id else context.model for e in pair))

    @app.callback(
        Output("models-first", "options"),
        Output("models-first", "value"),
        Output("models-second", "options"),
        Output("models-second", "value"),
        Output("models-list", "children"),
        Output("models-message", "children"),
        Input("models-reload", "n_clicks"),
    )
    def read_store(_: int | None) -> tuple[Any, ...]:
        found, notes = find_entries(context)
        options = [{"label": name_of(entry), "value": entry.key} for entry in found]
        if len(found) < 2:
            notes.append(
                message(
                    "There is nothing to compare yet: `mlsse train CONFIG --out DIR` logs a run, "
                    "`mlsse retrain CONFIG` registers a model."
                )
            )
        first = found[0].key if found else None
        second = found[1].key if len(found) > 1 else None
        return options, first, options, second, entry_table(found), notes

    @app.callback(
        Output("models-comparison", "hidden"),
        Output("models-commands", "children"),
        Output("models-different", "children"),
        Output("models-scores", "children"),
        Output("models-name-first", "children"),
        Output("models-name-second", "children"),
        *[Output(f"models-{name}", "figure") for name in _FIGURES],
        *[Output(f"models-{name}-text", "children") for name in _FIGURES],
        Input("models-first", "value"),
        Input("models-second", "value"),
        Input(theme.MODE_STORE, "data"),
        prevent_initial_call=True,
    )
    def show(first: str | None, second: str | None, mode: str | None) -> tuple[Any, ...]:
        if not first or not second or first == second:
            return (True, *[dash.no_update] * (5 + 2 * len(_FIGURES)))
        by_key = {entry.key: entry for entry in find_entries(context)[0]}
        pair = [by_key[key] for key in (first, second)]
        store = find_store(context.tracking_uri)
        found = compared(first, second)
        drawn = draw(pair, found, store, theme.as_mode(mode))
        return (
            False,
            commands(pair),
            different_table(pair, found),
            score_tables(pair),
            *[entry.label for entry in pair],
            *[figure for figure, _ in drawn],
            *[text for _, text in drawn],
        )


def find_entries(context: Context) -> tuple[list[Entry], list[Component]]:
    """The trainings of the store and the model of this page, and what to tell of them."""
    try:
        store = find_store(context.tracking_uri)
        found = [] if store is None else entries(store)
        notes: list[Component] = []
    except MlsseError as error:
        found, notes = [], [message(str(error), "error")]
    if all(entry.run.model_version != context.model.version for entry in found):
        found.append(loaded_entry(context.model))
    return found, notes


def name_of(entry: Entry) -> str:
    """Name of an entry in the menus."""
    champion = ", champion" if entry.version and entry.version.is_champion else ""
    return entry.label + champion


def _by_ending(entry: Entry, ending: str) -> float | None:
    return next((v for name, v in entry.run.metrics.items() if name.endswith(ending)), None)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def entry_table(found: Sequence[Entry]) -> Component | None:
    """All trainings, one a row."""
    if not found:
        return None
    rows = [
        [
            unbroken(entry.run.model_version),
            str(entry.version.number) if entry.version else "-",
            entry.short_id or "-",
            unbroken(f"{entry.run.started:%Y-%m-%d %H:%M}") if entry.run.run_id else "-",
            *[_number(_by_ending(entry, ending), ".3f") for ending, _ in _LISTED],
            html.Div(entry.state, style={"minWidth": "14rem"}),
        ]
        for entry in found
    ]
    headings = ["Model", "Version", "Run", "Started (UTC)", *[text for _, text in _LISTED], "State"]
    return table("Trainings that logged a model", headings, rows, id_="models-table")


def commands(pair: Sequence[Entry]) -> Component:
    """How to promote one of the two."""
    lines = [entry.promotion for entry in pair if entry.promotion]
    if not lines:
        return html.P("Neither can be promoted: it serves already, or is not registered.")
    return html.Div(
        [
            html.P("To promote one of them, in a terminal:"),
            command_block("\n".join(lines)),
        ]
    )


def draw(
    pair: Sequence[Entry], found: Comparison, store: Store | None, mode: theme.Mode
) -> list[tuple[Any, str]]:
    """The figures in the order of `_FIGURES`, each with what it shows in words."""
    names = [entry.run.model_version for entry in pair]
    labels = names if names[0] != names[1] else [entry.label for entry in pair]
    left = [
        None if store is None or not entry.run.run_id else evidence_of(entry.run.run_id, store)
        for entry in pair
    ]
    kept = {label: one for label, one in zip(labels, left, strict=True) if one is not None}
    rows = {label: one.out_of_fold for label, one in kept.items()}
    compounds = {label: one.held_out for label, one in kept.items()}
    limits = shared_limits(list(rows.values())) if rows else None
    empty = (theme.empty_figure(_NO_EVIDENCE, mode), f"No figure: {_NO_EVIDENCE}.")
    drawn = [
        parity(label, rows[label], mode, limits) if label in rows else empty for label in labels
    ]
    drawn.append(residuals(rows, mode) if rows else empty)
    drawn.append(calibration(rows, compounds, mode) if rows else empty)
    drawn.append(disagreement(names, found, mode))
    return drawn


def different_table(pair: Sequence[Entry], found: Comparison) -> Component:
    """The known materials on which the two differ most."""
    first, second = (entry.run.model_version for entry in pair)
    rows = [
        [
            unbroken(found.formulas[i]),
            found.families[i],
            f"{found.first[i]:.2f}",
            f"{found.second[i]:.2f}",
            f"{found.differences[i]:+.2f}",
            f"{found.measured[i]:.2f}",
        ]
        for i in found.most_different(_N_DIFFERENT).tolist()
    ]
    headings = [
        "Material", "Family", f"{first}: log10 of conductivity / (S/cm)",
        f"{second}: log10 of conductivity / (S/cm)", "Difference / decades",
        "Measured log10 of conductivity / (S/cm)",
    ]  # fmt: skip
    return table("Known materials that the two predict most differently, at 298 K", headings, rows)


def score_tables(pair: Sequence[Entry]) -> list[Component]:
    """All metrics side by side, and the parameters that differ."""
    first, second = pair
    names = dict.fromkeys([*first.run.metrics, *second.run.metrics])
    rows = []
    for name in names:
        one, other = (entry.run.metrics.get(name) for entry in pair)
        gap = None if one is None or other is None else other - one
        rows.append(
            [breakable(name), _number(one, ".4g"), _number(other, ".4g"), _number(gap, "+.3g")]
        )
    heads = [entry.label for entry in pair]
    tables = [table("Scores", ["Part, protocol, score", *heads, "Second less first"], rows)]
    if not (first.run.parameters and second.run.parameters):
        return tables
    changed = differing([first.run.parameters, second.run.parameters])
    if not changed:
        return [*tables, html.P("The settings are the same.")]
    rows = [
        [breakable(name), *[entry.run.parameters.get(name, "-") for entry in pair]]
        for name in changed
    ]
    return [*tables, table("Settings that differ", ["Setting", *heads], rows)]
