"""The Pareto front against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse.pareto import non_dominated


def by_definition(costs: np.ndarray) -> list[int]:
    return [
        i
        for i, one in enumerate(costs)
        if not any((other <= one).all() and (other < one).any() for other in costs)
    ]


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4])
def test_random_rows_with_ties(n_objectives: int) -> None:
    generator = np.random.default_rng(n_objectives)
    for n in (0, 1, 2, 60):
        costs = generator.integers(0, 6, size=(n, n_objectives)).astype(float)
        assert non_dominated(costs).tolist() == by_definition(costs)
