"""Windows along series of doped formulas: where a small change of a formula moves a limit far."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlsse.benchmark_tools import read_rows, window_limits
from mlsse.bundle import Model
from mlsse.formulas import Formula, parse_formula
from mlsse.phases import PhaseStore
from mlsse.windows import WINDOW_CODES, window_notes

_log = logging.getLogger(__name__)

#: Atoms of a formula unit that are replaced.
DOPING = tuple(i / 100 for i in range(51))

_JUMP_V = 0.3
_COLLAPSED_V = 0.05
_DECIMALS = 2
_ROUNDING_V = 0.05


@dataclass(frozen=True)
class DopedSeries:
    """A host in which one element takes the place of another, its charge made up by an ion.

    Attributes
    ----------
    family, ion, host : str
    site, dopant : str
        What is replaced, and by what.
    compensation : str
        Element whose amount keeps the formula neutral.
    site_charge, dopant_charge : int
    """

    family: str
    ion: str
    host: str
    site: str
    dopant: str
    compensation: str
    site_charge: int
    dopant_charge: int

    @property
    def name(self) -> str:
        """Such as ``Li7La3Zr2O12, Ta for Zr``."""
        return f"{self.host}, {self.dopant} for {self.site}"

    def amounts(self, x: float) -> dict[str, float]:
        """Amounts where x atoms of a formula unit are replaced."""
        amounts = dict(parse_formula(self.host).amounts)
        surplus = x * (self.dopant_charge - self.site_charge)
        for element, more in (
            (self.site, -x), (self.dopant, x), (self.compensation, -surplus),
        ):  # fmt: skip
            amounts[element] = amounts.get(element, 0.0) + more
        return amounts


def read_series(name: str) -> list[DopedSeries]:
    """Read the doped series of a table in the folder ``data``.

    Parameters
    ----------
    name : {"doped_series.csv", "unseen_series.csv"}

    Returns
    -------
    list of DopedSeries
    """
    return [_series(row) for row in read_rows(name)]


def _series(row: dict[str, Any]) -> DopedSeries:
    charges = {name: int(row[name]) for name in ("site_charge", "dopant_charge")}
    return DopedSeries(**row | charges)


@dataclass(frozen=True)
class _Point:
    """Limits of one composition, and whether its output warns that they may move."""

    formula: Formula
    reduction_v: float
    oxidation_v: float
    warnings: frozenset[str]

    @property
    def width_v(self) -> float:
        return self.oxidation_v - self.reduction_v

    def change_v(self, other: _Point) -> float:
        """The greater change of the two limits."""
        return max(
            abs(other.reduction_v - self.reduction_v), abs(other.oxidation_v - self.oxidation_v)
        )


def _point(phases: PhaseStore, amounts: dict[str, float], ion: str) -> _Point:
    amounts = {symbol: amount for symbol, amount in amounts.items() if amount > 1e-9}
    text = "".join(s if abs(a - 1.0) < 1e-9 else f"{s}{a:.6g}" for s, a in amounts.items())
    formula = Formula(text, amounts)
    found = window_limits(phases.system(phases.elements_of(formula)), formula, ion)
    notes = window_notes(found, sum(amounts.values()), ion)
    codes = frozenset(note.partition(":")[0] for note in notes)
    return _Point(formula, found.reduction_v, found.oxidation_v, codes & WINDOW_CODES)


def follow_series(
    model: Model, series: Sequence[DopedSeries], doping: Sequence[float]
) -> dict[str, Any]:
    """Follow windows along doped series and count where they jump or collapse.

    Parameters
    ----------
    model : Model
    series : sequence of DopedSeries
    doping : sequence of float
        Values of x, rising.

    Returns
    -------
    dict
        ``n_series``; ``n_steps``, ``n_jumps`` (steps that move a limit by more than 0.3 V) and
        ``jumps_percent``; ``n_windows``, ``n_collapsed`` (narrower than 0.05 V) and
        ``collapsed_percent``; how many of both carry a warning in the output, of a step at
        either end, ``n_jumps_flagged`` and ``n_collapsed_flagged``; and by series what jumped,
        ``jumps``, and collapsed, ``collapsed``, with the values of x.

    Notes
    -----
    The settings of `mlsse.windows` were chosen with an eye on the series of
    ``data/doped_series.csv``, so their figures say how well the settings suit them. Those of
    ``data/unseen_series.csv`` have other hosts and were written down afterwards, before any of
    their windows was computed: a blind test.
    """
    jumps, collapsed = {}, {}
    for one in series:
        points = [_point(model.phases, one.amounts(x), one.ion) for x in doping]
        jumps[one.name] = _jumps(doping, points)
        collapsed[one.name] = _collapsed(doping, points)
    jumps = {name: found for name, found in jumps.items() if found["n"]}
    collapsed = {name: found for name, found in collapsed.items() if found["n"]}
    n_steps, n_windows = len(series) * (len(doping) - 1), len(series) * len(doping)
    n_jumps = sum(found["n"] for found in jumps.values())
    n_collapsed = sum(found["n"] for found in collapsed.values())
    _log.info("%d series: %d jumps, %d collapsed windows", len(series), n_jumps, n_collapsed)
    return {
        "n_series": len(series),
        "n_steps": n_steps,
        "n_jumps": n_jumps,
        "n_jumps_flagged": sum(found["flagged"] for found in jumps.values()),
        "jumps_percent": 100.0 * n_jumps / n_steps,
        "n_windows": n_windows,
        "n_collapsed": n_collapsed,
        "n_collapsed_flagged": sum(found["flagged"] for found in collapsed.values()),
        "collapsed_percent": 100.0 * n_collapsed / n_windows,
        "jumps": jumps,
        "collapsed": collapsed,
    }


def _jumps(doping: Sequence[float], points: Sequence[_Point]) -> dict[str, Any]:
    """Steps that move a limit far, by the x at which they end."""
    steps = [
        (x, before.change_v(after), bool(before.warnings | after.warnings))
        for x, (before, after) in zip(doping[1:], pairwise(points), strict=True)
        if before.change_v(after) > _JUMP_V
    ]
    return {
        "n": len(steps),
        "flagged": sum(flagged for _, _, flagged in steps),
        "change_v": {f"{x:g}": change for x, change, _ in steps},
    }


def _collapsed(doping: Sequence[float], points: Sequence[_Point]) -> dict[str, Any]:
    """Windows of nearly no width, with their x."""
    narrow = [(x, p) for x, p in zip(doping, points, strict=True) if p.width_v < _COLLAPSED_V]
    return {
        "n": len(narrow),
        "flagged": sum(bool(point.warnings) for _, point in narrow),
        "x": [x for x, _ in narrow],
    }


def rounding(model: Model, series: Sequence[DopedSeries], *, n: int) -> dict[str, Any]:
    """Round the amounts of doped formulas to two decimals and see how far limits move.

    Parameters
    ----------
    model : Model
    series : sequence of DopedSeries
    n : int
        Number of formulas, drawn at random from the series, x from 0.01 to 0.5.

    Returns
    -------
    dict
        ``n``, ``n_moved`` (a limit moved by more than 0.05 V), ``kept_percent``,
        ``n_moved_flagged`` (the output of the rounded formula has a warning), ``max_change_v``
        and ``moved``, the largest change first.
    """
    generator = random.Random(0)
    moved, changes = [], []
    for _ in range(n):
        one = generator.choice(series)
        exact = one.amounts(generator.uniform(DOPING[1], DOPING[-1]))
        rounded = {symbol: round(amount, _DECIMALS) for symbol, amount in exact.items()}
        before, after = (_point(model.phases, a, one.ion) for a in (exact, rounded))
        changes.append(before.change_v(after))
        if changes[-1] > _ROUNDING_V:
            moved.append(
                {
                    "formula": before.formula.text,
                    "rounded": after.formula.text,
                    "change_v": changes[-1],
                    "flagged": bool(after.warnings),
                }
            )
    _log.info("rounding: %d of %d formulas moved", len(moved), n)
    return {
        "n": n,
        "n_moved": len(moved),
        "n_moved_flagged": sum(row["flagged"] for row in moved),
        "kept_percent": 100.0 * (1.0 - len(moved) / n),
        "max_change_v": max(changes),
        "moved": sorted(moved, key=lambda row: -row["change_v"]),
    }
