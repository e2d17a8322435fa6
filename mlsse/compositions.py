"""Compositions as vectors, and how far they lie apart."""

from collections.abc import Iterable
from itertools import chain

import numpy as np

from mlsse.flat_formulas import read_flat_formulas
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS, Formula, parse_formula

_PETTIFOR_ORDER = (
    "He Ne Ar Kr Xe Rn Fr Cs Rb K Na Li Ra Ba Sr Ca Eu Yb Lu Tm Y Er Ho Dy Tb Gd Sm Pm Nd Pr Ce La "
    "Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Sc Zr Hf Ti Ta Nb V Cr Mo W Re Tc Os Ru Ir Rh Pt "
    "Pd Au Ag Cu Ni Co Fe Mn Mg Zn Cd Hg Be Al Ga In Tl Pb Sn Ge Si B C N P As Sb Bi Po Te Se S O "
    "At I Br Cl F H"
)
_PETTIFOR_RANK = {symbol: rank for rank, symbol in enumerate(_PETTIFOR_ORDER.split())}
PETTIFOR_POSITIONS: np.ndarray = np.array([float(_PETTIFOR_RANK[s]) for s in ELEMENTS])
"""Position of each of `ELEMENTS` on the modified Pettifor scale, 0 (He) to 102 (H)."""

_SCALE_ORDER = np.argsort(PETTIFOR_POSITIONS)
_SCALE_STEPS = np.diff(PETTIFOR_POSITIONS[_SCALE_ORDER])
_SMALL_MATRIX = 30_000


def composition_vectors(formulas: Iterable[Formula | str]) -> np.ndarray:
    """Atom fractions of formulas.

    Parameters
    ----------
    formulas : iterable of Formula or str
        Formulas, read or as text.

    Returns
    -------
    numpy.ndarray of shape (n_formulas, 90)
        Atom fractions in the order of `ELEMENTS`; each row sums to 1.

    Raises
    ------
    FormulaError
        If a text is no usable formula.
    """
    rows, columns, fractions, n_rows = composition_entries(formulas)
    vectors = np.zeros((n_rows, len(ELEMENTS)))
    vectors[rows, columns] = fractions
    return vectors


def composition_entries(
    formulas: Iterable[Formula | str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Atom fractions of formulas without the zeros of `composition_vectors`.

    Parameters
    ----------
    formulas : iterable of Formula or str
        Formulas, read or as text.

    Returns
    -------
    rows, columns : numpy.ndarray of int, shape (n_entries,)
        Which formula and which of `ELEMENTS`, in rising order.
    fractions : numpy.ndarray of shape (n_entries,)
        Atom fraction of that element in that formula.
    n_formulas : int

    Raises
    ------
    FormulaError
        If a text is no usable formula.
    """
    items = list(formulas)
    # What numpy cannot read at once, as most of glasses and hydrates, is read one by one.
    texts = [item if isinstance(item, str) else "" for item in items]
    rows, columns, values, unread = read_flat_formulas(texts)
    amounts = [
        (item if isinstance(item, Formula) else parse_formula(item)).amounts
        for item in map(items.__getitem__, unread.tolist())
    ]
    if amounts:
        counts = np.fromiter(map(len, amounts), np.intp, len(amounts))
        symbols = chain.from_iterable(amounts)
        more = np.array([ELEMENT_INDEX[symbol] for symbol in symbols], np.intp)
        rows = np.concatenate([rows, np.repeat(unread, counts)])
        columns = np.concatenate([columns, more])
        values = np.concatenate([values, list(chain.from_iterable(map(dict.values, amounts)))])
    # In one order of the elements, sums do not depend on how the formula was written.
    keys = rows * len(ELEMENTS) + columns
    order = np.argsort(keys)
    rows, columns = np.divmod(keys[order], len(ELEMENTS))
    values = values[order]
    return rows, columns, values / np.bincount(rows, values, len(items))[rows], len(items)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Earth mover's distance of two compositions along the modified Pettifor scale.

    The scale puts the 103 elements in a row so that neighbours replace each other in crystals.
    The distance is the mean number of places by which an atom of one composition has to move
    to make the other: 1 for all atoms moving to the next element, at most 102.

    Parameters
    ----------
    a, b : numpy.ndarray of shape (90,)
        Composition vectors.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a vector does not have 90 entries.

    References
    ----------
    H. Glawe et al., New J. Phys. 18, 093011 (2016), doi 10.1088/1367-2630/18/9/093011 (scale);
    C. J. Hargreaves et al., Chem. Mater. 32, 10610 (2020), doi 10.1021/acs.chemmater.0c03381
    (distance).

    Examples
    --------
    >>> nacl, nabr = composition_vectors(["NaCl", "NaBr"])
    >>> distance(nacl, nabr)  # half of the atoms move by one place
    0.5
    """
    return float(np.abs(cumulative_vectors(a) - cumulative_vectors(b)).sum())


def distance_matrix(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Earth mover's distances, as `distance`, between all rows of two sets.

    The result takes 8 bytes a pair; for the closest rows alone use `nearest`.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, 90)
        Composition vectors.
    B : numpy.ndarray of shape (m, 90)
        Composition vectors.

    Returns
    -------
    numpy.ndarray of shape (n, m)

    Raises
    ------
    ValueError
        If the vectors do not have 90 entries.
    """
    return cityblock_matrix(cumulative_vectors(A), cumulative_vectors(B))


def l1_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of absolute differences of atom fractions, from 0 (equal) to 2 (no common element).

    Parameters
    ----------
    a, b : numpy.ndarray of shape (90,)
        Composition vectors.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a vector does not have 90 entries.
    """
    return float(np.abs(_as_vectors(a) - _as_vectors(b)).sum())


def l1_distance_matrix(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Sums of absolute differences, as `l1_distance`, between all rows of two sets.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, 90)
        Composition vectors.
    B : numpy.ndarray of shape (m, 90)
        Composition vectors.

    Returns
    -------
    numpy.ndarray of shape (n, m)

    Raises
    ------
    ValueError
        If the vectors do not have 90 entries.
    """
    return cityblock_matrix(_as_vectors(A), _as_vectors(B))


def nearest(A: np.ndarray, B: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `B` that are closest to each row of `A` by `distance`.

    Exact, and in little memory: the distances of a few sums of neighbouring columns bound the
    true ones from below, and only the rows that they leave open are compared in full.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, 90)
        Composition vectors.
    B : numpy.ndarray of shape (m, 90)
        Composition vectors to choose from.
    k : int, default=1
        How many rows, from 1 to m.

    Returns
    -------
    indices : numpy.ndarray of shape (n, k)
        Rows of `B`, the closest first.
    distances : numpy.ndarray of shape (n, k)
        Their distances.

    Raises
    ------
    ValueError
        If `k` is not between 1 and m, or the vectors do not have 90 entries.
    """
    return Neighbours(B).nearest(A, k)


class Neighbours:
    """Compositions to choose the `nearest` from, made ready once for many questions.

    Parameters
    ----------
    vectors : numpy.ndarray of shape (m, 90)
        Composition vectors.

    Raises
    ------
    ValueError
        If the vectors do not have 90 entries.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self._cumulative = cumulative_vectors(vectors)
        self._edges = np.linspace(0, self._cumulative.shape[1], 12, endpoint=False).astype(int)
        self._coarse = self._sums(self._cumulative)

    def _sums(self, cumulative: np.ndarray) -> np.ndarray:
        return np.add.reduceat(cumulative, self._edges, axis=1).astype(np.float32).T.copy()

    def nearest(self, A: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Find the closest, as the function `nearest` does."""
        A, B = _as_vectors(A), self._cumulative
        if not 1 <= k <= len(B):
            raise ValueError(f"k = {k}: expected 1 to {len(B)}, the number of rows to choose from")
        size = max(1, 100_000 // len(B))
        indices = np.empty((len(A), k), dtype=np.intp)
        distances = np.empty((len(A), k))
        for start in range(0, len(A), size):
            block = slice(start, start + size)
            a = cumulative_vectors(A[block])
            bounds = np.zeros((len(a), len(B)), dtype=np.float32)
            for column, row in zip(self._sums(a), self._coarse, strict=True):
                difference = column[:, None] - row
                bounds += np.abs(difference, out=difference)
            chosen = np.argpartition(bounds, k - 1, axis=1)[:, :k]
            limit = np.abs(a[:, None, :] - B[chosen]).sum(axis=2).max(axis=1, keepdims=True)
            # The slack covers the single precision of the bounds.
            rows, columns = np.nonzero(bounds <= limit.astype(np.float32) + 1e-2)
            exact = np.full(bounds.shape, np.inf)
            exact[rows, columns] = np.abs(a[rows] - B[columns]).sum(axis=1)
            chosen = np.sort(np.argpartition(exact, k - 1, axis=1)[:, :k], axis=1)
            found = np.take_along_axis(exact, chosen, axis=1)
            order = np.argsort(found, axis=1, kind="stable")
            indices[block] = np.take_along_axis(chosen, order, axis=1)
            distances[block] = np.take_along_axis(found, order, axis=1)
        return indices, distances


def _as_vectors(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=float)
    if vectors.ndim == 0 or vectors.shape[-1] != len(ELEMENTS):
        raise ValueError(
            f"shape {vectors.shape}: expected composition vectors of {len(ELEMENTS)} entries, "
            "as composition_vectors makes them"
        )
    return vectors


def cumulative_vectors(vectors: np.ndarray) -> np.ndarray:
    """Vectors between which the sum of absolute differences is `distance`.

    Parameters
    ----------
    vectors : numpy.ndarray of shape (..., 90)
        Composition vectors.

    Returns
    -------
    numpy.ndarray of shape (..., 89)
        Cumulative fractions along the modified Pettifor scale, times the step to the next place.

    Raises
    ------
    ValueError
        If the vectors do not have 90 entries.
    """
    ordered = _as_vectors(vectors)[..., _SCALE_ORDER]
    return np.cumsum(ordered, axis=-1)[..., :-1] * _SCALE_STEPS


def cityblock_matrix(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Sums of absolute differences between all rows of two sets of vectors of any length.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, n_columns)
    B : numpy.ndarray of shape (m, n_columns)

    Returns
    -------
    numpy.ndarray of shape (n, m)
    """
    if len(A) * len(B) > _SMALL_MATRIX:
        # Importing scipy takes longer than numpy takes for a small matrix.
        from scipy.spatial.distance import cdist

        return cdist(A, B, "cityblock")
    distances = np.empty((len(A), len(B)))
    for row, vector in zip(distances, A, strict=True):
        row[:] = np.abs(B - vector).sum(axis=1)
    return distances
