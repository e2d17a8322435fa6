"""Worker processes: one thread each, lost ones replaced, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor

import pytest

from mlsse.local_engine import LocalEngine


def test_one_worker_is_this_process():
    with LocalEngine(1) as engine:
        assert engine.look_ahead == 1
        assert engine.submit(os.getpid).result() == os.getpid()
        with pytest.raises(ValueError, match="invalid literal"):
            engine.submit(int, "x").result()


def test_workers_are_processes_of_one_thread_each():
    with LocalEngine(2) as engine:
        assert engine.look_ahead == 4
        assert engine.submit(os.getpid).result() != os.getpid()
        assert engine.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        assert engine.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"


def test_a_lost_worker_breaks_its_calls_and_the_next_find_others():
    with LocalEngine(2) as engine:
        victim = engine.submit(os.getpid).result()
        asked = [engine.submit(time.sleep, 30) for _ in range(2)]
        os.kill(victim, signal.SIGKILL)
        for future in asked:
            with pytest.raises(engine.lost):
                future.result(60)
        assert engine.submit(abs, -1).result() == 1
    assert issubclass(BrokenExecutor, engine.lost)


def test_workers_end_with_a_parent_that_is_killed():
    code = (
        "import os, time\nfrom mlsse.local_engine import LocalEngine\n"
        "with LocalEngine(2) as engine:\n"
        "    print(engine.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)  # it is there
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 30
    while is_running(worker):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
