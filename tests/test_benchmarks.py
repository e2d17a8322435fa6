"""Which benchmarks there are, and the form of their records."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import synthetic

from mlsse import benchmarks, provenance
from mlsse.bundle import STABILITY_TREES
from mlsse.errors import ConfigError


def test_shipped_experiment_is_the_default(monkeypatch):
    expected = synthetic.smoke_experiment()
    metadata = json.loads(json.dumps({"experiment": dataclasses.asdict(expected)}))
    monkeypatch.setattr(benchmarks, "load_model", lambda: SimpleNamespace(metadata=metadata))
    found = benchmarks._shipped_experiment()
    assert json.dumps(dataclasses.asdict(found)) == json.dumps(dataclasses.asdict(expected))
    assert getattr(found.stability, STABILITY_TREES[0]) == getattr(
        expected.stability, STABILITY_TREES[0]
    )


def test_unknown_benchmark():
    with pytest.raises(ConfigError, match="'luck': expected one of conductivity, stability"):
        benchmarks.run("luck")


def test_numbers_are_rounded_and_plain():
    given = {"a": np.float64(1.23456789), "b": [np.int64(3), None, "x", True], "c": (1e-15,)}
    assert benchmarks._rounded(given) == {"a": 1.23457, "b": [3, None, "x", True], "c": [1e-15]}
    assert type(benchmarks._rounded(np.int64(3))) is int


def test_machine_is_described_but_not_named():
    machine = provenance.machine()
    assert set(machine) == {"cpu", "cores", "python", "platform", "versions"}
    assert machine["cores"] >= 1
    assert machine["versions"]["numpy"] == np.__version__
