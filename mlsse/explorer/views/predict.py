"""Formulas in, score card out: values, intervals, domain flag, and what is known nearby."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash
from dash import Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from mlsse.errors import ConditionError, FormulaError, MlsseError
from mlsse.explorer import uploads
from mlsse.explorer.answers import neighbours
from mlsse.explorer.context import Context
from mlsse.explorer.parts import FORMULAS_STORE, aria, field, message
from mlsse.explorer.score_cards import details, score_card, score_card_csv
from mlsse.prediction import explain, predict_rows
from mlsse.targets import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K, ROOM_TEMPERATURE_K

TITLE = "Predict"

_PAGE = 50


def layout(context: Context) -> Component:
    """Fields, the score card, and the neighbours of one formula."""
    text = dcc.Textarea(
        id="predict-text", spellCheck=False, rows=5, maxLength=uploads.MAX_FILE_BYTES
    )
    temperature = dcc.Input(
        id="predict-temperature",
        type="number",
        value=ROOM_TEMPERATURE_K,
        min=MIN_TEMPERATURE_K,
        max=MAX_TEMPERATURE_K,
        step="any",
        debounce=True,
    )
    return html.Div(
        [
            html.P(
                "Conductivity with its 90 % interval, stability and voltage window, from the "
                "formula alone.",
                className="lead",
            ),
            html.Div(
                [
                    _wide(
                        field(
                            "Formulas",
                            text,
                            "One a line, or parted by commas; doped, nested, hydrates and "
                            "mixtures as well. At most 5,000.",
                        )
                    ),
                    _upload(),
                    field("Temperature, K", temperature, "200 to 800 K"),
                    html.Div(
                        [
                            html.Button("Predict", id="predict-go", className="act", type="button"),
                            html.Button(
                                "Download CSV", id="predict-csv", className="quiet", type="button"
                            ),
                        ],
                        className="field buttons",
                    ),
                ],
                className="controls",
            ),
            html.Div(id="predict-refusal", className="message error", role="alert", hidden=True),
            html.Div(id="predict-message", **aria(live="polite")),
            dcc.Store(id="predict-start", data=0),
            dcc.Store(id="predict-page", data=0),
            dcc.Download(id="predict-download"),
            html.Div(id="predict-table"),
            html.Div(
                [
                    html.Button(
                        "Previous", id="predict-previous", className="quiet", type="button"
                    ),
                    html.Button("Next", id="predict-next", className="quiet", type="button"),
                    html.Span(id="predict-place", className="hint"),
                ],
                id="predict-pages",
                className="buttons",
                hidden=True,
            ),
            html.H2("What is known nearby"),
            html.Div(
                field(
                    "Formula",
                    dcc.Dropdown(id="predict-chosen", clearable=False, maxHeight=320),
                    "Of those above.",
                ),
                className="controls",
            ),
            html.Div(id="predict-details", **aria(live="polite")),
        ]
    )


def _upload() -> Component:
    return html.Div(
        [
            html.Span("CSV or text file", className="label"),
            dcc.Upload(
                html.Button(
                    "Choose a file, or drop it here",
                    id="predict-browse",
                    className="zone quiet",
                    type="button",
                ),
                id="predict-file",
                className="upload",
                multiple=False,
            ),
            html.Div("A column named formula; at most 4 MiB.", className="hint"),
        ],
        className="field",
    )


def _wide(part: Any) -> Any:
    part.className += " wide"
    return part


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""

    @app.callback(
        Output(FORMULAS_STORE, "data"),
        Output("predict-message", "children"),
        Output("predict-file", "contents"),
        Input("predict-go", "n_clicks"),
        Input("predict-file", "contents"),
        State("predict-text", "value"),
        State("predict-file", "filename"),
        prevent_initial_call=True,
    )
    def take(
        clicks: int | None, contents: str | None, text: str | None, name: str | None
    ) -> tuple[Any, Any, Any]:
        if contents is None and ctx.triggered_id != "predict-go":
            return no_update, no_update, no_update
        try:
            if ctx.triggered_id == "predict-go":
                return uploads.split_text(text or ""), None, no_update
            shown = (name or "the file")[:80]
            read = uploads.read_upload(shown, contents or "")
        except MlsseError as error:
            return no_update, message(str(error), "error"), None
        note = f"{shown}: {len(read.formulas)} formulas read, {read.note}."
        return read.formulas, message(note), None

    # The page is an input as well: on its own the store, an output of `take`, would wait for it.
    @app.callback(
        Output("predict-text", "value"),
        Input(FORMULAS_STORE, "data"),
        Input("predict-start", "data"),
    )
    def fill(formulas: list[str] | None, _: Any) -> str:
        return "\n".join(formulas or [])

    @app.callback(
        Output("predict-table", "children"),
        Output("predict-pages", "hidden"),
        Output("predict-place", "children"),
        Output("predict-page", "data"),
        Output("predict-chosen", "options"),
        Output("predict-chosen", "value"),
        Input(FORMULAS_STORE, "data"),
        Input("predict-temperature", "value"),
        Input("predict-previous", "n_clicks"),
        Input("predict-next", "n_clicks"),
        State("predict-page", "data"),
        State("predict-chosen", "value"),
    )
    def show(
        formulas: list[str] | None,
        temperature_k: float | None,
        back: int | None,
        on: int | None,
        page: int | None,
        chosen: str | None,
    ) -> tuple[Any, ...]:
        texts = uploads.from_store(formulas)
        moved = {"predict-previous": -1, "predict-next": 1}.get(ctx.triggered_id or "")
        page = 0 if moved is None else (page or 0) + moved
        last = max(len(texts) - 1, 0) // _PAGE
        page = min(max(page, 0), last)
        part = texts[page * _PAGE : (page + 1) * _PAGE]
        try:
            rows = _rows(part, temperature_k, context)
        except ConditionError as error:
            return message(str(error), "error"), True, "", page, no_update, no_update
        if not rows:
            return message("No formulas yet."), True, "", 0, [], None
        usable = list(dict.fromkeys(row["formula"] for row in rows if not row["error"]))
        place = f"{page * _PAGE + 1} to {page * _PAGE + len(part)} of {len(texts)}"
        return (
            score_card(rows, temperature_k),
            last == 0,
            place,
            page,
            [{"label": text, "value": text} for text in usable],
            chosen if chosen in usable else (usable[0] if usable else None),
        )

    @app.callback(
        Output("predict-details", "children"),
        Input("predict-chosen", "value"),
        Input("predict-temperature", "value"),
    )
    def detail(text: str | None, temperature_k: float | None) -> Any:
        if not text:
            return message("No formula that can be read.")
        try:
            return _details(text[: uploads.MAX_LENGTH], temperature_k, context)
        except MlsseError as error:
            return message(str(error), "error")

    @app.callback(
        Output("predict-download", "data"),
        Input("predict-csv", "n_clicks"),
        State(FORMULAS_STORE, "data"),
        State("predict-temperature", "value"),
        prevent_initial_call=True,
    )
    def download(
        clicks: int | None, formulas: list[str] | None, temperature_k: float | None
    ) -> dict[str, Any]:
        rows = _rows(uploads.from_store(formulas), temperature_k, context)
        return dcc.send_string(score_card_csv(rows), "mlsse-predictions.csv")


def _rows(
    texts: Sequence[str], temperature_k: float | None, context: Context
) -> list[dict[str, Any]]:
    kelvin: Any = "none" if temperature_k is None else temperature_k
    return predict_rows(texts, temperature_k=kelvin, model=context.model)


def _details(text: str, temperature_k: float | None, context: Context) -> Component:
    (row,) = _rows([text], temperature_k, context)
    if row["error"]:
        raise FormulaError(row["error"], text=text)
    explained = explain(text, temperature_k=row["temperature_k"], model=context.model)
    return details(row, explained, neighbours(text, context), context.measured_note)
