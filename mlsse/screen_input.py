"""What is to be screened, read as a stream: CSV, Parquet, JSON lines, plain text, a recipe.

A file is read twice: once for its sha256, its encoding and the types of its columns, so that
most faults are found before anything is computed, and once in chunks. Only a few chunks are ever
in memory. A row that cannot be read is kept as a `BadRow`, with its line; it counts as an input
row like any other, so that row numbers do not depend on what can be read.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlsse.csv_records import csv_records
from mlsse.errors import ScreenInputError
from mlsse.line_files import (
    BLOCK_BYTES,
    TOO_LONG,
    Lines,
    Survey,
    read_lines,
    survey_file,
    unchanged,
)
from mlsse.screen_chunks import (
    Chunk,
    Row,
    ScreenInput,
    exact_tables,
    own_names,
    row_input,
    table_chunk,
)

if TYPE_CHECKING:
    import pyarrow as pa

STANDARD_INPUT = "-"
KINDS = {
    ".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text",
    ".smi": "text", ".toml": "recipe",
}  # fmt: skip
#: Own columns of the candidates of a recipe, all of them texts.
RECIPE_COLUMNS = ("parent", "recipe", "substitution")

_MAX_COLUMNS = 1000
_SHOWN_COLUMNS = 20


def open_input(path: str | Path, formula_column: str | None = None) -> ScreenInput:
    """Look through an input.

    Parameters
    ----------
    path : str or pathlib.Path
        ``.csv`` (own columns stay texts), ``.parquet`` (their types are kept), ``.jsonl`` or
        ``.ndjson`` (integers, numbers, booleans and texts where a whole column is of one type,
        else texts), ``.txt`` or ``.smi`` (one formula a line; blank lines and those that start
        with # are skipped), ``.toml`` (a recipe), or ``-``: plain text on standard input.
    formula_column : str, optional
        By default ``formula``.

    Raises
    ------
    ScreenInputError
        If the input cannot be read, is of an unknown kind or has no column of formulas.
    ConfigError
        If a recipe is at fault.
    """
    if str(path) == STANDARD_INPUT:
        _check_no_columns("standard input", formula_column)
        return row_input("stdin", "standard input", None, None, _no_schema(), None, _standard_input)
    path = Path(path)
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ScreenInputError(
            f"{path}: expected one of {', '.join(KINDS)}, or - for plain text on standard input"
        )
    if not path.is_file():
        what = "is no regular file; pipe it to -" if path.exists() else "does not exist"
        raise ScreenInputError(f"{path} {what}")
    try:
        return _READERS[kind](path, formula_column)
    except OSError as error:
        raise ScreenInputError(f"cannot read {path}: {error.strerror or error}") from error


def _text_input(path: Path, formula_column: str | None) -> ScreenInput:
    _check_no_columns(str(path), formula_column)
    survey = survey_file(path)
    return _of_file(path, "text", survey, None, _no_schema(), survey.n_lines, _formula_lines)


def _standard_input() -> Iterator[Row]:
    return _formula_lines(read_lines("standard input", sys.stdin.buffer))


def _formula_lines(lines: Lines) -> Iterator[Row]:
    for number, text in lines:
        if text is None:
            yield number, "", (), TOO_LONG
        elif (formula := text.strip()) and not formula.startswith("#"):
            yield number, formula, (), ""


def _csv_input(path: Path, formula_column: str | None) -> ScreenInput:
    import pyarrow as pa

    survey = survey_file(path)
    with path.open("rb") as stream:
        first = next(csv_records(read_lines(str(path), stream), None), None)
    if first is None:
        raise ScreenInputError(f"{path} is empty: expected a header with a column of formulas")
    _, cells, fault = first
    if fault:
        raise ScreenInputError(f"{path}: the header cannot be read: {fault}")
    header = [cell.strip() or f"column_{i}" for i, cell in enumerate(cells, start=1)]
    formula_column = _check_columns(path, header, formula_column)
    at = header.index(formula_column)
    own = [i for i, name in enumerate(header) if name != "formula" or i != at]
    names = own_names(header[i] for i in own)

    def read(lines: Lines) -> Iterator[Row]:
        records = csv_records(lines, len(header))
        next(records, None)  # the header
        for line, cells, fault in records:
            if fault:
                yield line, cells[at].strip() if at < len(cells) else "", (), fault
            else:
                yield line, cells[at].strip(), tuple([cells[i] for i in own]), ""

    schema = pa.schema([(name, pa.string()) for name in names])
    return _of_file(path, "csv", survey, formula_column, schema, survey.n_lines - 1, read)


def _json_input(path: Path, formula_column: str | None) -> ScreenInput:
    import pyarrow as pa

    survey = survey_file(path)
    kinds: dict[str, set[str]] = {}
    with path.open("rb") as stream:
        for _, found, _ in _json_objects(read_lines(str(path), stream)):
            for name, value in (found or {}).items():
                kinds.setdefault(name, set()).add(_json_kind(value))
            if len(kinds) > _MAX_COLUMNS:
                raise ScreenInputError(
                    f"{path} has more than {_MAX_COLUMNS} different keys: give all rows the same"
                )
    formula_column = _check_columns(path, list(kinds), formula_column)
    own = [name for name in kinds if name != formula_column or name != "formula"]
    types = [_json_type(kinds[name] - {"null"}) for name in own]
    convert = [_CONVERT[type_] for type_ in types]

    def read(lines: Lines) -> Iterator[Row]:
        for number, found, fault in _json_objects(lines):
            if found is None:
                yield number, "", (), fault
                continue
            formula = found.get(formula_column)
            if not isinstance(formula, str):
                what = "is missing" if formula is None else f"is {formula!r:.80}, expected a text"
                yield number, "", (), f"{formula_column!r} {what}"
                continue
            values = [
                None if (value := found.get(name)) is None else turn(value)
                for name, turn in zip(own, convert, strict=True)
            ]
            yield number, formula.strip(), tuple(values), ""

    arrow = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string()}
    schema = pa.schema(
        [(name, arrow[type_]) for name, type_ in zip(own_names(own), types, strict=True)]
    )
    return _of_file(path, "jsonl", survey, formula_column, schema, survey.n_lines, read)


def _json_objects(
    lines: Lines,
) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Number, object and fault of each line that is not blank."""
    for number, text in lines:
        if text is None:
            yield number, None, TOO_LONG
            continue
        if not text or text.isspace():
            continue
        try:
            found = json.loads(text)
            if "\\u" in text:  # a half of a pair of surrogates is no text
                json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            yield number, None, f"no JSON: {error}"
            continue
        if isinstance(found, dict):
            yield number, found, ""
        else:
            yield number, None, 'expected an object such as {"formula": "Li6PS5Cl"}'


def _json_kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "other"
    return {float: "float", str: "text"}.get(type(value), "other")


def _json_type(kinds: set[str]) -> str:
    if kinds in ({"bool"}, {"int"}):
        return next(iter(kinds))
    return "float" if kinds and kinds <= {"int", "float"} else "text"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "bool": bool, "int": int, "float": float, "text": _as_text,
}  # fmt: skip


def _parquet_input(path: Path, formula_column: str | None) -> ScreenInput:
    import pyarrow as pa
    from pyarrow import parquet

    survey = survey_file(path, text=False)
    try:
        with parquet.ParquetFile(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        _refuse_parquet(path, "", error)
    names = schema.names
    formula_column = _check_columns(path, names, formula_column)
    at = names.index(formula_column)
    type_ = schema.field(at).type
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        raise ScreenInputError(
            f"{path}: the column {formula_column!r} holds {type_}, expected texts: name another "
            "with --formula-column"
        )
    own = [i for i, name in enumerate(names) if i != at or name != "formula"]
    own_schema = pa.schema(
        [
            pa.field(new, schema.field(i).type)
            for new, i in zip(own_names(names[i] for i in own), own, strict=True)
        ]
    )

    def chunks(chunk_rows: int, first: int = 0) -> Iterator[Chunk]:
        n_passed = first * chunk_rows
        with unchanged(path, survey), parquet.ParquetFile(path, buffer_size=BLOCK_BYTES) as file:
            groups, n_before = _row_groups_from(file.metadata, n_passed)
            try:
                batches = file.iter_batches(
                    batch_size=min(chunk_rows, 65_536), row_groups=groups, use_threads=False
                )
                tables = exact_tables(batches, chunk_rows, n_passed - n_before)
                for number, table in enumerate(tables, start=first):
                    yield table_chunk(number, n_passed, table, at, own, own_schema)
                    n_passed += table.num_rows
            except (pa.ArrowException, OSError) as error:
                _refuse_parquet(path, f"row {n_passed} or one soon after it", error)

    return ScreenInput(
        "parquet", path.name, survey.sha256, formula_column, own_schema, n_rows, chunks
    )


def _row_groups_from(metadata: Any, row: int) -> tuple[list[int], int]:
    """Row groups from that of a row on, and how many rows are in those before."""
    n_before = 0
    for group in range(metadata.num_row_groups):
        n_rows = metadata.row_group(group).num_rows
        if n_before + n_rows > row:
            return list(range(group, metadata.num_row_groups)), n_before
        n_before += n_rows
    return [], n_before


def _refuse_parquet(path: Path, where: str, error: Exception) -> NoReturn:
    what = f"{path}: {where} cannot be read" if where else f"{path} is no whole Parquet file"
    raise ScreenInputError(
        f"{what} ({error}): it may be cut off or damaged; write or fetch it anew"
    ) from error


def _recipe_input(path: Path, formula_column: str | None) -> ScreenInput:
    import pyarrow as pa

    from mlsse.candidates import candidate_batches, count_candidates
    from mlsse.recipes import load_recipe, parse_recipe

    _check_no_columns(str(path), formula_column)
    recipe = load_recipe(path)
    # What the recipe comes to: comments make no difference, nor does the name of the file.
    content = repr(parse_recipe(path.read_text("utf-8")))
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    schema = pa.schema([(name, pa.string()) for name in RECIPE_COLUMNS])

    def chunks(chunk_rows: int, first: int = 0) -> Iterator[Chunk]:
        start = first * chunk_rows
        batches = candidate_batches(recipe, rows=chunk_rows, start=start)
        for number, batch in enumerate(batches, start=first):
            table = pa.table({name: pa.array(batch[name], pa.string()) for name in batch})
            own = [table.column_names.index(name) for name in RECIPE_COLUMNS]
            at = table.column_names.index("formula")
            yield table_chunk(number, number * chunk_rows, table, at, own, schema)

    count = count_candidates(recipe)
    about_rows = count.number if count.exact else None
    return ScreenInput("recipe", path.name, sha256, None, schema, about_rows, chunks)


_READERS = {
    "csv": _csv_input, "jsonl": _json_input, "parquet": _parquet_input, "text": _text_input,
    "recipe": _recipe_input,
}  # fmt: skip


def _check_no_columns(where: str, formula_column: str | None) -> None:
    if formula_column is not None:
        raise ScreenInputError(f"{where} has no columns: leave --formula-column out")


def _check_columns(path: Path, names: list[str], formula_column: str | None) -> str:
    """The column of formulas, if the columns can be used at all."""
    twice = [name for name in names if names.count(name) > 1] if len(names) < 10_000 else []
    if twice:
        raise ScreenInputError(f"{path}: the column {twice[0]!r} stands twice: rename one of them")
    column = formula_column or "formula"
    if column not in names:
        seen = ", ".join(map(repr, names[:_SHOWN_COLUMNS])) or "none"
        more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
        raise ScreenInputError(
            f"{path} has no column {column!r}; its columns are {seen}{more}: name the one that "
            "holds the formulas with --formula-column"
        )
    return column


def _no_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([])


def _of_file(
    path: Path,
    kind: str,
    survey: Survey,
    formula_column: str | None,
    schema: pa.Schema,
    about_rows: int,
    read: Callable[[Lines], Iterator[Row]],
) -> ScreenInput:
    """An input of lines in a file."""

    def rows() -> Iterator[Row]:
        with unchanged(path, survey), path.open("rb", buffering=BLOCK_BYTES) as stream:
            yield from read(read_lines(str(path), stream))

    return row_input(kind, path.name, survey.sha256, formula_column, schema, about_rows, rows)
