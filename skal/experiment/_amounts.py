"""What curves count, in words: labels, cells of rows, or what labels cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from skal.experiment._results import Results

#: What a curve may count.
UNITS = ("labels", "cells", "cost")


def unit_of(results: Results, data: str) -> str:
    """Return what the curves of a data set count.

    Parameters
    ----------
    results : Results
        The results.
    data : str
        Which data set.

    Returns
    -------
    str
        "cost" where its labels have costs, "cells" where strategies ask for these, else
        "labels".
    """
    if "cells" in results.definition.get("data", {}).get(data, {}):
        return "cells"
    priced = any("cost" in one for one in results.records if one["data"] == data)
    return "cost" if priced else "labels"


def points_of(results: Results) -> str:
    """Say what the points of all curves are: label counts, costs, or both."""
    units = {unit_of(results, one["data"]) for one in results.records}
    words = {"labels": "label counts", "cells": "counts of cells", "cost": "costs"}
    return " or ".join(words[unit] for unit in UNITS if unit in units)


def amount(value: float, unit: str) -> str:
    """Write a number of labels or cells, which is whole, or a cost, to 3 figures."""
    if np.isinf(value):
        return "∞"
    return f"{value:.0f}" if unit != "cost" or abs(value) >= 100 else f"{value:.3g}"


def with_interval(value: float, low: float, high: float, unit: str) -> str:
    """Write an amount with its interval."""
    if np.isinf(value):
        return "not reached"
    words = [amount(one, unit) for one in (value, low, high)]
    if np.isnan(low) or words[1] == words[2]:
        return words[0]
    return f"{words[0]} ({words[1]}-{words[2]})"


def match_of(row: Any, baseline: str, unit: str) -> tuple[float, float, float]:
    """Return what a row of the summary says it takes to match the baseline."""
    name = f"{unit}_to_match_{baseline}"
    return row[name], row[f"{name}_low"], row[f"{name}_high"]


def match_in_words(row: Any, own: Any, baseline: str, budget: float, unit: str) -> str:
    """Say what it takes to match the baseline.

    Parameters
    ----------
    row : Series or dict
        What the summary says of a strategy.
    own : Series or dict
        What it says of the baseline.
    baseline : str
        Its name.
    budget : float
        Where the curves end.
    unit : str
        What they count.

    Returns
    -------
    str
        A sentence.
    """
    found, first = match_of(row, baseline, unit), match_of(own, baseline, unit)[0]
    if not np.isfinite(found[0]):
        return f"It does not reach {baseline}'s last score within the budget."
    whole, needed = amount(budget, unit), with_interval(*found, unit)
    step = budget / 100 if unit == "cost" else 1
    spent, word = f"of {whole} {unit}", "with"
    if unit == "cost":
        spent, word = f"at a cost of {whole}", "at"
    had = f", which {baseline} had first {word} {amount(first, unit)}"
    dipped = had if first < budget - step else ""
    return f"It reaches {baseline}'s last score, {spent}{dipped}, {word} {needed}."
