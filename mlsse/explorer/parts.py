"""Building blocks that the views share: fields, figures with a text alternative, tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import dash
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

#: Store of the formulas that the visitor entered last, a list of str, shared by all views.
FORMULAS_STORE = "explorer-formulas"

_OFFERED = 200
_GRAPH_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": False,  # plotly would follow the height as well; assets/explorer.js sees to it
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def aria(**values: str) -> dict[str, Any]:
    """Attributes for assistive technology, whose names have a hyphen.

    >>> aria(live="polite")
    {'aria-live': 'polite'}
    """
    return {f"aria-{name}": value for name, value in values.items()}


def graph(id_: str, name: str, **properties: Any) -> Component:
    """A figure with its text alternative below it.

    Parameters
    ----------
    id_ : str
        Of the ``dcc.Graph``; the caption has the id ``{id_}-text``, and a callback fills its
        ``children`` with what the figure shows, in words.
    name : str
        What the figure is, for those who cannot see it.
    **properties
        More of ``dcc.Graph``.

    Returns
    -------
    dash.html.Figure
    """
    config: Any = {
        **_GRAPH_CONFIG,
        "toImageButtonOptions": {"filename": f"mlsse-{id_}", "scale": 2},
    }
    return html.Figure(
        [
            dcc.Loading(dcc.Graph(id=id_, config=config, **properties), delay_show=400, type="dot"),
            html.Figcaption(id=f"{id_}-text", className="caption", **aria(live="polite")),
        ],
        className="figure",
        **aria(label=name, describedby=f"{id_}-text"),
    )


def field(label: str, control: Any, hint: str = "") -> Component:
    """A control with its label, and a hint below it."""
    parts: list[Component] = [
        html.Label(label, htmlFor=control.id, className="label"),
        control,
    ]
    if hint:
        parts.append(html.Div(hint, className="hint"))
    return html.Div(parts, className="field")


def message(text: str, kind: Literal["note", "error"] = "note") -> Component:
    """A sentence that stands out; an error is read out at once."""
    role = "alert" if kind == "error" else "status"
    return html.Div(text, className=f"message {kind}", role=role)


def table(
    caption: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    id_: str = "",
    numbers: Collection[int] = (),
    words: Collection[int] = (),
) -> Component:
    """A plain table that scrolls sideways where it is too wide.

    Parameters
    ----------
    caption : str
    headings : sequence of str
        With units.
    rows : sequence of sequences
        Of texts, numbers or components; the first of each row is its heading.
    id_ : str, optional
    numbers, words : collection of int
        Columns, counted from zero, that are aligned as numbers; that hold sentences.

    Returns
    -------
    dash.html.Div
    """

    def style(column: int) -> dict[str, Any]:
        name = "number" if column in numbers else "words" if column in words else ""
        return {"className": name} if name else {}

    head = html.Tr([html.Th(text, scope="col", **style(i)) for i, text in enumerate(headings)])
    body = [
        html.Tr(
            [
                html.Th(first, scope="row"),
                *(html.Td(value, **style(i)) for i, value in enumerate(rest, start=1)),
            ]
        )
        for first, *rest in rows
    ]
    name: dict[str, Any] = {"id": id_} if id_ else {}
    return html.Div(
        html.Table([html.Caption(html.Span(caption)), html.Thead(head), html.Tbody(body)], **name),
        className="table",
        tabIndex=0,
        role="region",
        **aria(label=caption),
    )


def facts(pairs: Sequence[tuple[str, Any]]) -> Component:
    """A few values, each with its name."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in pairs], className="facts"
    )


def formula_field(view: str, label: str = "Formula") -> Component:
    """A field for one formula that offers those entered last; see `offer_formulas`.

    Its id is ``{view}-formula``; a callback hears of it when Enter is pressed or it is left.
    """
    id_ = f"{view}-formula"
    control = dcc.Input(
        id=id_,
        type="text",
        debounce=True,
        autoComplete="off",
        spellCheck=False,
        maxLength=1000,
        list=f"{view}-offered",
    )
    return html.Div(
        [
            html.Label(label, htmlFor=id_, className="label"),
            control,
            html.Datalist(id=f"{view}-offered"),
        ],
        className="field",
    )


def offer_formulas(app: dash.Dash, view: str) -> None:
    """Fill the field of `formula_field` with the first of the formulas entered last."""

    @app.callback(
        Output(f"{view}-formula", "value"),
        Output(f"{view}-offered", "children"),
        Input(FORMULAS_STORE, "data"),
    )
    def offer(formulas: list[str] | None) -> tuple[str, list[Component]]:
        texts = formulas or [""]
        return texts[0], [html.Option(value=text) for text in dict.fromkeys(texts[:_OFFERED])]


def doi_link(doi: str) -> Component:
    """A link to a paper that opens in a new tab, without telling where it was followed."""
    return html.A(doi, href=f"https://doi.org/{doi}", target="_blank", rel="noopener noreferrer")
