"""Results: everything that was measured, and what it shows."""

from __future__ import annotations

from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import iterable

from skal._checks import check_choice
from skal.experiment import (
    _comparisons,
    _learning_curves,
    _plot_runs,
    _plot_strategies,
)
from skal.experiment._describe import as_json
from skal.experiment._files import write_whole
from skal.experiment._measures import in_order
from skal.experiment._migration import in_public_names
from skal.experiment._parquet import NAME, packed, read_parquet
from skal.experiment._store import Store
from skal.experiment._table_files import need_pandas

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self

    from pandas import DataFrame

WHERE = ("data", "estimator", "strategy", "seed")
TIMES = ("query_seconds", "fit_seconds", "peak_memory")


class Results:
    """What came of an experiment.

    Made by :meth:`Experiment.run`, :meth:`from_dir` or :meth:`from_parquet`.
    Comparisons use the seeds that every strategy of a setting (a data set and an
    estimator) has finished, and the numbers of labels, or amounts of cost, that all
    have reached.

    Parameters
    ----------
    outcomes : list of dict
        What came of each cell.
    definition : dict
        What the experiment is made of.
    images : dict of str to ndarray, default=None
        Some of the images that were asked, by key of the cell.

    Attributes
    ----------
    outcomes, definition, images : object
        The parameters, as given.

    See Also
    --------
    Experiment : Makes them.

    Notes
    -----
    The measures of a round stand in the docstring of :class:`Experiment`. Further
    columns of ``frame``: ``asked_entropy`` and ``labeled_entropy``, how evenly the
    classes are met among the labels of the round, and among all (1 is equally often);
    ``query_seconds`` and ``fit_seconds``; ``peak_memory``, the most that the process
    held in the round, in MB. Where rows cost differently ``cost`` is what the labels
    cost so far, and all curves and comparisons count in it instead of labels. Where a
    strategy asks for cells of rows, ``n_labels`` counts cells.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.datasets import load_iris
    >>> from skal.experiment import Experiment
    >>> experiment = Experiment(GaussianNB(), ["margin", "random"],
    ...     load_iris(return_X_y=True), n_labels=30, n_initial=10, seeds=2)
    >>> results = experiment.run()
    >>> results.compare()[["strategy", "verdict"]].values.tolist()
    [['margin', 'cannot tell: 2 seeds, needs at least 5']]
    """

    def __init__(
        self,
        outcomes: list[dict[str, Any]],
        definition: dict[str, Any],
        images: dict[str, Any] | None = None,
    ) -> None:
        self.outcomes = outcomes
        self.definition = definition
        self.images = images or {}

    def __repr__(self) -> str:
        """Count the cells."""
        n_failed = len(self.failures)
        failed = f", {n_failed} failed" if n_failed else ""
        return f"Results({len(self.records)} cells{failed})"

    metrics = _learning_curves.metrics
    settings = _learning_curves.settings
    setting = _learning_curves.setting
    strategies = _learning_curves.strategies
    common_strategies = _learning_curves.common_strategies
    runs = _learning_curves.runs
    paired = _learning_curves.paired
    seconds = _learning_curves.seconds
    timed = _learning_curves.timed

    summary = _comparisons.summary
    compare = _comparisons.compare
    efficiency = _comparisons.efficiency
    penalties = _comparisons.penalties
    ranks = _comparisons.ranks

    plot_curves = _plot_strategies.plot_curves
    plot_efficiency = _plot_strategies.plot_efficiency
    plot_penalties = _plot_strategies.plot_penalties
    plot_ranks = _plot_strategies.plot_ranks
    plot_time = _plot_strategies.plot_time

    details = _plot_runs.details
    plot_asked = _plot_runs.plot_asked
    plot_asked_classes = _plot_runs.plot_asked_classes
    plot_confusion = _plot_runs.plot_confusion
    plot_roc = _plot_runs.plot_roc

    @property
    def records(self) -> list[dict[str, Any]]:
        """What finished cells hold, timings apart."""
        return [one["record"] for one in self.outcomes if "record" in one]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Where there is no result, and why: ``reason`` and ``traceback``."""
        return [one["failure"] for one in self.outcomes if "record" not in one]

    @property
    def warnings(self) -> dict[str, int]:
        """The warnings that the cells gave, and how often."""
        counts: dict[str, int] = {}
        for one in self.outcomes:
            for text, count in one.get("timings", {}).get("warnings", {}).items():
                counts[text] = counts.get(text, 0) + count
        return counts

    @property
    def near_copies(self) -> dict[str, float]:
        """Data set -> the share of its test rows that have near-copies in the pool.

        The mean over seeds; without data whose groups are told, data whose rows are no
        numbers, and small pools, of which it cannot be said.
        """
        found: dict[str, list[float]] = {}
        for record in self.records:
            share = record.get("near_copies")  # older results have none
            if share is not None:
                found.setdefault(record["data"], []).append(share)
        return {name: float(np.mean(shares)) for name, shares in found.items()}

    @property
    def environments(self) -> list[dict[str, Any]]:
        """The machines and versions that the cells ran on, each once."""
        found = [one.get("timings", {}).get("environment") for one in self.outcomes]
        seen = {as_json(environment): environment for environment in found}
        return [environment for environment in seen.values() if environment]

    @property
    def frame(self) -> DataFrame:
        """A tidy table: a row for each round of each cell, a column for each number."""
        pd = need_pandas()
        if not self.records:
            return pd.DataFrame(columns=[*WHERE, "round", "n_labels"])
        parts = [
            pd.DataFrame(_columns(one)) for one in self.outcomes if "record" in one
        ]
        return pd.concat(parts, ignore_index=True)

    def select(self, **where: Any) -> Results:
        """Keep some of the cells.

        Parameters
        ----------
        **where : dict
            ``data``, ``estimator``, ``strategy`` or ``seed``, each one value or a list.

        Returns
        -------
        Results
            The cells that match all of them.

        Raises
        ------
        ValueError
            If nothing matches.
        """
        for name in where:
            check_choice("where", name, WHERE)
        wanted = {
            name: [value] if isinstance(value, str) or not iterable(value) else value
            for name, value in where.items()
        }

        def matches(cell):
            return all(cell[name] in values for name, values in wanted.items())

        kept = [outcome for outcome in self.outcomes if matches(_place(outcome))]
        if not kept:
            raise ValueError(
                f"where must name cells there are, got {where}. {self._there(wanted)}"
            )
        cells = [cell for cell in self.definition["cells"] if matches(cell)]
        keys = {cell["key"] for cell in cells}
        images = {key: one for key, one in self.images.items() if key in keys}
        return Results(kept, _narrowed(self.definition, cells), images)

    def _there(self, wanted):
        """Say which of the cells' names there are."""
        known = {
            name: sorted({_place(one)[name] for one in self.outcomes})
            for name in wanted
        }
        return " ".join(
            f"Known for {name}: {', '.join(map(repr, values))}."
            for name, values in known.items()
        )

    def asked(
        self,
        *,
        data: str | None = None,
        estimator: str | None = None,
        strategy: str,
        seed: int,
    ) -> list[Any]:
        """Return what one cell asked, so that others can train on it.

        Parameters
        ----------
        data : str, default=None
            Which data set; None where there is one.
        estimator : str, default=None
            Which estimator; None where there is one.
        strategy : str
            Which strategy.
        seed : int
            Which seed.

        Returns
        -------
        list of ndarray of int
            For each round positions in the X that was given; where cells of rows were
            asked for, pairs (m, 2) of such a position and a cell.

        Raises
        ------
        ValueError
            If that is not one finished cell.
        """
        where = {"strategy": strategy, "seed": seed}
        where |= {} if data is None else {"data": data}
        where |= {} if estimator is None else {"estimator": estimator}
        records = self.select(**where).records
        if len(records) != 1:
            raise ValueError(
                f"asked must name one finished cell, got {len(records)} for {where}. "
                "Name the data and the estimator too."
            )
        return [np.array(rows, int) for rows in records[0]["asked"]]

    # Files ----------------------------------------------------------------------

    @classmethod
    def from_dir(cls, directory: str | PathLike[str]) -> Self:
        """Read the results that a run has written so far.

        Parameters
        ----------
        directory : str or path
            The folder given to :meth:`Experiment.run`.

        Returns
        -------
        Results
            The cells that are finished or have failed. One whose file is broken is left
            out, with a warning that names it.

        Raises
        ------
        FileNotFoundError
            If the folder holds no results.
        ValueError
            If the file that says what was run is broken, or about something else.
        """
        store = Store(directory)
        definition = store.read_definition()
        found = [store.read(cell["key"]) for cell in definition["cells"]]
        outcomes = [one for one in found if "record" in one or "failure" in one]
        return cls(outcomes, definition, store.read_images())

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write everything but pictures into one file.

        Parameters
        ----------
        path : str or path
            The file. It holds the table of :attr:`frame` with the rows that were
            asked; what else there is stands in its metadata, as JSON packed by zlib.
            It is written whole or not at all.

        Raises
        ------
        ValueError
            If no cell has finished, or there is more than a file should hold.
        """
        pd = need_pandas()
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = [_columns(one) for one in self.outcomes if "record" in one]
        if not parts:
            raise ValueError(
                "to_parquet must have a finished cell to write, got none. See failures."
            )
        for part, record in zip(parts, self.records, strict=True):
            part["key"] = [record["key"]] * len(record["n_labels"])
            part["asked"] = [np.ravel(picks).tolist() for picks in record["asked"]]
        frame = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
        rest = {
            "definition": self.definition,
            "outcomes": [_without_columns(one) for one in self.outcomes],
        }
        table = pa.Table.from_pandas(frame, preserve_index=False)
        metadata = {**(table.schema.metadata or {}), NAME: packed(rest)}
        content = BytesIO()
        pq.write_table(table.replace_schema_metadata(metadata), content)
        write_whole(Path(path), content.getvalue())

    @classmethod
    def from_parquet(cls, path: str | PathLike[str]) -> Self:
        """Read what :meth:`to_parquet` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        Results
            The results, without pictures of what was asked.

        Raises
        ------
        ValueError
            If the file holds something else, or more than it should.
        """
        frame, rest = read_parquet(Path(path))
        groups = dict(list(frame.groupby("key", sort=False, observed=True)))
        for outcome in rest["outcomes"]:
            if "record" in outcome:
                _fill(outcome, groups[outcome["record"]["key"]])
        return cls(rest["outcomes"], in_public_names(rest["definition"]))

    def report(self, path: str | PathLike[str]) -> Path:
        """Write a page that explains itself, to send to a colleague.

        Parameters
        ----------
        path : str or path
            The file, such as ``report.html``. Pictures are inside it; nothing else is
            needed to read it.

        Returns
        -------
        Path
            The file.
        """
        from skal.experiment._report import write_report

        return write_report(self, Path(path))


def _place(outcome):
    """Return a dict that holds where a cell lies in the grid."""
    return outcome.get("record", outcome.get("failure"))


def _narrowed(definition, cells):
    """Return the definition of some of the cells."""

    def there(name):
        return {cell[name] for cell in cells}

    parts = ("data", "data"), ("estimators", "estimator"), ("strategies", "strategy")
    return {
        **definition,
        **{
            part: {n: one for n, one in definition[part].items() if n in there(name)}
            for part, name in parts
        },
        "seeds": [seed for seed in definition["seeds"] if seed in there("seed")],
        "cells": cells,
    }


def _columns(outcome):
    """Return the numbers of a cell, a list with an entry a round for each column."""
    record, timings = outcome["record"], outcome.get("timings", {})
    n_rounds = len(record["n_labels"])
    nothing = [None] * n_rounds
    numbers = {name: record["metrics"][name] for name in in_order(record["metrics"])}
    numbers |= {name: timings.get(name) for name in TIMES}
    return {
        **{name: [record[name]] * n_rounds for name in WHERE},
        "round": list(range(n_rounds)),
        "n_labels": record["n_labels"],
        **({"cost": record["cost"]} if "cost" in record else {}),
        **{
            name: np.array(values or nothing, dtype=float)
            for name, values in numbers.items()
        },
    }


def _without_columns(outcome):
    """Return what of a cell does not stand in the table."""
    outcome = deepcopy(outcome)
    if "record" in outcome:
        outcome["record"]["metrics"] = list(outcome["record"]["metrics"])
        outcome["record"].pop("n_labels")
        if np.ndim(outcome["record"].pop("asked")[0]) == 2:
            outcome["record"]["cells"] = True
        if "cost" in outcome["record"]:
            outcome["record"]["cost"] = True
        for name in TIMES:
            outcome.get("timings", {}).pop(name, None)
    return outcome


def _fill(outcome, rows):
    """Put the columns of a table back into a cell."""

    def numbers(name):
        return [None if np.isnan(value) else value for value in rows[name].tolist()]

    record = outcome["record"]
    has_cost = record.pop("cost", False)
    record["metrics"] = {name: numbers(name) for name in record["metrics"]}
    record["n_labels"] = rows["n_labels"].tolist()
    if has_cost:
        record["cost"] = rows["cost"].tolist()
    shape = (-1, 2) if record.pop("cells", False) else -1
    record["asked"] = [
        np.array(picks, int).reshape(shape).tolist() for picks in rows["asked"]
    ]
    if "timings" in outcome:
        outcome["timings"] |= {name: numbers(name) for name in TIMES}
