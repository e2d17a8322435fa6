"""A recipe fitted anew to some rows and asked for others, through a bundle as a user would.

What each protocol scores was not learned from: the intervals, their calibration and the domain
flag included, for the whole training runs on the known rows alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlsse import prediction, splits, training
from mlsse.bundle import STABILITY_TREES
from mlsse.config import Experiment
from mlsse.phases import PhaseStore, fit_phases
from mlsse.targets import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K
from mlsse.training import ConductivityRows, StabilityRows, Trained

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

_STAND_IN_COMPOUNDS = 300
#: Columns of the score card that are scored.
SCORED = [
    "log10_conductivity",
    "log10_conductivity_lower",
    "log10_conductivity_upper",
    "superionic_probability",
    "activation_energy_ev",
    "in_domain",
]


@dataclass(frozen=True)
class Refit:
    """What a refitted recipe says of the rows that it was asked for.

    Attributes
    ----------
    card : pandas.DataFrame
        Columns `SCORED`, one row a row asked for.
    out_of_fold : pandas.DataFrame
        What the cross-validation inside the known rows predicted, as
        `mlsse.evidence.out_of_fold_table` makes it.
    """

    card: pd.DataFrame
    out_of_fold: pd.DataFrame


def some(rows: ConductivityRows, mask: NDArray[np.bool_]) -> ConductivityRows:
    """Some of the rows, grouped as if there were no others."""
    chosen = rows[mask]
    return replace(chosen, groups=splits.composition_groups(chosen.vectors, chosen.table["doi"]))


def refit(
    experiment: Experiment, known: ConductivityRows, asked: ConductivityRows, what: str
) -> Refit:
    """Fit a recipe for conductivity to rows and predict others, each at its own temperature.

    Parameters
    ----------
    experiment : Experiment
    known, asked : ConductivityRows
        Temperatures asked for are moved into the range that is offered.
    what : str
        Said in the log.

    Returns
    -------
    Refit
    """
    _log.info("%s: fitting to %d rows to predict %d", what, len(known), len(asked))
    temperatures = np.clip(
        asked.table["temperature_k"].to_numpy(dtype=float), MIN_TEMPERATURE_K, MAX_TEMPERATURE_K
    )
    compounds, phases = _stand_in_compounds(known), stand_in_phases()
    with built(_with_few_trees(experiment), known, compounds, phases) as trained:
        card = prediction.predict(
            asked.table["formula"],
            temperature_k=temperatures.tolist(),
            model=trained.model,
            groups=["conductivity"],
        )
    return Refit(card[SCORED], trained.evidence.out_of_fold)


@contextmanager
def built(
    experiment: Experiment, known: ConductivityRows, compounds: StabilityRows, phases: PhaseStore
) -> Iterator[Trained]:
    """A bundle of the recipe, there as long as the context."""
    with TemporaryDirectory() as folder:
        yield training.build_with_evidence(
            experiment, known, compounds, phases, Path(folder) / "bundle"
        )


# No conductivity depends on compounds and phases. A few, without meaning, complete the bundle, so
# that no protocol waits for them.


def _with_few_trees(experiment: Experiment) -> Experiment:
    trees = {
        name: replace(getattr(experiment.stability, name), max_iter=5) for name in STABILITY_TREES
    }
    return replace(experiment, stability=replace(experiment.stability, **trees))


def _stand_in_compounds(known: ConductivityRows) -> StabilityRows:
    features = known.measurements.features[:_STAND_IN_COMPOUNDS].astype(np.float32)
    energies = np.where(np.arange(len(features)) % 2, 0.1, -0.1)
    return StabilityRows(features, energies, energies, np.full(len(features), "train"))


def stand_in_phases() -> PhaseStore:
    """Reference phases that complete a bundle which nobody asks for phases."""
    return fit_phases([{"Li": 2.0, "O": 1.0}], np.array([-2.0]), np.array([-0.1]))
