"""Charges of parents and dopants."""

from fractions import Fraction

import pytest

from mlsse.errors import ConfigError
from mlsse.formulas import parse_formula
from mlsse.site_charges import dopant_charge, parent_charges, states


def amounts(text):
    return {s: Fraction(str(n)) for s, n in parse_formula(text).amounts.items()}


@pytest.mark.parametrize(
    ("text", "charges"),
    [
        ("Li7La3Zr2O12", {"Li": 1, "La": 3, "Zr": 4, "O": -2}),
        ("LiTi2P3O12", {"Li": 1, "Ti": 4, "P": 5, "O": -2}),
        ("LiFePO4", {"Li": 1, "Fe": 2, "P": 5, "O": -2}),
        ("Li6PS5Cl", {"Li": 1, "P": 5, "S": -2, "Cl": -1}),
        ("Li10GeP2S12", {"Li": 1, "Ge": 4, "P": 5, "S": -2}),
        ("Li2OHCl", {"Li": 1, "O": -2, "H": 1, "Cl": -1}),
        ("Li5.5PS4.5Cl1.5", {"Li": 1, "P": 5, "S": -2, "Cl": -1}),
    ],
)
def test_parents(text, charges):
    assert parent_charges(amounts(text), {}, "here") == charges


def test_a_given_charge_decides():
    text = amounts("Li2Fe2Mn2O7")
    with pytest.raises(ConfigError, match="here: the charges of Fe and Mn"):
        parent_charges(text, {}, "here")
    assert parent_charges(text, {"Fe": 3}, "here")["Mn"] == 3


def test_a_dopant_has_the_sign_of_its_site():
    host = amounts("Li3OCl")
    assert dopant_charge("Br", "Cl", -1, host, {}, "here") == -1
    assert dopant_charge("S", "O", -2, host, {}, "here") == -2
    assert dopant_charge("Mg", "Li", 1, host, {}, "here") == 2
    with pytest.raises(ConfigError, match="Mg has no common charge of the sign of Cl"):
        dopant_charge("Mg", "Cl", -1, host, {}, "here")
    with pytest.raises(ConfigError, match="such as Nb = 5"):
        dopant_charge("Nb", "Li", 1, host, {}, "here")
    assert dopant_charge("Nb", "Li", 1, host, {"Nb": 5}, "here") == 5


def test_states_depend_on_the_company():
    assert states("S", amounts("Li2S")) == [(-2, -2)]
    assert (6, 6) in states("S", amounts("Li2SO4"))
    assert states("Fe", amounts("LiFePO4")) == [(2, 3)]
