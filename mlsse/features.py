"""From formulas to a named feature matrix, with numpy alone.

The same code serves training and prediction, so a feature cannot differ between
the two. The element tables come in as an argument: `mlsse.featurize` reads them
from matminer when a model is trained, and the bundle carries them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlsse.compositions import composition_entries
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS, Formula

Floats = NDArray[np.float64]

#: The element properties of matminer's Magpie preset.
MAGPIE_PROPERTIES = (
    "NsValence", "NpValence", "NdValence", "NfValence", "NValence",
    "Number", "MeltingT", "NsUnfilled", "NpUnfilled", "NdUnfilled", "NfUnfilled",
    "GSbandgap", "GSmagmom", "SpaceGroupNumber",
    "MendeleevNumber", "AtomicWeight", "Column", "Row", "CovalentRadius",
    "Electronegativity", "NUnfilled", "GSvolume_pa",
)  # fmt: skip
#: Properties beyond the preset: first ionisation energy and polarisability (matminer),
#: electron affinity, mean cationic radius and usual charge (pymatgen).
EXTRA_PROPERTIES = (
    "FirstIonizationEnergy", "Polarizability", "ElectronAffinity", "CationicRadius",
    "UsualCharge",
)  # fmt: skip
PROPERTIES = MAGPIE_PROPERTIES + EXTRA_PROPERTIES
#: The last properties, whose statistics are also taken over cations and anions alone.
SUBLATTICE_PROPERTIES = PROPERTIES[PROPERTIES.index("MendeleevNumber") :]
STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")
SUBLATTICE_STATISTICS = ("minimum", "maximum", "mean", "avg_dev")
NORMS = (0, 2, 3, 5, 7, 10)
ORBITALS = "spdf"
RATIOS = (
    "mobile ion fraction", "cation fraction", "anion fraction", "mobile ion per anion",
    "mobile ion per cation", "cation per anion", "mixing entropy", "cation mixing entropy",
    "anion mixing entropy", "charge imbalance", "cation charge per anion",
)  # fmt: skip

#: The ion whose amount the ratios speak of, and the elements counted as anions.
MOBILE_ION = "Li"
ANIONS = ("N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I")

# Temporary arrays of so many formulas stay in the processor's cache.
_BLOCK_ROWS = 4096
_CHUNK_ROWS = 512
_TIE = 1e-5  # matminer takes amounts within this relative difference for equal


@dataclass(frozen=True)
class ElementTables:
    """Element properties as fitted parameters of a model.

    Attributes
    ----------
    values : ndarray of shape (len(ELEMENTS), len(PROPERTIES))
        One row an element, one column a property, nowhere NaN.
    pauling : ndarray of shape (len(ELEMENTS),)
        Pauling electronegativities, for the ionic character.
    """

    values: Floats
    pauling: Floats

    @cached_property
    def atomic_weights(self) -> dict[str, float]:
        """Standard atomic weight of each element, g/mol."""
        column = self.values[:, PROPERTIES.index("AtomicWeight")]
        return dict(zip(ELEMENTS, column.tolist(), strict=True))

    @cached_property
    def rows(self) -> Floats:
        """`values` and a row of zeros, for no element."""
        return np.vstack([self.values, np.zeros(len(PROPERTIES))])

    @cached_property
    def sublattice_rows(self) -> Floats:
        """The same of `SUBLATTICE_PROPERTIES`."""
        return np.ascontiguousarray(self.rows[:, -len(SUBLATTICE_PROPERTIES) :])

    @cached_property
    def ionic_character(self) -> Floats:
        """1 - exp(-(X_i - X_j)^2 / 4) of every pair of elements."""
        return 1.0 - np.exp(-0.25 * (self.pauling[:, None] - self.pauling[None, :]) ** 2)


def feature_names() -> list[str]:
    """Names of the columns of `compute_features`, in order."""
    return [
        *(f"{s} {p}" for s in STATISTICS for p in PROPERTIES),
        *(
            f"{lattice} {s} {p}"
            for lattice in ("cation", "anion")
            for s in SUBLATTICE_STATISTICS
            for p in SUBLATTICE_PROPERTIES
        ),
        *(f"{p}-norm" for p in NORMS),
        *(f"avg {o} valence electrons" for o in ORBITALS),
        *(f"frac {o} valence electrons" for o in ORBITALS),
        "max ionic char",
        "avg ionic char",
        *RATIOS,
        *(f"{e} fraction" for e in ELEMENTS),
    ]


_N_FEATURES = len(feature_names())


def fraction_columns() -> slice:
    """Columns that hold the atom fractions in the order of `ELEMENTS`."""
    return slice(_N_FEATURES - len(ELEMENTS), _N_FEATURES)


def compute_features(formulas: Sequence[Formula | str], tables: ElementTables) -> Floats:
    """Feature matrix of some formulas.

    A row depends on its formula alone, to the last bit: sums run over the elements of a
    formula in a fixed order, never through a matrix product whose order of summation
    depends on the number of rows.

    Parameters
    ----------
    formulas : sequence of Formula or str, length n
        Formulas, read or as text; as text is faster.
    tables : ElementTables

    Returns
    -------
    ndarray of shape (n, len(feature_names()))

    Raises
    ------
    FormulaError
        If a text is no usable formula.

    References
    ----------
    Ward et al., npj Comput. Mater. 2, 16028 (2016): the Magpie statistics, stoichiometric
    norms, valence orbitals and ionic character, as matminer computes them.
    """
    out = np.zeros((len(formulas), _N_FEATURES))
    for start in range(0, len(formulas), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        row, ids, fractions, _ = composition_entries(formulas[block])
        _fill(out[block], row, ids, fractions, tables)
    return out


def features_of_vectors(vectors: Floats, tables: ElementTables) -> Floats:
    """Feature matrix of compositions, the same as that of their formulas.

    Parameters
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions, as `mlsse.compositions.composition_vectors` makes them.
    tables : ElementTables

    Returns
    -------
    ndarray of shape (n, len(feature_names()))
    """
    out = np.zeros((len(vectors), _N_FEATURES))
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        row, ids = np.nonzero(vectors[block])
        _fill(out[block], row, ids, vectors[block][row, ids], tables)
    return out


def _fill(
    out: Floats,
    row: NDArray[np.intp],
    ids: NDArray[np.intp],
    fractions: Floats,
    tables: ElementTables,
) -> None:
    """Write the features of n compositions into zeros of shape (n, n_features)."""
    n_rows = len(out)
    fraction_of = out[:, fraction_columns()]
    fraction_of[row, ids] = fractions
    whole = _Parts(row, ids, fractions, n_rows)
    chosen = np.concatenate([np.flatnonzero(kind[ids]) for kind in (_IS_CATION, _IS_ANION)])
    sublattice = row[chosen] + n_rows * _IS_ANION[ids[chosen]]
    sublattices = _Parts(sublattice, ids[chosen], fractions[chosen], 2 * n_rows)
    norms = _norms(whole)
    ratios = _ratios(fraction_of[:, ELEMENT_INDEX[MOBILE_ION]], whole, sublattices, tables)
    # Formulas of like make-up share a chunk, so that little of it is padding.
    order = np.lexsort((*sublattices.counts.reshape(2, n_rows), whole.counts))
    for start in range(0, n_rows, _CHUNK_ROWS):
        rows = order[start : start + _CHUNK_ROWS]
        ids, shares = whole.padded(rows)
        minimum, maximum, mean, avg_dev = _statistics(tables.rows, ids, shares)
        lattice = _statistics(
            tables.sublattice_rows, *sublattices.padded(np.append(rows, rows + n_rows))
        )
        orbitals = mean[:, _VALENCE : _VALENCE + len(ORBITALS)]
        blocks = [
            *(minimum, maximum, maximum - minimum, mean, avg_dev, _mode(tables.rows, ids, shares)),
            *(statistic[: len(rows)] for statistic in lattice),
            *(statistic[len(rows) :] for statistic in lattice),
            norms[rows],
            orbitals,
            orbitals / mean[:, _VALENCE + len(ORBITALS), None],
            _ionic_character(tables.ionic_character, ids, shares),
            ratios[rows],
        ]
        out[rows, : fraction_columns().start] = np.concatenate(blocks, axis=1)


_VALENCE = PROPERTIES.index("NsValence")  # s, p, d, f and all together
_CHARGE = PROPERTIES.index("UsualCharge")
_IS_ANION = np.isin(ELEMENTS, ANIONS)
_IS_CATION = ~_IS_ANION
_IS_CATION[ELEMENT_INDEX[MOBILE_ION]] = False
_NO_ELEMENT = len(ELEMENTS)  # the row of zeros below the element tables


class _Parts:
    """Formulas or parts of them as one list of elements.

    Sums run over the elements of a part in the order of the list.

    Attributes
    ----------
    counts : ndarray of int, shape (n_parts,)
        How many elements each part has.
    amounts, totals : ndarray of shape (n_entries,), (n_parts,)
        Atoms of each element and of each part, per atom of the formula.
    shares : ndarray of shape (n_entries,)
        Atoms of each element per atom of its part.
    """

    def __init__(
        self, part: NDArray[np.intp], ids: NDArray[np.intp], amounts: Floats, n_parts: int
    ) -> None:
        self.part, self.ids, self.amounts = part, ids, amounts
        self.counts = np.bincount(part, minlength=n_parts)
        self.totals = self.sum(amounts)
        self.shares = amounts / self.totals[part]
        # Behind the list stands an element without properties, for parts that are empty.
        ends = np.where(self.counts > 0, np.cumsum(self.counts), len(ids) + 1)
        self._last = ends - 1
        self._padded_ids = np.append(ids, _NO_ELEMENT)
        self._padded_shares = np.append(self.shares, 0.0)

    def sum(self, values: Floats) -> Floats:
        """Sums of the values of a part's elements, shape (n_parts,)."""
        return np.bincount(self.part, values, len(self.counts)).astype(np.float64, copy=False)

    def padded(self, parts: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
        """Element indices and shares of some parts, each (k, n), the last element first.

        Smaller parts repeat their first element with a share of zero, which changes neither
        sums nor extremes.
        """
        counts = self.counts[parts]
        place = np.arange(max(1, counts.max()))[:, None]
        where = self._last[parts] - np.minimum(place, np.maximum(counts - 1, 0))
        return self._padded_ids[where], self._padded_shares[where] * (place < counts)


def _statistics(
    table: Floats, ids: NDArray[np.intp], shares: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Minimum, maximum, mean and mean absolute deviation, each of shape (n, properties)."""
    values = table.take(ids, axis=0)
    minimum, maximum = values.min(axis=0), values.max(axis=0)
    mean = np.einsum("kn,knp->np", shares, values)
    values -= mean
    np.abs(values, out=values)
    return minimum, maximum, mean, np.einsum("kn,knp->np", shares, values)


def _mode(table: Floats, ids: NDArray[np.intp], shares: Floats) -> Floats:
    """Value of the most frequent element; the least value among several such elements."""
    top = shares.max(axis=0)
    first = ids[shares.argmax(axis=0), np.arange(ids.shape[1])]
    mode = table.take(first, axis=0)
    tied = top - shares <= _TIE * top
    several = np.flatnonzero(tied.sum(axis=0) > 1)
    among = np.where(tied[:, several], ids[:, several], first[several])
    mode[several] = table.take(among, axis=0).min(axis=0)
    return mode


def _ionic_character(character: Floats, ids: NDArray[np.intp], shares: Floats) -> Floats:
    """Largest and mean ionic character over the pairs of elements, shape (n, 2)."""
    largest, mean = np.zeros((2, ids.shape[1]))
    for k in range(1, len(ids)):
        pairs = character[ids[:k], ids[k]]
        np.maximum(largest, pairs.max(axis=0), out=largest)
        pairs *= shares[:k]
        pairs *= shares[k]
        for pair in pairs:
            mean += pair
    return np.stack([largest, mean], axis=1)


def _norms(whole: _Parts) -> Floats:
    """Stoichiometric p-norms, shape (n, len(NORMS)); the 0-norm is the number of elements."""
    powers = {1: whole.shares}
    for p, (a, b) in {2: (1, 1), 3: (1, 2), 5: (2, 3), 7: (2, 5), 10: (5, 5)}.items():
        powers[p] = powers[a] * powers[b]  # several times as fast as shares**p
    return np.stack([whole.counts, *(whole.sum(powers[p]) ** (1 / p) for p in NORMS[1:])], axis=1)


def _ratios(n_mobile: Floats, whole: _Parts, sublattices: _Parts, tables: ElementTables) -> Floats:
    """The features of `RATIOS`, shape (n, len(RATIOS))."""
    n_cation, n_anion = sublattices.totals.reshape(2, -1)
    charge = whole.sum(whole.amounts * tables.values[whole.ids, _CHARGE])
    charges = sublattices.sum(sublattices.amounts * tables.values[sublattices.ids, _CHARGE])
    ratios = [
        n_mobile,
        n_cation,
        n_anion,
        _ratio(n_mobile, n_anion),
        _ratio(n_mobile, n_cation),
        _ratio(n_cation, n_anion),
        _entropy(whole),
        *_entropy(sublattices).reshape(2, -1),
        charge,
        _ratio(charges[: len(charge)], n_anion),
    ]
    return np.stack(ratios, axis=1)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, zero where the denominator is zero."""
    return numerator / np.where(denominator > 0, denominator, np.inf)


def _entropy(parts: _Parts) -> Floats:
    """Entropy of mixing of each part, in units of the gas constant."""
    return parts.sum(-parts.shares * np.log(parts.shares))
