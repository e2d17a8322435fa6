"""The commands of the thermodynamics: hull, window, interface, coatings."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mlsse.cli_options import (
    Format,
    FormatOption,
    FormulaFile,
    Formulas,
    ModelFolder,
    chosen_format,
    plain_texts,
    read_lines,
    read_texts,
    terminal,
)
from mlsse.errors import ConditionError, FormulaError

if TYPE_CHECKING:
    from rich.console import Console

Row = dict[str, Any]
Result = TypeVar("Result")

_MAX_VOLTAGE_V = 10.0
_NOT_IN_CSV = frozenset({"steps", "kinks"})  # what no cell can hold


class Ion(StrEnum):
    """Ions whose voltages are known."""

    LITHIUM = "Li"
    SODIUM = "Na"
    POTASSIUM = "K"


class Per(StrEnum):
    """What a formation energy is divided by."""

    ATOM = "atom"
    FORMULA = "formula"


def _check_voltage(voltage: float | None) -> float | None:
    if voltage is not None and not 0.0 <= voltage <= _MAX_VOLTAGE_V:
        raise typer.BadParameter(
            f"{voltage:g} V: expected 0 to {_MAX_VOLTAGE_V:g} V against the metal of the ion"
        )
    return voltage


def _plot_option(what: str) -> Any:
    return typer.Option(metavar="FILE", help=f"Draw {what}; the name ends in .png, .svg or .pdf.")


def hull(
    formulas: Formulas = None,
    file: FormulaFile = None,
    formation_energy: Annotated[
        float | None,
        typer.Option(
            metavar="EV",
            help="A computed formation energy of the one formula, in eV, comparable with those "
            "of the Materials Project; goes with --per.",
        ),
    ] = None,
    per: Annotated[
        Per | None,
        typer.Option(metavar="WHAT", help="What that energy is for: one atom or one formula."),
    ] = None,
    format_: FormatOption = None,
    model: ModelFolder = None,
) -> None:
    """Find energy above hull and products of decomposition."""
    texts = read_texts(formulas, file)
    energy = {}
    if formation_energy is not None:
        if not math.isfinite(formation_energy):
            raise typer.BadParameter(f"--formation-energy {formation_energy}: give a finite number")
        if per is None:
            raise typer.BadParameter("--formation-energy: say --per atom or --per formula")
        if len(texts) != 1:
            raise typer.BadParameter(
                f"--formation-energy is that of one formula, {len(texts)} are given"
            )
        energy = {f"formation_energy_ev_per_{per.value}": formation_energy}
    elif per is not None:
        raise typer.BadParameter("--per goes with --formation-energy")
    from mlsse import bundle, thermodynamic_tables, thermodynamics

    loaded = bundle.load_model(model)
    rows, _ = _collect(
        thermodynamics.Hull,
        [{"formula": text} for text in texts],
        lambda formula: thermodynamics.hull(formula, model=loaded, **energy),
    )
    _show(rows, chosen_format(format_), thermodynamic_tables.print_hulls)


def window(
    formulas: Formulas = None,
    ion: Annotated[
        Ion | None,
        typer.Option(
            metavar="ION",
            help="Mobile ion: Li, Na or K.  [default: the first of these that the formula has]",
        ),
    ] = None,
    file: FormulaFile = None,
    plot: Annotated[Path | None, _plot_option("uptake of the ion against voltage")] = None,
    steps: Annotated[
        bool, typer.Option("--steps", help="Also print the whole staircase of equilibria.")
    ] = False,
    format_: FormatOption = None,
    model: ModelFolder = None,
) -> None:
    """Find the voltage window and what forms beyond its limits."""
    texts = read_texts(formulas, file)
    if steps and format_ is Format.CSV:
        raise typer.BadParameter("--steps goes with --format table, json or jsonl, not csv")
    from mlsse import bundle, thermodynamic_tables, windows

    _check_plot(plot)
    loaded = bundle.load_model(model)
    rows, found = _collect(
        windows.Window,
        [{"formula": text} for text in texts],
        lambda formula: windows.window(
            formula, ion.value if ion else _ion_of(formula), model=loaded
        ),
    )
    if plot is not None and found:
        from mlsse import plots

        plots.save(plots.staircase(found), plot)
        print(f"mlsse: the staircases are drawn in {plot}", file=sys.stderr)

    def print_table(rows: Sequence[Row], console: Console) -> None:
        thermodynamic_tables.print_windows(rows, console, steps=steps)

    _show(rows, chosen_format(format_, table=steps), print_table)


def interface(
    formula: Annotated[
        str | None,
        typer.Argument(
            metavar="FORMULA", help="An electrolyte, or several with commas between them."
        ),
    ] = None,
    partners: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PARTNER",
            help="What touches it: formulas, or names such as NMC811.  [default: all names]",
        ),
    ] = None,
    voltage: Annotated[
        float | None,
        typer.Option(
            metavar="V",
            callback=_check_voltage,
            help="Voltage at which the ion comes and goes, 0 to 10 V against its metal.  "
            "[default: no ion leaves]",
        ),
    ] = None,
    ion: Annotated[
        Ion | None,
        typer.Option(
            metavar="ION",
            help="The ion of --voltage: Li, Na or K.  [default: the first of these that the "
            "electrolyte has, or else Li]",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also read electrolytes from a text file; - is standard input."
        ),
    ] = None,
    plot: Annotated[Path | None, _plot_option("a heat map of the reaction energies")] = None,
    list_partners: Annotated[
        bool, typer.Option("--partners", help="List the partners that have names, and exit.")
    ] = False,
    format_: FormatOption = None,
    model: ModelFolder = None,
) -> None:
    """Find how electrolytes react with electrodes, coatings and air.

    Water and carbon dioxide rank materials, no more: their energies are off.
    """
    from mlsse import interfaces, thermodynamic_tables

    if list_partners:
        known = [asdict(partner) for partner in interfaces.partners()]
        _print(known, chosen_format(format_), thermodynamic_tables.print_partners)
        return
    # A comma between digits is left to the reader of formulas, which explains decimal points.
    split = [re.split(r"(?<!\d),|,(?!\d)", text) for text in plain_texts([formula or ""])]
    electrolytes = [text.strip() for text in split[0] if text.strip()]
    if file is not None:
        electrolytes += read_lines(file)
    if not electrolytes:
        raise typer.BadParameter("no electrolyte given: name some, or a --file of them")
    names = {partner.name.lower(): partner.name for partner in interfaces.partners()}
    others = [names.get(text.strip().lower(), text) for text in plain_texts(partners)]
    pairs = [
        {"first": electrolyte, "second": other}
        for electrolyte in dict.fromkeys(electrolytes)
        for other in dict.fromkeys(others or names.values())
    ]
    from mlsse import bundle

    _check_plot(plot)
    loaded = bundle.load_model(model)

    rows, found = _collect(
        interfaces.Interface,
        pairs,
        lambda first, second: interfaces.interface(
            first,
            second,
            voltage_v=voltage,
            ion=ion.value if ion else _ion_of(first, otherwise=Ion.LITHIUM.value),
            model=loaded,
        ),
    )
    if plot is not None and found:
        import pandas as pd

        from mlsse import plots

        plots.save(plots.heat_map(pd.DataFrame(rows)), plot)
        print(f"mlsse: the reaction energies are drawn in {plot}", file=sys.stderr)
    _show(rows, chosen_format(format_), thermodynamic_tables.print_interfaces)


def coatings(
    cathode: Annotated[
        str, typer.Argument(metavar="CATHODE", help="A formula, or a name such as NMC811.")
    ],
    electrolyte: Annotated[str, typer.Argument(metavar="ELECTROLYTE", help="A formula.")],
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Rank the formulas of a text file; - is standard input.  [default: known "
            "phases of the ion without metals that change their valence]",
        ),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="How many to show.")] = 20,
    ion: Annotated[Ion, typer.Option(metavar="ION", help="Mobile ion: Li, Na or K.")] = Ion.LITHIUM,
    max_voltage: Annotated[
        float | None,
        typer.Option(
            metavar="V", callback=_check_voltage, help="Voltage that the coating must stand."
        ),
    ] = None,
    min_voltage: Annotated[
        float | None,
        typer.Option(
            metavar="V", callback=_check_voltage, help="Lowest voltage that the coating must stand."
        ),
    ] = None,
    format_: FormatOption = None,
    model: ModelFolder = None,
) -> None:
    """Rank coatings between a cathode and an electrolyte."""
    candidates = None if from_ is None else read_lines(from_)
    if candidates == []:
        raise typer.BadParameter(f"--from {from_}: no formula in it")
    cathode, electrolyte = plain_texts([cathode, electrolyte])
    from mlsse import bundle, thermodynamic_tables
    from mlsse import coatings as ranking

    limits = {"min_voltage_v": min_voltage, "max_voltage_v": max_voltage}
    table = ranking.coatings(
        cathode,
        electrolyte,
        candidates=candidates,
        ion=ion.value,
        model=bundle.load_model(model),
        **{name: limit for name, limit in limits.items() if limit is not None},
    )
    if table.empty:
        print("mlsse: no candidate to rank: name some in a --from FILE", file=sys.stderr)
        raise typer.Exit(2)
    uncoated = "uncoated_reaction_energy_ev_per_atom"
    rows = _rows_of(table)
    # What cannot be computed is no candidate of any rank: it is shown whatever the number.
    usable = [row for row in rows if not row["error"]]
    rows = usable[:top] + [row for row in rows if row["error"]]
    for row in rows:
        row[uncoated] = None if row["error"] else float(table.attrs[uncoated])

    def print_table(rows: Sequence[Row], console: Console) -> None:
        thermodynamic_tables.print_coatings(
            rows, console, cathode=cathode, electrolyte=electrolyte, n_ranked=len(usable)
        )

    _show(rows, chosen_format(format_), print_table)


#: What `mlsse.cli` registers, in the order of the help.
COMMANDS = (hull, window, interface, coatings)


def _ion_of(formula: str, otherwise: str | None = None) -> str:
    """The first of the known ions in a formula."""
    from mlsse.formulas import parse_formula

    amounts = parse_formula(formula).amounts
    found = next((ion.value for ion in Ion if ion in amounts), otherwise)
    if found is None:
        raise FormulaError(
            f"formula {formula!r}: it has none of Li, Na and K, so no window", text=formula
        )
    return found


def _collect(
    kind: type[Result], items: Iterable[dict[str, str]], compute: Callable[..., Any]
) -> tuple[list[Row], list[Result]]:
    """Compute each item: a row for each, one with its error where there is none, and results."""
    empty = dict.fromkeys([*(field.name for field in fields(kind)), "error"])  # type: ignore[arg-type]
    rows: list[Row] = []
    found = []
    for item in items:
        try:
            result = compute(*item.values())
        except (FormulaError, ConditionError) as error:
            rows.append(empty | item | {"error": str(error)})
        else:
            rows.append(asdict(result) | {"error": None})
            found.append(result)
    return rows, found


def _rows_of(table: Any) -> list[Row]:
    """Rows of a data frame, None where a cell is empty."""
    return [
        {name: None if isinstance(v, float) and v != v else v for name, v in row.items()}
        for row in table.to_dict("records")
    ]


def _check_plot(plot: Path | None) -> None:
    """Refuse a file that cannot be drawn before anything is computed."""
    if plot is not None:
        from mlsse import plots

        plots.check_path(plot)


def _show(
    rows: Sequence[Row], format_: Format, print_table: Callable[[Sequence[Row], Console], None]
) -> None:
    """Print rows, and exit with 2 if none is usable."""
    _print(rows, format_, print_table)
    if all(row["error"] for row in rows):
        raise typer.Exit(2)


def _print(
    rows: Sequence[Row], format_: Format, print_table: Callable[[Sequence[Row], Console], None]
) -> None:
    from mlsse import tables

    if format_ is Format.TABLE:
        print_table(rows, terminal())
    elif format_ is Format.CSV:
        columns = [name for name in rows[0] if name not in _NOT_IN_CSV]
        tables.write_csv(rows, columns, sys.stdout)
    else:
        tables.write_json(rows, sys.stdout, lines=format_ is Format.JSONL)
