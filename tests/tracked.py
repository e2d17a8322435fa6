"""Trained models and a store to keep them in, for the tests of runs and registered models."""

from __future__ import annotations

from functools import lru_cache
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import synthetic

from mlsse import store as stores
from mlsse import tracking, training
from mlsse.evidence import Evidence, importance_table
from mlsse.formulas import parse_formula
from mlsse.phases import fit_phases


@lru_cache(maxsize=1)
def evidence():
    conductivity, stability = synthetic.fitted()
    importances = importance_table(
        {name: (model, stability.columns) for name, model in stability.models.items()}
    )
    return Evidence(conductivity.out_of_fold, stability.held_out, importances)


@lru_cache(maxsize=1)
def _empty_database():
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLSSE_STORE", folder)
        store = tracking.open_store()
        return (store.folder / "mlflow.db").read_bytes()


def make_stores_quickly(monkeypatch):
    """Let a new store be a copy of an empty one, as its tables take seconds to make."""
    empty = _empty_database()
    monkeypatch.setattr(stores, "_make_sqlite", lambda file, store: file.write_bytes(empty))


def write(folder, variant=0):
    """Write a bundle; each variant has other reference phases, and so another name."""
    conductivity, stability = synthetic.fitted()
    phases = fit_phases(
        [parse_formula(text).amounts for text in ("Li2O", "Li2S")],
        np.array([-2.0, -1.5 - 0.01 * variant]),
        np.array([-0.1, -0.1]),
    )
    return training.assemble(
        synthetic.smoke_experiment(), synthetic.conductivity_rows(), conductivity,
        synthetic.stability_rows(), stability, phases, folder,
    )  # fmt: skip


def log(folder, variant=0, store=None, **more):
    """Write a bundle and log its training; the run's id and the model."""
    model = write(folder, variant)
    run_id = tracking.log_training(
        synthetic.smoke_experiment(), model.metadata, folder, store=store, **more
    )
    return run_id, model
