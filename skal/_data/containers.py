"""What holds rows: arrays, CSR, frames, lists and tensors, read alike."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def n_rows(X):
    """Return the number of rows of X."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def take_rows(X, indices):
    """Return ``X[indices]`` in X's own type, by position."""
    if hasattr(X, "iloc"):  # pandas
        return X.iloc[indices]
    if hasattr(X, "shape"):  # arrays of any rank, CSR, memmaps, polars, tensors
        return X[indices]
    if isinstance(indices, slice):
        return X[indices]
    return [X[i] for i in indices]


def concat_rows(first, second):
    """Stack two containers of rows of the same type."""
    if hasattr(first, "columns"):
        check_columns(first, second)
    elif kind_of_rows(first) != kind_of_rows(second):
        raise ValueError(
            f"X must be rows like those before ({kind_of_rows(first)}), got "
            f"{kind_of_rows(second)}."
        )
    if hasattr(first, "iloc"):
        import pandas as pd

        if not hasattr(second, "iloc"):
            second = type(first)(second)
        return pd.concat([first, second])
    if sp.issparse(first):
        return sp.vstack([first, second], format="csr")
    if isinstance(first, np.ndarray):
        return np.concatenate([first, np.asarray(second)])
    if type(first).__module__.startswith("torch"):
        import torch

        return torch.cat([first, torch.as_tensor(second)])
    if type(first).__module__.startswith("polars"):
        import polars as pl

        if isinstance(first, pl.DataFrame):
            second = second.select(first.columns)
        return pl.concat([first, second])
    return [*first, *second]


def kind_of_rows(X):
    """Say what a container of rows holds, in words that messages can use."""
    if hasattr(X, "columns"):
        return f"a frame with the columns {list(X.columns)}"
    if isinstance(X, list):
        X = np.asarray(X, dtype=object if X and isinstance(X[0], str) else None)
    words = "sparse rows" if sp.issparse(X) else "rows"
    return f"{words} of shape {tuple(X.shape[1:])}"


def check_columns(first, second):
    """Refuse a frame that has not the columns of the rows before."""
    before, now = list(first.columns), list(getattr(second, "columns", []))
    if set(before) != set(now):
        raise ValueError(
            f"X must have the columns of the rows before, {before}, got {now}."
        )
