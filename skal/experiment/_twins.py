"""Strategies that picked the same rows in every seed: one test, not two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skal.experiment._results import Results


def twins_in(results: Results, data: str, estimator: str) -> dict[str, str]:
    """Name for each strategy that picked what an earlier one did that earlier one.

    Margin and entropy, for one, put two classes in the same order.

    Parameters
    ----------
    results : Results
        The results.
    data : str
        Which data set.
    estimator : str
        Which estimator.

    Returns
    -------
    dict of str to str
        Twin -> the first strategy with these picks. The order within a round does not
        matter.
    """
    picks: dict[str, dict[int, list[Any]]] = {}
    for record in results.records:
        here = (record["data"], record["estimator"]) == (data, estimator)
        if here and record.get("asked"):
            rounds = [sorted(rows) for rows in record["asked"]]
            picks.setdefault(record["strategy"], {})[record["seed"]] = rounds
    found: dict[str, str] = {}
    for name, seeds in picks.items():
        first = next(other for other in picks if _alike(picks[other], seeds))
        if first != name:
            found[name] = first
    return found


def twins_everywhere(results: Results, metric: str) -> dict[str, str]:
    """Name the twins that are so in every setting.

    Parameters
    ----------
    results : Results
        The results.
    metric : str
        What must have been measured.

    Returns
    -------
    dict of str to str
        As :func:`twins_in`.
    """
    found = [twins_in(results, *where) for where in results.settings(metric)]
    return {
        name: first
        for name, first in found[0].items()
        if all(one.get(name) == first for one in found)
    }


def _alike(some, others):
    """Tell whether two strategies picked alike in every seed that both have."""
    shared = some.keys() & others.keys()
    return bool(shared) and all(some[seed] == others[seed] for seed in shared)
