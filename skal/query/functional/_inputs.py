"""What the formulas take: arrays checked, then read block by block of rows."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skal._checks import check_int
from skal._half import as_single
from skal.exceptions import PoolExhaustedError

#: Numbers in a block: small enough to stay in the second-level cache.
_BLOCK = 2**17
#: Up to so many classes a block is turned to columns, so that numpy's loops run
#: along the rows, which are many, and not along the classes, which are few.
FEW_CLASSES = 64
#: The same for the entropy, whose sum over classes is fast along few of them.
FEW_TERMS = 8


def check_proba(proba):
    """Return class probabilities as an array of rank 2."""
    return check_array("proba", np.asarray(proba), 2, "(n, C)")


def check_samples(samples):
    """Return a committee's class probabilities as an array of rank 3."""
    return check_array("samples", np.asarray(samples), 3, "(S, n, C)")


def check_array(name: str, values: NDArray[Any], rank: int, shape: str) -> NDArray[Any]:
    """Return values if they are numbers of the right rank with nothing missing."""
    if values.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be real numbers, got dtype {str(values.dtype)!r}. "
            "Give an array of floats."
        )
    axes = (*values.shape[:-2], *values.shape[-1:])
    if values.ndim != rank or 0 in axes:
        raise ValueError(
            f"{name} must be an array of shape {shape}, got {values.shape!r}. "
            "Only n may be 0."
        )
    return values


def check_table(name, values):
    """Return values as floats of shape (n, d); (n,) becomes (n, 1), None stays."""
    if values is None:
        return None
    if sp.issparse(values):
        return values.tocsr()
    values = np.asarray(values)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    values = check_array(name, values, 2, "(n,) or (n, d)")
    if values.dtype == np.float16:
        return as_single(values)
    return values.astype(np.result_type(values.dtype, np.float32), copy=False)


def check_pool(E, n_instances, labeled=None):
    """Return embeddings of a pool and of the labelled rows, None where there are none.

    Refuse more picks than rows, and labelled rows of another width.
    """
    E, labeled = check_table("E", E), check_table("labeled", labeled)
    check_batch(n_instances, E.shape[0])
    if labeled is None or labeled.shape[0] == 0:
        return E, None
    if labeled.shape[1] != E.shape[1]:
        raise ValueError(
            f"labeled must have the {E.shape[1]} columns of E, got shape "
            f"{labeled.shape}. Give both in the same features."
        )
    return E, labeled


def check_finite(name, values):
    """Return a table, dense or CSR, if all of its numbers are finite."""
    # The sum of a CSR matrix sorts it in place, which is not ours to do.
    numbers = values.data if sp.issparse(values) else values
    with np.errstate(invalid="ignore", over="ignore"):
        if not np.isfinite(numbers.sum(dtype=np.float64)):
            raise ValueError(
                f"{name} must hold finite numbers, got NaN or infinity. Impute them "
                "first."
            )
    return values


def check_batch(n_instances, n):
    """Return the size of a batch that a pool of n rows can give."""
    if check_int("n_instances", n_instances) > n:
        raise PoolExhaustedError(
            f"n_instances must be at most {n}, the number of rows of the pool, got "
            f"{n_instances}."
        )
    return n_instances


def check_weights(name, weights, n):
    """Return one weight a row, from 0 up and not all 0; None stays."""
    if weights is None:
        return None
    weights = check_table(name, weights)
    if weights.shape != (n, 1) or not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(
            f"{name} must be {n} finite numbers from 0 up, one a row, got "
            f"{len(weights)} from {weights.min()!s} to {weights.max()!s}. Clip them."
        )
    return weights[:, 0]


def by_blocks(formula, values, few=FEW_CLASSES):
    """Apply a formula over the last axis to block after block of rows."""
    *_, n, width = values.shape
    size = max(1, _BLOCK * n // max(1, values.size))
    dtype = np.result_type(values.dtype, np.float32)
    out = np.empty(n, dtype)
    for start in range(0, n, size):
        rows = slice(start, start + size)
        block = values[..., rows, :]
        if width <= few:  # the classes first in memory: (C, ..., m)
            columns = np.moveaxis(block, -1, 0)
            block = np.moveaxis(np.ascontiguousarray(columns, dtype), 0, -1)
        out[rows] = formula(np.asarray(block, dtype))
    return out
