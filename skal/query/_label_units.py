"""Single labels of rows: those in doubt, or any."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skal._checks import check_int
from skal.query._labeled import check_labels
from skal.query._uncertainty import of_decision
from skal.query._units import UnitStrategy, best_pairs, random_pairs
from skal.query.functional import decision_margin
from skal.query.functional._several_labels import by_succession

if TYPE_CHECKING:
    from typing import Any


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
    threshold : float or "cardinality", default=0.5
        The chance from which on a label is taken to be present, between 0 and 1;
        doubt falls with the distance from it, :math:`1 - |p - t| / \max(t, 1 - t)`.
        ``"cardinality"`` takes the one above which the rows asked about have as many
        labels as those known: a model of rare labels gives few of them a chance of a
        half, and what lies nearest to that are rows far out. Other values than 0.5
        need probabilities.

    See Also
    --------
    RandomLabels : The baseline.
    MMC : Asks for whole rows, and predicts how many labels they have.
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
    _added_params: ClassVar = {"threshold": 0.5}

    def __init__(
        self, max_per_row: int | None = None, threshold: float | str = 0.5
    ) -> None:
        self.max_per_row = max_per_row
        self.threshold = threshold

    @property
    def needs(self) -> frozenset[str]:
        """What the threshold reads."""
        if check_threshold(self.threshold) == "cardinality":
            return frozenset({"proba", "labels"})
        return frozenset({"decision"} if self.threshold == 0.5 else {"proba"})

    def _check_params(self):
        if self.max_per_row is not None:
            check_int("max_per_row", self.max_per_row)
        check_threshold(self.threshold)

    def _query_units(self, view, rows, open, n_instances, rng):
        if self.threshold == 0.5:
            scores = doubts(view, rows)
        else:
            scores = self._about_threshold(view, rows)
        return best_pairs(scores, open, n_instances, rng, self.max_per_row)

    def _about_threshold(self, view, rows):
        """Return (n, L): how near each chance is to the threshold, up to 1."""
        proba, t = view.predict_proba(rows), check_threshold(self.threshold)
        if np.ndim(view.y_training) == 2:
            chance, varies = by_succession(view.y_training)
            proba = np.where(varies, proba, chance)
        if t == "cardinality":
            check_labels(self, view)
            t = np.quantile(proba, 1 - chance.mean())
        return 1 - np.abs(proba - t) / max(t, 1 - t)


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
        return random_pairs(open, n_instances, rng)


def check_threshold(value: Any) -> Any:
    """Return ``value`` if it is a number between 0 and 1 or "cardinality"."""
    what = "threshold must be a number between 0 and 1 or 'cardinality'"
    if isinstance(value, Real) and not isinstance(value, bool):
        if not 0 < float(value) < 1:
            raise ValueError(f"{what}, got {value!r}.")
    elif not isinstance(value, str):
        raise TypeError(f"{what}, got {value!r}.")
    elif value != "cardinality":
        raise ValueError(f"{what}, got {value!r}.")
    return value


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
