"""A file of numpy that grows row by row, survives an interrupt and appears whole."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._file_lock import FileLock

if TYPE_CHECKING:
    from typing import Any, Self

#: How near rows embedded twice must be: networks round by what is beside a row.
_TOLERANCE = 1e-3
_HALF_TOLERANCE = 1e-2


class GrowingFile:
    """A ``.npy`` file under way, or one that is whole.

    The rows lie in ``path + ".part"`` until there are all of them: its header then gets
    their number, and it its name. Rows that are there count, so an interrupt costs
    those not yet written. One process at a time writes.

    Parameters
    ----------
    path : Path
        The file.
    dtype : str or None
        Of its numbers; None takes that of the first rows.
    overwrite : bool
        Whether to forget what is there.
    """

    def __init__(self, path: Path, dtype: str | None, *, overwrite: bool) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.dtype: Any = None if dtype is None else np.dtype(dtype)
        self.overwrite = overwrite
        self.is_whole = False
        self.shape: Any = None  # of a row
        self._n = self._offset = 0
        self._lock = FileLock(self.part)

    @property
    def name(self) -> str:
        """The file, for messages."""
        return repr(str(self.path if self.is_whole else self.part))

    @property
    def way_out(self) -> str:
        """What to do where the file holds something else."""
        return "Name another file, or pass overwrite=True to begin anew."

    def __len__(self) -> int:
        """Return the number of rows that are written."""
        return self._n

    def __enter__(self) -> Self:
        """Open what there is, or begin."""
        if self.path.exists() and not self.overwrite:
            self.is_whole = True
            self._read_header(np.load(self.path, mmap_mode="r"))
            return self
        try:
            self._lock.take()
        except BlockingIOError as error:
            raise RuntimeError(
                "path must be written by one process at a time, got "
                f"{str(self.path)!r} while another is at it."
            ) from error
        if not self._is_mine():  # another process has just finished the file
            self._lock.free()
            return self.__enter__()
        if self.overwrite:
            self.path.unlink(missing_ok=True)
            self._file.truncate(0)
        try:
            self._go_on()
        except BaseException:
            self._lock.free()
            raise
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Keep the rows; leave no file behind where there are none."""
        if self.is_whole:
            return
        self._lock.free()
        if self._n == 0:
            self.part.unlink(missing_ok=True)
        elif error is not None:
            error.add_note(
                f"{self.name} keeps {self._n} rows: the same call goes on from there."
            )

    @property
    def _file(self) -> Any:
        return self._lock.file

    def _is_mine(self):
        held = os.fstat(self._file.fileno())
        if self.path.exists() and not self.overwrite:
            if held.st_size == 0:
                self.part.unlink(missing_ok=True)
            return False
        return self.part.exists() and os.path.samestat(held, self.part.stat())

    def _go_on(self):
        """Find out what an earlier run has written, but for a row that it began."""
        file = self._file
        if os.fstat(file.fileno()).st_size == 0:
            return
        file.seek(0)
        try:
            np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0(file)
        except ValueError:  # it was stopped before its first row
            file.truncate(0)
            return
        self._offset = file.tell()
        self._check_dtype(header[2])
        self.dtype, self.shape = header[2], header[0][1:]
        self._n = (os.fstat(file.fileno()).st_size - self._offset) // self._row_bytes
        file.truncate(self._offset + self._n * self._row_bytes)

    def _read_header(self, array):
        self._check_dtype(array.dtype)
        self.dtype, self.shape, self._n = array.dtype, array.shape[1:], len(array)

    def _check_dtype(self, dtype):
        if self.dtype not in (None, dtype):
            raise ValueError(
                f"dtype must be that of {self.name}, {dtype}, got {self.dtype}. "
                f"{self.way_out}"
            )

    @property
    def _row_bytes(self):
        return max(1, int(np.prod(self.shape)) * self.dtype.itemsize)

    def rows(self, start: int, stop: int) -> Any:
        """Return rows that are written.

        Parameters
        ----------
        start, stop : int
            From where to where.

        Returns
        -------
        ndarray
            The rows.
        """
        if self.is_whole:
            return np.load(self.path, mmap_mode="r")[start:stop]
        offset, shape = (
            self._offset + start * self._row_bytes,
            (stop - start, *self.shape),
        )
        return np.array(np.memmap(self.part, self.dtype, "r", offset, shape))

    def cast(self, values: Any) -> Any:
        """Return rows in the type of the file.

        Parameters
        ----------
        values : ndarray
            The rows.

        Returns
        -------
        ndarray
            The rows, all of whose numbers fit.
        """
        if self.shape is not None and values.shape[1:] != self.shape:
            raise ValueError(
                f"embedder must give rows of one shape, {self.shape} as before, got "
                f"{values.shape[1:]}."
            )
        dtype = values.dtype if self.dtype is None else self.dtype
        with np.errstate(over="ignore"):
            narrow = values.astype(dtype, copy=False)
        lost = np.isinf(narrow) & ~np.isinf(values) if narrow.dtype.kind == "f" else ()
        if np.any(lost):
            raise ValueError(
                f"dtype must hold the numbers, got {dtype}, which ends at "
                f"{np.finfo(dtype).max:g}, for {abs(values[lost]).max():g}. Take a "
                "wider one, or scale the numbers."
            )
        return narrow

    def append(self, values: Any) -> None:
        """Write rows.

        Parameters
        ----------
        values : ndarray
            The rows.
        """
        values = np.ascontiguousarray(self.cast(values))
        file = self._file
        if self.shape is None:
            self.dtype, self.shape = values.dtype, values.shape[1:]
            file.seek(0)
            file.write(self._header(0))
            self._offset = file.tell()
        file.seek(self._offset + self._n * self._row_bytes)
        view = memoryview(values).cast("B")
        while view:  # a raw file may take less than all
            view = view[file.write(view) :]
        self._n += len(values)

    def _header(self, n):
        """Return the header of n rows, as long for any n."""
        header = BytesIO()
        facts = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (n, *self.shape),
        }
        np.lib.format.write_array_header_1_0(header, facts)
        return header.getvalue()

    def finish(self) -> None:
        """Give the file its header and its name, in one step."""
        if self.is_whole:
            return
        file = self._file
        file.seek(0)
        file.write(self._header(self._n))
        os.fsync(file.fileno())
        self._lock.free()
        os.replace(self.part, self.path)
        self.is_whole = True


def differing_row(before, now):
    """Return the first row that is not the same, but for rounding; None if all are."""
    if before.shape != now.shape:
        return 0
    tolerance = _HALF_TOLERANCE if before.dtype == np.float16 else _TOLERANCE
    before, now = (np.asarray(X, np.float64).reshape(len(X), -1) for X in (before, now))
    scale = np.nanmax(abs(before), initial=0, axis=1, where=np.isfinite(before))
    near = abs(before - now) <= tolerance * scale[:, None]
    near |= (before == now) | (np.isnan(before) & np.isnan(now))
    differing = np.flatnonzero(~near.all(axis=1))
    return int(differing[0]) if len(differing) else None
