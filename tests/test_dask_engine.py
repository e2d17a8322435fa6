"""The same screen on Dask: row for row that of the local engine, also when a worker is lost."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from mlsse import dask_engine, screening_fault_benchmark
from mlsse.errors import ScreenError, ScreenInputError
from mlsse.screening import screen
from mlsse.screening_fault_benchmark import candidates, tables

needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None, reason="needs Dask: pip install 'mlsse[dask]'"
)


def test_without_dask_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ScreenInputError, match=r"pip install 'mlsse\[dask\]'"):
        dask_engine.DaskEngine()


@needs_dask
def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_engine, "_CONNECT_SECONDS", 1)
    with pytest.raises(ScreenError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        dask_engine.DaskEngine("tcp://127.0.0.1:1")
    with pytest.raises(ScreenInputError, match=r"scheduler file .* does not exist"):
        dask_engine.DaskEngine(str(tmp_path / "none.json"))


@needs_dask
def test_a_killed_worker_costs_no_row(tmp_path):
    place = screening_fault_benchmark._Place(tmp_path, 20, 0.0)
    place.write_input(400)
    screen(place.input, place.undisturbed, workers=1, **place.settings)
    found = screening_fault_benchmark._dask(place)
    assert found["n_worker_killed"] == 1
    assert found["equal_to_local"]
    assert found["n_rows"] == 400
    assert found["n_rows_lost"] == found["n_rows_doubled"] == 0


@needs_dask
def test_a_cluster_on_this_machine_and_going_on(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("\n".join(candidates(60)) + "\n")
    settings = {"columns": "stability", "chunk_rows": 20}
    screen(path, tmp_path / "local", workers=1, **settings)
    screen(path, tmp_path / "dask", engine="dask", workers=1, **settings)
    one, other = tables(tmp_path / "local"), tables(tmp_path / "dask")
    assert one[0].equals(other[0])
    assert one[1] == other[1]
    (tmp_path / "dask" / "scores" / "part-000001.parquet").unlink()
    screen(path, tmp_path / "dask", workers=1, resume=True, **settings)  # on the other engine
    assert one[0].equals(tables(tmp_path / "dask")[0])
