"""MC dropout: a network that keeps dropping units when it predicts is a committee."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_choice, check_int, name_of
from skal._data import take_rows
from skal._model import is_structured, sampled_before_training
from skal._seed import draw_seed
from skal.posterior._base import chunks_of, sigmoid, softmax
from skal.posterior._linear_head import weights_of
from skal.posterior._net_inside import check_answers_as_net, net_inside
from skal.posterior._units import UnitPosterior

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def _ends_in_dropout_and_head(committee):
    if committee.dropout != "last":
        raise AttributeError('head_proba needs dropout="last".')
    if vars(committee).get("_last", True) is None:
        raise AttributeError(
            "head_proba needs a network whose last dropout comes right before its last "
            "layer, which this one's does not."
        )
    return True


class MCDropoutCommittee(UnitPosterior):
    r"""A network under many dropout masks: each mask is a member of a committee.

    A network trained with dropout and asked with dropout still on draws from an
    approximate posterior over its weights (Gal and Ghahramani, 2016):

    .. math:: p(y \mid x) = \tfrac{1}{S} \sum_s p(y \mid x, \text{mask}_s)

    Here every mask is shared by all rows, so that the draws are functions and
    disagreement is about the same function everywhere, and what comes before the first
    mask is computed once.

    Parameters
    ----------
    estimator : estimator, default=None
        A network of :mod:`skal.nets` with dropout, or a Pipeline or a search around
        one. None is ``MLPNetClassifier()``.
    n_samples : int, default=50
        The number of masks S.
    dropout : {"last", "all"}, default="last"
        Which dropout calls stay on: the last one alone, or all of them, which costs
        more and leaves more to chance.
    random_state : int, RandomState instance or None, default=None
        Fixes the masks, and the fit where the estimator has no seed of its own.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,), or list of L ndarray
        The labels; where there are several a row, those of each, 0 and 1.
    n_features_in_ : int
        The number of features the estimator saw.
    seed_ : int
        Fixes the masks of ``predict_proba``.

    See Also
    --------
    LaplaceClassifier : Needs no dropout, and one fitted network.
    EnsembleClassifier : Several fits, of any estimator; the dearest.

    Notes
    -----
    A pass over n rows costs one pass of the network up to the first mask and S passes
    from there. Dropout is set wherever it stands: layers and functions of torch, on
    attention weights, between recurrent layers, and in any layer without weights that
    draws its own numbers, as for stochastic depth, whose mask is that of all rows too.
    Other random numbers of training are a TypeError with ``dropout="all"``; with "last"
    they are off. The estimator is fitted with ``label_smoothing=0``. With
    ``dropout="last"`` there is a ``head_proba``, the mean over the masks of the last
    layer, provided that the last dropout comes right before it.

    References
    ----------
    Gal, Y., Ghahramani, Z. (2016). Dropout as a Bayesian approximation: representing
    model uncertainty in deep learning. ICML. arXiv:1506.02142

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skal.nets import MLPNetClassifier
    >>> from skal.posterior import MCDropoutCommittee
    >>> X, y = load_iris(return_X_y=True)
    >>> committee = MCDropoutCommittee(MLPNetClassifier(max_steps=20), random_state=0)
    >>> committee.fit(X, y).sample_proba(X[:2], n_samples=5).shape
    (5, 2, 3)
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_samples: int = 50,
        dropout: str = "last",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_samples = n_samples
        self.dropout = dropout
        self.random_state = random_state

    def _check_params(self):
        check_int("n_samples", self.n_samples)
        check_choice("dropout", self.dropout, ("all", "last"))

    def _fit(self, template, X, y, params):
        fitted = clone(template)
        with sampled_before_training(fitted, dropout=self.dropout):
            fitted.fit(X, y, **params)
        net, seen = net_inside(fitted, X)
        if net is None:
            raise TypeError(
                "estimator must be a network of skal.nets, or hold one, got "
                f"{name_of(self.estimator)}. Use LaplaceClassifier or "
                "EnsembleClassifier."
            )
        check_answers_as_net(self, fitted, net, X, seen)
        row = take_rows(seen, slice(0, 1))
        next(self._draws(net, row, 1, 0))  # raises where there is none
        last: Any = None
        if self.dropout == "last" and not is_structured(fitted):
            last = net.passes().dropout_before_head(row)
        self._last = last
        self.estimator_ = fitted
        self.classes_ = fitted.classes_
        return self

    def _draws(self, net, X, n_samples, seed):
        """Yield probabilities (S, m, C) of one batch after another."""
        seed = draw_seed(seed)
        for logits in net.passes().dropout_outputs(X, n_samples, seed, self.dropout):
            yield net.proba_of(logits).cpu().numpy()

    def _sample(self, X, n_samples, seed):
        net, X = net_inside(self.estimator_, X)
        return np.concatenate(list(self._draws(net, X, n_samples, seed)), axis=1)

    def _mean(self, X):
        net, X = net_inside(self.estimator_, X)
        draws = self._draws(net, X, self.n_samples, self.seed_)
        return np.concatenate([proba.mean(axis=0) for proba in draws])

    @available_if(_ends_in_dropout_and_head)
    def head_proba(self, E: ArrayLike) -> NDArray[Any]:
        """Return the probabilities of embeddings: the mean over the last masks.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_features)
            Embeddings, such as ``embed`` returns.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``head_proba(embed(X))`` equals ``predict_proba(X)``.
        """
        check_is_fitted(self)
        net, _ = net_inside(self.estimator_)
        masks = self._last.masks(self.n_samples, draw_seed(self.seed_))  # (S, d)
        weight, bias = weights_of(net.passes().head)
        several = isinstance(self.classes_, list)
        parts = []
        for rows in chunks_of(np.asarray(E, np.float32), masks.nbytes):
            proba = np.zeros((len(rows), len(weight)), np.float32)
            for mask in masks:
                logits = rows @ (weight * mask).T + bias
                proba += sigmoid(logits) if several else softmax(logits)
            parts.append(proba / len(masks))
        return np.concatenate(parts)
