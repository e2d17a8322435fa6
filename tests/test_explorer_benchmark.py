"""The benchmark of the explorer, on one that runs in a thread."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("dash", reason="needs mlsse[explore]")

import browsing
import explorer
import screens

from mlsse import explorer_benchmark, explorer_load
from mlsse.errors import ServerError
from mlsse.explorer.context import Context
from mlsse.serving_load import Answer, Asked, Client, free_port
from mlsse.speed import generated_formulas

TEXTS = generated_formulas(10)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    cards = [screens.card(text, -4.0 - i / 10) for i, text in enumerate(TEXTS)]
    folder = screens.write_screen(tmp_path_factory.mktemp("explorer") / "screen", cards)
    context = explorer.context()
    with browsing.served(Context(context.model, context.measured, "", folder)) as address:
        yield int(address.rpartition(":")[2])


def test_every_act_is_answered_without_an_error(port):
    explorer_benchmark.warm_up(port, TEXTS)


def test_one_formula_takes_as_long_as_its_requests(port):
    figures = explorer_benchmark.one_formula(port, TEXTS[:3])
    assert figures["n"] == 3
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"]


def test_visitors_do_all_kinds_of_acts(port, monkeypatch):
    few = {name: explorer_load.ACTS[name] for name in ("open a view", "filter a screen")}
    monkeypatch.setattr(explorer_load, "ACTS", few)
    figures = explorer_benchmark.visitors(port, TEXTS, seconds=1.0, pause_seconds=0.2)
    assert figures["failed"] == {}
    assert set(figures["p95_ms_by_act"]) == set(few)
    assert figures["n_acts"] >= 20
    assert figures["n_requests"] >= figures["n_acts"]


def test_an_act_that_fails_is_counted(port, monkeypatch):
    page = explorer_load.Page(port)
    asked = page.asking("arrhenius-plot.figure", {"arrhenius-formula.value": "Xx"})
    acts = {
        "wrong formula": explorer_load.Act(1, lambda *_: [asked]),
        "wrong request": explorer_load.Act(1, lambda *_: [Asked(b"[]", path="/nowhere")]),
    }
    monkeypatch.setattr(explorer_load, "ACTS", acts)
    figures = explorer_benchmark.visitors(port, TEXTS, seconds=1.0, pause_seconds=0.2)
    assert set(figures["failed"]) == {
        "wrong formula, error shown", "wrong request, status 405"
    }  # fmt: skip


def test_all_that_is_hostile_is_refused(port):
    figures = explorer_benchmark.hostile(port)
    assert figures["failures"] == {}
    assert figures["refused"] == figures["n"] > 30
    assert figures["alive"] is True


def test_a_malformed_request_is_told_what_is_wrong(port):
    requests = explorer_benchmark.malformed_requests(explorer_load.Page(port))
    client = Client(port)
    for name, told in (
        ("a list", b"expected an object"),
        ("unknown output", b"no callback has this output"),
        ("no inputs", b"inputs are not those of the callback"),
        ("outputs of another", b"outputs are not those of the callback"),
        ("changes that are a number", b"changedPropIds are no list of texts"),
        ("deep JSON", b"nested too deeply"),
    ):
        answer = client.ask(requests[name])
        assert (answer.status, answer.body) == (400, told)
    client.close()


def test_what_the_page_sends_is_the_callback_it_asks_for(port):
    page = explorer_load.Page(port)
    body = page.body("predict-page.data", {"explorer-formulas.data": ["Li3N"]}, "predict-next.n")
    assert {"id": "predict-page", "property": "data"} in body["outputs"]
    assert body["inputs"][0]["value"] == ["Li3N"]
    assert body["changedPropIds"] == ["predict-next.n"]
    assert json.loads(page.asking("predict-page.data", {}).body)["output"] == body["output"]


def test_no_explorer_is_an_error(monkeypatch, port):
    with pytest.raises(ServerError, match="no explorer at port"):
        explorer_load.Page(free_port())
    monkeypatch.setattr(Client, "ask", lambda self, asked: Answer(500, b"no", 0.0))
    page = object.__new__(explorer_load.Page)
    monkeypatch.setattr(explorer_benchmark, "Page", lambda port: page)
    monkeypatch.setattr(explorer_benchmark, "predicting", lambda page, text: [Asked(b"")])
    with pytest.raises(ServerError, match="status 500"):
        explorer_benchmark.one_formula(port, TEXTS[:1])
