"""Single labels of rows: those in doubt, or any."""

from __future__ import annotations

import numpy as np

from skal._checks import check_int
from skal.query._base import told_of_scores
from skal.query._uncertainty import of_decision
from skal.query._units import UnitStrategy
from skal.query.functional import decision_margin
from skal.query.functional._order import at_most, draw_rows, top_n
from skal.query.functional._several_labels import by_succession


class LabelUncertainty(UnitStrategy):
    r"""Ask for the single labels that the model is least sure of.

    Where a row carries several labels, most of them are often plain to see; what is
    asked here is one label of one row at a time. With p the chance of the label the
    pair scores

    .. math:: 1 - |2 p - 1|

    Entropy, margin and least confidence order single labels alike, so that there is no
    choice of a measure.

    A label that was the same in every row so far has taught no model anything, and is
    sure to look certain: its chance is taken to be :math:`(k + 1) / (m + 2)` in every
    row, k of m rows known having it (the rule of succession), so that it is asked for
    again.

    Parameters
    ----------
    max_per_row : int or None, default=None
        At most so many labels of a row in one batch, as long as there are other rows;
        1 spreads a batch over rows. None sets no bound.

    See Also
    --------
    RandomLabels : The baseline.
    Margin : Asks for whole rows, by the mean over their labels.
    skal.multilabel.BinaryRelevance : Learns from rows whose labels are known in part.

    Notes
    -----
    Cost: O(n L) for n rows and L labels, after one pass of the pool through
    ``predict_proba``, or ``decision_function`` where there is none, whose value f
    scores 1 / (1 + \|f\|); a sort of the pairs more with ``max_per_row``.

    References
    ----------
    Qi, G.-J., Hua, X.-S., Rui, Y., Tang, J., Zhang, H.-J. (2008). Two-dimensional
    active learning for image classification. CVPR. doi:10.1109/CVPR.2008.4587383

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skal import ActiveLearner
    >>> from skal.multilabel import BinaryRelevance
    >>> from skal.query import LabelUncertainty
    >>> X, Y = make_multilabel_classification(n_classes=3, random_state=0)
    >>> learner = ActiveLearner(
    ...     BinaryRelevance(), LabelUncertainty(), n_labels=60, random_state=0
    ... )
    >>> learner.fit(X, Y).history_["n_labels"]
    array([10, 20, 30, 40, 50, 60])
    """

    alias = "label_uncertainty"
    needs = frozenset({"decision"})

    def __init__(self, max_per_row: int | None = None) -> None:
        self.max_per_row = max_per_row

    def _check_params(self):
        if self.max_per_row is not None:
            check_int("max_per_row", self.max_per_row)

    def _query_units(self, view, rows, open, n_instances, rng):
        at = np.flatnonzero(open)
        scores = doubts(view, rows).ravel()[at]
        if self.max_per_row is None:
            picked = top_n(scores, n_instances, rng)
        else:
            order = top_n(scores, len(scores), rng)
            of_row = at[order] // open.shape[1]
            picked = order[at_most(of_row, self.max_per_row)][:n_instances]
        pairs = np.column_stack(np.unravel_index(at[picked], open.shape))
        return pairs, told_of_scores(scores, picked)


class RandomLabels(UnitStrategy):
    """Ask for single labels of rows at random: the baseline of such strategies.

    See Also
    --------
    LabelUncertainty : Those in doubt.
    RandomSampling : Whole rows at random.

    Notes
    -----
    Cost: O(n L) for n rows and L labels. Needs nothing of the model.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skal.multilabel import BinaryRelevance
    >>> from skal.query import RandomLabels
    >>> X, Y = make_multilabel_classification(n_classes=3, random_state=0)
    >>> RandomLabels()(BinaryRelevance().fit(X, Y), X, 5, random_state=0).shape
    (5, 2)
    """

    alias = "random_labels"

    def _query_units(self, view, rows, open, n_instances, rng):
        at = np.flatnonzero(open)
        drawn = at[draw_rows(len(at), n_instances, rng)]
        return np.column_stack(np.unravel_index(drawn, open.shape))


def doubts(view, rows):
    """Return (n, L): how unsure the model is of each label, from 0 to 1."""
    if hasattr(view, "predict_proba"):
        scores = 1 - np.abs(2 * view.predict_proba(rows) - 1)
    else:
        scores = 1 / (1 + of_decision(decision_margin, view, rows))
    if np.ndim(view.y_training) != 2:
        return scores
    chance, varies = by_succession(view.y_training)
    return np.where(varies, scores, 1 - np.abs(2 * chance - 1))
