"""Registered models: promotion, rollback and export, also when something fails midway."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import mlflow
import pytest
import tracked

from mlsse import registry, tracking
from mlsse.bundle import load_model
from mlsse.errors import BundleError, TrackingError
from mlsse.prediction import predict_rows


@pytest.fixture(autouse=True)
def _ready_store(monkeypatch):
    tracked.make_stores_quickly(monkeypatch)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Folders of three bundles."""
    folder = tmp_path_factory.mktemp("bundles")
    return [tracked.write(folder / str(i), i).folder for i in range(3)]


@pytest.fixture
def add(bundles):
    """Log and register some of the bundles."""

    def add(*variants, **tags):
        for variant in variants:
            model = load_model(bundles[variant])
            run_id = tracking.log_training(
                tracked.synthetic.smoke_experiment(), model.metadata, model.folder
            )
            added = tracking.register(run_id, model.folder, tags=tags)
        return added

    return add


def numbers():
    """The versions, and among them the champion's."""
    champion = tracking.champion()
    return [v.number for v in tracking.versions()], champion and champion.number


def fail(*args, **kwargs):
    raise mlflow.MlflowException("the store is gone")


def test_an_empty_store_has_no_models(tmp_path):
    assert numbers() == ([], None)
    with pytest.raises(TrackingError, match="no version 1: `mlsse models list`"):
        tracking.promote(1, reason="")
    with pytest.raises(TrackingError, match="no champion yet"):
        tracking.export(tmp_path / "out")
    with pytest.raises(TrackingError, match="no earlier champion"):
        tracking.rollback()


def test_a_version_is_registered_with_its_tags_and_waits(add, bundles):
    version = add(0, new_rows="30")
    assert (version.number, version.is_champion) == (1, False)
    assert version.tags == {"new_rows": "30", "model_version": version.model_version}
    assert version.model_version == load_model(bundles[0]).version
    assert abs(version.created - datetime.now(UTC)) < timedelta(minutes=5)
    assert numbers() == ([1], None)


def test_promotions_are_rolled_back_one_by_one(add):
    add(0, 1, 2)
    for number in (1, 2, 3):
        tracking.promote(number, reason="better")
        assert numbers()[1] == number
    assert tracking.version(3).tags["promoted_because"] == "better"
    assert tracking.rollback().number == 2
    assert tracking.rollback().number == 1
    with pytest.raises(TrackingError, match="no earlier champion"):
        tracking.rollback()
    # What was rolled back is no place to roll back to.
    tracking.promote(3, reason="after all")
    assert tracking.rollback().number == 1
    # A champion that is promoted anew stands once in the order.
    tracking.promote(2, reason="")
    tracking.promote(1, reason="")
    assert tracking.rollback().number == 2
    assert numbers() == ([1, 2, 3], 2)


def test_a_refused_version_stays_with_its_reasons(add):
    add(0, 1)
    tracking.promote(1, reason="first")
    tracking.refuse(2, ["mae is 0.3 worse", "Li6PS5Cl below Li2CO3"])
    refused = tracking.version(2)
    assert refused.tags["refused_because"] == "mae is 0.3 worse; Li6PS5Cl below Li2CO3"
    assert numbers() == ([1, 2], 1)


def test_a_promotion_that_breaks_off_leaves_the_champion_and_its_past(add, monkeypatch):
    add(0, 1, 2)
    tracking.promote(1, reason="")
    tracking.promote(2, reason="")
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "set_registered_model_alias", fail)
        with pytest.raises(TrackingError, match="the store is gone"):
            tracking.promote(3, reason="")
    assert numbers()[1] == 2
    assert tracking.rollback().number == 1


def test_only_the_bundle_that_a_run_has_logged_is_registered(add, bundles):
    run_id = add(0).run_id
    with pytest.raises(TrackingError, match="register the bundle that the run has logged"):
        tracking.register(run_id, bundles[1], tags={})
    assert numbers()[0] == [1]


def test_export_writes_the_champion_or_a_version(add, bundles, tmp_path):
    add(0, 1)
    tracking.promote(2, reason="")
    out = tmp_path / "deep" / "out"
    assert tracking.export(out).number == 2
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in bundles[1].iterdir()
    }
    tracking.export(out, 1)
    assert load_model(out).version == load_model(bundles[0]).version
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_an_export_predicts_without_mlflow(add, tmp_path):
    add(0)
    tracking.export(tmp_path / "out", 1)
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from mlsse.cli import main; main(['predict', 'Li6PS5Cl', '--model', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert load_model(tmp_path / "out").version in done.stdout


def test_a_broken_off_export_leaves_the_old_one(add, tmp_path, monkeypatch):
    add(0, 1)
    out = tmp_path / "out"
    tracking.export(out, 1)
    before = load_model(out).version
    monkeypatch.setattr(registry, "move_into_place", fail)
    with pytest.raises(TrackingError):
        tracking.export(out, 2)
    assert load_model(out).version == before


def test_an_export_overwrites_nothing_but_a_bundle(add, tmp_path):
    add(0)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="is no bundle"):
        tracking.export(tmp_path / "notes", 1)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "years of work"


@pytest.mark.skipif(not hasattr(os, "kill"), reason="kills a process")
def test_a_killed_export_leaves_a_whole_bundle(add, tmp_path):
    """Kill the export just before the complete folder moves into place."""
    add(0, 1)
    out = tmp_path / "out"
    tracking.export(out, 1)
    before = load_model(out).version
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from mlsse import registry\n"
        "registry.move_into_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "registry.export(Path(sys.argv[1]), 2)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True)
    assert done.returncode == -9
    assert load_model(out).version == before
    assert tracking.export(out, 2).number == 2


def test_a_damaged_bundle_is_neither_fetched_nor_exported(add, tmp_path):
    add(0)
    path = tracking.fetch_bundle(1) / "stable.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"stable\.onnx is not what"):
        tracking.export(tmp_path / "out", 1)
    assert not (tmp_path / "out").exists()


def test_another_bundle_in_the_place_of_the_registered_one_is_refused(add, bundles):
    add(0)
    folder = tracking.fetch_bundle(1)
    for path in bundles[1].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(TrackingError, match="its run now holds"):
        tracking.fetch_bundle(1)


def test_the_champion_is_what_mlflow_loads(tmp_path):
    run_id, model = tracked.log(tmp_path / "bundle")
    tracking.register(run_id, tmp_path / "bundle", tags={})
    tracking.promote(1, reason="")
    with tracking.open_store().active():
        served = mlflow.pyfunc.load_model("models:/mlsse@champion")
        (row,) = served.predict([{"formula": "Li6PS5Cl"}])
    (expected,) = predict_rows(["Li6PS5Cl"], model=model)
    assert row["log10_conductivity"] == pytest.approx(expected["log10_conductivity"], abs=1e-9)
    assert row["model_version"] == model.version
