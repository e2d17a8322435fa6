from __future__ import annotations

import numpy as np
import pytest
from explorer import context, context_without_data

from mlsse.errors import FormulaError
from mlsse.explorer.answers import arrhenius_line, dois_of, measured_words, neighbours, power
from mlsse.explorer.context import load_measured
from mlsse.prediction import predict_rows


def test_a_known_material_is_its_own_neighbour_with_its_measurements():
    text = context().model.known_formula(0)
    nearest = neighbours(text, context())
    assert nearest[0].formula == text
    assert nearest[0].distance == pytest.approx(0.0, abs=1e-6)
    assert [row["log10_conductivity"] for row in nearest[0].measurements] == [-4.0, -3.0]
    distances = [known.distance for known in nearest]
    assert distances == sorted(distances)
    assert len(nearest) == 5


def test_neighbours_without_datasets_have_the_mean_of_the_model():
    bare = context_without_data()
    (known,) = neighbours(bare.model.known_formula(3), bare, 1)
    assert known.measurements == []
    assert known.room_log10_conductivity == bare.model.process.known_log10[3]


@pytest.mark.parametrize("text", ["Li6PS5Cl", "Li0.37Tm2Xe"])
def test_the_line_is_that_of_the_score_card(text):
    line = arrhenius_line(text, context())
    assert line.temperature_k[0] == 200.0
    assert line.temperature_k[-1] == 800.0
    assert {298.15, *line.supported_k} <= set(line.temperature_k.tolist())
    for place in (0, 20, -1):
        (row,) = predict_rows(
            [text], temperature_k=float(line.temperature_k[place]), model=context().model
        )
        assert row["log10_conductivity"] == pytest.approx(line.log10_conductivity[place])
        assert row["log10_conductivity_lower"] == pytest.approx(line.lower[place])
        assert row["log10_conductivity_upper"] == pytest.approx(line.upper[place])
        assert row["in_domain"] == line.in_domain
        assert row["activation_energy_ev"] == pytest.approx(line.activation_energy_ev)
    assert bool(line.domain_reasons) != line.in_domain


def test_the_line_is_straight_in_inverse_temperature():
    line = arrhenius_line("Li3N", context())
    slopes = np.diff(line.log10_conductivity) / np.diff(1.0 / line.temperature_k)
    assert slopes == pytest.approx(np.full(len(slopes), slopes[0]), rel=1e-6)


def test_no_line_without_lithium():
    with pytest.raises(FormulaError, match="no Li in it"):
        arrhenius_line("NaCl", context())


def test_words_of_measurements():
    assert power(-3.0, digits=0) == "1e-3"
    assert power(2.0) == "1.0e2"
    assert power(float("nan")) == "-"
    assert measured_words({"log10_conductivity": -4.0, "censored": "none"}) == "1.0e-4"
    assert measured_words({"log10_conductivity": -4.0, "censored": "lower"}) == "above 1.0e-4"
    assert dois_of("10.1/a|10.1/b") == ["10.1/a", "10.1/b"]
    assert dois_of(None) == dois_of("") == []


def test_absent_datasets_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("MLSSE_CACHE", str(tmp_path))
    monkeypatch.delenv("MLSSE_DATA_MIRROR", raising=False)
    measured, note = load_measured()
    assert measured is None
    assert "mlsse data fetch conductivity" in note


@pytest.mark.mirror
def test_neighbours_of_the_garnet_were_measured():
    from mlsse.datasets import fetch
    from mlsse.explorer.context import make_context

    fetch("conductivity")
    found = neighbours("Li7La3Zr2O12", make_context())
    assert found[0].formula == "Li7La3Zr2O12"
    assert len(found[0].measurements) >= 5
    assert all(row["doi"] for row in found[0].measurements)
