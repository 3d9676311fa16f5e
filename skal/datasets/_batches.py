"""A pool or a stream, handed out a batch at a time, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice

import scipy.sparse as sp

from skal._data import (
    as_multi_input,
    as_stored,
    in_memory,
    is_iterable_dataset,
    is_pool,
    n_rows,
    take_rows,
)
from skal._seed import fork_torch
from skal.datasets._rows import is_number, part_of

_KINDS = "a pool, a DataLoader, an IterableDataset or an iterable of rows or batches"


def open_batches(source, column, batched, batch_size):
    """Return the batches of a source, which ``read`` gives, and their ``n_rows``."""
    if batched not in (None, True, False):
        raise ValueError(f"batched must be True, False or None, got {batched!r}.")
    if has_slices_of_columns(source):
        return PoolBatches(source, batch_size, lambda rows: part_of(rows, column))
    if is_stream(source):
        return stream_of(source, column, batched, batch_size)
    source = as_multi_input(as_stored(source))
    if not is_pool(source):
        raise TypeError(f"source must be {_KINDS}, got {source!r}.")
    names = getattr(getattr(source, "schema", None), "names", None)
    alone = names == [column]
    return PoolBatches(
        source, batch_size, lambda rows: part_of(rows, None if alone else column)
    )


def has_slices_of_columns(source):
    """Tell whether a source is a Dataset of Hugging Face: a slice of it is a dict."""
    known = type(source).__module__.startswith("datasets.")
    return known and hasattr(source, "features") and not is_iterable_dataset(source)


def is_stream(source):
    """Tell whether a source can only be read from its start."""
    if is_iterable_dataset(source) or is_loader(source):
        return True
    known = isinstance(source, str | bytes | Mapping) or is_pool(source)
    return isinstance(source, Iterable) and not known


def is_loader(source):
    """Tell whether a source is a DataLoader of torch."""
    return hasattr(source, "dataset") and hasattr(source, "batch_sampler")


def stream_of(source, column, batched, batch_size):
    """Return the batches of a stream."""
    if is_loader(source):
        if type(source.sampler).__name__ == "RandomSampler":
            raise ValueError(
                "source must give its rows in one order, got a DataLoader that "
                "shuffles them. Pass shuffle=False, or its data set."
            )
        collates = source.batch_sampler is not None or source.batch_size is not None
        batched = collates or bool(batched)
    elif is_iterable_dataset(source):
        if hasattr(source, "iter"):  # of Hugging Face
            batches = source.iter(batch_size)
            return StreamBatches(part_of(rows, column) for rows in batches)
        batched = bool(batched)
    with fork_torch(0, 0, "embed_to"):  # a loader draws when it starts
        items = iter(source)
    if is_loader(source):  # which makes lists of tuples
        items = (tuple(item) if isinstance(item, list) else item for item in items)
    first = [*islice(items, 1)]
    items = chain(first, items)
    if batched is None and first:
        batched = is_batch(first[0])
    if batched:
        return StreamBatches(part_of(in_memory(rows), column) for rows in items)
    groups = iter(lambda: [*islice(items, batch_size)], [])
    return StreamBatches(part_of(rows, column) for rows in groups)


def is_batch(item):
    """Tell whether what an iterable gives is a batch, not a row."""
    if sp.issparse(item) or hasattr(item, "iloc") or hasattr(item, "num_columns"):
        return True
    parts, most = [item], 1
    if isinstance(item, tuple):
        parts = [*item]
    elif isinstance(item, Mapping):  # of columns, if it is a batch
        parts, most = [*item.values()], 0
    if any(map(is_ambiguous, parts, [most] * len(parts))):
        raise ValueError(
            "batched must be True or False where source gives lists, dicts of arrays, "
            "or arrays of several dimensions: whether each is a batch of rows or a row."
        )
    return False


def is_ambiguous(part, most):
    """Tell whether a part may be of one row or of several."""
    if isinstance(part, list):
        return most == 0 or not all(map(is_number, part))
    return getattr(part, "ndim", 0) > most


class PoolBatches:
    """Batches of a pool, from any row on.

    Parameters
    ----------
    pool : object
        The pool.
    size : int
        Rows a batch.
    finish : callable
        Makes of the rows taken what the embedder sees.
    """

    def __init__(self, pool, size, finish):
        self.pool = pool
        self.size = size
        self.finish = finish
        self.slices = has_slices_of_columns(pool)
        self.n_rows = len(pool) if self.slices else n_rows(pool)

    def read(self, n_known, is_whole):
        """Yield the first batch, the last of the rows known, and those after it."""
        last = max(n_known - 1, 0) // self.size * self.size
        starts = range(last, self.n_rows, self.size)
        for start in chain([0] if last else [], starts):
            if is_whole and start >= n_known:
                return
            where = slice(start, min(start + self.size, self.n_rows))
            rows = self.pool[where] if self.slices else take_rows(self.pool, where)
            yield start, self.finish(rows)

    def holds(self, n_known, seen, is_whole):
        """Tell whether these rows may be those of a file, after reading."""
        return n_known == self.n_rows


class StreamBatches:
    """Batches of a stream, from its start.

    Parameters
    ----------
    batches : iterable
        The batches.
    """

    n_rows = None

    def __init__(self, batches):
        self.batches = batches

    def read(self, n_known, is_whole):
        """Yield all batches; of a file that is whole, the first."""
        start = 0
        for rows in self.batches:
            yield start, rows
            start += n_rows(rows)
            if is_whole:
                return

    def holds(self, n_known, seen, is_whole):
        """Tell whether these rows may be those of a file, after reading."""
        return seen <= n_known if is_whole else seen == n_known
