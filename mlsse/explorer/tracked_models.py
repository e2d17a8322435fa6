"""Runs, registered versions and what they left behind, read from the tracking store.

Nothing is written here: the explorer looks, commands promote.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlsse.bundle import Model, load_model
from mlsse.config import read_experiment
from mlsse.errors import TrackingError
from mlsse.evidence import Evidence
from mlsse.registry import BUNDLE_ARTIFACT
from mlsse.run_evidence import run_evidence
from mlsse.run_tables import state
from mlsse.store import Store, open_store, reported, store_exists
from mlsse.tracking import Run, Version, runs, training_metrics, versions

_SQLITE = "sqlite:///"
_ID_LENGTH = 8


@dataclass(frozen=True)
class Entry:
    """A run with the version that was registered of it, if any.

    Attributes
    ----------
    run : Run
    version : Version or None
    """

    run: Run
    version: Version | None

    @property
    def key(self) -> str:
        """What tells it apart."""
        return self.run.run_id or "loaded"

    @property
    def state(self) -> str:
        """What became of the version, in words."""
        if not self.run.run_id:
            return "the model of this page, not in the store"
        return state(self.version) if self.version else "not registered"

    @property
    def label(self) -> str:
        """A short name, such as ``version 3, champion-99be40de (run 0a1b2c3d)``."""
        number = f"version {self.version.number}, " if self.version else ""
        where = f"run {self.short_id}" if self.run.run_id else "of this page"
        return f"{number}{self.run.model_version} ({where})"

    @property
    def short_id(self) -> str:
        """The beginning of the run's id."""
        return self.run.run_id[:_ID_LENGTH]

    @property
    def promotion(self) -> str:
        """The command that makes it the champion; empty where it is, or nothing is registered."""
        if self.version is None or self.version.is_champion:
            return ""
        return f'mlsse models promote {self.version.number} --reason "..."'


def find_store(uri: str | None) -> Store | None:
    """Open a tracking store to read from it.

    Parameters
    ----------
    uri : str or None
        None is the store of the environment.

    Returns
    -------
    Store or None
        None where the environment names none and none was made: looking makes none.

    Raises
    ------
    TrackingError
        If a file that `uri` names is missing, or the store cannot be opened.
    """
    if uri is None:
        return open_store() if store_exists() else None
    if uri.startswith(_SQLITE):
        file = Path(uri.removeprefix(_SQLITE)).expanduser().resolve()
        if not file.is_file():
            raise TrackingError(f"tracking store {uri!r}: there is no file {file}")
        return Store(f"{_SQLITE}{file}", file.parent, (file.parent / "artifacts").as_uri())
    if urlsplit(uri).scheme in ("http", "https"):
        return Store(uri, Path(tempfile.gettempdir()), None)
    raise TrackingError(
        f"tracking store {uri!r}: expected the address of a server (http://...) or of a file "
        "(sqlite:////folder/mlflow.db)"
    )


def entries(store: Store) -> list[Entry]:
    """List the trainings that logged a model: the champion first, the newest next.

    Parameters
    ----------
    store : Store

    Returns
    -------
    list of Entry

    Raises
    ------
    TrackingError
        If the store fails.
    """
    of_run = {version.run_id: version for version in versions(store)}
    found = [Entry(run, of_run.get(run.run_id)) for run in runs(store=store) if run.model_version]
    return sorted(found, key=lambda entry: not (entry.version and entry.version.is_champion))


def loaded_entry(model: Model) -> Entry:
    """A model that lies in a folder and not in the store, with the scores of its metadata."""
    experiment = read_experiment(model.metadata["experiment"], "the model of this page")
    return Entry(
        Run(
            run_id="",
            experiment=experiment.name,
            name=experiment.name,
            started=datetime.fromtimestamp(0, UTC),
            status="FINISHED",
            parent_run_id="",
            model_version=model.version,
            metrics=training_metrics(experiment, model.metadata),
            parameters={},
        ),
        None,
    )


@lru_cache(maxsize=16)
def evidence_of(run_id: str, store: Store) -> Evidence | None:
    """The tables that a training has left, or None; kept and shared, so not to be written to.

    Parameters
    ----------
    run_id : str
    store : Store

    Returns
    -------
    Evidence or None

    Raises
    ------
    TrackingError
        If the store fails.
    """
    return run_evidence(run_id, store)


def model_of(entry: Entry, store: Store | None) -> Model:
    """Load the bundle that a run has logged; a few are kept.

    Parameters
    ----------
    entry : Entry
    store : Store

    Returns
    -------
    Model

    Raises
    ------
    TrackingError
        If the store fails.
    BundleError
        If the bundle is damaged or of another format.
    """
    if store is None:
        raise TrackingError(f"{entry.label}: there is no store any more")
    return _load(entry.run.run_id, store)


@lru_cache(maxsize=4)
@reported
def _load(run_id: str, store: Store) -> Model:
    client = store.client()
    artifacts = urlsplit(client.get_run(run_id).info.artifact_uri)
    if artifacts.scheme == "file":
        return load_model(Path(url2pathname(artifacts.path)) / BUNDLE_ARTIFACT)
    with tempfile.TemporaryDirectory() as folder:
        model = load_model(client.download_artifacts(run_id, BUNDLE_ARTIFACT, folder))
        _ = model.sessions  # before the folder is gone
        return model
