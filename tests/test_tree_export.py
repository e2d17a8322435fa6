"""ONNX graphs against the scikit-learn models that they were written from."""

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)

from mlsse.errors import BundleError
from mlsse.tree_export import _float32_below, to_onnx

N_FEATURES = 6


def open_session(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run(graph, X):
    return open_session(graph).run(["y"], {"X": X})[0]


def continuous_features(n=400):
    return np.random.default_rng(0).normal(size=(n, N_FEATURES)).astype(np.float32)


def target(X):
    return -8.0 + 2.0 * np.nan_to_num(X[:, 0]) + np.sin(3.0 * np.nan_to_num(X[:, 1]))


def targets(X):
    return np.column_stack([target(X), 0.3 + 0.1 * np.nan_to_num(X[:, 2]) ** 2])


SINGLE_OUTPUT = {
    "boosting_squared": HistGradientBoostingRegressor(max_iter=60, random_state=0),
    "boosting_absolute": HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=60, random_state=0
    ),
    "boosting_quantile": HistGradientBoostingRegressor(
        loss="quantile", quantile=0.9, max_iter=60, random_state=0
    ),
    "extra_trees": ExtraTreesRegressor(n_estimators=40, min_samples_leaf=2, random_state=0),
    "random_forest": RandomForestRegressor(n_estimators=40, random_state=0),
}
FORESTS = [SINGLE_OUTPUT["extra_trees"], SINGLE_OUTPUT["random_forest"]]


@pytest.mark.parametrize("model", SINGLE_OUTPUT.values(), ids=SINGLE_OUTPUT.keys())
def test_predicts_as_the_regressor(model):
    X = continuous_features()
    model.fit(X[:300], target(X[:300]))
    y = run(to_onnx(model, name="test"), X)
    assert y.dtype == np.float32
    assert y.shape == (400, 1)
    np.testing.assert_allclose(y[:, 0], model.predict(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("model", FORESTS)
def test_predicts_every_output_of_a_forest(model):
    X = continuous_features()
    model.fit(X[:300], targets(X[:300]))
    y = run(to_onnx(model, name="test"), X)
    assert y.shape == (400, 2)
    np.testing.assert_allclose(y, model.predict(X), rtol=0, atol=1e-5)


def test_predicts_the_probability_of_the_second_class():
    X = continuous_features()
    labels = np.where(target(X) > -8.0, "stable", "unstable")
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(X[:300], labels[:300])
    y = run(to_onnx(model, name="test"), X)
    assert y.shape == (400, 1)
    np.testing.assert_allclose(y[:, 0], model.predict_proba(X)[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("model", SINGLE_OUTPUT.values(), ids=SINGLE_OUTPUT.keys())
def test_thresholds_that_are_met_exactly(model):
    # Sums of a few sevenths: neighbours differ in the last bits of float32, midpoints lie between.
    rng = np.random.default_rng(1)
    base = rng.integers(0, 8, size=(400, N_FEATURES)).astype(np.float32) / np.float32(7)
    X = np.where(rng.random(base.shape) < 0.5, np.nextafter(base, np.float32(9)), base)
    model.fit(X, target(X))
    graph = to_onnx(model, name="test")
    if hasattr(model, "estimators_"):
        trees = [tree.tree_ for tree in model.estimators_]
        thresholds = np.concatenate([t.threshold[t.children_left >= 0] for t in trees])
    else:
        nodes = np.concatenate([predictor.nodes for (predictor,) in model._predictors])
        thresholds = nodes["num_threshold"][nodes["is_leaf"] == 0]
    at = np.unique(thresholds.astype(np.float32))
    for row in (at, np.nextafter(at, np.float32(9)), np.nextafter(at, np.float32(-9))):
        met = np.repeat(row[:, np.newaxis], N_FEATURES, axis=1)
        np.testing.assert_allclose(run(graph, met)[:, 0], model.predict(met), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "make_target"),
    [(model, target) for model in SINGLE_OUTPUT.values()] + [(model, targets) for model in FORESTS],
)
def test_missing_values_take_the_models_branch(model, make_target):
    X = continuous_features()
    X[np.random.default_rng(2).random(X.shape) < 0.2] = np.nan
    y = (make_target(X).T + 3.0 * np.isnan(X[:, 0])).T
    model.fit(X, y)
    expected = model.predict(X).reshape(len(X), -1)
    np.testing.assert_allclose(run(to_onnx(model, name="test"), X), expected, rtol=0, atol=1e-5)


def test_boosting_sends_values_missing_only_at_prediction_to_the_larger_child():
    X = continuous_features()
    model = HistGradientBoostingRegressor(max_iter=20).fit(X, target(X))
    missing = np.full((1, N_FEATURES), np.nan, dtype=np.float32)
    np.testing.assert_allclose(
        run(to_onnx(model, name="test"), missing)[:, 0], model.predict(missing), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("make_target", [target, targets])
def test_one_row_alone_equals_the_row_in_a_batch(make_target):
    X = continuous_features()
    forest = ExtraTreesRegressor(n_estimators=100, random_state=0).fit(X, make_target(X))
    session = open_session(to_onnx(forest, name="test"))
    batch = session.run(["y"], {"X": X})[0]
    alone = [session.run(["y"], {"X": X[[i]]})[0] for i in range(len(X))]
    np.testing.assert_array_equal(np.vstack(alone), batch)


@pytest.mark.parametrize("model", SINGLE_OUTPUT.values(), ids=SINGLE_OUTPUT.keys())
def test_constant_target(model):
    X = continuous_features(60)
    model.fit(X, np.full(60, -6.5))
    np.testing.assert_array_equal(run(to_onnx(model, name="test"), X), np.full((60, 1), -6.5))


@pytest.mark.parametrize("model", FORESTS)
def test_constant_targets(model):
    X = continuous_features(60)
    model.fit(X, np.tile([-6.5, 0.25], (60, 1)))
    expected = np.tile([-6.5, 0.25], (60, 1))
    np.testing.assert_allclose(run(to_onnx(model, name="test"), X), expected, rtol=1e-7)


def test_a_sequence_predicts_the_mean():
    X = continuous_features()
    models = [
        ExtraTreesRegressor(n_estimators=20, random_state=0).fit(X, target(X)),
        RandomForestRegressor(n_estimators=30, random_state=1).fit(X, target(X)),
        HistGradientBoostingRegressor(max_iter=30).fit(X, target(X)),
    ]
    expected = np.mean([model.predict(X) for model in models], axis=0)
    y = run(to_onnx(models, name="test"), X)
    np.testing.assert_allclose(y[:, 0], expected, rtol=0, atol=1e-5)


def test_many_trees_with_a_large_baseline_stay_exact():
    X = continuous_features()
    forest = ExtraTreesRegressor(n_estimators=200, random_state=0).fit(X, 1000.0 + target(X))
    y = run(to_onnx(forest, name="test"), X)
    # Half a unit in the last place of float32 at 1,000 is 3e-5.
    np.testing.assert_allclose(y[:, 0], forest.predict(X), rtol=0, atol=7e-5)


def test_bytes_depend_on_model_and_name_alone():
    X = continuous_features()
    fits = [HistGradientBoostingRegressor(random_state=0).fit(X, target(X)) for _ in range(2)]
    assert to_onnx(fits[0], name="a") == to_onnx(fits[1], name="a")
    assert to_onnx(fits[0], name="a") != to_onnx(fits[0], name="b")
    graph = onnx.load_model_from_string(to_onnx(fits[0], name="a"))
    assert (graph.graph.name, graph.producer_name, graph.producer_version) == ("a", "mlsse", "")


def test_float32_below():
    third = np.float32(1 / 3)  # above 1/3
    below = np.nextafter(third, np.float32(0))
    thresholds = np.array([1 / 3, 0.5, float(third), 1e300, -1e300, np.inf, -1e-46])
    largest = np.finfo(np.float32).max
    smallest = np.finfo(np.float32).smallest_subnormal
    expected = np.array([below, 0.5, third, largest, -np.inf, np.inf, -smallest], np.float32)
    np.testing.assert_array_equal(_float32_below(thresholds), expected)
    x = np.concatenate([expected, [third, -0.0, 0.0]]).astype(np.float32)
    np.testing.assert_array_equal(
        x[:, np.newaxis] <= thresholds, x[:, np.newaxis] <= _float32_below(thresholds)
    )


def fitted_classifier(n_classes=2):
    X = continuous_features(90)
    return HistGradientBoostingClassifier(max_iter=5).fit(X, np.arange(90) % n_classes)


def fitted_regressor(**settings):
    X = np.abs(np.round(continuous_features(90)))
    return HistGradientBoostingRegressor(max_iter=5, **settings).fit(X, 1.0 + X[:, 0])


@pytest.mark.parametrize(
    ("make_model", "reason"),
    [
        (lambda: "a text", "not a fitted model"),
        (lambda: [], "sequence is empty"),
        (HistGradientBoostingRegressor, "not a fitted model"),
        (
            lambda: GradientBoostingRegressor(n_estimators=2).fit([[0.0], [1.0]], [0.0, 1.0]),
            "GradientBoostingRegressor",
        ),
        (lambda: fitted_classifier(n_classes=3), "3 classes"),
        (lambda: [fitted_classifier(), fitted_classifier()], "classifiers cannot be averaged"),
        (lambda: fitted_regressor(loss="poisson"), "loss 'poisson'"),
        (lambda: fitted_regressor(categorical_features=[0]), "categorical"),
        (
            lambda: [
                fitted_regressor(),
                ExtraTreesRegressor(n_estimators=2).fit([[0.0], [1.0]], [0.0, 1.0]),
            ],
            r"unequal \(features, outputs\)",
        ),
    ],
)
def test_refuses_what_it_cannot_write(make_model, reason):
    model = make_model()
    with pytest.raises(BundleError, match=reason):
        to_onnx(model, name="test")
