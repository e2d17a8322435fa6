"""Shuffled labels: nothing but labels moves, and nothing is learned from them."""

from __future__ import annotations

import invented
import numpy as np
import pytest
import synthetic

from mlsse import shuffled_benchmark, training
from mlsse.shuffled_benchmark import shuffle_labels


@pytest.fixture(scope="module")
def rows():
    return invented.rows()


def test_a_label_moves_as_a_whole_and_nothing_else_does(rows):
    shuffled = shuffle_labels(rows, 0)
    for name in ("formula", "doi", "temperature_k", "source", "split"):
        assert shuffled.table[name].equals(rows.table[name])
    np.testing.assert_array_equal(shuffled.measurements.features, rows.measurements.features)
    np.testing.assert_array_equal(
        shuffled.measurements.inverse_temperature, rows.measurements.inverse_temperature
    )

    def labels(measured, where):
        return sorted(
            zip(
                measured.log10_conductivity[where], measured.is_bound[where],
                np.nan_to_num(measured.activation_energy_ev[where]), strict=True,
            )
        )  # fmt: skip

    room = rows.at_room_temperature
    for where in (room, ~room):
        assert labels(shuffled.measurements, where) == labels(rows.measurements, where)
    moved = shuffled.measurements.log10_conductivity != rows.measurements.log10_conductivity
    assert moved.mean() > 0.8


def test_table_and_measurements_stay_the_same(rows):
    shuffled = shuffle_labels(rows, 1)
    table, measured = shuffled.table, shuffled.measurements
    np.testing.assert_array_equal(table["log10_conductivity"], measured.log10_conductivity)
    np.testing.assert_array_equal(table["censored"] == "upper", measured.is_bound)
    np.testing.assert_array_equal(table["activation_energy_ev"], measured.activation_energy_ev)
    assert table.dtypes.equals(rows.table.dtypes)


def test_nothing_is_learned_from_shuffled_labels(rows, monkeypatch):
    asked = []

    def load_stability_rows(max_rows, seed, splits):
        asked.append(splits)
        return synthetic.stability_rows()

    monkeypatch.setattr(training, "load_conductivity_rows", lambda sources: rows)
    monkeypatch.setattr(training, "load_stability_rows", load_stability_rows)
    monkeypatch.setattr(shuffled_benchmark, "_N_FOLDS", 2)
    protocols = shuffled_benchmark.shuffled_protocols(synthetic.smoke_experiment())
    assert asked == [("train",), ("val",)]
    assert set(protocols) == {
        "emulated_test_bounds_1e-15", "emulated_test_bounds_1e-10", "grouped_cv", "stability",
    }  # fmt: skip
    for scores in protocols.values():
        assert scores["gain"] == pytest.approx(1 - scores["mae"] / scores["median_mae"])
        low, high = scores["gain_ci95"]
        assert low <= scores["gain"] <= high
        assert low <= 0.0
    assert protocols["stability"]["stable_roc_auc"] < 0.65
