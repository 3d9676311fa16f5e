"""One refit: a snapshot of the labels, a fit, predictions, a ranking, an audit."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone

from skal._data import n_rows, take_rows
from skal.label._agreement import kappa_of_models
from skal.label._audit import audit_point, draws, stage_of
from skal.label._lights import (
    CALIBRATED,
    accuracy_light,
    as_plain,
    ceiling_of,
    doubt_light,
    gain_light,
    stability_light,
)
from skal.label._temperature import at_temperature, temperature_of
from skal.query import Auto, as_strategy
from skal.query.functional import margin

if TYPE_CHECKING:
    from typing import Any

#: Rows that are predicted at one go.
CHUNK = 2000
#: Rows that a strategy ranks at least, one by one; the others go by their score, or by
#: the model's doubt.
RANKED = 50
#: Rows whose predictions are remembered, to compare models: the first by their draws.
WATCHED = 2000
#: Models that the slope of the curve is taken over.
_SLOPE_OVER = 8


def train_once(session: Any) -> dict[str, Any]:
    """Train on what is labelled now, and publish what the model says of every row.

    The labels are a snapshot: those that come meanwhile wait for the next refit.
    Whatever fails, the last ranking stays.

    Parameters
    ----------
    session : LabelSession
        Its ``learner`` is fitted, its ``derived`` written.

    Returns
    -------
    dict
        What was noted of the model: ``fit_time`` in seconds, ``kappa`` with the model
        before, ``temperature``; ``cold`` before there are two classes.
    """
    started = time()
    shot, pool = session.snapshot(), session.pool
    X = pool.features(session.derived, _telling(session.derived))
    session.derived.set_status(phase="training", since=time(), done=None, all=None)
    if len(np.unique(shot.y[~shot.is_rejected])) < 2:
        published = _cold(session, shot, X)
    else:
        published = _warm(session, shot, X)
    session.derived.publish(
        seq=shot.seq,
        n_labels=len(shot.train) if "cold" not in published["info"] else 0,
        started=started,
        **published,
    )
    _light_up(session, shot)
    session.derived.set_status(phase="idle", since=time(), error=None)
    return published["info"]


def _telling(derived):
    """Return what to call as features come in: it writes the status, not too often."""
    last = 0.0

    def progress(done, every):
        nonlocal last
        if time() - last > 0.5 or done == every:
            last = time()
            derived.set_status(phase="features", done=done, all=every)

    return progress


# Before there are two classes --------------------------------------------------------


def _cold(session, shot, X):
    """Rank the rows by what needs no label."""
    ranking: list[Any] = []
    if len(shot.candidates):
        # A clone: labels of a single class are no model, and change no first pick.
        size = min(RANKED, len(shot.candidates))
        first, _ = clone(session.learner).query(X, size, candidates=shot.candidates)
        rest = np.setdiff1d(shot.candidates, first)
        rest = np.random.default_rng(session.seed).permutation(rest)
        ranking = [(i, None) for i in (*first, *rest)]
    return {
        "ranking": _by_item(session.pool, ranking),
        "info": {"cold": True, "fit_time": 0.0},
    }


# The model ----------------------------------------------------------------------


def _warm(session, shot, X):
    """Fit, predict every row, rank the candidates, measure."""
    learner, pool = session.learner, session.pool
    if getattr(learner, "classes", None) is not None:
        classes = [one for one in session.classes if one != session.reject_label]
        learner.set_params(classes=classes)  # some may be new
    began = time()
    _fit(learner, X, shot)
    info: dict[str, Any] = {
        "fit_time": time() - began,
        "estimator": type(learner.estimator_).__name__,
    }
    if session.reject_label is not None:
        info["n_rejected"] = int(shot.is_rejected.sum())
    proba = _probabilities(learner, X)  # (n_rows, n_classes)
    names = np.array([str(label) for label in learner.classes_], dtype=object)
    labels = names[proba.argmax(axis=1)]
    info["temperature"] = _temperature(proba, names, shot)
    sure = at_temperature(proba, info["temperature"]).max(axis=1)
    there = np.flatnonzero(pool.present)
    items = pool.items[there].tolist()
    truth = {
        int(item): str(label)
        for item, label in zip(pool.items[shot.audit], shot.y_audit, strict=True)
    }
    said = dict(zip(items, labels[there], strict=True))
    watched = _watched(session, truth)
    info["kappa"] = _kappa(session.derived, {item: said[item] for item in watched})
    return {
        "predictions": zip(items, labels[there], sure[there].tolist(), strict=True),
        "ranking": _by_item(pool, _ranked(learner, X, shot, session.due, proba)),
        "said": [(item, said[item]) for item in watched],
        "info": info,
        "curve": _look(session.store.meta, truth, said, len(shot.train)),
    }


def _look(meta, truth, said, n_labels):
    """Return the point on the curve; its look at the audit is spent for good.

    So the labels' store notes it: what models say may be deleted, and made anew.
    """
    spent = meta.get("looks", [])
    point = audit_point(truth, said, n_labels, spent)
    if point[1] is not None:
        meta["looks"] = [*spent, stage_of(n_labels)]
    return point


def _fit(learner, X, shot):
    """Fit on the labelled rows; the others go along where they are wanted."""
    if not learner.use_unlabeled:
        learner.fit(take_rows(X, shot.train), shot.y)
        return
    y = np.full(n_rows(X), None, dtype=object)
    y[shot.train] = shot.y
    learner.fit(X, y)


def _probabilities(learner, X):
    """Return the probabilities of all rows, a part of them at a time."""
    starts = range(0, n_rows(X), CHUNK)
    parts = [
        learner.predict_proba(take_rows(X, np.arange(i, min(i + CHUNK, n_rows(X)))))
        for i in starts
    ]
    return np.concatenate(parts)


def _temperature(proba, names, shot):
    """Return what sets confidence right by the audit, 1 while it has too few rows."""
    code = {name: i for i, name in enumerate(names)}
    codes = np.array([code.get(str(label), -1) for label in shot.y_audit], int)
    known = codes >= 0
    if known.sum() < CALIBRATED:
        return 1.0
    return temperature_of(proba[shot.audit[known]], codes[known])


def _watched(session, truth):
    """Return the items whose predictions are remembered: the audit, and more like it.

    They go by their draws, so that the rows kept for the audit come first.
    """
    pool = session.pool
    there = np.flatnonzero(pool.present)
    digests = [pool.source.digests[i] for i in there]
    first = np.argsort(draws(digests, session.seed), kind="stable")[:WATCHED]
    return list(dict.fromkeys([*pool.items[there[first]].tolist(), *truth]))


def _kappa(derived, said):
    last = derived.model()
    if last is None:
        return None
    return kappa_of_models(derived.said(last["version"]), said)


def _ranked(learner, X, shot, due, proba):
    """Return positions and scores: first the strategy's picks, the rest by score.

    A strategy for batches would take for ever to put a whole pool in line.
    """
    candidates = shot.candidates
    if not len(candidates):
        return []
    size = min(max(RANKED, 2 * due), len(candidates))
    first, _ = learner.query(X, size, candidates=candidates)
    rest = np.setdiff1d(candidates, first)
    scores = _scores(learner, X, candidates, proba)
    if scores is None:
        rest = np.random.default_rng(shot.seq).permutation(rest)
        return [(i, None) for i in (*first, *rest)]
    score = dict(zip(candidates.tolist(), scores.tolist(), strict=True))
    rest = rest[np.argsort([-score[i] for i in rest.tolist()], kind="stable")]
    return [(i, score[i]) for i in (*first.tolist(), *rest.tolist())]


def _scores(learner, X, candidates, proba):
    """Return how much each candidate is wanted; None where that has no meaning.

    The default gives no scores: its rows have the model's doubt, as "margin" scores it.
    A strategy that the user named is not taken to want what the model doubts.
    """
    if hasattr(learner, "score_pool"):
        return learner.score_pool(take_rows(X, candidates))
    if isinstance(as_strategy(learner.query_strategy), Auto):
        return -margin(proba[candidates])
    return None


def _by_item(pool, ranking):
    return [(int(pool.items[i]), score) for i, score in ranking]


# The lights ---------------------------------------------------------------------


def _light_up(session, shot):
    """Write the four lights into the status."""
    derived, pool = session.derived, session.pool
    models = derived.models()
    truth = dict(zip(pool.items[shot.audit].tolist(), shot.y_audit, strict=True))
    said = derived.predictions(pool.items[shot.candidates].tolist())
    is_cold = bool(models) and "cold" in models[0]["info"]
    confidence = None if is_cold else [sure for _, sure in said.values()]
    ceiling = ceiling_of(shot.said_again)
    n_labels, right = _rightness(derived, models, truth)
    lights = [
        accuracy_light(
            derived.curve(),
            ceiling=ceiling[0] if ceiling else None,
            n_skipped=shot.n_skipped,
        ),
        stability_light([one["info"].get("kappa") for one in reversed(models)]),
        doubt_light(confidence, len(shot.audit)),
        gain_light(n_labels, right, session.seed),
    ]
    derived.set_status(lights=as_plain(lights))


def _rightness(derived, models, truth):
    """Return how many labels each of the last models had, and where it was right."""
    last = [one for one in models[:_SLOPE_OVER] if "cold" not in one["info"]][::-1]
    said = [derived.said(one["version"]) for one in last]
    items = [item for item in truth if all(item in one for one in said)]
    right = [[one[item] == str(truth[item]) for item in items] for one in said]
    return [one["n_labels"] for one in last], np.array(right, bool)
