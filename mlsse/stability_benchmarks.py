"""The published protocol for stability, run anew; energies are eV/atom."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from mlsse import doubt_metrics, estimators, metrics, prediction, training
from mlsse.benchmark_tools import Protocols
from mlsse.config import Experiment
from mlsse.datasets import load_dataset
from mlsse.refits import built
from mlsse.targets import METASTABLE_EV_PER_ATOM
from mlsse.training import StabilityRows

_log = logging.getLogger(__name__)

_BASELINE_COMPOUNDS = 10_000  # a linear model gains nothing from more


def stability_protocols(experiment: Experiment) -> Protocols:
    """Score a recipe for stability on the CritExam test split.

    Training and validation rows are learned from. Beside the model two baselines of 10,000 of
    these rows: medians with the share of stable compounds, and linear models.
    ``critexam_test_doubt`` tells how far the two probabilities can be taken at their word.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    dict
    """
    rows = training.load_stability_rows()
    test = rows.split == "test"
    generator = np.random.default_rng(experiment.seed)
    allowed = generator.permutation(np.flatnonzero(~test))[: experiment.stability.max_rows]
    known, asked = rows[np.isin(np.arange(len(rows)), allowed)], rows[test]
    formulas = load_dataset("critexam")["formula"].to_numpy()[test]
    _log.info("critexam_test: fitting to %d compounds", len(known))
    conductivity = training.load_conductivity_rows(experiment.conductivity.sources)
    phases = training.load_phases(splits=("train", "val"))
    with built(experiment, conductivity, known, phases) as trained:
        card = prediction.predict(formulas, model=trained.model, groups=["stability"])
    energy = asked.decomposition_energy
    protocols: Protocols = {
        "critexam_test": _stability_scores(
            asked,
            card["decomposition_energy_ev_per_atom"],
            card["formation_energy_ev_per_atom"],
            card["stable_probability"],
            card["metastable_probability"],
        ),
        "critexam_test_doubt": {},
    }
    for name, limit in (("stable", 0.0), ("metastable", METASTABLE_EV_PER_ATOM)):
        bins = doubt_metrics.reliability(energy <= limit, card[f"{name}_probability"])
        protocols["critexam_test_doubt"] |= {
            f"{name}_calibration_error": doubt_metrics.calibration_error(bins),
            f"{name}_reliability": bins,
        }
    columns = training.tree_columns()
    few = generator.permutation(len(known))[:_BASELINE_COMPOUNDS]
    X, X_test = known.features[few][:, columns], asked.features[:, columns]
    for name, regressor, classifier in (
        ("median", estimators.median_baseline, estimators.prevalence_baseline),
        ("linear", estimators.linear_baseline, estimators.linear_classifier_baseline),
    ):
        learned = known.decomposition_energy[few]
        protocols[f"critexam_test_{name}"] = _stability_scores(
            asked,
            regressor().fit(X, learned).predict(X_test),
            regressor().fit(X, known.formation_energy[few]).predict(X_test),
            classifier().fit(X, learned <= 0.0).predict_proba(X_test)[:, 1],
        )
    return protocols


def _stability_scores(
    rows: StabilityRows,
    decomposition_energy: Any,
    formation_energy: Any,
    stable_probability: Any,
    metastable_probability: Any = None,
) -> dict[str, Any]:
    return metrics.stability_scores(
        decomposition_energy=rows.decomposition_energy,
        predicted_decomposition_energy=decomposition_energy,
        formation_energy=rows.formation_energy,
        predicted_formation_energy=formation_energy,
        stable_probability=stable_probability,
        metastable_probability=metastable_probability,
    )
