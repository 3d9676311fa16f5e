"""What data says of rows beside their labels: what belongs together, what it costs.

A dict of "groups" and "costs": arrays, names of columns, functions, or None.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from skal._data import check_apart, check_costs, check_groups, group_codes

if TYPE_CHECKING:
    from skal.experiment._data import Data


def named_columns(beside: dict[str, Any]) -> dict[str, str]:
    """Return which columns hold groups and costs."""
    return {kind: one for kind, one in beside.items() if isinstance(one, str)}


def taken_out(
    X: Any, test: list[Any], beside: dict[str, Any]
) -> tuple[Any, list[Any], dict[str, Any]]:
    """Take the columns of groups and costs out of a frame: they are no features.

    Parameters
    ----------
    X : frame or other rows
        The rows; nothing is taken out of what is no frame.
    test : list
        Nothing, or the test rows, which are of the same columns, and their labels.
    beside : dict of str to object
        Names of columns among other things.

    Returns
    -------
    X, test, beside : object
        The same, with arrays in place of columns that were found.

    Raises
    ------
    ValueError
        If the test rows lack the column of groups.
    """
    there = getattr(X, "columns", ())
    found = {kind: one for kind, one in named_columns(beside).items() if one in there}
    if not found:
        return X, test, beside
    columns = list(set(found.values()))
    beside = beside | {kind: np.asarray(X[one]) for kind, one in found.items()}
    if test:
        rows, y_test = test
        if "groups" in found:
            beside["groups"] = beside["groups"], _column(rows, found["groups"])
        if hasattr(rows, "columns"):
            rows = rows.drop(columns=columns, errors="ignore")
        test = [rows, y_test]
    return X.drop(columns=columns), test, beside


def _column(rows, name):
    """Return the groups of test rows."""
    if name not in getattr(rows, "columns", ()):
        raise ValueError(
            f"groups must be a column of the test rows too, got {name!r}. Or pass a "
            "pair of arrays, of the rows and of the test rows."
        )
    return np.asarray(rows[name])


def with_beside(name: str, data: Data, beside: dict[str, Any]) -> Data:
    """Return data with the group of each row and its cost, checked.

    Parameters
    ----------
    name : str
        Of the data set.
    data : Data
        Rows and labels.
    beside : dict of str to object
        As a user gives it, less the columns that were found.

    Returns
    -------
    Data
        The data.
    """
    for kind, column in named_columns(beside).items():
        raise ValueError(
            f"{kind} must be the {kind[:-1]} of each row of {name!r}, which has no "
            f"columns of that name, got {column!r}. Pass an array."
        )
    if beside["costs"] is not None:
        data = replace(data, costs=check_costs(beside["costs"], data.X))
    if beside["groups"] is not None:
        data = replace(data, groups=_group_codes(name, data, beside["groups"]))
    return data


def _group_codes(name, data, groups):
    """Return the group of each row as a number from 0 up, checked."""
    rows, tested = f"rows of {name!r}", data.y_test is not None
    groups, test = _pair(name, groups) if tested else (groups, None)
    names = check_groups(groups, len(data.y), rows)
    if tested:
        check_apart(check_groups(test, len(data.y_test), f"test {rows}"), names)
    if {type(one) for one in names.tolist()} == {str}:
        names = names.astype(str)  # whose numbers are in the order of the words
    return group_codes(names)


def _pair(name, groups):
    """Return the groups of the rows and of the test rows."""
    if not isinstance(groups, tuple) or len(groups) != 2:
        raise ValueError(
            f"groups must be a pair, of the rows and of the test rows, for {name!r}, "
            f"which has test rows of its own, got {type(groups).__name__}."
        )
    return groups
