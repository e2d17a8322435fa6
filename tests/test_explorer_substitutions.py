from __future__ import annotations

import numpy as np
import pytest
from explorer import context

from mlsse.errors import ConditionError, ConfigError, FormulaError
from mlsse.explorer.substitutions import Doping, follow, read_charges, sites_of
from mlsse.formulas import parse_formula
from mlsse.prediction import predict_rows


def test_lithium_makes_up_for_the_charge():
    scores = follow(Doping("Li7La3Zr2O12", "Zr", "Ta"), 298.15, context())
    assert len(scores.x) == 41
    assert scores.x == pytest.approx(np.linspace(0.0, 2.0, 41))
    assert scores.formulas[0] == "Li7La3Zr2O12"
    for x, text in zip(scores.x, scores.formulas, strict=True):
        amounts = parse_formula(text).amounts
        assert amounts["Li"] == pytest.approx(7.0 - x)
        assert amounts.get("Ta", 0.0) == pytest.approx(x)
        assert amounts.get("Zr", 0.0) == pytest.approx(2.0 - x)


def test_the_scores_are_those_of_the_formulas():
    scores = follow(Doping("Li6PS5Cl", "Cl", "Br"), 350.0, context())
    (row,) = predict_rows([scores.formulas[10]], temperature_k=350.0, model=context().model)
    for name in ("log10_conductivity", "e_hull_ev_per_atom", "oxidation_limit_v"):
        assert scores.columns[name][10] == pytest.approx(row[name])


def test_the_series_ends_where_lithium_does():
    scores = follow(Doping("Li2ZrCl6", "Zr", "Nb", (("Nb", 5),)), 298.15, context())
    lithium = [parse_formula(text).amounts["Li"] for text in scores.formulas]
    assert min(lithium) > 0.0
    assert parse_formula(scores.formulas[-1]).amounts["Li"] == pytest.approx(1.0)


def test_charges_can_be_given():
    doping = Doping("Li10GeP2S12", "Ge", "Sn", (("Ge", 4), ("Sn", 4), ("P", 5)))
    scores = follow(doping, 298.15, context())
    assert all(parse_formula(text).amounts["Li"] == 10.0 for text in scores.formulas)


@pytest.mark.parametrize(
    ("doping", "error", "why"),
    [
        (Doping("NaCl", "Cl", "Br"), FormulaError, "no Li in it"),
        (Doping("Li7La3Zr2O12", "Cl", "Br"), ConfigError, "has no Cl"),
        (Doping("Li6PS5Cl", "Cl", "Cl"), ConfigError, "cannot replace itself"),
        (Doping("Li6PS5Cl", "Cl", "Na"), ConfigError, "common charge of the sign"),
        (Doping("Li6PS5", "S", "O"), ConfigError, "neutral"),
    ],
)
def test_impossible_substitutions_are_refused(doping, error, why):
    with pytest.raises(error, match=why):
        follow(doping, 298.15, context())


def test_impossible_temperatures_are_refused():
    with pytest.raises(ConditionError):
        follow(Doping("Li6PS5Cl", "Cl", "Br"), 5.0, context())


def test_charges_are_read():
    assert read_charges("") == ()
    assert read_charges("Ge=4 P = +5,S=-2") == (("Ge", 4), ("P", 5), ("S", -2))
    for text in ("Ge", "Ge=4; rm", "Qq=2"):
        with pytest.raises(ConfigError, match="expected such as"):
            read_charges(text)


def test_sites_are_the_elements():
    assert sites_of("Li6PS5Cl") == ["Li", "P", "S", "Cl"]
