"""How fast screening is, how much memory it takes, and how its cost grows with the candidates.

Screens run as a user starts them, in a process of its own with one worker a core. Candidates are
those of ``experiments/recipes/million.toml``, written to a file before the clock starts.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from mlsse.bundle import Model, load_model
from mlsse.candidates import candidate_batches, count_candidates
from mlsse.compositions import composition_vectors, distance_matrix
from mlsse.errors import ScreenError
from mlsse.features import MAGPIE_PROPERTIES, STATISTICS, compute_features, feature_names
from mlsse.paths import resource_folder
from mlsse.recipes import load_recipe

_log = logging.getLogger(__name__)

_RECIPE = Path("experiments") / "recipes" / "million.toml"
ROWS = 1_000_000
_SHARES = (100, 10, 1)  # one part in so many of the candidates makes a screen
_SHARE_WITH_PHASES = 10
_N_PLAIN = 2_000
_N_ON_PAPER, _CHUNK_ROWS_ON_PAPER = 10**9, 100_000
_CORES_ON_PAPER, _USD_PER_CORE_HOUR = 128, 0.04
_GROUPS = ("conductivity", "stability")
_BATCH_ROWS = 1_000  # candidates of one batch follow each other in the recipe
_SAMPLE_SECONDS = 0.1
_SCREEN_SECONDS = 1_800.0
_CODE = """
import json, sys
from mlsse.screening import screen

summary = screen(sys.argv[1], sys.argv[2], columns=json.loads(sys.argv[3]),
                 model=json.loads(sys.argv[4]), workers=json.loads(sys.argv[5]))
print(json.dumps({"n": summary.rows, "n_scored": summary.scored, "seconds": summary.seconds}))
"""


def measure(
    rows: int = ROWS,
    *,
    n_plain: int = _N_PLAIN,
    recipe: str | Path | None = None,
    model: str | Path | None = None,
    workers: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Run all protocols of the benchmark of screening.

    Parameters
    ----------
    rows : int
        Candidates of the largest screen, at least 100 and at most as many as the recipe makes.
        Others have a tenth and a hundredth of them; a tenth gets energies above the hull and
        windows as well.
    n_plain : int
        Candidates that are scored the plain way; fewer where there are no more.
    recipe : str or pathlib.Path, optional
    model : str or pathlib.Path, optional
        Folder of a bundle; the shipped one by default.
    workers : int, optional
        One a core by default.

    Returns
    -------
    dict
        ``screen``: for each size the figures of `screen_figures`, and, of all but the smallest,
        ``us_per_further_row``, the time for a row that the next smaller size does not have; were
        the cost not linear, it would grow. ``screen_with_phases``: those of one screen. ``plain``:
        see `plain_way`, and ``ratio``, its time for a row over that in the largest screen.
        ``on_paper``: see the function of that name.

    Raises
    ------
    ScreenError
        If a screen fails, takes too long or leaves rows out, or the rows are too few or many.
    """
    if rows < max(_SHARES):
        raise ScreenError(f"{rows} rows: expected {max(_SHARES)} or more")
    path = Path(recipe or resource_folder("data").parent / _RECIPE)
    chosen: dict[str, Any] = {"model": model, "workers": workers}
    with TemporaryDirectory(prefix="mlsse-screens-") as temporary:
        place = Path(temporary)
        screens: dict[str, Any] = {}
        for size in (rows // share for share in _SHARES):
            start = perf_counter()
            source = write_candidates(path, size, place / f"{size}.txt")
            making = perf_counter() - start
            _log.info("screen of %d candidates", size)
            figures = screen_figures(source, place / f"screen-{size}", _GROUPS, **chosen)
            figures["making_candidates_seconds"] = making
            for smaller in list(screens.values())[-1:]:
                more = figures["seconds"] - smaller["seconds"], size - smaller["n"]
                figures["us_per_further_row"] = 1e6 * more[0] / more[1]
            screens[str(size)] = figures
        size = rows // _SHARE_WITH_PHASES
        source = write_candidates(path, size, place / "phases.txt")
        _log.info("screen of %d candidates with hull and windows", size)
        with_phases = screen_figures(source, place / "phases", (*_GROUPS, "phases"), **chosen)
        size = min(n_plain, rows)
        _log.info("%d candidates the plain way", size)
        texts = write_candidates(path, size, place / "plain.txt").read_text().split()
        plain = plain_way(texts, load_model(model), place)
    largest = screens[str(rows)]
    return {
        "screen": screens,
        "screen_with_phases": with_phases,
        "plain": {**plain, "ratio": plain["us_per_row"] / largest["us_per_row"]},
        "on_paper": on_paper(largest),
    }


def on_paper(figures: Mapping[str, Any], n: int = _N_ON_PAPER) -> dict[str, Any]:
    """What a screen of very many candidates would cost, if its cost grew as its size.

    Parameters
    ----------
    figures : mapping
        Those of `screen_figures` for a screen that was run.
    n : int

    Returns
    -------
    dict
        ``n``, ``core_hours``, ``hours`` on 128 cores, ``usd`` at 0.04 USD a core hour,
        ``store_gb`` of scores, ``chunk_rows``, and of a chunk ``parts``, their ``part_mb`` and
        ``seconds_per_part`` on one core, which is what a kill costs a worker at most.

    Examples
    --------
    >>> on_paper({"n": 1_000_000, "cpu_seconds": 180.0, "store_mb": 100.0})["core_hours"]
    50.0
    """
    cpu_seconds = figures["cpu_seconds"] / figures["n"]
    store_bytes = figures["store_mb"] * 2**20 / figures["n"]
    core_hours = n * cpu_seconds / 3600.0
    return {
        "n": n,
        "core_hours": core_hours,
        "hours": core_hours / _CORES_ON_PAPER,
        "usd": core_hours * _USD_PER_CORE_HOUR,
        "store_gb": n * store_bytes / 1e9,
        "chunk_rows": _CHUNK_ROWS_ON_PAPER,
        "parts": n // _CHUNK_ROWS_ON_PAPER,
        "part_mb": _CHUNK_ROWS_ON_PAPER * store_bytes / 1e6,
        "seconds_per_part": _CHUNK_ROWS_ON_PAPER * cpu_seconds,
    }


def write_candidates(recipe: Path, size: int, out: Path) -> Path:
    """Write some candidates of a recipe, a formula a line: batches evenly spread over it.

    Raises
    ------
    ScreenError
        If the recipe makes fewer.
    """
    read = load_recipe(recipe)
    n_all = count_candidates(read).number
    if n_all < size:
        raise ScreenError(f"{recipe} makes {n_all} candidates: ask for no more than that")
    rows = min(size, _BATCH_ROWS)
    n_batches = -(-size // rows)
    # Only the last batch may be shorter, and it is chosen only if all are.
    chosen = {i * (n_all // rows) // n_batches for i in range(n_batches)}
    left = size
    with out.open("w", encoding="utf-8") as file:
        for number, batch in enumerate(candidate_batches(read, rows=rows)):
            if left and (number in chosen or len(chosen) < n_batches):
                some = batch["formula"][:left]
                file.writelines(f"{formula}\n" for formula in some)
                left -= len(some)
    if left:
        raise ScreenError(f"{recipe} left {left} of {size} candidates to be made")
    return out


def screen_figures(
    source: Path,
    out: Path,
    groups: Sequence[str],
    *,
    model: str | Path | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Screen in a process of its own.

    Returns
    -------
    dict
        ``n`` candidates; ``seconds`` from the start of the process to its end and
        ``screen_seconds`` of the screen in it; ``us_per_row``; ``cpu_seconds`` of all processes;
        ``peak_mb``, the greatest sum of the resident memory of all processes in MiB, sampled;
        ``store_mb``, the size of the scores.

    Raises
    ------
    ScreenError
        If the screen fails, takes too long or leaves rows out.
    """
    arguments = [list(groups), None if model is None else str(model), workers]
    command = [sys.executable, "-c", _CODE, str(source), str(out), *map(json.dumps, arguments)]
    before = _cpu_seconds()
    start = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        memory = _PeakMemory(process.pid)
        memory.start()
        try:
            answer, errors = process.communicate(timeout=_SCREEN_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise ScreenError(
                f"the screen took more than {_SCREEN_SECONDS:.0f} s: the machine is too busy"
            ) from None
        finally:
            memory.stop()
    seconds = perf_counter() - start
    if process.returncode:
        raise ScreenError(f"the screen failed: {errors.decode(errors='replace')[-500:]}")
    summary = json.loads(answer)
    if summary["n_scored"] != summary["n"]:
        raise ScreenError(f"{summary['n_scored']} of {summary['n']} candidates were scored")
    return {
        "n": summary["n"],
        "seconds": seconds,
        "screen_seconds": summary["seconds"],
        "us_per_row": 1e6 * seconds / summary["n"],
        "cpu_seconds": _cpu_seconds() - before,
        "peak_mb": memory.peak / 2**20,
        "store_mb": sum(path.stat().st_size for path in out.glob("scores/*")) / 2**20,
    }


def plain_way(texts: Sequence[str], model: Model, folder: Path) -> dict[str, Any]:
    """Score candidates the way that is written first: matminer, pandas, the same model.

    matminer makes the features that it knows, on all cores; the rest of the feature matrix, the
    models and the distances to all known compositions follow in one batch, and pandas writes a
    table. What matminer makes is put in the matrix, so that the model sees it.

    Parameters
    ----------
    texts : sequence of str
    model : Model
    folder : pathlib.Path
        For the table.

    Returns
    -------
    dict
        ``n``, ``seconds``, ``us_per_row``, ``max_abs_difference`` of log10 conductivity from
        that of the features of mlsse.
    """
    import pandas as pd
    from matminer.featurizers.base import MultipleFeaturizer
    from matminer.featurizers.composition import (
        ElementProperty,
        IonProperty,
        Stoichiometry,
        ValenceOrbital,
    )
    from matminer.featurizers.conversions import StrToComposition

    featurizer = MultipleFeaturizer(
        [
            ElementProperty.from_preset("magpie", impute_nan=False),
            Stoichiometry(),
            ValenceOrbital(impute_nan=False),
            IonProperty(fast=True, impute_nan=False),
        ]
    )
    featurizer.set_n_jobs(os.cpu_count())
    columns = {
        f"MagpieData {s} {p}": feature_names().index(f"{s} {p}")
        for p in MAGPIE_PROPERTIES
        for s in STATISTICS
    }
    _ = model.sessions
    model.lines(compute_features(texts[:1], model.tables))  # caches are filled before the clock

    start = perf_counter()
    table = pd.DataFrame({"formula": texts})
    table = StrToComposition().featurize_dataframe(table, "formula", pbar=False)
    table = featurizer.featurize_dataframe(table, "composition", pbar=False)
    features = compute_features(texts, model.tables)
    features[:, list(columns.values())] = table[list(columns)].to_numpy(dtype=float)
    lines, stability = model.lines(features), model.stability(features)
    lower, upper = model.calibration.interval(lines, 0.0)
    distances = distance_matrix(composition_vectors(texts), model.process.vectors)
    card = pd.DataFrame(
        {
            "formula": texts,
            "log10_conductivity": lines.log10_conductivity(0.0),
            "log10_conductivity_lower": lower,
            "log10_conductivity_upper": upper,
            "nearest_known_formula": [
                model.known_formula(i) for i in distances.argmin(axis=1).tolist()
            ],
            "nearest_known_distance": distances.min(axis=1),
            "decomposition_energy_ev_per_atom": stability.decomposition_energy,
            "stable_probability": stability.stable_probability,
        }
    )
    card.to_parquet(folder / "plain.parquet")
    seconds = perf_counter() - start

    expected = model.lines(compute_features(texts, model.tables)).log10_conductivity(0.0)
    return {
        "n": len(texts),
        "seconds": seconds,
        "us_per_row": 1e6 * seconds / len(texts),
        "max_abs_difference": float(np.abs(card["log10_conductivity"] - expected).max()),
    }


class _PeakMemory(threading.Thread):
    """Looks again and again how much memory a process and its descendants hold.

    Attributes
    ----------
    peak : int
        Greatest sum of their resident memory, bytes; what they share counts more than once.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._stopped.wait(_SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(_resident_bytes, _family(self._pid))))

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants; Linux alone tells, elsewhere there are none."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))


def _resident_bytes(pid: int) -> int:
    with suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _cpu_seconds() -> float:
    """Of the child processes that have ended, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
