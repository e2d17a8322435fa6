"""Rows to be screened, in chunks of a fixed number of input rows, as Arrow arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlsse.prediction import SCORE_CARD

if TYPE_CHECKING:
    import pyarrow as pa

_NO_FORMULA = "no formula"
_TAKEN = frozenset({"input_row", *SCORE_CARD})

#: Line (None where there are none), formula, own values, and what is wrong ("" if nothing is).
Row = tuple[int | None, str, "tuple[Any, ...]", str]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used.

    Attributes
    ----------
    input_row : int
        Counted from zero.
    line : int or None
        Counted from one, the header is the first; None where the input has no lines.
    formula : str
    error : str
    """

    input_row: int
    line: int | None
    formula: str
    error: str


@dataclass(frozen=True)
class Chunk:
    """Input rows that follow each other.

    Attributes
    ----------
    number : int
        Counted from zero.
    n_rows : int
        Of the input, those that cannot be read among them.
    input_rows, lines, formulas : pyarrow.Array
        One entry a readable row, m of them: int64, int64 (null without lines), string.
    own : pyarrow.Table
        Own columns of the input, m rows.
    bad : tuple of BadRow
        Rows that cannot be read.
    """

    number: int
    n_rows: int
    input_rows: pa.Array
    lines: pa.Array
    formulas: pa.Array
    own: pa.Table
    bad: tuple[BadRow, ...]


@dataclass(frozen=True)
class ScreenInput:
    """An input that was looked through, to be read in chunks.

    Attributes
    ----------
    kind : str
        One of the values of `KINDS`, or ``stdin``.
    name : str
    sha256 : str or None
        Of the file, or of the recipe and what it follows from; None for standard input.
    formula_column : str or None
        None where there are no columns.
    own : pyarrow.Schema
        Own columns, under the names that they get in a screen.
    about_rows : int or None
        Number of rows, blank lines of a text among them; None where it cannot be told before
        they are read, or only a bound can.
    chunks : callable
        From the number of rows of a chunk, and the number of the chunk to begin with (0 by
        default), to an iterator of `Chunk`. The last may be shorter.
    """

    kind: str
    name: str
    sha256: str | None
    formula_column: str | None
    own: pa.Schema
    about_rows: int | None
    chunks: Callable[..., Iterator[Chunk]]


def own_names(names: Iterable[str]) -> list[str]:
    """Names that own columns get in a screen: what the score card has gets ``_input`` added."""
    found: list[str] = []
    given = set(names := list(names))
    for name in names:
        new = name
        while new in _TAKEN or (new != name and new in given) or new in found:
            new += "_input"
        found.append(new)
    return found


def row_input(
    kind: str,
    name: str,
    sha256: str | None,
    formula_column: str | None,
    schema: pa.Schema,
    about_rows: int | None,
    read: Callable[[], Iterator[Row]],
) -> ScreenInput:
    """Make an input of rows that come one by one; other arguments as for `ScreenInput`."""

    def chunks(chunk_rows: int, first: int = 0) -> Iterator[Chunk]:
        rows = read()
        next(islice(rows, first * chunk_rows, first * chunk_rows), None)  # passes over them
        number = first
        while some := list(islice(rows, chunk_rows)):
            yield _row_chunk(number, number * chunk_rows, some, schema)
            number += 1

    return ScreenInput(kind, name, sha256, formula_column, schema, about_rows, chunks)


def _row_chunk(number: int, first_row: int, rows: list[Row], schema: pa.Schema) -> Chunk:
    import pyarrow as pa

    bad: list[BadRow] = []
    input_rows, kept = [], []
    for input_row, row in enumerate(rows, start=first_row):
        line, formula, _, fault = row
        if fault or not formula:
            bad.append(BadRow(input_row, line, formula, fault or _NO_FORMULA))
        else:
            input_rows.append(input_row)
            kept.append(row)
    columns = zip(*[row[2] for row in kept], strict=True) if kept else ([] for _ in schema)
    own = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return Chunk(
        number,
        len(rows),
        pa.array(input_rows, pa.int64()),
        pa.array([row[0] for row in kept], pa.int64()),
        pa.array([row[1] for row in kept], pa.string()),
        pa.table(own, schema=schema),
        tuple(bad),
    )


def exact_tables(
    batches: Iterable[pa.RecordBatch], n_rows: int, n_skipped: int = 0
) -> Iterator[pa.Table]:
    """Tables of so many rows, after some that are skipped; the last may be shorter."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    missing = n_rows
    for batch in batches:
        skipped = min(n_skipped, batch.num_rows)
        n_skipped -= skipped
        batch = batch.slice(skipped)
        while batch.num_rows:
            held.append(batch.slice(0, missing))
            batch = batch.slice(held[-1].num_rows)
            missing -= held[-1].num_rows
            if not missing:
                yield pa.Table.from_batches(held)
                held, missing = [], n_rows
    if held:
        yield pa.Table.from_batches(held)


def table_chunk(
    number: int, first_row: int, table: pa.Table, at: int, own: list[int], schema: pa.Schema
) -> Chunk:
    """Make a chunk of a table, whose column `at` holds the formulas; null and "" are bad rows."""
    import pyarrow as pa
    from pyarrow import compute

    texts = pa.concat_arrays(table.column(at).cast(pa.string()).chunks)
    formulas = compute.utf8_trim_whitespace(texts)
    usable = compute.fill_null(compute.not_equal(formulas, ""), False)
    rows = pa.array(range(first_row, first_row + table.num_rows), pa.int64())
    without = rows.filter(compute.invert(usable)).to_pylist()
    kept = table.filter(usable).unify_dictionaries().combine_chunks().select(own)
    n_kept = table.num_rows - len(without)
    return Chunk(
        number,
        table.num_rows,
        rows.filter(usable),
        pa.nulls(n_kept, pa.int64()),
        formulas.filter(usable),
        pa.table(kept.columns, schema=schema),
        tuple(BadRow(row, None, "", _NO_FORMULA) for row in without),
    )
