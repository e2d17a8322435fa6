"""Figures of a run: what they draw is computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import synthetic

from mlsse import run_figures
from mlsse.evidence import Evidence, importance_table


def evidence():
    conductivity, stability = synthetic.fitted()
    importances = importance_table(
        {name: (model, stability.columns) for name, model in stability.models.items()}
    )
    return Evidence(conductivity.out_of_fold, stability.held_out, importances)


def test_coverage_counts_measured_values_inside_central_intervals():
    rows = pd.DataFrame({"rank": [0.5, 0.4, 0.1, 0.9, 0.0], "censored": ["none"] * 4 + ["upper"]})
    nominal, observed = run_figures.coverage(rows)
    at = dict(zip(nominal.round(2).tolist(), observed.tolist(), strict=True))
    assert at[0.05] == 0.25
    assert at[0.2] == 0.5
    assert at[0.75] == 0.5
    assert at[0.8] == 1.0


def test_reliability_has_means_of_bins_that_are_not_thin():
    probability = pd.Series([0.1] * 10 + [0.95] * 5 + [0.55] * 4 + [1.0])
    label = pd.Series([True] * 2 + [False] * 8 + [True] * 5 + [False] * 4 + [False])
    stated, observed = run_figures.reliability(probability, label)
    np.testing.assert_allclose(stated, [0.1, (0.95 * 5 + 1.0) / 6])
    np.testing.assert_allclose(observed, [0.2, 5 / 6])


def test_all_figures_are_drawn_with_titles_and_labels(tmp_path):
    figures = run_figures.draw_all(evidence())
    assert set(figures) == {
        "parity", "calibration", "interval_width", "residuals_by_family", "importances",
    }  # fmt: skip
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png")
        (axes,) = figure.axes
        assert axes.get_title()
        assert axes.get_ylabel() or name == "importances"
    rows = synthetic.fitted()[0].out_of_fold
    measured, bounds, _ = figures["parity"].axes[0].lines
    assert len(measured.get_xdata()) == (rows["censored"] == "none").sum()
    assert len(bounds.get_xdata()) == (rows["censored"] == "upper").sum()
    families = [
        text.get_text() for text in figures["residuals_by_family"].axes[0].get_xticklabels()
    ]
    assert "garnets\n21 rows" in families
