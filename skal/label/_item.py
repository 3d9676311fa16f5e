"""Item: a row that a person is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """A row that a person is asked for.

    Parameters
    ----------
    id : str
        What its user calls it.
    item : int
        Its number in the store.
    show : dict
        What there is to see: "kind" and "text", "fields" or "image".
    rank : int or None, default=None
        Its place in the ranking, 0 for the most wanted.
    score : float or None, default=None
        How much the strategy wants it; higher is more. Under "auto" how unsure the
        model is of it, as "margin" scores it; None where a strategy gives no scores.
    source : str or None, default=None
        How it came up: "strategy", "random" (for the audit), "initial", "again",
        "search" or "batch".
    suggestion : object, default=None
        The class that the model takes it for. Pages hide it until it is asked for.

    See Also
    --------
    LabelSession : Asks for items.

    Examples
    --------
    >>> from skal.label import LabelSession
    >>> texts = ["good", "bad"]
    >>> session = LabelSession(texts, classes=["pos", "neg"], train="elsewhere")
    >>> item = session.ask()[0]
    >>> item.show["text"] == texts[int(item.id)]
    True
    """

    id: str
    item: int
    show: dict[str, Any] = field(compare=False)
    rank: int | None = None
    score: float | None = None
    source: str | None = None
    suggestion: Any = None


def as_ids(ids, name="ids"):
    """Return ids as a list; refuse a single one."""
    if isinstance(ids, (str, bytes)) or not hasattr(ids, "__iter__"):
        raise TypeError(f"{name} must be a list of ids, got {ids!r}.")
    return list(ids)


def as_id(id):
    """Return the id of an item, or an id as it is."""
    return id.id if isinstance(id, Item) else id
