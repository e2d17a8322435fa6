"""The command line, run in this process and, where that matters, in one of its own."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import mlsse
from mlsse import cli, datasets, prediction
from mlsse.errors import DataUnavailableError
from mlsse.prediction import SCORE_CARD

REPOSITORY = Path(__file__).parents[1]


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``mlsse`` with arguments; its exit code and what it printed."""

    def run_with(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        with pytest.raises(SystemExit) as end:
            cli.main(list(arguments))
        return Result(int(end.value.code or 0), *capsys.readouterr())

    return run_with


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the datasets be nowhere: neither in a mirror, nor the cache, nor on the network."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("MLSSE_DATA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("MLSSE_CACHE", str(tmp_path / "cache"))


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"mlsse {mlsse.__version__}\n", "")


def test_help_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    commands = "predict hull window interface coatings train runs models benchmark data"
    for command in commands.split():
        assert f"\n  {command} " in result.out


def test_predict_sensible_order_and_a_row_error(run: Run) -> None:
    formulas = ["Li7La3Zr2O12", "Li10GeP2S12", "Li6PS5Cl", "Li3YCl6", "Li2CO3", "Xx2O"]
    result = run("predict", *formulas)
    rows = read_csv(result.out)
    assert (result.code, result.err) == (0, "")
    assert [row["formula"] for row in rows] == formulas
    values = [float(row["log10_conductivity"]) for row in rows[:5]]
    assert values[4] < min(values[:4]) - 1.5
    assert "Xx" in rows[5]["error"]
    assert {name for name, cell in rows[5].items() if cell} == {"formula", "error"}


def test_predict_without_usable_formula(run: Run) -> None:
    result = run("predict", "Xx2O")
    assert result.code == 2
    assert "Xx" in read_csv(result.out)[0]["error"]


def test_formats_agree_with_python(run: Run) -> None:
    formulas = ["Li6PS5Cl", "Li2O"]
    table = mlsse.predict(formulas)
    rows = json.loads(run("predict", *formulas, "--format", "json").out)
    lines = run("predict", *formulas, "--format", "jsonl").out.splitlines()
    text = read_csv(run("predict", *formulas, "--format", "csv").out)
    assert [json.loads(line) for line in lines] == rows
    assert list(table.columns) == list(SCORE_CARD) == list(rows[0]) == list(text[0])
    for i, row in enumerate(rows):
        assert row["log10_conductivity"] == table["log10_conductivity"][i]
        assert float(text[i]["log10_conductivity"]) == row["log10_conductivity"]
        assert row["oxidation_limit_v"] == table["oxidation_limit_v"][i]
        assert isinstance(row["warnings"], list)


def test_table_in_a_terminal() -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "mlsse", "predict", "Li6.4La3Zr1.4Ta0.6O12", "Li2O", "Xx2O"]
    environment = os.environ | {"COLUMNS": "80", "TERM": "dumb"}
    with subprocess.Popen(command, stdout=follower, env=environment):
        os.close(follower)
        output = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end was closed
            while chunk := os.read(leader, 4096):
                output += chunk
    os.close(leader)
    lines = output.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[-1:] == ["trust"] for line in lines)
    assert any(line.startswith("Xx2O: ") for line in lines)


def test_celsius_is_kelvin_less_273_15(run: Run) -> None:
    assert (
        run("predict", "Li6PS5Cl", "--celsius", "60").out
        == run("predict", "Li6PS5Cl", "--temperature", "333.15").out
    )


@pytest.mark.parametrize("temperature", ["nan", "inf", "-inf", "199.9", "800.1", "-1"])
def test_temperature_out_of_range(run: Run, temperature: str) -> None:
    code, out, err = run("predict", "Li6PS5Cl", "--temperature", temperature)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "200" in err
    assert "800" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no formula"),
        (["Li2O", "--temperature", "warm"], "--temperature"),
        (["Li2O", "--temperature", "300", "--celsius", "20"], "not both"),
        (["Li2O", "--format", "xml"], "xml"),
        (["Li2O", "--explain", "--format", "csv"], "--explain"),
        (["Li2O", "--model", "/nowhere/at/all"], "--model"),
        (["Li2O", "--file", "/nowhere/at/all"], "/nowhere/at/all"),
        (["Li2O", "--ion", "Xx"], "Xx"),
        (["Li2O", "--unknown"], "--unknown"),
    ],
)
def test_wrong_arguments(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("predict", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_formulas_from_file_and_standard_input(run: Run, tmp_path: Path) -> None:
    text = "\ufeff# argyrodites\n\n  Li6PS5Cl \r\nLi6PS5Br".encode()
    file = tmp_path / "formulas.txt"
    file.write_bytes(text)
    names = [r["formula"] for r in read_csv(run("predict", "Li2O", "--file", str(file)).out)]
    assert names == ["Li2O", "Li6PS5Cl", "Li6PS5Br"]
    assert [r["formula"] for r in read_csv(run("predict", "--file", "-", stdin=text).out)] == names[
        1:
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no formula"), (b"# none\n\n", "no formula"), (b"Li2O\n\xff\xfe", "not UTF-8")],
)
def test_unusable_standard_input(run: Run, content: bytes, message: str) -> None:
    code, out, err = run("predict", "--file", "-", stdin=content)
    assert (code, out) == (2, "")
    assert message in err


def test_folder_as_file(run: Run, tmp_path: Path) -> None:
    code, _, err = run("predict", "--file", str(tmp_path))
    assert code == 2
    assert "cannot read" in err


@pytest.mark.usefixtures("no_data")
def test_explain_without_datasets(run: Run) -> None:
    code, out, _ = run("predict", "Li6PS5Cl", "Xx2O", "--explain")
    assert code == 0
    assert "Why Li6PS5Cl" in out
    assert "Why Xx2O" not in out
    assert "In the domain." in out
    assert "mlsse data fetch conductivity" in out


@pytest.mark.usefixtures("no_data")
def test_explain_as_json(run: Run) -> None:
    usable, unusable = json.loads(
        run("predict", "Li6PS5Cl", "Xx2O", "--explain", "--format", "json").out
    )
    assert usable["explanation"]["contributions"]
    assert len(usable["explanation"]["nearest"]) == 3
    assert usable["explanation"]["domain_reasons"] == []
    assert unusable["explanation"] is None


@pytest.mark.usefixtures("no_data")
def test_explain_why_a_formula_is_out_of_the_domain(run: Run) -> None:
    code, out, _ = run("predict", "LiU2Pu3", "Na3PS4", "--explain")
    assert code == 0
    assert out.count("Out of the domain:") == 2
    assert "the data hold Li conductors, not Na" in out


@pytest.mark.mirror
def test_explain_with_measured_values_and_dois(run: Run) -> None:
    code, out, _ = run("predict", "Li6PS5Cl", "--explain")
    assert code == 0
    assert "Li6PS5Cl (distance 0.00)" in out
    assert "S/cm at 298 K, doi:10." in out


def test_library_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise DataUnavailableError("no file\nanywhere")

    monkeypatch.setattr(prediction, "predict_rows", fail)
    assert run("predict", "Li2O") == (1, "", "mlsse: no file anywhere\n")


def test_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(prediction, "predict_rows", fail)
    with pytest.raises(ZeroDivisionError, match="a fault"):
        cli.main(["predict", "Li2O"])


def test_interrupt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prediction, "predict_rows", interrupt)
    assert run("predict", "Li2O").code == 130


def test_closed_pipe_is_no_traceback() -> None:
    formulas = "\n".join(["Li6PS5Cl"] * 500)  # more than a pipe holds
    with subprocess.Popen(
        [sys.executable, "-m", "mlsse", "predict", "--file", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write(formulas)
        process.stdin.close()
        assert process.stdout.readline().startswith("formula,")
        process.stdout.close()
        assert process.stderr.read() == ""


def test_text_that_is_not_utf8_on_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlsse", "predict", b"Li\xff", "--format", "json"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)[0]["formula"] == "Li\N{REPLACEMENT CHARACTER}"


def test_data_list(run: Run) -> None:
    code, out, _ = run("data", "list")
    assert code == 0
    for entry in datasets.list_datasets():
        assert f"\n{entry.name} " in f"\n{out}"


def test_data_info(run: Run) -> None:
    code, out, _ = run("data", "info", "obelix")
    assert code == 0
    assert "CC-BY-4.0" in out
    assert "conductivity_s_per_cm [S/cm]" in out


@pytest.mark.usefixtures("no_data")
def test_data_fetch_and_verify_of_what_comes_with_the_package(run: Run) -> None:
    code, out, _ = run("data", "fetch", "review_conductivity")
    assert code == 0
    assert "dropped: " in out
    code, out, _ = run("data", "verify", "review_conductivity")
    assert code == 0
    assert out.startswith("ok ")


@pytest.mark.usefixtures("no_data")
def test_data_verify_of_what_is_not_here(run: Run) -> None:
    code, out, _ = run("data", "verify", "obelix")
    assert code == 1
    assert out.count("absent ") == 2


def test_data_unknown_name(run: Run) -> None:
    code, _, err = run("data", "fetch", "obelisk")
    assert code == 2
    assert "did you mean 'obelix'?" in err


@pytest.mark.mirror
def test_data_fetch_all(run: Run) -> None:
    code, out, _ = run("data", "fetch")
    assert code == 0
    assert "obelix: 599 rows read, 599 kept" in out


def test_train_wrong_configuration(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("no_such_setting = 1\n")
    code, _, err = run("train", str(config), "--out", str(tmp_path / "model"))
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "no_such_setting" in err
    assert run("train", str(tmp_path / "none.toml"), "--out", str(tmp_path / "model")).code == 2


@pytest.mark.mirror
def test_train_then_predict(run: Run, tmp_path: Path) -> None:
    model = str(tmp_path / "model")
    assert run("train", str(REPOSITORY / "experiments" / "smoke.toml"), "--out", model).code == 0
    result = run("predict", "Li6PS5Cl", "--model", model)
    assert result.code == 0
    assert read_csv(result.out)[0]["log10_conductivity"]


def test_benchmark_writes_its_record(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = {"benchmark": "speed", "protocols": {"read": {"us_per_formula": 9.5}}}
    monkeypatch.setattr("mlsse.benchmarks.run", lambda name, *_, **__: record | {"benchmark": name})
    out = tmp_path / "speed.json"
    result = run("benchmark", "speed", "--out", str(out))
    assert result.code == 0
    assert json.loads(out.read_text()) == record
    assert "us_per_formula: 9.5" in result.out
    assert list(tmp_path.iterdir()) == [out]


def test_benchmark_draws_its_doubt(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bins = [{"from": 0.0, "to": 0.1, "n": 9, "stated": 0.05, "observed": 0.1}]
    record = {
        "benchmark": "stability",
        "protocols": {"critexam_test_doubt": {"stable_reliability": bins}},
    }
    monkeypatch.setattr("mlsse.benchmarks.run", lambda *_, **__: record)
    out = tmp_path / "stability.json"
    result = run("benchmark", "stability", "--out", str(out), "--figures", str(tmp_path))
    assert result.code == 0
    assert "stated 0.05, observed 0.1" in result.out
    assert (tmp_path / "stability_reliability.png").read_bytes().startswith(b"\x89PNG")


def test_benchmark_wrong_arguments(run: Run, tmp_path: Path) -> None:
    assert run("benchmark", "luck", "--out", str(tmp_path / "x.json")).code == 2
    assert run("benchmark", "speed", "--out", str(tmp_path / "none" / "x.json")).code == 2
    figures = run(
        "benchmark", "speed", "--out", str(tmp_path / "x.json"), "--figures", str(tmp_path)
    )
    assert figures.code == 2
    assert "conductivity or stability" in figures.err
