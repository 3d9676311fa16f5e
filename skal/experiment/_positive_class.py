"""Scorers of two classes, told which of the two is the one that is looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def positive_class(name: str, classes: NDArray[Any] | None, pos_label: Any) -> Any:
    """Return the class that ``pos_label`` names, None where it is None.

    Parameters
    ----------
    name : str
        Of the data set.
    classes : ndarray or None
        Every label there is; None for regression.
    pos_label : object
        A class, or how it is written.

    Returns
    -------
    object
        The class.
    """
    if pos_label is None:
        return None
    known = [] if classes is None else classes.tolist()
    found = [one for one in known if one == pos_label]
    found += [one for one in known if str(one) == pos_label]
    if len(known) != 2 or not found:
        words = f"one of two classes, {known}" if known else "left out for numbers"
        if len(known) > 2:
            words = f"left out for {name!r}, which has {len(known)} classes and not two"
        raise ValueError(f"pos_label must be {words}, got {pos_label!r}.")
    return found[0]


def scored_for(scorer: Callable[..., float], positive: Any) -> Callable[..., float]:
    """Let a scorer see 1 where the class is the positive one, 0 where it is not."""

    def score(learner, X, y):
        return scorer(_OneClass(learner, positive), X, (y == positive).astype(int))

    return score


def _has(method):
    return lambda one: hasattr(one.learner, method)


class _OneClass(ClassifierMixin, BaseEstimator):
    """A fitted classifier of two classes whose classes are 0 and 1."""

    def __init__(self, learner, positive):
        self.learner, self.positive = learner, positive
        self.classes_ = np.array([0, 1])

    @property
    def _is_second(self):
        return self.learner.classes_[1] == self.positive

    def predict(self, X):
        return (np.asarray(self.learner.predict(X)) == self.positive).astype(int)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X):
        return np.asarray(self.learner.predict_proba(X))[
            :, :: 1 if self._is_second else -1
        ]

    @available_if(_has("decision_function"))
    def decision_function(self, X):
        return self.learner.decision_function(X) * (1 if self._is_second else -1)
