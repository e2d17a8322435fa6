"""The command that opens the explorer."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from mlsse.cli_options import ModelFolder, show_progress
from mlsse.errors import ServerError


def explore(
    port: Annotated[
        int, typer.Option(metavar="P", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8050,
    host: Annotated[
        str, typer.Option(metavar="H", help="Address to listen at; 0.0.0.0 is all.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name by which browsers reach it, besides localhost and --host; repeat it for "
            "more, * allows any.",
        ),
    ] = None,
    model: ModelFolder = None,
    screen: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder that `mlsse screen` has written, to look through its candidates.",
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Tracking store whose runs and models are shown.  [default: that of `mlsse runs`]",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Also open it in the browser.")] = False,
) -> None:
    """Look at predictions, known materials, models and screens on a local web page.

    Needs mlsse[explore]. Nothing is sent elsewhere; there is no login, so leave --host as it is
    unless all who reach the address may look.
    """
    show_progress()
    try:
        from mlsse.explorer.app import LOOPBACK_HOSTS, create_app, run
    except ImportError as error:
        raise ServerError(
            f"the explorer needs Dash ({error}): pip install 'mlsse[explore]'"
        ) from error
    from mlsse.explorer.context import make_context
    from mlsse.server import take_port

    if tracking_uri is not None:
        os.environ["MLFLOW_TRACKING_URI"] = tracking_uri  # what the tracking store goes by
    with closing(take_port(host, port)) as taken:
        context = make_context(model, screen=screen, tracking_uri=tracking_uri)
        shown = f"[{host}]" if ":" in host else host
        names = dict.fromkeys((*LOOPBACK_HOSTS, shown, *(allow_host or [])))
        app = create_app(context, hosts=None if "*" in names else list(names))
        taken.listen()  # who follows the address at once waits, and is not refused
        address = f"http://{shown}:{taken.getsockname()[1]}/"
        print(f"explorer at {address} (Ctrl+C stops it)", flush=True)
        if open_:
            import webbrowser

            webbrowser.open(address)
        run(app, taken)
