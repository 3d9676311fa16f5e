"""A pool that a learner knows, so that its model learns from unlabelled rows too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skal._data import (
    Rows,
    as_positions,
    check_pool,
    concat_rows,
    in_memory,
    n_rows,
    row_keys,
    take_rows,
)
from skal._meta import is_row_wise, slice_params

if TYPE_CHECKING:
    from typing import Any, Self


@dataclass(frozen=True)
class KnownPool:
    """The rows that fit was given under ``use_unlabeled``, and what it was told.

    ``X`` is never copied. ``params`` are fit's keyword arguments, ``beside`` the groups
    and costs; row-wise ones hold a value for each row of X.
    """

    X: Any
    params: dict[str, Any]
    beside: dict[str, Any]

    names: ClassVar[tuple[str, ...]] = ("pool_", "_told_of_pool")

    @classmethod
    def given(cls, X: Any, params: dict[str, Any], beside: dict[str, Any]) -> Self:
        """Return the pool X; a list that its owner appends to stays what it is here."""
        return cls(list(X) if isinstance(X, list) else X, params, beside)

    @classmethod
    def of(cls, learner: Any) -> Self | None:
        """Return the pool of a learner that holds it, None where none is of use."""
        known = vars(learner)
        if not learner.use_unlabeled or "pool_" not in known:
            return None
        return cls(known["pool_"], *known["_told_of_pool"])

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of a learner that knows the pool, by their names."""
        values = self.X, (self.params, self.beside)
        return dict(zip(self.names, values, strict=True))

    def rows(self, X_pool=None, **beside):
        """Return the rows to ask about; refuse those of a pool of another size."""
        X = self.X if X_pool is None else check_pool(X_pool, "X_pool")
        if n_rows(X) != n_rows(self.X):
            raise ValueError(
                "X_pool must be the pool that fit was given, of "
                f"{n_rows(self.X)} rows, got {n_rows(X)}. Leave it out, and say by "
                "candidates which rows may be asked; fit(X, y_partial) takes on "
                "another pool."
            )
        now = {name: values for name, values in beside.items() if values is not None}
        return Rows(X, **{**self.beside, **now})

    def check_same(self, X, positions):
        """Refuse rows that were asked of a pool and are not those of this one."""
        unlike = first_unlike(X, take_rows(self.X, positions))
        if unlike is not None:
            raise ValueError(
                "X_pool must be the pool that fit was given, got another: row "
                f"{positions[unlike]} holds something else. Leave X_pool out, or take "
                "on the other pool with fit(X, y_partial)."
            )

    def positions_of(self, X, indices):
        """Return where rows stand that ``indices`` say are of the pool."""
        at = as_positions(indices, n_rows(self.X))
        if len(at) != n_rows(X):
            raise ValueError(
                "indices must hold a position in pool_ for each row of X, got "
                f"{len(at)} for {n_rows(X)} rows."
            )
        unlike = first_unlike(X, take_rows(self.X, at))
        if unlike is not None:
            raise ValueError(
                "indices must say where in pool_ the rows of X stand, got "
                f"{at[unlike]} for row {unlike} of X, which holds something else. "
                "Leave indices out for rows that are not of the pool."
            )
        return at

    def told_of(self, training, at):
        """Return taught rows with what fit was told of them, where they say nothing.

        ``at`` are their positions in the pool, -1 for rows that are not of it.
        """
        n = n_rows(self.X)
        return replace(
            training,
            params=completed(training.params, self.params, at, n),
            beside=completed(training.beside, self.beside, at, n),
        )

    def around(self, training, places):
        """Return a training set with the pool around it, for the estimator's fit.

        ``places`` are the positions of its rows in the pool; those beyond it follow the
        pool, in the order of the training set.
        """
        X, n = in_memory(self.X), n_rows(self.X)
        others = np.flatnonzero(places >= n)
        if len(others):
            X = concat_rows(X, take_rows(training.X, others))
            places = places.copy()
            places[others] = n + np.arange(len(others))
        params = dict(training.params)
        for name, values in self.params.items():
            if is_row_wise(values, n):
                known = np.asarray(training.params[name])
                params[name] = np.concatenate([np.asarray(values), known[others]])
                params[name][places] = known
        return training.within(X, places, params)


def completed(now, known, at, n):
    """Return what is told of rows now, and for the rest what is known of the pool.

    ``known`` is of a pool of n rows, in which the rows stand at ``at``, -1 for others.
    """
    for name in sorted(now.keys() - known.keys()):
        raise ValueError(
            f"{name} must be given to fit, for each row of the pool, before teach can "
            f"take it, got it for {len(at)} taught rows only."
        )
    left = {name: values for name, values in known.items() if name not in now}
    for name, values in sorted(left.items()):
        if is_row_wise(values, n) and np.any(at < 0):
            raise ValueError(
                f"{name} must be given for rows that are not of the pool, got nothing "
                f"for {np.sum(at < 0)} of them. fit had it."
            )
    return {**slice_params(left, at, n), **now}


def first_unlike(X, others):
    """Return the first position at which rows hold something else, None for none."""
    pairs = zip(row_keys(X), row_keys(others), strict=True)
    return next((i for i, (key, other) in enumerate(pairs) if key != other), None)
