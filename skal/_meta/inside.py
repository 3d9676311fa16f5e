"""What a learner passes on to the estimator inside it: predictions, tags, metadata."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._data import n_rows, read_target, take_rows
from skal._meta.routing import routed, slice_params

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def _inside_has(method):
    def check(self):
        getattr(self._inside(), method)  # its AttributeError says what is missing
        return True

    return check


def _stores_estimators(self):
    if not self.store_estimators:
        raise AttributeError(
            "Set store_estimators=True to keep the model of every round."
        )
    return True


class EstimatorInside(MetaEstimatorMixin, BaseEstimator):
    """A meta-estimator whose estimator works in codes and may not know every class."""

    # score only passes weights on: there is nothing of its own to request.
    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED}

    def _template(self):
        """Return the estimator to clone."""
        if self.estimator is not None:
            return self.estimator
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression()

    def _inside(self):
        """Return the fitted estimator, or the template before that."""
        return vars(self).get("estimator_", self._template())

    def _answer(self, method, X, params):
        check_is_fitted(self)
        answer = getattr(self.estimator_, method)
        return answer(X, **routed(self, method, params))

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
        answer = self._answer("predict", X, params)
        if isinstance(answer, tuple):  # predictions and their standard deviations
            return answer
        return self._labels.decode(answer)

    @available_if(_inside_has("predict_proba"))
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
        proba = self._answer("predict_proba", X, params)
        return self._labels.pad_proba(proba, _codes_of(self.estimator_))

    @available_if(_inside_has("predict_proba"))
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

    @available_if(_inside_has("decision_function"))
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
        decision = self._answer("decision_function", X, params)
        return self._labels.pad_decision(decision, _codes_of(self.estimator_))

    @available_if(_inside_has("score"))
    def score(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> float:
        """Score predictions as the estimator does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels. Rows without a label are left out.
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
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return self._scored(self.estimator_, self._labels, X, y, params)

    def _scored(self, estimator, labels, X, y, params):
        kind = "regressor" if labels.target_type == "regression" else "classifier"
        target = read_target(y, self.missing_label, kind)
        params = routed(self, "score", params)
        y = target.y
        if target.missing.any():
            if target.missing.all():
                raise ValueError("y must hold labels to score against, got none.")
            seen = np.flatnonzero(~target.missing)
            params = slice_params(params, seen, n_rows(X))
            X, y = take_rows(X, seen), y[seen]
        return estimator.score(X, labels.encode(y, unknown=True), **params)

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
            yield labels.decode(estimator.predict(X))

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
            codes = _codes_of(estimator)
            if codes is not None and labels.target_type == "multiclass":
                codes = self._labels.encode(labels.decode(codes))
            yield self._labels.pad_proba(estimator.predict_proba(X), codes)

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

    # scikit-learn ---------------------------------------------------------------

    @property
    def n_features_in_(self) -> int:
        """Number of features seen by the estimator."""
        return self._of_fitted("n_features_in_")

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features seen by the estimator."""
        return self._of_fitted("feature_names_in_")

    def _of_fitted(self, name):
        if "estimator_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name} before fit.")
        return getattr(self.estimator_, name)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether a model has been fitted (a query alone leaves only seed_)."""
        return "estimator_" in vars(self)

    def __sklearn_tags__(self):
        """Answer for the estimator: its type, its inputs, its targets."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self._template())
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.non_deterministic = inner.non_deterministic
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata reaches the estimator.

        Returns
        -------
        MetadataRouter
            ``fit``, ``score`` and the prediction methods pass to their namesakes;
            ``teach`` passes as ``fit`` does.
        """
        mapping = MethodMapping()
        for method in (
            "fit",
            "predict",
            "predict_proba",
            "decision_function",
            "score",
        ):
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=self)
        return router.add(estimator=self._template(), method_mapping=mapping)


def _codes_of(estimator):
    """Return the codes that an estimator's columns stand for."""
    codes = getattr(estimator, "classes_", None)
    return codes if codes is None or isinstance(codes, list) else np.asarray(codes)
