"""Methods of Results that compare strategies: in numbers, tested, seed by seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_fraction
from skal.experiment._amounts import unit_of
from skal.experiment._attainable import areas, share_of_gain
from skal.experiment._efficiency import efficiency_interval, labels_needed
from skal.experiment._learning_curves import metric_of
from skal.experiment._measures import better_of, title_of
from skal.experiment._oracle import is_oracle
from skal.experiment._statistics import (
    average_ranks,
    compare_areas,
    holm,
    pairwise_penalties,
    verdict_of,
)
from skal.experiment._table_files import need_pandas
from skal.experiment._twins import twins_everywhere, twins_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pandas import DataFrame

    from skal.experiment._efficiency import Efficiency
    from skal.experiment._results import Results
    from skal.experiment._statistics import Ranking


def summary(
    self: Results,
    metric: str | None = None,
    *,
    targets: Sequence[float] = (),
    baseline: str = "random",
) -> DataFrame:
    """Tell in numbers what the learning curves show.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    targets : sequence of float, default=()
        Scores; for each the labels it takes, or what these cost, are counted.
    baseline : str, default="random"
        The strategy whose last score is to be matched, where it is there.

    Returns
    -------
    pandas.DataFrame
        A row for each strategy in each setting: seeds, mean area under the
        learning curve, last score and its standard deviation, labels to match the
        baseline and to reach the targets with 95 % intervals (``_low``,
        ``_high``), seconds of choosing and training a run. Where labels have costs,
        ``cost_to_`` stands in place of ``labels_to_``, and ``cells_to_`` where parts of
        rows are counted. Where the oracle ran,
        ``share_of_gain`` is how much of its gain in area over the baseline a strategy
        gets, with a 95 % interval of seeds drawn again, pair by pair; NaN where the
        oracle gains nothing.
    """
    metric = metric_of(self, metric)
    pd = need_pandas()
    check_choice("baseline", baseline, {*self.strategies(), "random"})
    rows = []
    for data, estimator in self.settings(metric):
        grid, scores = self.paired(metric, data, estimator)
        sign, unit = _sign(metric), unit_of(self, data)
        for name, runs in scores.items():
            last = runs[:, -1]
            row = {
                "data": data,
                "estimator": estimator,
                "strategy": name,
                "n_seeds": len(runs),
                "area": areas(grid, runs).mean(),
                "final": last.mean(),
                "final_std": last.std(ddof=1) if len(runs) > 1 else np.nan,
            }
            if baseline in scores:
                found = labels_needed(
                    grid, sign * runs, baseline_scores=sign * scores[baseline]
                )
                row |= _with_ends(f"{unit}_to_match_{baseline}", found)
                row |= share_of_gain(
                    self.definition, grid, scores, name, baseline, sign
                )
            for target in targets:
                found = labels_needed(grid, sign * runs, sign * target)
                row |= _with_ends(f"{unit}_to_{target:g}", found)
            rows.append(row | self.seconds(data, estimator, name))
    return pd.DataFrame(rows)


def compare(
    self: Results,
    metric: str | None = None,
    *,
    baseline: str = "random",
    test: str = "t",
    alpha: float = 0.05,
) -> DataFrame:
    """Test each strategy against a baseline, seed by seed.

    What is compared is the area under the learning curve, which is the mean score
    over the labels bought, or over what was paid for them. P-values are corrected by
    Holm's method for all rows of the table; twins, strategies that picked the same rows
    in every seed as margin and entropy do on two classes, are one test, and a twin of
    the baseline is none.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    baseline : str, default="random"
        The strategy to compare with.
    test : {"t", "wilcoxon"}, default="t"
        See :func:`paired_test`.
    alpha : float, default=0.05
        Level of the verdict.

    Returns
    -------
    pandas.DataFrame
        A row for each strategy in each setting: the mean difference with its 95 %
        interval (not corrected), the seeds it won, ``p``, ``twin_of`` (the strategy
        that picked the same rows, else None), ``p_holm``, and the ``verdict``:
        "better", "worse" or "cannot tell". The oracle has none: it is a bound.

    Raises
    ------
    ValueError
        If there is no such baseline, or the metric knows no better and worse.
    """
    metric = metric_of(self, metric)
    pd = need_pandas()
    check_fraction("alpha", alpha)
    sign = _sign(metric)
    rows: list[dict[str, Any]] = []
    for data, estimator in self.settings(metric):
        grid, scores = self.paired(metric, data, estimator)
        check_choice("baseline", baseline, scores)
        base = areas(grid, scores[baseline])
        twins = _around(baseline, twins_in(self, data, estimator))
        for name, runs in scores.items():
            if name == baseline or is_oracle(self.definition, name):
                continue
            area = areas(grid, runs)
            row: dict[str, Any] = {
                "data": data,
                "estimator": estimator,
                "strategy": name,
            }
            row |= {"area": area.mean(), "baseline_area": base.mean()}
            rows.append(row | compare_areas(area, base, test))
            rows[-1]["wins"] = int((sign * (area - base) > 0).sum())
            rows[-1]["twin_of"] = twins.get(name)
    tested = [row for row in rows if row["twin_of"] is None]
    found = {}
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        found[row["data"], row["estimator"], row["strategy"]] = p
    for row in rows:
        name = row["twin_of"] or row["strategy"]
        row["p_holm"] = p = found.get((row["data"], row["estimator"], name), row["p"])
        better = sign * row["difference"]
        row["verdict"] = verdict_of(row["n_seeds"], better, p, alpha)
    return pd.DataFrame(rows)


def efficiency(
    self: Results,
    metric: str | None = None,
    *,
    data: str | None = None,
    estimator: str | None = None,
    baseline: str = "random",
) -> dict[str, Efficiency]:
    """Return how many labels, or how much cost, each strategy saves along the curve.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    data : str, default=None
        Which data set; None where there is one.
    estimator : str, default=None
        Which estimator; None where there is one.
    baseline : str, default="random"
        The strategy to compare with.

    Returns
    -------
    dict of str to Efficiency
        By strategy; see :func:`efficiency_interval`.
    """
    metric = metric_of(self, metric, data, estimator)
    sign = _sign(metric)
    grid, scores = self.paired(metric, *self.setting(data, estimator))
    check_choice("baseline", baseline, scores)
    base = sign * scores[baseline]
    return {
        name: efficiency_interval(grid, sign * runs, base)
        for name, runs in scores.items()
        if name != baseline
    }


def penalties(
    self: Results, metric: str | None = None, *, alpha: float = 0.05
) -> DataFrame:
    """Return how often each strategy beats each other one beyond doubt.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    alpha : float, default=0.05
        Level of the tests.

    Returns
    -------
    pandas.DataFrame
        See :func:`pairwise_penalties`; the mean over settings. The first point,
        which strategies share, is left out.
    """
    metric = metric_of(self, metric)
    pd = need_pandas()
    sign, tables = _sign(metric), []
    names = self.common_strategies(metric)
    for setting in self.settings(metric):
        scores = self.paired(metric, *setting)[1]
        stack = np.array([sign * scores[name][:, 1:] for name in names])
        tables.append(pairwise_penalties(stack, alpha))
    return pd.DataFrame(np.mean(tables, axis=0), index=names, columns=names)


def ranks(
    self: Results,
    metric: str | None = None,
    *,
    blocks: str = "seeds",
    alpha: float = 0.05,
) -> Ranking:
    """Rank the strategies by the area under their learning curves.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    blocks : {"seeds", "settings"}, default="seeds"
        What is one observation: a seed of a setting, which speaks of these data
        sets; or a setting, the mean over its seeds, which speaks of data sets like
        these and needs many.
    alpha : float, default=0.05
        Level of the tests.

    Returns
    -------
    Ranking
        See :func:`average_ranks`. Twins (see :meth:`compare`) are ranked as one.
    """
    metric = metric_of(self, metric)
    check_choice("blocks", blocks, ("seeds", "settings"))
    names, sign = self.common_strategies(metric), _sign(metric)
    found: dict[str, list[float]] = {name: [] for name in names}
    for setting in self.settings(metric):
        grid, scores = self.paired(metric, *setting)
        for name in names:
            values = sign * areas(grid, scores[name])
            found[name] += list(values) if blocks == "seeds" else [values.mean()]
    twins = twins_everywhere(self, metric)
    ranking = average_ranks({n: v for n, v in found.items() if n not in twins}, alpha)
    return _with_twins(ranking, {n: one for n, one in twins.items() if n in found})


def _around(baseline, twins):
    """Let the twins of a baseline be named after it, and not it after them."""
    first = twins.get(baseline, baseline)
    same = {first, *(name for name, one in twins.items() if one == first)}
    return {**twins, **dict.fromkeys(same - {baseline}, baseline)}


def _with_twins(ranking, twins):
    """Let each twin stand behind the strategy that it is like."""
    pairs = [
        (name, rank)
        for first, rank in zip(ranking.names, ranking.ranks, strict=True)
        for name in (first, *(twin for twin, one in twins.items() if one == first))
    ]
    names, ranks = zip(*pairs, strict=True)
    return replace(ranking, names=list(names), ranks=np.array(ranks, float))


def _sign(metric):
    """Return 1 where higher is better, -1 where lower is."""
    sign = better_of(metric)
    if sign == 0:
        raise ValueError(
            f"metric must be one that knows better and worse, got {metric!r}. The "
            f"{title_of(metric)} can be drawn, not compared."
        )
    return sign


def _with_ends(name, found):
    return dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
