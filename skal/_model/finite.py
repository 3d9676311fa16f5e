"""Answers that are finite numbers, or the error that says whose are not."""

import numpy as np
from scipy.sparse import issparse

from skal._checks import name_of


class NoEmbedding(Exception):
    """Rows have no embedding: they are not numbers, or not numbers with distances."""


class NotNumeric(NoEmbedding, TypeError):
    """Rows that are no numbers are to be their own embedding."""


class NotMeasurable(NoEmbedding, ValueError):
    """An embedding holds NaN, infinity, or numbers that have no square."""


def checked_proba(proba, estimator):
    """Refuse probabilities (n, C) or samples (S, n, C) that are not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(proba.sum()):
            return proba
    finite = np.isfinite(proba)
    if finite.all():  # their sum alone is too large for their type
        return proba
    bad = ~finite.all(axis=-1)
    rows = bad.any(axis=0) if bad.ndim == 2 else bad
    holds = "NaN" if np.isnan(proba).any() else "infinite"
    raise ValueError(
        f"{name_of(estimator)} answered {holds} probabilities for "
        f"{rows.sum()} of {len(rows)} rows. If its training has diverged, lower "
        "the learning rate or scale the inputs."
    )


def measurable(E, estimator):
    """Refuse an embedding without distances, in the words of who passed X."""
    values = E.data if issparse(E) else E
    if values.size == 0 or values.dtype.kind != "f":
        return E
    bound = np.sqrt(np.finfo(np.result_type(values, np.float32)).max)
    if values.min() > -bound and values.max() < bound:
        return E
    largest = abs(E).max(axis=1)  # NaN where there is one
    largest = largest.toarray() if issparse(E) else largest
    n_bad = E.shape[0] - np.count_nonzero(largest < bound)
    raise NotMeasurable(
        "X must be rows that have distances, got NaN, infinity or numbers too "
        f"large to square in the embedding of {n_bad} of {E.shape[0]} rows by "
        f"{name_of(estimator)}. Impute or scale them, in a Pipeline before "
        "the estimator."
    )
