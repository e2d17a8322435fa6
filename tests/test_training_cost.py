"""What a training costs."""

from __future__ import annotations

import time

import pytest

from mlsse.training_cost import Meter, footprint


def test_a_meter_counts_time_and_work():
    meter = Meter()
    start = time.process_time()
    while time.process_time() - start < 0.2:
        pass
    cost = meter.cost()
    assert cost.wall_seconds >= 0.1
    assert 0.1 <= cost.cpu_seconds <= 60.0
    assert cost.cores >= 1
    assert cost.peak_memory_gb is None or 0.01 < cost.peak_memory_gb < 1000.0


def test_the_estimate_by_hand():
    # Ten core hours of 12 W and five hours of 4 GB at 0.3725 W, times 1.67.
    cost = {"wall_seconds": 5 * 3600.0, "cpu_seconds": 36_000.0, "peak_memory_gb": 4.0}
    found = footprint(cost)
    assert found.energy_kwh == pytest.approx((120.0 + 7.45) * 1.67 / 1000.0)
    assert found.carbon_kg == pytest.approx(found.energy_kwh * 0.475)


def test_unknown_memory_counts_as_none():
    cost = {"wall_seconds": 3600.0, "cpu_seconds": 3600.0, "peak_memory_gb": None}
    assert footprint(cost).energy_kwh == pytest.approx(0.02004)
