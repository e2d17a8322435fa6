"""Signals of doubt: what the known compositions tell of how far a prediction can be trusted.

All come from the kernel and the composition, so that they cost a prediction next to nothing.
"""

from __future__ import annotations

import numpy as np

from mlsse.features import MOBILE_ION
from mlsse.formulas import ELEMENT_INDEX
from mlsse.kernels import Floats

#: Names of the signals, in the order of their columns. All but the last come from
#: `composition_signals`.
SIGNALS = (
    "likeness",  # greatest kernel with a known composition, 1 for a known one
    "seldom_pairs",  # share of pairs of framework elements that are seldom measured together
    "weightiest_pair",  # of these: the smaller of both shares in the framework
    "seldom_elements",  # share of the framework made of elements that are seldom measured
    "local_log10",  # mean of measured log10 S/cm, weighted by nearness
    "local_spread",  # their standard deviation, decades, over a wider neighbourhood
    "crowd",  # natural logarithm of the count of known compositions that share that weight
    "step",  # from the prior to the predicted value, decades at 298.15 K
)

_OFTEN = 8.0  # measured compositions after which a pair of elements is no news
_LEAST_LIKENESS = 1e-9
_LEAST_VARIANCE = 0.01  # decades squared; keeps the last digits of equal values from the root


def composition_signals(
    vectors: Floats, covariance: Floats, known_vectors: Floats, known_log10: Floats
) -> Floats:
    """Signals of the composition alone, the first seven of `SIGNALS`.

    Parameters
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions.
    covariance : ndarray of shape (n, m)
        Kernel with each known composition.
    known_vectors : ndarray of shape (m, len(ELEMENTS))
    known_log10 : ndarray of shape (m,)
        log10 of S/cm of the known compositions at 298.15 K.

    Returns
    -------
    ndarray of shape (n, 7)
    """
    pairs, weightiest, elements = _novelty(vectors, co_occurrence(known_vectors))
    # High powers of the kernel leave the nearest compositions alone in the mean. Relative to the
    # nearest, they do not vanish where nothing is near.
    likeness = covariance.max(axis=1)
    relative = covariance / np.maximum(likeness, _LEAST_LIKENESS)[:, None]
    np.maximum(relative, _LEAST_LIKENESS, out=relative)
    wide = relative**2
    wide *= wide * wide
    close = wide * wide
    local = (close @ known_log10) / close.sum(axis=1)
    total = wide.sum(axis=1)
    mean = (wide @ known_log10) / total
    variance = np.maximum((wide @ known_log10**2) / total - mean**2, 0.0)
    crowd = np.log(total**2 / np.einsum("nm,nm->n", wide, wide))
    return np.column_stack(
        [
            likeness,
            pairs,
            weightiest,
            elements,
            local,
            np.sqrt(variance + _LEAST_VARIANCE),
            crowd,
        ]
    )


def signal(signals: Floats, name: str) -> Floats:
    """One of the signals by its name, shape (n,)."""
    return signals[:, SIGNALS.index(name)]


def co_occurrence(known_vectors: Floats) -> Floats:
    """Count the known compositions that hold both of two elements.

    Parameters
    ----------
    known_vectors : ndarray of shape (m, len(ELEMENTS))

    Returns
    -------
    ndarray of shape (len(ELEMENTS), len(ELEMENTS))
        On the diagonal the count that holds the element.
    """
    present = (known_vectors > 0.0).astype(float)
    return present.T @ present


def _novelty(vectors: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Seldom pairs, the weightiest of them, and seldom elements of the framework, each (n,)."""
    seldom = np.exp(-counts / _OFTEN)
    own = np.diag(seldom).copy()
    np.fill_diagonal(seldom, 0.0)
    framework = vectors.copy()
    framework[:, ELEMENT_INDEX[MOBILE_ION]] = 0.0
    total = framework.sum(axis=1, keepdims=True)
    framework /= np.where(total > 0.0, total, 1.0)
    root = np.sqrt(framework)  # so that a dopant counts less than its host, but counts
    all_pairs = root.sum(axis=1) ** 2 - framework.sum(axis=1)
    paired = np.count_nonzero(framework, axis=1) > 1
    pairs = np.einsum("ni,ni->n", root @ seldom, root) / np.where(paired, all_pairs, 1.0)
    weightiest = np.zeros(len(vectors))
    for row in np.flatnonzero(paired):
        present = np.flatnonzero(framework[row])
        share = framework[row, present]
        weights = np.minimum(share[:, None], share) * seldom[present[:, None], present]
        weightiest[row] = weights.max()
    return np.where(paired, pairs, 0.0), weightiest, framework @ own
