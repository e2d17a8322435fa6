"""Trees read out of ONNX graphs, against the onnx package."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from mlsse.tree_export import to_onnx
from mlsse.tree_graphs import read_trees

RNG = np.random.default_rng(0)
X = RNG.normal(size=(500, 200)).astype(np.float32)  # two bytes for some columns
Y = np.sin(3.0 * X[:, 0]) + X[:, 199]
MODELS = {
    "regressor": HistGradientBoostingRegressor(max_iter=30, random_state=0).fit(X, Y),
    "classifier": HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(X, Y > 0),
    "forest": ExtraTreesRegressor(n_estimators=10, random_state=0).fit(X, Y),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_trees_are_those_of_the_graph(name):
    graph = to_onnx(MODELS[name], name=name)
    trees, rest = read_trees(graph)
    node = onnx.load_from_string(graph).graph.node[0]
    of_node = {attribute.name: attribute for attribute in node.attribute}
    assert trees.roots[0].tolist() == list(of_node["tree_roots"].ints)
    assert trees.features.tolist() == list(of_node["nodes_featureids"].ints)
    np.testing.assert_array_equal(trees.limits, numpy_helper.to_array(of_node["nodes_splits"].t))
    np.testing.assert_array_equal(trees.leaves, numpy_helper.to_array(of_node["leaf_weights"].t))
    for places, branch in ((trees.low, "true"), (trees.high, "false")):
        numbers = np.array(of_node[f"nodes_{branch}nodeids"].ints)
        is_leaf = np.array(of_node[f"nodes_{branch}leafs"].ints, dtype=bool)
        np.testing.assert_array_equal(places, np.where(is_leaf, -1 - numbers, numbers))
    left = onnx.load_from_string(rest)
    onnx.checker.check_model(left, full_check=True)
    assert left.graph.node[0].op_type == "Add"
    assert [found.name for found in left.graph.input] == ["trees"]


def test_several_outputs_are_left_alone():
    model = ExtraTreesRegressor(n_estimators=3, random_state=0).fit(X, np.column_stack([Y, Y]))
    assert read_trees(to_onnx(model, name="two")) is None
