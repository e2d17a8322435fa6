"""What is known of each element: counts, mean conductivity and error over its compositions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlsse.formulas import ELEMENTS
from mlsse.kernels import Floats

# Period by period; a dot is an empty cell. The last two rows stand apart, below.
_LAYOUT = """
H . . . . . . . . . . . . . . . . He
Li Be . . . . . . . . . . B C N O F Ne
Na Mg . . . . . . . . . . Al Si P S Cl Ar
K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe
Cs Ba . Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
Fr Ra . . . . . . . . . . . . . . . .
. . La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu .
. . Ac Th Pa U Np Pu Am Cm . . . . . . . .
"""

#: Names of the rows, top to bottom.
PERIODS = ("1", "2", "3", "4", "5", "6", "7", "6 f", "7 f")
N_GROUPS = 18


def cells() -> Mapping[str, tuple[int, int]]:
    """Row (into `PERIODS`) and column (group less one) of each element of the table.

    >>> cells()["Li"], cells()["O"], cells()["La"]
    ((1, 0), (1, 15), (7, 2))
    """
    return {
        symbol: (row, column)
        for row, line in enumerate(_LAYOUT.split("\n")[1:-1])
        for column, symbol in enumerate(line.split())
        if symbol != "."
    }


@dataclass(frozen=True)
class ElementFacts:
    """What the known compositions tell of an element.

    Attributes
    ----------
    symbol : str
    n_compositions : int
        That contain it.
    n_measurements : int
        Of these; zero where the datasets are not at hand.
    mean_log10_conductivity : float
        Of these compositions, log10 of S/cm at 298.15 K; NaN without any.
    mean_error : float
        Mean size of their errors, decades; NaN without any.
    """

    symbol: str
    n_compositions: int
    n_measurements: int
    mean_log10_conductivity: float
    mean_error: float


def element_facts(
    vectors: Floats, log10_conductivity: Floats, errors: Floats, n_measurements: np.ndarray
) -> list[ElementFacts]:
    """Sum up the known compositions by element.

    Parameters
    ----------
    vectors : ndarray of shape (m, len(ELEMENTS))
        Atom fractions.
    log10_conductivity, errors : ndarray of shape (m,)
        log10 of S/cm, and decades.
    n_measurements : ndarray of int, shape (m,)

    Returns
    -------
    list of ElementFacts
        One for each of `mlsse.formulas.ELEMENTS`.
    """
    present = vectors > 0
    return [
        ElementFacts(
            symbol,
            int(mask.sum()),
            int(n_measurements[mask].sum()),
            float(log10_conductivity[mask].mean()) if mask.any() else float("nan"),
            float(np.abs(errors[mask]).mean()) if mask.any() else float("nan"),
        )
        for symbol, mask in zip(ELEMENTS, present.T, strict=True)
    ]


def grid(values: Mapping[str, float]) -> Floats:
    """Values by element in the cells of the periodic table, NaN elsewhere, shape (9, 18)."""
    found = np.full((len(PERIODS), N_GROUPS), np.nan)
    for symbol, place in cells().items():
        found[place] = values.get(symbol, np.nan)
    return found
