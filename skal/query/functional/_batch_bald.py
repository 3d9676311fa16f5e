"""The batch whose labels together tell most about the model."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal._seed import as_random_state
from skal.query.functional._batches import stochastic_top_n
from skal.query.functional._bayesian import mutual_information
from skal.query.functional._inputs import check_batch, check_samples
from skal.query.functional._joint import Joint, slack_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Rows evaluated at a time; of a step's first rows most are needed.
_BLOCK = 64
#: The share of log S from which the picks are left to chance.
_SPENT = 0.95


def batch_bald(
    samples: ArrayLike,
    n_instances: int,
    *,
    n_configurations: int = 5000,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    r"""Pick rows one by one, each for what its label adds to those of the others.

    The next row is the one whose label is expected to tell most about the model once
    the labels of the rows already picked are known:

    .. math:: \arg\max_x I(y_x; \omega \mid y_{x_1}, \dots, y_{x_k})

    so that two rows which tell the same are not picked both.

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S posterior draws or members, the same for every row.
    n_instances : int
        How many rows to pick.
    n_configurations : int, default=5000
        Ways to label the picked rows that are followed: all of them while there are
        no more, then as many random ones.
    random_state : int, RandomState instance or None, default=None
        Breaks ties, draws configurations, and completes the batch.

    Returns
    -------
    indices : ndarray of int64 of shape (n_instances,)
        Positions of the picked rows, in the order of picking.
    gains : ndarray of float64 of shape (n_instances,)
        What each pick was expected to add, in nats; NaN for rows left to chance.

    Raises
    ------
    PoolExhaustedError
        If there are fewer than ``n_instances`` rows.
    ValueError
        If the samples hold NaN.

    Warns
    -----
    UserWarning
        If S draws have told nearly all they can, log S nats, before the batch is
        full. The rest of it is drawn with chances in proportion to the mutual
        information of each row alone.

    See Also
    --------
    mutual_information : The information of each row alone.

    Notes
    -----
    What a label adds never grows when others become known, so that each row's last
    known gain bounds the next, and few rows are looked at again in a step. Costs
    O(M S C) time for each of them and one matrix product for 64 of them, with M at
    most ``n_configurations``; memory is O(M S + M C). The gains are exact, and the
    picks those of an exhaustive greedy search, while the configurations of positive
    probability are no more than ``n_configurations``; after that both are subject to
    chance, about a thousandth of a nat at the default.

    References
    ----------
    Kirsch, A., van Amersfoort, J., Gal, Y. (2019). BatchBALD: efficient and diverse
    batch acquisition for deep Bayesian active learning. NeurIPS. arXiv:1906.08158

    Fearnhead, P., Clifford, P. (2003). On-line inference for hidden Markov models via
    particle filters. Journal of the Royal Statistical Society B 65.
    doi:10.1111/1467-9868.00421

    Kirsch, A., Farquhar, S., Atighehchian, P., Jesson, A., Branchaud-Charron, F.,
    Gal, Y. (2023). Stochastic batch acquisition: a simple baseline for deep active
    learning. TMLR. arXiv:2106.12059

    Examples
    --------
    Rows 0 and 1 tell the same, row 2 tells less but something else:

    >>> import numpy as np
    >>> from skal.query.functional import batch_bald
    >>> same = [[1, 0], [1, 0], [0, 1], [0, 1]]
    >>> other = [[0.8, 0.2], [0.2, 0.8], [0.8, 0.2], [0.2, 0.8]]
    >>> samples = np.stack([same, same, other], axis=1)
    >>> indices, gains = batch_bald(samples, n_instances=2, random_state=0)
    >>> int(indices[1]), gains.round(3)
    (2, array([0.693, 0.193]))
    """
    draws = check_samples(samples)
    draws = draws.astype(np.result_type(draws.dtype, np.float32), copy=False)
    check_batch(n_instances, draws.shape[1])
    check_int("n_configurations", n_configurations)
    information = mutual_information(draws)
    if np.isnan(information).any():
        raise ValueError(
            "samples must hold no NaN, got some in "
            f"{np.isnan(information).sum()} of {len(information)} rows."
        )
    rng = as_random_state(random_state)
    picked, gains = joint_greedy(draws, information, n_instances, n_configurations, rng)
    return complete(picked, gains, information, n_instances, len(draws), rng)


def joint_greedy(samples, information, n_instances, n_configurations, rng):
    """Pick rows while their labels tell something; return them and their gains."""
    bounds = information.astype(np.float64)
    joint = Joint(len(samples), n_configurations, samples.dtype)
    slack = slack_of(samples.dtype)
    least = (1 - _SPENT) * joint.remaining
    picked: list[int] = []
    gains: list[float] = []
    while len(picked) < n_instances and joint.remaining > least:
        best = best_rows(bounds, samples, joint, slack)
        pick = rng.choice(best)
        if bounds[pick] <= slack:
            break
        picked.append(pick)
        gains.append(bounds[pick])
        bounds[pick] = -np.inf
        joint.add(np.ascontiguousarray(samples[:, pick]), rng)
    return np.array(picked, np.int64), np.array(gains, np.float64)


def best_rows(bounds, samples, joint, slack):
    """Find the rows of the largest gain; bounds of rows looked at become gains.

    Rows come in the order of their bounds, and none is looked at whose bound is below
    a gain already found.
    """
    merged = joint.merged()
    if merged is not None:
        for block in blocks_of(np.flatnonzero(bounds > -np.inf)):
            bounds[block] = merged.gains(samples[:, block])
    best, seen = -np.inf, []
    order = np.argsort(-bounds, kind="stable")
    for block in blocks_of(order[bounds[order] > -np.inf]):
        if bounds[block[0]] < best - slack:
            break
        bounds[block] = joint.gains(samples[:, block])
        best = max(best, bounds[block].max())
        seen.append(block)
    looked_at = np.concatenate(seen)
    return looked_at[bounds[looked_at] >= best - slack]


def blocks_of(rows):
    """Split rows into blocks to evaluate together."""
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]


def complete(picked, gains, information, n_instances, n_draws, rng):
    """Fill the batch up by chance, in proportion to the information of each row."""
    n_missing = n_instances - len(picked)
    if n_missing == 0:
        return picked, gains
    warnings.warn(
        f"{n_draws} posterior draws can tell at most log({n_draws}) = "
        f"{np.log(n_draws):.2f} nats, and {len(picked)} of {n_instances} rows tell "
        f"{gains.sum():.2f} of them; the others are drawn at random in proportion to "
        "their BALD scores. Ask for fewer rows at a time, or for more draws.",
        UserWarning,
        stacklevel=2,
    )
    rest = np.delete(np.arange(len(information)), picked)
    rest = rest[stochastic_top_n(information[rest], n_missing, random_state=rng)]
    return np.append(picked, rest), np.append(gains, np.full(n_missing, np.nan))
