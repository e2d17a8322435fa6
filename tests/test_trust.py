"""Trust: fitted on steps whose worth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlsse.arrhenius import Lines
from mlsse.signals import SIGNALS, signal
from mlsse.trust import Trust, fit_trust


def make_lines(n, seed=0):
    random = np.random.default_rng(seed)
    signals = np.zeros((n, len(SIGNALS)))
    signals[:, SIGNALS.index("crowd")] = 5.0
    signals[:, SIGNALS.index("local_spread")] = random.uniform(1.0, 3.0, n)
    signals[:, SIGNALS.index("step")] = random.normal(0.0, 2.0, n)
    step = signal(signals, "step")
    return Lines(-5.0 + step, np.full(n, 0.4), np.full(n, 0.2), signals)


def test_steps_are_believed_where_they_were_right_and_not_where_neighbours_scatter():
    lines = make_lines(4000)
    spread = signal(lines.signals, "local_spread")
    worth = np.where(spread < 2.0, 1.0, 0.1)
    noise = np.random.default_rng(1).normal(0.0, 0.3, 4000)
    truth = -5.0 + worth * signal(lines.signals, "step") + noise
    drawn = fit_trust(lines, truth, np.ones(4000))(lines)
    for part, expected in ((spread < 1.5, 1.0), (spread > 2.5, 0.1)):
        kept = (drawn.room_log10_conductivity + 5.0)[part] / signal(lines.signals, "step")[part]
        assert np.median(kept) == pytest.approx(expected, abs=0.25)
    errors = [np.abs(x.room_log10_conductivity - truth).mean() for x in (drawn, lines)]
    assert errors[0] < errors[1]


def test_trust_touches_the_room_temperature_value_alone_and_never_turns_a_step_around():
    lines = make_lines(50)
    drawn = Trust(np.array([-1.0, 0.3, 0.2, -0.5, 0.4, 0.1, 0.1]))(lines)
    assert drawn.activation_energy_ev is lines.activation_energy_ev
    assert drawn.signals is lines.signals
    ratio = (drawn.room_log10_conductivity + 5.0) / signal(lines.signals, "step")
    assert ((ratio >= 0.0) & (ratio <= 1.25)).all()


def test_a_known_composition_is_believed_as_it_is():
    lines = replace(make_lines(50), unexplained=np.zeros(50))
    drawn = Trust(np.array([-1.0, 0.3, 0.2, -0.5, 0.4, 0.1, 0.1]))(lines)
    np.testing.assert_allclose(drawn.room_log10_conductivity, lines.room_log10_conductivity)
