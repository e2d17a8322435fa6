"""Enumerations: known systems, and the same as SMACT makes."""

from itertools import product
from math import gcd

import pytest
from recipe_texts import enumeration, formulas

from mlsse.candidates import make_candidates
from mlsse.charges import is_charge_balanced
from mlsse.errors import ConfigError
from mlsse.formulas import Formula, parse_formula


def test_lithium_yttrium_chlorides():
    recipe = enumeration(["Li", "Y"], ["Cl"], max_amount=6)
    # LiCl; a + 3b = c with a, b >= 1, c <= 6 and no common divisor.
    expected = {"LiCl", "LiYCl4", "Li2YCl5", "Li3YCl6"}
    made = list(make_candidates(recipe))
    assert {c.formula for c in made} == expected
    assert len(made) == 4
    assert made[-1][1:] == ("Li-Y-Cl", "a", "enumerated")


def test_mixed_valence_is_between_its_ends():
    made = formulas(enumeration(["Li", "Fe"], ["O"], max_amount=4, required="[]"))
    expected = {
        (a, b, c)
        for a, b, c in product(range(5), range(5), range(1, 5))
        if (a or b) and gcd(a, b, c) == 1 and a + 2 * b <= 2 * c <= a + 3 * b
    }
    assert len(made) == len(expected)
    assert {"FeO", "Fe2O3", "Fe3O4", "LiFeO2"} < set(made)
    assert all(is_charge_balanced(text) for text in made)


def test_enumeration_agrees_with_smact():
    smact = pytest.importorskip("smact")
    symbols, states = ["Li", "Y", "Zr", "Cl", "S"], [1, 3, 4, -1, -2]
    made = formulas(enumeration(symbols[:3], symbols[3:], max_amount=5, n_elements=[5, 5]))
    ratios = smact.neutral_ratios(states, threshold=5)
    assert {parse_formula(text).normal_form for text in made} == {
        Formula("", dict(zip(symbols, map(float, ratio), strict=True))).normal_form
        for ratio in ratios
    }
    assert len(made) == len(ratios)


def test_smact_screens_charges_and_electronegativities():
    pytest.importorskip("smact")
    ask = {"cations": ["Li", "N"], "anions": ["O", "Br"], "max_amount": 4}
    plain = formulas(enumeration(**ask))
    screened = formulas(enumeration(**ask, smact="true"))
    # Nitrogen of a positive charge goes with oxygen; it is more electronegative than bromine.
    dropped = set(plain) - set(screened)
    assert {"LiNO3", "LiNO2", "LiBr", "Li4OBr2"} <= set(screened)
    assert dropped == {text for text in plain if "N" in text and "Br" in text} != set()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (enumeration(["Li", "F"], ["Cl"], max_amount=3), "F has no common charge as cation"),
        (enumeration(["Li"], ["Na", "Cl"], max_amount=3), "Na has no common charge as anion"),
        (enumeration(["Li", "Fe"], ["Cl"], max_amount=3, charges="{Fe = 4}"), "charge .4 of Fe"),
    ],
)
def test_enumerations_that_cannot_be_followed(recipe, message):
    with pytest.raises(ConfigError, match=message):
        make_candidates(recipe)
