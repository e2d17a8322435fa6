"""Rows that are not worse than another in every objective."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: No front of more rows is looked for.
MAX_FRONT = 20_000

Floats = NDArray[np.float64]


def non_dominated(costs: Floats) -> NDArray[np.intp]:
    """Rows than which no other is better in one objective and as good in all others.

    Parameters
    ----------
    costs : ndarray of shape (n, k)
        The lower the better, finite.

    Returns
    -------
    ndarray of int, shape (n_front,)
        In rising order; equal rows are all on the front.

    Examples
    --------
    >>> non_dominated(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0], [3.0, 1.0]]))
    array([0, 1, 3])
    """
    # What is low in the sum of the ranks dominates most, and thins the rest out early.
    ranks = np.argsort(np.argsort(costs, axis=0, kind="stable"), axis=0, kind="stable")
    left = np.argsort(ranks.sum(axis=1), kind="stable")
    place = 0
    while place < len(left):
        one = costs[left[place]]
        rest = costs[left]
        stays = (rest < one).any(axis=1) | (rest == one).all(axis=1)
        place = int(stays[:place].sum()) + 1
        left = left[stays]
        if place > MAX_FRONT:
            break
    return np.sort(left)
