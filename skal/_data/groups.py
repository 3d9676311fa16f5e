"""The group of each row: a patient, a drive, a document."""

import numpy as np

from skal._data.targets import is_hole


def check_groups(groups, n, rows="rows"):
    """Return groups as an array, a name for each of n rows; say ``rows`` in errors."""
    names = as_names(groups)
    if names.shape != (n,):
        raise ValueError(
            f"groups must name a group for each of {n} {rows}, got shape {names.shape}."
        )
    if holes := count_holes(names):
        raise ValueError(
            f"groups must name a group for each of {n} {rows}, got {holes} missing. "
            "Give a row that is of no group a name of its own."
        )
    if names.dtype.kind == "O":
        check_hashable(names)
    return names


def check_hashable(names):
    """Refuse names that cannot be told apart, such as lists and sets."""
    for name in names.tolist():
        try:
            hash(name)
        except TypeError:
            raise TypeError(
                f"groups must be names that can be hashed, got {name!r}. Use strings, "
                "numbers or tuples of them."
            ) from None


def as_names(groups):
    """Return groups as an array; names of several types stay what they are."""
    if isinstance(groups, (list, tuple)):
        kinds = {type(name) for name in groups}
        if kinds & {tuple, list} or (str in kinds and len(kinds) > 1):
            return np.fromiter(groups, object, len(groups))
    names = np.asarray(groups)
    return in_one_unit(names) if names.dtype.kind == "M" else names


def in_one_unit(dates):
    """Return dates in microseconds, where these tell them all, to be compared."""
    same = dates.astype("datetime64[us]")
    return same if np.array_equal(same, dates) else dates


def count_holes(names):
    """Count the rows whose group is NaN, NaT or None."""
    if names.dtype.kind == "O":
        return sum(is_hole(name) for name in names.tolist())
    return int(np.sum(names != names))


def join_groups(first, second):
    """Return the groups of two batches of rows, which stay what they are."""
    dtype = None if first.dtype.kind == second.dtype.kind else object
    return np.concatenate([first, second], dtype=dtype)


def group_codes(groups):
    """Return the groups as numbers from 0 up."""
    if groups.dtype.kind != "O":
        return np.unique(groups, return_inverse=True)[1]
    codes: dict[object, int] = {}
    return np.array([codes.setdefault(name, len(codes)) for name in groups.tolist()])


def check_apart(groups, training):
    """Refuse groups of rows to score that are groups of rows that were learnt from."""
    shared = set(groups.tolist()) & set(training.tolist())
    if shared:
        some = ", ".join(sorted(map(repr, shared))[:3])
        raise ValueError(
            "groups must be none of the training rows', got "
            f"{len(shared)} that are, such as {some}. Hold out whole groups, as "
            "GroupShuffleSplit does: a model knows the rest of a group it has seen."
        )
