"""The score card on the page, the details of one formula, and the card as a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from mlsse.explorer.answers import Neighbour, dois_of, measured_words, power
from mlsse.explorer.parts import doi_link, facts, message, table
from mlsse.explorer.uploads import safe_cell
from mlsse.prediction import SCORE_CARD, Explanation
from mlsse.tables import trust, write_csv

_SHOWN_MEASUREMENTS = 8
_HEADINGS = (
    "Formula", "Conductivity\nS/cm", "90 % interval\nS/cm", "Activation\nenergy, eV",
    "Chance of\n≥ 1e-4 S/cm", "Above hull\neV/atom", "Chance of\n≤ 0.05 eV/atom", "Window\nV",
    "Trust", "Nearest known\n(distance)", "Notes",
)  # fmt: skip
_TRUST = {"yes": "good", "partly": "doubt", "no": "bad"}
_IN_WORDS = {
    "yes": "yes: in domain",
    "partly": "partly: in domain, but see the doubts",
    "no": "no: out of domain",
}


def score_card_csv(rows: Sequence[dict[str, Any]]) -> str:
    """All columns of the score card as CSV, safe to open in a spreadsheet."""
    safe = [{name: safe_cell(value) for name, value in row.items()} for row in rows]
    stream = io.StringIO()
    write_csv(safe, SCORE_CARD, stream)
    return stream.getvalue()


def score_card(rows: Sequence[dict[str, Any]], temperature_k: float | None) -> Component:
    """Rows of the score card as a table, those in error with their error."""
    caption = (
        f"Score card at {temperature_k} K. Trust: partly if a note applies, no if out of the "
        "domain. Above hull: ~ if learned from other compounds."
    )
    return table(
        caption,
        _HEADINGS,
        [_row(row) for row in rows],
        id_="predict-card",
        numbers=range(1, 8),
        words=(10,),
    )


def _row(row: dict[str, Any]) -> list[Any]:
    if row["error"]:
        unread = html.Span("no result", className="bad")
        return [row["formula"], *("-" for _ in range(7)), unread, "-", row["error"]]
    low, high = (power(row[f"log10_conductivity_{end}"], digits=0) for end in ("lower", "upper"))
    known = row["log10_conductivity"] is not None
    word = trust(row)
    nearest = row["nearest_known_formula"]
    mark = "" if row["e_hull_source"] == "reference" else "~"
    return [
        row["formula"],
        power(row["log10_conductivity"]),
        f"{low} to {high}" if known else "-",
        _number(row["activation_energy_ev"], ".2f"),
        _number(row["superionic_probability"], ".0%"),
        mark + _number(row["e_hull_ev_per_atom"], ".3f"),
        _number(row["metastable_probability"], ".0%"),
        _window(row),
        html.Span(word if known else "-", className=_TRUST[word]),
        f"{nearest} ({row['nearest_known_distance']:.2f})" if nearest else "-",
        "; ".join(row["warnings"]) or "-",
    ]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _window(row: dict[str, Any]) -> str:
    low, high = row["reduction_limit_v"], row["oxidation_limit_v"]
    return "-" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def details(
    row: dict[str, Any], explained: Explanation, near: Sequence[Neighbour], note: str
) -> Component:
    """Why a prediction is what it is, and what was measured nearby.

    Parameters
    ----------
    row : dict
        Of the score card, without an error.
    explained : Explanation
    near : sequence of Neighbour
    note : str
        Why there are no measured values, else empty.
    """
    word = trust(row) if row["log10_conductivity"] is not None else "no"
    reasons = explained.domain_reasons
    parts: list[Component] = [
        facts(
            [
                ("Reduced formula", row["reduced_formula"]),
                ("Conductivity, S/cm", power(row["log10_conductivity"])),
                ("Trust", html.Span(_IN_WORDS[word], className=_TRUST[word])),
                ("Decomposes to", row["decomposition_products"] or "itself"),
            ]
        )
    ]
    if reasons:
        parts += [html.H3("Why it is out of the domain"), html.Ul([html.Li(r) for r in reasons])]
    if row["warnings"]:
        parts += [html.H3("Doubts"), html.Ul([html.Li(text) for text in row["warnings"]])]
    if explained.contributions:
        moves = ", ".join(
            f"{name}: {round(value, 2) + 0.0:+.2f}" for name, value in explained.contributions[:5]
        )
        parts.append(html.P(f"What would move log10 of the conductivity: {moves}."))
    if note:
        parts.append(message(f"Measured values: {note}."))
    parts.append(_neighbours(row["formula"], near))
    return html.Div(parts)


def _neighbours(text: str, near: Sequence[Neighbour]) -> Component:
    rows: list[list[Any]] = []
    for known in near:
        place = f"{known.distance:.2f}"
        for i, found in enumerate(known.measurements[:_SHOWN_MEASUREMENTS]):
            papers: list[Any] = []
            for doi in dois_of(found["doi"]):
                papers += [doi_link(doi), html.Br()]
            rows.append(
                [
                    known.formula,
                    place if i == 0 else "",
                    measured_words(found),
                    f"{found['temperature_k']:.0f}",
                    papers[:-1] or "none named",
                    found["source"],
                ]
            )
        if (more := len(known.measurements) - _SHOWN_MEASUREMENTS) > 0:
            rows.append([known.formula, "", f"and {more} more", "", "", ""])
        if not known.measurements:
            mean = power(known.room_log10_conductivity)
            rows.append([known.formula, place, mean, "298", "-", "mean, from the model"])
    headings = (
        "Known material", "Distance", "Measured\nS/cm", "At\nK", "Paper", "Source",
    )  # fmt: skip
    caption = f"Known materials nearest to {text}, and what was measured"
    return table(caption, headings, rows, id_="predict-nearest", numbers=(1, 2, 3))
