"""What lies in a file or a table, told by its library, which is not imported."""

from __future__ import annotations

import sys


def as_stored(X):
    """Return what is read by rows from a file or a table as StoredRows; else X."""
    maker = _MAKERS.get(type(X).__module__.partition(".")[0])
    rows = None if maker is None else maker(X)
    return X if rows is None else rows


def _of_zarr(X):
    from skal._data.zarr_rows import ZarrRows

    return ZarrRows(X) if getattr(X, "shape", ()) and hasattr(X, "chunks") else None


def _of_h5py(X):
    import h5py

    from skal._data.hdf5_rows import HDF5Rows

    return HDF5Rows(X) if isinstance(X, h5py.Dataset) and is_row_wise(X) else None


def is_row_wise(X):
    """Tell whether a dataset has rows; one of a closed file is asked for them later."""
    return not X or X.shape not in ((), None)


def _of_pyarrow(X):
    import pyarrow as pa

    from skal._data.table_rows import ArrowRows, ParquetRows

    if isinstance(X, pa.Array | pa.ChunkedArray):
        X = pa.table({"X": X})
    elif isinstance(X, pa.RecordBatch):
        X = pa.Table.from_batches([X])
    if isinstance(X, pa.Table):
        return ArrowRows(X)
    return ParquetRows(X) if hasattr(X, "get_fragments") else None


def _of_datasets(X):
    known = sys.modules.get("datasets.arrow_dataset")
    if known is None:  # a module of the user's by the same name
        return None
    from skal._data.hugging_face_rows import HuggingFaceRows

    Dataset = known.Dataset
    if isinstance(getattr(X, "source", None), Dataset):  # a column of one
        X = X.source.select_columns(X.column_name)
    return HuggingFaceRows(X) if isinstance(X, Dataset) else None


_MAKERS = {
    "zarr": _of_zarr,
    "h5py": _of_h5py,
    "pyarrow": _of_pyarrow,
    "datasets": _of_datasets,
}
