"""The report of a training: model card, and of a logged run its figures and all metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsse import model_card, report_figures, run_evidence, run_figures, tracking
from mlsse.bundle import load_model
from mlsse.documents import Block, Document, Paragraph, Picture, Section, Table, facts
from mlsse.evidence import Evidence
from mlsse.family_scores import PROTOCOL, scores_by_family
from mlsse.report_parts import percent, rests_on, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRAINING_PROTOCOL = (
    "Every figure and every error is of rows that the models had not learned from; the folds keep "
    "papers and chains of like compositions together.",
    "The intervals were calibrated on these held-out rows among others, so they flatter a little; "
    "`mlsse benchmark` scores models that have seen none of them.",
)
_CAPTIONS = {
    "parity": "Predicted against measured conductivity of held-out rows.",
    "calibration": "Shares as stated against shares as observed: of the intervals, and of stable "
    "and metastable compounds.",
    "interval_width": "Width of the 90 % interval, and error, against the distance from what is "
    "known.",
    "residuals_by_family": "Measured minus predicted log10 of conductivity, by family.",
    "importances": "The features that brought most of the gain of the tree models.",
}


def training_report(source: str | Path) -> Document:
    """Make the report of a training.

    Parameters
    ----------
    source : str or pathlib.Path
        Folder of a bundle, or the beginning of the id of a logged run.

    Returns
    -------
    Document

    Raises
    ------
    BundleError
        If the folder holds no bundle.
    TrackingError
        If there is no such run, it keeps no bundle, or the store fails.
    """
    if Path(source).is_dir():
        metadata = load_model(source).metadata
        return _document(metadata, (), None, (("bundle", shorten(Path(source).name)),))
    store = tracking.open_store()
    run = tracking.find_run(str(source), tracking.runs(store=store))
    metadata = run_evidence.run_metadata(run.run_id, store)
    evidence = run_evidence.run_evidence(run.run_id, store)
    asked = (("run", run.run_id), ("store", shorten(store.name)))
    return _document(metadata, tuple(_run(run)), evidence, asked)


def _document(
    metadata: Mapping[str, Any],
    of_run: tuple[Section, ...],
    evidence: Evidence | None,
    asked: tuple[tuple[str, str], ...],
) -> Document:
    card = model_card.card(metadata)
    version = shorten(metadata["model_version"])
    return Document(
        f"Training of {version}",
        "How a model was trained, from which data, how well it does on rows that it had not seen, "
        "and where it fails.",
        (
            *_held_out(metadata, evidence),
            *card.sections,
            *of_run,
            rests_on(asked, metadata, _TRAINING_PROTOCOL),
        ),
    )


def _held_out(metadata: Mapping[str, Any], evidence: Evidence | None) -> Iterator[Section]:
    """Figures of held-out rows, as far as these are at hand."""
    blocks: list[Block] = []
    if evidence is not None:
        words = _words(evidence)
        blocks += [
            Picture(name, _CAPTIONS[name], words[name], figure)
            for name, figure in run_figures.draw_all(evidence).items()
        ]
    families = (
        scores_by_family(evidence.out_of_fold)
        if evidence is not None
        else metadata["metrics"]["conductivity"].get("by_family")
    )
    if families:
        blocks.insert(0, _family_picture(families, report_figures.by_family(families)))
        if not metadata["metrics"]["conductivity"].get("by_family"):
            blocks.insert(1, Paragraph(f"Held-out {PROTOCOL}."))
            blocks.insert(2, model_card.family_table(families))
    if blocks:
        yield Section("Held-out rows", tuple(blocks))


def _words(evidence: Evidence) -> dict[str, str]:
    """What each figure of a run shows, with its main numbers, for those who do not see it."""
    rows = evidence.out_of_fold
    values = rows[rows["censored"] == "none"]
    residual = values["log10_conductivity"] - values["predicted_log10_conductivity"]
    _, inside = run_figures.coverage(rows)
    low, high = (rows[f"predicted_log10_conductivity_{end}"] for end in ("lower", "upper"))
    width, far = high - low, rows["unexplained"] > rows["unexplained"].median()
    of_family = residual.groupby(values["family"]).median()
    shares = evidence.importances.mean(axis=1).nlargest(5)
    stable, metastable = (evidence.held_out[name].mean() for name in ("stable", "metastable"))
    return {
        "parity": f"A cloud of {len(values):,} values and {len(rows) - len(values):,} bounds about "
        f"the diagonal of equal values, both axes log10 of S/cm; half of the values lie within "
        f"{residual.abs().median():.1f} decades of it.",
        "calibration": "Three lines beside the diagonal, on which what is stated comes true. The "
        f"90 % intervals hold {percent(float(inside[-2]))} of the values; {percent(stable)} of the "
        f"compounds are stable, {percent(metastable)} metastable.",
        "interval_width": "Two clouds of points, the widths above the errors, both in decades: the "
        f"median width is {width[~far].median():.1f} for the half of the rows nearer to what is "
        f"known, {width[far].median():.1f} for the other.",
        "residuals_by_family": "One box a family about the line of no error, in decades; medians: "
        + "; ".join(f"{name.replace('|', ' and ')} {v:+.1f}" for name, v in of_family.items())
        + ".",
        "importances": "Twenty bars, the longest on top: " + ", ".join(map(str, shares.index))
        + " and others.",
    }  # fmt: skip


def _family_picture(families: Mapping[str, Mapping[str, Any]], figure: Figure) -> Picture:
    words = "; ".join(f"{name} {scores['mae']:.2f}" for name, scores in families.items())
    return Picture(
        "errors_by_family",
        "Mean absolute error of log10 of conductivity at room temperature by family, with a 95 % "
        "interval; the error of the median of all rows beside.",
        f"One line a family, errors in decades: {words}.",
        figure,
    )


def _run(run: tracking.Run) -> Iterator[Section]:
    """All that was logged of a run."""
    about = facts(
        "The run",
        (
            ("run", run.run_id),
            ("name", shorten(run.name)),
            ("experiment", shorten(run.experiment)),
            ("started", f"{run.started:%Y-%m-%d %H:%M} UTC"),
            ("status", run.status.lower()),
            ("part of the search", run.parent_run_id),
        ),
    )
    metrics = tuple((shorten(name), f"{value:.4g}") for name, value in sorted(run.metrics.items()))
    settings = tuple((shorten(name), shorten(v)) for name, v in sorted(run.parameters.items()))
    yield Section(
        "Everything that was logged",
        (
            about,
            Table("All metrics", ("metric", "value"), metrics, frozenset({1}), is_folded=True),
            Table("All settings", ("setting", "value"), settings, is_folded=True),
        ),
    )
