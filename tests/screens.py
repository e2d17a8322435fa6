"""Screens made up by hand, written as `mlsse screen` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from mlsse.prediction import COLUMN_GROUPS
from mlsse.screen_store import Manifest, Totals, scores_schema, writable_screen, write_chunk


def card(formula: str, log10: float | None = -4.0, **others: Any) -> dict[str, Any]:
    """A row of the score card with an interval of one decade on both sides."""
    of_conductivity: dict[str, Any] = {}
    if log10 is not None:
        of_conductivity = {
            "log10_conductivity": log10,
            "log10_conductivity_lower": log10 - 1.0,
            "log10_conductivity_upper": log10 + 1.0,
            "conductivity_s_per_cm": 10.0**log10,
            "activation_energy_ev": 0.3,
        }
    return {
        "formula": formula,
        "reduced_formula": formula,
        "mobile_ion": "Li",
        "temperature_k": 298.15,
        **of_conductivity,
        "in_domain": True,
        "nearest_known_formula": "Li2O",
        "nearest_known_distance": 5.0,
        "e_hull_ev_per_atom": 0.0,
        "e_hull_source": "model",
        "stable_probability": 0.5,
        "metastable_probability": 0.8,
        "reduction_limit_v": 1.0,
        "oxidation_limit_v": 4.0,
        "warnings": [],
        **others,
    }


def write_screen(
    folder: Path,
    rows: list[dict[str, Any]],
    *,
    own: dict[str, pa.DataType] | None = None,
    columns: tuple[str, ...] = tuple(COLUMN_GROUPS),
    chunk_rows: int = 3,
    complete: bool = True,
) -> Path:
    """Write rows as a screen; the first is row 0 of the input."""
    schema = scores_schema(pa.schema(list((own or {}).items())))
    chunks = [rows[start : start + chunk_rows] for start in range(0, len(rows), chunk_rows)]
    manifest = Manifest(
        input_kind="csv", input_name="made up", input_sha256="0", formula_column="formula",
        own_columns=tuple(own or {}), columns=columns, temperature_k=298.15, ion=None,
        model_version="0", model_sha256="0", mlsse_version="0", chunk_rows=chunk_rows,
    )  # fmt: skip
    with writable_screen(folder, manifest, resume=False) as screen:
        for number, chunk in enumerate(chunks):
            start = number * chunk_rows
            numbered = [{"input_row": start + i, **row} for i, row in enumerate(chunk)]
            write_chunk(folder, number, pa.Table.from_pylist(numbered, schema=schema), [])
        if complete:
            screen.finish(Totals(len(rows), len(rows), 0, len(chunks)))
    return folder
