"""The commands of runs and registered models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tracked

from mlsse import cli, tracking, training
from mlsse.bundle import load_model
from mlsse.training import Trained

SMOKE = str(Path(__file__).parents[1] / "experiments" / "smoke.toml")


@pytest.fixture(autouse=True)
def _ready_store(monkeypatch):
    tracked.make_stores_quickly(monkeypatch)


@pytest.fixture
def run(capsys):
    """Run ``mlsse`` with arguments; exit code, output, errors."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main(list(arguments))
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def train(monkeypatch, run, tmp_path):
    """``mlsse train`` on invented rows."""

    def quickly(experiment, folder):
        return Trained(tracked.write(folder), tracked.evidence())

    monkeypatch.setattr(training, "train_with_evidence", quickly)
    return lambda *more: run("train", SMOKE, "--out", str(tmp_path / "model"), *more)


@pytest.fixture
def two_versions(tmp_path):
    for i in range(2):
        run_id, model = tracked.log(tmp_path / str(i), i)
        tracking.register(run_id, model.folder, tags={"trained": str(i)})


def test_train_logs_its_run(train, run, tmp_path):
    code, out, _ = train()
    assert code == 0
    (record,) = json.loads(run("runs")[1])
    assert f"logged as run {record['run_id']}" in out
    assert record["model_version"] == load_model(tmp_path / "model").version
    assert "conductivity/grouped_2_fold/mae_room_temperature" in record["metrics"]


def test_train_without_tracking_makes_no_store(train, tmp_path):
    code, out, err = train("--no-tracking")
    assert code == 0
    assert "logged" not in out + err
    assert load_model(tmp_path / "model")
    assert not (tmp_path / "store").exists()


def test_train_keeps_its_bundle_when_the_store_cannot_be_reached(train, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    code, out, err = train()
    assert code == 0
    assert "the training is not logged, its bundle in" in err
    assert "Traceback" not in err
    assert "logged" not in out
    assert load_model(tmp_path / "model")


def test_runs_are_listed_and_compared(run, tmp_path):
    code, out, _ = run("runs", "--format", "table")
    assert (code, out) == (0, "no runs yet: `mlsse train CONFIG --out DIR` logs one\n")
    one, model = tracked.log(tmp_path / "one", metrics={"gate/own/mae": 0.25})
    other, _ = tracked.log(tmp_path / "other", 1)
    listed = run("runs", "--format", "table")[1]
    assert listed.index(other[:8]) < listed.index(one[:8])
    assert model.version in listed
    mae = model.metadata["metrics"]["conductivity"]["mae_room_temperature"]
    assert f"{mae:.3f}" in listed
    assert [r["run_id"] for r in json.loads(run("runs", "--limit", "1")[1])] == [other]
    assert json.loads(run("runs", "--experiment", "none")[1]) == []
    compared = run("runs", one[:8], other[:8], "--format", "table")[1]
    (row,) = [line for line in compared.splitlines() if "gate/own/mae" in line]
    assert row.split() == ["gate/own/mae", "0.25", "-"]
    assert "The parameters are the same." in compared
    assert len(json.loads(run("runs", one[:8], other[:8])[1])) == 2


def test_a_comparison_shows_the_parameters_that_differ(run, tmp_path):
    for i, rows in enumerate((5, 7)):
        model = tracked.write(tmp_path / str(i), i)
        metadata = model.metadata | {"phases": {"source": "critexam", "count": rows}}
        tracking.log_training(tracked.synthetic.smoke_experiment(), metadata, model.folder)
    ids = [r["run_id"] for r in json.loads(run("runs")[1])]
    lines = run("runs", *ids, "--format", "table")[1].splitlines()
    (row,) = [line for line in lines if "phases." in line]
    assert row.split() == ["phases.count", "7", "5"]


def test_an_unknown_run_is_one_line(run):
    assert run("runs", "abc") == (
        1, "", "mlsse: no runs begin with 'abc': `mlsse runs` shows their ids\n",
    )  # fmt: skip


def test_models_are_listed_promoted_rolled_back_and_exported(run, two_versions, tmp_path):
    names = [v["model_version"] for v in json.loads(run("models", "list")[1])]
    assert len(set(names)) == 2
    code, out, _ = run("models", "promote", "1", "--reason", "a first one")
    assert (code, out) == (0, f"version 1, {names[0]}, is the champion\n")
    assert run("models", "promote", "2")[0] == 0
    tracking.refuse(1, ["worse by far"])
    listed = run("models", "list", "--format", "table")[1].splitlines()
    assert [line.split()[-1] for line in listed[-2:]] == ["champion", "champion"]
    assert "was champion" in listed[-2]
    shown = json.loads(run("models", "show", "1")[1])
    assert shown["tags"]["promoted_because"] == "a first one"
    assert shown["tags"]["refused_because"] == "worse by far"
    assert shown["metrics"]["stability/random_held_out/stable_roc_auc"] > 0.5
    out = run("models", "show", "2", "--format", "table")[1]
    assert "state: champion" in out
    assert "stable_roc_auc" in out
    exported = tmp_path / "exported"
    assert run("models", "export", str(exported))[0] == 0
    assert load_model(exported).version == names[1]
    assert run("models", "rollback")[1] == f"version 1, {names[0]}, is the champion\n"
    assert run("models", "export", str(exported), "--version", "1")[0] == 0
    predicted = run("predict", "Li6PS5Cl", "--model", str(exported))[1]
    assert names[0] in predicted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "promote", "3"], "there is no version 3"),
        (["models", "show", "3"], "there is no version 3"),
        (["models", "rollback"], "there is no earlier champion"),
        (["models", "export", "out"], "there is no champion yet"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith(f"mlsse: {message}")
    assert err.count("\n") == 1


def test_an_empty_registry_says_how_to_fill_it(run):
    assert "mlsse retrain" in run("models", "list", "--format", "table")[1]
    assert run("models", "list") == (0, "[]\n", "")
