"""A batch in which no class goes short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.query._picks import scores_of, split_result
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy


class ClassBalanced(WrapperStrategy):
    """Ask most for the classes of which the fewest rows are labelled.

    Where a class is rare, any score finds little of it. Here each place in the batch
    goes to the class with the fewest labels so far, its places in the batch counted
    as labels; the base picks the row among those that the model predicts to be of that
    class.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="margin"
        The strategy that picks within a class.

    Attributes
    ----------
    needs : frozenset of str
        "proba", and what the base needs.

    See Also
    --------
    Mixture : Shares a batch out among strategies.

    Notes
    -----
    Cost: O(n C + k C) for k of n rows and C classes, after one ``predict_proba`` of the
    pool, and the base, once a class. A class that no row is predicted to be has to
    wait; a class without a label cannot be predicted at all.

    Needs one label a row: regression and multilabel targets are refused.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ModelView
    >>> from skal.query import ClassBalanced
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X[:105], y[:105])
    >>> view = ModelView(model, X[:105], y[:105])  # 50, 50 and 5 labels
    >>> ClassBalanced()(view, X[105:], n_instances=20, random_state=0)[0].shape
    (20,)
    """

    _own_needs = frozenset({"proba"})
    _own_target_types = frozenset({"multiclass"})

    def __init__(
        self, base: str | QueryStrategy | Callable[..., Any] = "margin"
    ) -> None:
        self.base = base

    def _query(self, view, rows, n_instances, rng):
        base = self._base()
        predicted = view.predict_proba(rows).argmax(axis=1)
        turns = share_out(labels_of(view), predicted, n_instances, rng)
        picked = np.empty(n_instances, np.int64)
        scores = np.full(n_instances, np.nan)
        for code in np.unique(turns):
            places = np.flatnonzero(turns == code)
            members = np.flatnonzero(predicted == code)
            asked = rows.take(members)
            result = base(view, asked, len(places), random_state=rng)
            chosen, info = split_result(result)
            picked[places] = members[chosen]
            scores[places] = scores_of(info, len(places))
        return picked, {} if np.isnan(scores).any() else {"score": scores}


def labels_of(view):
    """Count the labels of each class."""
    if view.y_training is None:
        return np.zeros(len(view.classes_), np.int64)
    codes = np.searchsorted(view.classes_, view.y_training)
    return np.bincount(codes, minlength=len(view.classes_))


def share_out(labels, predicted, n_instances, rng):
    """Give each place of a batch to the class with the fewest labels and a row left.

    Returns the class of each place; equal classes take turns in random order.
    """
    left = np.bincount(predicted, minlength=len(labels))
    known = np.flatnonzero(labels + left)  # others may not even move the draw
    counts = labels.astype(float)
    counts[known] += rng.permutation(len(known)) / (len(known) + 1)
    counts[left == 0] = np.inf
    turns = np.empty(n_instances, np.int64)
    for place in range(n_instances):
        code = turns[place] = counts.argmin()
        left[code] -= 1
        counts[code] = counts[code] + 1 if left[code] else np.inf
    return turns
