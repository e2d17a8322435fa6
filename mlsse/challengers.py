"""What the registry keeps of retraining jobs: recipes, scores on held-out rows, outcomes.

A version that a job has registered carries tags from which the job's answer can be told again,
and its run the new measurements that it has learned from.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsse import held_out, new_data
from mlsse.bundle import load_model
from mlsse.config import Experiment, read_experiment
from mlsse.errors import TrackingError
from mlsse.evidence import Evidence
from mlsse.gate import Decision, Scores
from mlsse.registry import MODEL
from mlsse.stages import fingerprint
from mlsse.store import Store, reported
from mlsse.tracking import (
    Version,
    champion,
    fetch_bundle,
    log_training,
    promote,
    refuse,
    register,
    versions,
)

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

PROMOTED, KEPT = "promoted", "kept"
_NEW_ROWS = "new_rows.csv"
_JOB, _RIVAL, _RECIPE = "retraining_job", "retraining_rival", "retraining_recipe"
_SCORES, _RIVAL_SCORES = "held_out_scores", "rival_held_out_scores"
_LEARNED_FROM = "learned_from"
# Written last: a version without it comes from a job that was not finished.
_OUTCOME, _REASONS = "retraining_outcome", "retraining_reasons"


@dataclass(frozen=True)
class Recipe:
    """An experiment and the new measurements that it learns from beside its sources."""

    experiment: Experiment
    new: pd.DataFrame | None = None

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that the fitted models follow from."""
        return held_out.recipe(self.experiment, self.new)

    @cached_property
    def fingerprint(self) -> str:
        """Two recipes with the same one give the same models."""
        return fingerprint(self.content)


@dataclass(frozen=True)
class Rival:
    """What a challenger is compared with.

    Attributes
    ----------
    name : str
        ``version N``, or ``none``.
    number : int or None
    recipe : str or None
        Fingerprint.
    scores : mapping of str to float or None
        On the held-out rows.
    """

    name: str = "none"
    number: int | None = None
    recipe: str | None = None
    scores: Scores | None = None


@dataclass(frozen=True)
class Fitted:
    """A fitted recipe in a folder: its bundle, the tables of its training, its scores.

    Attributes
    ----------
    folder : pathlib.Path
    learned_from : str
    """

    folder: Path
    learned_from: str

    @property
    def bundle(self) -> Path:
        """Folder of the bundle."""
        return self.folder / "bundle"

    def scores(self) -> dict[str, float | None]:
        """Read the scores on the held-out rows."""
        found: dict[str, float | None] = json.loads((self.folder / "scores.json").read_text())
        return found

    def write_scores(self, scores: Scores) -> None:
        """Keep the scores on the held-out rows."""
        (self.folder / "scores.json").write_text(json.dumps(dict(scores), allow_nan=False))

    def evidence(self) -> Evidence:
        """Read the tables of the training."""
        import pandas as pd

        def table(name: str, **options: Any) -> pd.DataFrame:
            return pd.read_csv(self.folder / f"{name}.csv", na_filter=False, **options)

        return Evidence(
            table("out_of_fold"), table("held_out"), table("importances", index_col="feature")
        )

    def write_evidence(self, evidence: Evidence) -> None:
        """Keep the tables of the training."""
        evidence.out_of_fold.to_csv(self.folder / "out_of_fold.csv", index=False)
        evidence.held_out.to_csv(self.folder / "held_out.csv", index=False)
        evidence.importances.to_csv(self.folder / "importances.csv", index_label="feature")


def ensure_champion(store: Store) -> Version:
    """Return the champion; without one, the model that comes with mlsse becomes it.

    Raises
    ------
    TrackingError
        If the store fails.
    """
    with store.lock():
        serving = champion(store)
        if serving is not None:
            return serving
        shipped = load_model()
        log.info("the registry has no champion: registering the model that comes with mlsse")
        found = [v for v in versions(store) if v.model_version == shipped.version]
        if not found:
            experiment = read_experiment(shipped.metadata["experiment"], "the shipped model")
            run_id = log_training(experiment, shipped.metadata, shipped.folder, store=store)
            tags = {_LEARNED_FROM: held_out.ALL_ROWS}
            found = [register(run_id, shipped.folder, tags=tags, store=store)]
        promote(found[-1].number, reason="the model that comes with mlsse", store=store)
        return found[-1]


def recipe_of(version: Version, store: Store) -> Recipe:
    """Read the recipe of a version from its bundle, and its new measurements from its run.

    Raises
    ------
    TrackingError
        If the new measurements are not those that the bundle was trained on.
    """
    metadata = load_model(fetch_bundle(version.number, store)).metadata
    experiment = read_experiment(metadata["experiment"], f"version {version.number}")
    if "new_data" not in metadata["data"]:
        return Recipe(experiment)
    new = _fetch_new_rows(version, store)
    if new_data.digest(new) != metadata["data"]["new_data"]["sha256"]["rows"]:
        raise TrackingError(
            f"version {version.number}: {_NEW_ROWS} of its run {version.run_id} does not hold the "
            "rows that it was trained on: promote another version with `mlsse models promote`"
        )
    return Recipe(experiment, new)


def kept_scores(version: Version, recipe: Recipe) -> Scores | None:
    """Read the scores of a version on the held-out rows; None if they are of other software."""
    if version.tags.get(_RECIPE) != recipe.fingerprint or _SCORES not in version.tags:
        return None
    found: dict[str, float | None] = json.loads(version.tags[_SCORES])
    return found


def find(job: str, rival: Rival, store: Store) -> Version | None:
    """Find what an earlier run of a job has registered against a rival, finished or not."""
    found = [
        version
        for version in versions(store)
        if version.tags.get(_JOB) == job and version.tags.get(_RIVAL) == rival.name
    ]
    return found[-1] if found else None


def is_unfinished_promotion(version: Version, job: str) -> bool:
    """Whether a job was stopped between its promotion and the note of it."""
    return version.tags.get(_JOB) == job and _OUTCOME not in version.tags


def outcome(version: Version) -> tuple[str, tuple[str, ...]] | None:
    """Outcome of the job that registered a version, and its reasons; None if unfinished."""
    if _OUTCOME not in version.tags:
        return None
    return version.tags[_OUTCOME], tuple(json.loads(version.tags[_REASONS]))


def rival_name(version: Version) -> str:
    """What a challenger was compared with."""
    return version.tags[_RIVAL]


def all_scores(version: Version) -> tuple[Scores, Scores | None]:
    """Scores of a challenger and of its rival, as they were compared."""
    return json.loads(version.tags[_SCORES]), json.loads(version.tags[_RIVAL_SCORES])


def close(
    job: str,
    recipe: Recipe,
    rival: Rival,
    fitted: Fitted,
    scores: Scores,
    decision: Decision,
    store: Store,
) -> Version:
    """Register a challenger with what the gate says, and promote or refuse it.

    The caller holds the lock of the store. What a stopped run of the job has registered is
    taken up.

    Returns
    -------
    Version
    """
    challenger = find(job, rival, store)
    if challenger is None or challenger.tags.get(_LEARNED_FROM) != fitted.learned_from:
        challenger = _register(job, recipe, rival, fitted, scores, store)
    if decision.promote:
        log.info("promoting version %d", challenger.number)
        promote(challenger.number, reason="; ".join(decision.reasons), store=store)
    else:
        log.info("refusing version %d", challenger.number)
        refuse(challenger.number, decision.reasons, store=store)
    note_outcome(challenger, PROMOTED if decision.promote else KEPT, decision.reasons, store)
    return challenger


@reported
def note_outcome(version: Version, outcome: str, reasons: Sequence[str], store: Store) -> None:
    """Note that a job is finished."""
    client = store.client()
    client.set_model_version_tag(MODEL, str(version.number), _REASONS, json.dumps(list(reasons)))
    client.set_model_version_tag(MODEL, str(version.number), _OUTCOME, outcome)


def _register(
    job: str, recipe: Recipe, rival: Rival, fitted: Fitted, scores: Scores, store: Store
) -> Version:
    log.info("logging the run")
    metrics = {f"gate/{held_out.PROTOCOL}/{k}": v for k, v in scores.items() if v is not None}
    run_id = log_training(
        recipe.experiment,
        load_model(fitted.bundle).metadata,
        fitted.bundle,
        evidence=fitted.evidence(),
        metrics=metrics,
        tags={_JOB: job, _LEARNED_FROM: fitted.learned_from},
        store=store,
    )
    if recipe.new is not None:
        _log_new_rows(recipe.new, run_id, store)
    log.info("registering the challenger")
    tags: Mapping[str, str] = {
        _JOB: job,
        _RIVAL: rival.name,
        _RECIPE: recipe.fingerprint,
        _SCORES: json.dumps(dict(scores)),
        _RIVAL_SCORES: json.dumps(None if rival.scores is None else dict(rival.scores)),
        _LEARNED_FROM: fitted.learned_from,
    }
    return register(run_id, fitted.bundle, tags=tags, store=store)


@reported
def _log_new_rows(new: pd.DataFrame, run_id: str, store: Store) -> None:
    store.client().log_text(run_id, new.to_csv(index=False), _NEW_ROWS)


@reported
def _fetch_new_rows(version: Version, store: Store) -> pd.DataFrame:
    import pandas as pd

    file = Path(store.client().download_artifacts(version.run_id, _NEW_ROWS))
    text = StringIO(file.read_text(encoding="utf-8"))
    return pd.read_csv(
        text,
        keep_default_na=False,
        na_values={"activation_energy_ev": [""]},
        float_precision="round_trip",  # or the rows would have another digest
    )
