"""Coatings: filters worked out by hand, ranking, and energies that are those of the interfaces."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

import numpy as np
import pytest
import synthetic
from scipy.optimize import linprog

from mlsse.bundle import champion
from mlsse.coatings import (
    EXCLUDED_ELEMENTS,
    MAX_REACTION_EV_PER_ATOM,
    OXIDATION_TOLERANCE_V,
    Coating,
    coatings,
    stable_phases,
)
from mlsse.errors import ConditionError, FormulaError
from mlsse.features import ElementTables
from mlsse.formulas import parse_formula
from mlsse.interfaces import contact, interface
from mlsse.phases import PhaseStore
from mlsse.windows import window

KNOWN = ["LiNbO3", "LiTaO3", "Li3PO4", "Li3BO3", "LiBO2", "LiAlO2", "Li2ZrO3", "LiPO3", "LiF"]


@dataclass(frozen=True, eq=False)
class Few:
    """As much of a model as reference phases need."""

    phases: PhaseStore
    tables: ElementTables


@pytest.fixture(scope="module")
def few():
    return Few(synthetic.phases(), champion().tables)


@pytest.fixture(scope="module")
def known():
    return coatings("LCO", "Li6PS5Cl", candidates=KNOWN)


def codes(row):
    return {note.partition(":")[0] for note in row.notes}


def one(frame, formula):
    return next(frame[frame["formula"] == formula].itertuples())


def test_filters_by_hand(few):
    found = coatings(
        "LiCoO2", "Li3PS4", candidates=["Li2O", "LiPS3", "Li3PO4"], model=few, max_voltage_v=4.9
    )
    phosphate = one(found, "Li3PO4")
    # Li3PO4 + 8 Li -> Li3P + 4 Li2O; Li3PO4 -> 3 Li + 1/2 P2O5 + 3/4 O2
    assert phosphate.reduction_limit_v == pytest.approx((3.6 + 24.0 - 21.6) / 8, abs=1e-6)
    assert phosphate.oxidation_limit_v == pytest.approx((21.6 - 7.7) / 3, abs=1e-6)
    assert phosphate.e_hull_ev_per_atom == pytest.approx(0.0, abs=1e-9)
    assert phosphate.e_hull_source == "reference"
    assert "slow_oxidation" in codes(phosphate)
    oxide = one(found, "Li2O")
    # 2 Li2O -> Li2O2 + 2 Li
    assert oxide.oxidation_limit_v == pytest.approx((12.0 - 6.4) / 2, abs=1e-6)
    assert oxide.reduction_limit_v == 0.0
    assert not oxide.passes
    assert "oxidation" in codes(oxide)
    # 3 LiPS3 -> Li3PS4 + P2S5, eV for one atom of 15
    metaphosphate = one(found, "LiPS3")
    assert metaphosphate.e_hull_ev_per_atom == pytest.approx((9.6 + 2.8 - 3 * 3.5) / 15, abs=1e-6)
    assert not metaphosphate.passes
    assert "unstable" in codes(metaphosphate)


@pytest.mark.parametrize(
    ("low", "high", "failed"),
    [(3.0, 4.9, None), (3.0, 4.95, "oxidation"), (0.7, 4.0, "reduction"), (0.8, 4.0, None)],
)
def test_the_window_has_to_span_the_voltages(few, low, high, failed):
    row = coatings(
        "CoO", "Li2S", candidates="Li3PO4", model=few, min_voltage_v=low, max_voltage_v=high
    ).iloc[0]
    assert {"reduction", "oxidation"} & codes(row) == ({failed} if failed else set())
    if failed:
        assert not row["passes"]


def test_columns_are_the_fields_and_the_error(known):
    assert list(known.columns) == [*(field.name for field in fields(Coating)), "error"]
    assert known["passes"].dtype == bool
    assert known["error"].isna().all()


def test_passing_is_what_the_columns_say(known):
    energies = known.filter(like="_reaction_energy_").drop(
        columns="worst_reaction_energy_ev_per_atom"
    )
    assert energies.shape[1] == 3
    assert (energies <= 0.0).all(axis=None)
    np.testing.assert_array_equal(energies.min(axis=1), known["worst_reaction_energy_ev_per_atom"])
    passes = (
        (energies >= -MAX_REACTION_EV_PER_ATOM).all(axis=1)
        & (known["reduction_limit_v"] <= 3.0)
        & (known["oxidation_limit_v"] >= 4.3 - OXIDATION_TOLERANCE_V)
        & (known["e_hull_ev_per_atom"] <= 1e-4)
    )
    assert known["passes"].tolist() == passes.tolist()
    assert set(known["formula"][passes]) == {"LiF", "Li3PO4", "LiPO3"}


def test_the_best_comes_first(known):
    assert known["passes"].is_monotonic_decreasing
    for _, group in known.groupby("passes"):
        # Steps of 1 meV/atom; within one the wider window comes first.
        worst = (-1e3 * group["worst_reaction_energy_ev_per_atom"]).round()
        assert worst.is_monotonic_increasing
        width = group["oxidation_limit_v"] - group["reduction_limit_v"]
        for _, same in width.groupby(worst):
            assert same.is_monotonic_decreasing


def test_the_order_of_the_candidates_does_not_matter():
    candidates = ["LiF", "LiNbO3", "Xe", "Li3PO4", "Al2O3", "LiPO3", "no formula", "LiF"]
    expected = coatings("LCO", "Li6PS5Cl", candidates=candidates)
    random.Random(1).shuffle(candidates)
    again = coatings("LCO", "Li6PS5Cl", candidates=(text for text in candidates))
    assert again.equals(expected)


def test_energies_are_those_of_the_interfaces(known):
    for row in known.itertuples():
        made = interface(row.formula, "LCO")
        inside = interface(row.formula, "Li6PS5Cl")
        assert row.cathode_reaction_energy_ev_per_atom == pytest.approx(
            made.reaction_energy_ev_per_atom, abs=1e-9
        )
        assert row.electrolyte_reaction_energy_ev_per_atom == pytest.approx(
            inside.reaction_energy_ev_per_atom, abs=1e-9
        )
        assert row.electrolyte_reaction == inside.reaction
        charged = interface(row.formula, "LCO", voltage_v=4.3)
        apart = [charged.kinks[i].reaction_energy_ev_per_atom for i in (-1, 0)]
        added = min(
            k.reaction_energy_ev_per_atom - k.fraction * apart[0] - (1.0 - k.fraction) * apart[1]
            for k in charged.kinks
        )
        assert row.charged_cathode_reaction_energy_ev_per_atom == pytest.approx(added, abs=1e-9)
        limits = window(row.formula)
        assert row.reduction_limit_v == pytest.approx(limits.reduction_limit_v, abs=1e-9)
        assert row.oxidation_limit_v == pytest.approx(limits.oxidation_limit_v, abs=1e-9)
    assert known.attrs["uncoated_reaction_energy_ev_per_atom"] == pytest.approx(
        interface("Li6PS5Cl", "LCO").reaction_energy_ev_per_atom, abs=1e-9
    )


@pytest.mark.parametrize("formula", ["LiNbO3", "Li3PO4", "Li3BO3"])
def test_known_coatings_react_less_than_bare_contact(known, formula):
    bare = known.attrs["uncoated_reaction_energy_ev_per_atom"]
    assert bare < -0.3
    assert one(known, formula).worst_reaction_energy_ev_per_atom > bare / 2


def test_a_coating_that_reacts_more_than_bare_contact_says_so(known):
    assert not any("no_gain" in codes(row) for row in known.itertuples())
    found = coatings("LCO", "Li7La3Zr2O12", candidates=["LiAlSiO4", "Li3PO4"])
    assert "no_gain" in codes(one(found, "LiAlSiO4"))
    assert "no_gain" not in codes(one(found, "Li3PO4"))


def test_contact_leaves_out_what_charging_does_by_itself():
    # LiCoO2 gives off its lithium at 4.3 V: no reaction with the coating.
    fluoride, cathode = parse_formula("LiF"), parse_formula("LiCoO2")
    assert interface("LiF", "LCO", voltage_v=4.3).reaction_energy_ev_per_atom < -0.1
    energy, reaction = contact(fluoride, cathode, champion(), voltage_v=4.3)
    assert energy == pytest.approx(0.0, abs=1e-9)
    assert reaction == ""


def test_contact_at_a_voltage_against_highs():
    first, second, voltage = parse_formula("LiCl"), parse_formula("LiCoO2"), 4.3
    energy, reaction = contact(first, second, champion(), voltage_v=voltage)
    system = champion().phases.system(champion().phases.elements_of(first, second))
    lithium = system.elements.index("Li")
    costs = system.energies + voltage * system.columns[lithium]
    rows = np.delete(system.columns, lithium, axis=0)

    def least(target):
        return linprog(costs, A_eq=rows, b_eq=target, method="highs").fun

    ends = []
    for formula in (first, second):
        amounts = np.delete(system.target(formula), lithium)
        ends.append(amounts / amounts.sum())
    apart = [least(end) for end in ends]
    fractions = np.linspace(0.0, 1.0, 101)
    added = [
        least(f * ends[0] + (1 - f) * ends[1]) - f * apart[0] - (1 - f) * apart[1]
        for f in fractions
    ]
    assert energy <= min(added) + 1e-9
    assert energy == pytest.approx(min(added), abs=2e-3)
    assert reaction.startswith("0.")
    assert " Li" in reaction.partition("->")[2]


def test_unusable_candidates_are_rows_with_an_error():
    candidates = ["LiNbO3", "Al2O3", "Li", "LiXe", "Li(", None]
    found = coatings("LCO", "Li6PS5Cl", candidates=candidates)
    assert found["formula"].iloc[0] == "LiNbO3"
    assert found["error"].iloc[0] is None
    failed = found.iloc[1:]
    assert not failed["passes"].any()
    assert failed["worst_reaction_energy_ev_per_atom"].isna().all()
    errors = {row.formula: row.error for row in failed.itertuples()}
    assert "no Li in it" in errors["Al2O3"]
    assert "metal" in errors["Li"]
    assert "no reference phase has Xe" in errors["LiXe"]
    assert all(errors.values())


def test_candidates_above_the_hull_are_kept():
    found = coatings("LCO", "Li7La3Zr2O12", candidates=["Li2.3C0.7B0.3O3", "Li3PO4"])
    mixed = one(found, "Li2.3C0.7B0.3O3")
    assert not mixed.passes
    assert mixed.e_hull_source == "model"
    assert {"model", "disorder"} <= codes(mixed)
    assert {"metastable", "unstable"} & codes(mixed)
    assert mixed.worst_reaction_energy_ev_per_atom <= 0.0


def test_no_candidates():
    found = coatings("LCO", "Li6PS5Cl", candidates=[])
    assert found.shape == (0, len(fields(Coating)) + 1)
    assert found.attrs["uncoated_reaction_energy_ev_per_atom"] < 0.0


def test_default_candidates(few):
    assert set(stable_phases("Li", few)) == {
        "Li2O", "Li2O2", "Li2S", "Li3PS4", "Li3P", "Li3PO4", "LiCl", "Li2SO4",
    }  # fmt: skip
    found = coatings("LiCoO2", "Li3PS4", model=few)
    assert set(found["formula"]) == set(stable_phases("Li", few))
    assert found["passes"].any()


@pytest.mark.parametrize("ion", ["Li", "Na"])
def test_excluded_elements_are_never_among_the_defaults(ion):
    found = stable_phases(ion)
    assert 300 < len(found) == len(set(found))
    for text in found:
        elements = parse_formula(text).amounts.keys()
        assert ion in elements
        assert len(elements) > 1
        assert not elements & EXCLUDED_ELEMENTS.keys()
    if ion == "Li":
        assert {"LiNbO3", "LiTaO3", "Li3PO4", "Li3BO3", "LiAlO2", "Li2ZrO3"} <= set(found)


def test_sodium():
    found = coatings("NaCrO2", "Na3PS4", candidates=["Na3PO4", "Li3PO4"], ion="Na", max_voltage_v=4)
    assert found["formula"].tolist() == ["Na3PO4", "Li3PO4"]
    assert "no Na in it" in found["error"].iloc[1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("NMC812", "Li6PS5Cl", {}), FormulaError, "did you mean"),
        (("LCO", "LiXe", {}), FormulaError, "Xe"),
        (("lithium", "Li6PS5Cl", {}), ConditionError, "metal of the ion"),
        (("LCO", "Li6PS5Cl", {"ion": "Mg"}), ConditionError, "Li, Na, K"),
        (("LCO", "Li6PS5Cl", {"min_voltage_v": 4.3}), ConditionError, "the lower first"),
        (("LCO", "Li6PS5Cl", {"min_voltage_v": -1.0}), ConditionError, "0 to 10 V"),
        (("LCO", "Li6PS5Cl", {"max_voltage_v": float("nan")}), ConditionError, "0 to 10 V"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, error, message):
    cathode, electrolyte, options = arguments
    with pytest.raises(error, match=message):
        coatings(cathode, electrolyte, candidates=["Li3PO4"], **options)


def test_no_bar_but_on_a_terminal(capfd):
    coatings("LCO", "Li6PS5Cl", candidates=["Li3PO4"])
    assert capfd.readouterr() == ("", "")
