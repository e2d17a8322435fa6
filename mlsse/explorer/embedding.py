"""A map of compositions: those that the conductivity model holds alike lie close together.

The map is a kernel principal component analysis of the model's own kernel over the compositions
that it knows, so it follows from the bundle alone, is the same each time, and further
compositions can be placed in it without moving the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsse.bundle import Model
from mlsse.features import features_of_vectors, fraction_columns
from mlsse.kernels import CompositionKernel, Floats, descriptor_columns

_N_DIMENSIONS = 2


@dataclass(frozen=True)
class CompositionMap:
    """A map of m known compositions.

    Attributes
    ----------
    places : ndarray of shape (m, 2)
        Coordinates of the known compositions. The kernel has no unit, nor have they.
    shares : ndarray of shape (2,)
        Part of the variance of the kernel that each coordinate shows, 0 to 1.
    kernel : CompositionKernel
    known : list of ndarray
        The known compositions as `CompositionKernel.embed` gives them.
    means : ndarray of shape (m,)
        Of the covariance of each known composition with all.
    axes : ndarray of shape (m, 2)
        What a centred covariance with the known compositions is multiplied with.
    """

    places: Floats
    shares: Floats
    kernel: CompositionKernel
    known: list[Floats]
    means: Floats
    axes: Floats

    def place(self, vectors: Floats, descriptors: Floats) -> Floats:
        """Coordinates of further compositions.

        Parameters
        ----------
        vectors : ndarray of shape (n, len(ELEMENTS))
            Atom fractions.
        descriptors : ndarray of shape (n, n_descriptors)
            The columns `mlsse.kernels.descriptor_columns` of their features.

        Returns
        -------
        ndarray of shape (n, 2)
        """
        covariance = self.kernel.covariance(self.kernel.embed(vectors, descriptors), self.known)
        return _centred(covariance, self.means) @ self.axes


def map_known(model: Model) -> CompositionMap:
    """Make the map of the compositions that a model knows.

    Parameters
    ----------
    model : Model

    Returns
    -------
    CompositionMap

    References
    ----------
    Schölkopf, Smola and Müller, Neural Computation 10, 1299 (1998), doi
    10.1162/089976698300017467.
    """
    from scipy.linalg import eigh

    process = model.process
    known = process.kernel.embed(process.vectors, process.descriptors)
    covariance = process.kernel.covariance(known, known)
    means = covariance.mean(axis=0)
    centred = _centred(covariance, means)
    last = len(centred) - 1
    first = max(0, last - _N_DIMENSIONS + 1)
    values, vectors = eigh(centred, subset_by_index=(first, last))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    # The sign of an eigenvector is a matter of the library: the largest entry is made positive.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    vectors = vectors * np.where(largest < 0, -1.0, 1.0)
    is_flat = values <= 1e-12
    axes = np.zeros((len(centred), _N_DIMENSIONS))
    axes[:, : len(values)] = np.where(is_flat, 0.0, vectors / np.sqrt(np.where(is_flat, 1, values)))
    shares = np.zeros(_N_DIMENSIONS)
    total = float(np.trace(centred))
    shares[: len(values)] = values / total if total > 0 else 0.0
    return CompositionMap(centred @ axes, shares, process.kernel, known, means, axes)


def place_vectors(map_: CompositionMap, model: Model, vectors: Floats) -> Floats:
    """Coordinates of compositions by their atom fractions.

    Parameters
    ----------
    map_ : CompositionMap
        Of the same model.
    model : Model
    vectors : ndarray of shape (n, len(ELEMENTS))

    Returns
    -------
    ndarray of shape (n, 2)
    """
    if not len(vectors):
        return np.zeros((0, _N_DIMENSIONS))
    features = features_of_vectors(vectors, model.tables)
    return map_.place(features[:, fraction_columns()], features[:, descriptor_columns()])


def _centred(covariance: Floats, means: Floats) -> Floats:
    """Covariances with the known compositions in the frame whose origin is the mean of these."""
    of_rows: NDArray[np.float64] = covariance.mean(axis=1, keepdims=True)
    return covariance - of_rows - means + means.mean()
