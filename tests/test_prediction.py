"""Predictions of the shipped champion: order, consistency, warnings, errors."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mlsse.errors import ConditionError, FormulaError
from mlsse.prediction import COLUMN_GROUPS, IONS, SCORE_CARD, explain, predict, predict_rows
from mlsse.targets import inverse_temperature

KNOWN = ["Li7La3Zr2O12", "Li10GeP2S12", "Li6PS5Cl", "Li3YCl6", "Li2CO3"]


def row(formula, **conditions):
    return predict_rows([formula], **conditions)[0]


def codes(card):
    return [warning.split(":")[0] for warning in card["warnings"]]


def test_known_materials_come_in_a_sensible_order():
    value = {r["formula"]: r["log10_conductivity"] for r in predict_rows(KNOWN)}
    assert value["Li10GeP2S12"] > value["Li6PS5Cl"] > value["Li7La3Zr2O12"]
    assert all(value["Li2CO3"] < other - 3 for name, other in value.items() if name != "Li2CO3")
    assert row("Li6.4La3Zr1.4Ta0.6O12")["log10_conductivity"] > value["Li7La3Zr2O12"]
    assert row("LiF")["log10_conductivity"] < -9


def test_a_score_card_has_all_columns_and_is_strict_json():
    rows = predict_rows([*KNOWN, "Xx2O", "NaCl"])
    assert all(tuple(r) == SCORE_CARD for r in rows)
    json.dumps(rows, allow_nan=False)
    assert rows[0]["conductivity_kind"] == "total"
    assert rows[0]["mobile_ion"] == "Li"
    assert rows[0]["reduced_formula"] == "Li7La3Zr2O12"
    assert rows[0]["e_hull_source"] == "reference"
    assert rows[0]["oxidation_limit_v"] == pytest.approx(2.91, abs=0.01)


def test_table_and_rows_agree():
    table = predict(KNOWN)
    assert tuple(table.columns) == SCORE_CARD
    expected = [r["log10_conductivity"] for r in predict_rows(KNOWN)]
    assert table["log10_conductivity"].tolist() == expected
    assert len(predict("Li6PS5Cl")) == 1
    assert len(predict([])) == 0


@pytest.mark.parametrize("formula", [*KNOWN, "LiTaCl6", "Li0.33La0.56TiO3"])
def test_conductivity_is_an_arrhenius_line_with_the_stated_activation_energy(formula):
    temperatures = [200.0, 250.0, 298.15, 400.0, 600.0, 800.0]
    rows = [row(formula, temperature_k=t) for t in temperatures]
    t = np.array([inverse_temperature(k) for k in temperatures])
    values = np.array([r["log10_conductivity"] for r in rows])
    energies = {r["activation_energy_ev"] for r in rows}
    assert len(energies) == 1
    energy = energies.pop()
    assert energy > 0
    np.testing.assert_allclose(values, rows[2]["log10_conductivity"] - energy * t, atol=1e-6)
    for r in rows:
        assert (
            r["log10_conductivity_lower"] < r["log10_conductivity"] < r["log10_conductivity_upper"]
        )
        assert r["conductivity_s_per_cm"] == pytest.approx(10 ** r["log10_conductivity"])


@pytest.mark.parametrize("formula", KNOWN)
def test_superionic_probability_agrees_with_the_interval_at_every_temperature(formula):
    for temperature in np.arange(200.0, 801.0, 50.0):
        r = row(formula, temperature_k=temperature)
        assert (r["superionic_probability"] >= 0.95) == (r["log10_conductivity_lower"] >= -4)
        if r["log10_conductivity_upper"] < -4:
            assert r["superionic_probability"] <= 0.05


def test_a_formula_alone_and_in_a_batch_is_the_same():
    doped = [f"Li{7 - x / 100:.2f}La3Zr{2 - x / 100:.2f}Ta{x / 100:.2f}O12" for x in range(1, 100)]
    texts = [*KNOWN, *doped, "Xx", *(f"Li{i}MgCl{i + 2}" for i in range(1, 600))]
    batch = predict_rows(texts)
    for i in [*range(0, len(texts), 97), 0, 104]:
        alone = row(texts[i])
        for name in SCORE_CARD:
            if isinstance(alone[name], float):
                assert batch[i][name] == pytest.approx(alone[name], abs=1e-9), name
            else:
                assert batch[i][name] == alone[name], name


def test_scaling_and_order_of_a_formula_do_not_matter():
    one, other = row("Li6PS5Cl"), row("Cl2S10P2Li12")
    assert one["decomposition_products"] == "Li3PS4 + Li2S + LiCl"
    assert other["decomposition_products"] == "2 Li3PS4 + 2 Li2S + 2 LiCl"  # for one mole of it
    for name in set(SCORE_CARD) - {"formula", "decomposition_products"}:
        assert other[name] == (
            pytest.approx(one[name]) if isinstance(one[name], float) else one[name]
        )


def test_a_bad_formula_is_a_row_with_an_error_and_nothing_else():
    rows = predict_rows(["Li6PS5Cl", "Xx2O", None, 3.5, "Li6PS5Cl"])
    assert [r["error"] is None for r in rows] == [True, False, False, False, True]
    for r in rows[1:4]:
        filled = {name for name, value in r.items() if value not in (None, [])}
        assert filled == {"formula", "error"}
    assert "position 0" in rows[1]["error"]


def test_a_known_composition_is_its_own_nearest():
    r = row("Li10GeP2S12")
    assert r["nearest_known_formula"] == "Li10GeP2S12"
    assert r["nearest_known_distance"] == pytest.approx(0.0, abs=1e-6)
    assert r["in_domain"] is True


@pytest.mark.parametrize(
    ("formula", "conditions", "code"),
    [
        ("La2Zr2O7", {"ion": "Li"}, "mobile_ion_missing"),
        ("Na3PS4", {}, "ion_not_covered"),
        ("Li6PS5Cl", {"ion": "Na"}, "ion_not_covered"),
    ],
)
def test_no_conductivity_without_the_covered_ion(formula, conditions, code):
    r = row(formula, **conditions)
    assert code in codes(r)
    assert r["error"] is None
    for name in SCORE_CARD:
        if "conductivity" in name or name in ("activation_energy_ev", "superionic_probability"):
            assert r[name] is None, name
    assert r["in_domain"] is False
    assert 0 <= r["stable_probability"] <= r["metastable_probability"] <= 1


@pytest.mark.parametrize(
    ("formula", "conditions", "code"),
    [
        ("Li7La3Zr2O12", {}, "polymorphs"),
        ("Li7PS5Cl", {}, "charge_unbalanced"),
        ("LiC2H4O", {}, "organic"),
        ("LiU2Pu3", {}, "out_of_domain"),
        ("LiU2Pu3", {}, "unseen_elements"),
        ("Li6PS5Cl", {"temperature_k": 700}, "phase_change"),
        ("Li6PS5Cl", {"temperature_k": 210}, "temperature_extrapolated"),
        ("LiOD", {}, "note"),
    ],
)
def test_doubts_are_said_in_words(formula, conditions, code):
    assert code in codes(row(formula, **conditions))


def test_an_ordinary_conductor_has_no_warning():
    assert row("Li10GeP2S12")["warnings"] == []


def test_intervals_are_wider_for_the_unknown():
    def width(formula):
        r = row(formula)
        return r["log10_conductivity_upper"] - r["log10_conductivity_lower"]

    assert width("LiU2Pu3") > 1.5 * width("Li10GeP2S12")


@pytest.mark.parametrize("temperature", [0, 199.99, 801, math.nan, math.inf, "hot", None])
def test_impossible_temperatures_are_refused(temperature):
    with pytest.raises(ConditionError, match="200 to 800 K"):
        predict(["Li6PS5Cl"], temperature_k=temperature)


def test_an_unknown_ion_is_refused_with_the_known_ones():
    with pytest.raises(ConditionError, match=", ".join(IONS)):
        predict(["Li6PS5Cl"], ion="Xx")


def test_explain_tells_what_moves_a_prediction_and_names_the_nearest():
    explanation = explain("Li6.4La3Zr1.4Ta0.6O12")
    assert {label for label, _ in explanation.contributions} == {
        f"10 % more {e}" for e in ("Li", "La", "Zr", "Ta", "O")
    }
    sizes = [abs(change) for _, change in explanation.contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert len(explanation.nearest) == 3
    assert explanation.nearest[0].distance == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("formula", ["Li10GeP2S12", "LiU2Pu3", "Li3PdTe4Xe"])
def test_explain_has_reasons_where_the_flag_warns(formula):
    assert bool(explain(formula).domain_reasons) == (not row(formula)["in_domain"])


@pytest.mark.parametrize(
    ("formula", "ion", "reason"),
    [("Na3PS4", None, "not Na"), ("Li6PS5Cl", "Na", "not Na"), ("Na3PS4", "Li", "no Li")],
)
def test_explain_says_that_the_ion_is_not_covered(formula, ion, reason):
    explanation = explain(formula, ion=ion)
    assert len(explanation.domain_reasons) == 1
    assert reason in explanation.domain_reasons[0]
    assert explanation.contributions == []


def test_explain_without_datasets_says_how_to_fetch_them(monkeypatch, tmp_path):
    monkeypatch.setenv("MLSSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLSSE_DATA_MIRROR", str(tmp_path))
    explanation = explain("Li6PS5Cl")
    assert "mlsse data fetch" in explanation.note
    assert all(material.measurements == [] for material in explanation.nearest)


@pytest.mark.mirror
def test_explain_with_datasets_shows_measured_values_and_dois():
    explanation = explain("Li10GeP2S12")
    assert explanation.note == ""
    first = explanation.nearest[0].measurements
    assert any(m["doi"].startswith("10.") for m in first)
    assert all(1e-6 < m["conductivity_s_per_cm"] < 1 for m in first)


def test_explain_refuses_a_bad_formula():
    with pytest.raises(FormulaError, match="Xx"):
        explain("Xx2O")


@pytest.mark.parametrize(
    "groups", [["conductivity"], ["stability"], ["phases"], ["stability", "phases"]]
)
def test_groups_of_columns_are_computed_alone_to_the_same_values(groups):
    texts = [*KNOWN, "Na3PS4", "Xx2O"]
    left_out = {n for group in set(COLUMN_GROUPS) - set(groups) for n in COLUMN_GROUPS[group]}
    for part, whole in zip(predict_rows(texts, groups=groups), predict_rows(texts), strict=True):
        assert tuple(part) == SCORE_CARD
        for name in set(SCORE_CARD) - {"warnings"}:
            assert part[name] == (None if name in left_out else whole[name]), name
        assert set(part["warnings"]) <= set(whole["warnings"])
    assert (codes(row("Li7La3Zr2O12", groups=groups)) == ["polymorphs"]) == (
        groups == ["conductivity"]
    )


@pytest.mark.parametrize("groups", [[], ["energies"], "energies"])
def test_unknown_groups_are_refused_with_the_known_ones(groups):
    with pytest.raises(ConditionError, match="conductivity, stability, phases"):
        predict(["LiF"], groups=groups)


def test_each_row_may_have_its_own_conditions():
    rows = predict_rows(KNOWN[:3], temperature_k=[250, 300.5, 400], ion=["Li", None, "Na"])
    for got, formula, kelvin, ion in zip(
        rows, KNOWN, [250, 300.5, 400], ["Li", None, "Na"], strict=False
    ):
        alone = row(formula, temperature_k=kelvin, ion=ion)
        for name in SCORE_CARD:
            same = pytest.approx(alone[name], abs=1e-9)
            assert got[name] == (same if isinstance(alone[name], float) else alone[name]), name
    with pytest.raises(ConditionError, match="2 values of temperature_k for 1 formulas"):
        predict(["LiF"], temperature_k=[300, 310])
    with pytest.raises(ConditionError, match="200 to 800 K"):
        predict(["LiF", "LiCl"], temperature_k=[300, 100])
