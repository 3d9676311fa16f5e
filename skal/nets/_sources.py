"""Sources: rows of anything a net reads, handed out a batch at a time."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from skal._data import MultiInput
from skal.nets._dataset_source import DatasetSource
from skal.nets._layout import SEQUENCE, Layout, SetLayout
from skal.nets._rows import as_part, is_whole, stack, the_row
from skal.nets._targets import targets_of
from skal.nets._tensor_set import TensorSet

__all__ = ["ArraySource", "is_dataset", "open_source", "targets_of"]


def open_source(X, ids=False):
    """Return the source of an array, sparse matrix, tensor, set, list or data set.

    ``ids`` tells whether whole numbers stay what they are.
    """
    if isinstance(X, IterableDataset):
        raise TypeError(
            "X must be a data set whose rows can be asked for by position, got "
            f"{type(X).__name__}, an IterableDataset. Write __len__ and __getitem__, "
            "or make an array of it in one pass: skal.datasets.embed_to(path, X)."
        )
    if (X.shape[0] if hasattr(X, "shape") else len(X)) == 0:
        raise ValueError(
            f"X must hold at least one row, got an empty {type(X).__name__}."
        )
    if isinstance(X, MultiInput):
        return SetSource(X)
    if isinstance(X, TensorDataset):
        the_row(X.tensors, X)
        return ArraySource(X.tensors[0], ids)
    if is_dataset(X):
        return DatasetSource(X, ids)
    return SequenceSource(X) if isinstance(X, list) else ArraySource(X, ids)


def is_dataset(X):
    """Tell whether X is a torch data set, or a list of what one holds."""
    if isinstance(X, Dataset):
        return True
    if not isinstance(X, list) or not X:
        return False
    if isinstance(X[0], tuple) and len(X[0]) == 2:  # a pair; a row of a table is none
        first = X[0][0]
        if hasattr(first, "__array_interface__") and np.ndim(first) > 0:
            return True
    first = X[0][0] if isinstance(X[0], tuple) and X[0] else X[0]
    return isinstance(first, torch.Tensor)


class ArraySource:
    """Rows of an array of any rank, a memory map, a CSR matrix or a tensor.

    ``ids`` tells whether whole numbers stay what they are.
    """

    def __init__(self, X, ids=False):
        self.X = X
        self.row_shape = tuple(X.shape[1:])
        self.pixels = X.dtype in (np.uint8, torch.uint8)
        self.ids = ids and is_whole(X.dtype)
        self.library = torch if isinstance(X, torch.Tensor) else np

    def __len__(self):
        return self.X.shape[0]

    @property
    def holds_whole_numbers(self):
        """Whether the rows are whole numbers, but no pixels."""
        return is_whole(self.X.dtype)

    def layout(self, arrange):
        """Return the layout of the rows, in the shape that a function makes of it."""
        shape = self.row_shape if self.ids else arrange(self.row_shape)
        return Layout(shape, self.pixels, self.ids)

    def blank(self):
        """Return a row of zeros; of ids and masks, which may not be, the first."""
        row = self.take(np.zeros(1, np.int64))
        return row if self.ids else row.new_zeros(row.shape)

    def take(self, where):
        """Return a copy of the rows at positions, or in a slice, as a tensor.

        uint8 or float32, ids int64 or bool: the copy is small, of one batch.
        """
        if self.library is torch:
            rows = self.X[where].detach()
            return rows.to(self._dtype(), copy=True)
        rows = self.X[where if isinstance(where, slice) else np.asarray(where)]
        if sp.issparse(rows):
            rows = rows.toarray()
        with np.errstate(over="ignore"):  # infinity is found by who asks
            rows = np.array(rows, dtype=self._dtype())
        return torch.from_numpy(rows)

    def _dtype(self):
        if self.ids:
            is_bool = self.X.dtype in (torch.bool, np.bool_)
            return self.library.bool if is_bool else self.library.int64
        return self.library.uint8 if self.pixels else self.library.float32


class SequenceSource:
    """Rows that are lists of ids, each of its own length."""

    row_shape = SEQUENCE
    pixels = holds_whole_numbers = False

    def __init__(self, X):
        self.X = X

    def __len__(self):
        return len(self.X)

    def layout(self, arrange):
        """Return the layout of sequences."""
        return Layout(SEQUENCE, pixels=False, ids=True)

    def blank(self):
        """Return the first row."""
        return self.X[:1]

    def take(self, where):
        """Return the ids at positions, or in a slice, padded, and their mask."""
        if isinstance(where, slice):
            where = range(where.start, where.stop)
        rows = [as_part(self.X[int(i)]) for i in where]
        if any(row.dim() != 1 for row in rows):
            raise ValueError(
                "X must hold a sequence of ids a row, got a row of shape "
                f"{next(tuple(row.shape) for row in rows if row.dim() != 1)}."
            )
        return stack(rows, ids=True)


class SetSource:
    """Rows of several parts, each a source of its own; they go in as they are."""

    row_shape = ()
    pixels = holds_whole_numbers = False

    def __init__(self, X):
        self.parts = {key: source_of(key, part) for key, part in X.parts.items()}
        self.columns = {
            key: tuple(map(str, part.columns))
            for key, part in X.parts.items()
            if hasattr(part, "columns")
        }

    def __len__(self):
        return len(next(iter(self.parts.values())))

    def layout(self, arrange):
        """Return the layouts of the parts."""
        layouts = {
            key: replace(one.layout(lambda s: s), columns=self.columns.get(key))
            for key, one in self.parts.items()
        }
        return SetLayout(layouts)

    def blank(self):
        """Return a row that looks like the others."""
        return MultiInput.of({key: one.blank() for key, one in self.parts.items()})

    def take(self, where):
        """Return the rows at positions, or in a slice."""
        return TensorSet({key: one.take(where) for key, one in self.parts.items()})


def source_of(key, part):
    """Return the source of a part, which is refused by its name if it holds words."""
    if isinstance(part, list):
        return SequenceSource(part)
    if hasattr(part, "to_numpy"):
        part = part.to_numpy()
    if part.dtype == object:
        part = as_numbers(key, part)
    if not isinstance(part, torch.Tensor) and part.dtype.kind not in "fiub":
        raise no_numbers(key, part.dtype)
    return ArraySource(part.tocsr() if sp.issparse(part) else part, ids=True)


def as_numbers(key, part):
    """Return an array of objects, such as a frame of several types holds, as floats."""
    try:
        return part.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise no_numbers(key, "words or other objects") from error


def no_numbers(key, found):
    """Build the ValueError for a part that holds no numbers."""
    return ValueError(
        f"X must hold numbers in the part {key!r}, got {found}. Encode it first: "
        "sklearn.preprocessing.OrdinalEncoder makes numbers of words."
    )
