"""Results as text: tables and notes for a terminal, CSV and JSON for a pipe."""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

    from mlsse.datasets import CleaningReport, DatasetEntry, FileStatus
    from mlsse.prediction import Explanation

Row = Mapping[str, Any]

_LEGEND = (
    "sigma: conductivity and its 90 % interval. Ea: activation energy. superionic: chance of at "
    "least 1e-4 S/cm. stable, metastable: chance to lie on the convex hull, or at most 0.05 "
    "eV/atom above it. trust: partly if a warning applies, no if far from what is known."
)
_NUMBERS = (
    "sigma\nS/cm", "90 %\ninterval", "Ea\neV", "super-\nionic", "stable", "meta-\nstable",
)  # fmt: skip
_COLOURS = {"yes": "green", "partly": "yellow", "no": "red", "error": "bold red"}
_SHOWN_MEASUREMENTS = 5


def trust(row: Row) -> str:
    """Say in a plain word whether to trust a row of the score card.

    Returns
    -------
    {"yes", "partly", "no"}
        ``"yes"`` within the stated interval; ``"partly"`` when a warning applies;
        ``"no"`` far from the known materials, or where there is no conductivity at all.
    """
    if row["log10_conductivity"] is None or not row["in_domain"]:
        return "no"
    return "partly" if row["warnings"] else "yes"


def write_csv(rows: Iterable[Row], columns: Sequence[str], stream: TextIO) -> None:
    """Write columns of rows as CSV: nothing where empty, true and false, lists joined by ``;``."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row[name]) for name in columns])


def _csv_cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return "" if value is None else value


def write_json(
    rows: Iterable[Row],
    stream: TextIO,
    *,
    lines: bool = False,
    explanations: Mapping[str, Explanation] | None = None,
) -> None:
    """Write rows as one JSON list, or as one JSON object a line.

    Parameters
    ----------
    rows : iterable of mapping
    stream : text stream
    lines : bool
        One object a line in place of a list.
    explanations : mapping of formula text to Explanation, optional
        Adds a field ``explanation`` to every row, null for a row in error.
    """
    records: list[Row] = list(rows)
    if explanations is not None:
        records = [
            {**row, "explanation": asdict(explanations[text]) if text in explanations else None}
            for row, text in ((row, str(row["formula"])) for row in records)
        ]
    if lines:
        for record in records:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
    else:
        stream.write(json.dumps(records, allow_nan=False, indent=1) + "\n")


def print_score_card(rows: Sequence[Row], console: Console) -> None:
    """Print the main columns as a table, then warnings and errors in words."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), show_edge=False)
    table.add_column("formula", overflow="fold")
    for heading in _NUMBERS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("trust", no_wrap=True)
    notes: dict[str, list[str]] = {}
    for row in rows:
        formula = _printable(row["formula"])
        word = "error" if row["error"] else trust(row)
        for note in [row["error"]] if row["error"] else row["warnings"]:
            notes.setdefault(_printable(note), []).append(formula)
        table.add_row(
            Text(formula),
            _power(row["conductivity_s_per_cm"], digits=1),
            _interval(row["log10_conductivity_lower"], row["log10_conductivity_upper"]),
            _number(row["activation_energy_ev"], ".2f"),
            _number(row["superionic_probability"], ".0%"),
            _number(row["stable_probability"], ".0%"),
            _number(row["metastable_probability"], ".0%"),
            Text(word, style=_COLOURS[word]),
        )
    console.print(table)
    console.print()
    for note, formulas in notes.items():
        _say(f"{', '.join(formulas)}: {note}", console)
    usable = [row for row in rows if not row["error"]]
    if usable:
        temperature = _number(usable[0]["temperature_k"], "g")
        _say(f"At {temperature} K. {_LEGEND}", console, style="dim")


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print what moves a prediction most, and the nearest known materials."""
    console.print()
    _say(f"Why {_printable(explanation.formula)}", console, style="bold")
    _say("What moves log10 of the conductivity most:", console)
    for what, change in explanation.contributions:
        _say(f"  {change:+.2f}  {what}", console)
    _say("Nearest known materials:", console)
    for material in explanation.nearest:
        _say(f"  {material.formula} (distance {material.distance:.2f})", console)
        for measurement in material.measurements[:_SHOWN_MEASUREMENTS]:
            _say(f"    {_measurement(measurement)}", console)
        more = len(material.measurements) - _SHOWN_MEASUREMENTS
        if more > 0:
            _say(f"    and {more} more", console)
    if explanation.note:
        _say(explanation.note, console)


def _measurement(measurement: Row) -> str:
    bound = {"upper": "at most ", "lower": "at least "}.get(measurement["censored"], "")
    value = _power(measurement["conductivity_s_per_cm"], digits=1)
    temperature = _number(measurement["temperature_k"], ".0f")
    doi = f", doi:{measurement['doi']}" if measurement["doi"] else ""
    return f"{bound}{value} S/cm at {temperature} K{doi}"


def print_datasets(entries: Iterable[DatasetEntry], console: Console) -> None:
    """Print one line a dataset: name, number of rows, title."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for entry in entries:
        table.add_row(entry.name, f"{entry.kept} rows", entry.title)
    console.print(table)


def print_dataset(entry: DatasetEntry, files: Iterable[FileStatus], console: Console) -> None:
    """Print what the registry says of a dataset, and the state of its files."""
    columns = (f"{name} [{unit}]" if unit else name for name, unit in entry.columns.items())
    _say(f"{entry.name}: {entry.title}", console, style="bold")
    _say(f"  rows: {entry.rows} published, {entry.kept} kept", console)
    _say(f"  columns: {', '.join(columns)}", console)
    _say(f"  licence: {entry.licence}", console)
    _say(f"  cite: {entry.citation}", console)
    for problem in entry.problems:
        _say(f"  known: {problem}", console)
    for file in files:
        _say(f"  file {file.name}: {file.state}, {file.path}", console)


def print_cleaning(report: CleaningReport, console: Console) -> None:
    """Print how many rows of a dataset were read, kept, and dropped for which reason."""
    for part in report.parts:
        print_cleaning(part, console)
    _say(f"{report.name}: {report.rows_read} rows read, {report.rows_kept} kept", console)
    for note, n_rows in report.notes.items():
        _say(f"  {n_rows:>6} {note}", console)
    for reason, n_rows in report.dropped.items():
        examples = ", ".join(report.examples.get(reason, ()))
        _say(f"  {n_rows:>6} dropped: {reason}{f' ({examples})' if examples else ''}", console)


def print_benchmark(record: Mapping[str, Any], console: Console) -> None:
    """Print each protocol of a benchmark record with its metrics."""
    for protocol, metrics in record["protocols"].items():
        _say(protocol, console, style="bold")
        for metric, value in metrics.items():
            if isinstance(value, dict) and all(isinstance(part, dict) for part in value.values()):
                for name, part in value.items():
                    _say(f"  {name}: {_metric(part)}", console)
            else:
                _say(f"  {metric}: {_metric(value)}", console)


def _metric(value: object) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return " to ".join(map(_metric, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_metric(part)}" for name, part in value.items())
    return str(value)


def _say(text: str, console: Console, style: str = "") -> None:
    """Print plain text, wrapped with its continuation lines indented."""
    from rich.text import Text

    indent = " " * (len(text) - len(text.lstrip()))
    lines = textwrap.fill(
        text.strip(),
        width=max(console.width, 40),
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(Text(lines, style=style), soft_wrap=True)


def _printable(text: object) -> str:
    """Text without the control characters that could move a terminal's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def _number(value: float | None, spec: str) -> str:
    return "-" if value is None else format(value, spec)


def _power(value: float | None, *, digits: int) -> str:
    """Scientific notation without the padding of the exponent: 6.3e-5."""
    if value is None:
        return "-"
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _interval(lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return "-"
    return f"{_power(10.0**lower, digits=0)} to {_power(10.0**upper, digits=0)}"
