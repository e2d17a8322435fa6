"""The predicted properties and the numbers that all parts agree on."""

from __future__ import annotations

import math

from mlsse.errors import ConditionError

ROOM_TEMPERATURE_K = 298.15
MIN_TEMPERATURE_K = 200.0
MAX_TEMPERATURE_K = 800.0

#: Nominal coverage of the interval between the columns ``..._lower`` and ``..._upper``.
INTERVAL_COVERAGE = 0.90
#: A conductor counts as superionic from here on, log10 of S/cm.
SUPERIONIC_LOG10 = -4.0
#: A compound counts as metastable up to here, eV/atom above the hull.
METASTABLE_EV_PER_ATOM = 0.05
#: No activation energy is predicted below this, eV; the least one measured is about 0.1 eV.
MIN_ACTIVATION_ENERGY_EV = 0.05

_BOLTZMANN_EV_PER_K = 8.617333262e-5  # CODATA 2018


def inverse_temperature(temperature_k: float) -> float:
    """Decades of conductivity that 1 eV of activation energy takes away.

    Parameters
    ----------
    temperature_k : float
        Temperature in K.

    Returns
    -------
    float
        ``(1/T - 1/298.15 K) / (k ln 10)`` in decades per eV: zero at room temperature, and
        ``log10 conductivity(T) = log10 conductivity(298.15 K) - activation energy * this``.
    """
    return (1.0 / temperature_k - 1.0 / ROOM_TEMPERATURE_K) / (_BOLTZMANN_EV_PER_K * math.log(10.0))


def check_temperature(temperature_k: float) -> float:
    """Return the temperature as a float.

    Raises
    ------
    ConditionError
        If it is not a finite number between 200 and 800 K.
    """
    try:
        value = float(temperature_k)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(temperature_k, bool) or not MIN_TEMPERATURE_K <= value <= MAX_TEMPERATURE_K:
        raise ConditionError(
            f"temperature {temperature_k!r} K: expected a finite number from "
            f"{MIN_TEMPERATURE_K:g} to {MAX_TEMPERATURE_K:g} K (-73.15 to 526.85 degrees Celsius)"
        )
    return value
