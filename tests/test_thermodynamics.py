"""Energies above the hull, by hand, against pymatgen, and by what must hold for any formula."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import asdict, fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from mlsse.bundle import champion
from mlsse.errors import ConditionError, FormulaError
from mlsse.formulas import ELEMENTS, Formula, parse_formula
from mlsse.phases import fit_phases
from mlsse.thermodynamics import Hull, energy_above_hull, hull, mixture, reaction

# Formation energies by hand, eV/atom; those of whole formula units stand behind.
LI_O = {"Li2O": -2.0, "Li2O2": -1.6}  # -6.0, -6.4
LI_P_S = {
    "Li2S": -1.5,  # -4.5
    "P2S5": -0.4,  # -2.8
    "Li3P": -0.9,  # -3.6
    "Li3PS4": -1.2,  # -9.6
    "LiPS3": -0.7,  # -3.5, above the hull
}
SINGLE = {"abs": 1e-6}  # the store keeps energies in single precision

COMMON = (
    "Li", "Na", "K", "O", "S", "P", "Cl", "F", "Si", "Ge", "Ti", "Zr", "La", "Al", "Fe", "Co",
    "Mn", "N", "H", "C",
)  # fmt: skip
SYSTEMS = (
    ("Li", "P", "S"), ("Li", "O", "Zr"), ("Li", "Cl", "Y"), ("Na", "S", "Sb"), ("Li", "O", "Ti"),
    ("Li", "O", "Zr", "La"), ("Li", "O", "P", "Fe"), ("Li", "P", "S", "Cl"),
)  # fmt: skip


def with_phases(energies):
    """The champion with a store of a few phases, LiPS3 not near the hull."""
    model = copy.copy(champion())
    model.phases = fit_phases(
        [parse_formula(text).amounts for text in energies],
        np.array(list(energies.values())),
        np.array([0.1 if text == "LiPS3" else -0.1 for text in energies]),
    )
    return model


@pytest.fixture(scope="module")
def hand_made():
    return with_phases(LI_O | LI_P_S)


def random_formulas(count, seed):
    """Formulas of two to five elements, whole or broken amounts."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        symbols = rng.choice(COMMON, size=rng.integers(2, 6), replace=False)
        amounts = rng.integers(1, 13, size=len(symbols)) / (1 if i % 2 else 10)
        yield "".join(f"{e}{a:g}" for e, a in zip(symbols, amounts, strict=True))


def atoms(amounts):
    """Atoms of each element in moles of formulas."""
    total = Counter()
    for text, moles in amounts.items():
        for element, amount in parse_formula(text).amounts.items():
            total[element] += moles * amount
    return total


def diagram(rows, elements):
    """The phase diagram of pymatgen with the same energies."""
    store = champion().phases
    entries = [PDEntry(Composition(element), 0.0) for element in elements]
    for row in rows:
        composition = Composition(store.amounts(int(row)))
        entries.append(PDEntry(composition, store.energies[row] * composition.num_atoms))
    return PhaseDiagram(entries)


def test_lithium_oxide_by_hand(hand_made):
    found = hull("Li2O", model=hand_made)
    # Without itself: Li2O -> 0.5 Li2O2 + Li. -3.2 eV against -6.0 of 3 atoms.
    assert found.products == pytest.approx({"Li2O2": 0.5, "Li": 1.0})
    assert found.reaction == "Li2O -> 0.5 Li2O2 + Li"
    assert found.hull_energy_ev_per_atom == pytest.approx(-3.2 / 3, **SINGLE)
    assert found.decomposition_energy_ev_per_atom == pytest.approx(-2.8 / 3, **SINGLE)
    assert found.formation_energy_ev_per_atom == pytest.approx(-2.0, **SINGLE)
    assert found.e_hull_ev_per_atom == 0.0
    assert found.source == "reference"
    assert found.stable_probability is found.metastable_probability is None


def test_lithium_peroxide_by_hand(hand_made):
    found = hull("Li4O4", model=hand_made)
    # Without itself: Li4O4 -> 2 Li2O + O2. -12.0 eV against -12.8 of 8 atoms.
    assert found.products == pytest.approx({"Li2O": 2.0, "O2": 1.0})
    assert found.reaction == "Li4O4 -> 2 Li2O + O2"
    assert found.decomposition_energy_ev_per_atom == pytest.approx(-0.1, **SINGLE)
    assert found.reduced_formula == "LiO"


def test_lithium_thiophosphate_by_hand(hand_made):
    found = hull("Li3PS4", model=hand_made)
    # Without itself: 1.5 Li2S + 0.5 P2S5. -6.75 - 1.4 = -8.15 eV against -9.6 of 8 atoms.
    assert found.products == pytest.approx({"Li2S": 1.5, "P2S5": 0.5})
    assert found.hull_energy_ev_per_atom == pytest.approx(-8.15 / 8, **SINGLE)
    assert found.decomposition_energy_ev_per_atom == pytest.approx(-1.45 / 8, **SINGLE)


def test_a_phase_above_the_hull_by_hand(hand_made):
    found = hull("LiPS3", model=hand_made)
    # 1/3 Li3PS4 + 1/3 P2S5: -12.4 / 3 eV against -3.5 of 5 atoms.
    assert found.products == pytest.approx({"Li3PS4": 1 / 3, "P2S5": 1 / 3})
    assert found.e_hull_ev_per_atom == pytest.approx((12.4 / 3 - 3.5) / 5, **SINGLE)
    assert energy_above_hull(parse_formula("LiPS3"), hand_made) == (
        pytest.approx((12.4 / 3 - 3.5) / 5, **SINGLE),
        "reference",
    )


def test_a_phase_above_the_hull_is_a_product_where_the_one_below_is_left_out():
    # LiPS3 at -4.0 eV lies above Li3PS4 and P2S5 (-12.4 / 3), but with Li2S (-4.5) below
    # 1.5 Li2S + 0.5 P2S5 (-8.15).
    model = with_phases(LI_P_S | {"LiPS3": -0.8})
    found = hull("Li3PS4", model=model)
    assert found.products == pytest.approx({"Li2S": 1.0, "LiPS3": 1.0})
    assert found.decomposition_energy_ev_per_atom == pytest.approx((-9.6 + 8.5) / 8, **SINGLE)


def test_a_given_energy_by_hand(hand_made):
    # LiO2 -> 0.5 Li2O2 + 0.5 O2: -3.2 eV of 3 atoms.
    found = hull("LiO2", formation_energy_ev_per_formula=-3.0, model=hand_made)
    assert found.source == "given"
    assert found.products == pytest.approx({"Li2O2": 0.5, "O2": 0.5})
    assert found.e_hull_ev_per_atom == pytest.approx(0.2 / 3, **SINGLE)
    assert found.formation_energy_ev_per_atom == pytest.approx(-1.0)
    below = hull("LiO2", formation_energy_ev_per_atom=-1.2, model=hand_made)
    assert below.e_hull_ev_per_atom == 0.0
    assert below.decomposition_energy_ev_per_atom == pytest.approx(-0.4 / 3, **SINGLE)


def test_energies_given_per_atom_and_per_formula_agree():
    one = hull("Li7La3Zr2O12", formation_energy_ev_per_atom=-3.1)
    other = hull("Li7La3Zr2O12", formation_energy_ev_per_formula=-3.1 * 24)
    assert one.source == other.source == "given"
    assert one.e_hull_ev_per_atom == pytest.approx(other.e_hull_ev_per_atom, abs=1e-12)


@pytest.mark.parametrize(
    ("formula", "energies", "message"),
    [
        ("Li2O", {"formation_energy_ev_per_atom": 0.0, "formation_energy_ev_per_formula": 0.0},
         "not both"),
        ("Li2O", {"formation_energy_ev_per_atom": float("nan")}, "nan: expected a finite"),
        ("Li2O", {"formation_energy_ev_per_formula": float("-inf")}, "-inf: expected a finite"),
        (["Li2O"], {"formation_energy_ev_per_atom": -1.0}, "one formula"),
        (iter(["Li2O"]), {"formation_energy_ev_per_formula": -1.0}, "one formula"),
    ],
)  # fmt: skip
def test_energies_that_cannot_be_used_are_refused(formula, energies, message):
    with pytest.raises(ConditionError, match=message):
        hull(formula, **energies)


def test_a_stable_compound_lies_on_the_hull_and_below_its_rivals():
    for text in ("Li3PS4", "LiCoO2", "Li3PO4", "Li2O", "La2O3", "LiF", "Li2ZrO3"):
        found = hull(text)
        assert found.e_hull_ev_per_atom == 0.0
        assert found.decomposition_energy_ev_per_atom < 0.0
        assert found.formation_energy_ev_per_atom < found.hull_energy_ev_per_atom


def test_reference_phases_have_the_energies_of_the_store():
    store = champion().phases
    for row in np.random.default_rng(0).choice(len(store), 60, replace=False).tolist():
        found = hull(store.name(row))
        assert found.source == "reference"
        assert found.formation_energy_ev_per_atom == store.energies[row]
        above = found.formation_energy_ev_per_atom - found.hull_energy_ev_per_atom
        assert found.decomposition_energy_ev_per_atom == pytest.approx(above, abs=1e-12)
        assert found.e_hull_ev_per_atom == max(0.0, found.decomposition_energy_ev_per_atom)
        assert any(note.startswith("polymorphs:") for note in found.notes)


def test_what_is_no_reference_phase_has_a_learned_energy():
    found = hull("Li6.4La3Zr1.4Ta0.6O12")
    assert found.source == "model"
    assert 0.0 <= found.stable_probability <= found.metastable_probability <= 1.0
    assert found.e_hull_ev_per_atom == max(0.0, found.decomposition_energy_ev_per_atom)
    codes = [note.split(":")[0] for note in found.notes]
    assert codes == ["model", "disorder"]


def test_an_element_is_the_reference():
    for text in ("Li", "O2", "S8"):
        found = hull(text)
        assert (found.source, found.e_hull_ev_per_atom) == ("reference", 0.0)
        assert found.formation_energy_ev_per_atom == found.hull_energy_ev_per_atom == 0.0
    assert hull("O3").products == {"O2": 1.5}


@pytest.mark.parametrize(
    ("text", "code"),
    [("LiNiO2", "nickel_oxide"), ("Li2LaZrO9", "charge_unbalanced"), ("H2O", "molecule")],
)
def test_cautions(text, code):
    assert code in [note.split(":")[0] for note in hull(text).notes]
    assert code not in [note.split(":")[0] for note in hull("Li3PO4").notes]


def test_a_decomposition_is_balanced():
    for text in random_formulas(100, seed=1):
        found = hull(text)
        assert atoms(found.products) == pytest.approx(atoms({text: 1.0}), rel=1e-5)
        assert found.reaction == reaction({text: 1.0}, found.products)
        assert min(found.products.values()) > 0.0


@pytest.mark.parametrize("text", ["Li7La3Zr2O12", "Li2O", "Li6.4La3Zr1.4Ta0.6O12", "LiO2"])
def test_the_size_of_the_formula_unit_does_not_matter(text):
    one, amounts = hull(text), parse_formula(text).amounts
    for scale in (2.0, 0.5, 7.3):
        other = hull(Formula("scaled", {e: a * scale for e, a in amounts.items()}))
        assert other.e_hull_ev_per_atom == pytest.approx(one.e_hull_ev_per_atom, abs=1e-9)
        assert other.hull_energy_ev_per_atom == pytest.approx(one.hull_energy_ev_per_atom)
        assert other.reduced_formula == one.reduced_formula
        expected = {name: moles * scale for name, moles in one.products.items()}
        assert other.products == pytest.approx(expected)


@settings(deadline=None, derandomize=True)
@given(
    symbols=st.sampled_from(SYSTEMS),
    places=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.05, 1.0), min_size=4, max_size=4),
)
def test_no_mixture_of_phases_lies_below_the_hull(symbols, places, weights):
    store = champion().phases
    system = store.system(symbols, whole=True)
    shares = np.array(weights[: len(places)]) / sum(weights[: len(places)])
    members = [place % system.columns.shape[1] for place in places]
    fractions = system.columns[:, members] @ shares
    formula = Formula("mixture", {e: f for e, f in zip(symbols, fractions, strict=True) if f > 0})
    assume(store.find(formula) is None)  # a compound is no part of its own hull
    found = hull(formula, formation_energy_ev_per_atom=0.0)
    assert found.hull_energy_ev_per_atom <= system.energies[members] @ shares + 1e-9


@pytest.mark.parametrize("symbols", SYSTEMS, ids="-".join)
def test_the_hull_is_that_of_pymatgen(symbols):
    store = champion().phases
    reference = diagram(store.system(symbols).rows, symbols)
    rng = np.random.default_rng(2)
    for fractions in rng.dirichlet(np.ones(len(symbols)), size=4):
        text = "".join(f"{e}{f:.4f}" for e, f in zip(symbols, fractions, strict=True))
        composition = Composition(text)
        found = hull(text, formation_energy_ev_per_atom=0.0)
        assert found.hull_energy_ev_per_atom == pytest.approx(
            reference.get_hull_energy_per_atom(composition), abs=1e-8
        )
        shares = {
            parse_formula(entry.composition.formula.replace(" ", "")).normal_form: share
            for entry, share in reference.get_decomposition(composition).items()
        }
        total = sum(parse_formula(text).amounts.values())
        ours = {
            parse_formula(name).normal_form: moles * sum(parse_formula(name).amounts.values())
            for name, moles in found.products.items()
        }
        assert ours == pytest.approx({n: s * total for n, s in shares.items()}, abs=1e-6)


@pytest.mark.parametrize("text", ["Li3PS4", "Li7P3S11", "Li6PS5Cl", "Li2ZrO3", "Na3SbS4", "LiFeO2"])
def test_a_compound_on_its_own_hull_is_that_of_pymatgen(text):
    store = champion().phases
    formula = parse_formula(text)
    symbols = tuple(sorted(formula.amounts, key=ELEMENTS.index))
    rows = store.system(symbols, whole=True).rows
    rivals = diagram(rows[rows != store.find(formula)], symbols)
    assert hull(text).hull_energy_ev_per_atom == pytest.approx(
        rivals.get_hull_energy_per_atom(Composition(text)), abs=1e-8
    )


def test_the_quick_energy_above_the_hull_is_the_same():
    store = champion().phases
    rows = np.random.default_rng(3).choice(len(store), 100, replace=False).tolist()
    for text in [*map(store.name, rows), *random_formulas(30, seed=4), "Li", "O2"]:
        found = hull(text)
        energy, source = energy_above_hull(parse_formula(text), champion())
        assert source == found.source
        assert energy == pytest.approx(found.e_hull_ev_per_atom, abs=1e-6)


def test_many_formulas_make_a_table_with_the_errors_in_it():
    texts = ["Li2O", "LiXe", "Qq2", "Li6.4La3Zr1.4Ta0.6O12"]
    table = hull(iter(texts))
    assert table.columns.tolist() == [*(field.name for field in fields(Hull)), "error"]
    assert table["formula"].tolist() == texts
    assert table["error"].notna().tolist() == [False, True, True, False]
    assert "Xe" in table["error"][1]
    assert "Qq2" in table["error"][2]
    filled = table.drop(columns=["formula", "error"]).iloc[1:3]
    assert filled.isna().all(axis=None)
    for i in (0, 3):
        alone = hull(texts[i])
        assert table["e_hull_ev_per_atom"][i] == alone.e_hull_ev_per_atom
        assert table["products"][i] == alone.products


def test_no_formulas_make_an_empty_table():
    table = hull([])
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 0
    assert "error" in table.columns


@pytest.mark.parametrize("text", ["LiXe", "", "Qq", "Li2O)"])
def test_an_unusable_formula_is_refused(text):
    with pytest.raises(FormulaError):
        hull(text)


@pytest.mark.parametrize("text", ["Li3PS4", "Li6.4La3Zr1.4Ta0.6O12", "O2"])
def test_a_hull_can_be_written_as_json(text):
    assert json.loads(json.dumps(asdict(hull(text)), allow_nan=False))["formula"] == text


def test_a_mixture_is_written_with_four_digits():
    assert mixture({"Li2S": 2.0, "P2S5": 1.0, "S": 1 / 3}) == "2 Li2S + P2S5 + 0.3333 S"
    assert reaction({"Li2O": 1.00001}, {"Li": 1e-5}) == "Li2O -> 1e-05 Li"
