"""What a browser sends to have a callback run, checked before Dash reads it.

Dash trusts its own page and answers anything else with status 500 and a trace in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Where the page sends them.
PATH = "/_dash-update-component"


def fault_of(body: object, callbacks: Mapping[str, Any]) -> str:
    """Say what is wrong with a request, as decoded from JSON; empty if nothing is.

    Parameters
    ----------
    body : object
    callbacks : mapping
        Dash's ``callback_map``: by output, the inputs and the state of each callback. None has
        ids that stand for several elements.

    Returns
    -------
    str
    """
    if not isinstance(body, dict):
        return "expected an object"
    name = body.get("output")
    if not isinstance(name, str) or name not in callbacks:
        return "no callback has this output"
    for part, known in (("inputs", callbacks[name]["inputs"]), ("state", callbacks[name]["state"])):
        if _places(body.get(part, [])) != _places(known):
            return f"{part} are not those of the callback"
    outputs = body.get("outputs")
    if _places(outputs if isinstance(outputs, list) else [outputs]) != outputs_of(name):
        return "outputs are not those of the callback"
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(text, str) for text in changed):
        return "changedPropIds are no list of texts"
    return ""


def outputs_of(name: str) -> list[tuple[str, str]]:
    """Id and property of each output of a callback.

    >>> outputs_of("..a.children...b.value.."), outputs_of("a.children")
    ([('a', 'children'), ('b', 'value')], [('a', 'children')])
    """
    parts = name.strip(".").split("...") if name.startswith("..") else [name]
    return [(id_, property_) for id_, _, property_ in (part.rpartition(".") for part in parts)]


def _places(parts: object) -> list[tuple[str, str]] | None:
    """Id and property of each part; None where they are nothing of the kind."""
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return None
    places = [(part.get("id"), part.get("property")) for part in parts]
    return places if all(isinstance(text, str) for place in places for text in place) else None
