"""ActiveLearner: the loop, as a scikit-learn estimator."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from warnings import warn

import numpy as np
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import NotFittedError
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_choice
from skal._data import (
    Labels,
    Rows,
    check_apart,
    check_groups,
    check_pool,
    learn_labels,
    n_rows,
    select_among,
    warn_of_mark,
)
from skal._loop.amended import check_taught, corrected
from skal._loop.beside import NAMES, read_beside, told_beside
from skal._loop.budget import budget_of, exceeds, most_labels
from skal._loop.checks import check_learner, check_simulation, incomplete
from skal._loop.few_labels import FewLabelsError
from skal._loop.first_round import FirstRound
from skal._loop.history import columns
from skal._loop.live import Live, kind_before_labels, so_far_of
from skal._loop.loop import Loop, Purchase
from skal._loop.oracle import Oracle
from skal._loop.pool import KnownPool
from skal._loop.pool_live import PoolLive
from skal._loop.reading import (
    check_target,
    first_labels,
    labels_after,
    read_data,
    read_y,
    with_cells,
    with_spelt_classes,
)
from skal._loop.repeats import ON_REPEAT
from skal._loop.simulation import Simulation
from skal._loop.spelling import warn_of_spelling
from skal._loop.state import State
from skal._loop.ties import warn_of_ties
from skal._loop.unit_live import UnitLive, check_kind
from skal._loop.unit_simulation import UnitSimulation
from skal._loop.units import asks_units, given, select_units
from skal._loop.votes import warn_of_votes
from skal._meta import (
    EstimatorInside,
    ReadableReprMixin,
    groups_param,
    inside_has,
    routed,
)
from skal._seed import draw_seed, fork_torch
from skal.query import as_strategy, check_reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray
    from sklearn.utils.metadata_routing import MetadataRouter

    from skal.query import QueryStrategy
    from skal.stopping import StoppingRule


def _scores_rows(self):
    try:
        strategy = as_strategy(self.query_strategy)
    except (TypeError, ValueError):  # fit and query say what is wrong with it
        return False
    if not hasattr(strategy, "score_samples"):
        raise AttributeError(
            "query_strategy must score each row for score_pool, got "
            f"{self.query_strategy!r}, which only picks. Use query, or a strategy "
            "with score_samples."
        )
    return True


def _keeps_models(self):
    return callable(self.staged_predict)  # its AttributeError says what is missing


class ActiveLearner(ReadableReprMixin, CallbackSupportMixin, EstimatorInside):
    """Train an estimator on the labels that teach it most.

    With ``n_labels`` set, ``fit(X, y)`` simulates: y answers like a person would, and
    the learner asks for a few labels a round until its budget is spent. With
    ``n_labels=None``, ``fit(X, y)`` trains on whatever is labelled; then ``query``
    says which rows to label next and ``teach`` takes the answers. Both walk the same
    two steps: for the same seed they ask for the same rows and end in the same model.

    Parameters
    ----------
    estimator : estimator, default=None
        Any classifier or regressor, Pipelines included; it is cloned, never fitted.
        None means LogisticRegression on columns that the labelled rows scale: to a
        deviation of 1 each where they are in units of their own, together where they
        are of one, as pixels are. Classifiers are given codes 0..K-1 in the order of
        ``classes_``, whatever the labels are; one that refuses the gap that a class
        without a label leaves, codes 0..k-1 of the others. Its parameters name labels,
        which are translated: in a ``class_weight``, a ``pos_label``, the ``constant``
        of a DummyClassifier, where a search has these to try, and in its ``scoring``.
    query_strategy : str, QueryStrategy or callable, default="auto"
        Picks the rows of each round: a name, a strategy of :mod:`skal.query`, or a
        function ``f(learner, X, n_instances=1)`` in the manner of modAL. "auto" takes
        what loses least for the model and the rows, :class:`~skal.query.UHerding` for
        most classifiers, and says in ``history_["info"]`` what and why. With
        a :class:`~skal.query.UnitStrategy` single labels of rows are asked for: see
        the notes.
    n_labels : int, float or None, default=None
        The budget of a simulation: a number of labels, or a share of the rows. Where
        ``fit`` is given costs, an amount of cost, which is never overspent, or a share
        of the cost of all rows (a float up to 1). None buys nothing.
    n_initial : int, default=10
        Labels of the first round. While they hold a single class, or too few rows of
        one for the estimator, more are drawn.
    initial : {"random", "stratified"}, QueryStrategy or callable, default="random"
        Picks the first rows. "stratified" looks at y, so it serves simulations only.
    batch_size : int or sequence of int, default=10
        Labels of each later round; a sequence says it round by round, and its last
        size goes on.
    stopping : StoppingRule or None, default=None
        Ends a simulation before its budget, and says in ``should_stop_`` when a live
        loop should; see :mod:`skal.stopping`.
    classes : array-like or None, default=None
        Every class there is, where the first labels may miss some. None takes them
        from y.
    use_unlabeled : bool, default=False
        Give the estimator the unlabelled rows too, with code -1, as
        :class:`~skal.pseudo.PseudoLabelClassifier`, SelfTrainingClassifier and
        LabelSpreading expect. In a live loop ``fit(X, y_partial)`` says which these
        are: see the notes.
    warm_start : bool, default=False
        Go on from the weights of the round before, for estimators that can.
    missing_label : int, str or None, default=-1
        Marks rows without a label in y, besides NaN and None. In regression only NaN
        does.
    reject_label : int, float, str or None, default=None
        The answer "none of these": a row that holds it in y was asked for and belongs
        to no class. It counts as a label that was spent, no model is fitted to it, and
        it is none of ``classes_``. None rejects nothing. Of several labels a row, each
        must be it.
    store_estimators : bool, default=False
        Keep the model of every round, for ``staged_predict`` and its kin.
    random_state : int, RandomState instance or None, default=None
        Seeds the queries and every ``random_state`` of the estimator that is None.
        None means fresh entropy: the global generators are never touched.
    verbose : int, default=0
        1 shows a progress bar, unless something around the learner shows one.

    Attributes
    ----------
    estimator_ : estimator
        The model of the last round.
    classes_ : ndarray of shape (n_classes,)
        The full set of classes; columns of ``predict_proba``. Absent for regressors,
        and where an estimator answers for units of rows.
    seed_ : int
        Drawn once from ``random_state``; every draw comes from it.
    X_training_ : array-like of shape (n_labels, ...)
        The labelled rows in the order in which they were labelled.
    y_training_ : ndarray of shape (n_labels,) or (n_labels, ...)
        Their labels, ``reject_label`` for rows that belong to no class.
    groups_training_ : ndarray of shape (n_labels,)
        Their groups. Absent where none were given.
    costs_training_ : ndarray of float of shape (n_labels,)
        What their labels cost. Absent where no costs were given.
    labeled_iter_ : ndarray of int of shape (n_samples,) or (n_samples, n_outputs)
        The round in which each row of fit's X was labelled: 0 at the start, -1 never,
        or taken back. Rows taught later are appended.
    pool_ : array-like of shape (n_samples, ...)
        The X of fit, not a copy, with ``use_unlabeled`` where ``n_labels`` is None.
    n_iter_ : int
        Rounds after the first.
    termination_condition_ : str or None
        Why a simulation ended: "n_labels", "stopping", "exhausted" (the pool),
        "callback", or "interrupted". None outside simulations.
    history_ : dict of ndarray
        Columns with an entry a round: ``n_labels``, ``indices`` (into fit's X, or into
        ``X_training_`` for taught rounds), ``pool_indices`` (into fit's X, or into the
        pool of the query that asked for the rows taught, -1 for rows that it did not
        ask for), ``query_time`` and ``fit_time`` in seconds,
        ``score`` of the rows asked, ``info`` from the strategy, and ``stopping``, what
        the stopping rule measured on the model of that round. With costs also
        ``cost``, that of all labels so far. With ``reject_label``
        also ``n_rejected``, how many of the ``n_labels`` rows so far belong to no
        class. With ``use_unlabeled``
        also ``n_pseudo_labeled``, how many rows the model took its own labels for, and
        ``pseudo_accuracy``, the share of them that were right, NaN where nobody knows.
    should_stop_ : bool
        Whether the stopping rule would end the run here, by what it measured after
        the last query.
    estimators_ : list of estimator
        The model of every round, with ``store_estimators=True``.
    n_features_in_ : int
        As the estimator counted.
    feature_names_in_ : ndarray of str
        As the estimator saw them.

    See Also
    --------
    skal.query : The strategies.
    skal.stopping : When to stop.
    skal.plotting.LabelCurveDisplay : What the labels bought.

    Notes
    -----
    In a Pipeline, ask the last step about transformed rows:
    ``pipe[-1].query(pipe[:-1].transform(X_pool))``. Preprocessing that learns without
    labels belongs in front of the learner, where it sees the whole pool; inside it, a
    TfidfVectorizer or a PCA learns from the labelled rows alone.

    With a :class:`~skal.query.UnitStrategy` the learner asks for single labels of rows
    that carry several, and counts these: in ``n_labels``, ``n_initial``, ``batch_size``
    and ``history_["n_labels"]``. It asks for pairs of a row and a label, so that
    ``indices`` and ``pool_indices`` of ``history_`` have the shape (n_pairs, 2) and
    ``labeled_iter_`` has (n_samples, n_outputs); ``y_training_`` holds NaN where a
    label is not known. The first round takes rows as ``initial`` picks them, each with
    all of its labels, but for the last, which may end where ``n_initial`` does.

    With costs ``n_initial`` and ``batch_size`` stay numbers of rows. Rows that cost
    more than what is left of the budget are not asked for; of a batch that costs more,
    those are bought that it pays for, the best first; the run ends when it pays for no
    row. Where every label costs 1 it is the run without costs.

    Where an estimator answers for units of rows, by ``predict_units``, its targets are
    "structured": whatever it takes for a row is the label of that row, a mask of
    pixels, a list of tags, a dict of boxes. In an array ``missing_label`` marks units
    that nobody has labelled, and a row is without a label where all of its units are;
    in a list None does. What y holds is handed on as it is, and ``classes_`` is left to
    the estimator. With :class:`~skal.query.Regions` the learner asks for cells of rows
    as it asks for single labels, in pairs, and counts them.

    With ``use_unlabeled`` a live loop begins with ``fit(X, y_partial)``, be it that
    y_partial holds no label: then X is the pool, no model is fitted, and ``query`` asks
    by ``initial``. ``query()`` asks for rows of the pool without a label; ``teach``
    knows those that were asked last, fits again on the labels and on the rest of the
    pool, and walks in step with a simulation. A pickle holds the pool.

    Beyond fitting and predicting, a round costs O(n) for a pool of n rows, and the
    pool is never copied, unless the estimator learns from its unlabelled rows while
    some were rejected, or others taught beside it. ``fit`` with every row labelled
    keeps a reference to X; ``teach`` keeps copies.

    References
    ----------
    .. [1] B. Settles (2009). Active Learning Literature Survey. University of
       Wisconsin-Madison, Computer Sciences Technical Report 1648.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(n_labels=100, random_state=0)
    >>> learner.fit(X[:1000] / 16, y[:1000]).n_iter_
    9
    >>> bool(learner.score(X[1000:] / 16, y[1000:]) > 0.75)
    True
    """

    _added_params: ClassVar = {"reject_label": None}
    # Those who hold the learner may pass them on, as to a GroupKFold, without asking.
    __metadata_request__fit: ClassVar = {"groups": True, "costs": True}
    __metadata_request__score: ClassVar = {"sample_weight": UNUSED, "groups": True}

    def __init__(
        self,
        estimator: Any = None,
        query_strategy: str | QueryStrategy | Callable[..., Any] = "auto",
        *,
        n_labels: float | None = None,
        n_initial: int = 10,
        initial: str | QueryStrategy | Callable[..., Any] = "random",
        batch_size: int | Sequence[int] = 10,
        stopping: StoppingRule | None = None,
        classes: ArrayLike | None = None,
        use_unlabeled: bool = False,
        warm_start: bool = False,
        missing_label: float | str | None = -1,
        reject_label: float | str | None = None,
        store_estimators: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.query_strategy = query_strategy
        self.n_labels = n_labels
        self.n_initial = n_initial
        self.initial = initial
        self.batch_size = batch_size
        self.stopping = stopping
        self.classes = classes
        self.use_unlabeled = use_unlabeled
        self.warm_start = warm_start
        self.missing_label = missing_label
        self.reject_label = reject_label
        self.store_estimators = store_estimators
        self.random_state = random_state
        self.verbose = verbose

    # The two meanings of fit ----------------------------------------------------

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        groups: ArrayLike | None = None,
        costs: float | ArrayLike | Callable[[Any], ArrayLike] | None = None,
        **params: Any,
    ) -> Self:
        """Train on what is labelled, or simulate a run against a hidden oracle.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of any type: arrays of any rank, CSR, frames, memmaps, lists, and
            arrays and dataframes of dask, of which it takes the rows that it needs.
        y : array-like of shape (n_samples,) or (n_samples, ...), or list
            Their labels. With ``n_labels=None`` some may be missing, and all under
            ``use_unlabeled``, where X becomes ``pool_``; with ``n_labels`` set, y
            answers the queries and must be complete. Where there are several labels a
            row, a row of which some are known is labelled for those, if the estimator
            takes that, as networks with ``criterion="bce"`` do. Where an estimator
            answers for units of rows y is an array (n_samples, ...) with a label a
            unit, or a list with an entry a row: see the notes.
        groups : array-like of shape (n_samples,), default=None
            The group of each row: its patient, drive or document. Strategies may read
            it, as :class:`~skal.query.PerGroup` does; ``score`` refuses to score rows
            of the groups that were learnt from; and an estimator whose fit takes
            groups, such as a search over a GroupKFold, is given those of its rows.
        costs : float, array-like of shape (n_samples,) or callable, default=None
            What each label costs, finite and above 0; a function is called with X,
            once, and returns a number a row. With costs ``n_labels`` is an amount of
            cost.
        **params : dict
            Passed to the estimator's fit, row-wise ones sliced to the labelled rows.

        Returns
        -------
        ActiveLearner
            The fitted learner.

        Raises
        ------
        ValueError
            If a parameter is out of bounds, X and y disagree, y misses labels while
            ``n_labels`` is set, or groups or costs are not one for each row, missing,
            or, of costs, not above 0, or the budget pays for no label.
        TypeError
            If the query strategy or the stopping rule needs what the estimator cannot
            give.

        Notes
        -----
        A simulation commits after each round: when it is interrupted, or a refit
        fails, the learner is left as it was after the last complete round.

        Under ``use_unlabeled`` labels of y_partial that no model can be fitted on, for
        they are of one class, are kept, as ``teach`` keeps them.
        """
        check_learner(self, self._template(), has_costs=costs is not None)
        X, target = read_data(self, X, y)
        beside = read_beside(X, groups, costs)
        params = self._fit_params(params, beside)
        if self.n_labels is None:
            return self._fit_given(X, target, params, beside)
        if not self.verbose:
            return self._simulate(X, target, params, beside)
        from skal.callback import show_progress  # sklearn.metrics: not for all

        with show_progress(self):
            return self._simulate(X, target, params, beside)

    def _fit_params(self, params, beside):
        """Return what reaches the estimator's fit: groups too, if it takes them."""
        if "groups" in beside:
            params = {**params, **groups_param(self._template(), beside["groups"])}
        return routed(self, "fit", params)

    def _fit_given(self, X, target, params, beside):
        """Train on the labelled rows; buy nothing. Unlabelled ones become the pool."""
        pool, missing = None, target.missing
        if self.use_unlabeled:
            check_target(self, Labels(kind_before_labels(self._template())))
            pool = KnownPool.given(X, params, beside)
        elif not target.known.any():
            raise ValueError(
                f"y must hold at least one label, got {len(missing)} missing "
                f"{'' if missing.all() else 'or rejected '}ones. "
                "Use query to choose the first rows and teach to label them."
            )
        loop = self._loop(draw_seed(self.random_state))
        if pool is not None and missing.all():
            return self._go_on(PoolLive.of_pool(self, loop, pool))
        labels = first_labels(self, target)
        check_target(self, labels)
        if self.classes is None and not self.use_unlabeled:
            warn_of_mark(labels, self.missing_label, stacklevel=5)
            warn_of_spelling(labels.classes, (), stacklevel=5)
        shown = target.y if target.rejects is None else target.rejects.shown(target.y)
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=shown, metadata=beside)
        oracle = Oracle.of(X, target, params, labels, beside, self.use_unlabeled)
        order = np.flatnonzero(~missing)
        training = oracle.reveal(order, copy=False)  # a full fit copies nothing
        by_units = asks_units(self.query_strategy)
        parts = labels.parts if by_units else None
        asked, labeled_iter = given(missing, target.y, parts)
        try:
            state = loop.train(training, Purchase(asked, "given"), labeled_iter, order)
        except FewLabelsError as error:
            if pool is None:
                raise
            live = PoolLive.of_pool(self, loop, pool)
            return self._go_on(live.waiting(training, order, error))
        self._commit(state, pool=pool)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=shown, reconstruction_attributes=dict
        )
        return self

    def _simulate(self, X, target, params, beside):
        """Reveal labels round by round, until the budget or a rule says enough."""
        assert self.n_labels is not None  # or there would be nothing to buy
        y, by_units = target.y, asks_units(self.query_strategy)
        if target.missing.any():
            raise incomplete(target.missing, self.n_labels, self.missing_label)
        if not target.known.any():
            raise ValueError(
                f"y must hold a row that belongs to a class, got {len(y)} that are all "
                f"{self.reject_label!r}, which reject_label says is none."
            )
        labels = with_cells(self, learn_labels(target, self.classes))
        labels.encode(y)  # a label outside classes= is an error, before any work
        check_target(self, labels)
        n = int(labels.parts.known(y).sum()) if by_units else len(y)
        costs = beside.get("costs")
        budget = budget_of(self.n_labels, n, costs)
        n_most = most_labels(budget, costs)
        oracle = Oracle.of(
            X, target, params, labels, beside, self.use_unlabeled, knows_all=True
        )
        check_simulation(self, self._template(), oracle, n_most)
        simulation = (UnitSimulation if by_units else Simulation)(
            self._loop(draw_seed(self.random_state), asked=self.n_initial < n_most),
            oracle,
            budget,
            self.n_initial,
            self.batch_size,
        )
        context = self._init_callback_context(max_subtasks=simulation.n_rounds)
        shown = y if target.rejects is None else target.rejects.shown(y)
        context.call_on_fit_task_begin(estimator=self, X=X, y=shown, metadata=beside)
        reason = self._run(simulation, context)
        wants_more = exceeds(self.n_labels, n, costs)
        reason = "exhausted" if reason == "n_labels" and wants_more else reason
        self._commit(replace(simulation.state, termination=reason))
        context.call_on_fit_task_end(estimator=self, X=X, y=shown)
        return self

    def _run(self, simulation, context):
        """Go on until the budget, a callback or the stopping rule says enough."""
        purchase = simulation.first_purchase()
        while True:
            step = context.subcontext(task_name="round")
            step.call_on_fit_task_begin(estimator=self)
            self._commit(simulation.learn(purchase))
            halt = step.call_on_fit_task_end(
                estimator=self,
                X=self.X_training_,
                y=self.y_training_,
                reconstruction_attributes=dict,
            )
            if simulation.is_spent:
                return "n_labels"
            if halt:
                return "callback"
            purchase = simulation.next_purchase()
            self._look_into(purchase.info, stacklevel=7)
            self._commit(simulation.state)  # it knows what the rule has measured
            if simulation.is_enough:
                return "stopping"

    # The live loop --------------------------------------------------------------

    def query(
        self,
        X_pool: Any = None,
        n_instances: int | None = None,
        *,
        candidates: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        costs: float | ArrayLike | Callable[[Any], ArrayLike] | None = None,
    ) -> tuple[NDArray[np.int64], Any]:
        """Say which rows of a pool to label next.

        Parameters
        ----------
        X_pool : array-like of shape (n_samples, ...), default=None
            The pool. An array or dataframe of dask is scored block by block, where the
            blocks lie; the strategy must serve that, or it is refused. None takes
            ``pool_``; where that is known X_pool must be it, to the row.
        n_instances : int, default=None
            How many rows; None asks for the ``batch_size`` of the round (``n_initial``
            before the first label, one while the labels hold a single class or allow
            of no model), or what is left.
        candidates : array-like of int or bool, default=None
            Positions, or a mask, of the rows that may be asked; None allows all, or
            those of ``pool_`` without a label. The pool stays as it is, so a row keeps
            its position from round to round. Where single labels are asked for also a
            mask of shape (n_samples, n_outputs) of those that may be; before the first
            label it must be that.
        groups : array-like of shape (n_samples,), default=None
            The group of each row of the pool, candidate or not, for strategies that
            read it. None takes what fit was given for ``pool_``.
        costs : float, array-like of shape (n_samples,) or callable, default=None
            What each label of the pool costs, for strategies that read it; a function
            is called with X_pool, once a query. None takes what fit was given for
            ``pool_``.

        Returns
        -------
        indices : ndarray of int64 of shape (n_instances,) or (n_instances, 2)
            Positions in X_pool, best first; pairs of a position and a label where
            single labels are asked for. Asking again gives the same answer.
        rows : array-like of shape (n_instances, ...)
            ``X_pool[indices]``, in the pool's own type, or in memory where that is
            dask's; ``X_pool[indices[:, 0]]`` for pairs.

        Raises
        ------
        PoolExhaustedError
            If more rows are asked for than there are candidates.
        TypeError
            If the query strategy needs what the estimator cannot give.
        ValueError
            If the candidates repeat or lie outside the pool, if X_pool is missing or
            is not ``pool_``, if groups or costs are not as in ``fit``, or missing where
            the strategy reads them, or if it returns what it must not.

        Notes
        -----
        A stopping rule looks at the model that was asked: what it measures is in
        ``history_`` then, and its verdict in ``should_stop_``.
        """
        self._check(costs)
        pool, live = self._rows(X_pool, groups, costs), self._live()
        candidates = live.open_rows if candidates is None else candidates
        chosen = self._candidates(pool, candidates)
        live.check(pool)
        indices, asked, after = live.ask(chosen, n_instances)
        self._look_into(after.question.info, stacklevel=4)
        self.seed_, self._question = live.loop.seed, after.question
        if isinstance(after.so_far, State):
            self._rounds = after.so_far.rounds  # which know what the rule has measured
        return indices, asked

    def _look_into(self, info, stacklevel):
        """Warn, once a learner, of a strategy that could not choose, or read votes."""
        for sign, warn_of in (("tied", warn_of_ties), ("only_votes", warn_of_votes)):
            if info.get(sign) and not self._has_told(sign):
                strategy = as_strategy(self.query_strategy)
                warn_of(strategy, self.estimator_, stacklevel)

    def _has_told(self, sign):
        """Tell whether what an earlier query told holds a sign."""
        question = vars(self).get("_question")
        told = [record["info"] for record in self._rounds]
        told += [] if question is None else [question.info]
        return any(earlier.get(sign) for earlier in told)

    def teach(
        self,
        X: Any,
        y: Any,
        *,
        indices: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        costs: float | ArrayLike | Callable[[Any], ArrayLike] | None = None,
        on_repeat: str = "append",
        **params: Any,
    ) -> Self:
        """Add labelled rows and fit again.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            The rows that were labelled, in the type of those before.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels; rows without one are skipped. Answers to the pairs of a query
            are NaN but for the labels asked, in a row a pair or in one for all pairs
            of a row: either way they join what was known of the row.
        indices : array-like of int or bool, default=None
            Where in ``pool_`` the rows of X stand, as positions or a mask. None knows
            those that the last query asked for; other rows are new ones, which the
            estimator sees after the pool.
        groups : array-like of shape (n_samples,), default=None
            The group of each row of X, as in ``fit``; in every round, or in none. For
            rows of ``pool_`` fit has told of them, and of costs and ``params`` too.
        costs : float, array-like of shape (n_samples,) or callable, default=None
            What each label of X cost, as in ``fit``; in every round, or in none.
        on_repeat : {"append", "replace", "error"}, default="append"
            What becomes of rows that hold the same as rows taught before, in this
            batch or an earlier one: they count once more, as equal rows of a pool do;
            or the last label holds, and each row counts once; or they are refused.
            With "replace" a label that is NaN among several a row stays what it was, so
            that those of a row may be taught one by one. Rows of ``pool_`` count once:
            to label them again takes "replace".
        **params : dict
            Passed to the estimator's fit; row-wise ones hold a value for each row of X
            and join those of earlier rounds.

        Returns
        -------
        ActiveLearner
            The learner, taught. If anything fails it stays as it was. First labels of
            a single class, or with too few rows of one, that the estimator cannot be
            fitted on are kept: ``query`` goes on with ``initial``, and there is a model
            once there are enough.

        Raises
        ------
        ValueError
            If a label is not among ``classes``, if what earlier rounds had of
            ``params``, groups and costs is left out, if the new model predicts NaN, if
            ``indices`` are of other rows, or of rows that have a label, or under
            ``use_unlabeled`` where ``fit(X, y_partial)`` has not said what the pool is.

        See Also
        --------
        correct : Give rows that were taught another label.
        forget : Take rows back.
        """
        self._check_teachable("teach", costs)
        check_choice("on_repeat", on_repeat, ON_REPEAT)
        X, target = read_data(self, X, y)
        beside = read_beside(X, groups, costs)
        if target.missing.all():
            return self
        live = self._live()
        told = live.told
        if told is not None:
            target = told.in_type(target)
        params = self._fit_params(params, beside)
        seen = np.flatnonzero(~target.missing)
        labels = labels_after(self, told, target)
        oracle = Oracle.of(X, target, params, labels, beside)
        training = oracle.reveal(seen)
        training, at = live.recognise(training, X, seen, indices)
        if told is not None:
            training = told.extended(training)
        n_told = 0 if told is None else len(told.y)
        check_target(self, labels)
        training, news = live.settle(training, n_told, on_repeat, at)
        training = with_spelt_classes(self, training, live, in_place=live.is_first)
        return self._go_on(live.learn(training, news))

    def correct(self, indices: ArrayLike, y: Any) -> Self:
        """Give rows that were taught other labels, and fit again.

        The round stays what it is, and rows asked for earlier stay asked. The model
        ends as it would be, had the labels been these when it was fitted.

        Parameters
        ----------
        indices : array-like of int or bool
            Positions in ``X_training_``, or a mask of its rows.
        y : array-like of shape (n_indices,) or (n_indices, n_outputs)
            Their labels.

        Returns
        -------
        ActiveLearner
            The learner, corrected. If anything fails it stays as it was.

        Raises
        ------
        NotFittedError
            If nothing was taught.
        ValueError
            If a label is missing or not among ``classes``, if what is left is of one
            class that the estimator cannot be fitted on, while there were rounds
            after the first, or under ``use_unlabeled`` where no pool is known.

        See Also
        --------
        teach : Whose ``on_repeat="replace"`` finds rows by what they hold.
        forget : Take rows back.

        Notes
        -----
        ``n_iter_`` and ``history_`` stay, but for what the stopping rule measured on
        the model before. A class that no label names any more is forgotten, unless
        ``classes`` names it.

        Under ``warm_start`` the model of a later round goes on from the weights that it
        has, which have learnt from the labels before; a first model starts afresh.

        Examples
        --------
        >>> from skal import ActiveLearner
        >>> learner = ActiveLearner().teach([[0.0], [1.0], [2.0]], ["a", "b", "a"])
        >>> learner.correct([2], ["b"]).y_training_.tolist()
        ['a', 'b', 'b']
        """
        live = self._live_taught("correct")
        positions = check_taught(indices, len(live.told.y))
        target = read_y(self, y)
        if len(positions) == 0:
            return self
        training = corrected(live.told, positions, target)
        training = replace(training, labels=labels_after(self, live.told, target))
        return self._go_on(live.amend(with_spelt_classes(self, training, live)))

    def forget(self, indices: ArrayLike) -> Self:
        """Take back rows that were taught, and fit again.

        The round stays what it is. The model ends as it would be, had it been fitted
        without these rows; under ``warm_start`` see the notes of ``correct``.

        Parameters
        ----------
        indices : array-like of int or bool
            Positions in ``X_training_``, or a mask of its rows. Rows after them move
            up.

        Returns
        -------
        ActiveLearner
            The learner without them. If anything fails it stays as it was.

        Raises
        ------
        NotFittedError
            If nothing was taught.
        ValueError
            If no row would be left, if what is left is of one class that the estimator
            cannot be fitted on, while there were rounds after the first, or under
            ``use_unlabeled`` where no pool is known.

        See Also
        --------
        correct : Give rows other labels.

        Notes
        -----
        ``n_iter_`` stays, and so do the rounds of ``history_``; the ``n_labels`` of the
        last becomes what is left, and what the stopping rule measured on its model is
        gone. Rows taken back have -1 in ``labeled_iter_``, and in
        the ``indices`` of rounds that were taught. They may be asked for again: it is
        for ``candidates`` to say so.

        Examples
        --------
        >>> from skal import ActiveLearner
        >>> learner = ActiveLearner().teach([[0.0], [1.0], [2.0]], ["a", "b", "a"])
        >>> learner.forget([2]).labeled_iter_
        array([ 0,  0, -1])
        """
        live = self._live_taught("forget")
        told = live.told
        gone = check_taught(indices, len(told.y))
        if len(gone) == 0:
            return self
        kept = np.delete(np.arange(len(told.y)), gone)
        if len(kept) == 0:
            raise ValueError(
                f"indices must leave a row, got all {len(gone)}. clone(learner) begins "
                "anew."
            )
        training = with_spelt_classes(self, told.at(kept), live)
        return self._go_on(live.amend(training, kept))

    @available_if(_scores_rows)
    def score_pool(
        self,
        X_pool: Any = None,
        *,
        groups: ArrayLike | None = None,
        costs: float | ArrayLike | Callable[[Any], ArrayLike] | None = None,
    ) -> NDArray[Any]:
        """Return how much the query strategy wants each row of a pool.

        Parameters
        ----------
        X_pool : array-like of shape (n_samples, ...), default=None
            The pool; None takes ``pool_``.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, as in ``query``.
        costs : float, array-like of shape (n_samples,) or callable, default=None
            What each label costs, as in ``query``.

        Returns
        -------
        ndarray of float of shape (n_samples,)
            Higher is more wanted.
        """
        check_is_fitted(self)
        pool = self._rows(X_pool, groups, costs)
        strategy = as_strategy(self.query_strategy)
        strategy.check(self.estimator_, self._labels.target_type)
        with fork_torch(self.seed_, self.n_iter_ + 1, "query"):
            return strategy.score_samples(self._state.view(), pool)

    @available_if(inside_has("score"))
    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> float:
        """Score predictions as the estimator does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels. Rows without a label, and rejected ones, are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, which must be none of ``groups_training_``.
        **params : dict
            Passed to the estimator, routed as scikit-learn's configuration says.

        Returns
        -------
        float
            The mean accuracy, or R², or whatever the estimator's score is.

        Raises
        ------
        ValueError
            If a group of the rows is one of the training rows, or these have none.
        """
        check_is_fitted(self)
        if groups is not None:
            self._check_unseen(check_groups(groups, n_rows(X)))
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return self._scored(self.estimator_, self._labels, X, y, params)

    def _check_unseen(self, groups):
        """Refuse to score groups of which the model has learnt some rows."""
        if "groups_training_" not in vars(self):
            raise ValueError(
                "groups must be given to fit and teach before they can be compared in "
                "score, got none there."
            )
        check_apart(groups, self.groups_training_)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata reaches the learner and the estimator.

        Returns
        -------
        MetadataRouter
            ``fit`` takes groups and costs, ``score`` groups; the rest, and the groups
            where it requests them, go to the estimator.
        """
        return super().get_metadata_routing().add_self_request(self)

    # What a run leaves behind -----------------------------------------------------

    @property
    def should_stop_(self) -> bool:
        """Whether ``stopping`` would end the run, by what the last query measured.

        As in a simulation: after a query, before its rows are bought. False where there
        is no rule, or nothing to judge yet.
        """
        if "_rounds" not in vars(self):
            return False
        state = self._state
        return self._loop(state.seed).is_enough(state)

    @property
    def history_(self) -> dict[str, NDArray[Any]]:
        """What happened, as a dict of columns with an entry a round."""
        if "_rounds" not in vars(self):
            raise AttributeError("ActiveLearner has no history_ before fit or teach.")
        return columns(self._rounds)

    @available_if(_keeps_models)
    def staged(self) -> Iterator[Self]:
        """Yield the learner as it was after each round.

        Yields
        ------
        ActiveLearner
            A shallow copy, for whatever scores a learner: the model of the round, and
            the labels that it was trained on.
        """
        check_is_fitted(self)
        for state in self._state.stages():
            stage = copy(self)
            stage._commit(state, pool=KnownPool.of(self))
            yield stage

    def __skal_view__(self):
        """Return the view of the fitted model for the next query."""
        check_is_fitted(self)
        return self._state.view()

    @property
    def _state(self) -> State:
        """The fitted state, read from the attributes."""
        return State.of(self)

    def _go_on(self, live):
        """Take on what a live run has come to; warn where labels allow of no model.

        Labels that are all alike are as usual.
        """
        first = live.so_far
        self._commit(first, live.question, live.pool)
        self.seed_ = live.loop.seed
        if isinstance(first, FirstRound) and not first.training.is_constant:
            warn(f"There is no model yet. {first.error}", stacklevel=3)
        return self

    def _commit(self, so_far, question=None, pool=None):
        """Take on what was learnt, asked and is known of a pool, in place of the last.

        ``so_far`` is None before the first label.
        """
        last = so_far_of(self)
        gone = {"_first", "_question", *told_beside(dict.fromkeys(NAMES))}
        gone |= {*KnownPool.names, *({} if last is None else last.attributes())}
        kept = {name: value for name, value in vars(self).items() if name not in gone}
        for part in (so_far, pool):
            kept |= {} if part is None else part.attributes()
        asked = {} if question is None else {"_question": question}
        self.__dict__ = {**kept, **asked}

    # What a run goes by -----------------------------------------------------------

    def _default(self):
        from skal._loop.default_estimator import default_estimator

        return default_estimator()

    def _loop(self, seed, asked=False):
        return Loop(
            self._template(),
            seed,
            query_strategy=self.query_strategy,
            initial=self.initial,
            stopping=self.stopping,
            warm_start=self.warm_start,
            store_estimators=self.store_estimators,
            is_asked=asked,
        )

    def _live(self):
        """Return the live run under way, or a new one."""
        seed = vars(self).get("seed_")
        seed = draw_seed(self.random_state) if seed is None else seed
        kind = Live if KnownPool.of(self) is None else PoolLive
        kind = UnitLive if asks_units(self.query_strategy) else kind
        live = kind.of(self, self._loop(seed))
        check_kind(live, self.query_strategy)
        return live

    def _rows(self, X_pool, groups, costs):
        """Return the rows to ask about, of a pool that is given or known."""
        pool = KnownPool.of(self)
        if pool is not None:
            return pool.rows(X_pool, groups=groups, costs=costs)
        if X_pool is None:
            raise ValueError(
                "X_pool must be given where no pool is known, got None. "
                "fit(X, y_partial) under use_unlabeled=True makes X the pool."
            )
        return Rows(check_pool(X_pool, "X_pool"), groups=groups, costs=costs)

    def _candidates(self, pool, candidates):
        """Return what may be asked of a pool: its rows, or single labels of them."""
        check_reach(as_strategy(self.query_strategy), pool.X)
        if not asks_units(self.query_strategy):
            return select_among(pool, candidates)
        cells = as_strategy(self.query_strategy)._cells()
        labels = vars(self).get("_labels")
        n_units = None if labels is None else labels.n_outputs
        n_units = n_units if cells is None else cells.n_parts
        return select_units(pool, candidates, n_units)

    def _live_taught(self, method):
        """Return the live run for a method that amends what was taught."""
        self._check_teachable(method)
        live = self._live()
        if live.so_far is None:
            raise NotFittedError(
                f"{method} needs rows that were taught, got none yet. Use fit or teach "
                "first."
            )
        return live

    # Checks ---------------------------------------------------------------------

    def _check(self, costs=None):
        """Refuse parameters that no run could use."""
        has_costs = costs is not None or "costs_training_" in vars(self)
        check_learner(self, self._template(), has_costs=has_costs)

    def _check_teachable(self, method, costs=None):
        """Refuse what a method that changes the labels cannot work with."""
        if self.use_unlabeled and KnownPool.of(self) is None:
            raise ValueError(
                f"use_unlabeled must be False for {method} where no pool is known, got "
                "True. A model that learns from unlabelled rows needs them all: use "
                f"fit(X, y_partial) first, with {self.missing_label!r} where a label "
                "is missing, be it everywhere."
            )
        self._check(costs)
