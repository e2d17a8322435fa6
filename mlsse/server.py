"""Start a server: find the model, take the port, serve until told to stop."""

from __future__ import annotations

import errno
import gc
import logging
import re
import socket
from contextlib import closing
from pathlib import Path

from mlsse.bundle import METADATA, load_model
from mlsse.errors import BundleError, ServerError
from mlsse.server_app import App, Settings
from mlsse.serving import make_ready

_log = logging.getLogger(__name__)

_REGISTERED = re.compile(r"models:/mlsse(?:@champion|/(?P<number>[0-9]{1,9}))")
_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75  # longer than a proxy before it keeps a connection


def find_bundle(named: str | None) -> Path | None:
    """Find the bundle to serve.

    Parameters
    ----------
    named : str or None
        A folder with a bundle or with a model in MLflow's format, ``models:/mlsse@champion``,
        or ``models:/mlsse/NUMBER``. None is the champion of the registry, if there is one.

    Returns
    -------
    pathlib.Path or None
        None for the bundle that comes with mlsse.

    Raises
    ------
    BundleError
        If there is no bundle.
    TrackingError
        If the registry has no such version, or cannot be reached.
    """
    if named is None:
        return _champion()
    if named.startswith("models:"):
        return _registered(named)
    folder = Path(named)
    if (folder / METADATA).is_file():
        return folder
    # Only the bundle of an MLflow model is read: nothing in the folder is run.
    inside = sorted(folder.glob(f"artifacts/*/{METADATA}"))
    if len(inside) == 1:
        return inside[0].parent
    raise BundleError(
        f"{named} holds no model bundle: name a folder that `mlsse train` or `mlsse models "
        "export` has written, or models:/mlsse@champion"
    )


def _champion() -> Path | None:
    from mlsse import store

    if not store.store_exists():
        return None
    from mlsse import tracking

    champion = tracking.champion()
    return None if champion is None else tracking.fetch_bundle(champion.number)


def _registered(named: str) -> Path:
    match = _REGISTERED.fullmatch(named)
    if match is None:
        raise BundleError(f"{named}: expected models:/mlsse@champion or models:/mlsse/NUMBER")
    from mlsse import tracking

    if match["number"]:
        return tracking.fetch_bundle(int(match["number"]))
    champion = tracking.champion()
    if champion is None:
        raise BundleError(f"{named}: no version was promoted yet: see `mlsse models list`")
    return tracking.fetch_bundle(champion.number)


def take_port(host: str, port: int) -> socket.socket:
    """Bind a socket, so that a port in use is known before anything is loaded.

    Parameters
    ----------
    host : str
        Name or address.
    port : int
        0 takes any that is free.

    Returns
    -------
    socket.socket
        Bound, not yet listening.

    Raises
    ------
    ServerError
        If the host is unknown or the port cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ServerError(f"host {host!r}: {error.strerror}: give one of this machine") from None
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"port {port} of {host} is in use: choose another by --port, or stop what serves "
                "there"
            ) from None
        reason = error.strerror or error
        raise ServerError(
            f"port {port} of {host}: {reason}: choose another by --port or --host"
        ) from None
    return taken


def serve(named: str | None, host: str, port: int, settings: Settings) -> None:
    """Serve a model until the process is told to stop.

    Parameters
    ----------
    named : str or None
        See `find_bundle`.
    host : str
    port : int
    settings : Settings

    Raises
    ------
    ServerError
        If the port cannot be had.
    BundleError, TrackingError
        If there is no such model.
    """
    import uvicorn

    with closing(take_port(host, port)) as taken:
        model = load_model(find_bundle(named))
        make_ready(model)
        app = App(model, settings)
        # The collector need not walk again over what stays.
        gc.collect()
        gc.freeze()
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{taken.getsockname()[1]}"
        _log.info("model %s at %s (Ctrl+C stops it)", model.version, address)
        uvicorn.Server(config).run(sockets=[taken])
