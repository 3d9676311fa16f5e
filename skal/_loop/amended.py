"""What was taught, amended after the fact: labels corrected, rows taken back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skal._data import as_positions


def check_taught(indices, n):
    """Return positions, or a mask, among n taught rows as positions."""
    positions = as_positions(indices, n)
    if len(np.unique(positions)) < len(positions):
        raise ValueError(
            f"indices must be different rows, got {len(positions)} of which "
            f"{len(np.unique(positions))} differ."
        )
    return positions


def corrected(told, positions, target):
    """Return a training set in which rows have other labels."""
    if len(target.y) != len(positions):
        raise ValueError(
            f"y must hold a label for each of the {len(positions)} indices, got "
            f"{len(target.y)}."
        )
    if target.missing.any():
        raise ValueError(
            f"y must hold labels, got {target.missing.sum()} missing ones. Take rows "
            "back with forget(indices)."
        )
    source = np.arange(len(told.y))
    source[positions] = len(source) + np.arange(len(positions))
    news = replace(told, y=told.in_type(target).y, rejects=target.rejects)
    y, rejects = told.joined(news)
    rejects = None if rejects is None else rejects.of(source)
    return replace(told, y=y[source], rejects=rejects)


def without_rows(state, kept):
    """Return a state that has only the kept rows of its training set.

    The rounds stay. Rows that are gone have the round -1 and, where a round tells of
    rows of the training set, the position -1.
    """
    places = state.places[kept]
    labeled_iter = np.full_like(state.labeled_iter, -1)
    labeled_iter[places] = state.labeled_iter[places]
    now = np.full(len(state.training.y), -1)
    now[kept] = np.arange(len(kept))
    rounds = [
        {**record, "indices": moved(record["indices"], now)}
        if record["source"] == "taught"
        else record
        for record in state.rounds
    ]
    rounds[-1] = {**rounds[-1], "n_labels": len(kept)}
    return replace(
        state, labeled_iter=labeled_iter, places=places, rounds=tuple(rounds)
    )


def moved(indices, now):
    """Return rows, or pairs of a row and a label, as they stand now; -1 stays."""
    if indices.ndim == 1:
        return np.where(indices < 0, -1, now[indices])
    return np.column_stack([moved(indices[:, 0], now), indices[:, 1]])


def without_lost(labels, before, after, state, in_place):
    """Return Labels without the classes whose last label is gone.

    ``before`` and ``after`` are the labels of the training set. Classes stay that a
    simulation knows of, and those that an earlier model, if these are kept, answers in:
    also the last, unless the new one takes its place.
    """
    if labels.target_type != "multiclass":
        return labels
    lost = np.setdiff1d(before, after)
    if state is not None and state.rounds[0]["source"] == "bought":
        return labels
    models = () if state is None or state.models is None else state.models
    models = models[:-1] if in_place else models
    for _, known in models:
        lost = np.setdiff1d(lost, known.classes)
    return replace(labels, classes=np.setdiff1d(labels.classes, lost))
