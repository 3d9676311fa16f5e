"""Find rows by their words, like one that was found, or of one class by the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal.label._item import Item, as_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from skal.label._derived import Derived
    from skal.label._pool import Pool
    from skal.label._state import State


class Finder:
    """Finds rows for whoever looks for them.

    Parameters
    ----------
    state : State
        The rows and their labels.
    derived : Derived
        What the models say.
    """

    def __init__(self, state: State, derived: Derived) -> None:
        self._state = state
        self._derived = derived

    def by_words(self, text: str, n: int) -> list[Item]:
        """Return rows that hold all the words."""
        pool = self._pool()
        return self._shown(pool, with_words(pool, text, n), "search")

    def like(self, id: Any, n: int) -> list[Item]:
        """Return the rows most like one."""
        pool = self._pool()
        position = pool.position(pool.number(as_id(id)))
        if not pool.source.are_made(self._derived):
            raise ValueError(
                "like must wait until the images are known by their features, which "
                f"are being computed, got {as_id(id)!r}. Search by text meanwhile."
            )
        X = pool.features(self._derived)
        found = neighbours(X, position, pool.present, n)
        return self._shown(pool, found, "search")

    def of_class(self, label: Any, n: int) -> list[Item]:
        """Return open rows that the model takes for a class, the surest first."""
        state, name = self._state, self._state.class_name(label)
        with state.lock:
            state.sync()
            pool, is_open = state.pool, state.ledger.open
            taken = {*state.store.leases(), *pool.numbers_reserved()}
            found = [
                pool.position(item)
                for item in self._derived.predictions(label=name)
                if item in pool and is_open[item] and item not in taken
            ]
        return self._shown(pool, found[:n], "batch")

    def _pool(self) -> Pool:
        """Return the rows as they are now; they may change while one looks."""
        with self._state.lock:
            self._state.sync()
            return self._state.pool

    def _shown(self, pool: Pool, positions: Sequence[int], source: str) -> list[Item]:
        items = pool.items[positions].tolist()
        said = self._derived.predictions(items) if items else {}
        return [
            Item(
                pool.ids[position],
                item,
                pool.show(position),
                source=source,
                suggestion=self._state.names.value_of(said.get(item, (None,))[0]),
            )
            for position, item in zip(positions, items, strict=True)
        ]


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
