"""What a model may learn from: the labels of one moment, by position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from skal.label._events import Event
    from skal.label._ledger import Ledger
    from skal.label._pool import Pool
    from skal.label._spellings import ClassNames


@dataclass(frozen=True)
class Snapshot:
    """The labels of one moment.

    Parameters
    ----------
    seq : int
        The last event that it knows.
    train : ndarray of int
        Positions of the rows to train on, in the order of their labels; no copy of a
        row of the audit among them, whoever labelled it.
    y : ndarray
        Their classes, as the user gave them.
    is_rejected : ndarray of bool
        Which of them are of no class, by the answer that says so.
    audit : ndarray of int
        Positions of the rows that were drawn at random and answered; held out. Those
        that are of no class are left out: a model can be neither right nor wrong there.
    y_audit : ndarray
        Their classes.
    audit_events : list of Event
        How each of these came up, and what the model took it for.
    candidates : ndarray of int
        Positions of the rows that may be asked: neither labelled nor thrown out, nor
        kept for the audit while there are others.
    n_skipped : int
        How many rows were drawn at random and skipped, which the audit lacks.
    said_again : list of (str, str, str)
        Who was asked again for a row of theirs, and both their answers.
    """

    seq: int
    train: np.ndarray
    y: np.ndarray
    is_rejected: np.ndarray
    audit: np.ndarray
    y_audit: np.ndarray
    audit_events: list[Event]
    candidates: np.ndarray
    n_skipped: int
    said_again: list[tuple[str, str, str]]


def take_snapshot(
    ledger: Ledger, pool: Pool, classes: ClassNames, reject_label: Any = None
) -> Snapshot:
    """Return what counts now, by position in the pool."""
    reject = None if reject_label is None else str(reject_label)
    labels = sorted(ledger.labels.values(), key=lambda event: event.seq)
    labels = [event for event in labels if event.item in pool]
    audit = [event for event in labels if is_audit(ledger, event)]
    held_out = {digest_of(pool, event) for event in audit}
    train = [event for event in labels if digest_of(pool, event) not in held_out]
    audit = [event for event in audit if event.value != reject]
    candidates = pool.present & ~pool.reserved
    candidates &= ledger.open[pool.items]
    if not candidates.any():
        candidates = pool.present & ledger.open[pool.items]
    return Snapshot(
        seq=ledger.seq,
        train=pool.positions(event.item for event in train),
        y=classes_of(train, classes),
        is_rejected=np.array([event.value == reject for event in train], bool),
        audit=pool.positions(event.item for event in audit),
        y_audit=classes_of(audit, classes),
        audit_events=audit,
        candidates=np.flatnonzero(candidates),
        n_skipped=sum(is_skipped(ledger, pool, item) for item in ledger.drawn),
        said_again=ledger.said_again(),
    )


def is_audit(ledger, event):
    """Tell whether a label is held out: its row was drawn at random, and then asked."""
    return ledger.drawn.get(event.item) == "random"


def is_skipped(ledger, pool, item):
    """Tell whether a row was drawn at random, and nobody who saw it was sure."""
    drawn = ledger.drawn[item] == "random" and item in ledger.said
    return drawn and item in pool and bool(ledger.open[item])


def digest_of(pool, event):
    """Return what a row is known by, and its copies too."""
    return pool.source.digests[pool.position(event.item)]


def classes_of(events: list[Event], classes: ClassNames) -> Any:
    values = [classes.value_of(event.value) for event in events]
    return np.array(values if values else classes.values[:0])
