"""Find rows by their words, or rows like one that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from typing import Any

    from skal.label._pool import Pool


def with_words(pool: Pool, text: str, n: int) -> list[int]:
    """Return the first positions whose text or id holds all the words."""
    words = text.casefold().split()
    found = []
    for position in np.flatnonzero(pool.present).tolist():
        seen = f"{pool.ids[position]}\n{pool.source.text(position)}".casefold()
        if all(word in seen for word in words):
            found.append(position)
            if len(found) == n:
                break
    return found


def neighbours(X: Any, position: int, allowed: np.ndarray, n: int) -> list[int]:
    """Return the allowed positions whose rows point most in the direction of one."""
    rows = vectors(X)
    one = rows[[position]]
    alike = rows @ one.T
    alike = np.ravel(alike.toarray() if sp.issparse(alike) else alike)
    alike[~allowed] = -np.inf
    alike[position] = -np.inf
    n = min(n, int(np.isfinite(alike).sum()))
    return np.argsort(-alike, kind="stable")[:n].tolist()


def vectors(X: Any) -> Any:
    """Return rows of length one; columns of an array are centred and scaled first."""
    if sp.issparse(X):
        X = X.tocsr().astype(float)
        norms = np.sqrt(np.ravel(X.multiply(X).sum(axis=1)))
        return sp.diags_array(1 / np.maximum(norms, 1e-12)) @ X
    X = np.asarray(X, dtype=np.float32).reshape(len(X), -1)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-6)
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)
