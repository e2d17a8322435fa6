"""Benchmarks of conductivity: what is scored was not learned from, with the published keys."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import invented
import numpy as np
import pandas as pd
import pytest
import synthetic
from invented import NEAR, NEAR_OFFICIAL, TEST_DOI

from mlsse import benchmarks, conductivity_benchmarks, refits, training
from mlsse.splits import family_masks

SMOKE = Path(__file__).parents[1] / "experiments" / "smoke.toml"
POINT = {"n", "mae", "mae_ci95", "rmse", "r2", "spearman"}
FULL = POINT | {
    "coverage_90", "mean_interval_width", "mean_interval_score", "mcc_1e-4", "roc_auc_1e-4",
    "brier_1e-4",
}  # fmt: skip
DOMAIN = {
    "in_domain_share", "mae_in_domain", "mae_out_of_domain", "error_ratio", "n_errors_above_1.5",
    "share_of_these_out_of_domain",
}  # fmt: skip
FAMILY = FULL | DOMAIN | {"median_of_rest_mae", "gain", "excess"}
CONVENTIONS = ("bounds_1e-15", "bounds_1e-10", "bounds_dropped", "censor_aware")


@pytest.fixture(scope="module")
def conductivity():
    """A record of invented rows, the rows it was to score, and the tables of every fit."""
    fits = []
    honest = training.fit_conductivity

    def spy(rows, config, seed):
        fits.append(rows.table)
        return honest(rows, config, seed)

    rows, trees = invented.rows(), synthetic.fitted()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "fit_conductivity", spy)
        patch.setattr(training, "fit_stability", lambda *_: trees)
        patch.setattr(training, "load_conductivity_rows", lambda sources: rows)
        patch.setattr(training, "load_phases", lambda *_: pytest.fail("needed for no conductivity"))
        record = benchmarks.run("conductivity", SMOKE)
    return SimpleNamespace(record=record, rows=rows, fits=fits, protocols=record["protocols"])


def test_record_is_strict_json_of_six_digits(conductivity):
    assert set(conductivity.record) == {"benchmark", "commit", "machine", "protocols"}
    text = json.dumps(conductivity.record, allow_nan=False)
    assert json.loads(text) == conductivity.record
    width = conductivity.protocols["grouped_cv"]["mean_interval_width"]
    assert width == float(f"{width:.6g}")


def test_protocols_have_the_published_keys(conductivity):
    protocols = conductivity.protocols
    for name in (
        *(f"obelix_test_{c}" for c in CONVENTIONS),
        *(f"{n}_{c}" for n in ("obelix_only", "obelix_test_leak_0.05") for c in CONVENTIONS[:2]),
    ):
        assert set(protocols[name]) == FULL | {"n_training_rows"}
    assert set(protocols["grouped_cv"]) == FULL | {"median_mae"}
    assert set(protocols["other_temperatures"]) == POINT | {
        "median_mae", "ratio_to_room_temperature",
    }  # fmt: skip
    assert set(protocols["activation_energy"]) == POINT | {"median_mae"}
    families = protocols["leave_one_family_out"]
    assert set(families) == FAMILY | {
        "families", "mean_gain", "worst_excess", "least_coverage_90",
    }  # fmt: skip
    for scores in families["families"].values():
        assert set(scores) == FAMILY
    assert set(protocols["obelix_test_domain"]) == DOMAIN | {"n"}
    assert set(protocols["grouped_cv_doubt"]) == {
        "intervals", "constant_width", "gain_over_constant_width", "best_constant_width",
        "gain_over_best_constant_width", "by_family", "by_temperature", "domain",
        "superionic_calibration_error", "superionic_reliability",
    }  # fmt: skip
    for baseline in ("median", "linear"):
        assert set(protocols[f"obelix_test_{baseline}_bounds_1e-10"]) == POINT


def test_no_test_row_and_no_leak_is_learned_from(conductivity):
    known, own, strict = conductivity.fits[:3]
    table = conductivity.rows.table
    test = table[table["split"] == "test"]
    for learned in (known, own, strict):
        assert not set(learned["formula"]) & set(test["formula"])
        assert not learned["doi"].str.contains(TEST_DOI).any()
        assert (learned["doi"] != "").all()
        assert NEAR not in set(learned["formula"])
    assert NEAR_OFFICIAL in set(known["formula"])
    assert NEAR_OFFICIAL in set(own["formula"])
    assert NEAR_OFFICIAL not in set(strict["formula"])
    # The test's paper with its hot rows, and three leaks, are all that goes.
    n_leaks = 2 + 1
    assert len(known) == len(table) - (table["doi"] == TEST_DOI).sum() - n_leaks
    assert set(own["source"]) == {"obelix"}
    assert set(own["split"]) == {"train"}
    assert len(own) == (table["split"] == "train").sum()
    assert conductivity.protocols["obelix_only_bounds_1e-10"]["n_training_rows"] == len(own)
    # Two more seeds of the first two.
    assert [len(fit) for fit in conductivity.fits[3:7]] == [len(known)] * 2 + [len(own)] * 2


def test_one_model_serves_all_conventions(conductivity):
    scores = {c: conductivity.protocols[f"obelix_test_{c}"] for c in CONVENTIONS}
    assert [scores[c]["n"] for c in CONVENTIONS] == [5, 5, 4, 5]
    # A bound that is 5 decades lower: one of the five rows errs by 5 decades more.
    difference = scores["bounds_1e-15"]["mae"] - scores["bounds_1e-10"]["mae"]
    assert difference == pytest.approx(5 / 5, abs=1e-4)
    assert scores["censor_aware"]["mae"] <= scores["bounds_1e-10"]["mae"]
    assert (
        scores["censor_aware"]["mean_interval_width"]
        == scores["bounds_1e-15"]["mean_interval_width"]
    )


def test_folds_share_no_paper_and_every_row_is_scored_once(conductivity):
    table = conductivity.rows.table
    one, other = (set("|".join(fit["doi"]).split("|")) for fit in conductivity.fits[7:9])
    assert not (one & other) - {""}
    assert len(conductivity.fits[7]) + len(conductivity.fits[8]) == len(table)
    n_room = int((table["temperature_k"] == 298.15).sum())
    assert conductivity.protocols["grouped_cv"]["n"] == n_room
    assert conductivity.protocols["other_temperatures"]["n"] == len(table) - n_room
    energies = table["activation_energy_ev"].notna().sum()
    assert conductivity.protocols["activation_energy"]["n"] == energies


def test_a_family_is_not_learned_from_and_bounds_count_as_1e12(conductivity):
    scores = conductivity.protocols["leave_one_family_out"]
    rows = conductivity.rows
    masks = {name: mask for name, mask in family_masks(rows.vectors).items() if mask.any()}
    assert list(scores["families"]) == list(masks)
    for (name, mask), learned in zip(masks.items(), conductivity.fits[9:], strict=True):
        assert len(learned) == len(rows) - mask.sum()
        assert not set(learned["formula"]) & set(rows.table["formula"][mask])
        assert scores["families"][name]["n"] == (mask & rows.at_room_temperature).sum()
    assert scores["n"] == sum(family["n"] for family in scores["families"].values())
    room = rows.table[rows.at_room_temperature]
    phosphate = room["doi"].str.contains("nasicon")
    truth = room["log10_conductivity"].where(room["censored"] == "none", -12.0)
    expected = (truth[phosphate] - truth[~phosphate].median()).abs().mean()
    assert scores["families"]["phosphates"]["median_of_rest_mae"] == pytest.approx(expected)


def test_gains_over_the_median_of_the_rest(conductivity):
    scores = conductivity.protocols["leave_one_family_out"]
    families = scores["families"].values()
    gains = [1 - f["mae"] / f["median_of_rest_mae"] for f in families]
    assert [f["gain"] for f in families] == pytest.approx(gains, abs=1e-4)
    assert scores["mean_gain"] == pytest.approx(np.mean(gains), abs=1e-4)
    excesses = [f["mae"] - f["median_of_rest_mae"] for f in families]
    assert scores["worst_excess"] == pytest.approx(max(excesses), abs=1e-4)
    assert scores["least_coverage_90"] == min(f["coverage_90"] for f in families)


def test_doubt_is_scored_on_the_rows_of_the_cross_validation(conductivity):
    doubt, scores = conductivity.protocols["grouped_cv_doubt"], conductivity.protocols["grouped_cv"]
    for name in ("n", "coverage_90", "mean_interval_width", "mean_interval_score"):
        assert doubt["intervals"][name] == scores[name]
    gain = 1 - scores["mean_interval_score"] / doubt["constant_width"]["mean_interval_score"]
    assert doubt["gain_over_constant_width"] == pytest.approx(gain, abs=1e-4)
    # No family of these rows shares a row with another one.
    assert sum(part["n"] for part in doubt["by_family"].values()) == scores["n"]
    n_rows = {band: part["n"] for band, part in doubt["by_temperature"].items()}
    other = conductivity.protocols["other_temperatures"]
    assert n_rows == {"288.15-308.15 K": scores["n"], "308.15-373.15 K": other["n"]}
    assert other["ratio_to_room_temperature"] == pytest.approx(
        other["mae"] / scores["mae"], abs=1e-4
    )
    undecided = 0  # every invented bound is far below 1e-4 S/cm
    assert sum(b["n"] for b in doubt["superionic_reliability"]) == scores["n"] - undecided


def test_seeds_change_the_errors_little_and_begin_with_the_published_one(conductivity):
    spread = conductivity.protocols["obelix_test_seeds"]
    for name in ("obelix_test", "obelix_only"):
        assert spread[name]["seeds"] == [0, 1, 2]
        for convention in CONVENTIONS[:2]:
            found = spread[name][convention]
            assert found["mae"][0] == conductivity.protocols[f"{name}_{convention}"]["mae"]
            assert len(set(found["mae"])) == 3
            assert found["mean"] == pytest.approx(np.mean(found["mae"]), abs=1e-4)
            assert found["standard_deviation"] == pytest.approx(
                np.std(found["mae"], ddof=1), rel=1e-2
            )


def test_median_of_the_other_folds():
    truth, folds = np.array([1.0, 2.0, 3.0, 10.0, 99.0]), np.array([0, 0, 1, 1, 1])
    scored = np.array([True, True, True, True, False])
    # 6.5 for the first two, 1.5 for the others: errors 5.5, 4.5, 1.5 and 8.5.
    assert conductivity_benchmarks._median_mae(truth, folds, scored) == pytest.approx(5.0)
    assert conductivity_benchmarks._median_mae(truth, np.zeros(5, int), scored) is None


@pytest.mark.mirror
def test_obelix_test_split_is_the_official_one(monkeypatch):
    rows = training.load_conductivity_rows(["obelix", "liverpool", "laskowski"])
    asked_of = {}

    def no_fit(experiment, known, asked, what):
        asked_of[what] = known, asked
        columns = dict.fromkeys(refits.SCORED, 0.5)
        card = pd.DataFrame(columns | {"in_domain": True}, index=range(len(asked)))
        return refits.Refit(card, pd.DataFrame())

    monkeypatch.setattr(conductivity_benchmarks, "refit", no_fit)
    monkeypatch.setattr(conductivity_benchmarks, "_seed_spread", lambda *_: {})
    obelix = training.load_conductivity_rows(["obelix"])
    protocols = conductivity_benchmarks.obelix_protocols(rows, obelix, synthetic.smoke_experiment())
    known, asked = asked_of["obelix_test"]
    assert len(asked) == protocols["obelix_test_bounds_1e-15"]["n"] == 121
    assert asked.measurements.is_bound.sum() == 8
    assert protocols["obelix_test_bounds_dropped"]["n"] == 113
    assert len(asked_of["obelix_only"][0]) == 478
    test_dois = {doi for text in asked.table["doi"] for doi in text.split("|")}
    dois = {doi for text in known.table["doi"] for doi in text.split("|")}
    assert not test_dois & dois
    assert "" not in dois
    assert len(asked_of["obelix_test_leak_0.05"][0]) < len(known)
