"""An ensemble: the same estimator fitted several times, from different seeds."""

from __future__ import annotations

import itertools
import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_int
from skal._data import multilabel_proba, n_rows, take_rows
from skal._meta import counting, fit_weight, inside_provides, over_all, slice_params
from skal._model import answers, is_structured, layers
from skal._seed import draw_seed, stream
from skal.posterior._units import UnitPosterior

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class EnsembleClassifier(UnitPosterior):
    r"""The same estimator fitted several times: where the fits disagree, data is short.

    Networks that start from different weights end in different functions, which agree
    where there are labels. Their mean is often better calibrated than one of them
    (Lakshminarayanan et al., 2017):

    .. math:: p(y \mid x) = \tfrac{1}{M} \sum_m p_m(y \mid x)

    Parameters
    ----------
    estimator : estimator, default=None
        Any classifier with ``predict_proba``, of several labels a row too. None is
        ``MLPNetClassifier()``.
    n_members : int, default=5
        The number of fits M.
    bootstrap : bool, default=False
        Whether each member sees as many rows as there are, drawn with replacement.
        Estimators that do not depend on a seed, such as LogisticRegression, need it;
        networks differ without.
    n_jobs : int, default=None
        Members fitted at the same time, in processes; None is 1.
    random_state : int, RandomState instance or None, default=None
        Fixes the seeds of the members and the rows that they see.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted members.
    classes_ : ndarray of shape (n_classes,), or list of L ndarray
        The labels; where there are several a row, those of each, 0 and 1.
    n_features_in_ : int
        The number of features the members saw.
    seed_ : int
        What the seeds of the members come from.

    Warns
    -----
    UserWarning
        If all members are the same, or all start from the weights of one module that
        the estimator was given as an instance.

    See Also
    --------
    MCDropoutCommittee : One fit, for networks with dropout.
    LaplaceClassifier : One fit and a few to choose a precision.

    Notes
    -----
    Fitting and predicting cost M times what the estimator costs. There are M samples
    and no more; ``random_state`` does not change them. The embedding is that of all
    members side by side, (n, M * d), where they have one of their own. Members are
    fitted with ``label_smoothing=0``.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A., Blundell, C. (2017). Simple and scalable
    predictive uncertainty estimation using deep ensembles. NeurIPS. arXiv:1612.01474

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skal.posterior import EnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = EnsembleClassifier(DecisionTreeClassifier(), bootstrap=True)
    >>> ensemble.fit(X, y).sample_proba(X[:2]).shape
    (5, 2, 3)
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_members: int = 5,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_members = n_members
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_params(self):
        check_int("n_members", self.n_members)

    def _fit(self, template, X, y, params):
        self._warn_of_equal_starts(template)
        fits = (
            delayed(fit_member)(template, X, y, params, self.bootstrap, self.seed_, m)
            for m in range(self.n_members)
        )
        members = Parallel(n_jobs=self.n_jobs)(fits)
        self.estimators_ = members
        several = y.ndim == 2 and y.shape[1] > 1 and not is_structured(members[0])
        classes = [np.array([0, 1]) for _ in range(y.shape[1])] if several else None
        self.classes_ = union_of_classes(members) if classes is None else classes
        self._warn_of_equal_members(X)
        return self

    def _warn_of_equal_starts(self, template):
        """Warn where every member trains a copy of one network, from its weights."""
        given = None if self.bootstrap else module_given(template)
        if given is not None and self.n_members > 1:
            warnings.warn(
                f"All {self.n_members} members start from the same weights, those of "
                f"the {given} that the estimator was given, and hardly disagree. Give "
                "its class, with module__name= for what it is made with, or set "
                "bootstrap=True.",
                UserWarning,
                stacklevel=4,
            )

    def _warn_of_equal_members(self, X):
        """Warn where there is no disagreement at all: nothing but chance is left."""
        first, *others = self._members_proba(take_rows(X, slice(0, 100)))
        if (
            len(self.classes_) > 1
            and others
            and all(np.array_equal(first, other) for other in others)
        ):
            warnings.warn(
                f"All {self.n_members} members are the same: the estimator does not "
                "depend on a seed. Set bootstrap=True.",
                UserWarning,
                stacklevel=4,
            )

    def _members_proba(self, X):
        """Yield the probabilities (n, C) of one member after another."""
        for member in self.estimators_:
            yield self._wide(member, member.predict_proba(X))

    def _wide(self, member, proba):
        """Spread a member's columns over all classes."""
        if isinstance(self.classes_, list):
            return multilabel_proba(proba, member.classes_)
        return over_all(self.classes_, proba, member.classes_)

    def _count(self, n_samples):
        if n_samples is not None and n_samples > len(self.estimators_):
            raise ValueError(
                f"n_samples must be at most {len(self.estimators_)}, the number of "
                f"members of {type(self).__name__}, got {n_samples}."
            )
        return len(self.estimators_) if n_samples is None else n_samples

    def _sample(self, X, n_samples, seed):
        parts = itertools.islice(self._members_proba(X), n_samples)
        first = next(parts)
        samples = np.empty((n_samples, *first.shape), np.float32)
        for sample, part in zip(samples, itertools.chain([first], parts), strict=True):
            sample[...] = part
        return samples

    def _mean(self, X):
        return sum(self._members_proba(X)) / len(self.estimators_)

    def _fitted(self):
        return vars(self).get("estimators_", [None])[0]

    def embed(self, X: Any) -> Any:
        """Return what the last layers of the members see, side by side.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to embed.

        Returns
        -------
        ndarray of shape (n_samples, n_members * n_features) and float32, or CSR
            The embeddings; X itself, flattened, where it is every member's embedding.
        """
        check_is_fitted(self)
        if not embeds(self.estimators_[0]):
            return answers.flatten(X)
        parts = [answers.embed(member, X) for member in self.estimators_]
        return sp.hstack(parts, "csr") if sp.issparse(parts[0]) else np.hstack(parts)

    @available_if(inside_provides("head"))
    def head_proba(self, E: ArrayLike) -> NDArray[Any]:
        """Return the probabilities of embeddings.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_members * n_features)
            Embeddings, such as ``embed`` returns.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``head_proba(embed(X))`` equals ``predict_proba(X)``.
        """
        check_is_fitted(self)
        M = len(self.estimators_)
        rows: Any = answers.as_embedding(E)
        d = rows.shape[1] // M
        if embeds(self.estimators_[0]):
            parts = [rows[:, m * d : (m + 1) * d] for m in range(M)]
        else:
            parts = [rows] * M
        proba = [
            self._wide(member, answers.head_proba(member, part))
            for member, part in zip(self.estimators_, parts, strict=True)
        ]
        return np.mean(proba, axis=0)


def module_given(template):
    """Name the module that nets inside are given as an instance, None if none is.

    With a parameter module__name such a net makes a new one of the same class.
    """
    torch = sys.modules.get("torch")  # without it there is no module
    params = template.get_params()
    for name, value in params.items():
        if name.rpartition("__")[2] == "module" and torch is not None:
            remade = any(other.startswith(f"{name}__") for other in params)
            if isinstance(value, torch.nn.Module) and not remade:
                return type(value).__name__
    return None


def fit_member(template, X, y, params, bootstrap, seed, number):
    """Fit member ``number``: every seed is its own, and the rows if bootstrapped."""
    member = clone(template)
    rng = stream(seed, number, "ensemble")
    names = [
        name
        for name in sorted(member.get_params())
        if name.rpartition("__")[2] == "random_state"
    ]
    member.set_params(**{name: draw_seed(rng) for name in names})
    if bootstrap:
        y = np.asarray(y)
        counts = counting(fit_weight(member, params, len(y)), len(y))
        rows = draw_with_replacement(y, counts, rng)
        params = slice_params(params, rows, n_rows(X))
        X, y = take_rows(X, rows), y[rows]
    return member.fit(X, y, **params)


def draw_with_replacement(y, counts, rng):
    """Draw as many rows as there are, of two classes at least if there are two.

    Rows that do not count for the fit do not count here either. Of several labels a
    row one that counts is enough.
    """
    seen = y if y.ndim == 1 else np.zeros(len(y))
    wanted = min(2, len(np.unique(seen[counts])))
    while True:
        rows = rng.randint(len(y), size=len(y))
        if len(np.unique(seen[rows[counts[rows]]])) >= wanted:
            return rows


def union_of_classes(members):
    """Return every label that some member knows, sorted."""
    classes = members[0].classes_
    for member in members[1:]:
        classes = np.union1d(classes, member.classes_)
    return classes


def embeds(estimator):
    """Tell whether an estimator's embedding is more than the rows themselves."""
    while estimator is not None:
        if hasattr(estimator, "embed"):
            return True
        front, estimator = layers.peel(estimator)
        if front is not None:
            return True
    return False
