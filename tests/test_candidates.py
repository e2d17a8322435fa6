"""Candidates: counted by hand, neutral by an own sum, and none twice."""

from pathlib import Path

import numpy as np
import pytest
from recipe_texts import CHARGES, formulas, recipe_of, substitution

from mlsse import candidates
from mlsse.candidates import Count, candidate_batches, count_candidates, make_candidates
from mlsse.charges import is_charge_balanced
from mlsse.errors import ConfigError
from mlsse.flat_formulas import read_flat_formulas
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS
from mlsse.recipes import load_recipe

RECIPES = Path(__file__).parents[1] / "experiments" / "recipes"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        # The parent, 20 bromides, 20 iodides; Li3OBr to Li3OI without its ends, 19; 4 elements in
        # 10 amounts in 21 halide mixtures; 21 hydroxides; 10 with sulfur.
        ("antiperovskites", (1 + 20 + 20) + 19 + 4 * 10 * 21 + 21 + 10),
        # 17 chlorine contents in 21 halide mixtures; of three parents with five dopants in 20
        # amounts each the bare chloride and bromide stand above; 4 dopants in 9 amounts with 2
        # halides in 9; 2 chalcogens in 20 amounts with 8 chlorine contents.
        ("argyrodites", 17 * 21 + (3 * (1 + 5 * 20) - 2) + 4 * 9 * 2 * 9 + 2 * 20 * 8),
    ],
)
def test_counts_worked_by_hand(name, number):
    recipe = load_recipe(RECIPES / f"{name}.toml")
    assert count_candidates(recipe) == Count(number, exact=True)
    assert len(formulas(recipe)) == number


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.toml")))
def test_ready_recipes(name):
    """As many as predicted, charges sum to zero, and no composition twice."""
    recipe = load_recipe(RECIPES / f"{name}.toml")
    charge = np.array([CHARGES.get(symbol, np.nan) for symbol in ELEMENTS])
    factors = np.random.default_rng(1).integers(0, 2**63, (len(ELEMENTS), 2), dtype=np.uint64)
    keys = []
    for batch in candidate_batches(recipe, rows=100_000):
        texts = batch["formula"]
        rows, columns, amounts, unread = read_flat_formulas(texts)
        assert not len(unread)
        assert np.abs(np.bincount(rows, amounts * charge[columns])).max() < 1e-9
        assert (np.bincount(rows, columns == ELEMENT_INDEX["Li"]) == 1).all()
        parts = np.floor(amounts * (1e6 / np.bincount(rows, amounts))[rows] + 0.500001)
        # Two independent sums of 64 bits stand for a composition.
        terms = (factors[columns] | 1) * (parts.astype(np.uint64)[:, None] + factors[columns])
        terms ^= terms >> np.uint64(31)
        keys.append(np.add.reduceat(terms, np.unique(rows, return_index=True)[1]))
        assert set(batch["recipe"]) == {name}
        for text in texts[::997]:
            assert is_charge_balanced(text)
    made = np.concatenate(keys)
    in_order = made[np.lexsort(made.T)]
    assert (in_order[1:] != in_order[:-1]).any(axis=1).all()
    assert count_candidates(recipe) == Count(len(made), exact=True)
    if name == "million":
        assert 950_000 < len(made) < 1_100_000


def test_a_billion_is_counted_at_once_and_streamed():
    x = "{from = 0.01, to = 0.6, by = 0.01}"
    sites = [("Zr", "Ta"), ("La", "Sr"), ("Li", "Al"), ("O", "F"), ("La", "Gd")]
    recipe = recipe_of([substitution(site, [by], x) for site, by in sites])
    assert count_candidates(recipe) == Count(60**5, exact=True)
    first = next(iter(candidate_batches(recipe, rows=3)))
    assert first["substitution"][1] == (
        "Zr->Ta x=0.01; La->Sr x=0.01; Li->Al x=0.01; O->F x=0.01; La->Gd x=0.02; Li-0.03"
    )


def test_an_upper_bound_is_called_one(monkeypatch):
    monkeypatch.setattr(candidates, "_COUNTED_POINTS", 10)
    x = [0, 0.5, 1]
    recipe = recipe_of([substitution("Zr", ["Ta", "Hf"], x), substitution("Zr", ["Ta"], x)])
    count = count_candidates(recipe)
    assert not count.exact
    assert count.number >= len(formulas(recipe))
    assert str(count) == f"at most {count.number}"


def test_a_batch_can_begin_anywhere():
    recipe = load_recipe(RECIPES / "nasicon.toml")
    whole = list(make_candidates(recipe))
    for start in (0, 1, 777, len(whole) - 1, len(whole)):
        rows = [
            row
            for batch in candidate_batches(recipe, rows=500, start=start)
            for row in zip(*batch.values(), strict=True)
        ]
        assert rows == whole[start:]


def test_too_many_systems(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_SYSTEMS", 3)
    with pytest.raises(ConfigError, match="more than 3 ways: shorten its lists or split it"):
        count_candidates(recipe_of([substitution("Zr", ["Ta", "Hf", "Y", "Sc"], [0.1])]))
