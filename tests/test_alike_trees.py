"""Trees run on rows that are alike: to the last bit what ONNX Runtime gives."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

from mlsse import alike_trees
from mlsse.alike_trees import Trees, joined
from mlsse.tree_export import to_onnx
from mlsse.tree_graphs import read_trees

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 5)).astype(np.float32)
Y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
MODELS = {
    "boosting": HistGradientBoostingRegressor(max_iter=80, random_state=0).fit(X, Y),
    "forest": ExtraTreesRegressor(n_estimators=30, min_samples_leaf=8, random_state=0).fit(X, Y),
    "constant": HistGradientBoostingRegressor(max_iter=3, random_state=0).fit(X, 0.0 * Y),
}


def alike_rows(n, width):
    return (X[0] + width * RNG.uniform(-1.0, 1.0, (n, 5))).astype(np.float32)


def run(graph, name, values):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more would add in another order
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session.run(None, {name: values})[0]


def one_tree():
    """Left of 0 in column 0: leaf 0; else right of 1 in column 1: leaf 2, or leaf 1."""
    return Trees(
        roots=(np.array([0]),),
        features=np.array([0, 1]),
        limits=np.array([0.0, 1.0], np.float32),
        low=np.array([-1, -2]),
        high=np.array([1, -3]),
        leaves=np.array([10.0, 20.0, 40.0], np.float32),
    )


def test_a_tree_worked_by_hand():
    rows = np.array([[-1, 5], [0, 5], [0.1, 1], [0.1, 1.1]], np.float32)
    assert one_tree().sums(rows)[0].tolist() == [10.0, 10.0, 20.0, 40.0]
    for row, expected in zip(rows, (10.0, 10.0, 20.0, 40.0), strict=True):
        assert one_tree().sums(row[None])[0].tolist() == [expected]


def test_ensembles_keep_their_sums_when_joined():
    rows = np.array([[-1, 5], [0.1, 1.1]], np.float32)
    both = joined([one_tree(), one_tree(), one_tree()])
    assert [found.tolist() for found in both.sums(rows)] == [[10.0, 40.0]] * 3


@pytest.mark.parametrize("n_rows", [1, 2, 3, 17])
def test_sums_are_taken_in_order(n_rows):
    values = RNG.normal(size=(700, n_rows)).astype(np.float32)
    expected = np.zeros(n_rows, np.float32)
    for row in values:
        expected += row
    np.testing.assert_array_equal(alike_trees._in_order(values), expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("width", [0.0, 0.05, 0.2])
def test_the_very_same_as_onnx_runtime(name, width):
    graph = to_onnx(MODELS[name], name=name)
    trees, rest = read_trees(graph)
    rows = alike_rows(300, width)
    sums = trees.sums(rows)
    assert sums is not None
    expected = run(graph, "X", rows)
    np.testing.assert_array_equal(run(rest, "trees", sums[0][:, None]), expected)
    for row in rows[:5]:
        alone = trees.sums(row[None])[0]
        np.testing.assert_array_equal(alone, sums[0][(rows == row).all(axis=1)][:1])


def test_rows_that_are_not_alike_are_left_to_others():
    trees, _ = read_trees(to_onnx(MODELS["boosting"], name="boosting"))
    assert trees.sums(X) is None
