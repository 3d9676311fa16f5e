"""An estimator that answers for units of rows by a method of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._meta import AroundEstimator, inside_has, routed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from numpy.typing import NDArray


def _has(param):
    def check(self):
        way = getattr(self, param)
        if way is None:
            raise AttributeError(f"Units has no {param}: set {param}= to answer by it.")
        if isinstance(way, str):
            getattr(self._inside(), way)  # its AttributeError says what is missing
        return True

    return check


class Units(AroundEstimator, BaseEstimator):
    """Let an estimator answer for units of rows: pixels, tokens, time steps, boxes.

    Whatever it predicts, strategies ask for ``predict_units``; this says by which of
    its methods, or by which function of yours, it answers.

    Parameters
    ----------
    estimator : estimator
        Any estimator with ``fit``; it is cloned, never fitted itself. Its y is an array
        (n, ...) with a label a unit, or a list with an entry a row.
    method : str, callable or None, default="predict_proba"
        What gives the probabilities of units: the name of a method, or ``f(estimator,
        X)``. It returns an array (n, ..., C), or a list of n arrays (u, C) where rows
        differ in the number of units. None gives none.
    samples : str, callable or None, default=None
        What gives draws of them: a method ``(X, n_samples=, random_state=)``, or
        ``f(estimator, X, n_samples, random_state)``. It returns an array (S, n, ...,
        C), or a list of n arrays (S, u, C), the same draws for every row. None leaves
        that to what is inside.
    boxes : str, callable or None, default=None
        What gives the boxes that several draws of a detector find, in the same manner:
        a list of n lists of S dicts with "boxes" (k, 4) and "labels" (k,).

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    n_features_in_ : int
        As the estimator counted.
    feature_names_in_ : ndarray of str
        As the estimator saw them.

    See Also
    --------
    Committee : Makes draws of several estimators.
    skal.query.Aggregate : Picks rows by their units.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from skal import ActiveLearner
    >>> from skal.query import Aggregate
    >>> from skal.structured import Units
    >>> class Threshold(BaseEstimator):  # a pixel is the likelier 1 the brighter
    ...     def fit(self, X, y):
    ...         self.middle_ = X[y == 1].mean() / 2 + X[y == 0].mean() / 2
    ...         return self
    >>> def pixels(model, X):
    ...     bright = 1 / (1 + np.exp(20 * (model.middle_ - X)))
    ...     return np.stack([1 - bright, bright], axis=-1)  # (n, H, W, C)
    >>> X = np.random.default_rng(0).random((50, 8, 8))
    >>> y = (X > 0.5).astype(int)  # a label a pixel
    >>> learner = ActiveLearner(Units(Threshold(), pixels), Aggregate(), n_labels=20)
    >>> learner.fit(X, y).y_training_.shape
    (20, 8, 8)
    """

    def __init__(
        self,
        estimator: Any,
        method: str | Callable[..., Any] | None = "predict_proba",
        *,
        samples: str | Callable[..., Any] | None = None,
        boxes: str | Callable[..., Any] | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.samples = samples
        self.boxes = boxes

    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows, as the estimator takes them.
        y : array-like of shape (n_samples, ...), or list
            What it takes for a row each.
        **params : dict
            Passed to the estimator's fit.

        Returns
        -------
        Units
            The fitted estimator.

        Raises
        ------
        TypeError
            If a way to answer is neither the name of a method nor a function.
        """
        for name in ("method", "samples", "boxes"):
            check_way(name, getattr(self, name))
        self.estimator_ = clone(self.estimator).fit(X, y, **routed(self, "fit", params))
        return self

    @available_if(_has("method"))
    def predict_units(self, X: Any) -> Any:
        """Return the class probabilities of each unit of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.

        Returns
        -------
        ndarray of shape (n_samples, ..., C), or list of n_samples ndarray (u, C)
            As ``method`` gives them.
        """
        return self._answer(self.method, X)

    @available_if(_has("samples"))
    def sample_units(
        self, X: Any, n_samples: int | None = None, random_state: Any = None
    ) -> Any:
        """Return the class probabilities of each unit in several draws.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.
        random_state : int, default=None
            Fixes the draws.

        Returns
        -------
        ndarray of shape (S, n_samples, ..., C), or list of ndarray (S, u, C)
            As ``samples`` gives them.
        """
        draws = {"n_samples": n_samples, "random_state": random_state}
        return self._answer(self.samples, X, **draws)

    @available_if(_has("boxes"))
    def sample_boxes(
        self, X: Any, n_samples: int | None = None, random_state: Any = None
    ) -> list[list[dict[str, NDArray[Any]]]]:
        """Return what several draws of a detector find in each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.
        random_state : int, default=None
            Fixes the draws.

        Returns
        -------
        list of n_samples lists of S dict
            As ``boxes`` gives them.
        """
        draws = {"n_samples": n_samples, "random_state": random_state}
        return self._answer(self.boxes, X, **draws)

    @available_if(inside_has("predict"))
    def predict(self, X: Any) -> Any:
        """Predict as the estimator does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        array-like
            The estimator's predictions.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(inside_has("score"))
    def score(self, X: Any, y: Any) -> float:
        """Score predictions as the estimator does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples, ...), or list
            Their targets.

        Returns
        -------
        float
            The estimator's score.
        """
        check_is_fitted(self)
        return self.estimator_.score(X, y)

    def _answer(self, way, X, **draws):
        check_is_fitted(self)
        if callable(way):
            return way(self.estimator_, X, *draws.values())
        return getattr(self.estimator_, way)(X, **draws)


def check_way(name, way):
    """Refuse what is no way to answer."""
    if way is not None and not isinstance(way, str) and not callable(way):
        raise TypeError(
            f"{name} must be the name of a method, a function of the estimator and X, "
            f"or None, got {way!r}."
        )
