from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlsse.bundle import load_model
from mlsse.explorer import model_figures
from mlsse.explorer.model_comparison import Comparison, compare, residuals_by_family

ROWS = pd.DataFrame(
    {
        "formula": ["Li6PS5Cl", "Li3YCl6", "LiPO2F", "Li3PO4", "Li3N"],
        "family": ["sulfides", "halides", "phosphates|oxyhalides", "phosphates", "other"],
        "temperature_k": 298.15,
        "censored": ["none", "none", "none", "upper", "none"],
        "log10_conductivity": [-2.0, -3.0, -8.0, -10.0, -5.0],
        "predicted_log10_conductivity": [-2.5, -4.0, -7.0, -9.0, -5.0],
        "rank": [0.9, 0.99, 0.2, 0.1, 0.5],
    }
)


def test_residuals_leave_bounds_out_and_count_a_row_in_each_of_its_families():
    found = residuals_by_family(ROWS)
    assert {name: values.tolist() for name, values in found.items()} == {
        "halides": [1.0], "other": [0.0], "oxyhalides": [-1.0], "phosphates": [-1.0],
        "sulfides": [0.5],
    }  # fmt: skip


def test_a_model_agrees_with_itself_on_what_it_knows():
    model = load_model()
    found = compare(model, model)
    assert len(found.formulas) == len(model.process.vectors)
    assert not found.differences.any()
    np.testing.assert_allclose(
        np.sort(found.measured), np.sort(model.process.known_log10), atol=1e-12
    )


def test_the_largest_difference_comes_first_whatever_its_sign():
    found = Comparison(
        ["a", "b", "c"], ["other"] * 3, np.array([-5.0, -5.0, -5.0]), np.array([-4.0, -8.0, -5.5]),
        np.zeros(3),
    )  # fmt: skip
    assert found.most_different(2).tolist() == [1, 0]
    assert found.differences.tolist() == [1.0, -3.0, -0.5]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_figures_have_units_and_say_what_they_show(mode):
    found = Comparison(["Li3N"], ["other"], np.array([-5.0]), np.array([-4.0]), np.array([-4.5]))
    drawn = {
        "parity": model_figures.parity("one", ROWS, mode),
        "residuals": model_figures.residuals({"one": ROWS, "two": ROWS}, mode),
        "disagreement": model_figures.disagreement(["one", "two"], found, mode),
    }
    assert "/ (S/cm)" in drawn["parity"][0].layout.xaxis.title.text
    assert drawn["residuals"][0].layout.yaxis.title.text.endswith("/ decades")
    assert "mean absolute error 0.62 decades; 1 bounds" in drawn["parity"][1]
    assert "mean difference 1.00 decades" in drawn["disagreement"][1]


def test_parity_shows_every_value_once():
    figure, _ = model_figures.parity("one", ROWS, "light")
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in points) == 4
    assert {trace.name for trace in points} == {"sulfides", "halides", "phosphates", "other"}


def test_calibration_reads_truth_values_as_the_store_spells_them():
    compounds = pd.DataFrame(
        {"stable": ["True"] * 6 + ["False"] * 6, "stable_probability": [0.95] * 6 + [0.05] * 6}
    )
    figure, text = model_figures.calibration({"one": ROWS}, {"one": compounds}, "light")
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["one, stable"].y) == [0.0, 1.0]
    assert "75 % inside the 90 % interval" in text


def test_formulas_of_users_are_never_markup():
    rows = ROWS.assign(formula="<img src=x onerror=alert(1)>")
    figure, _ = model_figures.parity("one", rows, "light")
    assert "<img" not in "".join(text for trace in figure.data if trace.text for text in trace.text)
