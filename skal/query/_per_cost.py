"""Score for the money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.query._base import ScoreStrategy
from skal.query._picks import describe, from_zero
from skal.query._wrapper import WrapperStrategy, check_from_zero

if TYPE_CHECKING:
    from skal.query._base import QueryStrategy


class PerCost(WrapperStrategy, ScoreStrategy):
    r"""Ask for the rows that are wanted most for what their labels cost.

    A long document may teach more than a short one, but not as much as the three that
    could be read in its time. With :math:`s_n` the score of the base, from 0 up, and
    :math:`c_n` the cost of the label a row scores

    .. math:: s_n / c_n

    Parameters
    ----------
    base : str or ScoreStrategy, default="entropy"
        The strategy that scores rows, from 0 up.

    Attributes
    ----------
    needs : frozenset of str
        "costs", and what the base needs.

    See Also
    --------
    InformationDensity : Weighs a score by how typical a row is.

    Notes
    -----
    Cost: O(n) for n rows, beside that of ``base``. Needs ``costs=`` in ``fit`` and
    ``query``, or ``Rows(X, costs=...)``. Scores that fall below 0 are refused, but for
    those of ``Margin``, which count as 1 - margin. Where rows of high score cost more
    as a rule, cheap rows win that teach little each: whether that is worth it, a run
    with a budget tells.

    References
    ----------
    Settles, B., Craven, M., Friedland, L. (2008). Active learning with real annotation
    costs. NIPS Workshop on Cost-Sensitive Learning.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import Rows
    >>> from skal.query import PerCost
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> rows = Rows(X[[0, 70, 133]], costs=[1, 1, 4])
    >>> PerCost("entropy").score_samples(model, rows).round(2)
    array([0.09, 0.7 , 0.17])
    """

    _own_needs = frozenset({"costs"})

    def __init__(self, base: str | QueryStrategy = "entropy") -> None:
        self.base = base

    def _check_params(self):
        check_from_zero(self._base())

    def _score(self, view, rows):
        base = self._base()
        scores = from_zero(base.score_samples(view, rows), base)
        if len(scores) and scores.min() < 0:
            raise ValueError(
                f"base must give scores from 0 up, got {scores.min()} from "
                f"{describe(base)}. A score below 0 is no better for a higher cost."
            )
        return scores / rows.costs
