"""Public datasets, read to canonical columns, with an account of every row that is dropped.

`load_dataset` gives a table, `cleaning_report` what happened to the rows on the way. Where
the files come from is the business of `downloads`, whose functions are named here too.

References
----------
The registry (`describe`) holds licence, citation and DOI of each dataset.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlsse import laskowski
from mlsse.charges import is_charge_balanced
from mlsse.cleaning import CleaningReport, Sieve, find_dois, paper_keys, records
from mlsse.compositions import composition_vectors
from mlsse.corrections import apply_corrections, read_corrections
from mlsse.downloads import (
    DatasetEntry,
    FileEntry,
    FileStatus,
    describe,
    fetch,
    list_datasets,
    verify,
)
from mlsse.errors import DatasetError, FormulaError
from mlsse.formulas import Formula, parse_formula
from mlsse.merging import merge_measurements

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "CleaningReport",
    "DatasetEntry",
    "FileEntry",
    "FileStatus",
    "cleaning_report",
    "describe",
    "fetch",
    "list_datasets",
    "load_dataset",
    "verify",
]

ROOM_TEMPERATURE_K = 298.15
ZERO_CELSIUS_K = 273.15
#: Part by which the lithium of a compound may be off neutrality in Laskowski's table.
LITHIUM_SLACK = 0.1
#: Name of the file with the corrections of a part of the merged table.
CORRECTIONS = "corrections"


def load_dataset(name: str, *, parts: Collection[str] | None = None) -> DataFrame:
    """Read a dataset to its canonical columns, fetching its files if need be.

    Parameters
    ----------
    name : str
        One of `list_datasets`. ``conductivity`` is the merged table of OBELiX, Liverpool,
        Laskowski and the reviews: one row a measurement, the rule in `merge_measurements`,
        and known errors of the sources mended or left out. A part by itself is as published.
    parts : collection of str, optional
        Of a merged dataset, the parts to merge, such as ``["obelix", "liverpool"]``; all
        by default. Nothing of the others is in the table, not even a filled-in blank.

    Returns
    -------
    pandas.DataFrame of shape (n_rows, n_columns)
        Columns and units as in ``describe(name).columns``. In the conductivity tables
        ``censored`` is ``upper`` or ``lower`` where the value is a bound; ``doi`` is lower
        case, several joined by ``|``; an absent activation energy is NaN, an absent text "".

    Raises
    ------
    DatasetError
        If there is no such dataset or part, or a file does not hold what the registry says.
    DataUnavailableError
        If a file can be had neither from a mirror, nor the cache, nor the network.

    Examples
    --------
    >>> table = load_dataset("review_conductivity")
    >>> table.loc[table["formula"] == "Li6PS5Cl", "conductivity_s_per_cm"].tolist()
    [0.002]
    """
    return _read(name, parts)[0]


def cleaning_report(name: str, *, parts: Collection[str] | None = None) -> CleaningReport:
    """What `load_dataset` drops and why, with counts.

    Parameters
    ----------
    name : str
    parts : collection of str, optional
        As in `load_dataset`.

    Returns
    -------
    CleaningReport

    Raises
    ------
    DatasetError, DataUnavailableError
        As `load_dataset`.
    """
    return _read(name, parts)[1]


def _read(name: str, parts: Collection[str] | None) -> tuple[DataFrame, CleaningReport]:
    entry = describe(name)
    unknown = set(parts or ()) - set(entry.parts)
    if unknown or (parts is not None and not parts):
        raise DatasetError(
            f"dataset {name!r} has no parts {sorted(unknown)}: choose one or more of "
            f"{', '.join(entry.parts) or 'none, it is not a merged one'}"
        )
    if entry.parts:
        return _merge(entry, [p for p in entry.parts if parts is None or p in parts])
    sieve = _READERS[name](entry, fetch(name))
    return sieve.frame(entry), sieve.report(entry)


def _optional_number(text: str) -> float:
    return float(text) if text.strip() else math.nan


def _read_obelix(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    sieve = Sieve()
    for split in ("train", "test"):
        for row in records(paths[split]):
            value, is_bound = laskowski.read_number(row["Ionic conductivity (S cm-1)"])
            kind = "total" if row["IC (Total)"] else "bulk" if row["IC (Bulk)"] else "unstated"
            doi = find_dois(row["DOI"])
            sieve.add_measurement(
                parse_formula(row["Reduced Composition"].strip()),
                conductivity=value,
                censored="upper" if is_bound else "none",
                papers=paper_keys(doi, row["Laskowski ID"].removesuffix(".0")),
                temperature_k=ROOM_TEMPERATURE_K,
                activation_energy_ev=math.nan,
                conductivity_kind=kind,
                family=row["Family"].lower(),
                doi=doi,
                source="obelix",
                source_id=row["ID"],
                split=split,
            )
    return sieve


def _read_liverpool(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    sieve = Sieve()
    for row in records(paths["table"]):
        doi = find_dois(row["source"])
        sieve.add_measurement(
            parse_formula(row["composition"].strip().strip('"')),
            conductivity=float(row["target"]),
            papers=paper_keys(doi),
            temperature_k=float(row["temperature"]) + ZERO_CELSIUS_K,
            activation_energy_ev=math.nan,
            conductivity_kind="unstated",
            family=row["family"].lower(),
            doi=doi,
            source="liverpool",
            source_id=row["ID"],
        )
    return sieve


def _read_laskowski(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    sieve = Sieve()
    dois = {row["ref. number"]: find_dois(row["DOI"]) for row in records(paths["references"])}
    with paths["table"].open(encoding="utf-8", newline="") as stream:
        table, n_debris = laskowski.read_entries(stream)
    sieve.notes["lines with a phase label or a stray number, not read"] = n_debris
    for item in table:
        example = f"line {item.line}: {item.formula}"
        misprint = laskowski.MISPRINTS.get((item.reference, item.formula))
        if misprint:
            sieve.drop(misprint, example)
            continue
        try:
            text = laskowski.legible_formula(item.formula)
            formula = parse_formula(text)
        except laskowski.IllegibleError as error:
            sieve.drop(str(error), example)
            continue
        except FormulaError:
            sieve.drop("not a formula", example)
            continue
        is_mixture = text != "".join(item.formula.split())
        if not _could_be_neutral(formula, lithium_slack=0.0 if is_mixture else LITHIUM_SLACK):
            sieve.drop("formula is not charge-balanced", example)
            continue
        value, is_bound = laskowski.read_number(item.conductivity)
        energy = item.activation_energy
        doi = "|".join(filter(None, map(dois.get, item.reference.split("-"))))
        sieve.add_measurement(
            formula,
            conductivity=value,
            censored="upper" if is_bound else "none",
            papers=paper_keys(doi, item.reference),
            temperature_k=ROOM_TEMPERATURE_K,
            activation_energy_ev=laskowski.read_number(energy)[0] if energy else math.nan,
            conductivity_kind="unstated",
            family="",
            doi=doi,
            source="laskowski",
            source_id=f"{item.reference}/{item.line}",
        )
    return sieve


def _could_be_neutral(formula: Formula, *, lithium_slack: float) -> bool:
    """Whether lithium within a part of its amount makes the formula neutral.

    Lithium is what such tables give least exactly: lost in sintering, or nominal beside
    amounts that were measured. A larger charge is a misprint.
    """
    if is_charge_balanced(formula) is not False:
        return True
    lithium = formula.amounts.get("Li", 0.0)
    if not (lithium and lithium_slack):
        return False
    return any(
        is_charge_balanced(replace(formula, amounts={**formula.amounts, "Li": amount})) is not False
        for amount in lithium * (1 + np.linspace(-lithium_slack, lithium_slack, 11))
    )


def _read_review_conductivity(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    sieve = Sieve()
    for number, row in enumerate(records(paths["table"]), start=1):
        if not row["formula"]:
            sieve.drop("a class, a polymer or a liquid: no formula", row["material"])
        elif not row["conductivity_s_per_cm"]:
            sieve.drop("activation energy alone", row["material"])
        elif row["doubtful"] == "yes":
            sieve.drop("value marked as doubtful", row["material"])
        elif not row["temperature_c"]:
            sieve.drop("temperature unstated", row["material"])
        elif row["qualifier"] not in ("=", "~", ">", "<"):
            sieve.drop("a range or a best value: no single measurement", row["material"])
        else:
            doi = find_dois(row["reference_doi"])
            sieve.add_measurement(
                parse_formula(row["formula"]),
                conductivity=float(row["conductivity_s_per_cm"]),
                censored={">": "lower", "<": "upper"}.get(row["qualifier"], "none"),
                papers=paper_keys(doi),
                temperature_k=float(row["temperature_c"]) + ZERO_CELSIUS_K,
                activation_energy_ev=_optional_number(row["activation_energy_ev"]),
                conductivity_kind=row["conductivity_kind"],
                family=row["family"].lower(),
                doi=doi,
                source="reviews",
                source_id=str(number),
            )
    return sieve


def _read_critexam(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    sieve = Sieve()
    for split in ("train", "val", "test"):
        formation = list(records(paths[f"formation_{split}"]))
        decomposition = list(records(paths[f"decomposition_{split}"]))
        if [row["formula"] for row in formation] != [row["formula"] for row in decomposition]:
            raise DatasetError(
                f"dataset 'critexam': the two energies of {split} are not of the same formulas"
            )
        for one, other in zip(formation, decomposition, strict=True):
            sieve.rows.append(
                {
                    "formula": one["formula"],
                    "reduced_formula": parse_formula(one["formula"]).reduced_formula,
                    "formation_energy_ev_per_atom": float(one["target"]),
                    "decomposition_energy_ev_per_atom": float(other["target"]),
                    "split": split,
                }
            )
    return sieve


def _read_property(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    """Tables of formula and target; the files are the splits."""
    sieve = Sieve()
    (column,) = [name for name, unit in entry.columns.items() if unit]
    for split, path in paths.items():
        for row in records(path):
            try:
                formula = parse_formula(row["formula"])
            except FormulaError:
                sieve.drop("not a formula", row["formula"])
                continue
            sieve.rows.append(
                {
                    "formula": row["formula"],
                    "reduced_formula": formula.reduced_formula,
                    column: float(row["target"]),
                    "split": split,
                }
            )
    return sieve


def _read_review_properties(entry: DatasetEntry, paths: Mapping[str, Path]) -> Sieve:
    sieve = Sieve()
    for row in records(paths["table"]):
        formula = row["formula"]
        try:
            number = float(row["value"])
        except ValueError:
            number = math.nan
        sieve.rows.append(
            {
                **row,
                "reduced_formula": parse_formula(formula).reduced_formula if formula else "",
                "value": number,
                "value_text": row["value"],
                "doi": find_dois(row["reference_doi"]),
            }
        )
    return sieve


_READERS: Mapping[str, Callable[[DatasetEntry, Mapping[str, Path]], Sieve]] = {
    "obelix": _read_obelix,
    "liverpool": _read_liverpool,
    "laskowski": _read_laskowski,
    "review_conductivity": _read_review_conductivity,
    "critexam": _read_critexam,
    "bulk_modulus": _read_property,
    "shear_modulus": _read_property,
    "band_gap": _read_property,
    "review_properties": _read_review_properties,
}


def _merge(entry: DatasetEntry, names: Iterable[str]) -> tuple[DataFrame, CleaningReport]:
    import pandas as pd

    parts = [describe(name) for name in names]
    paths = [fetch(part.name) for part in parts]
    sieves = [_READERS[p.name](p, files) for p, files in zip(parts, paths, strict=True)]
    reports = [sieve.report(part) for sieve, part in zip(sieves, parts, strict=True)]
    dropped: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for sieve, files in zip(sieves, paths, strict=True):
        if CORRECTIONS in files:
            of_part = {row["source"] for row in sieve.rows}
            listed = read_corrections(files[CORRECTIONS])
            gone, mended = apply_corrections(sieve, [c for c in listed if c.source in of_part])
            dropped += gone
            notes += mended
    frames = [sieve.frame(part) for sieve, part in zip(sieves, parts, strict=True)]
    merged = merge_measurements(
        pd.concat(frames, ignore_index=True),
        papers=[paper for sieve in sieves for paper in sieve.papers],
        compositions=composition_vectors([f for sieve in sieves for f in sieve.formulas]),
    )
    report = CleaningReport(
        name=entry.name,
        rows_read=sum(r.rows_kept for r in reports),
        rows_kept=len(merged.frame),
        dropped=dict((dropped + merged.dropped).most_common()),
        notes={
            **notes,
            **{f"{column} filled in from a duplicate": n for column, n in merged.filled.items()},
        },
        parts=tuple(reports),
    )
    return merged.frame, report
