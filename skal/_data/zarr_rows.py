"""Rows of a zarr array."""

from skal._data.array_rows import ArrayRows


class ZarrRows(ArrayRows):
    """Rows of a zarr array, which is compressed chunk by chunk."""

    def __init__(self, X):
        super().__init__(X, X.chunks[0])
