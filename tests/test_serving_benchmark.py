"""The benchmark of serving, on a server with a model fitted to invented rows."""

from __future__ import annotations

import sys

import pytest
import synthetic

from mlsse import serving_benchmark
from mlsse.errors import ServerError
from mlsse.serving_load import Answer, free_port, mlsse_command, running
from mlsse.speed import generated_formulas

TEXTS = generated_formulas(60)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark") / "bundle"
    synthetic.write(folder)
    return folder


@pytest.fixture(scope="module")
def port(bundle):
    free = free_port()
    with running(mlsse_command(free, bundle), free):
        yield free


def test_one_formula_compares_servers(port):
    ports = {"mlsse": port, "mlflow": port, "empty": port}
    figures = serving_benchmark.one_formula(ports, TEXTS[:30])
    assert figures["n"] == 30
    assert 0 < figures["mlsse_p50_ms"] <= figures["mlsse_p99_ms"]
    assert 0.2 < figures["mlflow_over_empty"] < 5  # one and the same server


def test_eight_clients_are_all_answered(port):
    figures = serving_benchmark.eight_clients({"mlsse": port}, TEXTS, seconds=1.0)
    assert figures["failed"] == 0
    assert figures["mlsse_per_second"] > 1


def test_batch_takes_less_than_its_rows_one_by_one(port):
    figures = serving_benchmark.batches(port, TEXTS, repeats=1)
    assert figures["n"] == 60
    assert 0 < figures["seconds"] < 60


def test_endpoint_command_line_and_python_give_the_same_numbers(port, bundle):
    figures = serving_benchmark.same_numbers(port, [*TEXTS, "Xx2O"], bundle)
    assert figures["other_differences"] == 0
    for way in ("endpoint_batch", "endpoint_alone", "command_line"):
        assert figures[f"{way}_max_abs_difference"] < 1e-9


def test_hostile_requests_are_all_refused(port):
    figures = serving_benchmark.hostile(port, port)
    assert figures["failures"] == {}
    assert figures["refused"] == figures["n"] == len(figures["plain_mlflow"])
    assert figures["alive"] is True


def test_mixed_load_breaks_nothing(port):
    figures = serving_benchmark.mixed_load(port, TEXTS * 20, seconds=3.0)
    assert figures["n_5xx"] == figures["n_broken"] == 0
    assert {"one formula, 200", "invalid, 400", "oversized, 413"} <= set(figures["answers"])
    assert figures["memory_after_mib"] > 20


def test_a_server_that_ends_is_an_error():
    with (
        pytest.raises(ServerError, match="does not answer: no luck"),
        running([sys.executable, "-c", "raise SystemExit('no luck')"], free_port()),
    ):
        pass


@pytest.mark.parametrize(
    ("body", "clean"),
    [
        (b'{"error_code": "X", "message": "one line"}', True),
        (b"one line\n", True),
        (b"", False),
        (b'{"message": "two\\nlines"}', False),
        (b'{"message": "Traceback (most recent call last)"}', False),
        (b'{"message": "in /usr/lib/python3/site-packages/x"}', False),
        (b'{"message": "one", "stack_trace": "two"}', False),
    ],
)
def test_what_counts_as_clean(body, clean):
    assert serving_benchmark.is_clean(body) is clean


def test_an_answer_of_failure_is_no_figure(monkeypatch):
    monkeypatch.setattr(
        serving_benchmark.Client, "ask", lambda self, asked: Answer(500, b"no", 0.0)
    )
    with pytest.raises(ServerError, match="status 500"):
        serving_benchmark.batches(1, TEXTS, repeats=1)
