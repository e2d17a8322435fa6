"""Visitors of the explorer without a browser: the requests that its page would send."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic, perf_counter, sleep
from typing import Any

from mlsse.errors import ServerError
from mlsse.serving_load import Asked, Client

CALLBACK_PATH = "/_dash-update-component"
_KELVIN = 298.15
_N_UPLOADED = 1000
_OPENED = (
    "/", "/arrhenius", "/voltage", "/interfaces", "/what-if", "/materials", "/elements", "/models",
    "/screen",
)  # fmt: skip


class Page:
    """The callbacks of the page, by what they fill.

    Parameters
    ----------
    port : int
        Of 127.0.0.1, where the explorer answers.

    Raises
    ------
    ServerError
        If it does not.
    """

    def __init__(self, port: int) -> None:
        client = Client(port)
        answer = client.ask(Asked(b"", None, "/_dash-dependencies", "GET"))
        client.close()
        if answer.status != 200:
            raise ServerError(f"no explorer at port {port}: status {answer.status}")
        self._callbacks: dict[str, dict[str, Any]] = {}
        for callback in json.loads(answer.body):
            for output in _parts(callback["output"]):
                self._callbacks[output] = callback

    def body(self, output: str, given: Mapping[str, Any], changed: str = "") -> dict[str, Any]:
        """What the page would send to have an output filled.

        Parameters
        ----------
        output : str
            ``id.property``.
        given : mapping of str to value
            Values of inputs and state, by ``id.property``; others are None.
        changed : str, optional
            The input that has changed.

        Returns
        -------
        dict
        """
        callback = self._callbacks[output]

        def filled(parts: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
            names = [f"{part['id']}.{part['property']}" for part in parts]
            return [
                {**part, "value": given.get(name)} for part, name in zip(parts, names, strict=True)
            ]

        outputs = [
            dict(zip(("id", "property"), name.rsplit(".", 1), strict=True))
            for name in _parts(callback["output"])
        ]
        return {
            "output": callback["output"],
            "outputs": outputs if callback["output"].startswith("..") else outputs[0],
            "inputs": filled(callback["inputs"]),
            "state": filled(callback["state"]),
            "changedPropIds": [changed] if changed else [],
        }

    def asking(self, output: str, given: Mapping[str, Any], changed: str = "") -> Asked:
        """The request of `body`."""
        return Asked(json.dumps(self.body(output, given, changed)).encode(), path=CALLBACK_PATH)


def _parts(output: str) -> list[str]:
    return output.strip(".").split("...") if output.startswith("..") else [output]


def predicting(page: Page, text: str) -> list[Asked]:
    """All that follows when a visitor enters a formula: the score card and what is known nearby."""
    formulas = {"explorer-formulas.data": [text], "predict-temperature.value": _KELVIN}
    return [
        page.asking("explorer-formulas.data", {"predict-text.value": text}, "predict-go.n_clicks"),
        page.asking("predict-text.value", formulas, "explorer-formulas.data"),
        page.asking("predict-table.children", formulas, "explorer-formulas.data"),
        page.asking(
            "predict-details.children",
            {**formulas, "predict-chosen.value": text},
            "predict-chosen.value",
        ),
    ]


def uploading(page: Page, content: bytes, name: str) -> Asked:
    """A file that is dropped on the page."""
    address = "data:text/csv;base64," + base64.b64encode(content).decode()
    given = {"predict-file.contents": address, "predict-file.filename": name}
    return page.asking("explorer-formulas.data", given, "predict-file.contents")


@dataclass(frozen=True)
class Act:
    """Something that visitors do.

    Attributes
    ----------
    share : float
        How often, beside the others.
    steps : callable
        From the page, a formula, and a source of chance: its requests, in order.
    """

    share: float
    steps: Callable[[Page, str, random.Random], list[Asked]]


def _open(page: Page, text: str, rng: random.Random) -> list[Asked]:
    given = {"explorer-location.pathname": rng.choice(_OPENED)}
    return [page.asking("explorer-content.children", given, "explorer-location.pathname")]


def _predict(page: Page, text: str, rng: random.Random) -> list[Asked]:
    return predicting(page, text)


def _of_formula(view: str) -> Callable[[Page, str, random.Random], list[Asked]]:
    def steps(page: Page, text: str, rng: random.Random) -> list[Asked]:
        given = {f"{view}-formula.value": text, "voltage-ion.value": "Li"}
        return [page.asking(f"{view}-plot.figure", given, f"{view}-formula.value")]

    return steps


def _interfaces(page: Page, text: str, rng: random.Random) -> list[Asked]:
    given = {"interfaces-formulas.value": text, "interfaces-kinds.value": ["cathode", "anode"]}
    return [page.asking("interfaces-plot.figure", given, "interfaces-formulas.value")]


def _slide(page: Page, text: str, rng: random.Random) -> list[Asked]:
    given = {
        "what_if-host.value": "Li7La3Zr2O12",
        "what_if-site.value": "Zr",
        "what_if-dopant.value": rng.choice(("Ta", "Nb", "Hf", "Ti")),
        "what_if-charges.value": "Nb=5, Ti=4",
        "what_if-temperature.value": _KELVIN,
    }
    steps = [page.asking("what_if-x.max", given, "what_if-dopant.value")]
    for place in range(5):
        moved = {**given, "what_if-x.value": 0.1 * place}
        steps.append(page.asking("what_if-facts.children", moved, "what_if-x.value"))
    return steps


def _map(page: Page, text: str, rng: random.Random) -> list[Asked]:
    given = {"materials-colour.value": "log10", "materials-formulas.value": text}
    return [page.asking("materials-map.figure", given, "materials-formulas.value")]


def _elements(page: Page, text: str, rng: random.Random) -> list[Asked]:
    given = {"elements-quantity.value": rng.choice(("compositions", "mean", "error"))}
    return [page.asking("elements-table.figure", given, "elements-quantity.value")]


def _screen(page: Page, text: str, rng: random.Random) -> list[Asked]:
    given = {
        "screen-x.value": "log10_conductivity",
        "screen-y.value": "oxidation_limit_v",
        "screen-oxidation.value": round(rng.uniform(1.5, 3.0), 1),
        "screen-only.value": [],
    }
    outputs = ("screen-scatter.figure", "screen-rows.children")
    return [page.asking(output, given, "screen-oxidation.value") for output in outputs]


def _upload(page: Page, text: str, rng: random.Random) -> list[Asked]:
    rows = [f"Li{7 - i / _N_UPLOADED:g}La3Zr2O12" for i in range(_N_UPLOADED)]
    given = {"explorer-formulas.data": rows, "predict-temperature.value": _KELVIN}
    content = "\n".join(["formula", *rows]).encode()
    return [
        uploading(page, content, "rows.csv"),
        page.asking("predict-table.children", given, "explorer-formulas.data"),
    ]


ACTS = {
    "open a view": Act(2, _open),
    "predict one formula": Act(6, _predict),
    "Arrhenius plot": Act(3, _of_formula("arrhenius")),
    "voltage staircase": Act(2, _of_formula("voltage")),
    "interface map": Act(1, _interfaces),
    "five moves of the slider": Act(2, _slide),
    "map of materials": Act(1, _map),
    "periodic table": Act(0.5, _elements),
    "filter a screen": Act(2, _screen),
    "1,000 rows of CSV": Act(0.5, _upload),
}


@dataclass
class Visits:
    """What visitors were answered.

    Attributes
    ----------
    statuses : Counter
        Of (act, HTTP status); 0 is a broken connection.
    errors : Counter
        Of acts for which the page showed an error message.
    seconds : dict of str to list of float
        By act, from its first request to its last answer.
    request_seconds : list of float
        Of each request.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    request_seconds: list[float] = field(default_factory=list)

    def note(self, name: str, steps: Sequence[Asked], client: Client) -> None:
        """Ask the steps of an act, one after the other, and note the answers."""
        start = perf_counter()
        for asked in steps:
            answer = client.ask(asked)
            self.statuses[name, answer.status] += 1
            self.errors[name] += shows_error(answer.body)
            self.request_seconds.append(answer.seconds)
        self.seconds.setdefault(name, []).append(perf_counter() - start)

    def add(self, other: Visits) -> None:
        """Add those of another visitor."""
        self.statuses += other.statuses
        self.errors += other.errors
        self.request_seconds += other.request_seconds
        for name, seconds in other.seconds.items():
            self.seconds.setdefault(name, []).extend(seconds)


def shows_error(body: bytes) -> bool:
    """Whether an answer puts an error message into the page."""
    # The place for the refusal of a large file is one as well, hidden until it is needed.
    return body.count(b'"message error"') > body.count(b'"predict-refusal"')


def visit(
    port: int, texts: Sequence[str], *, visitors: int, seconds: float, pause_seconds: float
) -> Visits:
    """Let visitors act for a time, each at random and one act after the other.

    Parameters
    ----------
    port : int
    texts : sequence of str
        Formulas to choose from.
    visitors : int
    seconds : float
    pause_seconds : float
        Mean pause after each act, in which a visitor looks; from half to one and a half of it.

    Returns
    -------
    Visits
    """
    page = Page(port)
    end = monotonic() + seconds
    names, shares = list(ACTS), [act.share for act in ACTS.values()]

    def one(seed: int) -> Visits:
        rng, client, found = random.Random(seed), Client(port), Visits()
        sleep(rng.uniform(0.0, pause_seconds))
        while monotonic() < end:
            (name,) = rng.choices(names, shares)
            found.note(name, ACTS[name].steps(page, rng.choice(texts), rng), client)
            sleep(rng.uniform(0.5, 1.5) * pause_seconds)
        client.close()
        return found

    total = Visits()
    with ThreadPoolExecutor(visitors) as pool:
        for found in pool.map(one, range(visitors)):
            total.add(found)
    return total
