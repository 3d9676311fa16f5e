"""Open a file or folder of rows to label, and say what its columns are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skal.label import _sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from skal.label._sources import Source


def open_source(
    path: str | PathLike[str],
    *,
    text: str | None = None,
    show: Sequence[str] | None = None,
    label: str | None = None,
    id: str | None = None,
) -> Source:
    r"""Open a file or folder of rows to label.

    What is returned is the X of a :class:`LabelSession`; its project remembers the
    file and the columns. ``skal label`` has the same options.

    Parameters
    ----------
    path : path-like
        A CSV, JSONL or Parquet file, or a folder of images.
    text : str or None, default=None
        The column of texts to label; without one, rows of fields are labelled.
    show : list of str or None, default=None
        The columns that a person, and the model, are shown of a row; None shows all
        but ids and labels.
    label : str or None, default=None
        The column of labels that exist; of images "folders", where the folder of an
        image is its label.
    id : str or None, default=None
        The column that names the rows. Without one they go by their content, and are
        called by their position.

    Returns
    -------
    Source
        The rows, with ``kind``, ``ids`` and ``labels``.

    Raises
    ------
    ValueError
        If the file has no such column, or a folder of images is given any.

    See Also
    --------
    LabelSession : Labels them.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skal.label import LabelSession, open_source
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "films.csv")
    ...     _ = file.write_text("body,stars\nfine,5\ndull,1\nlong,\n")
    ...     films = open_source(file, text="body", label="stars")
    >>> with LabelSession(films) as session:
    ...     session.ask()[0].show["text"], session.classes, session.n_labels
    ('long', ['1', '5'], 2)
    """
    if isinstance(show, str):
        raise TypeError(
            f"show must be a list of columns, got {show!r}. Say [{show!r}]."
        )
    options = {"text": text, "show": show and list(show), "id": id}
    options["labels" if Path(path).expanduser().is_dir() else "label"] = label
    return _sources.open_source({"source": str(path), "options": options})
