"""Scores worked by hand, and against scikit-learn and scipy."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from mlsse import metrics

TRUTH = [-3.0, -5.0, -10.0, -8.0]
PREDICTED = [-3.5, -4.0, -12.0, -7.0]
CENSORED = ["none", "none", "upper", "lower"]


@pytest.fixture
def noisy():
    rng = np.random.default_rng(0)
    truth = rng.normal(-6.0, 2.0, size=200).round(1)
    return truth, (truth + rng.normal(size=200)).round(1)


@pytest.fixture
def classes():
    rng = np.random.default_rng(0)
    labels = rng.random(200) < 0.3
    return labels, np.clip(0.3 * labels + rng.random(200), 0.0, 1.0).round(2)


class TestApplyConvention:
    @pytest.mark.parametrize(
        ("convention", "truth", "kept"),
        [
            ("bounds_1e-15", [-3.0, -5.0, -15.0, -8.0], [True] * 4),
            ("bounds_1e-10", [-3.0, -5.0, -10.0, -8.0], [True] * 4),
            ("bounds_dropped", TRUTH, [True, True, False, False]),
            ("censor_aware", TRUTH, [True] * 4),
        ],
    )
    def test_conventions(self, convention, truth, kept):
        values, kinds, mask = metrics.apply_convention(TRUTH, CENSORED, convention)
        np.testing.assert_array_equal(values, truth)
        np.testing.assert_array_equal(mask, kept)
        expected = ["none"] * 4 if convention.startswith("bounds_1e") else CENSORED
        assert kinds.tolist() == expected

    def test_leaves_its_input_alone(self):
        truth = np.array(TRUTH)
        metrics.apply_convention(truth, CENSORED, "bounds_1e-15")
        np.testing.assert_array_equal(truth, TRUTH)

    def test_refuses_unknown_conventions(self):
        with pytest.raises(ValueError, match=r"unknown convention 'drop'.*bounds_dropped"):
            metrics.apply_convention(TRUTH, CENSORED, "drop")


class TestErrors:
    def test_exact(self):
        np.testing.assert_array_equal(metrics.errors(TRUTH, PREDICTED), [-0.5, 1.0, -2.0, 1.0])

    def test_respected_bounds_have_none(self):
        errors = metrics.errors(TRUTH, PREDICTED, CENSORED)
        np.testing.assert_array_equal(errors, [-0.5, 1.0, 0.0, 0.0])

    def test_violated_bounds_have_the_distance(self):
        errors = metrics.errors([-10.0, -8.0], [-9.0, -11.0], ["upper", "lower"])
        np.testing.assert_array_equal(errors, [1.0, -3.0])

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (([1.0, 2.0], [1.0]), r"predicted has the shape \(1,\): expected \(2,\)"),
            (([1.0, np.nan], [1.0, 2.0]), "truth has 1 numbers that are not finite"),
            (([1.0], [np.inf]), "predicted has 1 numbers that are not finite"),
            (([1.0], [1.0], ["<"]), "censored has .*expected none, upper or lower"),
            (([1.0], [1.0], ["none", "none"]), "censored has the shape"),
        ],
    )
    def test_refuses(self, arguments, reason):
        with pytest.raises(ValueError, match=reason):
            metrics.errors(*arguments)


class TestRegression:
    def test_by_hand(self):
        assert metrics.mae(TRUTH, PREDICTED) == 1.125
        assert metrics.rmse(TRUTH, PREDICTED) == 1.25
        # Squares of truth less its mean -6.5: 12.25 + 2.25 + 12.25 + 2.25 = 29.
        assert metrics.r2(TRUTH, PREDICTED) == pytest.approx(1 - 6.25 / 29)
        assert metrics.mae(TRUTH, PREDICTED, CENSORED) == 0.375
        assert metrics.rmse(TRUTH, PREDICTED, CENSORED) == pytest.approx(np.sqrt(1.25 / 4))
        assert metrics.r2(TRUTH, PREDICTED, CENSORED) == pytest.approx(1 - 1.25 / 29)

    def test_as_scikit_learn_and_scipy(self, noisy):
        truth, predicted = noisy
        assert metrics.mae(truth, predicted) == pytest.approx(
            sklearn.metrics.mean_absolute_error(truth, predicted)
        )
        assert metrics.rmse(truth, predicted) == pytest.approx(
            sklearn.metrics.root_mean_squared_error(truth, predicted)
        )
        assert metrics.r2(truth, predicted) == pytest.approx(
            sklearn.metrics.r2_score(truth, predicted)
        )
        assert metrics.spearman(truth, predicted) == pytest.approx(
            scipy.stats.spearmanr(truth, predicted).statistic
        )

    def test_spearman_sees_order_alone(self):
        assert metrics.spearman([1.0, 2.0, 3.0], [1.0, 10.0, 11.0]) == pytest.approx(1.0)
        assert metrics.spearman([1.0, 2.0, 3.0], [-1.0, -10.0, -11.0]) == pytest.approx(-1.0)

    def test_undefined(self):
        assert metrics.mae([], []) is None
        assert metrics.rmse([], []) is None
        assert metrics.r2([], []) is None
        assert metrics.r2([-10.0, -10.0], [-9.0, -8.0]) is None
        assert metrics.spearman([-10.0, -10.0], [-9.0, -8.0]) is None
        assert metrics.spearman([-10.0, -9.0], [-8.0, -8.0]) is None


class TestBootstrap:
    def test_as_scipy(self, noisy):
        errors = np.abs(noisy[0] - noisy[1])
        expected = scipy.stats.bootstrap(
            [errors], np.mean, n_resamples=2000, method="percentile", rng=1
        ).confidence_interval
        low, high = metrics.bootstrap_mae_interval(errors)
        assert low < errors.mean() < high
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.01)

    def test_the_seed_decides(self, noisy):
        errors = np.abs(noisy[0] - noisy[1])
        interval = metrics.bootstrap_mae_interval(errors, seed=1)
        assert metrics.bootstrap_mae_interval(errors, seed=1) == interval
        assert metrics.bootstrap_mae_interval(errors, seed=2) != interval

    def test_groups_of_one_row_change_nothing(self, noisy):
        errors = np.abs(noisy[0] - noisy[1])
        grouped = metrics.bootstrap_mae_interval(errors, groups=np.arange(len(errors)))
        assert grouped == pytest.approx(metrics.bootstrap_mae_interval(errors))

    def test_two_groups_are_drawn_whole(self):
        # Four rows of 1 and one of 6: the resamples are 1, 2 (the mean of all) and 6.
        errors, groups = [1.0, 1.0, 1.0, 1.0, 6.0], [3, 3, 3, 3, 9]
        assert metrics.bootstrap_mae_interval(errors, groups=groups) == (1.0, 6.0)
        assert metrics.bootstrap_mae_interval(errors, groups=groups, level=0.1) == (2.0, 2.0)

    def test_equal_groups_widen_the_interval(self, noisy):
        errors = np.repeat(np.abs(noisy[0] - noisy[1]), 10)
        narrow = metrics.bootstrap_mae_interval(errors)
        wide = metrics.bootstrap_mae_interval(errors, groups=np.repeat(np.arange(200), 10))
        assert np.diff(wide) > 2 * np.diff(narrow)

    def test_no_rows(self):
        assert metrics.bootstrap_mae_interval([]) is None


class TestIntervals:
    lower, upper = [-4.0, -4.5, -9.0, -9.0], [-2.0, -3.5, -8.0, -8.5]

    def test_coverage(self):
        # Covered; truth below; the bound -10 is not reached; the bound -8 is not reached.
        assert metrics.interval_coverage(TRUTH, self.lower, self.upper, CENSORED) == 0.25

    def test_a_bound_is_covered_when_the_interval_reaches_it(self):
        bounds, kinds = [-10.0, -10.0, -8.0, -8.0], ["upper", "upper", "lower", "lower"]
        reached = metrics.interval_coverage(
            bounds, [-10.0, -14.0, -9.0, -7.0], [-7.0, -13.0, -8.0, -6.0], kinds
        )
        assert reached == 1.0
        assert metrics.interval_coverage(bounds, [-9.9] * 4, [-8.1] * 4, kinds) == 0.0

    def test_mean_width(self):
        assert metrics.mean_interval_width(self.lower, self.upper) == (2.0 + 1.0 + 1.0 + 0.5) / 4

    def test_score(self):
        # Misses of 0, 0.5, 1 and 0.5 count 2 / 0.1 = 20 times.
        expected = (4.5 + 20 * (0.0 + 0.5 + 1.0 + 0.5)) / 4
        score = metrics.interval_score(TRUTH, self.lower, self.upper, CENSORED)
        assert score == pytest.approx(expected)

    def test_score_is_least_at_the_quantiles(self):
        truth = np.random.default_rng(0).normal(size=20_000)
        ends = scipy.stats.norm.ppf(0.95) * np.array([0.8, 0.9, 1.0, 1.1, 1.2])
        scores = [
            metrics.interval_score(truth, np.full(20_000, -end), np.full(20_000, end))
            for end in ends
        ]
        assert np.argmin(scores) == 2

    def test_undefined(self):
        assert metrics.interval_coverage([], [], []) is None
        assert metrics.mean_interval_width([], []) is None
        assert metrics.interval_score([], [], []) is None

    def test_refuses_upside_down_intervals(self):
        with pytest.raises(ValueError, match="1 intervals have their lower end above"):
            metrics.mean_interval_width([0.0, 2.0], [1.0, 1.0])


class TestClasses:
    def test_by_hand(self):
        # True and false positives and negatives: 2, 1, 3 and 2.
        labels = [1, 1, 0, 0, 0, 0, 1, 1]
        called = [1, 1, 1, 0, 0, 0, 0, 0]
        assert metrics.f1(labels, called) == pytest.approx(4 / 7)
        assert metrics.mcc(labels, called) == pytest.approx(
            (2 * 3 - 1 * 2) / np.sqrt((2 + 1) * (2 + 2) * (3 + 1) * (3 + 2))
        )
        assert metrics.brier([1, 0], [0.75, 0.5]) == (0.0625 + 0.25) / 2
        # Of the four pairs two are won, one is tied, one is lost.
        assert metrics.roc_auc([1, 1, 0, 0], [0.9, 0.3, 0.3, 0.4]) == 2.5 / 4

    def test_as_scikit_learn(self, classes):
        labels, probability = classes
        called = probability > 0.5
        assert metrics.mcc(labels, called) == pytest.approx(
            sklearn.metrics.matthews_corrcoef(labels, called)
        )
        assert metrics.f1(labels, called) == pytest.approx(sklearn.metrics.f1_score(labels, called))
        assert metrics.roc_auc(labels, probability) == pytest.approx(
            sklearn.metrics.roc_auc_score(labels, probability)
        )
        assert metrics.brier(labels, probability) == pytest.approx(
            sklearn.metrics.brier_score_loss(labels, probability)
        )

    @pytest.mark.parametrize("labels", [[True, True], [False, False], []])
    def test_one_class_only(self, labels):
        assert metrics.mcc(labels, labels) is None
        assert metrics.roc_auc(labels, np.linspace(0, 1, len(labels))) is None

    def test_a_constant_prediction_has_no_correlation(self):
        assert metrics.mcc([True, False], [False, False]) == 0.0

    def test_f1_without_positives(self):
        assert metrics.f1([False, False], [False, False]) is None
        assert metrics.f1([False, False], [True, False]) == 0.0

    def test_brier_without_rows(self):
        assert metrics.brier([], []) is None

    def test_refuses(self):
        with pytest.raises(ValueError, match="two classes"):
            metrics.f1([0, 2], [0, 1])
        with pytest.raises(ValueError, match=r"expected \(2,\)"):
            metrics.f1([0, 1], [0, 1, 1])


class TestConductivityScores:
    keys = (
        "n",
        "mae",
        "mae_ci95",
        "rmse",
        "r2",
        "spearman",
        "coverage_90",
        "mean_interval_width",
        "mean_interval_score",
        "mcc_1e-4",
        "roc_auc_1e-4",
        "brier_1e-4",
    )

    def test_by_hand(self):
        predicted = np.array([-3.5, -4.0, -12.0, -3.0])
        scores = metrics.conductivity_scores(
            [-3.0, -5.0, -10.0, -4.0],
            predicted,
            lower=predicted - 0.5,
            upper=predicted + 0.5,
            superionic_probability=[0.8, 0.5, 0.0, 0.4],
            censored=["none", "none", "upper", "lower"],
        )
        assert list(scores) == list(self.keys)
        assert scores["n"] == 4
        assert scores["mae"] == 0.375
        assert scores["mae_ci95"][0] < 0.375 < scores["mae_ci95"][1]
        assert isinstance(scores["mae_ci95"], list)
        assert scores["rmse"] == pytest.approx(np.sqrt(1.25 / 4))
        assert scores["r2"] == pytest.approx(1 - 1.25 / 29)
        assert scores["spearman"] == pytest.approx(0.8)
        assert scores["coverage_90"] == 0.75
        assert scores["mean_interval_width"] == 1.0
        # One interval of four misses, by 0.5; 2 / 0.1 = 20.
        assert scores["mean_interval_score"] == pytest.approx(1.0 + 20 * 0.5 / 4)
        assert scores["brier_1e-4"] == pytest.approx((0.04 + 0.25 + 0.0 + 0.36) / 4)
        # Superionic: yes, no, no, yes; called: yes, no, no, no; one pair of four is lost.
        assert scores["mcc_1e-4"] == pytest.approx(2 / np.sqrt(12))
        assert scores["roc_auc_1e-4"] == 0.75

    def test_classes_leave_out_undecided_bounds(self):
        exact = {"log10": [-3.0, -5.0, -3.5, -7.0], "predicted": [-3.0, -5.0, -5.0, -7.0]}
        probability = [0.9, 0.2, 0.1, 0.0]
        with_bounds = metrics.conductivity_scores(
            exact["log10"] + [-3.0, -5.0],
            exact["predicted"] + [-3.0, -5.0],
            lower=[-9.0] * 6,
            upper=[0.0] * 6,
            superionic_probability=[*probability, 0.0, 1.0],
            censored=["none"] * 4 + ["upper", "lower"],
        )
        without = metrics.conductivity_scores(
            **exact, lower=[-9.0] * 4, upper=[0.0] * 4, superionic_probability=probability
        )
        for key in ("mcc_1e-4", "roc_auc_1e-4", "brier_1e-4"):
            assert with_bounds[key] == without[key]

    def test_a_bound_at_the_threshold_decides(self):
        scores = metrics.conductivity_scores(
            [-4.0, -4.0],
            [-5.0, -3.0],
            lower=[-6.0, -4.0],
            upper=[-4.0, -2.0],
            superionic_probability=[0.2, 0.8],
            censored=["upper", "lower"],
        )
        assert scores["mcc_1e-4"] == pytest.approx(1.0)
        assert scores["roc_auc_1e-4"] == 1.0
        assert scores["r2"] is None

    def test_one_model_serves_all_conventions(self):
        predicted = np.array(PREDICTED)
        maes = {}
        for convention in metrics.CONVENTIONS:
            truth, kinds, kept = metrics.apply_convention(TRUTH, CENSORED, convention)
            maes[convention] = metrics.mae(truth[kept], predicted[kept], kinds[kept])
        assert maes == {
            "bounds_1e-15": (0.5 + 1.0 + 3.0 + 1.0) / 4,
            "bounds_1e-10": (0.5 + 1.0 + 2.0 + 1.0) / 4,
            "bounds_dropped": 0.75,
            "censor_aware": 0.375,
        }

    def test_regression_scores_are_the_first_six(self, noisy):
        scores = metrics.regression_scores(*noisy)
        assert list(scores) == list(self.keys[:6])
        assert scores["mae"] == metrics.mae(*noisy)

    def test_no_rows(self):
        scores = metrics.conductivity_scores(
            [], [], lower=[], upper=[], superionic_probability=[], censored=[]
        )
        assert scores == dict.fromkeys(self.keys) | {"n": 0}


def test_stability_scores():
    scores = metrics.stability_scores(
        decomposition_energy=[-0.2, 0.0, 0.1, 0.3],
        predicted_decomposition_energy=[-0.1, 0.1, 0.1, 0.1],
        formation_energy=[-2.0, -1.0, -1.5, 0.0],
        predicted_formation_energy=[-2.0, -1.2, -1.5, 0.2],
        stable_probability=[0.9, 0.4, 0.6, 0.1],
    )
    assert scores == pytest.approx(
        {
            "n": 4,
            "decomposition_energy_mae": 0.1,
            "formation_energy_mae": 0.1,
            "stable_f1": 0.5,
            "stable_roc_auc": 0.75,
            "stable_mcc": 0.0,
            "stable_brier": (0.01 + 0.36 + 0.36 + 0.01) / 4,
        }
    )


def test_metastable_scores():
    scores = metrics.stability_scores(
        decomposition_energy=[-0.2, 0.05, 0.06],
        predicted_decomposition_energy=[0.0] * 3,
        formation_energy=[0.0] * 3,
        predicted_formation_energy=[0.0] * 3,
        stable_probability=[0.5] * 3,
        metastable_probability=[0.9, 0.4, 0.6],
    )
    assert scores["metastable_roc_auc"] == 0.5
    assert scores["metastable_brier"] == pytest.approx((0.01 + 0.36 + 0.36) / 3)


def test_superionic_labels_of_bounds():
    superionic, decided = metrics.superionic_labels(
        [-3.0, -5.0, -3.0, -5.0, -3.0, -5.0], ["none"] * 2 + ["upper"] * 2 + ["lower"] * 2
    )
    assert superionic.tolist() == [True, False, False, False, True, False]
    assert decided.tolist() == [True, True, False, True, True, False]
