"""Versions of the registered model, which of them is the champion, and their bundles.

One model is registered, `MODEL`; each version is a whole bundle. The alias `champion` names
the version that serves. Whatever is killed halfway leaves the old champion in place: a version
is registered with all its tags at once, the alias moves last, and an export is renamed into
place when it is complete.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlsse.bundle import load_model, move_into_place
from mlsse.errors import BundleError, TrackingError
from mlsse.folders import replace_folder
from mlsse.store import Store, open_store, reported

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

MODEL = "mlsse"
CHAMPION = "champion"
#: Folder of the bundle among the artifacts of a run.
BUNDLE_ARTIFACT = "bundle"
#: Tag of a run and of a version: the name that the bundle has for itself.
MODEL_VERSION_TAG = "model_version"
_CHAMPIONS_TAG = "champions"  # of the registered model: the champions in order, oldest first
_KEPT_CHAMPIONS = 100
_MAX_TAG_LENGTH = 5000


@dataclass(frozen=True)
class Version:
    """One version of the registered model.

    Attributes
    ----------
    number : int
        Counted up from 1.
    run_id : str
        The run that trained it.
    model_version : str
        The bundle's own name, as in the column ``model_version`` of a prediction.
    created : datetime.datetime
        UTC.
    is_champion : bool
    tags : dict of str to str
    """

    number: int
    run_id: str
    model_version: str
    created: datetime
    is_champion: bool
    tags: dict[str, str]


@reported
def register(
    run_id: str, folder: Path, *, tags: Mapping[str, str], store: Store | None = None
) -> Version:
    """Register a logged bundle as a new version that can be served.

    Parameters
    ----------
    run_id : str
        The run that logged the bundle, by `mlsse.tracking.log_training`.
    folder : pathlib.Path
        The bundle.
    tags : mapping of str to str
        Of the version.
    store : Store, optional
        By default the one that the environment names.

    Returns
    -------
    Version

    Raises
    ------
    TrackingError
        If the run has logged another bundle, or the store fails.
    BundleError
        If the folder holds no sound bundle.
    """
    store = store or open_store()
    model_version = load_model(folder).version
    logged = store.client().get_run(run_id).data.tags.get(MODEL_VERSION_TAG)
    if logged != model_version:
        raise TrackingError(
            f"run {run_id} has logged the bundle {logged}, {folder} holds {model_version}: "
            "register the bundle that the run has logged"
        )
    import mlflow

    from mlsse.serving import log_served_model

    with store.active(), mlflow.start_run(run_id=run_id):
        info = log_served_model(folder)
        with store.lock():
            made = mlflow.register_model(
                info.model_uri,
                MODEL,
                tags={name: value[:_MAX_TAG_LENGTH] for name, value in tags.items()}
                | {MODEL_VERSION_TAG: model_version},
            )
    return version(int(made.version), store)


@reported
def versions(store: Store | None = None) -> list[Version]:
    """List all versions, oldest first; none is an empty list."""
    store = store or open_store()
    champion_number = _champion_number(_registered(store))
    found = store.client().search_model_versions(f"name = '{MODEL}'")
    return sorted((_version(v, champion_number) for v in found), key=lambda v: v.number)


@reported
def version(number: int, store: Store | None = None) -> Version:
    """Look up one version.

    Raises
    ------
    TrackingError
        If there is none of this number.
    """
    store = store or open_store()
    for known in versions(store):
        if known.number == number:
            return known
    raise TrackingError(f"there is no version {number}: `mlsse models list` shows those there are")


@reported
def champion(store: Store | None = None) -> Version | None:
    """Return the version that serves, or None before the first promotion."""
    return next((v for v in versions(store) if v.is_champion), None)


@reported
def promote(number: int, *, reason: str, store: Store | None = None) -> None:
    """Make a version the champion.

    Parameters
    ----------
    number : int
    reason : str
        Kept as a tag of the version.
    store : Store, optional

    Raises
    ------
    TrackingError
        If there is no such version, or the store fails.
    """
    store = store or open_store()
    with store.lock():
        version(number, store)
        client = store.client()
        registered = _registered(store)
        earlier = [n for n in _champions(registered) if n != number]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for name, value in {"promoted": now, "promoted_because": reason}.items():
            client.set_model_version_tag(MODEL, str(number), name, value[:_MAX_TAG_LENGTH])
        order = [*earlier, number][-_KEPT_CHAMPIONS:]
        client.set_registered_model_tag(MODEL, _CHAMPIONS_TAG, json.dumps(order))
        client.set_registered_model_alias(MODEL, CHAMPION, str(number))


@reported
def refuse(number: int, reasons: Sequence[str], store: Store | None = None) -> None:
    """Note on a version why it did not become the champion.

    Parameters
    ----------
    number : int
    reasons : sequence of str
        One line each.
    store : Store, optional

    Raises
    ------
    TrackingError
        If there is no such version, or the store fails.
    """
    store = store or open_store()
    version(number, store)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for name, value in {"refused": now, "refused_because": "; ".join(reasons)}.items():
        store.client().set_model_version_tag(MODEL, str(number), name, value[:_MAX_TAG_LENGTH])


@reported
def rollback(store: Store | None = None) -> Version:
    """Make the champion before the present one the champion again.

    Returns
    -------
    Version
        The champion from now on.

    Raises
    ------
    TrackingError
        If there was none before, or the store fails.
    """
    store = store or open_store()
    with store.lock():
        order = _champions(_registered(store))
        if len(order) < 2:
            raise TrackingError(
                "there is no earlier champion: name a version to `mlsse models promote`"
            )
        store.client().set_registered_model_alias(MODEL, CHAMPION, str(order[-2]))
        return version(order[-2], store)


@reported
def fetch_bundle(number: int, store: Store | None = None) -> Path:
    """Bring the bundle of a version to this machine.

    Returns
    -------
    pathlib.Path
        A folder to read from and not to write to: with a local store it is the store's own.

    Raises
    ------
    TrackingError
        If there is no such version, or its bundle is not the one that was registered.
    BundleError
        If the bundle is damaged.
    """
    store = store or open_store()
    wanted = version(number, store)
    artifacts = urlsplit(store.client().get_run(wanted.run_id).info.artifact_uri)
    if artifacts.scheme == "file":
        folder = Path(url2pathname(artifacts.path)) / BUNDLE_ARTIFACT
    else:  # kept beside the locks, so that a server is asked once
        folder = store.folder / "bundles" / wanted.model_version
        if not _is_sound(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary:
                replace_folder(_download(wanted, store, temporary), folder)
    found = load_model(folder).version
    if found != wanted.model_version:
        raise TrackingError(
            f"version {number} was registered as {wanted.model_version}, its run now holds {found}"
        )
    return folder


@reported
def export(folder: Path, number: int | None = None, store: Store | None = None) -> Version:
    """Write the bundle of a version to a folder that predicts without MLflow.

    Parameters
    ----------
    folder : pathlib.Path
        An old bundle there is replaced at once or not at all.
    number : int, optional
        By default the champion.
    store : Store, optional

    Returns
    -------
    Version
        The one written.

    Raises
    ------
    TrackingError
        If there is no champion or no such version, or the store fails.
    BundleError
        If the bundle is damaged, or the folder holds something else.
    """
    store = store or open_store()
    chosen = champion(store) if number is None else version(number, store)
    if chosen is None:
        raise TrackingError(
            "there is no champion yet: promote a version with `mlsse models promote NUMBER`"
        )
    source = fetch_bundle(chosen.number, store)
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        fresh = Path(temporary) / "fresh"
        shutil.copytree(source, fresh)
        load_model(fresh)
        move_into_place(fresh, folder)
    return chosen


def _download(wanted: Version, store: Store, folder: str) -> Path:
    import mlflow

    return Path(
        mlflow.artifacts.download_artifacts(
            run_id=wanted.run_id,
            artifact_path=BUNDLE_ARTIFACT,
            dst_path=folder,
            tracking_uri=store.uri,
        )
    )


def _is_sound(folder: Path) -> bool:
    try:
        load_model(folder)
    except BundleError:
        return False
    return True


def _registered(store: Store) -> RegisteredModel | None:
    from mlflow.exceptions import MlflowException

    try:
        return store.client().get_registered_model(MODEL)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _champion_number(registered: RegisteredModel | None) -> int | None:
    number = registered.aliases.get(CHAMPION) if registered else None
    return None if number is None else int(number)


def _champions(registered: RegisteredModel | None) -> list[int]:
    """The champions up to the present one; whatever follows it was rolled back or never done."""
    present = _champion_number(registered)
    if registered is None or present is None:
        return []
    order: list[int] = json.loads(registered.tags.get(_CHAMPIONS_TAG, "[]"))
    return order[: order.index(present) + 1] if present in order else [present]


def _version(found: ModelVersion, champion_number: int | None) -> Version:
    number = int(found.version)
    return Version(
        number=number,
        run_id=found.run_id or "",
        model_version=found.tags.get(MODEL_VERSION_TAG, ""),
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        is_champion=number == champion_number,
        tags=dict(found.tags),
    )
