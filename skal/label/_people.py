"""Who labels, and by which token a page knows them."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skal.label._database import Database


class People:
    """Everybody who said something, or has a token; of tokens a hash is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def know(self, name: str) -> None:
        """Know of a person from now on."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO annotator (name, added) VALUES (?, ?)",
                (name, time.time()),
            )

    def new_token(self, name: str) -> str:
        """Give a person a token, of 256 bits, in place of the one before."""
        token = secrets.token_urlsafe(32)
        with self._database.transaction() as connection:
            self.know(name)
            connection.execute(
                "UPDATE annotator SET token_hash = ? WHERE name = ?",
                (hash_of(token), name),
            )
        return token

    def with_token(self, token: str) -> str | None:
        """Return whose token this is, None for nobody's."""
        found = self._database.rows(
            "SELECT name FROM annotator WHERE token_hash = ?", (hash_of(token),)
        )
        return found[0]["name"] if found else None

    def names(self) -> list[str]:
        """Return all, in the order in which they came."""
        found = self._database.rows("SELECT name FROM annotator ORDER BY rowid")
        return [row["name"] for row in found]


def hash_of(token):
    return hashlib.sha256(token.encode()).hexdigest()
