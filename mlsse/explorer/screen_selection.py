"""A screen in memory, and the rows of it that conditions leave, by the rules of `mlsse.ranking`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlsse.chances import WINDOW_ERROR_V
from mlsse.choices import notes_on_known, read_choice
from mlsse.conditions import Kind, numbers
from mlsse.contenders import passing_rows
from mlsse.pareto import MAX_FRONT, non_dominated
from mlsse.ranking import KNOWN_DISTANCE, VARIANT_DISTANCE
from mlsse.screen_rows import ScreenRows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Rows of a screen that are held, those first in the input; beyond it, `mlsse rank` reads all.
MAX_ROWS = 1_000_000
#: The limits of windows that are equal differ by rounding, which must not put a row on the front.
_DECIMALS = 6
_LEFT_OUT = frozenset({"error", "decomposition_products", "conductivity_s_per_cm"})


@dataclass(frozen=True)
class HeldScreen:
    """A screen whose columns are in memory.

    Attributes
    ----------
    folder : pathlib.Path
    rows : ScreenRows
    table : pyarrow.Table
        At most `MAX_ROWS` rows.
    notes : tuple of str
        What to know of it.
    """

    folder: Path
    rows: ScreenRows
    table: pa.Table
    notes: tuple[str, ...]

    @property
    def number_columns(self) -> list[str]:
        """Columns of numbers that have any value, objectives for instance."""
        return [
            name
            for name in self.table.column_names
            if self.rows.kinds.get(name) is Kind.NUMBER
            and self.table[name].null_count < len(self.table)
        ]


@dataclass(frozen=True)
class Asked:
    """What is asked of a screen.

    Attributes
    ----------
    where : tuple of str
        Conditions, as `mlsse.conditions` reads them.
    exclude : tuple of str
        Symbols of elements.
    known : bool
        Whether materials that are known already may pass.
    objectives : tuple of str
        Two, ``name:max`` or ``name:min``: the axes. The rows come in the order of the first.
    front_only : bool
        Only the Pareto front of the objectives.
    """

    objectives: tuple[str, str]
    where: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    known: bool = True
    front_only: bool = False

    def command(self, folder: Path) -> str:
        """The `mlsse rank` that asks the same of the whole screen."""
        words = ["mlsse", "rank", str(folder)]
        for name, values in (("--where", self.where), ("--objective", self.objectives)):
            for value in values:
                words += [name, value]
        if self.exclude:
            words += ["--exclude", ",".join(self.exclude)]
        words += [] if self.known else ["--known", "no"]
        words += ["--pareto"] if self.front_only else []
        return shlex.join(words)


@dataclass(frozen=True)
class Selection:
    """The n rows that pass, the best in the first objective first.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Into the table of the screen.
    on_front : ndarray of bool, shape (n,)
        Rows than which none that passes is better in one objective and as good in the other.
    counts : dict of str to int
        How many rows there are, fulfil each condition by itself, and all of them.
    notes : tuple of str
    """

    rows: NDArray[np.intp]
    on_front: NDArray[np.bool_]
    counts: dict[str, int]
    notes: tuple[str, ...] = field(default=())


def hold(folder: Path, *, max_rows: int = MAX_ROWS) -> HeldScreen:
    """Read a screen into memory.

    Parameters
    ----------
    folder : pathlib.Path
        As `mlsse screen` has written it.
    max_rows : int

    Returns
    -------
    HeldScreen

    Raises
    ------
    ScreenError
        If there is no screen, or a part of it cannot be read.
    """
    import pyarrow as pa

    rows = ScreenRows(folder)
    names = [n for n in rows.names if n not in rows.absent and n not in _LEFT_OUT]
    parts: list[pa.Table] = []
    held = 0
    notes = list(rows.notes)
    for _, _, part in rows.batches(names):
        parts.append(part.slice(0, max_rows - held))
        held += len(parts[-1])
        if held >= max_rows:
            notes.append(f"only the first {max_rows:,} rows are shown; mlsse rank reads all")
            break
    return HeldScreen(folder, rows, pa.concat_tables(parts), tuple(notes))


def select(screen: HeldScreen, asked: Asked) -> Selection:
    """Find the rows that pass, and the front among them.

    Parameters
    ----------
    screen : HeldScreen
    asked : Asked

    Returns
    -------
    Selection

    Raises
    ------
    ConditionError
        If a condition, an objective or an element cannot be used.
    """
    choice = read_choice(
        screen.rows,
        where=asked.where, aims=(), objectives=asked.objectives, exclude=asked.exclude,
        max_known_distance=None if asked.known else KNOWN_DISTANCE, top=1, per_parent=0,
        variant_distance=VARIANT_DISTANCE, pareto_only=False, window_error_v=WINDOW_ERROR_V,
    )  # fmt: skip
    counts = dict.fromkeys(["rows", *map(str, choice.where)], 0)
    counts |= {"without excluded elements": 0} if choice.excluded else {}
    counts |= {"new": 0} if choice.max_known_distance is not None else {}
    counts["passing"] = 0
    chosen = np.flatnonzero(passing_rows(screen.table, choice, counts))
    costs = np.column_stack(
        [
            (-1.0 if objective.is_max else 1.0) * numbers(screen.table[objective.name])[chosen]
            for objective in choice.objectives
        ]
    )
    notes = [*screen.notes, *notes_on_known(choice, screen.rows.kinds)]
    has_both = np.isfinite(costs).all(axis=1)
    if not has_both.all():
        notes.append(
            f"{int((~has_both).sum()):,} rows without a value of both axes are not in the figure"
        )
    on_front = np.zeros(len(chosen), dtype=bool)
    front = non_dominated(costs[has_both].round(_DECIMALS))
    if len(front) > MAX_FRONT:
        notes.append(f"the Pareto front has more than {MAX_FRONT:,} rows and is not shown")
    else:
        on_front[np.flatnonzero(has_both)[front]] = True
    counts["on the Pareto front"] = int(on_front.sum())
    kept = np.flatnonzero(on_front) if asked.front_only else np.arange(len(chosen))
    costs = np.nan_to_num(costs, nan=np.inf)
    order = kept[np.lexsort((costs[kept, 1], costs[kept, 0]))]
    return Selection(chosen[order], on_front[order], counts, tuple(notes))


def spread_out(n: int, count: int, *, always: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Choose about `count` of `n` places evenly, and all that must not be left out.

    Parameters
    ----------
    n, count : int
    always : ndarray of bool, shape (n,)

    Returns
    -------
    ndarray of int
        In rising order.
    """
    if n <= count:
        return np.arange(n)
    kept = always.copy()
    kept[np.linspace(0, n - 1, count).round().astype(np.intp)] = True
    return np.flatnonzero(kept)


def as_frame(screen: HeldScreen, rows: NDArray[np.intp], columns: Sequence[str]) -> pd.DataFrame:
    """Some rows and columns of a screen as a data frame, in the order asked for."""
    import pyarrow as pa

    return screen.table.select(list(columns)).take(pa.array(rows, type=pa.int64())).to_pandas()
