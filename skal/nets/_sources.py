"""Sources: rows of anything a net reads, handed out a batch at a time."""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset


def open_source(X):
    """Return the source of an array, sparse matrix, tensor or data set."""
    if isinstance(X, IterableDataset):
        raise TypeError(
            "X must be a data set whose rows can be asked for by position, got "
            f"{type(X).__name__}, an IterableDataset. Write __len__ and __getitem__, "
            "or pass arrays."
        )
    if (len(X) if is_dataset(X) else X.shape[0]) == 0:
        raise ValueError(
            f"X must hold at least one row, got an empty {type(X).__name__}."
        )
    if isinstance(X, TensorDataset):
        check_item(X.tensors, X)
        return ArraySource(X.tensors[0])
    return DatasetSource(X) if is_dataset(X) else ArraySource(X)


def is_dataset(X):
    """Tell whether X is a torch data set, or a list of what one holds."""
    if isinstance(X, Dataset):
        return True
    if not isinstance(X, list) or not X:
        return False
    first = X[0][0] if isinstance(X[0], tuple) and X[0] else X[0]
    return isinstance(first, torch.Tensor)


def targets_of(dataset):
    """Return the labels of a data set of pairs (row, label)."""
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2:
        return dataset.tensors[1]
    known = getattr(dataset, "targets", None)
    if known is not None:
        return known
    first = dataset[0]
    if not isinstance(first, (tuple, list)) or len(first) < 2:
        raise ValueError(
            "y must be given for a data set without labels: requires y to be passed, "
            "but the target y is None."
        )
    return np.asarray([dataset[i][1] for i in range(len(dataset))])


def check_item(item, dataset):
    """Refuse an item that is neither a row, (row,) nor a pair (row, label)."""
    if isinstance(item, (tuple, list)):
        got = f"{len(item)} things"
        if len(item) in (1, 2):
            return
    elif isinstance(item, (Mapping, str, bytes)):
        got = f"a {type(item).__name__}"
    else:
        return
    raise ValueError(
        f"X must hold rows or pairs (row, label), got a {type(dataset).__name__} whose "
        f"items are {got} each. Join what a row consists of in one tensor, or wrap "
        "the data set in one that returns the pair."
    )


class ArraySource:
    """Rows of an array of any rank, a memory map, a CSR matrix or a tensor."""

    def __init__(self, X):
        self.X = X
        self.row_shape = tuple(X.shape[1:])
        self.pixels = X.dtype in (np.uint8, torch.uint8)

    def __len__(self):
        return self.X.shape[0]

    def take(self, where):
        """Return a copy of the rows at positions, or in a slice, as a tensor.

        uint8 or float32: the copy is small, of one batch.
        """
        if isinstance(self.X, torch.Tensor):
            rows = self.X[where].detach()
            return rows.to(torch.uint8 if self.pixels else torch.float32, copy=True)
        rows = self.X[where if isinstance(where, slice) else np.asarray(where)]
        if sp.issparse(rows):
            rows = rows.toarray()
        with np.errstate(over="ignore"):  # infinity is found by who asks
            rows = np.array(rows, dtype=np.uint8 if self.pixels else np.float32)
        return torch.from_numpy(rows)


class DatasetSource:
    """Rows of a torch data set, read one by one."""

    def __init__(self, dataset):
        self.dataset = dataset
        first = self.row(0)
        self.row_shape = tuple(first.shape)
        self.pixels = first.dtype == torch.uint8

    def __len__(self):
        return len(self.dataset)

    def row(self, position):
        """Return one row as a tensor: the first of a pair (row, label)."""
        item = self.dataset[position]
        check_item(item, self.dataset)
        row = item[0] if isinstance(item, (tuple, list)) else item
        if isinstance(row, torch.Tensor):
            return row
        return torch.from_numpy(np.array(row))

    def take(self, where):
        """Return the rows at positions, or in a slice, as one tensor."""
        if isinstance(where, slice):
            where = range(where.start, where.stop)
        rows = torch.stack([self.row(int(i)) for i in where])
        return rows if self.pixels else rows.float()
