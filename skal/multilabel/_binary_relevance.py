"""A classifier a label, each fitted on the rows where its label is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._data import n_rows, read_target, take_rows
from skal._meta import (
    AroundEstimator,
    PartialLabelsTags,
    inside_has,
    inside_provides,
    routed,
    slice_params,
)
from skal._model import answers

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import NDArray

#: The chance of a label that every known row has, and of one that none has, stays
#: within these: nobody knows for sure.
_LEAST = np.finfo(np.float32).tiny
_MOST = 1 - np.finfo(np.float32).epsneg


class BinaryRelevance(AroundEstimator, ClassifierMixin, BaseEstimator):
    """Fit one clone a label, on the rows where that label is known.

    Any classifier thereby learns from rows of which some labels are known and others
    not: y holds NaN there. A label that is known and the same in every row is predicted
    to be that, without a model; one that nobody knows yet has the chance 1/2 in
    every row.

    Parameters
    ----------
    estimator : estimator, default=None
        The classifier to clone for each label; None takes a
        :class:`~sklearn.linear_model.LogisticRegression`.
    n_jobs : int, default=None
        How many labels are fitted at once.

    Attributes
    ----------
    estimators_ : list of estimator or float
        The model of each label; 0.0 or 1.0 where all known rows are that, 0.5 where
        none is known.
    classes_ : ndarray of shape (n_labels,) or (n_classes,)
        The numbers of the labels; the classes where y was a class a row.
    multilabel_ : bool
        Whether y was several labels a row.
    n_features_in_ : int
        Number of features seen in ``fit``, as the first model counted.
    feature_names_in_ : ndarray of str
        Their names, as the first model saw them.

    See Also
    --------
    sklearn.multioutput.MultiOutputClassifier : For labels that are all known.
    skal.nets.NetClassifier : With ``criterion="bce"`` one network learns all labels.

    Notes
    -----
    Costs a fit of the estimator for each label, on the rows where it is known.

    A y of one class a row is taken too: then there is one clone, which answers.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.multilabel import BinaryRelevance
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Y = np.array([[0, 1], [0, np.nan], [1, np.nan], [1, 0]])
    >>> model = BinaryRelevance().fit(X, Y)
    >>> model.predict(X)
    array([[0, 1],
           [0, 1],
           [1, 0],
           [1, 0]])
    """

    def __init__(self, estimator: Any = None, *, n_jobs: int | None = None) -> None:
        self.estimator = estimator
        self.n_jobs = n_jobs

    def _fitted(self):
        """Return the first model, None before fit or where there is none."""
        models = vars(self).get("estimators_", ())
        return next((model for model in models if not isinstance(model, float)), None)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there are models, or constants in their place."""
        return "estimators_" in vars(self)

    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Fit a model a label.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows, as the estimator takes them.
        y : array-like of shape (n_samples, n_labels)
            1 where a row has a label, 0 where it has not, NaN or None where that is
            not known.
        **params : dict
            Passed to each ``fit``, row-wise ones sliced to the rows known.

        Returns
        -------
        BinaryRelevance
            The fitted classifier.

        Raises
        ------
        ValueError
            If y holds no label, or several a row that are not 0 and 1.
        """
        if y is None:
            raise ValueError(
                "BinaryRelevance requires y to be passed, but the target y is None."
            )
        X, y = indexable(X, y)
        params = routed(self, "fit", params)
        target = read_target(y, None, "classifier", partly=True)
        if target.kind is None:
            raise ValueError(
                f"y must hold at least one label, got {len(target.y)} rows without. "
                "Label some first. Input y contains NaN."
            )
        if target.kind == "multiclass":
            return self._fit_one(X, target, params)
        Y = target.y.astype(float)
        Y[target.missing] = np.nan
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(fit_label)(self._template(), X, y, params) for y in Y.T
        )
        self.classes_, self.multilabel_ = np.arange(Y.shape[1]), True
        return self

    def _fit_one(self, X, target, params):
        """Fit the one clone that serves a class a row."""
        if target.missing.any():
            raise ValueError(
                f"y must hold a class for each row, got {target.missing.sum()} rows "
                "without. Leave these out. Input y contains NaN."
            )
        model = clone(self._template()).fit(X, target.y, **params)
        self.estimators_, self.classes_ = [model], model.classes_
        self.multilabel_ = False
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the labels of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of int of shape (n_samples, n_labels)
            1 where a label is predicted; not where nobody knows anything of it.
        """
        check_is_fitted(self)
        if not self.multilabel_:
            return self.estimators_[0].predict(X)
        known = self._each(lambda model: model.predict(X), X)
        return (known > 0.5).astype(int)

    @available_if(inside_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the chance of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The chance that a row has the label.
        """
        check_is_fitted(self)
        if not self.multilabel_:
            return self.estimators_[0].predict_proba(X)
        proba = self._each(lambda model: model.predict_proba(X)[:, 1], X)
        return np.clip(proba, _LEAST, _MOST)

    @available_if(inside_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the decision value of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Above 0 where the label is predicted. A label without a model lies 1 beyond
            the largest value of the row, or at 0 where nobody knows it.
        """
        check_is_fitted(self)
        if not self.multilabel_:
            return self.estimators_[0].decision_function(X)
        values = self._each(lambda model: model.decision_function(X), X)
        fixed = np.array([isinstance(model, float) for model in self.estimators_])
        beyond = np.abs(values[:, ~fixed]).max(axis=1, initial=0, keepdims=True) + 1
        values[:, fixed] = (2 * values[:, fixed] - 1) * beyond
        return values

    @available_if(inside_provides("samples"))
    def sample_proba(
        self, X: Any, n_samples: int | None = None, random_state: Any = None
    ) -> NDArray[np.float32]:
        """Draw chances of the labels from the posterior or members of each model.

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
        ndarray of shape (n_samples, n_rows, n_labels), float32
            The draws.
        """
        check_is_fitted(self)

        def draws(model):  # (S, n, C)
            return answers.sample_proba(model, X, n_samples, random_state)

        if not self.multilabel_:
            return draws(self.estimators_[0])
        each: list[Any] = [
            model if isinstance(model, float) else draws(model)[..., 1]
            for model in self.estimators_
        ]
        S = next((len(one) for one in each if np.ndim(one)), n_samples or 1)
        wide = np.empty((S, n_rows(X), len(each)), np.float32)
        for j, one in enumerate(each):
            wide[..., j] = one
        return wide

    def _each(self, answer, X):
        """Ask the model of each label for (n,) values; return (n, L)."""
        n = n_rows(X)
        columns = [
            np.full(n, model) if isinstance(model, float) else answer(model)
            for model in self.estimators_
        ]
        return np.column_stack(columns).astype(float)

    def __sklearn_tags__(self):
        """Answer for the estimator, and take several labels, known in part."""
        tags = super().__sklearn_tags__()
        inner = tags.classifier_tags
        if inner is not None:
            tags.classifier_tags = PartialLabelsTags(
                poor_score=inner.poor_score,
                multi_class=inner.multi_class,
                multi_label=True,
            )
        tags.target_tags.single_output = tags.target_tags.multi_output = True
        return tags


def fit_label(template, X, y, params):
    """Fit a clone on the rows where a label is known; a number where it is constant."""
    rows = np.flatnonzero(~np.isnan(y))
    values = np.unique(y[rows])
    if len(values) < 2:
        return float(values[0]) if len(values) else 0.5
    params = slice_params(params, rows, len(y))
    return clone(template).fit(take_rows(X, rows), y[rows].astype(int), **params)
