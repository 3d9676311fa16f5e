"""How much of what the oracle gains a strategy gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import trapezoid

from skal.experiment._efficiency import draws, interval
from skal.experiment._oracle import is_oracle

if TYPE_CHECKING:
    from numpy.typing import NDArray


def share_of_gain(
    definition: dict[str, Any],
    grid: NDArray[Any],
    scores: dict[str, NDArray[Any]],
    name: str,
    baseline: str,
    sign: int,
) -> dict[str, float]:
    """Return the share of the oracle's gain in area over the baseline.

    Parameters
    ----------
    definition : dict
        What the experiment is made of.
    grid : ndarray of shape (n_points,)
        Numbers of labels.
    scores : dict of str to ndarray of shape (n_seeds, n_points)
        By strategy; seeds are pairs.
    name : str
        The strategy.
    baseline : str
        Whose share is 0.
    sign : {-1, 1}
        1 where higher is better.

    Returns
    -------
    dict of str to float
        ``share_of_gain`` and its 95 % interval over seeds; nothing without an oracle.
    """
    oracles = [one for one in scores if is_oracle(definition, one)]
    if not oracles:
        return {}
    base = areas(grid, scores[baseline])
    gain, most = (areas(grid, scores[one]) - base for one in (name, oracles[0]))
    drawn = draws(len(gain), 1000, 0)
    shares = np.array([_share(sign * gain[i], sign * most[i]) for i in drawn])
    low, high = interval(shares[1:, None], 0.95, len(gain))
    found = shares[0], float(low[0]), float(high[0])
    ends = ("share_of_gain", "share_of_gain_low", "share_of_gain_high")
    return dict(zip(ends, found, strict=True))


def _share(gain, most):
    """Return the ratio of mean gains; NaN where there is nothing to gain."""
    return gain.mean() / most.mean() if most.mean() > 0 else np.nan


def areas(grid, runs):
    """Return the mean height of each curve: skal.metrics' area, for many at once."""
    if len(grid) == 1:
        return runs[:, 0]
    return trapezoid(runs, grid, axis=1) / (grid[-1] - grid[0])
