"""Ablation: what is left out is left out, and differences are paired."""

from __future__ import annotations

from dataclasses import replace

import invented
import numpy as np
import pytest
import synthetic

from mlsse import ablation_benchmark, training
from mlsse.features import feature_names, fraction_columns

SOURCES = ("obelix", "liverpool")


@pytest.fixture(scope="module")
def experiment():
    smoke = synthetic.smoke_experiment()
    return replace(smoke, conductivity=replace(smoke.conductivity, sources=SOURCES))


@pytest.fixture(scope="module")
def run(experiment):
    """Protocols of the invented rows, and the measurements and settings of every fit."""
    rows, fits = invented.rows(), []
    honest = training.fit_arrhenius

    def spy(measurements, config, *seed):
        fits.append((measurements, config))
        return honest(measurements, config, *seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "fit_arrhenius", spy)
        patch.setattr(ablation_benchmark, "_N_FOLDS", 2)
        patch.setattr(
            training,
            "load_conductivity_rows",
            lambda sources: rows[rows.table["source"].isin(sources).to_numpy()],
        )
        return ablation_benchmark.ablation_protocols(experiment), fits


def test_every_variant_is_scored_on_the_same_rows(run, experiment):
    protocols, fits = run
    ablation = protocols["ablation"]
    variants = ablation_benchmark.variants(experiment.conductivity)
    assert set(ablation) == {"full recipe", "median", "no trust", *variants}
    n_rows = (invented.rows().table["split"] == "train").sum()
    assert {scores["n"] for scores in ablation.values()} == {n_rows}
    # The steps of the curve are variants already fitted, so the last fits are theirs.
    for (_, config), variant in zip(fits[-2 * len(variants) :: 2], variants.values(), strict=True):
        assert config == variant.config


def test_change_is_to_the_full_recipe(run):
    ablation = run[0]["ablation"]
    full = ablation["full recipe"]
    assert full["change_bounds_1e-15"] == 0.0
    assert full["change_bounds_1e-15_ci95"] == [0.0, 0.0]
    for scores in ablation.values():
        for convention in ("bounds_1e-15", "bounds_1e-10"):
            change = scores[f"mae_{convention}"] - full[f"mae_{convention}"]
            assert scores[f"change_{convention}"] == pytest.approx(change)
            low, high = scores[f"change_{convention}_ci95"]
            assert low <= scores[f"change_{convention}"] <= high


def test_learning_curve_ends_with_the_full_recipe(run):
    protocols, _ = run
    curve = protocols["learning_curve"]
    assert list(curve) == ["obelix", "obelix + liverpool"]
    assert curve["obelix + liverpool"] == protocols["ablation"]["full recipe"]
    assert curve["obelix"] == protocols["ablation"]["without liverpool"]
    assert (
        curve["obelix"]["mean_n_training_rows"]
        < curve["obelix + liverpool"]["mean_n_training_rows"]
    )


def test_no_fit_sees_an_official_test_row(run):
    rows = invented.rows()
    test = rows.vectors[(rows.table["split"] == "test").to_numpy()]
    for measurements, _ in run[1]:
        vectors = measurements.features[:, fraction_columns()]
        assert np.abs(vectors[:, None] - test[None]).sum(axis=2).min() > 1e-6


def test_edits_change_what_is_learned_from(experiment):
    variants = ablation_benchmark.variants(experiment.conductivity)
    rows = invented.rows()

    def learned(name):
        return variants[name].edit(rows).measurements

    assert rows.measurements.is_bound.any()
    assert not learned("bounds left out").is_bound.any()
    assert len(learned("bounds left out")) == (~rows.measurements.is_bound).sum()
    assert not learned("bounds as values").is_bound.any()
    assert len(learned("bounds as values")) == len(rows)
    assert np.isnan(learned("activation energies left out").activation_energy_ev).all()
    assert not learned("room temperature alone").inverse_temperature.any()
    assert variants["without obelix"].config.sources == ("liverpool",)


def test_feature_groups_part_all_but_the_fractions():
    groups = ablation_benchmark.feature_groups()
    columns = [column for group in groups.values() for column in group]
    assert len(columns) == len(set(columns))
    assert sorted(columns) == list(range(len(feature_names())))[: fraction_columns().start]


def test_a_single_source_has_no_source_to_leave_out(experiment):
    config = replace(experiment.conductivity, sources=("obelix",))
    assert "without obelix" not in ablation_benchmark.variants(config)
