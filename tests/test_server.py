"""The server as a process: it starts, refuses what HTTP must, stops, and says what is wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPResponse

import pytest
import synthetic

from mlsse import server, tracking
from mlsse.errors import BundleError, ServerError
from mlsse.server import find_bundle, take_port
from mlsse.serving import save_served_model
from mlsse.serving_load import Asked, Client, asking, free_port, hostile_requests, running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server") / "bundle"
    synthetic.write(folder)
    return folder


@pytest.fixture(scope="module")
def port(bundle):
    """Port of a running server."""
    free = free_port()
    where = ["--port", str(free), "--model", str(bundle), "--max-seconds", "2"]
    with running([sys.executable, "-m", "mlsse", "serve", *where], free) as seconds:
        assert seconds < 60
        yield free


def send_raw(port, request):
    """Status and body of the answer to bytes sent as they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        return response.status, response.read().decode()


def post(headers, body=b'{"inputs": ["LiF"]}'):
    return b"POST /invocations HTTP/1.1\r\nConnection: close\r\n" + headers + b"\r\n" + body


HOST, TYPE = b"Host: localhost\r\n", b"Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(HOST + TYPE + b"Content-Length: 19\r\n"), 200),
        (post(TYPE + b"Content-Length: 19\r\n"), 400),
        (post(HOST + HOST + TYPE + b"Content-Length: 19\r\n"), 400),
        (post(HOST + b"Host: example.org\r\n" + TYPE + b"Content-Length: 19\r\n"), 400),
        (post(HOST + TYPE + b"Content-Length: 19\r\nContent-Length: 20\r\n"), 400),
        (post(HOST + TYPE + b"Content-Length: -1\r\n"), 400),
        (post(HOST + TYPE + b"Content-Length: 1" + b"0" * 12 + b"\r\n"), 413),
        (post(HOST + TYPE + b"Content-Length: 19\r\nTransfer-Encoding: chunked\r\n",
              b"13\r\n" + b'{"inputs": ["LiF"]}' + b"\r\n0\r\n\r\n"), 400),
        (post(HOST + TYPE + b"Transfer-Encoding: chunked\r\n",
              b"13\r\n" + b'{"inputs": ["LiF"]}' + b"\r\n0\r\n\r\n"), 200),
        (post(HOST + TYPE + b"Transfer-Encoding: chunked\r\n", b"zz\r\n"), 400),
        (post(HOST + TYPE + b"X : y\r\n"), 400),
        (post(HOST + TYPE + b"X: a\x00b\r\n"), 400),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404),
        (b"no HTTP at all\r\n\r\n", 400),
    ],
)  # fmt: skip
def test_tricks_with_headers(port, request_bytes, status):
    answered, body = send_raw(port, request_bytes)
    assert answered == status
    if status != 200:
        assert len(body.strip().splitlines()) == 1
        assert "Traceback" not in body
    assert Client(port).ask(asking(["LiF"])).status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_and_the_server_lives(port, chunked):
    client = Client(port)
    large = hostile_requests()["large body"]
    if chunked:
        large = Asked(iter([b" " * 2**20] * 100))
    answer = client.ask(large)
    assert answer.status == 413
    assert json.loads(answer.body)["message"].endswith("split the request")
    assert Client(port).ask(asking(["LiF"])).status == 200


def test_a_body_that_never_comes_is_given_up(port):
    request = post(HOST + TYPE + b"Content-Length: 100\r\n", b"{")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        answer = connection.recv(65536)
    assert b" 408 " in answer.splitlines()[0]


def test_it_stops_when_told_to(bundle):
    free = free_port()
    command = [sys.executable, "-m", "mlsse", "serve", "--port", str(free), "--model", str(bundle)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert f"http://127.0.0.1:{free}" in process.stderr.readline()
    while Client(free).ask(asking(["LiF"])).status != 200:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert "Traceback" not in log
    assert process.returncode in (0, -signal.SIGTERM)
    assert '"rows": 1' in log
    assert "LiF" not in log


def test_a_port_in_use_is_said_before_anything_is_loaded():
    with closing(take_port("127.0.0.1", 0)) as taken:
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {number} of 127.0.0.1 is in use.*--port"):
            take_port("127.0.0.1", number)


def test_an_unknown_host_is_said():
    with pytest.raises(ServerError, match=r"host 'no\.such\.host\.invalid'"):
        take_port("no.such.host.invalid", 0)


def test_a_bundle_is_found_in_its_folder_and_in_a_model_of_mlflow(bundle, tmp_path):
    assert find_bundle(str(bundle)) == bundle
    save_served_model(bundle, tmp_path / "model")
    assert find_bundle(str(tmp_path / "model")) == tmp_path / "model" / "artifacts" / "bundle"
    with pytest.raises(BundleError, match="no model bundle: name a folder"):
        find_bundle(str(tmp_path))
    with pytest.raises(BundleError, match="expected models:/mlsse@champion"):
        find_bundle("models:/other/1")


def test_without_a_registry_the_shipped_model_is_served():
    assert find_bundle(None) is None


def test_the_champion_of_the_registry_is_served(bundle, monkeypatch):
    fetched = []

    class Champion:
        number = 7

    monkeypatch.setattr(tracking, "champion", lambda: Champion)
    monkeypatch.setattr(tracking, "fetch_bundle", lambda number: fetched.append(number) or bundle)
    monkeypatch.setattr("mlsse.store.store_exists", lambda: True)
    assert [find_bundle(n) for n in (None, "models:/mlsse@champion", "models:/mlsse/3")] == [
        bundle
    ] * 3
    assert fetched == [7, 7, 3]
    monkeypatch.setattr(tracking, "champion", lambda: None)
    assert find_bundle(None) is None
    with pytest.raises(BundleError, match="no version was promoted"):
        find_bundle("models:/mlsse@champion")


def test_serving_nothing_is_an_error_of_one_line(tmp_path):
    command = [sys.executable, "-m", "mlsse", "serve", "--port", "0", "--model", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("mlsse: ")


def test_an_impossible_key_is_refused(monkeypatch):
    monkeypatch.setattr(server, "serve", lambda *_: pytest.fail("must not start"))
    from mlsse import cli

    for key in ("", "two words", "\xe9"):
        monkeypatch.setenv("MLSSE_API_KEY", key)
        with pytest.raises(SystemExit) as end:
            cli.main(["serve"])
        assert end.value.code == 1
