"""What a training shows: rows that were held out, and what the trees leaned on."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic
from sklearn.ensemble import HistGradientBoostingRegressor

from mlsse import metrics
from mlsse.estimators import feature_importances
from mlsse.evidence import importance_table
from mlsse.features import feature_names
from mlsse.splits import grouped_folds
from mlsse.targets import inverse_temperature
from mlsse.training import out_of_fold_lines


def test_out_of_fold_rows_are_those_of_the_cross_validation():
    rows, fitted = synthetic.conductivity_rows(), synthetic.fitted()[0]
    table = fitted.out_of_fold
    folds = grouped_folds(rows.groups, 2, 0)
    raw = out_of_fold_lines(rows, folds, synthetic.smoke_experiment().conductivity)
    lines = fitted.trust(raw)
    t = np.array([inverse_temperature(k) for k in rows.table["temperature_k"]])
    np.testing.assert_allclose(table["predicted_log10_conductivity"], lines.log10_conductivity(t))
    assert table["formula"].tolist() == rows.table["formula"].tolist()
    np.testing.assert_array_equal(table["log10_conductivity"], rows.table["log10_conductivity"])
    low, high = (table[f"predicted_log10_conductivity_{end}"] for end in ("lower", "upper"))
    assert (low < high).all()
    room = rows.table["temperature_k"] == 298.15
    error = metrics.mae(
        *(table[room][n] for n in ("log10_conductivity", "predicted_log10_conductivity")),
        table["censored"][room].to_numpy(dtype=str),
    )
    assert error == pytest.approx(fitted.report["mae_room_temperature"])


def test_rank_is_the_place_in_the_predicted_distribution():
    table = synthetic.fitted()[0].out_of_fold
    inside = table["log10_conductivity"].between(
        table["predicted_log10_conductivity_lower"], table["predicted_log10_conductivity_upper"]
    )
    np.testing.assert_array_equal(table["rank"].between(0.05, 0.95), inside)


def test_families_are_those_of_the_splits():
    table = synthetic.fitted()[0].out_of_fold
    family = dict(zip(table["formula"], table["family"], strict=True))
    assert family["Li7La3Zr2O12"] == "garnets"
    assert family["Li3YCl6"] == "halides"
    assert family["LiNbO3"] == "other"


def test_held_out_compounds_carry_calibrated_probabilities():
    stability = synthetic.fitted()[1]
    held_out = stability.held_out
    brier = np.mean((held_out["stable_probability"] - held_out["stable"]) ** 2)
    assert brier == pytest.approx(stability.report["stable_brier"])


def test_importances_find_the_column_that_matters():
    random = np.random.default_rng(0)
    X = random.random((300, 4))
    model = HistGradientBoostingRegressor(random_state=0).fit(X, 3.0 * X[:, 2])
    shares = feature_importances(model)
    assert shares.shape == (4,)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[2] > 0.9


def test_trees_without_a_split_have_no_importances():
    X = np.random.default_rng(0).random((50, 3))
    model = HistGradientBoostingRegressor(max_iter=3).fit(X, np.zeros(50))
    assert feature_importances(model).tolist() == [0.0, 0.0, 0.0]


def test_importance_table_puts_shares_at_the_features_that_a_model_saw():
    _, stability = synthetic.fitted()
    table = importance_table(
        {name: (model, stability.columns) for name, model in stability.models.items()}
    )
    assert table.index.tolist() == list(feature_names())
    np.testing.assert_allclose(table.sum(), 1.0)
    unseen = np.setdiff1d(np.arange(len(table)), stability.columns)
    assert not table["stable"].to_numpy()[unseen].any()
