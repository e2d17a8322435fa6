"""The commands that write reports, the model card and the data sheet."""

from __future__ import annotations

import pytest
import screens
import typer
from pages import check_page
from typer.testing import CliRunner

from mlsse import cli_report
from mlsse.data_sheet import data_sheet
from mlsse.errors import ConditionError
from mlsse.model_card import model_card


def run(*words):
    return CliRunner().invoke(cli_report.report_app, [str(word) for word in words])


def run_alone(command, *words):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_prediction_with_figures(tmp_path):
    out, figures = tmp_path / "report.html", tmp_path / "figures"
    done = run("prediction", "Li3PS4", "Xx", "--celsius", 60, "--out", out, "--figures", figures)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{out}: 0.")
    assert f"{figures}: 8 files of 4 figures" in done.stdout
    check_page(out.read_text("utf-8"))
    assert "at 333.15 K" in out.read_text("utf-8")
    assert {path.suffix for path in figures.iterdir()} == {".png", ".svg"}


def test_formulas_of_a_file_and_none_that_can_be_used(tmp_path):
    file, out = tmp_path / "formulas.txt", tmp_path / "report.html"
    file.write_text("# mine\nXx\n")
    done = run("prediction", "--file", file, "--out", out)
    assert isinstance(done.exception, ConditionError)  # what mlsse.cli prints in one line
    assert not out.exists()


def test_one_temperature_alone(tmp_path):
    out = tmp_path / "report.html"
    done = run("prediction", "Li2O", "--celsius", 60, "--temperature", 300, "--out", out)
    assert done.exit_code == 2
    assert "not both" in done.output


@pytest.mark.parametrize("words", [("prediction", "Li2O"), ("screen", "."), ("training", ".")])
def test_a_folder_that_is_not_there_is_told_before_anything_is_computed(tmp_path, words):
    done = run(*words, "--out", tmp_path / "none" / "report.html")
    assert done.exit_code == 2
    assert "does not exist" in done.output


def test_a_screen(tmp_path):
    folder = screens.write_screen(tmp_path / "out", [screens.card("Li2O"), screens.card("Li2S")])
    out = tmp_path / "report.html"
    done = run("screen", folder, "--out", out, "--where", "in_domain", "--top", "1")
    assert done.exit_code == 0, done.output
    assert "1 are listed" in out.read_text("utf-8")


def test_a_training(tmp_path):
    from mlsse.paths import resource_folder

    out = tmp_path / "report.html"
    done = run("training", resource_folder("models") / "champion", "--out", out)
    assert done.exit_code == 0, done.output
    check_page(out.read_text("utf-8"))


def test_card_and_sheet_are_printed_or_written(tmp_path):
    from mlsse.bundle import champion

    assert run_alone(cli_report.card).stdout == model_card(champion().metadata)
    out = tmp_path / "SHEET.md"
    done = run_alone(cli_report.sheet, "obelix", "--out", out)
    assert done.stdout == f"{out}\n"
    assert out.read_text("utf-8") == data_sheet(["obelix"])
    assert run_alone(cli_report.sheet, "nothing").exit_code == 2
