"""Ranked lists as CSV, Markdown and HTML."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from screens import card, write_screen

from mlsse import ranked_list, ranking

BAD = '<script>alert(1)</script> & "x" | *y* [z](javascript:1)\nsecond `line`'
OWN = {"parent": pa.string(), "substitution": pa.string(), "rank": pa.int64()}


@pytest.fixture
def found(tmp_path: Path) -> ranking.Ranking:
    rows = [
        {
            **card(
                "Li3N", -3.5, decomposition_products="Li + N2", superionic_probability=0.8,
                warnings=["polymorphs: two & more"],
            ),
            "parent": "Li3N", "substitution": "N->P x=0.1", "rank": 7,
        },
        {**card("Li2O", -3.0), "parent": BAD, "substitution": None, "rank": 8},
        {**card("NaF", None, in_domain=False), "parent": None, "substitution": None, "rank": 9},
    ]  # fmt: skip
    folder = write_screen(tmp_path / "screen", rows, own=OWN)
    return ranking.rank(
        folder,
        where="oxidation_limit_v > 3.9",
        aims="log10_conductivity > -4",
        objectives=["log10_conductivity:max", "activation_energy_ev:min"],
    )


def test_reasons_are_sentences_with_numbers(found: ranking.Ranking) -> None:
    of_nitride = next(c for c in found.candidates if c.row["formula"] == "Li3N")
    assert ranked_list.reasons(of_nitride, found) == [
        "Thresholds: oxidation_limit_v > 3.9 (4, probability 69 %); log10_conductivity > -4 "
        "(-3.5, probability 80 %).",
        "All thresholds together: probability 55 %.",
        "Conductivity 3.2e-04 S/cm at 298.15 K, 90 % interval 3e-05 to 3e-03; activation energy "
        "0.30 eV; at least 1e-4 S/cm with probability 80 %.",
        "0.000 eV/atom above the hull (predicted); stable with probability 50 %, within 0.05 "
        "eV/atom of the hull with 80 %; may decompose into Li + N2.",
        "Lasts from 1.00 to 4.00 V against Li.",
        "Nearest measured material Li2O at distance 5.00; inside the domain of the model.",
        "Made from Li3N by N->P x=0.1.",
        "Objectives: log10_conductivity -3.5, activation_energy_ev 0.3.",
        "Caution: polymorphs: two & more.",
    ]


def test_the_head_says_what_was_asked_and_assumed(found: ranking.Ranking) -> None:
    text = " ".join(ranked_list.heading(found))
    assert "3 of 3 candidates" in text
    assert "oxidation_limit_v > 3.9: 3" in text
    assert "standard deviation of 0.2 V" in text
    assert "independent" in text
    assert "Sorted by the probability that all thresholds hold" in text


def test_csv_has_every_column_once(found: ranking.Ranking) -> None:
    rows = list(csv.DictReader(io.StringIO(ranked_list.as_csv(found))))
    assert [row["formula"] for row in rows] == ["Li2O", "Li3N", "NaF"]
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert [row["rank_input"] for row in rows] == ["8", "7", "9"]
    assert [row["pareto_front"] for row in rows] == ["true", "false", "false"]
    assert rows[0]["parent"] == BAD
    assert float(rows[0]["probability"]) == pytest.approx(
        float(rows[0]["probability of oxidation_limit_v > 3.9"])
        * float(rows[0]["probability of log10_conductivity > -4"])
    )
    assert rows[2]["log10_conductivity"] == ""
    assert rows[2]["probability"] == "0.0"
    assert rows[1]["reasons"].startswith("Thresholds: oxidation_limit_v > 3.9")


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_escapes_what_users_wrote(found: ranking.Ranking) -> None:
    reader = Reader()
    reader.feed(ranked_list.as_html(found))
    assert set(reader.tags) == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "ul", "li",
    }  # fmt: skip
    assert BAD in reader.text
    assert reader.tags.count("h2") == 3


def test_markdown_escapes_what_users_wrote(found: ranking.Ranking) -> None:
    text = ranked_list.as_markdown(found)
    line = next(line for line in text.splitlines() if "alert" in line)
    assert "\\<script\\>" in line
    assert "\\[z\\]\\(javascript" in line
    assert "\\`line\\`" in line  # the line break is gone
    assert text.count("\n## ") == 3


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.004, "below 1 %"), (0.5, "50 %"), (0.996, "above 99 %"), (1.0, "100 %")],
)
def test_a_probability_is_not_rounded_to_certainty(share: float, text: str) -> None:
    assert ranked_list._percent(share) == text


def test_columns_that_were_not_computed_are_left_out(tmp_path: Path) -> None:
    row: dict[str, Any] = {"formula": "Li3N", "reduced_formula": "Li3N", "stable_probability": 0.5}
    folder = write_screen(
        tmp_path / "s", [{**row, "metastable_probability": 0.6}], columns=("stability",)
    )
    listed = ranking.rank(folder, objectives="stable_probability:max")
    assert ranked_list.reasons(listed.candidates[0], listed) == [
        "Stable with probability 50 %, within 0.05 eV/atom of the hull with 60 %.",
        "Objectives: stable_probability 0.5.",
    ]
