"""What commands share: formulas from arguments and files, formats, the terminal."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


class Format(StrEnum):
    """How to print results."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


Formulas = Annotated[
    list[str] | None,
    typer.Argument(metavar="FORMULA", help="Chemical formulas, such as Li6PS5Cl."),
]
FormulaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Also read formulas from a text file, one a line; - is standard input. "
        "Blank lines and lines that start with # are skipped.",
    ),
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table, csv, json or jsonl.  [default: table in a terminal, csv in a pipe]",
    ),
]
ModelFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder of a trained model.  [default: the one that comes with mlsse]",
    ),
]


def plain_texts(arguments: list[str] | None) -> list[str]:
    """Arguments as valid text: what is none reaches Python as lone surrogates, not in JSON."""
    return [os.fsencode(text).decode(errors="replace") for text in arguments or []]


def read_texts(arguments: list[str] | None, file: Path | None) -> list[str]:
    """Formulas of the arguments, then of a file; none at all is refused."""
    texts = plain_texts(arguments)
    if file is not None:
        texts += read_lines(file)
    if not texts:
        raise typer.BadParameter("no formula given: name some, or a --file of them")
    return texts


def read_lines(file: Path) -> list[str]:
    """Lines of a text file, or of standard input, that hold a formula."""
    where = "standard input" if str(file) == "-" else str(file)
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"cannot read {where}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{where} is not UTF-8 text: byte {error.start}") from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def chosen_format(format_: Format | None, *, table: bool = False) -> Format:
    """The format asked for, or else a table in a terminal or if one is wanted, CSV in a pipe."""
    return format_ or (Format.TABLE if table or sys.stdout.isatty() else Format.CSV)


def show_progress() -> None:
    """Send the messages of mlsse, and of no other library, to standard error."""
    import logging

    logger = logging.getLogger("mlsse")
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.StreamHandler())


def terminal() -> Console:
    """Standard output, for plain text of its width."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.width = max(console.width, 76)  # no narrower, or a table would lose its numbers
    return console
