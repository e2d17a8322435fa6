"""Windows beside published ones and pymatgen, and along series of doped formulas."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlsse.benchmark_tools import (
    Protocols,
    pymatgen_composition,
    pymatgen_entries,
    read_rows,
    reference_row,
    window_limits,
    without_phase,
)
from mlsse.bundle import Model, champion
from mlsse.doped_series import DOPING, follow_series, read_series, rounding
from mlsse.formulas import Formula, parse_formula
from mlsse.phases import PhaseStore
from mlsse.thermodynamics import energy_above_hull
from mlsse.windows import Limits, Window, window

_log = logging.getLogger(__name__)

# Sizes of the protocols.
_N_PYMATGEN = 200
_N_ELEMENTS = (2, 5)
_N_ROUNDED = 500

_TOLERANCE_V = {"oxide": 0.05, "halide": 0.05, "phosphate": 0.05, "sulfide": 0.17}
_SAME_LIMIT_V = 0.002
_ON_HULL = 1e-6  # eV/atom

# The definition of a limit, written down a second time on purpose: a setting of `mlsse.windows`
# that was changed by mistake shows as a difference.
_FIRST_ION, _LAST_ION, _OUTWARDS, _SOME_LEFT = 0.001, 0.02, 2.0, 0.95
_N_IONS = 20_000  # points of a mean
_SAME_CONTENT = 1e-6


def window_protocols() -> Protocols:
    """Run all protocols of the windows benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``published``, ``pymatgen``, ``series``, ``unseen_series`` and ``rounding``
        by name.
    """
    model, series = champion(), read_series("doped_series.csv")
    rows = random_compounds(model, "Li", _N_PYMATGEN, n_elements=_N_ELEMENTS)
    with threadpool_limits(1, user_api="blas"):
        return {
            "published": published_windows(model),
            "pymatgen": pymatgen_windows(model, "Li", rows),
            "series": follow_series(model, series, DOPING),
            "unseen_series": follow_series(model, read_series("unseen_series.csv"), DOPING),
            "rounding": rounding(model, series, n=_N_ROUNDED),
        }


def published_windows(model: Model) -> dict[str, Any]:
    """Compare windows with the published ones of ``data/windows.csv``.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        ``n``, ``n_within`` the tolerance of the class at both limits (0.05 V, sulfides 0.17 V),
        ``n_within_by_class``, ``max_difference_v`` of those, and ``windows`` by formula:
        ``class``, ``within``, and for both limits ``ours``, ``published`` and ``difference`` in
        volts. A limit that misses has under ``misses`` its ``reaction``, and what the limit
        would be if there were not this or that product, ``without``.
    """
    rows = {row["formula"]: _published_window(model, row) for row in read_rows("windows.csv")}
    classes = dict.fromkeys(row["class"] for row in rows.values())
    within = [row for row in rows.values() if row["within"]]
    _log.info("published: %d of %d windows within the tolerance", len(within), len(rows))
    return {
        "n": len(rows),
        "n_within": len(within),
        "n_within_by_class": {
            name: "{} of {}".format(
                sum(row["class"] == name for row in within),
                sum(row["class"] == name for row in rows.values()),
            )
            for name in classes
        },
        "max_difference_v": max(
            (abs(row[name]["difference"]) for row in within for name in ("reduction", "oxidation")),
            default=None,
        ),
        "windows": rows,
    }


def _published_window(model: Model, row: dict[str, str]) -> dict[str, Any]:
    found = window(row["formula"], row["ion"], model=model)
    assert isinstance(found, Window)
    figures: dict[str, Any] = {"class": row["class"], "within": True}
    misses = {}
    for name in ("reduction", "oxidation"):
        ours, published = getattr(found, f"{name}_limit_v"), float(row[f"{name}_limit_v"])
        figures[name] = {"ours": ours, "published": published, "difference": ours - published}
        if abs(ours - published) > _TOLERANCE_V[row["class"]]:
            misses[name] = {
                "reaction": getattr(found, f"{name}_reaction"),
                "without": {
                    product: getattr(_limits_without(model, found, product), f"{name}_v")
                    for product in getattr(found, f"{name}_products")
                    if len(parse_formula(product).amounts) > 1
                },
            }
    return figures | ({"within": False, "misses": misses} if misses else {})


def _limits_without(model: Model, found: Window, phase: str) -> Limits:
    """Limits of a window as if a phase did not exist."""
    formula, phases = parse_formula(found.formula), model.phases
    system = phases.system(phases.elements_of(formula))
    row = reference_row(phases, parse_formula(phase))
    return window_limits(without_phase(system, row), formula, found.ion)


def random_compounds(model: Model, ion: str, n: int, *, n_elements: tuple[int, int]) -> list[int]:
    """Draw reference phases with an ion that lie on the hull.

    Parameters
    ----------
    model : Model
    ion : str
    n : int
    n_elements : tuple of int
        The least and the greatest number of elements, the ion counted.

    Returns
    -------
    list of int, length n
        Rows of the store, the same for the same store.
    """
    phases = model.phases
    rows = np.random.default_rng(0).permutation(np.flatnonzero(phases.near_hull)).tolist()
    low, high = n_elements
    found = []
    for row in rows:
        amounts = phases.amounts(row)
        if ion in amounts and low <= len(amounts) <= high:
            formula = Formula(phases.name(row), amounts)
            if energy_above_hull(formula, model)[0] <= _ON_HULL:
                found.append(row)
        if len(found) == n:
            break
    return found


def pymatgen_windows(model: Model, ion: str, rows: Sequence[int]) -> dict[str, Any]:
    """Compare the limits of reference phases with those by pymatgen's element profile.

    Parameters
    ----------
    model : Model
    ion : str
    rows : sequence of int
        Reference phases on the hull.

    Returns
    -------
    dict
        ``n``, and for each of three questions the compounds of which both limits agree within
        2 mV, ``n_within_2mv``, and of the differences of all limits ``median_mv``, ``max_mv``
        and the compound of the ``largest``:

        - ``same_mean``: our limits, and pymatgen's voltages averaged over the same ions;
        - ``strict``: the ends of the step of no uptake in our staircase, and pymatgen's
          voltages next to the composition;
        - ``limits_and_strict``: our limits and pymatgen's voltages next to the composition.
    """
    names, differences = [], []
    for i, row in enumerate(rows):
        formula = Formula(model.phases.name(row), model.phases.amounts(row))
        found = window(formula, ion, model=model)
        assert isinstance(found, Window)
        system = model.phases.system(model.phases.elements_of(formula))
        ours = found.reduction_limit_v, found.oxidation_limit_v
        profile = _Profile(model.phases, formula, ion)
        mean_limits = profile.mean_limits(window_limits(system, formula, ion).distance)
        strict = profile.strict_limits()
        here = next(step for step in found.steps if abs(step.uptake) < _SAME_CONTENT)
        assert here.voltage_high_v is not None  # some ions can always be given off
        staircase = here.voltage_low_v, here.voltage_high_v
        names.append(found.formula)
        differences.append(
            [np.subtract(ours, mean_limits), np.subtract(staircase, strict),
             np.subtract(ours, strict)]
        )  # fmt: skip
        if not (i + 1) % 50:
            _log.info("pymatgen: %d of %d windows", i + 1, len(rows))
    figures: dict[str, Any] = {"n": len(rows)}
    for place, name in enumerate(("same_mean", "strict", "limits_and_strict")):
        of_name = 1e3 * np.abs([three[place] for three in differences])
        worst = of_name.max(axis=1)
        figures[name] = {
            "n_within_2mv": int((worst <= 1e3 * _SAME_LIMIT_V).sum()),
            "median_mv": float(np.median(of_name)),
            "max_mv": float(worst.max()),
            "largest": names[int(worst.argmax())],
        }
    return figures


class _Profile:
    """Plateaus of voltage around a composition, from pymatgen's element profile.

    Ions are counted for one atom of the composition, above zero where taken up.
    """

    def __init__(self, phases: PhaseStore, formula: Formula, ion: str) -> None:
        from pymatgen.analysis.phase_diagram import PhaseDiagram
        from pymatgen.core import Element

        n_atoms = sum(formula.amounts.values())
        self.content = formula.amounts[ion] / n_atoms
        system = phases.system(phases.elements_of(formula))
        diagram = PhaseDiagram(pymatgen_entries(phases, system))
        profile = diagram.get_element_profile(Element(ion), pymatgen_composition(formula))
        # From the metal on: each potential holds from this uptake up to the one before.
        self.starts = np.array([step["evolution"] for step in profile]) / n_atoms
        self.voltages = -np.array([step["chempot"] for step in profile])

    def strict_limits(self) -> tuple[float, float]:
        """Voltages of the plateaus next to the composition."""
        reduction, oxidation = self._at(np.array([_SAME_CONTENT, -_SAME_CONTENT])).tolist()
        return reduction, oxidation

    def mean_limits(self, distance: float) -> tuple[float, float]:
        """Means over the ions that `mlsse.windows` takes; see there for the distance."""
        way = (np.arange(_N_IONS) + 0.5) / _N_IONS
        ions = _OUTWARDS * distance + _FIRST_ION + way * (_LAST_ION - _FIRST_ION)
        end = _OUTWARDS * distance + _LAST_ION
        taken_off = min(1.0, _SOME_LEFT * self.content / end) * ions
        reduction, oxidation = (
            float(np.average(self._at(some), weights=1.0 - way)) for some in (ions, -taken_off)
        )
        return reduction, oxidation

    def _at(self, uptakes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Voltages of the plateaus at some uptakes."""
        # The starts fall, from the metal on.
        return self.voltages[np.searchsorted(-self.starts, -uptakes)]
