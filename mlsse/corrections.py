"""Corrections of published measurements, row by row, each with its reason.

The list is `data/conductivity_corrections.csv`. It is applied when the conductivity table is
merged; a source that is read by itself stays as it was published. A correction that does not
meet the very value that it was written for is an error, so that a new edition of a source
cannot be corrected by an old list. Rows of the official test split are never corrected.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlsse.cleaning import MOBILE_IONS, Sieve, records
from mlsse.errors import DatasetError
from mlsse.formulas import parse_formula
from mlsse.merging import PREFERENCE

#: What stands in place of a new value where the row goes.
DROP = "drop"
NUMBERS = ("conductivity_s_per_cm", "temperature_k", "activation_energy_ev")
TEXTS = ("formula", "censored", "conductivity_kind")
_FIELDS = ("source", "source_id", "column", "old_value", "new_value", "reason")
#: Relative difference up to which a published number is the one that is meant.
_SAME_NUMBER = 1e-6


@dataclass(frozen=True, slots=True)
class Correction:
    """One changed value, or one row that goes.

    Attributes
    ----------
    source, source_id : str
        The row, by the columns of the canonical table.
    column : str
        One of `NUMBERS` or `TEXTS`, in the unit of the canonical table.
    old_value : str
        What the source has.
    new_value : str
        What is right, or `DROP`.
    reason : str
        How that is known.
    """

    source: str
    source_id: str
    column: str
    old_value: str
    new_value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source} {self.source_id}, {self.column} {self.old_value} -> {self.new_value}"

    def meets(self, row: dict[str, object]) -> bool:
        """Whether a row of the source is the one that is meant, old value included."""
        if row["source_id"] != self.source_id:
            return False
        found = row[self.column]
        if self.column in TEXTS:
            return found == self.old_value
        return math.isclose(float(str(found)), float(self.old_value), rel_tol=_SAME_NUMBER)


def read_corrections(path: Path) -> list[Correction]:
    """Read a list of corrections.

    Parameters
    ----------
    path : pathlib.Path
        CSV with the columns ``source``, ``source_id``, ``column``, ``old_value``,
        ``new_value`` and ``reason``.

    Returns
    -------
    list of Correction

    Raises
    ------
    DatasetError
        If a line has a blank, an unknown source, a column that cannot be corrected, a number
        that is none, or corrects a value that an earlier line has corrected.
    """
    found: dict[tuple[str, ...], Correction] = {}
    for number, row in enumerate(records(path), start=2):
        place = f"{path}, line {number}"
        if set(row) != set(_FIELDS) or not all(row.values()):
            raise DatasetError(f"{place}: expected {', '.join(_FIELDS)}, none of them blank")
        one = Correction(**row)
        if one.source not in PREFERENCE:
            raise DatasetError(f"{place}: no source {one.source!r}: {', '.join(PREFERENCE)}")
        if one.column not in (*NUMBERS, *TEXTS):
            raise DatasetError(
                f"{place}: column {one.column!r} cannot be corrected: choose one of "
                f"{', '.join((*NUMBERS, *TEXTS))}"
            )
        if one.column in NUMBERS:
            for text in {one.old_value, one.new_value} - {DROP}:
                try:
                    float(text)
                except ValueError:
                    raise DatasetError(f"{place}: {text!r} is no number") from None
        key = (one.source, one.source_id, one.column, one.old_value)
        if key in found:
            raise DatasetError(f"{place}: {one} corrects what an earlier line corrects")
        found[key] = one
    return list(found.values())


def apply_corrections(
    sieve: Sieve, corrections: Iterable[Correction]
) -> tuple[Counter[str], Counter[str]]:
    """Correct the rows of one source in place.

    Parameters
    ----------
    sieve : Sieve
        Measurements of one source.
    corrections : iterable of Correction
        Those of this source.

    Returns
    -------
    dropped : collections.Counter
        Reason, with the name of the source, to number of rows that go.
    notes : collections.Counter
        Column to number of values that were changed.

    Raises
    ------
    DatasetError
        If no row, or more than one, has the old value, or the row is one of the official test
        split.
    FormulaError
        If a new formula cannot be read.
    """
    dropped: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    gone: set[int] = set()
    for one in corrections:
        places = [i for i, row in enumerate(sieve.rows) if i not in gone and one.meets(row)]
        if len(places) != 1:
            have = [row[one.column] for row in sieve.rows if row["source_id"] == one.source_id]
            raise DatasetError(
                f"correction of {one}: expected one row with the old value, found {len(places)}; "
                f"the source has {have}: mend conductivity_corrections.csv"
            )
        (place,) = places
        row = sieve.rows[place]
        if row["split"] == "test":
            raise DatasetError(
                f"correction of {one}: a row of the official test split stays as it is published"
            )
        if one.new_value == DROP:
            gone.add(place)
            dropped[f"{one.source}: known to be wrong"] += 1
            continue
        notes[f"{one.column} corrected"] += 1
        if one.column == "formula":
            formula = parse_formula(one.new_value)
            sieve.formulas[place] = formula
            row |= {
                "formula": formula.text,
                "reduced_formula": formula.reduced_formula,
                "normal_form": formula.normal_form,
                "mobile_ion": next((ion for ion in MOBILE_IONS if ion in formula.amounts), ""),
            }
        elif one.column in TEXTS:
            row[one.column] = one.new_value
        else:
            row[one.column] = float(one.new_value)
            if one.column == "conductivity_s_per_cm":
                row["log10_conductivity"] = math.log10(float(one.new_value))
    stay = [i for i in range(len(sieve.rows)) if i not in gone]
    sieve.rows = [sieve.rows[i] for i in stay]
    sieve.papers = [sieve.papers[i] for i in stay]
    sieve.formulas = [sieve.formulas[i] for i in stay]
    return dropped, notes
