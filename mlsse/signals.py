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
    vectors: Floats, covariance: Floats, seldom: Floats, known_log10: Floats
) -> Floats:
    """Signals of the composition alone, the first seven of `SIGNALS`.

    Parameters
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions.
    covariance : ndarray of shape (n, m)
        Kernel with each known composition.
    seldom : ndarray of shape (len(ELEMENTS), len(ELEMENTS))
        Of the known compositions, see `seldom_together`.
    known_log10 : ndarray of shape (m,)
        log10 of S/cm of the known compositions at 298.15 K.

    Returns
    -------
    ndarray of shape (n, 7)
    """
    pairs, weightiest, elements = _novelty(vectors, seldom)
    # High powers of the kernel leave the nearest compositions alone in the mean. Relative to the
    # nearest, they do not vanish where nothing is near.
    across = covariance.T  # `ArrheniusProcess.predict` has it in this order in memory
    likeness = across.max(axis=0)
    powers = across / np.maximum(likeness, _LEAST_LIKENESS)
    np.maximum(powers, _LEAST_LIKENESS, out=powers)
    powers *= powers
    wide = powers * powers
    wide *= powers
    moments = np.stack([np.ones(len(known_log10)), known_log10, known_log10**2])
    total, first, second = moments @ wide
    close = np.multiply(wide, wide, out=wide)
    close_total, close_first = moments[:2] @ close
    variance = np.maximum(second / total - (first / total) ** 2, 0.0)
    return np.column_stack(
        [
            likeness,
            pairs,
            weightiest,
            elements,
            close_first / close_total,
            np.sqrt(variance + _LEAST_VARIANCE),
            np.log(total**2 / close_total),
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


def seldom_together(known_vectors: Floats) -> Floats:
    """How new two elements in one composition are.

    Parameters
    ----------
    known_vectors : ndarray of shape (m, len(ELEMENTS))

    Returns
    -------
    ndarray of shape (len(ELEMENTS), len(ELEMENTS))
        From 1, where no known composition has both, falling to 0; on the diagonal for elements
        alone.
    """
    return np.exp(-co_occurrence(known_vectors) / _OFTEN)


def _novelty(vectors: Floats, seldom: Floats) -> tuple[Floats, Floats, Floats]:
    """Seldom pairs, the weightiest of them, and seldom elements of the framework, each (n,)."""
    here = np.flatnonzero(vectors.max(axis=0))
    here = here[here != ELEMENT_INDEX[MOBILE_ION]]
    seldom = seldom[here[:, None], here]
    own = np.diag(seldom).copy()
    np.fill_diagonal(seldom, 0.0)
    framework = vectors[:, here]
    total = framework.sum(axis=1, keepdims=True)
    framework /= np.where(total > 0.0, total, 1.0)
    root = np.sqrt(framework)  # so that a dopant counts less than its host, but counts
    all_pairs = root.sum(axis=1) ** 2 - framework.sum(axis=1)
    paired = np.count_nonzero(framework, axis=1) > 1
    pairs = np.einsum("ni,ni->n", root @ seldom, root) / np.where(paired, all_pairs, 1.0)
    weightiest = np.zeros(len(vectors))
    for i in range(1, len(here)):
        weights = np.minimum(framework[:, i, None], framework[:, :i])
        weights *= seldom[i, :i]
        np.maximum(weightiest, weights.max(axis=1), out=weightiest)
    return np.where(paired, pairs, 0.0), weightiest, framework @ own
