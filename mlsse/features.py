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

from mlsse.compositions import composition_vectors
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

_CHUNK_ROWS = 512  # keeps the temporary arrays of a chunk in the processor's cache
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


def compute_features(formulas: Sequence[Formula], tables: ElementTables) -> Floats:
    """Feature matrix of some formulas.

    A row depends on its formula alone, to the last bit: sums run over the elements of a
    formula in a fixed order, never through a matrix product whose order of summation
    depends on the number of rows.

    Parameters
    ----------
    formulas : sequence of Formula, length n
    tables : ElementTables

    Returns
    -------
    ndarray of shape (n, len(feature_names()))

    References
    ----------
    Ward et al., npj Comput. Mater. 2, 16028 (2016): the Magpie statistics, stoichiometric
    norms, valence orbitals and ionic character, as matminer computes them.
    """
    fractions = composition_vectors(formulas)
    out = np.empty((len(formulas), _N_FEATURES))
    out[:, fraction_columns()] = fractions
    row, ids = np.divmod(np.flatnonzero(fractions != 0.0), len(ELEMENTS))
    every, cation, anion = (
        _Elements(row[chosen], ids[chosen], fractions)
        for chosen in (slice(None), _IS_CATION[ids], _IS_ANION[ids])
    )
    # Formulas of like make-up share a chunk, so that little of it is padding.
    order = np.lexsort((anion.counts, cation.counts, every.counts))
    buffer = np.empty((_CHUNK_ROWS, fraction_columns().start))
    for start in range(0, len(order), _CHUNK_ROWS):
        rows = order[start : start + _CHUNK_ROWS]
        blocks = _blocks(every.padded(rows), cation.padded(rows), anion.padded(rows), tables)
        out[rows, : fraction_columns().start] = np.concatenate(
            blocks, axis=1, out=buffer[: len(rows)]
        )
    return out


_MOBILE = ELEMENT_INDEX[MOBILE_ION]
_IS_ANION = np.isin(ELEMENTS, ANIONS)
_IS_CATION = ~_IS_ANION
_IS_CATION[_MOBILE] = False
_NO_ELEMENT = len(ELEMENTS)  # the row of zeros below the element tables


class _Elements:
    """Some elements of n formulas, one after the other, by atomic number.

    Attributes
    ----------
    counts : ndarray of int, shape (n,)
        How many elements each formula has.
    """

    def __init__(self, row: NDArray[np.intp], ids: NDArray[np.intp], fractions: Floats) -> None:
        self.ids = np.append(ids, _NO_ELEMENT)
        self.fractions = np.append(fractions[row, ids], 0.0)
        self.counts = np.bincount(row, minlength=len(fractions))
        self.starts = np.cumsum(self.counts) - self.counts

    def padded(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
        """Element indices and atom fractions of some formulas, each (k, n_rows).

        Shorter formulas repeat their last element, if any, with a fraction of zero, which
        changes neither sums nor extremes.
        """
        starts, counts = self.starts[rows], self.counts[rows]
        place = np.arange(max(1, counts.max()))[:, None]
        where = np.where(counts > 0, starts + np.minimum(place, counts - 1), len(self.ids) - 1)
        return self.ids[where], np.where(place < counts, self.fractions[where], 0.0)


def _sum(values: Floats) -> Floats:
    """Sum over the first axis, always in the same order."""
    total = values[0].copy()
    for row in values[1:]:
        total += row
    return total


def _blocks(
    everything: tuple[NDArray[np.intp], Floats],
    cations: tuple[NDArray[np.intp], Floats],
    anions: tuple[NDArray[np.intp], Floats],
    tables: ElementTables,
) -> list[Floats]:
    """All features of n formulas but the atom fractions, in blocks of n rows."""
    ids, fractions = everything
    minimum, maximum, mean, avg_dev = _statistics(tables.rows, ids, fractions)
    mode = _mode(tables.rows, ids, fractions)
    blocks = [minimum, maximum, maximum - minimum, mean, avg_dev, mode]
    n_cation, n_anion = _sum(cations[1]), _sum(anions[1])
    cation_shares = _ratio(cations[1], n_cation)
    anion_shares = _ratio(anions[1], n_anion)
    cation = _statistics(tables.sublattice_rows, cations[0], cation_shares)
    blocks += cation
    blocks += _statistics(tables.sublattice_rows, anions[0], anion_shares)

    valence = PROPERTIES.index("NsValence")
    orbitals = mean[:, valence : valence + len(ORBITALS)]
    all_valence = mean[:, [PROPERTIES.index("NValence")]]
    blocks += [_norms(fractions), orbitals, orbitals / all_valence]
    blocks += [_ionic_character(ids, fractions, tables)]

    n_mobile = _sum(np.where(ids == _MOBILE, fractions, 0.0))
    cation_charge = cation[2][:, SUBLATTICE_PROPERTIES.index("UsualCharge")] * n_cation
    ratios = [
        n_mobile,
        n_cation,
        n_anion,
        _ratio(n_mobile, n_anion),
        _ratio(n_mobile, n_cation),
        _ratio(n_cation, n_anion),
        _entropy(fractions),
        _entropy(cation_shares),
        _entropy(anion_shares),
        mean[:, PROPERTIES.index("UsualCharge")],
        _ratio(cation_charge, n_anion),
    ]
    return [*blocks, np.stack(ratios, axis=1)]


def _statistics(table: Floats, ids: NDArray[np.intp], weights: Floats) -> list[Floats]:
    """Minimum, maximum, mean and mean absolute deviation, each of shape (n, properties)."""
    values = table.take(ids, axis=0)
    weights = weights[:, :, None]
    minimum, maximum = values.min(axis=0), values.max(axis=0)
    mean = _sum(values * weights)
    values -= mean
    np.abs(values, out=values)
    values *= weights
    return [minimum, maximum, mean, _sum(values)]


def _mode(table: Floats, ids: NDArray[np.intp], fractions: Floats) -> Floats:
    """Value of the most frequent element; the least value among several such elements."""
    top = fractions.max(axis=0)
    first = np.take_along_axis(ids, fractions.argmax(axis=0)[None], axis=0)
    return table.take(np.where(top - fractions <= _TIE * top, ids, first), axis=0).min(axis=0)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, zero where the denominator is zero."""
    return numerator / np.where(denominator > 0, denominator, np.inf)


def _entropy(fractions: Floats) -> Floats:
    """Entropy of mixing over the first axis, in units of the gas constant."""
    return -_sum(fractions * np.log(np.where(fractions > 0, fractions, 1.0)))


def _norms(fractions: Floats) -> Floats:
    """Stoichiometric p-norms, shape (n, len(NORMS)); the 0-norm is the number of elements."""
    powers = {1: fractions}
    for p, (a, b) in {2: (1, 1), 3: (1, 2), 5: (2, 3), 7: (2, 5), 10: (5, 5)}.items():
        powers[p] = powers[a] * powers[b]  # several times as fast as fractions**p
    norms = [_sum(np.sign(fractions))]
    norms += [_sum(powers[p]) ** (1.0 / p) for p in NORMS[1:]]
    return np.stack(norms, axis=1)


def _ionic_character(ids: NDArray[np.intp], fractions: Floats, tables: ElementTables) -> Floats:
    """Largest and mean ionic character over the pairs of elements, shape (n, 2)."""
    first, second = np.triu_indices(len(ids), k=1)
    if len(first) == 0:
        return np.zeros((ids.shape[1], 2))
    character = tables.ionic_character[ids[first], ids[second]]
    mean = _sum(fractions[first] * fractions[second] * character)
    return np.stack([character.max(axis=0), mean], axis=1)
