"""Reactions of two materials, by hand, against pymatgen, and by what must hold for any pair."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import asdict, fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.interface_reactions import (
    GrandPotentialInterfacialReactivity,
    InterfacialReactivity,
)
from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram, PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from mlsse.bundle import champion
from mlsse.errors import ConditionError, FormulaError
from mlsse.formulas import parse_formula
from mlsse.interfaces import Interface, contact, interface, partners
from mlsse.phases import fit_phases

# Formation energies by hand, eV/atom; those of whole formula units stand behind.
ENERGIES = {
    "Li2S": -1.5,  # -4.5
    "P2S5": -0.4,  # -2.8
    "Li3P": -0.9,  # -3.6
    "Li3PS4": -1.2,  # -9.6
    "LiPS3": -0.7,  # -3.5; Li3PS4 and P2S5, a third of each, are at -12.4 / 3
}
SINGLE = {"abs": 1e-6}  # the store keeps energies in single precision
EV_IN_KJ_PER_MOL = 96.48533
MATERIALS = [
    "Li7La3Zr2O12", "Li6.4La3Zr1.4Ta0.6O12", "Li10GeP2S12", "Li6PS5Cl", "Li3PS4", "Li3YCl6",
    "Li1.3Al0.3Ti1.7P3O12", "Li3PO4", "Li3N", "Na3SbS4", "Na3Zr2Si2PO12", "KFeS2", "Li2S", "Al2O3",
]  # fmt: skip
OTHERS = [*MATERIALS, "LCO", "NMC811", "LFP", "LMO", "charged LCO", "NVP", "graphite", "LiIn",
          "silicon", "aluminium", "LiNbO3", "water", "carbon dioxide", "oxygen"]  # fmt: skip
CLOSED = [
    ("Li7La3Zr2O12", "LiCoO2"), ("Li7La3Zr2O12", "Li"), ("Li3PS4", "LiCoO2"), ("Li3PS4", "Li"),
    ("Li6PS5Cl", "LiFePO4"), ("Li3YCl6", "LiMn2O4"), ("Na3SbS4", "Na"), ("Li2ZrO3", "Li2S"),
    ("Li3PS4", "Li2CO3"), ("LiAlO2", "H2O"),
]  # fmt: skip
AT_A_VOLTAGE = [
    ("Li7La3Zr2O12", "LiCoO2", 3.0), ("Li3PS4", "LiCoO2", 3.0), ("Li3PS4", "LiCoO2", 4.3),
    ("Li3YCl6", "LiFePO4", 3.6), ("Li3PO4", "Li2ZrO3", 1.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def hand_made():
    """The champion with a store of a few phases, LiPS3 not near the hull."""
    model = copy.copy(champion())
    model.phases = fit_phases(
        [parse_formula(text).amounts for text in ENERGIES],
        np.array(list(ENERGIES.values())),
        np.array([0.2 if text == "LiPS3" else -0.1 for text in ENERGIES]),
    )
    return model


def diagram(*formulas):
    """The phase diagram of pymatgen with the same energies."""
    store = champion().phases
    elements = store.elements_of(*map(parse_formula, formulas))
    entries = [PDEntry(Composition(element), 0.0) for element in elements]
    for row in store.system(elements).rows:
        composition = Composition(store.amounts(int(row)))
        entries.append(PDEntry(composition, store.energies[row] * composition.num_atoms))
    return PhaseDiagram(entries)


def atom_fraction(found):
    """Share of the first material in all atoms, those of the ion included."""
    first, second = (
        share * sum(parse_formula(text).amounts.values())
        for share, text in (
            (found.mole_fraction, found.first),
            (1.0 - found.mole_fraction, found.second),
        )
    )
    return first / (first + second)


def side(text):
    """Moles of each formula on one side of a reaction."""
    terms = [term.rpartition(" ") for term in text.split(" + ")]
    return {formula: float(moles or 1.0) for moles, _, formula in terms}


def atoms(amounts):
    """Atoms of each element in moles of formulas."""
    total = Counter()
    for text, moles in amounts.items():
        for element, amount in parse_formula(text).amounts.items():
            total[element] += moles * amount
    return total


def check_balance(reaction):
    """As many atoms on both sides, ions included, within the four digits that are written."""
    left, right = (atoms(side(text)) for text in reaction.split(" -> "))
    for element in left | right:
        assert left[element] == pytest.approx(right[element], rel=2e-3, abs=2e-3)


def energy_of(first, second, **conditions):
    return interface(first, second, **conditions).reaction_energy_ev_per_atom


def test_two_sulfides_by_hand(hand_made):
    found = interface("Li2S", "P2S5", model=hand_made)
    # 1.5 Li2S + 0.5 P2S5 -> Li3PS4: -8.15 -> -9.6 eV, of 8 atoms and 2 formula units.
    assert found.reaction_energy_ev_per_atom == pytest.approx(-1.45 / 8, **SINGLE)
    assert found.reaction_energy_own_ev_per_atom == pytest.approx(-1.45 / 8, **SINGLE)
    assert found.fraction == pytest.approx(4.5 / 8)
    assert found.mole_fraction == pytest.approx(0.75)
    assert found.products == pytest.approx({"Li3PS4": 0.5})
    assert found.reaction == "0.75 Li2S + 0.25 P2S5 -> 0.5 Li3PS4"
    assert found.excess_reaction == "Li2S + 0.3333 P2S5 -> 0.6667 Li3PS4"
    assert found.reaction_energy_kj_per_mol == pytest.approx(-1.45 / 2 * EV_IN_KJ_PER_MOL)
    # 1.5 (2 * 6.94 + 32.06) + 0.5 (2 * 30.974 + 5 * 32.06) g
    assert found.reaction_energy_kj_per_kg == pytest.approx(
        1e3 * -1.45 * EV_IN_KJ_PER_MOL / 180.034, rel=1e-3
    )
    assert [kink.fraction for kink in found.kinks] == pytest.approx([0.0, 4.5 / 8, 1.0])
    assert found.ion is found.voltage_v is None


def test_a_sulfide_and_lithium_by_hand(hand_made):
    found = interface("Li3PS4", "lithium", model=hand_made)
    # Li3PS4 + 8 Li -> Li3P + 4 Li2S: -9.6 -> -21.6 eV, of 16 atoms; with 5 Li as far as
    # P + 4 Li2S: -18.0 eV, of 13 atoms.
    assert found.partner == "lithium"
    assert found.second == "Li"
    assert found.reaction_energy_ev_per_atom == pytest.approx(-12.0 / 16, **SINGLE)
    assert found.excess_reaction == "Li3PS4 + 8 Li -> 4 Li2S + Li3P"
    assert [k.fraction for k in found.kinks] == pytest.approx([0.0, 8 / 16, 8 / 13, 1.0])
    assert [k.reaction_energy_ev_per_atom for k in found.kinks] == pytest.approx(
        [0.0, -12.0 / 16, -8.4 / 13, 0.0], **SINGLE
    )


def test_own_energies_by_hand(hand_made):
    found = interface("LiPS3", "Li2S", model=hand_made)
    # LiPS3 + Li2S -> Li3PS4 of 8 atoms: -9.6 eV, from -12.4 / 3 - 4.5 with LiPS3 on the hull and
    # from -3.5 - 4.5 with LiPS3 as it is.
    assert found.reaction_energy_ev_per_atom == pytest.approx((-5.1 + 12.4 / 3) / 8, **SINGLE)
    assert found.reaction_energy_own_ev_per_atom == pytest.approx(-1.6 / 8, **SINGLE)
    assert found.e_hull_first_ev_per_atom == pytest.approx((12.4 / 3 - 3.5) / 5, **SINGLE)
    assert found.e_hull_second_ev_per_atom == pytest.approx(0.0, **SINGLE)
    assert found.notes[0].startswith("above_hull: LiPS3 lies 0.127 eV/atom")


def test_own_energy_of_what_does_not_react_by_hand(hand_made):
    found = interface("LiPS3", "P2S5", model=hand_made)
    # On the hull LiPS3 is Li3PS4 and P2S5 already; its own decomposition is what is left.
    assert found.reaction_energy_ev_per_atom == pytest.approx(0.0, **SINGLE)
    assert found.fraction is None
    assert found.reaction_energy_own_ev_per_atom == pytest.approx((3.5 - 12.4 / 3) / 5, **SINGLE)


def test_two_sulfides_at_a_voltage_by_hand(hand_made):
    found = interface("Li2S", "P2S5", voltage_v=2.3, model=hand_made)
    # 1.5 Li2S + 0.5 P2S5 -> Li3PS4 gains 1.45 eV for 5 atoms that are not lithium; Li2S alone
    # gains 0.1 eV for one: S + 2 Li cost 4.5 eV and lithium brings 2.3 eV.
    assert found.reaction_energy_ev_per_atom == pytest.approx(-1.45 / 5, **SINGLE)
    assert found.mole_fraction == pytest.approx(0.75)
    assert found.reaction == "0.75 Li2S + 0.25 P2S5 -> 0.5 Li3PS4"
    assert found.reaction_energy_kj_per_mol == pytest.approx(-1.45 / 2 * EV_IN_KJ_PER_MOL)
    assert found.kinks[-1].reaction_energy_ev_per_atom == pytest.approx(-0.1, **SINGLE)
    assert found.kinks[-1].products == pytest.approx({"S": 1.0})
    assert (found.ion, found.voltage_v) == ("Li", 2.3)


def test_own_energies_at_a_voltage_by_hand(hand_made):
    found = interface("LiPS3", "Li2S", voltage_v=2.3, model=hand_made)
    # As without a voltage, since as much lithium is on both sides, but for 5 atoms.
    assert found.reaction_energy_ev_per_atom == pytest.approx((-5.1 + 12.4 / 3) / 5, **SINGLE)
    assert found.reaction_energy_own_ev_per_atom == pytest.approx(-1.6 / 5, **SINGLE)


def test_what_oxidises_by_itself_at_a_voltage_by_hand(hand_made):
    found = interface("Li3PS4", "P2S5", voltage_v=3.0, model=hand_made)
    # Li3PS4 -> 0.5 P2S5 + 1.5 S + 3 Li costs 8.2 eV, and 3 Li bring 9.0.
    assert found.reaction == "Li3PS4 -> 0.5 P2S5 + 1.5 S + 3 Li"
    assert found.reaction_energy_ev_per_atom == pytest.approx(-0.8 / 5, **SINGLE)
    assert found.mole_fraction == 1.0
    energy, reaction = contact(*map(parse_formula, ("Li3PS4", "P2S5")), hand_made, voltage_v=3.0)
    assert energy == pytest.approx(0.0, **SINGLE)
    assert reaction == ""


def test_weights_are_those_of_the_atoms():
    found = interface("Li3PS4", "LiCoO2")
    mass = sum(
        share * Composition(text).weight
        for share, text in (
            (found.mole_fraction, "Li3PS4"),
            (1.0 - found.mole_fraction, "LiCoO2"),
        )
    )
    expected = 1e3 * found.reaction_energy_kj_per_mol / mass
    assert found.reaction_energy_kj_per_kg == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("first", "second"), CLOSED)
def test_the_energy_is_that_of_pymatgen(first, second):
    composition = Composition(first), Composition(second)
    reference = InterfacialReactivity(
        *composition, diagram(first, second), norm=True, use_hull_energy=True
    )
    fraction, energy = reference.minimum
    found = interface(first, second)
    assert found.reaction_energy_ev_per_atom == pytest.approx(energy, abs=1e-6)
    if energy < -1e-6:
        assert found.fraction == pytest.approx(fraction, abs=1e-6)
        assert atom_fraction(found) == pytest.approx(fraction, abs=1e-6)
    else:
        assert found.fraction is None


@pytest.mark.parametrize(("first", "second", "voltage"), AT_A_VOLTAGE)
def test_the_energy_at_a_voltage_is_that_of_pymatgen(first, second, voltage):
    # Both normalise to the atoms that are not of the ion. pymatgen's "no mixing energy" is what
    # a material gains by itself at that voltage: a part of ours, and no part of contact alone.
    closed = diagram(first, second)
    opened = GrandPotentialPhaseDiagram(closed.all_entries, {Element("Li"): -voltage})
    whole, added = (
        GrandPotentialInterfacialReactivity(
            Composition(first), Composition(second), opened, pd_non_grand=closed, norm=True,
            include_no_mixing_energy=included, use_hull_energy=True,
        ).minimum
        for included in (True, False)
    )  # fmt: skip
    found = interface(first, second, voltage_v=voltage)
    assert found.reaction_energy_ev_per_atom == pytest.approx(whole[1], abs=1e-6)
    if whole[1] < -1e-6:
        assert atom_fraction(found) == pytest.approx(whole[0], abs=1e-6)
    formulas = map(parse_formula, (first, second))
    energy, _ = contact(*formulas, champion(), voltage_v=voltage)
    assert energy == pytest.approx(added[1], abs=1e-6)


def test_contact_without_a_voltage_is_the_reaction():
    found = interface("Li3PS4", "LiCoO2")
    energy, reaction = contact(*map(parse_formula, ("Li3PS4", "LiCoO2")), champion())
    assert energy == pytest.approx(found.reaction_energy_ev_per_atom)
    assert reaction == found.reaction


def test_of_three_cathodes_the_garnet_reacts_least_with_the_cobalt_oxide():
    energies = [energy_of("Li7La3Zr2O12", c) for c in ("LiCoO2", "LiFePO4", "LiMn2O4")]
    assert energies[0] == max(energies)
    assert energies[0] > -0.01


@pytest.mark.parametrize("sulfide", ["Li3PS4", "Li6PS5Cl", "Li10GeP2S12"])
def test_sulfides_react_far_more_strongly_with_a_cathode_than_the_garnet(sulfide):
    assert energy_of(sulfide, "LCO") < 5.0 * energy_of("Li7La3Zr2O12", "LCO") < 0.0


def test_sodium_reduces_its_thioantimonate():
    found = interface("Na3SbS4", "sodium")
    assert set(found.products) == {"Na2S", "Na3Sb"}
    assert found.mole_fraction == pytest.approx(1 / 9)  # Na3SbS4 + 8 Na -> 4 Na2S + Na3Sb


def test_lithium_reduces_a_germanium_sulfide_to_an_alloy():
    found = interface("Li10GeP2S12", "lithium")
    reactants, products = (side(text) for text in found.excess_reaction.split(" -> "))
    assert reactants["Li10GeP2S12"] == 1.0
    assert reactants["Li"] > 20.0
    assert products["Li3P"] == pytest.approx(2.0)
    assert products["Li2S"] == pytest.approx(12.0)
    (alloy,) = products.keys() - {"Li3P", "Li2S"}
    assert parse_formula(alloy).amounts.keys() == {"Li", "Ge"}


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    first=st.sampled_from(MATERIALS),
    second=st.sampled_from(OTHERS),
    voltage=st.none() | st.floats(0.0, 5.0),
    ion=st.sampled_from(["Li", "Li", "Na"]),
)
def test_any_pair(first, second, voltage, ion):
    found = interface(first, second, voltage_v=voltage, ion=ion)
    other = interface(found.second, found.first, voltage_v=voltage, ion=ion)
    energy = found.reaction_energy_ev_per_atom
    assert found.reaction_energy_own_ev_per_atom <= energy + 1e-9 <= 1e-9
    assert other.reaction_energy_ev_per_atom == pytest.approx(energy, abs=1e-7)
    assert other.reaction_energy_own_ev_per_atom == pytest.approx(
        found.reaction_energy_own_ev_per_atom, abs=1e-7
    )
    fractions = [kink.fraction for kink in found.kinks]
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert all(a < b for a, b in pairwise(fractions))
    assert energy == min(kink.reaction_energy_ev_per_atom for kink in found.kinks)
    json.dumps(asdict(found), allow_nan=False)
    if found.fraction is None:
        assert energy > -1e-6
        assert found.mole_fraction is None
        assert found.products == {}
        assert found.reaction == found.excess_reaction == ""
        return
    if parse_formula(first).normal_form != parse_formula(found.second).normal_form:
        assert other.fraction == pytest.approx(1.0 - found.fraction, abs=1e-6)
        assert other.mole_fraction == pytest.approx(1.0 - found.mole_fraction, abs=1e-6)
    check_balance(found.reaction)
    check_balance(found.excess_reaction)
    units = {found.first: found.mole_fraction}
    units[found.second] = units.get(found.second, 0.0) + 1.0 - found.mole_fraction
    before, after = atoms(units), atoms(found.products)
    for element in (before | after).keys() - {found.ion}:
        assert after[element] == pytest.approx(before[element], abs=1e-5)


def test_an_ion_that_neither_material_has_is_named():
    notes = interface("Li3PS4", "LCO", voltage_v=3.0, ion="Na").notes
    assert "foreign_ion" in {note.partition(":")[0] for note in notes}
    assert not interface("Li3PS4", "LCO", voltage_v=3.0, ion="Li").notes


@pytest.mark.parametrize("text", ["Li3PS4", "Li10GeP2S12", "Li6.4La3Zr1.4Ta0.6O12", "Al2O3"])
def test_a_material_does_not_react_with_itself(text):
    found = interface(text, text)
    assert found.reaction_energy_ev_per_atom == 0.0
    assert found.reaction_energy_own_ev_per_atom == pytest.approx(
        -found.e_hull_first_ev_per_atom, abs=1e-9
    )
    assert found.fraction is None
    assert found.mole_fraction is None
    assert found.products == {}
    assert found.reaction == found.excess_reaction == ""


def test_a_partner_is_known_by_name_in_any_case():
    found = interface("Li3PS4", " nmc811 ")
    assert found.partner == "NMC811"
    assert found.second == "LiNi0.8Mn0.1Co0.1O2"
    assert energy_of("Li3PS4", "LiNi0.8Mn0.1Co0.1O2") == found.reaction_energy_ev_per_atom
    assert interface("Li3PS4", "LiCoO2").partner == "LiCoO2"


def test_names_and_formulas_of_partners():
    listed = partners()
    assert len({partner.name.lower() for partner in listed}) == len(listed)
    kinds = {partner.kind for partner in listed}
    assert kinds == {"cathode", "charged cathode", "anode", "coating", "air"}
    assert sum(len(partners(kind)) for kind in kinds) == len(listed)
    for partner in listed:
        champion().phases.check(parse_formula(partner.formula))


def test_no_partner_has_a_name_that_is_another_formula():
    def another(partner):
        try:
            read = parse_formula(partner.name)
        except FormulaError:
            return False
        return read.normal_form != parse_formula(partner.formula).normal_form

    assert [partner.name for partner in partners() if another(partner)] == []


def test_an_unknown_partner_brings_up_names():
    with pytest.raises(FormulaError, match=r"did you mean .*NMC811"):
        interface("Li3PS4", "NMC81")
    with pytest.raises(FormulaError, match=r"interface --partners lists them"):
        interface("Li3PS4", "qqqqqqq")


@pytest.mark.parametrize(
    ("first", "second"), [("LiXe", "LCO"), ("Li3PS4", "LiXe"), ("Li3PS4)", "LCO"), ("", "LCO")]
)
def test_an_unusable_formula_is_refused(first, second):
    with pytest.raises(FormulaError):
        interface(first, second)


@pytest.mark.parametrize("voltage", [-1.0, float("nan"), 10.1, float("inf")])
def test_a_voltage_that_cannot_be_is_refused(voltage):
    for second in ("LCO", ["LCO"]):
        with pytest.raises(ConditionError, match="expected 0 to 10 V"):
            interface("Li3PS4", second, voltage_v=voltage)


def test_the_free_ion_alone_is_no_partner_at_a_voltage():
    with pytest.raises(ConditionError, match="free ion alone"):
        interface("Li3PS4", "lithium", voltage_v=3.0)
    with pytest.raises(ConditionError, match="free ion alone"):
        interface("Na", "Na3SbS4", voltage_v=1.0, ion="Na")
    assert energy_of("Li3PS4", "sodium", voltage_v=1.0) < 0.0


def test_an_unknown_ion_is_refused():
    with pytest.raises(ConditionError, match="Li, Na, K"):
        interface("Li3PS4", "LCO", voltage_v=3.0, ion="Mg")


def test_lists_make_a_table_of_all_pairs_with_the_errors_in_it():
    first, second = ["Li3PS4", "Li7La3Zr2O12"], ["LCO", "qqqqqqq", "LiFePO4"]
    table = interface(first, second)
    assert table.columns.tolist() == [*(field.name for field in fields(Interface)), "error"]
    assert len(table) == 6
    assert table["first"].tolist() == [text for text in first for _ in second]
    assert table["error"].notna().tolist() == [False, True, False] * 2
    assert table["second"].tolist() == ["LiCoO2", "qqqqqqq", "LiFePO4"] * 2
    assert table["reaction_energy_ev_per_atom"][0] == energy_of("Li3PS4", "LCO")
    assert table["reaction_energy_ev_per_atom"].isna().tolist() == [False, True, False] * 2
    assert len(interface("Li3PS4", second)) == 3
    assert len(interface(first, "LCO")) == 2


def test_iterables_that_can_be_read_but_once_make_all_pairs():
    table = interface(iter(["Li3PS4", "Li7La3Zr2O12"]), iter(["LCO", "LiFePO4"]))
    assert table["first"].tolist() == ["Li3PS4"] * 2 + ["Li7La3Zr2O12"] * 2
