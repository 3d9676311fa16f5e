"""What every posterior shares: it fits an estimator, and answers in samples."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_int
from skal._data import (
    as_array,
    as_multi_input,
    in_memory,
    is_torch_dataset,
    n_rows,
    view_rows,
)
from skal._meta import (
    AroundEstimator,
    check_probabilistic,
    restored_on_failure,
    routed,
    row_weights,
)
from skal._model import answers
from skal._seed import as_random_state, draw_seed, seeds_for

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray

#: Samples of one chunk of rows take about this many bytes.
_CHUNK_BYTES = 2**23


class Posterior(AroundEstimator, ClassifierMixin, BaseEstimator):
    """A classifier around an estimator whose predictions come in samples.

    A subclass writes ``_fit(template, X, y, params)``, ``_sample(X, n_samples, seed)``
    and ``_mean(X)``; a template is what it clones and fits.
    """

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Fit the estimator, then what the samples are drawn from.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Training rows, as the estimator takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels; several a row where the estimator knows them.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        **params : dict
            Passed to the estimator's ``fit``, routed as scikit-learn's configuration
            says.

        Returns
        -------
        self : object
            The fitted posterior.
        """
        self._check_params()
        X = as_container(X)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        # An array would forget what is masked, and be one of a single object.
        hidden = sp.issparse(y) or np.ma.is_masked(y)
        y = as_array(y, regression=True) if hidden else np.asarray(y)
        check_consistent_length(X, y)
        weights = row_weights(sample_weight, n_rows(X))
        check_probabilistic(self._template())
        params = routed(self, "fit", {**params, "sample_weight": weights})
        with restored_on_failure(self):
            self.seed_ = draw_seed(self.random_state)
            return self._fit(self._prepared(), X, y, params)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The label of the highest ``predict_proba``; where there are several a row, 1
            for those more probable than not, else 0.
        """
        proba = self.predict_proba(X)
        if isinstance(self.classes_, list):
            return (proba > 0.5).astype(np.int64)
        return self.classes_[proba.argmax(axis=-1)]

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the probability of each class: the mean of the samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns follow ``classes_``; where there are several labels a row, the
            chance of each. The same whenever it is asked.
        """
        check_is_fitted(self)
        return self._mean(X)

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The logarithm of ``predict_proba``.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def sample_proba(
        self,
        X: Any,
        n_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Draw class probabilities: one set for each sample of the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        n_samples : int, default=None
            The number of draws S; None takes the posterior's own.
        random_state : int, RandomState instance or None, default=None
            Fixes the draws; None gives the draws that ``predict_proba`` is the mean of.

        Returns
        -------
        ndarray of shape (S, n_samples, n_classes) and float32
            The same draws for every row, however many rows are asked at a time. The
            first draws of a longer call are the same draws.
        """
        check_is_fitted(self)
        if n_samples is not None:
            check_int("n_samples", n_samples)
        seed = self.seed_ if random_state is None else draw_seed(random_state)
        return self._sample(X, self._count(n_samples), seed)

    def embed(self, X: Any) -> Any:
        """Return what the last layer of the fitted estimator sees.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to embed.

        Returns
        -------
        ndarray of shape (n_samples, n_features) and float32, or CSR
            The embeddings.
        """
        check_is_fitted(self)
        return answers.embed(self.estimator_, X)

    # What a subclass writes -----------------------------------------------------

    @abstractmethod
    def _fit(self, template, X, y, params):
        """Fit clones of the template; set ``classes_``; return self."""

    @abstractmethod
    def _sample(self, X, n_samples, seed):
        """Return (S, n, n_classes) float32."""

    @abstractmethod
    def _mean(self, X):
        """Return (n, n_classes)."""

    @abstractmethod
    def _check_params(self):
        """Refuse what no fit could use."""

    def _count(self, n_samples):
        """Return the number of draws that a caller asks for."""
        return self.n_samples if n_samples is None else n_samples

    def _default(self):
        from skal.nets import MLPNetClassifier

        return MLPNetClassifier()

    # The estimator inside --------------------------------------------------------

    def _prepared(self):
        """Return a clone of the template, seeded and without label smoothing.

        A smoothed likelihood is not the one whose posterior is asked for.
        """
        template = clone(self._template())
        names = [
            name
            for name, value in template.get_params().items()
            if name.rpartition("__")[2] == "label_smoothing" and value
        ]
        template.set_params(**dict.fromkeys(names, 0.0))
        if self.random_state is not None:
            rng = as_random_state(self.seed_)
            template.set_params(**seeds_for(template, rng))
        return template


def as_container(X):
    """Return X as something of which rows can be taken."""
    X = as_multi_input(in_memory(X))
    if sp.issparse(X):
        return X.tocsr()
    if hasattr(X, "shape") or isinstance(X, list) or is_torch_dataset(X):
        return X
    return np.asarray(X)


def chunks_of(X, row_bytes):
    """Yield pieces of X of which the samples take few bytes."""
    size, n = max(1, int(_CHUNK_BYTES // row_bytes)), n_rows(X)
    if n <= size:
        yield X
        return
    for start in range(0, n, size):
        yield view_rows(X, slice(start, start + size))


def softmax(logits):
    """Return probabilities (..., C) of logits (..., C), or of (..., 1) of two classes.

    In place where it can be.
    """
    if logits.shape[-1] == 1:
        half = np.tanh(logits * 0.5) * 0.5
        return np.concatenate([0.5 - half, 0.5 + half], axis=-1)
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
    return logits


def sigmoid(logits):
    """Return the probability of each logit by itself."""
    return 0.5 + np.tanh(logits * 0.5) * 0.5
