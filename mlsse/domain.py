"""The domain of the conductivity model, and why a formula lies outside it.

Two things go wrong: nothing alike was measured, or the elements were measured, but not together
(La with Zr, O with Cl), so that a new family looks like a mixture of known ones. The first has
one limit, the second two, of all pairs of elements and of the weightiest; to break one of them
puts a formula outside, unless it is itself nearly a measured one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsse.arrhenius import Lines
from mlsse.features import MOBILE_ION
from mlsse.formulas import ELEMENT_INDEX
from mlsse.kernels import Floats
from mlsse.signals import signal

_KNOWN = 0.97  # likeness from which a composition counts as measured
_ROUNDING = 1e-9  # a row at a limit lies inside, whatever else is in its batch


@dataclass(frozen=True)
class Domain:
    """Limits of the domain.

    Attributes
    ----------
    min_likeness : float
        Least kernel with the known composition that is most alike.
    max_seldom_pairs : float
        Greatest share of pairs of elements that are seldom measured together.
    max_weightiest_pair : float
        Greatest weight of one such pair: the smaller of both shares in the framework.
    """

    min_likeness: float
    max_seldom_pairs: float
    max_weightiest_pair: float

    def contains(self, lines: Lines) -> NDArray[np.bool_]:
        """Whether the known compositions say enough, shape (n,)."""
        signals = lines.signals
        alike = signal(signals, "likeness") >= self.min_likeness - _ROUNDING
        together = signal(signals, "seldom_pairs") <= self.max_seldom_pairs + _ROUNDING
        together &= signal(signals, "weightiest_pair") <= self.max_weightiest_pair + _ROUNDING
        return (alike & together) | (signal(signals, "likeness") >= _KNOWN)

    def reasons(self, lines: Lines) -> list[list[str]]:
        """Why each composition lies outside, in words; nothing where it lies inside.

        Parameters
        ----------
        lines : Lines
            Of n compositions.

        Returns
        -------
        list of n lists of str
        """
        columns = [signal(lines.signals, name).tolist() for name in _LIMITED]
        found: list[list[str]] = [[] for _ in columns[0]]
        for texts, alike, seldom, weightiest in zip(found, *columns, strict=True):
            if alike >= _KNOWN:
                continue
            if alike < self.min_likeness - _ROUNDING:
                texts.append(
                    f"the most alike composition that was measured has a likeness of {alike:.2f} "
                    f"(at least {self.min_likeness:.2f} is needed)"
                )
            if seldom > self.max_seldom_pairs + _ROUNDING:
                texts.append(
                    f"{100 * seldom:.0f} % of its pairs of elements were seldom or never measured "
                    f"together (at most {100 * self.max_seldom_pairs:.0f} % is allowed)"
                )
            if weightiest > self.max_weightiest_pair + _ROUNDING:
                texts.append(
                    "two of its elements, each at least "
                    f"{100 * weightiest:.0f} % of the framework, were seldom or never measured "
                    f"together (at most {100 * self.max_weightiest_pair:.0f} % is allowed)"
                )
        return found


def fit_domain(lines: Lines, share: float) -> Domain:
    """Set the limits at one quantile, so that a share of held-out rows lies within all of them.

    Parameters
    ----------
    lines : Lines
        Predictions of n rows by models that did not know them.
    share : float
        Of these rows, that shall lie inside.

    Returns
    -------
    Domain
    """
    likeness, pairs, weightiest = (signal(lines.signals, name) for name in _LIMITED)

    def domain(quantile: float) -> Domain:
        return Domain(
            float(np.quantile(likeness, 1.0 - quantile)),
            float(np.quantile(pairs, quantile)),
            float(np.quantile(weightiest, quantile)),
        )

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if domain(middle).contains(lines).mean() < share:
            low = middle
        else:
            high = middle
    return domain(high)


_HALVINGS = 30
_LIMITED = ("likeness", "seldom_pairs", "weightiest_pair")


def chemistries(vectors: Floats) -> NDArray[np.intp]:
    """Number the chemistries: the commonest anion with the commonest other framework element.

    Rows are held out by chemistry to see how a model fares with a family that it does not know.

    Parameters
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
        Atom fractions.

    Returns
    -------
    ndarray of int, shape (n,)
        Counted from zero.
    """
    anions = [ELEMENT_INDEX[symbol] for symbol in _ANIONS]
    parts = []
    others = vectors.copy()
    others[:, [*anions, ELEMENT_INDEX[MOBILE_ION]]] = 0.0
    for part in (vectors[:, anions], others):
        parts.append(np.where(part.max(axis=1) > 0.0, part.argmax(axis=1), -1))
    return np.unique(np.column_stack(parts), axis=0, return_inverse=True)[1].ravel()


_ANIONS = ("O", "S", "Se", "Te", "F", "Cl", "Br", "I", "N", "H")
