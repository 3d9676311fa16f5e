"""Posteriors around an estimator that answers for units of rows, such as pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.utils.metaestimators import available_if

from skal._meta import inside_provides
from skal._model import is_structured
from skal.metrics import mean_iou
from skal.posterior._base import Posterior

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray


class UnitPosterior(Posterior):
    """A posterior that answers for units of rows where the estimator inside does.

    What there is of a row, then there is of each unit: probabilities are
    (n, ..., n_classes), and samples of them (S, n, ..., n_classes).
    """

    @available_if(inside_provides("units"))
    def predict_units(self, X: Any) -> NDArray[Any]:
        """Predict the probability of each class for each unit of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, ..., n_classes)
            The mean of the samples, which ``predict_proba`` returns too.
        """
        return self.predict_proba(X)

    @available_if(inside_provides("units"))
    def sample_units(
        self,
        X: Any,
        n_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Draw class probabilities of units: one set for each sample of the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        n_samples : int, default=None
            The number of draws S; None takes the posterior's own.
        random_state : int, RandomState instance or None, default=None
            Fixes the draws.

        Returns
        -------
        ndarray of shape (S, n_samples, ..., n_classes) and float32
            What ``sample_proba`` returns too.
        """
        return self.sample_proba(X, n_samples, random_state)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; where there are units, their mean IoU.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples, ...)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        float
            From 0 to 1.
        """
        if is_structured(self):
            return mean_iou(y, self.predict(X), sample_weight)
        return super().score(X, y, sample_weight)
