"""Corrections: applied to the row that is meant, and to no other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mlsse.charges import is_charge_balanced
from mlsse.cleaning import Sieve
from mlsse.corrections import DROP, Correction, apply_corrections, read_corrections
from mlsse.datasets import cleaning_report, describe, load_dataset
from mlsse.errors import DatasetError
from mlsse.formulas import parse_formula
from mlsse.paths import resource_folder

SHIPPED = resource_folder("data") / "conductivity_corrections.csv"
HEADER = "source,source_id,column,old_value,new_value,reason\n"


def _sieve() -> Sieve:
    sieve = Sieve()
    for number, (formula, value, split) in enumerate(
        [("Li3PS4", 2e-4, ""), ("Li1.3Al0.3Ti1.7(PO4)", 7e-4, ""), ("Li6PS5Cl", 1e-3, "test"),
         ("Li3N", 5e-4, ""), ("Li3N", 6e-4, "")]
    ):  # fmt: skip
        sieve.add_measurement(
            parse_formula(formula),
            conductivity=value,
            papers=frozenset({f"10.1/{number}"}),
            temperature_k=298.15,
            activation_energy_ev=0.3,
            conductivity_kind="unstated",
            source="liverpool",
            source_id=str(min(number, 3)),  # the two of Li3N share a number
        )
        sieve.rows[-1]["split"] = split
    return sieve


def _correction(**changes: str) -> Correction:
    usual = {
        "source": "liverpool", "source_id": "0", "column": "conductivity_s_per_cm",
        "old_value": "2E-04", "new_value": "2e-6", "reason": "an exponent",
    }  # fmt: skip
    return Correction(**{**usual, **changes})


def test_a_value_changes_with_its_logarithm() -> None:
    sieve = _sieve()
    dropped, notes = apply_corrections(sieve, [_correction()])
    assert sieve.rows[0]["conductivity_s_per_cm"] == 2e-6
    assert sieve.rows[0]["log10_conductivity"] == pytest.approx(-5.69897)
    assert (dropped, notes) == (Counter(), Counter({"conductivity_s_per_cm corrected": 1}))


def test_a_formula_changes_with_all_that_follows_from_it() -> None:
    sieve = _sieve()
    new = "Na1.3Al0.3Ti1.7(PO4)3"
    apply_corrections(
        sieve,
        [_correction(source_id="1", column="formula", old_value="Li1.3Al0.3Ti1.7(PO4)",
                     new_value=new)],
    )  # fmt: skip
    formula = parse_formula(new)
    assert sieve.formulas[1] == formula
    row = sieve.rows[1]
    assert (row["formula"], row["mobile_ion"]) == (new, "Na")
    assert row["normal_form"] == formula.normal_form
    assert row["reduced_formula"] == formula.reduced_formula


def test_one_of_two_rows_of_a_number_goes() -> None:
    sieve = _sieve()
    dropped, notes = apply_corrections(
        sieve, [_correction(source_id="3", old_value="6e-4", new_value=DROP)]
    )
    assert [row["conductivity_s_per_cm"] for row in sieve.rows] == [2e-4, 7e-4, 1e-3, 5e-4]
    assert len(sieve.papers) == len(sieve.formulas) == 4
    assert sieve.papers[3] == {"10.1/3"}
    assert dropped == Counter({"liverpool: known to be wrong": 1})
    assert notes == Counter()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"old_value": "3e-4"}, r"expected one row with the old value, found 0; .*0\.0002"),
        ({"source_id": "77"}, r"found 0; the source has \[\]"),
        ({"source_id": "3", "column": "temperature_k", "old_value": "298.15"}, "found 2"),
        ({"source_id": "2", "old_value": "1e-3"}, "official test split stays"),
    ],
)
def test_a_correction_that_does_not_fit_is_an_error(changes: dict[str, str], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        apply_corrections(_sieve(), [_correction(**changes)])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("liverpool,1,doi,a,b,because", "'doi' cannot be corrected"),
        ("liverpool,1,temperature_k,298,warm,because", "'warm' is no number"),
        ("liverpool,1,temperature_k,298,300,", "none of them blank"),
        ("wiki,1,temperature_k,298,300,because", "no source 'wiki'"),
        ("reviews,1,temperature_k,298,300,a\nreviews,1,temperature_k,298,301,b", "earlier line"),
    ],
)
def test_a_list_that_is_wrong_is_an_error(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(HEADER + line + "\n")
    with pytest.raises(DatasetError, match=words):
        read_corrections(path)


def test_shipped_list() -> None:
    corrections = read_corrections(SHIPPED)
    part_of = {"reviews": "review_conductivity"}
    for one in corrections:
        files = describe(part_of.get(one.source, one.source)).files
        assert "corrections" in [file.name for file in files], one
        assert one.old_value != one.new_value
        if one.column == "formula" and one.new_value != DROP:
            assert is_charge_balanced(parse_formula(one.old_value)) is False
            assert is_charge_balanced(parse_formula(one.new_value)) is not False


@pytest.mark.mirror
def test_each_shipped_correction_is_applied_in_the_merged_table_alone() -> None:
    corrections = read_corrections(SHIPPED)
    report = cleaning_report("conductivity")
    notes = sum(n for name, n in report.notes.items() if name.endswith(" corrected"))
    gone = sum(n for name, n in report.dropped.items() if name.endswith("known to be wrong"))
    assert notes + gone == len(corrections)
    assert gone == sum(one.new_value == DROP for one in corrections)
    published = load_dataset("liverpool").set_index("source_id")
    assert published.loc["42", "temperature_k"] == pytest.approx(576.15)
    merged = load_dataset("conductivity").query("source == 'liverpool'").set_index("source_id")
    assert merged.loc["42", "temperature_k"] == pytest.approx(303.15)
    assert merged.loc["703", "formula"] == "Li6NiBr8"
    assert "607" not in merged.index
