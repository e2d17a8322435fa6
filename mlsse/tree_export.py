"""Fitted scikit-learn trees written as ONNX graphs, node by node.

Every supported model is a sum over trees: boosting adds its trees to a baseline, a forest
averages them. Both become one node of the ``ai.onnx.ml`` domain plus a constant, so that prediction
needs ONNX Runtime alone and gives what scikit-learn gives.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from mlsse.errors import BundleError

INPUT_NAME = "X"
OUTPUT_NAME = "y"

# Fixed, so that the bytes depend on the model alone and not on the version of the onnx package.
_IR_VERSION = 10
_OPSET = 18
_TREE_OPSETS = {"TreeEnsemble": 5, "TreeEnsembleRegressor": 3}
_BRANCH_LEQ = 0  # of the enumeration of TreeEnsemble's nodes_modes

# Losses of HistGradientBoostingRegressor whose raw score is the prediction.
_IDENTITY_LOSSES = ("squared_error", "absolute_error", "quantile")


class _Tree(NamedTuple):
    """One binary tree; its root is node 0, a row goes left where ``x <= threshold``."""

    is_leaf: NDArray[np.bool_]  # (n_nodes,)
    feature: NDArray[np.int64]  # (n_nodes,)
    threshold: NDArray[np.float64]  # (n_nodes,)
    left: NDArray[np.int64]  # (n_nodes,)
    right: NDArray[np.int64]  # (n_nodes,)
    missing_left: NDArray[np.bool_]  # (n_nodes,)
    value: NDArray[np.float64]  # (n_nodes, n_outputs), what the tree adds to the sum


class _Ensemble(NamedTuple):
    """Trees whose leaf values, added to the base values, are the prediction."""

    trees: list[_Tree]
    base: NDArray[np.float64]  # (n_outputs,)
    n_features: int


def to_onnx(model: Any, *, name: str) -> bytes:
    """Write a fitted tree model as an ONNX graph.

    The graph has one float32 input ``X`` of shape (n, n_features) and one float32 output ``y`` of
    shape (n, n_outputs). It takes the same branches as the model on rows whose features are float32
    numbers (or missing), and differs from it only by the rounding of a float32 sum.

    Parameters
    ----------
    model : estimator or sequence of estimators
        Fitted `HistGradientBoostingRegressor` with the squared, absolute or quantile loss,
        binary `HistGradientBoostingClassifier` (the output is the probability of its second class),
        `ExtraTreesRegressor` or `RandomForestRegressor` with one or several outputs. A sequence of
        regressors with the same features and outputs becomes one graph that predicts their mean.
    name : str
        Name of the graph.

    Returns
    -------
    bytes
        The serialized ONNX model. The same model and name give the same bytes.

    Raises
    ------
    BundleError
        If the model is not one of these, is not fitted, has categorical features, more than two
        classes or a link function, or if averaged models do not fit together.
    """
    models = list(model) if isinstance(model, Sequence) else [model]
    if not models:
        raise BundleError(f"no model to write as ONNX graph {name!r}: the sequence is empty.")
    ensemble = _average([_read(member) for member in models])
    classifies = [isinstance(member, HistGradientBoostingClassifier) for member in models]
    if any(classifies) and len(models) > 1:
        raise BundleError(
            "classifiers cannot be averaged in one ONNX graph, since the mean of probabilities is "
            "not the probability of the mean score: write one graph each."
        )
    return _graph(ensemble, name=name, sigmoid=any(classifies))


def _read(model: Any) -> _Ensemble:
    """Read the trees of a fitted estimator."""
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError) as error:
        raise BundleError(f"cannot write {model!r} as ONNX: it is not a fitted model.") from error
    # The exact classes: a subclass may predict differently.
    if type(model) in (HistGradientBoostingRegressor, HistGradientBoostingClassifier):
        return _read_boosting(model)
    if type(model) in (ExtraTreesRegressor, RandomForestRegressor):
        return _read_forest(model)
    raise BundleError(
        f"cannot write a {type(model).__name__} as ONNX: expected HistGradientBoostingRegressor, "
        "HistGradientBoostingClassifier, ExtraTreesRegressor or RandomForestRegressor."
    )


def _read_boosting(
    model: HistGradientBoostingRegressor | HistGradientBoostingClassifier,
) -> _Ensemble:
    if isinstance(model, HistGradientBoostingRegressor):
        if model.loss not in _IDENTITY_LOSSES:
            raise BundleError(
                f"cannot write gradient boosting with loss {model.loss!r} as ONNX: expected one of "
                f"{', '.join(_IDENTITY_LOSSES)}."
            )
    elif len(model.classes_) != 2:
        raise BundleError(
            f"cannot write a classifier of {len(model.classes_)} classes as ONNX: expected two."
        )
    if model.is_categorical_ is not None:
        raise BundleError(
            "cannot write gradient boosting with categorical features as ONNX: encode them as "
            "numbers first."
        )
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        trees.append(
            _Tree(
                is_leaf=nodes["is_leaf"].astype(bool),
                feature=nodes["feature_idx"].astype(np.int64),
                threshold=nodes["num_threshold"],
                left=nodes["left"].astype(np.int64),
                right=nodes["right"].astype(np.int64),
                missing_left=nodes["missing_go_to_left"].astype(bool),
                value=nodes["value"][:, np.newaxis],
            )
        )
    return _Ensemble(trees, model._baseline_prediction.ravel(), model.n_features_in_)


def _read_forest(model: ExtraTreesRegressor | RandomForestRegressor) -> _Ensemble:
    weight = 1.0 / len(model.estimators_)
    trees = []
    base = np.zeros(model.n_outputs_)
    for estimator in model.estimators_:
        tree = estimator.tree_
        value = tree.value[:, :, 0] * weight
        # Relative to the root the leaves are small: a float32 sum of them is more exact.
        base += value[0]
        trees.append(
            _Tree(
                is_leaf=tree.children_left < 0,
                feature=tree.feature,
                threshold=tree.threshold,
                left=tree.children_left,
                right=tree.children_right,
                missing_left=tree.missing_go_to_left.astype(bool),
                value=value - value[0],
            )
        )
    return _Ensemble(trees, base, model.n_features_in_)


def _average(ensembles: list[_Ensemble]) -> _Ensemble:
    """Return the ensemble that predicts the mean of the ensembles."""
    shapes = {(ensemble.n_features, ensemble.base.size) for ensemble in ensembles}
    if len(shapes) > 1:
        raise BundleError(
            f"cannot average models of unequal (features, outputs) {sorted(shapes)}: expected the "
            "same for all."
        )
    weight = 1.0 / len(ensembles)
    trees = [
        tree._replace(value=tree.value * weight)
        for ensemble in ensembles
        for tree in ensemble.trees
    ]
    base = weight * np.sum([ensemble.base for ensemble in ensembles], axis=0)
    return _Ensemble(trees, base, ensembles[0].n_features)


def _float32_below(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the greatest float32 at or below each threshold.

    For a float32 ``x``, ``x <= threshold`` and ``x <= _float32_below(threshold)`` are equivalent.
    """
    with np.errstate(over="ignore"):
        rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _single_output_node(ensemble: _Ensemble) -> onnx.NodeProto:
    """Return the sum of trees with one number a leaf: inner nodes and leaves are numbered apart."""
    columns: list[dict[str, NDArray[Any]]] = []
    roots = []
    n_inner = n_leaves = 0
    for tree in ensemble.trees:
        leaf = tree.is_leaf
        inner = ~leaf
        left, right = tree.left[inner], tree.right[inner]
        if not inner.any():  # written as a split with the same leaf on both sides
            inner = leaf
            left = right = np.zeros(1, dtype=np.int64)
        number = np.where(leaf, n_leaves + np.cumsum(leaf), n_inner + np.cumsum(inner)) - 1
        columns.append(
            {
                "nodes_featureids": np.maximum(tree.feature[inner], 0),
                "nodes_splits": _float32_below(tree.threshold[inner]),
                "nodes_modes": np.full(inner.sum(), _BRANCH_LEQ, dtype=np.uint8),
                "nodes_truenodeids": number[left],
                "nodes_trueleafs": leaf[left],
                "nodes_falsenodeids": number[right],
                "nodes_falseleafs": leaf[right],
                "nodes_missing_value_tracks_true": tree.missing_left[inner],
                "leaf_targetids": np.zeros(leaf.sum(), dtype=np.int64),
                "leaf_weights": tree.value[leaf, 0].astype(np.float32),
            }
        )
        roots.append(n_inner)
        n_inner += int(inner.sum())
        n_leaves += int(leaf.sum())
    attributes = _joined(columns)
    tensors = {
        key: numpy_helper.from_array(attributes.pop(key), key)
        for key in ("nodes_splits", "nodes_modes", "leaf_weights")
    }
    return _tree_node("TreeEnsemble", attributes, **tensors, tree_roots=roots, n_targets=1)


def _multi_output_node(ensemble: _Ensemble) -> onnx.NodeProto:
    """Return the sum of trees with several numbers a leaf, which only the older operator allows."""
    n_targets = ensemble.base.size
    columns: list[dict[str, NDArray[Any]]] = []
    for tree_id, tree in enumerate(ensemble.trees):
        leaf = tree.is_leaf
        leaves = np.flatnonzero(leaf)
        columns.append(
            {
                "nodes_treeids": np.full(len(leaf), tree_id),
                "nodes_nodeids": np.arange(len(leaf)),
                "nodes_featureids": np.where(leaf, 0, tree.feature),
                "nodes_values": np.where(leaf, 0, _float32_below(tree.threshold)),
                "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
                "nodes_truenodeids": np.where(leaf, 0, tree.left),
                "nodes_falsenodeids": np.where(leaf, 0, tree.right),
                "nodes_missing_value_tracks_true": tree.missing_left & ~leaf,
                "target_treeids": np.full(len(leaves) * n_targets, tree_id),
                "target_nodeids": np.repeat(leaves, n_targets),
                "target_ids": np.tile(np.arange(n_targets), len(leaves)),
                "target_weights": tree.value[leaves].ravel(),
            }
        )
    return _tree_node("TreeEnsembleRegressor", _joined(columns), n_targets=n_targets)


def _joined(columns: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Join the columns of single trees to the columns of the ensemble."""
    return {key: np.concatenate([part[key] for part in columns]) for key in columns[0]}


def _tree_node(operator: str, attributes: dict[str, NDArray[Any]], **others: Any) -> onnx.NodeProto:
    """Make the node that reads ``X`` and writes ``trees``."""
    if not attributes["nodes_missing_value_tracks_true"].any():
        # Missing values go right in any case; without the attribute ONNX Runtime is a fifth faster.
        del attributes["nodes_missing_value_tracks_true"]
    lists = {
        key: (column.astype(int) if column.dtype == bool else column).tolist()
        for key, column in attributes.items()
    }
    return helper.make_node(
        operator, [INPUT_NAME], ["trees"], domain="ai.onnx.ml", **lists, **others
    )


def _graph(ensemble: _Ensemble, *, name: str, sigmoid: bool) -> bytes:
    """Serialize ``sum of trees + base``, through a sigmoid if asked."""
    n_outputs = ensemble.base.size
    score = "score" if sigmoid else OUTPUT_NAME
    trees = _single_output_node(ensemble) if n_outputs == 1 else _multi_output_node(ensemble)
    nodes = [trees, helper.make_node("Add", ["trees", "base"], [score])]
    if sigmoid:
        nodes.append(helper.make_node("Sigmoid", [score], [OUTPUT_NAME]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["n", ensemble.n_features])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["n", n_outputs])],
        [numpy_helper.from_array(ensemble.base.astype(np.float32), "base")],
    )
    model = helper.make_model(
        graph,
        producer_name="mlsse",
        ir_version=_IR_VERSION,
        opset_imports=[
            helper.make_opsetid("", _OPSET),
            helper.make_opsetid("ai.onnx.ml", _TREE_OPSETS[trees.op_type]),
        ],
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
