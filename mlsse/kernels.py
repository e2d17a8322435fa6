"""How alike two compositions are, in the eyes of the conductivity model.

The kernel is the mean of three exponentials of L1 distances: of the framework (the
composition without the mobile ion) atom by atom, of the framework along the modified
Pettifor scale (earth mover's distance), and of physical descriptors. Each is positive
definite, so their mean is, and all fall to zero far from everything known.

Two of the descriptors say how simple the stoichiometry is. Among measured materials line
compounds conduct worse than solid solutions of like elements, and no mean over elements tells
them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsse.compositions import alike_cityblock_matrix, cumulative_vectors
from mlsse.features import ANIONS, MOBILE_ION, RATIOS, feature_names
from mlsse.formulas import ELEMENT_INDEX

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CompositionKernel:
    """Covariance of compositions, 1 for equal ones.

    Attributes
    ----------
    framework_length : float
        Distance of frameworks, as a sum of differences of atom fractions, at which the
        first part has fallen to 1/e.
    chemistry_length : float
        The same for the earth mover's distance of frameworks, in places of the modified
        Pettifor scale.
    descriptor_length : float
        The same for the mean difference of descriptors, in standard deviations.
    descriptor_scale : ndarray of shape (len(descriptor_columns()) + 2,)
        Standard deviations over the training rows of the descriptors and of `stoichiometry`.
    elements : ndarray of int
        Elements of the training frameworks, as indices; all others count as one.
    """

    framework_length: float
    chemistry_length: float
    descriptor_length: float
    descriptor_scale: Floats
    elements: NDArray[np.intp]

    def embed(self, vectors: Floats, descriptors: Floats) -> list[Floats]:
        """Coordinates whose L1 distances are the exponents of the kernel.

        Parameters
        ----------
        vectors : ndarray of shape (n, len(ELEMENTS))
            Atom fractions.
        descriptors : ndarray of shape (n, len(descriptor_columns()))

        Returns
        -------
        list of three ndarray, each of n rows
        """
        framework = vectors.copy()
        framework[:, ELEMENT_INDEX[MOBILE_ION]] = 0.0
        total = framework.sum(axis=1, keepdims=True)
        framework /= np.where(total > 0, total, 1.0)
        known = framework[:, self.elements]
        others = framework.sum(axis=1, keepdims=True) - known.sum(axis=1, keepdims=True)
        places = cumulative_vectors(framework)[:, ::_PLACES]
        descriptors = np.hstack([descriptors, stoichiometry(vectors)])
        scale = self.descriptor_length * self.descriptor_scale * descriptors.shape[1]
        return [
            np.hstack([known, others]) / self.framework_length,
            places * (_PLACES / self.chemistry_length),
            descriptors / scale,
        ]

    def covariance(self, left: list[Floats], right: list[Floats]) -> Floats:
        """Kernel of every pair of two embedded sets, shape (n_left, n_right)."""
        total = np.zeros((len(left[0]), len(right[0])))
        for a, b in zip(left, right, strict=True):
            part = alike_cityblock_matrix(a, b)
            total += np.exp(np.negative(part, out=part), out=part)
        total /= len(left)
        return total


def stoichiometry(vectors: Floats) -> Floats:
    """How simple compositions are; a continuous function of them.

    Parameters
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions.

    Returns
    -------
    ndarray of shape (n, 2)
        The natural logarithm of the number of atoms of the simplest formula unit, at most
        that of 100, where a unit that fits only nearly counts as larger; and how far the
        mobile ions are from a multiple of a quarter of the anions, between 0 (Li3PO4) and 0.5,
        0 without anions.
    """
    # Known compositions are kept with so many decimals: one of them is then equal to itself.
    vectors = vectors.round(_DECIMALS)
    misfit = np.zeros((len(vectors), len(_UNIT_SIZES)))
    # Sums in the order of the elements: a row alone equals the row in a batch to the last bit.
    for column in np.flatnonzero(vectors.any(axis=0)).tolist():
        misfit += _from_integer(vectors[:, column, None] * _UNIT_SIZES)
    sizes = np.log(_UNIT_SIZES) + _MISFIT_WEIGHT * misfit
    mobile = vectors[:, ELEMENT_INDEX[MOBILE_ION]]
    anions = np.zeros(len(vectors))
    for anion in ANIONS:
        anions += vectors[:, ELEMENT_INDEX[anion]]
    per_anion = mobile / np.where(anions > 0, anions, np.inf)
    return np.stack(
        [np.minimum(sizes.min(axis=1), _LARGEST_UNIT), _from_integer(4.0 * per_anion)], axis=1
    )


_DECIMALS = 9
_UNIT_SIZES = np.arange(1.0, 61.0)  # atoms of a formula unit
_MISFIT_WEIGHT = 10.0  # a misfit of a tenth of an atom makes a unit count e times as large
_LARGEST_UNIT = np.log(100.0)


def _from_integer(values: Floats) -> Floats:
    """Distance from the nearest integer; overwrites the values."""
    values -= np.rint(values)
    return np.abs(values, out=values)


def descriptor_columns() -> NDArray[np.intp]:
    """Columns of the feature matrix that the kernel compares."""
    return _DESCRIPTOR_COLUMNS


def _is_descriptor(name: str) -> bool:
    """Means over the sublattices, ratios and a few global measures: more did not help."""
    return (
        name in RATIOS
        or name.startswith(("cation mean ", "anion mean ", "frac "))
        or name.endswith(("-norm", " ionic char"))
    )


_DESCRIPTOR_COLUMNS = np.flatnonzero([_is_descriptor(name) for name in feature_names()])
_PLACES = 2  # every other place of the scale tells as much as all, in half the time
