"""The baseline: rows drawn at random."""

from __future__ import annotations

from skal.query._base import QueryStrategy
from skal.query.functional._order import draw_rows


class RandomSampling(QueryStrategy):
    """Pick rows uniformly at random: the baseline every strategy has to beat.

    The first rows of a longer answer are the shorter answer, for the same seed.

    Notes
    -----
    Cost: O(n) for a pool of n rows. Needs nothing of the estimator, so it serves as
    ``initial=`` too.

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> learner = ActiveLearner(query_strategy="random", random_state=0)
    >>> indices, rows = learner.query([[0.0], [1.0], [2.0]], n_instances=3)
    >>> sorted(indices.tolist())
    [0, 1, 2]
    """

    alias = "random"
    _by_blocks = True

    def _query(self, view, rows, n_instances, rng):
        return draw_rows(len(rows), n_instances, rng)


def told_of_sample(rows, picked):
    """Return what tells that rows were drawn at random, and from how many.

    Whoever reads it can see whether that was all that was left: a strategy around this
    one may have shown it fewer.
    """
    return {"sample": rows.positions()[picked], "sampled_from": len(rows)}
