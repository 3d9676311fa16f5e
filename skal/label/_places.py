"""Which row of a project a record speaks of."""

from __future__ import annotations

from typing import Any

from skal.label._digests import digest_of_text
from skal.label._formats import Record


class Places:
    """Find rows by what is known of them: id and content, or one of the two.

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

    def find(self, record: Record, taken: set[int] | None = None) -> int | None:
        """Return the number of a record's row; None if it is not there.

        Parameters
        ----------
        record : Record
            What is known of the row.
        taken : set of int, default=None
            Rows that others have found, to which this one is added. Of exact copies,
            each is found once, so that what was said of two does not fall on one.

        Returns
        -------
        int or None
            The item.
        """
        row = self._named(record)
        if row is not None and not self._means_another(row, record):
            return _take(row.item, taken)
        copies = self._copies(record)
        free = (row.item for row in copies if not taken or row.item not in taken)
        return _take(next(free, None), taken)

    def _means_another(self, row, record):
        """Tell whether a row has a record's id, but not what the record is about.

        Without a digest the id is believed, unless what is shown is another row.
        """
        if self.by == "id":
            return False
        copies = self._copies(record)
        return row not in copies if copies else self.differs(row, record)

    def _copies(self, record):
        """Return the rows that hold what a record does."""
        return self.by_digest.get(record.digest or digest_of(record) or "", [])

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


def _take(item, taken):
    if item is not None and taken is not None:
        taken.add(item)
    return item


def digest_of(record: Record) -> str | None:
    """Return the digest of what a record shows, where it shows a text."""
    text = record.content.get("text")
    return None if text is None else digest_of_text(text)
