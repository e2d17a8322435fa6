"""The command that serves a model over HTTP."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mlsse.cli_options import show_progress
from mlsse.errors import ServerError

API_KEY = "MLSSE_API_KEY"
_MIB = 2**20


def serve(
    port: Annotated[
        int, typer.Option(metavar="P", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 5000,
    host: Annotated[
        str, typer.Option(metavar="H", help="Address to listen at; 0.0.0.0 is all.")
    ] = "127.0.0.1",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|models:/...",
            help="Folder of a model, models:/mlsse@champion or models:/mlsse/NUMBER.  [default: "
            "the champion of the registry; where there is none, the model that comes with mlsse]",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name by which clients reach it, besides localhost and --host; repeat it for "
            "more, * allows any.",
        ),
    ] = None,
    max_rows: Annotated[
        int, typer.Option(metavar="N", min=1, help="Formulas in a request.")
    ] = 10_000,
    max_body_mib: Annotated[
        int, typer.Option(metavar="N", min=1, help="Size of a request, MiB.")
    ] = 4,
    max_seconds: Annotated[
        float, typer.Option(metavar="S", min=0.1, help="Time for an answer, s.")
    ] = 30.0,
    log_formulas: Annotated[
        bool, typer.Option("--log-formulas", help="Put the formulas of requests into the log.")
    ] = False,
) -> None:
    """Serve a model over HTTP; the environment variable MLSSE_API_KEY sets a key to ask for.

    The log of requests, a JSON object a line, goes to standard error.
    """
    key = os.environ.get(API_KEY)
    if key is not None and (not key.isascii() or not key.isprintable() or " " in key or not key):
        raise ServerError(f"{API_KEY}: give printable ASCII without blanks, or unset it")
    show_progress()
    from mlsse.server import serve as start
    from mlsse.server_app import LOOPBACK_HOSTS, Settings
    from mlsse.serving import Limits

    bracketed = f"[{host}]" if ":" in host else host
    names = (*LOOPBACK_HOSTS, bracketed, *(allow_host or []))
    settings = Settings(
        Limits(rows=max_rows, body_bytes=max_body_mib * _MIB, seconds=max_seconds),
        key,
        tuple(dict.fromkeys(name.lower() for name in names)),
        log_formulas=log_formulas,
    )
    start(model, host, port, settings)
