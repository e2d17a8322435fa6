"""A tracking server backed by PostgreSQL: runs and models as with the sqlite file."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import tracked

from mlsse import tracking
from mlsse.bundle import load_model

_BINARIES = [Path("/usr/lib/postgresql/15/bin"), *Path("/usr/lib/postgresql").glob("*/bin")]
_BIN = next((folder for folder in _BINARIES if (folder / "initdb").is_file()), None)
_SECONDS = 90


def _missing() -> str:
    if _BIN is None:
        return "needs PostgreSQL: apt install postgresql"
    if importlib.util.find_spec("psycopg2") is None:
        return "needs psycopg2: pip install psycopg2-binary"
    if os.getuid() == 0 and not any(user.pw_name == "nobody" for user in pwd.getpwall()):
        return "PostgreSQL refuses root, and there is no user nobody to run it as"
    return ""


pytestmark = pytest.mark.skipif(bool(_missing()), reason=_missing() or "all is there")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"{process.args} did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


@contextmanager
def running(command: list[str], log: Path, ready: Callable[[], bool], **more: object):
    """Run a server for a while; it and its children end with the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **more)
    try:
        wait_for(ready, process, log)
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="module")
def database():
    """Address of a fresh database on a port of this machine."""
    assert _BIN is not None
    as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if not os.getuid() else {}
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if as_user:
        shutil.chown(folder, "nobody", "nogroup")
    data, port = folder / "data", free_port()
    try:
        subprocess.run(
            [_BIN / "initdb", "-D", data, "-U", "mlsse", "--auth=trust", "--no-sync", "-E", "UTF8"],
            check=True, capture_output=True, cwd=folder, **as_user,
        )  # fmt: skip
        command = [
            str(_BIN / "postgres"), "-D", str(data), "-k", str(folder), "-p", str(port),
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
        ]  # fmt: skip

        def ready() -> bool:
            asked = [str(_BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            return subprocess.run(asked).returncode == 0

        with (
            tempfile.TemporaryDirectory() as logs,
            running(command, Path(logs) / "log", ready, cwd=folder, **as_user),
        ):
            # Named with its driver: SQLAlchemy 2.1 would look for another one.
            yield f"postgresql+psycopg2://mlsse@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    """Address of a tracking server on the database."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database,
        "--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            with urlopen(f"{address}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    with running(command, folder / "log", ready, cwd=folder, env=environment):
        yield address


def test_the_life_of_a_model_on_a_server(server, database, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    for i in range(2):
        run_id, model = tracked.log(tmp_path / str(i), i, evidence=tracked.evidence())
        version = tracking.register(run_id, model.folder, tags={"trained": str(i)})
        tracking.promote(version.number, reason="better")
    names = [v.model_version for v in tracking.versions()]
    assert names == [load_model(tmp_path / str(i)).version for i in range(2)]
    assert tracking.champion().number == 2
    tracking.export(tmp_path / "out")
    assert load_model(tmp_path / "out").version == names[1]
    # What was fetched is kept, and fetched anew when it is damaged.
    kept = tracking.fetch_bundle(2)
    assert kept == tracking.open_store().folder / "bundles" / names[1]
    (kept / "stable.onnx").write_bytes(b"")
    assert load_model(tracking.fetch_bundle(2)).version == names[1]
    assert [path.name for path in kept.parent.iterdir()] == [names[1]]
    assert tracking.rollback().number == 1
    tracking.refuse(2, ["slow"])
    runs = tracking.runs()
    assert [run.model_version for run in runs] == names[::-1]
    assert runs[0].metrics["stability/random_held_out/stable_roc_auc"] > 0.5

    # What was said to the server is in the database, and a client of the database reads it.
    assert _BIN is not None
    counted = subprocess.run(
        [
            str(_BIN / "psql"), database.replace("+psycopg2", ""),
            "-Atc", "select count(*) from model_versions",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert counted.stdout == "2\n"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    assert tracking.champion().number == 1
    assert tracking.version(2).tags["refused_because"] == "slow"
