"""Conductivity at any temperature: a Gaussian process over compositions.

Two properties of a composition x are learned together, the logarithm of conductivity at
298.15 K, f(x), and the activation energy, g(x). A measurement at the temperature T is

    log10 conductivity = f(x) - g(x) t(T),    t(T) = (1/T - 1/298.15 K) / (k ln 10),

which is linear in f and g, so measurements at all temperatures and measured activation
energies enter one linear solve, and every prediction is an Arrhenius line by construction.
Far from all known compositions the kernel vanishes and both properties return to the
medians of the training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from mlsse.config import ProcessSettings
from mlsse.features import MOBILE_ION, fraction_columns
from mlsse.formulas import ELEMENT_INDEX
from mlsse.kernels import CompositionKernel, Floats, descriptor_columns, stoichiometry
from mlsse.signals import composition_signals, seldom_together
from mlsse.targets import MIN_ACTIVATION_ENERGY_EV


@dataclass(frozen=True)
class Measurements:
    """Rows that a process learns from; n rows.

    Attributes
    ----------
    features : ndarray of shape (n, n_features)
        As `mlsse.features.compute_features` makes them.
    log10_conductivity : ndarray of shape (n,)
        log10 of S/cm; where `is_bound`, an upper bound.
    inverse_temperature : ndarray of shape (n,)
        t(T) of `mlsse.targets.inverse_temperature`, decades per eV.
    is_bound : ndarray of bool, shape (n,)
    activation_energy_ev : ndarray of shape (n,)
        NaN where none was measured.
    """

    features: Floats
    log10_conductivity: Floats
    inverse_temperature: Floats
    is_bound: NDArray[np.bool_]
    activation_energy_ev: Floats

    def __getitem__(self, rows: NDArray) -> Measurements:
        """Some of the rows, by mask or index."""
        return Measurements(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        """Count of rows."""
        return len(self.log10_conductivity)


@dataclass(frozen=True)
class Lines:
    """Predicted Arrhenius lines of n compositions.

    Attributes
    ----------
    room_log10_conductivity : ndarray of shape (n,)
        log10 of S/cm at 298.15 K.
    activation_energy_ev : ndarray of shape (n,)
    unexplained : ndarray of shape (n,)
        Share of the prior variance that the known compositions leave open, between 0 (known)
        and 1 (nothing alike is known).
    signals : ndarray of shape (n, len(SIGNALS))
        See `mlsse.signals`.
    """

    room_log10_conductivity: Floats
    activation_energy_ev: Floats
    unexplained: Floats
    signals: Floats

    def log10_conductivity(self, inverse_temperature: float | Floats) -> Floats:
        """log10 of S/cm at the temperature, shape (n,)."""
        return self.room_log10_conductivity - self.activation_energy_ev * inverse_temperature

    def __getitem__(self, rows: NDArray) -> Lines:
        """Some of the lines, by mask or index."""
        return Lines(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def joined(parts: Sequence[Lines]) -> Lines:
    """Lines one after the other."""
    names = Lines.__dataclass_fields__
    return Lines(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class ArrheniusProcess:
    """A fitted process; m known compositions.

    Attributes
    ----------
    kernel : CompositionKernel
    vectors : ndarray of shape (m, len(ELEMENTS))
        Atom fractions of the known compositions.
    descriptors : ndarray of shape (m, n_descriptors)
        Their descriptors.
    weights : ndarray of shape (m, 2)
        What each known composition adds to f and g.
    prior : ndarray of shape (2,)
        f and g where nothing is known.
    precision : ndarray of float32, shape (m, m)
        Inverse of the covariance of the known compositions, noise included; single precision
        halves what is stored.
    known_log10 : ndarray of shape (m,)
        log10 of S/cm of the known compositions at 298.15 K, means of what was measured.
    forest_weight, forest_share : float
        See `mlsse.config.ProcessSettings`.
    """

    kernel: CompositionKernel
    vectors: Floats
    descriptors: Floats
    weights: Floats
    prior: Floats
    precision: NDArray[np.float32]
    known_log10: Floats
    forest_weight: float
    forest_share: float

    @cached_property
    def _known(self) -> list[Floats]:
        return self.kernel.embed(self.vectors, self.descriptors)

    @cached_property
    def _half_precision(self) -> list[tuple[int, Floats]]:
        """Rows of the upper half of `precision`, with both halves in it, and where they begin.

        A quadratic form needs one half of a symmetric matrix, which is half the work. In single
        precision a row alone would differ from the row in a batch by 1e-5.
        """
        full = self.precision.astype(np.float64)
        full += full.T
        parts = []
        for start in range(0, len(full), _PRECISION_ROWS):
            part = full[start : start + _PRECISION_ROWS, start:].copy()
            part[:, : len(part)] *= 0.5
            parts.append((start, part))
        return parts

    @cached_property
    def _seldom(self) -> Floats:
        return seldom_together(self.vectors)

    def predict(self, features: Floats, forest_log10: Floats | None = None) -> Lines:
        """Predict Arrhenius lines.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)
        forest_log10 : ndarray of shape (n,), optional
            log10 of S/cm at 298.15 K as the forest predicts it; the process alone by default.

        Returns
        -------
        Lines
        """
        parts = []
        for start in range(0, max(1, len(features)), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            forest = None if forest_log10 is None else forest_log10[block]
            parts.append(self._predict(features[block], forest))
        return parts[0] if len(parts) == 1 else joined(parts)

    def _predict(self, features: Floats, forest_log10: Floats | None) -> Lines:
        vectors = features[:, fraction_columns()]
        asked = self.kernel.embed(vectors, features[:, descriptor_columns()])
        covariance = self.kernel.covariance(asked, self._known)
        across = np.ascontiguousarray(covariance.T)  # as products with it are faster
        f, g = self.prior[:, None] + self.weights.T @ across
        explained = np.zeros(len(features))
        for start, half in self._half_precision:
            product = half @ across[start:]
            explained += np.einsum("mn,mn->n", product, across[start : start + len(half)])
        unexplained = 1.0 - np.clip(explained, 0.0, 1.0)
        if forest_log10 is not None:
            weight = self.forest_weight * np.exp(-unexplained / self.forest_share)
            f = (1.0 - weight) * f + weight * forest_log10
        signals = composition_signals(vectors, across.T, self._seldom, self.known_log10)
        return Lines(
            room_log10_conductivity=f,
            activation_energy_ev=np.maximum(g, MIN_ACTIVATION_ENERGY_EV),
            unexplained=unexplained,
            signals=np.column_stack([signals, f - self.prior[0]]),
        )


# The kernel of so many rows with all known compositions stays in the processor's cache.
_BLOCK_ROWS = 256
_PRECISION_ROWS = 128


def fit_process(rows: Measurements, settings: ProcessSettings) -> ArrheniusProcess:
    """Fit the process to measurements.

    An upper bound enters as its expectation below the bound, given all other rows, found by
    iteration (expectation maximisation of the tobit likelihood).

    Parameters
    ----------
    rows : Measurements
    settings : ProcessSettings

    Returns
    -------
    ArrheniusProcess

    References
    ----------
    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), sections 2.2 and
    5.4.2 (leave-one-out predictions); Bonilla et al., NIPS 20 (2007), the product of a
    covariance of tasks and a kernel of inputs.
    """
    columns = rows.features[:, descriptor_columns()]
    simplicity = stoichiometry(rows.features[:, fraction_columns()])
    deviation = np.hstack([columns, simplicity]).std(axis=0)
    present = np.flatnonzero(rows.features[:, fraction_columns()].max(axis=0))
    kernel = CompositionKernel(
        settings.framework_length,
        settings.chemistry_length,
        settings.descriptor_length,
        descriptor_scale=np.where(deviation > 1e-6, deviation, np.inf),
        elements=present[present != ELEMENT_INDEX[MOBILE_ION]],
    )
    vectors, first, place = np.unique(
        rows.features[:, fraction_columns()].round(9),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    descriptors = columns[first]
    known = kernel.embed(vectors, descriptors)
    covariance = kernel.covariance(known, known)

    # Every observation is a linear functional (a, b) of (f, g): (1, -t) or (0, 1).
    has_energy = np.flatnonzero(~np.isnan(rows.activation_energy_ev))
    n_rows, n_energies = len(rows), len(has_energy)
    functional = np.zeros((n_rows + n_energies, 2))
    functional[:n_rows, 0] = 1.0
    functional[:n_rows, 1] = -rows.inverse_temperature
    functional[n_rows:, 1] = 1.0
    where = np.concatenate([place, place[has_energy]])
    sd = np.array([settings.conductivity_sd, settings.activation_energy_sd_ev])
    tasks = np.outer(sd, sd) * np.array([[1.0, settings.correlation], [settings.correlation, 1.0]])
    gram = covariance[np.ix_(where, where)] * (functional @ tasks @ functional.T)
    noise = np.repeat(
        [settings.conductivity_noise**2, settings.activation_energy_noise_ev**2],
        [n_rows, n_energies],
    )
    gram[np.diag_indices_from(gram)] += noise
    inverse = np.linalg.inv(gram)

    energies = rows.activation_energy_ev[has_energy]
    prior_energy = float(np.median(energies)) if n_energies else 0.4
    exact = ~rows.is_bound
    at_room = rows.log10_conductivity + prior_energy * rows.inverse_temperature
    prior = np.array([np.median(at_room[exact]), prior_energy])
    observed = np.concatenate([rows.log10_conductivity, energies]) - functional @ prior
    observed = _fill_bounds(observed, np.flatnonzero(rows.is_bound), inverse)

    alpha = inverse @ observed
    weights = np.zeros((len(vectors), 2))
    np.add.at(weights, where, alpha[:, None] * (functional @ tasks))
    counts = np.bincount(place, minlength=len(vectors))
    energy = np.where(np.isnan(rows.activation_energy_ev), prior_energy, rows.activation_energy_ev)
    brought = rows.log10_conductivity + energy * rows.inverse_temperature
    relative_noise = settings.conductivity_noise**2 / settings.conductivity_sd**2
    precision = np.linalg.inv(covariance + np.diag(relative_noise / counts))
    return ArrheniusProcess(
        kernel,
        vectors,
        descriptors,
        weights,
        prior,
        precision.astype(np.float32),
        np.bincount(place, brought) / counts,
        settings.forest_weight,
        settings.forest_share,
    )


_BOUND_ITERATIONS = 3


def _fill_bounds(observed: Floats, bounded: NDArray[np.intp], inverse: Floats) -> Floats:
    """Replace upper bounds by what is expected below them, given all other observations."""
    bounds = observed[bounded]
    sd = 1.0 / np.sqrt(np.diag(inverse)[bounded])
    filled = observed.copy()
    filled[bounded] -= sd  # a start below the bound
    for _ in range(_BOUND_ITERATIONS):
        expected = filled[bounded] - (inverse[bounded] @ filled) * sd**2
        filled[bounded] = expected - sd * _inverse_mills((bounds - expected) / sd)
    return filled


def _inverse_mills(z: Floats) -> Floats:
    """Normal density over distribution function."""
    from scipy.special import log_ndtr  # needed in training alone

    return np.exp(-0.5 * z**2 - log_ndtr(z)) / sqrt(2.0 * pi)
