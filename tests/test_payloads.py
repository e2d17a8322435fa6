"""Payloads: every form says the same, and what is wrong is said in one line."""

from __future__ import annotations

import json

import pytest

from mlsse.errors import RequestError
from mlsse.payloads import CSV, JSON, read_payload

COLUMNS = {"formula": ["Li2O", "NaCl"], "temperature_k": [350, None]}
RECORDS = [{"formula": "Li2O", "temperature_k": 350}, {"formula": "NaCl"}]
FORMS = {
    "dataframe_split": {"columns": ["formula", "temperature_k"], "index": [0, 1],
                        "data": [["Li2O", 350], ["NaCl", None]]},
    "dataframe_records": RECORDS,
    "inputs": COLUMNS,
    "instances": RECORDS,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_json_forms_say_the_same(form):
    body = json.dumps({form: FORMS[form], "params": {"mobile_ion": "Li"}}).encode()
    assert read_payload(body, JSON) == (COLUMNS, {"mobile_ion": "Li"})
    assert read_payload(b"\xef\xbb\xbf" + body, "Application/JSON; charset=UTF-8")[0] == COLUMNS


@pytest.mark.parametrize("form", ["inputs", "instances"])
def test_formulas_alone(form):
    assert read_payload(json.dumps({form: ["Li2O"]}).encode(), JSON) == ({"formula": ["Li2O"]}, {})


def test_csv_keeps_formulas_as_they_are():
    # pandas would read NaN, sodium nitride of a sort, as missing.
    body = b'formula,temperature_k,mobile_ion\r\nNaN,350,\r\n\r\n"Li2O",,Li\r\n'
    assert read_payload(body, CSV) == (
        {"formula": ["NaN", "Li2O"], "temperature_k": [350.0, None], "mobile_ion": [None, "Li"]},
        {},
    )


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"{}", None, 415, "content type None"),
        (b"{}", "text/plain", 415, "'text/plain'"),
        (b"{}", "application/json; charset=latin-1", 415, "charset=utf-8"),
        (b"\xff", JSON, 400, "byte 0"),
        (b"{", JSON, 400, "line 1 column 2"),
        (b"[" * 100_000, JSON, 400, "nested too deeply"),
        (b'{"inputs": [NaN]}', JSON, 400, "NaN is not JSON"),
        (b'{"inputs": [-Infinity]}', JSON, 400, "-Infinity is not JSON"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", JSON, 400, "not JSON"),
        (b"[]", JSON, 400, "no object"),
        (b"{}", JSON, 400, "0 payloads"),
        (b'{"inputs": [], "instances": []}', JSON, 400, "2 payloads"),
        (b'{"inputs": [], "a\\nb": 1}', JSON, 400, "unknown key 'a\\nb'"),
        (b'{"inputs": [], "params": 1}', JSON, 400, "params 1"),
        (b'{"inputs": 1}', JSON, 400, "inputs 1"),
        (b'{"dataframe_records": ["Li2O"]}', JSON, 400, "row 0 'Li2O'"),
        (b'{"dataframe_records": [{"formulas": 1}]}', JSON, 400, "unknown column 'formulas'"),
        (b'{"instances": [{"formula": "Li"}, 1]}', JSON, 400, "row 1 1"),
        (b'{"inputs": {"formula": "Li2O"}}', JSON, 400, "column formula 'Li2O'"),
        (b'{"dataframe_split": {"data": []}}', JSON, 400, "columns and data"),
        (b'{"dataframe_split": {"columns": 1, "data": []}}', JSON, 400, "to be lists"),
        (b'{"dataframe_split": {"columns": [], "data": [], "index": 1}}', JSON, 400, "to be lists"),
        (b'{"dataframe_split": {"columns": ["formula"], "data": [[]]}}', JSON, 400, "row 0"),
        (b'{"dataframe_split": {"columns": [["a"]], "data": []}}', JSON, 400, "unknown column"),
        (b'{"dataframe_split": {"columns": ["formula", "formula"], "data": []}}', JSON, 400,
         "twice"),
        (b"", CSV, 400, "CSV is empty"),
        (b"formula,x\n", CSV, 400, "unknown column 'x'"),
        (b"formula\na,b\n", CSV, 400, "line 2: 2 cells"),
        (b"formula,temperature_k\nLi,warm\n", CSV, 400, "line 2: temperature_k 'warm'"),
        (b"formula,temperature_k\nLi,nan\n", CSV, 400, "line 2: temperature_k 'nan'"),
        (b'formula\n"Li\n', CSV, 400, "not CSV"),
    ],
)  # fmt: skip
def test_refusals(body, content_type, status, message):
    with pytest.raises(RequestError) as refusal:
        read_payload(body, content_type)
    assert refusal.value.status == status
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300
