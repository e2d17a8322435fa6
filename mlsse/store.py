"""Where runs and registered models are kept, and how that place is opened.

The store is what ``MLFLOW_TRACKING_URI`` names: a tracking server or a database. Without it,
it is one sqlite file, ``mlflow.db``, in the folder ``MLSSE_STORE`` or else in the user's data
folder, with the artifacts beside it.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit

from mlsse.errors import MlsseError, TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_P = ParamSpec("_P")
_R = TypeVar("_R")

_SQLITE = "sqlite:///"
_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# Read by MLflow when it is imported: no telemetry, an absent server is given up soon, and
# nothing but warnings on standard error.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Store:
    """An opened store.

    Attributes
    ----------
    uri : str
        As MLflow understands it.
    folder : pathlib.Path
        A local folder for locks and fetched bundles; with sqlite, that of the file.
    artifacts : str or None
        Address of the folder of the artifacts; None where a server chooses it.
    """

    uri: str
    folder: Path
    artifacts: str | None

    @property
    def name(self) -> str:
        """The address without its password, for messages."""
        parts = urlsplit(self.uri)
        if parts.password is None:
            return self.uri
        return self.uri.replace(f":{parts.password}@", ":***@", 1)

    def client(self) -> MlflowClient:
        """What talks to the store."""
        import mlflow

        return mlflow.MlflowClient(self.uri)

    @contextmanager
    def lock(self, timeout: float = 600.0) -> Iterator[None]:
        """Hold the store against other processes of this machine; the holder may nest it.

        Parameters
        ----------
        timeout : float, default 600
            Seconds to wait for another holder.

        Raises
        ------
        TrackingError
            If another process still holds it.
        """
        from filelock import FileLock, Timeout

        path = self.folder / f"{_short_hash(self.uri)}.lock"
        lock = FileLock(path, is_singleton=True)
        try:
            lock.acquire(timeout=timeout)
        except Timeout as error:
            raise TrackingError(
                f"another process has held {path} for {timeout:g} s: wait for it to end"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make it the store of MLflow's module-level functions for a while."""
        import mlflow

        before = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(self.uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # back to the environment's
            if before is not None:
                os.environ["MLFLOW_TRACKING_URI"] = before


def reported(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turn what MLflow, a database or the network raise into one `TrackingError`."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        _settle()
        try:
            return function(*args, **kwargs)
        except MlsseError:
            raise
        except Exception as error:
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            if not isinstance(error, (MlflowException, SQLAlchemyError, OSError, ImportError)):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise TrackingError(
                f"the store of runs and models failed: {reason[:300]} (see that "
                "MLFLOW_TRACKING_URI or MLSSE_STORE names one that can be reached and written)"
            ) from error

    return call


@reported
def open_store() -> Store:
    """Open the store, making a sqlite file that does not exist yet.

    Returns
    -------
    Store

    Raises
    ------
    TrackingError
        If the address is of no known kind, or the store cannot be made.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    folder = _default_folder()
    if not uri:
        uri = f"{_SQLITE}{folder / 'mlflow.db'}"
    scheme = urlsplit(uri).scheme.partition("+")[0]
    if scheme not in _SERVERS + _DATABASES:
        raise TrackingError(
            f"MLFLOW_TRACKING_URI {uri!r}: expected the http address of a tracking server, or a "
            "database such as sqlite:////folder/mlflow.db"
        )
    if scheme == "sqlite":
        file = Path(uri.removeprefix(_SQLITE)).expanduser().resolve()
        uri, folder = f"{_SQLITE}{file}", file.parent
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = None if scheme in _SERVERS else (folder / "artifacts").as_uri()
    store = Store(uri, folder, artifacts)
    if scheme == "sqlite" and not file.exists():
        with store.lock():
            if not file.exists():
                _make_sqlite(file, store)
    return store


def _make_sqlite(file: Path, store: Store) -> None:
    """Make the tables in a file beside, so that a killed process leaves none that is half made."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    fresh = file.with_name(f".{file.name}.fresh")
    for left_over in (fresh, fresh.with_name(fresh.name + "-journal")):
        left_over.unlink(missing_ok=True)
    made = SqlAlchemyStore(f"{_SQLITE}{fresh}", store.artifacts)
    made.engine.dispose()
    fresh.replace(file)


def _default_folder() -> Path:
    named = os.environ.get("MLSSE_STORE", "")
    if named:
        return Path(named).expanduser().resolve()
    from platformdirs import user_data_path

    return user_data_path("mlsse", appauthor=False).resolve()


def _settle() -> None:
    """Set what MLflow reads from the environment, before it is imported for the first time."""
    import logging

    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for library in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def store_exists() -> bool:
    """Whether a store is named by the environment or was made before, without making one."""
    return (
        bool(os.environ.get("MLFLOW_TRACKING_URI")) or (_default_folder() / "mlflow.db").is_file()
    )
