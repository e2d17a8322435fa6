"""The account of sodium: on invented rows, and on the datasets."""

from __future__ import annotations

import pandas as pd
import pytest

from mlsse.sodium_benchmark import LEAST_PAPERS, _account, sodium_benchmark

FACTS = pd.DataFrame({"formula": ["Na3SbS4", "Li6PS5Cl", "", "Na3SbS4", "LiNaSO4"]})


def _table(rows):
    return pd.DataFrame(rows, columns=["formula", "mobile_ion", "doi"])


def test_rows_are_counted() -> None:
    found = _account(
        _table(
            [
                ("Li3PS4", "Li", "10.1/a"),
                ("LiNa2PS4", "Li", "10.1/a"),
                ("Li2NaPS4", "Li", "10.1/b"),
                ("Na3PS4", "Na", "10.1/c|10.1/d"),
                ("Na3PSe4", "Na", ""),
            ]
        ),
        FACTS,
    )
    assert (found["rows"], found["rows_of_sodium_conductors"], found["papers"]) == (5, 2, 2)
    assert found["lithium_rows_with_sodium"] == 2
    assert found["of_them_more_sodium_than_lithium"] == 1
    assert found["review_materials"] == ["Na3SbS4"]
    assert found["skill_over_median"] is None
    assert "stays refused" in found["verdict"]


def test_enough_papers_are_said_to_be_enough() -> None:
    rows = [("Na3PS4", "Na", f"10.1/{i}") for i in range(LEAST_PAPERS)]
    assert "enough to leave papers out" in _account(_table(rows), FACTS)["verdict"]


@pytest.mark.mirror
def test_the_datasets_hold_no_sodium_conductor() -> None:
    found = sodium_benchmark()
    assert (found["rows_of_sodium_conductors"], found["papers"]) == (0, 0)
    assert found["lithium_rows_with_sodium"] > 0
