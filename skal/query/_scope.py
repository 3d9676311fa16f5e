"""Ask among the rows that belong to a class, in a pool that holds others too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_fraction
from skal._data import n_rows
from skal.query import functional
from skal.query._picks import split_result
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._order import top_n

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

#: The base sees as many rows as are expected in scope, times two to a power within
#: these, which a batch of rows in scope beyond those wanted adds one to.
_POWERS = (-2, 9)
#: Probabilities that differ by less are the same: rounding must not choose.
_DIGITS = 6


class InScope(WrapperStrategy):
    """Ask among the rows that are likely to belong to a class at all.

    What belongs to no class looks uncertain, or far from every label, and is what most
    strategies ask for first. Once rows have been rejected, by the learner's
    ``reject_label``, their like are told from the labelled rows, and ``base`` chooses
    among the others. Until then it is ``base`` alone. Rows that are unlike all that was
    asked for count as in scope, so that no class stays unseen for not being known yet.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="uherding"
        The strategy that chooses among them.
    purity : float, default=0.95
        The share of the questions after the first round that should be in scope. Where
        more were, ``base`` sees more of the pool; where fewer were, only rows that are
        more surely of a class. Where the foreign rows lie among the others it is not
        reached. Lower, a class that was not met yet is found sooner.

    See Also
    --------
    skal.ActiveLearner : ``reject_label`` says that a row belongs to no class.
    Shortlist : Shows a strategy random rows.
    skal.query.functional.in_scope : How likely rows belong to a class.

    Notes
    -----
    Cost: O(n k d + k^3) for n rows, d features and k labelled and rejected ones, of
    which 2000 at most are looked at, then that of ``base``. Needs embeddings. Of a
    foreign kind nothing is known before a row of it was rejected.

    ``info["purity"]`` is the share of the batch expected to be in scope; it too takes
    rows that are unlike all that was asked for to be.

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
        purity: float = 0.95,
    ) -> None:
        self.base = base
        self.purity = purity

    def _check_params(self):
        check_fraction("purity", self.purity)

    def _query(self, view, rows, n_instances, rng):
        base = self._base()
        if view.X_rejected is None or view.n_labels == 0:
            return base(view, rows, n_instances, random_state=rng)
        likely = functional.in_scope(
            view.embed(rows),
            view.embed(view.X_training),
            view.embed(view.X_rejected),
            optimism=1.0,
            random_state=rng,
        )
        share = 2.0 ** np.clip(surplus(view, self.purity) / n_instances, *_POWERS)
        size = int(np.clip(share * likely.sum(), n_instances, len(rows)))
        kept = np.sort(top_n(likely.round(_DIGITS), size, rng))
        result = base(view, rows.take(kept), n_instances, random_state=rng)
        picked, info = split_result(result)
        return kept[picked], {**info, "purity": float(likely[kept[picked]].mean())}


def surplus(view, purity):
    """Count the rows in scope asked for after the first round, less those wanted.

    A view that knows no history has no first round.
    """
    history = view.history
    if "n_rejected" not in history:
        return 0.0
    asked = view.n_labels + n_rows(view.X_rejected) - history["n_labels"][0]
    rejected = n_rows(view.X_rejected) - history["n_rejected"][0]
    return (1 - purity) * asked - rejected
