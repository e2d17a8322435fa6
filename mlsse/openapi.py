"""The published schema of the server."""

from __future__ import annotations

from typing import Any

import mlsse
from mlsse.prediction import COLUMN_GROUPS, IONS, SCORE_CARD
from mlsse.serving import BOOLEANS, DEFAULTS, INPUT_COLUMNS, LISTS, TEXTS, Limits
from mlsse.targets import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K

MODEL_HEADER = "X-Model-Version"
REQUEST_HEADER = "X-Request-ID"

Schema = dict[str, Any]


def openapi_document(model_version: str, limits: Limits) -> Schema:
    """Describe requests and answers, OpenAPI 3.1.

    Parameters
    ----------
    model_version : str
    limits : Limits

    Returns
    -------
    dict
    """
    invocations = {
        "summary": "Predict score-card rows of formulas",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _payload(limits)},
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "formula,temperature_k\nLi6PS5Cl,298.15\n",
                },
            },
        },
        "responses": _responses(
            {
                "type": "object",
                "required": ["predictions"],
                "properties": {"predictions": {"type": "array", "items": _score_card()}},
            },
            refusals=(400, 401, 408, 413, 415, 429),
        ),
    }
    anything: Schema = {"type": "object"}
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "mlsse", "version": mlsse.__version__, "x-model-version": model_version},
        "paths": {"/invocations": {"post": invocations}},
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"key": []}],
    }
    for path in ("/ping", "/health", "/version"):
        document["paths"][path] = {"get": {"responses": _responses(anything, refusals=(400, 401))}}
    metrics = _responses({"type": "string"}, refusals=(400, 401), media_type="text/plain")
    document["paths"]["/metrics"] = {"get": {"responses": metrics}}
    return document


def _payload(limits: Limits) -> Schema:
    formula = {"type": "string", "maxLength": limits.formula_characters}
    temperature = {
        "type": ["number", "null"],
        "minimum": MIN_TEMPERATURE_K,
        "maximum": MAX_TEMPERATURE_K,
    }
    ion = {"enum": [*IONS, None]}
    of_column: Schema = dict(zip(INPUT_COLUMNS, (formula, temperature, ion), strict=True))

    def rows_of(item: Schema) -> Schema:
        return {"type": "array", "maxItems": limits.rows, "items": item}

    row = {
        "type": "object",
        "required": ["formula"],
        "properties": of_column,
        "additionalProperties": False,
    }
    rows, formulas = rows_of(row), rows_of(formula)
    # JSON Schema cannot say that the columns are of one length; the server does.
    columns = {
        "type": "object",
        "required": ["formula"],
        "properties": {name: rows_of(values) for name, values in of_column.items()},
        "additionalProperties": False,
    }
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {
                "type": "array",
                "items": {"enum": list(INPUT_COLUMNS)},
                "contains": {"const": "formula"},
                "uniqueItems": True,
            },
            "index": {"type": "array"},
            "data": rows_of({"type": "array"}),
        },
        "additionalProperties": False,
    }
    params = {
        "type": ["object", "null"],
        "properties": {
            "temperature_k": {**temperature, "default": DEFAULTS["temperature_k"]},
            "mobile_ion": {**ion, "default": None},
            "groups": {
                "type": ["array", "null"],
                "minItems": 1,
                "items": {"enum": list(COLUMN_GROUPS)},
                "default": list(DEFAULTS["groups"]),
            },
        },
        "additionalProperties": False,
    }
    table = {"anyOf": [rows, formulas, columns]}
    forms = {
        "dataframe_split": split,
        "dataframe_records": rows,
        "inputs": table,
        "instances": table,
    }
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "properties": {name: form, "params": params},
                "additionalProperties": False,
            }
            for name, form in forms.items()
        ]
    }


def _score_card() -> Schema:
    def of(name: str) -> Schema:
        if name in LISTS:
            return {"type": "array", "items": {"type": "string"}}
        if name in TEXTS:
            return {"type": "string" if name == "formula" else ["string", "null"]}
        return {"type": ["boolean" if name in BOOLEANS else "number", "null"]}

    return {
        "type": "object",
        "required": list(SCORE_CARD),
        "properties": {name: of(name) for name in SCORE_CARD},
        "additionalProperties": False,
    }


def _responses(
    answer: Schema, *, refusals: tuple[int, ...], media_type: str = "application/json"
) -> Schema:
    headers = {
        MODEL_HEADER: {"required": True, "schema": {"type": "string"}},
        REQUEST_HEADER: {"required": True, "schema": {"type": "string"}},
    }
    refusal = {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
    }
    found: Schema = {
        "200": {
            "description": "The answer.",
            "headers": headers,
            "content": {media_type: {"schema": answer}},
        }
    }
    for status in refusals:
        found[str(status)] = {
            "description": "Refused, with one line that says why and what to do.",
            "headers": headers,
            "content": {"application/json": {"schema": refusal}},
        }
    return found
