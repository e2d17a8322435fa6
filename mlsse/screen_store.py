"""The folder of a screen: a manifest, and the results in parts that are whole or not there.

``manifest.json`` says what is screened and with what; ``scores/part-000000.parquet`` holds the
score card of the usable rows of the first chunk, ``errors/part-000000.csv`` its other rows, if
there are any. Each file is written under a temporary name and renamed; a chunk is done if and
only if its scores are there, which come last. The order of the rows is that of the input.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsse.errors import ScreenError, ScreenInputError
from mlsse.prediction import SCORE_CARD
from mlsse.serving import BOOLEANS, LISTS, TEXTS

if TYPE_CHECKING:
    import pyarrow as pa

    from mlsse.screen_chunks import BadRow

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SCORES, ERRORS = "scores", "errors"
_LOCK = ".lock"
_TEMPORARY = "*.tmp"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MAX_SHOWN_FORMULA = 200


@dataclass(frozen=True)
class Totals:
    """Counts of a screen that has come to its end; ``rows`` is ``scored`` and ``bad`` together."""

    rows: int
    scored: int
    bad: int
    chunks: int


@dataclass(frozen=True)
class Manifest:
    """What a screen follows from.

    Attributes
    ----------
    input_kind, input_name : str
        As in `mlsse.screen_chunks.ScreenInput`.
    input_sha256 : str or None
        None for standard input, which cannot be read again.
    formula_column : str or None
    own_columns : tuple of str
        Those of the input, as they are called in the scores.
    columns : tuple of str
        The groups of `mlsse.prediction.COLUMN_GROUPS` that are computed; the columns of the
        others are there and empty.
    temperature_k : float
    ion : str or None
        None where it is that of each formula.
    model_version, model_sha256 : str
    mlsse_version : str
    chunk_rows : int
    about_rows : int or None
        Rows of the input, as far as it was known at the start.
    totals : Totals or None
        None as long as the screen has not come to its end.
    """

    input_kind: str
    input_name: str
    input_sha256: str | None
    formula_column: str | None
    own_columns: tuple[str, ...]
    columns: tuple[str, ...]
    temperature_k: float
    ion: str | None
    model_version: str
    model_sha256: str
    mlsse_version: str
    chunk_rows: int
    about_rows: int | None = None
    totals: Totals | None = None
    format_version: int = FORMAT_VERSION


#: What may differ between a screen and the one that goes on with it.
_FREE = frozenset({"input_name", "about_rows", "totals", "format_version"})
_WORDS = {
    "input_sha256": "the input",
    "model_version": "the model",
    "chunk_rows": "--chunk-rows",
    "temperature_k": "--temperature",
    "ion": "--ion",
    "columns": "--columns",
    "formula_column": "--formula-column",
}


class Screen:
    """A folder of a screen.

    Attributes
    ----------
    folder : pathlib.Path
    manifest : Manifest
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @property
    def is_complete(self) -> bool:
        """Whether the whole input was screened."""
        return self.manifest.totals is not None

    def score_files(self) -> list[Path]:
        """Parts that are there, in the order of their chunks."""
        return _parts(self.folder / SCORES, ".parquet")

    def error_files(self) -> list[Path]:
        """Files of the bad rows, in the order of their chunks."""
        return _parts(self.folder / ERRORS, ".csv")

    def n_scored(self, chunk: int) -> int | None:
        """Rows that a chunk has in the scores; None if it is not done, or its file is damaged."""
        import pyarrow as pa
        from pyarrow import parquet

        path = score_file(self.folder, chunk)
        if not path.is_file():
            return None
        try:
            return int(parquet.read_metadata(path).num_rows)
        except (pa.ArrowException, OSError):
            return None

    def finish(self, totals: Totals) -> None:
        """Write down that the screen has come to its end."""
        self.manifest = replace(self.manifest, totals=totals)
        _write_manifest(self.folder, self.manifest)

    def remove_temporaries(self) -> None:
        """Remove what killed processes have left half-written."""
        for folder in (self.folder, self.folder / SCORES, self.folder / ERRORS):
            for path in folder.glob(_TEMPORARY):
                with suppress(OSError):
                    path.unlink()


def open_screen(folder: str | Path) -> Screen:
    """Open the folder of a screen, complete or not, to read it.

    Raises
    ------
    ScreenError
        If there is no screen, or one of another format.
    """
    folder = Path(folder)
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
        if found["format_version"] != FORMAT_VERSION:
            raise ScreenError(
                f"{folder} has screen format {found['format_version']}, this version of mlsse "
                f"reads {FORMAT_VERSION}: screen anew"
            )
        totals = found["totals"]
        manifest = Manifest(
            **found
            | {
                "totals": None if totals is None else Totals(**totals),
                "columns": tuple(found["columns"]),
                "own_columns": tuple(found["own_columns"]),
            }
        )
    except FileNotFoundError as error:
        raise ScreenError(
            f"{folder} holds no screen ({MANIFEST} is missing): name a folder that mlsse screen "
            "has written"
        ) from error
    except ScreenError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScreenError(f"{folder / MANIFEST} is damaged ({error}): screen anew") from error
    return Screen(folder, manifest)


@contextmanager
def writable_screen(folder: Path, manifest: Manifest, *, resume: bool) -> Iterator[Screen]:
    """Start a screen, or go on with one; nobody else may write there meanwhile.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there.
    manifest : Manifest
        What is to be screened.
    resume : bool
        Whether the folder may hold a part of this very screen.

    Raises
    ------
    ScreenInputError
        If the folder is in use by another process, is not empty, or holds another screen.
    ScreenError
        If it cannot be written.
    """
    from filelock import FileLock, Timeout

    if folder.exists() and not folder.is_dir():
        raise ScreenInputError(f"{folder} is no folder: name another --out")
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ScreenInputError(
                f"{folder} is being written by another screen: wait for it or name another --out"
            ) from None
    try:
        screen = Screen(folder, manifest)
        screen.remove_temporaries()
        if _is_empty(folder):
            for name in (SCORES, ERRORS):
                (folder / name).mkdir(exist_ok=True)
            _write_manifest(folder, manifest)
        elif not resume:
            raise ScreenInputError(
                f"{folder} is not empty: --resume goes on with a screen that it holds; otherwise "
                "name another --out or remove it"
            )
        else:
            found = open_screen(folder)
            _check_same(folder, found.manifest, manifest)
            screen.manifest = replace(manifest, totals=found.manifest.totals)
        yield screen
    finally:
        lock.release()


def scores_schema(own: pa.Schema) -> pa.Schema:
    """Columns of the scores and their types, the same in every part.

    Parameters
    ----------
    own : pyarrow.Schema
        Own columns of the input.

    Returns
    -------
    pyarrow.Schema
        ``input_row``, the own columns, the score card.
    """
    import pyarrow as pa

    def of(name: str) -> pa.DataType:
        if name in TEXTS:
            return pa.string()
        if name in LISTS:
            return pa.list_(pa.string())
        return pa.bool_() if name in BOOLEANS else pa.float64()

    return pa.schema(
        [
            pa.field("input_row", pa.int64()),
            *(pa.field(field.name, field.type) for field in own),
            *(pa.field(name, of(name)) for name in SCORE_CARD),
        ]
    )


def write_chunk(folder: Path, chunk: int, scores: pa.Table, bad: Iterable[BadRow]) -> None:
    """Write the results of a chunk: its bad rows, if any, and last its scores.

    Raises
    ------
    ScreenError
        If they cannot be written; then nothing is left of the chunk but, perhaps, its bad rows.
    """
    from pyarrow import parquet

    if not (folder / MANIFEST).is_file():
        raise ScreenError(
            f"{folder} is not there, or not the same as where the screen was started: put it on "
            "a file system that all workers share"
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["input_row", "line", "formula", "error"])
    n_bad = 0
    for row in bad:
        n_bad += 1
        formula = row.formula[:_MAX_SHOWN_FORMULA]
        writer.writerow([row.input_row, row.line, formula, " ".join(row.error.split())])
    # To memory first: a file that Python writes says plainly what went wrong.
    parts = io.BytesIO()
    parquet.write_table(scores, parts, compression="zstd")
    if n_bad:
        _write(folder / ERRORS / f"part-{chunk:06d}.csv", text.getvalue().encode())
    _write(score_file(folder, chunk), parts.getvalue())


def score_file(folder: Path, chunk: int) -> Path:
    """Where the scores of a chunk are, or will be."""
    return folder / SCORES / f"part-{chunk:06d}.parquet"


def _write(path: Path, data: bytes) -> None:
    """Write a file at once or not at all."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with _explained(path.parent):
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say where something could not be written, and what to do."""
    try:
        yield
    except ScreenError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            message = (
                f"no room to write to {folder} ({why}): what was written before is kept; make "
                "room and go on with --resume"
            )
        else:
            message = f"cannot write to {folder}: {why}"
        raise ScreenError(message) from error


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(asdict(manifest), indent=1, allow_nan=False) + "\n"
    _write(folder / MANIFEST, text.encode())


def _is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing, or what a screen had made before its manifest."""
    for path in folder.iterdir():
        made = path.name in (SCORES, ERRORS) and path.is_dir() and not any(path.iterdir())
        if not made and path.name != _LOCK:
            return False
    return True


def _parts(folder: Path, suffix: str) -> list[Path]:
    found = folder.glob(f"part-*{suffix}")
    return sorted(found, key=lambda path: (len(path.name), path.name))


def _check_same(folder: Path, found: Manifest, asked: Manifest) -> None:
    """Refuse to go on with another screen."""
    if found.input_sha256 is None or asked.input_sha256 is None:
        raise ScreenInputError(
            f"{folder}: standard input cannot be read again, so there is no going on: save it to "
            "a file, and name another --out"
        )
    old, new = _plain(found), _plain(asked)
    differing = [
        f"{_WORDS.get(name, name)}: {_short(old[name])} there, {_short(new[name])} now"
        for name in old
        if name not in _FREE and old[name] != new[name]
    ]
    if differing:
        raise ScreenInputError(
            f"{folder} holds another screen ({'; '.join(differing)}): screen to another --out"
        )


def _plain(manifest: Manifest) -> Mapping[str, Any]:
    return asdict(manifest)


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text[:12] + "..." if len(text) == 64 else text
