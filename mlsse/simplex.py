"""Small linear programs over phases: the mixture of least energy of a given composition.

A program is: minimise ``costs @ amounts`` with ``columns @ amounts == target`` and no amount
below zero. Its first columns are the unit matrix (the elements), so a start is always at hand.
The programs are small, up to about ten rows and some hundred columns, so a general solver would
spend most of its time on the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NO_GAIN = 1e-11  # eV/atom: a column that saves less stays outside
_NO_PIVOT = 1e-9  # an entry of a pivot column or row below this is taken as zero
_NO_STEP = 1e-12  # atom fraction
_PATIENCE = 200  # pivots until columns are chosen by a slower rule that cannot cycle
_MAX_PIVOTS = 20_000


@dataclass
class Basis:
    """A vertex of a program: as many columns as rows.

    Attributes
    ----------
    members : ndarray of int, shape (n_rows,)
        Columns in the basis.
    inverse : ndarray of shape (n_rows, n_rows)
        Inverse of these columns.
    """

    members: NDArray[np.intp]
    inverse: NDArray[np.floating]

    def amounts(self, target: Floats) -> Floats:
        """Amount of each member, shape (n_rows,); of many targets (n_rows, k), as many."""
        return self.inverse @ target

    def prices(self, costs: Floats) -> Floats:
        """Dual variables: the chemical potential of each row, shape (n_rows,)."""
        return costs[self.members] @ self.inverse

    def pivot(self, row: int, column: int, direction: Floats) -> None:
        """Put a column in the place of the member of a row; direction is inverse @ column."""
        self.members[row] = column
        pivot_row = self.inverse[row] / direction[row]
        self.inverse -= direction[:, None] * pivot_row
        self.inverse[row] = pivot_row


def minimise(columns: Floats, costs: Floats, target: Floats) -> Basis:
    """Find the mixture of least cost.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        Begins with the unit matrix.
    costs : ndarray of shape (n_columns,)
    target : ndarray of shape (n_rows,)
        None below zero.

    Returns
    -------
    Basis
        Optimal.

    Raises
    ------
    ArithmeticError
        If no optimum is found, which no known input brings about.
    """
    n_rows = len(target)
    basis = Basis(np.arange(n_rows), np.eye(n_rows))
    amounts = target.astype(float)
    for n_pivots in range(_MAX_PIVOTS):
        gains = basis.prices(costs) @ columns - costs
        column = int(gains.argmax())
        if gains[column] <= _NO_GAIN:
            basis.inverse = np.linalg.inv(columns[:, basis.members])  # without rounding errors
            return basis
        if n_pivots > _PATIENCE:
            column = int((gains > _NO_GAIN).argmax())
        direction = basis.inverse @ columns[:, column]
        row, step = _first_used_up(basis, amounts, direction)
        amounts -= step * direction
        amounts[row] = step
        basis.pivot(row, column, direction)
    raise ArithmeticError(f"no mixture of least energy after {_MAX_PIVOTS} pivots")


def minimise_many(
    columns: Floats, costs: Floats, targets: Floats
) -> Iterator[tuple[NDArray[np.intp], Basis]]:
    """Find the mixtures of least cost for many targets of one program.

    A basis that is optimal for one target is optimal for all in which its amounts stay above
    zero: each basis found serves all targets below its facet of the hull.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        Begins with the unit matrix.
    costs : ndarray of shape (n_columns,)
    targets : ndarray of shape (n_rows, k)
        None below zero.

    Yields
    ------
    served : ndarray of int
        Which targets; together all of them, each once.
    basis : Basis
        Optimal for these.
    """
    pending = np.arange(targets.shape[1])
    while len(pending):
        basis = minimise(columns, costs, targets[:, pending[0]])
        served = np.all(basis.amounts(targets[:, pending]) >= -_NO_STEP, axis=0)
        served[0] = True
        yield pending[served], basis
        pending = pending[~served]


def follow(
    columns: Floats, costs: Floats, basis: Basis, target: Floats, heading: Floats, reach: float
) -> Iterator[tuple[float, float, Basis]]:
    """Follow the mixture of least cost as the target moves in a straight line.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        Begins with the unit matrix.
    costs : ndarray of shape (n_columns,)
    basis : Basis
        Optimal for the target; left as it is.
    target, heading : ndarray of shape (n_rows,)
        The target goes from ``target`` to ``target + reach * heading``.
    reach : float
        May be infinite.

    Yields
    ------
    start, end : float
        Part of the way, from kink to kink.
    basis : Basis
        Optimal on this part. The last part ends at ``reach``, or where a target would need an
        amount below zero.
    """
    for _, start, end, found in follow_many(
        columns, costs, basis, target[:, None], heading, np.array([reach])
    ):
        yield float(start[0]), float(end[0]), found


def follow_many(
    columns: Floats, costs: Floats, basis: Basis, targets: Floats, heading: Floats, reaches: Floats
) -> Iterator[tuple[NDArray[np.intp], Floats, Floats, Basis]]:
    """Follow the mixtures of least cost of many targets that move side by side.

    This is the dual simplex method with a parametric right-hand side: at each kink of the least
    cost one member leaves and the column that then costs least enters. Which one enters depends
    on the basis and not on the target, so targets go together as long as the same members leave.

    Parameters
    ----------
    columns, costs, basis, heading
        As for `follow`; the basis is optimal for all targets.
    targets : ndarray of shape (n_rows, k)
    reaches : ndarray of shape (k,)

    Yields
    ------
    which : ndarray of int, shape (m,)
        Some of the targets. Parts of one target come in their order.
    starts, ends : ndarray of shape (m,)
        Part of the way of each.
    basis : Basis
        Optimal on this part.
    """
    pending = [(basis, np.arange(len(reaches)), np.zeros(len(reaches)))]
    for _ in range(_MAX_PIVOTS):
        if not pending:
            return
        basis, which, at = pending.pop()
        amounts, change = basis.amounts(targets[:, which]), basis.amounts(heading)
        falling = np.flatnonzero(change < -_NO_PIVOT)
        if len(falling):
            ends = amounts[falling] / -change[falling, None]
            leaving = ends.argmin(axis=0)
            end = np.maximum(ends[leaving, np.arange(len(which))], at)
            leaving = falling[leaving]
        else:
            end, leaving = np.full(len(which), np.inf), np.zeros(len(which), dtype=np.intp)
        moved = end > at + _NO_STEP
        if moved.any():
            yield which[moved], at[moved], np.minimum(end, reaches[which])[moved], basis
        at = np.where(moved, end, at)
        goes_on = end < reaches[which]
        for row in np.unique(leaving[goes_on]).tolist():
            following = _after_leaving(columns, costs, basis, row)
            if following is not None:
                members = goes_on & (leaving == row)
                pending.append((following, which[members], at[members]))
    raise ArithmeticError(f"no end of a line of mixtures after {_MAX_PIVOTS} pivots")


def _after_leaving(columns: Floats, costs: Floats, basis: Basis, row: int) -> Basis | None:
    """The optimal basis once a member falls to zero; None if nothing can take its place."""
    exchange = basis.inverse[row] @ columns
    usable = np.flatnonzero(exchange < -_NO_PIVOT)
    if not len(usable):
        return None
    losses = costs[usable] - basis.prices(costs) @ columns[:, usable]
    rates = np.maximum(losses, 0.0) / -exchange[usable]
    # Of columns that cost the same, that of the largest pivot keeps rounding errors small.
    cheapest = usable[rates <= rates.min() + _NO_GAIN]
    members = basis.members.copy()
    members[row] = cheapest[exchange[cheapest].argmin()]
    return Basis(members, np.linalg.inv(columns[:, members]))


def _first_used_up(basis: Basis, amounts: Floats, direction: Floats) -> tuple[int, float]:
    """Row whose member is used up first as a column enters, and how much then has entered."""
    steps = np.full(len(direction), np.inf)
    np.divide(amounts, direction, out=steps, where=direction > _NO_PIVOT)
    step = max(float(steps.min()), 0.0)
    ties = np.flatnonzero(steps <= step + _NO_STEP)
    # Of members used up at once the one of lowest number leaves, so that no cycle can form.
    row = ties[0] if len(ties) == 1 else ties[basis.members[ties].argmin()]
    return int(row), step
