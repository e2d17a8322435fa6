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
    found = benchmark.measure(200, n_plain=4, recipe=recipe, workers=1)
    assert [found["screen"][size]["n"] for size in ("2", "20", "200")] == [2, 20, 200]
    assert found["screen_with_phases"]["n"] == 20
    for figures in (*found["screen"].values(), found["screen_with_phases"]):
        assert figures["seconds"] > figures["screen_seconds"] > 0.0
        assert figures["peak_mb"] > 50.0
        assert figures["store_mb"] > 0.0
    assert found["plain"]["n"] == 4
    assert found["plain"]["max_abs_difference"] < 1e-3
    assert found["plain"]["ratio"] > 0.0
    with pytest.raises(ScreenError, match="expected 100 or more"):
        benchmark.measure(99, recipe=recipe)


def test_a_thousand_million_on_paper():
    found = benchmark.on_paper({"n": 1_000_000, "cpu_seconds": 180.0, "store_mb": 1e8 / 2**20})
    assert found["core_hours"] == pytest.approx(50.0)  # 180 us a row
    assert found["hours"] == pytest.approx(50.0 / 128.0)
    assert found["usd"] == pytest.approx(2.0)
    assert found["store_gb"] == pytest.approx(100.0)  # 100 bytes a row
    assert found["parts"] == 10_000
    assert found["part_mb"] == pytest.approx(10.0)
    assert found["seconds_per_part"] == pytest.approx(18.0)
