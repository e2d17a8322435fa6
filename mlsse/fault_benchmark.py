"""What retraining jobs do to each other, and what is left of one that is killed.

Jobs run as a user starts them, each a process of its own on a store of its own; what they leave
is looked at through the command line. Nothing in a job knows of this module: it is killed some
time after it has said on standard error what it does.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlsse import gate, prediction
from mlsse.bundle import load_model
from mlsse.config import GateConfig, load_experiment
from mlsse.datasets import load_dataset
from mlsse.errors import ConfigError, MlsseError, TrackingError

log = logging.getLogger(__name__)

_TRIALS = 5
#: How many jobs are killed in which stage, by the line that opens it.
_KILLS: Mapping[str, tuple[str, int]] = {
    "logging": ("logging the run", 4),
    "registering": ("registering the challenger", 4),
    "promoting": ("promoting version", 4),
    "exporting": ("exporting version", 3),
    "any": ("", 5),
}
_DONE = "exported"  # said when the last stage is over, and the job all but ended
_ATTEMPTS = 12  # a job may have left the stage before it is killed
_JOB_SECONDS = 600.0
_ALL_SECONDS = 3600.0
_PROMOTED, _KEPT = 0, 3
_LATER_SOURCE = "liverpool"


def measure(config: str | Path | None) -> dict[str, dict[str, Any]]:
    """Run jobs two at once, and kill others.

    Parameters
    ----------
    config : str or pathlib.Path, optional
        A quick experiment file that learns from other sources than Liverpool's, whose rows are
        its new data, and that has ``first_rival = "none"``.

    Returns
    -------
    dict
        ``two_at_once``: trials on a fresh store, those with an error, with exactly one champion
        and with all versions as the gate says. ``killed``: jobs killed by stage, and after how
        many of them the store opened, the champion predicted, the export was whole and the next
        job succeeded. A job counts for the stage in which it was when it died, told by the last
        line that it had said; one that died in another stage than was meant is not counted.

    Raises
    ------
    ConfigError
        If there is no experiment file.
    TrackingError
        If a job does not do what it should before anything is broken, or it takes too long.
    """
    if config is None:
        raise ConfigError("benchmark faults: name a quick --config, as experiments/smoke.toml")
    config = Path(config).resolve()
    config_gate = load_experiment(config).gate
    with TemporaryDirectory(prefix="mlsse-faults-") as temporary:
        place = _Place(Path(temporary).resolve(), config, config_gate, time.monotonic())
        place.write_new_data()
        return {"two_at_once": _two_at_once(place), "killed": _killed(place)}


@dataclass(frozen=True)
class _Place:
    """Folders of the trials, and how to run mlsse in them."""

    folder: Path
    config: Path
    gate: GateConfig
    start: float

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def export(self) -> Path:
        return self.folder / "export"

    @property
    def new_data(self) -> Path:
        return self.folder / "later.csv"

    def write_new_data(self) -> None:
        table = load_dataset("conductivity")
        later = (table["source"] == _LATER_SOURCE) & (table["mobile_ion"] == "Li")
        table[later].to_csv(self.new_data, index=False)

    def start_job(self, report: Path, *options: str | Path) -> subprocess.Popen[str]:
        words = ["retrain", self.config, "--report", report, *options]
        return subprocess.Popen(
            self._words(words), env=self._environment(), stderr=subprocess.PIPE, text=True
        )

    def run_job(self, report: Path, *options: str | Path) -> int:
        """Run a job to its end; exit code."""
        return _wait(self.start_job(report, *options))[0]

    def mlsse(self, *words: str | Path) -> str:
        """Run another command; its standard output."""
        done = subprocess.run(
            self._words(words),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_JOB_SECONDS,
        )
        if done.returncode:
            raise TrackingError(f"mlsse {' '.join(map(str, words))}: {done.stderr[-300:]}")
        return done.stdout

    def versions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.mlsse("models", "list", "--format", "json"))
        return found

    def check_time(self) -> None:
        if time.monotonic() - self.start > _ALL_SECONDS:
            raise TrackingError(f"the trials took more than {_ALL_SECONDS:g} s: given up")

    def _words(self, words: Sequence[str | Path]) -> list[str]:
        return [sys.executable, "-m", "mlsse", *map(str, words)]

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        return kept | {"MLSSE_STORE": str(self.store)}


def _wait(job: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a job and what it wrote to standard error."""
    try:
        _, said = job.communicate(timeout=_JOB_SECONDS)
    except subprocess.TimeoutExpired:
        job.kill()
        raise TrackingError(f"a retraining job took more than {_JOB_SECONDS:g} s") from None
    return job.returncode, said


def _two_at_once(place: _Place) -> dict[str, Any]:
    """Start two jobs on a fresh store; in every other trial the second has new data."""
    errors, one_champion, as_the_gate_says = 0, 0, 0
    exit_codes = []
    for trial in range(_TRIALS):
        place.check_time()
        shutil.rmtree(place.store, ignore_errors=True)
        options = ("--new-data", place.new_data) if trial % 2 else ()
        reports = [place.folder / f"report-{i}.json" for i in range(2)]
        jobs = [place.start_job(reports[0]), place.start_job(reports[1], *options)]
        ended = [_wait(job) for job in jobs]
        codes = [code for code, _ in ended]
        exit_codes.append(codes)
        for code, said in ended:
            if code not in (_PROMOTED, _KEPT):
                log.warning("trial %d: exit code %d: %s", trial + 1, code, said[-500:])
        found = place.versions()
        errors += any(code not in (_PROMOTED, _KEPT) for code in codes)
        one_champion += sum(v["is_champion"] for v in found) == 1
        fault = _fault(found, place.gate)
        as_the_gate_says += not fault
        log.info("two at once, trial %d: exit codes %s %s", trial + 1, codes, fault)
    return {
        "n_trials": _TRIALS,
        "exit_codes": exit_codes,
        "n_with_an_error": errors,
        "n_with_exactly_one_champion": one_champion,
        "n_as_the_gate_says": as_the_gate_says,
    }


def _fault(found: list[dict[str, Any]], config: GateConfig) -> str:
    """Say what in a registry contradicts the gate; "" if nothing does.

    Each promoted version has to have beaten the one promoted before it, and the last one is the
    champion.
    """
    before = "none"
    champions = [v["number"] for v in found if v["is_champion"]]
    for version in sorted(found, key=lambda v: v["number"]):
        tags = version["tags"]
        if "retraining_outcome" not in tags:
            continue  # of a job that was killed
        promoted = tags["retraining_outcome"] == "promoted"
        rival_scores = json.loads(tags["rival_held_out_scores"])
        if rival_scores is not None:
            scores = json.loads(tags["held_out_scores"])
            if gate.compare(rival_scores, scores, config).promote != promoted:
                return f"version {version['number']} against the gate"
        if promoted:
            if tags["retraining_rival"] != before:
                return f"version {version['number']} was promoted without beating {before}"
            before = f"version {version['number']}"
    return "" if [before] == [f"version {n}" for n in champions] else f"champions {champions}"


def _killed(place: _Place) -> dict[str, Any]:
    """Kill jobs that would promote a better model, and look at what they leave."""
    rng = random.Random(0)
    report = place.folder / "report.json"
    shutil.rmtree(place.store, ignore_errors=True)
    if place.run_job(report, "--export", place.export) != _PROMOTED:
        raise TrackingError("the first job did not promote its model")
    words = ("--new-data", place.new_data, "--export", place.export)
    blank = place.folder / "blank"
    shutil.copytree(place.store, blank)
    shutil.rmtree(blank / "retraining")  # so that a job fits anew
    old_export = place.folder / "old-export"
    shutil.copytree(place.export, old_export)
    seconds = _stage_seconds(place, report, words)
    ready = _ready_store(place, report, words, blank)

    results: Counter[str] = Counter()
    by_stage: Counter[str] = Counter()
    n_missed = 0
    wanted = [stage for stage, (_, n) in _KILLS.items() for _ in range(n)]
    for i, stage in enumerate(wanted):
        place.check_time()
        for _ in range(_ATTEMPTS):
            _restore(place, blank if stage == "any" else ready, old_export)
            job = place.start_job(report, *words)
            killed_in = _kill_in(job, _KILLS[stage][0], rng.uniform(0.0, seconds[stage]))
            if killed_in == stage or (stage == "any" and killed_in):
                break
            n_missed += 1
        else:
            raise TrackingError(f"no job could be killed while it was {stage}")
        by_stage[killed_in] += 1
        found = _look_at(place, report, words)
        results.update(found)
        log.info("killed %d of %d (%s): %s", i + 1, len(wanted), killed_in, dict(found))
    return {
        "n": len(wanted),
        "n_by_stage": dict(by_stage),
        "n_missed": n_missed,
        "stage_seconds": seconds,
        **{
            name: results[name]
            for name in (
                "store_opens", "champion_predicts", "export_is_whole", "next_job_succeeds",
                "as_the_gate_says",
            )
        },
    }  # fmt: skip


def _stage_seconds(place: _Place, report: Path, words: Sequence[str | Path]) -> dict[str, float]:
    """Run a job to its end and time its stages."""
    start = time.monotonic()
    job = place.start_job(report, *words)
    times = []
    assert job.stderr is not None  # it is a pipe
    for line in job.stderr:
        for stage, (text, _) in _KILLS.items():
            if text and line.startswith(text):
                times.append((stage, time.monotonic()))
        if line.startswith(_DONE):
            times.append(("", time.monotonic()))
    if job.wait() != _PROMOTED:
        raise TrackingError("the job with new data did not promote its model")
    end = time.monotonic()
    spans = {stage: e - b for (stage, b), (_, e) in pairwise(times)}
    return spans | {"any": end - start}


def _ready_store(place: _Place, report: Path, words: Sequence[str | Path], blank: Path) -> Path:
    """Make a store whose next job has all its fits behind it."""
    _restore(place, blank, None)
    _kill_in(place.start_job(report, *words), _KILLS["logging"][0], 0.0)
    ready = place.folder / "ready"
    shutil.copytree(place.store, ready)
    return ready


def _restore(place: _Place, saved: Path, export: Path | None) -> None:
    """Put a saved store, and the export of its champion, into place."""
    for folder, source in ((place.store, saved), (place.export, export)):
        if source is not None:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, folder)


def _kill_in(job: subprocess.Popen[str], opening: str, delay: float) -> str:
    """Kill a job some seconds after it has said a line.

    Returns the stage in which it died: one of `_KILLS`, ``before`` the first of them, or "" if
    its stages or the whole job had ended.
    """
    assert job.stderr is not None  # it is a pipe
    said = []
    if opening:
        for line in job.stderr:
            said.append(line)
            if line.startswith(opening):
                break
    time.sleep(delay)
    job.kill()
    said += job.stderr.readlines()
    job.wait()
    if job.returncode >= 0 or any(line.startswith(_DONE) for line in said):
        return ""
    found = "before"
    for line in said:
        for stage, (text, _) in _KILLS.items():
            if text and line.startswith(text):
                found = stage
    return found


def _look_at(place: _Place, report: Path, words: Sequence[str | Path]) -> Counter[str]:
    """See what a killed job has left, and whether the next one succeeds."""
    found: Counter[str] = Counter()
    found["export_is_whole"] = int(_predicts(place.export))
    try:
        found["store_opens"] = int(sum(v["is_champion"] for v in place.versions()) == 1)
        fetched = place.folder / "fetched"
        shutil.rmtree(fetched, ignore_errors=True)
        place.mlsse("models", "export", fetched)
        found["champion_predicts"] = int(_predicts(fetched))
    except MlsseError as error:
        log.warning("%s", error)
    report.unlink(missing_ok=True)
    code, said = _wait(place.start_job(report, *words))
    if code not in (_PROMOTED, _KEPT):
        log.warning("the next job: exit code %d: %s", code, said[-500:])
        return found
    versions = place.versions()
    champion = next((v for v in versions if v["is_champion"]), {"model_version": None})
    told = json.loads(report.read_text())
    found["next_job_succeeds"] = int(
        told["champion"] == champion.get("number")
        and told["new_rows"] > 0
        and load_model(place.export).version == champion["model_version"]
    )
    fault = _fault(versions, place.gate)
    if fault:
        log.warning("after the next job: %s", fault)
    found["as_the_gate_says"] = int(not fault)
    return found


def _predicts(folder: Path) -> bool:
    """Whether a bundle loads and predicts."""
    try:
        (row,) = prediction.predict_rows(["Li6PS5Cl"], model=load_model(folder))
    except MlsseError as error:
        log.warning("%s", error)
        return False
    return row["log10_conductivity"] is not None
