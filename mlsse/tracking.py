"""Runs: what a training was given, what it showed, and the bundle that it wrote.

Retraining and serving find here all they need of the store; what concerns registered models
is in `mlsse.registry`, where the store is and how it is made in `mlsse.store`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlsse
from mlsse import provenance
from mlsse.bundle import CARD
from mlsse.config import Experiment
from mlsse.errors import TrackingError
from mlsse.registry import (
    BUNDLE_ARTIFACT,
    MODEL_VERSION_TAG,
    Version,
    champion,
    export,
    fetch_bundle,
    promote,
    refuse,
    register,
    rollback,
    version,
    versions,
)
from mlsse.store import Store, open_store, reported

if TYPE_CHECKING:
    from mlflow.data.dataset import Dataset

    from mlsse.evidence import Evidence

__all__ = [
    "Run",
    "Store",
    "Version",
    "champion",
    "export",
    "fetch_bundle",
    "find_run",
    "log_training",
    "open_store",
    "promote",
    "refuse",
    "register",
    "rollback",
    "runs",
    "search",
    "training_metrics",
    "version",
    "versions",
]

_PARENT_TAG = "mlflow.parentRunId"
_OUR_TAG = "mlsse_version"
_NOTE_TAG = "mlflow.note.content"
_MAX_NOTE_LENGTH = 8000
_MAX_RUNS = 1000


@dataclass(frozen=True)
class Run:
    """A logged run.

    Attributes
    ----------
    run_id : str
    experiment : str
        Name of the experiment's recipe.
    name : str
    started : datetime.datetime
        UTC.
    status : str
        ``RUNNING`` (or killed), ``FINISHED``, ``FAILED`` or ``KILLED``.
    parent_run_id : str
        Empty where it is no part of a search.
    model_version : str
        Of the bundle; empty where none was logged.
    metrics : dict of str to float
        By names such as ``conductivity/grouped_5_fold/mae_room_temperature``.
    parameters : dict of str to str
    """

    run_id: str
    experiment: str
    name: str
    started: datetime
    status: str
    parent_run_id: str
    model_version: str
    metrics: dict[str, float]
    parameters: dict[str, str]


@reported
def log_training(
    experiment: Experiment,
    metadata: Mapping[str, Any],
    folder: Path,
    *,
    evidence: Evidence | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
    parent_run_id: str | None = None,
    store: Store | None = None,
) -> str:
    """Log a training with the bundle that it wrote.

    Parameters
    ----------
    experiment : Experiment
        Its settings become parameters.
    metadata : mapping
        That of the bundle: data, versions and metrics are taken from it.
    folder : pathlib.Path
        The bundle; it is copied to the store.
    evidence : Evidence, optional
        Its tables are logged, and the figures drawn from them.
    metrics : mapping of str to float, optional
        Further metrics, their protocol in the name.
    tags : mapping of str to str, optional
    parent_run_id : str, optional
        The search that this training is part of, see `search`. By default the run that
        ``mlflow run`` has made, if it started this process.
    store : Store, optional
        By default the one that the environment names.

    Returns
    -------
    str
        Id of the run.

    Raises
    ------
    TrackingError
        If the store fails; the run is then marked as failed where that is possible.
    """
    import mlflow

    store = store or open_store()
    run_id = _create_run(
        store,
        experiment,
        experiment.name,
        parent_run_id or os.environ.get("MLFLOW_RUN_ID", ""),
        dict(tags or {}) | {_NOTE_TAG: (folder / CARD).read_text("utf-8")[:_MAX_NOTE_LENGTH]},
    )
    with store.active(), mlflow.start_run(run_id=run_id, nested=True):
        mlflow.set_tags({f"protocol.{k}": v["protocol"] for k, v in metadata["metrics"].items()})
        mlflow.log_params(_parameters(experiment, metadata))
        mlflow.log_metrics(training_metrics(experiment, metadata) | dict(metrics or {}))
        for dataset in _datasets(metadata, evidence):
            mlflow.log_input(dataset, context="training")
        if evidence is not None:
            _log_evidence(evidence)
        mlflow.log_artifacts(str(folder), BUNDLE_ARTIFACT)
        # Last: a run that was killed before has no bundle to register.
        mlflow.set_tag(MODEL_VERSION_TAG, metadata["model_version"])
    return run_id


@contextmanager
def search(experiment: Experiment, name: str, *, store: Store | None = None) -> Iterator[str]:
    """Gather the trainings of a search under one run.

    Parameters
    ----------
    experiment : Experiment
        The recipe that is varied.
    name : str
        Of the search.
    store : Store, optional

    Yields
    ------
    str
        Id of the run, the ``parent_run_id`` of each training.

    Raises
    ------
    TrackingError
        If the store fails.
    """
    store = store or open_store()
    run_id = _create_run(store, experiment, name, "", {})
    try:
        yield run_id
    except BaseException:
        _end_run(store, run_id, "FAILED")
        raise
    _end_run(store, run_id, "FINISHED")


@reported
def runs(experiment: str | None = None, *, store: Store | None = None) -> list[Run]:
    """List the runs of this project, newest first.

    Parameters
    ----------
    experiment : str, optional
        Only those of a recipe of this name.
    store : Store, optional

    Returns
    -------
    list of Run
        At most 1000.

    Raises
    ------
    TrackingError
        If the store fails.
    """
    store = store or open_store()
    client = store.client()
    names = {e.experiment_id: e.name for e in client.search_experiments()}
    if experiment is not None:
        names = {id_: n for id_, n in names.items() if n == _experiment_name(experiment)}
    if not names:
        return []
    found = client.search_runs(
        list(names), f"tags.{_OUR_TAG} LIKE '%'", max_results=_MAX_RUNS,
        order_by=["attributes.start_time DESC"],
    )  # fmt: skip
    return [
        Run(
            run_id=run.info.run_id,
            experiment=names[run.info.experiment_id].removeprefix(_experiment_name("")),
            name=run.info.run_name or "",
            started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            status=run.info.status,
            parent_run_id=run.data.tags.get(_PARENT_TAG, ""),
            model_version=run.data.tags.get(MODEL_VERSION_TAG, ""),
            metrics=dict(run.data.metrics),
            parameters=dict(run.data.params),
        )
        for run in found
    ]


def find_run(beginning: str, among: Sequence[Run]) -> Run:
    """Find a run by its id or the beginning of it.

    Raises
    ------
    TrackingError
        If it fits none, or more than one.
    """
    found = [run for run in among if run.run_id.startswith(beginning)]
    if len(found) != 1:
        raise TrackingError(
            f"{len(found) or 'no'} runs begin with {beginning!r}: `mlsse runs` shows their ids"
        )
    return found[0]


def training_metrics(experiment: Experiment, metadata: Mapping[str, Any]) -> dict[str, float]:
    """Name the scores of a training by model, protocol and metric.

    Parameters
    ----------
    experiment : Experiment
    metadata : mapping
        That of the bundle.

    Returns
    -------
    dict of str to float
        Such as ``conductivity/grouped_5_fold/mae_room_temperature``, in decades. What is
        undefined is left out.
    """
    protocols = {
        "conductivity": f"grouped_{experiment.conductivity.n_folds}_fold",
        "stability": "random_held_out",
    }
    return {
        f"{part}/{protocol}/{name}": float(value)
        for part, protocol in protocols.items()
        for name, value in metadata["metrics"][part].items()
        if isinstance(value, (int, float)) and not name.startswith("n_")
    }


def _parameters(experiment: Experiment, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, counts of rows and versions, flat; the seed is one of the settings."""
    counts = {
        part: {name: value for name, value in report.items() if name.startswith("n_")}
        for part, report in metadata["metrics"].items()
    }
    return _flat(asdict(experiment)) | _flat(
        {
            "rows": {name: source["rows"] for name, source in metadata["data"].items()},
            "training": counts,
            "phases": metadata["phases"],
            "library": metadata["versions"],
        }
    )


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _datasets(metadata: Mapping[str, Any], evidence: Evidence | None) -> Iterator[Dataset]:
    """Each source by the hashes of its files; the measurements that were learned from by rows."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.pandas_dataset import from_pandas

    for name, source in metadata["data"].items():
        files = json.dumps(source["sha256"], sort_keys=True)
        digest = hashlib.sha256(files.encode()).hexdigest()[:16]
        told = {"title": source["title"], "rows": str(source["rows"]), "sha256": files}
        source_of = CodeDatasetSource(told)
        yield MetaDataset(source_of, name=name, digest=digest)  # type: ignore[abstract]
    if evidence is not None:
        columns = ["formula", "temperature_k", "censored", "log10_conductivity"]
        yield from_pandas(
            evidence.out_of_fold[columns],
            source=CodeDatasetSource({"sources": " ".join(metadata["data"])}),
            targets="log10_conductivity",
            name="conductivity_rows",
        )


def _log_evidence(evidence: Evidence) -> None:
    import mlflow

    from mlsse import run_figures

    for name in ("out_of_fold", "held_out", "importances"):
        table = getattr(evidence, name)
        text = table.to_csv(index=name == "importances", lineterminator="\n")
        mlflow.log_text(text, f"evidence/{name}.csv")
    for name, figure in run_figures.draw_all(evidence).items():
        mlflow.log_figure(figure, f"figures/{name}.png")


def _experiment_name(recipe: str) -> str:
    """The MLflow experiment of a recipe; the prefix keeps it apart on a shared server."""
    return f"mlsse/{recipe}"


@reported
def _create_run(
    store: Store, experiment: Experiment, name: str, parent_run_id: str, tags: Mapping[str, str]
) -> str:
    from mlflow.exceptions import MlflowException

    client = store.client()
    full_name = _experiment_name(experiment.name)
    found = client.get_experiment_by_name(full_name)
    if found is None:
        try:
            id_ = client.create_experiment(full_name, artifact_location=store.artifacts)
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(full_name)
            if found is None:
                raise
    run = client.create_run(
        id_ if found is None else found.experiment_id,
        run_name=name,
        tags={**tags, _OUR_TAG: mlsse.__version__, "commit": provenance.commit()}
        | ({_PARENT_TAG: parent_run_id} if parent_run_id else {}),
    )
    return str(run.info.run_id)


@reported
def _end_run(store: Store, run_id: str, status: str) -> None:
    store.client().set_terminated(run_id, status)
