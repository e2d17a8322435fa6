"""Text files of many lines: looked through once, then read line by line in little memory."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mlsse.errors import ScreenInputError

MAX_LINE_BYTES = 1 << 20
BLOCK_BYTES = 1 << 20
#: What is wrong with a line that is given as None.
TOO_LONG = f"the line is longer than {MAX_LINE_BYTES} bytes"

#: Numbered lines, counted from one, without their ends; None for one too long to be held.
Lines = Iterator[tuple[int, str | None]]


@dataclass(frozen=True)
class Survey:
    """What a first look at a file has told.

    Attributes
    ----------
    sha256 : str
    n_lines : int
        0 where no text was expected.
    state : (int, int)
        Size in bytes and time of the last change.
    """

    sha256: str
    n_lines: int
    state: tuple[int, int]


def survey_file(path: Path, *, text: bool = True) -> Survey:
    """Read a file once, for its hash and, if it holds text, its encoding and lines.

    Raises
    ------
    ScreenInputError
        If the text is not UTF-8, with the line.
    """
    state = _state(path)
    sha256 = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    n_ends, last = 0, b"\n"
    with path.open("rb") as stream:
        while True:
            block = stream.read(BLOCK_BYTES)
            sha256.update(block)
            if text:
                try:
                    decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    line = 1 + n_ends + error.object[: error.start].count(b"\n")
                    raise _not_utf8(str(path), line, error) from error
                n_ends += block.count(b"\n")
            if not block:
                break
            last = block[-1:]
    return Survey(sha256.hexdigest(), n_ends + (text and last != b"\n"), state)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@contextmanager
def unchanged(path: Path, survey: Survey) -> Iterator[None]:
    """Make sure that a file is still the one that was looked through."""
    yield
    if _state(path) != survey.state:
        raise ScreenInputError(
            f"{path} has changed while it was read: screen it anew, to another folder"
        )


def read_lines(where: str, stream: BinaryIO) -> Lines:
    """Numbered lines, without their ends; None for one that is too long to be held."""
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES):
        number += 1
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            while (raw := stream.readline(MAX_LINE_BYTES)) and not raw.endswith(b"\n"):
                pass
            yield number, None
            continue
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(where, number, error) from error
        yield number, text.removesuffix("\n").removesuffix("\r")


def _not_utf8(where: str, line: int, error: UnicodeDecodeError) -> ScreenInputError:
    wide = line == 1 and error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    found = "it seems to be UTF-16" if wide else f"byte 0x{error.object[error.start]:02x}"
    return ScreenInputError(f"{where}, line {line}, is not UTF-8 text ({found}): save it as UTF-8")
