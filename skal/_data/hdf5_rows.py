"""Rows of an HDF5 dataset."""

import numpy as np

from skal._data.array_rows import ArrayRows

#: Bytes to read at least where rows are not stored in chunks.
_CELL_BYTES = 2**16


class HDF5Rows(ArrayRows):
    """Rows of an HDF5 dataset, with or without chunks.

    h5py reads positions that rise, slowly; slices it reads fast. A pickle opens the
    file again.
    """

    def __init__(self, X):
        if not X:
            raise ValueError(
                "X must be a dataset of an open HDF5 file, got one of a closed file. "
                "Keep the file open while the pool is in use."
            )
        row_bytes = X.dtype.itemsize * np.prod(X.shape[1:], dtype=float)
        usual = int(_CELL_BYTES // max(row_bytes, 1))
        super().__init__(X, X.chunks[0] if X.chunks else usual)

    def _slice(self, start, stop):
        import h5py

        is_texts = h5py.check_string_dtype(self.dtype) is not None
        rows = self.X.asstr() if is_texts else self.X
        return np.asarray(rows[int(start) : int(stop)])

    def __getstate__(self):
        """Name the file and the dataset, which cannot travel."""
        return {**super().__getstate__(), "X": (self.X.file.filename, self.X.name)}

    def __setstate__(self, state):
        """Open the file again."""
        import h5py

        path, name = state["X"]
        vars(self).update(state, X=h5py.File(path, "r")[name])
