"""A fair comparison of recipes: refitted without the held-out rows, scored on them.

The shipped model has learned from every row, so no row can judge it. Its recipe can be judged:
fitted anew without some rows, and asked for them. Of the measurements, each fifth of the papers
is held out once, told by a hash of the DOI: no list is kept, and no paper changes its fifth when
rows are added. A recipe learns from no row that shares a paper with a held-out one, that names no
paper (own measurements apart), or whose composition lies within 0.02 of a held-out one. The
published test split of OBELiX is never asked for, so that no recipe is chosen by it. Of the
compounds with known energies, those of the published test split are held out.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse import metrics, new_data, provenance, training
from mlsse.arrhenius import Lines
from mlsse.bundle import Model
from mlsse.config import Experiment
from mlsse.downloads import describe
from mlsse.intervals import Calibration
from mlsse.splits import composition_groups, leak_mask
from mlsse.training import ConductivityRows, StabilityRows, Trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

log = logging.getLogger(__name__)

#: Change it whenever rows, leaks or scores come to mean something else.
PROTOCOL = "held_out_2"
N_FOLDS = 5
LEAK_DISTANCE = 0.02
#: What a model has learned from, in words, as registered versions say it.
ALL_ROWS = "all rows"
NOT_HELD_OUT = "rows that are not held out"
_SCORED_COMPOUNDS = 5000
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "matminer", "pymatgen", "onnx")


def paper_folds(dois: Sequence[str]) -> NDArray[np.intp]:
    """Tell the fold in which each paper is held out.

    Parameters
    ----------
    dois : sequence of str, length n
        Several of one row are joined by ``|``, of which the first in the alphabet counts.

    Returns
    -------
    ndarray of int, shape (n,)
        From 0 to `N_FOLDS` - 1; -1 for a row without a paper, which is never held out.
    """
    return np.array([_fold(min(doi.split("|"))) if doi else -1 for doi in dois], np.intp)


def _fold(doi: str) -> int:
    """A fold that follows from a DOI and looks drawn."""
    return int.from_bytes(hashlib.sha256(doi.encode()).digest()[:6], "big") * N_FOLDS >> 48


@lru_cache(maxsize=1)
def asked_conductivities() -> tuple[ConductivityRows, ...]:
    """Held-out measurements by fold, of all sources whatever a recipe learns from."""
    rows = training.load_conductivity_rows(describe("conductivity").parts)
    published = (rows.table["source"] == "obelix") & (rows.table["split"] == "test")
    fold = np.where(published, -1, paper_folds(rows.table["doi"]))
    return tuple(rows[fold == k] for k in range(N_FOLDS) if (fold == k).any())


@lru_cache(maxsize=1)
def asked_compounds() -> StabilityRows:
    """Held-out compounds: 5,000 of the published test split."""
    return training.load_stability_rows(_SCORED_COMPOUNDS, seed=0, splits=("test",))


def without_leaks(rows: ConductivityRows, asked: ConductivityRows) -> ConductivityRows:
    """Rows that a recipe may learn from in the comparison, grouped as if there were no others.

    Parameters
    ----------
    rows, asked : ConductivityRows
        All rows of the recipe, and the held-out ones.

    Returns
    -------
    ConductivityRows
    """
    # Own measurements name no paper because there is none; a source that names none has lost it.
    own = (rows.table["source"] == new_data.SOURCE) & (rows.table["doi"] == "")
    leaks = leak_mask(
        rows.vectors,
        rows.table["doi"],
        asked.vectors,
        asked.table["doi"],
        max_distance=LEAK_DISTANCE,
        official=own,
        official_near_test=True,
    )
    some = rows[~leaks.any]
    return replace(some, groups=composition_groups(some.vectors, some.table["doi"]))


def fit(experiment: Experiment, new: pd.DataFrame | None, folder: Path) -> Trained:
    """Fit a recipe without the rows that are held out first.

    Parameters
    ----------
    experiment : Experiment
    new : pandas.DataFrame, optional
        Further measurements, canonical columns.
    folder : pathlib.Path
        Of the bundle.

    Returns
    -------
    Trained
    """
    rows = training.load_conductivity_rows(experiment.conductivity.sources, new)
    known = without_leaks(rows, asked_conductivities()[0])
    log.info("comparison: fitting to %d of %d conductivities", len(known), len(rows))
    known_splits = ("train", "val")
    compounds = training.load_stability_rows(
        experiment.stability.max_rows, experiment.seed, known_splits
    )
    phases = training.load_phases(known_splits)
    return training.build_with_evidence(experiment, known, compounds, phases, folder)


def score(
    experiment: Experiment, new: pd.DataFrame | None, model: Model
) -> dict[str, float | None]:
    """Score a recipe on held-out rows, each predicted by a model that has not learned from it.

    Parameters
    ----------
    experiment : Experiment
    new : pandas.DataFrame, optional
        Further measurements, canonical columns.
    model : Model
        As `fit` gives it: it answers for the rows that are held out first; for the others the
        conductivity model alone is fitted anew.

    Returns
    -------
    dict
        The metrics of `mlsse.gate.METRICS`: conductivities at the temperatures of the
        measurements, in decades, a respected bound counting as no error; energies in eV/atom.
    """
    first, *others = asked_conductivities()
    rows = training.load_conductivity_rows(experiment.conductivity.sources, new)
    answers = [_answer(first, model.lines(first.measurements.features), model.calibration)]
    for fold, asked in enumerate(others, start=2):
        log.info("comparison: fold %d of %d", fold, len(others) + 1)
        known = without_leaks(rows, asked)
        fitted = training.fit_conductivity(known, experiment.conductivity, experiment.seed)
        lines = fitted.predict_lines(asked.measurements.features)
        answers.append(_answer(asked, lines, fitted.calibration))
    truth, censored, predicted, lower, upper, superionic = map(
        np.concatenate, zip(*answers, strict=True)
    )
    conductivity = metrics.conductivity_scores(
        truth,
        predicted,
        lower=lower,
        upper=upper,
        superionic_probability=superionic,
        censored=censored,
    )
    compounds = asked_compounds()
    energies = model.stability(compounds.features.astype(float))
    stability = metrics.stability_scores(
        decomposition_energy=compounds.decomposition_energy,
        predicted_decomposition_energy=energies.decomposition_energy,
        formation_energy=compounds.formation_energy,
        predicted_formation_energy=energies.formation_energy,
        stable_probability=energies.stable_probability,
    )
    return {
        "conductivity_mae": conductivity["mae"],
        "conductivity_rmse": conductivity["rmse"],
        "conductivity_interval_score": metrics.interval_score(truth, lower, upper, censored),
        "superionic_roc_auc": conductivity["roc_auc_1e-4"],
        "decomposition_energy_mae": stability["decomposition_energy_mae"],
        "formation_energy_mae": stability["formation_energy_mae"],
        "stable_roc_auc": stability["stable_roc_auc"],
        "stable_brier": stability["stable_brier"],
    }


def _answer(
    asked: ConductivityRows, lines: Lines, calibration: Calibration
) -> tuple[NDArray[Any], ...]:
    """What was measured, bounds, and what is predicted with both ends and the probability."""
    t = asked.measurements.inverse_temperature
    return (
        asked.measurements.log10_conductivity,
        asked.table["censored"].to_numpy(dtype=str),
        lines.log10_conductivity(t),
        *calibration.interval(lines, t),
        calibration.superionic_probability(lines, t),
    )


def recipe(experiment: Experiment, new: pd.DataFrame | None) -> dict[str, Any]:
    """All that a fitted model follows from: settings, data and software.

    Two recipes are the same where these are equal; the name of an experiment and its gate are
    no part of it.

    Parameters
    ----------
    experiment : Experiment
    new : pandas.DataFrame, optional

    Returns
    -------
    dict
        Strict JSON.
    """
    names = [*experiment.conductivity.sources, *describe("conductivity").parts, "critexam"]
    return {
        "protocol": PROTOCOL,
        "seed": experiment.seed,
        "conductivity": asdict(experiment.conductivity),
        "stability": asdict(experiment.stability),
        "data": {
            name: {file.name: file.sha256 for file in describe(name).files}
            for name in sorted(set(names))
        },
        "new_data": "" if new is None else new_data.digest(new),
        "mlsse": provenance.commit(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
