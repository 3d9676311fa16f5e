"""Strategies that ask about parts of rows: pairs of a row and a unit."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, check_mask, name_of
from skal._data import as_rows
from skal._meta import takes_partial_labels
from skal._model import as_view
from skal._seed import as_random_state
from skal.exceptions import PoolExhaustedError
from skal.query._base import QueryStrategy, told_of_scores
from skal.query._beside import check_beside
from skal.query._by_blocks import check_reach
from skal.query._picks import describe, split_result
from skal.query.functional._order import at_most, draw_rows, top_n

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from skal._data import Rows
    from skal._model import ModelView


class UnitStrategy(QueryStrategy):
    """Base class of strategies that pick pairs of a row and a unit to label next.

    A unit is what is asked about a row at a time: one of its several labels, or a cell
    of a grid over an image. Subclasses write one method, ``_query_units(view, rows,
    open, n_instances, rng)``, in which ``open`` is a mask of shape (n_rows, n_units) of
    what may be asked. It returns an array of shape (n_instances, 2) of positions into
    ``rows`` and units, best first, or a tuple of that and a dict of what else is worth
    recording.

    A learner with such a strategy counts pairs where others count rows. Where nobody
    has said yet its y holds NaN among several labels, -1 in a mask.

    See Also
    --------
    LabelUncertainty : The labels that the model is least sure of.
    Regions : The cells of images that it is least sure of.
    skal.multilabel.BinaryRelevance : Learns from rows whose labels are known in part.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skal.multilabel import BinaryRelevance
    >>> from skal.query import UnitStrategy
    >>> class FirstUnits(UnitStrategy):
    ...     def _query_units(self, view, rows, open, n_instances, rng):
    ...         return np.argwhere(open)[:n_instances]
    >>> X, Y = make_multilabel_classification(n_classes=3, random_state=0)
    >>> FirstUnits()(BinaryRelevance().fit(X, Y), X, n_instances=4)
    array([[0, 0],
           [0, 1],
           [0, 2],
           [1, 0]])
    """

    target_types = frozenset({"multilabel"})

    def __call__(
        self,
        learner: Any,
        X: Any,
        n_instances: int = 1,
        *,
        open: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[np.int64] | tuple[NDArray[np.int64], dict[str, Any]]:
        """Pick pairs of a row of X and a unit.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model to improve.
        X : array-like or Rows
            The candidates.
        n_instances : int, default=1
            How many pairs to pick.
        open : array-like of bool of shape (n_rows, n_units), default=None
            What may be asked; None allows all.
        random_state : int, RandomState instance or None, default=None
            Breaks ties, and seeds what the strategy draws.

        Returns
        -------
        pairs : ndarray of int64 of shape (n_instances, 2)
            Different pairs of a position in X and a unit, best first.
        info : dict
            Only from strategies that have more to tell; the pairs come in a tuple with
            it then.

        Raises
        ------
        PoolExhaustedError
            If fewer than ``n_instances`` pairs may be asked.
        TypeError
            If the strategy does not serve the kind of target, or the estimator does not
            take labels known in part, or lacks what the strategy needs.
        ValueError
            If a parameter is out of bounds, or the strategy breaks its promise.
        """
        rows, rng = as_rows(X), as_random_state(random_state)
        check_reach(self, rows.X)
        n_instances = check_int("n_instances", n_instances)
        view = as_view(learner)._expecting(self, rng)
        check_beside(self, rows)
        shape = (len(rows), self._n_units(view))
        asked_of = np.ones(shape, bool) if open is None else open
        allowed = check_mask("open", asked_of, shape)
        n_open = int(allowed.sum())
        if n_instances > n_open:
            raise PoolExhaustedError(
                f"n_instances must be at most {n_open}, the number of pairs that may "
                f"be asked, got {n_instances}."
            )
        result = self._query_units(view, rows, allowed, n_instances, rng)
        pairs, info = split_result(result)
        pairs = check_pairs(pairs, n_instances, allowed, self)
        return (pairs, info) if isinstance(result, tuple) else pairs

    def check(self, estimator: Any, target_type: str) -> None:
        """Raise if the strategy cannot serve an estimator; nothing is fitted.

        Parameters
        ----------
        estimator : estimator
            The model to improve, fitted or not.
        target_type : {"multiclass", "multilabel", "regression", "structured"}
            The kind of target.

        Raises
        ------
        TypeError
            If the strategy does not serve this kind of target, the estimator does not
            take labels known in part, or lacks what the strategy needs, or a parameter
            has the wrong type.
        ValueError
            If a parameter is out of bounds.
        """
        super().check(estimator, target_type)
        self._check_takes_parts(estimator)

    def _check_takes_parts(self, estimator):
        """Refuse an estimator that does not learn from rows known in part."""
        if not takes_partial_labels(estimator):
            raise TypeError(
                f"{name_of(self)} needs an estimator that takes labels known in part, "
                f"got {name_of(estimator)}. Wrap it in skal.multilabel.BinaryRelevance,"
                " or use a net with criterion='bce'."
            )

    def _cells(self, mark=None):
        """Return the parts of rows as GridParts, None where they are its labels.

        ``mark`` is what stands in y where nobody has said.
        """

    def _n_units(self, view):
        """Return the number of units of a row."""
        cells = self._cells()
        return len(view.classes_) if cells is None else cells.n_parts

    def _query(self, view, rows, n_instances, rng):
        allowed = np.ones((len(rows), self._n_units(view)), bool)
        return self._query_units(view, rows, allowed, n_instances, rng)

    @abstractmethod
    def _query_units(
        self,
        view: ModelView,
        rows: Rows,
        open: NDArray[np.bool_],
        n_instances: int,
        rng: np.random.RandomState,
    ) -> Any:
        """Return (n_instances, 2) positions into rows and units, best first."""


def check_pairs(pairs, n_instances, open, strategy):
    """Return pairs as int64 if they are what a strategy promises."""
    promise = None
    if pairs.ndim != 2 or pairs.shape[1:] != (2,) or pairs.dtype.kind not in "iu":
        promise = f"pairs of whole numbers, got {pairs.dtype} of shape {pairs.shape}"
    elif len(pairs) != n_instances:
        promise = f"{n_instances} pairs, got {len(pairs)}"
    elif (pairs < 0).any() or (pairs >= open.shape).any():
        promise = f"pairs within {open.shape}, got {pairs.min(0)} to {pairs.max(0)}"
    elif len(np.unique(pairs, axis=0)) < n_instances:
        n_unique = len(np.unique(pairs, axis=0))
        promise = f"{n_instances} different pairs, got {n_unique}"
    elif not open[tuple(pairs.T)].all():
        n_closed = np.count_nonzero(~open[tuple(pairs.T)])
        promise = f"pairs that may be asked, got {n_closed} others"
    if promise is not None:
        raise ValueError(f"The strategy {describe(strategy)} must return {promise}.")
    return pairs.astype(np.int64)


def best_pairs(scores, open, n_instances, rng, max_per_row=None):
    """Return the open pairs of the highest scores (n, U), and what is told of them.

    They are at most so many a row, as long as there are other rows.
    """
    at = np.flatnonzero(open)
    scores = scores.ravel()[at]
    if max_per_row is None:
        picked = top_n(scores, n_instances, rng)
    else:
        order = top_n(scores, len(scores), rng)
        of_row = at[order] // open.shape[1]
        picked = order[at_most(of_row, max_per_row)][:n_instances]
    pairs = np.column_stack(np.unravel_index(at[picked], open.shape))
    return pairs, told_of_scores(scores, picked)


def random_pairs(open, n_instances, rng):
    """Return open pairs at random."""
    at = np.flatnonzero(open)
    drawn = at[draw_rows(len(at), n_instances, rng)]
    return np.column_stack(np.unravel_index(drawn, open.shape))


def ask_units(strategy, view, rows, open, n_instances, random_state):
    """Let a strategy pick pairs; return these, and what else it told."""
    result = strategy(view, rows, n_instances, open=open, random_state=random_state)
    return split_result(result)
