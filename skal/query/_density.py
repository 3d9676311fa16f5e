"""Ask for rows that are wanted and typical of the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal._checks import check_number
from skal.query import functional
from skal.query._base import ScoreStrategy
from skal.query._picks import from_zero
from skal.query._wrapper import WrapperStrategy, check_from_zero

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy


class InformationDensity(WrapperStrategy, ScoreStrategy):
    r"""Weigh a score by how typical of the pool a row is.

    An outlier may be uncertain and teach nothing about other rows. With :math:`s_n` the
    score of the base and the mean cosine of the embedding to the whole pool, a row
    scores

    .. math::
        s_n \left( \tfrac12 + \tfrac{1}{2N} \sum_m \cos(e_n, e_m) \right)^\beta

    Parameters
    ----------
    base : str, ScoreStrategy or callable, default="entropy"
        The strategy that scores rows, from 0 up.
    beta : float, default=1.0
        Weight of the density, from 0 (none).

    See Also
    --------
    Entropy : A score to weigh.
    skal.query.functional.information_density : The formula on plain arrays.

    Notes
    -----
    Cost: O(n d) for n rows and d features, after one pass of the model for embeddings
    and beside that of ``base``: the mean cosine is the product with a mean. Needs
    embeddings and what ``base`` needs. Scores that fall below 0 are refused, but for
    those of ``Margin``, which count as 1 - margin.

    References
    ----------
    Settles, B., Craven, M. (2008). An analysis of active learning strategies for
    sequence labeling tasks. EMNLP. doi:10.3115/1613715.1613855

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import InformationDensity
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> InformationDensity(beta=2.0).score_samples(model, X).shape
    (150,)
    """

    alias = "information_density"
    _own_needs = frozenset({"embed"})

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "entropy",
        beta: float = 1.0,
    ) -> None:
        self.base = base
        self.beta = beta

    def _check_params(self):
        check_from_zero(self._base())
        check_number("beta", self.beta, minimum=0)

    def _score(self, view, rows):
        base = self._base()
        scores = from_zero(base.score_samples(view, rows), base)
        return functional.information_density(scores, view.embed(rows), beta=self.beta)
