"""New measurements in CSV files: each row is checked, the good ones are used.

The columns are those of the conductivity table (`mlsse data info conductivity`). ``formula``,
``conductivity_s_per_cm`` and ``temperature_k`` are needed; what follows from the formula is
worked out anew. An empty ``doi`` stands for a measurement of one's own.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlsse.cleaning import PLAUSIBLE_S_PER_CM, Sieve, find_dois, paper_keys
from mlsse.compositions import composition_vectors
from mlsse.downloads import describe
from mlsse.errors import DatasetError, FormulaError
from mlsse.formulas import parse_formula
from mlsse.merging import merge_measurements

if TYPE_CHECKING:
    from pandas import DataFrame
    from pandera.pandas import DataFrameSchema

#: What the column ``source`` says of new rows.
SOURCE = "new"
#: Below it a temperature was given in degrees Celsius, above it nothing was ever measured.
PLAUSIBLE_K = (150.0, 1500.0)
PLAUSIBLE_EV = (0.0, 3.0)
_NEEDED = ("formula", "conductivity_s_per_cm", "temperature_k")
_NUMBERS = ("conductivity_s_per_cm", "temperature_k", "activation_energy_ev")
_KINDS = ("total", "bulk", "unstated")
_LOG10_SLACK = 0.01
#: What a row says; where it comes from is no part of it.
_CONTENT = (
    "normal_form", "conductivity_s_per_cm", "censored", "temperature_k", "activation_energy_ev",
    "conductivity_kind", "doi",
)  # fmt: skip


@dataclass(frozen=True)
class RejectedRow:
    """A row that is not used.

    Attributes
    ----------
    file : str
    line : int
        Counted from one; the header is the first.
    formula : str
    reasons : tuple of str
    """

    file: str
    line: int
    formula: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class NewData:
    """New measurements that can be used, and those that cannot.

    Attributes
    ----------
    table : pandas.DataFrame
        Canonical columns; ``source`` is ``new``, ``source_id`` file and line.
    rejected : tuple of RejectedRow
    """

    table: DataFrame
    rejected: tuple[RejectedRow, ...]

    def __len__(self) -> int:
        """Count of rows that can be used."""
        return len(self.table)


def read_new_data(files: Sequence[str | Path]) -> NewData:
    """Read CSV files of new measurements.

    Parameters
    ----------
    files : sequence of str or pathlib.Path
        UTF-8, a header of canonical column names, one measurement a row.

    Returns
    -------
    NewData

    Raises
    ------
    DatasetError
        If a file cannot be read, lacks a needed column or has an unknown one.
    """
    sieve = Sieve()
    rejected: list[RejectedRow] = []
    for file in map(Path, files):
        lines, rows = _read_rows(file)
        reasons = _faults(rows)
        for i, (line, row) in enumerate(zip(lines, rows, strict=True)):
            if reasons[i]:
                rejected.append(RejectedRow(file.name, line, row["formula"], tuple(reasons[i])))
            else:
                _take(sieve, row, f"{file.name}:{line}")
    return NewData(sieve.frame(describe("conductivity")), tuple(rejected))


def without_known(new: NewData, known: DataFrame) -> NewData:
    """Leave out what repeats or contradicts a known measurement, or an earlier new one.

    Parameters
    ----------
    new : NewData
    known : pandas.DataFrame
        Canonical columns, as `mlsse.datasets.load_dataset` gives the conductivity table.

    Returns
    -------
    NewData
        The rule is that of `mlsse.merging.merge_measurements`; new rows are the last to be
        believed.
    """
    import pandas as pd

    table = pd.concat([known, new.table], ignore_index=True) if len(new) else known
    merged = merge_measurements(
        table,
        papers=[paper_keys(doi) for doi in table["doi"]],
        compositions=composition_vectors(table["formula"]),
    )
    is_known = merged.frame["source"] != SOURCE
    rejected = list(new.rejected)
    for row, reason in merged.reasons.items():
        if row >= len(known):
            file, _, line = str(table["source_id"][row]).rpartition(":")
            rejected.append(RejectedRow(file, int(line), str(table["formula"][row]), (reason,)))
    kept = merged.frame[~is_known].reset_index(drop=True)
    return NewData(kept, tuple(sorted(rejected, key=lambda row: (row.file, row.line))))


def digest(table: DataFrame) -> str:
    """Sha256 of what the new rows say, whatever their order and their files' names; "" for none."""
    if table.empty:
        return ""
    rows = sorted(repr(tuple(row)) for row in table[list(_CONTENT)].to_numpy(object))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _read_rows(file: Path) -> tuple[list[int], list[dict[str, str]]]:
    """Lines of a file and what stands on them, blanks stripped."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="", restval="", strict=True)
            _check_columns(file, list(reader.fieldnames or ()))
            lines, rows = [], []
            for row in reader:
                if row.pop("", None):
                    raise DatasetError(
                        f"{file}, line {reader.line_num} has more cells than the header: quote "
                        "cells that hold a comma"
                    )
                lines.append(reader.line_num)
                rows.append({name: text.strip() for name, text in row.items()})
    except OSError as error:
        raise DatasetError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file} is not UTF-8 text: byte {error.start}") from error
    except csv.Error as error:
        raise DatasetError(f"{file}, line {reader.line_num} is no CSV: {error}") from error
    if not rows:
        raise DatasetError(f"{file} has no row below its header")
    return lines, rows


def _check_columns(file: Path, names: list[str]) -> None:
    known = list(describe("conductivity").columns)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DatasetError(
            f"{file}: unknown column {unknown[0]!r}; known ones are {', '.join(known)}: rename it "
            "or leave it out"
        )
    for name in _NEEDED:
        if name not in names:
            raise DatasetError(f"{file}: the column {name!r} is missing")
    if len(set(names)) < len(names):
        raise DatasetError(f"{file}: a column stands twice in the header: leave one out")


def _schema() -> DataFrameSchema:
    """What a row has to fulfil, one column at a time."""
    from pandera.pandas import Check, Column, DataFrameSchema

    def within(limits: tuple[float, float], unit: str) -> Check:
        return Check.in_range(*limits, error=f"expected {limits[0]:g} to {limits[1]:g} {unit}")

    return DataFrameSchema(
        {
            "formula": Column(
                checks=Check(lambda text: not _formula_fault(text), element_wise=True)
            ),
            "conductivity_s_per_cm": Column(float, within(PLAUSIBLE_S_PER_CM, "S/cm")),
            "temperature_k": Column(float, within(PLAUSIBLE_K, "K")),
            "activation_energy_ev": Column(float, within(PLAUSIBLE_EV, "eV"), nullable=True),
            "censored": Column(
                checks=Check.isin(
                    ["none", "upper"],
                    error="expected none or upper (lower bounds are not learned from)",
                )
            ),
            "conductivity_kind": Column(
                checks=Check.isin(_KINDS, error=f"expected {', '.join(_KINDS)}")
            ),
            "doi": Column(
                checks=Check(
                    lambda text: not text or bool(find_dois(text)),
                    element_wise=True,
                    error="expected a DOI such as 10.1000/182, or nothing",
                )
            ),
        }
    )


def _faults(rows: list[dict[str, str]]) -> list[list[str]]:
    """What is wrong with each row."""
    import pandas as pd
    from pandera.errors import SchemaErrors

    for row in rows:
        row["censored"] = row.get("censored") or "none"
        row["conductivity_kind"] = row.get("conductivity_kind") or "unstated"
        row.setdefault("doi", "")
        row.setdefault("activation_energy_ev", "")
    table = pd.DataFrame(rows, dtype=object)
    for name in _NUMBERS:
        # A text that is no number must not pass for an empty cell: infinity is out of any range.
        table[name] = [_number(text) for text in table[name]]
    reasons: list[list[str]] = [[] for _ in rows]
    try:
        _schema().validate(table, lazy=True)
    except SchemaErrors as errors:
        for fault in errors.failure_cases.itertuples():
            if fault.index is None or pd.isna(fault.index):
                raise DatasetError(f"column {fault.column!r}: {fault.check}") from errors
            i = int(fault.index)
            text = rows[i][fault.column]
            what = _formula_fault(text) if fault.column == "formula" else str(fault.check)
            if what == "not_nullable":
                what = "expected a number"
            reasons[i].append(f"{fault.column} {text!r}: {what}")
    for i, row in enumerate(rows):
        stated = row.get("log10_conductivity", "")
        value = table["conductivity_s_per_cm"][i]
        if stated and not reasons[i]:
            number = _number(stated)
            if not abs(number - math.log10(value)) <= _LOG10_SLACK:
                reasons[i].append(
                    f"log10_conductivity {stated!r} is not that of {value:g} S/cm: correct one of "
                    "the two or leave log10_conductivity out"
                )
    return reasons


def _number(text: str) -> float:
    """Number of a cell: NaN for an empty one, infinity for a text that is none."""
    if not text:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(number) else number


def _formula_fault(text: str) -> str:
    """Why a formula cannot be used; "" if it can."""
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        return str(error)
    return "" if "Li" in formula.amounts else "no lithium: the data hold lithium conductors"


def _take(sieve: Sieve, row: dict[str, str], source_id: str) -> None:
    """Add a row that was checked."""
    doi = find_dois(row["doi"])
    sieve.add_measurement(
        parse_formula(row["formula"]),
        conductivity=float(row["conductivity_s_per_cm"]),
        censored=row["censored"],
        papers=paper_keys(doi),
        temperature_k=float(row["temperature_k"]),
        activation_energy_ev=_number(row["activation_energy_ev"]),
        conductivity_kind=row["conductivity_kind"],
        family=row.get("family", "").lower(),
        doi=doi,
        source=SOURCE,
        source_id=source_id,
    )
