"""The benchmark of screening, in small."""

import pytest

from mlsse import screening_benchmark as benchmark
from mlsse.errors import ScreenError

RECIPE = """
name = "small"
[[series]]
parents = ["Li7La3Zr2O12"]
substitutions = [{site = "Zr", by = "Ta", x = {from = 0, to = 1, by = 0.005}}]
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.parametrize("size", [1, 7, 150, 201])
def test_as_many_candidates_as_asked_for_and_none_twice(recipe, tmp_path, monkeypatch, size):
    monkeypatch.setattr(benchmark, "_BATCH_ROWS", 10)
    lines = benchmark.write_candidates(recipe, size, tmp_path / "out.txt").read_text().split()
    assert len(lines) == len(set(lines)) == size


def test_more_than_there_are_is_refused(recipe, tmp_path):
    with pytest.raises(ScreenError, match="makes 201 candidates"):
        benchmark.write_candidates(recipe, 202, tmp_path / "out.txt")


def test_figures_of_small_screens(recipe):
    found = benchmark.measure(sizes=(40, 80), n_with_phases=20, n_plain=4, recipe=recipe, workers=1)
    assert [found["screen"][size]["n"] for size in ("40", "80")] == [40, 80]
    assert found["screen_with_phases"]["n"] == 20
    for figures in (*found["screen"].values(), found["screen_with_phases"]):
        assert figures["seconds"] > figures["screen_seconds"] > 0.0
        assert figures["peak_mb"] > 50.0
        assert figures["store_mb"] > 0.0
    assert found["plain"]["max_abs_difference"] < 1e-3
    assert found["plain"]["ratio"] > 0.0
