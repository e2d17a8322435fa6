"""Results as text: tables and notes for a terminal, CSV and JSON for a pipe."""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from mlsse.windows import WINDOW_CODES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mlsse.datasets import CleaningReport, DatasetEntry, FileStatus
    from mlsse.prediction import Explanation

Row = Mapping[str, Any]

_LEGEND = (
    "sigma: conductivity and its 90 % interval. Ea: activation energy. superionic: chance of at "
    "least 1e-4 S/cm. hull: energy above the convex hull, ~ if learned from other compounds. "
    "window: between which voltages of its ion the formula lasts. trust in the conductivity: "
    "partly if a warning applies, no if far from what is known."
)
_NUMBERS = (
    "sigma\nS/cm", "90 %\ninterval", "Ea\neV", "super-\nionic", "hull\neV/atom", "window\nV",
)  # fmt: skip
_COLOURS = {"yes": "green", "partly": "yellow", "no": "red", "error": "bold red"}
_SHOWN_MEASUREMENTS = 5


def trust(row: Row) -> str:
    """Say in a plain word whether to trust the conductivity of a row of the score card.

    Returns
    -------
    {"yes", "partly", "no"}
        ``"yes"`` within the stated interval; ``"partly"`` when a warning applies, those about
        the voltage window alone left aside; ``"no"`` far from the known materials, or where
        there is no conductivity at all.
    """
    if row["log10_conductivity"] is None or not row["in_domain"]:
        return "no"
    codes = {warning.partition(":")[0] for warning in row["warnings"]}
    return "partly" if codes - WINDOW_CODES else "yes"


def write_csv(rows: Iterable[Row], columns: Sequence[str], stream: TextIO) -> None:
    """Write columns of rows as CSV.

    Nothing where empty, true and false, lists joined by ``;``, moles of phases as a sum.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row[name]) for name in columns])


def _csv_cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    if isinstance(value, dict):
        from mlsse.thermodynamics import mixture

        return mixture(value)
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
    from rich.text import Text

    table = plain_table()
    table.add_column("formula", overflow="fold")
    for heading in _NUMBERS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("trust", no_wrap=True)
    notes: dict[str, list[str]] = {}
    for row in rows:
        formula = printable(row["formula"])
        word = "error" if row["error"] else trust(row)
        for note in [row["error"]] if row["error"] else row["warnings"]:
            notes.setdefault(printable(note), []).append(formula)
        table.add_row(
            Text(formula),
            power(row["conductivity_s_per_cm"], digits=1),
            interval(row["log10_conductivity_lower"], row["log10_conductivity_upper"]),
            number(row["activation_energy_ev"], ".2f"),
            number(row["superionic_probability"], ".0%"),
            _above_hull(row["e_hull_ev_per_atom"], row["e_hull_source"]),
            _window(row["reduction_limit_v"], row["oxidation_limit_v"]),
            Text(word, style=_COLOURS[word]),
        )
    console.print(table)
    console.print()
    print_notes(notes, console)
    usable = [row for row in rows if not row["error"]]
    if usable:
        temperature = number(usable[0]["temperature_k"], "g")
        say(f"At {temperature} K. {_LEGEND}", console, style="dim")


def _above_hull(energy: float | None, source: str | None) -> str:
    return f"{'~' if source == 'model' else ''}{number(energy, '.3f')}"


def _window(low: float | None, high: float | None) -> str:
    return "-" if low is None else f"{low:.1f}-{high:.1f}"


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print why a formula is out of the domain, what moves it most, and the nearest known."""
    console.print()
    say(f"Why {printable(explanation.formula)}", console, style="bold")
    say("Out of the domain:" if explanation.domain_reasons else "In the domain.", console)
    for reason in explanation.domain_reasons:
        say(f"  {printable(reason)}", console)
    if explanation.contributions:
        say("What moves log10 of the conductivity most:", console)
    for what, change in explanation.contributions:
        say(f"  {change:+.2f}  {what}", console)
    say("Nearest known materials:", console)
    for material in explanation.nearest:
        say(f"  {material.formula} (distance {material.distance:.2f})", console)
        for measurement in material.measurements[:_SHOWN_MEASUREMENTS]:
            say(f"    {_measurement(measurement)}", console)
        more = len(material.measurements) - _SHOWN_MEASUREMENTS
        if more > 0:
            say(f"    and {more} more", console)
    if explanation.note:
        say(explanation.note, console)


def _measurement(measurement: Row) -> str:
    bound = {"upper": "at most ", "lower": "at least "}.get(measurement["censored"], "")
    value = power(measurement["conductivity_s_per_cm"], digits=1)
    temperature = number(measurement["temperature_k"], ".0f")
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
    say(f"{entry.name}: {entry.title}", console, style="bold")
    say(f"  rows: {entry.rows} published, {entry.kept} kept", console)
    say(f"  columns: {', '.join(columns)}", console)
    say(f"  licence: {entry.licence}", console)
    say(f"  cite: {entry.citation}", console)
    for problem in entry.problems:
        say(f"  known: {problem}", console)
    for file in files:
        say(f"  file {file.name}: {file.state}, {file.path}", console)


def print_cleaning(report: CleaningReport, console: Console) -> None:
    """Print how many rows of a dataset were read, kept, and dropped for which reason."""
    for part in report.parts:
        print_cleaning(part, console)
    say(f"{report.name}: {report.rows_read} rows read, {report.rows_kept} kept", console)
    for note, n_rows in report.notes.items():
        say(f"  {n_rows:>6} {note}", console)
    for reason, n_rows in report.dropped.items():
        examples = ", ".join(report.examples.get(reason, ()))
        say(f"  {n_rows:>6} dropped: {reason}{f' ({examples})' if examples else ''}", console)


def print_benchmark(record: Mapping[str, Any], console: Console) -> None:
    """Print each protocol of a benchmark record with its metrics, records in them indented."""
    for protocol, metrics in record["protocols"].items():
        say(protocol, console, style="bold")
        for metric, value in metrics.items():
            _print_metric(metric, value, console, indent="  ")


def _print_metric(name: str, value: object, console: Console, indent: str) -> None:
    if _fits_a_line(value):
        say(f"{indent}{name}: {_metric(value)}", console)
        return
    say(f"{indent}{name}:", console)
    if isinstance(value, dict):
        for key, part in value.items():
            _print_metric(str(key), part, console, indent + "  ")
    elif isinstance(value, (list, tuple)):
        for part in value:
            say(f"{indent}  {_metric(part)}", console)


def _fits_a_line(value: object) -> bool:
    """Whether a metric is a value, values, or values with names."""
    if isinstance(value, dict):
        return not any(isinstance(p, dict) or not _fits_a_line(p) for p in value.values())
    if isinstance(value, (list, tuple)):
        return not any(isinstance(part, (dict, list, tuple, str)) for part in value)
    return True


def _metric(value: object) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        is_range = len(value) == 2 and all(isinstance(end, (int, float)) for end in value)
        return (" to " if is_range else ", ").join(map(_metric, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_metric(part)}" for name, part in value.items()) or "none"
    return printable(value)


def plain_table(*, gap: int = 1) -> Table:
    """Make an empty table: no frame, a line below its header, columns a gap apart."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, gap), show_edge=False)


def print_notes(notes: Mapping[str, Sequence[str]], console: Console) -> None:
    """Print each note once, after the names of all that it is about."""
    for note, names in notes.items():
        say(f"{', '.join(names)}: {note}", console)


def say(text: str, console: Console, style: str = "") -> None:
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


def printable(text: object) -> str:
    """Return text without the control characters that could move a terminal's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def number(value: float | None, spec: str) -> str:
    """Format a number, a dash where there is none."""
    return "-" if value is None else format(value, spec)


def power(value: float | None, *, digits: int) -> str:
    """Scientific notation without the padding of the exponent; a dash where there is no value.

    >>> power(6.31e-5, digits=1)
    '6.3e-5'
    """
    if value is None:
        return "-"
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def interval(lower: float | None, upper: float | None) -> str:
    """Ends of an interval of log10(S/cm) in S/cm."""
    if lower is None or upper is None:
        return "-"
    return f"{power(10.0**lower, digits=0)} to {power(10.0**upper, digits=0)}"
