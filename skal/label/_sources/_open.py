"""Open a source: of what is in memory, or the file or folder that a project names."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from skal.label._sources._base import Source
from skal.label._sources._memory import MemorySource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_NO_OPTIONS = ("path", "derived")


def as_source(
    X: Any,
    *,
    ids: Sequence[Any] | None = None,
    kind: str | None = None,
    y: Sequence[Any] | None = None,
    as_given: bool = False,
) -> Source:
    """Return rows as a source.

    Parameters
    ----------
    X : Source, array, CSR matrix, frame or list of str
        The rows. A Source is returned as it is.
    ids : sequence, default=None
        Their names; None takes the index of a frame, else their positions.
    kind : {"image", "text", "table", "array"}, default=None
        What they are; None looks.
    y : sequence, default=None
        Labels that are known, None where one is not.
    as_given : bool, default=False
        Whether the learner is given X itself, as a user's own learner is.

    Returns
    -------
    Source
        The source.
    """
    if isinstance(X, Source):
        return X
    return MemorySource(X, ids, kind, y, as_given)


def open_source(meta: Mapping[str, Any], derived: Any = None) -> Source:
    """Open the source that a project names.

    Parameters
    ----------
    meta : mapping
        ``source``, a path, and ``options`` as :meth:`Source.meta` returned them.
    derived : Derived, default=None
        What is known of files that did not change.

    Returns
    -------
    Source
        The source, as it is now.

    Raises
    ------
    ValueError
        If the project's rows were in memory: pass them.
    """
    path = meta.get("source")
    if path is None:
        raise ValueError(
            "X must be given for a project whose rows were in memory, got None. Pass "
            "the same rows, or what has become of them."
        )
    options = {
        name: value for name, value in (meta.get("options") or {}).items() if value
    }
    if Path(path).expanduser().is_dir():
        from skal.label._sources._folder import ImageFolder

        return ImageFolder(path, derived=derived, **_known(ImageFolder, options))
    from skal.label._sources._table import TableFile

    return TableFile(path, **_known(TableFile, options))


def _known(kind, options):
    """Return options as a kind of source takes them; refuse those of another kind."""
    names = [name for name in signature(kind).parameters if name not in _NO_OPTIONS]
    for name, value in options.items():
        if name not in names:
            what = "images" if kind.__name__ == "ImageFolder" else "rows"
            raise ValueError(
                f"{name} must be None for a source of {what}, got {value!r}. It may "
                f"have {', '.join(names)}."
            )
    return options
