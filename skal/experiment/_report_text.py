"""What results show, in sentences and in tables for people."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from skal.experiment._amounts import (
    UNITS,
    match_in_words,
    match_of,
    unit_of,
    with_interval,
)
from skal.experiment._learning_curves import metric_of
from skal.experiment._measures import title_of
from skal.experiment._table_pipeline import TREATED

if TYPE_CHECKING:
    from skal.experiment._data import Data
    from skal.experiment._results import Results


def short_name(name: str) -> str:
    """Return what people call an estimator that nobody named: a Pipeline's steps.

    Parameters
    ----------
    name : str
        As results hold it.

    Returns
    -------
    str
        "StandardScaler, SVC(C=3)" where it is "Pipeline(steps=[...])"; other names
        stay.
    """
    try:
        call = ast.parse(name, mode="eval").body  # read, never run
    except (SyntaxError, ValueError, RecursionError):  # such as one cut short
        return name
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != "Pipeline":
        return name
    steps = {one.arg: one.value for one in call.keywords}.get("steps")
    if not isinstance(steps, ast.List):
        return name
    parts = [one.elts[-1] for one in steps.elts if isinstance(one, ast.Tuple)]
    return ", ".join(short_name(ast.unparse(one)).removesuffix("()") for one in parts)


def main_metric(results: Results) -> str:
    """Return the measure that a report is about: accuracy, where it is there."""
    return metric_of(results, None)


def headlines(results: Results, metric: str, baseline: str) -> list[str]:
    """Say for each strategy how it did against the baseline.

    Parameters
    ----------
    results : Results
        The results.
    metric : str
        Which column.
    baseline : str
        The strategy to compare with.

    Returns
    -------
    list of str
        A sentence for each strategy of each setting.
    """
    if baseline not in results.strategies():
        return [f"There is no {baseline} to compare with."]
    summary = results.summary(metric, baseline=baseline)
    by_place = summary.set_index(["data", "estimator", "strategy"])
    many = len(results.settings(metric)) > 1
    sentences = []
    for row in results.compare(metric, baseline=baseline).to_dict("records"):
        where = row["data"], row["estimator"], row["strategy"]
        start = (
            f"On {row['data']} with {short_name(row['estimator'])}, " if many else ""
        )
        found, own = by_place.loc[where], by_place.loc[(*where[:2], baseline)]
        budget = results.paired(metric, *where[:2])[0][-1]
        unit = unit_of(results, where[0])
        if isinstance(row["twin_of"], str):  # in a column with words, none is NaN
            sentences.append(
                start + f"{row['strategy']}: picks the same rows as {row['twin_of']} "
                f"in all {row['n_seeds']} seeds. The two are one, and counted once."
            )
            continue
        sentences.append(
            start
            + f"{row['strategy']}: {row['verdict']}. "
            + match_in_words(found, own, baseline, budget, unit)
            + f" Mean {title_of(metric)} over the budget {_signed(row['difference'])} "
            f"({_signed(row['low'])} to {_signed(row['high'])}; p = {row['p']:.2g}, "
            f"corrected {row['p_holm']:.2g}; {row['n_seeds']} seeds)."
            + _attained(found)
        )
    if "share_of_gain" in summary:
        sentences.append(ABOUT_ORACLE)
    return sentences


#: What a report says of the oracle.
ABOUT_ORACLE = (
    "The oracle is a bound, no strategy: it tries many batches with their true labels "
    "and keeps the best for the rest of the pool, which nobody can without its labels. "
    "It never sees test rows, and is left out of tests and ranks."
)


def _attained(row):
    words = share_in_words(row)
    return f" That is {words} of the attainable gain." if words else ""


def share_in_words(row: Any) -> str:
    """Write the share of the oracle's gain with its interval; nothing without one."""
    if np.isnan(row.get("share_of_gain", np.nan)):
        return ""
    low, high = row["share_of_gain_low"], row["share_of_gain_high"]
    ends = "" if np.isnan(low) else f" ({100 * low:.0f} to {100 * high:.0f})"
    return f"{100 * row['share_of_gain']:.0f} %{ends}"


def _signed(value):
    return "?" if np.isnan(value) else f"{value:+.4f}"


def summary_table(
    results: Results, metric: str, baseline: str
) -> tuple[list[str], list[list[str]]]:
    """Return the summary as words.

    Parameters
    ----------
    results : Results
        The results.
    metric : str
        Which column.
    baseline : str
        The strategy to compare with.

    Returns
    -------
    columns : list of str
        Heads.
    rows : list of list of str
        Cells.
    """
    summary = results.summary(metric, baseline=baseline)
    title, match = title_of(metric), f"_to_match_{baseline}"
    units = [unit for unit in UNITS if unit + match in summary]
    names = [n for n in ("data", "estimator") if summary[n].nunique() > 1]
    names += ["strategy"]
    columns = [*names, "seeds", f"mean {title}", f"last {title}"]
    columns += [f"{' or '.join(units)} to match {baseline}"] if units else []
    columns += ["share of attainable gain"] if "share_of_gain" in summary else []
    columns += ["query, s", "fit, s"]
    rows = []
    for row in summary.to_dict("records"):
        cells = [*(short_name(row[name]) for name in names), str(row["n_seeds"])]
        spread = "" if np.isnan(row["final_std"]) else f" ± {row['final_std']:.3f}"
        cells += [f"{row['area']:.4f}", f"{row['final']:.3f}{spread}"]
        if units:
            unit = unit_of(results, row["data"])
            cells.append(with_interval(*match_of(row, baseline, unit), unit))
        if "share_of_gain" in summary:
            cells.append(share_in_words(row) or "?")
        cells += [f"{row['query_seconds']:.3g}", f"{row['fit_seconds']:.3g}"]
        rows.append(cells)
    return columns, rows


def comparison_table(
    results: Results, metric: str, baseline: str
) -> tuple[list[str], list[list[str]]]:
    """Return the comparison as words.

    Parameters
    ----------
    results : Results
        The results.
    metric : str
        Which column.
    baseline : str
        The strategy to compare with.

    Returns
    -------
    columns : list of str
        Heads.
    rows : list of list of str
        Cells.
    """
    columns = ["data", "estimator", "strategy", "difference", "95 % interval"]
    columns += ["seeds won", "p", "p, Holm", "verdict"]
    rows = [
        [
            row["data"],
            short_name(row["estimator"]),
            row["strategy"],
            _signed(row["difference"]),
            f"{_signed(row['low'])} to {_signed(row['high'])}",
            f"{row['wins']} of {row['n_seeds']}",
            f"{row['p']:.3g}",
            f"{row['p_holm']:.3g}",
            row["verdict"],
        ]
        for row in results.compare(metric, baseline=baseline).to_dict("records")
    ]
    return columns, rows


def setup_table(definition: dict[str, Any]) -> list[list[str]]:
    """Return what the experiment was, as pairs of words.

    Parameters
    ----------
    definition : dict
        Of the results.

    Returns
    -------
    list of list of str
        Name and value.
    """
    settings, data = definition["settings"], definition["data"]
    rows = [
        ["data", ", ".join(f"{n} (pool of {d['n_pool']})" for n, d in data.items())],
        ["estimators", _several(map(short_name, definition["estimators"]))],
        ["strategies", ", ".join(definition["strategies"])],
        ["seeds", f"{len(definition['seeds'])}: {_listed(definition['seeds'])}"],
        [
            "cells" if any("cells" in one for one in data.values()) else "labels",
            f"{_budget(settings, data)} at the start"
            f"{' (by class)' if settings['initial'] == 'stratified' else ''}, "
            f"{_sizes(settings['batch_size'])} a round",
        ],
        ["threads a cell", str(settings["n_threads"])],
    ]
    for name, one in data.items():
        rows += [[f"columns of {name}", words] for words in columns_in_words(one)]
        if "units" in one:
            rows.append([f"labels of {name}", "one for each unit of a row"])
        elif one["classes"] is None:
            rows.append([f"labels of {name}", "numbers: a regression"])
        if "cells" in one:
            words = f"parts of rows; a whole row counts as {one['cells']}"
            rows.append([f"cells of {name}", words])
        if "groups" in one:
            rows.append([f"groups of {name}", f"{one['groups']}, none of them split"])
        if "costs" in one:
            rows.append([f"costs of {name}", _costs_in_words(*one["costs"])])
        if "positive" in one:
            rows.append([f"class looked for in {name}", one["positive"]])
        if "reject" in one:
            rows.append([f"answer for rows of no class in {name}", one["reject"]])
    if settings["n_validation"]:
        rows.append(["labels for validation", str(settings["n_validation"])])
    return rows


def columns_in_words(data: dict[str, Any]) -> list[str]:
    """Say what the columns of a table hold, and what is made of them.

    Parameters
    ----------
    data : dict
        What a definition says of a data set.

    Returns
    -------
    list of str
        A sentence for each kind of column; none for a table of mere numbers.
    """
    return [
        f"{len(names)} of {kind} ({', '.join(names)}): {TREATED[kind]}"
        if kind != "left out"
        else f"{len(names)} left out ({', '.join(names)}): they differ from row to row"
        for kind, names in data.get("columns", {}).items()
    ]


def told_of(data: dict[str, Data], initial: Any = "random") -> list[str]:
    """Say what was found out about data, before anything is run.

    Parameters
    ----------
    data : dict of str to Data
        The data sets of an experiment.
    initial : str or QueryStrategy, default="random"
        What picks the first labels.

    Returns
    -------
    list of str
        Sentences; none where there is nothing that one would not expect.
    """
    sentences = []
    for name, one in data.items():
        columns = {} if one.columns is None else {"columns": one.columns}
        sentences += [f"{name}: {words}." for words in columns_in_words(columns)]
        if one.image_shape is not None:
            size = " x ".join(map(str, one.image_shape))
            sentences.append(f"{name}: {len(one.y)} images of {size}.")
        if one.units:
            sentences.append(f"{name}: a row has a label for each of its units.")
        elif not one.is_classes:
            sentences.append(
                f"{name}: the labels are numbers, {one.y.min():g} to {one.y.max():g}: "
                "a regression."
            )
        if one.groups is not None:
            sentences.append(f"{name}: {one.groups.max() + 1} groups, none split.")
        if (costs := one.range_of_costs) is not None:
            words = _costs_in_words(*costs)
            sentences.append(f"{name}: {words}. The budget is an amount of cost.")
    if isinstance(initial, str) and initial == "stratified":
        sentences.append("The first labels are drawn by class, one of each at least.")
    return sentences


def _budget(settings, data):
    """Say the budget, which is a cost where all labels have costs, and its start."""
    budget, first = settings["n_labels"], settings["n_initial"]
    if all("costs" in one for one in data.values()):
        return f"a cost of {budget} in all, {first} labels"
    return f"{budget} in all, {first}"


def _costs_in_words(least, most, total):
    each = f"{least:g}" if least == most else f"{least:g} to {most:g}"
    return f"labels cost {each}, {total:g} for all rows"


def _several(names):
    names = list(names)
    return ("; " if any("," in name for name in names) else ", ").join(names)


def _listed(seeds):
    if seeds == list(range(len(seeds))) and len(seeds) > 3:
        return f"0 to {len(seeds) - 1}"
    return ", ".join(map(str, seeds))


def _sizes(batch_size):
    """Say a size, or the sizes of the rounds, of which the last goes on."""
    *first, last = [batch_size] if isinstance(batch_size, int) else batch_size
    return f"{', '.join(map(str, first))}, then {last}" if first else str(last)
