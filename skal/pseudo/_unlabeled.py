"""UnlabeledClassifier: what is fitted on rows with and without a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._data import Labels, as_multi_input, check_pool, read_target
from skal._meta import EstimatorInside, inside_has, one_label_a_row

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class UnlabeledClassifier(EstimatorInside):
    """A classifier around another, which is taught codes and guesses some labels.

    A subclass has ``missing_label``; its ``fit`` reads y by ``_read`` and ends in
    ``_tell``.
    """

    # Weights go to the estimator: there is nothing of its own to request.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED}

    missing_label: Any

    def _read(self, X, y):
        """Return X, the codes of y, -1 where there is no label, and their Labels."""
        name = type(self).__name__
        if y is None:
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None."
            )
        check_pool(X)
        X, y = indexable(as_multi_input(X), y)
        target = read_target(y, self.missing_label, "classifier")
        if target.kind == "multilabel":
            raise ValueError(
                "y must be one label a row, got multilabel targets. Fit one "
                f"{name} a label."
            )
        missing = target.missing
        if missing.all():
            raise ValueError(
                f"y must hold at least one label, got {len(target.y)} missing ones. "
                "Label some rows first."
            )
        labels = Labels("multiclass", np.unique(target.y[~missing]))
        codes = np.full(len(missing), -1)
        codes[~missing] = labels.encode(target.y[~missing])
        return X, codes, labels

    def _tell(self, estimator, labels, codes, rows, guesses):
        """Keep a fitted estimator, and what it says of some of the hidden rows."""
        codes = codes.copy()
        codes[rows] = guesses
        self.estimator_ = estimator
        self.classes_ = labels.classes
        self._labels = labels
        self.labeled_iter_ = np.where(codes < 0, -1, 0)
        self.labeled_iter_[rows] = 1
        self.n_pseudo_labeled_ = len(rows)
        self.transduction_ = self._named(codes)
        self.pseudo_labels_ = self._named(np.where(self.labeled_iter_ == 1, codes, -1))

    def _named(self, codes):
        """Turn codes into labels, and -1 into missing_label."""
        classes, missing = self._labels.classes, self.missing_label
        if np.all(codes >= 0):
            return classes[codes]
        kinds = "US" if isinstance(missing, str) else "iuf"
        if missing is not None and classes.dtype.kind in kinds:
            return np.append(classes, [missing])[codes]
        return np.array([*classes.tolist(), missing], dtype=object)[codes]

    # What the estimator offers beside predictions --------------------------------

    @available_if(inside_has("embed"))
    def embed(self, X: Any) -> Any:
        """Return the estimator's embedding of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to embed.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            What the last layer sees.
        """
        return self._asked("embed", X)

    @available_if(inside_has("head_proba"))
    def head_proba(self, E: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class for embeddings.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_features)
            Embeddings, such as ``embed`` returns.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``head_proba(embed(X))`` equals ``predict_proba(X)``.
        """
        return self._asked("head_proba", E)

    @available_if(inside_has("sample_proba"))
    def sample_proba(
        self,
        X: Any,
        n_samples: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Return class probabilities of several posterior draws.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.
        n_samples : int, default=None
            Number of draws S; None takes the estimator's own.
        random_state : int, RandomState instance or None, default=None
            Makes the draws.

        Returns
        -------
        ndarray of shape (S, n_samples, n_classes)
            The same draws for every row.
        """
        return self._asked(
            "sample_proba", X, n_samples=n_samples, random_state=random_state
        )

    def __sklearn_tags__(self):
        """Answer for the estimator, but for one label a row."""
        return one_label_a_row(super().__sklearn_tags__())

    def _asked(self, method, X, **options):
        check_is_fitted(self)
        return getattr(self.estimator_, method)(X, **options)
