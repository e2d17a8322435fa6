"""Retraining jobs: who is promoted, what is done once only, what a stop in between leaves."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import synthetic

from mlsse import challengers, cli, gate, held_out, new_data, retraining, tracking, training
from mlsse.bundle import load_model
from mlsse.errors import ConfigError, DatasetError, TrackingError
from mlsse.evidence import Evidence
from mlsse.store import Store
from mlsse.tracking import Version

SMOKE = Path(__file__).parents[1] / "experiments" / "smoke.toml"
HEADER = "formula,conductivity_s_per_cm,temperature_k\n"
TABLE = pd.DataFrame({"a": [1.5]}, index=pd.Index(["Li fraction"], name="feature"))
BASE = dict.fromkeys(gate.METRICS, 0.5)


class Registry:
    """The registry of `mlsse.tracking`, in memory."""

    def __init__(self):
        self.found: list[Version] = []
        self.champions: list[int] = []
        self.bundles: dict[str, Path] = {}
        self.rows: dict[str, pd.DataFrame] = {}

    def log_training(self, experiment, metadata, folder, **_):
        run_id = f"run{len(self.bundles)}"
        self.bundles[run_id] = shutil.copytree(folder, folder.parent / f"{run_id}-bundle")
        return run_id

    def register(self, run_id, folder, *, tags, store):
        name = load_model(folder).version
        now = datetime.now(UTC)
        self.found.append(Version(len(self.found) + 1, run_id, name, now, False, dict(tags)))
        return self.found[-1]

    def versions(self, store=None):
        serving = self.champions[-1] if self.champions else None
        return [
            dataclasses.replace(v, is_champion=v.number == serving, tags=dict(v.tags))
            for v in self.found
        ]

    def champion(self, store=None):
        return next((v for v in self.versions() if v.is_champion), None)

    def promote(self, number, *, reason, store=None):
        self.found[number - 1].tags["promoted_because"] = reason
        self.champions.append(number)

    def refuse(self, number, reasons, store=None):
        self.found[number - 1].tags["refused_because"] = "\n".join(reasons)

    def note_outcome(self, version, outcome, reasons, store):
        tags = {"retraining_outcome": outcome, "retraining_reasons": json.dumps(list(reasons))}
        self.found[version.number - 1].tags.update(tags)

    def fetch_bundle(self, number, store=None):
        return self.bundles[self.found[number - 1].run_id]

    def log_new_rows(self, new, run_id, store):
        self.rows[run_id] = new

    def fetch_new_rows(self, version, store):
        return self.rows[version.run_id]


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A store in memory, fits that take no time, scores to be set by seed and new rows."""
    registry = Registry()
    for module in (challengers, retraining):
        for name in ("log_training", "register", "versions", "champion", "promote", "refuse",
                     "fetch_bundle", "note_outcome"):  # fmt: skip
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(registry, name))
    monkeypatch.setattr(challengers, "_log_new_rows", registry.log_new_rows)
    monkeypatch.setattr(challengers, "_fetch_new_rows", registry.fetch_new_rows)
    place = SimpleNamespace(registry=registry, tmp=tmp_path, fits=[], final_fits=[], scores={})
    conductivity = synthetic.conductivity_rows()

    def write(experiment, new, folder):
        rows = conductivity
        if new is not None:
            measured = synthetic.measurements(new["formula"], new["log10_conductivity"])
            rows = training.ConductivityRows(new, measured, conductivity.groups[: len(new)])
        fitted, trees = synthetic.fitted()
        monkeypatch.setattr(training, "_check_faithful", lambda *_: None)
        trees_of = synthetic.stability_rows(), trees, synthetic.phases(), folder
        model = training.assemble(experiment, rows, fitted, *trees_of)
        return training.Trained(model, Evidence(TABLE, TABLE, TABLE))

    def compare(experiment, new, folder):
        place.fits.append((experiment.seed, 0 if new is None else len(new)))
        return write(experiment, new, folder)

    def score(experiment, new, model):
        seed = model.metadata["experiment"]["seed"]
        return BASE | place.scores.get((seed, "new_data" in model.metadata["data"]), {})

    def build(experiment, rows, stability, phases, folder):
        place.final_fits.append(experiment.seed)
        return write(experiment, rows, folder)

    monkeypatch.setattr(held_out, "fit", compare)
    monkeypatch.setattr(held_out, "score", score)
    monkeypatch.setattr(training, "build_with_evidence", build)
    monkeypatch.setattr(training, "load_conductivity_rows", lambda sources, new=None: new)
    monkeypatch.setattr(training, "load_stability_rows", lambda *_: None)
    monkeypatch.setattr(training, "load_phases", lambda *_: None)
    table = pd.DataFrame(columns=["doi", "formula", "source"]).astype(object)
    monkeypatch.setattr(retraining, "load_dataset", lambda *_, **__: table)
    monkeypatch.setattr(new_data, "merge_measurements", _merge_nothing)
    facts = gate.BundleFacts({"Li10GeP2S12": -2.0, "Li7La3Zr2O12": -4.0, "Li2CO3": -9.0}, 1.0, 1.0)
    monkeypatch.setattr(retraining, "measure", lambda *_: facts)
    (tmp_path / "store").mkdir()
    place.store = Store("sqlite:///none", tmp_path / "store", None)
    return place


def _merge_nothing(table, **_):
    return SimpleNamespace(frame=table, reasons={})


def config(place, seed=0, **changes):
    """An experiment file of a seed, by which its scores are told."""
    text = SMOKE.read_text().replace("seed = 0", f"seed = {seed}")
    for old, new in changes.items():
        assert old in text
        text = text.replace(f'{old} = "none"', f'{old} = "{new}"')
    file = place.tmp / f"smoke{seed}.toml"
    file.write_text(text)
    return file


def new_file(place):
    file = place.tmp / "new.csv"
    file.write_text(HEADER + "Li3BN2,1e-7,300\nNaCl,1e-3,300\nLi2ZnCl4,1e-8,300\n")
    return file


def retrain(place, seed=0, *files, **options):
    return retraining.retrain(config(place, seed), files, store=place.store, **options)


BETTER, WORSE = {"conductivity_mae": 0.3}, {"conductivity_mae": 0.7}


def test_the_first_challenger_of_an_empty_registry_is_promoted_after_a_fit_to_all_rows(place):
    report = retrain(place)
    assert (report.outcome, report.version, report.champion) == ("promoted", 1, 1)
    assert report.rival == "none"
    assert (place.fits, place.final_fits) == ([(0, 0)], [0])
    assert place.registry.found[0].tags["learned_from"] == "all rows"
    json.dumps(report.as_dict(), allow_nan=False)


def test_a_better_one_is_promoted_and_a_worse_one_registered_with_its_reasons(place):
    retrain(place)
    place.scores = {(1, False): WORSE, (2, False): BETTER}
    worse = retrain(place, 1)
    assert (worse.outcome, worse.version, worse.champion) == ("kept", 2, 1)
    tags = place.registry.found[1].tags
    assert "conductivity_mae is worse: 0.7 against 0.5" in tags["refused_because"]
    assert tags["learned_from"] == "rows that are not held out"
    better = retrain(place, 2)
    assert (better.outcome, better.version, better.champion) == ("promoted", 3, 3)
    assert place.registry.champions == [1, 3]
    assert better.rival_scores["conductivity_mae"] == 0.5
    # The champion's scores come from its tags: it was compared when it was the challenger.
    assert place.fits == [(0, 0), (1, 0), (2, 0)]


def test_the_same_job_again_answers_without_a_fit(place):
    retrain(place)
    place.scores = {(1, False): WORSE}
    first = retrain(place, 1)
    again = retrain(place, 1)
    assert again.found_finished
    assert not first.found_finished
    same = {"found_finished": False, "seconds": first.seconds}
    assert dataclasses.replace(again, **same) == first
    assert len(place.registry.found) == 2
    assert len(place.fits) == 2


def test_the_champions_own_recipe_is_nothing_new(place):
    retrain(place)
    again = retrain(place)
    assert (again.outcome, again.version) == ("kept", 1)
    assert again.reasons == ("version 1 follows this recipe and these data already",)
    assert len(place.registry.found) == len(place.fits) == 1


@pytest.mark.parametrize("stop_at", ["log_training", "register", "promote", "note_outcome"])
def test_a_job_that_was_stopped_goes_on_where_it_was(place, monkeypatch, stop_at):
    retrain(place)
    place.scores = {(1, False): BETTER}

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(challengers, stop_at, stop)
        with pytest.raises(KeyboardInterrupt):
            retrain(place, 1)
    serving = place.registry.champion().number
    assert serving == (2 if stop_at == "note_outcome" else 1)
    report = retrain(place, 1)
    assert (report.outcome, report.champion) == ("promoted", 2)
    assert report.reasons == ("conductivity_mae is better: 0.3 against 0.5 decades",)
    assert len(place.registry.found) == 2
    assert (place.fits, place.final_fits) == ([(0, 0), (1, 0)], [0, 1])
    assert place.registry.champions == [1, 2]


def test_a_champion_that_changed_meanwhile_is_compared_with(place, monkeypatch):
    retrain(place)
    place.scores = {(1, False): BETTER, (2, False): {"conductivity_mae": 0.1}}
    build = training.build_with_evidence
    others = iter([2])

    def build_while_another_finishes(*arguments):
        for seed in others:
            assert retrain(place, seed).outcome == "promoted"
        return build(*arguments)

    monkeypatch.setattr(training, "build_with_evidence", build_while_another_finishes)
    report = retrain(place, 1)
    assert (report.outcome, report.rival, report.champion) == ("kept", "version 2", 2)
    assert place.registry.champions == [1, 2]


def test_what_was_taken_back_is_not_promoted_again(place):
    retrain(place)
    place.scores = {(1, False): BETTER}
    retrain(place, 1)
    place.registry.champions.pop()  # a rollback
    report = retrain(place, 1)
    assert (report.outcome, report.champion) == ("kept", 1)
    assert "promoted version 2 before, and it was taken back" in report.reasons[0]
    assert place.registry.champions == [1]


def test_the_shipped_model_is_the_first_champion_where_a_rival_is_wanted(place, monkeypatch):
    shipped = place.tmp / "shipped"
    shutil.copytree(synthetic.write(place.tmp / "made" / "shipped").folder, shipped)
    real = load_model
    monkeypatch.setattr(challengers, "load_model", lambda folder=shipped: real(folder))
    file = config(place, 1, first_rival="shipped")

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(challengers, "promote", stop)
        with pytest.raises(KeyboardInterrupt):
            retraining.retrain(file, store=place.store)
    report = retraining.retrain(file, store=place.store)
    assert (report.outcome, report.rival, report.champion) == ("kept", "version 1", 1)
    assert [v.number for v in place.registry.found] == [1, 2]
    assert place.fits == [(0, 0), (1, 0)]  # the shipped recipe was fitted for the comparison
    place.fits.clear()
    place.registry.found[0].tags.pop("held_out_scores", None)
    own = retraining.retrain(config(place, 0, first_rival="shipped"), store=place.store)
    assert own.reasons == ("version 1 follows this recipe and these data already",)
    assert place.fits == []  # nothing to compare


def test_new_rows_are_kept_for_the_comparisons_to_come(place, monkeypatch):
    retrain(place)
    place.scores = {(0, True): BETTER}
    report = retrain(place, 0, new_file(place))
    assert (report.outcome, report.new_rows) == ("promoted", 2)
    assert [(row["file"], row["line"]) for row in report.rejected_rows] == [("new.csv", 3)]
    # Other software: the champion's scores do not count any more, its recipe is fitted anew.
    monkeypatch.setattr(held_out, "PROTOCOL", "another")
    place.fits.clear()
    again = retrain(place, 1)
    assert place.fits == [(0, 2), (1, 0)]
    assert again.rival_scores["conductivity_mae"] == 0.3
    place.registry.rows["run1"] = place.registry.rows["run1"].iloc[:1]
    with pytest.raises(TrackingError, match="does not hold the rows that it was trained on"):
        retrain(place, 2)


def test_new_data_without_a_usable_row_fails(place):
    file = place.tmp / "bad.csv"
    file.write_text(HEADER + "NaCl,1e-3,300\n")
    with pytest.raises(DatasetError, match=r"none of the 1 new rows can be used; bad.csv, line 2"):
        retrain(place, 0, file)
    assert place.fits == []


def test_an_impossible_gate_is_refused_before_anything_is_fitted(place):
    file = config(place)
    file.write_text(file.read_text().replace("stable_brier", "stable_briar"))
    with pytest.raises(ConfigError, match="stable_briar"):
        retraining.retrain(file, store=place.store)
    assert place.fits == []


def test_the_champion_is_exported_whichever_it_is(place, monkeypatch):
    exported = []
    monkeypatch.setattr(
        retraining, "export", lambda folder, number, store: exported.append((folder, number))
    )
    retrain(place, export_to="served")
    place.scores = {(1, False): WORSE}
    retrain(place, 1, export_to="served")
    assert exported == [(Path("served"), 1)] * 2


def run_command(place, monkeypatch, capsys, *options):
    monkeypatch.setattr(retraining, "open_store", lambda: place.store)
    with pytest.raises(SystemExit) as ended:
        cli.main(["retrain", *map(str, options)])
    return ended.value.code, capsys.readouterr()


def test_the_command_tells_the_outcome_by_its_exit_code(place, monkeypatch, capsys):
    code, said = run_command(place, monkeypatch, capsys, config(place))
    assert code == 0
    assert json.loads(said.out)["outcome"] == "promoted"
    assert "promoting version 1" in said.err
    report = place.tmp / "report.json"
    code, said = run_command(place, monkeypatch, capsys, config(place), "--report", report)
    assert (code, said.out) == (3, "")
    assert json.loads(report.read_text())["outcome"] == "kept"
    bad = place.tmp / "bad.csv"
    bad.write_text("formula\nLi2O\n")
    options = (config(place), "--new-data", bad, "--report", report)
    code, said = run_command(place, monkeypatch, capsys, *options)
    assert code == 1
    assert "'conductivity_s_per_cm' is missing" in said.err
    assert json.loads(report.read_text())["outcome"] == "failed"
    assert [file.name for file in place.tmp.glob("*report*")] == ["report.json"]


def test_bundle_facts_are_measured(tmp_path):
    model = synthetic.write(tmp_path / "bundle")
    facts = retraining.measure(model, synthetic.smoke_experiment().gate)
    assert set(facts.log10_conductivity) >= {"Li10GeP2S12", "Li7La3Zr2O12", "Li2CO3"}
    assert 0.01 < facts.size_mb < 10
    assert 0.0 < facts.latency_ms < 5000


def test_rows_and_outcomes_survive_a_real_store(tmp_path, monkeypatch):
    """One round through MLflow: what the registry in memory stands for above."""
    store = tracking.open_store()
    experiment = synthetic.smoke_experiment()
    file = tmp_path / "new.csv"
    file.write_text(HEADER + "Li3BN2,1.0000000000000003e-7,300.1\nLi2ZnCl4,1e-8,300\n")
    new = new_data.read_new_data([file]).table
    rows = training.ConductivityRows(
        new,
        synthetic.measurements(new["formula"], [-7.0, -8.0]),
        synthetic.conductivity_rows().groups,
    )
    monkeypatch.setattr(training, "_check_faithful", lambda *_: None)
    fitted, trees = synthetic.fitted()
    folder = tmp_path / "bundle"
    training.assemble(
        experiment, rows, fitted, synthetic.stability_rows(), trees, synthetic.phases(), folder
    )
    monkeypatch.setattr(challengers.Fitted, "evidence", lambda self: None)
    recipe = challengers.Recipe(experiment, new)
    decision = gate.Decision(True, ("better",))
    rival, done = challengers.Rival(), challengers.Fitted(tmp_path, held_out.ALL_ROWS)
    with store.lock():
        made = challengers.close("job", recipe, rival, done, BASE, decision, store)
    found = challengers.find("job", rival, store)
    assert found is not None
    assert (found.number, found.is_champion) == (made.number, True)
    assert challengers.outcome(found) == ("promoted", ("better",))
    assert challengers.all_scores(found) == (BASE, None)
    again = challengers.recipe_of(found, store)
    assert again.fingerprint == recipe.fingerprint
    assert challengers.kept_scores(found, again) == BASE
