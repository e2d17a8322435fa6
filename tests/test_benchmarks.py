"""Benchmarks: what is scored was not learned from, and the record has the published keys."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import synthetic

from mlsse import benchmarks, provenance, training
from mlsse.bundle import STABILITY_TREES
from mlsse.errors import ConfigError
from mlsse.features import fraction_columns
from mlsse.splits import composition_groups, family_masks
from mlsse.targets import inverse_temperature

SMOKE = Path(__file__).parents[1] / "experiments" / "smoke.toml"
POINT = {"n", "mae", "mae_ci95", "rmse", "r2", "spearman"}
FULL = POINT | {"coverage_90", "mean_interval_width", "mcc_1e-4", "roc_auc_1e-4"}
TEST_DOI = "10.1/halide In"
NEAR, NEAR_OFFICIAL = "Li2.951In0.95Zr0.05Cl6", "Li2.94In0.94Zr0.06Cl6"
CONVENTIONS = ("bounds_1e-15", "bounds_1e-10", "bounds_dropped", "censor_aware")


def members(x):
    """Fifteen families at one doping: paper, log10 conductivity, formula."""
    for i, metal in enumerate(("Y", "In", "Sc", "Er", "Ho")):
        formula = f"Li{3 - x:.2f}{metal}{1 - x:.2f}Zr{x}Cl6"
        yield f"10.1/halide {metal}", -3.0 - 0.2 * i - 2 * x, formula
    for i, halogen in enumerate(("Cl", "Br", "I")):
        formula = f"Li{6 - x:.2f}PS{5 - x:.2f}{halogen}{1 + x:.2f}"
        yield f"10.1/sulfide {halogen}", -2.5 - i - 2 * x, formula
    for i, metal in enumerate(("Ta", "Nb", "W")):
        formula = f"Li{6 - x:.2f}La3Zr{1 - x:.2f}{metal}{1 + x:.2f}O12"
        yield f"10.1/garnet {metal}", -3.5 - 0.1 * i - 2 * x, formula
    for i, metal in enumerate(("Ti", "Ge", "Zr", "Hf")):
        formula = f"Li{1 + x:.2f}Al{x}{metal}{2 - x:.2f}P3O12"
        yield f"10.1/nasicon {metal}", -4.0 - i - 2 * x, formula


def invented_rows():
    """Five members of each family, the last one only a bound; halides are measured hot as well.

    Chlorides of indium are the test of OBELiX. Leaks: one member of the sulfides is also of
    the test's paper, one has no paper, and a halide of Liverpool is almost a test row. So is
    one of OBELiX's own training rows, which leaks in the strict variant alone.
    """
    rows = [
        (formula, -10.0 if x == 0.25 else log10 + (temperature_k > 300), temperature_k, x, doi)
        for x in (0.05, 0.1, 0.15, 0.2, 0.25)
        for doi, log10, formula in members(x)
        for temperature_k in ((298.15, 353.15) if "halide" in doi else (298.15,))
    ]
    table = pd.DataFrame(
        rows, columns=["formula", "log10_conductivity", "temperature_k", "x", "doi"]
    )
    table["censored"] = np.where(table["x"] == 0.25, "upper", "none")
    # OBELiX knows room temperature alone.
    hot = table["temperature_k"] > 300
    table["source"], table["split"] = "obelix", "train"
    table.loc[table["doi"].str.contains("sulfide") | hot, ["source", "split"]] = ["liverpool", ""]
    table.loc[(table["doi"] == TEST_DOI) & ~hot, "split"] = "test"
    sulfides = table.index[table["doi"].str.contains("sulfide")]
    table.loc[sulfides[0], "doi"] += "|" + TEST_DOI
    table.loc[sulfides[1], "doi"] = ""
    near = table.index[(table["doi"] == "10.1/halide Sc") & ~hot]
    table.loc[near[0], ["formula", "source", "split"]] = [NEAR, "liverpool", ""]
    table.loc[near[1], "formula"] = NEAR_OFFICIAL
    table["activation_energy_ev"] = np.where(hot, 0.4, np.nan)
    measurements = training.Measurements(
        synthetic.features(table["formula"]),
        table["log10_conductivity"].to_numpy(),
        np.array([inverse_temperature(t) for t in table["temperature_k"]]),
        (table["censored"] == "upper").to_numpy(),
        table["activation_energy_ev"].to_numpy(),
    )
    groups = composition_groups(measurements.features[:, fraction_columns()], table["doi"])
    return training.ConductivityRows(table, measurements, groups)


@pytest.fixture(scope="module")
def conductivity():
    """A record of invented rows, the rows it was to score, and the tables of every fit."""
    fits = []
    honest = training.fit_conductivity

    def spy(rows, config, seed):
        fits.append(rows.table)
        return honest(rows, config, seed)

    rows, trees = invented_rows(), synthetic.fitted()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "fit_conductivity", spy)
        patch.setattr(training, "fit_stability", lambda *_: trees)
        patch.setattr(training, "load_conductivity_rows", lambda sources: rows)
        patch.setattr(training, "load_phases", synthetic.phases)
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
    assert set(protocols["other_temperatures"]) == POINT | {"median_mae"}
    assert set(protocols["activation_energy"]) == POINT | {"median_mae"}
    families = protocols["leave_one_family_out"]
    assert set(families) == FULL | {"median_of_rest_mae", "families"}
    for scores in families["families"].values():
        assert set(scores) == FULL | {"median_of_rest_mae", "in_domain_share"}
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
    one, other = (set("|".join(fit["doi"]).split("|")) for fit in conductivity.fits[3:5])
    assert not (one & other) - {""}
    assert len(conductivity.fits[3]) + len(conductivity.fits[4]) == len(table)
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
    for (name, mask), learned in zip(masks.items(), conductivity.fits[5:], strict=True):
        assert len(learned) == len(rows) - mask.sum()
        assert not set(learned["formula"]) & set(rows.table["formula"][mask])
        assert scores["families"][name]["n"] == (mask & rows.at_room_temperature).sum()
    assert scores["n"] == sum(family["n"] for family in scores["families"].values())
    room = rows.table[rows.at_room_temperature]
    phosphate = room["doi"].str.contains("nasicon")
    truth = room["log10_conductivity"].where(room["censored"] == "none", -12.0)
    expected = (truth[phosphate] - truth[~phosphate].median()).abs().mean()
    assert scores["families"]["phosphates"]["median_of_rest_mae"] == pytest.approx(expected)


def test_median_of_the_other_folds():
    truth, folds = np.array([1.0, 2.0, 3.0, 10.0, 99.0]), np.array([0, 0, 1, 1, 1])
    scored = np.array([True, True, True, True, False])
    # 6.5 for the first two, 1.5 for the others: errors 5.5, 4.5, 1.5 and 8.5.
    assert benchmarks._median_mae(truth, folds, scored) == pytest.approx(5.0)
    assert benchmarks._median_mae(truth, np.zeros(5, int), scored) is None


def test_domain_flag_scores():
    rows = synthetic.conductivity_rows()[np.arange(len(synthetic.conductivity_rows())) < 4]
    truth = rows.measurements.log10_conductivity
    card = pd.DataFrame(
        {
            "log10_conductivity": truth + np.array([0.5, 1.0, 2.0, -4.0]),
            "in_domain": [True, True, True, False],
        }
    )
    assert benchmarks._domain_scores(rows, card) == pytest.approx(
        {
            "n": 4,
            "in_domain_share": 0.75,
            "mae_in_domain": 3.5 / 3,
            "mae_out_of_domain": 4.0,
            "n_errors_above_1.5": 2,
            "share_of_these_out_of_domain": 0.5,
        }
    )


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
        benchmarks, "load_dataset", lambda name: pd.DataFrame({"formula": formulas})
    )
    protocols = benchmarks.run("stability", SMOKE)["protocols"]
    assert [set(known.split) for known in learned] == [{"train"}]
    np.testing.assert_array_equal(learned[0].decomposition_energy, energy[split == "train"])
    assert set(protocols) == {"critexam_test", "critexam_test_median", "critexam_test_linear"}
    for scores in protocols.values():
        assert set(scores) == {
            "n", "decomposition_energy_mae", "formation_energy_mae", "stable_f1",
            "stable_roc_auc", "stable_mcc", "stable_brier",
        }  # fmt: skip
        assert scores["n"] == (split == "test").sum()


def test_shipped_experiment_is_the_default(monkeypatch):
    expected = synthetic.smoke_experiment()
    metadata = json.loads(json.dumps({"experiment": dataclasses.asdict(expected)}))
    monkeypatch.setattr(benchmarks, "load_model", lambda: SimpleNamespace(metadata=metadata))
    found = benchmarks._shipped_experiment()
    assert json.dumps(dataclasses.asdict(found)) == json.dumps(dataclasses.asdict(expected))
    assert getattr(found.stability, STABILITY_TREES[0]) == getattr(
        expected.stability, STABILITY_TREES[0]
    )


def test_unknown_benchmark():
    with pytest.raises(ConfigError, match="'luck': expected one of conductivity, stability, speed"):
        benchmarks.run("luck")


def test_numbers_are_rounded_and_plain():
    given = {"a": np.float64(1.23456789), "b": [np.int64(3), None, "x", True], "c": (1e-15,)}
    assert benchmarks._rounded(given) == {"a": 1.23457, "b": [3, None, "x", True], "c": [1e-15]}
    assert type(benchmarks._rounded(np.int64(3))) is int


def test_machine_is_described_but_not_named():
    machine = provenance.machine()
    assert set(machine) == {"cpu", "cores", "python", "platform", "versions"}
    assert machine["cores"] >= 1
    assert machine["versions"]["numpy"] == np.__version__


@pytest.mark.mirror
def test_obelix_test_split_is_the_official_one(monkeypatch):
    rows = training.load_conductivity_rows(["obelix", "liverpool", "laskowski"])
    asked_of = {}

    def no_fit(experiment, known, asked, what):
        asked_of[what] = known, asked
        columns = dict.fromkeys(benchmarks._SCORED, 0.5)
        return pd.DataFrame(columns | {"in_domain": True}, index=range(len(asked)))

    monkeypatch.setattr(benchmarks, "_predict", no_fit)
    obelix = training.load_conductivity_rows(["obelix"])
    protocols = benchmarks.obelix_protocols(rows, obelix, synthetic.smoke_experiment())
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
