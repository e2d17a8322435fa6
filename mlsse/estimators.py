"""Unfitted scikit-learn estimators: the models and the baselines trained beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from mlsse.arrhenius import Lines, Measurements, fit_process
from mlsse.config import ProcessSettings, TreesConfig
from mlsse.features import feature_names
from mlsse.kernels import Floats

_FOREST_REACH = 3.0  # decades per eV, about the way from room temperature to 80 degrees Celsius


def forest_columns() -> NDArray[np.intp]:
    """Columns of the feature matrix for the forest: all but those of the most frequent element.

    These jump where two elements are equally frequent, as in LiF, and the prediction with them.
    """
    return np.flatnonzero([not name.startswith("mode ") for name in feature_names()])


def _forest_input(X: Floats) -> NDArray[np.float32]:
    return X[:, forest_columns()].astype(np.float32)


class ArrheniusRegressor(RegressorMixin, BaseEstimator):
    """The Gaussian process of `mlsse.arrhenius`, and a forest for the room-temperature value.

    The forest learns from all rows brought to 298.15 K by their measured activation energies,
    or else those of the process; a row counts the less the farther it was brought.

    Parameters
    ----------
    settings : ProcessSettings
    n_trees : int
        Size of the forest.
    random_state : int
        Of the forest.

    Attributes
    ----------
    process_ : ArrheniusProcess
    forest_ : ExtraTreesRegressor
    """

    def __init__(
        self, *, settings: ProcessSettings, n_trees: int = 100, random_state: int = 0
    ) -> None:
        self.settings = settings
        self.n_trees = n_trees
        self.random_state = random_state

    def fit(
        self,
        X: Floats,
        y: Floats,
        *,
        inverse_temperature: Floats | None = None,
        is_bound: Any = None,
        activation_energy_ev: Floats | None = None,
    ) -> ArrheniusRegressor:
        """Fit to n_samples measurements.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features of the formulas.
        y : ndarray of shape (n_samples,)
            log10 of conductivity in S/cm.
        inverse_temperature : ndarray of shape (n_samples,), optional
            See `mlsse.targets.inverse_temperature`; room temperature by default.
        is_bound : ndarray of bool, shape (n_samples,), optional
            Where y is an upper bound; nowhere by default.
        activation_energy_ev : ndarray of shape (n_samples,), optional
            NaN where none was measured.
        """
        n_samples = len(y)
        rows = Measurements(
            np.asarray(X, dtype=float),
            np.asarray(y, dtype=float),
            np.zeros(n_samples) if inverse_temperature is None else inverse_temperature,
            np.zeros(n_samples, dtype=bool) if is_bound is None else is_bound,
            np.full(n_samples, np.nan) if activation_energy_ev is None else activation_energy_ev,
        )
        self.process_ = fit_process(rows, self.settings)
        lines = self.process_.predict(rows.features)
        energy = np.where(
            np.isnan(rows.activation_energy_ev),
            lines.activation_energy_ev,
            rows.activation_energy_ev,
        )
        room = rows.log10_conductivity + energy * rows.inverse_temperature
        expected = np.minimum(room, lines.room_log10_conductivity)
        self.forest_ = ExtraTreesRegressor(
            self.n_trees,
            min_samples_leaf=2,
            max_features=0.1,
            n_jobs=-1,
            random_state=self.random_state,
        ).fit(
            _forest_input(rows.features),
            np.where(rows.is_bound, expected, room),
            sample_weight=np.exp(-np.abs(rows.inverse_temperature) / _FOREST_REACH),
        )
        # Threads would add up the trees in any order, and the last digits would vary.
        self.forest_.set_params(n_jobs=1)
        return self

    def predict_lines(self, X: Floats) -> Lines:
        """Predict Arrhenius lines of n_samples formulas."""
        check_is_fitted(self, "process_")
        X = np.asarray(X, dtype=float)
        return self.process_.predict(X, self.forest_.predict(_forest_input(X)))

    def predict(self, X: Floats, inverse_temperature: float | Floats = 0.0) -> Floats:
        """Predict log10 of conductivity in S/cm, shape (n_samples,)."""
        return self.predict_lines(X).log10_conductivity(inverse_temperature)


def median_baseline() -> DummyRegressor:
    """Predict the median of the training rows."""
    return DummyRegressor(strategy="median")


def _standardised() -> Pipeline:
    """Standard scores, clipped: a rare element would else stand hundreds of deviations off."""
    return make_pipeline(StandardScaler(), FunctionTransformer(np.clip, kw_args=_CLIPPED))


_CLIPPED = {"a_min": -5.0, "a_max": 5.0}


def linear_baseline() -> Pipeline:
    """Ridge regression on standardised features."""
    return make_pipeline(_standardised(), RidgeCV(alphas=np.logspace(0, 5, 11)))


def prevalence_baseline() -> DummyClassifier:
    """Predict the share of the positive class."""
    return DummyClassifier(strategy="prior")


def linear_classifier_baseline() -> Pipeline:
    """Logistic regression on standardised features."""
    return make_pipeline(_standardised(), LogisticRegression(max_iter=300))


def decomposition_energy_regressor(config: TreesConfig, seed: int) -> HistGradientBoostingRegressor:
    """Boosted trees on the absolute error, since a few compounds lie far off the hull."""
    return HistGradientBoostingRegressor(
        loss="absolute_error", early_stopping=False, random_state=seed, **vars(config)
    )


def formation_energy_regressor(config: TreesConfig, seed: int) -> HistGradientBoostingRegressor:
    """Boosted trees on the squared error."""
    return HistGradientBoostingRegressor(early_stopping=False, random_state=seed, **vars(config))


def stability_classifier(config: TreesConfig, seed: int) -> HistGradientBoostingClassifier:
    """Boosted trees for the probability of being stable or metastable."""
    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **vars(config))


def feature_importances(model: Any) -> Floats:
    """Share of the gain over all splits of a fitted tree model that each feature brought.

    Parameters
    ----------
    model : estimator
        A fitted forest, or fitted `HistGradientBoosting...`, which scikit-learn gives no
        importances of.

    Returns
    -------
    ndarray of shape (n_features,)
        Sums to one, or is zero throughout where no tree splits.
    """
    check_is_fitted(model)
    if hasattr(model, "feature_importances_"):
        return np.asarray(model.feature_importances_, dtype=float)
    gains = np.zeros(model.n_features_in_)
    for tree in (tree for iteration in model._predictors for tree in iteration):
        splits = tree.nodes[tree.nodes["is_leaf"] == 0]
        np.add.at(gains, splits["feature_idx"], splits["gain"])
    return gains / gains.sum() if gains.any() else gains
