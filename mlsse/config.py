"""The shape of an experiment file.

An experiment is one TOML file in ``experiments/``. Unknown keys are refused, so that a
misspelt setting cannot pass for the default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from mlsse.errors import ConfigError


@dataclass(frozen=True)
class ProcessSettings:
    """Prior of the Gaussian process in `mlsse.arrhenius`, and how far it is trusted.

    Attributes
    ----------
    framework_length, chemistry_length, descriptor_length : float
        Lengths of `mlsse.kernels.CompositionKernel`.
    conductivity_sd : float
        Standard deviation of log10 conductivity at 298.15 K among unlike compositions.
    activation_energy_sd_ev : float
        The same of the activation energy, eV.
    correlation : float
        Correlation of the two; negative, since good conductors have low barriers.
    conductivity_noise : float
        Standard deviation of repeated measurements of one composition, decades.
    activation_energy_noise_ev : float
        The same of the activation energy, eV.
    forest_weight : float
        Weight of a forest of trees beside the process in the room-temperature value of a known
        composition.
    forest_share : float
        Unexplained share of the variance at which this weight has fallen to 1/e: a forest is
        good near to what is known and worse than the process far from it.
    """

    framework_length: float
    chemistry_length: float
    descriptor_length: float
    conductivity_sd: float
    activation_energy_sd_ev: float
    correlation: float
    conductivity_noise: float
    activation_energy_noise_ev: float
    forest_weight: float
    forest_share: float


@dataclass(frozen=True)
class ConductivityConfig(ProcessSettings):
    """How the conductivity model is fitted.

    Attributes
    ----------
    sources : tuple of str
        Parts of the merged conductivity table.
    n_folds : int
        Of the cross-validation that calibrates.
    n_trees : int
        Size of the forest.
    in_domain_share : float
        Share of the rows held out by paper that count as inside the domain.
    """

    sources: tuple[str, ...]
    n_folds: int
    n_trees: int
    in_domain_share: float


@dataclass(frozen=True)
class TreesConfig:
    """Settings of one gradient-boosted model, as scikit-learn names them."""

    max_iter: int
    max_leaf_nodes: int
    learning_rate: float
    min_samples_leaf: int
    l2_regularization: float
    max_features: float
    max_bins: int


@dataclass(frozen=True)
class StabilityConfig:
    """How the stability models are fitted.

    ``clip_ev_per_atom`` bounds the decomposition energies learned from: a few compounds lie
    several eV/atom off the hull and would only pull the trees.
    """

    clip_ev_per_atom: tuple[float, float]
    max_rows: int
    decomposition_energy: TreesConfig
    formation_energy: TreesConfig
    stable: TreesConfig
    metastable: TreesConfig


@dataclass(frozen=True)
class MetricRule:
    """What the gate asks of one metric of the held-out rows.

    Attributes
    ----------
    name : str
        One of `mlsse.gate.METRICS`.
    tolerance : float
        A challenger may be worse than the champion by this much, in the unit of the metric.
    gain : float
        Better by this much counts as better.
    """

    name: str
    tolerance: float
    gain: float


@dataclass(frozen=True)
class GateConfig:
    """What a challenger has to fulfil to become the champion; see `mlsse.gate`.

    Attributes
    ----------
    metrics : tuple of MetricRule
        The protected list: none may be worse, at least one has to be better.
    falling_conductivity : tuple of tuple of str
        Formulas whose predicted conductivities at 298.15 K must fall from one to the next.
    max_bundle_mb : float
        Size of the bundle, 1e6 bytes.
    max_latency_ms : float
        Median time of the prediction of one formula, milliseconds.
    """

    metrics: tuple[MetricRule, ...] = (
        MetricRule("conductivity_mae", tolerance=0.03, gain=0.01),
        MetricRule("conductivity_interval_score", tolerance=0.3, gain=0.1),
        MetricRule("superionic_roc_auc", tolerance=0.03, gain=0.01),
        MetricRule("decomposition_energy_mae", tolerance=0.002, gain=0.001),
        MetricRule("formation_energy_mae", tolerance=0.004, gain=0.002),
        MetricRule("stable_roc_auc", tolerance=0.005, gain=0.002),
        MetricRule("stable_brier", tolerance=0.005, gain=0.002),
    )
    falling_conductivity: tuple[tuple[str, ...], ...] = (("Li10GeP2S12", "Li7La3Zr2O12", "Li2CO3"),)
    max_bundle_mb: float = 100.0
    max_latency_ms: float = 100.0


class FirstRival(StrEnum):
    """What a challenger is compared with while the registry has no champion."""

    SHIPPED = "shipped"
    NONE = "none"


@dataclass(frozen=True)
class RetrainingConfig:
    """How `mlsse retrain` starts.

    Attributes
    ----------
    first_rival : FirstRival
        While the registry has no champion: ``shipped`` compares with the recipe of the model that
        comes with mlsse, ``none`` asks for the sanity predictions and limits alone.
    """

    first_rival: FirstRival = FirstRival.SHIPPED


@dataclass(frozen=True)
class Experiment:
    """One experiment: what `mlsse train` and `mlsse retrain` read."""

    name: str
    seed: int
    conductivity: ConductivityConfig
    stability: StabilityConfig
    gate: GateConfig = GateConfig()
    retraining: RetrainingConfig = RetrainingConfig()


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment file.

    Parameters
    ----------
    path : str or pathlib.Path
        A TOML file such as ``experiments/champion.toml``.

    Returns
    -------
    Experiment

    Raises
    ------
    ConfigError
        If the file cannot be read, or a setting is missing, unknown or of another type.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: name an existing experiment file") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}") from error
    return read_experiment(table, str(path))


def read_experiment(table: Mapping[str, Any], where: str) -> Experiment:
    """Make an experiment of a table, as a file or the metadata of a bundle holds it.

    Parameters
    ----------
    table : mapping
    where : str
        Named in errors.

    Returns
    -------
    Experiment

    Raises
    ------
    ConfigError
        If a setting is missing, unknown or of another type.
    """
    experiment: Experiment = _build(Experiment, table, f"{where}: ")
    if not experiment.conductivity.sources:
        raise ConfigError(f"{where}: conductivity.sources is empty: name at least one source")
    return experiment


def _build(kind: type, table: Any, where: str) -> Any:
    """Make a dataclass of a TOML table, refusing what does not fit."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where}expected a table, got {table!r}")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    for name in table:
        if name not in known:
            raise ConfigError(
                f"{where}unknown setting {name!r}; known ones are {', '.join(sorted(known))}"
            )
    values = {}
    for name, field in known.items():
        if name not in table:
            if field.default is MISSING:
                raise ConfigError(f"{where}setting {name!r} is missing")
            continue
        values[name] = _value(hints[name], table[name], f"{where}{name}: ")
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    """Check one setting against its type."""
    if isinstance(hint, type) and is_dataclass(hint):
        return _build(hint, value, where.removesuffix(": ") + ".")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (int, float, str) and type(value) is hint:
        return value
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        if value in list(hint):
            return hint(value)
        raise ConfigError(f"{where}expected one of {', '.join(hint)}, got {value!r}")
    arguments = getattr(hint, "__args__", ())
    if arguments and isinstance(value, list):
        if arguments[-1] is Ellipsis:
            return tuple(_value(arguments[0], item, where) for item in value)
        if len(arguments) == len(value):
            return tuple(_value(h, v, where) for h, v in zip(arguments, value, strict=True))
    expected = hint.__name__ if isinstance(hint, type) else hint
    raise ConfigError(f"{where}expected {expected}, got {value!r}")
