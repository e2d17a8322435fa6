"""The candidates of a screen: Pareto scatter, filters, table, and the selection as a file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import dash
from dash import Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component

from mlsse.errors import ConditionError, ScreenError
from mlsse.explorer import theme
from mlsse.explorer.context import Context
from mlsse.explorer.parts import field, graph, message
from mlsse.explorer.screen_columns import NUMBERS, as_csv, objectives, row_table
from mlsse.explorer.screen_figure import describe, draw, in_box
from mlsse.explorer.screen_selection import Asked, HeldScreen, Selection, hold, select
from mlsse.explorer.texts import command_block

TITLE = "Screen"

MAX_DOWNLOAD = 100_000
PAGE_ROWS = 20


#: Filters: id, column, operator, label.
LIMITS = (
    (
        "screen-conductivity",
        "log10_conductivity_lower",
        ">=",
        "Lower end of log10 of conductivity / (S/cm)",
    ),
    ("screen-hull", "e_hull_ev_per_atom", "<=", "Energy above hull / (eV/atom)"),
    ("screen-reduction", "reduction_limit_v", "<=", "Reduction limit / V"),
    ("screen-oxidation", "oxidation_limit_v", ">=", "Oxidation limit / V"),
)
_OTHER_IDS = ("screen-x", "screen-y", "screen-only", "screen-exclude", "screen-where")


@lru_cache(maxsize=2)
def held(folder: Path) -> HeldScreen:
    """The screen, read once."""
    return hold(folder)


@lru_cache(maxsize=16)
def chosen(folder: Path, asked: Asked) -> Selection:
    """The rows that pass, kept for the figure, the table and the file."""
    return select(held(folder), asked)


def layout(context: Context) -> Component:
    """The page of the view."""
    if context.screen is None:
        return message(
            "No screen was named. `mlsse screen RECIPE --out DIR` makes one, and "
            "`mlsse explore --screen DIR` shows it."
        )
    try:
        screen = held(context.screen)
    except ScreenError as error:
        return message(str(error), "error")
    names = objectives(screen)
    if len(names) < 2:
        return message("This screen has fewer than two columns to compare.", "error")
    return html.Div(
        [
            html.P(
                f"{len(screen.table):,} candidates of {context.screen.name}. Drag a box in the "
                "figure to choose some; a double click lets it go.",
                className="lead",
            ),
            _controls(screen, names),
            html.Div(id="screen-message"),
            graph("screen-scatter", "Candidates of the screen and their Pareto front"),
            html.Div(
                [
                    _button("screen-download", "Download the selection (CSV)", "act"),
                    _button("screen-clear", "Forget the box", "quiet"),
                    _button("screen-previous", "Previous rows", "quiet"),
                    _button("screen-next", "Next rows", "quiet"),
                    html.Span(id="screen-count", role="status"),
                ],
                className="buttons",
                style={"marginBottom": "1rem"},
            ),
            html.Div(id="screen-rows"),
            html.P("The same of the whole screen, ranked by the chance that all conditions hold:"),
            command_block("", id_="screen-command"),
            dcc.Download(id="screen-file"),
            dcc.Store(id="screen-page", data=0),
        ]
    )


def _controls(screen: HeldScreen, names: list[str]) -> Component:
    y = next((n for n in ("oxidation_limit_v", "stable_probability") if n in names), names[1])
    axes = [
        _wide(
            label,
            dcc.Dropdown(
                id=id_,
                options=[{"label": NUMBERS[n].axis.title, "value": n} for n in names],
                value=value,
                clearable=False,
            ),
        )
        for label, id_, value in (("Across", "screen-x", names[0]), ("Up", "screen-y", y))
    ]
    limits = [
        field(
            f"{label}, {'at least' if operator == '>=' else 'at most'}",
            dcc.Input(
                id=id_, type="number", step="any", debounce=True,
                disabled=name not in screen.number_columns,
            ),
        )
        for id_, name, operator, label in LIMITS
    ]  # fmt: skip
    only = {"domain": "in domain", "new": "not known yet", "front": "on the Pareto front"}
    return html.Div(
        [
            *axes,
            *limits,
            field(
                "Leave out elements",
                dcc.Input(id="screen-exclude", type="text", debounce=True, maxLength=300),
                "Such as Ge, As.",
            ),
            field(
                "More conditions",
                dcc.Input(id="screen-where", type="text", debounce=True, maxLength=500),
                "As for mlsse rank: stable_probability > 0.5 and in_domain.",
            ),
            html.Fieldset(
                [
                    html.Legend("Only those that are", className="label"),
                    dcc.Checklist(
                        id="screen-only",
                        options=[{"label": text, "value": name} for name, text in only.items()],
                        value=[],
                        inline=True,
                    ),
                ],
                className="field wide",
                style={"border": 0, "padding": 0, "margin": 0},
            ),
        ],
        className="controls",
    )


def _wide(label: str, control: Any) -> Component:
    """A field whose choices are long."""
    return html.Div(field(label, control), style={"flex": "1 1 20rem", "minWidth": 0})


def _button(id_: str, text: str, kind: str) -> Component:
    return html.Button(text, id=id_, type="button", className=kind)


def register(app: dash.Dash, context: Context) -> None:
    """Add the callbacks."""
    if context.screen is None:
        return
    folder = context.screen
    filters = [*(id_ for id_, *_ in LIMITS), *_OTHER_IDS]

    @app.callback(
        Output("screen-scatter", "figure"),
        Output("screen-scatter-text", "children"),
        Output("screen-message", "children"),
        Output("screen-command", "children"),
        Input(theme.MODE_STORE, "data"),
        Input("screen-clear", "n_clicks"),
        *[Input(id_, "value") for id_ in filters],
    )
    def draw_scatter(mode: str | None, clears: int | None, *given: Any) -> tuple[Any, ...]:
        look = theme.as_mode(mode)
        try:
            asked = read_filters(*given)
            found = chosen(folder, asked)
        except ConditionError as error:
            return theme.empty_figure("nothing to show", look), "", message(str(error), "error"), ""
        drawn = draw(held(folder), asked, found, look, revision=str(clears))
        notes = [message(note) for note in found.notes]
        return drawn, describe(asked, found), notes, asked.command(folder)

    @app.callback(
        Output("screen-scatter", "selectedData"),
        Input("screen-clear", "n_clicks"),
        Input("screen-x", "value"),
        Input("screen-y", "value"),
        prevent_initial_call=True,
    )
    def forget_box(*_: Any) -> None:
        """A box of other axes means nothing."""

    @app.callback(
        Output("screen-rows", "children"),
        Output("screen-count", "children"),
        Output("screen-previous", "disabled"),
        Output("screen-next", "disabled"),
        Output("screen-page", "data"),
        Input("screen-previous", "n_clicks"),
        Input("screen-next", "n_clicks"),
        Input("screen-scatter", "selectedData"),
        State("screen-page", "data"),
        *[Input(id_, "value") for id_ in filters],
    )
    def show_rows(_: Any, __: Any, box: Any, page: int | None, *given: Any) -> tuple[Any, ...]:
        try:
            asked = read_filters(*given)
            found = in_box(held(folder), asked, chosen(folder, asked), box)
        except ConditionError:
            return None, "No row", True, True, 0
        # Whatever else has changed, the rows are others: begin anew.
        step = {"screen-previous": -1, "screen-next": 1}.get(str(ctx.triggered_id))
        last_page = max(0, len(found.rows) - 1) // PAGE_ROWS
        page = 0 if step is None else min(max(0, (page or 0) + step), last_page)
        first, last = page * PAGE_ROWS, min((page + 1) * PAGE_ROWS, len(found.rows))
        shown = Selection(found.rows[first:last], found.on_front[first:last], {})
        count = f"Rows {first + 1:,} to {last:,} of {len(found.rows):,}" if last else "No row"
        rows = row_table(held(folder), shown) if last else None
        return rows, count, page == 0, page == last_page, page

    @app.callback(
        Output("screen-file", "data"),
        Input("screen-download", "n_clicks"),
        State("screen-scatter", "selectedData"),
        *[State(id_, "value") for id_ in filters],
        prevent_initial_call=True,
    )
    def download(_: Any, box: Any, *given: Any) -> dict[str, Any]:
        asked = read_filters(*given)
        found = in_box(held(folder), asked, chosen(folder, asked), box)
        if len(found.rows) > MAX_DOWNLOAD:
            raise ConditionError(
                f"the selection has {len(found.rows):,} rows, at most {MAX_DOWNLOAD:,} are sent: "
                "use the command below"
            )
        text = as_csv(held(folder), found)
        return {"content": text, "filename": f"{folder.name}-selection.csv", "type": "text/csv"}


def read_filters(*given: Any) -> Asked:
    """What the fields ask for, in the order of `LIMITS` and then axes, ticks, elements, words.

    Raises
    ------
    ConditionError
        If both axes are the same.
    """
    limits, (x, y, only, exclude, where) = given[: len(LIMITS)], given[len(LIMITS) :]
    if x == y:
        raise ConditionError("both axes show the same: choose another one")
    ticked = only or []
    conditions = [
        f"{name} {operator} {float(value)!r}"
        for (_, name, operator, _), value in zip(LIMITS, limits, strict=True)
        if value is not None
    ]
    conditions += ["in_domain"] if "domain" in ticked else []
    conditions += [where.strip()] if where and where.strip() else []
    return Asked(
        objectives=(f"{x}:{NUMBERS[x].aim}", f"{y}:{NUMBERS[y].aim}"),
        where=tuple(conditions),
        exclude=tuple(s.strip() for s in (exclude or "").split(",") if s.strip()),
        known="new" not in ticked,
        front_only="front" in ticked,
    )
