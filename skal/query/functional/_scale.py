"""Columns in units of their own, brought to one scale before distances are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal._seed import as_random_state
from skal.query.functional._inputs import check_table

if TYPE_CHECKING:
    from typing import Any

#: So many rows, drawn at random where there are more, tell the spread of a column.
_SEEN = 5000
#: Units differ where the widest column spreads so many times as much as the median one.
_APART = 10
#: Columns all of whose medians are closer to 0 than this share of their spread were
#: centred, as those of a PCA are: their spreads mean something.
_CENTRED = 0.25
#: A number lies at most so many spreads from the bulk of its column.
_REACH = 1.0


def common_units(
    E: Any,
    labeled: Any = None,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[Any, Any]:
    """Divide columns by their spread, if they seem to be in units of their own.

    A spread is the range that holds nine rows in ten, or the whole range of a column
    that is the same in most. Units differ where the widest column spreads ten times as
    much as the median one, unless all columns are centred, as those of a PCA are: so
    ages and incomes are scaled, pixels, words and what a network has learnt are not.
    Numbers farther out than twice the spread are taken for nearer than they are, so
    that an outlier does not make all others alike.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    random_state : int, RandomState instance or None, default=None
        Draws the rows that tell the spread, where there are more than 5 000.

    Returns
    -------
    E, labeled : {ndarray, sparse matrix} of shape (n, d) and (m, d)
        What came, where the columns are of one unit or sparse, else copies.

    See Also
    --------
    uherding : Distances between rows.

    Notes
    -----
    Costs O(n d).

    Examples
    --------
    >>> from skal.query.functional import common_units
    >>> age_and_income = [[20, 10_000], [40, 20_000], [60, 90_000]]
    >>> common_units(age_and_income)[0].round(1)
    array([[-0.1, -0. ],
           [ 0.5,  0.1],
           [ 1.1,  1.1]], dtype=float32)
    """
    table, known = check_table("E", E), check_table("labeled", labeled)
    if sp.issparse(table) or 0 in table.shape:
        return table, known
    seen = table
    if len(table) > _SEEN:
        rng = as_random_state(random_state)
        seen = table[np.sort(rng.choice(len(table), _SEEN, replace=False))]
    low, middle, spread = reach_of_columns(seen)
    varies = spread > 0
    if not differ(spread[varies], middle[varies]):
        return table, known
    spread = np.where(varies, spread, 1)
    known = None if known is None else within_reach(known, low, spread)
    return within_reach(table, low, spread), known


def units_differ(X: Any) -> bool:
    """Tell whether columns seem to be in units of their own.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Rows.

    Returns
    -------
    bool
        As in :func:`common_units`, which divides such columns by their spread.

    Examples
    --------
    >>> from skal.query.functional import units_differ
    >>> units_differ([[20, 10_000], [40, 20_000], [60, 90_000]])
    True
    """
    _, middle, spread = reach_of_columns(np.asarray(X, float))
    varies = spread > 0
    return differ(spread[varies], middle[varies])


def reach_of_columns(table):
    """Return the low end of the bulk of each column, its median and its spread."""
    ordered = np.ascontiguousarray(table.T)
    ordered = np.sort(ordered, axis=1)  # faster than to part it at several places
    ordered[np.isnan(ordered[:, -1])] = np.nan
    low, middle, high = (quantile(ordered, share) for share in (0.05, 0.5, 0.95))
    narrow = high == low
    low = np.where(narrow, ordered[:, 0], low)
    high = np.where(narrow, ordered[:, -1], high)
    return low, middle, high - low


def quantile(ordered, share):
    """Return the quantile of sorted rows, as numpy has it: it lies between two."""
    at = share * (ordered.shape[1] - 1)
    two = ordered[:, int(at) : int(at) + 2]
    return np.quantile(two, [at - int(at)], axis=1)[0]


def differ(spread, middle):
    """Tell whether columns of some spread and median are in units of their own."""
    if len(spread) < 2:
        return False
    typical = np.quantile(spread, 0.5, method="lower")
    if spread.max() <= _APART * typical:
        return False
    return bool((np.abs(middle) > _CENTRED * spread).any())


def within_reach(rows, low, spread):
    """Return rows from the low end of the bulk, in spreads, outliers drawn in."""
    scaled = (rows - low) / spread
    return np.clip(scaled, -_REACH, 1 + _REACH, out=scaled).astype(np.float32)
