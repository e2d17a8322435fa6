"""The model card of a bundle, from its metadata alone.

References
----------
M. Mitchell et al., Model cards for model reporting, Conference on Fairness, Accountability, and
Transparency (2019), doi:10.1145/3287560.3287596: which questions a card answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlsse import family_scores, training_cost
from mlsse.documents import Bullets, Document, Paragraph, Section, Table, as_markdown, facts
from mlsse.targets import INTERVAL_COVERAGE

#: Coverage of the 90 % interval below which a family counts as a known failure.
_LEAST_COVERAGE = 0.8
#: Families of fewer rows are not told as failures: chance would name them.
_LEAST_ROWS = 10
_STABILITY = "critexam"


def model_card(metadata: Mapping[str, Any]) -> str:
    """Write the model card.

    Parameters
    ----------
    metadata : mapping
        As `mlsse.training` hands it to the bundle, or as the bundle holds it.

    Returns
    -------
    str
        Markdown.
    """
    return as_markdown(card(metadata))


def card(metadata: Mapping[str, Any]) -> Document:
    """Make the model card, to be written as Markdown or HTML.

    Parameters
    ----------
    metadata : mapping
        As for `model_card`. Scores by family and the cost of the training may be missing, as in
        bundles of earlier versions; the card then says so.

    Returns
    -------
    Document
    """
    return Document(
        f"Model card: {metadata['experiment']['name']}",
        "",
        (
            _predicts(metadata),
            _use(),
            _data(metadata),
            _scores(metadata),
            _families(metadata),
            _failures(metadata),
            _unknowable(),
            _cost(metadata),
            _versions(metadata),
        ),
    )


def _predicts(metadata: Mapping[str, Any]) -> Section:
    return Section(
        "What it predicts",
        (
            Paragraph(
                "From a chemical formula alone: lithium-ion conductivity between 200 and 800 K "
                "with a 90 % interval and an activation energy, the probability of at least "
                "1e-4 S/cm, formation and decomposition energy, and the probabilities of being "
                "stable and metastable; for any ion, what the composition decomposes into, and "
                "for Li, Na and K the voltage window."
            ),
            Bullets(
                (
                    "Conductivity: a Gaussian process over compositions, linear in 1/T by "
                    "construction (log10 of conductivity, not of conductivity times temperature), "
                    "and beside it, near to known compositions, a forest of extremely randomised "
                    "trees for the room-temperature value. Upper bounds enter as bounds. How far "
                    "a prediction steps away from the median of the training rows, and how wide "
                    "its interval is, was fitted to rows held out by paper, by chains of like "
                    "compositions and by chemistry.",
                    "Stability: gradient-boosted trees for both energies and both probabilities "
                    "(calibrated by a logistic map; stable is held at most as likely as "
                    "metastable).",
                    "Energy above hull, products, voltage windows and interface reactions: linear "
                    f"programs over the energies of {metadata['phases']['count']:,} reference "
                    "phases, at 0 K. The energy above hull is learned only for a composition that "
                    "is none of them. Windows treat a composition above the hull as if it lay on "
                    "it.",
                )
            ),
        ),
    )


def _use() -> Section:
    return Section(
        "Intended use",
        (
            Bullets(
                (
                    "For those who look for solid electrolytes: to rank candidates before a "
                    "calculation or a synthesis, to see what is known nearby, and to find what a "
                    "composition would decompose into or react with.",
                    "To be read with its interval, its domain flag and its warnings; outside the "
                    "domain a value leans on a prior.",
                    "Not for the qualification of a material, for safety decisions, for liquids, "
                    "polymers and molecular solids, or for conductivities of other ions than "
                    "lithium, which are refused.",
                )
            ),
        ),
    )


def _data(metadata: Mapping[str, Any]) -> Section:
    sources = metadata["data"]
    total = sum(source["rows"] for name, source in sources.items() if name != _STABILITY)
    rows = tuple(
        (
            source["title"],
            f"{source['rows']:,}",
            "" if name == _STABILITY else f"{100 * source['rows'] / total:.1f} %",
            source["licence"],
            source["citation"],
        )
        for name, source in sources.items()
    )
    columns = ("source", "rows", "share of the conductivity rows", "terms", "reference")
    return Section(
        "What it learned from",
        (
            Table("Sources and how many rows of each", columns, rows, frozenset({1, 2})),
            Paragraph(
                "The bundle holds fitted parameters (weights, composition vectors, calibration, "
                "the energies of the reference phases); it holds no measured value and no DOI. "
                "What is known to be wrong in each source, and what was dropped and why, stands "
                "in the data sheet: `mlsse data sheet`."
            ),
        ),
    )


def _scores(metadata: Mapping[str, Any]) -> Section:
    conductivity, stability = (metadata["metrics"][k] for k in ("conductivity", "stability"))
    errors = [
        ("room temperature", *(_three(conductivity, f"mae_room_temperature{end}") for end in
                               ("", "_linear_baseline", "_median_baseline"))),
        ("other temperatures", _three(conductivity, "mae_other_temperatures"), "", ""),
    ]  # fmt: skip
    probabilities = [
        (f"{name}, {words}", *(_three(stability, f"{name}{baseline}_{score}") for baseline in
                               ("", "_linear", "_prevalence")))
        for name in ("stable", "metastable")
        for score, words in (("roc_auc", "ROC-AUC"), ("brier", "Brier score"))
    ]  # fmt: skip
    numbers = frozenset({1, 2, 3})
    return Section(
        "How it scored while it was trained",
        (
            Paragraph(
                f"Conductivity: {conductivity['protocol']}. {conductivity['n_rows']:,} rows "
                f"({conductivity['n_bounds']} bounds) in {conductivity['n_groups']} groups."
            ),
            Table(
                "Mean absolute error, log10(S/cm)",
                ("rows", "this model", "linear baseline", "median baseline"),
                tuple(errors),
                numbers,
            ),
            Paragraph(f"Stability: {stability['protocol']}."),
            Table(
                "Probabilities of being stable",
                ("", "this model", "linear baseline", "prevalence"),
                tuple(probabilities),
                numbers,
            ),
            Paragraph(
                "Scores on the published test splits are made by `mlsse benchmark`, with models "
                "of the same recipe that have not seen the test rows, and kept in "
                "`experiments/results/`."
            ),
        ),
    )


def _families(metadata: Mapping[str, Any]) -> Section:
    title = "How it scored by family"
    families = metadata["metrics"]["conductivity"].get("by_family")
    if not families:
        return Section(title, (Paragraph("Not recorded when this model was trained."),))
    return Section(
        title, (Paragraph(f"Held-out {family_scores.PROTOCOL}."), family_table(families))
    )


def family_table(families: Mapping[str, Mapping[str, Any]]) -> Table:
    """Scores by family as a table.

    Parameters
    ----------
    families : mapping of str to mapping
        As `mlsse.family_scores.scores_by_family` makes them.
    """
    return Table(
        "Conductivity by family; errors and widths in decades",
        (
            "family", "rows", "compositions", "mean absolute error", "95 % interval",
            "error of the median", "coverage of the 90 % interval", "its mean width",
        ),
        tuple(
            (
                name,
                f"{scores['n']:,}",
                f"{scores['n_compositions']:,}",
                _two(scores["mae"]),
                " to ".join(map(_two, scores["mae_ci95"] or ())) or "undefined",
                _two(scores["median_mae"]),
                _two(scores["coverage_90"]),
                _two(scores["mean_interval_width"]),
            )
            for name, scores in families.items()
        ),
        frozenset(range(1, 8)),
    )  # fmt: skip


def _failures(metadata: Mapping[str, Any]) -> Section:
    families = metadata["metrics"]["conductivity"].get("by_family") or {}
    found = [
        sentence
        for name, scores in families.items()
        if scores["n"] >= _LEAST_ROWS
        for sentence in _failures_of(name, scores)
    ]
    return Section(
        "Known failures",
        (
            Bullets(
                (
                    *found,
                    "Chemistry that the data do not hold: where a whole family was left out of the "
                    "training, its predictions can be no better than a constant "
                    "(`leave_one_family_out` in `experiments/results/conductivity.json`).",
                    "Small molecules (water, carbon dioxide) are bound too strongly in the "
                    "reference data, so reactions with air are a ranking at best.",
                    "Energies of nickel oxides are off by up to 0.3 eV/atom.",
                )
            ),
        ),
    )


def _unknowable() -> Section:
    return Section(
        "What it cannot know",
        (
            Bullets(
                (
                    "Polymorphs, glass against crystal, density, grain boundaries and processing: "
                    "one formula has one prediction, and measured values of one formula spread "
                    "over decades.",
                    "Melting and phase changes are not modelled.",
                    "Conductivities of sodium and other ions are refused: the sources hold no "
                    "measured value of one. Most values are total conductivities at room "
                    "temperature; sources that do not say which are taken as total.",
                    "Thermodynamics says what could form, not how fast: measured voltage limits "
                    "are wider, and an interface that reacts may pass into a thin layer that "
                    "stops.",
                )
            ),
        ),
    )


def _failures_of(name: str, scores: Mapping[str, Any]) -> list[str]:
    """What the scores of a family say against it, a sentence each."""
    found = []
    error, median, coverage = (scores[key] for key in ("mae", "median_mae", "coverage_90"))
    if error is not None and median is not None and error >= median:
        found.append(
            f"{name.capitalize()}: an error of {error:.2f} decades on {scores['n']:,} held-out "
            f"rows, no better than the median of all rows ({median:.2f})."
        )
    if coverage is not None and coverage < _LEAST_COVERAGE:
        found.append(
            f"{name.capitalize()}: the {INTERVAL_COVERAGE:.0%} interval holds only {coverage:.0%} "
            f"of {scores['n']:,} held-out values.".replace("%", " %")
        )
    return found


def _cost(metadata: Mapping[str, Any]) -> Section:
    title = "What it cost"
    cost = metadata.get("cost")
    if not cost:
        return Section(title, (Paragraph("Not recorded when this model was trained."),))
    estimate = training_cost.footprint(cost)
    memory = cost["peak_memory_gb"]
    return Section(
        title,
        (
            facts(
                "Time, energy and carbon of this training",
                (
                    ("time", _minutes(cost["wall_seconds"])),
                    ("processor time over all cores", _minutes(cost["cpu_seconds"])),
                    ("machine", f"{cost['cpu']}, {cost['cores']} cores"),
                    ("peak memory", "" if memory is None else f"{memory:.1f} GB"),
                    ("energy, estimated", f"{1000 * estimate.energy_kwh:.2g} Wh"),
                    ("carbon dioxide, estimated", f"{1000 * estimate.carbon_kg:.2g} g"),
                ),
            ),
            Paragraph(
                f"The estimate takes {training_cost.CORE_W:g} W a core, "
                f"{training_cost.MEMORY_W_PER_GB:g} W a GB, an overhead of "
                f"{training_cost.OVERHEAD:g} and {training_cost.CARBON_G_PER_KWH:g} g/kWh, the "
                "mean of the world (Lannelongue et al. 2021, doi:10.1002/advs.202100707). It is "
                "that of this training alone, without the search for its settings and the "
                "benchmarks."
            ),
        ),
    )


def _versions(metadata: Mapping[str, Any]) -> Section:
    versions = ", ".join(f"{name} {number}" for name, number in metadata["versions"].items())
    return Section(
        "Versions",
        (
            Paragraph(
                f"Trained with {versions}; seed {metadata['experiment']['seed']}. The bundle's "
                "`metadata.json` holds all settings and the sha256 of every file of data. Terms "
                "of the model: those of mlsse (MIT), and those of the sources above for what it "
                "was made from."
            ),
        ),
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:.1f} min" if seconds >= 60.0 else f"{seconds:.0f} s"


def _two(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _three(report: Mapping[str, Any], key: str) -> str:
    value = report[key]
    return "undefined" if value is None else f"{value:.3f}"
