"""Ask among the rows that belong to a class, in a pool that holds others too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_fraction
from skal.query import functional
from skal.query._picks import split_result
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._order import top_n

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

#: Probabilities that differ by less are the same: rounding must not choose.
_DIGITS = 6


class InScope(WrapperStrategy):
    """Ask among the rows that are likely to belong to a class at all.

    What belongs to no class looks uncertain, or far from every label, and is what most
    strategies ask for first. Once rows have been rejected, by the learner's
    ``reject_label``, their like are told from the labelled rows, and ``base`` chooses
    among the rows that are most surely of a class. Until then it is ``base`` alone.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="uherding"
        The strategy that chooses among them.
    share : float, default=0.65
        Of as many rows as the pool is expected to hold in scope, the share that
        ``base`` sees: less keeps foreign rows out more strictly, and lets fewer rows
        through that are unlike all labelled ones.

    See Also
    --------
    skal.ActiveLearner : ``reject_label`` says that a row belongs to no class.
    Shortlist : Shows a strategy random rows.
    skal.query.functional.in_scope : How likely rows belong to a class.

    Notes
    -----
    Cost: O((n + i) (m + r) d) for n rows, m labelled and r rejected ones, d features
    and i iterations of a logistic regression, then that of ``base``. Needs embeddings.
    Keeps no class of foreign rows apart from another, and learns nothing of a foreign
    kind before a row of it was rejected.

    ``info["purity"]`` is the share of the batch expected to be in scope.

    References
    ----------
    Ning, K.-P., Zhao, X., Li, Y., Huang, S.-J. (2022). Active learning for open-set
    annotation. CVPR. arXiv:2201.06758

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> y[y > 5] = -2  # none of the six digits looked for
    >>> learner = ActiveLearner(None, "in_scope", n_labels=100, reject_label=-2,
    ...     random_state=0).fit(X / 16, y)
    >>> int(learner.history_["n_rejected"][-1]) < 25
    True
    """

    alias = "in_scope"
    _own_needs = frozenset({"embed"})

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "uherding",
        share: float = 0.65,
    ) -> None:
        self.base = base
        self.share = share

    def _check_params(self):
        check_fraction("share", self.share)

    def _query(self, view, rows, n_instances, rng):
        base = self._base()
        if view.X_rejected is None or view.n_labels == 0:
            return base(view, rows, n_instances, random_state=rng)
        likely = functional.in_scope(
            view.embed(rows), view.embed(view.X_training), view.embed(view.X_rejected)
        )
        size = max(n_instances, int(np.ceil(self.share * likely.sum())))
        kept = np.sort(top_n(likely.round(_DIGITS), size, rng))
        result = base(view, rows.take(kept), n_instances, random_state=rng)
        picked, info = split_result(result)
        return kept[picked], {**info, "purity": float(likely[kept[picked]].mean())}
