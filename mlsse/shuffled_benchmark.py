"""The whole pipeline with shuffled labels: it must know nothing, or something leaks.

What was measured of one row (conductivity, whether that is a bound, activation energy) is given
to another row, among the rows that are learned from alone; the true labels serve to score. Room
temperature rows change places with each other, so that the median stays what it was.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsse import metrics, splits, training
from mlsse.benchmark_tools import Protocols
from mlsse.config import Experiment
from mlsse.emulated_test import emulated_test, median_predictions
from mlsse.refits import built, refit, some, stand_in_phases
from mlsse.training import ConductivityRows, StabilityRows

_log = logging.getLogger(__name__)

_N_FOLDS = 5
_COMPOUNDS = 4_000
_LABELS = ["log10_conductivity", "censored", "activation_energy_ev"]


def shuffled_protocols(experiment: Experiment) -> Protocols:
    """Train on shuffled labels and score on true ones.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    dict
        ``emulated_test``: folds of the official training rows, see `mlsse.emulated_test`;
        ``grouped_cv``: as in the benchmark of conductivity, through a bundle; ``stability``:
        4,000 compounds of the published training split, through a bundle, scored on its
        validation split. Each has the error of the median and the ``gain`` over it as a share
        of it, with a 95 % interval of the gain from a bootstrap over papers, groups or
        compounds: not above zero by more than chance.
    """
    rows = training.load_conductivity_rows(experiment.conductivity.sources)
    return {
        **_emulated(rows, experiment),
        "grouped_cv": _grouped(rows, experiment),
        "stability": _stability(rows, experiment),
    }


def shuffle_labels(rows: ConductivityRows, seed: int) -> ConductivityRows:
    """Give what was measured of each row to another one.

    Parameters
    ----------
    rows : ConductivityRows
    seed : int

    Returns
    -------
    ConductivityRows
        The same compositions, temperatures and papers; labels in another order, those of
        room-temperature rows among these rows.
    """
    generator = np.random.default_rng(seed)
    order = np.arange(len(rows))
    for part in (rows.at_room_temperature, ~rows.at_room_temperature):
        order[part] = generator.permutation(order[part])
    table = rows.table.copy()
    labels = [name for name in (*_LABELS, "conductivity_s_per_cm") if name in table]
    table[labels] = rows.table[labels].to_numpy()[order]
    table = table.astype({name: rows.table[name].dtype for name in labels})
    measured = rows.measurements
    return replace(
        rows,
        table=table,
        measurements=replace(
            measured,
            log10_conductivity=measured.log10_conductivity[order],
            is_bound=measured.is_bound[order],
            activation_energy_ev=measured.activation_energy_ev[order],
        ),
    )


def _emulated(rows: ConductivityRows, experiment: Experiment) -> Protocols:
    emulated = emulated_test(rows, _N_FOLDS, experiment.seed)
    predicted = np.empty(len(emulated.folds))
    for fold, mask, asked in emulated.asked():
        known = shuffle_labels(some(rows, emulated.known(rows, fold)), experiment.seed + fold)
        _log.info("emulated_test, fold %d: fitting to %d rows", fold + 1, len(known))
        fitted = training.fit_conductivity(known, experiment.conductivity, experiment.seed)
        lines = fitted.predict_lines(asked.measurements.features)
        predicted[mask] = lines.log10_conductivity(asked.measurements.inverse_temperature)
    medians = emulated.absolute_errors(median_predictions(emulated, rows))
    truth = emulated.official.measurements.log10_conductivity
    return {
        f"emulated_test_{convention}": {
            **_gain(errors, medians[convention], emulated.papers),
            "spearman": metrics.spearman(truth, predicted),
        }
        for convention, errors in emulated.absolute_errors(predicted).items()
    }


def _grouped(rows: ConductivityRows, experiment: Experiment) -> dict[str, Any]:
    folds = splits.grouped_folds(rows.groups, experiment.conductivity.n_folds, experiment.seed)
    room = rows.at_room_temperature
    truth = rows.measurements.log10_conductivity
    predicted, medians, probability = np.zeros((3, len(rows)))
    for fold in np.unique(folds).tolist():
        asked = room & (folds == fold)
        if not asked.any():
            continue
        known = shuffle_labels(some(rows, folds != fold), experiment.seed + fold)
        found = refit(experiment, known, rows[asked], f"grouped_cv, fold {fold + 1}")
        predicted[asked] = found.card["log10_conductivity"]
        probability[asked] = found.card["superionic_probability"]
        medians[asked] = np.median(truth[room & (folds != fold)])
    censored = rows.table["censored"].to_numpy(str)[room]
    errors, of_median = (
        np.abs(metrics.errors(truth[room], guess[room], censored)) for guess in (predicted, medians)
    )
    superionic, decided = metrics.superionic_labels(truth[room], censored)
    return {
        **_gain(errors, of_median, rows.groups[room]),
        "spearman": metrics.spearman(truth[room], predicted[room]),
        "roc_auc_1e-4": metrics.roc_auc(superionic[decided], probability[room][decided]),
    }


def _stability(rows: ConductivityRows, experiment: Experiment) -> dict[str, Any]:
    known = training.load_stability_rows(_COMPOUNDS, experiment.seed, ("train",))
    asked = training.load_stability_rows(_COMPOUNDS, experiment.seed, ("val",))
    order = np.random.default_rng(experiment.seed).permutation(len(known))
    shuffled = StabilityRows(
        known.features,
        known.decomposition_energy[order],
        known.formation_energy[order],
        known.split,
    )
    # No stability depends on the measurements of conductivity: those of OBELiX complete the bundle.
    few = rows[(rows.table["source"] == "obelix").to_numpy()]
    _log.info("stability: fitting to %d compounds", len(shuffled))
    with built(experiment, few, shuffled, stand_in_phases()) as trained:
        predicted = trained.model.stability(asked.features.astype(float))
    truth = asked.decomposition_energy
    errors = np.abs(predicted.decomposition_energy - truth)
    of_median = np.abs(np.median(known.decomposition_energy) - truth)
    return {
        **_gain(errors, of_median, np.arange(len(truth))),
        "spearman": metrics.spearman(truth, predicted.decomposition_energy),
        "stable_roc_auc": metrics.roc_auc(truth <= 0.0, predicted.stable_probability),
    }


def _gain(
    errors: NDArray[np.float64], of_median: NDArray[np.float64], groups: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """Errors beside those of the median, and what the model gains over it."""
    mae = float(of_median.mean())
    interval = metrics.bootstrap_mae_interval((of_median - errors) / mae, groups=groups)
    return {
        "n": len(errors),
        "mae": float(errors.mean()),
        "median_mae": mae,
        "gain": 1.0 - float(errors.mean()) / mae,
        "gain_ci95": None if interval is None else list(interval),
    }
