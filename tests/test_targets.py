"""The inverse temperature by hand and the temperatures that are refused."""

from __future__ import annotations

import math

import pytest

from mlsse.errors import ConditionError
from mlsse.targets import check_temperature, inverse_temperature


def test_inverse_temperature_by_hand():
    # 1 eV / (k ln 10) is 5039.8 K decades: 1/373.15 - 1/298.15 = -6.7412e-4 per K.
    assert inverse_temperature(298.15) == 0.0
    assert inverse_temperature(373.15) == pytest.approx(-5039.75 * 6.74118e-4, rel=1e-4)


@pytest.mark.parametrize("value", [200, 298.15, 800.0, "300"])
def test_temperatures_in_range_are_taken(value):
    assert check_temperature(value) == float(value)


@pytest.mark.parametrize("value", [199.9, 800.1, math.nan, math.inf, -1, "warm", None, True])
def test_others_are_refused_with_the_range(value):
    with pytest.raises(ConditionError, match="200 to 800 K"):
        check_temperature(value)
