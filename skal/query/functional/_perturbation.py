"""Rows whose prediction does not survive a disturbance of their embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from skal._checks import check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._clustering import kmeans_sampling
from skal.query.functional._gradient import check_rows
from skal.query.functional._inputs import check_pool
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Numbers of a block of embeddings.
_BLOCK = 2**17
#: The shares of the way to the other class that are tried, in this order.
_STEPS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
#: Rows that the slopes of the head are learnt from, and their part of the noise.
_MOST_ROWS = 2000
_RIDGE = 1e-10


def drop_query(
    head: Callable[[Any], ArrayLike],
    E: Any,
    n_instances: int,
    *,
    n_passes: int = 3,
    dropout: float = 0.75,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Pick, from clusters, rows whose prediction dropout on the embedding changes.

    Each pass sets features to 0 at random and scales the others up. The rows whose
    prediction changes in more than half of the passes are grouped into as many
    clusters as rows are wanted, and the row nearest to each mean is picked.

    Parameters
    ----------
    head : callable
        Gives (m, C) class probabilities for (m, d) embeddings.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings.
    n_instances : int
        How many rows to pick.
    n_passes : int, default=3
        How many times to draw.
    dropout : float, default=0.75
        The chance that a feature is set to 0, below 1.
    random_state : int, RandomState instance or None, default=None
        Draws the features and the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, the largest cluster first.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If a parameter is out of range.

    See Also
    --------
    alfa_mix : Moves embeddings towards other classes.

    Notes
    -----
    Costs n_passes + 1 passes of the head and of O(n d) draws, in blocks, and the
    clustering, O(m k d) a step for m rows that change and k picks. Where too few rows
    change, those that change in fewer passes are let in.

    References
    ----------
    Gupte, S. R., Aklilu, J., Nirschl, J. J., Yeung-Levy, S. (2024). Revisiting active
    learning in the era of vision foundation models. TMLR. arXiv:2401.14555

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query.functional import drop_query
    >>> def head(E):
    ...     p = 1 / (1 + np.exp(-E.sum(axis=1)))
    ...     return np.column_stack([1 - p, p])
    >>> E = np.array([[3.0, 3.0], [3.0, -2.9], [-3.0, -3.0]])
    >>> drop_query(head, E, 1, n_passes=9, dropout=0.5, random_state=0)
    array([1])
    """
    E, _ = check_pool(E, n_instances)
    check_int("n_passes", n_passes)
    if check_number("dropout", dropout, minimum=0) >= 1:
        raise ValueError(f"dropout must be below 1, got {dropout!r}.")
    rng = as_random_state(random_state)
    changes = np.zeros(E.shape[0], np.int32)
    for rows in _blocks(E):
        predicted = np.argmax(head(E[rows]), axis=1)
        for _ in range(n_passes):
            dropped = _with_dropout(E[rows], dropout, rng)
            changes[rows] += np.argmax(head(dropped), axis=1) != predicted
    least = n_passes // 2 + 1
    while (changes >= least).sum() < n_instances:
        least -= 1
    changed = np.flatnonzero(changes >= least)
    return changed[kmeans_sampling(E[changed], n_instances, random_state=rng)]


def _with_dropout(block, dropout, rng):
    """Return embeddings with features set to 0 and the others scaled up."""
    out = block.copy()
    values = out.data if sp.issparse(out) else out
    drawn = rng.randint(2**16, size=values.shape, dtype=np.uint16)
    values *= drawn >= dropout * 2**16
    values /= 1 - dropout
    return out


def alfa_mix(
    head: Callable[[Any], ArrayLike],
    E: Any,
    n_instances: int,
    labeled: Any,
    y_labeled: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick, from clusters, rows whose prediction a mix with a labelled class changes.

    The embedding z of a row is mixed, feature by feature, with the mean
    :math:`z^\star` of the labelled rows of each class, :math:`\alpha z^\star +
    (1 - \alpha) z`, along the gradient g of the loss of the predicted class:

    .. math::
        \alpha = \epsilon \frac{\| z^\star - z \|}{\| g \|} \, g / (z^\star - z),
        \quad \text{within } [0, 1]

    From 1/32 on :math:`\epsilon` is doubled until enough predictions change. Their rows
    are grouped into as many clusters as rows are wanted, and the row nearest to each
    mean is picked.

    Parameters
    ----------
    head : callable
        Gives (m, C) class probabilities for (m, d) embeddings.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d)
        Embeddings of the labelled rows, at least one.
    y_labeled : array-like of shape (m,)
        Their labels.
    random_state : int, RandomState instance or None, default=None
        Draws the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, the largest cluster first. Where too few predictions
        change at :math:`\epsilon = 1`, the rest is drawn at random.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If no row is labelled or the arrays do not fit together.

    See Also
    --------
    drop_query : Disturbs embeddings at random.

    Notes
    -----
    Costs up to 6 C passes of the head and as many of O(n d), in blocks, and the
    clustering, O(m k d) a step for m rows that change and k picks. The gradient is
    taken from probabilities alone: a linear model of their logarithms is fitted to at
    most 2 000 rows, which is exact where the head is a linear layer and a softmax (and
    in the span of the rows, where they are fewer than features) and an approximation
    for other heads.

    References
    ----------
    Parvaneh, A., Abbasnejad, E., Teney, D., Haffari, R., van den Hengel, A., Shi, J. Q.
    (2022). Active learning by feature mixing. CVPR. arXiv:2203.07249

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query.functional import alfa_mix
    >>> def head(E):
    ...     p = 1 / (1 + np.exp(-E[:, 0]))
    ...     return np.column_stack([1 - p, p])
    >>> alfa_mix(head, [[-4.0], [-0.1], [4.0]], 1, [[-3.0], [3.0]], [0, 1])
    array([1])
    """
    E, known = check_pool(E, n_instances, labeled)
    y = np.asarray(y_labeled)
    if known is None:
        raise ValueError("labeled must hold at least one row, got none.")
    check_rows("y_labeled", y, "labeled", known)
    rng = as_random_state(random_state)
    anchors = [_mean_row(known[y == label]) for label in np.unique(y)]
    slopes = _slopes_of(head, E, rng)
    for step in _STEPS:
        changed = _changed_by(head, E, slopes, anchors, step)
        if len(changed) >= n_instances:
            break
    n_changed = min(n_instances, len(changed))
    rest = np.setdiff1d(np.arange(E.shape[0]), changed)
    rest = rng.permutation(rest)[: n_instances - n_changed]
    if n_changed:
        few = kmeans_sampling(E[changed], n_changed, random_state=rng)
        changed = changed[few]
    return np.concatenate([changed, rest])


def _mean_row(E):
    """Mean of rows, dense or CSR: (d,)."""
    return np.asarray(E.mean(axis=0)).ravel()


def _slopes_of(head, E, rng):
    """Fit log-probabilities by linear functions of the embedding: (d, C)."""
    some = np.sort(draw_rows(E.shape[0], min(E.shape[0], _MOST_ROWS), rng))
    X = E[some]
    p = np.maximum(head(X), np.finfo(np.float32).tiny).astype(float)
    Y = np.log(p)
    Y -= Y.mean(axis=1, keepdims=True)  # log-odds: free of the softmax's denominator
    Y -= Y.mean(axis=0)
    X = X.toarray() if sp.issparse(X) else X
    X = X - X.mean(axis=0, dtype=float)
    wide = X.shape[1] > X.shape[0]
    gram = X @ X.T if wide else X.T @ X
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) + np.finfo(float).tiny
    return X.T @ np.linalg.solve(gram, Y) if wide else np.linalg.solve(gram, X.T @ Y)


def _changed_by(head, E, slopes, anchors, step):
    """Return the rows whose prediction changes on the way to any anchor."""
    changed = np.zeros(E.shape[0], bool)
    for rows in _blocks(E):
        z = E[rows].toarray() if sp.issparse(E) else E[rows]
        p = np.array(head(z), float)
        predicted = p.argmax(axis=1)
        p[np.arange(len(p)), predicted] -= 1
        gradient = (p @ slopes.T).astype(z.dtype)  # (m, d)
        length = np.linalg.norm(gradient, axis=1, keepdims=True)
        gradient /= np.where(length > 0, length, 1)
        left = np.arange(len(z))
        for anchor in anchors:
            moved = _mix(z[left], anchor.astype(z.dtype), gradient[left], step)
            left = left[np.argmax(head(moved), axis=1) == predicted[left]]
            if len(left) == 0:
                break
        changed[rows] = True
        changed[rows.start + left] = False
    return np.flatnonzero(changed)


def _mix(z, anchor, direction, step):
    """Move z in a direction, no feature away from the anchor's nor beyond it."""
    apart = anchor - z
    way = step * np.linalg.norm(apart, axis=1, keepdims=True) * direction
    side = np.sign(apart)
    return z + side * np.clip(side * way, 0, np.abs(apart))


def _blocks(E):
    """Yield slices of rows that fit a block."""
    return gen_batches(E.shape[0], max(1, _BLOCK // E.shape[1]))
