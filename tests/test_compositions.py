"""Composition vectors and the distances between them."""

import numpy as np
import pytest
from examples import random_vectors
from pymatgen.core import Element
from scipy.stats import spearmanr, wasserstein_distance

from mlsse import compositions
from mlsse.compositions import (
    PETTIFOR_POSITIONS,
    alike_cityblock_matrix,
    cityblock_matrix,
    composition_vectors,
    cumulative_vectors,
    distance,
    distance_matrix,
    l1_distance,
    l1_distance_matrix,
    nearest,
)
from mlsse.errors import FormulaError
from mlsse.formulas import ELEMENT_INDEX, ELEMENTS, parse_formula


class TestVectors:
    def test_hand_worked(self):
        vectors = composition_vectors(["Li2O", parse_formula("H2O")])
        assert vectors.shape == (2, 90)
        np.testing.assert_allclose(vectors[:, ELEMENT_INDEX["O"]], 1 / 3)
        np.testing.assert_allclose(vectors[0, ELEMENT_INDEX["Li"]], 2 / 3)
        np.testing.assert_allclose(vectors.sum(axis=1), 1.0)
        assert np.count_nonzero(vectors) == 4

    def test_none_at_all(self):
        assert composition_vectors([]).shape == (0, 90)

    def test_refuses_a_text_that_is_no_formula(self):
        with pytest.raises(FormulaError, match="Xx"):
            composition_vectors(["Li2O", "Xx"])


class TestDistance:
    def test_scale_is_that_of_the_paper(self):
        place = dict(zip(ELEMENTS, PETTIFOR_POSITIONS, strict=True))
        # Numbers 1 to 103 of Glawe et al., less one.
        expected = {"Kr": 3, "Cs": 7, "Li": 11, "La": 31, "Sc": 47, "Ti": 50, "C": 86, "H": 102}
        assert {symbol: place[symbol] for symbol in expected} == expected
        assert len(set(place.values())) == 90

    def test_scale_resembles_the_unmodified_one(self):
        unmodified = [Element(symbol).mendeleev_no for symbol in ELEMENTS]
        assert spearmanr(PETTIFOR_POSITIONS, unmodified).statistic > 0.98

    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [
            ("NaCl", "NaBr", 0.5),  # half of the atoms by one place
            ("Li", "H", 91.0),
            ("Li2O", "Na2O", 2 / 3),
            ("Li7La3Zr2O12", "Li7La3Hf2O12", 2 / 24),
            ("Li2O", "Li4O2", 0.0),
        ],
    )
    def test_hand_worked(self, first, second, expected):
        a, b = composition_vectors([first, second])
        assert distance(a, b) == pytest.approx(expected, abs=1e-12)

    def test_agrees_with_scipy(self):
        A, B = random_vectors(40), random_vectors(40, seed=1)
        for a, b in zip(A, B, strict=True):
            oracle = wasserstein_distance(PETTIFOR_POSITIONS, PETTIFOR_POSITIONS, a, b)
            assert distance(a, b) == pytest.approx(oracle, abs=1e-9)

    def test_is_a_metric(self):
        vectors = random_vectors(30)
        D = distance_matrix(vectors, vectors)
        np.testing.assert_allclose(D, D.T, atol=1e-12)
        np.testing.assert_allclose(np.diag(D), 0.0, atol=1e-12)
        assert (D[:, None, :] <= D[:, :, None] + D[None, :, :] + 1e-9).all()
        assert D.max() <= 102

    @pytest.mark.parametrize(
        ("matrix", "single"), [(distance_matrix, distance), (l1_distance_matrix, l1_distance)]
    )
    def test_matrix_holds_the_single_distances_at_any_size(self, matrix, single, monkeypatch):
        A, B = random_vectors(7), random_vectors(5, seed=1)
        small = matrix(A, B)
        expected = [[single(a, b) for b in B] for a in A]
        np.testing.assert_allclose(small, expected, atol=1e-12)
        monkeypatch.setattr(compositions, "_SMALL_MATRIX", 0)
        np.testing.assert_allclose(matrix(A, B), expected, atol=1e-12)
        assert matrix(A[:0], B).shape == (0, 5)

    def test_cumulative_vectors_turn_it_into_l1(self):
        A, B = random_vectors(4), random_vectors(3, seed=1)
        assert cumulative_vectors(A).shape == (4, 89)
        np.testing.assert_allclose(
            cityblock_matrix(cumulative_vectors(A), cumulative_vectors(B)), distance_matrix(A, B)
        )

    def test_l1_hand_worked(self):
        a, b, c = composition_vectors(["LiCl", "LiBr", "NaF"])
        assert l1_distance(a, b) == 1.0
        assert l1_distance(a, c) == 2.0
        assert l1_distance(a, a) == 0.0

    @pytest.mark.parametrize("k", [1, 3, 60])
    def test_nearest_is_the_smallest_of_the_matrix(self, k):
        A, B = random_vectors(300), random_vectors(60, seed=1)
        B[7] = A[11]
        indices, distances = nearest(A, B, k)
        D = distance_matrix(A, B)
        np.testing.assert_allclose(distances, np.sort(D, axis=1)[:, :k], atol=1e-12)
        np.testing.assert_allclose(np.take_along_axis(D, indices, axis=1), distances, atol=1e-12)
        assert indices[11, 0] == 7

    def test_nearest_among_equals_is_the_first(self):
        vectors = composition_vectors(["Li2O"] * 5)
        np.testing.assert_array_equal(nearest(vectors[:2], vectors, k=1)[0], [[0], [0]])

    @pytest.mark.parametrize("k", [0, 4])
    def test_nearest_wants_as_many_as_there_are(self, k):
        with pytest.raises(ValueError, match=f"k = {k}: expected 1 to 3"):
            nearest(random_vectors(2), random_vectors(3), k)

    @pytest.mark.parametrize("function", [distance, distance_matrix, l1_distance, nearest])
    def test_other_shapes_are_refused(self, function):
        with pytest.raises(ValueError, match="expected composition vectors of 90 entries"):
            function(np.ones((2, 103)), np.ones((2, 103)))


class TestAlike:
    KNOWN = composition_vectors(["Li7La3Zr2O12", "Li5La3Ta2O12", "Li6PS5Cl", "Li3YCl6", "LiF"])

    def rows(self, texts):
        return cumulative_vectors(composition_vectors(texts))

    @pytest.mark.parametrize("n", [1, 5, 40])
    def test_equal_to_the_plain_distances(self, n):
        # A garnet whose sums along the scale take few values, and one in which all differ.
        few = self.rows(
            [f"Li{7 - i % 4 / 4}La3Zr{2 - i % 4 / 4}Ta{0.01 + i % 4 / 4}O12" for i in range(n)]
        )
        several = self.rows(
            [f"Li{7 + i / 50}La{3 - i / 50}Sr{0.01 + i / 50}Zr2O12" for i in range(n)]
        )
        known = cumulative_vectors(self.KNOWN)
        for rows in (few, several, np.vstack([few, several])):
            np.testing.assert_allclose(
                alike_cityblock_matrix(rows, known), cityblock_matrix(rows, known), atol=1e-10
            )

    def test_rows_that_are_all_the_same(self):
        rows, known = self.rows(["Li7La3Zr2O12"] * 20), cumulative_vectors(self.KNOWN)
        found = alike_cityblock_matrix(rows, known)
        np.testing.assert_allclose(found, cityblock_matrix(rows, known), atol=1e-12)
        assert found[0, 0] == 0.0

    def test_nothing_to_compare_with(self):
        assert alike_cityblock_matrix(self.rows(["LiF"] * 20), np.zeros((0, 89))).shape == (20, 0)

    def test_nearest_is_exact_among_alike_rows(self):
        texts = [
            f"Li{7 - x / 100:.2f}La3Zr{2 - x / 100:.2f}Ta{x / 100:.2f}O12" for x in range(1, 199)
        ]
        vectors = composition_vectors(texts)
        indices, distances = nearest(vectors, self.KNOWN, 2)
        matrix = distance_matrix(vectors, self.KNOWN)
        np.testing.assert_allclose(distances, np.sort(matrix)[:, :2], atol=1e-12)
        np.testing.assert_allclose(
            np.take_along_axis(matrix, indices, axis=1), distances, atol=1e-12
        )
