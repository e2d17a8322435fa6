"""Servers in processes of their own, and clients that ask them: the means of the benchmark."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import IO

from mlsse.errors import ServerError
from mlsse.payloads import CSV, JSON

_START_SECONDS = 120.0
_STOP_SECONDS = 15.0
_ANSWER_SECONDS = 60.0

EMPTY_MODEL = """\
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Empty(PythonModel):
    def predict(self, context, model_input: pd.DataFrame, params=None):
        return [{"formula": text} for text in model_input["formula"]]


set_model(Empty())
"""


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes
    ----------
    body : bytes or iterator of bytes
        Parts are sent chunked.
    content_type : str or None
    path, method : str
    headers : mapping of str to str
        More of them.
    """

    body: bytes | Iterator[bytes]
    content_type: str | None = JSON
    path: str = "/invocations"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer: HTTP status (0 where the connection broke), body, and seconds until then."""

    status: int
    body: bytes
    seconds: float


class Client:
    """A connection that is kept open, and opened again where the server closes it.

    Parameters
    ----------
    port : int
        Of 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)

    def ask(self, asked: Asked) -> Answer:
        """Send a request and read the whole answer."""
        headers = dict(asked.headers)
        if asked.content_type is not None:
            headers["Content-Type"] = asked.content_type
        start = perf_counter()
        try:
            self._connection.request(asked.method, asked.path, asked.body, headers)
            response = self._connection.getresponse()
            body, status = response.read(), response.status
        except (OSError, HTTPException):
            self._connection.close()
            body, status = b"", 0
        return Answer(status, body, perf_counter() - start)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[float]:
    """Run a server until the block ends.

    Parameters
    ----------
    command : sequence of str
    port : int
        Where it answers ``/ping``.

    Yields
    ------
    float
        Seconds from its start to its first answer.

    Raises
    ------
    ServerError
        If it ends, or does not answer in two minutes.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    start = monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": path},
            start_new_session=True,
        )
        try:
            _wait_for(process, port, start, log)
            yield monotonic() - start
        finally:
            _stop(process)


def _wait_for(process: subprocess.Popen[bytes], port: int, start: float, log: IO[bytes]) -> None:
    while Client(port).ask(Asked(b"", None, "/ping", "GET")).status != 200:
        if process.poll() is not None or monotonic() - start > _START_SECONDS:
            log.seek(0)
            last = log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise ServerError(f"the server at port {port} does not answer: {' '.join(last)}")
        sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and what it has started: MLflow runs its server in a process below."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(_STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody has at the moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def mlsse_command(port: int, folder: Path) -> list[str]:
    """``mlsse serve`` of a bundle."""
    where = ["--port", str(port), "--model", str(folder)]
    return [sys.executable, "-m", "mlsse", "serve", *where]


def mlflow_command(port: int, folder: Path) -> list[str]:
    """``mlflow models serve`` of a model in MLflow's format."""
    where = ["--port", str(port), "--host", "127.0.0.1", "--env-manager", "local"]
    return [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder), *where]


def asking(texts: Sequence[str], groups: Sequence[str] | None = None) -> Asked:
    """Ask for formulas, and for some groups of columns."""
    table = {"columns": ["formula"], "data": [[text] for text in texts]}
    document: dict[str, object] = {"dataframe_split": table}
    if groups is not None:
        document["params"] = {"groups": list(groups)}
    return Asked(json.dumps(document).encode())


def hostile_requests() -> dict[str, Asked]:
    """Make requests that must be refused, by what is wrong with them."""

    def inputs(value: str) -> Asked:
        return Asked(f'{{"inputs": {{"formula": [{value}]}}}}'.encode())

    good = asking(["Li6PS5Cl"]).body
    return {
        "no content type": Asked(good, None),
        "wrong content type": Asked(good, "text/plain"),
        "strange charset": Asked(good, JSON + "; charset=utf-7"),
        "JSON called CSV": Asked(good, CSV),
        "no JSON": Asked(b"{"),
        "empty body": Asked(b""),
        "not UTF-8": Asked(b'{"inputs": ["\xff"]}'),
        "a list": Asked(b"[1]"),
        "unknown key": Asked(b'{"messages": []}'),
        "two payloads": Asked(b'{"inputs": ["Li2O"], "instances": ["Li2O"]}'),
        "deep JSON": Asked(b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "deep formula": inputs("[" * 500 + "]" * 500),
        "no formula column": Asked(b'{"inputs": {"formulas": ["Li2O"]}}'),
        "NaN": inputs("NaN"),
        "null": inputs("null"),
        "number": inputs("3.5"),
        "whole number": inputs("3"),
        "huge number": inputs("9" * 5000),
        "truth value": inputs("true"),
        "object": inputs("{}"),
        "long formula": inputs('"' + "Li" * 5000 + '"'),
        "cold": Asked(b'{"inputs": ["Li2O"], "params": {"temperature_k": -5}}'),
        "infinite temperature": Asked(b'{"inputs": ["Li2O"], "params": {"temperature_k": 1e999}}'),
        "unknown group": Asked(b'{"inputs": ["Li2O"], "params": {"groups": ["all"]}}'),
        "ragged CSV": Asked(b"formula,temperature_k\nLi2O\n", CSV),
        "too many rows": asking(["LiF"] * 20_000),
        "large body": Asked(b" " * 100_000_000),
        "foreign host": Asked(good, headers={"Host": "example.org"}),
        "compressed": Asked(good, headers={"Content-Encoding": "gzip"}),
        "long header": Asked(good, headers={"X-Long": "x" * 100_000}),
        "other path": Asked(good, path="/invocations/../metrics"),
        "other method": Asked(good, method="PUT"),
    }


@dataclass
class Load:
    """What clients were answered.

    Attributes
    ----------
    answers : Counter
        Of (kind of request, HTTP status).
    seconds : list of float
        Of each answer with status 200.
    """

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def load(
    port: int,
    choose: Callable[[random.Random], tuple[str, Asked]],
    *,
    clients: int,
    seconds: float,
) -> Load:
    """Let clients ask one request after the other for a time.

    Parameters
    ----------
    port : int
    choose : callable
        Makes the next request and names its kind.
    clients : int
    seconds : float

    Returns
    -------
    Load
    """
    end = monotonic() + seconds

    def one_client(seed: int) -> Load:
        rng, client, found = random.Random(seed), Client(port), Load()
        while monotonic() < end:
            kind, asked = choose(rng)
            answer = client.ask(asked)
            found.answers[kind, answer.status] += 1
            if answer.status == 200:
                found.seconds.append(answer.seconds)
        client.close()
        return found

    total = Load()
    with ThreadPoolExecutor(clients) as pool:
        for found in pool.map(one_client, range(clients)):
            total.answers += found.answers
            total.seconds += found.seconds
    return total
