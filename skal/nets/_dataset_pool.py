"""DatasetPool: a data set as a pool, with a transform to train and one to ask."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
from torch.utils.data import Dataset, IterableDataset

from skal.nets._row_cache import RowCache
from skal.nets._rows import is_sequence, items, the_row
from skal.nets._targets import known_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any

    from numpy.typing import NDArray


class DatasetPool(Dataset):
    """A map-style data set as a pool of rows, which are read when they are needed.

    What ``query`` returns, and what a learner keeps of the labelled rows, are
    positions: rows are read again for each training step, changed by
    ``train_transform``, and for each pass, changed by ``transform``.

    Parameters
    ----------
    dataset : torch Dataset, Dataset of Hugging Face or sequence
        Has a length, and an item at each position: ImageFolder, ConcatDataset, Subset,
        a list of rows.
    transform : callable, default=None
        Takes a row, returns what the net sees: a tensor or an array, or a dict or a
        tuple of those. None takes rows as they are.
    train_transform : callable, default=None
        The same for rows to train on, where it may draw random numbers. None is
        ``transform``.
    target : str, int or False, default=None
        The place of the label in an item; what is left is the row. False says that
        items hold no label. None takes rows alone and pairs (row, label), and refuses
        any other item.
    cache : path-like, default=None
        A folder that keeps the rows of ``dataset``, before the transforms, in a file
        that is mapped into memory: each is read from ``dataset`` once. They must be
        arrays, tensors or images of one shape, and come back as what they were.

    See Also
    --------
    NetClassifier : Reads such a pool in ``num_workers`` processes.
    skal.MultiInput : Arrays of several inputs.

    Notes
    -----
    ``pool[5]`` is an item, ``pool[[5, 2]]`` and ``pool[:100]`` are pools. A pickle
    holds the data set and the transforms, not the rows, so these must be picklable; the
    cache stays where it is. A run that is interrupted leaves the cache whole: a row
    counts from when it has been written.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.nets import DatasetPool
    >>> films = [{"words": np.ones(3) * i, "stars": i} for i in range(5)]
    >>> pool = DatasetPool(films, target="stars", transform=lambda words: words / 2)
    >>> pool[[4, 1]].targets.tolist()
    [4, 1]
    >>> pool[4]
    (array([2., 2., 2.]), 4)
    """

    def __init__(
        self,
        dataset: Any,
        *,
        transform: Callable[[Any], Any] | None = None,
        train_transform: Callable[[Any], Any] | None = None,
        target: str | int | bool | None = None,
        cache: str | PathLike[str] | None = None,
    ) -> None:
        check_map_style(dataset)
        for name, value in {
            "transform": transform,
            "train_transform": train_transform,
        }.items():
            if value is not None and not callable(value):
                raise TypeError(f"{name} must be a function of a row, got {value!r}.")
        kept = None if cache is None else RowCache(cache, len(dataset))
        base = Base(dataset, transform, train_transform, target, kept)
        self._bases: tuple[Base, ...] = (base,)
        self._where: NDArray[np.int64] = np.stack(
            [np.zeros(len(dataset), np.int64), np.arange(len(dataset))], axis=1
        )  # (n, 2): which base, which of its rows
        if len(dataset):
            base.row(0)  # an item that is not understood is refused at once

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._where)

    def __repr__(self) -> str:
        """Count the rows, and name where they come from."""
        of = ", ".join(type(base.dataset).__name__ for base in self._bases)
        return f"DatasetPool({len(self)} rows of {of})"

    def __getitem__(self, where: Any) -> Any:
        """Return an item, its row transformed; of several positions a pool."""
        if isinstance(where, tuple) and where[1:] == (Ellipsis,):  # of scikit-learn
            where = where[0]
        if not isinstance(where, int | np.integer):
            if not isinstance(where, slice):
                where = np.asarray(where)
                where = np.flatnonzero(where) if where.dtype == bool else where
            return self.take_rows(where)
        number, position = self._where[int(where)].tolist()
        return self._bases[number].item(position)

    @property
    def shape(self) -> tuple[int]:
        """The shape: one dimension, the rows. So scikit-learn takes pools of it."""
        return (len(self),)

    @property
    def targets(self) -> NDArray[Any]:
        """The labels of all rows, read without the rows where the data set allows it.

        Raises
        ------
        ValueError
            If the items hold no label.
        """
        found = []
        for number, base in enumerate(self._bases):
            at = self._where[self._where[:, 0] == number, 1]
            found.append(base.targets(at))
        labels = np.concatenate(found)
        order = np.argsort(self._where[:, 0], kind="stable")
        return labels[np.argsort(order, kind="stable")]

    def rows(self, positions: Any, training: bool = False) -> list[Any]:
        """Return rows as the net is to see them.

        Parameters
        ----------
        positions : sequence of int
            Which.
        training : bool, default=False
            Whether they are to train on.

        Returns
        -------
        list
            The rows, transformed.
        """
        found = []
        for number, position in self._where[list(positions)].tolist():
            base = self._bases[number]
            found.append(base.transformed(base.row(position), training))
        return found

    def row_names(self) -> list[str]:
        """Return what tells each row apart: its data set and its position there.

        Returns
        -------
        list of str
            A name a row.
        """
        names = [base.name for base in self._bases]
        return [f"{names[number]} {at}" for number, at in self._where.tolist()]

    def take_rows(self, positions: Any) -> DatasetPool:
        """Return the pool of some rows; nothing is read.

        Parameters
        ----------
        positions : ndarray of int or slice
            Which.

        Returns
        -------
        DatasetPool
            The rows, in this order.
        """
        pool = copy(self)
        if not isinstance(positions, slice) and len(positions) == 0:
            positions = np.empty(0, np.int64)
        pool._where = self._where[positions]
        return pool

    def concat_rows(self, other: Any) -> DatasetPool:
        """Return these rows and others; nothing is read.

        Parameters
        ----------
        other : DatasetPool
            The rows that follow, of the same data set or of another.

        Returns
        -------
        DatasetPool
            All of them.

        Raises
        ------
        ValueError
            If the others are no DatasetPool.
        """
        if not isinstance(other, DatasetPool):
            raise ValueError(
                "X must be rows of a DatasetPool, as those before, got a "
                f"{type(other).__name__}. Take them by position: pool[[3, 7]]."
            )
        pool = copy(self)
        known = {base.name: number for number, base in enumerate(self._bases)}
        for base in other._bases:
            known.setdefault(base.name, len(known))
        pool._bases = self._bases + tuple(
            base for base in other._bases if known[base.name] >= len(self._bases)
        )
        numbers = np.array([known[base.name] for base in other._bases], np.int64)
        theirs = other._where.copy()
        theirs[:, 0] = numbers[theirs[:, 0]]
        pool._where = np.concatenate([self._where, theirs])
        return pool


@dataclass
class Base:
    """A data set, and what becomes of its items. Copies of it have the same name."""

    dataset: Any
    transform: Callable[[Any], Any] | None
    train_transform: Callable[[Any], Any] | None
    target: Any
    cache: RowCache | None
    name: str = field(default_factory=lambda: uuid4().hex)

    def row(self, position):
        """Return a row as the data set has it, or the cache."""
        if self.cache is None:
            return self._read(position)[0]
        return self.cache.row(position, lambda at: self._read(at)[0])

    def item(self, position):
        """Return a row as the net sees it, with its label where there is one."""
        row, label = self._read(position)
        row = self.transformed(row, training=False)
        return row if label is _NO_LABEL else (row, label)

    def transformed(self, row, training):
        """Return what the net sees of a row."""
        change = self.transform
        if training and self.train_transform is not None:
            change = self.train_transform
        return row if change is None else change(row)

    def targets(self, positions):
        """Return the labels at some positions."""
        known = self._known_targets()
        if known is not None:
            return np.asarray(known)[positions]
        labels = [self._read(position)[1] for position in positions.tolist()]
        if any(label is _NO_LABEL for label in labels):
            raise ValueError(
                "target must name the label of an item, got items without one "
                f"({self.target!r}). Pass y beside the pool."
            )
        return np.asarray(labels)

    def _known_targets(self):
        if isinstance(self.target, str) and hasattr(self.dataset, "column_names"):
            return self.dataset[self.target][:]
        return known_targets(self.dataset) if self.target is None else None

    def _read(self, position):
        return split(items(self.dataset, [position])[0], self.target, self.dataset)


#: Stands for the label of an item that has none.
_NO_LABEL = object()


def split(item, target, dataset):
    """Return the row and the label of an item."""
    if target is None:
        row = the_row(item, dataset)
        paired = isinstance(item, tuple | list) and len(item) == 2
        paired = paired and not is_sequence(item)
        return row, item[1] if paired else _NO_LABEL
    if target is False:
        return item, _NO_LABEL
    rest: Any
    if isinstance(item, Mapping):
        if target not in item:
            raise ValueError(f"target must be one of {list(item)}, got {target!r}.")
        rest = {key: part for key, part in item.items() if key != target}
        parts = list(rest.values())
    elif isinstance(item, tuple | list) and isinstance(target, int):
        if not -len(item) <= target < len(item):
            raise ValueError(
                f"target must be a place among the {len(item)} things of an item, got "
                f"{target!r}."
            )
        parts = [part for i, part in enumerate(item) if i != target % len(item)]
        rest = tuple(parts)
    else:
        raise ValueError(
            f"target must be None or False for items of {type(item).__name__}, a name "
            f"for dicts, a place for tuples, got {target!r}."
        )
    if not parts:
        raise ValueError(f"target must leave a row in an item, got {target!r}.")
    return parts[0] if len(parts) == 1 else rest, item[target]


def check_map_style(dataset):
    """Refuse what has no rows at positions, with the way out."""
    if isinstance(dataset, DatasetPool):
        raise TypeError("dataset must be no DatasetPool itself. Take pool[positions].")
    if isinstance(dataset, IterableDataset):
        way_out = "Write a Dataset with __len__ and __getitem__, or pass list(dataset)."
    elif hasattr(dataset, "dataset") and hasattr(dataset, "batch_size"):
        way_out = "Pass the data set that it loads, loader.dataset."
    elif hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__"):
        return
    else:
        way_out = "Make it a list, list(dataset)."
    raise TypeError(
        "dataset must be a data set whose items can be asked for by position, got "
        f"{type(dataset).__name__}. {way_out}"
    )
