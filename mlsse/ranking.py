"""From a screen to its best candidates: conditions, chances, Pareto front, diversity.

A screen is read in pieces and only the best candidates so far are kept, so memory does not grow
with it. The rules, in order:

1. A row must fulfil every condition, have none of the excluded elements and, where asked for, be
   new. An empty value fulfils nothing.
2. Rows are sorted by the probability that all thresholds hold, in whole percent, then by the
   objectives in their order, then by their place in the input. Rows without the value of an
   objective come after those that have it.
3. From the top of that list, a row is passed over if its composition is listed already, or if
   ``per_parent`` rows of its parent are. Where no row names a parent, those within a distance
   of its composition take its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlsse.chances import WINDOW_ERROR_V, assumptions
from mlsse.choices import Choice, columns_read, notes_on_known, read_choice
from mlsse.contenders import VARIANT_POOL, Best, Front, Keys, passing_rows
from mlsse.errors import ConditionError
from mlsse.pareto import MAX_FRONT
from mlsse.screen_rows import ScreenRows

#: A nearest known material within this distance makes a candidate known; an atom in ten that
#: moves by one place of the modified Pettifor scale.
KNOWN_DISTANCE = 0.1
#: Compositions within this distance count as variants where no row names a parent.
VARIANT_DISTANCE = 1.0


@dataclass(frozen=True)
class Candidate:
    """One of the best rows of a screen.

    Attributes
    ----------
    rank : int
        Counted from one.
    probability : float or None
        That all thresholds hold; None without any.
    chances : tuple of float
        Of each threshold by itself.
    on_front : bool or None
        Whether no row that passes is better in one objective and as good in all others; None
        with a single objective or a front that was too large.
    row : dict
        The columns of the screen.
    """

    rank: int
    probability: float | None
    chances: tuple[float, ...]
    on_front: bool | None
    row: dict[str, Any]


@dataclass(frozen=True)
class Ranking:
    """The best candidates of a screen.

    Attributes
    ----------
    candidates : tuple of Candidate
    choice : Choice
    columns : tuple of str
        Of the screen.
    temperature_k : float or None
    counts : dict of str to int
        ``rows`` of the screen, how many fulfil each condition by itself, ``passing`` all of
        them, and the size of the Pareto front.
    assumptions, notes : tuple of str
        What the probabilities rest on, and what to know of the list.
    """

    candidates: tuple[Candidate, ...]
    choice: Choice
    columns: tuple[str, ...]
    temperature_k: float | None
    counts: dict[str, int]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]


def rank(
    folder: str | Path,
    *,
    where: str | Iterable[str] = (),
    aims: str | Iterable[str] = (),
    objectives: str | Iterable[str] = ("log10_conductivity:max",),
    exclude: Iterable[str] = (),
    known: bool = True,
    known_distance: float = KNOWN_DISTANCE,
    top: int = 50,
    per_parent: int = 3,
    variant_distance: float = VARIANT_DISTANCE,
    pareto_only: bool = False,
    window_error_v: float = WINDOW_ERROR_V,
) -> Ranking:
    """Choose the best candidates of a screen.

    Parameters
    ----------
    folder : str or pathlib.Path
        Made by `mlsse.screen`.
    where : str or iterable of str
        Conditions that a row must fulfil, as `mlsse.conditions` reads them. Those on uncertain
        quantities also count in the probability.
    aims : str or iterable of str
        Conditions that count in the probability alone.
    objectives : str or iterable of str
        ``name:max`` or ``name:min``, the first the most important.
    exclude : iterable of str
        Symbols of elements.
    known : bool, default=True
        Whether to list what is known: rows whose nearest measured material is closer than
        `known_distance`, and reference phases.
    known_distance : float
        As the column ``nearest_known_distance``.
    top : int
        How many candidates at most.
    per_parent : int
        How many of one parent at most, 0 for any number. Where no row names a parent: how many
        within `variant_distance` of each other, the better ones first.
    variant_distance : float
        As `mlsse.compositions.distance`.
    pareto_only : bool
        List only the Pareto front of the objectives.
    window_error_v : float
        Standard deviation of the limits of windows, V.

    Returns
    -------
    Ranking

    Raises
    ------
    ConditionError
        If a condition, an objective or an element cannot be used.
    ScreenError
        If the folder holds no screen, or a part of it cannot be read.
    """
    screen = ScreenRows(folder)
    choice = read_choice(
        screen,
        where=_texts(where), aims=_texts(aims), objectives=_texts(objectives),
        exclude=tuple(exclude), max_known_distance=None if known else known_distance,
        top=top, per_parent=per_parent, variant_distance=variant_distance,
        pareto_only=pareto_only, window_error_v=window_error_v,
    )  # fmt: skip
    notes = [*screen.notes, *notes_on_known(choice, screen.kinds)]
    counts = dict.fromkeys(["rows", *map(str, choice.where)], 0)
    counts |= {"without excluded elements": 0} if choice.excluded else {}
    counts |= {"new": 0} if choice.max_known_distance is not None else {}
    counts["passing"] = 0
    best, front = Best(choice), Front(choice)
    for part, offset, table in screen.batches(columns_read(choice, screen.kinds)):
        passing = passing_rows(table, choice, counts)
        chosen = np.flatnonzero(passing)
        if len(chosen):
            few = table.take(chosen)
            found = Keys.of(few, choice, part, chosen + offset)
            front.add(found)
            if not choice.pareto_only:
                best.add(found)
    if choice.pareto_only:
        if front.is_too_large:
            raise ConditionError(
                f"the Pareto front of {', '.join(map(str, choice.objectives))} has more than "
                f"{MAX_FRONT:,} rows: choose fewer objectives, or ones with fewer equal values"
            )
        best.add(front.keys)
    listed = best.listed()
    if front.is_too_large:
        notes.append(f"the Pareto front has more than {MAX_FRONT:,} rows and is not told")
    elif len(choice.objectives) > 1:
        counts["on the Pareto front"] = len(front.keys)
    if best.ran_out:
        notes.append(
            f"only {len(listed)} of the {choice.top} asked for: the best {VARIANT_POOL:,} rows "
            "hold no more that differ enough; lower the distance or allow more variants"
        )
    notes += _notes_on_empty(choice, counts)
    rows = screen.rows(listed.part, listed.place)
    on_front = front.has(listed)
    return Ranking(
        tuple(
            Candidate(
                i + 1,
                float(listed.together[i]) if choice.thresholds else None,
                tuple(listed.each[i].tolist()),
                None if on_front is None else bool(on_front[i]),
                row,
            )
            for i, row in enumerate(rows)
        ),
        choice,
        tuple(screen.names),
        screen.temperature_k,
        counts,
        assumptions(choice.thresholds, window_error_v),
        tuple(notes),
    )


def _texts(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _notes_on_empty(choice: Choice, counts: dict[str, int]) -> list[str]:
    if counts["passing"] or not counts["rows"]:
        return [] if counts["rows"] else ["the screen has no row"]
    alone = [str(c) for c in choice.where if not counts[str(c)]]
    why = f"; none fulfils {' or '.join(alone)}" if alone else ""
    return [f"no row passes{why}"]
