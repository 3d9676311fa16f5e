"""Lease: a row that one person has been asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """A row that one person has been asked for, and how it came up.

    Parameters
    ----------
    item : int
        The number of the row.
    annotator : str, default=""
        Who has it; the store writes it.
    until : float, default=0.0
        When others may have it, in seconds since the epoch; the store writes it.
    source : str or None, default=None
        How it came up, as in :class:`Event`; so are the others.
    rank : int or None, default=None
        Its place in the ranking.
    score : float or None, default=None
        How much the strategy wants it.
    model : int or None, default=None
        The model that ranked it.
    p_select : float or None, default=None
        The chance with which a random draw took it.
    predicted : str or None, default=None
        What the model takes it for.

    See Also
    --------
    LabelStore.lease : Lends rows.

    Examples
    --------
    >>> from skal.label import LabelStore
    >>> store = LabelStore()
    >>> _ = store.set_items([("a.png", ""), ("b.png", "")])
    >>> [lease.item for lease in store.lease("ann", [1])]
    [1]
    >>> [lease.item for lease in store.lease("bob", [1, 2])]
    [2]
    """

    item: int
    annotator: str = ""
    until: float = 0.0
    source: str | None = None
    rank: int | None = None
    score: float | None = None
    model: int | None = None
    p_select: float | None = None
    predicted: str | None = None


_LEASE = (*Lease.__dataclass_fields__, "given")
LEND = "INSERT INTO lease ({}) VALUES ({})".format(
    ", ".join(_LEASE), ", ".join("?" * len(_LEASE))
)
#: A lease that is renewed keeps its place among those of the same person.
RENEW = (
    " ON CONFLICT (item) DO UPDATE SET given = iif("
    "lease.annotator = excluded.annotator, lease.given, excluded.given), "
) + ", ".join(f"{name} = excluded.{name}" for name in _LEASE[1:-1])
