"""Pseudo-labels: train on the rows the model is sure of, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal._checks import check_choice, check_int, check_number, count_of
from skal._meta import check_probabilistic, routed
from skal.pseudo._selection import THRESHOLDS, PseudoFit
from skal.pseudo._unlabeled import UnlabeledClassifier

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import ArrayLike

__all__ = ["PseudoLabelClassifier"]


class PseudoLabelClassifier(UnlabeledClassifier):
    """Train a classifier on labelled rows, and on unlabelled ones it is sure of.

    Fitted on the labelled rows, the classifier predicts the others; the surest of its
    predictions are taken for labels, and it is fitted again on both. Active learning
    asks about rows the model doubts, pseudo-labels use those it does not: together
    they are CEAL. Where the model is sure and wrong, it learns its own mistakes:
    compare with and without.

    Parameters
    ----------
    estimator : estimator, default=None
        Any classifier with ``predict_proba``, Pipelines included; it is cloned, never
        fitted. None means LogisticRegression. It is given codes 0..K-1.
    threshold : float or int, default=None
        How sure is sure enough. "proba": the least probability of the predicted class
        (None: .95). "entropy": the largest entropy, in nats (None: .05). "k_best": how
        many rows, or which share of the unlabelled ones as a float (None: .1).
    criterion : {"proba", "entropy", "k_best"}, default="proba"
        What is held against the threshold: the largest probability, the entropy of the
        probabilities (as in CEAL), or nothing: the k surest rows are taken.
    per_class_cap : int, default=None
        The most pseudo-labels of a class; the surest count. None sets no limit, and
        then an easy class may crowd out the others.
    decay : float, default=0.0
        How much stricter the threshold gets with each label, in its own unit (rows for
        "k_best"): the more the model has been taught, the more often it is sure. CEAL
        makes it stricter by so much a round; divide that by the labels of a round.
    weight : float or "confidence", default=1.0
        What a pseudo-label counts, where a label counts 1; "confidence" takes the
        predicted probability. Below 1 the estimator must take ``sample_weight``.
    calibrate : {None, "temperature"}, default=None
        "temperature" first holds out a third of the labelled rows at a time to find
        out how much too sure the classifier is, and tempers what is held against the
        threshold. It never makes it surer.
    missing_label : int, str or None, default=-1
        Marks rows without a label in y, besides NaN and None.

    Attributes
    ----------
    estimator_ : estimator
        The classifier fitted on labels and pseudo-labels.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    labeled_iter_ : ndarray of int of shape (n_samples,)
        0 for rows with a label, 1 for rows with a pseudo-label, -1 for others.
    pseudo_labels_ : ndarray of shape (n_samples,)
        The pseudo-labels, ``missing_label`` where there is none.
    n_pseudo_labeled_ : int
        How many there are.
    transduction_ : ndarray of shape (n_samples,)
        The labels of the final fit: y, with the pseudo-labels put in.
    threshold_ : float
        The threshold after its decay.
    temperature_ : float
        By what the logits were divided; 1 without ``calibrate``.
    n_features_in_ : int
        As the estimator counted.
    feature_names_in_ : ndarray of str
        As the estimator saw them.

    See Also
    --------
    skal.ActiveLearner : With ``use_unlabeled=True`` it hands over the unlabelled rows.
    sklearn.semi_supervised.SelfTrainingClassifier : Goes on until nothing is added.

    Notes
    -----
    Cost: two fits and a pass over the unlabelled rows; three more fits to calibrate.
    Nothing is carried over from one ``fit`` to the next: pseudo-labels are chosen anew
    each time, and a wrong one is forgotten as soon as the model knows better. In
    particular the decay counts labels, not rounds, so that a simulation, a live loop
    and a fit from scratch agree.

    In a learner, ``history_["n_pseudo_labeled"]`` counts the pseudo-labels of each
    round; a simulation knows, and reports, ``history_["pseudo_accuracy"]``.

    References
    ----------
    Wang, K., Zhang, D., Li, Y., Zhang, R., Lin, L. (2017). Cost-effective active
    learning for deep image classification. IEEE TCSVT 27. arXiv:1701.03551

    Lee, D.-H. (2013). Pseudo-label: the simple and efficient semi-supervised learning
    method for deep neural networks. ICML Workshop on Challenges in Representation
    Learning.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.pseudo import PseudoLabelClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> model = PseudoLabelClassifier(threshold=200, criterion="k_best")
    >>> model.fit(X / 16, y).n_pseudo_labeled_
    200
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        threshold: float | None = None,
        criterion: str = "proba",
        per_class_cap: int | None = None,
        decay: float = 0.0,
        weight: float | str = 1.0,
        calibrate: str | None = None,
        missing_label: float | str | None = -1,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.criterion = criterion
        self.per_class_cap = per_class_cap
        self.decay = decay
        self.weight = weight
        self.calibrate = calibrate
        self.missing_label = missing_label

    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Fit on the labelled rows, choose pseudo-labels, and fit on both.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows with and without a label.
        y : array-like of shape (n_samples,)
            Labels, ``missing_label`` where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; that of a pseudo-label is multiplied by
            ``weight``.
        **params : dict
            Passed to the estimator's fit, row-wise ones sliced to the rows it sees.

        Returns
        -------
        PseudoLabelClassifier
            The fitted classifier.

        Raises
        ------
        TypeError
            If the estimator is no classifier with ``predict_proba``, or if it takes no
            ``sample_weight`` and is to be given some.
        ValueError
            If a parameter is out of bounds, or y holds no label.
        """
        self._check_params()
        X, codes, labels = self._read(X, y)
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        params = routed(self, "fit", params)
        work = PseudoFit(self, X, codes, labels, params)
        rows, guesses, confidence = work.choose()
        known = codes.copy()
        known[rows] = guesses
        self._tell(work.final(known, rows, confidence), labels, codes, rows, guesses)
        self.threshold_ = work.threshold
        self.temperature_ = work.temperature
        return self

    def _check_params(self):
        check_probabilistic(
            self._template(),
            "Pseudo-labels are classes it is sure of; wrap a classifier without "
            "probabilities in CalibratedClassifierCV.",
        )
        check_choice("criterion", self.criterion, THRESHOLDS)
        if self.threshold is not None and self.criterion == "k_best":
            count_of("threshold", self.threshold, 1)
        elif self.threshold is not None:
            top = 1 if self.criterion == "proba" else None
            check_number("threshold", self.threshold, minimum=0, maximum=top)
        if self.per_class_cap is not None:
            check_int("per_class_cap", self.per_class_cap)
        check_number("decay", self.decay, minimum=0)
        if self.weight != "confidence":
            if isinstance(self.weight, str):
                check_choice("weight", self.weight, ["confidence"])
            check_number("weight", self.weight, minimum=0)
        if self.calibrate is not None:
            check_choice("calibrate", self.calibrate, ["temperature"])
