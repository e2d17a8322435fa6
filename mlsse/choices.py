"""What is asked of a ranking, read and checked against the columns of a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlsse.chances import Threshold, columns_needed, thresholds
from mlsse.conditions import Condition, Kind, known_name, parse_conditions
from mlsse.errors import ConditionError
from mlsse.formulas import ELEMENTS
from mlsse.screen_rows import ScreenRows

#: What an objective may also be: the probability that all thresholds hold.
PROBABILITY = "probability"


@dataclass(frozen=True)
class Objective:
    """What shall be high or low.

    Attributes
    ----------
    name : str
        A column of numbers or truth values, or ``probability``.
    is_max : bool
    """

    name: str
    is_max: bool

    def __str__(self) -> str:
        return f"{self.name}:{'max' if self.is_max else 'min'}"


@dataclass(frozen=True)
class Choice:
    """What is asked of a screen, read and checked; see `rank`."""

    where: tuple[Condition, ...]
    aims: tuple[Condition, ...]
    thresholds: tuple[Threshold, ...]
    objectives: tuple[Objective, ...]
    excluded: tuple[str, ...]
    max_known_distance: float | None
    per_parent: int
    variant_distance: float
    pareto_only: bool
    window_error_v: float
    top: int


def read_choice(
    screen: ScreenRows,
    *,
    where: tuple[str, ...],
    aims: tuple[str, ...],
    objectives: tuple[str, ...],
    exclude: tuple[str, ...],
    **others: Any,
) -> Choice:
    """Read what is asked for, and refuse what does not fit the screen."""
    must = _conditions(where, screen)
    shall = _conditions(aims, screen)
    counted = thresholds([*must, *shall], screen.kinds)
    for condition in shall:
        if condition not in [each.condition for each in counted]:
            raise ConditionError(
                f"aim {str(condition)!r}: nothing tells its chance, it can only be a condition "
                "that must hold"
            )
    for name, least in (("top", 1), ("per_parent", 0)):
        if others[name] < least:
            raise ConditionError(f"{name} = {others[name]}: expected at least {least}")
    for name in ("variant_distance", "window_error_v", "max_known_distance"):
        value = others[name]
        if value is not None and not 0.0 <= value < np.inf:
            raise ConditionError(f"{name} = {value}: expected zero or more")
    wanted = tuple(_objective(text, screen, bool(counted)) for text in objectives)
    if others["pareto_only"] and len(wanted) < 2:
        raise ConditionError("a Pareto front needs two objectives or more")
    excluded = tuple(dict.fromkeys(known_name(s, ELEMENTS, "element") for s in exclude))
    return Choice(
        where=must, aims=shall, thresholds=counted, objectives=wanted, excluded=excluded, **others
    )


def _conditions(texts: tuple[str, ...], screen: ScreenRows) -> tuple[Condition, ...]:
    everything = screen.kinds | screen.absent_kinds
    found = (condition for text in texts for condition in parse_conditions(text, everything))
    for condition in (unique := tuple(dict.fromkeys(found))):
        _computed(condition.name, screen)
    return unique


def _computed(name: str, screen: ScreenRows) -> str:
    """Return the name of a column that was computed, or refuse it."""
    if name in screen.absent:
        raise ConditionError(
            f"{name} was not computed: screen with --columns {screen.absent[name]} too"
        )
    return name


def _objective(text: str, screen: ScreenRows, has_probability: bool) -> Objective:
    name, colon, direction = text.strip().rpartition(":")
    if not colon or direction not in ("max", "min"):
        raise ConditionError(f"objective {text!r}: expected name:max or name:min")
    if name == PROBABILITY and PROBABILITY not in screen.kinds:
        if not has_probability:
            raise ConditionError(
                f"objective {text!r}: there is no threshold on an uncertain quantity, such as "
                "log10_conductivity > -4"
            )
    else:
        known_name(_computed(name, screen), screen.kinds)
        if screen.kinds[name] not in (Kind.NUMBER, Kind.TRUTH):
            raise ConditionError(f"objective {text!r}: {name} holds no numbers")
    return Objective(name, direction == "max")


def notes_on_known(choice: Choice, kinds: dict[str, Kind]) -> list[str]:
    """What to know of leaving out what is known; refused where no column tells."""
    if choice.max_known_distance is None:
        return []
    missing = [name for name in ("nearest_known_distance", "e_hull_source") if name not in kinds]
    if len(missing) == 2:
        raise ConditionError(
            "to leave out what is known takes the column nearest_known_distance or "
            "e_hull_source: screen with --columns conductivity,phases"
        )
    return [f"what is known is not told by {name}, which was not computed" for name in missing]


def columns_read(choice: Choice, kinds: dict[str, Kind]) -> list[str]:
    """Columns that the choice depends on."""
    names = {"input_row", "reduced_formula", "formula", "parent", "e_hull_source"}
    names |= {condition.name for condition in choice.where}
    names |= set(columns_needed(choice.thresholds, kinds))
    names |= {objective.name for objective in choice.objectives}
    names |= {"nearest_known_distance"} if choice.max_known_distance is not None else set()
    return [name for name in kinds if name in names]
