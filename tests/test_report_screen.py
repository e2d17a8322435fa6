"""The report of a screen."""

from __future__ import annotations

import pyarrow as pa
import pytest
import screens
from pages import check_page, check_with_nu, words

from mlsse.bundle import champion
from mlsse.documents import Part, Table
from mlsse.errors import ConditionError, ScreenError
from mlsse.html_pages import as_html, write_page
from mlsse.report_screen import axis_label, screen_report

NASTY = "<img src=x onerror=alert(1)>`</style>"


def rows(n):
    return [
        screens.card(
            f"Li{6 - i / 1000:.3f}PS5Cl", -8.0 + 6.0 * i / n, in_domain=bool(i % 3),
            e_hull_ev_per_atom=i / 5000, oxidation_limit_v=4.0 - 2.0 * i / n,
        )
        for i in range(n)
    ]  # fmt: skip


def listed(document):
    section = next(s for s in document.sections if s.title == "The best candidates")
    return [row for block in section.blocks if isinstance(block, Table) for row in block.rows]


def test_a_thousand_candidates_with_figures_and_reasons(tmp_path):
    made = screen_report(screens.write_screen(tmp_path / "out", rows(1000), chunk_rows=400))
    assert len(listed(made)) == 1000
    assert [r[1] for r in listed(made)[:2]] == ["Li5.001PS5Cl", "Li5.002PS5Cl"]
    assert [p.name for p in made.pictures()] == [
        "conductivities", "energies_above_hull", "trade_off",
    ]  # fmt: skip
    text = as_html(made)
    assert len(text.encode()) < 5_000_000
    page = check_page(text)
    shown = words(page)
    assert "1,000 formulas were scored" in shown
    assert "666 are in the domain" in shown
    assert shown.count("Nearest measured material") == 25
    # Each is better in one of the two objectives.
    assert "1,000 candidates are on the Pareto front" in shown


def test_conditions_and_aims_as_in_a_ranking(tmp_path):
    folder = screens.write_screen(tmp_path / "out", rows(100), chunk_rows=30)
    made = screen_report(
        folder, where=["in_domain"], aims=["log10_conductivity > -4"], top=10,
        objectives=["log10_conductivity:max", "e_hull_ev_per_atom:min"],
    )  # fmt: skip
    assert len(listed(made)) == 10
    counts = made.sections[0].blocks[0]
    assert ("in_domain", "66") in counts.rows
    assert ("fulfil everything", "66") in counts.rows
    text = as_html(made)
    assert "probability that all thresholds hold (log10_conductivity &gt; -4)" in text
    assert "normal" in text  # what the probabilities assume
    table = next(b for s in made.sections for b in s.blocks if getattr(b, "columns", ()) and
                 b.columns[:2] == ("rank", "probability"))  # fmt: skip
    assert table.rows[0][1].endswith(" %")
    with pytest.raises(ConditionError, match="oxidation_limit"):
        screen_report(folder, where=["oxidation_limitt > 3"])


def test_hostile_texts_of_the_input_are_texts(tmp_path):
    row = screens.card("Li2O", -3.0, parent=NASTY, warnings=[NASTY], decomposition_products=NASTY)
    row["formula"] = NASTY
    folder = screens.write_screen(tmp_path / "out", [row], own={"parent": pa.string()})
    (folder / "errors" / "part-000000.csv").write_text(
        f'input_row,line,formula,error\n1,2,"{NASTY}","{NASTY}"\n', "utf-8"
    )
    text = as_html(screen_report(folder))
    page = check_page(text)
    assert not list(page.iter("{http://www.w3.org/1999/xhtml}img"))
    assert words(page).count("<img src=x onerror=alert(1)>") >= 5


def test_an_unfinished_screen_and_one_of_other_columns(tmp_path):
    few = [screens.card("Li2O", None), screens.card("Li2S", None)]
    folder = screens.write_screen(
        tmp_path / "out", few, columns=("stability",), complete=False, chunk_rows=1
    )
    made = screen_report(folder)
    assert [p.name for p in made.pictures()] == []
    shown = words(check_page(as_html(made)))
    assert "The screen is unfinished" in shown
    assert "The model is not on this machine" in shown


def test_nothing_that_passes_is_said(tmp_path):
    folder = screens.write_screen(tmp_path / "out", rows(5))
    shown = words(check_page(as_html(screen_report(folder, where=["oxidation_limit_v > 9"]))))
    assert "0 fulfil what is asked" in shown
    assert "No row passes; none fulfils oxidation_limit_v > 9." in shown


def test_a_folder_that_holds_no_screen_is_refused(tmp_path):
    with pytest.raises(ScreenError, match="holds no screen"):
        screen_report(tmp_path)


def test_the_model_of_the_screen_is_told_if_it_is_at_hand(tmp_path, monkeypatch):
    folder = screens.write_screen(tmp_path / "out", rows(3))
    manifest = folder / "manifest.json"
    text = manifest.read_text("utf-8").replace(
        '"model_version": "0"', f'"model_version": "{champion().version}"'
    )
    manifest.write_text(text, "utf-8")
    assert "The data that the model learned from" in as_html(screen_report(folder))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log10_conductivity", "log10 of conductivity / (S/cm)"),
        ("e_hull_ev_per_atom", "energy above hull / (eV/atom)"),
        ("metastable_probability", "metastable probability"),
    ],
)
def test_axes_have_units(name, expected):
    assert axis_label(name) == expected


def test_a_part_a_candidate(tmp_path):
    made = screen_report(screens.write_screen(tmp_path / "out", rows(3)))
    section = next(s for s in made.sections if s.title == "Why the first 3")
    assert [block.title for block in section.blocks if isinstance(block, Part)] == [
        "1. Li5.998PS5Cl", "2. Li5.999PS5Cl", "3. Li6.000PS5Cl",
    ]  # fmt: skip


def test_the_nu_checker_finds_nothing(tmp_path):
    made = screen_report(screens.write_screen(tmp_path / "out", rows(100), chunk_rows=50))
    check_with_nu(write_page(made, tmp_path / "report.html"))
