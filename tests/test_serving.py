"""The served model: what it refuses, and that MLflow serves the same numbers as Python."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import synthetic

from mlsse.bundle import load_model
from mlsse.errors import RequestError
from mlsse.prediction import SCORE_CARD, predict_rows
from mlsse.serving import Limits, answer, check_request, save_served_model

TEXTS = ["Li6PS5Cl", "Xx2O", "Na3PS4", "Li7La3Zr2O12"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "bundle"
    synthetic.write(folder)
    return folder


@pytest.fixture(scope="module")
def served(bundle):
    folder = bundle.with_name("model")
    save_served_model(bundle, folder)
    return folder


def test_defaults_and_rows_conditions():
    columns = {"formula": ["Li2O"] * 3, "temperature_k": [350, None, math.nan],
               "mobile_ion": [None, "Na", None]}  # fmt: skip
    request = check_request(columns, {"temperature_k": 320.0, "mobile_ion": "Li"}, Limits())
    assert request.temperatures_k == [350.0, 320.0, 320.0]
    assert request.ions == ["Li", "Na", "Li"]
    assert request.groups == ("conductivity", "stability", "phases")
    request = check_request({"formula": []}, {"groups": ["phases", "stability"]}, Limits())
    assert request.groups == ("stability", "phases")


@pytest.mark.parametrize(
    ("columns", "params", "status", "message"),
    [
        ({}, {}, 400, "no column 'formula'"),
        ({"formula": ["Li"], "formulas": ["Li"]}, {}, 400, "unknown column 'formulas'"),
        ({"formula": ["Li"]}, {"ion": "Li"}, 400, "unknown param 'ion'"),
        ({"formula": ["Li"], "temperature_k": []}, {}, 400, "different lengths"),
        ({"formula": ["Li"] * 6}, {}, 413, "6 rows, at most 5"),
        ({"formula": ["Li" * 10]}, {}, 400, "row 0, formula of 20 characters"),
        ({"formula": ["Li", None]}, {}, 400, "row 1, formula None"),
        ({"formula": [3]}, {}, 400, "row 0, formula 3"),
        ({"formula": ["Li"], "temperature_k": [900]}, {}, 400, "row 0, temperature 900"),
        ({"formula": ["Li"], "temperature_k": ["300"]}, {}, 400, "temperature_k '300'"),
        ({"formula": ["Li"], "temperature_k": [True]}, {}, 400, "temperature True"),
        ({"formula": ["Li"], "mobile_ion": ["Xx"]}, {}, 400, "row 0, mobile_ion 'Xx'"),
        ({"formula": ["Li"], "mobile_ion": [["Li"]]}, {}, 400, "row 0, mobile_ion ['Li']"),
        ({"formula": ["Li"]}, {"temperature_k": 1e400}, 400, "param temperature inf"),
        ({"formula": ["Li"]}, {"groups": []}, 400, "param groups []"),
        ({"formula": ["Li"]}, {"groups": "phases"}, 400, "param groups 'phases'"),
        ({"formula": ["Li"]}, {"groups": [["phases"]]}, 400, "param groups [['phases']]"),
    ],
)  # fmt: skip
def test_refusals(columns, params, status, message):
    with pytest.raises(RequestError) as refusal:
        check_request(columns, params, Limits(rows=5, formula_characters=15))
    assert refusal.value.status == status
    assert message in str(refusal.value)


def test_conditions_of_rows_are_those_of_python():
    request = check_request(
        {"formula": TEXTS, "temperature_k": [300, 310, 320, None], "mobile_ion": [None] * 4},
        {"groups": ["conductivity"]},
        Limits(),
    )
    model = load_model()
    rows = answer(request, model)
    for row, text, kelvin in zip(rows, TEXTS, [300, 310, 320, 298.15], strict=True):
        alone = predict_rows(text, temperature_k=kelvin, model=model)[0]
        assert row["temperature_k"] == (None if row["error"] else kelvin)
        assert row["log10_conductivity"] == pytest.approx(alone["log10_conductivity"], abs=1e-9)
        assert row["stable_probability"] is None


def test_mlflow_serves_what_python_predicts(served, bundle):
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.exceptions import MlflowException

    model = mlflow.pyfunc.load_model(str(served))
    rows = model.predict(pd.DataFrame({"formula": TEXTS}), params={"temperature_k": 330})
    assert rows == predict_rows(TEXTS, temperature_k=330.0, model=load_model(bundle))
    json.dumps(rows, allow_nan=False)
    assert set(model.metadata.get_output_schema().input_names()) == set(SCORE_CARD)
    with pytest.raises(MlflowException, match="row 0, temperature 900"):
        model.predict(pd.DataFrame({"formula": ["LiF"], "temperature_k": [900.0]}))


def test_the_logged_model_needs_no_installed_mlsse(served, tmp_path):
    code = (
        "import sys, pandas, mlflow.pyfunc\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        here = any(part.startswith({str(served)!r}) for part in sys.path)\n"
        "        if name == 'mlsse' and not here: raise ImportError(name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        f"model = mlflow.pyfunc.load_model({str(served)!r})\n"
        "import mlsse\n"
        "row = model.predict(pandas.DataFrame({'formula': ['LiF']}))[0]\n"
        "print(mlsse.__file__, row['model_version'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    file, version = done.stdout.split()
    assert file.startswith(str(served))
    assert version == load_model(served / "artifacts" / "bundle").version
