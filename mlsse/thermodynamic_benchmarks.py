"""Hulls, windows and interfaces against published values, pymatgen, and the clock.

All protocols use the reference phases of the shipped model. Where pymatgen answers the same
question, it gets the very same phases and energies. Times are those of one thread.
"""

from __future__ import annotations

import csv
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlsse.bundle import Model, champion
from mlsse.datasets import load_dataset
from mlsse.formulas import Formula, parse_formula
from mlsse.interfaces import Interface, interface
from mlsse.paths import resource_folder
from mlsse.phases import ChemicalSystem, PhaseStore
from mlsse.simplex import minimise
from mlsse.speed import generated_formulas, predict_fresh
from mlsse.thermodynamics import energy_above_hull, hull
from mlsse.windows import WINDOW_CODES, Limits, Window, limits, window, window_notes

if TYPE_CHECKING:
    from pymatgen.core import Composition

Protocols = dict[str, dict[str, Any]]

_log = logging.getLogger(__name__)

_OUT_OF_REACH = 1e3  # eV/atom: the energy of a phase that no mixture takes up
_ON_HULL = 1e-6  # eV/atom

# Sizes of the protocols.
_N_RATE, _N_PYMATGEN_RATE = 5_000, 40
_N_TIMED = 40
_REPEATS = 5
_N_PREDICTED = 1_000
_N_PYMATGEN_WINDOWS = 200
_WINDOW_ELEMENTS = (2, 5)
_N_ROUNDED = 500

_TOLERANCE_V = {"oxide": 0.05, "halide": 0.05, "phosphate": 0.05, "sulfide": 0.17}
_SAME_LIMIT_V = 0.002
_DOPING = tuple(i / 100 for i in range(51))
_DOPING_RANGE = (0.01, 0.5)
_DECIMALS = 2
_JUMP_V = 0.3
_COLLAPSED_V = 0.05
_ROUNDING_V = 0.05

# The definition of a limit, written down a second time: see `mlsse.windows`.
_FIRST_ION, _LAST_ION, _OUTWARDS, _SOME_LEFT = 0.001, 0.02, 2.0, 0.95
_N_IONS = 20_000  # points of a mean
_SAME_CONTENT = 1e-6

_ELECTROLYTES = (
    "Li7La3Zr2O12", "Li3PS4", "Li6PS5Cl", "Li10GeP2S12", "Li1.3Al0.3Ti1.7(PO4)3", "Li3YCl6",
    "Li0.33La0.56TiO3", "Li3PO4", "Li2PO2N", "Li3InCl6", "Li7P3S11", "Li6.4La3Zr1.4Ta0.6O12",
    "Li6.25Al0.25La3Zr2O12", "Li1.5Al0.5Ge1.5(PO4)3", "Li5.5PS4.5Cl1.5", "Li4SnS4",
    "Li9.54Si1.74P1.44S11.7Cl0.3", "Li2ZrCl6", "Li3OCl", "Li3.5Ge0.5V0.5O4",
)  # fmt: skip
_N_COMPARED, _N_ORDERED = 10, 6
_PARTNERS = ("LCO", "LFP", "LMO", "NMC811", "lithium")
_TIMED_PARTNERS = ("LCO", "NMC811", "lithium", "LFP")
_GARNET, _SULFIDES = "Li7La3Zr2O12", ("Li3PS4", "Li6PS5Cl", "Li10GeP2S12")
_LAYERED = ("LCO", "NMC811")


def hull_protocols() -> Protocols:
    """Run all protocols of the hull benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``decomposition_energy``, ``rate``, ``timing`` and ``predict_1000`` by name.

    Raises
    ------
    DataUnavailableError
        If the published decomposition energies can be had from nowhere.
    """
    model = champion()
    table = load_dataset("critexam")
    texts = table["formula"].tolist()
    sample = random.Random(0).sample(texts, _N_RATE)
    asked = [*(row["formula"] for row in _read("windows.csv")), *generated_formulas(_N_TIMED)]
    with threadpool_limits(1, user_api="blas"):
        protocols = {
            "decomposition_energy": decomposition_energy(
                model.phases, texts, table["decomposition_energy_ev_per_atom"].to_numpy()
            ),
            "rate": rate(model.phases, sample, n_pymatgen=_N_PYMATGEN_RATE),
            "timing": timing(model, asked, _ELECTROLYTES, _TIMED_PARTNERS, repeats=_REPEATS),
        }
    _log.info("predict_%d: in a fresh process", _N_PREDICTED)
    protocols[f"predict_{_N_PREDICTED}"] = predict_fresh(generated_formulas(_N_PREDICTED))
    return protocols


def window_protocols() -> Protocols:
    """Run all protocols of the windows benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``published``, ``pymatgen``, ``series`` and ``rounding`` by name.
    """
    model, series = champion(), read_series()
    rows = random_compounds(model, "Li", _N_PYMATGEN_WINDOWS, n_elements=_WINDOW_ELEMENTS)
    with threadpool_limits(1, user_api="blas"):
        return {
            "published": published_windows(model),
            "pymatgen": pymatgen_windows(model, "Li", rows),
            "series": doped_series(model, series, _DOPING),
            "rounding": rounding(model, series, n=_N_ROUNDED),
        }


def interface_protocols() -> Protocols:
    """Run all protocols of the interfaces benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``pymatgen``, ``orders`` and ``products`` by name.
    """
    model = champion()
    with threadpool_limits(1, user_api="blas"):
        return {
            "pymatgen": pymatgen_interfaces(model, _ELECTROLYTES[:_N_COMPARED], _PARTNERS),
            "orders": orders(model, _ELECTROLYTES[:_N_ORDERED], _PARTNERS),
            "products": products(model),
        }


# Hulls
# -----


def decomposition_energy(
    phases: PhaseStore, texts: Sequence[str], published: NDArray[np.float64]
) -> dict[str, Any]:
    """Compare decomposition energies with published ones.

    Each compound is taken out of its own hull.

    Parameters
    ----------
    phases : PhaseStore
    texts : sequence of str
        Formulas of n reference phases.
    published : ndarray of shape (n,)
        Decomposition energies, eV/atom; at most zero for a stable compound.

    Returns
    -------
    dict
        ``n``; of the absolute differences ``median_mev``, ``p99_mev`` and ``max_mev`` per atom
        and the share ``within_1mev``; ``n_flipped`` compounds that are stable to one side
        alone, ``flipped`` with their published energies in meV, and the largest of those,
        ``max_flipped_mev``; ``seconds`` and ``compounds_per_second``, reading included.
    """
    _log.info("decomposition_energy: %d compounds", len(texts))
    start = perf_counter()
    found = np.array(_decomposition_energies(phases, texts))
    seconds = perf_counter() - start
    differences = 1e3 * np.abs(found - published)
    flipped = np.flatnonzero((found <= 0.0) != (published <= 0.0))
    return {
        "n": len(texts),
        "median_mev": float(np.median(differences)),
        "p99_mev": float(np.quantile(differences, 0.99)),
        "max_mev": float(differences.max()),
        "within_1mev": float((differences <= 1.0).mean()),
        "n_flipped": len(flipped),
        "max_flipped_mev": 1e3 * float(np.abs(published[flipped]).max(initial=0.0)),
        "flipped": {texts[i]: 1e3 * float(published[i]) for i in flipped.tolist()},
        "seconds": seconds,
        "compounds_per_second": len(texts) / seconds,
    }


def rate(phases: PhaseStore, texts: Sequence[str], *, n_pymatgen: int) -> dict[str, Any]:
    """Time decomposition energies, no chemical system known beforehand, beside pymatgen.

    pymatgen gets its entries ready made; the time is that of the phase diagram of the other
    phases and of the hull energy at the compound.

    Parameters
    ----------
    phases : PhaseStore
    texts : sequence of str
        Formulas of reference phases.
    n_pymatgen : int
        How many of them pymatgen gets: the first.

    Returns
    -------
    dict
        ``n``, ``compounds_per_second``; ``n_pymatgen``, ``pymatgen_compounds_per_second`` and
        ``ours_on_same_per_second``, the ``ratio`` of these two, and the greatest difference of
        the energies, ``max_abs_difference_ev_per_atom``.
    """
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    _log.info("rate: %d compounds, pymatgen on %d of them", len(texts), n_pymatgen)

    def ours(some: Sequence[str]) -> tuple[list[float], float]:
        fresh = PhaseStore(**phases.arrays())
        start = perf_counter()
        return _decomposition_energies(fresh, some), perf_counter() - start

    seconds = ours(texts)[1]
    found, seconds_same = ours(texts[:n_pymatgen])
    theirs, their_seconds = [], 0.0
    for text in texts[:n_pymatgen]:
        formula = parse_formula(text)
        row = _row(phases, formula)
        entries = _entries(phases, phases.elements_of(formula), whole=True, without=row)
        composition = _composition(formula)
        start = perf_counter()
        energy = PhaseDiagram(entries).get_hull_energy_per_atom(composition)
        their_seconds += perf_counter() - start
        theirs.append(float(phases.energies[row]) - energy)
    return {
        "n": len(texts),
        "compounds_per_second": len(texts) / seconds,
        "n_pymatgen": n_pymatgen,
        "pymatgen_compounds_per_second": n_pymatgen / their_seconds,
        "ours_on_same_per_second": n_pymatgen / seconds_same,
        "ratio": their_seconds / seconds_same,
        "max_abs_difference_ev_per_atom": float(np.abs(np.subtract(found, theirs)).max()),
    }


def timing(
    model: Model,
    texts: Sequence[str],
    electrolytes: Sequence[str],
    partners: Sequence[str],
    *,
    repeats: int,
) -> dict[str, Any]:
    """Time single answers, the model being loaded.

    Parameters
    ----------
    model : Model
    texts : sequence of str
        Lithium compounds for hulls and windows.
    electrolytes, partners : sequence of str
        Each with each for interfaces.
    repeats : int

    Returns
    -------
    dict
        ``n_formulas``, ``n_pairs``, and for ``hull``, ``window`` and ``interface`` medians over
        the formulas: ``_ms`` where the same was asked before, ``_new_ms`` where not even the
        chemical system was met before, and the slowest of these, ``_slowest_new_ms``.
    """
    pairs = [(one, other) for one in electrolytes for other in partners]
    _log.info("timing: %d formulas, %d pairs", len(texts), len(pairs))
    asked: dict[str, tuple[Callable[..., object], Sequence[tuple[str, ...]]]] = {
        "hull": (hull, [(text,) for text in texts]),
        "window": (window, [(text,) for text in texts]),
        "interface": (interface, pairs),
    }
    figures: dict[str, Any] = {"n_formulas": len(texts), "n_pairs": len(pairs)}
    for name, (answer, questions) in asked.items():
        new, warm = [], []
        for question in questions:
            answer(*question, model=model)
            times = [_milliseconds(answer, question, model) for _ in range(repeats)]
            warm.append(median(times))
            times = [_milliseconds(answer, question, _forgetful(model)) for _ in range(repeats)]
            new.append(median(times))
        figures |= {
            f"{name}_ms": median(warm),
            f"{name}_new_ms": median(new),
            f"{name}_slowest_new_ms": max(new),
        }
    return figures


def _milliseconds(answer: Callable[..., object], question: Sequence[str], model: Model) -> float:
    start = perf_counter()
    answer(*question, model=model)
    return 1e3 * (perf_counter() - start)


def _forgetful(model: Model) -> Model:
    """The same model, its trees loaded, which was asked nothing before."""
    _ = model.sessions
    fresh = copy(model)
    fresh.__dict__["phases"] = PhaseStore(**model.phases.arrays())
    return fresh


def _decomposition_energies(phases: PhaseStore, texts: Iterable[str]) -> list[float]:
    return [_decomposition_energy(phases, parse_formula(text)) for text in texts]


def _decomposition_energy(phases: PhaseStore, formula: Formula) -> float:
    """Energy of a reference phase against the mixtures of all others, eV/atom."""
    row = _row(phases, formula)
    elements = phases.elements_of(formula)
    system = phases.system(elements, whole=True)
    costs = system.energies.copy()
    costs[len(elements) + int(np.searchsorted(system.rows, row))] = _OUT_OF_REACH
    target = system.target(formula)
    basis = minimise(system.columns, costs, target)
    return float(phases.energies[row] - basis.prices(costs) @ target)


def _row(phases: PhaseStore, formula: Formula) -> int:
    row = phases.find(formula)
    if row is None:
        raise LookupError(f"{formula.text} is no reference phase")
    return row


# Windows
# -------


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
    rows = {row["formula"]: _published_window(model, row) for row in _read("windows.csv")}
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
    place = int(np.searchsorted(system.rows, _row(phases, parse_formula(phase))))
    column = len(system.elements) + place
    return _limits(
        ChemicalSystem(
            system.elements,
            np.delete(system.columns, column, axis=1),
            np.delete(system.energies, column),
            np.delete(system.rows, place),
        ),
        formula,
        found.ion,
    )


def _limits(system: ChemicalSystem, formula: Formula, ion: str) -> Limits:
    target = system.target(formula)
    basis = minimise(system.columns, system.energies, target)
    return limits(system, target[:, None], basis, ion)[0]


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
        mean_limits = profile.mean_limits(_limits(system, formula, ion).distance)
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
        diagram = PhaseDiagram(_entries(phases, phases.elements_of(formula)))
        profile = diagram.get_element_profile(Element(ion), _composition(formula))
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


@dataclass(frozen=True)
class DopedSeries:
    """A host in which one element takes the place of another, its charge made up by an ion.

    Attributes
    ----------
    family, ion, host : str
    site, dopant : str
        What is replaced, and by what.
    compensation : str
        Element whose amount keeps the formula neutral.
    site_charge, dopant_charge : int
    """

    family: str
    ion: str
    host: str
    site: str
    dopant: str
    compensation: str
    site_charge: int
    dopant_charge: int

    @property
    def name(self) -> str:
        """Such as ``Li7La3Zr2O12, Ta for Zr``."""
        return f"{self.host}, {self.dopant} for {self.site}"

    def amounts(self, x: float) -> dict[str, float]:
        """Amounts where x atoms of a formula unit are replaced."""
        amounts = dict(parse_formula(self.host).amounts)
        surplus = x * (self.dopant_charge - self.site_charge)
        for element, more in (
            (self.site, -x), (self.dopant, x), (self.compensation, -surplus),
        ):  # fmt: skip
            amounts[element] = amounts.get(element, 0.0) + more
        return amounts


def read_series() -> list[DopedSeries]:
    """Read the doped series of ``data/doped_series.csv``.

    Returns
    -------
    list of DopedSeries
    """
    return [
        DopedSeries(
            row["family"],
            row["ion"],
            row["host"],
            row["site"],
            row["dopant"],
            row["compensation"],
            int(row["site_charge"]),
            int(row["dopant_charge"]),
        )
        for row in _read("doped_series.csv")
    ]


@dataclass(frozen=True)
class _Point:
    """Limits of one composition, and whether its output warns that they may move."""

    formula: Formula
    reduction_v: float
    oxidation_v: float
    warnings: frozenset[str]

    @property
    def width_v(self) -> float:
        return self.oxidation_v - self.reduction_v

    def change_v(self, other: _Point) -> float:
        """The greater change of the two limits."""
        return max(
            abs(other.reduction_v - self.reduction_v), abs(other.oxidation_v - self.oxidation_v)
        )


def _point(phases: PhaseStore, amounts: dict[str, float], ion: str) -> _Point:
    amounts = {symbol: amount for symbol, amount in amounts.items() if amount > 1e-9}
    text = "".join(s if abs(a - 1.0) < 1e-9 else f"{s}{a:.6g}" for s, a in amounts.items())
    formula = Formula(text, amounts)
    found = _limits(phases.system(phases.elements_of(formula)), formula, ion)
    notes = window_notes(found, sum(amounts.values()), ion)
    codes = frozenset(note.partition(":")[0] for note in notes)
    return _Point(formula, found.reduction_v, found.oxidation_v, codes & WINDOW_CODES)


def doped_series(
    model: Model, series: Sequence[DopedSeries], doping: Sequence[float]
) -> dict[str, Any]:
    """Follow windows along doped series and count where they jump or collapse.

    Parameters
    ----------
    model : Model
    series : sequence of DopedSeries
    doping : sequence of float
        Values of x, rising.

    Returns
    -------
    dict
        ``n_series``; ``n_steps``, ``n_jumps`` (steps that move a limit by more than 0.3 V) and
        ``jumps_percent``; ``n_windows``, ``n_collapsed`` (narrower than 0.05 V) and
        ``collapsed_percent``; how many of both carry a warning in the output, of a step at
        either end, ``n_jumps_flagged`` and ``n_collapsed_flagged``; and by series what jumped,
        ``jumps``, and collapsed, ``collapsed``, with the values of x.

    Notes
    -----
    The settings of `mlsse.windows` were chosen with an eye on these series, so their figures say
    how well the settings suit them, not how they do on others.
    """
    jumps, collapsed = {}, {}
    for one in series:
        points = [_point(model.phases, one.amounts(x), one.ion) for x in doping]
        jumps[one.name] = _jumps(doping, points)
        collapsed[one.name] = _collapsed(doping, points)
    jumps = {name: found for name, found in jumps.items() if found["n"]}
    collapsed = {name: found for name, found in collapsed.items() if found["n"]}
    n_steps, n_windows = len(series) * (len(doping) - 1), len(series) * len(doping)
    n_jumps = sum(found["n"] for found in jumps.values())
    n_collapsed = sum(found["n"] for found in collapsed.values())
    _log.info("series: %d jumps, %d collapsed windows", n_jumps, n_collapsed)
    return {
        "n_series": len(series),
        "n_steps": n_steps,
        "n_jumps": n_jumps,
        "n_jumps_flagged": sum(found["flagged"] for found in jumps.values()),
        "jumps_percent": 100.0 * n_jumps / n_steps,
        "n_windows": n_windows,
        "n_collapsed": n_collapsed,
        "n_collapsed_flagged": sum(found["flagged"] for found in collapsed.values()),
        "collapsed_percent": 100.0 * n_collapsed / n_windows,
        "jumps": jumps,
        "collapsed": collapsed,
    }


def _jumps(doping: Sequence[float], points: Sequence[_Point]) -> dict[str, Any]:
    """Steps that move a limit far, by the x at which they end."""
    steps = [
        (x, before.change_v(after), bool(before.warnings | after.warnings))
        for x, (before, after) in zip(doping[1:], pairwise(points), strict=True)
        if before.change_v(after) > _JUMP_V
    ]
    return {
        "n": len(steps),
        "flagged": sum(flagged for _, _, flagged in steps),
        "change_v": {f"{x:g}": change for x, change, _ in steps},
    }


def _collapsed(doping: Sequence[float], points: Sequence[_Point]) -> dict[str, Any]:
    """Windows of nearly no width, with their x."""
    narrow = [(x, p) for x, p in zip(doping, points, strict=True) if p.width_v < _COLLAPSED_V]
    return {
        "n": len(narrow),
        "flagged": sum(bool(point.warnings) for _, point in narrow),
        "x": [x for x, _ in narrow],
    }


def rounding(model: Model, series: Sequence[DopedSeries], *, n: int) -> dict[str, Any]:
    """Round the amounts of doped formulas to two decimals and see how far limits move.

    Parameters
    ----------
    model : Model
    series : sequence of DopedSeries
    n : int
        Number of formulas, drawn at random from the series, x from 0.01 to 0.5.

    Returns
    -------
    dict
        ``n``, ``n_moved`` (a limit moved by more than 0.05 V), ``kept_percent``,
        ``n_moved_flagged`` (the output of the rounded formula has a warning), ``max_change_v``
        and ``moved``, the largest change first.
    """
    generator = random.Random(0)
    moved, changes = [], []
    for _ in range(n):
        one = generator.choice(series)
        exact = one.amounts(generator.uniform(*_DOPING_RANGE))
        rounded = {symbol: round(amount, _DECIMALS) for symbol, amount in exact.items()}
        before, after = (_point(model.phases, a, one.ion) for a in (exact, rounded))
        changes.append(before.change_v(after))
        if changes[-1] > _ROUNDING_V:
            moved.append(
                {
                    "formula": before.formula.text,
                    "rounded": after.formula.text,
                    "change_v": changes[-1],
                    "flagged": bool(after.warnings),
                }
            )
    _log.info("rounding: %d of %d formulas moved", len(moved), n)
    return {
        "n": n,
        "n_moved": len(moved),
        "n_moved_flagged": sum(row["flagged"] for row in moved),
        "kept_percent": 100.0 * (1.0 - len(moved) / n),
        "max_change_v": max(changes),
        "moved": sorted(moved, key=lambda row: -row["change_v"]),
    }


# Interfaces
# ----------


def pymatgen_interfaces(
    model: Model, electrolytes: Sequence[str], partners: Sequence[str]
) -> dict[str, Any]:
    """Compare reaction energies with those of pymatgen's ``InterfacialReactivity``.

    Both at open circuit with both materials at their hull energy; pymatgen gets its entries
    ready made.

    Parameters
    ----------
    model : Model
    electrolytes, partners : sequence of str
        Each with each.

    Returns
    -------
    dict
        ``n``, ``max_abs_difference_ev_per_atom`` and the pair of the ``largest``; medians of
        the times ``ms`` (no chemical system met before), ``pymatgen_ms`` (phase diagram
        included) and ``pymatgen_reaction_ms`` (without it), and the ``ratio`` of the first two.
    """
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    differences, ours, theirs, theirs_alone = {}, [], [], []
    for one in electrolytes:
        _log.info("pymatgen: %s with %d partners", one, len(partners))
        for other in partners:
            found = _interface(one, other, model)
            ours.append(_milliseconds(interface, (one, other), _forgetful(model)))
            formulas = [parse_formula(text) for text in (found.first, found.second)]
            elements = model.phases.elements_of(*formulas)
            entries = _entries(model.phases, elements)
            compositions = [_composition(formula) for formula in formulas]
            start = perf_counter()
            diagram = PhaseDiagram(entries)
            built = perf_counter()
            reaction = InterfacialReactivity(
                compositions[0], compositions[1], diagram, use_hull_energy=True
            )
            energy = min(kink[2] for kink in reaction.get_kinks())
            done = perf_counter()
            theirs.append(1e3 * (done - start))
            theirs_alone.append(1e3 * (done - built))
            differences[f"{one}, {other}"] = abs(found.reaction_energy_ev_per_atom - energy)
    largest = max(differences, key=differences.__getitem__)
    return {
        "n": len(differences),
        "max_abs_difference_ev_per_atom": float(differences[largest]),
        "largest": largest,
        "ms": median(ours),
        "pymatgen_ms": median(theirs),
        "pymatgen_reaction_ms": median(theirs_alone),
        "ratio": median(theirs) / median(ours),
    }


def orders(model: Model, electrolytes: Sequence[str], partners: Sequence[str]) -> dict[str, Any]:
    """Rank reactions as the literature does.

    Parameters
    ----------
    model : Model
    electrolytes : sequence of str
        With garnet and sulfides.
    partners : sequence of str
        With LCO, LFP, LMO and NMC811.

    Returns
    -------
    dict
        ``mev_per_atom``, reaction energies by electrolyte and partner;
        ``garnet_reacts_least_with_lco`` of LCO, LFP and LMO; and by layered oxide how many
        times as strongly as garnet the least reactive sulfide reacts,
        ``min_ratio_of_sulfides_to_garnet`` (None where garnet does not react at all).
    """
    energies = {
        one: {
            other: 1e3 * _interface(one, other, model).reaction_energy_ev_per_atom
            for other in partners
        }
        for one in electrolytes
    }
    garnet = energies[_GARNET]
    return {
        "mev_per_atom": energies,
        "garnet_reacts_least_with_lco": garnet["LCO"] > max(garnet["LFP"], garnet["LMO"]),
        "min_ratio_of_sulfides_to_garnet": {
            # Energies below zero: the greatest is that of the sulfide that reacts least.
            oxide: max(energies[sulfide][oxide] for sulfide in _SULFIDES) / garnet[oxide]
            if garnet[oxide]
            else None
            for oxide in _LAYERED
        },
    }


def products(model: Model) -> dict[str, Any]:
    """Reactions whose products are known.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        ``reaction`` and ``as_expected`` of Na3SbS4 beside sodium, Li10GeP2S12 beside plenty of
        lithium, and Li7La3Zr2O12 oxidised.
    """
    sodium = _interface("Na3SbS4", "sodium", model)
    lithium = _interface("Li10GeP2S12", "lithium", model)
    garnet = window(_GARNET, model=model)
    assert isinstance(garnet, Window)
    beside_lithium = set(lithium.kinks[1].products)
    alloys = [set(parse_formula(name).amounts) == {"Li", "Ge"} for name in beside_lithium]
    oxides = {"Li2O2", "Li6Zr2O7", "La2O3"}
    return {
        "Na3SbS4 with sodium": {
            "reaction": sodium.reaction,
            "as_expected": set(sodium.products) == {"Na2S", "Na3Sb"},
        },
        "Li10GeP2S12 with lithium": {
            "reaction": lithium.excess_reaction,
            "as_expected": beside_lithium >= {"Li3P", "Li2S"} and any(alloys),
        },
        "Li7La3Zr2O12 oxidised": {
            "reaction": garnet.oxidation_reaction,
            "as_expected": set(garnet.oxidation_products) == oxides,
        },
    }


def _interface(first: str, second: str, model: Model) -> Interface:
    found = interface(first, second, model=model)
    assert isinstance(found, Interface)
    return found


# pymatgen, and files
# -------------------


def _entries(
    phases: PhaseStore,
    elements: tuple[str, ...],
    *,
    whole: bool = False,
    without: int | None = None,
) -> list[Any]:
    """Entries of pymatgen for a chemical system, one reference phase left out."""
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    entries = [PDEntry(Composition(element), 0.0) for element in elements]
    for row in phases.system(elements, whole=whole).rows.tolist():
        if row != without:
            amounts = phases.amounts(row)
            energy = float(phases.energies[row]) * sum(amounts.values())
            entries.append(PDEntry(Composition(amounts), energy))
    return entries


def _composition(formula: Formula) -> Composition:
    from pymatgen.core import Composition

    return Composition(formula.amounts)


def _read(name: str) -> list[dict[str, str]]:
    with (resource_folder("data") / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
