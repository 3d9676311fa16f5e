"""What is to be known of a project, as a dict in its database."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from skal.label._database import Database


class Meta(MutableMapping):
    """What is to be known of a project, as a dict in its database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getitem__(self, key: str) -> Any:
        found = self._database.rows("SELECT value FROM meta WHERE key = ?", (key,))
        if not found:
            raise KeyError(key)
        return json.loads(found[0]["value"])

    def __setitem__(self, key: str, value: Any) -> None:
        text = json.dumps(value)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, text),
            )

    def update(self, *args: Any, **values: Any) -> None:
        """Write several values, all of them or none."""
        with self._database.transaction():
            super().update(*args, **values)

    def begin(self, mark: str, **values: Any) -> None:
        """Write values unless ``mark`` is there: of two processes, one begins."""
        with self._database.transaction():
            if mark not in self:
                self.update(values)

    def __delitem__(self, key: str) -> None:
        self[key]  # a key that is not there is a KeyError
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))

    def __iter__(self) -> Iterator[str]:
        return iter([row["key"] for row in self._database.rows("SELECT key FROM meta")])

    def __len__(self) -> int:
        return self._database.rows("SELECT count(*) FROM meta")[0][0]
