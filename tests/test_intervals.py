"""Calibration on synthetic residuals, and quantiles of censored values by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse.arrhenius import Lines
from mlsse.intervals import PROBABILITIES, censored_quantiles, fit_calibration
from mlsse.targets import SUPERIONIC_LOG10


def make_lines(n, seed=0):
    random = np.random.default_rng(seed)
    return Lines(random.uniform(-9, -2, n), np.full(n, 0.4), random.uniform(0.0, 0.6, n))


@pytest.fixture(scope="module")
def calibrated():
    lines = make_lines(6000)
    # Laplace residuals whose scale rises from 0.3 to about 2 decades with distance.
    scale = 0.3 + 2.0 * (1.0 - np.exp(-lines.unexplained / 0.2))
    truth = lines.room_log10_conductivity + np.random.default_rng(1).laplace(scale=scale)
    t, none = np.zeros(6000), np.zeros(6000, dtype=bool)
    calibration = fit_calibration(lines, t, truth, none, energy_sd=0.0775, max_unexplained=0.3)
    return calibration, lines, truth


def test_interval_covers_nine_in_ten_near_and_far(calibrated):
    calibration, lines, truth = calibrated
    lower, upper = calibration.interval(lines, 0.0)
    covered = (lower <= truth) & (truth <= upper)
    assert covered.mean() == pytest.approx(0.9, abs=0.005)
    for part in (lines.unexplained < 0.1, lines.unexplained > 0.4):
        assert covered[part].mean() == pytest.approx(0.9, abs=0.03)


def test_interval_widens_with_distance_and_away_from_room_temperature(calibrated):
    calibration, _, _ = calibrated
    lines = Lines(np.full(3, -5.0), np.full(3, 0.4), np.array([0.0, 0.2, 0.9]))
    lower, upper = calibration.interval(lines, 0.0)
    assert np.all(np.diff(upper - lower) > 0)
    hot_lower, hot_upper = calibration.interval(lines, -5.0)
    assert np.all(hot_upper - hot_lower > upper - lower)


def test_superionic_probability_agrees_with_the_interval(calibrated):
    calibration, lines, _ = calibrated
    lower, upper = calibration.interval(lines, 0.0)
    probability = calibration.superionic_probability(lines, 0.0)
    clear = np.abs(lower - SUPERIONIC_LOG10) > 1e-6
    np.testing.assert_array_equal((probability >= 0.95)[clear], (lower >= SUPERIONIC_LOG10)[clear])
    assert np.all(probability[upper < SUPERIONIC_LOG10] <= 0.05)
    assert probability.min() >= 0.005 - 1e-12
    assert probability.max() <= 0.995 + 1e-12


def test_domain_is_a_limit_of_the_unexplained_share(calibrated):
    calibration, _, _ = calibrated
    lines = Lines(np.zeros(2), np.zeros(2), np.array([0.29, 0.31]))
    assert calibration.in_domain(lines).tolist() == [True, False]


def test_uncensored_quantiles_are_the_usual_ones():
    values = np.random.default_rng(0).normal(size=2001)
    found = censored_quantiles(values, np.zeros(2001, dtype=bool), PROBABILITIES)
    np.testing.assert_allclose(found[1:-1], np.quantile(values, PROBABILITIES)[1:-1], atol=0.02)


def test_a_bound_moves_its_share_to_the_values_below_it():
    # Values 1 and 2, and something below 3: its third is shared by 1 and 2, so that each
    # holds one half, and the median lies half way between.
    values, is_bound = np.array([1.0, 2.0, 3.0]), np.array([False, False, True])
    assert censored_quantiles(values, is_bound, np.array([0.5]))[0] == pytest.approx(1.5)
    # A bound below everything takes the lowest place: 1 and 2 hold a third each above it.
    values = np.array([1.0, 2.0, 0.0])
    found = censored_quantiles(values, is_bound, np.array([0.5]))[0]
    assert found == pytest.approx(1.0)
