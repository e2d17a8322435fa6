"""The command that screens: mlsse screen."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mlsse.cli_options import ModelFolder


class Engine(StrEnum):
    """Where chunks are scored."""

    LOCAL = "local"
    DASK = "dask"


def screen(
    input_: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Candidates: a .csv, .parquet or .jsonl file with a column of formulas, a .txt "
            "file with one formula a line, a .toml recipe, or - for plain text on standard input.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the screen: scores, errors, manifest."
        ),
    ],
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where a screen of the same input was interrupted."),
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="GROUPS",
            help="What to compute, some of conductivity,stability,phases.  [default: all]",
        ),
    ] = None,
    temperature: Annotated[
        float, typer.Option(metavar="K", help="Temperature in K, 200 to 800.")
    ] = 298.15,
    ion: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENT", help="Mobile ion, such as Li.  [default: from the formula]"
        ),
    ] = None,
    formula_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column that holds the formulas.  [default: formula]"),
    ] = None,
    chunk_rows: Annotated[
        int, typer.Option(metavar="N", min=1, help="Input rows of a part; what a kill may cost.")
    ] = 10_000,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Processes on this machine.  [default: one a core]"),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(metavar="NAME", help="local, or dask (needs mlsse[dask])."),
    ] = Engine.LOCAL,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Dask scheduler, such as tcp://10.0.0.1:8786, or its scheduler file (.json).  "
            "[default: one on this machine]",
        ),
    ] = None,
    model: ModelFolder = None,
) -> None:
    """Score many candidates, to Parquet; see docs/screening.md.

    Rows that cannot be used go to DIR/errors with line and reason; the exit code is 2 only when
    there is no other.
    """
    from mlsse import screening
    from mlsse.prediction import COLUMN_GROUPS

    groups = list(COLUMN_GROUPS)
    if columns is not None:
        groups = [name.strip() for name in columns.split(",")]
    done = screening.screen(
        input_,
        out,
        columns=groups,
        temperature_k=temperature,
        ion=ion,
        formula_column=formula_column,
        resume=resume,
        chunk_rows=chunk_rows,
        workers=workers,
        engine=engine.value,
        scheduler=scheduler,
        model=model,
        progress=True,
    )
    bad = f", {done.bad:,} bad ones in {out / 'errors'}" if done.bad else ""
    print(f"{out}: {done.scored:,} of {done.rows:,} rows scored{bad}")
    print(f"{done.seconds:.1f} s, {done.rate:,.0f} rows/s in this run", file=sys.stderr)
    if not done.scored:
        raise typer.Exit(2)
