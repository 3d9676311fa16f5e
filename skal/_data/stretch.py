"""Consecutive rows of a pool, in parts that are not copied together."""

import numpy as np
import scipy.sparse as sp

from skal._data.containers import n_rows, take_rows


class Stretch:
    """Consecutive rows of a pool in memory, read on the grid of the whole.

    Parameters
    ----------
    parts : list
        The rows, in parts one after the other, none of them empty.
    chunk_rows : int
        How many rows a model is handed at a time.
    start : int
        Where in the pool the first row lies, a multiple of that.
    """

    def __init__(self, parts, chunk_rows, start):
        self.parts = parts
        self.chunk_rows = chunk_rows
        self.start = start
        self.edges = np.cumsum([0, *map(n_rows, parts)])
        self.shape = (int(self.edges[-1]), *getattr(parts[0], "shape", (0,))[1:])

    def take_rows(self, indices):
        """Return rows by rising positions in the stretch, or a slice.

        A slice within a part is a view; of what goes over a seam, no more is copied.
        """
        if isinstance(indices, slice):
            first, last, _ = indices.indices(self.shape[0])
            return self._stacked(
                (k, slice(max(first - edge, 0), last - edge))
                for k, edge, end in self._spans()
                if first < end and last > edge
            )
        indices = np.asarray(indices)
        numbers = np.searchsorted(self.edges, indices, side="right") - 1
        return self._stacked(
            (k, indices[numbers == k] - self.edges[k])
            for k in np.unique(numbers).tolist()
        )

    def _spans(self):
        ends = self.edges.tolist()
        return zip(range(len(self.parts)), ends[:-1], ends[1:], strict=True)

    def _stacked(self, pieces):
        found = [take_rows(self.parts[k], where) for k, where in pieces]
        return stacked(found or [take_rows(self.parts[0], slice(0, 0))])


def stacked(parts):
    """Return parts of rows as one; CSR whatever the format of sparse ones."""
    parts = [part.tocsr() if sp.issparse(part) else part for part in parts]
    if len(parts) == 1:
        return parts[0]
    if sp.issparse(parts[0]):
        return sp.vstack(parts, format="csr")
    if hasattr(parts[0], "iloc"):
        import pandas as pd

        return pd.concat(parts)
    return np.concatenate(parts)
