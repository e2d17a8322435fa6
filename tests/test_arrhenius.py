"""The Arrhenius process against hand-worked cases, kernel ridge regression and scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from sklearn.kernel_ridge import KernelRidge
from synthetic import SETTINGS, features, garnets, measurements

from mlsse.arrhenius import Measurements, _inverse_mills, fit_process
from mlsse.features import fraction_columns
from mlsse.kernels import descriptor_columns
from mlsse.targets import MIN_ACTIVATION_ENERGY_EV, inverse_temperature


def test_two_unlike_compositions_are_shrunk_to_their_median_by_the_noise():
    # The lengths are so short that the compositions know nothing of each other: each is
    # predicted at the median plus sd^2 / (sd^2 + noise^2) of its deviation.
    settings = replace(
        SETTINGS, framework_length=1e-3, chemistry_length=1e-3, descriptor_length=1e-3,
        conductivity_sd=2.0, conductivity_noise=1.0,
    )  # fmt: skip
    process = fit_process(measurements(["Li6PS5Cl", "LiNbO3"], [-2.0, -8.0]), settings)
    lines = process.predict(features(["Li6PS5Cl", "LiNbO3", "Li3N"]))
    np.testing.assert_allclose(lines.room_log10_conductivity, [-5 + 2.4, -5 - 2.4, -5.0])
    # Unexplained: 1 - 1 / (1 + noise^2 / sd^2) at a known composition, all elsewhere.
    np.testing.assert_allclose(lines.unexplained, [0.2, 0.2, 1.0], atol=1e-6)


def test_room_temperature_rows_alone_are_kernel_ridge_regression():
    texts, log10 = garnets()
    asked = features(["Li6.45La3Zr1.45Ta0.55O12", "Li3YCl6", "Li10GeP2S12"])
    rows = measurements(texts, log10)
    process = fit_process(rows, replace(SETTINGS, correlation=0.0))
    kernel = process.kernel

    def embed(X):
        return kernel.embed(X[:, fraction_columns()], X[:, descriptor_columns()])

    ridge = KernelRidge(
        kernel="precomputed", alpha=(SETTINGS.conductivity_noise / SETTINGS.conductivity_sd) ** 2
    )
    known = embed(rows.features)
    ridge.fit(kernel.covariance(known, known), log10 - np.median(log10))
    expected = ridge.predict(kernel.covariance(embed(asked), known)) + np.median(log10)
    found = process.predict(asked).room_log10_conductivity
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_it_recovers_a_curve_between_its_points():
    texts, log10 = garnets()
    process = fit_process(measurements(texts[::2], log10[::2]), SETTINGS)
    found = process.predict(features(texts[1::2])).room_log10_conductivity
    np.testing.assert_allclose(found, log10[1::2], atol=0.05)


def test_it_recovers_an_activation_energy_from_temperatures_alone():
    texts, log10 = garnets()
    t = np.array([inverse_temperature(k) for k in (298.15, 350.0, 400.0)])
    rows = measurements(
        np.repeat(texts, 3), (log10[:, None] - 0.35 * t).ravel(), t=np.tile(t, len(texts))
    )
    lines = fit_process(rows, SETTINGS).predict(features(texts))
    np.testing.assert_allclose(lines.activation_energy_ev, 0.35, atol=0.01)
    np.testing.assert_allclose(lines.room_log10_conductivity, log10, atol=0.05)


def test_measured_activation_energies_are_learned():
    texts, log10 = garnets()
    process = fit_process(measurements(texts, log10, energies=0.42), SETTINGS)
    lines = process.predict(features(texts))
    np.testing.assert_allclose(lines.activation_energy_ev, 0.42, atol=0.005)


def test_activation_energy_stays_positive():
    texts, log10 = garnets()
    t = inverse_temperature(400.0)
    rows = measurements(texts * 2, np.r_[log10, log10 - 1.0], t=np.r_[log10 * 0, log10 * 0 + t])
    lines = fit_process(rows, SETTINGS).predict(features(texts))
    assert (lines.activation_energy_ev == MIN_ACTIVATION_ENERGY_EV).all()


def test_far_from_everything_it_returns_to_the_medians():
    texts, log10 = garnets()
    settings = replace(
        SETTINGS, framework_length=0.05, chemistry_length=0.2, descriptor_length=0.05
    )
    process = fit_process(measurements(texts, log10, energies=0.42), settings)
    lines = process.predict(features(["LiI"]))
    assert lines.room_log10_conductivity[0] == pytest.approx(np.median(log10), abs=1e-6)
    assert lines.activation_energy_ev[0] == pytest.approx(0.42, abs=1e-6)
    assert lines.unexplained[0] == pytest.approx(1.0, abs=1e-6)


def test_the_forest_counts_near_to_what_is_known_and_not_far_from_it():
    texts, log10 = garnets()
    settings = replace(SETTINGS, forest_weight=0.5, forest_share=0.1)
    process = fit_process(measurements(texts, log10), settings)
    asked = features([texts[5], "LiI"])
    alone = process.predict(asked)
    forest = alone.room_log10_conductivity + 2.0
    shift = process.predict(asked, forest).room_log10_conductivity - alone.room_log10_conductivity
    # A forest that says 2 decades more moves the value by its weight.
    np.testing.assert_allclose(shift, np.exp(-alone.unexplained / 0.1), atol=1e-6)
    assert shift[0] > 0.9
    assert shift[1] < 0.01


def test_an_upper_bound_pulls_down_and_is_not_taken_for_a_value():
    texts, log10 = garnets()
    bounded = np.zeros(len(texts), dtype=bool)
    bounded[10] = True
    low = np.where(bounded, -6.0, log10)
    without = fit_process(measurements(texts, log10)[~bounded], SETTINGS)
    with_bound = fit_process(measurements(texts, low, is_bound=bounded), SETTINGS)
    as_value = fit_process(measurements(texts, low), SETTINGS)
    at = features([texts[10]])
    free, below, value = (
        p.predict(at).room_log10_conductivity[0] for p in (without, with_bound, as_value)
    )
    assert below < value < free
    # A bound that lies far above what is expected says nothing new.
    high = np.where(bounded, 3.0, log10)
    idle = fit_process(measurements(texts, high, is_bound=bounded), SETTINGS)
    assert idle.predict(at).room_log10_conductivity[0] == pytest.approx(free, abs=0.02)


def test_row_order_and_repetition_of_a_formula_in_other_words_do_not_matter():
    texts, log10 = garnets()
    order = np.random.default_rng(0).permutation(len(texts))
    asked = features(["Li6.45La3Zr1.45Ta0.55O12"])
    one = fit_process(measurements(texts, log10), SETTINGS).predict(asked)
    rows = measurements([texts[i] for i in order], log10[order])
    other = fit_process(rows, SETTINGS).predict(asked)
    np.testing.assert_allclose(
        one.room_log10_conductivity, other.room_log10_conductivity, atol=1e-9
    )
    doubled = measurements(["Li6PS5Cl", "Li12P2S10Cl2"], [-2.0, -3.0])
    assert len(fit_process(doubled, SETTINGS).vectors) == 1


def test_inverse_mills_ratio_is_scipys():
    z = np.linspace(-30.0, 7.5, 31)
    expected = np.exp(scipy.stats.norm.logpdf(z) - scipy.stats.norm.logcdf(z))
    np.testing.assert_allclose(_inverse_mills(z), expected, rtol=1e-9)


def test_measurements_are_indexed_like_arrays():
    rows = measurements(["Li2S", "LiF", "LiCl"], [-9.0, -14.0, -8.0])
    part = rows[np.array([True, False, True])]
    assert isinstance(part, Measurements)
    assert part.log10_conductivity.tolist() == [-9.0, -8.0]
    assert len(part) == 2
