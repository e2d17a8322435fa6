"""The store gives the phases of a chemical system, no more and no less, and their names."""

from __future__ import annotations

import io

import numpy as np
import pytest

from mlsse.bundle import PHASES, champion
from mlsse.errors import FormulaError
from mlsse.formulas import ELEMENTS, Formula, parse_formula
from mlsse.phases import PhaseStore, element_name, fit_phases

COMMON = (
    "H", "Li", "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S",
    "Cl", "K", "Ti", "Mn", "Fe", "Co", "Ni", "Ge", "Zr", "Nb", "Sb", "La",
)  # fmt: skip


@pytest.fixture(scope="module")
def store():
    return champion().phases


def rows_by_looking_at_all(store, elements):
    arrays = store.arrays()
    outside = ~np.isin(arrays["element_ids"], [ELEMENTS.index(e) for e in elements])
    of_row = np.repeat(np.arange(len(store)), arrays["sizes"])
    return np.flatnonzero(np.bincount(of_row, outside, minlength=len(store)) == 0)


def random_rows(store, count, seed=0):
    return np.random.default_rng(seed).choice(len(store), count, replace=False).tolist()


def test_a_store_is_made_again_from_its_arrays(store):
    file = io.BytesIO()
    np.savez_compressed(file, **store.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = PhaseStore(**arrays)
    assert len(again) == len(store)
    assert again.arrays().keys() == store.arrays().keys()
    for name, values in store.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], values)
        assert again.arrays()[name].dtype == values.dtype
    for row in random_rows(store, 50):
        assert again.amounts(row) == store.amounts(row)
        assert again.energies[row] == store.energies[row]


def test_the_order_of_the_compounds_does_not_matter():
    texts = ["Li3PS4", "Li2O", "Li2S", "Li2O2", "P2S5", "Li10GeP2S12"]
    formation, decomposition = np.arange(6) - 7.0, np.array([-0.1, 0.0, 0.2, -0.3, 0.0, 0.02])

    def made(order):
        amounts = [parse_formula(texts[i]).amounts for i in order]
        return fit_phases(amounts, formation[order], decomposition[order])

    one, other = made(np.arange(6)), made(np.array([5, 3, 1, 0, 4, 2]))
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(other.arrays()[name], values)
    assert one.energies[one.find(parse_formula("Li2S"))] == -5.0
    assert not one.near_hull[one.find(parse_formula("Li2S"))]


def test_a_system_has_the_rows_whose_elements_are_all_in_it(store):
    rng = np.random.default_rng(1)
    known = [e for e in ELEMENTS if not store.without_reference(parse_formula(e))]
    systems = [
        tuple(sorted(rng.choice(pool, size=n, replace=False), key=ELEMENTS.index))
        for pool in (COMMON, known)
        for n in (1, 2, 3, 4, 5, 7, 9, 11, 12, 13, 16)
        for _ in range(3)
    ]
    for elements in systems:
        expected = rows_by_looking_at_all(store, elements)
        whole = store.system(elements, whole=True)
        near = store.system(elements)
        assert sorted(whole.rows) == expected.tolist()
        assert sorted(near.rows) == expected[store.near_hull[expected]].tolist()
        n = len(elements)
        np.testing.assert_array_equal(whole.energies[n:], store.energies[whole.rows])
        for row, column in list(zip(whole.rows, whole.columns[:, n:].T, strict=True))[:20]:
            fractions = Formula("", store.amounts(row)).fractions
            np.testing.assert_allclose(column, [fractions.get(e, 0.0) for e in elements])


def test_a_system_of_few_phases(store):
    elements = ("Pm", "Ac")
    assert len(rows_by_looking_at_all(store, elements)) < 5
    assert len(store.system(elements, whole=True).rows) == len(
        rows_by_looking_at_all(store, elements)
    )
    alone = store.system(("Li",))
    assert alone.columns.tolist() == [[1.0]]
    assert alone.energies.tolist() == [0.0]


@pytest.mark.parametrize("n", [1, 4, 13])
def test_the_elements_come_first_as_the_unit_matrix(store, n):
    system = store.system(tuple(sorted(COMMON[:n], key=ELEMENTS.index)))
    np.testing.assert_array_equal(system.columns[:, :n], np.eye(n))
    np.testing.assert_array_equal(system.energies[:n], 0.0)
    np.testing.assert_allclose(system.columns.sum(axis=0), 1.0)
    assert system.columns.shape == (n, n + len(system.rows))


def test_every_phase_is_found_by_its_composition_and_any_multiple_of_it(store):
    for row in random_rows(store, 500, seed=2):
        amounts = store.amounts(row)
        total = sum(amounts.values())
        for scale in (1.0, 2.0, 1.0 / 3.0, 1.0 / total):
            shuffled = dict(reversed(amounts.items()))
            formula = Formula("", {e: a * scale for e, a in shuffled.items()})
            assert store.find(formula) == row
    assert store.find(parse_formula("Li4O2")) == store.find(parse_formula("Li2O")) is not None


@pytest.mark.parametrize(
    "text", ["Li6.99La3Zr2O12", "Li2.001O", "Li", "O2", "LiPmAc", "LiXe", "HLiBCNOFNaMgAl"]
)
def test_what_is_no_phase_is_not_found(store, text):
    assert store.find(parse_formula(text)) is None


@pytest.mark.parametrize("name", ["Li2O2", "Na2S4", "H2O2", "K2O2", "Li7La3Zr2O12", "Li10GeP2S12"])
def test_a_phase_has_its_usual_name(store, name):
    assert store.name(store.find(parse_formula(name))) == name


def test_elements_have_the_names_under_which_they_react():
    assert [element_name(e) for e in ("O", "N", "Cl", "H", "Li", "S", "P")] == [
        "O2", "N2", "Cl2", "H2", "Li", "S", "P",
    ]  # fmt: skip


def test_a_name_is_read_as_the_phase_that_it_names(store):
    for row in random_rows(store, 500, seed=3):
        assert store.find(parse_formula(store.name(row))) == row


def test_an_element_without_reference_is_refused_by_name(store):
    with pytest.raises(FormulaError, match=r"XeF2.*Xe") as refusal:
        store.check(parse_formula("XeF2"))
    assert refusal.value.text == "XeF2"
    store.check(parse_formula("Li7La3Zr2O12"))
    assert store.without_reference(parse_formula("LiXeKrO")) == ["Xe", "Kr"]


def test_a_target_is_made_of_atom_fractions_in_the_order_of_the_system(store):
    system = store.system(("Li", "O", "Zr"))
    np.testing.assert_allclose(system.target(parse_formula("ZrO2")), [0.0, 2 / 3, 1 / 3])
    np.testing.assert_allclose(system.target(parse_formula("Li2ZrO3")), [1 / 3, 1 / 2, 1 / 6])


def test_the_shipped_store_is_small(store):
    assert (champion().folder / PHASES).stat().st_size < 1_000_000
    assert len(store) > 80_000
