"""The commands that renew the model: retrain and drift."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from mlsse.cli_options import Format, ModelFolder, show_progress, terminal
from mlsse.errors import MlsseError

#: Exit code of a job that kept the champion; not a failure.
KEPT_EXIT_CODE = 3


def retrain(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", exists=True, dir_okay=False, help="An experiment's TOML."),
    ],
    new_data: Annotated[
        list[Path] | None,
        typer.Option(
            "--new-data",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV of further measurements: formula, conductivity_s_per_cm, temperature_k, "
            "and any other column of the conductivity table. Can be given several times.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Write the report here.  [default: the terminal]"
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", file_okay=False, help="Also write the champion to this folder."
        ),
    ] = None,
) -> None:
    """Train a challenger, and promote it if it passes the gate.

    The report is JSON. The exit code is 0 when the challenger was promoted, 3 when the champion
    was kept, 1 when the job failed, 2 for wrong arguments.
    """
    if report is not None and not report.parent.is_dir():
        raise typer.BadParameter(f"the folder {report.parent} of --report does not exist")
    show_progress()
    from mlsse import retraining

    try:
        done = retraining.retrain(config, new_data or (), export_to=export)
    except MlsseError as error:
        if report is not None:
            _write(report, {"outcome": "failed", "error": " ".join(str(error).split())})
        raise
    if report is None:
        print(_json(done.as_dict()), end="")
    else:
        _write(report, done.as_dict())
    if done.outcome != "promoted":
        raise typer.Exit(KEPT_EXIT_CODE)


def drift(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV with a column formula (requests or new measurements), or one formula a line.",
        ),
    ],
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="table or json.  [default: table in a terminal, json in a pipe]",
        ),
    ] = None,
    model: ModelFolder = None,
) -> None:
    """Compare recent formulas with what the model has learned from."""
    if format_ in (Format.CSV, Format.JSONL):
        raise typer.BadParameter(f"--format {format_}: expected table or json")
    from mlsse import bundle
    from mlsse import drift as drifts

    formulas, measured = drifts.read_formulas(file)
    found = drifts.drift_report(formulas, bundle.load_model(model), measured)
    if (format_ or (Format.TABLE if sys.stdout.isatty() else Format.JSON)) is Format.JSON:
        print(_json(found), end="")
    else:
        from mlsse import drift_tables

        drift_tables.print_drift(found, terminal())


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, indent=1) + "\n"


def _write(file: Path, content: dict[str, Any]) -> None:
    """Write a report at once or not at all."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(_json(content))
    os.replace(name, file)


COMMANDS = (retrain, drift)
