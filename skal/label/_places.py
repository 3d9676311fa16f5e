"""Which row of a project a record speaks of."""

from __future__ import annotations

from typing import Any

from skal.label._formats import Record
from skal.label._items import digest_of_text


class Places:
    """Find rows by what is known of them: id and content, or one of the two.

    Exact copies are taken in their order, each by one record of an annotator, so that
    what was said of two copies does not fall on the first alone.

    Parameters
    ----------
    store : LabelStore
        The rows.
    by : {"content", "id"}, default="content"
        "id" where an id stands for its row whatever it holds.
    """

    def __init__(self, store: Any, by: str = "content") -> None:
        rows = [row for row in store.items() if row.present]
        self.by = by
        self.by_id = {row.id: row for row in rows}
        self.by_digest: dict[str, list[Any]] = {}
        for row in rows:
            self.by_digest.setdefault(row.digest, []).append(row)
        self._taken: set[tuple[str | None, int]] = set()

    def find(self, record: Record) -> int | None:
        """Return the number of a record's row; None if it is not there.

        Parameters
        ----------
        record : Record
            What is known of the row.

        Returns
        -------
        int or None
            The item.
        """
        row = self._named(record)
        if row is not None and not self.differs(row, record):
            return self._take(row, record)
        digest = record.digest or digest_of(record)
        copies = self.by_digest.get(digest or "", [])
        free = [
            row for row in copies if (record.annotator, row.item) not in self._taken
        ]
        return self._take(free[0], record) if free else None

    def changed(self, record: Record) -> bool:
        """Tell whether the row has the record's id, and holds something else."""
        row = self._named(record)
        return row is not None and self.differs(row, record)

    def differs(self, row: Any, record: Record) -> bool:
        """Tell whether a row is known to hold something else than the record's."""
        if self.by == "id" or not record.digest:
            return False
        return record.digest != row.digest

    def _named(self, record):
        """Find a row by id, or by the path under another root."""
        path = str(record.content.get("path") or "")
        for name in (record.id, path, path.partition("/")[2]):
            if name in self.by_id:
                return self.by_id[name]
        return None

    def _take(self, row, record):
        self._taken.add((record.annotator, row.item))
        return row.item


def digest_of(record: Record) -> str | None:
    """Return the digest of what a record shows, where it shows a text."""
    text = record.content.get("text")
    return None if text is None else digest_of_text(text)
