"""Several scores made one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from skal._checks import check_choice
from skal._meta import NamedMembersMixin
from skal.query._base import ScoreStrategy
from skal.query._names import as_strategy
from skal.query._picks import describe, from_zero
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from skal.query._base import QueryStrategy


class LinearCombination(NamedMembersMixin, WrapperStrategy, ScoreStrategy):
    r"""Weigh several scores of each row and add them up.

    A row is wanted for more than one reason: the model is unsure of it, it is typical
    of the pool, its committee disagrees. With :math:`s_{jn}` what strategy j makes of
    row n, a row scores

    .. math:: \sum_j w_j \, t(s_{jn})

    Parameters
    ----------
    bases : list of (str, strategy)
        Names and strategies that score rows; a strategy may be a name such as
        "entropy", too. Its own name is the prefix of its parameters:
        ``committee__n_samples``. The default is "entropy" and "margin" under their own
        names.
    weights : sequence of float, default=None
        The weights of the scores, in the order of ``bases``; None weighs each by 1. A
        weight below 0 wants rows of low score, one of 0 leaves a strategy out.
    transform : {"rank", "log"} or None, default=None
        What is done to the scores before, t. None takes them as they are, each in its
        own units. "rank" takes their places in the pool, between 0 and 1, so that
        weights compare like with like. "log" takes logarithms: rows come in the order
        of the product of powers :math:`\prod_j s_{jn}^{w_j}`, and are not wanted where
        one score is 0. It needs weights and scores from 0 up; those of ``Margin``
        count as 1 - margin.

    Attributes
    ----------
    needs : frozenset of str
        What any of the strategies needs.

    See Also
    --------
    Mixture : Shares a batch out instead of mixing the scores.
    InformationDensity : A score times how typical a row is.

    Notes
    -----
    Cost: O(n) a base for n rows, and O(n log n) for ranks, beside the strategies whose
    weight is not 0; they share the model's answers.

    References
    ----------
    Danka, T., Horvath, P. (2018). modAL: a modular active learning framework for
    Python. arXiv:1805.00979

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import LinearCombination
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, max_depth=2, random_state=0).fit(X, y)
    >>> both = LinearCombination(
    ...     [("doubt", "entropy"), ("dispute", "kl_divergence")],
    ...     weights=[1, 2], transform="rank",
    ... )
    >>> both.set_params(doubt="margin").score_samples(forest, X).shape
    (150,)
    """

    _members_param = "bases"

    def __init__(
        self,
        bases: Sequence[tuple[str, str | QueryStrategy | Callable[..., Any]]] = (
            ("entropy", "entropy"),
            ("margin", "margin"),
        ),
        weights: Sequence[float] | None = None,
        transform: str | None = None,
    ) -> None:
        self.bases = bases
        self.weights = weights
        self.transform = transform

    def _bases(self):
        self.check_members()
        return [as_strategy(base, name) for name, base in self.bases]

    @property
    def separable(self) -> bool:
        """Whether the scores of all bases are; places in the pool are not."""
        bases = self._bases()
        return self.transform != "rank" and all(
            getattr(base, "separable", False) for base in bases
        )

    def _check_params(self):
        for base in self._bases():
            if not isinstance(base, ScoreStrategy):
                raise TypeError(
                    "bases must be strategies that score rows, got "
                    f"{describe(base)}, which picks some. Share a batch out with "
                    "Mixture, or use one such as Entropy()."
                )
        if self.transform is not None:
            check_choice("transform", self.transform, TRANSFORMS)
        if (self._weights() < 0).any() and self.transform == "log":
            raise ValueError(
                f'weights must be 0 or more for transform="log", got {self.weights!r}.'
            )

    def _weights(self):
        """Return the weights as an array, if they are one for each strategy."""
        if self.weights is None:
            return np.ones(len(self.bases))
        try:
            weights = np.asarray(self.weights, dtype=float)
        except (TypeError, ValueError):
            weights = np.empty(0)
        right = weights.shape == (len(self.bases),) and np.all(np.isfinite(weights))
        if not right or not weights.any():
            raise ValueError(
                f"weights must be {len(self.bases)} numbers, not all of them 0, got "
                f"{self.weights!r}. bases has {len(self.bases)} strategies."
            )
        return weights

    def _score(self, view, rows):
        total = np.zeros(len(rows))
        for weight, base in zip(self._weights(), self._bases(), strict=True):
            if weight != 0:
                scores = base.score_samples(view, rows)
                if self.transform is not None:
                    scores = TRANSFORMS[self.transform](scores, base)
                total += weight * scores
        return total


def places(scores, base):
    """Return the places of scores among each other, between 0 and 1; ties share one."""
    return (rankdata(scores) - 0.5) / len(scores)


def logarithms(scores, base):
    """Return the logarithms of scores from 0 up; that of 0 is minus infinity."""
    scores = from_zero(scores, base)
    if scores.min() < -_ROUNDING:
        raise ValueError(
            'bases must give scores from 0 up for transform="log", got '
            f'{scores.min():.3g} from {describe(base)}. Use transform="rank".'
        )
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(scores, 0))


#: How far below 0 rounding may bring a score.
_ROUNDING = 1e-6
#: What can be done to scores before they are added up.
TRANSFORMS = {"rank": places, "log": logarithms}
