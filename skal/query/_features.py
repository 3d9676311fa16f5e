"""What a row is to a model: its embedding, or what it would teach all layers."""

from __future__ import annotations

from skal._checks import check_choice, check_int
from skal._model import provides


def check_features(strategy):
    """Refuse unknown features, or none of them."""
    check_choice("features", strategy.features, {"all", "last"})
    check_int("n_features", strategy.n_features)


def features_of(strategy, view, rows):
    """Return the features of rows and of the labelled rows, None without any.

    Gradient features where the model has them and the strategy asks for all layers,
    else embeddings.
    """
    every = strategy.features == "all" and provides(view.estimator, "gradients")
    if every and view.__sklearn_is_fitted__():

        def read(X):
            return view.gradient_features(X, strategy.n_features)

    else:
        read = view.embed
    return read(rows), read(view.X_training) if view.n_labels else None
