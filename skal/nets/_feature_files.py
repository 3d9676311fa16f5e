"""FeatureFiles: features on disk, for the next process and for others beside it."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4

import numpy as np
import torch

#: Bytes of what names a row.
_KEY = 16
#: How far features computed anew may be from those kept, in units of the largest:
#: bfloat16 keeps eight bits, and machines round in their own ways.
_ROUNDING = 0.05


class FeatureFiles:
    """The features of one network, in a folder of its own in the cache.

    Every process appends to two files that are its own, features and then the names of
    their rows, and reads everybody's. So none waits for another, an interrupt costs
    what was under way, and a row counts once its name is there; where its features are
    not, since a file was cut or removed, it is computed again.

    Parameters
    ----------
    cache : path-like
        The folder of all networks; it is made where it is not there.
    facts : dict of str to str
        What the features depend on, in words.
    """

    def __init__(self, cache, facts):
        if not isinstance(cache, str | os.PathLike):
            raise TypeError(f"cache must be a path, got {cache!r}. Name a folder.")
        name = blake2b(json.dumps(facts).encode(), digest_size=_KEY).hexdigest()
        self.folder = Path(cache).expanduser() / name
        self.facts = facts
        self.is_checked = False
        with self._writing():  # before any row is computed
            self._describe()
        self._where: dict[bytes, tuple[str, int]] = {}
        self._n_read: dict[str, int] = {}  # rows of a file whose names are known
        self._maps: dict[str, np.ndarray] = {}
        self._own = (0, "")  # a process, and what its files are named

    def find(self, digests):
        """Return the features of rows that are on disk, by what names the rows."""
        if not all(digest in self._where for digest in digests):
            self._read_names()
        return {
            digest: self._row(*self._where[digest])
            for digest in digests
            if digest in self._where
        }

    def check(self, kept, digests, rows, compute):
        """Refuse what is on disk where the network answers otherwise, once.

        Code has no digest: a module that computes something else with the same weights
        would be taken for what it was.
        """
        if self.is_checked:
            return
        i = next(i for i, digest in enumerate(digests) if digest in kept)
        now, before = compute(rows[[i]], full=False)[0], kept[digests[i]]
        near = now.shape == before.shape and np.allclose(
            now, before, rtol=0, atol=_ROUNDING * np.abs(before).max(initial=0)
        )
        if not near:
            raise ValueError(
                "cache must hold what the network answers, got a row with other "
                f"features in {str(self.folder)!r}. Its code, or its transforms, have "
                "changed since: remove that folder, or name another cache."
            )
        self.is_checked = True

    def add(self, digests, features):
        """Write the features of rows."""
        features = np.ascontiguousarray(features, dtype=np.float32)
        pid, stem = self._own
        # The first rows of a process, or of its fork, or after the folder was removed.
        if pid != os.getpid() or not self._file(stem, "rows").exists():
            stem = f"{uuid4().hex}-{features.shape[1]}"
        self._own = (0, "")  # where writing is cut short, nothing follows
        parts = {"rows": features.tobytes(), "names": b"".join(digests)}
        with self._writing():
            self._describe()
            for kind, data in parts.items():
                with open(self._file(stem, kind), "ab") as file:
                    file.write(data)
        self._own = (os.getpid(), stem)

    def _file(self, stem, kind):
        return self.folder / f"{stem}.{kind}"

    @contextmanager
    def _writing(self):
        """Name the parameter where the system refuses to write: a full disk, say."""
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno,
                f"cache must be a folder that can be written, got {str(self.folder)!r} "
                f"({error.strerror}). Make room or name another one; what is in it "
                "already counts",
            ) from error

    def _describe(self):
        """Make the folder, with a file that tells people what it holds."""
        about = self.folder / "about.json"
        if about.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=self.folder, delete=False) as draft:
            json.dump(self.facts, draft, indent=1)
        os.replace(draft.name, about)

    def _read_names(self):
        """Learn the names of rows that came since."""
        for file in sorted(self.folder.glob("*-*.names")):
            start, stop = self._n_read.get(file.stem, 0), self._n_whole(file)
            if stop <= start:
                continue
            with open(file, "rb") as names:
                names.seek(start * _KEY)
                text = names.read((stop - start) * _KEY)
            for i in range(start, stop):
                name = text[(i - start) * _KEY : (i - start + 1) * _KEY]
                self._where.setdefault(name, (file.stem, i))
            self._n_read[file.stem] = stop

    def _n_whole(self, file):
        """Return how many rows have a name and features, in the two files of a stem."""
        try:
            sizes = file.stat().st_size, self._file(file.stem, "rows").stat().st_size
        except FileNotFoundError:
            return 0
        return min(sizes[0] // _KEY, sizes[1] // max(4 * width_of(file.stem), 1))

    def _row(self, stem, position):
        """Return a copy of a row, of a file that may have grown."""
        rows = self._maps.get(stem)
        if rows is None or len(rows) <= position:
            shape = (self._n_read[stem], width_of(stem))
            rows = np.memmap(self._file(stem, "rows"), np.float32, "r", shape=shape)
            self._maps[stem] = rows
        return np.array(rows[position])


def width_of(stem):
    """Return how many features the rows of a file have, which its name says."""
    return int(stem.rpartition("-")[2])


def words_of(module):
    """Return what a module's answers depend on: its layers, and a digest of weights."""
    digest = blake2b(digest_size=_KEY)
    for name, tensor in module.state_dict().items():
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
        digest.update(plain.flatten().view(torch.uint8).numpy().data)
    kind = type(module)
    return {
        "network": f"{kind.__module__}.{kind.__qualname__}",
        "layers": blake2b(repr(module).encode(), digest_size=_KEY).hexdigest(),
        "weights": digest.hexdigest(),
    }
