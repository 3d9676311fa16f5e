"""Which item is which: digests of content, and matching what is there with what was."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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


# Digests ------------------------------------------------------------------------


def digest_of_bytes(content: bytes) -> str:
    """Return the digest of a file's content.

    Parameters
    ----------
    content : bytes
        The content.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    return f"sha256:{sha256(content).hexdigest()}"


def digest_of_text(text: str) -> str:
    """Return the digest of a text, the same however its accents and lines are written.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    lines = unicodedata.normalize("NFC", text).splitlines()
    plain = "\n".join(line.rstrip() for line in lines).strip()
    return digest_of_bytes(plain.encode("utf-8", "surrogatepass"))


def digest_of_fields(fields: Mapping[str, Any]) -> str:
    """Return the digest of a row of a table, whatever the order of its columns.

    Parameters
    ----------
    fields : mapping
        Values by column.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    plain = {str(name): _plain(value) for name, value in fields.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return digest_of_bytes(text.encode("utf-8", "surrogatepass"))


def digest_of_array(row: Any) -> str:
    """Return the digest of a row of an array or of a CSR matrix.

    Parameters
    ----------
    row : array-like
        The row.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    if hasattr(row, "tocsr"):
        row = row.tocsr()
        row.sort_indices()
        parts = [np.asarray(row.indices, np.int64), np.asarray(row.data)]
    else:
        parts = [np.asarray(row)]
    if any(part.dtype.hasobject for part in parts):
        values = np.ravel(parts[0]).tolist()
        return digest_of_fields({str(i): value for i, value in enumerate(values)})
    head = ";".join(f"{part.dtype.str}{part.shape}" for part in parts).encode()
    return digest_of_bytes(head + b"".join(part.tobytes() for part in parts))


def _plain(value):
    """Return a value as JSON can hold it: 1.0 and 1 are one number, a gap is None."""
    if value is None or value != value:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool | int | float | str):
        return value
    return str(value)
