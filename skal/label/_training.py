"""One refit: a snapshot of the labels, a fit, predictions, a ranking, an audit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING

import numpy as np

from skal.label._audit import audit_point

if TYPE_CHECKING:
    from typing import Any

#: Rows that are predicted at one go.
CHUNK = 2000
#: Rows that a strategy ranks at least.
RANKED = 50


@dataclass(frozen=True)
class Snapshot:
    """What was known at one moment.

    ``labels`` holds the label of each item to train on, ``audit`` that of each item
    that a random draw brought up, which no model is trained on. ``candidates`` may be
    asked, ``skipped`` of them last.
    """

    seq: int
    labels: dict[int, str]
    audit: dict[int, str]
    candidates: list[int]
    skipped: list[int]


def train_once(session: Any) -> dict[str, Any]:
    """Train on what is labelled now, and publish what the model says of every row.

    Parameters
    ----------
    session : LabelSession
        Read: ``store``, ``source``, ``learner``, ``classes``; its ``learner`` is fitted
        and its ``derived`` written.

    Returns
    -------
    dict
        The notes that were published: ``n_labels``, ``seq``, ``fit_time`` and so on.
    """
    started = time()
    shot = snapshot(session.store)
    items = {one.id: one.item for one in session.store.items() if one.present}
    rows = np.array([items.get(name, -1) for name in session.source.ids])
    X = session.source.features(session.derived)
    info: dict[str, Any] = {"n_labels": len(shot.labels), "seq": shot.seq}
    learner, classes = session.learner, _classes(session)
    position = {item: i for i, item in enumerate(rows) if item >= 0}
    candidates = np.array([position[i] for i in shot.candidates if i in position], int)
    known = [item for item in shot.labels if item in position]
    if len({shot.labels[item] for item in known}) < 2:
        ranking = _cold_ranking(learner, X, candidates)
        session.derived.publish(
            seq=shot.seq,
            n_labels=len(known),
            ranking=[(int(rows[i]), score) for i, score in ranking],
            info={**info, "cold": True},
            started=started,
        )
        return {**info, "cold": True}
    y = np.array([classes.get(shot.labels[item], shot.labels[item]) for item in known])
    where = np.array([position[item] for item in known])
    learner.fit(X[where], y)
    info["fit_time"] = time() - started
    labels, confidence = _predicted(learner, X)
    ranking = _ranking(learner, X, candidates, max(RANKED, len(known) // 10))
    said = {int(item): label for item, label in zip(rows, labels, strict=True)}
    session.derived.publish(
        seq=shot.seq,
        n_labels=len(known),
        predictions=[
            (int(item), label, float(sure))
            for item, label, sure in zip(rows, labels, confidence, strict=True)
            if item >= 0
        ],
        ranking=[(int(rows[i]), score) for i, score in ranking],
        curve=audit_point(shot.audit, said, len(known), session.derived.curve()),
        info=info,
        started=started,
    )
    return info


def snapshot(store: Any) -> Snapshot:
    """Return what the store knows now, as a trainer takes it.

    Parameters
    ----------
    store : LabelStore
        The store.

    Returns
    -------
    Snapshot
        Labels by majority, ties to the latest; whoever discards a row takes it out.
    """
    seq = store.last_seq()
    said: dict[int, list[Any]] = {}
    for event in store.current():
        said.setdefault(event.item, []).append(event)
    present = [one.item for one in store.items() if one.present]
    labels, audit, candidates, skipped = {}, {}, [], []
    for item in present:
        events = said.get(item, ())
        verdicts = {event.kind for event in events}
        if "discard" in verdicts:
            continue
        if "label" not in verdicts:
            candidates.append(item)
            if "skip" in verdicts:
                skipped.append(item)
            continue
        is_random = any(event.source == "random" for event in events)
        (audit if is_random else labels)[item] = majority(events)
    return Snapshot(seq, labels, audit, candidates, skipped)


def majority(events: Any) -> str:
    """Return the label that most have given; of two as often, the one given last.

    Parameters
    ----------
    events : iterable of Event
        What counts of one row, in order.

    Returns
    -------
    str
        The label.
    """
    values = [event.value for event in events if event.kind == "label"]
    counts = Counter(values)
    most = max(counts.values())
    return next(value for value in reversed(values) if counts[value] == most)


def _classes(session):
    return {str(label): label for label in session.classes or ()}


def _cold_ranking(learner, X, candidates):
    from sklearn.base import clone

    if not len(candidates):
        return []
    n = min(RANKED, len(candidates))
    first, _ = clone(learner).query(X, n, candidates=candidates)
    rest = np.random.default_rng(0).permutation(np.setdiff1d(candidates, first))
    return [(i, None) for i in (*first, *rest)]


def _predicted(learner, X):
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    labels, confidence = [], []
    for start in range(0, n, CHUNK):
        proba = learner.predict_proba(X[start : start + CHUNK])
        labels += [str(one) for one in learner.classes_[proba.argmax(axis=1)]]
        confidence += proba.max(axis=1).tolist()
    return labels, confidence


def _ranking(learner, X, candidates, n):
    if not len(candidates):
        return []
    first, _ = learner.query(X, min(n, len(candidates)), candidates=candidates)
    scores = np.full(len(candidates), np.nan)
    if hasattr(learner, "score_pool"):
        scores = learner.score_pool(X[candidates])
    by_row = dict(zip(candidates.tolist(), scores.tolist(), strict=True))
    rest = np.setdiff1d(candidates, first)
    rest = rest[np.argsort([-by_row[i] for i in rest], kind="stable")]
    return [(i, by_row[i]) for i in (*first, *rest)]
