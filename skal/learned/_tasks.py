"""Made-up classification tasks, each unlike the last: what a scorer learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.datasets import make_classification

from skal._checks import check_int
from skal._seed import as_random_state, draw_seed

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Numbers of classes, few more often than many.
_CLASSES = (2, 2, 2, 3, 3, 4, 5, 6, 8, 10)
#: A class has at least so many rows.
_MIN_CLASS = 10


def random_task(
    random_state: int | np.random.RandomState | None = None, *, n_samples: int = 1000
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Make up a classification task of some kind, difficulty and size.

    There are clouds on the corners of a cube, as scikit-learn's
    ``make_classification`` has them; Gaussian classes, each of its own shape; classes
    of several small clusters in few dimensions that many columns show, as the pixels
    of handwritten digits do; and classes that a random network tells apart. 2 to 10
    classes, 2 to 60 columns, classes of like or of unlike size, some with noise in the
    labels.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Draws everything.
    n_samples : int, default=1000
        How many rows, at least 200.

    Returns
    -------
    X : ndarray of float32 of shape (n_samples, n_features)
        Rows, of columns with mean 0 and deviation 1.
    y : ndarray of int of shape (n_samples,)
        Their classes, 0 to C - 1, of at least ten rows each.

    Raises
    ------
    ValueError
        If ``n_samples`` is less than 200.

    See Also
    --------
    fit_regression : Trains a scorer on such tasks.

    Examples
    --------
    >>> from skal.learned import random_task
    >>> X, y = random_task(0)
    >>> X.shape[0], len(set(y.tolist())) >= 2
    (1000, True)
    """
    check_int("n_samples", n_samples, 200)
    rng = as_random_state(random_state)
    while True:
        n_classes = int(rng.choice(_CLASSES))
        X, y = KINDS[rng.randint(len(KINDS))](n_samples, n_classes, rng)
        names, y, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(names) > 1 and counts.min() >= _MIN_CLASS:
            break
    y = with_noise(y, rng)
    X = X - X.mean(axis=0)
    return (X / np.maximum(X.std(axis=0), 1e-12)).astype(np.float32), y


def on_corners(n, n_classes, rng):
    """Clouds on the corners of a cube, beside columns that repeat or say nothing."""
    per_class = rng.randint(1, 4)
    least = int(np.ceil(np.log2(n_classes * per_class))) + 1
    informative = rng.randint(least, least + 10)
    redundant, useless = rng.randint(0, 6), rng.randint(0, 12)
    shares = rng.dirichlet(np.full(n_classes, rng.choice([3, 30])))
    X, y = make_classification(
        n,
        n_features=informative + redundant + useless,
        n_informative=informative,
        n_redundant=redundant,
        n_classes=n_classes,
        n_clusters_per_class=per_class,
        weights=shares.tolist(),
        class_sep=rng.uniform(0.5, 2),
        flip_y=0,
        random_state=draw_seed(rng),
    )
    return X, y


def of_own_shape(n, n_classes, rng):
    """Gaussian classes, each with a covariance of its own."""
    d = rng.randint(2, 21)
    y = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 10)))
    centres = rng.normal(size=(n_classes, d)) * rng.uniform(1, 3)
    shapes = rng.normal(size=(n_classes, d, d)) / np.sqrt(d)
    return centres[y] + np.einsum("nd,nde->ne", rng.normal(size=(n, d)), shapes[y]), y


def in_clusters(n, n_classes, rng):
    """Small clusters in few dimensions, several a class, that many columns show."""
    k, d = rng.randint(2, 11), rng.randint(10, 61)
    n_clusters = n_classes * rng.randint(1, 6)
    cluster = rng.choice(n_clusters, n, p=rng.dirichlet(np.full(n_clusters, 5)))
    centres = rng.normal(size=(n_clusters, k)) * rng.uniform(1.5, 4)
    hidden = centres[cluster] + rng.normal(size=(n, k))
    X = hidden @ rng.normal(size=(k, d)) / np.sqrt(k)
    return X + rng.uniform(0.05, 0.5) * rng.normal(size=(n, d)), cluster % n_classes


def told_by_a_network(n, n_classes, rng):
    """Rows of one cloud, told apart by a random network."""
    k, d = rng.randint(2, 9), rng.randint(8, 31)
    hidden = rng.normal(size=(n, k))
    inner = np.tanh(hidden @ rng.normal(size=(k, 16)) + rng.normal(size=16))
    X = hidden @ rng.normal(size=(k, d)) + 0.1 * rng.normal(size=(n, d))
    return X, (inner @ rng.normal(size=(16, n_classes))).argmax(axis=1)


KINDS = (on_corners, of_own_shape, in_clusters, told_by_a_network)


def with_noise(y, rng):
    """Give a few rows the label of another, in every other task."""
    wrong = rng.uniform(size=len(y)) < rng.choice([0, 0.05]) * rng.uniform()
    y = y.copy()
    y[wrong] = rng.permutation(y)[wrong]
    return y
