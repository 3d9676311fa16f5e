"""What is no pool: data whose rows cannot be asked for by position."""

from collections.abc import Mapping
from pathlib import PurePath

import scipy.sparse as sp

from skal._data.dask_rows import DaskRows, is_dask
from skal._data.multi_input import as_multi_input
from skal._data.stored import as_stored

#: So many keys are named.
_FEW = 3
_IN_ONE_PASS = (
    "put its rows into a file in one pass: skal.datasets.embed_to(path, X, embedder)."
)


def check_pool(X, name="X"):
    """Refuse what is no pool by its name, with the way out; return X.

    A dict of arrays is returned as a MultiInput, what is on dask as DaskRows, what lies
    in a file or a table as StoredRows.
    """
    X = DaskRows(X) if is_dask(X) else as_multi_input(as_stored(X))
    way_out = no_pool(X)
    if way_out is not None:
        kind = f"{type(X).__module__}.{type(X).__qualname__}".removeprefix("builtins.")
        raise TypeError(
            f"{name} must be rows that can be asked for by position (an array, sparse "
            f"matrix, frame, tensor, list or torch Dataset), got {kind}. {way_out}"
        )
    return X


def is_pool(X):
    """Tell whether the rows of X can be asked for by position."""
    return no_pool(as_multi_input(as_stored(X))) is None


def no_pool(X):
    """Say what to pass instead of X; None where X is a pool, for all one can tell."""
    if sp.issparse(X):  # of which some are mappings
        return None
    if isinstance(X, str | bytes | PurePath):
        return "Put single texts in a list; read files first."
    if type(X).__module__.startswith(("zarr.core.group", "zarr.hierarchy")):
        return f"Pass an array that it holds: {in_words(X.array_keys())}."
    if isinstance(X, Mapping):
        return (
            f"Pass what it holds under a key: {in_words(X)}; or, for a network of "
            "several inputs, skal.MultiInput(**X)."
        )
    if is_iterable_dataset(X):
        return f"Write a Dataset with __len__ and __getitem__, or {_IN_ONE_PASS}"
    if hasattr(X, "column_names"):  # its rows are not positions
        columns = list(X.column_names)
        return (
            f"Pass a column as a list, {in_words(columns, 'list({})')}, or a frame, "
            "X.to_pandas(); for a network skal.nets.DatasetPool(X, target=...)."
        )
    if getattr(X, "shape", None) == ():
        return "A single value is no row."
    if hasattr(X, "__array__") or (
        hasattr(X, "__getitem__") and (hasattr(X, "shape") or hasattr(X, "__len__"))
    ):
        return None
    if hasattr(X, "dataset"):
        if is_pool(X.dataset):
            return "Pass the data set that it loads, X.dataset."
        return f"Write a Dataset for it to load, or {_IN_ONE_PASS}"
    if hasattr(X, "__iter__"):
        return f"Make it a list, list(X), or, where that is too long, {_IN_ONE_PASS}"
    return "Pass an array."


def is_iterable_dataset(X):
    """Tell whether X is an IterableDataset, of torch or Hugging Face."""
    return any(base.__name__ == "IterableDataset" for base in type(X).__mro__)


def in_words(keys, frame="{}"):
    """Return expressions for the first of some keys of X."""
    first = [frame.format(f"X[{key!r}]") for key in [*keys][:_FEW]]
    return " or ".join(first) or "it has none"
