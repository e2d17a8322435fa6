"""Training: faithful bundles, no leak between folds, the same command the same numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import synthetic

from mlsse import training
from mlsse.bundle import load_model
from mlsse.errors import BundleError
from mlsse.features import feature_names
from mlsse.splits import grouped_folds

SMOKE = Path(__file__).parents[1] / "experiments" / "smoke.toml"


def test_the_model_beats_both_baselines_on_rows_with_a_rule():
    report = synthetic.fitted()[0].report
    error = report["mae_room_temperature"]
    assert error < report["mae_room_temperature_median_baseline"]
    assert error < report["mae_room_temperature_linear_baseline"]
    trees = synthetic.fitted()[1].report
    assert trees["stable_roc_auc"] > 0.8
    assert trees["stable_brier"] < trees["stable_prevalence_brier"]


def test_out_of_fold_predictions_do_not_know_their_own_fold():
    rows = synthetic.conductivity_rows()
    folds = grouped_folds(rows.groups, 2, 0)
    config = synthetic.smoke_experiment().conductivity
    lines = training.out_of_fold_lines(rows, folds, config)
    changed = dataclasses.replace(
        rows.measurements,
        log10_conductivity=rows.measurements.log10_conductivity + np.where(folds == 0, 5.0, 0.0),
    )
    other = training.out_of_fold_lines(
        dataclasses.replace(rows, measurements=changed), folds, config
    )
    fold = folds == 0
    np.testing.assert_allclose(
        other.room_log10_conductivity[fold], lines.room_log10_conductivity[fold]
    )
    assert np.abs(other.room_log10_conductivity - lines.room_log10_conductivity)[~fold].max() > 1


def test_calibrated_probabilities_rise_with_the_raw_ones():
    for probability_map in synthetic.fitted()[1].maps.values():
        assert np.all(np.diff(probability_map.raw) > 0)
        assert np.all(np.diff(probability_map.calibrated) >= 0)
        assert 0 <= probability_map.calibrated.min() <= probability_map.calibrated.max() <= 1


def test_trees_see_no_sublattice_statistics_but_ratios_and_fractions():
    names = {feature_names()[i] for i in training.tree_columns()}
    assert "mean Electronegativity" in names
    assert "O fraction" in names
    assert "cation per anion" in names
    assert "cation mean Electronegativity" not in names


def test_spread_is_the_range_of_repeated_room_temperature_values():
    rows = synthetic.conductivity_rows()
    table = rows.table.copy()
    chlorides = np.flatnonzero(table["formula"] == "Li6PS5Cl")
    room = [i for i in chlorides if table["temperature_k"][i] == 298.15]
    assert len(room) == 1
    doubled = np.r_[np.arange(len(rows)), room]
    values = rows.measurements.log10_conductivity[doubled]
    values[-1] -= 2.5
    more = training.ConductivityRows(
        table.iloc[doubled].reset_index(drop=True),
        dataclasses.replace(rows.measurements[doubled], log10_conductivity=values),
        rows.groups[doubled],
    )
    fitted = training.fit_conductivity(more, synthetic.smoke_experiment().conductivity, 0)
    assert fitted.spread_decades.max() == pytest.approx(2.5)
    assert np.count_nonzero(fitted.spread_decades) == 1


def test_a_bundle_that_differs_from_its_models_is_not_written(tmp_path, monkeypatch):
    honest = training.to_onnx
    swapped = {"stable": "metastable", "metastable": "stable"}

    def confused(model, *, name):
        other = synthetic.fitted()[1].models.get(swapped.get(name))
        return honest(model if other is None else other, name=name)

    monkeypatch.setattr(training, "to_onnx", confused)
    with pytest.raises(BundleError, match="stable_probability of the bundle differs"):
        synthetic.write(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.mirror
def test_smoke_experiment_trains_twice_to_the_same_bundle(tmp_path):
    one = training.train(SMOKE, tmp_path / "one")
    other = training.train(SMOKE, tmp_path / "other")
    assert one.version == other.version
    # What a training cost is no part of what it made.
    assert one.metadata | {"cost": None} == other.metadata | {"cost": None}
    assert json.loads((tmp_path / "one" / "metadata.json").read_text())["data"]["obelix"]["sha256"]


@pytest.mark.mirror
def test_sources_can_be_left_out():
    rows = training.load_conductivity_rows(["obelix", "liverpool"])
    assert set(rows.table["source"]) == {"obelix", "liverpool"}
    assert len(rows) == len(rows.measurements) == len(rows.groups)
    assert not (rows.table["censored"] == "lower").any()


def test_shipped_champion_loads_and_is_the_champion():
    model = load_model()
    assert model.version.startswith("champion-")
    assert set(model.metadata["metrics"]) == {"conductivity", "stability"}
