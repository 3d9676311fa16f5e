"""Experiment: strategies compared fairly, on the same seeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from skal._checks import check_int, check_number, name_of
from skal._data import read_structured, read_target
from skal._loop import (
    budget_of,
    check_amount,
    check_learner,
    check_parts,
    check_sizes,
    resolve_initial,
    size_in_round,
)
from skal.experiment._asked_images import asked_images
from skal.experiment._budget import check_budget
from skal.experiment._cell import Settings
from skal.experiment._cells_of_rows import (
    cells_a_row,
    check_cells,
    check_counts,
    labels_a_pick,
)
from skal.experiment._grid import run_grid
from skal.experiment._limits import limited_threads
from skal.experiment._measures import check_scorers, resolve_metrics
from skal.experiment._names import (
    default_estimator,
    learners_of_data,
    load_estimators,
    load_strategies,
    serve_numbers,
    serve_units,
)
from skal.experiment._oracle import with_oracle
from skal.experiment._owner import check_free, owned
from skal.experiment._plan import Plan, learner_to_run
from skal.experiment._progress import GridBar, Silent
from skal.experiment._results import Results
from skal.experiment._sent import check_can_be_sent
from skal.experiment._sources import load_data
from skal.experiment._store import Store
from skal.experiment._table_files import need_pandas
from skal.experiment._units import (
    check_answers,
    check_classes,
    check_unit_metrics,
    refuse_for_units,
)
from skal.query import check_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike


class Experiment:
    """Compare query strategies fairly.

    Every combination of data set, estimator, strategy and seed is one cell: a
    simulation of :class:`~skal.ActiveLearner` that is measured after each round. For
    one seed all strategies share the pool, the test rows, the first labels and the
    seeds of the models, so that their curves begin at the same point and can be
    compared pair by pair; another seed draws all of these anew.

    Parameters
    ----------
    estimators : estimator, str, list or dict, default=None
        What is trained: an estimator, a name ("logistic", "forest", "cnn", "resnet",
        "ridge" and "forest" for numbers, "unet" for masks), several in a list, or in a
        dict that names them. None is "logistic", "ridge" where labels are numbers, or
        "unet" for "shapes". Each round trains from scratch. An
        :class:`~skal.ActiveLearner` serves as a template and keeps its ``warm_start``,
        ``stopping``, ``use_unlabeled`` and ``classes``.
    strategies : str, QueryStrategy, callable, list or dict, default=(...)
        What picks the rows; by default "margin" and "random". Have "random" among
        them: it is what the others are compared with.
    data : str, path, tuple, list or dict, default="digits"
        A name ("digits", "digits_images", "mnist", "cifar10", "shapes"); a CSV or
        parquet file with a column of labels; an npz file with ``X`` and ``y``; a folder
        or a zip of images in folders, or ``{"folder": path, "size": 96}``; ``(X, y)``,
        which each seed splits;
        ``(X, y, X_test, y_test)``, which it does not; a function that returns one of
        these; several names in a list, or anything in a dict that names it.
    n_labels : int or float, default=200
        Labels to buy in each cell, or a share of the pool; with ``costs`` an amount.
        It, ``n_initial`` and ``batch_size`` count parts of rows where a strategy, such
        as :class:`~skal.query.Regions`, asks for these; a whole row then counts as
        many as it has parts.
    n_initial : int, default=20
        Labels of the first round.
    initial : {"random", "stratified"} or QueryStrategy, default="random"
        What picks them.
    batch_size : int or sequence of int, default=10
        Labels of each later round; a sequence says it round by round, and its last
        size goes on.
    seeds : int or sequence of int, default=10
        How many seeds, or which.
    test_size : int or float, default=0.3
        Rows, or the share of rows, that each seed holds out where the data has no test
        rows; stratified by class.
    pool_size : int, default=None
        Rows of the pool that each seed keeps, at random. None keeps all, and so does
        a size beyond the pool's.
    metrics : str, list, dict or None, default=None
        What is measured each round. None takes accuracy, balanced accuracy, negative
        log-likelihood (``nll``), Brier score, ``ece``, macro ``auc``, the mean entropy
        of the predictions (``test_entropy``) and the training loss (``train_nll``);
        for regressors ``r2``, ``rmse``, ``mae``; for masks ``mean_iou`` and
        ``pixel_accuracy``, for other labels of units the estimator's own ``score``.
        Scorers of scikit-learn go by their name, others as a dict of ``f(estimator, X,
        y)``.
    details_at : sequence of int, default=()
        Numbers of labels at which the confusion matrix and the ROC curves are kept,
        besides the last.
    n_validation : int, default=0
        Labels that were spent outside the loop, on a validation set of a stopping rule
        or of a search for hyperparameters. They are added to every count, in what
        ``n_labels`` counts, and to nothing else: any number from 0 up will do. With
        ``costs`` 0, for nobody knows what they cost.
    time_limit : float, default=None
        Seconds that a cell may take; one that takes longer has failed. Cells then run
        in processes of their own, which are killed where nothing else ends them.
    n_threads : int, default=1
        Threads that a cell may use for linear algebra and torch. The last digits
        depend on it, so it is fixed, and part of the experiment.
    n_jobs : int, default=None
        Cells at once, as joblib takes it. Any backend that was chosen with
        ``joblib.parallel_config`` is used; dask and Ray run as many cells at once as
        they have workers.
    target : str or dict, default=None
        The column of a file that holds the labels, or the array of an npz file; a dict
        says it by data set. None is the column called ``target``, ``label``, ``class``
        or ``y``.
    groups : str, array-like or dict, default=None
        What belongs together, such as the rows of one patient: a column, or the group
        of each row; where there are test rows a pair of these, of which no group may be
        in both. No split tears a group apart; each class keeps its share of the
        test rows as nearly as the groups allow. Strategies such as
        :class:`~skal.query.PerGroup` are told the groups of the pool.
    costs : str, float, array-like, callable or dict, default=None
        What the label of each row costs: a column, which is then no feature, a number
        for each row or for all, or a function of X. ``n_labels`` is then an amount of
        cost, or a share of what the pool costs, and is never overspent; ``n_initial``
        and ``batch_size`` stay numbers of rows. Curves and comparisons count in cost.
    pos_label : object or dict, default=None
        The class of two that scorers such as "recall" look for. None is what
        scikit-learn takes, 1; "recall" and "f1" are among the default metrics where it
        is named.
    oracle : bool or int, default=False
        Whether a bound runs beside the strategies, called "oracle": each round it
        tries 100 batches, or as many as are given, at least one of each strategy. First
        each strategy picks from all rows not labelled yet, then they pick, in turn,
        from random parts of them; of the best of these batches rows are exchanged, one
        in each batch tried. Kept is the batch whose true labels give the model the
        least Brier score (or error rate, or squared error) on the rows of the pool not
        labelled yet, at most 2000 drawn anew each round. So it sees the labels of those
        rows and of the batches, never those of test rows [3]_. It is no strategy, for
        nobody has these labels; it costs a training for each batch.
    reject_label : object or dict, default=None
        The label of rows that belong to no class. Such rows are asked for, counted in
        the column ``n_rejected`` of the results, and not learnt; no test row is one.

    See Also
    --------
    Results : What comes of it.
    skal.plotting.LabelCurveDisplay : The curves alone, of learners fitted by hand.

    Notes
    -----
    **What is predicted** is the class of the highest probability where the estimator
    has ``predict_proba``. What a model without it cannot answer is NaN.

    **What counts as a label** is every label that the model's ``fit`` was given, those
    that it sets aside for early stopping or an inner search included, and
    ``n_validation``.

    **Tables with words or gaps** in a file are frames, and each estimator but a
    Pipeline of your own is put behind what makes numbers of them: the median for gaps
    and a common scale, a column for each kind, hashed words of texts. Columns that
    differ from row to row are left out. The report says which column is what.

    **Labels are numbers** where they have fractions, where every estimator is a
    regressor, and in a file where there are more than 20 whole numbers and some of
    them once.

    **Rows of many units** (pixels, words, boxes) are those of estimators that answer
    for units; y is then what a learner takes for these. It has no classes to draw test
    rows by, nor confusion matrices, and what is about classes of rows is refused.

    Results depend on the definition alone: not on the backend, the number of workers,
    or how often a run was killed and resumed. On the threading backend that holds for
    estimators without torch, whose random state is one a process. Other versions of
    the libraries or another GPU may change them; each cell notes what it ran on.

    References
    ----------
    .. [1] C. Lüth, T. Bungert, L. Klein and P. Jaeger (2023). Navigating the pitfalls
       of active learning evaluation. NeurIPS. arXiv:2301.10625
    .. [2] N. Beck, D. Sivasubramanian, A. Dani, G. Ramakrishnan and R. Iyer (2021).
       Effective evaluation of deep active learning on image classification tasks.
       arXiv:2106.15324
    .. [3] BoSS: a best-of-strategies selector as an oracle for deep active learning
       (2026). arXiv:2603.13109. Its authors' code judges batches by test rows unless
       told otherwise, and exchanges no rows; here they are judged by the pool.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.datasets import load_iris
    >>> from skal.experiment import Experiment
    >>> experiment = Experiment(GaussianNB(), ["margin", "random"],
    ...     load_iris(return_X_y=True), n_labels=30, n_initial=10, seeds=2)
    >>> results = experiment.run()
    >>> results.frame.groupby("strategy")["n_labels"].max().to_dict()
    {'margin': 30, 'random': 30}
    """

    def __init__(
        self,
        estimators: Any = None,
        strategies: Any = ("margin", "random"),
        data: Any = "digits",
        *,
        n_labels: float = 200,
        n_initial: int = 20,
        initial: Any = "random",
        batch_size: int | Sequence[int] = 10,
        seeds: int | Sequence[int] = 10,
        test_size: float = 0.3,
        pool_size: int | None = None,
        metrics: Any = None,
        details_at: Sequence[int] = (),
        n_validation: int = 0,
        time_limit: float | None = None,
        n_threads: int = 1,
        n_jobs: int | None = None,
        target: Any = None,
        groups: Any = None,
        costs: Any = None,
        pos_label: Any = None,
        oracle: bool | int = False,
        reject_label: Any = None,
    ) -> None:
        self.estimators = estimators
        self.strategies = strategies
        self.data = data
        self.n_labels = n_labels
        self.n_initial = n_initial
        self.initial = initial
        self.batch_size = batch_size
        self.seeds = seeds
        self.test_size = test_size
        self.pool_size = pool_size
        self.metrics = metrics
        self.details_at = details_at
        self.n_validation = n_validation
        self.time_limit = time_limit
        self.n_threads = n_threads
        self.n_jobs = n_jobs
        self.target = target
        self.groups = groups
        self.costs = costs
        self.pos_label = pos_label
        self.oracle = oracle
        self.reject_label = reject_label

    def run(
        self,
        directory: str | PathLike[str] | None = None,
        *,
        verbose: int = 0,
    ) -> Results:
        """Run every cell that is not finished yet.

        Parameters
        ----------
        directory : str or path, default=None
            Where to keep the results, a file a cell. Cells that are there are not run
            again: a killed run goes on where it was, and more seeds, strategies,
            estimators or data sets cost only themselves. Cells that failed are tried
            again, and so are those whose file is broken. A folder holds one
            experiment: another one, such as one of other settings, or with a class of
            your own whose code was edited, is refused. None keeps nothing.
        verbose : int, default=0
            1 shows a progress bar with the time that is left.

        Returns
        -------
        Results
            Everything that was measured, and what failed.

        Raises
        ------
        BlockingIOError
            If another run has the folder.
        FileNotFoundError
            If a data set is missing.
        ImportError
            If pandas or pyarrow is missing.
        TypeError
            If a strategy needs what an estimator cannot give.
        ValueError
            If a parameter is out of bounds, a name is not known, or the folder holds
            another experiment. All of this before anything is computed.
        """
        plan = self._plan()
        definition = plan.definition()
        if directory is None:
            return self._run(plan, definition, None, verbose)
        store = Store(directory)
        store.joined(definition, plan.definition_in_format_1)  # nothing is written yet
        with owned(store.directory):
            return self._run(plan, definition, store, verbose)

    def _run(self, plan, definition, store, verbose):
        """Run what the folder does not hold yet, which nobody else writes into."""
        data, cells = plan.data, plan.cells(definition)
        outcomes: dict[str, dict[str, Any]] = {}
        if store is not None:
            joined, renamed = store.joined(definition, plan.definition_in_format_1)
            store.create()
            store.rename(renamed)
            store.write_definition(joined)
            outcomes = store.finished([cell.key for cell in cells])
        todo = [cell for cell in cells if cell.key not in outcomes]
        bar = GridBar(todo, len(outcomes)) if verbose else Silent()
        where = None if store is None else store.directory
        with bar, limited_threads(self.n_threads):
            for cell, outcome in run_grid(
                todo, data, where, self.n_jobs, self.time_limit
            ):
                outcomes[cell.key] = outcome
                if store is not None and "record" in outcome:
                    self._keep(store, cell.key, outcome)
                bar.update(cell, outcome)
        in_order = [outcomes[cell.key] for cell in cells]
        images = asked_images(in_order, data)
        if store is not None:
            store.write_images(images)
        return Results(in_order, definition, images)

    def check(self, directory: str | PathLike[str] | None = None) -> int:
        """Check everything that can be, without computing anything.

        Parameters
        ----------
        directory : str or path, default=None
            Where :meth:`run` is to keep the results; nothing is written yet.

        Returns
        -------
        int
            How many cells there are.

        Raises
        ------
        BlockingIOError, FileNotFoundError, ImportError, TypeError, ValueError
            As :meth:`run`.
        """
        plan = self._plan()
        definition = plan.definition()
        if directory is not None:
            store = Store(directory)
            store.joined(definition, plan.definition_in_format_1)
            check_free(store.directory)
        return len(definition["cells"])

    def _keep(self, store, key, outcome):
        """Write a cell that ran where the folder is not."""
        if not store.has(key):
            store.write(key, outcome)

    # The plan -------------------------------------------------------------------

    def _plan(self):
        """Check everything; return what there is to run."""
        need_pandas()
        settings, seeds = self._settings(), self._seeds()
        strategies = with_oracle(load_strategies(self.strategies), self.oracle)
        data = load_data(
            self.data,
            units=serve_units(self.estimators),
            target=self.target,
            groups=self.groups,
            costs=self.costs,
            pos_label=self.pos_label,
            reject_label=self.reject_label,
        )
        if serve_numbers(self.estimators):
            data = {n: replace(one, as_numbers=True) for n, one in data.items()}
        learners = load_estimators(self.estimators, default_estimator(data))
        own = {
            name: learners_of_data(self.estimators, learners, one)
            for name, one in data.items()
        }
        loop = {
            "n_labels": self.n_labels,
            "n_initial": self.n_initial,
            "initial": self.initial,
            "batch_size": check_sizes("batch_size", self.batch_size),
        }
        check_counts(strategies, loop)
        n_cells = cells_a_row(strategies)
        pools = {n: self._check_data(n, one, n_cells) for n, one in data.items()}
        n_pool = {name: len(pool) for name, pool in pools.items()}
        for name, one in data.items():
            for learner in {**learners, **own[name]}.values():
                self._check_estimator(name, one, learner)
                for strategy in strategies.values():
                    runs = learner_to_run(learner, strategy, loop, n_cells)
                    n_asked = n_pool[name] * n_cells // labels_a_pick(strategy, n_cells)
                    self._check_parts(one, n_asked, runs)
                    check_cells(name, runs, one.y, pools[name])
        check_can_be_sent(
            [*learners.values(), *strategies.values(), *data.values(), settings],
            self.time_limit,
        )
        return Plan(
            data, learners, own, strategies, seeds, loop, settings, n_pool, n_cells
        )

    # Checks ---------------------------------------------------------------------

    def _settings(self):
        check_int("n_initial", self.n_initial)
        check_sizes("batch_size", self.batch_size)
        check_int("n_validation", self.n_validation, 0)
        check_int("n_threads", self.n_threads)
        check_amount(self.n_labels, self.costs is not None)
        if self.costs is not None and self.n_validation:
            raise ValueError(
                f"n_validation must be 0 where labels have costs, got "
                f"{self.n_validation}. Nobody knows what those labels cost."
            )
        if self.time_limit is not None:
            check_number("time_limit", self.time_limit, minimum=1e-3, maximum=1e8)
        if self.n_jobs is not None and check_int("n_jobs", self.n_jobs, -(2**31)) == 0:
            raise ValueError(
                "n_jobs must be a number of cells at once, or -1 for one a core, got 0."
            )
        if self.pool_size is not None:
            check_int("pool_size", self.pool_size)
        if not isinstance(self.details_at, Iterable):
            raise TypeError(
                f"details_at must list label counts, got {self.details_at!r}."
            )
        for count in self.details_at:
            check_int("details_at", count)
        return Settings(
            self.test_size,
            self.pool_size,
            self.metrics,
            tuple(int(count) for count in self.details_at),
            self.n_validation,
            self.n_threads,
        )

    def _seeds(self):
        if not isinstance(self.seeds, Iterable):
            return list(range(check_int("seeds", self.seeds)))
        seeds = [check_int("seeds", seed, 0) for seed in self.seeds]
        if len(set(seeds)) < len(seeds) or not seeds:
            raise ValueError(
                f"seeds must be a number of seeds or different ones, got {seeds}."
            )
        return seeds

    def _check_data(self, name, data, n_cells):
        """Refuse a budget that the pool cannot pay; return the pool."""
        known = data.y[data.in_scope(data.y)]
        if data.is_classes and len(there := np.unique(known)) < 2:
            raise ValueError(
                f"y of {name!r} must hold two classes or more, got {there.tolist()}."
            )
        try:
            pool = data.positions(0, self.test_size, self.pool_size)[0]
        except ValueError as error:
            raise ValueError(
                f"data {name!r} cannot be split into a pool and test rows. {error}"
            ) from error
        check_budget(name, data, pool, self.n_labels, self.n_initial, n_cells)
        if data.units:
            refuse_for_units("oracle", self.oracle, name)
        if self.oracle and data.costs is not None:
            raise ValueError(
                f"oracle must be False where labels of {name!r} have costs, got "
                f"{self.oracle!r}. It looks for the best rows at any price."
            )
        if self.oracle and data.reject is not None:
            raise ValueError(
                f"oracle must be False where rows of {name!r} may be rejected, got "
                f"{self.oracle!r}. It knows no row that belongs to no class; leave "
                "such rows out, or the oracle."
            )
        resolve_metrics(self.metrics, data.target_type, data.positive)
        if not data.units:
            check_scorers(self.metrics, known, data.is_classes, data.positive)
        resolve_initial(self.initial, data.y, data.target_type)
        return pool

    def _check_estimator(self, name, data, learner):
        """Refuse a classifier for numbers, and a regressor for classes."""
        template = learner._template()
        check_learner(learner, template, has_costs=data.costs is not None)
        check_answers(name, data, template)
        if data.units:
            check_unit_metrics(name, data, template, self.metrics)
            check_classes(name, data, learner)
            for what, y in (("y", data.y), ("y_test", data.y_test)):
                if y is not None:
                    target = read_structured(y, learner.missing_label)
                    self._check_labels(f"{what} of {name!r}", learner, target)
            return
        kind = "classifier" if data.is_classes else "regressor"
        fits = is_classifier(template) if data.is_classes else is_regressor(template)
        if not fits:
            raise TypeError(
                f"estimators must be {kind}s for {name!r}, whose labels are "
                f"{'classes' if data.is_classes else 'numbers'}, got "
                f"{name_of(template)}."
            )
        if learner.reject_label is not None and learner.reject_label != data.reject:
            raise ValueError(
                "reject_label must be given to the experiment, which measures by it, "
                f"got {learner.reject_label!r} in an estimator. Pass "
                f"Experiment(reject_label={learner.reject_label!r})."
            )
        mark, classes = learner.missing_label, learner.classes
        known = data.y[data.in_scope(data.y)]
        target = read_target(known, mark, kind, classes)
        self._check_labels(f"y of {name!r}", learner, target)

    def _check_labels(self, what, learner, target):
        """Refuse labels that a learner takes for none."""
        missing = target.missing
        if missing.any():
            raise ValueError(
                f"{what} must hold every label, got {missing.sum()} of "
                f"{len(missing)} missing. Leave those rows out; if "
                f"{learner.missing_label!r} is a class, give "
                "ActiveLearner(estimator, missing_label=None) as the estimator."
            )

    def _check_parts(self, data, n_asked, learner):
        """Ask the strategy and the stopping rule whether they serve the estimator."""
        template, target_type = learner._template(), data.target_type
        left = n_asked - learner.n_initial
        if data.costs is None:
            left = budget_of(learner.n_labels, n_asked) - learner.n_initial
        size = min(size_in_round(learner.batch_size, 1), left)
        initial = resolve_initial(learner.initial, data.y, target_type)
        asked = (initial, learner.n_initial), (learner.query_strategy, size)
        check_parts(template, target_type, asked, learner.stopping)
        check_learner(learner, template, has_costs=data.costs is not None)
        for strategy, _ in asked:
            check_beside(strategy, data.rows)
