"""Substitutions: known examples, and the same as a plain loop makes."""

from collections import Counter
from fractions import Fraction
from itertools import product

import examples  # noqa: F401 - registers the profile of hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_texts import CHARGES, formulas, recipe_of, substitution

from mlsse.candidates import Count, count_candidates, make_candidates
from mlsse.charges import is_charge_balanced
from mlsse.errors import ConfigError
from mlsse.formulas import Formula, parse_formula


def test_tantalum_in_garnets():
    recipe = recipe_of([substitution("Zr", ["Ta"], "{from = 0, to = 1, by = 0.05}")])
    made = list(make_candidates(recipe))
    assert [c.formula for c in made[:3]] == [
        "Li7La3Zr2O12",
        "Li6.95La3Zr1.95Ta0.05O12",
        "Li6.9La3Zr1.9Ta0.1O12",
    ]
    assert made[-1] == ("Li6La3ZrTaO12", "Li7La3Zr2O12", "a", "Zr->Ta x=1; Li-1")
    assert [c.substitution for c in made[:2]] == ["none", "Zr->Ta x=0.05; Li-0.05"]


def test_an_element_that_is_replaced_completely_vanishes():
    recipe = recipe_of([substitution("Zr", ["Ta"], [1.5, 2])])
    assert formulas(recipe) == ["Li5.5La3Zr0.5Ta1.5O12", "Li5La3Ta2O12"]


def test_an_anion_can_make_up_for_the_charge():
    recipe = recipe_of([substitution("Zr", ["Y"], [0.5])], compensate='["O", "Li"]')
    assert formulas(recipe) == ["Li7La3Zr1.5Y0.5O11.75", "Li7.5La3Zr1.5Y0.5O12"]


def test_thirds_are_written_as_a_multiple():
    recipe = recipe_of(
        [substitution("Ti", ["Zr", "Nb"], [0.3, 1])],
        parents='["LiAlTi2O6"]',
        compensate='["Al"]',
        charges="{Nb = 5}",
    )
    made = {c.formula: c.substitution for c in make_candidates(recipe)}
    assert made["LiAl0.9Ti1.7Nb0.3O6"] == "Ti->Nb x=0.3; Al-0.1"
    assert made["Li3Al2Ti3Nb3O18"] == "Ti->Nb x=1; Al-1/3"


def test_limits_and_what_runs_out():
    ladder = substitution("Zr", ["W"], "{from = 0, to = 2, by = 0.25}")
    recipe = recipe_of([ladder], limits="{Li = [5, 6.5]}", charges="{W = 6}")
    assert formulas(recipe) == [
        "Li6.5La3Zr1.75W0.25O12",
        "Li6La3Zr1.5W0.5O12",
        "Li5.5La3Zr1.25W0.75O12",
        "Li5La3ZrWO12",
    ]
    # No candidate without its mobile ion.
    recipe = recipe_of([substitution("Y", ["Ta"], [0.5, 1])], parents='["Li2YCl5"]')
    assert formulas(recipe) == ["LiY0.5Ta0.5Cl5"]


def test_one_dopant_on_two_sites():
    recipe = recipe_of([substitution("Li", ["Al"], [0.1]), substitution("Zr", ["Al"], [0.1])])
    assert formulas(recipe) == ["Li6.8Al0.2La3Zr1.9O12"]


hundredths = st.lists(st.integers(0, 200), min_size=1, max_size=4, unique=True).filter(any)
options = st.fixed_dictionaries(
    {
        "Zr": st.lists(st.sampled_from(["Ta", "Hf", "Y", "Al", "Si"]), min_size=1, unique=True),
        "La": st.lists(st.sampled_from(["Sr", "Y", "Al", "Zr"]), min_size=1, unique=True),
        "Li": st.lists(st.sampled_from(["Na", "Sr", "Al"]), min_size=1, unique=True),
        "O": st.just(["F"]),
    }
)


@given(
    st.lists(st.tuples(st.sampled_from(["Zr", "La", "Li", "O"]), hundredths), max_size=3),
    options,
    st.sampled_from(["Li", "O"]),
)
def test_the_same_as_a_plain_loop(sites, dopants, compensate):
    recipe = recipe_of(
        [substitution(site, dopants[site], [n / 100 for n in x]) for site, x in sites],
        compensate=f'"{compensate}"',
    )
    expected = set()
    parent = {"Li": 700, "La": 300, "Zr": 200, "O": 1200}
    ways = [[(site, dopant, n) for dopant in dopants[site] for n in x] for site, x in sites]
    for chosen in product(*ways):
        active = [(site, dopant) for site, dopant, n in chosen if n]
        taken = Counter()
        amounts = {symbol: Fraction(n) for symbol, n in parent.items()}
        for site, dopant, n in chosen:
            taken[site] += n
            amounts[site] -= n
            amounts[dopant] = amounts.get(dopant, 0) + n
        charge = sum(CHARGES[symbol] * n for symbol, n in amounts.items())
        amounts[compensate] -= charge / CHARGES[compensate]
        if (
            len(set(active)) == len(active)
            and all(n <= parent[site] for site, n in taken.items())
            and min(amounts.values()) >= 0
            and amounts[compensate] > 0
        ):
            kept = {symbol: float(n) for symbol, n in amounts.items() if n}
            expected.add(Formula("", kept).normal_form)
    made = [parse_formula(text) for text in formulas(recipe)]
    forms = [formula.normal_form for formula in made]
    assert len(set(forms)) == len(forms)
    assert set(forms) == expected
    assert count_candidates(recipe) == Count(len(forms), exact=True)
    for formula in made:
        assert sum(Fraction(str(n)) * CHARGES[s] for s, n in formula.amounts.items()) == 0
        assert is_charge_balanced(formula)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (recipe_of([substitution("Zr", ["Nb"], [0.1])]), r"Nb has several .* \+4, \+5: give one"),
        (recipe_of([substitution("Ge", ["Ta"], [0.1])]), "site 'Ge' is not in the parent"),
        (recipe_of([substitution("Zr", ["Ta"], [2.5])]), "x = 2.5 of Zr, of which .* has 2"),
        (recipe_of([substitution("Zr", ["Cl"], [0.1])]), "Cl has several"),
        (recipe_of([substitution("Zr", ["F"], [0.1])]), "F has no common charge of the sign of Zr"),
        (recipe_of([substitution("Zr", ["O"], [0.1])]), "O of charge -2 cannot take the place"),
        (recipe_of([substitution("Zr", ["Ta"], [0.1])], compensate='"Na"'), "compensate 'Na'"),
        (recipe_of([substitution("Zr", ["Ta"], [0.1])], limits="{Na = [0, 1]}"), "limits of Na"),
        (
            recipe_of([substitution("Zr", ["Nb"], [0.1])], charges="{Nb = 6}"),
            r"charge \+6 of Nb is not among its common ones here, \+4, \+5",
        ),
        (recipe_of([], parents='["NaZr2Si2PO12"]'), "compensate 'Li' is not in the parent"),
        (
            recipe_of([], parents='["NaZr2Si2PO12"]', compensate='"Na"'),
            "do not make the parent neutral, the least sum is -2",
        ),
        (recipe_of([], parents='["Li2Fe2Mn2O7"]'), "charges of Fe and Mn can be chosen in 2 ways"),
        (recipe_of([], parents='["Li0.123456P"]'), "amount 0.123456 of Li"),
    ],
)
def test_recipes_that_cannot_be_followed(recipe, message):
    with pytest.raises(ConfigError, match=message):
        make_candidates(recipe)
