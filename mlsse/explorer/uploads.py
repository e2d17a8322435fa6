"""What visitors give: texts and files of formulas, within limits; anything else is refused."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mlsse.csv_records import csv_records
from mlsse.errors import ScreenInputError
from mlsse.line_files import read_lines

#: Most formulas at once; `mlsse screen` takes any number.
MAX_FORMULAS = 5_000
#: Most bytes of a file; ``assets/explorer.js`` refuses larger ones before they are sent.
MAX_FILE_BYTES = 4 * 2**20
#: Most characters of one formula.
MAX_LENGTH = 1_000
_MAX_COLUMNS = 1_000
_SEPARATORS = re.compile(r"[\n\r,;\t]+")
#: With these a spreadsheet takes a cell for a command.
_COMMANDS = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Read:
    """What a file holds.

    Attributes
    ----------
    formulas : list of str
    note : str
        Which column was read, and what was left out.
    """

    formulas: list[str]
    note: str


def split_text(text: str) -> list[str]:
    """Formulas of a text, parted by line ends, commas, semicolons or tabs.

    Raises
    ------
    ScreenInputError
        If there are none, or more than `MAX_FORMULAS`, or one is too long.

    Examples
    --------
    >>> split_text("Li6PS5Cl, Li3YCl6\\n70Li2S 30P2S5")
    ['Li6PS5Cl', 'Li3YCl6', '70Li2S 30P2S5']
    """
    return _checked(_SEPARATORS.split(text))


def read_upload(name: str, contents: str) -> Read:
    """Read a file that the page has sent.

    Parameters
    ----------
    name : str
        Of the file. ``.csv``: a header, and the formulas in its column ``formula``, or else in
        the only one; any other: plain text, one formula a line.
    contents : str
        A data address, ``data:TYPE;base64,DATA``.

    Returns
    -------
    Read

    Raises
    ------
    ScreenInputError
        If it cannot be used, with the reason.
    """
    _, _, encoded = contents.partition(",")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ScreenInputError(f"{name}: it did not arrive whole; send it again") from error
    if len(data) > MAX_FILE_BYTES:
        raise ScreenInputError(
            f"{name} has {len(data) / 2**20:.1f} MiB, at most {MAX_FILE_BYTES / 2**20:g} are read "
            "here: use `mlsse screen` for large files"
        )
    if b"\0" in data:
        raise ScreenInputError(f"{name} is no text: save it as CSV or plain text, in UTF-8")
    if name.lower().endswith(".csv"):
        return _read_csv(name, data)
    lines = (text for _, text in read_lines(name, io.BytesIO(data)))
    kept = (text.strip() for text in lines if text is not None)
    return Read(_checked((text for text in kept if not text.startswith("#")), name), "one a line")


def safe_cell(value: object) -> object:
    """A cell of a CSV file that no spreadsheet takes for a command.

    >>> safe_cell("=1+1"), safe_cell(-3.5)
    ("'=1+1", -3.5)
    """
    if isinstance(value, str) and value.startswith((*_COMMANDS, "\t", "\r")):
        return f"'{value}"
    return value


def _read_csv(name: str, data: bytes) -> Read:
    records = csv_records(read_lines(name, io.BytesIO(data)), None)
    first = next(records, None)
    if first is None:
        raise ScreenInputError(f"{name} is empty: expected a header with a column 'formula'")
    _, header, fault = first
    if fault:
        raise ScreenInputError(f"{name}: the header cannot be read: {fault}")
    if len(header) > _MAX_COLUMNS:
        raise ScreenInputError(
            f"{name} has {len(header)} columns, at most {_MAX_COLUMNS}: keep the one of formulas"
        )
    at = _formula_column(name, [cell.strip().lower() for cell in header])
    formulas, n_broken = [], 0
    for line, cells, fault in records:
        formula = cells[at].strip() if at < len(cells) else ""
        if formula.startswith(_COMMANDS):
            raise ScreenInputError(
                f"{name}, line {line}: {formula[:40]!r} is a formula of a spreadsheet, not of a "
                "compound: save the values alone"
            )
        if fault or at >= len(cells):
            n_broken += 1
            continue
        formulas.append(formula)
        if len(formulas) > MAX_FORMULAS:
            break
    note = f"column {header[at].strip()!r}"
    if n_broken:
        note += f"; {n_broken} lines could not be read and were left out"
    return Read(_checked(formulas, name), note)


def _formula_column(name: str, header: list[str]) -> int:
    if "formula" in header:
        return header.index("formula")
    if len(header) == 1:
        return 0
    shown = ", ".join(repr(cell[:30]) for cell in header[:8])
    raise ScreenInputError(f"{name} has no column 'formula', but {shown}: rename the right one")


def _checked(texts: Iterable[str], name: str = "") -> list[str]:
    where = f"{name}: " if name else ""
    found = []
    for text in texts:
        if not (kept := text.strip()):
            continue
        if len(kept) > MAX_LENGTH:
            raise ScreenInputError(
                f"{where}{kept[:40]!r}... has {len(kept)} characters, at most {MAX_LENGTH} are read"
            )
        found.append(kept)
        if len(found) > MAX_FORMULAS:
            raise ScreenInputError(
                f"{where}more than {MAX_FORMULAS} formulas: use `mlsse screen` for so many"
            )
    if not found:
        raise ScreenInputError(f"{where}no formula in it: give some, such as Li6PS5Cl")
    return found


def from_store(stored: object) -> list[str]:
    """Formulas as a browser sends them back, cut to the limits."""
    if not isinstance(stored, list):
        return []
    return [text[:MAX_LENGTH] for text in stored[:MAX_FORMULAS] if isinstance(text, str)]
