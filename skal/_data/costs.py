"""What the label of each row costs."""

from decimal import Decimal
from numbers import Real

import numpy as np

from skal._data.containers import n_rows
from skal._data.dask_rows import DaskRows, computed
from skal._data.reading import answer_in_chunks
from skal._data.targets import is_hole


def check_costs(costs, X):
    """Return the cost of each row of X as numbers; a function is called once.

    Of a file it is called chunk by chunk.
    """
    n = n_rows(X)
    prices = as_floats(asked(costs, X) if callable(costs) else costs)
    if callable(costs) and prices.ndim == 0:
        raise ValueError(
            f"costs must return a number for each of {n} rows, got {prices}. It is "
            "called with all of them at once: lambda X: [price(row) for row in X]."
        )
    if prices.ndim == 0:
        prices = np.full(n, prices)
    if prices.shape != (n,):
        raise ValueError(
            f"costs must hold a number for each of {n} rows, got shape {prices.shape}."
        )
    wrong = ~(np.isfinite(prices) & (prices > 0))
    if wrong.any():
        raise ValueError(
            f"costs must be finite and above 0, got {prices[wrong][0]} among "
            f"{wrong.sum()} of {n} rows. Give a row that is free a small cost."
        )
    if n and prices.max() > np.finfo(float).max / n:
        raise ValueError(
            f"costs must add up to a number, got {prices.max()} among {n} rows. Count "
            "them in a larger unit."
        )
    return prices


def asked(costs, X):
    """Return what a function says of X: of a file in chunks, of dask as dask."""
    if isinstance(X, DaskRows):
        return computed(costs(X.X))
    return answer_in_chunks(costs, X, by_row=True)


def as_floats(costs):
    """Return costs as an array of floats, NaN where one is missing."""
    prices = np.asarray(costs)
    if prices.dtype.kind == "O" and all(map(is_number_or_hole, prices.flat)):
        known = [np.nan if is_hole(price) else price for price in prices.flat]
        prices = np.array(known, float).reshape(prices.shape)
    if prices.dtype.kind not in "fiu":
        got = repr(costs) if prices.ndim == 0 else f"values of type {prices.dtype}"
        raise TypeError(
            "costs must be a number, a number for each row or a function of X, got "
            f"{got}."
        )
    return prices.astype(float)


def is_number_or_hole(value):
    """Tell whether an entry of an object array is a number, or missing."""
    return isinstance(value, Real | Decimal) or is_hole(value)
