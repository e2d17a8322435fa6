"""Figures of reports: every axis has a unit, every value is drawn."""

from __future__ import annotations

import numpy as np
import screens

from mlsse import report_figures
from mlsse.report_figures import ArrheniusLine


def labels(axes):
    return axes.get_xlabel(), axes.get_ylabel()


def test_conductivities_and_their_intervals():
    rows = [screens.card("Li6PS5Cl", -2.0), screens.card("Li2O", -9.0, in_domain=False)]
    (axes,) = report_figures.conductivities(rows).axes
    assert axes.get_xlabel() == "log10 of conductivity / (S/cm)"
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "Li$_{2}$O", "Li$_{6}$PS$_{5}$Cl",
    ]  # fmt: skip
    drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines[:4]]
    assert drawn == [(-10.0, 0), (-9.0, 0), (-3.0, 1), (-2.0, 1)]
    assert axes.lines[1].get_markerfacecolor() == "white"  # out of the domain


def test_an_arrhenius_panel_has_line_interval_and_measured_points():
    at = np.array([250.0, 400.0, 500.0])
    log10 = np.array([-6.0, -4.0, -3.0])
    measured = (("Li7La3Zr2O12", np.array([298.0, 700.0]), np.array([-5.0, -1.0])),)
    line = ArrheniusLine("Li7La3Hf2O12", at, log10, log10 - 1.0, log10 + 1.0, measured)
    figure = report_figures.arrhenius([line] * 4)
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 4
    axes = panels[0]
    assert labels(axes) == ("1000/T / (1/K)", "log10 of conductivity / (S/cm)")
    predicted, points = axes.lines
    np.testing.assert_allclose(predicted.get_xdata(), [4.0, 2.5, 2.0])
    np.testing.assert_allclose(points.get_xdata(), [1000.0 / 298.0])  # 700 K is off the panel
    assert points.get_label() == "Li$_{7}$La$_{3}$Zr$_{2}$O$_{12}$"
    assert len(axes.collections) == 1


def test_a_histogram_counts_all_finite_values():
    parts = {"in": np.array([1.0, 2.0, np.nan]), "out": np.array([3.0]), "none": np.zeros(0)}
    (axes,) = report_figures.histogram(parts, "T", "energy / eV", 2.0).axes
    assert labels(axes) == ("energy / eV", "number of candidates")
    assert sum(patch.get_height() for patch in axes.containers[-1]) == 1.0
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["in (2)", "out (1)"]


def test_no_value_gives_an_empty_figure():
    figure = report_figures.histogram({"in": np.array([np.nan])}, "T", "x / V")
    assert not figure.axes[0].patches


def test_a_trade_off_tells_front_list_and_rest_apart():
    x, y = np.array([1.0, 2.0, 3.0, np.nan]), np.array([3.0, 2.0, 1.0, 1.0])
    front, listed = np.array([True, False, False, True]), np.array([True, True, False, True])
    (axes,) = report_figures.trade_off(x, y, front, listed, ("a / V", "b / eV")).axes
    assert labels(axes) == ("a / V", "b / eV")
    assert {line.get_label(): line.get_xdata().tolist() for line in axes.lines} == {
        "not listed (1)": [3.0], "listed (1)": [2.0], "Pareto front (1)": [1.0],
    }  # fmt: skip


def test_families_with_their_errors():
    scores = {"n": 10, "mae": 1.0, "mae_ci95": [0.5, 1.5], "median_mae": 2.0}
    (axes,) = report_figures.by_family({"garnets": scores, "halides": scores}).axes
    assert axes.get_xlabel() == "mean absolute error / decades"
    assert [t.get_text() for t in axes.get_yticklabels()] == ["garnets (10)", "halides (10)"]
    assert axes.lines[0].get_xdata().tolist() == [0.5, 1.5]
