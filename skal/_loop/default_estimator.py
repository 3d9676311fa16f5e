"""The estimator that None stands for: a logistic regression on scaled columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skal.query.functional import units_differ

if TYPE_CHECKING:
    from typing import Any, Self


def default_estimator():
    """Return a logistic regression on columns of one scale, not fitted."""
    steps = [
        ("columnscaler", ColumnScaler()),
        ("logisticregression", LogisticRegression(max_iter=1000)),
    ]
    return ScaledLogisticRegression(steps)


class ScaledLogisticRegression(Pipeline):
    """A scaler before a logistic regression, weighed as that alone would be."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the scaler on the rows as they are, the regression by their weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Labelled rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        ScaledLogisticRegression
            The fitted Pipeline.
        """
        if sample_weight is None:
            return super().fit(X, y)
        return super().fit(X, y, logisticregression__sample_weight=sample_weight)


class ColumnScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Bring columns to mean 0 and to deviations about 1; sparse ones to at most 1.

    Columns in units of their own get a deviation of 1 each; those of one unit, as
    pixels are, keep what they are to each other, and get it together.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the scale of each column.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Labelled rows.
        y : None
            Not used.

        Returns
        -------
        ColumnScaler
            The fitted scaler.
        """
        self.scaler_ = MaxAbsScaler() if sp.issparse(X) else StandardScaler()
        self.scaler_.fit(X)
        self.n_features_in_ = self.scaler_.n_features_in_
        if hasattr(self.scaler_, "feature_names_in_"):
            self.feature_names_in_ = self.scaler_.feature_names_in_
        if not sp.issparse(X):
            self._share_unit(X)
        return self

    def _share_unit(self, X):
        """Let columns of one unit share a deviation; what never varied gets it too."""
        scaler = self.scaler_
        varies = scaler.var_ > 0
        if not varies.any():
            return
        if units_differ(X):
            scaler.scale_[~varies] = np.inf
        else:
            scaler.scale_[:] = np.sqrt(scaler.var_[varies].mean())

    def transform(self, X: Any) -> Any:
        """Scale columns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_samples, n_features)
            The same rows, scaled.
        """
        return self.scaler_.transform(X)

    def __sklearn_tags__(self):
        """Take sparse rows too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
