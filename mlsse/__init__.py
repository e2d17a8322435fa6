"""From a chemical formula to what it is worth as a solid electrolyte.

>>> import mlsse
>>> table = mlsse.predict(["Li6PS5Cl"], temperature_k=298.15)
>>> table["formula"].tolist()
['Li6PS5Cl']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlsse.bundle import load_model
    from mlsse.datasets import load_dataset
    from mlsse.featurize import FormulaFeaturizer
    from mlsse.interfaces import interface
    from mlsse.prediction import predict
    from mlsse.ranking import rank
    from mlsse.screening import screen
    from mlsse.thermodynamics import hull
    from mlsse.training import train
    from mlsse.windows import window

__version__ = "0.1.0"

__all__ = [
    "FormulaFeaturizer",
    "__version__",
    "hull",
    "interface",
    "load_dataset",
    "load_model",
    "predict",
    "rank",
    "screen",
    "train",
    "window",
]

# Public names are imported when they are first used, so that `import mlsse` is light.
_HOMES = {
    "FormulaFeaturizer": "mlsse.featurize",
    "hull": "mlsse.thermodynamics",
    "interface": "mlsse.interfaces",
    "load_dataset": "mlsse.datasets",
    "load_model": "mlsse.bundle",
    "predict": "mlsse.prediction",
    "rank": "mlsse.ranking",
    "screen": "mlsse.screening",
    "train": "mlsse.training",
    "window": "mlsse.windows",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
