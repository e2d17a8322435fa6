"""Score a stream of candidates in chunks, on all cores or on a cluster, and survive being killed.

The input is read in one process, a few chunks ahead; a worker scores a chunk with one thread and
writes its results itself. What a chunk gives depends on nothing but the chunk, so the tables are
the same whatever the number of workers, the engine or the number of interruptions.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import mlsse
from mlsse.bundle import Model, load_model
from mlsse.errors import ScreenError, ScreenInputError
from mlsse.prediction import COLUMN_GROUPS, SCORE_CARD, predict_arrays
from mlsse.screen_chunks import BadRow, Chunk, ScreenInput
from mlsse.screen_input import open_input
from mlsse.screen_store import (
    Manifest,
    Screen,
    Totals,
    scores_schema,
    writable_screen,
    write_chunk,
)
from mlsse.targets import ROOM_TEMPERATURE_K

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 10_000
MAX_CHUNK_ROWS = 1_000_000
_LOOK_SECONDS = 5.0
_LOG_SECONDS = 30.0  # between two lines of progress in a file


@dataclass(frozen=True)
class Summary:
    """What a screen has come to.

    Attributes
    ----------
    rows, scored, bad : int
        Rows of the input: those in the scores and those in the errors; all chunks, earlier
        runs included.
    seconds : float
        Of this run.
    rate : float
        Rows of this run a second; what was done before is left out.
    folder : pathlib.Path
    """

    rows: int
    scored: int
    bad: int
    seconds: float
    rate: float
    folder: Path


def screen(
    input: str | Path,
    out: str | Path,
    *,
    columns: Iterable[str] | str = tuple(COLUMN_GROUPS),
    temperature_k: float = ROOM_TEMPERATURE_K,
    ion: str | None = None,
    formula_column: str | None = None,
    resume: bool = False,
    chunk_rows: int = CHUNK_ROWS,
    workers: int | None = None,
    engine: Literal["local", "dask"] = "local",
    scheduler: str | None = None,
    model: str | Path | Model | None = None,
    progress: bool = False,
) -> Summary:
    """Screen candidates, and write their score cards to a folder.

    Parameters
    ----------
    input : str or pathlib.Path
        CSV, Parquet, JSON lines, plain text, a recipe, or ``-``; see
        `mlsse.screen_input.open_input`.
    out : str or pathlib.Path
        Folder of the screen, empty or not there; see `mlsse.screen_store`.
    columns : iterable of str, default all
        Which of `mlsse.prediction.COLUMN_GROUPS` to compute.
    temperature_k : float, default 298.15
    ion : str, optional
        Mobile ion such as ``"Li"``; by default that of each formula.
    formula_column : str, optional
        By default ``formula``.
    resume : bool, default False
        Go on with what `out` holds of this very screen, if anything.
    chunk_rows : int, default 10000
    workers : int, optional
        Processes on this machine, by default one a core.
    engine : {"local", "dask"}
    scheduler : str, optional
        Address of a Dask scheduler, or its scheduler file; by default Dask on this machine.
    model : str, pathlib.Path or Model, optional
        Folder of a bundle; by default the shipped champion. Where workers are on other machines,
        they must find it there.
    progress : bool, default False
        Show rate and time left on standard error.

    Returns
    -------
    Summary

    Raises
    ------
    ScreenInputError
        If the input cannot be used, or `out` holds something else.
    ConditionError
        If temperature, ion or columns cannot be used.
    ScreenError
        If results cannot be written or workers keep getting lost. What was written stays, and
        ``resume`` goes on with it.
    """
    start = time.perf_counter()
    if not 1 <= chunk_rows <= MAX_CHUNK_ROWS:
        raise ScreenInputError(f"{chunk_rows} rows a chunk: expected 1 to {MAX_CHUNK_ROWS:,}")
    if workers is not None and workers < 1:
        raise ScreenInputError(f"{workers} workers: expected 1 or more")
    if scheduler is not None and (engine != "dask" or workers is not None):
        what = "--workers" if engine == "dask" else "--engine local"
        raise ScreenInputError(f"a scheduler goes with --engine dask, not with {what}")
    chosen = {columns} if isinstance(columns, str) else set(columns)
    loaded = model if isinstance(model, Model) else load_model(model)
    # Nothing is scored here: it is the conditions that are checked.
    predict_arrays([], temperature_k=temperature_k, ion=ion, model=loaded, groups=chosen)
    source = open_input(input, formula_column)
    groups = tuple(name for name in COLUMN_GROUPS if name in chosen)
    manifest = Manifest(
        input_kind=source.kind,
        input_name=source.name,
        input_sha256=source.sha256,
        formula_column=source.formula_column,
        own_columns=tuple(source.own.names),
        columns=groups,
        temperature_k=float(temperature_k),
        ion=ion,
        model_version=loaded.version,
        model_sha256=_model_hash(loaded),
        mlsse_version=mlsse.__version__,
        chunk_rows=chunk_rows,
        about_rows=source.about_rows,
    )
    folder = Path(out).absolute()
    job = Job(
        folder=folder,
        model=None if model is None else loaded.folder.absolute(),
        model_version=loaded.version,
        groups=groups,
        temperature_k=float(temperature_k),
        ion=ion,
        schema=scores_schema(source.own),
    )
    del loaded
    with ExitStack() as stack:
        # A cluster that cannot be reached leaves no folder behind.
        workplace = stack.enter_context(_engine(engine, scheduler, workers))
        store = stack.enter_context(writable_screen(folder, manifest, resume=resume))
        stack.callback(store.remove_temporaries)
        stack.callback(workplace.close)
        run = _Run(store, job, workplace, stack.enter_context(_meter(source, progress)))
        try:
            run.go_through(source, chunk_rows)
        except workplace.gone as error:
            raise ScreenError(
                f"the Dask scheduler was lost ({error}): what was written to {folder} is kept; go "
                "on with --resume, with either engine"
            ) from error
        totals = Totals(run.rows, run.scored, run.rows - run.scored, run.chunks)
        if not totals.rows:
            raise ScreenInputError(f"{source.name} holds no formula")
        store.finish(totals)
    seconds = time.perf_counter() - start
    return Summary(
        totals.rows, totals.scored, totals.bad, seconds, run.rows_now / seconds, Path(out)
    )


@dataclass(frozen=True)
class Job:
    """What a worker has to know to score any chunk of a screen."""

    folder: Path
    model: Path | None
    model_version: str
    groups: tuple[str, ...]
    temperature_k: float
    ion: str | None
    schema: pa.Schema


def score_chunk(job: Job, chunk: Chunk) -> int:
    """Score a chunk and write its results; runs in a worker.

    Returns
    -------
    int
        Rows that could be scored.
    """
    from threadpoolctl import threadpool_limits

    model = _worker_model(job.model, job.model_version)
    # The other cores have chunks of their own.
    with threadpool_limits(1, user_api="blas"):
        columns = predict_arrays(
            chunk.formulas.to_pylist(),
            temperature_k=job.temperature_k,
            ion=job.ion,
            model=model,
            groups=job.groups,
            n_threads=1,
        )
    scores, bad = _table(chunk, columns, job.schema)
    write_chunk(job.folder, chunk.number, scores, bad)
    return int(scores.num_rows)


@lru_cache(maxsize=1)
def _worker_model(folder: Path | None, version: str) -> Model:
    """The model, loaded once a process."""
    model = load_model(folder)
    if model.version != version:
        where = "that comes with mlsse" if folder is None else f"in {folder}"
        raise ScreenError(
            f"the model {where} is {model.version} on a worker, but {version} where the screen "
            "was started: bring both to the same"
        )
    return model


def _table(
    chunk: Chunk, columns: dict[str, Any], schema: pa.Schema
) -> tuple[pa.Table, list[BadRow]]:
    """Scores of a chunk, and all its bad rows, both in the order of the input."""
    import pyarrow as pa

    # NaN stands for an empty value, which is null in the scores.
    card = [
        pa.array(columns[name], schema.field(name).type, from_pandas=True) for name in SCORE_CARD
    ]
    table = pa.table([chunk.input_rows, *chunk.own.columns, *card], schema=schema)
    faults = columns["error"]
    bad = list(chunk.bad)
    if any(fault is not None for fault in faults):
        usable = pa.array([fault is None for fault in faults], pa.bool_())
        for i, fault in enumerate(faults):
            if fault is not None:
                place = chunk.input_rows[i].as_py(), chunk.lines[i].as_py()
                bad.append(BadRow(*place, chunk.formulas[i].as_py(), fault))
        table = table.filter(usable)
    return table, sorted(bad, key=lambda row: row.input_row)


class _Engine(Protocol):
    """Where chunks are scored."""

    lost: tuple[type[BaseException], ...]
    gone: tuple[type[BaseException], ...]
    retries: int

    @property
    def look_ahead(self) -> int: ...
    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]: ...
    def check(self) -> None: ...


def _engine(name: str, scheduler: str | None, workers: int | None) -> Any:
    """Context manager of an engine."""
    if name == "dask":
        from mlsse.dask_engine import DaskEngine

        return DaskEngine(scheduler, workers)
    if name != "local":
        raise ScreenInputError(f"engine {name!r}: expected local or dask")
    from mlsse.local_engine import LocalEngine

    return LocalEngine(workers)


@dataclass
class _Run:
    """One run over an input: what is under way, and what was counted so far."""

    store: Screen
    job: Job
    engine: _Engine
    meter: Any
    pending: dict[Future[int], Chunk] = field(default_factory=dict)
    rows: int = 0
    scored: int = 0
    chunks: int = 0
    rows_now: int = 0
    losses: Counter[int] = field(default_factory=Counter)

    def go_through(self, source: ScreenInput, chunk_rows: int) -> None:
        """Score what is not yet scored."""
        chunks = source.chunks(chunk_rows, self._pass_over(chunk_rows))
        while (chunk := self._next(chunks)) is not None:
            self.rows += chunk.n_rows
            self.chunks += 1
            known = self.store.n_scored(chunk.number)
            if known is not None:
                self.scored += known
                _skip(self.meter, chunk.n_rows)
                continue
            while len(self.pending) >= self.engine.look_ahead:
                self._collect()
            self._submit(chunk)
        while self.pending:
            self._collect()

    def _pass_over(self, chunk_rows: int) -> int:
        """Count chunks that are done from the first on, all but the last, which may be shorter."""
        done: list[int] = []
        while (known := self.store.n_scored(len(done))) is not None:
            done.append(known)
        self.scored = sum(done[:-1])
        self.chunks = max(len(done) - 1, 0)
        self.rows = self.chunks * chunk_rows
        _skip(self.meter, self.rows)
        return self.chunks

    def _next(self, chunks: Any) -> Chunk | None:
        """The next chunk; if it cannot be read, those before it are brought to their end."""
        try:
            chunk: Chunk | None = next(chunks, None)
        except Exception:
            while self.pending:
                self._collect()
            raise
        return chunk

    def _submit(self, chunk: Chunk) -> None:
        self.pending[self.engine.submit(score_chunk, self.job, chunk)] = chunk

    def _collect(self) -> None:
        """Take in what is done, and do again what was lost."""
        done = self._wait(FIRST_COMPLETED)
        failure: Exception | None = None
        for future in done:
            chunk = self.pending.pop(future)
            try:
                self.scored += future.result()
            except self.engine.lost as error:
                self.losses[chunk.number] += 1
                if self.losses[chunk.number] > self.engine.retries:
                    failure = ScreenError(
                        f"a worker was lost again and again at the same chunk ({error}): there "
                        "may be too little memory; go on with --resume and fewer --workers, or "
                        "screen anew with a smaller --chunk-rows"
                    )
                else:
                    self._submit(chunk)
            except Exception as error:
                failure = error
            else:
                self.rows_now += chunk.n_rows
                self.meter.update(chunk.n_rows)
        if isinstance(failure, self.engine.gone):
            raise failure  # nobody is left to finish anything
        if failure is not None:
            # The other workers may finish: each chunk done is one less to do again.
            self._wait(ALL_COMPLETED)
            raise failure

    def _wait(self, until: str) -> set[Future[int]]:
        """Wait for calls under way, and see from time to time that somebody works on them."""
        while True:
            done, pending = wait(self.pending, timeout=_LOOK_SECONDS, return_when=until)
            if not pending or (done and until == FIRST_COMPLETED):
                return done
            self.engine.check()


def _meter(source: ScreenInput, progress: bool) -> Any:
    """A bar on standard error: rows, time left, rate."""
    from tqdm import tqdm

    return tqdm(
        desc=source.name,
        total=source.about_rows,
        unit=" rows",
        unit_scale=True,
        smoothing=0.05,
        mininterval=0.5 if sys.stderr.isatty() else _LOG_SECONDS,
        disable=not progress,
        dynamic_ncols=True,
    )


def _skip(meter: Any, n_rows: int) -> None:
    """Move a bar on by what an earlier run has done, which is no part of the rate."""
    if not meter.disable:
        meter.initial += n_rows
        meter.n += n_rows
        meter.last_print_n += n_rows


def _model_hash(model: Model) -> str:
    """Sha256 of the hashes of a model's files."""
    text = json.dumps(model.metadata["sha256"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
