"""Calibration on synthetic residuals, and quantiles of censored values by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlsse.arrhenius import Lines
from mlsse.domain import Domain
from mlsse.intervals import PROBABILITIES, HeldOut, censored_quantiles, fit_calibration
from mlsse.signals import SIGNALS, signal
from mlsse.targets import SUPERIONIC_LOG10

DOMAIN = Domain(0.8, 0.4, 0.1)


def make_lines(level, weightiest_pair):
    n = len(level)
    signals = np.zeros((n, len(SIGNALS)))
    signals[:, SIGNALS.index("weightiest_pair")] = weightiest_pair
    return Lines(np.asarray(level, dtype=float), np.full(n, 0.4), np.zeros(n), signals)


def held_out(n, seed, widening=1.0):
    """Residuals twice as wide below as above, wider where a weighty pair is new."""
    random = np.random.default_rng(seed)
    lines = make_lines(random.uniform(-9, -2, n), random.uniform(0.0, 0.5, n))
    scale = 0.4 * np.exp(2.4 * signal(lines.signals, "weightiest_pair")) * widening
    side = np.where(random.random(n) < 0.5, -2.0, 1.0)
    truth = lines.room_log10_conductivity + side * random.exponential(scale)
    return HeldOut(lines, np.zeros(n), truth, np.zeros(n, dtype=bool))


@pytest.fixture(scope="module")
def calibrated():
    rows = held_out(6000, 0)
    return fit_calibration({"one": (rows, 1.0)}, energy_sd=0.0775, domain=DOMAIN), rows


def test_interval_covers_nine_in_ten_near_and_far(calibrated):
    calibration, rows = calibrated
    lower, upper = calibration.interval(rows.lines, 0.0)
    covered = (lower <= rows.log10_conductivity) & (rows.log10_conductivity <= upper)
    assert covered.mean() == pytest.approx(0.9, abs=0.005)
    pair = signal(rows.lines.signals, "weightiest_pair")
    for part in (pair < 0.1, pair > 0.4):
        assert covered[part].mean() == pytest.approx(0.9, abs=0.03)


def test_interval_has_its_own_width_on_either_side(calibrated):
    calibration, rows = calibrated
    lower, upper = calibration.interval(rows.lines, 0.0)
    predicted = rows.lines.room_log10_conductivity
    ratio = np.median((predicted - lower) / (upper - predicted))
    assert ratio == pytest.approx(2.0, abs=0.3)


def test_interval_widens_with_novelty_and_away_from_room_temperature(calibrated):
    calibration, _ = calibrated
    lines = make_lines([-5.0] * 3, [0.0, 0.2, 0.45])
    lower, upper = calibration.interval(lines, 0.0)
    assert np.all(np.diff(upper - lower) > 0)
    hot_lower, hot_upper = calibration.interval(lines, -5.0)
    assert np.all(hot_upper - hot_lower > upper - lower)


def test_the_hardest_hold_out_widens_the_interval():
    easy, hard = held_out(3000, 1), held_out(3000, 2, widening=2.0)
    of_easy = fit_calibration({"easy": (easy, 1.0)}, energy_sd=0.0, domain=DOMAIN)
    both = {"easy": (easy, 1.0), "hard": (hard, 1.0)}
    of_both = fit_calibration(both, energy_sd=0.0, domain=DOMAIN)
    lines = make_lines([-5.0], [0.2])
    widths = [np.subtract(*c.interval(lines, 0.0)[::-1])[0] for c in (of_easy, of_both)]
    assert widths[1] > 1.4 * widths[0]


def test_near_rows_get_narrower_intervals_and_surprise_widens_far_ones_upward():
    random = np.random.default_rng(3)
    rows = held_out(6000, 3)
    far = random.random(6000) < 0.5
    lines = replace(rows.lines, unexplained=np.where(far, 0.9, 0.0))
    truth = rows.log10_conductivity + (rows.residuals * far)
    rows = replace(rows, lines=lines, log10_conductivity=truth)
    plain = fit_calibration({"one": (rows, 1.0)}, energy_sd=0.0, domain=DOMAIN)
    wide = fit_calibration({"one": (rows, 1.0)}, energy_sd=0.0, domain=DOMAIN, surprise=0.2)
    asked = replace(make_lines([-5.0] * 2, [0.2] * 2), unexplained=np.array([0.0, 5.0]))
    lower, upper = plain.interval(asked, 0.0)
    # Far residuals are twice the near ones; the penalty on weights keeps some of it back.
    assert 1.4 < (upper - lower)[1] / (upper - lower)[0] < 2.1
    wide_lower, wide_upper = wide.interval(asked, 0.0)
    np.testing.assert_allclose(wide_lower, lower)
    np.testing.assert_allclose(wide_upper + 5.0, (upper + 5.0) * [1.0, 1.2])


def test_superionic_probability_agrees_with_the_interval(calibrated):
    calibration, rows = calibrated
    lower, upper = calibration.interval(rows.lines, 0.0)
    probability = calibration.superionic_probability(rows.lines, 0.0)
    clear = np.abs(lower - SUPERIONIC_LOG10) > 1e-6
    np.testing.assert_array_equal((probability >= 0.95)[clear], (lower >= SUPERIONIC_LOG10)[clear])
    assert np.all(probability[upper < SUPERIONIC_LOG10] <= 0.05 + 1e-9)
    assert probability.min() >= 0.005 - 1e-12
    assert probability.max() <= 0.995 + 1e-12


def test_ranks_of_the_measured_values_are_spread_evenly(calibrated):
    calibration, rows = calibrated
    ranks = calibration.rank(rows.lines, rows.inverse_temperature, rows.log10_conductivity)
    np.testing.assert_allclose(np.quantile(ranks, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)


def test_the_domain_is_asked_for_flag_and_reasons(calibrated):
    calibration, _ = calibrated
    lines = make_lines([-5.0, -5.0], [0.05, 0.4])
    signals = lines.signals
    signals[:, SIGNALS.index("likeness")] = 0.9
    assert calibration.in_domain(lines).tolist() == [True, False]
    assert [len(found) for found in calibration.domain_reasons(lines)] == [0, 1]


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
