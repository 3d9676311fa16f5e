"""What is known of each row, and what people said of it, as records for a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from skal.label._events import Event
from skal.label._formats import Record
from skal.label._formats._record import FIELD
from skal.label._guesses import guesses
from skal.label._shelf import Shelf


def records_of(shelf: Shelf, everything: bool = True) -> Iterator[Record]:
    """Yield what is known of each row, a record a person; the rows in their order.

    Parameters
    ----------
    shelf : Shelf
        The project.
    everything : bool, default=True
        Also rows of which nobody has said anything.

    Yields
    ------
    Record
        Those of a row follow each other.
    """
    said, notes, shown = shelf.ledger().said, shelf.notes(), Shown(shelf)
    noted: dict[int, list[str]] = {}
    for item, annotator in notes:
        noted.setdefault(item, []).append(annotator)
    for item, guess in guesses(shelf.store, shelf.derived):
        words, writers = said.get(item, {}), noted.get(item, [])
        only = [writer for writer in writers if writer not in words]
        if everything or words or only:
            out = discarded_by(words.values())
            guess = replace(guess, content=shown(guess), discarded_by=out)
        if everything and not words and not only:
            yield guess
        for word in sorted(words.values(), key=lambda word: word.seq or 0):
            yield spoken(guess, word, notes.get((item, word.annotator)))
        for writer in only:
            yield replace(guess, annotator=writer, note=notes[item, writer])


def discarded_by(words: Iterable[Event]) -> str | None:
    """Return who threw a row out, of what counts of it; None if nobody did."""
    names = [word.annotator for word in words if word.kind == "discard"]
    return ", ".join(sorted(names)) or None


def spoken(record, word, note=None):
    """Return a record in which somebody has spoken."""
    return replace(
        record,
        kind=word.kind,
        label=word.value if word.kind == "label" else None,
        annotator=word.annotator,
        time=word.time,
        lead_ms=word.lead_ms,
        source=word.source,
        note=note,
    )


class Shown:
    """What a person sees of a row, whole, as far as the rows are still there."""

    def __init__(self, shelf):
        self.source = shelf.source
        self.by_id = shelf.match_by == "id"
        self.positions: dict[str, int] = {}
        self.copies: dict[str, int] = {}
        if self.source is not None:
            for position, digest in enumerate(self.source.digests):
                self.positions[self.source.ids[position]] = position
                self.copies.setdefault(digest, position)

    def position(self, record):
        """Return where a row stands by now; not what has come to its place since."""
        position = self.positions.get(record.id)
        same = position is not None and (
            self.by_id or self.source.digests[position] == record.digest
        )
        return position if same else self.copies.get(record.digest)

    def __call__(self, record):
        position = self.position(record)
        if position is None:
            return {}
        row = self.source.row(position)
        if "text" in row:
            return {"text": row["text"]}
        if "fields" in row:
            fields = row["fields"].items()
            return {f"{FIELD}{name}": _words(value) for name, value in fields}
        return {"path": self.source.ids[position]} if is_file(row["image"]) else {}


def _words(value):
    """Write a value of a table; a gap is empty."""
    return None if value is None or value != value else str(value)


def is_file(image):
    return isinstance(image, (str, os.PathLike))
