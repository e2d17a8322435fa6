"""The published protocols, run anew: which there are, and the record of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mlsse import (
    discovery_benchmark,
    explorer_benchmark,
    fault_benchmark,
    hull_benchmarks,
    interface_benchmarks,
    provenance,
    screening_benchmark,
    screening_fault_benchmark,
    serving_benchmark,
    sodium_benchmark,
    speed,
    window_benchmarks,
)
from mlsse.ablation_benchmark import ablation_protocols
from mlsse.benchmark_tools import Protocols
from mlsse.bundle import load_model
from mlsse.conductivity_benchmarks import conductivity_protocols
from mlsse.config import Experiment, load_experiment, read_experiment
from mlsse.errors import ConfigError
from mlsse.shuffled_benchmark import shuffled_protocols
from mlsse.stability_benchmarks import stability_protocols


def run(
    name: str,
    experiment_path: str | Path | None = None,
    *,
    mixed_minutes: float | None = None,
    rows: int | None = None,
) -> dict[str, Any]:
    """Run a benchmark.

    Parameters
    ----------
    name : {"conductivity", "stability", "ablation", "shuffled", "sodium", "speed", "hull", \
            "discovery", "windows", "interfaces", "serving", "faults", \
            "screening", "screening-faults", "explorer"}
    experiment_path : str or pathlib.Path, optional
        The experiment whose recipe is fitted; that of the shipped model by default. Only the
        first four benchmarks, ``discovery`` and ``faults`` fit anything, the last of them with a
        quick experiment; the others are of the shipped model, or of the data alone.
    mixed_minutes : float, optional
        Length of the mixed load of the benchmark of serving, 10 by default, or of the visitors
        of that of the explorer, 2 by default.
    rows : int, optional
        Candidates of the largest screen of the benchmark of screening; a million by default.

    Returns
    -------
    dict
        ``benchmark``, ``commit``, ``machine`` and ``protocols``, a dict of metrics by protocol:
        numbers of six digits, lists and dicts of them, or None where undefined.

    Raises
    ------
    ConfigError
        If the name is unknown or the experiment file is wrong.
    ScreenError
        If a screen fails, or so many candidates cannot be had.
    DataUnavailableError
        If a dataset can be had neither from the cache, nor a mirror, nor the network.
    BundleError
        If a bundle and the fitted estimators disagree, or no model is shipped.
    """
    recipes: dict[str, Callable[[Experiment], Protocols]] = {
        "conductivity": conductivity_protocols,
        "stability": stability_protocols,
        "ablation": ablation_protocols,
        "shuffled": shuffled_protocols,
        "discovery": discovery_benchmark.discovery_protocols,
    }
    without_recipe: dict[str, Callable[[], Protocols]] = {
        "sodium": lambda: {"sodium": sodium_benchmark.sodium_benchmark()},
        "speed": speed.measure,
        "hull": hull_benchmarks.hull_protocols,
        "windows": window_benchmarks.window_protocols,
        "interfaces": interface_benchmarks.interface_protocols,
        "serving": partial(serving_benchmark.measure, mixed_minutes),
        "faults": partial(fault_benchmark.measure, experiment_path),
        "screening": partial(screening_benchmark.measure, rows or screening_benchmark.ROWS),
        "screening-faults": screening_fault_benchmark.measure,
        "explorer": partial(explorer_benchmark.measure, mixed_minutes),
    }
    if name not in (*recipes, *without_recipe):
        names = ", ".join((*recipes, *without_recipe))
        raise ConfigError(f"benchmark {name!r}: expected one of {names}")
    commit = provenance.commit()  # before anything can change
    if name in without_recipe:
        protocols = without_recipe[name]()
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


def _shipped_experiment() -> Experiment:
    """The experiment that the shipped model was trained by."""
    return read_experiment(load_model().metadata["experiment"], "the shipped model")


def _rounded(value: Any) -> Any:
    """Round numbers to six digits, and turn those of numpy into Python's."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return float(f"{value:.6g}") if isinstance(value, float) else value
