"""The published protocols, run anew.

Each protocol fits the recipe of an experiment to the rows that it may learn from, intervals and
their calibration included, writes a bundle, reads it back and predicts through
`mlsse.prediction`, as a user does. Conductivities are log10 of S/cm, their errors decades, and
energies eV/atom. The intervals ``mae_ci95`` resample single rows: rows of one paper err
together, so the true uncertainty is larger.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse import (
    estimators,
    fault_benchmark,
    hull_benchmarks,
    interface_benchmarks,
    metrics,
    prediction,
    provenance,
    serving_benchmark,
    speed,
    splits,
    training,
    window_benchmarks,
)
from mlsse.benchmark_tools import Protocols
from mlsse.bundle import STABILITY_TREES, load_model
from mlsse.config import Experiment, load_experiment, read_experiment
from mlsse.datasets import load_dataset
from mlsse.errors import ConfigError
from mlsse.targets import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K
from mlsse.training import ConductivityRows, StabilityRows

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]

_log = logging.getLogger(__name__)

_LEAK_DISTANCE = 0.02
_STRICT_LEAK_DISTANCE = 0.05
_LARGE_ERROR = 1.5  # decades
# What the published trials of leaving a family out put for bounds, and for lesser values.
_FAMILY_BOUND_LOG10 = -12.0
_FAMILY_LEAST_LOG10 = -15.0
_BASELINE_COMPOUNDS = 10_000  # a linear model gains nothing from more
_STAND_IN_COMPOUNDS = 300
_SCORED = [
    "log10_conductivity",
    "log10_conductivity_lower",
    "log10_conductivity_upper",
    "superionic_probability",
    "activation_energy_ev",
    "in_domain",
]


def run(
    name: str, experiment_path: str | Path | None = None, *, mixed_minutes: float | None = None
) -> dict[str, Any]:
    """Run a benchmark.

    Parameters
    ----------
    name : {"conductivity", "stability", "speed", "hull", "windows", "interfaces", "serving", \
            "faults"}
    experiment_path : str or pathlib.Path, optional
        The experiment whose recipe is fitted; that of the shipped model by default. Only the
        first two benchmarks and the last one fit anything, which needs a quick experiment; the
        others are of the shipped model.
    mixed_minutes : float, optional
        Length of the mixed load of the benchmark of serving; 10 by default.

    Returns
    -------
    dict
        ``benchmark``, ``commit``, ``machine`` and ``protocols``, a dict of metrics by protocol:
        numbers of six digits, lists and dicts of them, or None where undefined.

    Raises
    ------
    ConfigError
        If the name is unknown or the experiment file is wrong.
    DataUnavailableError
        If a dataset can be had neither from the cache, nor a mirror, nor the network.
    BundleError
        If a bundle and the fitted estimators disagree, or no model is shipped.
    """
    recipes: dict[str, Callable[[Experiment], Protocols]] = {
        "conductivity": conductivity_protocols,
        "stability": stability_protocols,
    }
    of_shipped: dict[str, Callable[[], Protocols]] = {
        "speed": speed.measure,
        "hull": hull_benchmarks.hull_protocols,
        "windows": window_benchmarks.window_protocols,
        "interfaces": interface_benchmarks.interface_protocols,
        "serving": partial(serving_benchmark.measure, mixed_minutes),
        "faults": partial(fault_benchmark.measure, experiment_path),
    }
    if name not in (*recipes, *of_shipped):
        names = ", ".join((*recipes, *of_shipped))
        raise ConfigError(f"benchmark {name!r}: expected one of {names}")
    commit = provenance.commit()  # before anything can change
    if name in of_shipped:
        protocols = of_shipped[name]()
    else:
        protocols = recipes[name](
            _shipped_experiment() if experiment_path is None else load_experiment(experiment_path)
        )
    return {
        "benchmark": name,
        "commit": commit,
        "machine": provenance.machine(),
        "protocols": _rounded(protocols),
    }


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
    rows included, within 0.05 of a test composition (``leak_0.05``), two baselines, and what
    the domain flag tells.

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
        return _some(rows, ~leaks.any & ~test)

    known = without_leaks(_LEAK_DISTANCE, official_near_test=False)
    strict = without_leaks(_STRICT_LEAK_DISTANCE, official_near_test=True)
    own = _some(obelix, (obelix.table["split"] == "train").to_numpy())
    fixed = metrics.CONVENTIONS[:2]
    protocols: Protocols = {}
    for name, allowed, conventions in (
        ("obelix_test", known, metrics.CONVENTIONS),
        ("obelix_only", own, fixed),
        ("obelix_test_leak_0.05", strict, fixed),
    ):
        card = _predict(experiment, allowed, asked, name)
        for convention in conventions:
            scores = _conductivity_scores(asked, card, convention)
            protocols[f"{name}_{convention}"] = {**scores, "n_training_rows": len(allowed)}
        if allowed is known:
            protocols["obelix_test_domain"] = _domain_scores(asked, card)
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
            truth, _, _ = _truth(asked, convention)
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
    for fold in np.unique(folds):
        held_out = folds == fold
        known = _some(rows, ~held_out)
        card = _predict(experiment, known, rows[held_out], f"grouped_cv, fold {fold + 1}")
        cards.append(card.set_index(np.flatnonzero(held_out)))
    card = pd.concat(cards).sort_index()

    truth, censored = rows.measurements.log10_conductivity, rows.table["censored"].to_numpy()
    energy = rows.measurements.activation_energy_ev
    temperature = rows.table["temperature_k"].to_numpy()
    room = rows.at_room_temperature
    other = ~room & (temperature >= MIN_TEMPERATURE_K) & (temperature <= MAX_TEMPERATURE_K)
    has_energy = np.isfinite(energy)
    return {
        "grouped_cv": {
            **_conductivity_scores(rows[room], card[room], "censor_aware"),
            "median_mae": _median_mae(truth, folds, room, censored),
        },
        "other_temperatures": {
            **metrics.regression_scores(
                truth[other], card["log10_conductivity"][other], censored=censored[other]
            ),
            "median_mae": _median_mae(truth, folds, other, censored),
        },
        "activation_energy": {
            **metrics.regression_scores(
                energy[has_energy], card["activation_energy_ev"][has_energy]
            ),
            "median_mae": _median_mae(energy, folds, has_energy),
        },
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
        of the median of the remaining rows, ``median_of_rest_mae``.
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
        known = _some(rows, ~family)
        card = _predict(experiment, known, rows[held_out], f"leave_one_family_out, {name}")
        median = np.full(len(card), np.median(truth[room & ~family]))
        families[name] = {
            **_scores(truth[held_out], card),
            "median_of_rest_mae": metrics.mae(truth[held_out], median),
            "in_domain_share": float(card["in_domain"].mean()),
        }
        cards.append(card)
        truths.append(truth[held_out])
        medians.append(median)
    pooled = np.concatenate(truths)
    return {
        **_scores(pooled, pd.concat(cards)),
        "median_of_rest_mae": metrics.mae(pooled, np.concatenate(medians)),
        "families": families,
    }


def stability_protocols(experiment: Experiment) -> Protocols:
    """Score a recipe for stability on the CritExam test split.

    Training and validation rows are learned from. Beside the model two baselines of 10,000 of
    these rows: medians with the share of stable compounds, and linear models.

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
    with TemporaryDirectory() as folder:
        model = training.build(
            experiment,
            training.load_conductivity_rows(experiment.conductivity.sources),
            known,
            training.load_phases(splits=("train", "val")),
            Path(folder) / "bundle",
        )
        card = prediction.predict(formulas, model=model)
    protocols = {
        "critexam_test": _stability_scores(
            asked,
            card["decomposition_energy_ev_per_atom"],
            card["formation_energy_ev_per_atom"],
            card["stable_probability"],
        )
    }
    columns = training.tree_columns()
    few = generator.permutation(len(known))[:_BASELINE_COMPOUNDS]
    X, X_test = known.features[few][:, columns], asked.features[:, columns]
    for name, regressor, classifier in (
        ("median", estimators.median_baseline, estimators.prevalence_baseline),
        ("linear", estimators.linear_baseline, estimators.linear_classifier_baseline),
    ):
        energy = known.decomposition_energy[few]
        protocols[f"critexam_test_{name}"] = _stability_scores(
            asked,
            regressor().fit(X, energy).predict(X_test),
            regressor().fit(X, known.formation_energy[few]).predict(X_test),
            classifier().fit(X, energy <= 0.0).predict_proba(X_test)[:, 1],
        )
    return protocols


def _shipped_experiment() -> Experiment:
    """The experiment that the shipped model was trained by."""
    return read_experiment(load_model().metadata["experiment"], "the shipped model")


def _some(rows: ConductivityRows, mask: Mask) -> ConductivityRows:
    """Some of the rows, grouped as if there were no others."""
    some = rows[mask]
    return replace(some, groups=splits.composition_groups(some.vectors, some.table["doi"]))


def _predict(
    experiment: Experiment, known: ConductivityRows, asked: ConductivityRows, what: str
) -> pd.DataFrame:
    """Predict rows, each at its own temperature, by a bundle that was trained on others.

    Temperatures are moved into the range that is offered.
    """
    import pandas as pd

    _log.info("%s: fitting to %d rows to predict %d", what, len(known), len(asked))
    # No conductivity depends on the trees. A few, of compounds without meaning, complete the
    # bundle, so that no protocol waits for them.
    trees = {
        name: replace(getattr(experiment.stability, name), max_iter=5) for name in STABILITY_TREES
    }
    experiment = replace(experiment, stability=replace(experiment.stability, **trees))
    features = known.measurements.features[:_STAND_IN_COMPOUNDS].astype(np.float32)
    energies = np.where(np.arange(len(features)) % 2, 0.1, -0.1)
    compounds = StabilityRows(features, energies, energies, np.full(len(features), "train"))
    temperatures = np.clip(
        asked.table["temperature_k"].to_numpy(), MIN_TEMPERATURE_K, MAX_TEMPERATURE_K
    )
    cards = []
    with TemporaryDirectory() as folder:
        model = training.build(
            experiment, known, compounds, training.load_phases(), Path(folder) / "bundle"
        )
        for temperature in np.unique(temperatures):
            rows = np.flatnonzero(temperatures == temperature)
            card = prediction.predict(
                asked.table["formula"].iloc[rows], temperature_k=temperature, model=model
            )
            cards.append(card[_SCORED].set_index(rows))
    return pd.concat(cards).sort_index()


def _truth(
    rows: ConductivityRows, convention: str
) -> tuple[NDArray[np.float64], NDArray[np.str_], Mask]:
    return metrics.apply_convention(
        rows.table["log10_conductivity"], rows.table["censored"], convention
    )


def _conductivity_scores(
    rows: ConductivityRows, card: pd.DataFrame, convention: str
) -> dict[str, Any]:
    truth, censored, kept = _truth(rows, convention)
    return _scores(truth[kept], card[kept], censored[kept])


def _scores(
    truth: NDArray[np.float64], card: pd.DataFrame, censored: NDArray[np.str_] | None = None
) -> dict[str, Any]:
    return metrics.conductivity_scores(
        truth,
        card["log10_conductivity"],
        lower=card["log10_conductivity_lower"],
        upper=card["log10_conductivity_upper"],
        superionic_probability=card["superionic_probability"],
        censored=censored,
    )


def _domain_scores(rows: ConductivityRows, card: pd.DataFrame) -> dict[str, Any]:
    """What the domain flag tells of errors; a respected bound counts as none."""
    inside = card["in_domain"].to_numpy(dtype=bool)
    truth, censored, _ = _truth(rows, "censor_aware")
    errors = np.abs(metrics.errors(truth, card["log10_conductivity"], censored))
    large = errors > _LARGE_ERROR
    return {
        "n": len(errors),
        "in_domain_share": inside.mean(),
        "mae_in_domain": errors[inside].mean() if inside.any() else None,
        "mae_out_of_domain": errors[~inside].mean() if not inside.all() else None,
        "n_errors_above_1.5": large.sum(),
        "share_of_these_out_of_domain": (~inside)[large].mean() if large.any() else None,
    }


def _median_mae(
    truth: NDArray[np.float64],
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


def _stability_scores(
    rows: StabilityRows, decomposition_energy: Any, formation_energy: Any, probability: Any
) -> dict[str, Any]:
    return metrics.stability_scores(
        decomposition_energy=rows.decomposition_energy,
        predicted_decomposition_energy=decomposition_energy,
        formation_energy=rows.formation_energy,
        predicted_formation_energy=formation_energy,
        stable_probability=probability,
    )


def _rounded(value: Any) -> Any:
    """Round numbers to six digits, and turn those of numpy into Python's."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return float(f"{value:.6g}") if isinstance(value, float) else value
