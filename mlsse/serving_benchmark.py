"""How fast, how steady and how true the server is, beside MLflow's own with an empty model.

All servers run on this machine with one worker, the client on loopback beside them. What is
compared is asked in turns, so that a busy machine slows both sides.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from mlsse.bundle import load_model
from mlsse.errors import ServerError
from mlsse.paths import resource_folder
from mlsse.prediction import COLUMN_GROUPS, SCORE_CARD, predict_rows
from mlsse.serving import model_signature, pip_requirements, save_served_model
from mlsse.serving_load import (
    EMPTY_MODEL,
    Answer,
    Asked,
    Client,
    asking,
    free_port,
    hostile_requests,
    load,
    mlflow_command,
    mlsse_command,
    running,
)
from mlsse.speed import generated_formulas

_log = logging.getLogger(__name__)

MIXED_MINUTES = 10.0
_GROUPS = ("conductivity", "stability")
_N_ONE = 400
_N_SAME = 500
_N_BATCH = 5000
_REPEATS = 3
_CLIENTS = 8
_BUSY_SECONDS = 10.0
_MEMORY_SAMPLE_SECONDS = 2.0


def measure(mixed_minutes: float | None = None) -> dict[str, dict[str, Any]]:
    """Run all protocols of the serving benchmark with the shipped model.

    Parameters
    ----------
    mixed_minutes : float, optional
        Length of the mixed load; 10 by default.

    Returns
    -------
    dict
        Metrics of ``start_up``, ``one_formula``, ``eight_clients``, ``batch_5000``,
        ``same_numbers``, ``hostile`` and ``mixed_load`` by name.
    """
    minutes = MIXED_MINUTES if mixed_minutes is None else mixed_minutes
    bundle = resource_folder("models") / "champion"
    with TemporaryDirectory() as temporary, ExitStack() as servers:
        served, empty = Path(temporary) / "served", Path(temporary) / "empty"
        save_served_model(bundle, served)
        save_empty_model(empty)
        ports = {name: free_port() for name in ("mlsse", "mlflow", "empty")}
        commands = {
            "mlsse": mlsse_command(ports["mlsse"], bundle),
            "mlflow": mlflow_command(ports["mlflow"], served),
            "empty": mlflow_command(ports["empty"], empty),
        }
        _log.info("start_up")
        starting = start_up(commands, ports, repeats=_REPEATS)
        for name, command in commands.items():
            servers.enter_context(running(command, ports[name]))
        texts = generated_formulas(_N_BATCH)
        _log.info("one_formula: %d requests to each server", _N_ONE)
        one = one_formula(ports, texts[:_N_ONE])
        _log.info("eight_clients: %g s for each server", _BUSY_SECONDS)
        eight = eight_clients(ports, texts, seconds=_BUSY_SECONDS)
        _log.info("batch_5000")
        batch = batches(ports["mlsse"], texts, repeats=_REPEATS)
        _log.info("same_numbers: %d formulas", _N_SAME)
        same = same_numbers(ports["mlsse"], texts[:_N_SAME], bundle)
        _log.info("hostile")
        refused = hostile(ports["mlsse"], ports["mlflow"])
        _log.info("mixed_load: %g minutes", minutes)
        mixed = mixed_load(ports["mlsse"], texts, seconds=60 * minutes)
    return {
        "start_up": starting,
        "one_formula": one,
        "eight_clients": eight,
        "batch_5000": batch,
        "same_numbers": same,
        "hostile": refused,
        "mixed_load": mixed,
    }


def save_empty_model(folder: Path) -> None:
    """Write an MLflow model of the same signature that computes nothing."""
    import mlflow.pyfunc

    with TemporaryDirectory() as temporary:
        code = Path(temporary) / "empty.py"
        code.write_text(EMPTY_MODEL)
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(code),
            signature=model_signature(),
            pip_requirements=pip_requirements(),
        )


def start_up(
    commands: dict[str, list[str]], ports: dict[str, int], *, repeats: int
) -> dict[str, Any]:
    """Time servers from their start to their first answer, one after the other.

    Returns
    -------
    dict
        Median seconds by server, and those of ``mlflow`` over those of ``empty``.
    """
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            with running(command, ports[name]) as seconds:
                taken[name].append(seconds)
    found = {f"{name}_seconds": median(values) for name, values in taken.items()}
    return {**found, "mlflow_over_empty": found["mlflow_seconds"] / found["empty_seconds"]}


def one_formula(ports: dict[str, int], texts: Sequence[str]) -> dict[str, Any]:
    """Time requests of one formula each, to the servers in turns.

    Returns
    -------
    dict
        ``p50_ms`` and ``p99_ms`` by server, and the medians of ``mlsse`` and ``mlflow`` over
        that of ``empty``.
    """
    clients = {name: Client(port) for name, port in ports.items()}
    taken: dict[str, list[float]] = {name: [] for name in ports}
    for client in clients.values():
        for text in texts[:20]:
            client.ask(asking([text], _GROUPS))
    for text in texts:
        for name, client in clients.items():
            taken[name].append(_answered(client.ask(asking([text], _GROUPS))).seconds)
    with_phases = [
        _answered(clients["mlsse"].ask(asking([text], tuple(COLUMN_GROUPS)))).seconds
        for text in texts
    ]
    for client in clients.values():
        client.close()
    p50 = {name: median(values) for name, values in taken.items()}
    return {
        "n": len(texts),
        **{f"{name}_p50_ms": 1e3 * value for name, value in p50.items()},
        **{f"{name}_p99_ms": 1e3 * _p99(values) for name, values in taken.items()},
        "mlsse_all_groups_p50_ms": 1e3 * median(with_phases),
        "mlsse_all_groups_p99_ms": 1e3 * _p99(with_phases),
        "mlsse_over_empty": p50["mlsse"] / p50["empty"],
        "mlflow_over_empty": p50["mlflow"] / p50["empty"],
    }


def eight_clients(ports: dict[str, int], texts: Sequence[str], *, seconds: float) -> dict[str, Any]:
    """Count the answers that eight clients at once get, one formula a request.

    Returns
    -------
    dict
        ``per_second`` and ``p99_ms`` by server, and ``failed``, answers other than 200.
    """
    found: dict[str, Any] = {"clients": _CLIENTS, "seconds": seconds, "failed": 0}

    def choose(rng: random.Random) -> tuple[str, Asked]:
        return "one", asking([rng.choice(texts)], _GROUPS)

    for name, port in ports.items():
        loaded = load(port, choose, clients=_CLIENTS, seconds=seconds)
        found[f"{name}_per_second"] = len(loaded.seconds) / seconds
        found[f"{name}_p99_ms"] = 1e3 * _p99(loaded.seconds)
        found["failed"] += loaded.answers.total() - len(loaded.seconds)
    return found


def batches(port: int, texts: Sequence[str], *, repeats: int) -> dict[str, Any]:
    """Time one request of many formulas: median seconds by groups of columns."""
    client = Client(port)
    found: dict[str, Any] = {"n": len(texts)}
    for label, groups in (("seconds", _GROUPS), ("all_groups_seconds", tuple(COLUMN_GROUPS))):
        asked = asking(texts, groups)
        found[label] = median(_answered(client.ask(asked)).seconds for _ in range(repeats))
    client.close()
    return found


def same_numbers(port: int, texts: Sequence[str], folder: Path) -> dict[str, Any]:
    """Compare the server, alone and in a batch, the command line and Python.

    Returns
    -------
    dict
        ``n``; the greatest absolute difference of any number from that of Python, by way; and
        ``other_differences``, cells that are no numbers and differ.
    """
    expected = predict_rows(texts, model=load_model(folder))
    client = Client(port)
    command = [sys.executable, "-m", "mlsse", "predict", "--file", "-", "--format", "json"]
    printed = subprocess.run(
        [*command, "--model", str(folder)],
        input="\n".join(texts).encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    ways = {
        "endpoint_batch": _rows(client.ask(asking(texts))),
        "endpoint_alone": [_rows(client.ask(asking([text])))[0] for text in texts],
        "command_line": json.loads(printed),
    }
    client.close()
    found: dict[str, Any] = {"n": len(texts), "other_differences": 0}
    for way, rows in ways.items():
        greatest = 0.0
        for row, known in zip(rows, expected, strict=True):
            for name in SCORE_CARD:
                if isinstance(row[name], float) and isinstance(known[name], float):
                    greatest = max(greatest, abs(row[name] - known[name]))
                else:
                    found["other_differences"] += row[name] != known[name]
        found[f"{way}_max_abs_difference"] = greatest
    return found


def hostile(port: int, plain_port: int) -> dict[str, Any]:
    """Send what must be refused to our server, and to plain MLflow for comparison.

    Returns
    -------
    dict
        ``refused`` of ``n`` with 4xx and one clean line; ``failures``, the others by name; by
        name what plain MLflow answers: status, and whether it shows a trace or a path. Status 0
        is a connection that was closed.
    """
    requests = hostile_requests()
    plain, failures = {}, {}
    for name, asked in requests.items():
        answer = _ask_once(port, asked)
        if not (400 <= answer.status < 500 and is_clean(answer.body)):
            failures[name] = answer.status
        answer = _ask_once(plain_port, asked)
        shows = [] if is_clean(answer.body) or answer.status == 200 else ["trace, path or lines"]
        plain[name] = ", ".join([str(answer.status), *shows])
    alive = _ask_once(port, asking(["Li6PS5Cl"])).status == 200
    return {
        "n": len(requests),
        "refused": len(requests) - len(failures),
        "alive": alive,
        "failures": failures,
        "plain_mlflow": plain,
    }


def is_clean(body: bytes) -> bool:
    """Whether an answer is one line without stack trace or path of this machine."""
    text = body.decode(errors="replace").strip()
    message = text
    try:
        document = json.loads(text)
    except ValueError:
        pass
    else:
        if not isinstance(document, dict) or "stack_trace" in document:
            return False
        message = str(document.get("message", ""))
    return (
        bool(message)
        and "\n" not in message
        and "Traceback" not in message
        and not any(part in message for part in (sys.prefix, "site-packages", ".py"))
    )


def mixed_load(port: int, texts: Sequence[str], *, seconds: float) -> dict[str, Any]:
    """Ask what is valid, invalid and oversized, mixed, for a time.

    The caches are filled before the clock runs, by a tenth of the time and every formula once.

    Returns
    -------
    dict
        ``minutes``, ``answers`` by kind and status, ``n_5xx``, ``n_broken`` connections, resident
        memory in MiB before and after, each the median of a tenth of the time, and its growth.
    """
    invalid = {name: asked for name, asked in hostile_requests().items() if name != "large body"}
    oversized = [Asked(b" " * 8 * 2**20), asking(["LiF"] * 11_000)]

    def choose(rng: random.Random) -> tuple[str, Asked]:
        draw = rng.random()
        if draw < 0.6:
            return "one formula", asking([rng.choice(texts)])
        if draw < 0.7:
            return "fifty formulas", asking(rng.sample(texts, 50))
        if draw < 0.72:
            return "thousand formulas", asking(rng.sample(texts, 1000))
        if draw < 0.97:
            return "invalid", rng.choice(list(invalid.values()))
        return "oversized", rng.choice(oversized)

    _answered(_ask_once(port, asking(texts)))
    load(port, choose, clients=_CLIENTS, seconds=seconds / 10)
    memory: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, port, choose, clients=_CLIENTS, seconds=seconds)
        end = monotonic() + seconds
        while monotonic() < end:
            memory.append(_memory_mib(port))
            try:
                loading.result(timeout=min(_MEMORY_SAMPLE_SECONDS, seconds / 30))
            except TimeoutError:
                continue
        answers = loading.result().answers
    tenth = max(1, len(memory) // 10)
    before, after = median(memory[:tenth]), median(memory[-tenth:])
    return {
        "minutes": seconds / 60,
        "answers": {f"{kind}, {status}": n for (kind, status), n in sorted(answers.items())},
        "n_5xx": sum(n for (_, status), n in answers.items() if status >= 500),
        "n_broken": sum(n for (_, status), n in answers.items() if status == 0),
        "memory_before_mib": before,
        "memory_after_mib": after,
        "memory_growth": after / before - 1.0,
        "load_average": os.getloadavg()[0],
    }


def _memory_mib(port: int) -> float:
    answer = _answered(_ask_once(port, Asked(b"", None, "/metrics", "GET")))
    for line in answer.body.decode().splitlines():
        if line.startswith("process_resident_memory_bytes "):
            return float(line.split()[1]) / 2**20
    raise ServerError("the server knows its memory on Linux alone: run the benchmark there")


def _ask_once(port: int, asked: Asked) -> Answer:
    client = Client(port)
    answer = client.ask(asked)
    client.close()
    return answer


def _answered(answer: Answer) -> Answer:
    if answer.status != 200:
        raise ServerError(f"status {answer.status}: {answer.body[:200]!r}")
    return answer


def _rows(answer: Answer) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_answered(answer).body)["predictions"]
    return rows


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]
