"""Voltage windows, by hand, against pymatgen, and by what must hold for any formula."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import asdict, fields
from itertools import pairwise

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from mlsse.bundle import champion
from mlsse.errors import ConditionError, FormulaError
from mlsse.formulas import Formula, parse_formula
from mlsse.phases import fit_phases
from mlsse.simplex import minimise, minimise_many
from mlsse.windows import REACH, Window, limits, window

# Formation energies by hand, eV/atom; those of whole formula units stand behind.
ENERGIES = {
    "Li2O": -2.0,  # -6.0
    "Li2O2": -1.6,  # -6.4
    "Li2S": -1.5,  # -4.5
    "P2S5": -0.4,  # -2.8
    "Li3P": -0.9,  # -3.6
    "Li3PS4": -1.2,  # -9.6
}
FIRST, LAST = 0.001, 0.02  # ions for one atom, over which a limit is a mean
ON_THE_HULL = (
    "Li2O", "Li2O2", "Li2S", "LiF", "LiCl", "Li3N", "Li3P", "Li3PO4", "Li3PS4", "LiAlO2",
    "Li2ZrO3", "Li2CO3", "LiPO3", "Li2SiO3", "LiNbO3", "LiTaO3", "LiCoO2", "LiFePO4",
)  # fmt: skip
VARIED = (
    "Li7La3Zr2O12", "Li6.4La3Zr1.4Ta0.6O12", "Li6.99La3Zr2O12", "Li10GeP2S12", "Li6PS5Cl",
    "Li5.5PS4.5Cl1.5", "Li3PS4", "Li7P3S11", "Li1.3Al0.3Ti1.7P3O12", "Li1.5Al0.5Ge1.5P3O12",
    "Li0.33La0.56TiO3", "Li0.01La0.66TiO3", "Li3YCl6", "Li3InCl6", "Li2.7Y0.7Zr0.3Cl6",
    "Li2PO2N", "Li3N", "LiBH4", "Li3PO4", "Li4SiO4", "LiCoO2", "LiFePO4", "LiMn2O4",
    "Li4Ti5O12", "LiC6", "Li15Si4", "LiIn", "Li3OCl", "Li9.54Si1.74P1.44S11.7Cl0.3",
)  # fmt: skip


@pytest.fixture(scope="module")
def hand_made():
    """The champion with a store of a few phases."""
    model = copy.copy(champion())
    model.phases = fit_phases(
        [parse_formula(text).amounts for text in ENERGIES],
        np.array(list(ENERGIES.values())),
        np.full(len(ENERGIES), -0.1),
    )
    return model


def volts(value, within=1e-6):
    return pytest.approx(value, abs=within)


def codes(found):
    return [note.split(":")[0] for note in found.notes]


def diagram(formula):
    """The phase diagram of pymatgen with the same energies."""
    store = champion().phases
    elements = store.elements_of(formula)
    entries = [PDEntry(Composition(element), 0.0) for element in elements]
    for row in store.system(elements).rows:
        composition = Composition(store.amounts(int(row)))
        entries.append(PDEntry(composition, store.energies[row] * composition.num_atoms))
    return PhaseDiagram(entries)


def limits_of(text, ion):
    formula = parse_formula(text)
    store = champion().phases
    system = store.system(store.elements_of(formula))
    target = system.target(formula)
    basis = minimise(system.columns, system.energies, target)
    (found,) = limits(system, target[:, None], basis, ion)
    return found


def doped(count):
    """Formulas of doped electrolytes."""
    shares = np.linspace(0.02, 0.9, count // 5)
    for x in shares:
        yield f"Li{7 - x:.3f}La3Zr{2 - x:.3f}Ta{x:.3f}O12"
        yield f"Li{6 - x:.3f}PS{5 - x:.3f}Cl{1 + x:.3f}"
        yield f"Li{1 + x:.3f}Al{x:.3f}Ti{2 - x:.3f}(PO4)3"
        yield f"Li{3 - x:.3f}Y{1 - x:.3f}Zr{x:.3f}Cl6"
        yield f"Li{10 + x:.3f}Ge{1 + x:.3f}P{2 - x:.3f}S12"


def test_lithium_oxide_by_hand(hand_made):
    found = window("Li2O", model=hand_made)
    # Li2O -> 0.5 Li2O2 + Li: -6.0 -> -3.2 eV, so 2.8 V.
    assert found.oxidation_limit_v == volts(2.8)
    assert found.reduction_limit_v == volts(0.0)
    assert found.oxidation_products == pytest.approx({"Li2O2": 0.5})
    assert found.oxidation_reaction == "Li2O -> 0.5 Li2O2 + Li"
    assert found.reduction_products == {}
    assert found.reduction_reaction == ""


def test_lithium_peroxide_by_hand(hand_made):
    found = window("Li2O2", model=hand_made)
    # Li2O2 + 2 Li -> 2 Li2O: -6.4 -> -12.0 eV, so 2.8 V; Li2O2 -> O2 + 2 Li: -6.4 -> 0, 3.2 V.
    assert (found.reduction_limit_v, found.oxidation_limit_v) == (volts(2.8), volts(3.2))
    assert found.reduction_reaction == "Li2O2 + 2 Li -> 2 Li2O"
    assert found.oxidation_reaction == "Li2O2 -> O2 + 2 Li"
    assert [(step.voltage_low_v, step.voltage_high_v) for step in found.steps] == [
        (volts(0.0), volts(2.8)),
        (volts(2.8), volts(3.2)),
        (volts(3.2), None),
    ]
    assert [step.uptake for step in found.steps] == pytest.approx([2.0, 0.0, -2.0])


def test_lithium_thiophosphate_by_hand(hand_made):
    found = window("Li3PS4", model=hand_made)
    assert [(step.voltage_low_v, step.uptake, step.products) for step in found.steps] == [
        (volts(0.0), pytest.approx(8.0), pytest.approx({"Li2S": 4.0, "Li3P": 1.0})),
        # P + 3 Li -> Li3P: 3.6 eV, 1.2 V
        (volts(1.2), pytest.approx(5.0), pytest.approx({"Li2S": 4.0, "P": 1.0})),
        # Li3PS4 + 5 Li -> P + 4 Li2S: -9.6 -> -18.0 eV, 1.68 V
        (volts(1.68), pytest.approx(0.0, abs=1e-9), pytest.approx({"Li3PS4": 1.0})),
        # Li3PS4 -> 0.5 P2S5 + 1.5 S + 3 Li: -9.6 -> -1.4 eV, 8.2 / 3 V
        (volts(8.2 / 3), pytest.approx(-3.0), pytest.approx({"P2S5": 0.5, "S": 1.5})),
    ]
    assert found.reduction_limit_v == volts(1.68)
    assert found.oxidation_limit_v == volts(8.2 / 3)


def test_between_two_phases_there_is_one_voltage_by_hand(hand_made):
    # Li3O2 is Li2O and 0.5 Li2O2: lithium goes in and out at 2.8 V, up to 0.1 atoms for each.
    found = window("Li3O2", model=hand_made)
    assert (found.reduction_limit_v, found.oxidation_limit_v) == (volts(2.8), volts(2.8))
    assert "no_window" in codes(found)


@pytest.mark.parametrize("text", ON_THE_HULL)
def test_a_compound_on_the_hull_has_the_window_of_pymatgen(text):
    # A limit is a mean voltage over the ions from 0.001 to 0.02 for one atom. For a compound
    # whose first plateaus are longer than that it is the voltage of the plateau, as pymatgen
    # gives it.
    composition = Composition(text)
    profile = diagram(parse_formula(text)).get_element_profile(Element("Li"), composition)
    voltages = [-step["chempot"] for step in profile]
    uptakes = [step["evolution"] for step in profile]
    (here,) = np.flatnonzero(np.abs(uptakes) < 1e-6)
    for place in {max(here - 1, 0), here, here + 1} - {here}:
        assert abs(uptakes[place]) / composition.num_atoms > LAST
    found = window(text)
    assert found.reduction_limit_v == volts(voltages[here], within=2e-3)
    assert found.oxidation_limit_v == volts(voltages[here + 1], within=2e-3)


def test_the_garnet_has_its_published_window():
    found = window("Li7La3Zr2O12")
    assert found.reduction_limit_v == volts(0.05, within=0.01)
    assert found.oxidation_limit_v == volts(2.91, within=0.01)
    assert set(found.oxidation_products) == {"Li2O2", "Li6Zr2O7", "La2O3"}
    rounded = window("Li6.99La3Zr2O12")
    assert rounded.reduction_limit_v == volts(found.reduction_limit_v, within=0.05)
    assert rounded.oxidation_limit_v == volts(found.oxidation_limit_v, within=0.05)


def test_what_lithium_metal_does_not_reduce():
    for text in ("Li2S", "Li2O", "LiF", "LiCl", "Li3N"):
        found = window(text)
        assert found.reduction_limit_v == volts(0.0, within=1e-12)
        assert found.reduction_products == {}
        assert found.reduction_reaction == ""
        assert found.oxidation_limit_v > 0.4


@pytest.mark.parametrize(
    ("text", "ion"),
    [*((text, "Li") for text in VARIED), ("Na3SbS4", "Na"), ("Na3Zr2Si2PO12", "Na"),
     ("KFeS2", "K"), ("LiNaSO4", "Na"), ("LiNaSO4", "Li")],
)  # fmt: skip
def test_the_staircase(text, ion):
    found = window(text, ion)
    steps = found.steps
    assert steps[0].voltage_low_v == volts(0.0, within=1e-12)
    assert steps[-1].voltage_high_v is None
    assert steps[-1].uptake == pytest.approx(-parse_formula(text).amounts[ion])
    for below, above in pairwise(steps):
        assert below.voltage_high_v == above.voltage_low_v
        assert below.voltage_low_v < below.voltage_high_v
        assert below.uptake > above.uptake
    for step in steps:
        balance = Counter({ion: step.uptake})
        balance.update(parse_formula(text).amounts)
        for name, moles in step.products.items():
            amounts = parse_formula(name).amounts
            balance.subtract({e: moles * amount for e, amount in amounts.items()})
        assert max(map(abs, balance.values())) < 1e-5
        assert min(step.products.values()) > 0.0
    assert 0.0 <= found.reduction_limit_v <= found.oxidation_limit_v
    assert found.oxidation_limit_v <= max(step.voltage_low_v for step in steps) + 1e-9


@pytest.mark.parametrize("text", VARIED)
def test_products_are_those_one_millivolt_beyond_a_limit(text):
    found = window(text)

    def step_at(voltage):
        return [step for step in found.steps if step.voltage_low_v <= voltage][-1]

    oxidised = step_at(found.oxidation_limit_v + 1e-3)
    assert found.oxidation_products == oxidised.products
    assert oxidised.uptake < 0.0
    if found.reduction_limit_v > 1e-3:
        reduced = step_at(found.reduction_limit_v - 1e-3)
        assert found.reduction_products == reduced.products
        assert reduced.uptake > 0.0


@pytest.mark.parametrize("text", VARIED)
def test_the_size_of_the_formula_unit_does_not_matter(text):
    found = window(text)
    amounts = {e: 3.7 * amount for e, amount in parse_formula(text).amounts.items()}
    other = window(Formula(text, amounts))
    assert other.reduction_limit_v == volts(found.reduction_limit_v)
    assert other.oxidation_limit_v == volts(found.oxidation_limit_v)


def test_limits_alone_are_those_of_the_window():
    for text in [*VARIED, *doped(20)]:
        found, alone = window(text), limits_of(text, "Li")
        assert alone.reduction_v == volts(found.reduction_limit_v, within=1e-9)
        assert alone.oxidation_v == volts(found.oxidation_limit_v, within=1e-9)


@pytest.mark.parametrize("text", VARIED)
def test_limits_are_means_over_the_staircase(text):
    formula, found, rule = parse_formula(text), window(text), limits_of(text, "Li")
    n_atoms = sum(formula.amounts.values())
    shift = 2.0 * rule.distance
    if formula.fractions["Li"] < LAST + shift:
        return  # of so little lithium the range of ions is narrowed
    # Of the ions from 0.001 to 0.02, moved outwards, each counts by its distance to the last.
    ions = np.linspace(FIRST, LAST, 20_001)
    uptakes = np.array([step.uptake for step in found.steps]) / n_atoms
    lows = np.array([step.voltage_low_v for step in found.steps])

    def voltage_at(uptake):
        # Between the uptakes of two steps the voltage is the one that parts them.
        return lows[np.minimum(np.searchsorted(-uptakes, -uptake), len(lows) - 1)]

    reduction = np.average(voltage_at(ions + shift), weights=LAST - ions)
    oxidation = np.average(voltage_at(-ions - shift), weights=LAST - ions)
    assert found.reduction_limit_v == volts(reduction, within=2e-3)
    assert found.oxidation_limit_v == volts(oxidation, within=2e-3)


def test_limits_of_many_are_those_of_each():
    texts = [f"Li{7 - x:.3f}La3Zr{2 - x:.3f}Ta{x:.3f}O12" for x in np.linspace(0.02, 1.9, 60)]
    formulas = [parse_formula(text) for text in texts]
    store = champion().phases
    system = store.system(store.elements_of(*formulas))
    targets = np.stack([system.target(formula) for formula in formulas], axis=1)
    seen = 0
    for served, basis in minimise_many(system.columns, system.energies, targets):
        together = limits(system, targets[:, served], basis, "Li")
        for i, found in zip(served.tolist(), together, strict=True):
            assert found.reduction_v == volts(limits_of(texts[i], "Li").reduction_v)
            assert found.oxidation_v == volts(limits_of(texts[i], "Li").oxidation_v)
            seen += 1
    assert seen == len(texts)


def test_doping_moves_the_limits_little_by_little():
    texts = [f"Li{7 - x:.3f}La3Zr{2 - x:.3f}Ta{x:.3f}O12" for x in np.arange(0.2, 0.6, 0.01)]
    found = [limits_of(text, "Li") for text in texts]
    for one, other in pairwise(found):
        assert other.reduction_v == volts(one.reduction_v, within=0.1)
        assert other.oxidation_v == volts(one.oxidation_v, within=0.1)
    assert min(f.oxidation_v - f.reduction_v for f in found) > 1.0


def test_a_formula_of_little_lithium_has_finite_limits():
    for text in ("Li0.01La0.66TiO3", "Li0.001Ti2P3O12", "Li0.0001Al2O3"):
        found = window(text)
        assert np.isfinite([found.reduction_limit_v, found.oxidation_limit_v]).all()
        assert found.reduction_limit_v <= found.oxidation_limit_v
    assert parse_formula("Li0.0001Al2O3").fractions["Li"] < REACH


def test_a_metastable_compound_has_a_note():
    found = window("Li10GeP2S12")
    assert found.e_hull_ev_per_atom > 0.01
    assert found.e_hull_source == "reference"
    assert "above_hull" in codes(found)
    assert "above_hull" not in codes(window("Li3PS4"))
    assert window("Li6.4La3Zr1.4Ta0.6O12").e_hull_source == "model"
    assert "disorder" in codes(window("Li6.4La3Zr1.4Ta0.6O12"))


def test_a_formula_beside_its_charge_balance_has_a_note():
    found = window("Li7La3Zr1.9Ta0.1O12")  # Li6.9 would be balanced
    assert "off_stoichiometry" in codes(found)
    assert "off_stoichiometry" not in codes(window("Li6.9La3Zr1.9Ta0.1O12"))


@pytest.mark.parametrize(
    ("text", "ion", "message"),
    [
        ("La2O3", "Li", "no Li in it"),
        ("Li2O", "Na", "no Na in it"),
        ("Li", "Li", "the metal itself"),
        ("LiXe", "Li", "Xe"),
        ("Li2O)", "Li", "position 4"),
    ],
)
def test_a_formula_without_a_window_is_refused(text, ion, message):
    with pytest.raises(FormulaError, match=message):
        window(text, ion)


@pytest.mark.parametrize("ion", ["Mg", "li", "", "Ag"])
def test_an_unknown_ion_is_refused(ion):
    for formula in ("Li2O", ["Li2O"]):
        with pytest.raises(ConditionError, match="Li, Na, K"):
            window(formula, ion)


def test_many_formulas_make_a_table_with_the_errors_in_it():
    texts = ["Li2O", "La2O3", "Li", "Li2O2"]
    table = window(iter(texts))
    assert table.columns.tolist() == [*(field.name for field in fields(Window)), "error"]
    assert table["formula"].tolist() == texts
    assert table["error"].notna().tolist() == [False, True, True, False]
    assert table["oxidation_limit_v"][3] == window("Li2O2").oxidation_limit_v
    assert table["oxidation_limit_v"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize("text", VARIED)
def test_a_window_can_be_written_as_json(text):
    again = json.loads(json.dumps(asdict(window(text)), allow_nan=False))
    assert again["formula"] == text
    assert len(again["steps"]) == len(window(text).steps)
