"""What every test has at hand."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mirror = os.environ.get("MLSSE_DATA_MIRROR", "")
    if mirror and Path(mirror).is_dir():
        return
    reason = "needs the public datasets: set MLSSE_DATA_MIRROR to a folder that mirrors them"
    for item in items:
        if item.get_closest_marker("mirror"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    """Keep runs and models of a test to itself."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLSSE_STORE", str(tmp_path / "store"))


@pytest.fixture(autouse=True)
def _own_path(monkeypatch):
    """Keep from later tests the package that MLflow puts first on the path with a model of its."""
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture(autouse=True)
def _quiet_log():
    """Take away the handlers that a command has set: they hold the output of one test."""
    yield
    logging.getLogger("mlsse").handlers.clear()
