"""From the rows of a published table to rows that are used, with a count of the others."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from mlsse.downloads import DatasetEntry
    from mlsse.formulas import Formula

#: Ionic conductivity of a solid, S/cm; beyond it a table has a misprint.
PLAUSIBLE_S_PER_CM = (1e-25, 1.0)
#: The first of these in a formula is taken for the mobile ion.
MOBILE_IONS = ("Li", "Na", "K", "Ag", "Cu", "Mg", "Ca", "Zn")
_N_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What happened to the rows of a dataset.

    Attributes
    ----------
    name : str
    rows_read, rows_kept : int
        ``rows_read == rows_kept + sum(dropped.values())``.
    dropped : dict of str to int
        Reason to number of rows, the most frequent first.
    examples : dict of str to tuple of str
        Reason to the first few rows that it applies to.
    notes : dict of str to int
        Counts that cost no row: bounds kept as bounds, values filled in.
    parts : tuple of CleaningReport
        Reports of the datasets that this one is merged from.
    """

    name: str
    rows_read: int
    rows_kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    parts: tuple[CleaningReport, ...] = ()


class Sieve:
    """Collects the rows that pass, and counts those that do not.

    Attributes
    ----------
    rows : list of dict
        Canonical column to value.
    formulas : list of Formula
        Of the measurements among the rows, in the same order; so is `papers`.
    papers : list of frozenset of str
        What identifies the paper of a measurement, see `paper_keys`.
    dropped, notes : collections.Counter
        As in `CleaningReport`.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.papers: list[frozenset[str]] = []
        self.formulas: list[Formula] = []
        self.dropped: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.notes: Counter[str] = Counter()

    def drop(self, reason: str, example: str) -> None:
        """Count a row that does not pass."""
        self.dropped[reason] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < _N_EXAMPLES and example not in examples:
            examples.append(example)

    def add_measurement(
        self,
        formula: Formula,
        *,
        conductivity: float,
        censored: str = "none",
        papers: frozenset[str] = frozenset(),
        **columns: object,
    ) -> None:
        """Take a conductivity, unless it is beyond `PLAUSIBLE_S_PER_CM`.

        Parameters
        ----------
        formula : Formula
        conductivity : float
            S/cm.
        censored : {"none", "upper", "lower"}
            Whether the conductivity is a bound.
        papers : frozenset of str
        **columns : object
            The other canonical columns, except those that follow from the formula.
        """
        low, high = PLAUSIBLE_S_PER_CM
        if not low <= conductivity <= high:
            self.drop(
                f"conductivity outside {low:g} to {high:g} S/cm",
                f"{formula.text}: {conductivity:g} S/cm",
            )
            return
        if censored != "none":
            self.notes[f"{censored} bounds kept as bounds"] += 1
        self.formulas.append(formula)
        self.papers.append(papers)
        self.rows.append(
            {
                "formula": formula.text,
                "reduced_formula": formula.reduced_formula,
                "normal_form": formula.normal_form,
                "mobile_ion": next((ion for ion in MOBILE_IONS if ion in formula.amounts), ""),
                "conductivity_s_per_cm": conductivity,
                "log10_conductivity": math.log10(conductivity),
                "censored": censored,
                "split": "",
                **columns,
            }
        )

    def frame(self, entry: DatasetEntry) -> DataFrame:
        """Table of the rows, with the columns of the entry."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(entry.columns))

    def report(self, entry: DatasetEntry) -> CleaningReport:
        """Account of the rows."""
        return CleaningReport(
            name=entry.name,
            rows_read=len(self.rows) + self.dropped.total(),
            rows_kept=len(self.rows),
            dropped=dict(self.dropped.most_common()),
            examples={reason: tuple(texts) for reason, texts in self.examples.items()},
            notes=dict(self.notes),
        )


def records(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV file with a header; a byte-order mark at its start is left out."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.DictReader(stream)


def find_dois(text: str) -> str:
    """DOIs of a cell, lower case, several joined by |; "" if there is none.

    The DOI of a supplement (``.s001``) is that of its article.

    Examples
    --------
    >>> find_dois("https://doi.org/10.1021/JACS.7b06327.s001")
    '10.1021/jacs.7b06327'
    """
    dois = re.findall(r"10\.\d{4,9}/[^\s|]+", text.lower())
    return "|".join(dict.fromkeys(re.sub(r"\.s\d{3}$", "", doi) for doi in dois))


def paper_keys(doi: str, laskowski_reference: str = "") -> frozenset[str]:
    """What identifies the paper of a row: its DOIs, and its number in Laskowski's list."""
    numbered = [f"laskowski:{laskowski_reference}"] if laskowski_reference else []
    return frozenset([*filter(None, doi.split("|")), *numbered])
