"""What every source of rows offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    Progress = Callable[[int, int], None]

#: What rows may be; the default learner goes by it.
KINDS = ("image", "text", "table", "array")


class Source(ABC):
    """Rows to label, by position.

    Attributes
    ----------
    kind : {"image", "text", "table", "array"}
        What the rows are.
    ids : list of str
        The name of each row, unique: path of an image, id or number of a row.
    digests : list of str
        The digest of each row's content.
    labels : list of (str or None)
        Labels that came with the rows.
    match_by : {"content", "id"}
        What tells which row is which between sessions: "id" where the user gave ids.
    notes : list of str
        What the person should know: what was passed over, or cut.
    """

    kind: str = "array"
    ids: Sequence[str]
    digests: Sequence[str]
    labels: Sequence[str | None]
    match_by: str = "content"
    notes: Sequence[str] = ()
    _made: Any = None

    def __len__(self) -> int:
        return len(self.ids)

    def features(self, derived: Any = None, progress: Progress | None = None) -> Any:
        """Return what the learner is given: a row for each id.

        Parameters
        ----------
        derived : Derived, default=None
            Where features are kept for another time.
        progress : callable, default=None
            Called with the rows done and all rows, now and then.

        Returns
        -------
        array-like of shape (n_rows, ...)
            The rows as the learner sees them. They are made once, and not to be
            changed.
        """
        if self._made is None:
            self._made = self._features(derived, progress)
        return self._made

    def are_made(self, derived: Any = None) -> bool:
        """Tell whether features can be had at once.

        Parameters
        ----------
        derived : Derived, default=None
            Where features are kept.

        Returns
        -------
        bool
            False where images would have to be decoded first.
        """
        return True

    @abstractmethod
    def _features(self, derived, progress):
        """Make the features."""

    @abstractmethod
    def show(self, position: int) -> dict[str, Any]:
        """Return what a person is shown.

        Parameters
        ----------
        position : int
            Which row.

        Returns
        -------
        dict
            ``kind`` and one of ``text`` (str), ``fields`` (dict of column to text) and
            ``image`` (Path); ``cut`` says how many characters are not shown.
        """

    def row(self, position: int) -> dict[str, Any]:
        """Return what a row holds, whole.

        Parameters
        ----------
        position : int
            Which row.

        Returns
        -------
        dict
            As of ``show``, with nothing cut; values of ``fields`` are as they are.
        """
        return self.show(position)

    def text(self, position: int) -> str:
        """Return the words to search in.

        Parameters
        ----------
        position : int
            Which row.

        Returns
        -------
        str
            The text of a row, its fields one a line, or the name of an image.
        """
        shown = self.show(position)
        if "text" in shown:
            return shown["text"]
        if "fields" in shown:
            return "\n".join(map(str, shown["fields"].values()))
        return self.ids[position]

    def meta(self) -> dict[str, Any]:
        """Return what :func:`open_source` needs to read the source again.

        Returns
        -------
        dict
            Plain values: ``source``, a path, None where rows are in memory, and
            ``options``.
        """
        return {"source": None, "options": {}}

    def image(self, position: int) -> Path | None:
        """Return the file of an image, None where rows are no images.

        Parameters
        ----------
        position : int
            Which row.

        Returns
        -------
        Path or None
            The file.
        """
        return self.show(position).get("image")
