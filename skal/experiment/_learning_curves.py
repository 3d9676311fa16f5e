"""Methods of Results that give learning curves: paired by seed, over the same labels.

A setting is a data set and an estimator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skal._checks import nearest_first
from skal.experiment._measures import better_of, in_order
from skal.experiment._oracle import is_oracle
from skal.metrics import merge_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal.experiment._results import Results

    Curve = tuple[NDArray[np.float64], NDArray[np.float64]]

#: What a report is about, where it was measured.
MAIN = ("accuracy", "r2")


def metrics(self: Results) -> list[str]:
    """List the columns that were measured.

    Returns
    -------
    list of str
        Their names, those of no finite value left out.
    """
    found: dict[str, bool] = {}
    for record in self.records:
        for name, values in record["metrics"].items():
            known = any(value is not None for value in values)
            found[name] = found.get(name, False) or known
    return in_order(name for name, known in found.items() if known)


def metric_of(
    self: Results,
    metric: str | None,
    data: str | None = None,
    estimator: str | None = None,
) -> str:
    """Return the measure that is meant: accuracy, or r2, where it is there.

    Parameters
    ----------
    metric : str or None
        As given; None follows what was measured.
    data, estimator : str, default=None
        Which setting; None where any will do.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    ValueError
        If nothing was measured that knows better and worse.
    """
    if metric is not None:
        return metric
    if (data, estimator) != (None, None):
        data, estimator = self.setting(data, estimator)
    measured = {
        name
        for record in self.records
        if data in (None, record["data"]) and estimator in (None, record["estimator"])
        for name in record["metrics"]
        if _has(record, name) and better_of(name) != 0
    }
    there = [*(name for name in MAIN if name in measured), *in_order(measured)]
    if not there:
        raise ValueError(
            f"There is nothing to report: {len(self.failures)} cells failed, none "
            "finished with a score."
        )
    return there[0]


def settings(self: Results, metric: str | None = None) -> list[tuple[str, str]]:
    """List the pairs of a data set and an estimator that have results.

    Parameters
    ----------
    metric : str, default=None
        Only those in which this was measured.

    Returns
    -------
    list of tuple of str
        The pairs, in the order of the experiment.
    """
    found = {
        (record["data"], record["estimator"]): None
        for record in self.records
        if metric is None or _has(record, metric)
    }
    if metric is not None and not found:
        words = ", ".join(map(repr, nearest_first(metric, self.metrics())))
        raise ValueError(f"metric must be one of {words}, got {metric!r}.")
    return list(found)


def setting(self: Results, data: str | None, estimator: str | None) -> tuple[str, str]:
    """Return the one setting that is meant.

    Parameters
    ----------
    data : str or None
        Which data set.
    estimator : str or None
        Which estimator.

    Returns
    -------
    tuple of str
        Both names.
    """
    matching = [
        pair
        for pair in self.settings()
        if data in (None, pair[0]) and estimator in (None, pair[1])
    ]
    if len(matching) != 1:
        words = ", ".join(map(str, self.settings()))
        raise ValueError(
            f"data and estimator must name one of {words}, got {data!r} and "
            f"{estimator!r}."
        )
    return matching[0]


def strategies(self: Results) -> list[str]:
    """List the strategies that have results.

    Returns
    -------
    list of str
        Their names, in the order of the experiment.
    """
    return list(dict.fromkeys(record["strategy"] for record in self.records))


def common_strategies(self: Results, metric: str) -> list[str]:
    """List the strategies that have results in every setting, the oracle apart.

    Parameters
    ----------
    metric : str
        What must have been measured.

    Returns
    -------
    list of str
        Their names.
    """
    there = [set(self.runs(metric, *one)) for one in self.settings(metric)]
    return [
        name
        for name in self.strategies()
        if all(name in s for s in there) and not is_oracle(self.definition, name)
    ]


def runs(
    self: Results, metric: str, data: str, estimator: str
) -> dict[str, dict[int, Curve]]:
    """Return the curves of a setting by strategy and seed.

    Parameters
    ----------
    metric : str
        Which column.
    data : str
        Which data set.
    estimator : str
        Which estimator.

    Returns
    -------
    dict of str to dict of int to tuple of ndarray
        ``(n_labels, scores)``, rounds without a finite score left out; what labels
        cost in place of their number, where they do.

    Raises
    ------
    ValueError
        If there are none.
    """
    found: dict[str, dict[int, Curve]] = {}
    for record in self.records:
        if (record["data"], record["estimator"]) != (data, estimator):
            continue
        if not _has(record, metric):
            continue
        scores = np.array(record["metrics"][metric], float)
        labels = np.array(record.get("cost", record["n_labels"]), float)
        there = np.isfinite(scores)
        curve = labels[there], scores[there]
        found.setdefault(record["strategy"], {})[record["seed"]] = curve
    if not found:
        there = ", ".join(map(str, self.settings(metric)))
        raise ValueError(
            f"metric must be one that was measured on {data!r} with {estimator!r}, "
            f"got {metric!r}, which was on {there}."
        )
    return found


def paired(
    self: Results, metric: str, data: str, estimator: str
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Return the curves of the seeds that all strategies share.

    Parameters
    ----------
    metric : str
        Which column.
    data : str
        Which data set.
    estimator : str
        Which estimator.

    Returns
    -------
    n_labels : ndarray of shape (n_points,)
        Numbers of labels, or amounts of cost, that all curves cover.
    scores : dict of str to ndarray of shape (n_seeds, n_points)
        By strategy; seeds in order.
    """
    found = self.runs(metric, data, estimator)
    seeds = sorted(set.intersection(*(set(runs) for runs in found.values())))
    if not seeds:
        raise ValueError(
            f"Strategies must share a seed to be compared, got none on {data!r} "
            f"with {estimator!r}. See failures."
        )
    flat = [found[name][seed] for name in found for seed in seeds]
    grid, scores = merge_runs(flat)
    if len(grid) == 0:
        raise ValueError(
            f"Strategies must share numbers of labels to be compared, got curves "
            f"that do not overlap on {data!r} with {estimator!r}."
        )
    scores = scores.reshape(len(found), len(seeds), -1)
    return grid, dict(zip(found, scores, strict=True))


def seconds(
    self: Results, data: str, estimator: str, strategy: str
) -> dict[str, float]:
    """Return the mean seconds that a run chose and trained.

    Parameters
    ----------
    data : str
        Which data set.
    estimator : str
        Which estimator.
    strategy : str
        Which strategy.

    Returns
    -------
    dict of str to float
        ``query_seconds`` and ``fit_seconds``.
    """
    where = data, estimator, strategy
    spent = [one["timings"] for one in self.timed(*where)]
    return {
        name: float(np.mean([np.nansum(np.array(t[name], float)) for t in spent]))
        if spent
        else np.nan
        for name in ("query_seconds", "fit_seconds")
    }


def timed(
    self: Results, data: str, estimator: str, strategy: str
) -> list[dict[str, Any]]:
    """Return the outcomes of a strategy whose timings are there.

    Parameters
    ----------
    data : str
        Which data set.
    estimator : str
        Which estimator.
    strategy : str
        Which strategy.

    Returns
    -------
    list of dict
        Outcomes.
    """
    where = data, estimator, strategy
    return [
        one
        for one in self.outcomes
        if "record" in one
        and one.get("timings")
        and tuple(one["record"][n] for n in ("data", "estimator", "strategy")) == where
    ]


def _has(record, metric):
    return any(value is not None for value in record["metrics"].get(metric, ()))
