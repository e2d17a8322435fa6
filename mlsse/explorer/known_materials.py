"""The compositions that a model knows, with all that is at hand of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlsse.explorer.context import Context
from mlsse.kernels import Floats
from mlsse.splits import family_masks

#: Family of a composition that belongs to none of `mlsse.splits.family_masks`.
OTHER = "other"
_DECIMALS = 9  # as `mlsse.arrhenius.fit_process` tells compositions apart


@dataclass(frozen=True)
class KnownMaterials:
    """The m compositions that a model learned from.

    Attributes
    ----------
    formulas : list of str
    families : list of str
        The first of `mlsse.splits.family_masks` that each belongs to, or `OTHER`.
    log10_conductivity : ndarray of shape (m,)
        log10 of S/cm at 298.15 K, the mean of what was measured.
    sources : list of tuple of str
        The datasets that hold a measurement of it, the best checked first; empty where the
        datasets are not at hand.
    measurement_rows : list of tuple of int
        Its rows in the table of the measurements; empty where the datasets are not at hand.
    left_out_error : ndarray of shape (m,)
        As `left_out_errors` gives it, decades.
    """

    formulas: list[str]
    families: list[str]
    log10_conductivity: Floats
    sources: list[tuple[str, ...]]
    measurement_rows: list[tuple[int, ...]]
    left_out_error: Floats

    @cached_property
    def n_measurements(self) -> np.ndarray:
        """How many there are of each, shape (m,)."""
        return np.array([len(rows) for rows in self.measurement_rows])

    def measurements(self, row: int, context: Context) -> list[dict[str, Any]]:
        """Canonical rows measured of one of the compositions."""
        if context.measured is None:
            return []
        return context.measured.table.iloc[list(self.measurement_rows[row])].to_dict("records")


def gather(context: Context) -> KnownMaterials:
    """Gather what the bundle and the datasets tell of the known compositions.

    Parameters
    ----------
    context : Context

    Returns
    -------
    KnownMaterials
    """
    process = context.model.process
    rows_of: dict[bytes, list[int]] = defaultdict(list)
    source: list[str] = []
    if context.measured is not None:
        source = context.measured.table["source"].tolist()
        for row, vector in enumerate(context.measured.vectors.round(_DECIMALS)):
            rows_of[vector.tobytes()].append(row)
    rows = [tuple(rows_of.get(vector.tobytes(), ())) for vector in process.vectors.round(_DECIMALS)]
    return KnownMaterials(
        formulas=context.known_formulas,
        families=families_of(process.vectors),
        log10_conductivity=process.known_log10,
        sources=[tuple(dict.fromkeys(source[i] for i in some)) for some in rows],
        measurement_rows=rows,
        left_out_error=left_out_errors(
            process.precision.astype(float), process.known_log10 - process.prior[0]
        ),
    )


def families_of(vectors: Floats) -> list[str]:
    """Family of each composition.

    Parameters
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions.

    Returns
    -------
    list of n str

    Examples
    --------
    >>> from mlsse.compositions import composition_vectors
    >>> families_of(composition_vectors(["Li3YCl6", "Li6PS5Cl", "Li7La3Zr2O12", "Li3N"]))
    ['halides', 'sulfides', 'garnets', 'other']
    """
    masks = family_masks(vectors)
    return [
        next((name for name, mask in masks.items() if mask[row]), OTHER)
        for row in range(len(vectors))
    ]


def family_names(families: Sequence[str]) -> list[str]:
    """The families that occur, the most frequent first and `OTHER` last."""
    counts: dict[str, int] = defaultdict(int)
    for name in families:
        counts[name] += 1
    return sorted(counts, key=lambda name: (name == OTHER, -counts[name], name))


def left_out_errors(precision: Floats, residual: Floats) -> Floats:
    """Predict each known composition from all others, in closed form.

    The prediction is that of the Gaussian process alone. Close relatives of a composition stay
    known, so these errors are smaller than those of the model card, whose folds keep relatives
    and papers together.

    Parameters
    ----------
    precision : ndarray of shape (m, m)
        Inverse of the covariance of the known values, noise included.
    residual : ndarray of shape (m,)
        Known values less the prior mean.

    Returns
    -------
    ndarray of shape (m,)
        Known less predicted value.

    References
    ----------
    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 5.4.2.
    """
    return np.asarray((precision @ residual) / np.diag(precision))
