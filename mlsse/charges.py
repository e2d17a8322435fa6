"""Whether common oxidation states make a formula neutral."""

import math
from collections.abc import Mapping
from functools import cache

from mlsse.formulas import Formula, parse_formula

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
    amounts = (formula if isinstance(formula, Formula) else parse_formula(formula)).amounts
    without_anion = _ANION_FORMERS.isdisjoint(amounts) and "H" not in amounts
    if len(amounts) == 1 or (without_anion and _LESSER_ANIONS.keys().isdisjoint(amounts)):
        return None
    sums = _charge_sums(amounts)
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


def _charge_sums(amounts: Mapping[str, float]) -> list[tuple[float, float, float]]:
    """Least and greatest charge, and that of the anions alone, for each choice of states."""
    lowest = highest = anions = 0.0
    open_states = []
    for symbol, amount in amounts.items():
        states = _ONLY_STATES.get(symbol) or _charge_options(symbol, amounts)
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


def _charge_options(symbol: str, amounts: Mapping[str, float]) -> _States:
    """States that an element may take beside the other elements of a formula."""
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
        sulfur = amounts.get("S", 0.0) + amounts.get("Se", 0.0)
        if math.isclose(sulfur, 3 * amounts["P"], rel_tol=0.01):
            anion += _states(4)  # P-P bonds of P2S6
        if "H" in amounts or (not oxide and _CHALCOGENS.isdisjoint(amounts)):
            anion += _states(3)
    return _CATION_STATES[symbol] + anion
