"""The command ``mlsse rank``."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import typer
from screens import card, write_screen
from typer.testing import CliRunner, Result

from mlsse import cli_rank
from mlsse.chances import WINDOW_ERROR_V
from mlsse.errors import ConditionError
from mlsse.ranking import KNOWN_DISTANCE, VARIANT_DISTANCE

APP = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
for command in cli_rank.COMMANDS:
    APP.command()(command)


@pytest.fixture
def screen(tmp_path: Path) -> Path:
    rows = [card("Li3N", -3.0), card("LiF", -5.0), card("Li10GeP2S12", -2.0)]
    return write_screen(tmp_path / "screen", rows)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in arguments])


def test_csv_to_standard_output(screen: Path) -> None:
    result = run(screen, "--where", "log10_conductivity > -4", "--exclude", "Ge, As")
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["formula"] for row in rows] == ["Li3N"]
    assert "mlsse: Rows that pass: 1." in result.stderr


def test_the_name_of_the_file_tells_the_format(screen: Path, tmp_path: Path) -> None:
    for name, start in (("a.html", "<!DOCTYPE"), ("a.md", "# Ranked"), ("a.csv", "rank,")):
        out = tmp_path / name
        assert run(screen, "--out", out).exit_code == 0
        assert out.read_text("utf-8").startswith(start)
    assert run(screen, "--out", tmp_path / "a.txt").exit_code == 2
    assert run(screen, "--out", tmp_path / "a.txt", "--format", "markdown").exit_code == 0
    assert run(screen, "--out", tmp_path / "absent" / "a.csv").exit_code == 2
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_refused_ranking_leaves_an_old_list_as_it_was(screen: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    out.write_text("old")
    result = run(screen, "--out", out, "--where", "log10_conductivty > -4")
    assert isinstance(result.exception, ConditionError)
    assert "did you mean log10_conductivity?" in str(result.exception)
    assert out.read_text() == "old"


def test_no_candidate_is_exit_code_2(screen: Path) -> None:
    result = run(screen, "--where", "log10_conductivity > 3")
    assert result.exit_code == 2
    assert "No row passes" in result.stderr


def test_every_option_reaches_the_ranking(screen: Path) -> None:
    result = run(
        screen, "--known", "no", "--known-distance", "9", "--top", 2, "--per-parent", 0,
        "--distance", "2", "--pareto", "--objective", "log10_conductivity:max", "--objective",
        "activation_energy_ev:min", "--window-error", "0.5", "--aim", "oxidation_limit_v > 4",
        "--format", "markdown",
    )  # fmt: skip
    assert result.exit_code == 2  # all of them are near to what is known
    assert "- new: 0" in result.stdout.replace("\\", "") or "new: 0" in result.stdout
    assert "0.5 V" in result.stdout.replace("\\", "")


def test_help_tells_the_defaults() -> None:
    text = " ".join(run("--help").stdout.split())
    assert f"[default: {KNOWN_DISTANCE:g}]" in text
    assert f"[default: {VARIANT_DISTANCE:.1f}]" in text
    assert f"[default: {WINDOW_ERROR_V:g}]" in text
