"""Which item is which: what is there now, matched with what was."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


class Matching(NamedTuple):
    """How items that were known go with those that are there now.

    ``items`` holds for each of those that are there the number of the item that it is,
    None for a new one. ``moved`` lists the items of which the id is another than
    before, and ``gone`` those that were there and are not.
    """

    items: list[int | None]
    moved: list[int]
    gone: list[int]


def match(
    known: Iterable[Any], now: Sequence[tuple[str, str]], *, by: str = "content"
) -> Matching:
    """Match the items that were known with those that are there now.

    An item is its content and its name. Whoever has kept both is the same; of the
    rest, the same content under another name has moved, also when it comes back after
    having been gone. So files may be added, moved, renamed, swapped, duplicated and
    deleted between sessions. A file whose content changed is another item: its label
    was given to what it held before.

    Parameters
    ----------
    known : iterable of StoredItem
        What was known: ``item``, ``id``, ``digest``, ``present``.
    now : sequence of (id, digest)
        What is there now; ids are unique.
    by : {"content", "id"}, default="content"
        "id" takes the same id for the same item whatever it holds, for rows that carry
        an id of their own.

    Returns
    -------
    Matching
        The item of each, and which have moved or gone.

    Examples
    --------
    >>> from skal.label._items import match
    >>> from skal.label import StoredItem
    >>> a = StoredItem(1, "a.png", "sha256:11", True)
    >>> match([a], [("new/a.png", "sha256:11"), ("a.png", "sha256:22")])
    Matching(items=[1, None], moved=[1], gone=[])
    """
    # An id may have been used before: who is there, or came last, goes first.
    known = sorted(known, key=lambda one: (not one.present, -one.item))
    free = dict(now)
    found, left = {}, []
    for one in known:
        digest = free.get(one.id)
        if digest is not None and (by == "id" or digest == one.digest):
            found[one.id] = one
            del free[one.id]
        else:
            left.append(one)
    found.update(_by_content(left, free))
    items = [found[id].item if id in found else None for id, _ in now]
    moved = sorted(one.item for id, one in found.items() if id != one.id)
    gone = {one.item for one in known if one.present}
    return Matching(items, moved, sorted(gone.difference(items)))


def _by_content(left, free):
    """Yield free ids with the items of the same content that are left."""
    ids = defaultdict(list)  # digest -> ids, in the order of the source
    for id, digest in free.items():
        ids[digest].append(id)
    items = defaultdict(list)
    for one in sorted(left, key=lambda one: (not one.present, one.item)):
        if one.digest in ids:
            items[one.digest].append(one)
    for digest, same in items.items():
        yield from _pairs(same, ids[digest])


def _pairs(items, ids):
    """Pair ids and items of one content: those of the same file name first."""
    ids = dict.fromkeys(ids)
    rest = []
    for one in items:
        last = PurePosixPath(one.id).name
        same_name = next((id for id in ids if PurePosixPath(id).name == last), None)
        if same_name is None:
            rest.append(one)
        else:
            del ids[same_name]
            yield same_name, one
    yield from zip(ids, rest, strict=False)
