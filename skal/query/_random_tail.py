"""Go over to random rows when the search has run dry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal.query._random import told_of_sample
from skal.query._target import check_target, is_target
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy


class RandomTail(WrapperStrategy):
    """Ask as the base does until it finds nothing more, then at random to the end.

    A search that finds nothing may be at its end, or blind to what is left. A random
    sample of the rest tells which: :class:`~skal.stopping.RecallTarget` reads it, and
    stops when it proves that enough was found.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="find"
        The strategy that searches.
    target : object, default=None
        The class looked for, as its label is written, or the number of a label for
        multilabel targets. None is the class with the fewest labels so far.
    patience : int, default=50
        Go over when so many labels in a row, up to the end of a round, were none of the
        target. The labels of the first round do not count. More patience finds more
        before the sample, which is then the cheaper.

    Attributes
    ----------
    needs : frozenset of str
        What the base needs, and "labels".

    See Also
    --------
    Mixture : Draws a share at random from the start.
    Find : Asks for what is probably of a class.

    Notes
    -----
    Cost: O(n) for n rows at random, or that of the base. Whether to go over follows
    from the labels so far, so that a run stays in the tail once it is there, in a
    simulation as live; a label that is corrected may lead back. In the tail
    ``info["sample"]`` holds the positions in the pool, and ``info["sampled_from"]``
    the number of rows, that they were drawn from.

    References
    ----------
    Callaghan, M., Müller-Hansen, F. (2020). Statistical stopping criteria for automated
    screening in systematic reviews. Systematic Reviews 9:273.
    doi:10.1186/s13643-020-01521-4

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import Find, RandomTail
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     query_strategy=RandomTail(Find(9), target=9, patience=10),
    ...     n_labels=200, n_initial=50, batch_size=30, random_state=0,
    ... ).fit(X[:500] / 16, y[:500])
    >>> int((learner.y_training_ == 9).sum()), int((y[:500] == 9).sum())
    (48, 48)
    >>> learner.history_["info"][-1]["sampled_from"]
    330
    """

    _own_needs = frozenset({"labels"})
    _own_target_types = frozenset({"multiclass", "multilabel"})

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "find",
        target: Any = None,
        patience: int = 50,
    ) -> None:
        self.base = base
        self.target = target
        self.patience = patience

    @property
    def _by_blocks(self):
        return self._bases_by_blocks

    def _check_params(self):
        check_target(self.target)
        check_int("patience", self.patience)

    def _query(self, view, rows, n_instances, rng):
        if not self._is_dry(view):
            return self._base()(view, rows, n_instances, random_state=rng)
        picked = draw_rows(len(rows), n_instances, rng)
        return picked, told_of_sample(rows, picked)

    def _is_dry(self, view):
        """Tell whether any round so far ended in labels that were all in vain."""
        ends = np.asarray(view.history.get("n_labels", []), dtype=np.int64)
        if len(ends) < 2 or view.y_training is None:
            return False
        hits = view.in_order(is_target(view, self.target), rejected=False)
        found = np.append(0, np.cumsum(hits))
        ends = np.minimum(ends, len(found) - 1)
        before = ends - self.patience
        long = before >= ends[0]
        return bool(np.any(found[ends[long]] == found[before[long]]))
