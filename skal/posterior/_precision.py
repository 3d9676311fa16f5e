"""How narrow the prior is: the one number on which a Laplace posterior depends."""

from __future__ import annotations

import warnings

import numpy as np

from skal.posterior._links import likelihoods

#: Precisions that are tried, in units of the one that is natural for the weights.
_FACTORS = np.logspace(-3, 3, 13)
_FINE_FACTORS = np.logspace(-3, 3, 121)
#: Samples whose standard deviation is below this everywhere are as good as one.
_COLLAPSED = 1e-3
_CERTAIN = 0.99
#: Probabilities below this count as this much in a logarithm.
_LEAST = 1e-12


def grid(unit):
    """Return the precisions that cross-validation tries, ascending."""
    return unit * _FACTORS


def by_evidence(model):
    """Return the precision of the highest Laplace evidence, the weights staying.

    log Z = -tau/2 theta.theta + 1/2 sum_j (log tau - log(lambda_j + tau)) + constant
    """
    taus = model.unit * _FINE_FACTORS
    values = np.ravel(model.eigenvalues)
    evidence = [
        -0.5 * tau * np.square(model.theta).sum() - 0.5 * np.log1p(values / tau).sum()
        for tau in taus
    ]
    return float(taus[np.argmax(evidence)])


def losses(model, inputs, codes, taus, link, noise):
    """Return the negative log-likelihood (n, T) of rows under each precision."""
    return np.concatenate([*pieces_of_loss(model, inputs, codes, taus, link, noise)])


def unit_losses(model, inputs, codes, weight, taus):
    """Return the weighted mean (n, T) of that of the units of each row.

    What units of a row lack is alike: it is rows that tell how sure a mean of losses
    is. Codes and weights are (n, ...); units are too many for draws.
    """
    flat, n_units = weight.ravel(), weight[0].size
    total, start = np.zeros((len(weight), len(taus))), 0
    for loss in pieces_of_loss(model, inputs, codes.ravel(), taus, "probit", None):
        stop = start + len(loss)
        row_of = np.arange(start, stop) // n_units
        first = np.flatnonzero(np.diff(row_of, prepend=-1))
        of_rows = np.add.reduceat(loss * flat[start:stop, np.newaxis], first, axis=0)
        total[row_of[first]] += of_rows
        start = stop
    return total / flat.reshape(-1, n_units).sum(axis=1, keepdims=True)


def pieces_of_loss(model, inputs, codes, taus, link, noise):
    """Yield the negative log-likelihood (m, T) of chunks of rows."""
    for proba in likelihoods(model, inputs, codes, taus, link, noise):
        loss = -np.log(np.maximum(proba, _LEAST))
        yield loss.sum(axis=2) if loss.ndim == 3 else loss


def choose(loss, taus, weight):
    """Choose the least precision that is not clearly worse than the best.

    The loss of held-out rows hardly changes once the posterior is narrow, so that its
    minimum may lie anywhere there, and draws from so narrow a posterior agree about
    everything. Half a standard error of the difference counts as no difference, and
    the largest precision tried is a cap.
    """
    weight = weight / weight.sum()
    best = np.argmin(weight @ loss)
    worse = loss - loss[:, [best]]  # (n, T)
    mean = weight @ worse
    error = np.sqrt(np.square(weight) @ np.square(worse - mean))
    return float(taus[np.argmax(mean <= error / 2)])  # the first that is


def warn_of_collapse(samples, tau):
    """Warn where the samples (S, n, ..., C) agree about all, what is doubtful too."""
    spread = samples.std(axis=0).max()
    doubtful = samples.mean(axis=0).max(axis=-1).min() < _CERTAIN
    if doubtful and spread < _COLLAPSED:
        warnings.warn(
            f"The samples hardly differ, by {spread:.1g} at most: prior_precision is "
            f"{tau:.3g}, which leaves no doubt to choose rows by. Give a smaller "
            "prior_precision.",
            UserWarning,
            stacklevel=2,
        )


def held_out_folds(y, n_folds, rng):
    """Return the rows that each fold holds out.

    Every class with two rows or more is dealt over the folds; a class with one row
    always stays in training, so that no fold misses a class. Rows of several labels
    are dealt as they come.
    """
    order = rng.permutation(len(y))
    fold_of = np.full(len(y), -1)
    dealt = 0
    if y.ndim == 2:
        y = np.zeros(len(y))
    for label in np.unique(y):
        rows = order[y[order] == label]
        if len(rows) > 1:
            fold_of[rows] = (dealt + np.arange(len(rows))) % n_folds
            dealt += len(rows)
    folds = [np.flatnonzero(fold_of == fold) for fold in range(n_folds)]
    return [fold for fold in folds if len(fold)]


def held_out_rows_of_units(y, weight, n_folds, rng):
    """Return the rows, of a class y (n, ...) a unit, that each fold holds out.

    Where all rows that have some class fell to one fold, the first of them always stays
    in training, so that no fold misses a class. Units of no weight have none.
    """
    fold_of = rng.permutation(len(y)) % n_folds
    classes = [np.unique(row[here > 0]) for row, here in zip(y, weight, strict=True)]
    for label in np.unique(np.concatenate(classes)):
        have = np.flatnonzero([label in found for found in classes])
        if len(np.unique(fold_of[have])) == 1:
            fold_of[have[0]] = -1
    folds = [np.flatnonzero(fold_of == fold) for fold in range(n_folds)]
    return [fold for fold in folds if len(fold)]


def warn_of_single_rows(unit):
    """Say that the natural precision is used, for no row can be held out."""
    warnings.warn(
        f"prior_precision is {unit:.3g}, the natural one: no class has two rows, so "
        "that no row can be held out. Label more rows, or give a precision.",
        UserWarning,
        stacklevel=2,
    )
