"""Speed: the figures are of the right thing; how good they are is for the benchmark to say."""

from __future__ import annotations

import pytest
import synthetic

from mlsse import speed
from mlsse.charges import is_charge_balanced
from mlsse.errors import DataUnavailableError
from mlsse.formulas import parse_formula


def test_generated_formulas_are_distinct_conductors():
    texts = speed.generated_formulas(3000)
    formulas = [parse_formula(text) for text in texts]
    assert len({formula.normal_form for formula in formulas}) == len(texts) == 3000
    assert all("Li" in formula.amounts for formula in formulas)
    assert {len(formula.amounts) for formula in formulas} <= set(range(3, 9))
    assert all(is_charge_balanced(formula) for formula in formulas)
    assert speed.generated_formulas(3000) == texts
    assert speed.generated_formulas(3000, seed=1) != texts


def test_featurize_compares_equal_matrices():
    figures = speed.featurize(speed.generated_formulas(60), n_matminer=20, repeats=1)
    assert (figures["n"], figures["n_matminer"]) == (60, 20)
    assert figures["max_abs_difference"] < 1e-9
    assert figures["ratio"] == pytest.approx(
        figures["matminer_us_per_formula"] / figures["us_per_formula"]
    )
    assert figures["ratio"] > 1


def test_read_is_per_formula():
    texts = speed.generated_formulas(200)
    figures = speed.read(texts, repeats=3)
    assert figures["n"] == 200
    assert 0.1 < figures["us_per_formula"] < 10_000


def test_fresh_processes(tmp_path):
    synthetic.write(tmp_path / "bundle")
    figures = speed.predict_fresh([*speed.generated_formulas(20), "Xx2O"], tmp_path / "bundle")
    assert (figures["n"], figures["errors"]) == (21, 1)
    assert figures["seconds"] > 0
    assert 20 < figures["peak_mb"] < 2000
    figures = speed.cold_start(repeats=1, folder=tmp_path / "bundle")
    assert set(figures) == {
        "help_seconds", "predict_seconds", "reference_seconds", "help_ratio", "predict_ratio",
    }  # fmt: skip
    assert figures["help_ratio"] < 1


@pytest.mark.parametrize("offline", [True, False])
def test_formulas_are_generated_where_there_are_no_datasets(monkeypatch, offline):
    def load_dataset(name):
        if offline:
            raise DataUnavailableError("nowhere")
        return {"formula": synthetic.pd.Series(["Li2O", "NaCl", "MgO", "LiF"])}

    monkeypatch.setattr(speed, "load_dataset", load_dataset)
    for name, value in (("_N_FEATURIZED", 4), ("_N_MATMINER", 2), ("_N_PREDICTED", 8)):
        monkeypatch.setattr(speed, name, value)
    monkeypatch.setattr(speed, "predict_fresh", lambda texts: {"n": len(texts)})
    monkeypatch.setattr(speed, "cold_start", lambda repeats: {})
    protocols = speed.measure()
    assert set(protocols) == {"featurize", "read", "predict_100k", "cold_start"}
    assert protocols["featurize"]["n"] == protocols["read"]["n"] == 4
    assert protocols["featurize"]["formulas"] == ("generated" if offline else "critexam")
    assert protocols["predict_100k"] == {"n": 8}
