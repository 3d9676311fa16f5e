"""The network inside a fitted estimator, which alone answers in tensors."""

from __future__ import annotations

import numpy as np

from skal._checks import name_of
from skal._data import take_rows
from skal._model import find_layer

#: Rows that tell whether an estimator answers as its network does.
_N_LOOK = 10


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


def check_answers_as_net(posterior, fitted, net, X, seen):
    """Refuse a fitted estimator that changes what the network inside it answers.

    ``seen`` is X as the network sees it. There is no network in what fits several.
    """
    few = slice(0, _N_LOOK)
    if net is None or not same(
        fitted.predict_proba(take_rows(X, few)),
        net.predict_proba(take_rows(seen, few)),
    ):
        raise TypeError(
            "estimator must answer as the network inside it does, got "
            f"{name_of(posterior.estimator)}. Put {type(posterior).__name__} inside "
            "what changes the probabilities."
        )


def same(proba, others):
    """Tell whether probabilities are the same, NaN of a diverged network included."""
    return proba.shape == others.shape and np.allclose(
        proba, others, rtol=0, atol=1e-4, equal_nan=True
    )
