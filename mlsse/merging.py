"""One conductivity table out of several: which rows are one measurement, which one stays.

The rule, in words, stands in `data/README.md`; this module is that rule.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame

#: Sources by how far their rows were checked against the papers, the best first.
PREFERENCE = ("obelix", "liverpool", "laskowski", "reviews", "new")
#: Two sources that mean one measurement may differ by this much: room temperature is a word.
NEAR_TEMPERATURE_K = 10.0
#: Closer than this, two figures for one composition in one paper contradict each other.
SAME_TEMPERATURE_K = 5.0
#: ... and by this factor, which covers rounding and reading off a figure.
SAME_CONDUCTIVITY_FACTOR = 1.25
#: ... or, for one figure printed twice, by this factor.
SAME_FIGURE_FACTOR = 1.005
#: Sum of absolute differences of atom fractions between two roundings of one composition.
SAME_COMPOSITION_L1 = 0.01


@dataclass(slots=True)
class Merged:
    """Outcome of `merge_measurements`.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows that stay.
    dropped : collections.Counter
        Reason to number of rows.
    filled : collections.Counter
        Column to number of blanks filled in from a duplicate.
    reasons : dict of int to str
        Place of each row that goes among those given, and why.
    """

    frame: DataFrame
    dropped: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    reasons: dict[int, str] = field(default_factory=dict)


def merge_measurements(
    frame: DataFrame, papers: Sequence[frozenset[str]], compositions: np.ndarray
) -> Merged:
    """Keep one row of each measurement.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n_rows, n_columns)
        Canonical conductivity columns, sources in the order of `PREFERENCE`.
    papers : sequence of frozenset of str, length n_rows
        What identifies the paper of a row: its DOIs, and keys that tie it to rows of
        another source. Rows that share one come from one paper.
    compositions : ndarray of shape (n_rows, n_elements)
        Atom fractions.

    Returns
    -------
    Merged
        Rows in their given order.

    Notes
    -----
    A row goes through these questions, with the rows kept so far:

    1. A better source has the same composition from the same paper, within
       `NEAR_TEMPERATURE_K` and `SAME_CONDUCTIVITY_FACTOR`: a duplicate. Within
       `SAME_TEMPERATURE_K` and beyond that factor: a conflict. The better source is
       believed in both cases.
    2. A better source has the same figure (within `SAME_FIGURE_FACTOR`) for the same
       composition in another paper or in none: one measurement under two citations.
    3. A better source has the same figure, from the same paper, for a composition within
       `SAME_COMPOSITION_L1`: one composition rounded in two ways.
    4. The same source has the same composition from the same paper at the same temperature
       within `SAME_CONDUCTIVITY_FACTOR`: listed twice. OBELiX is left as it is published.

    Whatever passes stays: other papers, other temperatures, and several preparations of one
    composition in one paper are repeated measurements. So are bulk and total conductivity
    where both rows say which they are. An upper bound agrees with every value below it. A
    blank activation energy, or an unstated kind, is filled in from a duplicate.
    """
    source = frame["source"].to_numpy()
    rank = np.array([PREFERENCE.index(s) for s in source])
    log10 = frame["log10_conductivity"].to_numpy(float)
    is_upper = (frame["censored"] == "upper").to_numpy()
    temperature = frame["temperature_k"].to_numpy(float)
    energy = frame["activation_energy_ev"].to_numpy(float).copy()
    kind = frame["conductivity_kind"].to_numpy().copy()
    forms = frame["normal_form"].to_numpy()
    kept_by_form: dict[str, list[int]] = defaultdict(list)
    kept_by_paper: dict[str, list[int]] = defaultdict(list)
    kept: list[int] = []
    dropped: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    reasons: dict[int, str] = {}

    def agree(i: int, j: int) -> bool:
        gap = log10[i] - log10[j]
        slack = math.log10(SAME_CONDUCTIVITY_FACTOR)
        return (gap <= slack or is_upper[i]) and (gap >= -slack or is_upper[j])

    def same_figure(i: int, j: int) -> bool:
        return is_upper[i] == is_upper[j] and abs(log10[i] - log10[j]) <= math.log10(
            SAME_FIGURE_FACTOR
        )

    def both_kinds(i: int, j: int) -> bool:
        return {kind[i], kind[j]} == {"bulk", "total"}

    def find(i: int) -> tuple[str, int | None]:
        """Why row i goes, and the kept row whose activation energy it may fill."""
        gap_k = {j: abs(temperature[i] - temperature[j]) for j in kept_by_form[forms[i]]}
        near = [j for j in gap_k if gap_k[j] <= NEAR_TEMPERATURE_K and not both_kinds(i, j)]
        better = [j for j in near if rank[j] < rank[i]]
        of_paper = [j for j in better if papers[i] & papers[j]]
        for j in of_paper:
            if agree(i, j):
                return f"same measurement as in {source[j]}", j
        for j in of_paper:
            if gap_k[j] <= SAME_TEMPERATURE_K:
                return f"another value than {source[j]} has from the same paper", None
        for j in better:
            if same_figure(i, j):
                return f"same figure as in {source[j]} under another citation", j
        for j in sorted({j for paper in papers[i] for j in kept_by_paper[paper]}):
            if (
                rank[j] < rank[i]
                and abs(temperature[i] - temperature[j]) <= NEAR_TEMPERATURE_K
                and same_figure(i, j)
                and np.abs(compositions[i] - compositions[j]).sum() <= SAME_COMPOSITION_L1
            ):
                return f"same measurement as in {source[j]}, composition rounded", j
        for j in near:
            if rank[j] == rank[i] > 0 and papers[i] & papers[j] and gap_k[j] == 0.0 and agree(i, j):
                return f"listed twice in {source[j]}", j
        return "", None

    for i in range(len(frame)):
        reason, twin = find(i)
        if not reason:
            kept.append(i)
            kept_by_form[forms[i]].append(i)
            for paper in papers[i]:
                kept_by_paper[paper].append(i)
            continue
        dropped[f"{source[i]}: {reason}"] += 1
        reasons[i] = reason
        if twin is None:
            continue
        if math.isnan(energy[twin]) and not math.isnan(energy[i]):
            energy[twin] = energy[i]
            filled["activation_energy_ev"] += 1
        if kind[twin] == "unstated" and kind[i] != "unstated":
            kind[twin] = kind[i]
            filled["conductivity_kind"] += 1
    merged = frame.assign(activation_energy_ev=energy, conductivity_kind=kind)
    return Merged(merged.iloc[kept].reset_index(drop=True), dropped, filled, reasons)
