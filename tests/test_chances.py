"""Probabilities of thresholds, against hand-worked values and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from mlsse.chances import (
    assumptions,
    chances,
    columns_needed,
    thresholds,
)
from mlsse.conditions import Kind, parse_conditions
from mlsse.prediction import SCORE_CARD

KINDS = dict.fromkeys(SCORE_CARD, Kind.NUMBER)
ROW = {
    "log10_conductivity": -4.0,
    "log10_conductivity_lower": -6.0,
    "log10_conductivity_upper": -3.0,
    "superionic_probability": 0.45,
    "stable_probability": 0.2,
    "metastable_probability": 0.6,
    "e_hull_ev_per_atom": 0.03,
    "reduction_limit_v": 1.0,
    "oxidation_limit_v": 4.2,
}


def chance(
    text: str, *, reference: bool = False, sd: float = 0.2, given: bool = True, **changed: float
) -> float:
    wanted = thresholds(parse_conditions(text, KINDS), SCORE_CARD)
    values = {name: np.array([value]) for name, value in (ROW | changed).items()}
    assert set(columns_needed(wanted, SCORE_CARD)) <= set(values)
    if not given:
        del values["superionic_probability"]
    _, together = chances(wanted, values, np.array([reference]), sd)
    return float(together[0])


@pytest.mark.parametrize("given", [True, False])
def test_ends_of_the_interval_leave_five_percent_beyond(given: bool) -> None:
    assert chance("log10_conductivity > -3", given=given) == pytest.approx(0.05)
    assert chance("log10_conductivity < -6", given=given) == pytest.approx(0.05)
    assert chance("conductivity_s_per_cm >= 1e-3", given=given) == pytest.approx(0.05)
    # Two thirds of the half width of 1.5 decades further out.
    beyond = norm.sf(5.0 / 3.0 * norm.ppf(0.95))
    assert chance("log10_conductivity > -2", given=given) == pytest.approx(beyond)


def test_without_a_superionic_probability_the_distribution_is_normal() -> None:
    assert chance("log10_conductivity > -4.5", given=False) == pytest.approx(0.5)
    expected = norm.sf(1.0 / 3.0 * norm.ppf(0.95))
    assert chance("log10_conductivity > -4", given=False) == pytest.approx(expected)


def test_the_superionic_probability_bends_the_distribution() -> None:
    assert chance("log10_conductivity > -4") == pytest.approx(0.45)
    middle = (norm.ppf(0.55) + norm.ppf(0.95)) / 2.0
    assert chance("log10_conductivity > -3.5") == pytest.approx(norm.sf(middle))
    middle = (norm.ppf(0.55) + norm.ppf(0.05)) / 2.0
    assert chance("log10_conductivity > -5") == pytest.approx(norm.sf(middle))
    # One that contradicts the interval is left aside.
    same = chance("log10_conductivity > -4", superionic_probability=0.01)
    assert same == chance("log10_conductivity > -4", given=False)
    limits = np.linspace(-8.0, -1.0, 200)
    falling = [chance(f"log10_conductivity > {limit}") for limit in limits]
    assert (np.diff(falling) < 0.0).all()


def test_an_end_of_the_interval_asks_for_the_value_itself() -> None:
    assert chance("log10_conductivity_lower > -5") == chance("log10_conductivity > -5")
    assert thresholds(parse_conditions("log10_conductivity_upper > -5", KINDS), SCORE_CARD) == ()


def test_given_probabilities_count_as_given() -> None:
    assert chance("superionic_probability > 0.3") == pytest.approx(0.45)
    assert chance("stable_probability > 0.1") == pytest.approx(0.2)
    assert chance("metastable_probability > 0.1") == pytest.approx(0.6)
    assert chance("stable_probability < 0.3") == pytest.approx(0.8)


def test_of_one_quantity_the_strictest_counts_and_sides_exclude_each_other() -> None:
    assert chance("stable_probability > 0 and metastable_probability > 0") == pytest.approx(0.2)
    between = chance("log10_conductivity > -5 and log10_conductivity < -3.5")
    outside = chance("log10_conductivity < -5") + chance("log10_conductivity > -3.5")
    assert between == pytest.approx(1.0 - outside)
    assert chance("log10_conductivity > -3 and log10_conductivity < -5") == 0.0


def test_stability_follows_the_logistic_curve() -> None:
    assert chance("e_hull_ev_per_atom <= 0") == pytest.approx(0.2)
    assert chance("e_hull_ev_per_atom <= 0.05") == pytest.approx(0.6)
    assert chance("decomposition_energy_ev_per_atom < 0") == pytest.approx(0.2)
    # Half way the odds are the geometric mean: 0.25 and 1.5 give 0.6124.
    odds = np.sqrt(0.25 * 1.5)
    assert chance("e_hull_ev_per_atom < 0.025") == pytest.approx(odds / (1.0 + odds))
    assert chance("e_hull_ev_per_atom < -0.01") == 0.0
    assert chance("decomposition_energy_ev_per_atom < -0.01") > 0.0
    assert chance("e_hull_ev_per_atom < 0.1", stable_probability=1.0) > 0.99999


def test_a_reference_phase_is_exact() -> None:
    assert chance("e_hull_ev_per_atom < 0.05", reference=True) == 1.0
    assert chance("e_hull_ev_per_atom < 0.03", reference=True) == 0.0
    assert chance("e_hull_ev_per_atom <= 0.03", reference=True) == 1.0
    assert chance("e_hull_ev_per_atom >= 0.03", reference=True) == 1.0
    assert chance("e_hull_ev_per_atom > 0.03", reference=True) == 0.0


def test_windows_have_the_stated_error() -> None:
    assert chance("oxidation_limit_v > 4") == pytest.approx(norm.cdf(1.0))
    assert chance("oxidation_limit_v > 4", sd=0.1) == pytest.approx(norm.cdf(2.0))
    assert chance("reduction_limit_v < 1.2") == pytest.approx(norm.cdf(1.0))


def test_quantities_multiply() -> None:
    text = "log10_conductivity > -4 and oxidation_limit_v > 4 and stable_probability > 0"
    assert chance(text) == pytest.approx(0.45 * norm.cdf(1.0) * 0.2)


def test_an_empty_quantity_has_no_chance() -> None:
    assert chance("oxidation_limit_v > 4", oxidation_limit_v=np.nan) == 0.0
    assert chance("e_hull_ev_per_atom < 1", e_hull_ev_per_atom=np.nan) == 0.0


def test_an_interval_without_width_is_a_step() -> None:
    narrow = {"log10_conductivity_lower": -4.0, "log10_conductivity_upper": -4.0}
    assert chance("log10_conductivity > -4.1", **narrow) == 1.0
    assert chance("log10_conductivity > -3.9", **narrow) == 0.0


def test_what_has_no_chance_is_taken_at_its_word() -> None:
    for text in ("activation_energy_ev < 0.3", "log10_conductivity = -4", "temperature_k > 1"):
        assert thresholds(parse_conditions(text, KINDS), SCORE_CARD) == ()
    there = [name for name in SCORE_CARD if name != "log10_conductivity_lower"]
    assert thresholds(parse_conditions("log10_conductivity > -4", KINDS), there) == ()


def test_assumptions_name_what_was_used() -> None:
    wanted = thresholds(
        parse_conditions("log10_conductivity > -4 and oxidation_limit_v > 4", KINDS), SCORE_CARD
    )
    text = " ".join(assumptions(wanted, 0.2))
    assert "0.2 V" in text
    assert "independent" in text
    assert "logistic" not in text
