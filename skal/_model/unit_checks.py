"""What an estimator answers for units of rows, read and checked."""

import numpy as np

from skal._checks import name_of

#: By how much probabilities in half precision may miss 1 together.
_ROUNDING = 0.02


def as_units(units, estimator, rank=2):
    """Return units as an array, or as a list of arrays, an entry a row."""
    ragged = isinstance(units, list | tuple)
    if not ragged:
        units = np.asarray(units)
        ragged = units.dtype == object and units.ndim > 0
    parts = [np.asarray(row) for row in units] if ragged else [units]
    strange = [
        f"{part.dtype} of shape {part.shape}"
        for part in parts
        if part.dtype.kind not in "biuf" or (part.size and part.ndim < rank)
    ]
    if strange or (not ragged and (units.ndim < rank or units.shape[-1] == 0)):
        dense, apart = ("(n, ..., C)", "(u, C)")
        if rank == 3:
            dense, apart = ("(S, n, ..., C)", "(S, u, C)")
        got = strange[0] if strange else f"shape {units.shape}"
        raise ValueError(
            f"{name_of(estimator)} must answer with an array {dense} of probabilities, "
            f"or with an array {apart} a row, got {got}."
        )
    return with_classes(parts, estimator, rank) if ragged else units


def with_classes(rows, estimator, rank):
    """Return arrays (u, C) of rows, those of rows without a unit as wide as others."""
    widths = {row.shape[-1] for row in rows if row.size}
    if len(widths) > 1:
        raise ValueError(
            f"{name_of(estimator)} must answer with as many classes for each row, got "
            f"{sorted(widths)}. Give a class that it has not seen the probability 0."
        )
    told = [row for row in rows if row.ndim >= rank and row.shape[-1]]
    shape = max(told, key=np.size).shape if told else (1,) * rank
    none = np.empty((*shape[: rank - 2], 0, shape[-1]))
    return [row if row.size else none for row in rows]


def finite_units(units, estimator):
    """Refuse units that are no finite numbers."""
    parts = units if isinstance(units, list) else [units]
    for part in parts:
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(part.sum()) or np.isfinite(part).all():
                continue
        bad = int(np.count_nonzero(~np.isfinite(part).all(axis=-1)))
        raise ValueError(
            f"{name_of(estimator)} answered probabilities that are not finite for "
            f"{bad} units. If its training has diverged, lower the learning rate or "
            "scale the inputs."
        )
    return units


def check_sums(units, estimator, *, drawn=False):
    """Refuse units whose last axis has no probabilities of classes.

    Of many rows the first that has units is looked at, in the first of its draws.
    """
    row = next((row for row in units if row.size), None)
    if row is None:
        return
    first = row[:1] if drawn else row  # of an array a draw is first, else a row
    sums = first.sum(axis=-1, dtype=float)
    wrong = np.abs(sums - 1) > _ROUNDING
    if wrong.any() or first.min() < -_ROUNDING:
        raise ValueError(
            f"{name_of(estimator)} must answer with probabilities of classes, which "
            "are from 0 to 1 and sum to 1 over the last axis, got "
            f"{first.min():.3g} to {first.max():.3g} with sums from {sums.min():.3g} "
            f"to {sums.max():.3g}. Take the softmax of scores, move an axis of classes "
            "that is not the last, np.moveaxis(proba, 1, -1), and give both of two "
            "classes: np.stack([1 - p, p], axis=-1). Where rows differ in length, "
            "answer with a list."
        )
