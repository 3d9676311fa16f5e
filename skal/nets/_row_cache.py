"""RowCache: rows on disk, mapped into memory, each of them read once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch

from skal.nets._rows import as_part


class RowCache:
    """Rows of one shape in a folder; a row counts from when it has been written.

    Several processes may read and write: they write the same.

    Parameters
    ----------
    folder : path-like
        It is made where it is not there.
    n_rows : int
        Rows of the data set.
    """

    def __init__(self, folder, n_rows):
        self.folder = Path(folder)
        self.n_rows = n_rows
        self._maps = None

    def __getstate__(self):
        """Leave the open files behind."""
        return {**vars(self), "_maps": None}

    def row(self, position, read):
        """Return a row, which a function reads where it is not known yet."""
        rows, known, kind = self._opened(read)
        if not known[position]:
            came = read(position)
            row = self._array(came)
            if (kind_of(came), row.shape, row.dtype) != (
                *(kind, rows.shape[1:]),
                rows.dtype,
            ):
                raise ValueError(
                    f"cache must be None for rows of several shapes or types, got "
                    f"{kind_of(came)} {row.dtype} {row.shape} at {position}, {kind} "
                    f"{rows.dtype} {rows.shape[1:]} before. Resize or convert rows in "
                    "the data set."
                )
            rows[position] = row
            known[position] = 1  # after the row: an interrupt leaves it unknown
        return as_it_came(np.array(rows[position]), kind)  # the caller's own

    def _opened(self, read):
        """Return the rows and which are known, as maps of files."""
        if self._maps is None:
            came = read(0)
            first, kind = self._array(came), kind_of(came)
            folder = self.folder / "rows"
            if not folder.exists():
                self._make(folder, first, kind)
            facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
            rows = np.load(folder / "rows.npy", mmap_mode="r+")
            known = np.load(folder / "known.npy", mmap_mode="r+")
            if facts != self._facts(first, kind) or (
                known[0] and not np.array_equal(rows[0], first)
            ):
                raise ValueError(
                    f"cache must be a folder of rows of this data set, got "
                    f"{str(self.folder)!r}, which holds others: {facts}, in place of "
                    f"{self._facts(first, kind)}, or another first row. Name another "
                    "folder, or remove it; random changes belong in train_transform."
                )
            self._maps = rows, known, kind
        return self._maps

    def _make(self, folder, first, kind):
        """Make the files beside their place, and move them there in one step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(dir=self.folder))
        try:
            shape = (self.n_rows, *first.shape)
            rows = np.lib.format.open_memmap(
                draft / "rows.npy", "w+", dtype=first.dtype, shape=shape
            )
            rows.flush()
            np.save(draft / "known.npy", np.zeros(self.n_rows, np.uint8))
            facts = json.dumps(self._facts(first, kind))
            (draft / "facts.json").write_text(facts, encoding="utf-8")
            os.rename(draft, folder)
        except OSError:
            if not folder.exists():  # another process was faster
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _facts(self, first, kind):
        return {
            "kind": kind,
            "n_rows": self.n_rows,
            "shape": list(first.shape),
            "dtype": first.dtype.str,
        }

    def _array(self, row):
        if isinstance(row, dict | tuple):
            raise ValueError(
                "cache must be None for rows of several parts, got a row that is a "
                f"{type(row).__name__}."
            )
        return as_part(row).detach().cpu().numpy()


def kind_of(row):
    """Say what a row came as: a tensor, an image of Pillow and its mode, an array."""
    if isinstance(row, torch.Tensor):
        return "tensor"
    return f"image {row.mode}" if hasattr(row, "getbands") else "array"


def as_it_came(array, kind):
    """Return the row that an array was made of, as transforms expect it."""
    if kind == "tensor":
        return torch.from_numpy(array)
    if kind == "array":
        return array
    from PIL import Image

    image = Image.fromarray(array)
    if f"image {image.mode}" != kind:
        raise ValueError(
            f"cache must be None for images of the mode {kind[6:]}. Convert them in "
            "the data set: image.convert('RGB')."
        )
    return image
