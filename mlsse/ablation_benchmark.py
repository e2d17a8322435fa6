"""What each part of the recipe for conductivity is worth.

The recipe is fitted again without one part at a time, and with one source after the other, and
scored on `mlsse.emulated_test`: the official test rows take no part. How far a prediction steps
away from the prior (`mlsse.trust`) is fitted once a fold, for the whole recipe, and serves all
variants. A part that brings nothing may still be needed far from what is known, which these rows,
like the official ones, seldom are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlsse import metrics, training
from mlsse.benchmark_tools import Protocols
from mlsse.config import ConductivityConfig, Experiment
from mlsse.emulated_test import EmulatedTest, Floats, emulated_test, median_predictions
from mlsse.features import RATIOS, STATISTICS, feature_names
from mlsse.refits import some
from mlsse.training import ConductivityRows
from mlsse.trust import Trust

_log = logging.getLogger(__name__)

_N_FOLDS = 5
_ENDLESS = 1e9  # a length or share so great that nothing ever fades
Edit = Callable[[ConductivityRows], ConductivityRows]


@dataclass(frozen=True)
class Variant:
    """One way to change the recipe.

    Attributes
    ----------
    config : ConductivityConfig
        Its sources are those of the rows learned from.
    edit : callable
        Changes rows that are learned from.
    blanked : ndarray of int
        Columns of the feature matrix that are set to zero, learning and predicting.
    """

    config: ConductivityConfig
    edit: Edit = lambda rows: rows
    blanked: Sequence[int] = ()


def ablation_protocols(experiment: Experiment) -> Protocols:
    """Score the recipe, and the recipe without its parts, on folds of official training rows.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    dict
        ``ablation``: by variant the mean number of rows learned from, the error by both
        conventions for bounds, and how much it exceeds that of the full recipe on the same rows,
        with a 95 % interval from a bootstrap over papers: above zero where the part helps.
        ``learning_curve``: the same with one source after the other.
    """
    config = experiment.conductivity
    tables = {sources: training.load_conductivity_rows(sources) for sources in _all_sources(config)}
    rows = tables[config.sources]
    emulated = emulated_test(rows, _N_FOLDS, experiment.seed)
    trusts, full, untrusted = _fit_full(experiment, emulated, rows)
    found = {
        "full recipe": full,
        "median": _Found(median_predictions(emulated, rows), full.mean_n_training_rows),
        "no trust": untrusted,
    }
    for name, variant in variants(config).items():
        found[name] = _fit(variant, emulated, tables[variant.config.sources], trusts, name)
    ablation = {name: _scores(result, full, emulated) for name, result in found.items()}
    curve = {}
    for n in range(1, len(config.sources) + 1):
        sources = config.sources[:n]
        if n == len(config.sources):
            result = full
        elif n == len(config.sources) - 1:
            result = found[f"without {config.sources[-1]}"]
        else:
            variant = Variant(replace(config, sources=sources))
            result = _fit(variant, emulated, tables[sources], trusts, " + ".join(sources))
        curve[" + ".join(sources)] = _scores(result, full, emulated)
    return {"ablation": ablation, "learning_curve": curve}


def variants(config: ConductivityConfig) -> dict[str, Variant]:
    """The recipe without one part at a time, by what is missing or left."""
    process: dict[str, dict[str, Any]] = {
        "process alone": {"forest_weight": 0.0},
        "forest alone": {"forest_weight": 1.0, "forest_share": _ENDLESS},
        "kernel blind to frameworks": {"framework_length": _ENDLESS},
        "kernel blind to chemistry": {"chemistry_length": _ENDLESS},
        "kernel blind to descriptors": {"descriptor_length": _ENDLESS},
    }  # fmt: skip
    edits: dict[str, Edit] = {
        "bounds left out": lambda rows: rows[~rows.measurements.is_bound],
        "bounds as values": lambda rows: _measured(rows, is_bound=np.zeros(len(rows), dtype=bool)),
        "activation energies left out": lambda rows: _measured(
            rows, activation_energy_ev=np.full(len(rows), np.nan)
        ),
        "room temperature alone": lambda rows: rows[rows.at_room_temperature],
    }
    return {
        **{f"without {left_out}": Variant(replace(config, sources=sources))
           for left_out, sources in _without_each(config).items()},
        **{name: Variant(replace(config, **settings)) for name, settings in process.items()},
        **{f"without {name}": Variant(config, blanked=columns)
           for name, columns in feature_groups().items()},
        **{name: Variant(config, edit) for name, edit in edits.items()},
    }  # fmt: skip


def feature_groups() -> dict[str, list[int]]:
    """Columns of the feature matrix by what they describe; the atom fractions are in none."""
    whole = tuple(f"{statistic} " for statistic in STATISTICS)
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(feature_names()):
        if name.startswith("cation ") and name not in RATIOS:
            group = "descriptors of the cations"
        elif name.startswith("anion ") and name not in RATIOS:
            group = "descriptors of the anions"
        elif name in RATIOS:
            group = "ratios of amounts"
        elif name.startswith(whole):
            group = "statistics of all elements"
        elif name.endswith((" valence electrons", "-norm", " ionic char")):
            group = "orbitals, norms and ionic character"
        elif name.endswith(" fraction"):
            continue
        else:
            group = "other descriptors"
        groups.setdefault(group, []).append(column)
    return groups


def _without_each(config: ConductivityConfig) -> dict[str, tuple[str, ...]]:
    """The other sources of each, by its name."""
    if len(config.sources) == 1:
        return {}
    return {
        source: tuple(other for other in config.sources if other != source)
        for source in config.sources
    }


def _all_sources(config: ConductivityConfig) -> list[tuple[str, ...]]:
    first = [config.sources[:n] for n in range(1, len(config.sources) + 1)]
    return list(dict.fromkeys([*first, *_without_each(config).values()]))


def _measured(rows: ConductivityRows, **changes: Any) -> ConductivityRows:
    """Rows with some of their measurements replaced."""
    return replace(rows, measurements=replace(rows.measurements, **changes))


@dataclass(frozen=True)
class _Found:
    """Predictions for all official training rows, and how many rows they were learned from."""

    predicted: Floats
    mean_n_training_rows: float


def _fit_full(
    experiment: Experiment, emulated: EmulatedTest, rows: ConductivityRows
) -> tuple[dict[int, Trust], _Found, _Found]:
    """The trust of the full recipe in each fold, and predictions with and without it."""
    trusts, counts = {}, []
    predicted, untrusted = np.empty((2, len(emulated.folds)))
    for fold, mask, asked in emulated.asked():
        known = some(rows, emulated.known(rows, fold))
        _log.info("ablation: full recipe, fold %d", fold + 1)
        fitted = training.fit_conductivity(known, experiment.conductivity, experiment.seed)
        trusts[fold] = fitted.trust
        counts.append(len(known))
        lines = fitted.estimator.predict_lines(asked.measurements.features)
        t = asked.measurements.inverse_temperature
        untrusted[mask] = lines.log10_conductivity(t)
        predicted[mask] = fitted.trust(lines).log10_conductivity(t)
    mean = float(np.mean(counts))
    return trusts, _Found(predicted, mean), _Found(untrusted, mean)


def _fit(
    variant: Variant,
    emulated: EmulatedTest,
    rows: ConductivityRows,
    trusts: dict[int, Trust],
    name: str,
) -> _Found:
    _log.info("ablation: %s", name)
    predicted, counts = np.empty(len(emulated.folds)), []
    for fold, mask, asked in emulated.asked():
        known = variant.edit(rows[emulated.known(rows, fold)]).measurements
        counts.append(len(known))
        known = replace(known, features=_blanked(known.features, variant))
        lines = training.fit_arrhenius(known, variant.config).predict_lines(
            _blanked(asked.measurements.features, variant)
        )
        t = asked.measurements.inverse_temperature
        predicted[mask] = trusts[fold](lines).log10_conductivity(t)
    return _Found(predicted, float(np.mean(counts)))


def _blanked(features: Floats, variant: Variant) -> Floats:
    changed = features.copy()
    changed[:, list(variant.blanked)] = 0.0
    return changed


def _scores(found: _Found, full: _Found, emulated: EmulatedTest) -> dict[str, Any]:
    scores: dict[str, Any] = {
        "n": len(emulated.folds),
        "mean_n_training_rows": found.mean_n_training_rows,
    }
    of_full = emulated.absolute_errors(full.predicted)
    for convention, errors in emulated.absolute_errors(found.predicted).items():
        difference = errors - of_full[convention]
        interval = metrics.bootstrap_mae_interval(difference, groups=emulated.papers)
        scores |= {
            f"mae_{convention}": float(errors.mean()),
            f"change_{convention}": float(difference.mean()),
            f"change_{convention}_ci95": None if interval is None else list(interval),
        }
    return scores
