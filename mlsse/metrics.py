"""Scores of predictions, censored measurements included.

A measurement can be a bound: ``"upper"`` (the conductivity is at most the value) or ``"lower"`` (at
least). Its error is then zero where the prediction respects the bound, and the distance to the
bound otherwise. Published figures turn bounds into numbers instead; `apply_convention` does so.

Conductivities are log10 of S/cm and their errors decades; energies are eV/atom. A metric that is
not defined for the rows given, as a correlation with a constant, is None, never a NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsse.targets import METASTABLE_EV_PER_ATOM

SUPERIONIC_LOG10 = -4.0
"""log10 of the conductivity, in S/cm, from which a material counts as superionic."""

CONVENTIONS = ("bounds_1e-15", "bounds_1e-10", "bounds_dropped", "censor_aware")
"""What to do with measurements that are bounds."""

_ASSUMED_LOG10 = {"bounds_1e-15": -15.0, "bounds_1e-10": -10.0}

_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]


def apply_convention(
    log10: ArrayLike, censored: ArrayLike, convention: str
) -> tuple[_Floats, NDArray[np.str_], _Mask]:
    """Treat bounds as a published protocol does.

    Parameters
    ----------
    log10 : array-like, shape (n,)
        log10 of the conductivity in S/cm; the bound where it is censored.
    censored : array-like of str, shape (n,)
        ``"none"``, ``"upper"`` or ``"lower"``.
    convention : {"bounds_1e-15", "bounds_1e-10", "bounds_dropped", "censor_aware"}
        The first two replace upper bounds by 1e-15 or 1e-10 S/cm and take lower bounds for values,
        the third leaves out all bounds, the last keeps them as bounds.

    Returns
    -------
    log10 : ndarray, shape (n,)
        Values to score against.
    censored : ndarray of str, shape (n,)
        What they are from now on.
    kept : ndarray of bool, shape (n,)
        Rows that count; the caller selects them.

    Raises
    ------
    ValueError
        If the convention is unknown.
    """
    if convention not in CONVENTIONS:
        raise ValueError(
            f"unknown convention {convention!r} for bounds: expected one of "
            f"{', '.join(CONVENTIONS)}."
        )
    truth = _values("log10", log10)
    kinds = _kinds(censored, truth)
    kept = np.ones(len(truth), dtype=bool)
    if convention == "bounds_dropped":
        kept = kinds == "none"
    elif convention in _ASSUMED_LOG10:
        truth = np.where(kinds == "upper", _ASSUMED_LOG10[convention], truth)
        kinds = np.full(len(truth), "none")
    return truth, kinds, kept


def errors(truth: ArrayLike, predicted: ArrayLike, censored: ArrayLike | None = None) -> _Floats:
    """Return prediction less truth; for bounds, how far the prediction violates them.

    Parameters
    ----------
    truth, predicted : array-like, shape (n,)
        Finite numbers in the same unit.
    censored : array-like of str, shape (n,), optional
        ``"none"``, ``"upper"`` or ``"lower"``; all values are exact by default.

    Returns
    -------
    ndarray, shape (n,)
        Positive where the prediction is too high, zero where a bound is respected.

    Raises
    ------
    ValueError
        If the shapes differ or a number is not finite.
    """
    truth, predicted = _values("truth", truth), _values("predicted", predicted, like=truth)
    kinds = _kinds(censored, truth)
    difference = predicted - truth
    difference = np.where(kinds == "upper", np.maximum(difference, 0.0), difference)
    return np.where(kinds == "lower", np.minimum(difference, 0.0), difference)


def mae(truth: ArrayLike, predicted: ArrayLike, censored: ArrayLike | None = None) -> float | None:
    """Return the mean absolute error; None without rows. See `errors`."""
    difference = errors(truth, predicted, censored)
    return float(np.abs(difference).mean()) if difference.size else None


def rmse(truth: ArrayLike, predicted: ArrayLike, censored: ArrayLike | None = None) -> float | None:
    """Return the root of the mean squared error; None without rows. See `errors`."""
    difference = errors(truth, predicted, censored)
    return float(np.sqrt((difference**2).mean())) if difference.size else None


def r2(truth: ArrayLike, predicted: ArrayLike, censored: ArrayLike | None = None) -> float | None:
    """Return the coefficient of determination; None if the truth does not vary.

    The variation of the truth counts a bound as its value, the errors are those of `errors`.
    """
    squared = errors(truth, predicted, censored) ** 2
    truth = _values("truth", truth)
    if not _varies(truth):
        return None
    return float(1.0 - squared.sum() / ((truth - truth.mean()) ** 2).sum())


def spearman(truth: ArrayLike, predicted: ArrayLike) -> float | None:
    """Return Spearman's rank correlation, ties at their mean rank; None if either is constant.

    A bound takes the rank of its value: equal bounds are ties, whatever is predicted for them.
    """
    truth, predicted = _values("truth", truth), _values("predicted", predicted, like=truth)
    if not (_varies(truth) and _varies(predicted)):
        return None
    return float(np.corrcoef(_ranks(truth), _ranks(predicted))[0, 1])


def bootstrap_mae_interval(
    absolute_errors: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval of a mean, of absolute errors in most cases.

    Parameters
    ----------
    absolute_errors : array-like, shape (n,)
        Errors without sign; or any other values, such as differences of paired errors.
    groups : array-like of int, shape (n,), optional
        Rows of one group are drawn together; every row is its own group by default.
    level : float
        Share of the resamples that the interval holds.
    n_resamples : int
        Number of resamples.
    seed : int
        The same errors and seed give the same interval.

    Returns
    -------
    tuple of float or None
        Lower and upper end; None without rows.

    References
    ----------
    Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 13.
    """
    values = _values("absolute_errors", absolute_errors)
    if not values.size:
        return None
    if groups is None:
        number = np.arange(len(values))
    else:
        _, number = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(number, values), np.bincount(number)
    rng = np.random.default_rng(seed)
    means = np.empty(n_resamples)
    for i in range(n_resamples):
        drawn = rng.integers(len(sums), size=len(sums))
        means[i] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def interval_coverage(
    truth: ArrayLike, lower: ArrayLike, upper: ArrayLike, censored: ArrayLike | None = None
) -> float | None:
    """Return the share of rows whose truth lies in the interval; None without rows.

    A bound is covered when the interval reaches what it allows.
    """
    misses = _interval_misses(truth, lower, upper, censored)
    return float((misses == 0.0).mean()) if misses.size else None


def mean_interval_width(lower: ArrayLike, upper: ArrayLike) -> float | None:
    """Return the mean of upper less lower end; None without rows."""
    lower, upper = _ends(lower, upper)
    return float((upper - lower).mean()) if lower.size else None


def interval_score(
    truth: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    censored: ArrayLike | None = None,
    *,
    level: float = 0.9,
) -> float | None:
    """Return the mean interval score of Winkler; None without rows. Less is better.

    The width of the interval plus ``2 / (1 - level)`` times the distance by which it misses the
    truth, or, for a bound, what the bound allows.

    References
    ----------
    Gneiting, Raftery: J. Am. Stat. Assoc. 102, 359 (2007), equation 43,
    doi 10.1198/016214506000001437.
    """
    misses = _interval_misses(truth, lower, upper, censored)
    lower, upper = _ends(lower, upper)
    scores = upper - lower + 2.0 / (1.0 - level) * misses
    return float(scores.mean()) if scores.size else None


def mcc(labels: ArrayLike, predicted: ArrayLike) -> float | None:
    """Return Matthews' correlation of two classes; None if the labels have one class only.

    A prediction of one class only has the correlation 0, as in scikit-learn.
    """
    truth, guess = _labels(labels), _labels(predicted, like=labels)
    if truth.all() or not truth.any():
        return None
    if guess.all() or not guess.any():
        return 0.0
    return float(np.corrcoef(truth, guess)[0, 1])


def roc_auc(labels: ArrayLike, score: ArrayLike) -> float | None:
    """Return the area under the ROC curve; None if the labels have one class only.

    It is the probability that a random positive row has a greater score than a random negative one,
    equal scores counting half.
    """
    truth = _labels(labels)
    ranks = _ranks(_values("score", score, like=truth))
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    if not n_positive or not n_negative:
        return None
    wins = ranks[truth].sum() - n_positive * (n_positive + 1) / 2.0
    return float(wins / (n_positive * n_negative))


def f1(labels: ArrayLike, predicted: ArrayLike) -> float | None:
    """Return the harmonic mean of precision and recall; None if neither side has a positive."""
    truth, guess = _labels(labels), _labels(predicted, like=labels)
    positives = int(truth.sum() + guess.sum())
    return float(2.0 * (truth & guess).sum() / positives) if positives else None


def brier(labels: ArrayLike, probability: ArrayLike) -> float | None:
    """Return the mean squared difference of probability and label; None without rows."""
    truth = _labels(labels)
    difference = _values("probability", probability, like=truth) - truth
    return float((difference**2).mean()) if truth.size else None


def superionic_labels(log10: ArrayLike, censored: ArrayLike | None = None) -> tuple[_Mask, _Mask]:
    """Tell which measurements are superionic, and which of them say so.

    Parameters
    ----------
    log10 : array-like, shape (n,)
        Measured log10 of the conductivity in S/cm; the bound where it is censored.
    censored : array-like of str, shape (n,), optional
        ``"none"``, ``"upper"`` or ``"lower"``; all values are exact by default.

    Returns
    -------
    superionic : ndarray of bool, shape (n,)
        At least 1e-4 S/cm.
    decided : ndarray of bool, shape (n,)
        All but the bounds that allow both sides of 1e-4 S/cm.
    """
    truth = _values("log10", log10)
    kinds = _kinds(censored, truth)
    # An upper bound says something of the class only below the threshold, a lower one above it.
    superionic = (truth >= SUPERIONIC_LOG10) & (kinds != "upper")
    decided = np.where(
        kinds == "upper",
        truth <= SUPERIONIC_LOG10,
        (kinds == "none") | (truth >= SUPERIONIC_LOG10),
    )
    return superionic, decided


def regression_scores(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    censored: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score point predictions.

    Parameters
    ----------
    truth, predicted : array-like, shape (n,)
        Finite numbers in the same unit.
    censored : array-like of str, shape (n,), optional
        ``"none"``, ``"upper"`` or ``"lower"``; all values are exact by default.
    groups : array-like of int, shape (n,), optional
        Rows that the bootstrap draws together.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        ``n``, ``mae``, ``mae_ci95`` (list of two), ``rmse``, ``r2``, ``spearman``; None where
        undefined.

    Raises
    ------
    ValueError
        If the shapes differ or a number is not finite.
    """
    difference = errors(truth, predicted, censored)
    interval = bootstrap_mae_interval(np.abs(difference), groups=groups, seed=seed)
    return {
        "n": len(difference),
        "mae": mae(truth, predicted, censored),
        "mae_ci95": None if interval is None else list(interval),
        "rmse": rmse(truth, predicted, censored),
        "r2": r2(truth, predicted, censored),
        "spearman": spearman(truth, predicted),
    }


def conductivity_scores(
    log10: ArrayLike,
    predicted: ArrayLike,
    *,
    lower: ArrayLike,
    upper: ArrayLike,
    superionic_probability: ArrayLike,
    censored: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predicted conductivities with their intervals and superionic probabilities.

    The scores of the superionic class leave out bounds that allow both sides of 1e-4 S/cm.

    Parameters
    ----------
    log10, predicted : array-like, shape (n,)
        Measured and predicted log10 of the conductivity in S/cm.
    lower, upper : array-like, shape (n,)
        Ends of the predicted 90 % interval, in the same unit.
    superionic_probability : array-like, shape (n,)
        Predicted probability of at least 1e-4 S/cm: the score of the ROC curve; a row is called
        superionic above 0.5.
    censored : array-like of str, shape (n,), optional
        ``"none"``, ``"upper"`` or ``"lower"``; all values are exact by default.
    groups : array-like of int, shape (n,), optional
        Rows that the bootstrap draws together.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        ``n``, ``mae``, ``mae_ci95`` (list of two), ``rmse``, ``r2``, ``spearman``,
        ``coverage_90``, ``mean_interval_width``, ``mean_interval_score``, ``mcc_1e-4``,
        ``roc_auc_1e-4``, ``brier_1e-4``; None where undefined.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite or an interval is upside down.
    """
    truth = _values("log10", log10)
    probability = _values("superionic_probability", superionic_probability, like=truth)
    kinds = _kinds(censored, truth)
    superionic, decided = superionic_labels(truth, kinds)
    return regression_scores(truth, predicted, censored=kinds, groups=groups, seed=seed) | {
        "coverage_90": interval_coverage(truth, lower, upper, kinds),
        "mean_interval_width": mean_interval_width(lower, upper),
        "mean_interval_score": interval_score(truth, lower, upper, kinds),
        "mcc_1e-4": mcc(superionic[decided], probability[decided] > 0.5),
        "roc_auc_1e-4": roc_auc(superionic[decided], probability[decided]),
        "brier_1e-4": brier(superionic[decided], probability[decided]),
    }


def stability_scores(
    *,
    decomposition_energy: ArrayLike,
    predicted_decomposition_energy: ArrayLike,
    formation_energy: ArrayLike,
    predicted_formation_energy: ArrayLike,
    stable_probability: ArrayLike,
    metastable_probability: ArrayLike | None = None,
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Score predicted stabilities.

    Parameters
    ----------
    decomposition_energy, predicted_decomposition_energy : array-like, shape (n,)
        In eV/atom; a compound is stable where the true one is at most 0.
    formation_energy, predicted_formation_energy : array-like, shape (n,)
        In eV/atom.
    stable_probability : array-like, shape (n,)
        Predicted probability of being stable.
    metastable_probability : array-like, shape (n,), optional
        Predicted probability of at most 0.05 eV/atom.
    threshold : float
        Probability above which a compound is called stable.

    Returns
    -------
    dict
        ``n``, ``decomposition_energy_mae``, ``formation_energy_mae``, ``stable_f1``,
        ``stable_roc_auc``, ``stable_mcc``, ``stable_brier``, and with the second probability
        ``metastable_roc_auc``, ``metastable_brier``; None where undefined.

    Raises
    ------
    ValueError
        If the shapes differ or a number is not finite.
    """
    energy = _values("decomposition_energy", decomposition_energy)
    formation_energy = _values("formation_energy", formation_energy, like=energy)
    probability = _values("stable_probability", stable_probability, like=energy)
    stable = energy <= 0.0
    called_stable = probability > threshold
    scores = {
        "n": len(energy),
        "decomposition_energy_mae": mae(energy, predicted_decomposition_energy),
        "formation_energy_mae": mae(formation_energy, predicted_formation_energy),
        "stable_f1": f1(stable, called_stable),
        "stable_roc_auc": roc_auc(stable, probability),
        "stable_mcc": mcc(stable, called_stable),
        "stable_brier": brier(stable, probability),
    }
    if metastable_probability is not None:
        metastable = energy <= METASTABLE_EV_PER_ATOM
        scores["metastable_roc_auc"] = roc_auc(metastable, metastable_probability)
        scores["metastable_brier"] = brier(metastable, metastable_probability)
    return scores


def _values(name: str, values: ArrayLike, like: NDArray[Any] | None = None) -> _Floats:
    """Return finite numbers as a vector, as long as another one if given."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or (like is not None and len(array) != len(like)):
        expected = "n" if like is None else len(like)
        raise ValueError(f"{name} has the shape {array.shape}: expected ({expected},).")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} has {np.sum(~np.isfinite(array))} numbers that are not finite: leave those "
            "rows out and say how many they are."
        )
    return array


def _kinds(censored: ArrayLike | None, truth: _Floats) -> NDArray[np.str_]:
    """Return what each value of the truth is, all exact by default."""
    if censored is None:
        return np.full(len(truth), "none")
    kinds = np.asarray(censored).astype(str)
    if kinds.shape != truth.shape:
        raise ValueError(f"censored has the shape {kinds.shape}: expected {truth.shape}.")
    if unknown := set(kinds.tolist()) - {"none", "upper", "lower"}:
        raise ValueError(f"censored has {sorted(unknown)}: expected none, upper or lower.")
    return kinds


def _labels(labels: ArrayLike, like: ArrayLike | None = None) -> _Mask:
    """Return two classes as a mask, as long as another one if given."""
    array = np.asarray(labels)
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise ValueError("labels of two classes must be True and False, or 1 and 0.")
    if array.ndim != 1 or (like is not None and array.shape != np.shape(like)):
        expected = "(n,)" if like is None else np.shape(like)
        raise ValueError(f"labels have the shape {array.shape}: expected {expected}.")
    return array.astype(bool)


def _ends(lower: ArrayLike, upper: ArrayLike) -> tuple[_Floats, _Floats]:
    """Return both ends of the intervals."""
    low = _values("lower", lower)
    high = _values("upper", upper, like=low)
    if (low > high).any():
        raise ValueError(f"{np.sum(low > high)} intervals have their lower end above their upper.")
    return low, high


def _interval_misses(
    truth: ArrayLike, lower: ArrayLike, upper: ArrayLike, censored: ArrayLike | None
) -> _Floats:
    """Return by how much each interval misses the truth, zero where it covers it."""
    low, high = _ends(lower, upper)
    values = _values("truth", truth, like=low)
    kinds = _kinds(censored, values)
    above = np.where(kinds == "lower", 0.0, np.maximum(low - values, 0.0))
    below = np.where(kinds == "upper", 0.0, np.maximum(values - high, 0.0))
    return above + below


def _varies(values: _Floats) -> bool:
    return bool(values.size) and bool((values != values[0]).any())


def _ranks(values: _Floats) -> _Floats:
    """Return ranks from 1, equal values at their mean rank."""
    _, number, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[number]
