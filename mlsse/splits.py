"""Splits of measured materials that leak nothing.

One material is measured many times, and one paper measures many near-identical materials. A split
is honest when neither the material nor the paper stands on both sides. Rows are described by their
composition vectors (atom fractions in the order of `mlsse.formulas.ELEMENTS`) and their DOIs, the
several of one row joined by ``|``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsse.compositions import l1_distance_matrix
from mlsse.errors import ConfigError
from mlsse.formulas import ELEMENT_INDEX

# Atom fractions are quotients of decimals: a distance that is 0.05 on paper must count as 0.05.
_ROUNDING = 1e-9

# Rows of the distance matrix that are held in memory at once.
_BLOCK = 512

_HALOGENS = ("F", "Cl", "Br", "I")


@dataclass(frozen=True, eq=False)
class Leaks:
    """Training rows that would leak a test row, by reason; a row can have several reasons.

    Attributes
    ----------
    test_doi : ndarray of bool, shape (n,)
        The row comes from a paper of the test rows.
    no_doi : ndarray of bool, shape (n,)
        The row names no paper, so that the above cannot be ruled out.
    near_test : ndarray of bool, shape (n,)
        The composition is that of a test row, or nearly.
    """

    test_doi: NDArray[np.bool_]
    no_doi: NDArray[np.bool_]
    near_test: NDArray[np.bool_]

    @property
    def any(self) -> NDArray[np.bool_]:
        """Rows to drop, shape (n,)."""
        return self.test_doi | self.no_doi | self.near_test

    @property
    def counts(self) -> dict[str, int]:
        """Rows to drop by reason; a row with several reasons counts for the first."""
        return {
            "test_doi": int(self.test_doi.sum()),
            "no_doi": int((self.no_doi & ~self.test_doi).sum()),
            "near_test": int((self.near_test & ~self.test_doi & ~self.no_doi).sum()),
        }


def composition_groups(
    vectors: ArrayLike, dois: Sequence[str], *, max_distance: float = 0.05
) -> NDArray[np.int64]:
    """Group rows that must stay on one side of a split.

    Two rows belong together when they share any DOI, when their compositions lie within
    `max_distance`, or when a chain of such pairs connects them.

    Parameters
    ----------
    vectors : array-like, shape (n, n_elements)
        Atom fractions.
    dois : sequence of str, length n
        Several DOIs of one row are joined by ``|``; the empty text is none and connects nothing.
    max_distance : float
        Greatest sum of absolute differences of atom fractions of two rows that belong together.

    Returns
    -------
    ndarray of int, shape (n,)
        Number of the group of each row, counted from zero in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    vectors = np.asarray(vectors, dtype=np.float64)
    first_row: dict[str, int] = {}
    links = [
        (row, first_row.setdefault(doi, row))
        for row, row_dois in enumerate(_doi_sets(dois, len(vectors)))
        for doi in row_dois
    ]
    link_array = np.array(links, dtype=np.intp).reshape(-1, 2)
    starts, ends = [link_array[:, 0]], [link_array[:, 1]]
    for offset, distances in _distance_blocks(vectors, vectors):
        row, column = np.nonzero(distances <= max_distance + _ROUNDING)
        starts.append(row + offset)
        ends.append(column)
    start, end = np.concatenate(starts), np.concatenate(ends)
    edges = coo_array((np.ones(len(start), dtype=bool), (start, end)), shape=(len(vectors),) * 2)
    _, labels = connected_components(edges, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def grouped_folds(groups: ArrayLike, n_splits: int, seed: int) -> NDArray[np.int64]:
    """Assign rows to folds of about equal size, every group to one fold.

    The groups, in an order drawn from the seed and then by falling size, go one by one to the fold
    with the fewest rows. A group larger than its share makes its fold larger than the others.

    Parameters
    ----------
    groups : array-like of int, shape (n,)
        Number of the group of each row, as `composition_groups` returns it.
    n_splits : int
        Number of folds, at least 2.
    seed : int
        The same groups and seed give the same folds.

    Returns
    -------
    ndarray of int, shape (n,)
        Fold of each row, from 0 to ``n_splits - 1``. No fold is empty.

    Raises
    ------
    ConfigError
        If `n_splits` is below 2 or above the number of groups.
    """
    _, number, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if not 2 <= n_splits <= len(sizes):
        raise ConfigError(
            f"n_splits={n_splits} does not fit {len(sizes)} groups: expected at least 2 folds and "
            "at most one for each group."
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    fold_sizes = np.zeros(n_splits, dtype=np.int64)
    for group in order:
        fold = int(np.argmin(fold_sizes))
        fold_of_group[group] = fold
        fold_sizes[fold] += sizes[group]
    return fold_of_group[number]


def leak_mask(
    vectors: ArrayLike,
    dois: Sequence[str],
    test_vectors: ArrayLike,
    test_dois: Sequence[str],
    *,
    max_distance: float = 0.02,
    official: ArrayLike | None = None,
    official_near_test: bool = False,
) -> Leaks:
    """Find the training rows that would leak test rows of a published split.

    A row leaks when it shares a DOI with a test row, when it has none, or when its composition lies
    within `max_distance` of a test composition. The rows of the published training split itself
    never leak by their DOI, and by their composition only if `official_near_test` says so.

    Parameters
    ----------
    vectors, test_vectors : array-like, shapes (n, n_elements) and (n_test, n_elements)
        Atom fractions.
    dois, test_dois : sequences of str, lengths n and n_test
        Several DOIs of one row are joined by ``|``; the empty text is none.
    max_distance : float
        Greatest sum of absolute differences of atom fractions that counts as near.
    official : array-like of bool, shape (n,), optional
        Rows of the published training split. None by default.
    official_near_test : bool
        Whether rows of the published training split near a test composition leak too: the stricter
        variant of the protocol.

    Returns
    -------
    Leaks
        Masks by reason.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    test_vectors = np.asarray(test_vectors, dtype=np.float64)
    doi_sets = _doi_sets(dois, len(vectors))
    all_test_dois = frozenset().union(*_doi_sets(test_dois, len(test_vectors)))
    extra = np.ones(len(vectors), bool) if official is None else ~np.asarray(official, dtype=bool)
    near_test = np.zeros(len(vectors), dtype=bool)
    for offset, distances in _distance_blocks(vectors, test_vectors):
        near = np.asarray((distances <= max_distance + _ROUNDING).any(axis=1))
        near_test[offset : offset + len(near)] = near
    no_doi = np.array([not row_dois for row_dois in doi_sets], dtype=bool)
    test_doi = np.array([not row_dois.isdisjoint(all_test_dois) for row_dois in doi_sets], bool)
    return Leaks(
        test_doi=test_doi & extra,
        no_doi=no_doi & extra,
        near_test=near_test if official_near_test else near_test & extra,
    )


def family_masks(vectors: ArrayLike) -> dict[str, NDArray[np.bool_]]:
    """Tell the families of solid electrolytes by their elements, to leave one out at a time.

    A row can belong to several families (Li7La3Zr2O12 doped with a halide) or to none.

    Parameters
    ----------
    vectors : array-like, shape (n, n_elements)
        Atom fractions in the order of `mlsse.formulas.ELEMENTS`.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        ``halides`` (F, Cl, Br or I, none of O, S, N, H, Se, P), ``oxyhalides`` (F, Cl, Br or I with
        O, none of S, P, H), ``sulfides`` (S, no O), ``garnets`` (La and O with Zr, Ta or Nb) and
        ``phosphates`` (P and O, no S).
    """
    present = np.asarray(vectors) > 0

    def has_any(*symbols: str) -> NDArray[np.bool_]:
        columns = [ELEMENT_INDEX[symbol] for symbol in symbols]
        return np.asarray(present[:, columns].any(axis=1))

    halide = has_any(*_HALOGENS)
    oxygen, sulfur, phosphorus = has_any("O"), has_any("S"), has_any("P")
    return {
        "halides": halide & ~has_any("O", "S", "N", "H", "Se", "P"),
        "oxyhalides": halide & oxygen & ~has_any("S", "P", "H"),
        "sulfides": sulfur & ~oxygen,
        "garnets": has_any("La") & oxygen & has_any("Zr", "Ta", "Nb"),
        "phosphates": phosphorus & oxygen & ~sulfur,
    }


def _doi_sets(dois: Sequence[str], n: int) -> list[frozenset[str]]:
    """Return the set of DOIs of each row."""
    if len(dois) != n:
        raise ValueError(f"got {len(dois)} texts of DOIs for {n} compositions: expected one each.")
    return [frozenset(doi for doi in text.split("|") if doi) for text in dois]


def _distance_blocks(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield the first row and the distances of blocks of rows of `a` to all rows of `b`."""
    for offset in range(0, len(a), _BLOCK):
        yield offset, l1_distance_matrix(a[offset : offset + _BLOCK], b)
