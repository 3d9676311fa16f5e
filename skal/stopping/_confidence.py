"""Stop when the model is sure of what is left."""

import numpy as np

from skal._checks import check_fraction, check_number
from skal.query._uncertainty import score_proba
from skal.query.functional import entropy
from skal.stopping._base import StoppingRule


class OverallUncertainty(StoppingRule):
    r"""Stop when the model is, on average, sure of the unlabelled rows.

    The value is the mean normalised entropy of the unlabelled rows,

    .. math:: -\frac{1}{n \log C} \sum_i \sum_c p_{ic} \log p_{ic}

    which is 0 for certainty and 1 for a guess among all classes. The rule stops when
    it falls to ``threshold``.

    Parameters
    ----------
    threshold : float, default=0.05
        Stop when the mean normalised entropy is at most this.

    See Also
    --------
    MaxConfidence : Looks at the selected rows alone.
    KappaAverage : Needs no probabilities, calibrated or not.

    Notes
    -----
    One pass of ``predict_proba`` over the unlabelled rows, which an uncertainty
    strategy has already paid for. The threshold means what it says only for
    calibrated probabilities. Multilabel probabilities count the mean over labels of
    the binary entropy. A single class leaves nothing unsure: 0, as does an empty
    pool.

    References
    ----------
    .. [1] Zhu, Wang and Hovy (2008). Multi-criteria-based strategy to stop active
       learning for data annotation. COLING. https://aclanthology.org/C08-1142

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.stopping import OverallUncertainty
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500).fit(X, y)
    >>> round(OverallUncertainty().measure(model, X, []), 2)
    0.24
    """

    needs = frozenset({"proba"})

    def __init__(self, threshold: float = 0.05) -> None:
        self.threshold = threshold

    def _check_params(self):
        check_fraction("threshold", self.threshold)

    def _measure(self, view, rows, indices):
        n_outcomes = 2 if view.target_type == "multilabel" else len(view.classes_)
        if len(rows) == 0 or n_outcomes == 1:
            return 0.0
        return float(score_proba(entropy, view, rows).mean() / np.log(n_outcomes))

    def _verdict(self, records):
        return records[-1], self.threshold, records[-1] <= self.threshold


class MaxConfidence(StoppingRule):
    """Stop when the model is sure of every row it selected.

    An uncertainty strategy selects what the model is least sure of; when it is sure
    even of that, labels have little left to say. The value is the largest entropy, in
    nats, among the selected rows; the rule stops when it falls to ``threshold``.

    Parameters
    ----------
    threshold : float, default=0.001
        Stop when the entropy of every selected row is at most this. .001 nats means a
        top probability of about .9999.

    See Also
    --------
    OverallUncertainty : Looks at all unlabelled rows.

    Notes
    -----
    One pass of ``predict_proba`` over the selected rows, which an uncertainty strategy
    has already paid for. With a strategy that does not look for uncertainty, a lucky
    batch stops the loop. Multilabel probabilities count the mean over labels of the
    binary entropy. An empty batch gives 0: nothing unsure is left to ask.

    References
    ----------
    .. [1] Zhu and Hovy (2007). Active learning for word sense disambiguation with
       methods for addressing the class imbalance problem. EMNLP.
       https://aclanthology.org/D07-1082

    Examples
    --------
    >>> from skal.stopping import MaxConfidence, replay
    >>> replay(MaxConfidence(), [0.3, 0.01, 0.0005])["stop"]
    array([False, False,  True])
    """

    needs = frozenset({"proba"})

    def __init__(self, threshold: float = 0.001) -> None:
        self.threshold = threshold

    def _check_params(self):
        check_number("threshold", self.threshold, minimum=0)

    def _measure(self, view, rows, indices):
        if len(indices) == 0:
            return 0.0
        return float(score_proba(entropy, view, rows.take(indices)).max())

    def _verdict(self, records):
        return records[-1], self.threshold, records[-1] <= self.threshold
