"""From the body of a request to columns and params: strict JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from mlsse.errors import RequestError
from mlsse.serving import INPUT_COLUMNS, shortened

JSON, CSV = "application/json", "text/csv"
#: Keys of a JSON payload, of which it has exactly one, besides ``params``.
FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")

Columns = dict[str, list[Any]]


def read_payload(body: bytes, content_type: str | None) -> tuple[Columns, dict[str, Any]]:
    """Read a request in any of the forms that MLflow knows.

    Parameters
    ----------
    body : bytes
    content_type : str or None
        The header: ``application/json`` or ``text/csv``, UTF-8.

    Returns
    -------
    columns : dict of str to list
        Some of `INPUT_COLUMNS`; None where a row lacks one.
    params : dict

    Raises
    ------
    RequestError
        If the body is no such payload, with status 415 if it says so itself.

    Examples
    --------
    >>> read_payload(b'{"inputs": ["Li2O"], "params": {"temperature_k": 350}}', JSON)
    ({'formula': ['Li2O']}, {'temperature_k': 350})
    """
    kind = _media_type(content_type)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8 text: byte {error.start}") from None
    return (_read_csv(text), {}) if kind == CSV else _read_json(text)


def _media_type(content_type: str | None) -> str:
    kind, *parameters = (content_type or "").lower().split(";")
    if kind.strip() not in (JSON, CSV):
        raise RequestError(
            f"content type {shortened(content_type)}: expected {JSON} or {CSV}", status=415
        )
    for parameter in parameters:
        if parameter.strip().replace('"', "") not in ("", "charset=utf-8"):
            raise RequestError(
                f"content type {shortened(content_type)}: only charset=utf-8 is read", status=415
            )
    return kind.strip()


def _read_json(text: str) -> tuple[Columns, dict[str, Any]]:
    def refuse(constant: str) -> NoReturn:
        raise RequestError(f"{constant} is not JSON: write null for what is missing")

    try:
        document = json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise RequestError("the JSON is nested too deeply: expected a flat table") from None
    except RequestError:
        raise
    except ValueError as error:  # also a whole number of too many digits
        raise RequestError(f"the body is not JSON: {error}") from None
    expected = f"expected an object with one of {', '.join(FORMS)}, and params if wanted"
    if not isinstance(document, dict):
        raise RequestError(f"the JSON is no object: {expected}")
    for key in document:
        if key not in (*FORMS, "params"):
            raise RequestError(f"unknown key {shortened(key)}: {expected}")
    forms = [form for form in FORMS if form in document]
    if len(forms) != 1:
        raise RequestError(f"{len(forms)} payloads in the JSON: {expected}")
    params = document.get("params")
    if not isinstance(params, dict | None):
        raise RequestError(f"params {shortened(params)}: expected an object")
    form, table = forms[0], document[forms[0]]
    if form == "dataframe_split":
        return _from_split(table), params or {}
    if isinstance(table, dict) and form != "dataframe_records":
        return _from_columns(table), params or {}
    if not isinstance(table, list):
        raise RequestError(f"{form} {shortened(table)}: expected a list of rows")
    if table and not isinstance(table[0], dict) and form != "dataframe_records":
        return {"formula": table}, params or {}
    return _from_records(form, table), params or {}


def _from_split(table: object) -> Columns:
    if not isinstance(table, dict) or not {"columns", "data"} <= set(table) <= {
        "columns",
        "index",
        "data",
    }:
        raise RequestError(
            f"dataframe_split {shortened(table)}: expected an object of columns and data"
        )
    names, rows = table["columns"], table["data"]
    if not all(isinstance(part, list) for part in table.values()):
        raise RequestError("dataframe_split: expected columns, data and index to be lists")
    _check_names(names)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise RequestError(
                f"row {number} {shortened(row)}: expected a list of {len(names)}, one a column"
            )
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _from_columns(table: Mapping[str, Any]) -> Columns:
    _check_names(list(table))
    for name, values in table.items():
        if not isinstance(values, list):
            raise RequestError(f"column {name} {shortened(values)}: expected a list")
    return dict(table)


def _from_records(form: str, rows: list[Any]) -> Columns:
    present: dict[str, None] = {"formula": None}
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise RequestError(f"{form}, row {number} {shortened(row)}: expected an object")
        if not row.keys() <= present.keys():
            _check_names(list(row))
            present |= dict.fromkeys(row)
    return {name: [row.get(name) for row in rows] for name in present}


def _check_names(names: list[Any]) -> None:
    for name in names:
        if name not in INPUT_COLUMNS:
            raise RequestError(
                f"unknown column {shortened(name)}: expected {', '.join(INPUT_COLUMNS)}"
            )
    if len(set(names)) < len(names):
        raise RequestError(f"a column twice in {names}: give each once")


def _read_csv(text: str) -> Columns:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        if not names:
            raise RequestError("the CSV is empty: its first line names the columns, as formula")
        _check_names(names)
        columns: Columns = {name: [] for name in names}
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                raise RequestError(
                    f"line {reader.line_num}: {len(cells)} cells for {len(names)} columns"
                )
            for name, cell in zip(names, cells, strict=True):
                columns[name].append(_csv_value(name, cell, reader.line_num))
    except csv.Error as error:
        raise RequestError(f"the body is not CSV: line {reader.line_num}: {error}") from None
    return columns


def _csv_value(name: str, cell: str, line: int) -> str | float | None:
    if name == "formula":
        return cell
    if not cell:
        return None
    if name == "mobile_ion":
        return cell
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise RequestError(f"line {line}: {name} {shortened(cell)}: expected a number or nothing")
    return value
