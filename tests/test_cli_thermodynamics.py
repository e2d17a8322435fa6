"""The commands of the thermodynamics."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import mlsse
from mlsse import cli, cli_thermodynamics, interfaces, windows


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``mlsse`` with arguments in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def run_with(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        with pytest.raises(SystemExit) as end:
            cli.main(list(arguments))
        return Result(int(end.value.code or 0), *capsys.readouterr())

    return run_with


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def read_json(text: str) -> list[dict[str, object]]:
    """JSON without what only Python takes for it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def as_json(result: object) -> dict[str, object]:
    """What a result is after a way through JSON, tuples as lists."""
    row = dataclasses.asdict(result) | {"error": None}  # type: ignore[call-overload]
    return json.loads(json.dumps(row))


def test_constants_are_those_of_the_library() -> None:
    assert tuple(cli_thermodynamics.Ion) == windows.WINDOW_IONS
    assert cli_thermodynamics._MAX_VOLTAGE_V == interfaces.MAX_VOLTAGE_V


# Hulls


def test_hull_formats_agree_with_python(run: Run) -> None:
    formulas = ["Li6PS5Cl", "Li3PS4", "Li6.4La3Zr1.4Ta0.6O12"]
    rows = read_json(run("hull", *formulas, "--format", "json").out)
    lines = run("hull", *formulas, "--format", "jsonl").out.splitlines()
    text = read_csv(run("hull", *formulas).out)
    assert rows == [as_json(mlsse.hull(formula)) for formula in formulas]
    assert [json.loads(line) for line in lines] == rows
    assert list(text[0]) == list(rows[0])
    assert text[0]["products"] == "Li3PS4 + Li2S + LiCl"
    assert float(text[0]["e_hull_ev_per_atom"]) == rows[0]["e_hull_ev_per_atom"]
    assert text[0]["stable_probability"] == ""


def test_hull_bad_formula_is_a_row(run: Run) -> None:
    code, out, err = run("hull", "Xe2O", "Li2O", "Xx", "--format", "json")
    xenon, oxide, unknown = read_json(out)
    assert (code, err) == (0, "")
    assert xenon.keys() == oxide.keys() == unknown.keys()
    assert oxide["error"] is None
    for row, formula in ((xenon, "Xe2O"), (unknown, "Xx")):
        assert row["formula"] == formula
        assert {name for name, value in row.items() if value is not None} == {"formula", "error"}
    assert "no reference phase has Xe" in str(xenon["error"])


def test_hull_without_usable_formula(run: Run) -> None:
    assert run("hull", "Xe2O", "Xx").code == 2


def test_hull_table(run: Run) -> None:
    formulas = ["Li6PS5Cl", "Li3PS4", "Li6.4La3Zr1.4Ta0.6O12", "Li", "Xe2O"]
    code, out, _ = run("hull", *formulas, "--format", "table")
    words = " ".join(out.split())
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "Li6PS5Cl 0.083 reference Li3PS4 + Li2S + LiCl" in words
    assert "Li3PS4 0.000 reference stable by 0.036 against" in words
    assert "chance to be stable" in words
    assert "Li 0.000 reference an element" in words
    assert "Li6PS5Cl, Li3PS4: polymorphs: " in words
    assert "Xe2O: formula 'Xe2O': no reference phase has Xe" in words


def test_hull_with_a_computed_energy(run: Run) -> None:
    def given(energy: float, per: str) -> dict[str, object]:
        words = ["Li3PS4", "--formation-energy", str(energy), "--per", per]
        (row,) = read_json(run("hull", *words, "--format", "json").out)
        return row

    atom, formula = given(-1.1, "atom"), given(-8.8, "formula")
    assert atom["source"] == "given"
    assert atom["formation_energy_ev_per_atom"] == -1.1
    assert formula["e_hull_ev_per_atom"] == pytest.approx(atom["e_hull_ev_per_atom"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no formula"),
        (["Li2O", "--formation-energy", "-1"], "say --per atom or --per formula"),
        (["Li2O", "LiF", "--formation-energy", "-1", "--per", "atom"], "one formula, 2"),
        (["Li2O", "--formation-energy", "nan", "--per", "atom"], "finite"),
        (["Li2O", "--per", "atom"], "--formation-energy"),
        (["Li2O", "--formation-energy", "-1", "--per", "mole"], "mole"),
        (["Li2O", "--model", "/nowhere/at/all"], "--model"),
    ],
)
def test_hull_wrong_arguments(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("hull", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_hull_of_formulas_in_a_file(run: Run, tmp_path: Path) -> None:
    text = b"# oxides\n\nLi2O\n"
    (tmp_path / "formulas.txt").write_bytes(text)
    for file in (str(tmp_path / "formulas.txt"), "-"):
        rows = read_csv(run("hull", "LiF", "--file", file, stdin=text).out)
        assert [row["formula"] for row in rows] == ["LiF", "Li2O"]


# Windows


def test_window_formats_agree_with_python(run: Run) -> None:
    rows = read_json(run("window", "Na3SbS4", "Li3PO4", "K2O", "--format", "json").out)
    text = read_csv(run("window", "Na3SbS4", "Li3PO4").out)
    assert rows[0] == as_json(mlsse.window("Na3SbS4", "Na"))
    assert rows[1] == as_json(mlsse.window("Li3PO4", "Li"))
    assert [row["ion"] for row in rows] == ["Na", "Li", "K"]
    assert text[0].keys() == rows[0].keys() - {"steps"}
    assert text[1]["oxidation_products"] == "0.5 Li4P2O7 + 0.25 O2"
    assert float(text[1]["oxidation_limit_v"]) == rows[1]["oxidation_limit_v"]


def test_window_errors_are_rows(run: Run) -> None:
    rows = read_json(run("window", "ZrO2", "LiXe", "Li2O", "--format", "json").out)
    assert "none of Li, Na and K" in str(rows[0]["error"])
    assert "Xe" in str(rows[1]["error"])
    assert rows[2]["error"] is None
    assert {name for name, value in rows[0].items() if value is not None} == {"formula", "error"}
    code, out, _ = run("window", "Li3PO4", "--ion", "Na")
    assert code == 2
    assert "no Na in it" in read_csv(out)[0]["error"]


def test_window_table(run: Run) -> None:
    code, out, _ = run("window", "Li3PO4", "Li2O", "ZrO2", "--format", "table")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "Li3PO4 Li 0.69 4.21 0.000" in lines
    assert "ZrO2 - - - error" in lines
    assert "stable against Li metal" in lines
    assert any(line.startswith("below 0.69 V: Li3PO4 + ") for line in lines)
    assert "above 2.91 V: Li2O -> 0.5 Li2O2 + Li" in lines
    assert not any("taken up" in line for line in lines)


def test_window_steps(run: Run) -> None:
    out = run("window", "Na3SbS4", "--steps").out  # a table, though into a pipe
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "0.00 to 0.55 +8 4 Na2S + Na3Sb" in lines
    assert any(line.startswith("3.40 up -3 ") for line in lines)
    found = mlsse.window("Na3SbS4", "Na")
    (row,) = read_json(run("window", "Na3SbS4", "--steps", "--format", "json").out)
    assert len(row["steps"]) == len(found.steps)  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no formula"),
        (["Li2O", "--ion", "Mg"], "Mg"),
        (["Li2O", "--steps", "--format", "csv"], "--steps"),
        (["Li2O", "--plot", "window.gif"], ".png, .svg, .pdf"),
        (["Li2O", "--plot", "/nowhere/at/all/window.png"], "does not exist"),
    ],
)
def test_window_wrong_arguments(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("window", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_window_plot(run: Run, tmp_path: Path) -> None:
    plot = tmp_path / "window.svg"
    code, out, err = run("window", "Li2O", "Xx", "--plot", str(plot))
    assert code == 0
    assert [row["formula"] for row in read_csv(out)] == ["Li2O", "Xx"]
    assert str(plot) in err
    assert "<svg" in plot.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [plot]


def test_window_plot_of_nothing(run: Run, tmp_path: Path) -> None:
    assert run("window", "Xx", "--plot", str(tmp_path / "window.png")).code == 2
    assert list(tmp_path.iterdir()) == []


# Interfaces


def test_interface_formats_agree_with_python(run: Run) -> None:
    words = ["interface", "Li6PS5Cl,Li3PO4", "lco", "LiF"]
    rows = read_json(run(*words, "--format", "json").out)
    text = read_csv(run(*words).out)
    expected = [
        as_json(mlsse.interface(first, second))
        for first in ("Li6PS5Cl", "Li3PO4")
        for second in ("LCO", "LiF")
    ]
    assert rows == expected
    assert text[0].keys() == rows[0].keys() - {"kinks"}
    assert [(row["first"], row["partner"]) for row in text] == [
        *[("Li6PS5Cl", "LCO"), ("Li6PS5Cl", "LiF"), ("Li3PO4", "LCO"), ("Li3PO4", "LiF")]
    ]


def test_interface_errors_are_rows(run: Run) -> None:
    code, out, _ = run("interface", "Xe,Li2O", "LFP", "LPF", "--format", "json")
    rows = read_json(out)
    assert code == 0
    assert [row["error"] is None for row in rows] == [False, False, True, False]
    assert "no reference phase has Xe" in str(rows[0]["error"])
    assert "did you mean LiF or LFP" in str(rows[3]["error"])
    for row in (rows[0], rows[3]):
        present = {name for name, value in row.items() if value is not None}
        assert present == {"first", "second", "error"}
    assert run("interface", "Xe", "LFP").code == 2


def test_interface_of_one_pair(run: Run) -> None:
    code, out, _ = run("interface", "Na3SbS4", "sodium", "--format", "table")
    words = " ".join(out.split())
    assert code == 0
    assert "Na3SbS4 with sodium (Na), open circuit" in words
    assert "reaction energy: -0.530 eV/atom, -90.8 kJ/mol, -1626 kJ/kg" in words
    assert "in much sodium: Na3SbS4 + 8 Na -> 4 Na2S + Na3Sb" in words
    assert "50.0% -0.530 0.4444 Na2S + 0.1111 Na3Sb" in words
    assert "above_hull: Na3SbS4 lies" in words
    assert "none" in run("interface", "Li2O", "LiF", "--format", "table").out


def test_interface_at_a_voltage(run: Run) -> None:
    words = ["interface", "Na3PS4", "NaCrO2", "--voltage", "3.2"]
    (row,) = read_json(run(*words, "--format", "json").out)
    assert (row["ion"], row["voltage_v"]) == ("Na", 3.2)
    out = " ".join(run(*words, "--format", "table").out.split())
    assert "at 3.2 V against Na" in out
    assert f"mutual: {row['reaction_energy_mutual_ev_per_atom']:.3f} eV/atom" in out
    code, out, _ = run("interface", "Li6PS5Cl", "lithium", "--voltage", "1", "--format", "table")
    assert code == 2
    assert "consists of the free ion alone" in " ".join(out.split())


def test_interface_matrix(run: Run) -> None:
    words = ["Li7La3Zr2O12, Li6PS5Cl,Xe", "LCO", "lithium", "water"]
    code, out, _ = run("interface", *words, "--format", "table")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "Reaction energy, meV/atom; open circuit" in lines
    assert "LCO lithium water *" in lines
    assert "Li7La3Zr2O12 -1 -11 -45" in lines
    assert "Xe error error error" in lines
    assert any(line.startswith("Caution * water: small molecules") for line in lines)
    assert any(line.startswith("Xe: formula 'Xe'") for line in lines)
    assert "above_hull: by themselves above the hull" in " ".join(lines)


def test_interface_with_all_partners(run: Run) -> None:
    code, out, _ = run("interface", "Li3PO4", "--format", "table")
    lines = out.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= 80
    for partner in interfaces.partners():
        assert any(line.split(" *")[0].strip().startswith(partner.name) for line in lines)
    kinds = [line.strip() for line in lines if line and line[0] != " "]
    assert [k for k in kinds if k in {p.kind for p in interfaces.partners()}] == [
        *["cathode", "charged cathode", "anode", "coating", "air"]
    ]
    start = next(i for i, line in enumerate(lines) if line.startswith("cathode"))
    end = next(i for i, line in enumerate(lines) if line.startswith("charged cathode"))
    energies = [int(line.split()[-1]) for line in lines[start + 1 : end]]
    assert energies == sorted(energies, reverse=True)


def test_interface_partners(run: Run) -> None:
    out = run("interface", "--partners", "--format", "table").out
    assert any(line.split()[:3] == ["LCO", "LiCoO2", "cathode"] for line in out.splitlines())
    rows = read_json(run("interface", "--partners", "--format", "json").out)
    assert rows == [dataclasses.asdict(partner) for partner in interfaces.partners()]
    assert read_csv(run("interface", "--partners").out) == rows


def test_interface_electrolytes_from_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "electrolytes.txt").write_text("Li2S\nLi2O\n")
    out = run("interface", "Li2O", "LFP", "--file", str(tmp_path / "electrolytes.txt")).out
    assert [row["first"] for row in read_csv(out)] == ["Li2O", "Li2S"]


def test_interface_comma_in_a_number(run: Run) -> None:
    code, out, _ = run("interface", "Li1,3Al0,3Ti1,7(PO4)3", "LFP")
    (row,) = read_csv(out)
    assert code == 2
    assert row["first"] == "Li1,3Al0,3Ti1,7(PO4)3"
    assert "point" in row["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no electrolyte"),
        ([" , "], "no electrolyte"),
        (["Li2O", "LFP", "--voltage", "11"], "0 to 10 V"),
        (["Li2O", "LFP", "--voltage", "nan"], "0 to 10 V"),
        (["Li2O", "LFP", "--ion", "Mg"], "Mg"),
        (["Li2O", "LFP", "--plot", "map.jpeg"], ".png, .svg, .pdf"),
    ],
)
def test_interface_wrong_arguments(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("interface", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_interface_plot(run: Run, tmp_path: Path) -> None:
    plot = tmp_path / "map.png"
    code, _, err = run("interface", "Li2O,Li3PO4", "LFP", "LiF", "LPF", "--plot", str(plot))
    assert code == 0
    assert str(plot) in err
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [plot]


# Coatings


@pytest.fixture
def candidates(tmp_path: Path) -> str:
    file = tmp_path / "candidates.txt"
    file.write_text("LiNbO3\nXe\nLi3PO4\nLi2O\n")
    return str(file)


def test_coatings_formats(run: Run, candidates: str) -> None:
    words = ["coatings", "LCO", "Li6PS5Cl", "--from", candidates]
    rows = read_json(run(*words, "--format", "json").out)
    text = read_csv(run(*words).out)
    assert [row["formula"] for row in rows] == ["Li3PO4", "LiNbO3", "Li2O", "Xe"]
    assert [row["passes"] for row in rows[:3]] == [True, False, False]
    assert rows[0]["uncoated_reaction_energy_ev_per_atom"] == pytest.approx(
        mlsse.interface("Li6PS5Cl", "LCO").reaction_energy_ev_per_atom
    )
    assert "no reference phase has Xe" in str(rows[3]["error"])
    assert rows[3]["worst_reaction_energy_ev_per_atom"] is None
    assert list(text[0]) == list(rows[0])


def test_coatings_table(run: Run, candidates: str) -> None:
    words = ["coatings", "LCO", "Li6PS5Cl", "--from", candidates, "--top", "1"]
    code, out, _ = run(*words, "--format", "table")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "Coatings between LCO and Li6PS5Cl: the best 1 of 3" in lines
    assert any(line.startswith("Li3PO4 yes ") for line in lines)
    assert "Xe error" in lines
    assert not any(line.startswith("Li2O") for line in lines)
    assert "Without a coating: -320 meV/atom." in lines


def test_coatings_voltages(run: Run, candidates: str) -> None:
    def codes(*limits: str) -> set[str]:
        words = ["coatings", "LCO", "Li6PS5Cl", "--from", candidates, *limits]
        rows = read_json(run(*words, "--format", "json").out)
        (oxide,) = (row for row in rows if row["formula"] == "Li2O")
        return {note.split(":")[0] for note in oxide["notes"]}  # type: ignore[attr-defined]

    assert "oxidation" in codes()  # at 2.91 V
    assert "oxidation" not in codes("--min-voltage", "2.0", "--max-voltage", "2.9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["LCO"], "ELECTROLYTE"),
        (["LOC", "Li6PS5Cl"], "did you mean"),
        (["LCO", "Li6PS5Cl", "--top", "0"], "--top"),
        (["LCO", "Li6PS5Cl", "--max-voltage", "11"], "0 to 10 V"),
        (["LCO", "Li6PS5Cl", "--max-voltage", "2"], "the lower first"),
        (["LCO", "Li6PS5Cl", "--from", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_coatings_wrong_arguments(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("coatings", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_coatings_from_an_empty_file(run: Run) -> None:
    code, out, err = run("coatings", "LCO", "Li6PS5Cl", "--from", "-", stdin=b"# none\n")
    assert (code, out) == (2, "")
    assert "no formula" in err
