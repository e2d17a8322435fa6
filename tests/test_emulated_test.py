"""The stand-in for the official test split never meets that split."""

from __future__ import annotations

import invented
import numpy as np
import pytest
from invented import NEAR, TEST_DOI

from mlsse.emulated_test import emulated_test, median_predictions
from mlsse.errors import ConfigError


@pytest.fixture(scope="module")
def rows():
    return invented.rows()


def test_folds_are_whole_papers_of_official_training_rows(rows):
    emulated = emulated_test(rows, 3, 0)
    table = emulated.official.table
    assert set(table["source"]) == {"obelix"}
    assert set(table["split"]) == {"train"}
    assert len(table) == (rows.table["split"] == "train").sum()
    assert table.assign(fold=emulated.folds).groupby("doi")["fold"].nunique().max() == 1
    assert set(emulated.folds) == {0, 1, 2}


def test_known_rows_leak_neither_the_fold_nor_the_official_test(rows):
    emulated = emulated_test(rows, 3, 0)
    for fold, mask, asked in emulated.asked():
        known = rows.table[emulated.known(rows, fold)]
        assert not (known["split"] == "test").any()
        assert not known["doi"].str.contains(TEST_DOI).any()
        assert NEAR not in set(known["formula"])
        assert not set("|".join(known["doi"]).split("|")) & set(asked.table["doi"])
        others = (known["split"] == "train").sum()
        assert others == len(emulated.official) - mask.sum()
        assert (known["source"] != "obelix").any()


def test_rows_of_other_sources_alone(rows):
    emulated = emulated_test(rows, 3, 0)
    others = rows[(rows.table["source"] != "obelix").to_numpy()]
    for fold, _, asked in emulated.asked():
        known = others.table[emulated.known(others, fold)]
        assert len(known)
        assert not set(known["doi"]) & set(asked.table["doi"])


def test_errors_by_convention(rows):
    emulated = emulated_test(rows, 3, 0)
    measured = emulated.official.measurements
    errors = emulated.absolute_errors(np.full(len(emulated.folds), -10.0))
    expected = np.abs(measured.log10_conductivity + 10.0)
    np.testing.assert_allclose(errors["bounds_1e-10"], np.where(measured.is_bound, 0.0, expected))
    np.testing.assert_allclose(errors["bounds_1e-15"], np.where(measured.is_bound, 5.0, expected))


def test_median_is_that_of_the_known_rows(rows):
    emulated = emulated_test(rows, 3, 0)
    known = rows[emulated.known(rows, 1)]
    room = known.at_room_temperature
    expected = np.median(known.measurements.log10_conductivity[room])
    assert set(median_predictions(emulated, rows)[emulated.folds == 1]) == {expected}


def test_rows_of_obelix_are_needed(rows):
    with pytest.raises(ConfigError, match="obelix"):
        emulated_test(rows[(rows.table["source"] != "obelix").to_numpy()], 3, 0)
