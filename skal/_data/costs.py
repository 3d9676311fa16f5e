"""What the label of each row costs."""

import numpy as np

from skal._data.containers import n_rows


def check_costs(costs, X):
    """Return the cost of each row of X as numbers; a function is called once."""
    n = n_rows(X)
    if callable(costs):
        costs = costs(X)
    prices = np.asarray(costs)
    if prices.dtype.kind not in "fiuO" or isinstance(costs, (str, bytes)):
        raise TypeError(
            "costs must be a number, a number for each row or a function of X, got "
            f"{costs!r}."
        )
    prices = prices.astype(float)
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
    return prices
