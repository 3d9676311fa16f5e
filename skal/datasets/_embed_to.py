"""One pass over rows that nobody can ask for by position, into a file that one can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_int
from skal._progress import rows_shown
from skal.datasets._batches import open_batches
from skal.datasets._embedder import as_embedder
from skal.datasets._growing_file import GrowingFile, differing_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any

_DTYPES = ("float32", "float16", "float64")


def embed_to(
    path: str | PathLike[str],
    source: Any,
    embedder: Any = None,
    *,
    column: str | int | None = None,
    batched: bool | None = None,
    batch_size: int = 1024,
    dtype: str | None = "float32",
    overwrite: bool = False,
    verbose: int = 1,
) -> np.memmap[Any, Any]:
    """Write what an embedder makes of each row into a file, in one pass.

    The file is a memory map: a pool of which a learner reads what it needs. So a stream
    becomes a pool, and a network runs once over a pool that is queried many times. A
    batch is in memory at a time.

    Called again with the same arguments after an interrupt, it goes on where it
    stopped; after the end it returns the file. Source and embedder must be the same as
    before, which is checked on the first and the last rows in the file.

    Parameters
    ----------
    path : path-like
        A file that ends in ``.npy``. Until it is whole it is named ``.npy.part``.
    source : pool, DataLoader, IterableDataset or iterable
        Anything that a learner takes as a pool; what gives rows one by one, as the
        IterableDatasets of torch and of Hugging Face do; or what gives batches of them,
        as DataLoaders do. Their order must be the same each time. A generator must be
        a new one after an interrupt.
    embedder : estimator, transformer, module, callable or None, default=None
        Fitted. What it offers is taken, in this order: ``embed``, ``transform``,
        ``encode``; a module of torch in eval mode, or a function, is called with a
        batch and returns an array (n, ...); of other estimators the embedding that a
        query strategy would see is taken. None writes the rows, which must be numbers.
    column : str or int, default=None
        What of a row to read: a column of a table, a key of a dict, a place in a tuple.
        None takes all of it, of pairs (row, label) the row, and makes frames of dicts.
    batched : bool, default=None
        Whether an iterable gives batches. None knows by itself, but where it gives
        arrays of several dimensions, or lists.
    batch_size : int, default=1024
        Rows to embed at a time, where the source does not say.
    dtype : {"float32", "float16", "float64"} or None, default="float32"
        Type of the numbers in the file; None takes the embedder's.
    overwrite : bool, default=False
        Begin anew, whatever is there.
    verbose : int, default=1
        0 shows no progress bar.

    Returns
    -------
    memmap of shape (n_rows, ...)
        The file, to read: ``np.load(path, mmap_mode="r")``.

    Raises
    ------
    TypeError
        If source or embedder are none.
    ValueError
        If the file holds other rows, a source gives none, or numbers do not fit: NaN
        or infinity from an embedder, rows of another shape, more than ``dtype`` holds.
    RuntimeError
        If another process is writing the file.

    See Also
    --------
    skal.nets.DatasetPool : A data set as a pool, whose rows a network trains on.

    Notes
    -----
    Rows are embedded once each, but for the first and the last batch in the file, which
    are embedded again to go on. A stream is read again from its start, without being
    embedded, up to the row where it goes on.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from skal.datasets import embed_to
    >>> words = HashingVectorizer(n_features=16)
    >>> texts = (f"text {i}" for i in range(1000))  # too many for memory, say
    >>> with TemporaryDirectory() as folder:
    ...     pool = embed_to(Path(folder, "pool.npy"), texts, words, verbose=0)
    ...     pool.shape
    (1000, 16)
    """
    if dtype is not None:
        check_choice("dtype", dtype, _DTYPES)
    place = Path(path)
    if place.suffix != ".npy":
        raise ValueError(f"path must end in .npy, got {str(path)!r}.")
    size = check_int("batch_size", batch_size)
    batches = open_batches(source, column, batched, size)
    embed = as_embedder(embedder)
    place.parent.mkdir(parents=True, exist_ok=True)
    with GrowingFile(place, dtype, overwrite=overwrite) as file:
        with rows_shown(batches.n_rows, len(file), verbose) as show:
            write(file, batches, embed, show)
        file.finish()
    return np.load(place, mmap_mode="r")


def write(file: GrowingFile, batches: Any, embed: Callable, show: Callable) -> None:
    """Append what is not in the file yet; check what is."""
    seen = 0
    for start, rows in batches.read(len(file), file.is_whole):
        n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        seen = start + n_rows
        if start and seen < len(file):
            continue  # embedded before
        values = embed(rows)
        known = min(len(file) - start, n_rows)
        if known > 0:
            check_known(file, start, values[:known])
        if n_rows > max(known, 0) and not file.is_whole:
            file.append(values[max(known, 0) :])
            show(len(file))
    if seen == 0:
        raise ValueError("source must hold at least one row, got none.")
    if not batches.holds(len(file), seen, file.is_whole):
        raise ValueError(
            f"source must be that which {file.name} was written from, of {len(file)} "
            f"rows, got {batches.n_rows or seen}. {file.way_out}"
        )


def check_known(file, start, values):
    """Refuse to go on where source or embedder are not those of the file."""
    row = differing_row(file.rows(start, start + len(values)), file.cast(values))
    if row is None:
        return
    raise ValueError(
        f"source and embedder must be those which {file.name} was written with, got "
        f"other numbers for row {start + row}. {file.way_out} A generator that has "
        "given rows goes on behind them, a source that is shuffled gives others, and a "
        "module with dropout must be in eval mode."
    )
