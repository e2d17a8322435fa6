"""Whether common oxidation states make a formula neutral."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsse.formulas import ELEMENT_INDEX, Formula, parse_formula

_HALOGENS = frozenset({"Cl", "Br", "I"})
_CHALCOGENS = frozenset({"S", "Se", "Te"})
_ANION_FORMERS = frozenset({"F", "O", "N"}) | _HALOGENS | _CHALCOGENS
# Charge of the elements that are anions only where no anion former is more electronegative.
_LESSER_ANIONS = {"C": -4, "Si": -4, "Ge": -4, "Sn": -4, "Pb": -4} | dict.fromkeys(
    ("P", "As", "Sb", "Bi"), -3
)
_SELF_BONDING = _CHALCOGENS | {"O", "N", "H"}
_PARTNERS_OF_HYDROGEN = _ANION_FORMERS | {"C", "P", "As"}
_CHARGE_TOLERANCE = 0.01
_P2S6_TOLERANCE = 0.01  # of three S or Se for each P

_States = tuple[tuple[float, float], ...]


@cache
def _states(*charges: float) -> _States:
    return tuple((charge, charge) for charge in charges)


# Oxidation states beside anions. "3 5" are two states of which all atoms of the element share
# one; "2:4" is mixed valence, any mean between.
_CATION_STATES: dict[str, _States] = {
    symbol: tuple(
        (float(low), float(high or low))
        for low, _, high in (state.partition(":") for state in states.split())
    )
    for states, symbols in {
        "1": "Li Na K Rb Cs Ag",
        "2": "Be Mg Ca Sr Ba Ra Zn Cd",
        "3": "B Al Ga In Sc Y La Nd Pm Sm Gd Dy Ho Er Tm Lu Ac Cm",
        "4": "Zr Hf Si Th",
        "5": "P Ta",
        "1:2": "Hg",
        "1:3": "Cu Au Tl",
        "2:3": "Fe Eu Yb",
        "2:4": "Ti Co Ni Pd Pt Pb",
        "2:5": "V",
        "2:6": "Mo",
        "2 4": "Ge Sn Po",
        "2:3 6": "Cr",
        "2:4 7": "Mn",
        "2 4 6 8": "Xe",
        "2 ": "Kr",
        "3 5": "As",
        "3:4": "Ce Pr Tb Rh Am",
        "3:5": "Sb Bi Ru Ir",
        "3:6": "U Np Pu",
        "3:7": "Re",
        "4:5": "Nb Pa",
        "4:6": "W",
        "4:7": "Tc",
        "4:8": "Os",
    }.items()
    for symbol in symbols.split()
}

# Elements with the same states in any company.
_ONLY_STATES = {
    **{symbol: s for symbol, s in _CATION_STATES.items() if symbol not in _LESSER_ANIONS},
    "O": _states(-2),
    "F": _states(-1),
}


def charge_states(symbol: str, beside: Mapping[str, float]) -> list[tuple[float, float]]:
    """Charges that an element commonly has in a formula.

    Parameters
    ----------
    symbol : str
    beside : mapping of str to float
        Amounts of all elements of the formula, this one among them.

    Returns
    -------
    list of (float, float)
        Least and greatest of each choice; equal unless the element may be of mixed valence.

    Examples
    --------
    >>> charge_states("Fe", {"Li": 1, "Fe": 1, "P": 1, "O": 4})
    [(2.0, 3.0)]
    """
    return list(_ONLY_STATES.get(symbol) or _charge_options(symbol, beside))


def is_charge_balanced(formula: Formula | str) -> bool | None:
    """Whether common oxidation states can make a formula neutral.

    Each element takes the states that it commonly has in such company: sulfur is -2 in a
    sulfide but may be +6 beside oxygen, hydrogen is -1 in LiBH4 and +1 in LiOH, transition
    metals may be of mixed valence. A net charge of up to 1 % of the anions' charge counts as
    neutral, since amounts are rounded (Li0.33La0.56TiO3).

    Parameters
    ----------
    formula : Formula or str
        The formula, read or as text.

    Returns
    -------
    bool or None
        None where oxidation states say nothing: elements, alloys, borides and other compounds
        without a common anion, unless they are neutral as in Li3P; binary compounds with so
        much O, N, S, Se or Te that its atoms may bind to each other (Li2O2, Na2S4, LiN3,
        FeS2); and boron hydrides other than BH4.

    Raises
    ------
    FormulaError
        If a text is no usable formula.

    Examples
    --------
    >>> is_charge_balanced("Li6PS5Cl"), is_charge_balanced("Li7PS5Cl"), is_charge_balanced("LiAl")
    (True, False, None)
    """
    return _balance((formula if isinstance(formula, Formula) else parse_formula(formula)).amounts)


def _balance(amounts: Mapping[str, float]) -> bool | None:
    without_anion = _ANION_FORMERS.isdisjoint(amounts) and "H" not in amounts
    if len(amounts) == 1 or (without_anion and _LESSER_ANIONS.keys().isdisjoint(amounts)):
        return None
    sums = _charge_sums(amounts, _is_p2s6(amounts))
    for lowest, highest, anions in sums:
        tolerance = -_CHARGE_TOLERANCE * anions
        if lowest <= tolerance and highest >= -tolerance:
            return True
    boron_hydride = "B" in amounts and "H" in amounts
    self_bonded = (
        len(amounts) == 2
        and all(highest < 0 for _, highest, _ in sums)
        and not _SELF_BONDING.isdisjoint(amounts)
    )
    return None if without_anion or boron_hydride or self_bonded else False


def are_charge_unbalanced(
    symbols: Sequence[str], amounts: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether `is_charge_balanced` is False, for formulas of the same elements at once.

    Parameters
    ----------
    symbols : sequence of str, length k
    amounts : ndarray of shape (n, k)

    Returns
    -------
    ndarray of bool, shape (n,)
        The very same as one by one.
    """
    if len(amounts) < _FEW:
        one_by_one = (dict(zip(symbols, row, strict=True)) for row in amounts.tolist())
        return np.array([_balance(row) is False for row in one_by_one], dtype=bool)
    columns = dict(zip(symbols, np.ascontiguousarray(amounts.T), strict=True))
    without_anion = _ANION_FORMERS.isdisjoint(columns) and "H" not in columns
    if len(columns) == 1 or without_anion or {"B", "H"} <= columns.keys():
        return np.zeros(len(amounts), dtype=bool)
    unbalanced: NDArray[np.bool_] = np.zeros(len(amounts), dtype=bool)
    none = np.zeros(len(amounts))
    phosphorus, sulfur = (
        3 * columns.get("P", none),
        columns.get("S", none) + columns.get("Se", none),
    )
    p2s6 = np.abs(sulfur - phosphorus) <= _P2S6_TOLERANCE * np.maximum(sulfur, phosphorus)
    for kind in (True, False):
        rows = np.flatnonzero(p2s6 == kind)
        if not len(rows):
            continue
        sums = _charge_sums({symbol: column[rows] for symbol, column in columns.items()}, kind)
        fits: NDArray[np.bool_] = np.zeros(len(rows), dtype=bool)
        may_bond = len(columns) == 2 and not _SELF_BONDING.isdisjoint(columns)
        self_bonded: NDArray[np.bool_] = np.full(len(rows), may_bond)
        for lowest, highest, anions in sums:
            tolerance = -_CHARGE_TOLERANCE * anions
            fits |= (lowest <= tolerance) & (highest >= -tolerance)
            self_bonded &= highest < 0
        unbalanced[rows] = ~fits & ~self_bonded
    return unbalanced


_FEW = 8  # formulas that are looked at faster one by one


def _is_p2s6(amounts: Mapping[str, float]) -> bool:
    """Whether there are three S or Se for each P, whose atoms are then bound to each other."""
    sulfur = amounts.get("S", 0.0) + amounts.get("Se", 0.0)
    return math.isclose(sulfur, 3 * amounts.get("P", 0.0), rel_tol=_P2S6_TOLERANCE)


def _charge_sums(amounts: Mapping[str, Any], is_p2s6: bool) -> list[tuple[Any, Any, Any]]:
    """Least and greatest charge, and that of the anions alone, for each choice of states.

    Amounts are numbers, or arrays of formulas that are all or none of them a P2S6 or P2Se6.
    """
    lowest = highest = anions = 0.0
    open_states = []
    # In one order of the elements, sums do not depend on how the formula was written.
    for symbol in sorted(amounts, key=ELEMENT_INDEX.__getitem__):
        amount = amounts[symbol]
        states = _ONLY_STATES.get(symbol) or _charge_options(symbol, amounts, is_p2s6)
        if len(states) > 1:
            open_states.append((amount, states))
            continue
        low, high = states[0]
        lowest += amount * low
        highest += amount * high
        if low < 0:
            anions += amount * low
    if math.prod([len(states) for _, states in open_states]) > 500:
        open_states = [
            (amount, ((min(states)[0], max(high for _, high in states)),))
            for amount, states in open_states
        ]
    sums = [(lowest, highest, anions)]
    for amount, states in open_states:
        sums = [
            (lowest + amount * low, highest + amount * high, anions + amount * min(low, 0.0))
            for lowest, highest, anions in sums
            for low, high in states
        ]
    return sums


def _charge_options(
    symbol: str, amounts: Mapping[str, Any], is_p2s6: bool | None = None
) -> _States:
    """States that an element may take beside the other elements of a formula.

    `is_p2s6` is told from the amounts where it is not given; then these are numbers.
    """
    oxide = "O" in amounts
    if symbol in _HALOGENS:
        return _states(-1, 5, 7) if oxide else _states(-1)
    if symbol in _CHALCOGENS:
        if oxide or "F" in amounts:
            return _states(-2, 2, 4, 6)
        with_halogen = symbol != "S" and not _HALOGENS.isdisjoint(amounts)
        return _states(-2, 4) if with_halogen else _states(-2)
    if symbol == "N":
        return _states(-3, 3, 5) if oxide else _states(-3)
    if symbol == "H":
        if _PARTNERS_OF_HYDROGEN.isdisjoint(amounts):
            return _states(-1)
        if "B" not in amounts:
            return _states(1)
        return ((-1.0, 1.0),) if oxide or "N" in amounts or "C" in amounts else _states(-1, 1)
    if symbol == "C" and "H" in amounts:
        return ((-4.0, 4.0),)
    anion = _states(_LESSER_ANIONS[symbol])
    if _ANION_FORMERS.isdisjoint(amounts):
        return anion
    if symbol == "C":
        return _states(4, 3, 2) + anion
    if symbol == "P":
        if _is_p2s6(amounts) if is_p2s6 is None else is_p2s6:
            anion += _states(4)  # P-P bonds
        if "H" in amounts or (not oxide and _CHALCOGENS.isdisjoint(amounts)):
            anion += _states(3)
    return _CATION_STATES[symbol] + anion
