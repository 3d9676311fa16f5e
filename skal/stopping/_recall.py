"""Stop when a share of all rows of a class has been found, with a stated confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_number
from skal.query import check_target, is_target
from skal.stopping._base import StoppingRule
from skal.stopping._recall_bound import most_there_can_be

if TYPE_CHECKING:
    from typing import Any


class RecallTarget(StoppingRule):
    r"""Stop when a share of all rows of a class is found, with a promised confidence.

    That a search finds nothing more proves nothing. A random sample of the rest does:
    were more than the permitted few left, the sample would have met one. The value is
    the recall that is proved so far, found over the most there can be; the rule stops
    when it reaches ``recall``.

    **What it promises.** With a probability of at least ``confidence`` the recall is
    at least ``recall`` when the rule stops, whatever the model, the strategy and the
    data, and however often one looks: the set of totals that the samples do not rule
    out is a confidence sequence [1]_, valid in all rounds at once, so that no look has
    to be planned or paid for. The totals are tested by the hypergeometric
    distribution of draws without replacement, as in [2]_.

    Parameters
    ----------
    target : object, default=None
        The class looked for, as its label is written; for multilabel targets the number
        of the label. It must be given; the default is there for scikit-learn.
    recall : float, default=0.95
        The share to find, above 0 and at most 1.
    confidence : float, default=0.95
        How sure to be of it, above 0 and below 1.

    See Also
    --------
    skal.query.RandomTail : Searches, then samples the rest.
    skal.query.Mixture : Samples a share of each batch.
    All : Wait for another rule as well.

    Notes
    -----
    It must know which labels are a random sample of all that were left. Strategies tell
    in ``info["sample"]``: :class:`~skal.query.RandomTail`, and
    :class:`~skal.query.Mixture` where "random" stands first. Rows that a wrapper has
    held back were never in the draw: such samples do not count, nor do labels of the
    first round, nor rows that nobody answered. Without a sample only the number of rows
    left bounds the recall.

    A record holds four numbers a sample, whatever ``recall`` and ``confidence`` are, so
    that others can be tried with :func:`replay`. Labels must be right: one that is
    missed by whoever answers counts as none.

    **What it costs.** Where f are found before the sample, no more than
    :math:`f (1 / r - 1)` may be left, and a sample that meets none must take, of the
    rest, about the share :math:`1 - (\alpha / 2)^{1 / (f (1 / r - 1) + 1)}`, with
    :math:`\alpha` = 1 - ``confidence``: at .95 and .95 that is 71 % of the rest with 50
    found, 46 % with 100, 13 % with 500 and 7 % with 1 000. Few positives are costly to
    be sure of. A test of one planned look would save about a fifth of it; positives
    that the sample meets make it longer.

    References
    ----------
    .. [1] Waudby-Smith and Ramdas (2020). Confidence sequences for sampling without
       replacement. NeurIPS. arXiv:2006.04347
    .. [2] Callaghan and Müller-Hansen (2020). Statistical stopping criteria for
       automated screening in systematic reviews. Systematic Reviews 9:273.
       doi:10.1186/s13643-020-01521-4

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import Find, RandomTail
    >>> from skal.stopping import RecallTarget
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(max_iter=2000),
    ...     RandomTail(Find(9), 9, patience=20), stopping=RecallTarget(9, recall=0.9),
    ...     n_labels=1.0, batch_size=20, random_state=0)
    >>> learner = learner.fit(X / 16, y)
    >>> learner.termination_condition_
    'stopping'
    >>> found = (learner.y_training_ == 9).sum() / (y == 9).sum()
    >>> round(float(found), 2), len(learner.y_training_)
    (0.99, 530)
    """

    def __init__(
        self, target: Any = None, recall: float = 0.95, confidence: float = 0.95
    ) -> None:
        self.target = target
        self.recall = recall
        self.confidence = confidence

    def _check_params(self):
        if self.target is None:
            raise ValueError(
                "target must be the class to find, got None. Pass RecallTarget(target)."
            )
        check_target(self.target)
        check_number("recall", self.recall, minimum=0, maximum=1)
        check_number("confidence", self.confidence, minimum=0, maximum=1)
        if self.recall == 0:
            raise ValueError(f"recall must be above 0, got {self.recall!r}.")
        if not 0 < self.confidence < 1:
            raise ValueError(
                f"confidence must be above 0 and below 1, got {self.confidence!r}. To "
                "be certain, label every row."
            )

    def _measure(self, view, rows, indices):
        hits = np.zeros(0, bool)
        if view.n_labels:
            hits = view.in_order(is_target(view, self.target), rejected=False)
        return {
            "n_found": int(hits.sum()),
            "n_left": len(rows),
            "samples": samples_of(view.history, hits, len(rows)),
        }

    def _undecided(self):
        return np.nan, self.recall, False

    def _verdict(self, records):
        samples, found, left = (
            records[-1][name] for name in ("samples", "n_found", "n_left")
        )
        most = found + left
        if len(samples):
            most = most_there_can_be(samples, found, left, self.confidence)
        value = found / most if most else 1.0
        return value, self.recall, value >= self.recall


def samples_of(history, hits, n_left):
    """Return the random samples in the labels so far: (n_samples, 4) numbers.

    From how many rows each was drawn, the positives known before, its size and the
    positives in it. A sample counts if it was drawn from all that was left.
    """
    found = np.append(0, np.cumsum(hits))
    samples, start = [], 0
    columns = (history.get(name, ()) for name in ("n_labels", "pool_indices", "info"))
    for end, asked, info in zip(*columns, strict=True):
        n_then = n_left + len(hits) - start
        drawn = np.isin(asked, info.get("sample", ()))
        if drawn.any() and info["sampled_from"] >= n_then:
            of_sample = hits[start:end][drawn]
            samples.append([n_then, found[start], len(of_sample), of_sample.sum()])
        start = end
    return np.array(samples, np.int64).reshape(-1, 4)
