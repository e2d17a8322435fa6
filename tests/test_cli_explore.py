from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request

import pytest
import typer
from typer.testing import CliRunner

from mlsse import cli_explore
from mlsse.errors import ServerError

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(cli_explore.explore)


def test_help_tells_the_options():
    shown = CliRunner().invoke(app, ["--help"]).output
    for option in ("--port", "--host", "--model", "--screen", "--tracking-uri", "--open"):
        assert option in shown


def test_a_missing_extra_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlsse.explorer.app", None)
    with pytest.raises(ServerError, match=r"pip install 'mlsse\[explore\]'"):
        CliRunner().invoke(app, ["--port", "0"], catch_exceptions=False)


def test_the_command_loads_nothing_heavy():
    code = (
        "import sys, mlsse.cli_explore; "
        "print([m for m in ('dash', 'plotly', 'flask', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_port_in_use_is_told():
    pytest.importorskip("dash", reason="needs mlsse[explore]")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match="in use"):
            CliRunner().invoke(app, ["--port", str(port)], catch_exceptions=False)


def test_it_serves_until_told_to_stop(tmp_path):
    pytest.importorskip("dash", reason="needs mlsse[explore]")
    code = (
        "import typer; from mlsse.cli_explore import explore; "
        "a = typer.Typer(); a.command()(explore); a()"
    )
    environment = {
        name: value for name, value in os.environ.items() if name != "MLSSE_DATA_MIRROR"
    } | {"MLSSE_CACHE": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert address is not None, line
            with urllib.request.urlopen(address[0], timeout=30) as answer:
                assert answer.status == 200
                assert "Server" not in answer.headers
        finally:
            process.terminate()  # an interrupt is ignored in what a script runs in the background
            process.wait(timeout=30)
