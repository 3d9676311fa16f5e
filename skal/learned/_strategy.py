"""Ask by a scorer that was trained to ask."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import name_of
from skal.learned._features import PoolFeatures
from skal.learned._kind import innermost, is_kind
from skal.learned._scorer import Scorer, load_scorer, shipped_scorers
from skal.query import WrapperStrategy, as_strategy, check_labels, split_result, top_n

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query import QueryStrategy

#: Rows among which a batch is picked: so many times its size, within these bounds.
_TIMES, _AT_LEAST, _AT_MOST = 10, 200, 1000


class LearnedStrategy(WrapperStrategy):
    """Pick the rows that a scorer wants, which was trained on other tasks.

    What a label is worth was tried out there, where all labels are known, and a small
    network learnt to tell it from ranks and ratios: how much a row is in doubt, how far
    from the labelled ones, how much doubt lies around it. So it serves any number of
    rows, columns and classes. In a batch each pick is taken into account before the
    next.

    Parameters
    ----------
    scorer : str, Path or Scorer, default="logistic-v1"
        "logistic-v1" or, for a random forest, "forest-v1", which come with skal; the
        ``.npz`` of one that you trained, or that itself.
    fallback : str, QueryStrategy or callable, default="margin"
        Asks in its place once there are more labels a class than the scorer was trained
        for, its ``horizon``.

    Warns
    -----
    UserWarning
        If the model is of another kind than those that the scorer was trained with.

    See Also
    --------
    skal.query.UHerding : Weighs doubt and coverage by a rule.
    load_scorer : Tells how a scorer was trained, in its ``about``.
    fit_regression : Trains one on tasks of your own.

    Notes
    -----
    Cost: O(n (m + r) d) for n rows, m labelled and r <= 256 reference rows and d
    features, after one ``predict_proba`` of the pool; each further pick of a batch
    takes O(s (r + d)) for the s rows it is made among: ten times the batch, from 200
    to 1 000, or the batch itself where that is more. Needs probabilities, embeddings
    and labels. ``info["strategy"]`` tells which of the two asked.

    References
    ----------
    Konyushkova, K., Sznitman, R., Fua, P. (2017). Learning active learning from data.
    NeurIPS. arXiv:1703.03365

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skal import ActiveLearner
    >>> from skal.learned import LearnedStrategy
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     query_strategy=LearnedStrategy(), n_labels=40, random_state=0
    ... )
    >>> learner.fit(X, y).history_["info"][1]["strategy"]
    'logistic-v1'
    """

    _own_needs = frozenset({"proba", "embed", "labels"})
    _own_target_types = frozenset({"multiclass"})

    def __init__(
        self,
        scorer: str | Path | Scorer = "logistic-v1",
        fallback: str | QueryStrategy | Callable[..., Any] = "margin",
    ) -> None:
        self.scorer = scorer
        self.fallback = fallback

    def _bases(self):
        return [as_strategy(self.fallback, "fallback")]

    def _check_params(self):
        as_scorer(self.scorer)

    def _query(self, view, rows, n_instances, rng):
        check_labels(self, view)
        scorer = as_scorer(self.scorer)
        n_classes = len(np.unique(view.y_training))
        if scorer.horizon is not None and view.n_labels > scorer.horizon * n_classes:
            fallback = self._bases()[0]
            result = fallback(view, rows, n_instances, random_state=rng)
            picked, info = split_result(result)
            return picked, {"strategy": fallback.alias or name_of(fallback), **info}
        warn_of_kind(scorer, view.estimator)
        features = PoolFeatures(view, rows, rng)
        picked, scores = picked_by(scorer, features, n_instances, rng)
        return picked, {"strategy": scorer.name, "score": scores}


def as_scorer(scorer):
    """Return a scorer from itself, its name, or its path."""
    if isinstance(scorer, Scorer):
        return scorer
    if isinstance(scorer, str | Path):
        return shipped(scorer) if Path(scorer).suffix != ".npz" else load_scorer(scorer)
    raise TypeError(
        f"scorer must be a name, a path or a Scorer, got {scorer!r}. fit_regression "
        "and fit_rl train one."
    )


shipped = cache(load_scorer)  # what comes with skal stays as it is


def warn_of_kind(scorer, estimator):
    """Warn of a model of another kind than those that a scorer was trained with."""
    if scorer.estimator is None or is_kind(estimator, scorer.estimator):
        return
    warnings.warn(
        f"The scorer {scorer.name!r} was trained with {scorer.estimator}, and is asked "
        f"of {name_of(innermost(estimator))}: what it learnt may not hold there. "
        f"{way_out(estimator)}",
        stacklevel=2,
    )


def way_out(estimator):
    """Say which scorer is of the kind of a model, or what else there is."""
    for name in shipped_scorers():
        if is_kind(estimator, load_scorer(name).estimator):
            return f"{name!r} was trained with such models."
    return "Train one by fit_regression, or ask by UHerding."


def picked_by(scorer, features, n_instances, rng):
    """Pick the rows that a scorer wants, one at a time; return positions and scores."""
    scores = scorer.score(features.candidates(), features.state)
    if n_instances == 1:
        picked = top_n(scores, 1, rng)
        return picked, scores[picked]
    size = max(n_instances, min(_AT_MOST, max(_AT_LEAST, _TIMES * n_instances)))
    rows = np.sort(top_n(scores, min(size, len(scores)), rng))
    features.keep(rows)
    left, scores = np.ones(len(rows), bool), scores[rows]
    picked, told = np.empty(n_instances, np.int64), np.empty(n_instances)
    for k in range(n_instances):
        told[k] = scores[left].max()
        best = rng.choice(np.flatnonzero(left & (scores == told[k])))
        picked[k], left[best] = rows[best], False
        if k + 1 < n_instances:
            scores = scorer.score(features.add(rows[best]), features.state)
    return picked, told
