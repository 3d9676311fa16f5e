"""Rows as a page knows them: by number, with what a person sees, as JSON."""

from __future__ import annotations

#: The most rows that one request may ask for.
MOST = 200


class Shown:
    """Turn rows into JSON, and their numbers into what the session calls them.

    Parameters
    ----------
    session : LabelSession
        Its pool has the rows.
    """

    def __init__(self, session):
        self.session = session

    def row(self, item):
        """Return a row that the session asks for."""
        return self.of(item.item, source=item.source)

    def of(self, item, **more):
        """Return the row of a number."""
        position = self.position(item)
        show = as_json(self.session.pool.show(position))
        return {
            "item": int(item),
            "id": str(self.session.pool.ids[position]),
            "show": show,
            **more,
        }

    def position(self, item):
        """Return where the row of a number stands in the pool."""
        try:
            return self.session.pool.position(int(item))
        except KeyError:
            raise ValueError(
                f"item must be the number of a row in the pool, got {item!r}."
            ) from None

    def id(self, item):
        """Return what a user calls the row of a number."""
        return self.session.pool.ids[self.position(item)]


def as_json(show):
    """Return what a page is shown: fields in pairs, and no path of a file."""
    if "image" in show:
        return {"kind": "image"}
    if "text" in show:
        return {"kind": "text", "text": show["text"], "more": show.get("cut", 0)}
    fields = [[str(name), as_text(value)] for name, value in show["fields"].items()]
    return {"kind": "table", "fields": fields, "more": show.get("cut", 0)}


def as_text(value):
    """Return a field as text; None for a gap."""
    if value is None or value == "" or value != value:
        return None
    return str(value)


def number(value):
    """Return a float that JSON can hold."""
    return None if value is None or value != value else float(value)


def bounded(n):
    return max(0, min(MOST, int(n)))
