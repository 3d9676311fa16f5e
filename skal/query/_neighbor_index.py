"""An index of a pool, which finds the nearest rows and remembers them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal._checks import check_choice, check_int, name_of
from skal._data import as_rows
from skal._model import flatten
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_finite, check_table
from skal.query.functional._nearest import search

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from numpy.typing import NDArray

METHODS = ("exact", "usearch", "hnswlib")


class NeighborIndex:
    """The rows of a pool, laid out so that the nearest to any row are found at once.

    Build it once and pass it to :class:`Neighbours`, whose queries then search around
    new labels alone: what was found for a row is remembered. Clones of a strategy
    share the index; a pickle holds it, but not what it remembers.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        The pool, the rows in the order of the pool that will be queried.
    embed : callable, default=None
        Turns rows into vectors, (m, d), such as the ``transform`` of a fitted PCA or
        the ``embed`` of a net; to be pickled it must be a function of a module, or a
        method. None takes the rows themselves, flattened.
    method : {"exact", "usearch", "hnswlib"}, default="exact"
        How to search. "exact" compares a row with all of the pool, by matrix products;
        the others walk a graph (HNSW), are approximate and need the library of their
        name: ``pip install skal[index]``.

    Attributes
    ----------
    n_rows : int
        The rows of the pool.
    n_features : int
        The width of the vectors.

    Raises
    ------
    ValueError
        If X is empty, its vectors are not finite numbers, or the method is unknown.
    TypeError
        If X is sparse and the method takes dense rows alone.
    ImportError
        If the library of ``method`` is not installed.

    See Also
    --------
    Neighbours : Asks only around what is labelled.
    skal.query.functional.nearest_rows : The exact search by itself.

    Notes
    -----
    Cost: O(n d) to build "exact" for n rows of d features, O(n d) a row searched
    for. A graph costs O(d log n) a row, but O(n d log n) to build: minutes for a
    million rows, where an exact search of ten rows takes a tenth of a second.

    References
    ----------
    Malkov, Y., Yashunin, D. (2020). Efficient and robust approximate nearest neighbor
    search using hierarchical navigable small world graphs. TPAMI. arXiv:1603.09320

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.query import NeighborIndex
    >>> X, y = load_digits(return_X_y=True)
    >>> index = NeighborIndex(X)
    >>> y[index.search(X[[9]], n_neighbors=5)]
    array([[9, 9, 9, 9, 9]])
    """

    def __init__(
        self,
        X: Any,
        *,
        embed: Callable[[Any], Any] | None = None,
        method: str = "exact",
    ) -> None:
        self.method = check_choice("method", method, METHODS)
        self._embed, self._centre = embed, None
        vectors = self._vectors(X)
        if not sp.issparse(vectors) and vectors.dtype != np.float32:
            self._centre = vectors.mean(axis=0)  # or float32 would lose an offset
            vectors = (vectors - self._centre).astype(np.float32)
        self.n_rows, self.n_features = vectors.shape
        kind: Any = Exact if method == "exact" else Graph
        self._searcher = kind(vectors, method)
        self._found: dict[tuple[int, bytes], NDArray[np.int64]] = {}

    def __sklearn_clone__(self) -> Self:
        """Stay itself: it never changes, and may be large."""
        return self

    def __repr__(self) -> str:
        """Say how many rows it holds."""
        return f"<NeighborIndex of {self.n_rows} rows, {self.method}>"

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what was found."""
        return {**vars(self), "_found": {}}

    def search(self, rows: Any, n_neighbors: int = 100) -> NDArray[np.int64]:
        """Find the rows of the pool that are nearest to some rows.

        Parameters
        ----------
        rows : array-like or Rows of shape (m, ...)
            Rows as those of the pool.
        n_neighbors : int, default=100
            How many to find for each; all of the pool where it has fewer rows.

        Returns
        -------
        ndarray of int64 of shape (m, min(n_neighbors, n_rows))
            Positions in the pool, the nearest first.

        Raises
        ------
        ValueError
            If the rows have another width than those of X.
        """
        k = min(check_int("n_neighbors", n_neighbors), self.n_rows)
        vectors = self._vectors(rows)
        if vectors.shape[1] != self.n_features:
            raise ValueError(
                f"rows must have the {self.n_features} features of X, got "
                f"{vectors.shape[1]}. Give rows as the learner sees them."
            )
        keys = [(k, key) for key in keys_of(vectors)]
        new = [i for i, key in enumerate(keys) if key not in self._found]
        if new:
            nearest = self._searcher.search(vectors[new], k)
            for i, found in zip(new, nearest, strict=True):
                self._found[keys[i]] = found
        found = [self._found[key] for key in keys]
        return np.stack(found) if found else np.empty((0, k), np.int64)

    def _vectors(self, rows):
        data = as_rows(rows).data()
        vectors = flatten(data) if self._embed is None else self._embed(data)
        vectors = check_finite("X", check_table("X", vectors))
        if self._centre is not None and vectors.shape[1] == len(self._centre):
            vectors = (vectors - self._centre).astype(np.float32)
        return vectors


class Exact:
    """All distances, by matrix products; CSR rows stay sparse."""

    def __init__(self, vectors, method):
        self.points = Points(vectors)

    def search(self, vectors, k):
        return search(self.points, vectors, k)


class Graph:
    """A graph of a library, walked towards the nearest rows."""

    def __init__(self, vectors, method):
        if sp.issparse(vectors):
            raise TypeError(
                f"X must be dense for method={method!r}, got a sparse matrix. Use "
                "'exact', or embed= rows densely."
            )
        self.method, self.shape = method, vectors.shape
        library = library_of(method)
        if method == "usearch":
            self.graph = library.index.Index(ndim=self.shape[1], metric="l2sq")
            self.graph.add(np.arange(len(vectors)), vectors, threads=1)
        else:
            self.graph = library.Index(space="l2", dim=self.shape[1])
            self.graph.init_index(max_elements=len(vectors), random_seed=0)
            self.graph.add_items(vectors, num_threads=1)

    def search(self, vectors, k):
        if self.method == "usearch":
            self.graph.expansion_search = max(64, 2 * k)
            return self._filled(self.graph.search(vectors, k, threads=1).keys, k)
        self.graph.set_ef(max(64, 2 * k))
        return self._filled(self.graph.knn_query(vectors, k, num_threads=1)[0], k)

    def _filled(self, found, k):
        return np.asarray(found).reshape(-1, k).astype(np.int64)

    def __getstate__(self):
        graph = bytes(self.graph.save()) if self.method == "usearch" else self.graph
        return {**vars(self), "graph": graph}

    def __setstate__(self, state):
        vars(self).update(state)
        if self.method == "usearch":
            self.graph = library_of("usearch").index.Index.restore(self.graph)


def library_of(method):
    """Import the library of a method."""
    try:
        module = import_module(method)
        if method == "usearch":
            import_module("usearch.index")
    except ImportError as error:
        raise ImportError(
            f"method={method!r} needs {method}. Install it: pip install skal[index], "
            "or search with method='exact'."
        ) from error
    return module


def keys_of(vectors):
    """Return what stands for each vector: the bytes that it holds."""
    if sp.issparse(vectors):
        ends = zip(vectors.indptr[:-1], vectors.indptr[1:], strict=True)
        rows = (slice(*pair) for pair in ends)
        return [
            vectors.indices[row].astype(np.int64).tobytes()
            + vectors.data[row].tobytes()
            for row in rows
        ]
    return [row.tobytes() for row in np.ascontiguousarray(vectors)]


def check_index(index):
    """Refuse what is no index to search in."""
    if index is None:
        return
    if not isinstance(index, NeighborIndex):
        raise TypeError(
            f"index must be a NeighborIndex or None, got {name_of(index)}. Pass "
            "NeighborIndex(X) of the pool."
        )
