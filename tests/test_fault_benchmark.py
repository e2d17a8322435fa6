"""The trial of faults: what it calls a fault, and that it kills where it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlsse import fault_benchmark, gate
from mlsse.config import GateConfig
from mlsse.errors import ConfigError

SMOKE = Path(__file__).parents[1] / "experiments" / "smoke.toml"
BASE = dict.fromkeys(gate.METRICS, 0.5)
BETTER = BASE | {"conductivity_mae": 0.3}


def version(number, outcome, rival, scores, rival_scores, *, is_champion=False):
    tags = {
        "retraining_rival": rival,
        "held_out_scores": json.dumps(scores),
        "rival_held_out_scores": json.dumps(rival_scores),
    }
    if outcome:
        tags["retraining_outcome"] = outcome
    return {"number": number, "is_champion": is_champion, "tags": tags}


FIRST = version(1, "promoted", "none", BASE, None)
SECOND = version(2, "promoted", "version 1", BETTER, BASE, is_champion=True)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ([FIRST, SECOND], ""),
        ([FIRST, version(3, "", "version 1", BASE, BASE), SECOND], ""),  # of a killed job
        ([FIRST | {"is_champion": True}, version(2, "kept", "version 1", BASE, BASE)], ""),
        ([FIRST], "champions []"),
        ([FIRST | {"is_champion": True}, SECOND], "champions [1, 2]"),
        ([FIRST | {"is_champion": True}, version(2, "kept", "version 1", BETTER, BASE)],
         "version 2 against the gate"),
        ([FIRST, version(2, "promoted", "none", BASE, None, is_champion=True)],
         "version 2 was promoted without beating version 1"),
    ],
)  # fmt: skip
def test_a_registry_is_held_against_the_gate(found, fault):
    assert fault_benchmark._fault(found, GateConfig()) == fault


def test_a_job_is_killed_after_its_line_and_one_that_ended_is_told():
    def start(*lines, then="time.sleep(60)"):
        said = "".join(f"print({line!r}, file=sys.stderr, flush=True)\n" for line in lines)
        code = f"import sys, time\n{said}{then}"
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)

    kill_in = fault_benchmark._kill_in
    run, register = "logging the run", "registering the challenger"
    begun = time.monotonic()
    assert kill_in(start("fitting", run), run, 0.1) == "logging"
    assert kill_in(start(run, register), run, 1.0) == "registering"  # said meanwhile
    assert kill_in(start("fitting"), "", 1.0) == "before"
    assert kill_in(start(run, "exporting version 2", "exported"), run, 1.0) == ""
    assert kill_in(start(run, then=""), run, 3.0) == ""
    assert kill_in(start("fitting", then=""), run, 0.0) == ""
    assert time.monotonic() - begun < 50


def test_a_quick_experiment_is_asked_for():
    with pytest.raises(ConfigError, match="name a quick --config"):
        fault_benchmark.measure(None)


@pytest.mark.mirror
@pytest.mark.skipif(
    os.environ.get("MLSSE_SLOW_TESTS") != "1",
    reason="takes 15 minutes: set MLSSE_SLOW_TESTS=1, or run `mlsse benchmark faults`",
)
def test_nothing_breaks():
    found = fault_benchmark.measure(SMOKE)
    at_once, killed = found["two_at_once"], found["killed"]
    assert at_once["n_with_an_error"] == 0
    assert at_once["n_with_exactly_one_champion"] == at_once["n_trials"]
    assert at_once["n_as_the_gate_says"] == at_once["n_trials"]
    for name in ("store_opens", "champion_predicts", "export_is_whole", "next_job_succeeds"):
        assert killed[name] == killed["n"], name
    assert killed["as_the_gate_says"] == killed["n"]
