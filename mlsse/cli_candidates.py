"""The command that makes candidates of a recipe."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

_SUFFIXES = (".csv", ".parquet")


def candidates(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE", exists=True, dir_okay=False, help="A recipe, a TOML file."
        ),
    ],
    count: Annotated[
        bool, typer.Option("--count", help="Print how many there will be, and make none.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="File to write, .csv or .parquet.  [default: CSV on standard output]",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Make the first N alone.")
    ] = None,
) -> None:
    """Make the candidates of a recipe: substitutions and enumerations, charge-neutral.

    Exits with 2 if the recipe makes none.
    """
    if count and (out is not None or limit is not None):
        raise typer.BadParameter("--count makes no candidates: give no --out and no --limit")
    if out is not None and out.suffix.lower() not in _SUFFIXES:
        raise typer.BadParameter(f"--out {out}: the name has to end in {' or '.join(_SUFFIXES)}")
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"the folder {out.parent} of --out does not exist")
    from mlsse.candidates import candidate_batches, count_candidates
    from mlsse.recipes import load_recipe

    read = load_recipe(recipe)
    if count:
        found = count_candidates(read)
        print(found)
        made = found.number
    else:
        batches = candidate_batches(read)
        if limit is not None:
            batches = _first(batches, limit)
        made = _write_csv(batches, sys.stdout) if out is None else _write(batches, out)
    if not made:
        print(f"mlsse: {recipe}: no candidate: widen x or the limits", file=sys.stderr)
        raise typer.Exit(2)


#: What `mlsse.cli` registers.
COMMANDS = (candidates,)

Batches = Iterator[dict[str, list[str]]]


def _first(batches: Batches, limit: int) -> Batches:
    """Cut batches off after some rows."""
    for batch in batches:
        n = len(batch["formula"])
        yield {name: list(islice(texts, limit)) for name, texts in batch.items()}
        limit -= n
        if limit <= 0:
            return


def _write_csv(batches: Batches, stream: Any) -> int:
    from mlsse.candidates import COLUMNS

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    made = 0
    for batch in batches:
        writer.writerows(zip(*batch.values(), strict=True))
        made += len(batch["formula"])
    return made


def _write(batches: Batches, out: Path) -> int:
    """Write a complete file, or none."""
    with _complete_file(out) as part:
        if out.suffix.lower() == ".csv":
            with part.open("w", encoding="utf-8", newline="") as stream:
                made = _write_csv(batches, stream)
        else:
            made = _write_parquet(batches, part)
    print(f"mlsse: {made} candidates in {out}", file=sys.stderr)
    return made


def _write_parquet(batches: Batches, file: Path) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    from mlsse.candidates import COLUMNS

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    made = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for batch in batches:
            writer.write_table(pa.table(batch, schema=schema))
            made += len(batch["formula"])
    return made


@contextmanager
def _complete_file(out: Path) -> Iterator[Path]:
    """Name a file beside another that takes its place when all went well."""
    part = out.with_name(f".{out.name}.part")
    try:
        yield part
        part.replace(out)
    except OSError as error:
        print(f"mlsse: cannot write {out}: {error.strerror or error}", file=sys.stderr)
        raise typer.Exit(1) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
