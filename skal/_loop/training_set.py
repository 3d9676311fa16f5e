"""What a model is fitted to, and where a simulation gets it from."""

from dataclasses import dataclass, replace

import numpy as np

from skal._data import Labels, concat_rows, join_targets, n_rows, take_rows
from skal._meta import is_row_wise, slice_params


@dataclass(frozen=True)
class Lesson:
    """The labelled rows in the order in which they were labelled.

    ``params`` are fit's keyword arguments, row-wise ones aligned with X. ``whole`` is
    what the estimator sees instead where it learns from unlabelled rows too; ``truth``
    are the codes of all those rows, for the record only, where an oracle knows them.
    """

    X: object
    y: np.ndarray
    params: dict
    labels: Labels
    whole: tuple | None = None
    truth: np.ndarray | None = None

    def for_estimator(self):
        """Return X, codes and params for the estimator's fit."""
        if self.whole is not None:
            return self.whole
        return self.X, self.labels.encode(self.y), self.params

    def extended(self, other):
        """Return this lesson followed by another, whose labels hold for both."""
        for name in sorted(self.params.keys() - other.params.keys()):
            raise ValueError(
                f"{name} must be given for the new rows too, got nothing. Earlier "
                "rounds had it."
            )
        joined = {}
        before, now = self.row_wise(), other.row_wise()
        for name in sorted(before | (now - self.params.keys())):
            if name not in self.params:
                raise ValueError(
                    f"{name} must be given from the first round on, got it for "
                    f"{len(other.y)} new rows only. Fit again with it for all rows."
                )
            if name not in now:
                if len(self.y) > 1:
                    raise ValueError(
                        f"{name} must hold a value for each of the {len(other.y)} new "
                        f"rows, as it did before, got {other.params[name]!r}."
                    )
                continue  # one row and one value may have been a coincidence
            parts = [np.asarray(lesson.params[name]) for lesson in (self, other)]
            joined[name] = np.concatenate(parts)
        return Lesson(
            concat_rows(self.X, other.X),
            join_targets(self.y, other.y),
            {**other.params, **joined},
            other.labels,
        )

    def row_wise(self):
        """Return the names of the parameters that hold a value for each row."""
        n = len(self.y)
        return {name for name, value in self.params.items() if is_row_wise(value, n)}


@dataclass(frozen=True)
class Oracle:
    """A pool whose labels are revealed on demand."""

    X: object
    y: np.ndarray
    params: dict
    labels: Labels
    use_unlabeled: bool = False
    knows_all: bool = False

    def __post_init__(self):
        """Refuse weights that do not belong to the rows."""
        weights = self.params.get("sample_weight")
        n = n_rows(self.X)
        if weights is not None and n_rows(weights) != n:
            raise ValueError(
                f"sample_weight must hold a weight for each of the {n} rows of X, got "
                f"{n_rows(weights)}."
            )

    def reveal(self, order, *, copy=True):
        """Return the lesson of the rows at ``order``.

        A copy does not change when the caller reuses a buffer or appends to a list.
        """
        n = n_rows(self.X)
        if not copy and len(order) == n and not isinstance(self.X, list):
            return Lesson(self.X, self.y, self.params, self.labels)
        lesson = Lesson(
            take_rows(self.X, order),
            self.y[order],
            slice_params(self.params, order, n),
            self.labels,
        )
        if not self.use_unlabeled:
            return lesson
        codes = np.full(n, -1)
        codes[order] = self.labels.encode(lesson.y)
        truth = self.labels.encode(self.y) if self.knows_all else None
        return replace(lesson, whole=(self.X, codes, self.params), truth=truth)
