"""The work of one fit of a ConsistencyClassifier: a plan, a net, and its guesses."""

from copy import deepcopy
from functools import cached_property

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skal._checks import name_of
from skal._data import Rows
from skal._meta import in_codes, weight_name
from skal._seed import as_random_state, seeds_for
from skal.pseudo._collapse import warn_of_collapse
from skal.pseudo._selection import take_weights


class ConsistencyFit:
    """The work of one fit.

    Parameters
    ----------
    owner : ConsistencyClassifier
        Holds the parameters.
    X : array-like of shape (n, ...)
        Every row.
    codes : ndarray of int of shape (n,)
        Their codes, -1 for rows without a label.
    labels : Labels
        What the codes stand for.
    params : dict
        Keyword arguments of the estimator's fit: weights of the rows.
    """

    def __init__(self, owner, X, codes, labels, params):
        self.owner, self.X, self.codes, self.labels = owner, X, codes, labels
        self.n_classes = len(labels.classes)
        template = owner._template()
        self.weights = take_weights(params, weight_name(template), len(codes))
        if params:
            raise TypeError(
                f"fit must be given X, y and sample_weight, got {sorted(params)} too."
            )
        counts = codes < 0 if self.weights is None else (codes < 0) & (self.weights > 0)
        self.hidden = np.flatnonzero(counts)
        labelled = self._count()
        if not labelled.any():
            raise ValueError(
                "sample_weight must be above 0 for a row with a label, got only zeros "
                "there. Rows of no weight are as if absent."
            )
        self.prior = prior_for(owner.align, labelled)
        self.go_on = owner.warm_start and owner.__sklearn_is_fitted__()
        self.model = self._next_of(template) if self.go_on else self._new(template)

    def _count(self):
        """Count the labels of each class, by their weights."""
        seen = self.codes >= 0
        weights = None if self.weights is None else self.weights[seen]
        return np.bincount(self.codes[seen], weights, minlength=self.n_classes)

    def _new(self, template):
        """Return a clone that knows the codes, seeded where it has no seed."""
        model = clone(template)
        rng = as_random_state(self.owner.random_state)
        named = in_codes(template, self.labels, skip_unknown=True)
        model.set_params(**seeds_for(model, rng), **named)
        self._net_of(model).set_params(classes=np.arange(self.n_classes))
        return model

    def _next_of(self, template):
        """Return a copy of the last fit's model, with today's parameters of its net."""
        before = self.owner.classes_
        if not np.array_equal(before, self.labels.classes):
            raise ValueError(
                "y must hold the classes of the last fit where warm_start=True, "
                f"{before.tolist()}, got {self.labels.classes.tolist()}. Set "
                "warm_start=False for a fit from new weights."
            )
        model = deepcopy(self.owner.estimator_)
        if kinds_in(model) != kinds_in(template):
            raise ValueError(
                "estimator must be of the kind of the last fit where warm_start=True, "
                f"{name_of(model)}, got {name_of(template)}. Set warm_start=False for "
                "a fit from new weights."
            )
        params = self._net_of(self._new(template)).get_params()
        self._net_of(model).set_params(**params)
        return model

    def _net_of(self, model):
        return model[-1] if isinstance(model, Pipeline) else model

    def run(self):
        """Fit the model."""
        from skal.nets import fit_consistently

        X, weights = self._prepared(), self.weights
        plan = self.plan if len(self.hidden) else None
        if plan is not None:
            weights = np.ones(len(self.codes)) if weights is None else weights.copy()
            weights[self.hidden] = 0
        fit_consistently(
            self._net_of(self.model), X, self.codes, weights, plan, go_on=self.go_on
        )
        return self.model

    def _prepared(self):
        """Return the rows as the net gets them, after the steps before it.

        These are fitted on all rows, and see no labels.
        """
        if not isinstance(self.model, Pipeline) or len(self.model.steps) == 1:
            return self.X
        front = self.model[:-1]
        if not self.go_on:
            front.fit(self.X)
            self.model.steps[:-1] = front.steps  # a memory may have replaced them
        return front.transform(self.X)

    @cached_property
    def plan(self):
        """How the net is to learn from the rows without a label."""
        from skal.nets import Consistency

        owner = self.owner
        return Consistency(
            hidden=self.hidden,
            weights=None if self.weights is None else self.weights[self.hidden],
            strong=owner.strong,
            threshold=owner.threshold,
            min_threshold=owner.min_threshold,
            class_thresholds=owner.class_thresholds,
            prior=self.prior,
            ratio=owner.unlabeled_ratio,
            weight=owner.unlabeled_weight,
            delay=owner.delay,
            ramp=owner.ramp,
            ema_decay=owner.ema_decay,
        )

    def guesses(self):
        """Return rows that the model is sure of, and what it takes them for."""
        if len(self.hidden) == 0:
            return self.hidden, self.hidden
        proba = np.empty((len(self.hidden), self.n_classes), np.float32)
        for where, chunk in Rows(self.X, self.hidden).chunks():
            proba[where] = self.model.predict_proba(chunk.data())
        if not np.isfinite(proba.sum()):
            raise ValueError(
                f"{name_of(self.model)} answered NaN probabilities. If its training "
                "has diverged, lower the learning rate or scale the inputs."
            )
        codes, sure = self._judged(proba)
        warn_of_collapse(codes, sure, self.plan.shares, self.labels.classes)
        return self.hidden[sure], codes[sure]

    def _judged(self, proba):
        """Return the codes of the hidden rows, and which pass the thresholds."""
        import torch

        from skal.nets import PseudoTargets

        proba = torch.from_numpy(proba)
        device = proba.device
        targets = PseudoTargets(self.plan, len(proba), self.n_classes, device)
        codes, sure = targets.of(torch.arange(len(proba)), proba)
        return codes.numpy(), sure.numpy()


def kinds_in(model):
    """Return the types of the steps of a Pipeline, or that of a net."""
    steps = model.steps if isinstance(model, Pipeline) else [("", model)]
    return [type(step) for _, step in steps]


def prior_for(align, counts):
    """Return how often each class is supposed to come; "auto" is found in training."""
    n_classes = len(counts)
    if align is None:
        return None
    if isinstance(align, str):
        if align == "auto":
            return align
        if align == "uniform":
            return np.full(n_classes, 1 / n_classes)
        return (counts + 1) / (counts.sum() + n_classes)
    try:
        shares = np.asarray(align, dtype=float)
    except (TypeError, ValueError):  # no numbers, or no array
        shares = np.empty(0)
    if shares.shape != (n_classes,) or not np.all((shares > 0) & (shares < np.inf)):
        raise ValueError(
            f"align must hold a share above 0 for each of the {n_classes} classes in "
            f"y, got {align!r}. 'labels' takes the shares of the labels."
        )
    return shares / shares.sum()
