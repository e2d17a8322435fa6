"""Records of a CSV file of which some may be broken: a broken one costs no other."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from mlsse.line_files import TOO_LONG, Lines

#: A quoted cell may hold line ends; one that is not closed after so many lines is an error.
_MAX_LINES = 100
_QUOTE = "a quote is not closed, or not where it may be"


def csv_records(lines: Lines, n_cells: int | None) -> Iterator[tuple[int, list[str], str]]:
    """Split lines into records.

    Parameters
    ----------
    lines : iterator of (int, str or None)
        Number and text of each line, without its end; None for a text too long to be held.
    n_cells : int, optional
        What a record must have.

    Yields
    ------
    line : int
        The first of the record.
    cells : list of str
        As far as they could be told.
    fault : str
        What is wrong with the record, or "". Reading goes on with the line after the first of a
        faulty record, so that a quote that is never closed does not swallow the rows after it.
        Blank lines are skipped.
    """
    ahead: deque[tuple[int, str | None]] = deque()
    while (taken := ahead.popleft() if ahead else next(lines, None)) is not None:
        line, text = taken
        if text is None:
            yield line, [], TOO_LONG
            continue
        if not text:
            continue
        n_more = 0
        if '"' not in text:
            cells, fault = text.split(","), ""
        else:
            cells, n_more, fault = _quoted(text, lines, ahead)
        if not fault and n_cells is not None and len(cells) != n_cells:
            s = "" if len(cells) == 1 else "s"
            fault = f"{len(cells)} cell{s}, the header has {n_cells}"
        if not fault:
            for _ in range(n_more):
                ahead.popleft()
        yield line, cells, fault


def _quoted(
    text: str, lines: Lines, ahead: deque[tuple[int, str | None]]
) -> tuple[list[str], int, str]:
    """Cells of a record with quotes, how many more lines it takes, and what is wrong."""

    def following() -> Iterator[str]:
        yield text + "\n"
        for i in range(_MAX_LINES):
            if i == len(ahead):
                taken = next(lines, None)
                if taken is None:
                    return
                ahead.append(taken)
            more = ahead[i][1]
            if more is None:
                return
            yield more + "\n"

    reader = csv.reader(following(), strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        return text.split(","), 0, str(error) if "limit" in str(error) else _QUOTE
    return cells, reader.line_num - 1, ""
