"""How good the doubt is: worked by hand, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse import doubt_metrics


def test_reliability_by_hand():
    bins = doubt_metrics.reliability([True, False, True, True], [0.12, 0.18, 0.95, 1.0])
    assert [(part["from"], part["to"], part["n"]) for part in bins] == [(0.1, 0.2, 2), (0.9, 1, 2)]
    assert [part["stated"] for part in bins] == pytest.approx([0.15, 0.975])
    assert [part["observed"] for part in bins] == [0.5, 1.0]
    assert doubt_metrics.calibration_error(bins) == pytest.approx((0.35 + 0.025) / 2)


def test_true_probabilities_are_reliable():
    random = np.random.default_rng(0)
    probability = random.random(20_000)
    bins = doubt_metrics.reliability(random.random(20_000) < probability, probability)
    assert len(bins) == 10
    assert doubt_metrics.calibration_error(bins) < 0.02


def test_without_rows():
    assert doubt_metrics.reliability([], []) == []
    assert doubt_metrics.calibration_error([]) is None
    assert doubt_metrics.interval_scores([], [], [])["coverage_90"] is None


def test_constant_width_holds_nine_tenths():
    residuals = np.random.default_rng(0).normal(size=5000)
    low, high = doubt_metrics.constant_width(residuals, np.zeros(5000, dtype=bool))
    assert ((residuals >= low) & (residuals <= high)).mean() == pytest.approx(0.9, abs=0.005)
    assert (low, high) == pytest.approx((-1.645, 1.645), abs=0.1)


def test_parts_are_scored_alone_and_empty_ones_left_out():
    truth = np.array([-3.0, -5.0, -9.0])
    parts = {
        "all": np.ones(3, dtype=bool), "one": np.array([True, False, False]),
        "none": np.zeros(3, dtype=bool),
    }  # fmt: skip
    found = doubt_metrics.interval_scores_by(
        parts, truth, truth + 1.0, truth - 0.5, truth + 0.5, np.array(["none", "none", "upper"])
    )
    assert list(found) == ["all", "one"]
    assert found["all"]["mae"] == pytest.approx(1.0)
    assert found["one"] == {
        "n": 1, "coverage_90": 1.0, "mean_interval_width": 1.0, "mean_interval_score": 1.0,
        "mae": 1.0,
    }  # fmt: skip


def test_domain_scores_by_hand():
    errors, inside = np.array([0.5, 1.0, 2.0, 4.0]), np.array([True, True, True, False])
    assert doubt_metrics.domain_scores(errors, inside) == pytest.approx(
        {
            "n": 4,
            "in_domain_share": 0.75,
            "mae_in_domain": 3.5 / 3,
            "mae_out_of_domain": 4.0,
            "error_ratio": 12 / 3.5,
            "n_errors_above_1.5": 2,
            "share_of_these_out_of_domain": 0.5,
        }
    )


def test_a_domain_that_holds_all_has_no_ratio():
    scores = doubt_metrics.domain_scores(np.array([0.5, 1.0]), np.ones(2, dtype=bool))
    assert scores["mae_out_of_domain"] is scores["error_ratio"] is None
    assert scores["share_of_these_out_of_domain"] is None
