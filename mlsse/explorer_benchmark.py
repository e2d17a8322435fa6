"""How fast and how steady the explorer is with many visitors, and what it refuses.

The server runs on this machine as `mlsse explore` starts it, the visitors on loopback beside it.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from mlsse.errors import ServerError
from mlsse.explorer_load import (
    ACTS,
    CALLBACK_PATH,
    Page,
    Visits,
    predicting,
    shows_error,
    uploading,
    visit,
)
from mlsse.paths import resource_folder
from mlsse.payloads import JSON
from mlsse.serving_load import Answer, Asked, Client, free_port, running
from mlsse.speed import generated_formulas

_log = logging.getLogger(__name__)

MINUTES = 2.0
_VISITORS = 20
_PAUSE_SECONDS = 2.0
_N_ONE = 100
_N_TEXTS = 1000
_N_SCREENED = 1000
_FULL_SHARE = 0.1  # of the time, without pauses
_MIB = 2**20


def measure(minutes: float | None = None) -> dict[str, dict[str, Any]]:
    """Run all protocols of the benchmark of the explorer with the shipped model.

    Parameters
    ----------
    minutes : float, optional
        Length of the load of twenty visitors; 2 by default.

    Returns
    -------
    dict
        Metrics of ``one_formula``, ``twenty_visitors``, ``twenty_without_pause`` and ``hostile``
        by name.

    Raises
    ------
    ServerError
        If the explorer does not start, or breaks off.
    """
    seconds = 60 * (MINUTES if minutes is None else minutes)
    texts, port = generated_formulas(_N_TEXTS), free_port()
    with TemporaryDirectory() as temporary:
        screen = Path(temporary) / "screen"
        _write_screen(screen, texts[:_N_SCREENED])
        with running(command(port, screen), port):
            _log.info("warming up: every act once")
            warm_up(port, texts)
            _log.info("one_formula: %d requests", _N_ONE)
            one = one_formula(port, texts[:_N_ONE])
            _log.info("twenty_visitors: %g s", seconds)
            twenty = visitors(port, texts, seconds=seconds, pause_seconds=_PAUSE_SECONDS)
            _log.info("twenty_without_pause: %g s", _FULL_SHARE * seconds)
            full = visitors(port, texts, seconds=_FULL_SHARE * seconds, pause_seconds=0.0)
            _log.info("hostile")
            refused = hostile(port)
    return {
        "one_formula": one,
        "twenty_visitors": twenty,
        "twenty_without_pause": full,
        "hostile": refused,
    }


def command(port: int, screen: Path) -> list[str]:
    """``mlsse explore`` of the shipped model."""
    where = ["--port", str(port), "--screen", str(screen)]
    bundle = resource_folder("models") / "champion"
    return [sys.executable, "-m", "mlsse", "explore", "--model", str(bundle), *where]


def _write_screen(folder: Path, texts: Sequence[str]) -> None:
    """A screen of formulas, for the view of screens."""
    from mlsse.screening import screen

    file = folder.with_suffix(".csv")
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([["formula"], *([text] for text in texts)])
    screen(file, folder, workers=1)


def warm_up(port: int, texts: Sequence[str]) -> None:
    """Do every act once: what a page computes at first use is kept.

    Raises
    ------
    ServerError
        If an act fails.
    """
    page, client, rng, found = Page(port), Client(port), random.Random(0), Visits()
    for name, act in ACTS.items():
        found.note(name, act.steps(page, texts[0], rng), client)
    client.close()
    if failed := _failures(found):
        raise ServerError(f"the explorer does not answer as expected: {failed}")


def one_formula(port: int, texts: Sequence[str]) -> dict[str, Any]:
    """Time one visitor who enters formulas, one after the other.

    Returns
    -------
    dict
        Milliseconds from the button to the score card with what is known nearby, four requests.
    """
    page, client, found = Page(port), Client(port), Visits()
    for text in texts:
        found.note("one", predicting(page, text), client)
    client.close()
    if failed := _failures(found):
        raise ServerError(f"the explorer does not answer as expected: {failed}")
    taken = found.seconds["one"]
    return {
        "n": len(texts),
        "p50_ms": 1e3 * median(taken),
        **{f"p{share}_ms": 1e3 * _quantile(taken, share) for share in (95, 99)},
        "load_average": os.getloadavg()[0],
    }


def visitors(
    port: int, texts: Sequence[str], *, seconds: float, pause_seconds: float
) -> dict[str, Any]:
    """Let twenty visitors use all views at once.

    Returns
    -------
    dict
        ``n_acts`` and how many a second; milliseconds of an act, all and by kind, and of a
        request, of which an act has one to six; ``failed``, answers other than 200 or 204, and
        acts that showed an error, by name.
    """
    found = visit(port, texts, visitors=_VISITORS, seconds=seconds, pause_seconds=pause_seconds)
    taken = [value for values in found.seconds.values() for value in values]
    return {
        "visitors": _VISITORS,
        "seconds": seconds,
        "mean_pause_seconds": pause_seconds,
        "n_acts": len(taken),
        "acts_per_second": len(taken) / seconds,
        "n_requests": found.statuses.total(),
        "failed": _failures(found),
        "p50_ms": 1e3 * median(taken),
        **{f"p{share}_ms": 1e3 * _quantile(taken, share) for share in (95, 99)},
        "request_p95_ms": 1e3 * _quantile(found.request_seconds, 95),
        "p95_ms_by_act": {
            name: 1e3 * _quantile(values, 95) for name, values in sorted(found.seconds.items())
        },
        "load_average": os.getloadavg()[0],
    }


def _failures(found: Visits) -> dict[str, int]:
    statuses = {
        f"{name}, status {status}": count
        for (name, status), count in sorted(found.statuses.items())
        if status not in (200, 204)
    }
    errors = {f"{name}, error shown": n for name, n in sorted(found.errors.items()) if n}
    return statuses | errors


def hostile(port: int) -> dict[str, Any]:
    """Send what must be refused.

    Returns
    -------
    dict
        ``refused`` of ``n``, with a status from 400 to 499 and one line, or, of a file, with a
        message in the page; ``failures``, the others by name with their status; ``alive``,
        whether it answers afterwards.
    """
    page, failures = Page(port), {}
    requests, files = malformed_requests(page), hostile_files()
    for name, asked in requests.items():
        answer = _ask(port, asked)
        if not (400 <= answer.status < 500 and b"Traceback" not in answer.body):
            failures[name] = answer.status
    for name, (file, content) in files.items():
        answer = _ask(port, uploading(page, content, file))
        refused = answer.status == 200 and shows_error(answer.body)
        if not refused or b'"explorer-formulas"' in answer.body:
            failures[name] = answer.status
    n = len(requests) + len(files)
    alive = all(_ask(port, asked).status == 200 for asked in predicting(page, "Li6PS5Cl"))
    return {"n": n, "refused": n - len(failures), "failures": failures, "alive": alive}


def malformed_requests(page: Page) -> dict[str, Asked]:
    """Make requests that the page would not send, by what is wrong with them."""
    good = page.body("predict-text.value", {"explorer-formulas.data": ["Li3N"]})

    def sent(body: object) -> Asked:
        return Asked(json.dumps(body).encode(), path=CALLBACK_PATH)

    def raw(body: bytes, content_type: str | None = JSON, **headers: str) -> Asked:
        return Asked(body, content_type, CALLBACK_PATH, headers=headers)

    whole = json.dumps(good).encode()
    large = {"Content-Length": str(100 * 10**6 * 4 // 3)}
    return {
        "a list": sent([]),
        "null": sent(None),
        "a number": sent(3),
        "no output": sent({}),
        "unknown output": sent({**good, "output": "nothing.children"}),
        "output that is a list": sent({**good, "output": ["predict-text.value"]}),
        "no inputs": sent({**good, "inputs": []}),
        "inputs that are no list": sent({**good, "inputs": {"id": "a"}}),
        "inputs of another": sent({**good, "inputs": [{"id": "a", "property": "b"}]}),
        "inputs without names": sent({**good, "inputs": [{}]}),
        "state of another": sent({**good, "state": [{"id": "a", "property": "b"}]}),
        "no outputs": sent({**good, "outputs": []}),
        "outputs of another": sent({**good, "outputs": {"id": "a", "property": "b"}}),
        "changes that are a number": sent({**good, "changedPropIds": 1}),
        "no JSON": raw(b"{"),
        "empty body": raw(b""),
        "not UTF-8": raw(b'{"output": "\xff"}'),
        "deep JSON": raw(b"[" * 100_000),
        "no content type": raw(whole, None),
        "form": raw(whole, "application/x-www-form-urlencoded"),
        # Refused by its length alone, before any of it is read.
        "a file of 100 MB": raw(b"", **large),
        "foreign host": raw(whole, Host="example.org"),
        "other method": Asked(whole, path=CALLBACK_PATH, method="PUT"),
        "file outside the assets": Asked(b"", None, "/assets/..%2fapp.py", "GET"),
        "foreign package": Asked(b"", None, "/_dash-component-suites/os/path.js", "GET"),
    }


def hostile_files() -> dict[str, tuple[str, bytes]]:
    """Make files that must be refused with a message: name and content, by what is wrong."""
    return {
        "formula of a spreadsheet": ("a.csv", b'formula\n=HYPERLINK("http://example.org","x")\n'),
        "command of a spreadsheet": ("a.csv", b"formula\n@SUM(1+1)*cmd|' /C calc'!A0\n"),
        "10,000 columns": ("a.csv", b",".join([b"formula"] * 10_000)),
        "no column of formulas": ("a.csv", b"a,b\n1,2\n"),
        "binary": ("a.csv", b"\x00\x01\x02"),
        "not UTF-8": ("a.csv", b"formula\n\xff\n"),
        "empty": ("a.csv", b""),
        "4.5 MiB": ("a.csv", b"formula\n" + b"Li3N\n" * (_MIB * 9 // 10)),
        "too many rows": ("a.csv", b"formula\n" + b"Li3N\n" * 6000),
        "long formula": ("a.txt", b"Li" * 5000),
        "a page": ("a.html", b"<html>" + b"<script>alert(1)</script>" * 100),
    }


def _ask(port: int, asked: Asked) -> Answer:
    client = Client(port)
    answer = client.ask(asked)
    client.close()
    return answer


def _quantile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[round(percent / 100 * (len(values) - 1))]
