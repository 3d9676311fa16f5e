"""Scorers that name classes, for estimators that see codes."""

from __future__ import annotations

from copy import copy
from functools import update_wrapper
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils.metaestimators import available_if

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray


def scoring_in_codes(
    scoring: Any, classes: NDArray[Any], codes_of: Callable[[list[Any]], list[int]]
) -> Any:
    """Return what scores an estimator that sees codes as ``scoring`` would in labels.

    Parameters
    ----------
    scoring : str, callable, list, dict or None
        As a search takes it.
    classes : ndarray of shape (n_classes,)
        The label of each code.
    codes_of : callable
        Returns the codes of labels; refuses one that there is not.

    Returns
    -------
    object
        The same, where it names no class.
    """
    if classes.tolist() == list(range(len(classes))) or scoring is None:
        return scoring
    if isinstance(scoring, str):
        if scoring not in get_scorer_names():  # "loss" is boosting's own
            return scoring
        scorer = get_scorer(scoring)
        made = _of_metric(scorer, classes, codes_of)
        return scoring if made is scorer else made
    if callable(scoring):
        return _of_one(scoring, classes, codes_of)
    if not isinstance(scoring, list | tuple | set | dict):
        return scoring
    named = scoring if isinstance(scoring, dict) else {one: one for one in scoring}
    made = {n: scoring_in_codes(one, classes, codes_of) for n, one in named.items()}
    return scoring if all(made[n] is named[n] for n in named) else made


def _of_one(scorer, classes, codes_of):
    """Return a scorer of codes: one of scikit-learn, or one's own."""
    # Scorers have no public parts; scikit-learn's own estimators take them apart so.
    if not hasattr(scorer, "_score_func"):
        if type(scorer).__module__.startswith("skal."):  # of learners, in their labels
            return scorer
        return _LabelScorer(scorer, classes)
    metric = scorer._score_func
    if getattr(metric, "__module__", "").startswith("sklearn."):
        return _of_metric(scorer, classes, codes_of)
    made, positive = copy(scorer), _positive_of(scorer)
    by_label = scorer._response_method == "predict"
    made._score_func = _LabelMetric(metric, classes, by_label)
    given = scorer._kwargs.get("pos_label") is not None
    if given or positive in classes.tolist():  # the scorer checks it among the codes
        made._kwargs = {**scorer._kwargs, "pos_label": codes_of([positive])[0]}
    return made


def _positive_of(scorer):
    """Return the class that a scorer looks for, be it the metric's default."""
    known = signature(scorer._score_func).parameters
    default = known["pos_label"].default if "pos_label" in known else None
    return scorer._kwargs.get("pos_label", default)


def _of_metric(scorer, classes, codes_of):
    """Return a scorer of a metric of scikit-learn, whose parameters are codes."""
    given = scorer._kwargs
    translated = {}
    known = signature(scorer._score_func).parameters
    if given.get("labels") is not None:
        translated["labels"] = codes_of(list(given["labels"]))
    if given.get("pos_label") is not None:
        translated["pos_label"] = codes_of([given["pos_label"]])[0]
    elif "pos_label" in known and "pos_label" not in given and len(classes) == 2:
        default = known["pos_label"].default  # 1, which may be a label: of code 0
        if default in classes.tolist() and given.get("average", "binary") == "binary":
            translated["pos_label"] = classes.tolist().index(default)
    if not translated:
        return scorer
    made = copy(scorer)
    made._kwargs = {**given, **translated}
    return made


class _LabelMetric:
    """A metric of one's own, which is told labels and not codes."""

    def __init__(self, metric, classes, by_label):
        self.metric, self.classes, self.by_label = metric, classes, by_label
        update_wrapper(self, metric)  # it is asked for its parameters

    def __call__(self, y_true, y_pred, **kwargs):
        if self.by_label:
            y_pred = self.classes[y_pred]
        if kwargs.get("pos_label") is not None:
            kwargs["pos_label"] = self.classes[kwargs["pos_label"]]
        return self.metric(self.classes[y_true], y_pred, **kwargs)


class _LabelScorer:
    """A scorer of one's own, which is shown a model of labels and not of codes."""

    def __init__(self, scorer, classes):
        self.scorer, self.classes = scorer, classes
        update_wrapper(self, scorer, updated=())

    def __call__(self, estimator, X, y, **kwargs):
        model = _OfLabels(estimator, self.classes)
        return self.scorer(model, X, self.classes[np.asarray(y)], **kwargs)


def _has(method):
    return lambda model: hasattr(model.estimator, method)


class _OfLabels(ClassifierMixin, BaseEstimator):
    """A fitted classifier of codes that answers in labels."""

    def __init__(self, estimator, classes):
        self.estimator, self.classes = estimator, classes

    def __sklearn_is_fitted__(self):
        return True

    def __getattr__(self, name):
        if name.startswith("__") or name == "estimator":
            raise AttributeError(name)
        return getattr(self.estimator, name)

    @property
    def classes_(self):
        return self.classes[self.estimator.classes_]

    def predict(self, X):
        return self.classes[self.estimator.predict(X)]

    @available_if(_has("score"))
    def score(self, X, y, **params):
        codes = np.searchsorted(self.classes, y)
        return self.estimator.score(X, codes, **params)
