"""What the views of single formulas show, computed: no page, no figure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mlsse import tables
from mlsse.compositions import composition_vectors
from mlsse.errors import FormulaError
from mlsse.explorer.context import Context
from mlsse.features import MOBILE_ION, compute_features
from mlsse.formulas import parse_formula
from mlsse.kernels import Floats
from mlsse.targets import (
    MAX_TEMPERATURE_K,
    MIN_TEMPERATURE_K,
    ROOM_TEMPERATURE_K,
    inverse_temperature,
)

#: Known materials that are shown beside a formula.
N_NEAREST = 5
_N_TEMPERATURES = 61


@dataclass(frozen=True)
class Neighbour:
    """A known material near to the formula asked for.

    Attributes
    ----------
    formula : str
    distance : float
        Earth mover's distance along the modified Pettifor scale.
    room_log10_conductivity : float
        Mean of what was measured, brought to 298.15 K, log10 of S/cm; from the model.
    measurements : list of dict
        Canonical rows; empty where the datasets are not at hand.
    """

    formula: str
    distance: float
    room_log10_conductivity: float
    measurements: list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """A predicted Arrhenius line.

    Attributes
    ----------
    formula : str
    temperature_k : ndarray of shape (k,)
        Rising; the limits of what the model answers are the ends.
    log10_conductivity, lower, upper : ndarray of shape (k,)
        log10 of S/cm, with the 90 % interval.
    activation_energy_ev : float
    in_domain : bool
    domain_reasons : list of str
        Why not, the gravest first.
    supported_k : (float, float)
        Between which temperatures most measurements lie.
    """

    formula: str
    temperature_k: Floats
    log10_conductivity: Floats
    lower: Floats
    upper: Floats
    activation_energy_ev: float
    in_domain: bool
    domain_reasons: list[str]
    supported_k: tuple[float, float]


@lru_cache(maxsize=256)
def neighbours(text: str, context: Context, k: int = N_NEAREST) -> list[Neighbour]:
    """The nearest known materials, the nearest first.

    Parameters
    ----------
    text : str
        A formula.
    context : Context
    k : int
        At most so many.

    Raises
    ------
    FormulaError
    """
    model = context.model
    k = min(k, len(model.process.vectors))
    indices, distances = model.known.nearest(composition_vectors([parse_formula(text)]), k)
    return [
        Neighbour(
            model.known_formula(i),
            distance,
            float(model.process.known_log10[i]),
            context.measurements_of(i),
        )
        for i, distance in zip(indices[0].tolist(), distances[0].tolist(), strict=True)
    ]


@lru_cache(maxsize=256)
def arrhenius_line(text: str, context: Context) -> Line:
    """Predict conductivity over all temperatures.

    Raises
    ------
    FormulaError
        If the formula is unusable, or has no lithium: then there is no prediction to draw.
    """
    read = parse_formula(text)
    if MOBILE_ION not in read.amounts:
        raise FormulaError(
            f"formula {read.text!r}: no {MOBILE_ION} in it; the data hold {MOBILE_ION} conductors",
            text=read.text,
        )
    model = context.model
    lines = model.lines(compute_features([read], model.tables))
    low, high = (float(value) for value in model.temperature_range_k)
    # Even in 1/T, as they are drawn, and where what is drawn changes.
    inverse = np.linspace(1.0 / MIN_TEMPERATURE_K, 1.0 / MAX_TEMPERATURE_K, _N_TEMPERATURES)
    temperature_k = np.unique([*(1.0 / inverse), low, high, ROOM_TEMPERATURE_K])
    temperature_k = temperature_k.clip(MIN_TEMPERATURE_K, MAX_TEMPERATURE_K)
    t = np.array([inverse_temperature(float(kelvin)) for kelvin in temperature_k])
    ends = [model.calibration.interval(lines, float(value)) for value in t]
    return Line(
        read.text,
        temperature_k,
        np.array([float(lines.log10_conductivity(float(value))[0]) for value in t]),
        np.array([float(lower[0]) for lower, _ in ends]),
        np.array([float(upper[0]) for _, upper in ends]),
        float(lines.activation_energy_ev[0]),
        bool(model.calibration.in_domain(lines)[0]),
        model.calibration.domain_reasons(lines)[0],
        (low, high),
    )


def power(log10: float | None, *, digits: int = 1) -> str:
    """A logarithm as a power of ten with few digits, or a dash.

    >>> power(-3.3010), power(None)
    ('5.0e-4', '-')
    """
    if log10 is None or not np.isfinite(log10):
        return "-"
    return tables.power(10.0 ** float(log10), digits=digits)


def dois_of(text: object) -> list[str]:
    """The papers of a measurement; a source can name several, joined by ``|``."""
    return [doi for doi in text.split("|") if doi] if isinstance(text, str) else []


def measured_words(row: dict[str, Any]) -> str:
    """A measured conductivity in words, a bound as a bound.

    >>> measured_words({"log10_conductivity": -10.0, "censored": "upper"})
    'below 1.0e-10'
    """
    value = power(row["log10_conductivity"])
    return {"upper": f"below {value}", "lower": f"above {value}"}.get(row["censored"], value)
