"""The gate: what opens it, what closes it, and that it says why."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsse import gate
from mlsse.config import GateConfig, MetricRule
from mlsse.errors import ConfigError

CONFIG = GateConfig(
    metrics=(
        MetricRule("conductivity_mae", tolerance=0.03, gain=0.01),
        MetricRule("stable_roc_auc", tolerance=0.0, gain=0.002),
    ),
    falling_conductivity=(("Li10GeP2S12", "Li2CO3"),),
    max_bundle_mb=10.0,
    max_latency_ms=50.0,
)
OLD = {"conductivity_mae": 1.0, "stable_roc_auc": 0.8}
GOOD = gate.BundleFacts({"Li10GeP2S12": -2.0, "Li2CO3": -9.0}, size_mb=5.0, latency_ms=5.0)


@pytest.mark.parametrize(
    ("mae", "auc", "promote", "reason"),
    [
        (0.9, 0.8, True, "conductivity_mae is better: 0.9 against 1 decades"),
        (1.02, 0.9, True, "stable_roc_auc is better: 0.9 against 0.8"),  # less is not always better
        (1.0, 0.8, False, "no protected metric is better by its gain"),
        (0.995, 0.801, False, "no protected metric is better by its gain"),
        (1.04, 0.9, False, "conductivity_mae is worse: 1.04 against 1 decades"),
        (0.5, 0.79, False, "stable_roc_auc is worse: 0.79 against 0.8"),
        (math.nan, 0.9, False, "conductivity_mae is worse"),
        (None, 0.9, False, "conductivity_mae is undefined for the challenger"),
    ],
)
def test_one_metric_has_to_be_better_and_none_worse(mae, auc, promote, reason):
    new = {"conductivity_mae": mae, "stable_roc_auc": auc}
    decision = gate.decide(OLD, new, GOOD, CONFIG)
    assert decision.promote is promote
    assert decision.reasons[0].startswith(reason)


def test_a_metric_that_the_champion_lacks_is_passed_over():
    new = {"conductivity_mae": 1.0, "stable_roc_auc": 0.9}
    old = {"conductivity_mae": 1.0, "stable_roc_auc": None}
    assert not gate.decide(old, new, GOOD, CONFIG).promote


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"log10_conductivity": {"Li10GeP2S12": -9.0, "Li2CO3": -9.0}},
            "Li10GeP2S12 should conduct better than Li2CO3: predicted 1e-9.00 and 1e-9.00 S/cm",
        ),
        (
            {"log10_conductivity": {"Li10GeP2S12": -2.0, "Li2CO3": None}},
            "no conductivity is predicted for Li2CO3",
        ),
        ({"size_mb": 10.1}, "the bundle has 10.1 MB, the limit is 10 MB"),
        ({"latency_ms": 51.0}, "one formula takes 51.0 ms, the limit is 50 ms"),
        ({"latency_ms": math.nan}, "one formula takes nan ms"),
    ],
)
def test_a_better_model_is_refused_for_what_its_bundle_shows(change, reason):
    better = {"conductivity_mae": 0.5, "stable_roc_auc": 0.9}
    for champion in (OLD, None):
        decision = gate.decide(champion, better, dataclasses.replace(GOOD, **change), CONFIG)
        assert not decision.promote
        assert len(decision.reasons) == 1
        assert decision.reasons[0].startswith(reason)


def test_every_reason_of_a_refusal_is_told():
    bad = gate.BundleFacts({}, size_mb=11.0, latency_ms=60.0)
    decision = gate.decide(OLD, {"conductivity_mae": 2.0, "stable_roc_auc": 0.1}, bad, CONFIG)
    assert len(decision.reasons) == 5


def test_without_a_champion_only_what_is_undefined_or_out_of_limits_is_refused():
    assert gate.decide(None, {"conductivity_mae": 9.0, "stable_roc_auc": 0.1}, GOOD, CONFIG).promote
    assert not gate.decide(None, {"conductivity_mae": 9.0}, GOOD, CONFIG).promote


@given(
    mae=st.tuples(st.floats(0, 5), st.floats(0, 5)), auc=st.tuples(st.floats(0, 1), st.floats(0, 1))
)
def test_two_models_never_beat_each_other(mae, auc):
    config = dataclasses.replace(
        CONFIG,
        metrics=tuple(dataclasses.replace(r, tolerance=0.0) for r in CONFIG.metrics),
    )
    one, other = (
        {"conductivity_mae": m, "stable_roc_auc": a} for m, a in zip(mae, auc, strict=True)
    )
    assert not (
        gate.compare(one, other, config).promote and gate.compare(other, one, config).promote
    )


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((), "gate.metrics is empty"),
        ((MetricRule("mae", 0.1, 0.1),), "unknown metric 'mae'; known ones are conductivity_mae"),
        ((MetricRule("stable_brier", 0.1, 0.1),) * 2, "'stable_brier' twice"),
        ((MetricRule("stable_brier", -0.1, 0.1),), "expected a tolerance of at least 0"),
        ((MetricRule("stable_brier", 0.1, 0.0),), "and a gain above 0"),
        ((MetricRule("stable_brier", math.nan, 0.1),), "expected a tolerance"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(rules, message):
    with pytest.raises(ConfigError, match=message):
        gate.check_rules(dataclasses.replace(CONFIG, metrics=rules))


def test_the_default_gate_makes_sense():
    gate.check_rules(GateConfig())
