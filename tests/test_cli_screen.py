"""The command that screens."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from mlsse.cli_screen import screen
from mlsse.errors import ScreenInputError
from mlsse.screen_store import open_screen


def run(*words):
    app = typer.Typer()
    app.command()(screen)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_screen_and_going_on(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out"
    path.write_text("name,id\nLi2O,1\nXx,2\nLi3PS4,3\n")
    words = [path, "--out", out, "--columns", "stability, phases", "--workers", "1"]
    words += ["--formula-column", "name", "--chunk-rows", "2", "--temperature", "330"]
    done = run(*words)
    assert done.exit_code == 0
    assert done.stdout == f"{out}: 2 of 3 rows scored, 1 bad ones in {out / 'errors'}\n"
    assert "rows/s in this run" in done.stderr
    manifest = open_screen(out).manifest
    assert manifest.columns == ("stability", "phases")
    assert manifest.temperature_k == 330.0
    again = run(*words)
    assert isinstance(again.exception, ScreenInputError)  # what mlsse.cli prints in one line
    assert run(*words, "--resume").stdout == done.stdout


def test_no_usable_row_is_exit_code_2(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("Xx\n")
    done = run(path, "--out", tmp_path / "out", "--columns", "stability", "--workers", "1")
    assert done.exit_code == 2
    assert "0 of 1 rows scored" in done.stdout


def test_plain_text_comes_through_standard_input(tmp_path, monkeypatch):
    app = typer.Typer()
    app.command()(screen)
    words = ["-", "--out", str(tmp_path / "out"), "--columns", "stability", "--workers", "1"]
    assert CliRunner().invoke(app, words, input="Li2O\nLi2S\n").exit_code == 0
    assert open_screen(tmp_path / "out").manifest.totals.scored == 2
