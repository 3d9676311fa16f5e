"""Which class each column of an estimator's answers is about."""

import numpy as np

from skal._checks import name_of
from skal._data import answer_in_chunks
from skal._model.answers import plain
from skal._model.known_types import counts_outputs
from skal._model.layers import descend


def padded(proba, estimator, labels, places):
    """Return the probabilities of an estimator in columns for all classes."""
    if labels.target_type == "multiclass":
        proba = own_columns(estimator, proba)
    return labels.pad_proba(proba, places)


def places_of(estimator, labels):
    """Return where the columns of an estimator of codes stand among the classes."""
    if labels.target_type == "structured":
        return None
    own = getattr(estimator, "classes_", None)
    if own is None or labels.target_type != "multiclass":
        return own
    return labels.places_of(own)


def padded_samples(draws, labels, places):
    """Return samples or votes (S, n, c) in columns for all classes."""
    wide = labels.n_outputs
    if draws.shape[2] == wide or not wide:
        return draws
    if labels.target_type == "multilabel":
        flat = labels.with_constant(draws.reshape(-1, draws.shape[2]))
        return flat.reshape(*draws.shape[:2], wide)
    spread = np.zeros((*draws.shape[:2], wide), draws.dtype)
    spread[:, :, places] = draws
    return spread


def own_columns(estimator, proba):
    """Return probabilities with a column for each of a classifier's classes.

    A network may have more outputs than it was taught classes. Where it is certain
    which are whose, the others are left out, for no label will ever be theirs.
    """
    own = getattr(estimator, "classes_", None)
    if own is None or proba.ndim != 2 or proba.shape[1] == len(own):
        return proba
    own = np.asarray(own)
    if not places_are_certain(estimator, own, proba.shape[1]):
        raise ValueError(
            "estimator must answer with a column for each of its classes, got "
            f"{proba.shape[1]} columns from {name_of(estimator)} for the {len(own)} "
            f"codes in its classes_, {own.tolist()}. Name every class in classes=, or "
            "let its classes_ be numpy.arange(n_outputs)."
        )
    kept = proba[:, own]
    total = kept.sum(axis=1, keepdims=True)
    even = np.full_like(kept, 1 / len(own))
    return np.divide(kept, total, out=even, where=total > 0)


def places_are_certain(estimator, own, width):
    """Tell whether code j of a classifier with too many columns is column j."""
    if own.dtype.kind not in "iu" or not 0 <= own.min() <= own.max() < width:
        return False
    layer, _ = descend(estimator, counts_outputs)
    return counts_outputs(layer) or np.array_equal(own, np.arange(len(own)))


def known(estimator, codes, X):
    """Return the codes that a classifier predicts, its likeliest class for strangers.

    A network with more outputs than it was taught classes may predict any of them.
    """
    layer, _ = descend(estimator, counts_outputs)
    own = getattr(estimator, "classes_", None)
    if own is None or not counts_outputs(layer) or np.isin(codes, own).all():
        return codes
    proba = own_columns(estimator, plain(answer_in_chunks(estimator.predict_proba, X)))
    return np.asarray(own)[proba.argmax(axis=1)]
