"""Champion against challenger: a retraining job from its configuration to its report.

A job compares two recipes on rows that neither learns from (`mlsse.held_out`), asks the gate
(`mlsse.gate`), registers the challenger with the answer, and promotes it if the gate opens. Every
stage that takes long is kept by a fingerprint of all it follows from, so a job that was killed
goes on where it stopped, and a job that was done before only looks up its answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlsse import challengers, gate, held_out, new_data, prediction, training
from mlsse.bundle import Model, load_model
from mlsse.challengers import KEPT, PROMOTED, Fitted, Recipe, Rival
from mlsse.config import Experiment, FirstRival, GateConfig, load_experiment
from mlsse.datasets import load_dataset
from mlsse.errors import DatasetError, TrackingError
from mlsse.gate import BundleFacts, Decision, Scores
from mlsse.stages import Stages, fingerprint
from mlsse.tracking import Store, Version, champion, export, open_store

log = logging.getLogger(__name__)

_ROUNDS = 10
_LATENCY_TRIALS = 15
_LATENCY_FORMULA = "Li6.4La3Zr1.4Ta0.6O12"


@dataclass(frozen=True)
class Report:
    """What a retraining job did.

    Attributes
    ----------
    outcome : {"promoted", "kept"}
    reasons : tuple of str
        What was better, or why the champion was kept.
    version : int
        The registered challenger, or the champion where that is of the same recipe and data.
    model_version : str
        The name that its bundle has for itself.
    rival : str
        What the challenger was compared with: ``version N``, or ``none``.
    champion : int or None
        The version that serves from now on.
    scores : mapping of str to float or None
        Of the challenger on the held-out rows; see `mlsse.gate.METRICS`.
    rival_scores : mapping of str to float or None, or None
        The same of the rival.
    new_rows : int
        New measurements learned from.
    rejected_rows : list of dict
        Those that are not used: ``file``, ``line``, ``formula``, ``reasons``.
    job : str
        Fingerprint of configuration, data and software.
    found_finished : bool
        Whether an earlier job had done it all.
    seconds : float
    """

    outcome: str
    reasons: tuple[str, ...]
    version: int
    model_version: str
    rival: str
    champion: int | None
    scores: Scores
    rival_scores: Scores | None
    new_rows: int
    rejected_rows: list[dict[str, Any]]
    job: str
    found_finished: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as strict JSON."""
        return asdict(self)


def retrain(
    config_path: str | Path,
    new_data_files: Sequence[str | Path] = (),
    *,
    export_to: str | Path | None = None,
    store: Store | None = None,
) -> Report:
    """Train a challenger and promote it if it passes the gate.

    Parameters
    ----------
    config_path : str or pathlib.Path
        A TOML file such as ``experiments/champion.toml``; its ``[gate]`` holds the thresholds.
    new_data_files : sequence of str or pathlib.Path
        CSV files of further measurements, see `mlsse.new_data`. The challenger learns from
        these and no other new rows, so name the earlier files again.
    export_to : str or pathlib.Path, optional
        Folder to write the champion to at the end, whichever it is.
    store : Store, optional
        By default the one that the environment names.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError
        If the experiment file is wrong.
    DatasetError
        If a file of new measurements cannot be read or holds no usable row.
    DataUnavailableError
        If a dataset can be had neither from the cache, nor a mirror, nor the network.
    BundleError
        If a bundle and the fitted estimators disagree.
    TrackingError
        If the store of runs and models cannot be used.
    """
    start = time.monotonic()
    experiment = load_experiment(config_path)
    gate.check_rules(experiment.gate)
    new = _read_new(experiment, new_data_files)
    recipe = Recipe(experiment, None if new is None else new.table)
    store = store or open_store()
    report = _Job(recipe, store).run()
    if export_to is not None and report.champion is not None:
        log.info("exporting version %d", report.champion)
        export(Path(export_to), report.champion, store=store)
        log.info("exported")
    return replace(
        report,
        rejected_rows=[] if new is None else [asdict(row) for row in new.rejected],
        seconds=round(time.monotonic() - start, 1),
    )


def _read_new(experiment: Experiment, files: Sequence[str | Path]) -> new_data.NewData | None:
    """Read new measurements, those left out that the sources hold already."""
    if not files:
        return None
    known = load_dataset("conductivity", parts=list(experiment.conductivity.sources))
    new = new_data.without_known(new_data.read_new_data(files), known)
    log.info("new data: %d rows used, %d rejected", len(new), len(new.rejected))
    for row in new.rejected:
        log.info("%s, line %d: %s", row.file, row.line, "; ".join(row.reasons))
    if not len(new):
        first = new.rejected[0]
        raise DatasetError(
            f"none of the {len(new.rejected)} new rows can be used; {first.file}, line "
            f"{first.line}: {'; '.join(first.reasons)}"
        )
    return new


class _Job:
    """A recipe and a gate, against whichever champion there is."""

    def __init__(self, recipe: Recipe, store: Store) -> None:
        self.recipe = recipe
        self.store = store
        self.stages = Stages(store.folder / "retraining")
        self.gate: GateConfig = recipe.experiment.gate
        self.fingerprint = fingerprint(
            {
                "name": recipe.experiment.name,
                "recipe": recipe.content,
                "gate": asdict(self.gate),
            }
        )

    def run(self) -> Report:
        """Compare until the champion that was compared with is still the champion."""
        self.stages.prune()
        for _ in range(_ROUNDS):
            serving = self._serving()
            if serving is not None and challengers.is_unfinished_promotion(
                serving, self.fingerprint
            ):
                reasons = tuple(serving.tags["promoted_because"].split("; "))
                challengers.note_outcome(serving, PROMOTED, reasons, self.store)
                return self._finished(serving, serving.number, PROMOTED, reasons)
            rival = self._rival(serving)
            if serving is not None and rival.recipe == self.recipe.fingerprint:
                reason = f"{rival.name} follows this recipe and these data already"
                return self._report(KEPT, (reason,), serving, rival, rival.scores or {})
            earlier = challengers.find(self.fingerprint, rival, self.store)
            done = earlier and challengers.outcome(earlier)
            if earlier and done:
                return self._finished(earlier, rival.number, *done)
            fitted = self._compared(self.recipe)
            scores = fitted.scores()
            decision = self._decide(rival, scores, fitted)
            if decision.promote:
                fitted = self._final()
                decision = self._decide(rival, scores, fitted)
            with self.store.lock():
                serving = champion(self.store)
                if (None if serving is None else serving.number) == rival.number:
                    return self._close(rival, fitted, scores, decision)
            log.info("the champion has changed meanwhile: comparing again")
        raise TrackingError(
            f"the champion changed {_ROUNDS} times during this job: see which other job promotes "
            "models (`mlsse models list`), then start anew"
        )

    def _serving(self) -> Version | None:
        if self.recipe.experiment.retraining.first_rival is FirstRival.NONE:
            return champion(self.store)
        return challengers.ensure_champion(self.store)

    def _rival(self, serving: Version | None) -> Rival:
        """What the challenger has to beat, with its scores on the held-out rows.

        The challenger's own recipe is not scored for that: there is nothing to compare.
        """
        if serving is None:
            return Rival()
        recipe = challengers.recipe_of(serving, self.store)
        scores = challengers.kept_scores(serving, recipe)
        if scores is None and recipe.fingerprint != self.recipe.fingerprint:
            scores = self._compared(recipe).scores()
        return Rival(f"version {serving.number}", serving.number, recipe.fingerprint, scores)

    def _compared(self, recipe: Recipe) -> Fitted:
        """Fit a recipe without the held-out rows and score it on them."""

        def make(folder: Path) -> None:
            fitted = Fitted(folder, held_out.NOT_HELD_OUT)
            trained = held_out.fit(recipe.experiment, recipe.new, fitted.bundle)
            fitted.write_evidence(trained.evidence)
            fitted.write_scores(held_out.score(recipe.experiment, recipe.new, trained.model))

        log.info("comparison of %s on held-out rows", recipe.experiment.name)
        content = {"name": recipe.experiment.name, **recipe.content}
        return Fitted(self.stages.get("compared", content, make), held_out.NOT_HELD_OUT)

    def _final(self) -> Fitted:
        """Fit the recipe to all rows."""
        experiment, new = self.recipe.experiment, self.recipe.new

        def make(folder: Path) -> None:
            fitted = Fitted(folder, held_out.ALL_ROWS)
            trained = training.build_with_evidence(
                experiment,
                training.load_conductivity_rows(experiment.conductivity.sources, new),
                training.load_stability_rows(experiment.stability.max_rows, experiment.seed),
                training.load_phases(),
                fitted.bundle,
            )
            fitted.write_evidence(trained.evidence)

        log.info("the challenger passes: fitting it to all rows")
        content = {"name": experiment.name, **self.recipe.content}
        return Fitted(self.stages.get("final", content, make), held_out.ALL_ROWS)

    def _decide(self, rival: Rival, scores: Scores, fitted: Fitted) -> Decision:
        facts = measure(load_model(fitted.bundle), self.gate)
        return gate.decide(rival.scores, scores, facts, self.gate)

    def _close(self, rival: Rival, fitted: Fitted, scores: Scores, decision: Decision) -> Report:
        """Write the outcome down, unless another run of this job just has; the store is locked."""
        earlier = challengers.find(self.fingerprint, rival, self.store)
        done = earlier and challengers.outcome(earlier)
        if earlier and done:
            return self._finished(earlier, rival.number, *done)
        challenger = challengers.close(
            self.fingerprint, self.recipe, rival, fitted, scores, decision, self.store
        )
        outcome = PROMOTED if decision.promote else KEPT
        return replace(
            self._report(outcome, decision.reasons, challenger, rival, scores),
            found_finished=False,
        )

    def _finished(
        self, earlier: Version, serving: int | None, outcome: str, reasons: tuple[str, ...]
    ) -> Report:
        """Answer as an earlier run of this job, unless its promotion was taken back."""
        if outcome == PROMOTED and earlier.number != serving:
            outcome = KEPT
            reasons = (
                f"this job has promoted version {earlier.number} before, and it was taken back: "
                f"`mlsse models promote {earlier.number}` if it should serve after all",
            )
        scores, rival_scores = challengers.all_scores(earlier)
        rival = Rival(challengers.rival_name(earlier), serving, None, rival_scores)
        return self._report(outcome, reasons, earlier, rival, scores)

    def _report(
        self,
        outcome: str,
        reasons: tuple[str, ...],
        challenger: Version,
        rival: Rival,
        scores: Scores,
    ) -> Report:
        return Report(
            outcome=outcome,
            reasons=reasons,
            version=challenger.number,
            model_version=challenger.model_version,
            rival=rival.name,
            champion=challenger.number if outcome == PROMOTED else rival.number,
            scores=scores,
            rival_scores=rival.scores,
            new_rows=0 if self.recipe.new is None else len(self.recipe.new),
            rejected_rows=[],
            job=self.fingerprint,
            found_finished=True,
            seconds=0.0,
        )


def measure(model: Model, config: GateConfig) -> BundleFacts:
    """Measure what the gate asks of a bundle: sanity predictions, size and latency.

    Parameters
    ----------
    model : Model
    config : GateConfig

    Returns
    -------
    BundleFacts
    """
    formulas = list(dict.fromkeys(f for group in config.falling_conductivity for f in group))
    rows = prediction.predict_rows([*formulas, _LATENCY_FORMULA], model=model)
    seconds = []
    for _ in range(_LATENCY_TRIALS):
        start = time.perf_counter()
        prediction.predict_rows([_LATENCY_FORMULA], model=model)
        seconds.append(time.perf_counter() - start)
    size = sum(file.stat().st_size for file in model.folder.rglob("*") if file.is_file())
    return BundleFacts(
        log10_conductivity={row["formula"]: row["log10_conductivity"] for row in rows},
        size_mb=size / 1e6,
        latency_ms=1e3 * sorted(seconds)[len(seconds) // 2],
    )
