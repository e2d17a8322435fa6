"""A drift report as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlsse.tables import plain_table, say

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_ELEMENTS = 10


def print_drift(report: Mapping[str, Any], console: Console) -> None:
    """Print a report of `mlsse.drift.drift_report`: figures, elements, alerts."""
    distance = report["nearest_known_distance"]
    table = plain_table(gap=2)
    for heading in ("", "recent", "usual"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row(
        "out of the domain",
        _percent(report["out_of_domain_share"]),
        _percent(report["expected_out_of_domain_share"]),
    )
    for name, key in (("median", "median"), ("90 % quantile", "quantile_90")):
        table.add_row(
            f"distance to the nearest known composition, {name}",
            f"{distance[key]:.3g}",
            f"{distance[f'{key}_among_known']:.3g}",
        )
    say(
        f"{report['n_formulas']} formulas ({report['n_unusable']} unusable) against the "
        f"compositions that {report['model_version']} knows; {_percent(report['known_share'])} "
        "of them are known",
        console,
    )
    console.print(table)
    say(
        f"The distances are distributed alike with a chance of {distance['p_value']:.2g} "
        "(Kolmogorov-Smirnov).",
        console,
    )
    elements = plain_table(gap=2)
    for heading in ("element", "recent", "known", "PSI", "p"):
        elements.add_column(heading, justify="left" if heading == "element" else "right")
    for shift in report["elements"][:_SHOWN_ELEMENTS]:
        elements.add_row(
            shift["element"],
            _percent(shift["share"]),
            _percent(shift["known_share"]),
            f"{shift['psi']:.3f}",
            f"{shift['p_value']:.2g}",
        )
    console.print(elements)
    measured = report["measured"]
    if measured:
        say(
            f"{measured['n']} new measurements: mean absolute error {measured['mae_decades']:.2f} "
            f"decades, {_percent(measured['coverage_90'])} of them in the 90 % interval",
            console,
        )
    for alert in report["alerts"] or ["no drift found"]:
        say(alert, console, style="bold" if report["alerts"] else "")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
