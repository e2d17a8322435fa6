"""The same screen on Dask: row for row that of the local engine, also when a worker is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec

import pytest

from mlsse import dask_engine, screening_fault_benchmark
from mlsse.errors import ScreenError, ScreenInputError
from mlsse.screen_store import open_screen
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


@needs_dask
@pytest.mark.parametrize("chunk_rows", [20, 400], ids=["between calls", "while waiting"])
def test_a_lost_scheduler_is_told_and_costs_no_part(tmp_path, chunk_rows):
    path = tmp_path / "in.csv"
    path.write_text("\n".join(candidates(4000)) + "\n")
    settings = {"columns": "stability", "chunk_rows": chunk_rows}
    screen(path, tmp_path / "whole", workers=1, **settings)
    file, out = tmp_path / "scheduler.json", tmp_path / "out"
    of_scheduler = ["--scheduler-file", str(file), "--port", "0", "--host", "127.0.0.1"]
    of_worker = ["--scheduler-file", str(file), "--no-nanny", "--local-directory", str(tmp_path)]
    with ExitStack() as stack:
        scheduler = stack.enter_context(_started("dask_scheduler", *of_scheduler))
        stack.callback(scheduler.kill)
        _wait_until(lambda: file.is_file() and file.stat().st_size > 0)
        worker = stack.enter_context(_started("dask_worker", *of_worker))
        stack.callback(worker.kill)

        def kill() -> None:
            _wait_until(lambda: list(out.glob("scores/part-*")))
            scheduler.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(ScreenError, match=r"scheduler was lost .* go on with --resume"):
            screen(path, out, engine="dask", scheduler=str(file), **settings)
        killer.join()
    written = {path: path.read_bytes() for path in open_screen(out).score_files()}
    assert written
    assert not open_screen(out).is_complete
    screen(path, out, workers=1, resume=True, **settings)
    assert {path: path.read_bytes() for path in written} == written
    assert tables(out)[0].equals(tables(tmp_path / "whole")[0])
    assert tables(out)[1] == tables(tmp_path / "whole")[1]


def _started(name, *words):
    module = f"distributed.cli.{name}"
    command = [sys.executable, "-m", module, "--no-dashboard", *words]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
