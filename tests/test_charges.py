"""Charge balance of formulas that chemists know."""

import numpy as np
import pytest
from examples import KNOWN_MATERIALS, electrolytes, formula_texts
from hypothesis import assume, given
from hypothesis import strategies as st
from pymatgen.core import Element

from mlsse.charges import are_charge_unbalanced, is_charge_balanced
from mlsse.errors import FormulaError
from mlsse.formulas import ELEMENTS, MAX_LENGTH, Formula, parse_formula


@pytest.mark.parametrize(
    "text",
    [
        *[text for text in KNOWN_MATERIALS if text != "Li6.835La3Al0.231Zr2O12"],
        "Li0.33La0.56TiO3",  # +6.01: rounded
        "Li3N",
        "Li3P",
        "Li7P3S11",
        "Li4P2S6",
        "Li5PS4(BH4)2",
        "Li3OCl",
        "Li2OHBr",
        "LiClO4",
        "LiIO3",
        "LiNbOCl4",
        "Li2PO2N",
        "LiN(SO2CF3)2",
        "LiSCN",
        "NH4Cl",
        "Na2S2O3",
        "LaFeAsO",
        "Fe3O4",
        "LiMn2O4",
        "Bi2Te3",
        "GaAs",
        "C2H6O",
    ],
)
def test_neutral(text):
    assert is_charge_balanced(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "Li7PS5Cl",  # +1
        "LiPS5Cl",  # -5
        "NaZr2Si2PO12",  # -2
        "Na3Zr2Si2PO11",  # +2
        "Li6.4La3Zr2O12",  # -0.6
        "Li7La3Ta2O12",  # +2
        "Li4YCl6",  # +1
        "Li3PS5",  # -2
        "Li2Cl",
    ],
)
def test_not_neutral(text):
    assert is_charge_balanced(text) is False


@pytest.mark.parametrize(
    "text", ["Li", "LiAl", "MgB2", "Li4.4Si", "Li2O2", "LiS4", "FeS2", "LiN3", "Li2B12H12"]
)
def test_oxidation_states_say_nothing(text):
    assert is_charge_balanced(text) is None


@pytest.mark.parametrize(
    "symbol", [s for s in ELEMENTS if Element(s).is_metal or Element(s).is_metalloid]
)
def test_states_hold_those_of_pymatgen(symbol):
    for state in Element(symbol).common_oxidation_states:
        if state > 0:
            assert is_charge_balanced(f"{symbol}F{state}") is True


@given(formula_texts, st.sampled_from([2, 0.1, 1 / 3, 1e6]))
def test_depends_on_the_composition_alone(text, factor):
    assume(len(text) <= MAX_LENGTH)
    try:
        formula = parse_formula(text)
    except FormulaError:
        assume(False)
    multiple = {symbol: n * factor for symbol, n in reversed(formula.amounts.items())}
    assert is_charge_balanced(formula) is is_charge_balanced(Formula("", multiple))


def test_ninety_elements_at_once():
    assert is_charge_balanced("".join(set(ELEMENTS) - {"B"})) in (True, False)


@pytest.mark.mirror
def test_most_electrolytes_are_neutral():
    balanced = [is_charge_balanced(text) for text in electrolytes()]
    assert balanced.count(True) > 0.94 * len(balanced)


@pytest.mark.parametrize(
    ("symbols", "lowest", "highest"),
    [
        (["Li", "P", "S"], [2.0, 1.0, 2.0], [8.0, 2.0, 8.0]),  # with P-P bonds and without
        (["Li", "Mn", "Ti", "O"], [0.5, 0.5, 0.5, 3.0], [2.0, 2.0, 1.0, 4.0]),
        (["Li", "P", "S", "O", "Cl"], [3.0, 0.5, 1.0, 1.0, 0.5], [7.0, 1.5, 4.0, 3.0, 2.0]),
        (["Fe", "S"], [1.0, 1.0], [2.0, 3.0]),  # S may be bound to S
        (["Li", "B", "H"], [1.0, 1.0, 3.0], [2.0, 2.0, 5.0]),
        (["Li", "Al"], [1.0, 1.0], [2.0, 2.0]),
        (["Li", "P"], [2.0, 1.0], [4.0, 1.0]),
        (["Li"], [1.0], [2.0]),
    ],
)
def test_many_formulas_at_once_are_as_one_by_one(symbols, lowest, highest):
    steps = np.linspace(0.0, 1.0, 9)[:, None, None]
    low, high = np.array(lowest), np.array(highest)
    # Each element by itself from its lowest amount to its highest, and all together.
    kinds = np.vstack([np.eye(len(symbols)), np.ones(len(symbols))])
    amounts = (low + steps * kinds * (high - low)).reshape(-1, len(symbols))
    one_by_one = [
        is_charge_balanced("".join(f"{s}{a:.6f}" for s, a in zip(symbols, row, strict=True)))
        is False
        for row in amounts.tolist()
    ]
    assert are_charge_unbalanced(symbols, amounts).tolist() == one_by_one
    assert are_charge_unbalanced(symbols, amounts[:2]).tolist() == one_by_one[:2]
