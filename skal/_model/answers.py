"""How to get embeddings, head probabilities and samples out of any estimator.

The layer that answers is the one that :mod:`skal._model.needs` found to offer it: the
estimator's own method; through a Pipeline, the transformers and then the last step;
the model inside a search or a wrapper; the members of a forest, a bagging or a voting
ensemble; else a TypeError says what would serve.
"""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_regressor

from skal._data import multilabel_proba
from skal._half import as_single
from skal._model.finite import NotNumeric
from skal._model.known_types import asks_each_output, is_linear, transforms_target
from skal._model.layers import find_layer, is_learner
from skal._model.members import ask_members, unframed
from skal._model.needs import gives_std, lacking, source
from skal._model.unit_checks import as_units

#: From so many times its spread on, the offset of a column leaves float32, which holds
#: 24 bits, fewer than 16 bits for the differences.
_OFFSET = 2**8
#: The offset of a constant column from which on float32 is not trusted with it.
_LARGE = 2**16
#: So many rows are looked at first.
_FEW_ROWS = 256


def embed(estimator, X):
    """Return what the last layer sees: (n, d), narrow where it can be, or CSR."""
    layer, X = find_layer(estimator, "embed", X)
    return flatten(X) if layer is None else as_embedding(layer.embed(X))


def gradient_features(estimator, X, n_features, seed):
    """Return the sketched gradients (n, n_features) of a network, float32."""
    layer, X = find_source(estimator, "gradients", X)
    if is_learner(layer):
        return layer.__skal_view__()._seeded(seed).gradient_features(X, n_features)
    return np.asarray(layer.gradient_features(X, n_features, seed), np.float32)


def splits_in_two(estimator):
    """Tell whether some layer has both an embed and a head_proba of its own."""
    layer, _ = find_layer(estimator, "embed")
    return hasattr(layer, "head_proba")


def head_proba(estimator, E):
    """Return the probabilities of embeddings, in the estimator's own columns."""
    layer, _ = find_source(estimator, "head")
    if is_learner(layer):
        return layer.__skal_view__().head_proba(E)
    own = hasattr(layer, "head_proba")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        return plain(layer.head_proba(E) if own else layer.predict_proba(E))


def sample_proba(estimator, X, n_samples, seed):
    """Return (S, n, C) probabilities in the estimator's own columns, float32."""
    if is_regressor(estimator):
        raise lacking(estimator, "proba")
    layer, X = find_source(estimator, "samples", X)
    if is_learner(layer):
        return layer.__skal_view__()._seeded(seed).sample_proba(X, n_samples)
    if hasattr(layer, "sample_proba"):
        draws = layer.sample_proba(X, n_samples=n_samples, random_state=seed)
        return np.asarray(draws, np.float32)
    if asks_each_output(layer):
        each = [sample_proba(one, X, n_samples, seed) for one in layer.estimators_]
        return of_labels(each, layer.classes_)
    return ask_members(layer, X, n_samples)


def sample_votes(estimator, X, n_samples):
    """Return (S, n, C) votes of members, 1 for their class, in the same columns."""
    layer, X = find_source(estimator, "votes", X)
    if is_learner(layer):
        return layer.__skal_view__()._votes_of(X, n_samples)
    if asks_each_output(layer):
        each = [sample_votes(one, X, n_samples) for one in layer.estimators_]
        return of_labels(each, layer.classes_)
    return ask_members(layer, X, n_samples, "vote")


def of_labels(each, classes):
    """Return (S, n, L) chances of labels from the (S, n, 2) of each label's own model.

    Its members know nothing of each other's labels: draw s is that of each model.
    """
    n_samples, n, _ = each[0].shape
    rows = [draws.reshape(n_samples * n, -1) for draws in each]
    return multilabel_proba(rows, classes).reshape(n_samples, n, -1)


def sample_predict(estimator, X, n_samples, seed):
    """Return (S, n) or (S, n, n_outputs) predictions of a regressor's members."""
    layer, X = find_source(estimator, "draws", X)
    if is_learner(layer):
        return layer.__skal_view__()._seeded(seed).sample_predict(X, n_samples)
    if hasattr(layer, "sample_predict"):
        draws = layer.sample_predict(X, n_samples=n_samples, random_state=seed)
        return np.asarray(draws)
    if transforms_target(layer):
        draws = sample_predict(layer.regressor_, X, n_samples, seed)
        columns = draws.reshape(draws.shape[0] * draws.shape[1], -1)
        back = layer.transformer_.inverse_transform(columns)
        return np.asarray(back).reshape(draws.shape)
    if asks_each_output(layer):
        each = [sample_predict(one, X, n_samples, seed) for one in layer.estimators_]
        return np.stack(each, axis=2)
    return ask_members(layer, X, n_samples)


def predict_std(estimator, X, n_samples, seed):
    """Return the standard deviation of a regressor's prediction for each row."""
    layer, X = find_source(estimator, "samples", X)
    if is_learner(layer):
        return layer.__skal_view__()._seeded(seed).predict_std(X, n_samples)
    # What a regressor with draws of its own says besides is the noise of the target.
    if gives_std(layer) and not hasattr(layer, "sample_predict"):
        std = np.asarray(layer.predict(X, return_std=True)[1])
    else:
        std = sample_predict(layer, X, n_samples, seed).std(axis=0)
    return std if std.ndim == 1 else std.mean(axis=1)


def predict_units(estimator, X):
    """Return the probabilities (n, ..., C) of units, or a list of n arrays (u, C)."""
    layer, X = find_source(estimator, "units", X)
    if is_learner(layer):
        return layer.__skal_view__().predict_units(X)
    return as_units(layer.predict_units(X), layer)


def sample_units(estimator, X, n_samples, seed):
    """Return draws (S, n, ..., C) of units, or a list of n arrays (S, u, C)."""
    layer, X = find_source(estimator, "unit_samples", X)
    if is_learner(layer):
        return layer.__skal_view__()._seeded(seed).sample_units(X, n_samples)
    draws = layer.sample_units(X, n_samples=n_samples, random_state=seed)
    return as_units(draws, layer, rank=3)


def sample_boxes(estimator, X, n_samples, seed):
    """Return, for each of n rows, a list of the S dicts that draws find in it."""
    layer, X = find_source(estimator, "boxes", X)
    if is_learner(layer):
        return layer.__skal_view__()._seeded(seed).sample_boxes(X, n_samples)
    return layer.sample_boxes(X, n_samples=n_samples, random_state=seed)


def find_source(estimator, need, X=None):
    """Find the layer that answers a need, and X as it sees it, or say what would."""
    layer, X = source(estimator, need, X)
    if layer is None:
        raise lacking(estimator, "samples" if need == "draws" else need)
    return layer, X


def plain(answer):
    """Return an answer as an array; CSR and lists of one array a label stay."""
    stays = isinstance(answer, list) or sp.issparse(answer)
    return answer if stays else np.asarray(answer)


def widened(estimator, X):
    """Return float16 rows as float32 to a linear classifier, for which they are slow.

    Its products are in float32 at least, so that the answer is the same to the bit.
    """
    is_half = isinstance(X, np.ndarray) and X.dtype == np.float16
    return as_single(X) if is_half and is_linear(estimator) else X


def as_embedding(E):
    """Return an estimator's own embedding as (n, d), or CSR, narrow where it can be."""
    if sp.issparse(E):
        return narrow(E.tocsr(), copy=False)
    return narrow(np.asarray(E))


def flatten(X):
    """Return X itself as (n, d), CSR staying sparse, narrow where it can be."""
    if sp.issparse(X):
        return narrow(X)
    try:
        values = np.asarray(unframed(X))
        if values.dtype.kind not in "fiub":
            values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotNumeric(
            "X must be numeric to be its own embedding, got columns that are not. "
            "Put an encoder or a vectorizer before the estimator in a Pipeline."
        ) from error
    return narrow(values.reshape(len(values), -1))


def narrow(E, copy=True):
    """Return numbers in float32, or in float64 where offsets would eat their digits.

    Time stamps in milliseconds, say, differ by less than float32 keeps of them. Dense
    numbers are not copied where they are right already.
    """
    if E.dtype == np.float16 and not sp.issparse(E):
        return as_single(E)
    dtype = np.float64 if hides_differences(E) else np.float32
    return E.astype(dtype, copy=copy and sp.issparse(E))


def hides_differences(E):
    """Tell whether float32 would spend too many digits of a column on its offset."""
    exact = E.dtype.itemsize <= 2 or E.dtype == np.float32
    if exact or 0 in E.shape:
        return False
    if sp.issparse(E):  # only a column without a zero can be far from it
        full = np.bincount(E.indices, minlength=E.shape[1]) == E.shape[0]
        return hides_differences(E[:, full].toarray()) if full.any() else False
    # A row more moves the offset no further than the spread: a few rows clear most.
    offset, spread = offset_and_spread(E[:_FEW_ROWS])
    if (offset <= (_OFFSET - 1) * spread).all():
        return False
    offset, spread = offset_and_spread(E)
    # A constant column, or a row alone, may differ from rows elsewhere.
    return bool((offset > np.where(spread == 0, _LARGE, _OFFSET * spread)).any())


def offset_and_spread(E):
    """Return the largest size of each column's numbers, and their range."""
    with np.errstate(invalid="ignore", over="ignore"):  # whoever reads it will say
        high, low = E.max(axis=0).astype(float), E.min(axis=0).astype(float)
        return np.maximum(np.abs(high), np.abs(low)), high - low
