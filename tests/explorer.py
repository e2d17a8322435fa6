"""The explorer without a browser: its callbacks asked as the page would."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pandas as pd

from mlsse.bundle import champion
from mlsse.compositions import composition_vectors
from mlsse.explorer.context import Context, Measured


@lru_cache(maxsize=1)
def invented_measurements() -> Measured:
    """A value of two known compositions of the shipped model, one of them a bound."""
    model = champion()
    formulas = [model.known_formula(0), model.known_formula(0), model.known_formula(1)]
    table = pd.DataFrame(
        {
            "formula": formulas,
            "log10_conductivity": [-4.0, -3.0, -9.0],
            "conductivity_s_per_cm": [1e-4, 1e-3, 1e-9],
            "temperature_k": [298.15, 350.0, 298.15],
            "censored": ["none", "none", "upper"],
            "doi": ["10.1000/one|10.1000/two", "10.1000/one", ""],
            "source": ["obelix", "liverpool", "reviews"],
        }
    )
    return Measured(table, composition_vectors(table["formula"]))


@lru_cache(maxsize=1)
def context() -> Context:
    return Context(champion(), invented_measurements())


@lru_cache(maxsize=1)
def context_without_data() -> Context:
    return Context(champion(), None, "fetch them")


def ask(app: Any, output: str, given: dict[str, Any], changed: str = "") -> dict[str, Any]:
    """Call the callback that fills an output; what is not given is None.

    Returns the new properties by ``id.property``.
    """
    (key,) = [name for name in app.callback_map if output in name.strip(".").split("...")]
    call = app.callback_map[key]

    def filled(parts: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{**part, "value": given.get(f"{part['id']}.{part['property']}")} for part in parts]

    outputs = [
        dict(zip(("id", "property"), name.rsplit(".", 1), strict=True))
        for name in key.strip(".").split("...")
    ]
    body = {
        "output": key,
        "outputs": outputs if key.startswith("..") else outputs[0],
        "inputs": filled(call["inputs"]),
        "state": filled(call["state"]),
        "changedPropIds": [changed] if changed else [],
    }
    response = app.server.test_client().post("/_dash-update-component", json=body)
    if response.status_code == 204:
        return {}
    assert response.status_code == 200, response.get_data(as_text=True)
    answer = json.loads(response.get_data())
    return {
        f"{id_}.{name}": value
        for part in (answer["response"], answer.get("sideUpdate", {}))
        for id_, properties in part.items()
        for name, value in properties.items()
    }


def words(component: Any) -> str:
    """All text of a component, in order."""
    if isinstance(component, dict):
        return words(component.get("props", component).get("children"))
    if isinstance(component, list):
        return " ".join(words(part) for part in component)
    return "" if component is None else str(component)
