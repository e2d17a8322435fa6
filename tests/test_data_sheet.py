"""The data sheet: all that the registry says."""

from __future__ import annotations

import pytest
from pages import check_page

from mlsse.data_sheet import data_sheet, sheet
from mlsse.downloads import list_datasets
from mlsse.errors import DatasetError
from mlsse.html_pages import as_html


def test_every_dataset_with_counts_terms_and_files():
    made = data_sheet()
    for entry in list_datasets():
        assert f"\n### {entry.name}\n" in made
        assert f"| {entry.rows:,} | {entry.kept:,} | {entry.licence} |" in made
        assert made.count(entry.citation) >= 1
        for file in entry.files:
            assert file.sha256[:16] in made
            assert file.packaged or f"]({file.location})" in made
    assert "`log10_conductivity` (log10(S/cm))" in made


def test_known_problems_are_told_word_for_word():
    page = as_html(sheet(["obelix"]))
    check_page(page)
    for problem in list_datasets()[1].problems:
        assert problem.replace("<", "&lt;").replace("'", "&#39;") in page


def test_some_datasets_alone():
    made = data_sheet(["band_gap"])
    assert "### band_gap" in made
    assert "obelix" not in made
    with pytest.raises(DatasetError, match="nothing_of_it"):
        data_sheet(["nothing_of_it"])
