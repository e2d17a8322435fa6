"""The columns of a screen as the explorer shows them: axes, cells of a table, a CSV file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dash.development.base_component import Component

from mlsse.explorer import theme
from mlsse.explorer.parts import table
from mlsse.explorer.screen_selection import HeldScreen, Selection, as_frame
from mlsse.explorer.texts import unbroken
from mlsse.explorer.uploads import safe_cell


@dataclass(frozen=True)
class Column:
    """A column of a screen as the page shows it.

    Attributes
    ----------
    heading : str
        Quantity of an axis, heading of the table.
    unit : str or None
    digits : int
        Behind the point.
    aim : {"max", "min", ""}
        Which way is better; empty for what is no objective.
    """

    heading: str
    unit: str | None
    digits: int = 2
    aim: str = ""

    @property
    def axis(self) -> theme.Axis:
        """As an axis."""
        return theme.Axis(self.heading, self.unit)


NUMBERS = {
    "log10_conductivity": Column("log10 of conductivity", "S/cm", aim="max"),
    "log10_conductivity_lower": Column(
        "log10 of conductivity, lower end (90 %)", "S/cm", aim="max"
    ),
    "log10_conductivity_upper": Column("log10 of conductivity, upper end (90 %)", "S/cm"),
    "superionic_probability": Column("chance of 1e-4 S/cm", None, aim="max"),
    "activation_energy_ev": Column("activation energy", "eV", aim="min"),
    "e_hull_ev_per_atom": Column("energy above hull", "eV/atom", 3, aim="min"),
    "stable_probability": Column("chance of being stable", None, aim="max"),
    "metastable_probability": Column("chance of being metastable", None, aim="max"),
    "reduction_limit_v": Column("reduction limit", "V", aim="min"),
    "oxidation_limit_v": Column("oxidation limit", "V", aim="max"),
    "nearest_known_distance": Column("distance from what is known", "places", aim="max"),
}
WORDS = ("in_domain", "nearest_known_formula")
#: Column of the file that tells of the Pareto front.
FRONT = "on_front"


def objectives(screen: HeldScreen) -> list[str]:
    """Columns that can be axes."""
    present = screen.number_columns
    return [name for name, column in NUMBERS.items() if column.aim and name in present]


def columns_shown(screen: HeldScreen) -> list[str]:
    """Columns of the table and of the file, in their order."""
    present = screen.table.column_names
    wanted = ("formula", *NUMBERS, *WORDS)
    return [name for name in wanted if name in present]


def row_table(screen: HeldScreen, shown: Selection) -> Component:
    """The rows as a table: the columns of the file, rounded, those of one quantity in one cell."""
    frame = as_frame(screen, shown.rows, columns_shown(screen))
    cells = [cell for cell in _CELLS if all(name in frame for name in cell.columns)]
    rows = [
        [unbroken(cell.text(record)) for cell in cells] + ["yes" if front else "no"]
        for record, front in zip(frame.to_dict("records"), shown.on_front, strict=True)
    ]
    headings = [*(cell.heading for cell in cells), "On the front"]
    return table("Selected candidates", headings, rows, id_="screen-table")


@dataclass(frozen=True)
class Cell:
    """A column of the table, which may show several of the file.

    Attributes
    ----------
    heading : str
    columns : tuple of str
    form : str
        With a place for each of them.
    """

    heading: str
    columns: tuple[str, ...]
    form: str = "{}"

    def text(self, record: Mapping[str, Any]) -> str:
        """The cell of a row."""
        return self.form.format(*(_shown(name, record[name]) for name in self.columns))


_CELLS = (
    Cell("Formula", ("formula",)),
    Cell(
        "log10 of conductivity / (S/cm), 90 % interval",
        ("log10_conductivity", "log10_conductivity_lower", "log10_conductivity_upper"),
        "{} ({} to {})",
    ),
    Cell("Chance of 1e-4 S/cm", ("superionic_probability",)),
    Cell("Activation energy / eV", ("activation_energy_ev",)),
    Cell("Energy above hull / (eV/atom)", ("e_hull_ev_per_atom",)),
    Cell("Chance of being stable", ("stable_probability",)),
    Cell("... metastable", ("metastable_probability",)),
    Cell("Window / V", ("reduction_limit_v", "oxidation_limit_v"), "{} to {}"),
    Cell("In domain", ("in_domain",)),
    Cell(
        "Nearest known and its distance / places",
        ("nearest_known_formula", "nearest_known_distance"),
        "{}, {}",
    ),
)


def _shown(name: str, value: Any) -> str:
    if value is None or value != value:
        return "-"
    if name in NUMBERS:
        return f"{value:.{NUMBERS[name].digits}f}"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def as_csv(screen: HeldScreen, found: Selection) -> str:
    """The rows as CSV with the names of the score card, numbers in full.

    A cell that a spreadsheet would take for a command is quoted.
    """
    frame = as_frame(screen, found.rows, columns_shown(screen))
    for name in frame.columns:
        if name not in NUMBERS:
            frame[name] = [safe_cell(value) for value in frame[name]]
    frame[FRONT] = found.on_front
    out = io.StringIO()
    frame.to_csv(out, index=False, lineterminator="\n")
    return out.getvalue()
