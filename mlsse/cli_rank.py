"""The command ``mlsse rank``: from a screen to a list."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ListFormat(StrEnum):
    """How to write a ranked list."""

    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"


class YesNo(StrEnum):
    """An answer."""

    YES = "yes"
    NO = "no"


_BY_SUFFIX = {
    ".csv": ListFormat.CSV,
    ".md": ListFormat.MARKDOWN,
    ".markdown": ListFormat.MARKDOWN,
    ".html": ListFormat.HTML,
    ".htm": ListFormat.HTML,
}


def rank(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A screen, as mlsse screen has written it.")
    ],
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="What must hold, in the names of the columns: 'log10_conductivity_lower > -4 and "
            "in_domain'. May be given several times.",
        ),
    ] = None,
    aim: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="What counts in the probability, but leaves no row out. May be given several "
            "times.",
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:max|min",
            help="What to sort by after the probability that all thresholds hold, and the axes of "
            "the Pareto front; probability:max is possible too. May be given several times.  "
            "[default: log10_conductivity:max]",
        ),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(metavar="ELEMENTS", help="Elements to leave out, such as Ge,As."),
    ] = None,
    known: Annotated[
        YesNo,
        typer.Option(
            metavar="yes|no",
            help="Whether to list what was measured already, or is a reference phase.",
        ),
    ] = YesNo.YES,
    known_distance: Annotated[
        float | None,
        typer.Option(
            metavar="D",
            min=0.0,
            help="Measured already: nearest_known_distance is below this.  [default: 0.1]",
        ),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="How many to list.")] = 50,
    per_parent: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="How many of one parent at most, or, where there is no column parent, within "
            "--distance of each other; 0 for any number.",
        ),
    ] = 3,
    distance: Annotated[
        float | None,
        typer.Option(
            metavar="D", min=0.0, help="Compositions that count as variants.  [default: 1.0]"
        ),
    ] = None,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="List only the Pareto front of the objectives.")
    ] = False,
    window_error: Annotated[
        float | None,
        typer.Option(
            metavar="V",
            min=0.0,
            help="Standard deviation of the limits of windows.  [default: 0.2]",
        ),
    ] = None,
    format_: Annotated[
        ListFormat | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv, markdown or html.  [default: by the name of --out, else csv]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Where to.  [default: standard output]"),
    ] = None,
) -> None:
    """Choose the best candidates of a screen, with reasons.

    The probabilities assume what the list says at its head.
    """
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"the folder {out.parent} of --out does not exist")
    if format_ is None:
        format_ = ListFormat.CSV if out is None else _by_suffix(out)
    from mlsse import ranked_list, ranking

    given = {
        "known_distance": known_distance,
        "variant_distance": distance,
        "window_error_v": window_error,
        "objectives": objective or None,
    }
    found = ranking.rank(
        folder,
        where=where or (),
        aims=aim or (),
        exclude=[symbol.strip() for symbol in (exclude or "").split(",") if symbol.strip()],
        known=known is YesNo.YES,
        top=top,
        per_parent=per_parent,
        pareto_only=pareto,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )
    write = {
        ListFormat.CSV: ranked_list.as_csv,
        ListFormat.MARKDOWN: ranked_list.as_markdown,
        ListFormat.HTML: ranked_list.as_html,
    }[format_]
    text = write(found)
    if out is None:
        sys.stdout.write(text)
    else:
        _write_at_once(out, text)
    if format_ is ListFormat.CSV or out is not None:
        for sentence in ranked_list.heading(found):
            print(f"mlsse: {sentence}", file=sys.stderr)
    if not found.candidates:
        raise typer.Exit(2)


#: What `mlsse.cli` registers.
COMMANDS = (rank,)


def _by_suffix(out: Path) -> ListFormat:
    try:
        return _BY_SUFFIX[out.suffix.lower()]
    except KeyError:
        raise typer.BadParameter(
            f"--out {out}: give a --format, or a name that ends in .csv, .md or .html"
        ) from None


def _write_at_once(out: Path, text: str) -> None:
    """Write a file so that it is there as a whole or not at all."""
    unfinished = out.with_name(f".{out.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(out)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
