"""The rows of a file: texts, or fields of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skal._checks import check_choice, nearest_first
from skal.label._digests import digest_of_fields, digest_of_text
from skal.label._sources._base import Source
from skal.label._sources._columns import is_gap, table_features, text_features
from skal.label._sources._given import known_label
from skal.label._sources._rows import read_rows
from skal.label._sources._shown import shown_fields, shown_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike


class TableFile(Source):
    r"""The rows of a CSV, JSONL or Parquet file.

    Parameters
    ----------
    path : str or path
        The file.
    text : str, default=None
        The column of texts to label; without one, rows of fields are labelled.
    show : sequence of str, default=None
        The columns that a person, and the model, are shown of a row; None shows all
        but ids and labels.
    label : str, default=None
        The column of labels that exist; empty cells have none.
    id : str, default=None
        The column that names the rows. Without one they go by their content, and are
        called by their position.
    input : {"features", "rows"}, default="features"
        What a learner is given: numbers, or the texts (a frame for fields), for a
        Pipeline that makes its own.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skal.label._sources import TableFile
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "films.csv")
    ...     _ = file.write_text("body,stars\nfine,5\ndull,\n")
    ...     films = TableFile(file, text="body", label="stars")
    >>> films.show(0), films.labels
    ({'kind': 'text', 'text': 'fine'}, ['5', None])
    """

    def __init__(
        self,
        path: str | PathLike[str],
        text: str | None = None,
        show: Sequence[str] | None = None,
        label: str | None = None,
        id: str | None = None,
        input: str = "features",
    ) -> None:
        self.path = Path(path).expanduser().resolve()
        self.input = check_choice("input", input, ("features", "rows"))
        self._options = {"text": text, "show": show, "label": label, "id": id}
        columns = read_rows(self.path)
        self._check_columns(columns)
        n = len(next(iter(columns.values())))
        self.kind = "text" if text is not None else "table"
        self.match_by = "content" if id is None else "id"
        self.ids = list(map(str, range(n))) if id is None else _ids(columns[id], id)
        given = columns[label] if label is not None else [None] * n
        self.labels = [known_label(one) for one in given]
        content = {name: columns[name] for name in columns if name not in (label, id)}
        if text is not None:
            self.texts = ["" if is_gap(one) else str(one) for one in columns[text]]
            self.digests = [digest_of_text(one) for one in self.texts]
        else:
            self.columns = {name: columns[name] for name in show or content}
            self.digests = [digest_of_fields(row) for row in _rows(content, n)]

    def _check_columns(self, columns):
        """Refuse names of columns that the file has not."""
        for option, given in self._options.items():
            names = given if option == "show" else [given]
            for name in names or ():
                if name is not None and name not in columns:
                    words = ", ".join(map(repr, nearest_first(name, columns)[:5]))
                    raise ValueError(
                        f"{option} must name a column of {self.path.name!r}, such as "
                        f"{words}, got {name!r}."
                    )
        if self._options["text"] is not None and self._options["show"]:
            raise ValueError(
                f"show must be None beside text, got {self._options['show']!r}. Give "
                "one of them."
            )

    def _features(self, derived, progress):
        if self.kind == "text":
            return self.texts if self.input == "rows" else text_features(self.texts)
        if self.input == "rows":
            from skal.label._sources._frame import as_frame

            return as_frame(self.columns)
        return table_features(self.columns)

    def show(self, position):
        if self.kind == "text":
            return shown_text(self.texts[position])
        return shown_fields(self.row(position)["fields"])

    def row(self, position):
        if self.kind == "text":
            return {"text": self.texts[position]}
        row = {name: column[position] for name, column in self.columns.items()}
        return {"fields": row}

    def meta(self):
        show = self._options["show"]
        options = {**self._options, "show": None if show is None else list(show)}
        return {"source": str(self.path), "options": {**options, "input": self.input}}


def _ids(values, name):
    """Return the ids of rows, each there and each once."""
    ids = [known_label(one) for one in values]
    seen: set[str] = set()
    for number, one in enumerate(ids):
        if one is None or one in seen:
            what = "a gap" if one is None else f"{one!r} again"
            raise ValueError(
                f"id must name a column of unique values, got {name!r} with {what} in "
                f"row {number}. Leave it out to go by content."
            )
        seen.add(one)
    return ids


def _rows(columns, n):
    for position in range(n):
        yield {name: column[position] for name, column in columns.items()}
