"""Reading a data set in pieces, here or ahead of time in worker processes.

A piece fixes the random numbers that are drawn while it is read, so that the number of
workers changes nothing.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from skal.nets._rows import join


class Reader(Dataset):
    """A source whose items are pieces: positions, and the key of what they draw."""

    def __init__(self, source, training=False):
        self.source = source
        self.training = training

    def __getitem__(self, piece):
        positions, key = piece
        return self.source.take(positions, self.training, key)


def read_pieces(source, pieces, num_workers):
    """Yield the rows of slices of a source, each a batch, in order."""
    reader = Reader(source)
    keyed = [(piece, (0, number)) for number, piece in enumerate(pieces)]
    n_workers = workers_for(num_workers, len(keyed))
    if n_workers == 0:
        for piece in keyed:
            yield reader[piece]
    else:
        yield from loader(reader, keyed, n_workers)


class ReadAhead:
    """Rows to train on, in the order in which the steps take them.

    Parameters
    ----------
    source : DatasetSource
        The rows.
    positions : ndarray of int
        Those to train on.
    num_workers : int
        Processes that read; 0 reads when a step asks.
    stream : int, default=0
        Tells what is drawn at random from what another stream of the fit draws.
    """

    def __init__(self, source, positions, num_workers, stream=0):
        self.positions = positions
        self.reader = Reader(source, training=True)
        self.n_workers = workers_for(num_workers, len(positions))
        self.seed = torch.initial_seed()  # of the fit that is under way
        self.stream = stream
        self.count = 0
        self.order = []
        self.ready: deque[Any] = deque()
        self.coming = iter(())
        self.loader = None

    def begin(self, order, sizes):
        """Take note of the next order of the rows, cut into pieces of some sizes."""
        self.ready.extend(self.coming)  # what the step in the making still waits for
        parts = torch.as_tensor(self.positions)[order].split(sizes)
        self.order[:] = [
            (part.tolist(), (self.seed, self.count + i, self.stream))
            for i, part in enumerate(parts)
        ]
        self.count += len(parts)
        if self.n_workers == 0:
            self.coming = map(self.reader.__getitem__, list(self.order))
            return
        if self.loader is None:
            self.loader = loader(self.reader, self.order, self.n_workers, keep=True)
        self.coming = iter(self.loader)

    def take(self, n_rows):
        """Return the next rows."""
        parts = []
        while n_rows > 0:
            part = self.ready.popleft() if self.ready else next(self.coming)
            parts.append(part)
            n_rows -= len(part)
        return join(parts)


def loader(reader, pieces, n_workers, *, keep=False):
    """Return a DataLoader of pieces, which draws from no random state but its own."""
    return DataLoader(
        reader,
        batch_size=None,
        sampler=pieces,
        num_workers=n_workers,
        collate_fn=as_it_is,
        persistent_workers=keep,
        generator=torch.Generator().manual_seed(0),
    )


def as_it_is(batch):
    """Return a batch."""
    return batch


def workers_for(num_workers, n_pieces):
    """Return how many workers to start: none for a single piece, and no idle ones."""
    if n_pieces < 2 or multiprocessing.current_process().daemon:
        return 0
    return min(num_workers, n_pieces, n_cores())


def n_cores():
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
