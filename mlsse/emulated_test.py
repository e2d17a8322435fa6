"""A stand-in for the official test split of OBELiX, made of its training rows alone.

A choice must not look at a published test split, or its figure would flatter. Here the official
training rows take turns: a fold of them, whole papers, is asked for, and the rows that may be
learned from are found by the rule of the official split. The official test rows, and the rows
of other sources that would leak them, are in no fold and never learned from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsse import metrics, splits
from mlsse.errors import ConfigError
from mlsse.training import ConductivityRows

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CONVENTIONS = metrics.CONVENTIONS[:2]
_LEAK_DISTANCE = 0.02
_APART = -1.0  # no two compositions lie this close: papers alone make the groups


@dataclass(frozen=True)
class EmulatedTest:
    """Folds of the official training rows, n of them, as test splits.

    Attributes
    ----------
    official : ConductivityRows
        The official training rows, n of them.
    test : ConductivityRows
        The official test rows; only what leaks them is looked up here.
    papers : ndarray of int, shape (n,)
        Rows that share a paper, connected through each other.
    folds : ndarray of int, shape (n,)
    """

    official: ConductivityRows
    test: ConductivityRows
    papers: NDArray[np.int64]
    folds: NDArray[np.int64]

    def known(self, rows: ConductivityRows, fold: int) -> Mask:
        """Which rows may be learned from when a fold is asked for.

        Parameters
        ----------
        rows : ConductivityRows
            Of any sources; those of OBELiX, if there are any, are all of them.
        fold : int

        Returns
        -------
        ndarray of bool, shape (len(rows),)
        """
        train, test = _of_obelix(rows, "train"), _of_obelix(rows, "test")
        asked = self.official[self.folds == fold]
        known = ~test
        known[np.flatnonzero(train)[self.folds == fold] if train.any() else []] = False
        for others in (self.test, asked):
            known &= ~splits.leak_mask(
                rows.vectors,
                rows.table["doi"],
                others.vectors,
                others.table["doi"],
                max_distance=_LEAK_DISTANCE,
                official=train,
            ).any
        return known

    def asked(self) -> Iterator[tuple[int, Mask, ConductivityRows]]:
        """Number, mask over the official training rows and rows of each fold."""
        for fold in np.unique(self.folds).tolist():
            mask = self.folds == fold
            yield fold, mask, self.official[mask]

    def absolute_errors(self, predicted: Floats) -> dict[str, Floats]:
        """Errors of predictions for all folds by each of `CONVENTIONS`, decades, shape (n,)."""
        table = self.official.table
        errors = {}
        for convention in CONVENTIONS:
            truth, censored, _ = metrics.apply_convention(
                table["log10_conductivity"], table["censored"], convention
            )
            errors[convention] = np.abs(metrics.errors(truth, predicted, censored))
        return errors


def emulated_test(rows: ConductivityRows, n_folds: int, seed: int) -> EmulatedTest:
    """Part the official training rows into folds by paper.

    Parameters
    ----------
    rows : ConductivityRows
        With those of OBELiX.
    n_folds : int
    seed : int

    Returns
    -------
    EmulatedTest

    Raises
    ------
    ConfigError
        If there are no rows of OBELiX, or fewer papers than folds.
    """
    train = _of_obelix(rows, "train")
    if not train.any():
        raise ConfigError("the sources hold no training rows of obelix: add it to them")
    official = rows[train]
    papers = splits.composition_groups(official.vectors, official.table["doi"], max_distance=_APART)
    folds = splits.grouped_folds(papers, n_folds, seed)
    return EmulatedTest(official, rows[_of_obelix(rows, "test")], papers, folds)


def median_predictions(emulated: EmulatedTest, rows: ConductivityRows) -> Floats:
    """Median of the known room-temperature rows, for every row of every fold."""
    predicted = np.empty(len(emulated.folds))
    for fold, mask, _ in emulated.asked():
        known = rows[emulated.known(rows, fold)]
        predicted[mask] = np.median(
            known.measurements.log10_conductivity[known.at_room_temperature]
        )
    return predicted


def _of_obelix(rows: ConductivityRows, split: str) -> Mask:
    table = rows.table
    return ((table["source"] == "obelix") & (table["split"] == split)).to_numpy()
