"""The tables of ``labels.db``, and the steps from older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from skal.label._database import Database

#: An event is undone while the last undo or redo that names it, or its batch, is an
#: undo; of what is left the last word of each person on each row counts.
CURRENT = """
CREATE VIEW current AS
SELECT item, annotator, kind, value, event, max(seq) AS seq
FROM event AS said
WHERE kind IN ('label', 'skip', 'discard')
  AND (
    SELECT kind FROM event AS after
    WHERE after.target IN (said.event, said.batch)
    ORDER BY after.seq DESC LIMIT 1
  ) IS NOT 'undo'
GROUP BY item, annotator
"""

VERSION_1 = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """
CREATE TABLE item (
  item INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  digest TEXT NOT NULL,
  present INTEGER NOT NULL DEFAULT 1,
  added REAL NOT NULL
)
""",
    "CREATE UNIQUE INDEX item_id ON item (id) WHERE present",
    "CREATE INDEX item_digest ON item (digest)",
    """
CREATE TABLE annotator (
  name TEXT PRIMARY KEY,
  token_hash TEXT,
  added REAL NOT NULL
)
""",
    """
CREATE TABLE event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT UNIQUE NOT NULL,
  item INTEGER REFERENCES item (item),
  annotator TEXT NOT NULL REFERENCES annotator (name),
  kind TEXT NOT NULL,
  value TEXT,
  target TEXT,
  batch TEXT,
  time REAL NOT NULL,
  lead_ms REAL,
  source TEXT,
  rank INTEGER,
  score REAL,
  model INTEGER,
  p_select REAL,
  predicted TEXT
)
""",
    "CREATE INDEX event_item ON event (item, annotator, seq)",
    "CREATE INDEX event_annotator ON event (annotator, seq)",
    "CREATE INDEX event_target ON event (target, seq) WHERE target IS NOT NULL",
    "CREATE INDEX event_batch ON event (batch) WHERE batch IS NOT NULL",
    """
CREATE TRIGGER event_stays BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'events are never changed'); END
""",
    """
CREATE TRIGGER event_remains BEFORE DELETE ON event
BEGIN SELECT raise(ABORT, 'events are never deleted'); END
""",
    """
CREATE TABLE lease (
  item INTEGER PRIMARY KEY REFERENCES item (item),
  annotator TEXT NOT NULL,
  until REAL NOT NULL,
  source TEXT,
  rank INTEGER,
  score REAL,
  model INTEGER,
  p_select REAL,
  predicted TEXT,
  given REAL
)
""",
    "CREATE INDEX lease_annotator ON lease (annotator)",
    CURRENT,
)

#: Step i leads from version i to version i + 1.
STEPS: list[tuple[str, ...]] = [VERSION_1]


def migrate(database: Database, back_up: Callable[[], object]) -> None:
    """Bring the tables of a database to the newest version, all of it or nothing.

    ``back_up`` is called before an older version is changed.
    """
    version = database.pragma("user_version")
    if version > len(STEPS):
        raise ValueError(
            f"{database.path} must be of version {len(STEPS)} or older, got "
            f"{version}, which a newer skal has written. Update skal."
        )
    if 0 < version < len(STEPS):
        back_up()
    if version == len(STEPS):
        return
    with database.transaction() as connection:
        # Another process may have done it while this one waited for its turn.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in STEPS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
