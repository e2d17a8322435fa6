"""Figures of benchmark records."""

from __future__ import annotations

import pytest

from mlsse import benchmark_figures
from mlsse.figures import save

BINS = [
    {"from": 0.0, "to": 0.1, "n": 30, "stated": 0.05, "observed": 0.1},
    {"from": 0.9, "to": 1.0, "n": 10, "stated": 0.95, "observed": 0.8},
]
PART = {"n": 40, "coverage_90": 0.85}


def test_stability_has_both_probabilities(tmp_path):
    record = {
        "benchmark": "stability",
        "protocols": {
            "critexam_test": {"n": 40},
            "critexam_test_doubt": {"stable_reliability": BINS, "metastable_reliability": BINS[:1]},
        },
    }
    figures = benchmark_figures.draw(record)
    assert list(figures) == ["stability_reliability"]
    axes = figures["stability_reliability"].axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "stable (40 rows)", "metastable (30 rows)",
    ]  # fmt: skip
    assert axes.lines[1].get_xydata().tolist() == [[0.05, 0.1], [0.95, 0.8]]
    save(figures["stability_reliability"], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_conductivity_has_coverage_as_well():
    record = {
        "benchmark": "conductivity",
        "protocols": {
            "grouped_cv_doubt": {
                "superionic_reliability": BINS,
                "by_family": {"garnets": PART, "other": PART},
                "by_temperature": {"200-288.15 K": PART},
            },
            "leave_one_family_out": {"families": {"garnets": {"n": 7, "coverage_90": 0.3}}},
        },
    }
    figures = benchmark_figures.draw(record)
    assert list(figures) == ["conductivity_reliability", "conductivity_coverage"]
    axes = figures["conductivity_coverage"].axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[::-1] == [
        "garnets (40)", "other (40)", "200-288.15 K (40)", "garnets, left out (7)",
    ]  # fmt: skip
    assert axes.get_xlim()[0] == pytest.approx(0.28)


def test_other_records_have_nothing_to_draw():
    assert benchmark_figures.draw({"benchmark": "speed", "protocols": {"read": {"us": 9}}}) == {}
