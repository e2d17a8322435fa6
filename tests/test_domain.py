"""The domain: limits at quantiles, reasons in words, chemistries by elements."""

from __future__ import annotations

import numpy as np
import pytest

from mlsse.arrhenius import Lines
from mlsse.compositions import composition_vectors
from mlsse.domain import Domain, chemistries, fit_domain
from mlsse.signals import SIGNALS


def make_lines(likeness, seldom_pairs, weightiest_pair):
    signals = np.zeros((len(likeness), len(SIGNALS)))
    for name, values in (
        ("likeness", likeness), ("seldom_pairs", seldom_pairs),
        ("weightiest_pair", weightiest_pair),
    ):  # fmt: skip
        signals[:, SIGNALS.index(name)] = values
    zeros = np.zeros(len(likeness))
    return Lines(zeros, zeros, zeros, signals)


def test_each_limit_puts_a_composition_outside_and_gives_its_reason():
    domain = Domain(0.8, 0.4, 0.1)
    lines = make_lines([0.9, 0.5, 0.9, 0.9], [0.1, 0.1, 0.5, 0.1], [0.0, 0.0, 0.0, 0.2])
    assert domain.contains(lines).tolist() == [True, False, False, False]
    inside, unlike, pairs, pair = domain.reasons(lines)
    assert inside == []
    assert "likeness of 0.50 (at least 0.80" in unlike[0]
    assert "50 % of its pairs" in pairs[0]
    assert "20 % of the framework" in pair[0]


def test_a_measured_composition_lies_inside_however_rare_its_elements():
    lines = make_lines([1.0, 0.9], [0.9, 0.9], [0.3, 0.3])
    assert Domain(0.8, 0.4, 0.1).contains(lines).tolist() == [True, False]
    assert Domain(0.8, 0.4, 0.1).reasons(lines)[0] == []


def test_reasons_are_given_exactly_for_what_lies_outside():
    random = np.random.default_rng(0)
    lines = make_lines(*random.random((3, 200)))
    domain = Domain(0.3, 0.7, 0.8)
    assert [not found for found in domain.reasons(lines)] == domain.contains(lines).tolist()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_the_share_of_rows_inside_is_the_one_asked_for(share):
    lines = make_lines(*np.random.default_rng(1).random((3, 1000)))
    assert fit_domain(lines, share).contains(lines).mean() == pytest.approx(share, abs=0.005)


def test_a_chemistry_is_the_commonest_anion_with_the_commonest_other_element():
    texts = ["Li7La3Zr2O12", "Li6.5La3Zr1.5Ta0.5O12", "Li6PS5Cl", "Li3YCl6", "Li7P3S11", "LiCl"]
    found = chemistries(composition_vectors(texts))
    assert found[0] == found[1]
    assert found[2] == found[4]
    assert len(set(found.tolist())) == 4
