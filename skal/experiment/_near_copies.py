"""Test rows whose near-copies are in the pool: what knows the copy knows the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.utils.extmath import row_norms

from skal._data import take_rows
from skal.experiment._table_pipeline import on_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal.experiment._data import Data, Split
    from skal.experiment._results import Results

#: From this share of test rows on a report warns.
MANY = 0.1
#: How many times as far as the copies the next row lies, at least.
FARTHER = 2
#: How many times as wide as gaps beyond it the gap behind the copies is, at least.
WIDER = 15
#: Neighbours of a test row that are looked at, and the share that may be its copies.
N_NEIGHBORS, MOST_COPIES = 50, 1 / 40
#: A smaller pool tells nothing about gaps.
MIN_POOL = 100
#: Test rows that are looked at, and the numbers read of the pool, at most.
N_TEST, N_NUMBERS = 200, 4 * 10**6
#: Distances are rounded up to this share of a row's norm.
ROUNDING = 1e-6
#: Distinct values of a column that is no category, as a share of the test rows.
MANY_VALUES = 0.1
#: Columns that are looked at, at most: so many of a picture's tell its distances.
WIDEST = 4096
#: Columns that a frame is counted as, before it is made numbers.
WIDTH_OF_FRAMES = 1000


def near_copies(data: Data, split: Split) -> float | None:
    """Return the share of a split's test rows that have near-copies in the pool.

    Parameters
    ----------
    data : Data
        What the rows are of.
    split : Split
        The pool and the test rows of a seed.

    Returns
    -------
    float or None
        The share, of 200 test rows at most; None where it cannot be told: where a split
        keeps groups apart, where the pool is small, and where rows are no numbers.
    """
    if data.groups is not None or len(split.pool) < MIN_POOL or not len(split.y_test):
        return None
    if data.columns is not None:
        return _copies_in_frame(data.columns, split)
    X = split.X_pool
    if hasattr(X, "select_dtypes"):  # a frame of somebody's own
        names = [*X.select_dtypes("number")]
        samples = _samples(split, X.shape[1])
        pool, test = (one[names].to_numpy(float, na_value=np.nan) for one in samples)
    elif getattr(getattr(X, "dtype", None), "kind", "O") in "biuf" and X.ndim > 1:
        pool, test = _samples(split, int(np.prod(X.shape[1:])))
    else:
        return None
    if sp.issparse(pool):
        return share_of_copies(pool, test)
    return share_of_copies(*_on_a_scale(pool, test)) if pool.size else None


def _copies_in_frame(columns, split):
    """Look at what a table holds beside categories, which are the same in many rows."""
    names = [*columns.get("numbers", ()), *columns.get("texts", ())]
    if not names:
        return None
    pool, test = (X[names] for X in _samples(split, WIDTH_OF_FRAMES))
    prepare = on_columns("passthrough")
    return share_of_copies(prepare.fit_transform(pool), prepare.transform(test))


def _samples(split, width):
    """Return rows of the pool and test rows, as many as the work allows."""
    most = max(MIN_POOL, N_NUMBERS // max(1, width))
    pool = split.X_pool, len(split.pool), most
    test = split.X_test, len(split.y_test), min(N_TEST, most)
    rng, samples = np.random.default_rng(0), []
    for X, n, size in (pool, test):
        rows = np.sort(rng.permutation(n)[:size])
        samples.append(take_rows(X.tocsr() if sp.issparse(X) else X, rows))
    return samples


def _on_a_scale(pool, test):
    """Return tables whose columns vary alike; a gap is a value of its own.

    Columns of few values are left out where there are others: rows that agree in all of
    them lie close together without being copies.
    """
    tables = [np.reshape(np.asarray(X), (len(X), -1)) for X in (pool, test)]
    width = tables[0].shape[1]
    columns = np.sort(np.random.default_rng(0).permutation(width)[:WIDEST])
    tables = [X[:, columns].astype(float) for X in tables]
    pool, test = (np.where(np.isfinite(X), X, 0) for X in tables)
    ordered = np.sort(test, axis=0)
    n_values = 1 + np.count_nonzero(np.diff(ordered, axis=0), axis=0)
    many = n_values > len(test) * MANY_VALUES
    kept = many if many.any() else np.ones_like(many)
    scale = StandardScaler().fit(pool[:, kept])
    return [scale.transform(X[:, kept]) for X in (pool, test)]


def share_of_copies(pool: Any, test: Any) -> float:
    r"""Return the share of test rows that have near-copies in the pool.

    Where rows are drawn one by one, the distances :math:`d_1 \le d_2 \le \dots` of a
    row's neighbours are such that all :math:`e_j = j \log(d_{j+1} / d_j)` have the same
    mean, one over the dimension in which the rows spread. Behind s copies of the row
    :math:`e_s` stands out against the mean of those beyond: so "far closer than
    usual" needs no scale and no dimension.

    Parameters
    ----------
    pool : array-like or CSR matrix of shape (n_pool, n_features)
        Rows that may be learnt.
    test : array-like or CSR matrix of shape (n_test, n_features)
        Rows to find copies of.

    Returns
    -------
    float
        The share.

    Notes
    -----
    Cost: O(n t d) for a pool of n rows, t test rows and d features. Copies are at most
    a 40th of the pool: more of them are a cluster. Equal rows count where chance would
    not make them, for tables of a few values are full of them.

    References
    ----------
    E. Levina and P. Bickel (2004). Maximum likelihood estimation of intrinsic
    dimension. NeurIPS 17.
    """
    n, k = pool.shape[0], min(N_NEIGHBORS, pool.shape[0])
    most = min(k // 2, int(n * MOST_COPIES))
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(pool)
    distances = search.kneighbors(test)[0]  # (t, k)
    least = ROUNDING * np.maximum(row_norms(test), 1e-9)[:, None]
    logs = np.log(np.maximum(distances, least))
    n_copies = np.arange(1, most + 1)
    gaps = np.diff(logs)[:, :most]
    stands_out = n_copies * gaps > WIDER * _mean_beyond(logs, n_copies)
    found = (stands_out & (gaps > np.log(FARTHER))).any(axis=1)
    equal = distances[:, 0] <= least[:, 0]
    if np.mean(found) >= MANY and (found & equal).any() and _are_by_chance(pool):
        found &= ~equal
    return float(np.mean(found))


def _mean_beyond(logs, n_copies):
    """Return the mean e_j beyond each number of copies; infinity where all are ties."""
    k = logs.shape[1]
    below = logs[:, -1:] - logs
    sums = np.cumsum(below[:, ::-1], axis=1)[:, ::-1]  # over j from each place on
    after = slice(1, len(n_copies) + 1)
    means = (sums[:, after] + n_copies * below[:, after]) / (k - 1 - n_copies)
    return np.where(means > 0, means, np.inf)


def _are_by_chance(pool: NDArray[np.float64]) -> bool:
    """Tell whether columns drawn each by itself would make equal rows."""
    if sp.issparse(pool):
        return False
    shares = (np.unique(column, return_counts=True)[1] / len(pool) for column in pool.T)
    return len(pool) * np.prod([(share**2).sum() for share in shares]) > 0.01


def cautions(results: Results) -> list[str]:
    """Say why the scores may not be what they seem.

    Parameters
    ----------
    results : Results
        The results.

    Returns
    -------
    list of str
        A sentence for each data set whose near-copies cross the split; mostly none.
    """
    return [
        f"{name}: {100 * share:.0f} % of the test rows have near-copies in the pool, "
        "rows far closer to them than is usual there. A model that learns these by "
        "heart looks right, and a strategy that asks for them too: believe neither "
        "scores nor verdicts. If rows belong together (of a patient, a drive, a "
        "document), say so with groups: no split tears them apart. If they do not, "
        "leave the copies out."
        for name, share in results.near_copies.items()
        if share >= MANY
    ]
