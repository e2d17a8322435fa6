"""From formulas to a named feature matrix, with numpy alone.

The same code serves training and prediction, so a feature cannot differ between
the two. The element tables come in as an argument: `mlsse.featurize` reads them
from matminer when a model is trained, and the bundle carries them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

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
    out = np.empty((len(formulas), _N_FEATURES))
    for rows, ids, fractions, lattices in _alike(formulas):
        for start in range(0, len(rows), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            out[rows[part]] = _chunk_features(ids[:, part], fractions[:, part], lattices, tables)
    return out


# An element's place in a formula: mobile ion, then cations, then anions, by atomic number.
_LATTICE = np.where(np.isin(ELEMENTS, ANIONS), 2, 1)
_LATTICE[ELEMENT_INDEX[MOBILE_ION]] = 0
_SIZE_CODE = len(ELEMENTS) ** np.arange(3)  # three sublattice sizes as one number
_PLACE = {e: int(_LATTICE[i]) * len(ELEMENTS) + i for i, e in enumerate(ELEMENTS)}


def _alike(formulas: Sequence[Formula]):
    """Group formulas with equally many mobile ions, cations and anions.

    Within a group no array needs padding or masks. Yields the rows of the group, element
    indices and atom fractions, each (k, n_rows), and the bounds of the three sublattices.
    """
    counts = np.array([len(f.amounts) for f in formulas], dtype=np.intp)
    places = np.fromiter(
        map(_PLACE.__getitem__, chain.from_iterable(f.amounts for f in formulas)), dtype=np.intp
    )
    amounts = np.fromiter(
        chain.from_iterable(f.amounts.values() for f in formulas), dtype=np.float64
    )
    row_of = np.repeat(np.arange(len(formulas)), counts)
    order = np.lexsort((places, row_of))
    places, amounts = places[order], amounts[order]
    lattice, ids = np.divmod(places, len(ELEMENTS))
    sizes = np.stack([np.bincount(row_of[lattice == s], minlength=len(formulas)) for s in range(3)])
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    kinds, kind_of = np.unique(sizes.T @ _SIZE_CODE, return_inverse=True)
    for kind, code in enumerate(kinds):
        rows = np.flatnonzero(kind_of == kind)
        bounds = np.concatenate([[0], np.cumsum(code // _SIZE_CODE % len(ELEMENTS))])
        where = starts[rows] + np.arange(bounds[-1])[:, None]
        group_amounts = amounts[where]
        yield rows, ids[where], group_amounts / _sum(group_amounts), bounds


def _sum(values: Floats) -> Floats:
    """Sum over the first axis, always in the same order; zeros for an empty axis."""
    total = np.zeros(values.shape[1:])
    for row in values:
        total += row
    return total


def _chunk_features(
    ids: NDArray[np.intp], fractions: Floats, lattices: NDArray[np.intp], tables: ElementTables
) -> Floats:
    """Features of n formulas of one kind with k elements each, shape (n, n_features)."""
    n_rows = ids.shape[1]
    values = tables.values.take(ids, axis=0)  # (k, n, properties)
    mobile, cations, anions = (slice(*lattices[i : i + 2]) for i in range(3))
    first = len(PROPERTIES) - len(SUBLATTICE_PROPERTIES)

    minimum, maximum, mean, avg_dev = _statistics(values, fractions)
    valence = PROPERTIES.index("NsValence")
    orbitals = mean[:, valence : valence + len(ORBITALS)]
    all_valence = mean[:, [PROPERTIES.index("NValence")]]
    blocks = [minimum, maximum, maximum - minimum, mean, avg_dev, _mode(values, fractions)]
    for lattice in (cations, anions):
        blocks += _statistics(values[lattice, :, first:], fractions[lattice])
    blocks += [_norms(fractions), orbitals, orbitals / all_valence]
    blocks += [_ionic_character(ids, fractions, tables)]

    charges = values[:, :, PROPERTIES.index("UsualCharge")] * fractions
    n_mobile, n_cation, n_anion = (_sum(fractions[s]) for s in (mobile, cations, anions))
    ratios = [
        n_mobile,
        n_cation,
        n_anion,
        _ratio(n_mobile, n_anion),
        _ratio(n_mobile, n_cation),
        _ratio(n_cation, n_anion),
        _entropy(fractions),
        _entropy(_ratio(fractions[cations], n_cation)),
        _entropy(_ratio(fractions[anions], n_anion)),
        _sum(charges),
        _ratio(_sum(charges[cations]), n_anion),
    ]
    amounts = np.zeros((n_rows, len(ELEMENTS)))
    amounts[np.arange(n_rows), ids] = fractions
    return np.concatenate([*blocks, np.stack(ratios, axis=1), amounts], axis=1)


def _statistics(values: Floats, fractions: Floats) -> list[Floats]:
    """Minimum, maximum, mean and mean absolute deviation over the first axis.

    Each of shape (n, properties), and zero where the first axis is empty.
    """
    if len(values) == 0:
        return [np.zeros(values.shape[1:])] * 4
    weights = (fractions / _sum(fractions))[:, :, None]
    mean = _sum(values * weights)
    deviation = values - mean
    np.abs(deviation, out=deviation)
    deviation *= weights
    return [values.min(axis=0), values.max(axis=0), mean, _sum(deviation)]


def _mode(values: Floats, fractions: Floats) -> Floats:
    """Value of the most frequent element; the least value among several such elements."""
    top = fractions.max(axis=0)
    tied = top - fractions <= _TIE * top
    mode = values[tied.argmax(axis=0), np.arange(values.shape[1])]
    several = np.flatnonzero(tied.sum(axis=0) > 1)
    if len(several):
        among = np.where(tied[:, several, None], values[:, several], np.inf)
        mode[several] = among.min(axis=0)
    return mode


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
    norms = [np.full(fractions.shape[1], float(len(fractions)))]
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
