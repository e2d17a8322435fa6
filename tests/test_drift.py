"""Drift: like formulas raise no alarm, unlike ones do, and figures are those worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import synthetic

from mlsse import cli, drift
from mlsse.errors import DatasetError
from mlsse.formulas import ELEMENT_INDEX

HALIDES = [f"Cs{1 + i / 10:.1f}PbI{3 + i / 10:.1f}" for i in range(30)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("drift") / "bundle")


def test_what_the_model_knows_is_no_drift(model):
    known = [model.known_formula(i) for i in range(len(model.process.vectors))]
    report = drift.drift_report(known, model)
    assert report["alerts"] == []
    assert report["known_share"] == 1.0
    assert all(abs(s["share"] - s["known_share"]) < 1e-9 for s in report["elements"])
    json.dumps(report, allow_nan=False)


def test_other_elements_and_far_formulas_raise_alerts(model):
    report = drift.drift_report([*HALIDES, "nonsense!"], model)
    assert (report["n_formulas"], report["n_unusable"]) == (31, 1)
    assert report["out_of_domain_share"] == 1.0
    assert report["known_share"] == 0.0
    assert report["nearest_known_distance"]["p_value"] < 1e-6
    named = " ".join(report["alerts"])
    assert "100 % of the formulas are out of the domain" in named
    assert "Cs is in 100 % of the formulas, in 0 % of the known ones" in named
    assert "Pb is" in named


def test_few_formulas_are_no_evidence(model):
    report = drift.drift_report(HALIDES[:3], model)
    assert report["alerts"] == ["only 3 usable formulas: too few to tell a drift from chance"]
    with pytest.raises(DatasetError, match="none of the 1 formulas"):
        drift.drift_report(["?"], model)


def test_the_stability_index_is_that_of_its_definition():
    recent, known = np.zeros((9, 90), dtype=bool), np.zeros((19, 90), dtype=bool)
    column = ELEMENT_INDEX["Br"]
    recent[:4, column] = True  # (4 + 0.5) / (9 + 1) = 0.45
    known[:1, column] = True  # (1 + 0.5) / (19 + 1) = 0.075
    (shift,) = drift.element_shifts(recent, known)
    assert shift["element"] == "Br"
    expected = 0.375 * np.log(0.45 / 0.075) - 0.375 * np.log(0.55 / 0.925)
    assert shift["psi"] == pytest.approx(expected)
    # Fisher: hypergeometric chance of a table as rare, 28 formulas of which 5 have the element.
    assert shift["p_value"] == pytest.approx((9 * 8 * 7 * 6 / 24 * 19 + 126) / 98280, rel=1e-9)


def test_new_measurements_are_compared_with_what_is_predicted(model, tmp_path):
    rows = synthetic.conductivity_rows().table
    rows = rows[(rows["source"] == "obelix") & (rows["temperature_k"] == 298.15)].head(30)
    lines = ["formula,conductivity_s_per_cm,temperature_k"]
    shifted = [*lines, "NaCl,1e-3,300"]
    for formula, value in zip(rows["formula"], rows["log10_conductivity"], strict=True):
        lines.append(f"{formula},{10.0**value},298.15")
        shifted.append(f"{formula},{10.0 ** (value - 6.0)},298.15")
    (tmp_path / "good.csv").write_text("\n".join(lines))
    (tmp_path / "shifted.csv").write_text("\n".join(shifted))
    good = drift.drift_report(*swapped(tmp_path / "good.csv", model))
    assert good["measured"]["n"] == len(rows)
    assert good["measured"]["mae_decades"] < 1.0
    assert good["alerts"] == [] or all("interval" not in alert for alert in good["alerts"])
    bad = drift.drift_report(*swapped(tmp_path / "shifted.csv", model))
    assert bad["n_formulas"] == len(rows) + 1
    assert bad["measured"]["mae_decades"] > 5.0
    assert any("90 % interval holds only" in alert for alert in bad["alerts"])


def swapped(file, model):
    formulas, measured = drift.read_formulas(file)
    return formulas, model, measured


def test_requests_are_read_from_csv_or_lines(tmp_path):
    file = tmp_path / "requests"
    file.write_text("time,formula\n1,Li2O\n2, Li3PS4 \n3,\n")
    assert drift.read_formulas(file) == (["Li2O", "Li3PS4"], None)
    file.write_text("# asked today\nLi2O\n\nLi3PS4\n")
    assert drift.read_formulas(file) == (["Li2O", "Li3PS4"], None)
    file.write_text("formula\n")
    with pytest.raises(DatasetError, match="holds no formula"):
        drift.read_formulas(file)
    with pytest.raises(DatasetError, match="cannot read"):
        drift.read_formulas(tmp_path / "none")
    file.write_bytes(b"\xff")
    with pytest.raises(DatasetError, match="not UTF-8"):
        drift.read_formulas(file)


def run(capsys, *options):
    with pytest.raises(SystemExit) as ended:
        cli.main(["drift", *map(str, options)])
    return ended.value.code, capsys.readouterr()


def test_the_command_prints_a_table_or_json(model, tmp_path, capsys):
    file = tmp_path / "asked.txt"
    file.write_text("\n".join(HALIDES))
    options = (file, "--model", model.folder)
    code, said = run(capsys, *options)
    assert code == 0
    assert json.loads(said.out)["n_formulas"] == 30
    code, said = run(capsys, *options, "--format", "table")
    assert code == 0
    assert "out of the domain" in said.out
    assert "Cs is in 100 %" in " ".join(said.out.split())
    assert run(capsys, *options, "--format", "csv")[0] == 2
