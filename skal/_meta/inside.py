"""Answers in labels from an estimator that is taught in codes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar
from warnings import warn

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._data import (
    answer_in_chunks,
    computed,
    in_memory,
    is_dask,
    n_rows,
    read_structured,
    read_with_rejects,
    spread,
    take_rows,
)
from skal._meta.around import AroundEstimator, inside_has, inside_provides
from skal._meta.on_dask import answered_by_blocks
from skal._meta.routing import routed, slice_params
from skal._model import answers, columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def _stores_estimators(self):
    if not self.store_estimators:
        raise AttributeError(
            "Set store_estimators=True to keep the model of every round."
        )
    return True


class EstimatorInside(AroundEstimator, BaseEstimator):
    """A meta-estimator whose estimator works in codes and may not know every class.

    A subclass sets ``_labels`` in fit, which say what the codes stand for.
    """

    _routed_methods: ClassVar[tuple[str, ...]] = (
        "fit",
        "predict",
        "predict_proba",
        "decision_function",
        "score",
    )
    _copied_tags: ClassVar[tuple[str, ...]] = (
        *AroundEstimator._copied_tags,
        "estimator_type",
        "regressor_tags",
    )

    # score only passes weights on: there is nothing of its own to request.
    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED}

    def _answer(self, method, X, params):
        check_is_fitted(self)
        answer = getattr(self.estimator_, method)
        if not params:
            by_row = self._labels.target_type == "structured"
            return answer_in_chunks(answer, X, by_row=by_row)
        return answer(in_memory(X), **routed(self, method, params))

    def predict(self, X: Any, **params: Any) -> Any:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        **params : dict
            Passed to the estimator, routed as scikit-learn's configuration says.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels as they were taught.
        """
        if is_dask(X):
            return answered_by_blocks(self, "predict", X, params)
        answer = self._answer("predict", X, params)
        if isinstance(answer, tuple):  # predictions and their standard deviations
            return answer
        if self._labels.target_type == "multiclass":
            answer = columns.known(self.estimator_, answer, X)
        return self._labels.decode(answer)

    @available_if(inside_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> NDArray[Any]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        **params : dict
            Passed to the estimator, routed as scikit-learn's configuration says.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns follow ``classes_``; classes without a label yet get zero. For
            multilabel the chance of each label.
        """
        if is_dask(X):
            return answered_by_blocks(self, "predict_proba", X, params)
        proba = self._answer("predict_proba", X, params)
        return _in_all_columns(proba, self.estimator_, self._labels)

    @available_if(inside_has("predict_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> NDArray[Any]:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        **params : dict
            Passed to ``predict_proba``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Minus infinity for classes without a label yet.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, **params))

    @available_if(inside_provides("units"))
    def predict_units(self, X: Any) -> Any:
        """Predict the probability of each class of each unit: pixel, token or box.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, ..., C), or list of n_samples ndarray (u, C)
            As the estimator's ``predict_units`` gives them.
        """
        check_is_fitted(self)
        answer = partial(answers.predict_units, self.estimator_)
        return answer_in_chunks(answer, X, by_row=True)

    @available_if(inside_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> NDArray[Any]:
        """Return the decision values of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        **params : dict
            Passed to the estimator, routed as scikit-learn's configuration says.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Classes without a label yet get the row's minimum - 1.
        """
        if is_dask(X):
            return answered_by_blocks(self, "decision_function", X, params)
        decision = self._answer("decision_function", X, params)
        places = columns.places_of(self.estimator_, self._labels)
        return self._labels.pad_decision(decision, places)

    @available_if(inside_has("score"))
    def score(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> float:
        """Score predictions as the estimator does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels. Rows without a label, and rejected ones, are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        **params : dict
            Passed to the estimator, routed as scikit-learn's configuration says.

        Returns
        -------
        float
            The mean accuracy, or R², or whatever the estimator's score is.
        """
        check_is_fitted(self)
        X, y = computed(X), computed(y)
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return self._scored(self.estimator_, self._labels, X, y, params)

    def _scored(self, estimator, labels, X, y, params):
        target = self._read_for(labels, y)
        params = routed(self, "score", params)
        X, y = in_memory(X), target.y
        if not target.known.all():
            if not target.known.any():
                raise ValueError("y must hold labels to score against, got none.")
            warn_of_unscored(target)
            seen = np.flatnonzero(target.known)
            params = slice_params(params, seen, n_rows(X))
            X, y = take_rows(X, seen), y[seen]
        if labels.constant is not None:  # the labels that the estimator knows not count
            from sklearn.metrics import accuracy_score

            return accuracy_score(y, labels.decode(estimator.predict(X)), **params)
        return estimator.score(X, labels.encode(y, unknown=True), **params)

    def _read_for(self, labels, y):
        """Return what y says, as a Target of the kind that the labels are."""
        if labels.target_type == "structured":
            return read_structured(y, self.missing_label)
        kind = "regressor" if labels.target_type == "regression" else "classifier"
        reject_label = getattr(self, "reject_label", None)
        return read_with_rejects(
            y, self.missing_label, kind, labels.classes, reject_label=reject_label
        )

    # Every round's model --------------------------------------------------------

    @available_if(_stores_estimators)
    def staged_predict(self, X: Any) -> Iterator[NDArray[Any]]:
        """Predict with the model of every round.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions after each round, the first round included.
        """
        check_is_fitted(self)
        for estimator, labels in zip(self.estimators_, self._stages, strict=True):
            by_row = labels.target_type == "structured"
            answer = answer_in_chunks(estimator.predict, X, by_row=by_row)
            if labels.target_type == "multiclass":
                answer = columns.known(estimator, answer, X)
            yield labels.decode(answer)

    @available_if(_stores_estimators)
    def staged_predict_proba(self, X: Any) -> Iterator[NDArray[Any]]:
        """Predict class probabilities with the model of every round.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Yields
        ------
        ndarray of shape (n_samples, n_classes)
            The probabilities after each round; columns follow today's ``classes_``.
        """
        check_is_fitted(self)
        for estimator, labels in zip(self.estimators_, self._stages, strict=True):
            proba = answer_in_chunks(estimator.predict_proba, X)
            proba = _in_all_columns(proba, estimator, labels)
            if labels.target_type == "multiclass":
                places = self._labels.find(labels.classes)
                proba = spread(proba, places, self._labels.n_outputs, fill=0)
            yield proba

    @available_if(_stores_estimators)
    def staged_score(self, X: Any, y: Any) -> Iterator[float]:
        """Score the model of every round.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.

        Yields
        ------
        float
            The estimator's score after each round.
        """
        check_is_fitted(self)
        for estimator, labels in zip(self.estimators_, self._stages, strict=True):
            yield self._scored(estimator, labels, X, y, {})


def warn_of_unscored(target):
    """Tell how many rows a score leaves out."""
    if not target.missing.any():
        warn(
            "The score is that of the rows that belong to a class. Those that y "
            "rejects are left out.",
            stacklevel=4,
        )
        return
    out, n = int(target.missing.sum()), len(target.missing)
    way = " Pass missing_label=None if the mark is a class." if target.marked else ""
    warn(
        f"The score leaves out {out} of {n} rows, which have no label in y.{way}",
        stacklevel=4,
    )


def _in_all_columns(proba, estimator, labels):
    """Return the probabilities of an estimator of codes, a column for each class."""
    return columns.padded(
        proba, estimator, labels, columns.places_of(estimator, labels)
    )
