"""Compositions as vectors, and how far they lie apart."""

import sys
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
_TINY_MATRIX = 1_000


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

    Exact, and in little memory. Fast where rows of `A` that follow each other are alike: what is
    far from one of them is far from all, and is not compared with the others.

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

    def nearest(self, A: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Find the closest, as the function `nearest` does; of equal ones the first."""
        if not 1 <= k <= len(self._cumulative):
            raise ValueError(
                f"k = {k}: expected 1 to {len(self._cumulative)}, the number of rows to choose from"
            )
        a = cumulative_vectors(A)
        indices = np.empty((len(a), k), dtype=np.intp)
        distances = np.empty((len(a), k))
        for start in range(0, len(a), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            self._search(a[block], indices[block], distances[block])
        return indices, distances

    def _search(self, a: np.ndarray, indices: np.ndarray, distances: np.ndarray) -> None:
        """Write down the closest to each of a block of cumulative vectors.

        No vector of a block lies farther than its radius from the middle one, so a row can be
        among the closest only if it lies within twice the radius of those closest to the middle.
        """
        k = indices.shape[1]
        choice = self._cumulative
        among = np.arange(len(choice))
        if len(a) > 1:
            middle = a[len(a) // 2]
            radius = np.abs(a - middle).sum(axis=1).max()
            to_middle = cityblock_matrix(middle[None], self._cumulative)[0]
            limit = np.partition(to_middle, k - 1)[k - 1] + 2.0 * radius
            among = np.flatnonzero(to_middle <= limit + _ROUNDED)
            choice = choice[among]
        left = alike_cityblock_matrix(a, choice)
        rows = np.arange(len(a))
        for place in range(k):
            # Rounding may part equal distances: the first row of them is chosen.
            chosen = (left <= left.min(axis=1, keepdims=True) + _EQUAL).argmax(axis=1)
            left[rows, chosen] = np.inf
            indices[:, place] = among[chosen]
            distances[:, place] = np.abs(a - choice[chosen]).sum(axis=1)


_BLOCK_ROWS = 256  # vectors that are compared together, faster if they are alike
_EQUAL = 1e-12  # places; what rounding makes of a distance is less
_ROUNDED = 1e-9  # places; the same of bounds, with room to spare


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
    size = len(A) * len(B)
    if size > _SMALL_MATRIX or (size > _TINY_MATRIX and "scipy.spatial.distance" in sys.modules):
        # Importing scipy takes longer than numpy takes for a small matrix.
        from scipy.spatial.distance import cdist

        return cdist(A, B, "cityblock")
    distances = np.empty((len(A), len(B)))
    for row, vector in zip(distances, A, strict=True):
        row[:] = np.abs(B - vector).sum(axis=1)
    return distances


def alike_cityblock_matrix(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Distances as `cityblock_matrix`, faster where the rows of `A` are alike.

    Columns in which no row of `A` differs count once. Columns side by side that change in step,
    as sums along a scale do between two elements, count once for each value that they take.

    Parameters
    ----------
    A : numpy.ndarray of shape (n, n_columns)
    B : numpy.ndarray of shape (m, n_columns)

    Returns
    -------
    numpy.ndarray of shape (n, m)
        Up to rounding errors, of 1e-12 times the number of columns.
    """
    if len(A) < _FEW_ROWS or not len(B):
        return cityblock_matrix(A, B)
    change = A - A[0]
    widest = np.abs(change).argmax(axis=0)
    largest = np.take_along_axis(change, widest[None], axis=0)[0]
    varied = np.flatnonzero(np.abs(largest) > _UNCHANGED)
    constant = np.ones(A.shape[1], dtype=bool)
    constant[varied] = False
    steps = change[:, varied] / largest[varied]
    in_step = (np.abs(np.diff(steps, axis=1)) < _IN_STEP).all(axis=0)
    in_step &= np.diff(varied) == 1
    one_by_one = []
    tables = []
    start = 0
    for columns in np.split(varied, np.flatnonzero(~in_step) + 1):
        is_looked_up = len(columns) > _WORTH_A_TABLE
        if is_looked_up:
            _, first, place = np.unique(
                steps[:, start].round(_STEP_DIGITS), return_index=True, return_inverse=True
            )
            is_looked_up = len(columns) * (len(A) - len(first)) > _WORTH_A_TABLE * len(A)
        if is_looked_up:
            tables.append((columns, first, place.ravel()))
        else:
            one_by_one.append(columns)
        start += len(columns)
    chosen = np.concatenate([varied[:0], *one_by_one])
    distances = cityblock_matrix(A[:, chosen], B[:, chosen])
    distances += cityblock_matrix(A[:1, constant], B[:, constant])
    for columns, first, place in tables:
        distances += cityblock_matrix(A[first[:, None], columns], B[:, columns])[place]
    return distances


_FEW_ROWS = 8
_UNCHANGED = 1e-13  # a column that changes less does so by rounding
_IN_STEP = 1e-8  # relative to the greatest change
_STEP_DIGITS = 12
_WORTH_A_TABLE = 2  # columns for each that is looked up
