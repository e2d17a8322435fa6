"""Two models side by side: residuals by family, and where they disagree most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlsse.bundle import Model
from mlsse.explorer.known_materials import families_of
from mlsse.features import features_of_vectors
from mlsse.formulas import ELEMENTS, formula_from_fractions
from mlsse.kernels import Floats

if TYPE_CHECKING:
    import pandas as pd

_DECIMALS = 9


def residuals_by_family(rows: pd.DataFrame) -> dict[str, Floats]:
    """Measured less predicted log10 of conductivity by family; bounds are left out.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns as in `mlsse.evidence.out_of_fold_table`.

    Returns
    -------
    dict of str to ndarray
        Decades, by the name of the family; a row of two families is in both.
    """
    values = rows[rows["censored"] == "none"]
    residual = values["log10_conductivity"] - values["predicted_log10_conductivity"]
    families = values["family"].str.split("|").explode()
    return {
        str(name): residual[index].to_numpy()
        for name, index in sorted(families.groupby(families).groups.items())
    }


@dataclass(frozen=True)
class Comparison:
    """Two models on the n compositions that at least one of them knows.

    Attributes
    ----------
    formulas, families : list of str
    first, second : ndarray of shape (n,)
        Predicted log10 of S/cm at 298.15 K.
    measured : ndarray of shape (n,)
        Mean of what was measured as the models know it, log10 of S/cm at 298.15 K.
    """

    formulas: list[str]
    families: list[str]
    first: Floats
    second: Floats
    measured: Floats

    @property
    def differences(self) -> Floats:
        """Second less first, decades, shape (n,)."""
        return self.second - self.first

    def most_different(self, count: int) -> np.ndarray:
        """Rows in which the models differ most, the largest difference first."""
        return np.argsort(-np.abs(self.differences), kind="stable")[:count]


def compare(first: Model, second: Model) -> Comparison:
    """Predict all known compositions by two models.

    Either has learned from most of them, so this tells where the models disagree, and not which
    of them is right.

    Parameters
    ----------
    first, second : Model

    Returns
    -------
    Comparison
    """
    vectors, values = _known_of_both(first, second)
    return Comparison(
        formulas=[
            formula_from_fractions({ELEMENTS[i]: float(row[i]) for i in np.flatnonzero(row)})
            for row in vectors
        ],
        families=families_of(vectors),
        first=_predict(first, vectors),
        second=_predict(second, vectors),
        measured=values,
    )


def _known_of_both(first: Model, second: Model) -> tuple[Floats, Floats]:
    """Compositions that one of the models knows, and their values; those of the first count."""
    vectors = np.vstack([first.process.vectors, second.process.vectors]).round(_DECIMALS)
    values = np.concatenate([first.process.known_log10, second.process.known_log10])
    distinct, where = np.unique(vectors, axis=0, return_index=True)
    return distinct, values[where]


def _predict(model: Model, vectors: Floats) -> Floats:
    return model.lines(features_of_vectors(vectors, model.tables)).room_log10_conductivity


def differing(tables: Sequence[Mapping[str, str]]) -> list[str]:
    """Names whose values are not the same in all tables, in the order of their appearance.

    >>> differing([{"seed": "0", "n_folds": "5"}, {"seed": "1", "n_folds": "5", "extra": "x"}])
    ['seed', 'extra']
    """
    names = dict.fromkeys(name for table in tables for name in table)
    return [name for name in names if len({table.get(name) for table in tables}) > 1]
