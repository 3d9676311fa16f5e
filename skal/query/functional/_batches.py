"""Batches made of scores: spread out, ranked one by one, or drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_fraction, check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._distances import to_centroid, to_known, to_row
from skal.query.functional._inputs import (
    check_array,
    check_batch,
    check_finite,
    check_table,
)

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: How a score becomes the logarithm of a weight in a stochastic batch.
STOCHASTIC_METHODS = ("power", "softmax", "softrank")


def mmr(
    E: Any,
    scores: ArrayLike,
    n_instances: int,
    *,
    diversity: float = 0.5,
    labeled: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick rows of high score that resemble no row picked or labelled before.

    Maximal marginal relevance, one row at a time: with :math:`r_i` the scores scaled
    to [0, 1], the next row is that of the largest

    .. math:: (1 - \lambda)\, r_i - \lambda \max_{j} e^{-d_{ij}^2 / v}

    over the rows j that are picked or labelled; v is the mean squared distance between
    two rows of E, so that neither the unit nor the origin of E matters.

    Parameters
    ----------
    E : array-like or CSR of shape (n, d)
        Embeddings of the candidates.
    scores : array-like of shape (n,)
        How much each is wanted.
    n_instances : int
        How many to pick.
    diversity : float, default=0.5
        :math:`\lambda`: at 0 only scores count, at 1 only resemblance.
    labeled : array-like or CSR of shape (n_labels, d), default=None
        Embeddings of the labelled rows; None where there are none.
    random_state : int, RandomState instance or None, default=None
        Breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions, in the order in which they were picked.

    See Also
    --------
    ranked_batch : Weighs scores against distance by how much is labelled.

    Notes
    -----
    Costs O(n (k + L) d) for k picks and L labelled rows, and a few numbers a row.

    References
    ----------
    Carbonell, J., Goldstein, J. (1998). The use of MMR, diversity-based reranking for
    reordering documents and producing summaries. SIGIR. doi:10.1145/290941.291025

    Examples
    --------
    >>> from skal.query.functional import mmr
    >>> mmr([[0.0], [0.1], [5.0]], [1.0, 0.9, 0.5], n_instances=2)
    array([0, 2])
    """
    E, scores = check_scored(E, scores, n_instances)
    weight = check_fraction("diversity", diversity)
    wanted = (1 - weight) * scaled(scores)
    typical = 2 * np.mean(to_centroid(E) ** 2)

    def value(nearest, _):
        if typical == 0:  # all the candidates are one row
            return wanted - weight * (nearest == 0)
        return wanted - weight * np.exp(-(nearest**2) / typical)

    return pick_one_by_one(E, n_instances, value, labeled, random_state)


def ranked_batch(
    E: Any,
    scores: ArrayLike,
    n_instances: int,
    *,
    labeled: Any = None,
    n_unlabeled: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Rank rows by distance while few are labelled, by score when many are.

    Ranked batch mode, one row at a time: with :math:`d_i` the distance to the nearest
    row that is picked or labelled, the next row is that of the largest

    .. math:: \alpha \Bigl(1 - \frac{1}{1 + d_i}\Bigr) + (1 - \alpha)\, s_i,
        \qquad \alpha = \frac{n_u}{n_u + n_l}

    where the counts of unlabelled and labelled rows take the picks for labelled.

    Parameters
    ----------
    E : array-like or CSR of shape (n, d)
        Embeddings of the candidates.
    scores : array-like of shape (n,)
        How much each is wanted, as it is: 1 minus the largest probability in modAL.
    n_instances : int
        How many to pick.
    labeled : array-like or CSR of shape (n_labels, d), default=None
        Embeddings of the labelled rows. Without any the first pick is the row of the
        highest score.
    n_unlabeled : int, default=None
        Size of the pool, where the candidates are only the best of it; None means n.
    random_state : int, RandomState instance or None, default=None
        Breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions, in the order in which they were picked.

    See Also
    --------
    mmr : Weighs scores against resemblance as one wants.

    Notes
    -----
    Costs O(n (k + L) d) for k picks and L labelled rows, and a few numbers a row. The
    distance has the unit of E: scale the features.

    References
    ----------
    Cardoso, T., Silva, R., Canuto, S., Moro, M., Gonçalves, M. (2017). Ranked
    batch-mode active learning. Information Sciences 379.
    doi:10.1016/j.ins.2016.10.037

    Examples
    --------
    >>> from skal.query.functional import ranked_batch
    >>> ranked_batch([[0.0], [0.1], [5.0]], [0.5, 0.4, 0.3], 2, labeled=[[0.2]])
    array([2, 0])
    """
    E, wanted = check_scored(E, scores, n_instances)
    labeled = check_table("labeled", labeled)
    n_labels = 0 if labeled is None else labeled.shape[0]
    n_pool = len(wanted) if n_unlabeled is None else n_unlabeled
    check_int("n_unlabeled", n_pool, minimum=len(wanted))

    def value(nearest, n_picked):
        if np.isinf(nearest[0]):  # nothing to be far from
            return wanted
        alpha = (n_pool - n_picked) / (n_pool + n_labels)
        return alpha * (1 - 1 / (1 + nearest)) + (1 - alpha) * wanted

    return pick_one_by_one(E, n_instances, value, labeled, random_state)


def stochastic_top_n(
    scores: ArrayLike,
    n_instances: int,
    *,
    method: str = "power",
    beta: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Draw rows without replacement, with chances that grow with their scores.

    The next row is i with a chance proportional to :math:`e^{\beta w_i}` among those
    that are left, where :math:`w_i` is

    - "power": :math:`\log s_i`, minus infinity for scores of 0 or less;
    - "softmax": :math:`s_i`;
    - "softrank": :math:`-\log \mathrm{rank}_i`, 1 being the rank of the highest score.

    One draw does it: Gumbel noise is added, and the largest sums are taken.

    Parameters
    ----------
    scores : array-like of shape (n,)
        How much each row is wanted.
    n_instances : int
        How many to draw.
    method : {"power", "softmax", "softrank"}, default="power"
        What the chances are made of.
    beta : float, default=1.0
        Coldness: large values draw the best rows, small ones any row.
    random_state : int, RandomState instance or None, default=None
        Makes the draw.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions, in the order in which they were drawn. Rows of no chance come last.

    See Also
    --------
    mmr : Spreads a batch by distance instead of by chance.

    Notes
    -----
    Costs O(n), and a sort of the pool for "softrank".

    References
    ----------
    Kirsch, A., Farquhar, S., Atighehchian, P., Jesson, A., Branchaud-Charron, F.,
    Gal, Y. (2023). Stochastic batch acquisition: a simple baseline for deep active
    learning. TMLR. arXiv:2106.12059

    Examples
    --------
    >>> from skal.query.functional import stochastic_top_n
    >>> stochastic_top_n([1.0, 1e-9, 1e9, 0.0], 3, random_state=0)
    array([2, 0, 1])
    """
    from skal.query.functional._order import top_n

    scores = check_array("scores", np.asarray(scores, dtype=float), 1, "(n,)")
    check_batch(n_instances, len(check_no_nan(scores)))
    check_choice("method", method, STOCHASTIC_METHODS)
    beta = check_beta(beta)
    rng = as_random_state(random_state)
    noise = rng.gumbel(size=len(scores))
    if method == "softrank":
        order = top_n(scores, len(scores), rng)
        weights = np.empty(len(scores))
        weights[order] = -np.log(np.arange(1, len(scores) + 1))
    elif method == "power":
        weights = np.full(len(scores), -np.inf)
        np.log(scores, where=scores > 0, out=weights)
    else:
        weights = scores
    return top_n(beta * weights + noise, n_instances, rng)


def check_beta(beta):
    """Return beta if it is a finite number above 0."""
    beta = check_number("beta", beta, minimum=0)
    if not 0 < beta < np.inf:
        raise ValueError(f"beta must be above 0 and finite, got {beta!r}.")
    return beta


def check_scored(E, scores, n_instances):
    """Return embeddings and as many scores, of at least as many rows as asked for."""
    E = check_finite("E", check_table("E", E))
    scores = np.asarray(scores, dtype=float)
    if scores.shape != (E.shape[0],):
        raise ValueError(
            f"scores must hold a number for each of the {E.shape[0]} rows of E, got "
            f"shape {scores.shape}."
        )
    check_batch(n_instances, len(scores))
    return E, check_no_nan(scores)


def check_no_nan(scores):
    """Return scores if none of them is NaN."""
    if np.isnan(scores).any():
        raise ValueError(
            f"scores must hold no NaN, got {np.isnan(scores).sum()} among "
            f"{len(scores)}. Give rows that nobody wants -inf."
        )
    return scores


def scaled(scores):
    """Bring scores to [0, 1]; infinite ones to its ends, equal ones to 1."""
    finite = scores[np.isfinite(scores)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    clipped = np.clip(scores, low, high)
    if low == high:
        return np.where(np.isneginf(scores), 0.0, 1.0)
    return (clipped - low) / (high - low)


def pick_one_by_one(E, n_instances, value, labeled, random_state):
    """Pick the row of the largest value again and again, ties at random.

    ``value(nearest, n_picked)`` gives a number a row from its distance to the nearest
    row that is picked or labelled, infinite while there is none.
    """
    rng = as_random_state(random_state)
    labeled = check_table("labeled", labeled)
    nearest = np.full(E.shape[0], np.inf)
    if labeled is not None and labeled.shape[0]:
        nearest = to_known([E], [labeled])
    free = np.ones(E.shape[0], bool)
    picked = np.empty(n_instances, np.int64)
    for i in range(n_instances):
        values = np.where(free, value(nearest, i), -np.inf)
        best = np.flatnonzero(free & (values == values.max()))
        picked[i] = best[rng.randint(len(best))]
        free[picked[i]] = False
        np.minimum(nearest, to_row(E, E[[picked[i]]]), out=nearest)
    return picked
