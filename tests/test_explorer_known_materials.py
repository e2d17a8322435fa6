from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlsse.bundle import load_model
from mlsse.compositions import composition_vectors
from mlsse.explorer.context import Context, Measured
from mlsse.explorer.known_materials import OTHER, family_names, gather, left_out_errors


@pytest.fixture(scope="module")
def model():
    return load_model()


def test_without_datasets_there_are_values_and_no_sources(model):
    known = gather(Context(model))
    m = len(model.process.vectors)
    assert len(known.formulas) == len(known.families) == len(known.sources) == m
    assert known.log10_conductivity.shape == known.left_out_error.shape == (m,)
    assert not known.n_measurements.any()
    assert set(known.sources) == {()}


def test_measurements_are_told_to_their_composition(model):
    first, second = model.known_formula(0), model.known_formula(1)
    table = pd.DataFrame(
        {"formula": [first, first, second, "Li3N"], "source": ["obelix", "reviews", "new", "x"]}
    )
    vectors = np.vstack([model.process.vectors[[0, 0, 1]], composition_vectors(["Li3N"])])
    vectors[3] *= 0.5  # a composition that the model does not know
    known = gather(Context(model, Measured(table, vectors)))
    assert known.sources[:2] == [("obelix", "reviews"), ("new",)]
    assert known.n_measurements[:2].tolist() == [2, 1]
    assert known.n_measurements.sum() == 3


def test_left_out_errors_equal_those_of_leaving_each_out():
    random = np.random.default_rng(0)
    x = random.uniform(size=12)
    covariance = np.exp(-np.abs(x[:, None] - x)) + 0.1 * np.eye(12)
    residual = random.normal(size=12)
    expected = []
    for i in range(12):
        rest = np.arange(12) != i
        weights = np.linalg.solve(covariance[np.ix_(rest, rest)], residual[rest])
        expected.append(residual[i] - covariance[i, rest] @ weights)
    found = left_out_errors(np.linalg.inv(covariance), residual)
    np.testing.assert_allclose(found, expected)


def test_families_come_by_frequency_with_the_others_last():
    assert family_names([OTHER, OTHER, "garnets", "halides", "halides"]) == [
        "halides",
        "garnets",
        OTHER,
    ]
