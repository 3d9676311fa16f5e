"""How often the model is right: rows drawn at random, kept out of training."""

from __future__ import annotations

from hashlib import blake2b
from math import floor, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

#: How often the interval may be wrong, in all of a session.
ALPHA = 0.05
#: Rows of the audit below which there is nothing to say.
FEWEST = 5
#: From 100 labels on there is a new interval whenever the labels are so many more.
GROWTH = 1.1
#: Most of alpha is shared out evenly among so many intervals: enough for 12 000 labels.
LOOKS, SHARE = 60, 0.9


def draws(digests: Iterable[str], seed: int = 0) -> NDArray[np.float64]:
    """Draw a number in [0, 1) for each row from its content.

    Parameters
    ----------
    digests : iterable of str
        The digest of each row.
    seed : int, default=0
        Seed of the project.

    Returns
    -------
    ndarray of float of shape (n_rows,)
        The same for the same content, whatever else is in the pool.
    """
    key = str(seed).encode()[:64]
    whole = (
        int.from_bytes(blake2b(one.encode(), key=key, digest_size=6).digest(), "big")
        for one in digests
    )
    return np.array([number / 2**48 for number in whole], float)


def reserved(digests: Iterable[str], share: float, seed: int = 0) -> NDArray[np.bool_]:
    """Say which rows are kept for the audit.

    No strategy may ask for them. So those that were labelled are always a fair sample
    of the pool: had the strategy had a choice among them as well, the rows it did not
    want would be left over for the audit, and the model would look better than it is.

    Parameters
    ----------
    digests : iterable of str
        The digest of each row. Rows of one content go together, so that no copy of a
        row of the audit is trained on, and rows keep their part when they move.
    share : float
        Share of the rows, from 0 to 1.
    seed : int, default=0
        Seed of the project.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        Whether each row is kept for the audit.
    """
    return draws(digests, seed) < share


def audit_point(
    truth: Mapping[int, str],
    said: Mapping[int, str],
    n_labels: int,
    spent: Collection[int] = (),
) -> tuple[float | None, float | None, float | None, int]:
    r"""Return accuracy on the audit, an interval that holds at any time, and the rows.

    The rows were drawn at random and no model was trained on them, so of n of them
    each model is right on a binomial number, whatever strategy chose the others: the
    exact interval of Clopper and Pearson holds for it [1]_. But the person looks after
    every refit, and stops when the figure pleases. So the chance to be wrong,
    :math:`\alpha = 5 \%`, is spent on all looks of a session together [2]_: there is
    an interval for the first model of each stage, a stage being 10 labels, later 10 %
    more labels, and stage j has

    .. math:: \alpha_j = \alpha \cdot 0.9 / 60 \quad (j < 60), \qquad
        \alpha \cdot 0.1 / ((j - 59) (j - 58)) \quad (j \ge 60),

    which add up to :math:`\alpha`. By the union bound, in 95 % of sessions **every**
    interval that was ever shown holds, at whatever moment the person stopped, and
    however the models depend on each other. A sequence for one mean, such as a mixture
    martingale, would be narrower but would not do: each refit changes what is
    measured.

    Parameters
    ----------
    truth : mapping of int to str
        What people said of the rows of the audit.
    said : mapping of int to str
        What the model says of every row.
    n_labels : int
        Labels that the model was trained on.
    spent : collection of int, default=()
        The stages that have had their interval.

    Returns
    -------
    accuracy, low, high : float or None
        None where nothing can be said, or where the stage has had its interval.
    n_audit : int
        How many rows.

    References
    ----------
    .. [1] Clopper and Pearson (1934). The use of confidence or fiducial limits
       illustrated in the case of the binomial. Biometrika 26, 404-413.
    .. [2] Lan and DeMets (1983). Discrete sequential boundaries for clinical trials.
       Biometrika 70, 659-663. The spending of alpha; here by the union bound, which
       asks nothing of how the looks depend on each other.

    Examples
    --------
    >>> from skal.label._audit import audit_point
    >>> truth = dict.fromkeys(range(100), "cat")
    >>> said = {**truth, **dict.fromkeys(range(20), "dog")}
    >>> accuracy, low, high, n = audit_point(truth, said, 1000)
    >>> accuracy, round(low, 2), round(high, 2), n
    (0.8, 0.64, 0.91, 100)
    """
    right = [said[item] == label for item, label in truth.items() if item in said]
    n = len(right)
    if not n:
        return None, None, None, 0
    accuracy = float(np.mean(right))
    stage = stage_of(n_labels)
    if n < FEWEST or stage in spent:
        return accuracy, None, None, n
    return accuracy, *exact_interval(sum(right), n, ALPHA * share_of(stage)), n


def stage_of(n_labels: int) -> int:
    """Return the stage of a session that a number of labels belongs to.

    Parameters
    ----------
    n_labels : int
        Labels to train on.

    Returns
    -------
    int
        From 0.
    """
    if n_labels < 100:
        return n_labels // 10
    return 10 + floor(log(n_labels / 100) / log(GROWTH) + 1e-9)


def share_of(stage: int) -> float:
    """Return the share of alpha that a stage may spend; all stages together have one.

    Parameters
    ----------
    stage : int
        From 0.

    Returns
    -------
    float
        The share.
    """
    if stage < LOOKS:
        return SHARE / LOOKS
    late = stage - LOOKS + 1
    return (1 - SHARE) / (late * (late + 1))


def exact_interval(right: int, n: int, alpha: float) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson for a share.

    Parameters
    ----------
    right : int
        How many of n.
    n : int
        Out of how many.
    alpha : float
        How often the interval may be wrong.

    Returns
    -------
    low, high : float
        The interval.
    """
    from scipy.stats import beta

    low = beta.ppf(alpha / 2, right, n - right + 1) if right else 0.0
    high = beta.ppf(1 - alpha / 2, right + 1, n - right) if right < n else 1.0
    return float(low), float(high)
