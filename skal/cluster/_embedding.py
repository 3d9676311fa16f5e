"""Where rows lie: the space in which alike rows are near each other."""

from __future__ import annotations

from sklearn.base import clone

from skal._checks import name_of
from skal._data import as_rows
from skal._model import ModelView, flatten, layers
from skal._seed import seeds_for


def fitted_embedder(embedder, X, rng):
    """Return what embeds X: a fitted estimator as it is, else a clone fitted on X."""
    if embedder is None or layers.is_fitted(embedder):
        return embedder
    if not hasattr(embedder, "fit") or not hasattr(embedder, "transform"):
        raise TypeError(
            "embedder must be a fitted estimator, a transformer or None, got "
            f"{embedder!r}. Fit {name_of(embedder)} first, on rows with labels."
        )
    fresh = clone(embedder)
    return fresh.set_params(**seeds_for(fresh, rng)).fit(X)


def embed(embedder, X):
    """Return the embedding of rows: (n, d), float or CSR."""
    if embedder is None:
        return flatten(as_rows(X).data())
    if hasattr(embedder, "transform") and not hasattr(embedder, "embed"):
        return flatten(embedder.transform(X))
    return ModelView(embedder).embed(X)
