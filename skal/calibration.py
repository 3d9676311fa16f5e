"""Probabilities that mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score
from sklearn.model_selection import check_cv
from sklearn.utils import (
    assert_all_finite,
    column_or_1d,
    indexable,
)
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_int
from skal._data import take_rows
from skal._meta import (
    AroundEstimator,
    at_temperature,
    check_probabilistic,
    columns_of,
    counting,
    find_temperature,
    fit_weight,
    inside_provides,
    one_label_a_row,
    over_all,
    routed,
    slice_params,
)
from skal._model import answers

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import NDArray

__all__ = ["TemperatureScaling"]

#: Bounds of the logarithm of the temperature.
_LOG_BOUNDS = -5.0, 5.0


class TemperatureScaling(AroundEstimator, ClassifierMixin, BaseEstimator):
    r"""Make a classifier as sure as it is right, by one number.

    Networks trained to the end are too sure of themselves. Dividing their logits by a
    temperature :math:`T` mends that without changing a single prediction:

    .. math:: p_T(c \mid x) \propto p(c \mid x)^{1 / T}

    :math:`T > 1` makes predictions less sure, :math:`T < 1` surer. It is chosen for
    the likelihood of labels that the model has not seen: those of the rows left out in
    a cross-validation.

    :class:`~sklearn.calibration.CalibratedClassifierCV` with ``method="temperature"``
    does this too. This class goes on where it stops: a class may have fewer rows than
    there are folds, and what strategies ask of a network (``embed``, ``head_proba``,
    ``sample_proba``) stays there, at the same temperature.

    Parameters
    ----------
    estimator : estimator, default=None
        A classifier with ``predict_proba``; None takes a
        :class:`~sklearn.linear_model.LogisticRegression`. Inside a
        :class:`~sklearn.frozen.FrozenEstimator` it is taken as it is, and the rows
        given to ``fit`` serve to find the temperature only: they must not be those on
        which it was fitted.
    cv : int, cross-validation generator or iterable, default=5
        Number of folds, or how to split. With a number, the rows of each class are
        dealt to the folds in turn.
    n_jobs : int, default=None
        Number of folds fitted at once.

    Attributes
    ----------
    estimator_ : estimator
        The classifier, fitted on all rows.
    temperature_ : float
        The temperature. 1, no change, where no row could be left out.
    classes_ : ndarray of shape (n_classes,)
        The labels.

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : Other methods of calibration.
    skal.metrics.expected_calibration_error : Whether it helped.
    skal.plotting.ReliabilityDisplay : The same as a picture.

    Notes
    -----
    Costs ``cv`` fits more than the estimator's own (none for a frozen one) and one
    prediction of each row.

    A row whose class is missing from the rest of its split says nothing about
    confidence and is left out, so that classes with a single row do no harm. Nor does
    a row of weight 0 say anything.

    The models of the folds have seen fewer rows than the last one and are wrong more
    often, so that on few rows the temperature comes out somewhat high. More folds help.

    On few rows, too, all predictions may be right, and then the likelihood alone would
    ask for a temperature of 0. A weak prior, a standard normal distribution of
    :math:`\log T`, keeps it in reason; it counts about as much as one row.

    No prediction changes, and within a row more probable classes stay so; the order of
    rows by confidence may change. Probabilities below 1e-12 count as that.
    ``sample_proba`` scales each draw; the mean of scaled draws is not exactly the
    scaled mean.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger (2017). On calibration of modern neural
       networks. ICML. arXiv:1706.04599

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skal.calibration import TemperatureScaling
    >>> X, y = make_classification(n_redundant=10, random_state=0)
    >>> model = TemperatureScaling(GaussianNB()).fit(X, y)
    >>> model.temperature_ > 2  # copies of one feature are no independent evidence
    True
    """

    # score takes weights only as they are: there is nothing to request.
    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED}

    _copied_tags: ClassVar[tuple[str, ...]] = (
        "classifier_tags",
        "input_tags",
        "non_deterministic",
    )

    def __init__(
        self, estimator: Any = None, *, cv: Any = 5, n_jobs: int | None = None
    ) -> None:
        self.estimator = estimator
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Find the temperature by cross-validation, and fit on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows, as the estimator takes them.
        y : array-like of shape (n_samples,)
            Labels.
        **params : dict
            Passed to the estimator's ``fit``, routed as scikit-learn's configuration
            says; row-wise ones are split with the rows. ``sample_weight`` counts in
            the likelihood too.

        Returns
        -------
        TemperatureScaling
            The fitted classifier.

        Raises
        ------
        TypeError
            If the estimator gives no probabilities.
        ValueError
            If y holds no classes, or labels that a frozen estimator does not know.
        """
        template = self._template()
        check_probabilistic(template)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        X, y = indexable(X, y)
        params = routed(self, "fit", params)
        weight = fit_weight(template, params, len(y))
        counts = counting(weight, len(y))
        if isinstance(template, FrozenEstimator):
            rows = np.flatnonzero(counts)
            estimator, classes = template, _known_classes(template, y[rows])
            proba = template.predict_proba(take_rows(X, rows))
        else:
            estimator = clone(template).fit(X, y, **params)
            classes = estimator.classes_  # a network's classes= may be more than y has
            rows, proba = self._left_out(template, X, y, classes, params, counts)
        if weight is not None:
            weight = weight[rows]
        self.temperature_ = find_temperature(
            proba,
            columns_of(classes, y[rows]),
            weight,
            log_bounds=_LOG_BOUNDS,
            prior_precision=1.0,
        )
        self.estimator_, self.classes_ = estimator, classes
        return self

    def _left_out(self, template, X, y, classes, params, counts):
        """Return rows and their probabilities from models that have not seen them."""
        answers = Parallel(n_jobs=self.n_jobs)(
            delayed(_fold)(clone(template), X, y, train, test, classes, params, counts)
            for train, test in _splits(self.cv, X, y, counts)
        )
        nothing = np.empty(0, np.intp), np.empty((0, len(classes)))
        rows, proba = zip(nothing, *answers, strict=True)
        return np.concatenate(rows), np.concatenate(proba)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The estimator's probabilities at the temperature found.
        """
        check_is_fitted(self)
        return at_temperature(self.estimator_.predict_proba(X), self.temperature_)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the most probable label.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            What the estimator itself would say.
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of labels that are predicted right.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        float
            The mean accuracy.
        """
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    @available_if(inside_provides("embed"))
    def embed(self, X: Any) -> Any:
        """Return what the estimator's last layer sees.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32, or CSR
            The embeddings; the temperature does not matter to them.
        """
        check_is_fitted(self)
        return answers.embed(self.estimator_, X)

    @available_if(inside_provides("head"))
    def head_proba(self, E: Any) -> NDArray[Any]:
        """Return the probabilities of embeddings.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_features)
            Embeddings.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Those of ``predict_proba`` for the rows that have these embeddings.
        """
        check_is_fitted(self)
        proba = answers.head_proba(self.estimator_, E)
        return at_temperature(proba, self.temperature_)

    @available_if(inside_provides("samples"))
    def sample_proba(
        self, X: Any, n_samples: int | None = None, random_state: Any = None
    ) -> NDArray[np.float32]:
        """Draw probabilities from the estimator's posterior or members.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        n_samples : int, default=None
            Number of draws; None leaves it to the estimator.
        random_state : int or RandomState, default=None
            Source of randomness.

        Returns
        -------
        ndarray of shape (n_samples, n_rows, n_classes), float32
            The draws, each at the temperature found.
        """
        check_is_fitted(self)
        draws = answers.sample_proba(self.estimator_, X, n_samples, random_state)
        return at_temperature(draws, self.temperature_)

    def __sklearn_tags__(self):
        """Answer for the estimator, but for one label a row."""
        return one_label_a_row(super().__sklearn_tags__())


def _known_classes(frozen, y):
    """Return the classes of a frozen estimator, which must know those of y."""
    unknown = np.setdiff1d(y, frozen.classes_)
    if len(unknown):
        raise ValueError(
            "y must hold labels that the frozen estimator knows, got "
            f"{unknown.tolist()[0]!r}. "
            "Fit it anew, without FrozenEstimator."
        )
    return frozen.classes_


def _splits(cv, X, y, counts):
    """Return pairs of positions: to fit on, and to leave out."""
    if not _is_number(cv):
        return list(check_cv(cv, y, classifier=True).split(X, y))
    dealt = np.flatnonzero(counts)
    n_folds = min(check_int("cv", cv, minimum=2), len(dealt))
    # Deal the rows of each class to the folds in turn, as one deals cards. Rows that
    # do not count are left out of no fold.
    fold = np.full(len(y), -1)
    dealt = dealt[np.argsort(y[dealt], kind="stable")]
    fold[dealt] = np.arange(len(dealt)) % max(n_folds, 1)
    return [
        (np.flatnonzero(fold != one), np.flatnonzero(fold == one))
        for one in range(n_folds if n_folds > 1 else 0)
    ]


def _is_number(cv: Any) -> bool:
    return np.ndim(cv) == 0 and not hasattr(cv, "split")


def _fold(model, X, y, train, test, classes, params, counts):
    """Fit on some rows; return the others whose class is known, and what it says."""
    known = np.unique(y[train][counts[train]])
    test = test[counts[test] & np.isin(y[test], known)]
    if len(test) == 0 or len(known) < 2:
        return test[:0], np.empty((0, len(classes)))
    params = slice_params(params, train, len(y))
    model.fit(take_rows(X, train), y[train], **params)
    proba = model.predict_proba(take_rows(X, test))
    return test, over_all(classes, proba, model.classes_)
