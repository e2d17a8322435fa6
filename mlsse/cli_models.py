"""The commands of logged runs and registered models: runs, models list, show, promote, ..."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlsse.cli_options import terminal

if TYPE_CHECKING:
    from mlsse.config import Experiment
    from mlsse.tracking import Run, Version
    from mlsse.training import Trained


class RecordFormat(StrEnum):
    """How to print records."""

    TABLE = "table"
    JSON = "json"


RecordFormatOption = Annotated[
    RecordFormat | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table or json.  [default: table in a terminal, json in a pipe]",
    ),
]
Number = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, help="Number of a registered version.")
]

models_app = typer.Typer(
    help="List, compare, promote, roll back and export registered models.", no_args_is_help=True
)


def runs(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Runs to compare, by the beginning of their ids."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the runs of this experiment.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many, the newest.")
    ] = 20,
    format_: RecordFormatOption = None,
) -> None:
    """List logged runs, or compare some of them."""
    from mlsse import run_tables, tracking

    found = tracking.runs(experiment)
    if ids:
        chosen = [tracking.find_run(beginning, found) for beginning in ids]
        if _as_json(format_):
            _print_json([_record(run) for run in chosen])
        else:
            run_tables.print_comparison(chosen, terminal())
        return
    found = found[:limit]
    if _as_json(format_):
        _print_json([_record(run) for run in found])
    elif found:
        run_tables.print_runs(found, terminal())
    else:
        print("no runs yet: `mlsse train CONFIG --out DIR` logs one")


@models_app.command("list")
def list_(format_: RecordFormatOption = None) -> None:
    """List the registered versions."""
    from mlsse import run_tables, tracking

    found = tracking.versions()
    if _as_json(format_):
        _print_json([_record(version) for version in found])
    elif found:
        run_tables.print_versions(found, terminal())
    else:
        print("no registered models yet: `mlsse retrain CONFIG` registers one")


@models_app.command()
def show(number: Number, format_: RecordFormatOption = None) -> None:
    """Show state, tags and metrics of a version."""
    from mlsse import run_tables, tracking

    store = tracking.open_store()
    version = tracking.version(number, store)
    run = tracking.find_run(version.run_id, tracking.runs(store=store))
    if _as_json(format_):
        _print_json(_record(version) | {"metrics": run.metrics, "parameters": run.parameters})
    else:
        run_tables.print_version(version, run, terminal())


@models_app.command()
def promote(
    number: Number,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; it is kept with the version.")
    ] = "by hand",
) -> None:
    """Make a version the champion; servers take it up when they start anew."""
    from mlsse import tracking

    store = tracking.open_store()
    tracking.promote(number, reason=reason, store=store)
    _say_champion(tracking.version(number, store))


@models_app.command()
def rollback() -> None:
    """Make the champion before the present one the champion again."""
    from mlsse import tracking

    _say_champion(tracking.rollback())


@models_app.command()
def export(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", file_okay=False, help="Folder to write the bundle to."),
    ],
    version: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="A version.  [default: the champion]"),
    ] = None,
) -> None:
    """Write a model to a folder for `mlsse predict --model DIR`; MLflow is not needed there."""
    from mlsse import tracking

    written = tracking.export(folder, version)
    print(f"{folder}: version {written.number}, {written.model_version}")


def log_trained(experiment: Experiment, trained: Trained, folder: Path) -> None:
    """Log a training, or say on standard error why that failed: its bundle is written already."""
    from mlsse import tracking
    from mlsse.errors import TrackingError

    try:
        store = tracking.open_store()
        run_id = tracking.log_training(
            experiment, trained.model.metadata, folder, evidence=trained.evidence, store=store
        )
    except TrackingError as error:
        print(
            f"mlsse: the training is not logged, its bundle in {folder} is whole: {error}",
            file=sys.stderr,
        )
    else:
        print(f"logged as run {run_id} in {store.name}")


def _say_champion(version: Version) -> None:
    print(f"version {version.number}, {version.model_version}, is the champion")


def _record(item: Run | Version) -> dict[str, Any]:
    """One JSON object; times in ISO 8601, UTC."""
    return {
        name: value if isinstance(value, (str, int, dict)) else value.isoformat()
        for name, value in asdict(item).items()
    }


def _as_json(format_: RecordFormat | None) -> bool:
    if format_ is None:
        return not sys.stdout.isatty()
    return format_ is RecordFormat.JSON


def _print_json(record: Any) -> None:
    print(json.dumps(record, indent=2))
