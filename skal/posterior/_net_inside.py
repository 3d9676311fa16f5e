"""The network inside a fitted estimator, which alone answers in tensors."""

from __future__ import annotations

from skal._model import find_layer


def net_inside(estimator, X=None):
    """Find the network of skal in a fitted estimator, and X as it sees it.

    Returns
    -------
    net : estimator or None
        What has ``passes``; None if nothing has.
    X : object
        X as the network sees it, None if it was not given.
    """
    return find_layer(estimator, "passes", X)
