"""MultiInput: rows that consist of several arrays, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from skal._data.containers import concat_rows, n_rows, take_rows
from skal._data.dask_rows import is_dask
from skal._data.stored import as_stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class MultiInput:
    """Rows of several inputs: an image and a table, words and their mask.

    Row i consists of row i of each part. A network gets parts that have a name as
    keyword arguments, the others by position: ``forward(image, age)`` takes
    ``MultiInput(images, ages)`` or ``MultiInput(image=images, age=ages)``. Learners
    and nets take a dict of arrays for ``MultiInput(**X)``.

    Parameters
    ----------
    *arrays : array-like of shape (n_rows, ...)
        Parts without a name, in the order in which the network takes them.
    **named : array-like of shape (n_rows, ...)
        Parts by the name that the network calls them.

    Attributes
    ----------
    parts : dict
        The parts, by position or name.
    shape : tuple of int
        ``(n_rows,)``.

    Raises
    ------
    ValueError
        If there is no part, or the parts differ in length.

    See Also
    --------
    skal.nets.NetClassifier : Hands the parts to its module.
    skal.nets.DatasetPool : Makes such rows of a torch Dataset, as they are read.

    Notes
    -----
    Slices, positions and masks select rows, as in an array; a name gives a part. In a
    net each part keeps its kind: uint8 is scaled to [0, 1], other whole numbers are ids
    (int64), booleans are a mask, the rest is float32. Lists of ids of several lengths
    are padded with 0, a batch at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from skal import MultiInput
    >>> X = MultiInput(image=np.zeros((5, 1, 8, 8)), age=np.arange(5.0)[:, None])
    >>> X[[4, 2]]["age"].ravel()
    array([4., 2.])
    """

    def __init__(self, *arrays: Any, **named: Any) -> None:
        given: dict[Any, Any] = dict(enumerate(arrays))
        given.update(named)
        if not given:
            raise ValueError("MultiInput must hold a part at least, got none.")
        dicts = [key for key, part in given.items() if isinstance(part, Mapping)]
        if dicts:
            raise TypeError(
                f"MultiInput must hold arrays, got a dict as part {dicts[0]!r}. Write "
                "MultiInput(**parts) for a dict of parts."
            )
        far = [key for key, part in given.items() if is_dask(part)]
        if far:
            raise TypeError(
                f"MultiInput must hold parts in memory, got part {far[0]!r} on dask. "
                "Pass part.compute(), or one array of dask that holds all inputs."
            )
        self.parts: dict[Any, Any] = {key: _as_rows(p) for key, p in given.items()}
        lengths = {key: n_rows(part) for key, part in self.parts.items()}
        if len({*lengths.values()}) > 1:
            raise ValueError(
                f"MultiInput must have parts of one length, got {lengths}."
            )

    @classmethod
    def of(cls, parts: Mapping[Any, Any]) -> MultiInput:
        """Return the MultiInput of parts by position or name.

        Parameters
        ----------
        parts : dict
            What ``parts`` of another holds.

        Returns
        -------
        MultiInput
            The rows.
        """
        by_place = [
            parts[key] for key in sorted(k for k in parts if isinstance(k, int))
        ]
        return cls(*by_place, **{k: v for k, v in parts.items() if isinstance(k, str)})

    def __len__(self) -> int:
        """Return the number of rows."""
        return n_rows(next(iter(self.parts.values())))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape: one dimension, the rows."""
        return (len(self),)

    def __repr__(self) -> str:
        """Name the parts and count the rows."""
        return f"MultiInput({len(self)} rows of {self.names()})"

    def names(self) -> str:
        """Return the parts in words.

        Returns
        -------
        str
            Names, and the number of parts without one.
        """
        return ", ".join(map(str, self.parts))

    def __getitem__(self, where: Any) -> Any:
        """Return a part by its name, a row as a dict, or rows as a MultiInput."""
        if isinstance(where, str):
            return self.parts[where]
        if isinstance(where, tuple) and where[1:] == (Ellipsis,):  # of scikit-learn
            where = where[0]
        if isinstance(where, int | np.integer):
            if not -len(self) <= where < len(self):
                raise IndexError(f"row must be one of {len(self)}, got {where}.")
            return {key: _row(part, int(where)) for key, part in self.parts.items()}
        if not isinstance(where, slice):
            where = np.asarray(where)
            where = np.flatnonzero(where) if where.dtype == bool else where.astype(int)
        return self.take_rows(where)

    def __iter__(self) -> Iterator[Any]:
        """Yield each row as a dict."""
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Refuse to be one array, by name."""
        raise TypeError(
            "X must be one array for an estimator of tables, got a MultiInput of "
            f"{self.names()}. Use a net of skal.nets with a module of your own, or "
            "take a part out in a Pipeline: FunctionTransformer(lambda X: X['name'])."
        )

    def take_rows(self, positions: Any) -> MultiInput:
        """Return some rows.

        Parameters
        ----------
        positions : ndarray of int or slice
            Which.

        Returns
        -------
        MultiInput
            A copy of them; of a slice a view, where a part's type has views.
        """
        return MultiInput.of(
            {k: take_rows(v, positions) for k, v in self.parts.items()}
        )

    def concat_rows(self, other: Any) -> MultiInput:
        """Return these rows and others, which have the same parts.

        Parameters
        ----------
        other : MultiInput or dict
            The rows that follow.

        Returns
        -------
        MultiInput
            All of them.

        Raises
        ------
        ValueError
            If the others have not the same parts.
        """
        theirs = other if isinstance(other, Mapping) else getattr(other, "parts", None)
        if theirs is None or set(theirs) != set(self.parts):
            got = type(other).__name__ if theirs is None else list(theirs)
            raise ValueError(
                f"X must have the parts of the rows before, {list(self.parts)}, got "
                f"{got}."
            )
        return MultiInput.of(
            {key: concat_rows(part, theirs[key]) for key, part in self.parts.items()}
        )


def as_multi_input(X: Any) -> Any:
    """Return a dict of arrays as a MultiInput; anything else as it is."""
    if not isinstance(X, Mapping) or hasattr(X, "shape") or not X:  # scipy's dok
        return X
    named = all(isinstance(name, str) for name in X)
    arrays = all(len(getattr(part, "shape", ())) > 0 for part in X.values())
    return MultiInput(**X) if named and arrays else X


def _as_rows(part):
    """Return a part that can be asked for rows: frames and tensors stay, lists too."""
    part = as_stored(part)
    if hasattr(part, "shape") or isinstance(part, list):
        return part
    return np.asarray(part)


def _row(part, i):
    """Return a row of a part."""
    return part.iloc[i] if hasattr(part, "iloc") else part[i]
