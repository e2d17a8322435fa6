"""What the package loads, and when."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import mlsse

TRAINING = {"sklearn", "matminer", "mlflow", "pymatgen", "onnx", "scipy", "pandas", "matplotlib"}
HEAVY = TRAINING | {"numpy", "onnxruntime", "pooch", "rich"}


def modules_after(code: str) -> set[str]:
    """Top-level packages loaded in a fresh interpreter after some code."""
    report = "import json, sys; sys.stderr.write(json.dumps([m for m in sys.modules]))"
    wrapped = f"try:\n    {code}\nexcept SystemExit as end:\n    assert not end.code\n{report}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", wrapped], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


def test_import_is_light() -> None:
    assert not modules_after("import mlsse") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["--version"]])
def test_help_is_light(arguments: list[str]) -> None:
    assert not modules_after(f"from mlsse.cli import main; main({arguments})") & HEAVY


def test_prediction_loads_no_training_library() -> None:
    loaded = modules_after("from mlsse.cli import main; main(['predict', 'Li6PS5Cl'])")
    assert "onnxruntime" in loaded
    assert not loaded & TRAINING


def test_public_names() -> None:
    assert {"predict", "load_dataset", "FormulaFeaturizer", "train", "load_model"} < set(dir(mlsse))
    for name in mlsse.__all__:
        assert getattr(mlsse, name) is not None


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'conductivity'"):
        mlsse.conductivity  # noqa: B018 - looking it up is the test
