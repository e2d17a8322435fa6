"""The command that makes candidates."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mlsse import cli_candidates

RECIPE = str(Path(__file__).parents[1] / "experiments" / "recipes" / "antiperovskites.toml")
HEADER = "formula,parent,recipe,substitution"


@pytest.fixture
def run():
    """Run the command with arguments."""
    app = typer.Typer()
    app.command()(cli_candidates.candidates)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


def test_count(run):
    result = run(RECIPE, "--count")
    assert (result.exit_code, result.stdout) == (0, "931\n")


def test_csv_on_standard_output(run):
    result = run(RECIPE, "--limit", 2)
    assert result.stdout.splitlines() == [
        HEADER,
        "Li3OCl,Li3OCl,antiperovskites,none",
        "Li3OCl0.95Br0.05,Li3OCl,antiperovskites,Cl->Br x=0.05",
    ]


def test_files(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("a.csv", "a.parquet"):
        result = run(RECIPE, "--out", tmp_path / name)
        assert result.exit_code == 0
        assert "931 candidates in" in result.stderr
    with (tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 931
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "a.parquet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "--limit", "3"], "give no --out"),
        (["--out", "a.xlsx"], "end in .csv or .parquet"),
        (["--out", "no/such/folder/a.csv"], "does not exist"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_wrong_arguments(run, arguments, message):
    result = run(RECIPE, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", "").split())


def test_a_recipe_without_candidates(run, tmp_path):
    recipe = tmp_path / "none.toml"
    recipe.write_text(
        'name = "none"\n[[series]]\nparents = ["Li3YCl6"]\nlimits = {Li = [9, 9]}\n'
        'substitutions = [{site = "Y", by = "Sc", x = [0.1, 0.2]}]\n'
    )
    for arguments in (["--count"], []):
        result = run(recipe, *arguments)
        assert result.exit_code == 2
        assert "no candidate: widen x or the limits" in result.stderr


def test_a_full_disk_leaves_what_was_there(run, tmp_path, monkeypatch):
    def full(batches, stream):
        stream.write(HEADER)
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "a.csv"
    out.write_text("old")
    monkeypatch.setattr(cli_candidates, "_write_csv", full)
    result = run(RECIPE, "--out", out)
    assert result.exit_code == 1
    assert "cannot write" in result.stderr
    assert "No space left on device" in result.stderr
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
