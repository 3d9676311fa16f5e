"""Features of rows, found by what the rows hold."""

from __future__ import annotations

from hashlib import blake2b
from math import prod
from threading import Lock
from typing import Any

import numpy as np


class FeatureMemory:
    """The features of a module as it is, each computed once.

    Parameters
    ----------
    module : torch.nn.Module
        Whose features they are.
    key : object
        What they depend on beside it.
    files : FeatureFiles or None
        Where they are kept for other processes.
    """

    def __init__(self, module, key, files=None):
        self.module = module
        self.key = key
        self.files = files
        self._lock = Lock()  # clones in other threads share the memory
        self.known: dict[bytes, int] = {}
        # the shapes of rows -> as the module sees them
        self.seen_as: dict[Any, Any] = {}
        self._room = np.empty((0, 0), dtype=np.float32)

    @property
    def features(self):
        """The features of every known row, in the order in which they came."""
        return self._room[: len(self.known)]

    def places(self, rows, compute):
        """Return where the features of rows stand, computing those not yet known."""
        digests = digests_of(rows)
        with self._lock:
            new: dict[bytes, int] = {}  # digest -> its first row
            for i, digest in enumerate(digests):
                if digest not in self.known:
                    new.setdefault(digest, i)
            if new:
                features = self._made(list(new), rows[list(new.values())], compute)
                self._append(list(new), features)
        return [self.known[digest] for digest in digests]

    def _made(self, digests, rows, compute):
        """Return the features of new rows: from files where they lie there."""
        if self.files is None:
            return compute(rows)
        kept = self.files.find(digests)
        if kept:
            self.files.check(kept, digests, rows, compute)
        new = [i for i, digest in enumerate(digests) if digest not in kept]
        if new:
            made = compute(rows[new])
            names = [digests[i] for i in new]
            self.files.add(names, made)
            kept.update(zip(names, made, strict=True))
        return np.stack([kept[digest] for digest in digests])

    def _append(self, digests, features):
        """Keep features; the room doubles, so that appending is cheap."""
        start = len(self.known)
        stop = start + len(digests)
        if stop > len(self._room):
            room = np.empty((max(stop, 2 * start), features.shape[1]), np.float32)
            if start:
                room[:start] = self.features
            self._room = room
        self._room[start:stop] = features
        self.known.update(zip(digests, range(start, stop), strict=True))


def digests_of(rows):
    """Return what names the content of each row: its bytes, type and shape."""
    data = rows.cpu().contiguous().numpy().reshape(len(rows), prod(rows.shape[1:]))
    kind = f"{rows.dtype} {tuple(rows.shape[1:])}".encode()
    return [blake2b(row.tobytes() + kind, digest_size=16).digest() for row in data]
