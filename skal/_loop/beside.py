"""What is known of rows beside their labels: their groups, and what these cost.

A dict of "groups" and "costs", those of them that were given, as arrays with a value
for each row. Strategies and the record of a run read it.
"""

import numpy as np

from skal._data import check_costs, check_groups, join_groups, n_rows

NAMES = ("groups", "costs")


def read_beside(X, groups, costs):
    """Return what was given for the rows of X."""
    known = {}
    if groups is not None:
        known["groups"] = check_groups(groups, n_rows(X))
    if costs is not None:
        known["costs"] = check_costs(costs, X)
    return known


def beside_at(known, rows):
    """Return what is known of the rows at some positions, or of a slice."""
    return {name: values[rows] for name, values in known.items()}


def beside_of(learner):
    """Return what a learner knows of its training rows."""
    attributes = vars(learner)
    known = {name: attributes.get(f"{name}_training_") for name in NAMES}
    return {name: values for name, values in known.items() if values is not None}


def told_beside(known):
    """Return the attributes of a learner that knows this of its training rows."""
    return {f"{name}_training_": values for name, values in known.items()}


def join_beside(first, second, n_new):
    """Return what is known of rows and of ``n_new`` that follow them."""
    for name in NAMES:
        if name in first and name not in second:
            raise ValueError(
                f"{name} must be given for the new rows too, got nothing. Earlier "
                "rounds had it."
            )
        if name in second and name not in first:
            raise ValueError(
                f"{name} must be given from the first round on, got it for {n_new} "
                "new rows only. Fit again with it for all rows."
            )
    joined = {}
    if "groups" in first:
        joined["groups"] = join_groups(first["groups"], second["groups"])
    if "costs" in first:
        joined["costs"] = np.concatenate([first["costs"], second["costs"]])
    return joined
