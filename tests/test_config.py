"""Experiment files: what is read, and what is refused by name."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest

from mlsse.config import FirstRival, GateConfig, load_experiment, read_experiment
from mlsse.errors import ConfigError

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_experiment_of_the_repository_is_readable(path):
    experiment = load_experiment(path)
    assert experiment.name == path.stem
    assert experiment.conductivity.sources


def edited(tmp_path, old, new):
    text = (EXPERIMENTS / "smoke.toml").read_text()
    assert old in text
    path = tmp_path / "edited.toml"
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 0", "sead = 0", "unknown setting 'sead'"),
        ("seed = 0", "", "'seed' is missing"),
        ("n_folds = 2", 'n_folds = "two"', "conductivity.n_folds: expected int, got 'two'"),
        ("n_folds = 2", "n_folds = true", "expected int, got True"),
        ('sources = ["obelix"]', "sources = []", "name at least one source"),
        ("clip_ev_per_atom = [-1.0, 1.5]", "clip_ev_per_atom = [-1.0]", "clip_ev_per_atom"),
        ("seed = 0", "seed = ", "no valid TOML"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(edited(tmp_path, old, new))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="name an existing experiment file"):
        load_experiment(tmp_path / "none.toml")


def test_a_whole_number_serves_as_a_float(tmp_path):
    path = edited(tmp_path, "conductivity_sd = 2.0", "conductivity_sd = 2")
    assert load_experiment(path).conductivity.conductivity_sd == 2.0


GATE_ROW = '{name = "stable_brier", tolerance = 0.005, gain = 0.002},'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GATE_ROW, '{name = "stable_brier", tolerance = 0.005},', "'gain' is missing"),
        (GATE_ROW, '"stable_brier",', "gate.metrics.*expected a table, got 'stable_brier'"),
        ('first_rival = "none"', 'first_rival = "me"', "expected one of shipped, none, got 'me'"),
        ("max_bundle_mb = 100.0", "max_bundle = 100.0", "unknown setting 'max_bundle'"),
    ],
)
def test_a_wrong_gate_is_refused(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(edited(tmp_path, old, new))


def test_an_experiment_survives_the_metadata_of_a_bundle():
    experiment = load_experiment(EXPERIMENTS / "smoke.toml")
    table = json.loads(json.dumps(dataclasses.asdict(experiment)))
    assert read_experiment(table, "metadata") == experiment


def test_an_experiment_from_before_the_gate_gets_the_default_one():
    table = tomllib.loads((EXPERIMENTS / "smoke.toml").read_text())
    del table["gate"], table["retraining"]
    experiment = read_experiment(table, "metadata")
    assert experiment.gate == GateConfig()
    assert experiment.retraining.first_rival is FirstRival.SHIPPED
