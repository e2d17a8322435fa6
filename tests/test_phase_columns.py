"""The thermodynamic columns of the score card equal hull and window, one formula at a time."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse.bundle import champion
from mlsse.formulas import parse_formula
from mlsse.phase_columns import PHASE_COLUMNS, phase_columns
from mlsse.prediction import SCORE_CARD, predict_rows
from mlsse.speed import generated_formulas
from mlsse.thermodynamics import hull, mixture
from mlsse.windows import window

KNOWN = ["Li3PS4", "Li10GeP2S12", "Li7La3Zr2O12", "LiCl", "Na3SbS4", "Li2CO3", "KCl", "LiNiO2"]


def columns_of(texts, ions=None):
    formulas = [parse_formula(text) for text in texts]
    energies = np.full(len(texts), 0.25)
    return phase_columns(formulas, ions or ["Li"] * len(texts), energies, champion())


def test_columns_are_those_of_the_score_card():
    columns, warnings = columns_of(["Li3PS4"])
    assert tuple(columns) == PHASE_COLUMNS
    assert set(PHASE_COLUMNS) <= set(SCORE_CARD)
    assert [len(c) for c in columns.values()] == [1] * len(PHASE_COLUMNS)
    assert warnings == [[]]


@pytest.mark.parametrize("texts", [KNOWN, generated_formulas(40, seed=3)])
def test_many_at_once_equal_one_at_a_time(texts):
    rows = predict_rows(texts)
    for row in rows:
        found = hull(row["formula"])
        assert row["e_hull_ev_per_atom"] == pytest.approx(found.e_hull_ev_per_atom, abs=1e-6)
        assert row["e_hull_source"] == found.source
        if row["e_hull_ev_per_atom"] > 1e-9 or found.source == "model":
            assert row["decomposition_products"] == mixture(found.products)
        else:
            assert row["decomposition_products"] is None
        of_window = window(row["formula"], row["mobile_ion"])
        assert row["reduction_limit_v"] == pytest.approx(of_window.reduction_limit_v, abs=1e-9)
        assert row["oxidation_limit_v"] == pytest.approx(of_window.oxidation_limit_v, abs=1e-9)


def test_order_and_company_do_not_matter():
    texts = [*KNOWN, *generated_formulas(30, seed=4)]
    columns, _ = columns_of(texts)
    backwards, _ = columns_of(texts[::-1])
    for name in PHASE_COLUMNS:
        assert backwards[name][::-1] == pytest.approx(columns[name], nan_ok=True) or (
            backwards[name][::-1] == columns[name]
        )


def test_unknown_compound_has_the_energy_of_the_model():
    columns, _ = columns_of(["Li6.4La3Zr1.4Ta0.6O12", "Li10GeP2S12"])
    assert columns["e_hull_source"] == ["model", "reference"]
    assert columns["e_hull_ev_per_atom"][0] == 0.25
    assert columns["e_hull_ev_per_atom"][1] == pytest.approx(0.0188, abs=1e-3)
    assert columns["decomposition_products"][1] == "2 Li3PS4 + Li4GeS4"


def test_element_without_reference_leaves_the_phases_empty_and_says_so():
    columns, warnings = columns_of(["Li2XeO4", "Li2O"])
    assert columns["reduction_limit_v"][0] is None
    assert columns["decomposition_products"][0] is None
    assert columns["e_hull_ev_per_atom"][0] == 0.25  # the models know xenon
    assert "no reference phase has Xe" in warnings[0][0]
    assert columns["oxidation_limit_v"][1] == pytest.approx(2.91, abs=0.01)


@pytest.mark.parametrize(("text", "ion"), [("ZrO2", "Li"), ("Na3PS4", "Li"), ("MgO", "Mg")])
def test_no_window_without_its_ion(text, ion):
    columns, _ = columns_of([text], [ion])
    assert columns["reduction_limit_v"] == columns["oxidation_limit_v"] == [None]
    assert columns["e_hull_source"] == ["reference"]


def test_element_is_its_own_reference():
    columns, _ = columns_of(["Li", "S8"])
    assert columns["e_hull_ev_per_atom"] == [0.0, 0.0]
    assert columns["reduction_limit_v"] == [None, None]


def test_window_read_beyond_the_formula_is_flagged():
    _, warnings = columns_of(["Li6.8La3Zr2O12"])  # a fifth of a lithium ion is missing
    assert any(note.startswith("off_stoichiometry: ") for note in warnings[0])
