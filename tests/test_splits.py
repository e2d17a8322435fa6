"""Groups, folds, leaks and families on hand-made compositions."""

import numpy as np
import pytest

from mlsse.compositions import composition_vectors, l1_distance
from mlsse.errors import ConfigError
from mlsse.splits import composition_groups, family_masks, grouped_folds, leak_mask


def random_rows(n=120, seed=0):
    """Mixtures of three phases, so that some rows are near each other, and a few papers."""
    rng = np.random.default_rng(seed)
    phases = composition_vectors(["Li3PS4", "Li7La3Zr2O12", "Li3YCl6"])
    shares = rng.dirichlet([0.3, 0.3, 0.3], size=n).round(2)
    vectors = shares @ phases
    papers = ["", "10.1/a", "10.1/b", "10.1/c|10.1/b", *(f"10.2/{i}" for i in range(2 * n))]
    dois = rng.choice(papers, size=n)
    return vectors / vectors.sum(axis=1, keepdims=True), dois.tolist()


def shares_doi(text, other):
    return any(doi in other.split("|") for doi in text.split("|") if doi)


class TestCompositionGroups:
    def test_same_doi_connects(self):
        vectors = composition_vectors(["Li2O", "LiCl", "Na2S", "Li2S"])
        groups = composition_groups(vectors, ["10.1/a", "10.1/b", "10.1/a", "10.1/b"])
        np.testing.assert_array_equal(groups, [0, 1, 0, 1])

    def test_an_empty_doi_connects_nothing(self):
        vectors = composition_vectors(["Li2O", "LiCl", "Na2S"])
        np.testing.assert_array_equal(composition_groups(vectors, ["", "", ""]), [0, 1, 2])

    def test_any_shared_doi_connects(self):
        vectors = composition_vectors(["Li2O", "LiCl", "Na2S", "K2S", "NaCl"])
        groups = composition_groups(
            vectors, ["10.1/a", "10.1/b|10.1/a", "10.1/c", "10.1/c|10.1/d", "10.1/b|10.1/e"]
        )
        np.testing.assert_array_equal(groups, [0, 0, 1, 1, 0])

    def test_distance_connects_up_to_the_limit(self):
        # Moving x of one atom fraction from Li to Na is a distance of 2 x.
        vectors = np.zeros((3, 90))
        vectors[:, 2], vectors[:, 8] = [0.5, 0.475, 0.449], [0.5, 0.525, 0.551]
        np.testing.assert_array_equal(composition_groups(vectors, [""] * 3), [0, 0, 1])
        np.testing.assert_array_equal(
            composition_groups(vectors, [""] * 3, max_distance=0.052), [0, 0, 0]
        )
        np.testing.assert_array_equal(
            composition_groups(vectors, [""] * 3, max_distance=0.0), [0, 1, 2]
        )

    def test_chains_connect(self):
        vectors = composition_vectors(["Li2O", "Li4O2", "NaCl", "KCl"])
        groups = composition_groups(vectors, ["10.1/a", "10.1/b", "10.1/b", ""])
        np.testing.assert_array_equal(groups, [0, 0, 0, 1])

    def test_components_of_the_pair_graph(self):
        vectors, dois = random_rows()
        connected = np.array(
            [
                [
                    i == j
                    or shares_doi(dois[i], dois[j])
                    or l1_distance(vectors[i], vectors[j]) <= 0.05
                    for j in range(len(dois))
                ]
                for i in range(len(dois))
            ]
        )
        reachable = np.linalg.matrix_power(connected.astype(float), len(dois)) > 0
        groups = composition_groups(vectors, dois)
        assert 1 < len(set(groups)) < len(dois)
        np.testing.assert_array_equal(groups[:, np.newaxis] == groups, reachable)

    def test_row_order_does_not_matter(self):
        vectors, dois = random_rows()
        order = np.random.default_rng(1).permutation(len(dois))
        groups = composition_groups(vectors, dois)[order]
        shuffled = composition_groups(vectors[order], [dois[i] for i in order])
        np.testing.assert_array_equal(
            groups[:, np.newaxis] == groups, shuffled[:, np.newaxis] == shuffled
        )

    def test_groups_are_numbered_by_first_appearance(self):
        groups = composition_groups(*random_rows())
        _, first = np.unique(groups, return_index=True)
        assert (np.diff(first) > 0).all()

    def test_more_rows_than_a_block(self):
        vectors = np.zeros((1100, 90))
        vectors[:, 2] = np.repeat(np.linspace(0.0, 1.0, 11), 100)
        vectors[:, 8] = 1.0 - vectors[:, 2]
        groups = composition_groups(vectors, [""] * 1100)
        np.testing.assert_array_equal(groups, np.repeat(np.arange(11), 100))

    def test_refuses_dois_of_another_length(self):
        with pytest.raises(ValueError, match="expected one each"):
            composition_groups(composition_vectors(["Li2O", "LiCl"]), ["10.1/a"])


class TestGroupedFolds:
    def test_balances_by_size(self):
        groups = np.repeat([0, 1, 2, 3, 4], [5, 1, 4, 3, 2])
        folds = grouped_folds(groups, 3, seed=0)
        assert sorted(np.bincount(folds)) == [5, 5, 5]

    def test_no_group_is_in_two_folds(self):
        groups = np.random.default_rng(0).integers(0, 40, size=300)
        folds = grouped_folds(groups, 5, seed=0)
        assert all(len(set(folds[groups == group])) == 1 for group in range(40))
        assert np.ptp(np.bincount(folds)) <= np.bincount(groups).max()

    def test_the_seed_decides(self):
        groups = np.random.default_rng(0).integers(0, 40, size=300)
        folds = grouped_folds(groups, 5, seed=3)
        np.testing.assert_array_equal(folds, grouped_folds(groups, 5, seed=3))
        assert not np.array_equal(folds, grouped_folds(groups, 5, seed=4))

    @pytest.mark.parametrize("n_splits", [1, 4])
    def test_refuses_impossible_numbers_of_folds(self, n_splits):
        with pytest.raises(ConfigError, match=f"n_splits={n_splits} does not fit 3 groups"):
            grouped_folds([7, 7, 8, 9], n_splits, seed=0)


class TestLeakMask:
    test_formulas = ("Li7La3Zr2O12", "Li3PS4")
    test_dois = ("10.1/garnet", "")

    def leaks(self, formulas, dois, **settings):
        return leak_mask(
            composition_vectors(formulas),
            dois,
            composition_vectors(self.test_formulas),
            self.test_dois,
            **settings,
        )

    def test_reasons(self):
        leaks = self.leaks(
            ["LiCl", "LiBr", "Li14La6Zr4O24", "LiI", "Li3PS4"],
            ["10.1/garnet", "", "10.1/other", "10.1/other", ""],
        )
        np.testing.assert_array_equal(leaks.test_doi, [True, False, False, False, False])
        np.testing.assert_array_equal(leaks.no_doi, [False, True, False, False, True])
        np.testing.assert_array_equal(leaks.near_test, [False, False, True, False, True])
        np.testing.assert_array_equal(leaks.any, [True, True, True, False, True])
        # Li3PS4 has two reasons and is counted once.
        assert leaks.counts == {"test_doi": 1, "no_doi": 2, "near_test": 1}
        assert sum(leaks.counts.values()) == leaks.any.sum()

    def test_any_shared_doi_leaks(self):
        leaks = leak_mask(
            composition_vectors(["LiCl", "LiBr", "LiI", "LiF"]),
            ["10.1/a", "10.1/c|10.1/b", "10.1/c", ""],
            composition_vectors(self.test_formulas),
            ["10.1/a|10.1/b", "10.1/d|"],
        )
        np.testing.assert_array_equal(leaks.test_doi, [True, True, False, False])
        np.testing.assert_array_equal(leaks.no_doi, [False, False, False, True])

    def test_no_test_rows_leak_nothing_but_rows_without_doi(self):
        leaks = leak_mask(
            composition_vectors(["LiCl", "LiBr"]), ["10.1/a", ""], np.empty((0, 90)), []
        )
        np.testing.assert_array_equal(leaks.any, [False, True])

    def test_max_distance(self):
        # Li6.9La3Zr2O11.95 against Li7La3Zr2O12: fractions 6.9/23.85 against 7/24 and so on.
        formula = "Li6.9La3Zr2O11.95"
        exact = (7 / 24 - 6.9 / 23.85) + (12 / 24 - 11.95 / 23.85) * -1 + 5 * (1 / 23.85 - 1 / 24)
        assert 0.004 < exact < 0.006
        for max_distance, near in ((0.004, False), (exact, True), (0.02, True)):
            leaks = self.leaks([formula], ["10.1/other"], max_distance=max_distance)
            assert leaks.near_test.tolist() == [near]

    def test_official_rows_are_kept(self):
        formulas, dois = ["Li3PS4", "Li3PS4", "LiI"], ["", "10.1/other", "10.1/garnet"]
        official = [True, False, True]
        leaks = self.leaks(formulas, dois, official=official)
        np.testing.assert_array_equal(leaks.any, [False, True, False])

    def test_official_rows_near_the_test_rows_leak_in_the_stricter_variant(self):
        formulas, dois = ["Li3PS4", "Li3PS4", "LiI"], ["", "10.1/other", "10.1/garnet"]
        official = [True, False, True]
        leaks = self.leaks(formulas, dois, official=official, official_near_test=True)
        np.testing.assert_array_equal(leaks.any, [True, True, False])

    def test_rows_one_by_one(self):
        vectors, dois = random_rows(seed=0)
        test_vectors, test_dois = random_rows(n=50, seed=1)
        leaks = leak_mask(vectors, dois, test_vectors, test_dois, max_distance=0.05)
        for vector, doi, leak in zip(vectors, dois, leaks.any, strict=True):
            distance = min(l1_distance(vector, test) for test in test_vectors)
            from_test_paper = any(shares_doi(doi, test_doi) for test_doi in test_dois)
            assert leak == (doi == "" or from_test_paper or distance <= 0.05)


@pytest.mark.parametrize(
    ("formula", "families"),
    [
        ("Li3YCl6", {"halides"}),
        ("Li3N", set()),
        ("Li3OCl", {"oxyhalides"}),
        ("Li2OHCl", set()),
        ("Li10GeP2S12", {"sulfides"}),
        ("Li6PS5Cl", {"sulfides"}),
        ("Li6PS5ClO", set()),
        ("Li3PS3.5O0.5", set()),
        ("Li7La3Zr2O12", {"garnets"}),
        ("Li6.4La3Zr1.4Ta0.6O12", {"garnets"}),
        ("Li6.9La3Zr2O11.9Cl0.1", {"garnets", "oxyhalides"}),
        ("Li0.34La0.51TiO3", set()),
        ("Li1.3Al0.3Ti1.7P3O12", {"phosphates"}),
        ("LiPO2F2", {"phosphates"}),
        ("Li2CO3", set()),
    ],
)
def test_families(formula, families):
    masks = family_masks(composition_vectors([formula]))
    assert list(masks) == ["halides", "oxyhalides", "sulfides", "garnets", "phosphates"]
    assert {name for name, mask in masks.items() if mask[0]} == families
