"""A screen from its input to its tables: whole, the same however it was run, and told plainly."""

from __future__ import annotations

import csv
import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from mlsse import screening
from mlsse.errors import ConditionError, ScreenError, ScreenInputError
from mlsse.local_engine import LocalEngine
from mlsse.prediction import COLUMN_GROUPS, SCORE_CARD, predict_rows
from mlsse.screen_store import open_screen
from mlsse.screening import screen
from mlsse.screening_fault_benchmark import candidates, tables

QUICK = {"columns": "stability", "workers": 1}


def write(tmp_path, rows=60, name="in.csv"):
    path = tmp_path / name
    path.write_text("\n".join(candidates(rows)) + "\n")
    return path


def names(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    )  # fmt: skip


def test_all_rows_are_there_with_the_score_card_and_own_columns(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("id,formula,error\na,Li6PS5Cl,e1\nb,Xx2O,e2\nc,Li3YCl6,e3\nd\ne,Fe2O3,e5\n")
    done = screen(path, tmp_path / "out", chunk_rows=2, workers=1)
    assert (done.rows, done.scored, done.bad) == (5, 3, 2)
    scores, bad = tables(tmp_path / "out")
    assert scores.column_names == ["input_row", "id", "error_input", *SCORE_CARD]
    rows = scores.to_pylist()
    assert [(row["input_row"], row["id"], row["error_input"]) for row in rows] == [
        (0, "a", "e1"), (2, "c", "e3"), (4, "e", "e5"),
    ]  # fmt: skip
    expected = predict_rows(["Li6PS5Cl", "Li3YCl6", "Fe2O3"])
    for row, card in zip(rows, expected, strict=True):
        for name, value in card.items():
            known = pytest.approx(value, abs=1e-9) if isinstance(value, float) else value
            assert row[name] == known, name
    assert [line.split(",")[:3] for line in bad] == [["1", "3", "Xx2O"], ["3", "5", ""]]
    assert "Xx" in bad[0]
    found = open_screen(tmp_path / "out").manifest
    assert found.columns == tuple(COLUMN_GROUPS)
    assert found.totals.rows == found.totals.scored + found.totals.bad == 5
    assert found.totals.chunks == 3


def test_one_row_in_a_hundred_broken(tmp_path):
    done = screen(write(tmp_path, 1000), tmp_path / "out", chunk_rows=300, **QUICK)
    assert (done.rows, done.scored, done.bad) == (1000, 990, 10)
    scores, bad = tables(tmp_path / "out")
    assert [int(line.split(",")[0]) for line in bad] == list(range(50, 1000, 100))
    assert [int(line.split(",")[1]) for line in bad] == list(range(52, 1002, 100))
    assert scores["input_row"].to_pylist() == [i for i in range(1000) if i % 100 != 50]
    assert scores["number"].to_pylist() == [str(i) for i in range(1000) if i % 100 != 50]
    reasons = Counter(error for *_, error in csv.reader(bad))
    assert reasons["no formula"] == 2
    assert reasons["a quote is not closed, or not where it may be"] == 2
    assert reasons["3 cells, the header has 2"] == 2


def test_groups_that_are_left_out_are_empty_and_typed(tmp_path):
    screen(write(tmp_path), tmp_path / "out", chunk_rows=25, **QUICK)
    parts = open_screen(tmp_path / "out").score_files()
    assert len({str(parquet.read_schema(path)) for path in parts}) == 1
    scores, _ = tables(tmp_path / "out")
    assert scores["log10_conductivity"].null_count == scores.num_rows
    assert scores.schema.field("log10_conductivity").type == pa.float64()
    assert scores["stable_probability"].null_count == 0


def test_a_chunk_with_no_usable_row_is_done_all_the_same(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("Xx\nYy\nLi2O\n")
    done = screen(path, tmp_path / "out", chunk_rows=2, **QUICK)
    assert (done.scored, done.bad) == (1, 2)
    assert len(open_screen(tmp_path / "out").score_files()) == 2


def test_an_input_without_a_row_is_refused(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("# nothing\n")
    with pytest.raises(ScreenInputError, match="holds no formula"):
        screen(path, tmp_path / "out", **QUICK)
    assert not open_screen(tmp_path / "out").is_complete


def test_the_number_of_workers_makes_no_difference(tmp_path):
    path = write(tmp_path, 200)
    for workers in (1, 2):
        screen(path, tmp_path / str(workers), chunk_rows=30, workers=workers)
    assert names(tmp_path / "1") == names(tmp_path / "2")
    for name in names(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch):
    path = write(tmp_path, 100)
    screen(path, tmp_path / "out", chunk_rows=20, **QUICK)
    expected = tables(tmp_path / "out")
    parts = open_screen(tmp_path / "out").score_files()
    for part in (parts[1], parts[4]):
        part.unlink()
    parts[2].write_bytes(parts[2].read_bytes()[:100])  # damaged: as good as not done
    scored = []
    score = screening.score_chunk
    monkeypatch.setattr(
        screening,
        "score_chunk",
        lambda job, chunk: scored.append(chunk.number) or score(job, chunk),
    )
    done = screen(path, tmp_path / "out", chunk_rows=20, resume=True, **QUICK)
    assert scored == [1, 2, 4]
    assert (done.rows, done.scored, done.bad) == (100, 99, 1)
    found = tables(tmp_path / "out")
    assert found[0].equals(expected[0])
    assert found[1] == expected[1]
    scored.clear()
    again = screen(path, tmp_path / "out", chunk_rows=20, resume=True, **QUICK)
    assert (again.rows, again.scored, again.bad, again.rate, scored) == (100, 99, 1, 0.0, [])


def test_another_input_or_conditions_are_refused(tmp_path):
    path = write(tmp_path, 10)
    screen(path, tmp_path / "out", **QUICK)
    with pytest.raises(ScreenInputError, match="is not empty: --resume"):
        screen(path, tmp_path / "out", **QUICK)
    with pytest.raises(ScreenInputError, match="--columns: stability there, conductivity now"):
        screen(path, tmp_path / "out", resume=True, columns=["conductivity"])
    stamp = path.stat()
    path.write_bytes(path.read_bytes().replace(b"Li1La", b"Li2La"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # size and time are the same
    with pytest.raises(ScreenInputError, match="holds another screen \\(the input: "):
        screen(path, tmp_path / "out", resume=True, **QUICK)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"temperature_k": 5.0}, ConditionError, "5"),
        ({"ion": "Xx"}, ConditionError, "mobile ion 'Xx'"),
        ({"columns": ["colour"]}, ConditionError, "expected some of conductivity"),
        ({"chunk_rows": 0}, ScreenInputError, "expected 1 to 1,000,000"),
        ({"workers": 0}, ScreenInputError, "expected 1 or more"),
        ({"engine": "spark"}, ScreenInputError, "expected local or dask"),
        ({"scheduler": "tcp://x:1"}, ScreenInputError, "not with --engine local"),
    ],
)
def test_conditions_are_checked_before_anything_is_done(tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        screen(write(tmp_path), tmp_path / "out", **settings)
    assert not (tmp_path / "out" / "scores" / "part-000000.parquet").exists()


def test_what_was_read_before_a_fault_is_kept(tmp_path):
    path = tmp_path / "in.parquet"
    formulas = [f"Li{i}O{j}" for i in range(1, 21) for j in range(1, 21)]
    parquet.write_table(
        pa.table({"formula": formulas}), path, row_group_size=100, use_dictionary=False
    )
    data = bytearray(path.read_bytes())
    start = parquet.read_metadata(path).row_group(2).column(0).data_page_offset
    data[start : start + 50] = bytes(50)
    path.write_bytes(data)
    with pytest.raises(ScreenInputError, match="row 200 or one soon after it cannot be read"):
        screen(path, tmp_path / "out", chunk_rows=50, columns="stability", workers=2)
    found = open_screen(tmp_path / "out")
    assert len(found.score_files()) == 4
    assert not found.is_complete


def test_a_disk_that_fills_up_loses_nothing(tmp_path, monkeypatch):
    path = write(tmp_path, 100)
    screen(path, tmp_path / "whole", chunk_rows=20, **QUICK)
    fsync, n_calls = os.fsync, []

    def fill_up(descriptor):
        n_calls.append(descriptor)
        if len(n_calls) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(ScreenError, match=r"no room to write to .*make room and go on with --res"):
        screen(path, tmp_path / "out", chunk_rows=20, **QUICK)
    monkeypatch.undo()
    assert names(tmp_path / "out") == [
        "manifest.json", "scores/part-000000.parquet", "scores/part-000001.parquet",
    ]  # fmt: skip
    screen(path, tmp_path / "out", chunk_rows=20, resume=True, **QUICK)
    assert_same(tmp_path / "out", tmp_path / "whole")


def test_a_full_file_system_of_its_own(tmp_path):
    """Not a stand-in: a small tmpfs, two workers, and going on after there is room again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(words, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"cannot mount a tmpfs: {error}")
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    settings = {"columns": "stability", "chunk_rows": 20}
    try:
        path = write(tmp_path, 400)
        screen(path, tmp_path / "whole", workers=1, **settings)
        with pytest.raises(ScreenError, match="make room and go on with --resume"):
            screen(path, disk / "out", workers=2, **settings)
        written = {p: p.read_bytes() for p in open_screen(disk / "out").score_files()}
        assert written
        assert not list(disk.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
        screen(path, disk / "out", workers=2, resume=True, **settings)
        assert {p: p.read_bytes() for p in written} == written
        assert_same(disk / "out", tmp_path / "whole")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_limit_to_the_size_of_files_is_told_too(tmp_path):
    path = write(tmp_path, 40)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(ScreenError, match="no room to write"):
            screen(path, tmp_path / "out", chunk_rows=20, **QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path / "out") == ["manifest.json"]


def test_a_screen_killed_at_random_moments_goes_on_to_the_same_tables(tmp_path):
    path = write(tmp_path, 300)
    settings = {"columns": "stability", "chunk_rows": 10}
    screen(path, tmp_path / "whole", workers=1, **settings)
    code = (
        "import json, sys; from mlsse.screening import screen; "
        "screen(sys.argv[1], sys.argv[2], resume=True, workers=2, **json.loads(sys.argv[3]))"
    )
    words = [sys.executable, "-c", code, str(path), str(tmp_path / "out"), json.dumps(settings)]
    rng = random.Random(0)
    moments = (0, rng.randrange(1, 12), rng.randrange(12, 25))
    for n_kills, n_parts in enumerate(moments):
        process = subprocess.Popen(words, start_new_session=True)
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("out/scores/part-*"))) < n_parts:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        if n_kills % 2:
            process.kill()  # its workers find out
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    screen(path, tmp_path / "out", workers=2, resume=True, **settings)
    assert_same(tmp_path / "out", tmp_path / "whole")


def test_candidates_of_a_recipe_are_screened(tmp_path):
    path = tmp_path / "in.toml"
    path.write_text(
        'name = "argyrodites"\n[[series]]\nparents = ["Li6PS5Cl"]\n'
        'substitutions = [{site = "Cl", by = "Br", x = {from = 0, to = 1, by = 0.25}}]\n'
    )
    done = screen(path, tmp_path / "out", chunk_rows=2, **QUICK)
    assert done.scored == done.rows == 5
    scores, _ = tables(tmp_path / "out")
    assert scores["substitution"].to_pylist()[-1] == "Cl->Br x=1"
    assert scores["parent"].to_pylist() == ["Li6PS5Cl"] * 5


def assert_same(one, other):
    assert names(one) == names(other)
    for name in names(one):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


class Unsteady(LocalEngine):
    """Loses its worker at some calls."""

    def __init__(self, losing):
        super().__init__(1)
        self.losing = losing
        self.n_calls = 0

    def submit(self, function, *arguments):
        self.n_calls += 1
        if self.n_calls in self.losing:
            lost = Future()
            lost.set_exception(BrokenExecutor("killed"))
            return lost
        return super().submit(function, *arguments)


def test_lost_workers_cost_no_row(tmp_path, monkeypatch):
    path = write(tmp_path, 100)
    screen(path, tmp_path / "whole", chunk_rows=20, **QUICK)
    monkeypatch.setattr(screening, "_engine", lambda *_: Unsteady({1, 2, 3, 6}))
    screen(path, tmp_path / "out", chunk_rows=20, **QUICK)
    assert_same(tmp_path / "out", tmp_path / "whole")


def test_a_chunk_that_no_worker_survives_ends_the_screen(tmp_path, monkeypatch):
    path = write(tmp_path, 100)
    monkeypatch.setattr(screening, "_engine", lambda *_: Unsteady({2, 3, 4, 5}))
    with pytest.raises(ScreenError, match=r"lost again and again .* fewer --workers"):
        screen(path, tmp_path / "out", chunk_rows=20, **QUICK)
    assert len(open_screen(tmp_path / "out").score_files()) == 1


def test_a_cluster_that_is_not_there_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ScreenInputError, match="needs Dask"):
        screen(write(tmp_path), tmp_path / "out", engine="dask")
    assert not (tmp_path / "out").exists()


def test_ctrl_c_leaves_whole_parts_and_no_process(tmp_path):
    path = write(tmp_path, 2000)
    code = (  # what a script runs in the background ignores interrupts
        "import signal, sys; from mlsse.screening import screen; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        "screen(sys.argv[1], sys.argv[2], workers=2, chunk_rows=10, columns='stability')"
    )
    words = [sys.executable, "-c", code, str(path), str(tmp_path / "out")]
    process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("out/scores/part-*"))) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    _, said = process.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
    while running(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not list(tmp_path.rglob("*.tmp"))
    done = screen(path, tmp_path / "out", resume=True, chunk_rows=10, **QUICK)
    assert done.scored == 1980


def running(group):
    """Processes of a group that are not dead; a dead one may wait for its parent to look."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group, *_ = path.read_text().rpartition(")")[2].split()
            if int(of_group) == group and state != "Z":
                found.append(path.parent.name)
    return found
