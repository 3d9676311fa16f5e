"""A task played: some rows labelled, a model of them, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.pipeline import Pipeline

from skal._checks import name_of
from skal._data import as_rows
from skal._model import ModelView, is_ensemble, provides
from skal._seed import draw_seed, seeds_for
from skal.learned._features import PoolFeatures

#: Rows that a model is scored on, at most.
_VALIDATION = 1000


class Episode:
    """A pool of which more and more is labelled, and a split of its own to score on.

    Labels are asked of a part of the rows, the pool; scores are of the others. Starts
    from a label of each class, or from rows at random.
    """

    def __init__(self, X, y, estimator, rng, *, n_pool=300, scoring="accuracy"):
        self.estimator, self.rng = estimator, rng
        self.scoring = scoring
        order = rng.permutation(len(y))
        n_pool = min(n_pool, len(y) // 2)
        pool, held_out = order[:n_pool], order[n_pool : n_pool + _VALIDATION]
        self.X, self.y = X[pool], y[pool]
        self.X_held_out, self.y_held_out = X[held_out], y[held_out]
        self.n_classes = len(np.unique(self.y))
        self.seed = draw_seed(rng)
        self.labeled = self._first()
        self.model = self.fitted(self.labeled)

    def _first(self):
        """Draw the first rows: one of each class, or as many at random."""
        order = self.rng.permutation(len(self.y))
        firsts = order[np.unique(self.y[order], return_index=True)[1]]
        if self.rng.uniform() < 0.5:
            return firsts
        n_first = max(2, self.rng.randint(len(firsts) // 2, 2 * len(firsts) + 1))
        some = order[:n_first]
        return some if len(np.unique(self.y[some])) > 1 else firsts

    def fitted(self, rows):
        """Return a clone of the estimator that knows some rows; seeded alike."""
        model = clone(self.estimator)
        model.set_params(**seeds_for(model, np.random.RandomState(self.seed)))
        return model.fit(self.X[rows], self.y[rows])

    def score(self, model):
        """Return how good a model is on the rows held out."""
        if self.scoring == "accuracy":  # without what a scorer spends on checks
            return float(np.mean(model.predict(self.X_held_out) == self.y_held_out))
        return float(get_scorer(self.scoring)(model, self.X_held_out, self.y_held_out))

    @property
    def labels_per_class(self):
        """How many labels there are, over how many classes."""
        return len(self.labeled) / self.n_classes

    def left(self):
        """Return the rows without a label."""
        return np.setdiff1d(np.arange(len(self.y)), self.labeled)

    def view(self):
        """Return what a strategy may ask of the model."""
        known = self.X[self.labeled], self.y[self.labeled]
        return ModelView(self.model, *known, random_state=self.seed)

    def features(self, rows):
        """Return the features of some rows of the pool, and of the round."""
        features = PoolFeatures(self.view(), as_rows(self.X[rows]), self.rng)
        return features.candidates(), features.state

    def label(self, rows):
        """Learn the labels of some rows, and fit the model anew."""
        self.labeled = np.append(self.labeled, rows)
        known = self.y[self.labeled]
        if goes_on(self.model) and len(np.unique(known)) == len(self.model.classes_):
            self.model.fit(self.X[self.labeled], known)
        else:
            self.model = self.fitted(self.labeled)


def goes_on(estimator):
    """Tell whether an estimator that is fitted again goes on from its weights.

    Ensembles take warm_start to mean "add members", which is something else.
    """
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    params = model.get_params(deep=False)
    grows = "n_estimators" in params or is_ensemble(model)
    return bool(params.get("warm_start")) and not grows


def as_model(estimator):
    """Return the model that labels are bought for, None's default in its place."""
    if estimator is None:
        return LogisticRegression(max_iter=1000)
    is_model = hasattr(estimator, "fit") and not isinstance(estimator, type)
    if not (is_model and is_classifier(estimator) and provides(estimator, "proba")):
        raise TypeError(
            "estimator must be a classifier that gives probabilities (predict_proba), "
            f"got {name_of(estimator) if is_model else repr(estimator)}. Use another, "
            "or wrap it in CalibratedClassifierCV."
        )
    return estimator


def said_of(tasks):
    """Return what JSON can tell of tasks: a function's name, or the sizes of sets."""
    if callable(tasks):
        return getattr(tasks, "__name__", repr(tasks))
    pairs = tasks.items() if isinstance(tasks, dict) else enumerate(tasks)
    return {str(name): list(np.shape(X)) for name, (X, _) in pairs}


def as_source(tasks):
    """Return a function of a RandomState that gives a task: X and y."""
    if callable(tasks):
        return lambda rng: as_task(tasks(rng))
    if not isinstance(tasks, dict | Sequence):
        raise no_tasks(tasks)
    every = tasks.values() if isinstance(tasks, dict) else tasks
    named = [as_task(one) for one in every]
    if not named:
        raise no_tasks(tasks)
    return lambda rng: named[rng.randint(len(named))]


def as_task(task):
    """Return the rows of a task, dense or CSR, and their labels of several classes."""
    if not isinstance(task, list | tuple) or len(task) != 2:
        raise no_tasks(task)
    X, y = task
    X, y = X.tocsr() if sp.issparse(X) else np.asarray(X), np.asarray(y)
    if y.ndim != 1 or X.shape[:1] != y.shape:
        raise ValueError(
            "tasks must give a label of each row, got rows of shape "
            f"{X.shape} and labels of shape {y.shape}."
        )
    if len(np.unique(y)) < 2:
        raise ValueError(
            f"tasks must be of two classes or more, got {len(np.unique(y))} in "
            f"{len(y)} rows. There is nothing to learn in one."
        )
    return X, y


def no_tasks(found):
    """Build the error of what is neither a task nor several."""
    return ValueError(
        "tasks must be a function of a RandomState that returns (X, y), or a list or "
        f"dict of such pairs, got a {name_of(found)}. Write [(X, y)] for one data set."
    )
