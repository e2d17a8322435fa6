"""Sums over trees for many rows that are alike.

Rows that follow each other in a screen differ in a few amounts. Most nodes of a tree then send
them all the same way, which the least and greatest value of each feature tell; only the few
others look at the rows one by one. What the trees give is added up in single precision in their
order, as ONNX Runtime does, so that the sums are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Singles = NDArray[np.float32]
Places = NDArray[np.intp]

#: Nodes to be looked at for each tree, from which the rows are not alike.
_TOO_MANY = 20


@dataclass(frozen=True)
class Trees:
    """Ensembles of binary trees whose leaves are added up.

    A place is the number of a node, or ``-1 - i`` for the leaf i.

    Attributes
    ----------
    roots : tuple of ndarray of int
        Places of the roots of each ensemble.
    features : ndarray of int, shape (n_nodes,)
        Column that each node looks at.
    limits : ndarray of float32, shape (n_nodes,)
        Up to which value a row goes to the place in `low`.
    low, high : ndarray of int, shape (n_nodes,)
        Places.
    leaves : ndarray of float32, shape (n_leaves,)
    """

    roots: tuple[Places, ...]
    features: Places
    limits: Singles
    low: Places
    high: Places
    leaves: Singles

    def sums(self, X: Singles) -> list[Singles] | None:
        """Sum over the trees of each ensemble, if the rows are alike.

        Parameters
        ----------
        X : ndarray of float32, shape (n, n_features)
            n from 1; without missing values.

        Returns
        -------
        list of ndarray of float32, each of shape (n,), or None
            None if the rows are not alike; then there is no gain.
        """
        least, most = X.min(axis=0), X.max(axis=0)
        # Each root has a slot, and so has each branch of a node at which the rows part.
        slots = np.concatenate(self.roots)
        most_slots = (1 + 2 * _TOO_MANY) * len(slots)
        partings: list[tuple[Places, Places, int]] = []
        going = np.flatnonzero(slots >= 0)
        while len(going):
            nodes = slots[going]
            of_node, limits = self.features[nodes], self.limits[nodes]
            is_low, is_high = most[of_node] <= limits, least[of_node] > limits
            slots[going] = np.where(
                is_low, self.low[nodes], np.where(is_high, self.high[nodes], nodes)
            )
            parted = ~(is_low | is_high)
            if parted.any():
                nodes = nodes[parted]
                partings.append((going[parted], nodes, len(slots)))
                new = np.arange(len(slots), len(slots) + 2 * len(nodes))
                slots = np.concatenate([slots, self.low[nodes], self.high[nodes]])
                if len(slots) > most_slots:
                    return None
                going = np.concatenate([going[~parted], new])
            going = going[slots[going] >= 0]
        return self._added_up(np.ascontiguousarray(X.T), slots, partings)

    def _added_up(
        self, columns: Singles, slots: Places, partings: list[tuple[Places, Places, int]]
    ) -> list[Singles]:
        values = np.empty((len(slots), columns.shape[1]), np.float32)
        values[:] = self.leaves[np.where(slots < 0, -1 - slots, 0), None]
        for parted, nodes, first in reversed(partings):
            middle, last = first + len(nodes), first + 2 * len(nodes)
            is_low = columns[self.features[nodes]] <= self.limits[nodes, None]
            values[parted] = np.where(is_low, values[first:middle], values[middle:last])
        bounds = pairwise(np.cumsum([0, *map(len, self.roots)]).tolist())
        return [_in_order(values[start:stop]) for start, stop in bounds]


def _in_order(values: Singles) -> Singles:
    """Sum over the first axis, one row after the other."""
    if values.shape[1] == 1:  # which a sum of numpy would take in another order
        return np.add.accumulate(values, axis=0)[-1]
    return np.add.reduce(values, axis=0)


def joined(ensembles: Sequence[Trees]) -> Trees:
    """Ensembles that look at the same columns as one, in which less is done for each."""
    roots: list[Places] = []
    low, high = [], []
    n_nodes = n_leaves = 0
    for trees in ensembles:
        roots += [_moved(some, n_nodes, n_leaves) for some in trees.roots]
        low.append(_moved(trees.low, n_nodes, n_leaves))
        high.append(_moved(trees.high, n_nodes, n_leaves))
        n_nodes += len(trees.features)
        n_leaves += len(trees.leaves)
    return Trees(
        tuple(roots),
        np.concatenate([trees.features for trees in ensembles]),
        np.concatenate([trees.limits for trees in ensembles]),
        np.concatenate(low),
        np.concatenate(high),
        np.concatenate([trees.leaves for trees in ensembles]),
    )


def _moved(places: Places, n_nodes: int, n_leaves: int) -> Places:
    return np.where(places < 0, places - n_leaves, places + n_nodes)
