"""The benchmark of stability: no test compound is learned from, and the keys are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import synthetic

from mlsse import benchmarks, stability_benchmarks, training

SMOKE = Path(__file__).parents[1] / "experiments" / "smoke.toml"


def test_stability_learns_from_no_test_row(monkeypatch):
    random = np.random.default_rng(0)
    formulas = [
        f"{a}{random.integers(1, 4)}{b}{random.integers(1, 4)}{c}{random.integers(1, 7)}"
        for a in ("Li", "Na", "Mg") for b in ("P", "Al", "Ti") for c in ("O", "S", "F")
        for _ in range(8)
    ]  # fmt: skip
    X = synthetic.features(formulas).astype(np.float32)
    energy = random.normal(size=len(formulas))
    split = np.where(np.arange(len(formulas)) % 4, "train", "test")
    rows = training.StabilityRows(X, energy, energy - 1.0, split)
    learned = []
    honest = training.fit_stability

    def spy(rows, config, seed):
        learned.append(rows)
        return honest(rows, config, seed)

    monkeypatch.setattr(training, "fit_stability", spy)
    monkeypatch.setattr(training, "fit_conductivity", lambda *_: synthetic.fitted()[0])
    monkeypatch.setattr(
        training, "load_conductivity_rows", lambda sources: synthetic.conductivity_rows()
    )
    monkeypatch.setattr(training, "load_stability_rows", lambda: rows)

    def phases(splits):
        assert set(splits) == {"train", "val"}
        return synthetic.phases()

    monkeypatch.setattr(training, "load_phases", phases)
    monkeypatch.setattr(
        stability_benchmarks, "load_dataset", lambda name: pd.DataFrame({"formula": formulas})
    )
    protocols = benchmarks.run("stability", SMOKE)["protocols"]
    assert [set(known.split) for known in learned] == [{"train"}]
    np.testing.assert_array_equal(learned[0].decomposition_energy, energy[split == "train"])
    names = ("critexam_test", "critexam_test_median", "critexam_test_linear")
    assert set(protocols) == {*names, "critexam_test_doubt"}
    n_test = (split == "test").sum()
    for name in names:
        metastable = {"metastable_roc_auc", "metastable_brier"} if name == names[0] else set()
        assert set(protocols[name]) == metastable | {
            "n", "decomposition_energy_mae", "formation_energy_mae", "stable_f1",
            "stable_roc_auc", "stable_mcc", "stable_brier",
        }  # fmt: skip
        assert protocols[name]["n"] == n_test
    doubt = protocols["critexam_test_doubt"]
    for name, limit in (("stable", 0.0), ("metastable", 0.05)):
        bins = doubt[f"{name}_reliability"]
        assert sum(part["n"] for part in bins) == n_test
        n_true = sum(part["n"] * part["observed"] for part in bins)
        assert round(n_true) == (energy[split == "test"] <= limit).sum()
        assert 0 <= doubt[f"{name}_calibration_error"] <= 1
