"""What a training costs: time, and an estimate of energy and carbon.

References
----------
L. Lannelongue, J. Grealey and M. Inouye, Green Algorithms: quantifying the carbon footprint of
computation, Advanced Science 8, 2100707 (2021), doi:10.1002/advs.202100707: the formula, and the
values where nothing is known of the machine. Carbon intensity of the world's electricity: IEA,
Global Energy and CO2 Status Report (2019).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlsse import provenance

CORE_W = 12.0
MEMORY_W_PER_GB = 0.3725
#: Power of a data centre over that of its computers.
OVERHEAD = 1.67
CARBON_G_PER_KWH = 475.0


@dataclass(frozen=True)
class Cost:
    """What was used.

    Attributes
    ----------
    wall_seconds : float
    cpu_seconds : float
        Over all cores, finished child processes included.
    peak_memory_gb : float or None
        Of the process; None where the system does not tell.
    cpu : str
    cores : int
        Those that the process could use.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_memory_gb: float | None
    cpu: str
    cores: int


@dataclass(frozen=True)
class Footprint:
    """An estimate of what a cost means."""

    energy_kwh: float
    carbon_kg: float


class Meter:
    """Counts from when it is made.

    Examples
    --------
    >>> Meter().cost().wall_seconds >= 0.0
    True
    """

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def cost(self) -> Cost:
        """What was used until now."""
        machine = provenance.machine()
        return Cost(
            round(time.perf_counter() - self._wall, 1),
            round(_cpu_seconds() - self._cpu, 1),
            _peak_memory_gb(),
            machine["cpu"],
            machine["cores"],
        )


def footprint(cost: Mapping[str, Any]) -> Footprint:
    """Estimate energy and carbon.

    Parameters
    ----------
    cost : mapping
        The fields of a `Cost`.

    Returns
    -------
    Footprint
        With 12 W a core, 0.3725 W a GB of memory, 1.67 for cooling and the like, and 475 g of
        carbon dioxide a kWh, the mean of the world: on other machines and in other countries it
        may be a tenth of that, or twice.

    Examples
    --------
    >>> cost = {"wall_seconds": 3600.0, "cpu_seconds": 3600.0, "peak_memory_gb": 0.0}
    >>> round(footprint(cost).energy_kwh, 5)
    0.02004
    """
    memory_gb = cost["peak_memory_gb"] or 0.0
    watt_seconds = (
        cost["cpu_seconds"] * CORE_W + cost["wall_seconds"] * memory_gb * MEMORY_W_PER_GB
    ) * OVERHEAD
    energy_kwh = watt_seconds / 3.6e6
    return Footprint(energy_kwh, energy_kwh * CARBON_G_PER_KWH / 1000.0)


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _peak_memory_gb() -> float | None:
    try:
        import resource
    except ImportError:  # no Unix
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere.
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e9, 2)
