"""Runs: all that a training was given and showed is found again in the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import synthetic
import tracked

from mlsse import run_figures, tracking
from mlsse.bundle import load_model
from mlsse.errors import TrackingError
from mlsse.tracking import Run


@pytest.fixture(autouse=True)
def _ready_store(monkeypatch):
    tracked.make_stores_quickly(monkeypatch)


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A store with one run: the store, the run as listed, and the model."""
    folder = tmp_path_factory.mktemp("logged")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLSSE_STORE", str(folder / "store"))
        store = tracking.open_store()
    run_id, model = tracked.log(
        folder / "bundle",
        store=store,
        evidence=tracked.evidence(),
        metrics={"gate/held_out_groups/mae": 0.5},
        tags={"role": "challenger"},
    )
    (run,) = tracking.runs(store=store)
    assert run.run_id == run_id
    return store, run, model


def test_settings_seed_rows_and_versions_are_parameters(logged):
    _, run, model = logged
    assert run.parameters["seed"] == "0"
    assert run.parameters["conductivity.n_folds"] == "2"
    assert run.parameters["stability.stable.max_iter"] == "30"
    assert run.parameters["rows.obelix"] == str(len(synthetic.conductivity_rows()))
    assert run.parameters["library.numpy"] == model.metadata["versions"]["numpy"]
    assert (run.experiment, run.name, run.status) == ("smoke", "smoke", "FINISHED")


def test_metrics_carry_their_protocol_and_no_count(logged):
    _, run, model = logged
    report = model.metadata["metrics"]
    mae = run.metrics["conductivity/grouped_2_fold/mae_room_temperature"]
    assert mae == report["conductivity"]["mae_room_temperature"]
    auc = run.metrics["stability/random_held_out/stable_roc_auc"]
    assert auc == report["stability"]["stable_roc_auc"]
    assert run.metrics["gate/held_out_groups/mae"] == 0.5
    assert all(name.count("/") == 2 for name in run.metrics)
    assert not any("n_rows" in name for name in run.metrics)


def test_an_undefined_metric_is_left_out():
    metadata = {"metrics": {"conductivity": {"mae": None, "n_rows": 3}, "stability": {"auc": 0.5}}}
    found = tracking.training_metrics(synthetic.smoke_experiment(), metadata)
    assert found == {"stability/random_held_out/auc": 0.5}


def test_datasets_are_logged_with_digests_and_rows(logged):
    store, run, model = logged
    inputs = store.client().get_run(run.run_id).inputs.dataset_inputs
    datasets = {given.dataset.name: given.dataset for given in inputs}
    assert set(datasets) == {"obelix", "critexam", "conductivity_rows"}
    assert len({dataset.digest for dataset in datasets.values()}) == 3
    told = json.loads(datasets["obelix"].source)["tags"]
    assert json.loads(told["sha256"]) == model.metadata["data"]["obelix"]["sha256"]
    profile = json.loads(datasets["conductivity_rows"].profile)
    assert profile["num_rows"] == len(synthetic.conductivity_rows())


def test_figures_tables_and_the_bundle_are_artifacts(logged):
    store, run, model = logged
    client = store.client()
    listed = {
        folder: {Path(item.path).name for item in client.list_artifacts(run.run_id, folder)}
        for folder in ("figures", "evidence", "bundle")
    }
    assert listed["figures"] == {
        "parity.png", "calibration.png", "interval_width.png", "residuals_by_family.png",
        "importances.png",
    }  # fmt: skip
    assert listed["evidence"] == {"out_of_fold.csv", "held_out.csv", "importances.csv"}
    assert listed["bundle"] == {path.name for path in model.folder.iterdir()}
    tags = client.get_run(run.run_id).data.tags
    assert tags["role"] == "challenger"
    assert tags["commit"]
    assert "2-fold" in tags["protocol.conductivity"]


def test_a_training_that_cannot_be_logged_whole_is_marked_as_failed(tmp_path, monkeypatch):
    def broken(evidence):
        raise RuntimeError("no ink")

    monkeypatch.setattr(run_figures, "draw_all", broken)
    with pytest.raises(RuntimeError, match="no ink"):
        tracked.log(tmp_path / "bundle", evidence=tracked.evidence())
    (run,) = tracking.runs()
    assert (run.status, run.model_version) == ("FAILED", "")
    with pytest.raises(TrackingError, match="has logged the bundle None"):
        tracking.register(run.run_id, tmp_path / "bundle", tags={})


def test_a_search_gathers_its_trainings(tmp_path):
    experiment = synthetic.smoke_experiment()
    with tracking.search(experiment, "weights") as parent:
        children = [tracked.log(tmp_path / str(i), i, parent_run_id=parent)[0] for i in range(2)]
    runs = {run.run_id: run for run in tracking.runs("smoke")}
    assert set(runs) == {parent, *children}
    assert {runs[child].parent_run_id for child in children} == {parent}
    assert (runs[parent].name, runs[parent].status) == ("weights", "FINISHED")
    with pytest.raises(ZeroDivisionError), tracking.search(experiment, "broken"):
        _ = 1 / 0
    assert tracking.runs("smoke")[0].status == "FAILED"
    assert tracking.runs("another") == []


def test_a_run_of_mlflow_run_becomes_the_parent(tmp_path, monkeypatch):
    with tracking.search(synthetic.smoke_experiment(), "project") as project:
        monkeypatch.setenv("MLFLOW_RUN_ID", project)
        child, _ = tracked.log(tmp_path / "bundle")
    assert tracking.find_run(child, tracking.runs()).parent_run_id == project


def test_a_run_is_found_by_the_beginning_of_its_id(logged):
    _, run, _ = logged
    other = Run(**{**vars(run), "run_id": run.run_id[:4] + "-other"})
    assert tracking.find_run(run.run_id[:8], [run, other]) is run
    with pytest.raises(TrackingError, match="2 runs begin with"):
        tracking.find_run(run.run_id[:4], [run, other])
    with pytest.raises(TrackingError, match="no runs begin with 'zzz'"):
        tracking.find_run("zzz", [run])


def test_the_logged_bundle_is_the_one_that_was_written(logged):
    store, run, model = logged
    [where] = {Path(store.client().get_run(run.run_id).info.artifact_uri.removeprefix("file://"))}
    assert load_model(where / "bundle").version == run.model_version == model.version
