"""The published protocols for conductivity, run anew.

Each protocol fits the recipe of an experiment to the rows that it may learn from, as
`mlsse.refits` does. Conductivities are log10 of S/cm, their errors decades. The intervals
``mae_ci95`` resample single rows: rows of one paper err together, so the true uncertainty is
larger.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse import doubt_metrics, estimators, metrics, splits, training
from mlsse.benchmark_tools import Protocols
from mlsse.card_scores import (
    conductivity_scores,
    domain_scores,
    doubt_scores,
    family_scores,
    truth_of,
)
from mlsse.config import Experiment
from mlsse.refits import Refit, refit, some
from mlsse.targets import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K
from mlsse.training import ConductivityRows

if TYPE_CHECKING:
    pass

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_log = logging.getLogger(__name__)

_LEAK_DISTANCE = 0.02
_STRICT_LEAK_DISTANCE = 0.05
_MORE_SEEDS = 2  # beside that of the experiment
# What the published trials of leaving a family out put for bounds, and for lesser values.
_FAMILY_BOUND_LOG10 = -12.0
_FAMILY_LEAST_LOG10 = -15.0


def conductivity_protocols(experiment: Experiment) -> Protocols:
    """Score a recipe for conductivity on all protocols, as `obelix_protocols` and the others."""
    rows = training.load_conductivity_rows(experiment.conductivity.sources)
    return {
        **obelix_protocols(rows, training.load_conductivity_rows(["obelix"]), experiment),
        **grouped_protocols(rows, experiment),
        "leave_one_family_out": leave_one_family_out(rows, experiment),
    }


def obelix_protocols(
    rows: ConductivityRows, obelix: ConductivityRows, experiment: Experiment
) -> Protocols:
    """Score on the official test split of OBELiX.

    Rows of other sources are not learned from where they share a paper with a test row, name no
    paper, or lie within 0.02 of a test composition (sum of absolute differences of atom
    fractions). One fitted model serves all conventions for bounds. Beside it: a model of
    OBELiX's own training rows alone (``obelix_only``), one without any row, official training
    rows included, within 0.05 of a test composition (``leak_0.05``), two baselines, what the
    domain flag tells, and how much the error depends on the seed (``obelix_test_seeds``).

    Parameters
    ----------
    rows : ConductivityRows
    obelix : ConductivityRows
        OBELiX read alone, without the activation energies that other sources add to its rows.
    experiment : Experiment

    Returns
    -------
    dict
    """
    table = rows.table
    of_obelix = (table["source"] == "obelix").to_numpy()
    test = of_obelix & (table["split"] == "test").to_numpy()
    official = of_obelix & (table["split"] == "train").to_numpy()
    asked = rows[test]

    def without_leaks(max_distance: float, *, official_near_test: bool) -> ConductivityRows:
        leaks = splits.leak_mask(
            rows.vectors,
            table["doi"],
            asked.vectors,
            asked.table["doi"],
            max_distance=max_distance,
            official=official,
            official_near_test=official_near_test,
        )
        return some(rows, ~leaks.any & ~test)

    known = without_leaks(_LEAK_DISTANCE, official_near_test=False)
    strict = without_leaks(_STRICT_LEAK_DISTANCE, official_near_test=True)
    own = some(obelix, (obelix.table["split"] == "train").to_numpy())
    fixed = metrics.CONVENTIONS[:2]
    protocols: Protocols = {}
    for name, allowed, conventions in (
        ("obelix_test", known, metrics.CONVENTIONS),
        ("obelix_only", own, fixed),
        ("obelix_test_leak_0.05", strict, fixed),
    ):
        card = refit(experiment, allowed, asked, name).card
        for convention in conventions:
            scores = conductivity_scores(asked, card, convention)
            protocols[f"{name}_{convention}"] = {**scores, "n_training_rows": len(allowed)}
        if allowed is known:
            protocols["obelix_test_domain"] = domain_scores(asked, card)
    protocols["obelix_test_seeds"] = {
        name: _seed_spread(
            experiment,
            allowed,
            asked,
            {c: protocols[f"{name}_{c}"]["mae"] for c in fixed},
        )
        for name, allowed in (("obelix_test", known), ("obelix_only", own))
    }
    room = known.at_room_temperature
    for name, make in (
        ("median", estimators.median_baseline),
        ("linear", estimators.linear_baseline),
    ):
        baseline = make().fit(
            known.measurements.features[room], known.measurements.log10_conductivity[room]
        )
        predicted = baseline.predict(asked.measurements.features)
        for convention in fixed:
            truth, _, _ = truth_of(asked, convention)
            protocols[f"obelix_test_{name}_{convention}"] = metrics.regression_scores(
                truth, predicted
            )
    return protocols


def grouped_protocols(rows: ConductivityRows, experiment: Experiment) -> Protocols:
    """Score by cross-validation over groups of papers and compositions within 0.05.

    The calibration of the intervals is fitted inside the training folds. ``grouped_cv`` scores
    the rows within 10 K of room temperature, bounds as bounds; ``other_temperatures`` the other
    rows between 200 and 800 K; ``activation_energy`` the rows with a measured one, in eV. Each
    has the error of the median of the same rows of the training folds beside, ``median_mae``.
    ``grouped_cv_doubt`` compares the intervals with some of constant width, tells their coverage
    by family and by temperature, and how far the probability of being superionic can be taken
    at its word.

    Parameters
    ----------
    rows : ConductivityRows
    experiment : Experiment

    Returns
    -------
    dict
    """
    import pandas as pd

    folds = splits.grouped_folds(rows.groups, experiment.conductivity.n_folds, experiment.seed)
    cards = []
    constant = np.empty((len(rows), 2))
    for fold in np.unique(folds):
        held_out = folds == fold
        known = some(rows, ~held_out)
        found = refit(experiment, known, rows[held_out], f"grouped_cv, fold {fold + 1}")
        cards.append(found.card.set_index(np.flatnonzero(held_out)))
        constant[held_out] = _constant_width(found, known.at_room_temperature)
    card = pd.concat(cards).sort_index()

    truth, censored = rows.measurements.log10_conductivity, rows.table["censored"].to_numpy(str)
    energy = rows.measurements.activation_energy_ev
    temperature = rows.table["temperature_k"].to_numpy()
    room = rows.at_room_temperature
    other = ~room & (temperature >= MIN_TEMPERATURE_K) & (temperature <= MAX_TEMPERATURE_K)
    has_energy = np.isfinite(energy)
    at_room = conductivity_scores(rows[room], card[room], "censor_aware")
    elsewhere = metrics.regression_scores(
        truth[other], card["log10_conductivity"][other], censored=censored[other]
    )
    comparable = at_room["mae"] and elsewhere["mae"] is not None
    return {
        "grouped_cv": {
            **at_room,
            "median_mae": _median_mae(truth, folds, room, censored),
        },
        "other_temperatures": {
            **elsewhere,
            "median_mae": _median_mae(truth, folds, other, censored),
            "ratio_to_room_temperature": elsewhere["mae"] / at_room["mae"] if comparable else None,
        },
        "activation_energy": {
            **metrics.regression_scores(
                energy[has_energy], card["activation_energy_ev"][has_energy]
            ),
            "median_mae": _median_mae(energy, folds, has_energy),
        },
        "grouped_cv_doubt": doubt_scores(rows, card, constant),
    }


def leave_one_family_out(rows: ConductivityRows, experiment: Experiment) -> dict[str, Any]:
    """Score each family of `splits.family_masks` by a model that knows no member of it.

    Rows within 10 K of room temperature; upper bounds count as 1e-12 S/cm and lesser values as
    1e-15 S/cm, in the scores alone. A row of two families is scored in both.

    Parameters
    ----------
    rows : ConductivityRows
    experiment : Experiment

    Returns
    -------
    dict
        Metrics over all families, and under ``families`` those of each; beside them the error
        of the median of the remaining rows, ``median_of_rest_mae``, the ``gain`` over it as a
        share and the ``excess`` in decades, and what the domain flag tells. ``mean_gain``,
        ``worst_excess`` and ``least_coverage_90`` are over families, each counting once.
    """
    import pandas as pd

    room = rows.at_room_temperature
    truth = np.where(
        rows.measurements.is_bound,
        _FAMILY_BOUND_LOG10,
        np.maximum(rows.measurements.log10_conductivity, _FAMILY_LEAST_LOG10),
    )
    families: Protocols = {}
    cards, truths, medians = [], [], []
    for name, family in splits.family_masks(rows.vectors).items():
        held_out = family & room
        if not held_out.any():
            continue
        known = some(rows, ~family)
        card = refit(experiment, known, rows[held_out], f"leave_one_family_out, {name}").card
        median = np.full(len(card), np.median(truth[room & ~family]))
        families[name] = family_scores(truth[held_out], card, median)
        cards.append(card)
        truths.append(truth[held_out])
        medians.append(median)
    pooled = family_scores(np.concatenate(truths), pd.concat(cards), np.concatenate(medians))
    return {
        **pooled,
        "mean_gain": float(np.mean([family["gain"] for family in families.values()])),
        "worst_excess": max(family["excess"] for family in families.values()),
        "least_coverage_90": min(family["coverage_90"] for family in families.values()),
        "families": families,
    }


def _seed_spread(
    experiment: Experiment,
    known: ConductivityRows,
    asked: ConductivityRows,
    mae_of_first: dict[str, float],
) -> dict[str, Any]:
    """Errors with other seeds of all that is drawn, beside those with the experiment's own."""
    seeds = [experiment.seed + i for i in range(_MORE_SEEDS + 1)]
    maes = {convention: [mae] for convention, mae in mae_of_first.items()}
    for seed in seeds[1:]:
        card = refit(replace(experiment, seed=seed), known, asked, f"seed {seed}").card
        for convention, found in maes.items():
            found.append(conductivity_scores(asked, card, convention)["mae"])
    return {
        "seeds": seeds,
        **{
            convention: {
                "mae": found,
                "mean": float(np.mean(found)),
                "standard_deviation": float(np.std(found, ddof=1)),
            }
            for convention, found in maes.items()
        },
    }


def _constant_width(found: Refit, scored: Mask) -> Floats:
    """Ends of an interval of constant width, from the residuals inside the known rows."""
    table = found.out_of_fold[scored]
    residuals = (table["log10_conductivity"] - table["predicted_log10_conductivity"]).to_numpy()
    is_bound = (table["censored"] == "upper").to_numpy()
    return np.array(doubt_metrics.constant_width(residuals, is_bound))


def _median_mae(
    truth: Floats,
    folds: NDArray[np.int64],
    scored: Mask,
    censored: NDArray[np.str_] | None = None,
) -> float | None:
    """Error of the median of the scored rows of the other folds; None if there are none."""
    predicted = np.zeros(len(truth))
    for fold in np.unique(folds[scored]):
        others = scored & (folds != fold)
        if not others.any():
            return None
        predicted[folds == fold] = np.median(truth[others])
    return metrics.mae(
        truth[scored], predicted[scored], None if censored is None else censored[scored]
    )
