"""What is left of screens that are killed, and whether going on gives the same tables.

Screens run as a user starts them, each a process of its own; nothing in them knows of this
module. They are killed some time, drawn at random, after they have made their folder.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlsse.dask_engine import DaskEngine
from mlsse.errors import ScreenError
from mlsse.screen_store import MANIFEST, SCORES, open_screen
from mlsse.screening import screen

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_ROWS = 6000
_CHUNK_ROWS = 100
_MOMENTS = 20
_WORKERS = 2
_BROKEN_EVERY = 100
_SCREEN_SECONDS = 600.0
_ALL_SECONDS = 3600.0
_ATTEMPTS = 5  # a screen may have ended before it was to be killed
_GROUPS = ("conductivity", "stability")
_PARENTS = (
    ("La3", "Zr2", "O12"), ("La3", "Nb2", "O12"), ("Al0.3", "Ti1.7P3", "O12"), ("P", "S5", "Cl"),
    ("Si", "P2", "S12"), ("Ge", "P2", "S12"), ("Y", "Cl3", "Br3"), ("In", "Cl4", "F2"),
    ("Sc", "Cl5", "I"), ("Zr", "Cl4", "O"), ("Ta", "Cl4", "O"), ("Sn", "As", "S6"),
)  # fmt: skip
_CODE = (
    "import json, sys; from mlsse.screening import screen; "
    "screen(sys.argv[1], sys.argv[2], resume=True, **json.loads(sys.argv[3]))"
)


def measure(
    *, rows: int = _ROWS, chunk_rows: int = _CHUNK_ROWS, moments: int = _MOMENTS, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Kill screens, go on with them, and hold the tables against those of an undisturbed one.

    Parameters
    ----------
    rows, chunk_rows : int
        Candidates of the screen, one in a hundred of them broken, and of a chunk.
    moments : int
        How many screens are killed; of every other one, the workers as well.
    seed : int
        Of the moments.

    Returns
    -------
    dict
        ``killed``: moments, seconds of the undisturbed screen from its manifest on, chunks that
        were done when a screen died, and after how many of the deaths the one that went on gave
        the same tables and bad rows, did no chunk again that was done, and left no temporary file.
        ``dask``: two workers, one of them killed in the middle; absent where Dask is not
        installed.

    Raises
    ------
    ScreenError
        If a screen fails before anything is broken, or it all takes too long.
    """
    with TemporaryDirectory(prefix="mlsse-screens-") as temporary:
        place = _Place(Path(temporary).resolve(), chunk_rows, time.monotonic())
        place.write_input(rows)
        seconds = place.run(place.undisturbed)
        found = {"killed": _killed(place, seconds, moments, random.Random(seed))}
        if find_spec("distributed") is not None:
            found["dask"] = _dask(place)
    return found


def candidates(rows: int) -> Iterator[str]:
    """Lines of a CSV with candidates; one in a hundred cannot be used, each in its own way."""
    broken = ("{i},Xx2O", "{i}", '{i},"Li2O', "{i},Li2O,and more", "{i},")
    yield "number,formula"
    for i in range(rows):
        if i % _BROKEN_EVERY == _BROKEN_EVERY // 2:
            yield broken[i // _BROKEN_EVERY % len(broken)].format(i=i)
        else:
            one, two, three = _PARENTS[i % len(_PARENTS)]
            yield f"{i},Li{1 + i // len(_PARENTS) / 100:g}{one}{two}{three}"


def tables(folder: Path) -> tuple[pa.Table, list[str]]:
    """Scores of a screen sorted by input row, and the lines of its bad rows."""
    import pyarrow as pa
    from pyarrow import parquet

    found = open_screen(folder)
    scores = pa.concat_tables([parquet.read_table(path) for path in found.score_files()])
    bad = [line for path in found.error_files() for line in path.read_text().splitlines()[1:]]
    return scores.combine_chunks().sort_by("input_row"), bad


@dataclass(frozen=True)
class _Place:
    """Folders of the trials, and how to screen in them."""

    folder: Path
    chunk_rows: int
    start: float

    @property
    def undisturbed(self) -> Path:
        return self.folder / "undisturbed"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"columns": _GROUPS, "chunk_rows": self.chunk_rows}

    @property
    def input(self) -> Path:
        return self.folder / "candidates.csv"

    def write_input(self, rows: int) -> None:
        self.input.write_text("\n".join(candidates(rows)) + "\n", encoding="utf-8")

    def start_screen(self, out: Path) -> subprocess.Popen[str]:
        """Start a screen, in a process group of its own."""
        settings = json.dumps({**self.settings, "workers": _WORKERS})
        words = [sys.executable, "-c", _CODE, str(self.input), str(out), settings]
        return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, out: Path) -> float:
        """Run a screen to its end; seconds since it had its manifest."""
        process = self.start_screen(out)
        start = _wait_for_manifest(process, out)
        try:
            _, said = process.communicate(timeout=_SCREEN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise ScreenError(f"a screen took more than {_SCREEN_SECONDS:g} s") from None
        if process.returncode:
            raise ScreenError(f"a screen failed: {said[-500:]}")
        return time.monotonic() - start

    def check_time(self) -> None:
        if time.monotonic() - self.start > _ALL_SECONDS:
            raise ScreenError(f"the trials took more than {_ALL_SECONDS:g} s: given up")


def _killed(place: _Place, seconds: float, moments: int, rng: random.Random) -> dict[str, Any]:
    """Kill screens and go on with them."""
    expected = tables(place.undisturbed)
    n_parts = len(open_screen(place.undisturbed).score_files())
    out = place.folder / "killed"
    n_equal = n_nothing_again = n_tidy = n_missed = 0
    done_at_death = []
    for moment in range(moments):
        place.check_time()
        for _ in range(_ATTEMPTS):
            shutil.rmtree(out, ignore_errors=True)
            if _kill_after(place, out, rng.uniform(0.0, seconds), with_workers=moment % 2 == 1):
                break
            n_missed += 1
        else:
            raise ScreenError("no screen could be killed before its end")
        before = _files(out)
        place.run(out)
        after = _files(out)
        done_at_death.append(len(before))
        n_equal += _same(tables(out), expected) and open_screen(out).is_complete
        n_nothing_again += all(after.get(name) == known for name, known in before.items())
        n_tidy += not list(out.rglob("*.tmp"))
        log.info("killed %d of %d: %d of %d chunks", moment + 1, moments, len(before), n_parts)
    return {
        "n": moments,
        "n_rows": expected[0].num_rows + len(expected[1]),
        "n_bad_rows": len(expected[1]),
        "n_chunks": n_parts,
        "undisturbed_seconds": seconds,
        "n_chunks_done_at_death": done_at_death,
        "n_missed": n_missed,
        "n_with_equal_tables": n_equal,
        "n_with_no_chunk_done_again": n_nothing_again,
        "n_with_no_temporary_left": n_tidy,
    }


def _kill_after(place: _Place, out: Path, delay: float, *, with_workers: bool) -> bool:
    """Start a screen and kill it; whether it was still running."""
    process = place.start_screen(out)
    _wait_for_manifest(process, out)
    time.sleep(delay)
    if with_workers:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    return process.returncode < 0


def _wait_for_manifest(process: subprocess.Popen[str], out: Path) -> float:
    """Wait until a screen has begun, or ended; the time then."""
    while not (out / MANIFEST).is_file() and process.poll() is None:
        time.sleep(0.01)
    return time.monotonic()


def _files(out: Path) -> dict[str, tuple[int, int]]:
    """Parts that are there, each with what changes when it is written anew."""
    found = (out / SCORES).glob("part-*.parquet")
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def _same(one: tuple[pa.Table, list[str]], other: tuple[pa.Table, list[str]]) -> bool:
    return one[0].equals(other[0]) and one[1] == other[1]


def _dask(place: _Place) -> dict[str, Any]:
    """Screen with two workers of Dask, and kill one of them in the middle."""
    out = place.folder / "dask"
    n_parts = len(open_screen(place.undisturbed).score_files())
    with DaskEngine(workers=2) as engine, ThreadPoolExecutor(1) as pool:
        victim = next(iter(engine.client.run(os.getpid).values()))
        address = engine.client.scheduler_info()["address"]
        with _killer(victim, out, n_parts // 2) as killed:
            done = pool.submit(
                screen, place.input, out, engine="dask", scheduler=address, **place.settings
            )
            summary = done.result(_SCREEN_SECONDS)
    found = tables(out)
    return {
        "n_rows": summary.rows,
        "n_worker_killed": int(killed.is_set()),
        "equal_to_local": _same(found, tables(place.undisturbed)),
        "n_rows_lost": summary.scored - len(set(found[0]["input_row"].to_pylist())),
        "n_rows_doubled": found[0].num_rows - len(set(found[0]["input_row"].to_pylist())),
        "seconds": summary.seconds,
    }


@contextmanager
def _killer(victim: int, out: Path, n_parts: int) -> Iterator[threading.Event]:
    """Kill a process as soon as a screen has so many parts, while others are to come."""
    over, killed = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            if len(_files(out)) >= n_parts:
                if not (out / MANIFEST).is_file() or not open_screen(out).is_complete:
                    os.kill(victim, signal.SIGKILL)
                    killed.set()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()
