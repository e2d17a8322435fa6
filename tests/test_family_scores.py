"""Scores by family, worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from mlsse.family_scores import scores_by_family


def table(rows):
    names = ["formula", "family", "temperature_k", "censored", "log10_conductivity",
             "predicted_log10_conductivity"]  # fmt: skip
    found = pd.DataFrame(rows, columns=names)
    predicted = found["predicted_log10_conductivity"]
    found["predicted_log10_conductivity_lower"] = predicted - 1.0
    found["predicted_log10_conductivity_upper"] = predicted + 1.0
    return found


ROWS = [
    ("A", "garnets", 298.15, "none", -4.0, -4.5),
    ("A", "garnets", 305.0, "none", -5.0, -4.5),
    ("B", "garnets|oxides", 298.15, "none", -6.0, -3.5),
    ("C", "other", 298.15, "upper", -9.0, -10.0),
    ("D", "garnets", 400.0, "none", -1.0, -9.0),
]


def test_errors_and_coverage_by_hand():
    found = scores_by_family(table(ROWS))
    assert list(found) == ["all families", "garnets", "oxides", "other"]
    garnets = found["garnets"]
    assert (garnets["n"], garnets["n_compositions"]) == (3, 2)
    assert garnets["mae"] == pytest.approx((0.5 + 0.5 + 2.5) / 3)
    # The median of -4, -5, -6 and -9 is -5.5.
    assert garnets["median_mae"] == pytest.approx((1.5 + 0.5 + 0.5) / 3)
    assert garnets["coverage_90"] == pytest.approx(2 / 3)
    assert garnets["mean_interval_width"] == pytest.approx(2.0)
    # Two compositions: of 0.5 and 2.5 decades alone, or both.
    assert garnets["mae_ci95"] == pytest.approx([0.5, 2.5])
    assert found["oxides"]["mae"] == pytest.approx(2.5)


def test_a_respected_bound_is_no_error():
    other = scores_by_family(table(ROWS))["other"]
    assert other["mae"] == 0.0
    assert other["coverage_90"] == 1.0
    assert other["median_mae"] == pytest.approx(3.5)


def test_no_row_at_room_temperature_gives_nothing():
    assert scores_by_family(table(ROWS[-1:])) == {}
