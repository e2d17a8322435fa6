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
_ROUNDED = 1e-9  # eV/atom: a gain below this may be a rounding error of many exchanges
_MAX_EXCHANGES = 8  # of one table, lest rounding errors add up
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
    table = _Table.of(columns, costs, Basis(np.arange(n_rows), np.eye(n_rows)))
    amounts = target.astype(float)
    for n_pivots in range(_MAX_PIVOTS):
        is_patient = n_pivots < _PATIENCE
        losses = table.losses
        column = int(losses.argmin() if is_patient else (losses < -_NO_GAIN).argmax())
        if losses[column] >= -_NO_GAIN:
            basis = table.basis(columns)
            table = _Table.of(columns, costs, basis)
            if table.losses.min() >= -_ROUNDED:
                return basis
            continue
        direction = table.entries[:-1, column]
        usable = (direction > _NO_PIVOT).nonzero()[0]
        steps = amounts[usable] / direction[usable]
        place = int(steps.argmin())
        step = max(float(steps[place]), 0.0)
        if not is_patient:
            # The lowest of members used up at once, as of columns that gain: no cycle can form.
            ties = (steps <= step + _NO_STEP).nonzero()[0]
            place = int(ties[table.members[usable[ties]].argmin()])
        row = int(usable[place])
        amounts -= step * direction
        amounts[row] = step
        table = table.exchanged(row, column)
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
    table = _Table.of(columns, costs, basis)
    at = 0.0
    for _ in range(_MAX_PIVOTS):
        amounts, change = table.inverse @ target, table.inverse @ heading
        falling = (change < -_NO_PIVOT).nonzero()[0]
        ends = amounts[falling] / -change[falling]
        place = int(ends.argmin()) if len(ends) else -1
        end = max(float(ends[place]), at) if len(ends) else np.inf
        if end > at + _NO_STEP:
            yield at, min(end, reach), Basis(table.members, table.inverse)
            at = end
        if end >= reach:
            return
        following = table.after_leaving(int(falling[place]), columns, costs)
        if following is None:
            return
        table = following
    raise ArithmeticError(f"no end of a line of mixtures after {_MAX_PIVOTS} pivots")


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
    if len(reaches) == 1:  # half the time of what follows
        only = np.zeros(1, dtype=np.intp)
        one = follow(columns, costs, basis, targets[:, 0], heading, float(reaches[0]))
        for start, end, found in one:
            yield only, np.array([start]), np.array([end]), found
        return
    first = _Table.of(columns, costs, basis)
    pending = [(first, np.arange(len(reaches)), np.zeros(len(reaches)))]
    for _ in range(_MAX_PIVOTS):
        if not pending:
            return
        table, which, at = pending.pop()
        basis = Basis(table.members, table.inverse)
        amounts, change = basis.amounts(targets[:, which]), basis.amounts(heading)
        falling = (change < -_NO_PIVOT).nonzero()[0]
        if len(falling):
            kinks = amounts[falling] / -change[falling, None]
            leaving = kinks.argmin(axis=0)
            ends = np.maximum(kinks[leaving, np.arange(len(which))], at)
            leaving = falling[leaving]
        else:
            ends, leaving = np.full(len(which), np.inf), np.zeros(len(which), dtype=np.intp)
        moved = ends > at + _NO_STEP
        if moved.any():
            yield which[moved], at[moved], np.minimum(ends, reaches[which])[moved], basis
        at = np.where(moved, ends, at)
        goes_on = ends < reaches[which]
        for row in set(leaving[goes_on].tolist()):
            following = table.after_leaving(row, columns, costs)
            if following is not None:
                members = goes_on & (leaving == row)
                pending.append((following, which[members], at[members]))
    raise ArithmeticError(f"no end of a line of mixtures after {_MAX_PIVOTS} pivots")


@dataclass
class _Table:
    """All columns as mixtures of a basis: what an exchange of members turns into the next.

    Attributes
    ----------
    members : ndarray of int, shape (n_rows,)
    entries : ndarray of shape (n_rows + 1, n_columns)
        ``inverse @ columns``, and below it what each column costs more than its mixture.
    n_exchanges : int
        Since the entries were computed from the columns.
    """

    members: NDArray[np.intp]
    entries: Floats
    n_exchanges: int = 0

    @classmethod
    def of(cls, columns: Floats, costs: Floats, basis: Basis) -> _Table:
        losses = costs - basis.prices(costs) @ columns
        return cls(basis.members, np.vstack([basis.inverse @ columns, losses]))

    @property
    def inverse(self) -> Floats:
        """Of the members; the columns begin with the unit matrix."""
        n_rows = len(self.members)
        return self.entries[:n_rows, :n_rows]

    @property
    def losses(self) -> Floats:
        """What each column costs more than its mixture, shape (n_columns,)."""
        return self.entries[-1]

    def basis(self, columns: Floats) -> Basis:
        """The basis, its inverse free of the rounding errors of exchanges."""
        return Basis(self.members, np.linalg.inv(columns[:, self.members]))

    def exchanged(self, row: int, column: int) -> _Table:
        """The table with a column in the place of the member of a row."""
        members = self.members.copy()
        members[row] = column
        pivot_row = self.entries[row] / self.entries[row, column]
        entries = self.entries - self.entries[:, column, None] * pivot_row
        entries[row] = pivot_row
        return _Table(members, entries, self.n_exchanges + 1)

    def after_leaving(self, row: int, columns: Floats, costs: Floats) -> _Table | None:
        """The optimal table once a member falls to zero; None if nothing can take its place."""
        exchange = self.entries[row]
        usable = (exchange < -_NO_PIVOT).nonzero()[0]
        if not len(usable):
            return None
        exchange = exchange[usable]
        rates = np.maximum(self.losses[usable], 0.0) / -exchange
        # Of columns that cost the same, that of the largest pivot keeps rounding errors small.
        place = np.where(rates <= rates.min() + _NO_GAIN, exchange, 0.0).argmin()
        following = self.exchanged(row, int(usable[place]))
        if following.n_exchanges < _MAX_EXCHANGES:
            return following
        return _Table.of(columns, costs, following.basis(columns))
