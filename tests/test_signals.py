"""Signals of doubt, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse.compositions import composition_vectors
from mlsse.signals import SIGNALS, co_occurrence, composition_signals, seldom_together, signal


def signals_of(texts, known, covariance, known_log10):
    found = composition_signals(
        composition_vectors(texts),
        np.asarray(covariance, dtype=float),
        seldom_together(composition_vectors(known)),
        np.asarray(known_log10, dtype=float),
    )
    return np.hstack([found, np.zeros((len(texts), len(SIGNALS) - found.shape[1]))])


def test_elements_are_counted_with_each_other_and_alone():
    counts = co_occurrence(composition_vectors(["LiCl", "Li2O", "Li3OCl"]))
    (lithium, oxygen, chlorine) = (
        np.flatnonzero(composition_vectors([element])[0])[0] for element in ("Li", "O", "Cl")
    )
    assert counts[lithium, lithium] == 3
    assert counts[oxygen, chlorine] == counts[chlorine, oxygen] == 1
    assert counts[oxygen, oxygen] == 2


def test_an_oxyhalide_is_a_new_pair_of_known_elements():
    known = ["Li2O"] * 100 + ["LiCl"] * 100
    found = signals_of(["Li3OCl", "Li2O"], known, np.ones((2, 200)), np.zeros(200))
    np.testing.assert_allclose(signal(found, "seldom_pairs"), [1.0, 0.0])
    # Half of the framework is oxygen, half chlorine.
    np.testing.assert_allclose(signal(found, "weightiest_pair"), [0.5, 0.0])
    np.testing.assert_allclose(signal(found, "seldom_elements"), 0.0, atol=1e-5)


def test_an_unknown_element_is_seldom_and_a_framework_without_atoms_is_not():
    found = signals_of(["LiBr", "Li"], ["LiCl"] * 50, np.ones((2, 50)), np.zeros(50))
    np.testing.assert_allclose(signal(found, "seldom_elements"), [1.0, 0.0])
    np.testing.assert_allclose(signal(found, "seldom_pairs"), 0.0)


def test_neighbours_give_level_spread_and_crowd():
    found = signals_of(["LiCl"] * 2, ["LiCl", "LiBr"], [[0.9, 0.9], [0.9, 0.1]], [-4.0, -6.0])
    np.testing.assert_allclose(signal(found, "local_log10"), [-5.0, -4.0], atol=1e-9)
    np.testing.assert_allclose(signal(found, "local_spread"), [np.sqrt(1.01), 0.1], atol=1e-4)
    np.testing.assert_allclose(signal(found, "crowd"), [np.log(2.0), 0.0], atol=1e-5)
    np.testing.assert_allclose(signal(found, "likeness"), 0.9)


def test_far_from_everything_all_known_rows_count_the_same():
    found = signals_of(["LiCl"], ["LiBr", "LiI"], [[0.0, 0.0]], [-4.0, -6.0])
    assert signal(found, "local_log10")[0] == pytest.approx(-5.0)
    assert np.isfinite(found).all()


def test_a_row_alone_has_the_signals_that_it_has_in_a_batch():
    generator = np.random.default_rng(0)
    known = [f"Li{a}P{b}S{c}" for a, b, c in generator.integers(1, 9, (40, 3))]
    texts = [f"Li{a}Si{b}S{c}Cl" for a, b, c in generator.integers(1, 9, (30, 3))]
    covariance, values = generator.random((30, 40)), generator.uniform(-12, -2, 40)
    batch = signals_of(texts, known, covariance, values)
    for i, text in enumerate(texts):
        alone = signals_of([text], known, covariance[i : i + 1], values)
        np.testing.assert_allclose(alone[0], batch[i], atol=1e-10)
