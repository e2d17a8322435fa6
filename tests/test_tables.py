"""Results as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from mlsse import tables
from mlsse.datasets import CleaningReport
from mlsse.prediction import SCORE_CARD, Explanation, NearestMaterial


def make_row(**values: object) -> dict[str, object]:
    """A row of the score card, made by hand."""
    row: dict[str, object] = dict.fromkeys(SCORE_CARD)
    row |= {
        "formula": "Li6PS5Cl",
        "temperature_k": 298.15,
        "log10_conductivity": -3.2,
        "log10_conductivity_lower": -5.0,
        "log10_conductivity_upper": -2.0,
        "conductivity_s_per_cm": 10**-3.2,
        "activation_energy_ev": 0.314,
        "superionic_probability": 0.876,
        "in_domain": True,
        "e_hull_ev_per_atom": 0.0314,
        "e_hull_source": "model",
        "reduction_limit_v": 1.71,
        "oxidation_limit_v": 2.14,
        "warnings": [],
    }
    return row | values


def make_error(formula: str, message: str) -> dict[str, object]:
    return dict.fromkeys(SCORE_CARD) | {"formula": formula, "warnings": [], "error": message}


def printed(show: Callable[..., None], *values: object, width: int = 80) -> str:
    stream = io.StringIO()
    show(*values, Console(file=stream, width=width, highlight=False, markup=False))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({}, "yes"),
        ({"warnings": ["polymorphs: several structures"]}, "partly"),
        ({"warnings": ["off_stoichiometry: rounded", "no_window: narrow"]}, "yes"),
        ({"warnings": ["off_stoichiometry: rounded", "polymorphs: several"]}, "partly"),
        ({"in_domain": False, "warnings": ["out_of_domain: far"]}, "no"),
        ({"log10_conductivity": None, "warnings": ["ion_not_covered: Na"]}, "no"),
    ],
)
def test_trust(values: dict[str, object], word: str) -> None:
    assert tables.trust(make_row(**values)) == word


def test_csv_cells() -> None:
    stream = io.StringIO()
    rows = [
        make_row(warnings=["a: one, two", "b: three"]),
        make_row(in_domain=False),
        make_error("Xx", 'no "Xx"'),
    ]
    tables.write_csv(rows, SCORE_CARD, stream)
    header, first, second, third = csv.reader(io.StringIO(stream.getvalue()))
    assert tuple(header) == SCORE_CARD
    cells = dict(zip(header, first, strict=True))
    assert cells["warnings"] == "a: one, two; b: three"
    assert cells["in_domain"] == "true"
    assert cells["error"] == cells["decomposition_products"] == ""
    assert float(cells["conductivity_s_per_cm"]) == 10**-3.2
    assert dict(zip(header, second, strict=True))["in_domain"] == "false"
    assert {name: cell for name, cell in zip(header, third, strict=True) if cell} == {
        "formula": "Xx",
        "error": 'no "Xx"',
    }


def test_csv_cell_of_phases() -> None:
    stream = io.StringIO()
    tables.write_csv([{"products": {"Li2S": 2.0, "Li3P": 1.0}}], ["products"], stream)
    assert stream.getvalue() == "products\n2 Li2S + Li3P\n"


def test_json_round_trip() -> None:
    rows = [make_row(), make_error("Xx", "bad")]
    whole, lines = io.StringIO(), io.StringIO()
    tables.write_json(rows, whole)
    tables.write_json(rows, lines, lines=True)
    assert json.loads(whole.getvalue()) == rows
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == rows


def test_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        tables.write_json([make_row(activation_energy_ev=float("nan"))], io.StringIO())


def test_json_explanations() -> None:
    stream = io.StringIO()
    explanation = Explanation("Li6PS5Cl", [("S fraction", 0.5)], [], "")
    tables.write_json(
        [make_row(), make_error("Xx", "bad")], stream, explanations={"Li6PS5Cl": explanation}
    )
    first, second = json.loads(stream.getvalue())
    assert first["explanation"]["contributions"] == [["S fraction", 0.5]]
    assert second["explanation"] is None


def test_score_card_by_hand() -> None:
    text = printed(tables.print_score_card, [make_row()])
    line = next(line for line in text.splitlines() if line.startswith("Li6PS5Cl"))
    assert line.split() == [
        *["Li6PS5Cl", "6.3e-4", "1e-5", "to", "1e-2", "0.31", "88%", "~0.031", "1.7-2.1", "yes"]
    ]
    assert "At 298.15 K." in text


def test_score_card_fits_80_columns() -> None:
    rows = [
        make_row(formula="(Li2S)0.3((P2S5)0.4(Sb2S3)0.6)0.7", warnings=["w: " + "word " * 40]),
        make_row(log10_conductivity_lower=-14.0, log10_conductivity_upper=-11.0),
        make_error("Xx2O", "no element has the symbol 'Xx'"),
    ]
    text = printed(tables.print_score_card, rows)
    assert max(map(len, text.splitlines())) <= 80
    assert "1e-14 to 1e-11" in text
    assert "Xx2O: no element has the symbol 'Xx'" in text
    assert "…" not in text


def test_a_note_shared_by_formulas_is_printed_once() -> None:
    note = "ion_not_covered: no data"
    rows = [make_row(formula=f, warnings=[note]) for f in ("Na3PS4", "Na3SbS4")]
    text = printed(tables.print_score_card, rows)
    assert text.count(note) == 1
    assert "Na3PS4, Na3SbS4: ion_not_covered" in text


def test_control_characters_and_markup_are_shown_not_obeyed() -> None:
    text = printed(
        tables.print_score_card, [make_row(formula="[red]Li2O"), make_error("\x1b[2JX", "\x1b]0;x")]
    )
    assert "\x1b" not in text
    assert "[red]Li2O" in text


def test_explanation() -> None:
    measurement = {
        "conductivity_s_per_cm": 1.1e-3,
        "temperature_k": 298.15,
        "doi": "10.1/x",
        "censored": "none",
    }
    bound = measurement | {"conductivity_s_per_cm": 1e-10, "doi": "", "censored": "upper"}
    explanation = Explanation(
        formula="Li6PS5Cl",
        contributions=[("S fraction", 1.25), ("Cl fraction", -0.5)],
        nearest=[NearestMaterial("Li6PS5Br", 0.4, [measurement, bound, *[measurement] * 5])],
        note="A last word.",
    )
    lines = [line.strip() for line in printed(tables.print_explanation, explanation).splitlines()]
    assert "In the domain." in lines
    assert "+1.25  S fraction" in lines
    assert "-0.50  Cl fraction" in lines
    assert "Li6PS5Br (distance 0.40)" in lines
    assert "1.1e-3 S/cm at 298 K, doi:10.1/x" in lines
    assert "at most 1.0e-10 S/cm at 298 K" in lines
    assert "and 2 more" in lines
    assert lines[-1] == "A last word."


def test_explanation_of_what_is_out_of_the_domain() -> None:
    reasons = ["no known composition is alike", "no measured conductor has Xx\x1b[2J"]
    explanation = Explanation("LiU2Pu3", [], [], "", domain_reasons=reasons)
    lines = printed(tables.print_explanation, explanation).splitlines()
    start = lines.index("Out of the domain:")
    assert lines[start + 1] == "  no known composition is alike"
    assert lines[start + 2].startswith("  no measured conductor has Xx\N{REPLACEMENT CHARACTER}")
    assert "In the domain." not in lines


def test_cleaning_report() -> None:
    part = CleaningReport(
        "one", 10, 7, {"not a formula": 3}, {"not a formula": ("line 2",)}, {"bounds kept": 1}
    )
    report = CleaningReport("all", 7, 7, parts=(part,))
    assert printed(tables.print_cleaning, report).splitlines() == [
        "one: 10 rows read, 7 kept",
        "       1 bounds kept",
        "       3 dropped: not a formula (line 2)",
        "all: 7 rows read, 7 kept",
    ]


def test_benchmark_record() -> None:
    record = {"protocols": {"cv": {"n": 12, "mae": 1.23456, "mae_ci95": [1.1, 1.3]}}}
    assert printed(tables.print_benchmark, record).splitlines() == [
        "cv",
        "  n: 12",
        "  mae: 1.235",
        "  mae_ci95: 1.1 to 1.3",
    ]


def test_benchmark_record_with_records_in_it() -> None:
    protocol = {
        "by_class": {"oxide": {"n": 2, "off_v": [0.1, 0.2]}},
        "windows": [{"formula": "Li2S", "reduction_v": 0.0, "note": None}],
        "missed": ["Li3PS4: LiS4 forms first", "Li2S: too"],
        "times_ms": [1.0, 2.5, 3.0],
        "none_missed": [],
    }
    text = printed(tables.print_benchmark, {"protocols": {"windows": protocol}})
    assert text.splitlines() == [
        "windows",
        "  by_class:",
        "    oxide: n 2, off_v 0.1 to 0.2",
        "  windows:",
        "    formula Li2S, reduction_v 0, note undefined",
        "  missed:",
        "    Li3PS4: LiS4 forms first",
        "    Li2S: too",
        "  times_ms: 1, 2.5, 3",
        "  none_missed: none",
    ]
