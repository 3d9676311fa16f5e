"""How pseudo-labels are chosen: a fit on the labels, a choice, a fit on both."""

from functools import cached_property

import numpy as np
from sklearn.base import clone

from skal._checks import count_of, name_of
from skal._data import Rows, take_rows
from skal._meta import (
    at_temperature,
    find_temperature,
    in_codes,
    row_weights,
    slice_params,
    weight_name,
)
from skal.query.functional import entropy

#: The threshold of each criterion where none is given.
THRESHOLDS = {"proba": 0.95, "entropy": 0.05, "k_best": 0.1}
#: Parts of the labelled rows that are held out in turns to find the temperature.
_N_FOLDS = 3
#: Bounds of the logarithm of the temperature: from 1 to 100.
_LOG_BOUNDS = 0.0, float(np.log(100))
#: Smaller probabilities, zeros of a forest among them, are no surer than this.
_FLOOR = 1e-6


class PseudoFit:
    """The work of one fit of a PseudoLabelClassifier.

    Parameters
    ----------
    owner : PseudoLabelClassifier
        Holds the parameters.
    X : array-like of shape (n, ...)
        Every row.
    codes : ndarray of int of shape (n,)
        Their codes, -1 for rows without a label.
    labels : Labels
        What the codes stand for.
    params : dict
        Keyword arguments of the estimator's fit, row-wise ones aligned with X.
    """

    def __init__(self, owner, X, codes, labels, params):
        self.owner, self.X, self.labels = owner, X, labels
        self.codes = codes.copy()
        self.seen = np.flatnonzero(codes >= 0)
        self.hidden = np.flatnonzero(codes < 0)
        self.template = owner._template()
        self.weight_name = weight_name(self.template)
        self.weights = take_weights(params, self.weight_name, len(codes))
        self.params = params
        self.temperature = 1.0
        weighted = owner.weight != 1 or self.weights is not None
        if self.weight_name is None and weighted:
            raise TypeError(
                f"weight must be 1, and sample_weight None, for "
                f"{name_of(self.template)}, whose fit takes no sample_weight, got "
                f"weight={owner.weight!r}. Use an estimator that takes weights."
            )

    @cached_property
    def threshold(self):
        """The threshold, made stricter by the labels there are."""
        threshold, kind = self.owner.threshold, self.owner.criterion
        threshold = THRESHOLDS[kind] if threshold is None else threshold
        stricter = self.owner.decay * len(self.seen)
        if kind == "proba":
            return min(threshold + stricter, 1.0)
        if kind == "k_best" and len(self.hidden):
            threshold = count_of("threshold", threshold, len(self.hidden))
        return max(float(threshold) - stricter, 0.0)

    def choose(self):
        """Fit on the labels; return rows, codes and confidence of pseudo-labels."""
        self.model = self.fitted(self.codes, self.seen, self.weights)
        if len(self.hidden) == 0:
            return self.hidden, self.hidden, np.empty(0)
        if self.owner.calibrate is not None:
            self.temperature = self.find_temperature()
        codes, confidence, doubt = self.predictions()
        order = np.argsort(doubt, kind="stable")
        if self.owner.criterion == "k_best":
            order = order[: int(self.threshold)]
        elif self.owner.criterion == "proba":
            order = order[confidence[order] >= self.threshold]
        else:
            order = order[doubt[order] <= self.threshold]
        if self.owner.per_class_cap is not None:
            order = order[places_in_class(codes[order]) < self.owner.per_class_cap]
        order.sort()
        return self.hidden[order], codes[order], confidence[order]

    def final(self, codes, rows, confidence):
        """Return the model fitted on labels and pseudo-labels."""
        if len(rows) == 0:
            return self.model
        weights, weight = self.weights, self.owner.weight
        if weight != 1:
            weights = np.ones(len(codes)) if weights is None else weights.copy()
            weights[rows] *= confidence if weight == "confidence" else weight
        return self.fitted(codes, np.flatnonzero(codes >= 0), weights)

    def fitted(self, codes, rows, weights):
        """Return a clone fitted on some rows."""
        translated = in_codes(self.template, self.labels, skip_unknown=True)
        model = clone(self.template).set_params(**translated)
        params = slice_params(self.params, rows, len(codes))
        if weights is not None:
            params[self.weight_name] = weights[rows]
        X = self.X if len(rows) == len(codes) else take_rows(self.X, rows)
        try:
            return model.fit(X, codes[rows], **params)
        except ValueError as error:
            if len(self.labels.classes) > 1 or self.owner.missing_label is None:
                raise
            raise ValueError(
                f"{name_of(self.template)} failed on labels of one class: y holds "
                f"{self.labels.classes.tolist()[0]!r} and nothing else ({error}). If "
                f"{self.owner.missing_label!r} is a class, pass missing_label=None."
            ) from error

    def predictions(self):
        """Predict the hidden rows: codes, probabilities of these, and doubt."""
        n = len(self.hidden)
        codes, confidence, doubt = np.empty(n, np.int64), np.empty(n), np.empty(n)
        for where, chunk in Rows(self.X, self.hidden).chunks():
            proba = self.proba_of(self.model, chunk.data())
            if self.temperature != 1:
                proba = at_temperature(proba, self.temperature, _FLOOR)
            codes[where] = proba.argmax(axis=1)
            confidence[where] = proba.max(axis=1)
            by_entropy = self.owner.criterion == "entropy"
            doubt[where] = entropy(proba) if by_entropy else -confidence[where]
        return codes, confidence, doubt

    def proba_of(self, model, X):
        """Return the probability of every class, none of them NaN."""
        proba = self.labels.pad_proba(model.predict_proba(X), model.classes_)
        if not np.isfinite(proba.sum()):
            raise ValueError(
                f"{name_of(model)} answered NaN probabilities. If its training has "
                "diverged, lower the learning rate or scale the inputs."
            )
        return proba

    def find_temperature(self):
        """Find the temperature at which held-out labels are the most probable."""
        codes = self.codes[self.seen]
        counts = np.bincount(codes)
        if counts.max() < 2 or len(counts) < 2:
            return 1.0  # nothing can be held out
        fold = np.where(counts[codes] > 1, places_in_class(codes) % _N_FOLDS, -1)
        proba, held_out = np.empty((len(codes), len(counts))), fold >= 0
        for k in np.unique(fold[held_out]):
            model = self.fitted(self.codes, self.seen[fold != k], self.weights)
            some = take_rows(self.X, self.seen[fold == k])
            proba[fold == k] = self.proba_of(model, some)
        return best_temperature(proba[held_out], codes[held_out])


def take_weights(params, name, n):
    """Take the weights of rows out of fit's parameters, under either name."""
    by_name, plain = params.pop(name, None), params.pop("sample_weight", None)
    return row_weights(plain if by_name is None else by_name, n)


def places_in_class(codes):
    """Count for each row the rows before it of the same code."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], codes[order])
    places = np.empty(len(codes), np.int64)
    places[order] = np.arange(len(codes)) - starts
    return places


def best_temperature(proba, codes):
    """Return the temperature from 1 up at which labels are the most probable.

    Pseudo-labels are to be doubted more than the model does, never less.
    """
    return find_temperature(proba, codes, log_bounds=_LOG_BOUNDS, floor=_FLOOR)
