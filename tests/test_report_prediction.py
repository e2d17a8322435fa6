"""The report of a prediction."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic
from pages import check_page, check_with_nu, words

from mlsse import prediction, report_prediction
from mlsse.documents import Table
from mlsse.errors import ConditionError
from mlsse.html_pages import MAX_BYTES, as_html, write_page
from mlsse.report_prediction import MAX_FORMULAS, prediction_report

FORMULAS = ["Li6PS5Cl", "Li7La3Zr2O12", "Li3PS4", "Na2S", "Li3 P S4", "Xx2O",
            "<script>alert(1)</script>"]  # fmt: skip
MEASURED = [
    {"conductivity_s_per_cm": 1e-3, "temperature_k": 298.0, "doi": "10.1/a|10.1/b",
     "censored": "none"},
    {"conductivity_s_per_cm": 1e-9, "temperature_k": 300.0, "doi": "", "censored": "upper"},
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("model") / "bundle")


@pytest.fixture
def _no_datasets(monkeypatch):
    note = "measured values: not at hand; fetch them"
    monkeypatch.setattr(prediction, "_measurements", lambda v: ([[] for _ in v], note))


@pytest.fixture
def _measured(monkeypatch):
    monkeypatch.setattr(prediction, "_measurements", lambda v: ([MEASURED for _ in v], ""))


def tables(document):
    blocks = [block for section in document.sections for block in section.blocks]
    return {block.caption: block for block in blocks if isinstance(block, Table)}


@pytest.mark.usefixtures("_no_datasets")
def test_the_report_says_what_the_prediction_says(model, tmp_path):
    made = prediction_report(FORMULAS, temperature_k=330.0, model=model)
    row = prediction.predict_rows("Li6PS5Cl", temperature_k=330.0, model=model)[0]
    card = tables(made)["Score card at 330 K"]
    assert [r[0] for r in card.rows] == FORMULAS[:5]
    assert f"{row['activation_energy_ev']:.2f}" in card.rows[0]
    errors = tables(made)["Formulas that cannot be used"]
    assert [r[0] for r in errors.rows] == FORMULAS[5:]
    assert [p.name for p in made.pictures()] == [
        "conductivity", "arrhenius", "windows", "interfaces",
    ]  # fmt: skip
    path = write_page(made, tmp_path / "report.html")
    shown = words(check_page(path.read_text("utf-8")))
    assert "<script>alert(1)</script>" in shown
    assert model.version in shown
    assert "Measured values: not at hand; fetch them." in shown
    for source in model.metadata["data"].values():
        assert source["licence"] in shown


@pytest.mark.usefixtures("_measured")
def test_measured_values_nearby_have_their_papers(model):
    made = prediction_report(["Li6PS5Cl"], model=model)
    text = as_html(made)
    check_page(text)
    assert '<a href="https://doi.org/10.1/a">10.1/a</a>' in text
    assert "none given" in text
    assert "below 1.0e-9" in text
    figure = next(p.figure for p in made.pictures() if p.name == "arrhenius")
    points = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert len(points) == 3  # of each of the nearest three; a bound is no point
    np.testing.assert_allclose(points[0].get_ydata(), [-3.0])


@pytest.mark.usefixtures("_no_datasets")
def test_formulas_without_conductivity_or_window_are_no_fault(model):
    for formulas, names in (
        (["Na2S", "MgO"], ["windows", "interfaces"]),
        (["MgO", "LiXe"], ["conductivity", "arrhenius"]),
        (["MgO"], []),
    ):
        made = prediction_report(formulas, model=model)
        assert [p.name for p in made.pictures()] == names
        check_page(as_html(made))


@pytest.mark.usefixtures("_no_datasets")
def test_many_formulas_stay_small_and_only_some_are_shown_in_detail(model, monkeypatch):
    monkeypatch.setattr(report_prediction, "MAX_DETAILED", 2)
    monkeypatch.setattr(report_prediction, "_MAX_HEAT_ROWS", 3)
    many = [f"Li{6 - i / 1000:.3f}PS{5 - i / 1000:.3f}Cl{1 + i / 1000:.3f}" for i in range(300)]
    made = prediction_report(many, model=model)
    text = as_html(made)
    assert len(text.encode()) < MAX_BYTES
    assert "The first 2 of 300 formulas are shown in detail." in text
    assert "the best 40 of 300 formulas" in text
    assert "The first 3 of 300 formulas." in text
    check_page(text)


def test_what_cannot_be_reported_on_is_refused(model):
    with pytest.raises(ConditionError, match=r"1,001 formulas .*`mlsse screen`"):
        prediction_report(["Li2O"] * (MAX_FORMULAS + 1), model=model)
    with pytest.raises(ConditionError, match="no formula can be used; the first: formula 'Xx'"):
        prediction_report(["Xx", "Yy"], model=model)
    with pytest.raises(ConditionError, match="temperature 5"):
        prediction_report(["Li2O"], temperature_k=5.0, model=model)


@pytest.mark.usefixtures("_measured")
def test_the_nu_checker_finds_nothing(model, tmp_path):
    check_with_nu(write_page(prediction_report(FORMULAS, model=model), tmp_path / "report.html"))
