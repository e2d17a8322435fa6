"""What the served model is asked and answers: columns, params, limits, and its MLflow form.

The model in MLflow's format holds a bundle, the code that reads it and `served_model`; it is
loaded by ``mlflow models serve`` and ``mlflow.pyfunc.load_model`` without mlsse installed.
"""

from __future__ import annotations

import reprlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsse.bundle import Model
from mlsse.errors import ConditionError, RequestError
from mlsse.formulas import MAX_LENGTH
from mlsse.prediction import COLUMN_GROUPS, IONS, SCORE_CARD, predict_rows
from mlsse.targets import ROOM_TEMPERATURE_K, check_temperature

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.models.model import ModelInfo

#: Columns of a request, the first of them required.
INPUT_COLUMNS = ("formula", "temperature_k", "mobile_ion")
#: Params of a request and their defaults.
DEFAULTS: Mapping[str, Any] = {
    "temperature_k": ROOM_TEMPERATURE_K,
    "mobile_ion": None,
    "groups": tuple(COLUMN_GROUPS),
}
#: Name of the bundle among the artifacts of the MLflow model.
BUNDLE = "bundle"
_CODE = Path(__file__).with_name("served_model.py")
_LIBRARIES = ("mlflow", "numpy", "onnxruntime", "pandas", "scipy", "threadpoolctl")
_WARM_UP = ("Li6PS5Cl", "Na3PS4", "Li6.4La3Zr1.4Ta0.6O12")
_repr = reprlib.Repr()
_repr.maxlevel = 3
_repr.maxstring = _repr.maxother = 50
#: Score-card columns that are no numbers.
BOOLEANS = frozenset({"in_domain"})
LISTS = frozenset({"warnings"})
TEXTS = frozenset(
    {
        "formula", "reduced_formula", "mobile_ion", "nearest_known_formula", "e_hull_source",
        "decomposition_products", "conductivity_kind", "model_version", "error",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes
    ----------
    rows : int
        Formulas in one request.
    formula_characters : int
    body_bytes : int
        Size of a request; only a server can know it.
    seconds : float
        Time for one answer, reading the request not included; kept by a server.
    """

    rows: int = 10_000
    formula_characters: int = MAX_LENGTH
    body_bytes: int = 4 * 2**20
    seconds: float = 30.0


@dataclass(frozen=True)
class Request:
    """A request that can be answered; n formulas.

    Attributes
    ----------
    formulas : list of str, length n
    temperatures_k : list of float, length n
    ions : list of str or None, length n
        None where the ion is to be found from the formula.
    groups : tuple of str
        Some of `mlsse.prediction.COLUMN_GROUPS`.
    """

    formulas: list[str]
    temperatures_k: list[float]
    ions: list[str | None]
    groups: tuple[str, ...]


def check_request(
    columns: Mapping[str, Sequence[Any]], params: Mapping[str, Any], limits: Limits
) -> Request:
    """Check a request and fill in its defaults.

    Parameters
    ----------
    columns : mapping of str to sequence
        Some of `INPUT_COLUMNS`, of the same length; None or NaN in an optional one means the
        default. A text that is no formula passes: it becomes a row with an error.
    params : mapping
        Some of `DEFAULTS`; None means the default.
    limits : Limits

    Returns
    -------
    Request

    Raises
    ------
    RequestError
        If a column or param is unknown, missing, of the wrong type or out of its range, or if
        there are more rows or characters than the limits allow (status 413).

    Examples
    --------
    >>> check_request({"formula": ["Li6PS5Cl"]}, {"groups": ["stability"]}, Limits())
    Request(formulas=['Li6PS5Cl'], temperatures_k=[298.15], ions=[None], groups=('stability',))
    """
    _refuse_unknown("column", columns, INPUT_COLUMNS)
    _refuse_unknown("param", params, tuple(DEFAULTS))
    if "formula" not in columns:
        raise RequestError("no column 'formula': give the formulas in a column of that name")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise RequestError(f"columns of different lengths {lengths}: give one value a row in each")
    n_rows = lengths["formula"]
    if n_rows > limits.rows:
        raise RequestError(
            f"{n_rows} rows, at most {limits.rows} are answered at once: split the request",
            status=413,
        )
    given = {name: params[name] for name in params if params[name] is not None}
    default_k = _temperature(given.get("temperature_k", DEFAULTS["temperature_k"]), "param")
    default_ion = _ion(given.get("mobile_ion"), "param")
    none = [None] * n_rows
    return Request(
        [_formula(value, row, limits) for row, value in enumerate(columns["formula"])],
        [
            default_k if _is_missing(value) else _temperature(value, f"row {row},")
            for row, value in enumerate(columns.get("temperature_k", none))
        ],
        [
            default_ion if _is_missing(value) else _ion(value, f"row {row},")
            for row, value in enumerate(columns.get("mobile_ion", none))
        ],
        _groups(given.get("groups", DEFAULTS["groups"])),
    )


def make_ready(model: Model) -> None:
    """Do before the first request what it would have to wait for.

    The linear algebra of this process is kept to one thread: requests share the cores, and one
    that took them all would slow the others.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
    predict_rows(_WARM_UP, model=model)


def answer(request: Request, model: Model) -> list[dict[str, Any]]:
    """Score-card rows of a request: strict JSON, None where a value is empty."""
    return predict_rows(
        request.formulas,
        temperature_k=request.temperatures_k,
        ion=request.ions,
        model=model,
        groups=request.groups,
    )


def _refuse_unknown(what: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise RequestError(f"unknown {what} {shortened(name)}: expected {', '.join(known)}")


def _is_missing(value: object) -> bool:
    return value is None or value != value  # NaN, as pandas has it


def _formula(value: object, row: int, limits: Limits) -> str:
    if not isinstance(value, str):
        raise RequestError(f"row {row}, formula {shortened(value)}: expected a text such as 'Li2O'")
    if len(value) > limits.formula_characters:
        raise RequestError(
            f"row {row}, formula of {len(value)} characters: at most "
            f"{limits.formula_characters} are read, shorten it"
        )
    return value


def _temperature(value: Any, where: str) -> float:
    if not isinstance(value, (int, float)):  # also no text that only looks like a number
        raise RequestError(f"{where} temperature_k {shortened(value)}: expected a number, in K")
    try:
        return check_temperature(value)
    except ConditionError as error:
        raise RequestError(f"{where} {error}") from None


def _ion(value: object, where: str) -> str | None:
    if value is None or (isinstance(value, str) and value in IONS):
        return value
    raise RequestError(
        f"{where} mobile_ion {shortened(value)}: expected one of {', '.join(IONS)}, or nothing"
    )


def _groups(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, (list, tuple)) else []
    if names and all(isinstance(name, str) and name in COLUMN_GROUPS for name in names):
        return tuple(name for name in COLUMN_GROUPS if name in names)
    raise RequestError(
        f"param groups {shortened(value)}: expected a list of some of {', '.join(COLUMN_GROUPS)}"
    )


def shortened(value: object) -> str:
    """Show what was given in a message of one line, however long or deep it is."""
    text = _repr.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def model_signature() -> ModelSignature:
    """Columns and params as MLflow knows them.

    Returns
    -------
    mlflow.models.ModelSignature
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    def column(name: str) -> ColSpec:
        if name in LISTS:
            return ColSpec(Array(DataType.string), name, required=False)
        if name in TEXTS:
            return ColSpec(DataType.string, name, required=name == "formula")
        kind = DataType.boolean if name in BOOLEANS else DataType.double
        return ColSpec(kind, name, required=False)

    return ModelSignature(
        inputs=Schema([column(name) for name in INPUT_COLUMNS]),
        outputs=Schema([column(name) for name in SCORE_CARD]),
        params=ParamSchema(
            [
                ParamSpec("temperature_k", DataType.double, DEFAULTS["temperature_k"]),
                ParamSpec("mobile_ion", DataType.string, None),
                ParamSpec("groups", DataType.string, list(DEFAULTS["groups"]), shape=(-1,)),
            ]
        ),
    )


def input_example() -> pd.DataFrame:
    """Two rows as a request may have them.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas as pd

    rows = [("Li6PS5Cl", 298.15, "Li"), ("Li7La3Zr2O12", 333.15, "Li")]
    return pd.DataFrame(rows, columns=list(INPUT_COLUMNS))


def pip_requirements() -> list[str]:
    """What the MLflow model needs: the libraries of a prediction, as they are here."""
    return [f"{name}=={version(name)}" for name in _LIBRARIES]


def log_served_model(bundle_folder: str | Path, *, name: str = "model") -> ModelInfo:
    """Log a bundle to the active MLflow run, in the form that MLflow serves.

    Parameters
    ----------
    bundle_folder : str or pathlib.Path
    name : str
        Of the logged model, within the run.

    Returns
    -------
    mlflow.models.model.ModelInfo
    """
    import mlflow.pyfunc

    with _model_parts(bundle_folder) as parts:
        return mlflow.pyfunc.log_model(name=name, **parts)


def save_served_model(bundle_folder: str | Path, folder: str | Path) -> None:
    """Write a bundle to a new folder, in the form that MLflow serves.

    Parameters
    ----------
    bundle_folder, folder : str or pathlib.Path
    """
    import mlflow.pyfunc

    with _model_parts(bundle_folder) as parts:
        mlflow.pyfunc.save_model(str(folder), **parts)


@contextmanager
def _model_parts(bundle_folder: str | Path) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as temporary:
        package = Path(temporary) / "mlsse"
        package.mkdir()
        for module in _CODE.parent.glob("*.py"):
            shutil.copy(module, package)
        yield {
            "python_model": str(_CODE),
            "artifacts": {BUNDLE: str(Path(bundle_folder).resolve())},
            "code_paths": [str(package)],
            "signature": model_signature(),
            "input_example": input_example(),
            # Without it MLflow would run the model in a process of its own to find out.
            "pip_requirements": pip_requirements(),
        }
