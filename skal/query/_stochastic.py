"""A batch drawn by chance, with chances that grow with a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice
from skal.query._base import ScoreStrategy, told_of_scores
from skal.query._picks import describe, from_zero
from skal.query._wrapper import WrapperStrategy
from skal.query.functional import stochastic_top_n
from skal.query.functional._batches import STOCHASTIC_METHODS, check_beta

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

#: A score below 0 by no more than this has been rounded.
_ROUNDING = 1e-6


class StochasticBatch(WrapperStrategy):
    """Draw a batch at random, with chances that grow with a strategy's scores.

    The k best rows of a score are often k times the same example. Drawn by chance the
    batch spreads over everything that scores well, at no cost: with BALD for a base
    this is PowerBALD.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="entropy"
        What scores the rows. With ``method="softrank"`` any strategy that can order
        the whole pool.
    method : {"power", "softmax", "softrank"}, default="power"
        The chance of a row to be the next: "power" is in proportion to the score to
        the power of ``beta``, and wants scores above 0 (BALD, Entropy,
        LeastConfidence), or a base that says how low they can be: those of Margin
        count as 1 - margin; "softmax" to exp(beta * score), whatever the scores are;
        "softrank" to the rank to the power of ``-beta``, whatever their scale is.
    beta : float, default=1.0
        Large values draw the best rows, small ones any row.

    Attributes
    ----------
    needs : frozenset of str
        What the base needs.

    See Also
    --------
    DiverseBatch : Spreads a batch by distance.
    skal.query.functional.stochastic_top_n : The draw on plain arrays.

    Notes
    -----
    Cost: O(n) for n rows, beside scoring the pool. Needs a base that scores rows: put a
    wrapper that does not, such as Shortlist, around this one. Under "power" rows of
    score 0 or less come last, in random order.

    References
    ----------
    Kirsch, A., Farquhar, S., Atighehchian, P., Jesson, A., Branchaud-Charron, F.,
    Gal, Y. (2023). Stochastic batch acquisition: a simple baseline for deep active
    learning. TMLR. arXiv:2106.12059

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import StochasticBatch
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = StochasticBatch("entropy", beta=4)
    >>> learner = ActiveLearner(query_strategy=strategy, n_labels=30, random_state=0)
    >>> learner.fit(X / 16, y).n_iter_
    2
    """

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "entropy",
        method: str = "power",
        beta: float = 1.0,
    ) -> None:
        self.base = base
        self.method = method
        self.beta = beta

    @property
    def _by_blocks(self):
        return getattr(self._base(), "separable", False)

    def _check_params(self):
        base = self._base()
        check_choice("method", self.method, STOCHASTIC_METHODS)
        check_beta(self.beta)
        if self.method == "softrank":
            return
        if not isinstance(base, ScoreStrategy):
            raise TypeError(
                f"base must score rows for method={self.method!r}, got "
                f"{describe(base)}, which only picks some. Use a base such as Entropy, "
                "put the wrapper around StochasticBatch, or set "
                'method="softrank".'
            )
        if self.method == "power" and base.below_zero and base.lowest is None:
            raise too_low(f"none from {describe(base)}")

    def _query(self, view, rows, n_instances, rng):
        base, reported = self._base(), None
        if isinstance(base, ScoreStrategy):
            scores = reported = base.score_samples(view, rows)
            if self.method == "power":
                scores = from_zero(reported, base)
        else:
            scores = scores_of_order(base, view, rows, rng)
        if self.method == "power":
            check_positive(scores, base)
        options = {"method": self.method, "beta": self.beta, "random_state": rng}
        picked = stochastic_top_n(scores, n_instances, **options)
        return picked, {} if reported is None else told_of_scores(reported, picked)


def scores_of_order(base, view, rows, rng):
    """Let a strategy order the whole pool; the first row gets the highest score."""
    result = base(view, rows, len(rows), random_state=rng)
    order = result[0] if isinstance(result, tuple) else result
    scores = np.empty(len(rows))
    scores[order] = np.arange(len(rows), 0, -1)
    return scores


def check_positive(scores, base):
    """Refuse scores that are a distance below 0, of which no power is a chance."""
    if scores.max() <= 0 and scores.min() < -_ROUNDING:
        between = f"{scores.min():.3g} to {scores.max():.3g} from {describe(base)}"
        raise too_low(between)


def too_low(what):
    """Build the error for scores of which no power is a chance."""
    return ValueError(
        f'base must give scores above 0 for method="power", got {what}. Set '
        'method="softmax" or method="softrank".'
    )
