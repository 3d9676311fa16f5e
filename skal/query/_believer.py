"""Batches for strategies that would ask the same thing many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._data import concat_rows
from skal.query._labeled import check_labels
from skal.query._picks import scores_of, split_result
from skal.query._refit import refitted
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy


class KrigingBeliever(WrapperStrategy):
    """Make a batch one row at a time, as if each label were what the model predicts.

    The best rows of a regressor's score lie next to each other. Here a clone of the
    model is fitted with the prediction for the first row as its label; it is sure
    there now, and its best row lies elsewhere.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="expected_improvement"
        The strategy that picks each row.

    See Also
    --------
    ExpectedImprovement : Looks for the best row, one at a time.
    DiverseBatch : Spreads a batch out without fitting anything.

    Notes
    -----
    Cost: O(k) fits and passes of the model over the pool for k picks, beside k times
    that of ``base``: put it in a ``Shortlist`` on a big pool. Clones are seeded by the
    query's own seed and fitted without metadata, such as sample weights. Needs a
    regressor, at least one label, and what ``base`` needs.

    References
    ----------
    Ginsbourger, D., Le Riche, R., Carraro, L. (2010). Kriging is well-suited to
    parallelize optimization. Computational Intelligence in Expensive Optimization
    Problems. doi:10.1007/978-3-642-10701-6_6

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skal import ModelView
    >>> from skal.query import ExpectedImprovement, KrigingBeliever
    >>> X = np.arange(101)[:, np.newaxis] / 10
    >>> y = np.sin(X[:, 0])
    >>> known = slice(None, None, 25)
    >>> model = GaussianProcessRegressor(optimizer=None).fit(X[known], y[known])
    >>> view = ModelView(model, X[known], y[known])
    >>> ExpectedImprovement()(view, X, 3, random_state=0)[0]
    array([82, 81, 83])
    >>> KrigingBeliever()(view, X, 3, random_state=0)[0]
    array([82, 15, 68])
    """

    _own_needs = frozenset({"labels"})
    _own_target_types = frozenset({"regression"})

    def __init__(
        self, base: str | QueryStrategy | Callable[..., Any] = "expected_improvement"
    ) -> None:
        self.base = base

    def _query(self, view, rows, n_instances, rng):
        check_labels(self, view)
        base, believed, left = self._base(), view, np.arange(len(rows))
        picked, scores = np.empty(0, np.int64), np.empty(0)
        while len(picked) < n_instances:
            if len(picked):
                believed = believing(view, rows.take(picked))
            result = base(believed, rows.take(left), 1, random_state=rng)
            place, info = split_result(result)
            picked = np.append(picked, left[place])
            scores = np.append(scores, scores_of(info, 1))
            left = np.delete(left, place)
        return picked, {} if np.isnan(scores).all() else {"score": scores}


def believing(view, rows):
    """Return the view of the model that takes its predictions for rows for labels."""
    X = concat_rows(view.X_training, rows.data())
    return refitted(view, X, np.concatenate([view.y_training, view.predict(rows)]))
