"""How much of something rare was found for the labels that were asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, check_number, name_of

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def found_curve(y_asked: ArrayLike, target: Any = 1) -> NDArray[np.int64]:
    """Count the rows of a class among the first labels, for each number of labels.

    Parameters
    ----------
    y_asked : array-like of shape (n_labels,) or (n_labels, n_outputs)
        The labels in the order in which they were asked, such as
        ``learner.y_training_``.
    target : object, default=1
        The class looked for; for several outputs the number of one.

    Returns
    -------
    ndarray of int of shape (n_labels + 1,)
        Entry n counts the first n labels, from 0 on.

    Raises
    ------
    ValueError
        If ``y_asked`` has another shape, or no output of that number.

    See Also
    --------
    recall_at_budget : The share of all of them.
    skal.plotting.plot_found : A picture of it.

    Examples
    --------
    >>> from skal.metrics import found_curve
    >>> found_curve([0, 1, 1, 0, 1])
    array([0, 0, 1, 2, 2, 3])
    """
    y = np.asarray(y_asked)
    if y.ndim not in (1, 2):
        raise ValueError(
            "y_asked must hold labels of shape (n_labels,) or (n_labels, n_outputs), "
            f"got shape {y.shape}."
        )
    if y.ndim == 2:
        n_outputs = y.shape[1]
        if not isinstance(target, (int, np.integer)) or not 0 <= target < n_outputs:
            raise ValueError(
                f"target must be the number of an output, from 0 to {n_outputs - 1}, "
                f"got {target!r}."
            )
        return np.append(0, np.cumsum(y[:, target] == 1))
    return np.append(0, np.cumsum(y == target))


def recall_at_budget(
    y_asked: ArrayLike, budget: int, n_positive: int, *, target: Any = 1
) -> float:
    """Return the share of a class that the first labels have found.

    Parameters
    ----------
    y_asked : array-like of shape (n_labels,) or (n_labels, n_outputs)
        The labels in the order in which they were asked, at least ``budget`` of them.
    budget : int
        How many labels count.
    n_positive : int
        How many rows of the class there are in all, those found included.
    target : object, default=1
        The class looked for; for several outputs the number of one.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If fewer labels than ``budget`` were asked, or more than ``n_positive`` found.

    See Also
    --------
    work_saved_over_sampling : What a recall has cost.

    Examples
    --------
    >>> from skal.metrics import recall_at_budget
    >>> recall_at_budget([0, 1, 1, 0, 1], budget=3, n_positive=4)
    0.5
    """
    found = checked_found(y_asked, target, n_positive)
    budget = check_int("budget", budget, minimum=0)
    if budget >= len(found):
        raise ValueError(
            f"budget must be at most {len(found) - 1}, the labels asked, got {budget}."
        )
    return float(found[budget] / n_positive)


def work_saved_over_sampling(
    y_asked: ArrayLike,
    n_samples: int,
    n_positive: int,
    *,
    recall: float = 0.95,
    target: Any = 1,
) -> float:
    r"""Return the share of labels that a recall took less than in random order.

    .. math:: \mathrm{WSS@}r = \frac{N - n_r}{N} - (1 - r)

    where :math:`n_r` labels of N rows were asked until the share r of the class was
    found; random order needs the share r of all rows. 0 saves nothing, and no order
    saves more than r.

    Parameters
    ----------
    y_asked : array-like of shape (n_labels,) or (n_labels, n_outputs)
        The labels in the order in which they were asked.
    n_samples : int
        How many rows there are in all.
    n_positive : int
        How many of them are of the class.
    recall : float, default=0.95
        The share of the class to be found, above 0 and at most 1.
    target : object, default=1
        The class looked for; for several outputs the number of one.

    Returns
    -------
    float
        Below 0 where random order would have been faster; NaN where so many were not
        found.

    Raises
    ------
    ValueError
        If more was asked than ``n_samples``, or more found than ``n_positive``, or
        ``recall`` is out of bounds.

    See Also
    --------
    recall_at_budget : What a number of labels has found.

    References
    ----------
    .. [1] Cohen, Hersh, Peterson and Yen (2006). Reducing workload in systematic review
       preparation using automated document classification. JAMIA 13(2).
       doi:10.1197/jamia.M1929

    Examples
    --------
    >>> from skal.metrics import work_saved_over_sampling
    >>> work_saved_over_sampling([0, 1, 1, 0, 1], 20, 4, recall=0.5)
    0.35
    """
    found = checked_found(y_asked, target, n_positive)
    recall = check_number("recall", recall, maximum=1)
    if not recall > 0:
        raise ValueError(f"recall must be above 0, got {recall!r}.")
    if check_int("n_samples", n_samples) < max(len(found) - 1, n_positive):
        raise ValueError(
            "n_samples must count all rows, those asked and those of the class, got "
            f"{n_samples} for {len(found) - 1} and {n_positive}."
        )
    needed = np.ceil(round(recall * n_positive, 9))  # .95 x 20 is 19
    reached = np.flatnonzero(found >= needed)
    if not len(reached):
        return float("nan")
    return float(round((n_samples - reached[0]) / n_samples - (1 - recall), 12))


def checked_found(y_asked, target, n_positive):
    """Return the curve of what was found, of at most n_positive."""
    found = found_curve(y_asked, target)
    if check_int("n_positive", n_positive) < found[-1]:
        raise ValueError(
            f"n_positive must count all rows of class {target!r}, got {n_positive}, "
            f"but {found[-1]} were found."
        )
    return found


@dataclass(frozen=True)
class FoundScorer:
    """Score a learner by how many rows of a class it has found.

    Pass it to an experiment, ``metrics={"found": FoundScorer(9)}``, or to a search as
    ``scoring=``: it counts among the labels that the learner has asked, and looks
    neither at the model nor at the held-out rows.

    Parameters
    ----------
    target : object, default=1
        The class looked for; for several outputs the number of one.
    n_positive : int, default=None
        How many of them there are among the rows that can be asked: the score is the
        recall then. None counts.

    See Also
    --------
    recall_at_budget : The same for labels in hand.
    skal.query.Find : The strategy for it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.metrics import FoundScorer
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), "find", n_labels=50,
    ...                         random_state=0)
    >>> FoundScorer(2, n_positive=50)(learner.fit(X, y), X, y)
    0.42
    """

    target: Any = 1
    n_positive: int | None = None

    def __call__(self, estimator: Any, X: Any = None, y: Any = None) -> float:
        """Count what the learner has found.

        Parameters
        ----------
        estimator : ActiveLearner
            A learner with labels; it may be the last step of a Pipeline.
        X, y : object, default=None
            Not read; scorers are called with them.

        Returns
        -------
        float
            The number of rows found, or the share of ``n_positive``.

        Raises
        ------
        TypeError
            If ``estimator`` is no learner with labels.
        ValueError
            If more were found than ``n_positive``.
        """
        learner = getattr(estimator, "steps", [(None, estimator)])[-1][1]
        if not hasattr(learner, "y_training_"):
            raise TypeError(
                "estimator must be an ActiveLearner with labels, got "
                f"{name_of(learner)}."
            )
        if self.n_positive is None:
            return float(found_curve(learner.y_training_, self.target)[-1])
        found = checked_found(learner.y_training_, self.target, self.n_positive)
        return float(found[-1] / self.n_positive)
