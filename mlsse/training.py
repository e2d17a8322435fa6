"""From an experiment file and the datasets to a checked bundle and its report."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsse import estimators, metrics, new_data
from mlsse.arrhenius import ArrheniusProcess, Lines, Measurements, joined
from mlsse.bundle import FOREST, FittedParts, Model, ProbabilityMap, load_model, write_bundle
from mlsse.config import ConductivityConfig, Experiment, StabilityConfig, load_experiment
from mlsse.datasets import describe, load_dataset
from mlsse.domain import chemistries, fit_domain
from mlsse.errors import BundleError
from mlsse.evidence import Evidence, importance_table, out_of_fold_table
from mlsse.family_scores import scores_by_family
from mlsse.features import (
    ORBITALS,
    SUBLATTICE_STATISTICS,
    compute_features,
    feature_names,
    fraction_columns,
)
from mlsse.featurize import element_tables
from mlsse.formulas import parse_formula
from mlsse.intervals import Calibration, HeldOut, fit_calibration
from mlsse.kernels import Floats
from mlsse.model_card import model_card
from mlsse.phases import PhaseStore, fit_phases
from mlsse.splits import composition_groups, grouped_folds, leak_mask
from mlsse.targets import METASTABLE_EV_PER_ATOM, inverse_temperature
from mlsse.training_cost import Cost, Meter
from mlsse.tree_export import to_onnx
from mlsse.trust import Trust, fit_trust

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

#: The bundle and the fitted estimators may differ by this much, decades or eV/atom.
TOLERANCE = 1e-4
_ROOM_K = 10.0  # measurements within this of 298.15 K count as made at room temperature
_CALIBRATION_SHARE = 0.15
# Without its paper a row may still be measured elsewhere: nothing so near is learned from.
_PAPER_DISTANCE = 0.02
_PAPERS_ALONE = -1.0  # no two compositions lie this close
# What rows held out in each way count in the fit of the trust and of the intervals.
# A family that is new to a model turns out better than its calibration allows more often than
# those of the calibration did: of phosphates left out, a third lay above their intervals.
_SURPRISE = 0.15
_TRUST_WEIGHTS = {"papers": 12.0, "chains": 0.5, "chemistries": 1.0}
_CALIBRATION_WEIGHTS = {"papers": 1.0, "chains": 1.0, "chemistries": 2.0}
# What the trust takes an upper bound for, and the least value that it believes, log10 S/cm.
_BOUND_LOG10 = -12.0
_LEAST_LOG10 = -15.0
_CHECKED_FORMULAS = 4000


@dataclass(frozen=True)
class ConductivityRows:
    """The lithium rows of the merged conductivity table, n of them.

    Attributes
    ----------
    table : pandas.DataFrame
        Canonical columns.
    measurements : Measurements
    groups : ndarray of int, shape (n,)
        Rows that share a paper or nearly a composition, connected through each other.
    """

    table: pd.DataFrame
    measurements: Measurements
    groups: NDArray[np.intp]

    @property
    def vectors(self) -> Floats:
        """Atom fractions, shape (n, len(ELEMENTS))."""
        return self.measurements.features[:, fraction_columns()]

    @property
    def at_room_temperature(self) -> NDArray[np.bool_]:
        """Rows measured within 10 K of 298.15 K, shape (n,)."""
        return np.abs(self.table["temperature_k"].to_numpy() - 298.15) <= _ROOM_K

    def __getitem__(self, rows: NDArray[np.bool_]) -> ConductivityRows:
        """Some of the rows, grouped as in the whole."""
        return ConductivityRows(
            self.table[rows].reset_index(drop=True), self.measurements[rows], self.groups[rows]
        )

    def __len__(self) -> int:
        """Count of rows."""
        return len(self.table)


def load_conductivity_rows(
    sources: Sequence[str], new: pd.DataFrame | None = None
) -> ConductivityRows:
    """Read the rows that a conductivity model learns from.

    Lower bounds are left out: there is one, and a good conductor.

    Parameters
    ----------
    sources : sequence of str
        Parts of the merged table, such as ``["obelix", "liverpool"]``.
    new : pandas.DataFrame, optional
        Further measurements, canonical columns, as `mlsse.new_data` gives them.

    Returns
    -------
    ConductivityRows
    """
    import pandas as pd

    table = load_dataset("conductivity", parts=list(sources))
    if new is not None and len(new):
        table = pd.concat([table, new], ignore_index=True)
    usable = (table["mobile_ion"] == "Li") & (table["censored"] != "lower")
    table = table[usable].reset_index(drop=True)
    features = compute_features([parse_formula(f) for f in table["formula"]], element_tables())
    measurements = Measurements(
        features=features,
        log10_conductivity=table["log10_conductivity"].to_numpy(),
        inverse_temperature=np.array([inverse_temperature(t) for t in table["temperature_k"]]),
        is_bound=(table["censored"] == "upper").to_numpy(),
        activation_energy_ev=table["activation_energy_ev"].to_numpy(),
    )
    groups = composition_groups(features[:, fraction_columns()], table["doi"])
    return ConductivityRows(table, measurements, groups)


@dataclass(frozen=True)
class FittedConductivity:
    """A fitted conductivity model and what its cross-validation showed."""

    estimator: estimators.ArrheniusRegressor
    trust: Trust
    calibration: Calibration
    spread_decades: Floats
    temperature_range_k: Floats
    report: dict[str, Any]
    out_of_fold: pd.DataFrame

    @property
    def process(self) -> ArrheniusProcess:
        """The fitted process."""
        return self.estimator.process_

    def predict_lines(self, features: Floats) -> Lines:
        """Predict Arrhenius lines as the bundle does, drawn toward the prior."""
        return self.trust(self.estimator.predict_lines(features))


def fit_arrhenius(
    rows: Measurements, config: ConductivityConfig, seed: int = 0
) -> estimators.ArrheniusRegressor:
    """Fit the Arrhenius process and the forest beside it to some rows."""
    return estimators.ArrheniusRegressor(
        settings=config, n_trees=config.n_trees, random_state=seed
    ).fit(
        rows.features,
        rows.log10_conductivity,
        inverse_temperature=rows.inverse_temperature,
        is_bound=rows.is_bound,
        activation_energy_ev=rows.activation_energy_ev,
    )


def out_of_fold_lines(
    rows: ConductivityRows,
    folds: NDArray[np.intp],
    config: ConductivityConfig,
    seed: int = 0,
    *,
    apart: float | None = None,
) -> Lines:
    """Predict each row by a process that was fitted to the other folds.

    Rows of these whose composition lies within `apart` of a held-out one are left out as well.
    """
    order: list[NDArray[np.intp]] = []
    parts: list[Lines] = []
    for fold in np.unique(folds):
        held_out = folds == fold
        known = ~held_out
        if apart is not None:
            known &= ~leak_mask(
                rows.vectors,
                rows.table["doi"],
                rows.vectors[held_out],
                rows.table["doi"][held_out],
                max_distance=apart,
            ).near_test
        order.append(np.flatnonzero(held_out))
        parts.append(
            fit_arrhenius(rows.measurements[known], config, seed).predict_lines(
                rows.measurements.features[held_out]
            )
        )
    return joined(parts)[np.argsort(np.concatenate(order))]


def fit_conductivity(
    rows: ConductivityRows, config: ConductivityConfig, seed: int
) -> FittedConductivity:
    """Fit, calibrate and score the conductivity model and its baselines.

    Three partitions serve. One keeps chains apart: no two folds share a paper or chains of
    compositions within 0.05; it gives the scores. One keeps papers apart, and whatever lies within
    0.02 of a held-out row, by the rule of the published scores: most held-out rows have relatives
    then, as most candidates of a user do. One keeps chemistries apart, so that the held-out rows
    are of families that the models do not know. Trust and calibration learn from all three, near
    to what is known and far from it.

    Parameters
    ----------
    rows : ConductivityRows
    config : ConductivityConfig
    seed : int
        Of the folds and the forest.

    Returns
    -------
    FittedConductivity
    """
    log.info("conductivity: %d rows, cross-validation in %d folds", len(rows), config.n_folds)
    papers = composition_groups(rows.vectors, rows.table["doi"], max_distance=_PAPERS_ALONE)
    of_chemistry = chemistries(rows.vectors)
    folds = grouped_folds(rows.groups, config.n_folds, seed)
    partitions = {
        "chains": folds,
        "papers": grouped_folds(papers, config.n_folds, seed),
        "chemistries": grouped_folds(of_chemistry, config.n_folds, seed),
    }
    raw = {
        name: out_of_fold_lines(
            rows, part, config, seed, apart=_PAPER_DISTANCE if name == "papers" else None
        )
        for name, part in partitions.items()
    }
    measurements = rows.measurements
    t = measurements.inverse_temperature
    room = rows.at_room_temperature
    near_room = np.where(
        measurements.is_bound,
        _BOUND_LOG10,
        np.maximum(measurements.log10_conductivity, _LEAST_LOG10),
    )[room]
    trust = fit_trust(
        joined([raw[name][room] for name in _TRUST_WEIGHTS]),
        np.tile(near_room, len(raw)),
        np.repeat(list(_TRUST_WEIGHTS.values()), room.sum()),
    )
    drawn = {name: trust(part) for name, part in raw.items()}
    lines = drawn["chains"]
    calibration = fit_calibration(
        {
            name: (
                HeldOut(drawn[name], t, measurements.log10_conductivity, measurements.is_bound),
                weight,
            )
            for name, weight in _CALIBRATION_WEIGHTS.items()
        },
        energy_sd=config.activation_energy_sd_ev / config.conductivity_sd,
        domain=fit_domain(drawn["papers"][room], config.in_domain_share),
        surprise=_SURPRISE,
    )
    estimator = fit_arrhenius(measurements, config, seed)
    censored = rows.table["censored"].to_numpy()
    truth = measurements.log10_conductivity

    def mae(predicted: Floats, where: NDArray[np.bool_]) -> float | None:
        return metrics.mae(truth[where], predicted[where], censored[where])

    report: dict[str, Any] = {
        "protocol": f"{config.n_folds}-fold cross-validation by groups of papers and compositions "
        "within 0.05; a respected bound counts as no error",
        "n_rows": len(rows),
        "n_groups": int(rows.groups.max()) + 1,
        "n_bounds": int(measurements.is_bound.sum()),
        "n_activation_energies": int(np.isfinite(measurements.activation_energy_ev).sum()),
        "mae_room_temperature": mae(lines.log10_conductivity(t), room),
        "mae_other_temperatures": mae(lines.log10_conductivity(t), ~room),
    }
    for name, make in (
        ("median", estimators.median_baseline),
        ("linear", estimators.linear_baseline),
    ):
        predicted = np.empty(len(rows))
        for fold in np.unique(folds):
            known = room & (folds != fold)
            model = make().fit(measurements.features[known], truth[known])
            predicted[folds == fold] = model.predict(measurements.features[folds == fold])
        report[f"mae_room_temperature_{name}_baseline"] = mae(predicted, room)
    out_of_fold = out_of_fold_table(rows.table, rows.vectors, t, lines, calibration)
    report["by_family"] = scores_by_family(out_of_fold)
    temperatures = rows.table["temperature_k"].to_numpy()
    return FittedConductivity(
        estimator,
        trust,
        calibration,
        _spread(rows, estimator.process_),
        np.quantile(temperatures, [0.005, 0.975]),
        report,
        out_of_fold,
    )


def _spread(rows: ConductivityRows, process: ArrheniusProcess) -> Floats:
    """Range of the room-temperature values of each known composition, decades."""
    place = {vector.tobytes(): i for i, vector in enumerate(process.vectors)}
    low, high = np.full(len(place), np.inf), np.full(len(place), -np.inf)
    room = rows.at_room_temperature & ~rows.measurements.is_bound
    for vector, value in zip(
        rows.vectors[room].round(9), rows.measurements.log10_conductivity[room], strict=True
    ):
        i = place[vector.tobytes()]
        low[i], high[i] = min(low[i], value), max(high[i], value)
    return np.where(high >= low, high - low, 0.0)


@dataclass(frozen=True)
class StabilityRows:
    """Compounds with known energies, n of them; energies in eV/atom.

    Attributes
    ----------
    features : ndarray of float32, shape (n, n_features)
        Rounded to single precision, as the trees see them when they serve.
    decomposition_energy, formation_energy : ndarray of shape (n,)
    split : ndarray of str, shape (n,)
        The standard split: ``train``, ``val`` or ``test``.
    """

    features: NDArray[np.float32]
    decomposition_energy: Floats
    formation_energy: Floats
    split: NDArray[np.str_]

    def __getitem__(self, rows: NDArray[np.bool_]) -> StabilityRows:
        """Some of the rows."""
        return StabilityRows(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        """Count of rows."""
        return len(self.split)


def load_stability_rows(
    max_rows: int | None = None,
    seed: int = 0,
    splits: Sequence[str] = ("train", "val", "test"),
) -> StabilityRows:
    """Read the compounds that the stability models learn from.

    Parameters
    ----------
    max_rows : int, optional
        At most so many, drawn at random with the seed; all by default.
    seed : int
    splits : sequence of str
        Parts of the standard split to take compounds from; all by default.

    Returns
    -------
    StabilityRows
    """
    table = load_dataset("critexam")
    table = table[table["split"].isin(splits)].reset_index(drop=True)
    if max_rows is not None and max_rows < len(table):
        table = table.sample(max_rows, random_state=seed).reset_index(drop=True)
    formulas = [parse_formula(f) for f in table["formula"]]
    tables = element_tables()
    step = 10_000  # bounds the memory of the double-precision features
    features = np.concatenate(
        [
            compute_features(formulas[start : start + step], tables).astype(np.float32)
            for start in range(0, len(formulas), step)
        ]
    )
    return StabilityRows(
        features,
        table["decomposition_energy_ev_per_atom"].to_numpy(),
        table["formation_energy_ev_per_atom"].to_numpy(),
        table["split"].to_numpy(dtype=str),
    )


def load_phases(splits: Sequence[str] = ("train", "val", "test")) -> PhaseStore:
    """Read the reference phases.

    Parameters
    ----------
    splits : sequence of str
        Parts of the standard split to take compounds from; all by default.

    Returns
    -------
    PhaseStore
    """
    table = load_dataset("critexam")
    table = table[table["split"].isin(splits)]
    return fit_phases(
        [parse_formula(formula).amounts for formula in table["formula"]],
        table["formation_energy_ev_per_atom"].to_numpy(),
        table["decomposition_energy_ev_per_atom"].to_numpy(),
    )


@dataclass(frozen=True)
class FittedStability:
    """Fitted stability models and how they did on the rows they were calibrated on."""

    models: Mapping[str, Any]
    columns: NDArray[np.intp]
    maps: Mapping[str, ProbabilityMap]
    report: dict[str, Any]
    held_out: pd.DataFrame


def tree_columns() -> NDArray[np.intp]:
    """Columns of the feature matrix for the trees.

    All but the statistics of a sublattice, which say nothing of the intermetallics that most
    of the stability data are, and but those that repeat another column.
    """
    left_out = tuple(f"{x} {s} " for x in ("cation", "anion") for s in SUBLATTICE_STATISTICS)
    repeated = {f"avg {orbital} valence electrons" for orbital in ORBITALS} | {
        "mobile ion fraction"
    }
    return np.flatnonzero(
        [not name.startswith(left_out) and name not in repeated for name in feature_names()]
    )


def fit_stability(rows: StabilityRows, config: StabilityConfig, seed: int) -> FittedStability:
    """Fit the four stability models and calibrate the two probabilities.

    The energies learn from all rows. The classifiers learn from 85 % of them; the rest serves
    to turn their raw probabilities into calibrated ones, and to score them beside baselines.

    Parameters
    ----------
    rows : StabilityRows
    config : StabilityConfig
    seed : int

    Returns
    -------
    FittedStability
    """
    import pandas as pd

    columns = tree_columns()
    X = rows.features[:, columns]
    log.info("stability: energies from %d compounds", len(rows))
    held_out = np.random.default_rng(seed).random(len(rows)) < _CALIBRATION_SHARE
    energy = rows.decomposition_energy
    models: dict[str, Any] = {
        "decomposition_energy": estimators.decomposition_energy_regressor(
            config.decomposition_energy, seed
        ).fit(X, np.clip(energy, *config.clip_ev_per_atom)),
        "formation_energy": estimators.formation_energy_regressor(
            config.formation_energy, seed
        ).fit(X, rows.formation_energy),
    }
    maps: dict[str, ProbabilityMap] = {}
    scored: dict[str, NDArray[Any]] = {}
    report: dict[str, Any] = {
        "protocol": f"{int(held_out.sum())} random rows that the classifiers did not learn from; "
        "their calibration is fitted on these rows, so the Brier score is slightly flattering",
        "n_rows": len(rows),
    }
    for name, limit in (("stable", 0.0), ("metastable", METASTABLE_EV_PER_ATOM)):
        log.info("stability: probability of being %s", name)
        label = energy <= limit
        classifier = estimators.stability_classifier(getattr(config, name), seed)
        models[name] = classifier.fit(X[~held_out], label[~held_out])
        raw = classifier.predict_proba(X[held_out])[:, 1]
        maps[name] = _probability_map(raw, label[held_out])
        scored |= {name: label[held_out], f"{name}_probability": maps[name](raw)}
        report |= _classifier_report(name, label[held_out], maps[name](raw))
        for baseline, make in (
            ("prevalence", estimators.prevalence_baseline),
            ("linear", estimators.linear_classifier_baseline),
        ):
            few = np.flatnonzero(~held_out)[:_BASELINE_ROWS]
            fitted = make().fit(X[few], label[few])
            probability = fitted.predict_proba(X[held_out])[:, 1]
            report |= _classifier_report(f"{name}_{baseline}", label[held_out], probability)
    return FittedStability(models, columns, maps, report, pd.DataFrame(scored))


_BASELINE_ROWS = 10_000  # a linear model gains nothing from more


def _classifier_report(name: str, label: NDArray[np.bool_], probability: Floats) -> dict[str, Any]:
    return {
        f"{name}_roc_auc": metrics.roc_auc(label, probability),
        f"{name}_brier": metrics.brier(label, probability),
    }


def _probability_map(raw: Floats, label: NDArray[np.bool_]) -> ProbabilityMap:
    """Platt's logistic map on the log-odds, tabulated so that inference interpolates."""
    from sklearn.linear_model import LogisticRegression

    def log_odds(p: Floats) -> Floats:
        return np.log(p / (1.0 - p))

    limits = 1e-6, 1.0 - 1e-6
    logistic = LogisticRegression(C=np.inf).fit(log_odds(np.clip(raw, *limits))[:, None], label)
    grid = np.concatenate([[limits[0]], np.linspace(0.001, 0.999, 999), [limits[1]]])
    return ProbabilityMap(grid, logistic.predict_proba(log_odds(grid)[:, None])[:, 1])


def build(
    experiment: Experiment,
    conductivity: ConductivityRows,
    stability: StabilityRows,
    phases: PhaseStore,
    folder: str | Path,
) -> Model:
    """Fit all models to the given rows and write them as a checked bundle.

    Parameters
    ----------
    experiment : Experiment
    conductivity : ConductivityRows
    stability : StabilityRows
    phases : PhaseStore
    folder : str or pathlib.Path

    Returns
    -------
    Model
        The bundle as read back from the folder.

    Raises
    ------
    BundleError
        If the bundle and the fitted estimators disagree, or the folder is something else.
    """
    return build_with_evidence(experiment, conductivity, stability, phases, folder).model


@dataclass(frozen=True)
class Trained:
    """A bundle and what its training showed beside the scores."""

    model: Model
    evidence: Evidence


def build_with_evidence(
    experiment: Experiment,
    conductivity: ConductivityRows,
    stability: StabilityRows,
    phases: PhaseStore,
    folder: str | Path,
) -> Trained:
    """Do as `build`, and hand out what the record of a training shows."""
    meter = Meter()
    fitted = fit_conductivity(conductivity, experiment.conductivity, experiment.seed)
    trees = fit_stability(stability, experiment.stability, experiment.seed)
    model = assemble(
        experiment, conductivity, fitted, stability, trees, phases, folder, cost=meter.cost()
    )
    importances = importance_table(
        {FOREST: (fitted.estimator.forest_, estimators.forest_columns())}
        | {name: (model, trees.columns) for name, model in trees.models.items()}
    )
    return Trained(model, Evidence(fitted.out_of_fold, trees.held_out, importances))


def assemble(
    experiment: Experiment,
    conductivity: ConductivityRows,
    fitted: FittedConductivity,
    stability: StabilityRows,
    trees: FittedStability,
    phases: PhaseStore,
    folder: str | Path,
    *,
    cost: Cost | None = None,
) -> Model:
    """Write fitted models as a bundle, after checking that it infers what they predict."""
    log.info("writing the bundle and comparing it with the fitted estimators")
    parts = FittedParts(
        tables=element_tables(),
        process=fitted.process,
        trust=fitted.trust,
        calibration=fitted.calibration,
        spread_decades=fitted.spread_decades,
        temperature_range_k=fitted.temperature_range_k,
        trees={
            name: to_onnx(model, name=name)
            for name, model in {FOREST: fitted.estimator.forest_, **trees.models}.items()
        },
        tree_columns=trees.columns,
        forest_columns=estimators.forest_columns(),
        maps=trees.maps,
        phases=phases,
    )
    metadata = _metadata(experiment, conductivity, fitted, trees, phases)
    if cost is not None:
        metadata["cost"] = asdict(cost)
    card = model_card(metadata)
    with TemporaryDirectory() as scratch:
        model = load_model(write_bundle(Path(scratch) / "bundle", parts, metadata, card))
        _check_faithful(model, fitted, trees, conductivity, stability)
    return load_model(write_bundle(folder, parts, metadata, card))


def train(config_path: str | Path, folder: str | Path) -> Model:
    """Train a bundle as an experiment file says.

    Parameters
    ----------
    config_path : str or pathlib.Path
        A TOML file such as ``experiments/champion.toml``.
    folder : str or pathlib.Path
        Where to write the bundle; an old bundle there is replaced at once or not at all.

    Returns
    -------
    Model
        The bundle as read back from the folder.

    Raises
    ------
    ConfigError
        If the experiment file is wrong.
    DataUnavailableError
        If a dataset can be had neither from the cache, nor a mirror, nor the network.
    BundleError
        If the bundle and the fitted estimators disagree, or the folder is something else.
    """
    return train_with_evidence(load_experiment(config_path), folder).model


def train_with_evidence(experiment: Experiment, folder: str | Path) -> Trained:
    """Do as `train` with a read experiment, and hand out what the record of a training shows."""
    conductivity = load_conductivity_rows(experiment.conductivity.sources)
    stability = load_stability_rows(experiment.stability.max_rows, experiment.seed)
    return build_with_evidence(experiment, conductivity, stability, load_phases(), folder)


def _check_faithful(
    model: Model,
    fitted: FittedConductivity,
    trees: FittedStability,
    conductivity: ConductivityRows,
    stability: StabilityRows,
) -> None:
    """Compare the bundle with the fitted estimators on thousands of formulas."""
    step = max(1, len(stability) // _CHECKED_FORMULAS)
    features = np.concatenate(
        [conductivity.measurements.features, stability.features[::step].astype(float)]
    )
    expected, found = fitted.predict_lines(features), model.lines(features)
    inferred = model.stability(features)
    X = features[:, trees.columns].astype(np.float32)
    stable, metastable = (
        trees.maps[name](trees.models[name].predict_proba(X)[:, 1])
        for name in ("stable", "metastable")
    )
    pairs = {
        name: (getattr(expected, name), getattr(found, name)) for name in expected.__dict__
    } | {
        "decomposition_energy": (
            trees.models["decomposition_energy"].predict(X), inferred.decomposition_energy,
        ),
        "formation_energy": (
            trees.models["formation_energy"].predict(X), inferred.formation_energy,
        ),
        "stable_probability": (np.minimum(stable, metastable), inferred.stable_probability),
        "metastable_probability": (metastable, inferred.metastable_probability),
    }  # fmt: skip
    for name, (one, other) in pairs.items():
        difference = float(np.abs(one - other).max())
        if not difference <= TOLERANCE:
            raise BundleError(
                f"{name} of the bundle differs by {difference:.2g} from the fitted estimator over "
                f"{len(features)} formulas (at most {TOLERANCE:g} is allowed): not written"
            )


_SOURCE_NAMES = {"review_conductivity": "reviews"}  # where the column `source` is shorter


def _metadata(
    experiment: Experiment,
    conductivity: ConductivityRows,
    fitted: FittedConductivity,
    trees: FittedStability,
    phases: PhaseStore,
) -> dict[str, Any]:
    """What a bundle says of itself: experiment, data, versions, metrics."""
    sources = [*experiment.conductivity.sources, "critexam"]
    entries = {name: describe(name) for name in sources}
    counts = conductivity.table["source"].value_counts()
    return {
        "experiment": asdict(experiment),
        "data": {
            name: {
                "title": entry.title,
                "licence": entry.licence,
                "citation": entry.citation,
                "rows": trees.report["n_rows"]
                if name == "critexam"
                else int(counts.get(_SOURCE_NAMES.get(name, name), 0)),
                "sha256": {f.name: f.sha256 for f in entry.files},
            }
            for name, entry in entries.items()
        }
        | _new_data(conductivity.table),
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("numpy", "scikit-learn", "matminer", "pymatgen", "onnx")},
        },
        "phases": {"source": "critexam", "count": len(phases)},
        "metrics": {"conductivity": fitted.report, "stability": trees.report},
    }


def _new_data(table: pd.DataFrame) -> dict[str, Any]:
    """What a bundle says of new measurements; nothing where there are none."""
    new = table[table["source"] == new_data.SOURCE]
    if new.empty:
        return {}
    entry = {
        "title": "new measurements, given to the training as files",
        "licence": "that of their owner",
        "citation": "the papers that the rows name",
        "rows": len(new),
        "sha256": {"rows": new_data.digest(new)},
    }
    return {"new_data": entry}
