"""A live run, a call at a time: ask for rows, learn their labels, amend them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.base import is_regressor

from skal._checks import check_int
from skal._data import Labels, n_rows, take_rows
from skal._loop.amended import without_rows
from skal._loop.batch_sizes import size_in_round
from skal._loop.checks import check_parts
from skal._loop.few_labels import FewLabelsError
from skal._loop.first_round import FirstRound, first_so_far, goes_on, gone_on
from skal._loop.initial import go_on
from skal._loop.question import Question, unasked
from skal._loop.repeats import settle
from skal._loop.state import State
from skal._model import is_structured
from skal.exceptions import PoolExhaustedError
from skal.query import as_strategy, check_beside

if TYPE_CHECKING:
    from typing import Any

    from skal._loop.loop import Loop


@dataclass(frozen=True)
class Live:
    """What a live run has come to, and the steps of the loop that go on from there.

    A step returns the run after it, so that one that fails changes nothing.
    ``so_far`` is a State, or a FirstRound that waits for a model, or None before the
    first label; ``question`` what was asked last and has not been taught, or None;
    ``pool`` the KnownPool whose unlabelled rows are learnt from, or None.
    """

    loop: Loop
    n_initial: int
    batch_size: Any
    so_far: Any = None
    question: Question | None = None
    pool: Any = None

    asks: ClassVar[type[Question]] = Question

    @classmethod
    def of(cls, learner: Any, loop: Loop) -> Live:
        """Return the run of a learner, of which it holds the attributes."""
        question = vars(learner).get("_question")
        question = question if type(question) is cls.asks else None
        sizes = learner.n_initial, learner.batch_size
        return cls(loop, *sizes, so_far_of(learner), question)

    @property
    def told(self):
        """The labelled rows, also those that no model could be fitted on; or None."""
        if self.so_far is None:
            return None
        return self.so_far.training.with_all_codes()  # the last model's may not hold

    @property
    def is_first(self):
        """Whether the first round is under way: it goes on while there is one class."""
        return not isinstance(self.so_far, State) or goes_on(self.so_far)

    # Ask ------------------------------------------------------------------------

    @property
    def open_rows(self):
        """The rows that may be asked where nobody says which; None for all."""
        return None

    def check(self, pool):
        """Refuse parts that do not serve the model, where there is one, or the pool."""
        loop, state = self.loop, self.so_far
        strategy = as_strategy(loop.query_strategy)
        if not self.is_first:
            target_type = state.labels.target_type
            check_parts(state.estimator, target_type, [(strategy, 0)], loop.stopping)
        check_beside(strategy, pool)

    def ask(self, rows, n_instances=None):
        """Return positions in the pool, the rows there, and the run after it.

        A stopping rule looks at the model that has picked them, as in a simulation.
        """
        started = perf_counter()
        size = self._size_of(n_instances, len(rows))
        if self.is_first:
            picks, info, so_far = self._ask_first(rows, size), {}, self.so_far
        else:
            picks, info, so_far = self._ask_next(rows, size)
        seconds = perf_counter() - started
        indices, asked, question = self._question(rows, picks, seconds, info)
        return indices, asked, replace(self, so_far=so_far, question=question)

    def _question(self, rows, picks, seconds, info):
        """Return positions in the pool, the rows there, and what was asked."""
        indices = picks if rows.indices is None else rows.indices[picks]
        asked = take_rows(rows.X, indices)
        return indices, asked, Question.of(indices, asked, seconds, info)

    def _size_of(self, n_instances, n_candidates):
        """Return how many rows a query asks for."""
        if n_instances is not None:
            size = check_int("n_instances", n_instances)
            if size > n_candidates:
                raise PoolExhaustedError(
                    f"n_instances must be at most {n_candidates}, the number of "
                    f"candidates, got {size}."
                )
            return size
        if n_candidates == 0:
            raise PoolExhaustedError("X_pool must hold candidates to ask for, got 0.")
        if not self.is_first:
            usual = size_in_round(self.batch_size, self.so_far.round + 1)
            return min(usual, n_candidates)
        return min(self.n_initial, n_candidates) if self.so_far is None else 1

    def _ask_first(self, rows, size):
        """Pick rows by ``initial``: the first, or more of them beside one class."""
        labels, told = Labels(kind_before_labels(self.loop.estimator)), self.told
        n_known = 0 if told is None else len(told.y)
        if n_known == 0 or len(rows) + n_known != n_rows(rows.X):
            return self.loop.ask_first(rows, size, labels, known=n_known)[0]
        pool, taken = rows._whole(), np.ones(n_rows(rows.X), bool)
        taken[rows.indices] = False  # the pool is there: go on as a simulation does
        queue = go_on(
            lambda size: self.loop.ask_first(pool, size, labels)[0],
            taken,
            self.n_initial,
        )
        return np.searchsorted(rows.indices, [*islice(queue, size)])

    def _ask_next(self, rows, size):
        """Pick rows by the model; return them, what was told, and what was measured."""
        loop, state, view = self.loop, self.so_far, self.so_far.view()
        picks, info = loop.ask(view, rows, size)
        return picks, info, loop.measure(state, view, rows, picks)

    # Learn ----------------------------------------------------------------------

    def recognise(self, training, X, seen, indices):
        """Return taught rows, the ``seen`` of X, and where in a known pool they stand.

        ``indices`` are what the caller says of that.
        """
        if indices is not None:
            raise ValueError(
                "indices must be None where no pool is known, got "
                f"{len(np.atleast_1d(indices))} of them. fit(X, y_partial) under "
                "use_unlabeled=True makes X the pool."
            )
        return training, None

    def settle(self, training, n_before, on_repeat, at):
        """Settle rows that a batch repeats; return the rest, and what was told.

        That is the purchase and the question that is left; ``at`` is where the rows
        stand in a known pool.
        """
        training, taught, _ = settle(training, n_before, on_repeat)
        if self.question is None:
            return training, (unasked(taught), None)
        return training, self.question.answered(training.X, taught)

    def learn(self, training, told):
        """Fit to a training set, of which the rows of a purchase are new or told anew.

        ``told`` is the purchase, and the question left. Labels of a first round that
        allow of no model are kept.
        """
        purchase, question = told
        answered = replace(self, question=question)
        if self.is_first:
            first = gone_on(self._first_so_far(), purchase, len(training.y))
            return answered._learn_first(training, first)
        before = self.so_far
        labeled_iter, places = self._placed(
            purchase, before.labeled_iter, before.places, before.round + 1
        )
        training = self._around(training, places)
        state = self.loop.train(training, purchase, labeled_iter, places, before)
        return replace(answered, so_far=state)

    def _placed(self, purchase, labeled_iter, places, round):
        """Return the round of each row known, and where the rows of a purchase stand.

        ``labeled_iter`` and ``places`` are what was known of that before.
        """
        at = self._places_of(purchase, len(places))
        others = np.flatnonzero(at < 0)  # are appended
        at = at.copy()
        at[others] = len(labeled_iter) + np.arange(len(others))
        labeled_iter = np.append(labeled_iter, np.full(len(others), -1))
        labeled_iter[at] = round
        return labeled_iter, np.append(places, at)

    def _places_of(self, purchase, n_known):
        """Return where the rows after the known ones stand in a pool, -1 for none."""
        return np.full(np.count_nonzero(purchase.rows >= n_known), -1)

    def _unlabeled(self):
        """Return the round of each row that is known before the first label."""
        return np.empty(0, int)

    def _around(self, training, places):
        """Return a training set with what else the estimator sees."""
        return training

    def amend(self, training, kept=None):
        """Fit the last model again, to what was taught as it stands now.

        ``kept`` are the positions of the rows that are left, where some are gone.
        """
        if isinstance(self.so_far, FirstRound):
            first = self._first_so_far()
            if kept is not None:
                rows, pool_rows = np.arange(len(kept)), first.pool_rows[kept]
                first = replace(first, rows=rows, pool_rows=pool_rows)
            return self._learn_first(training, first)
        state = self.so_far if kept is None else without_rows(self.so_far, kept)
        whole = self._around(training, state.places)
        try:
            return replace(self, so_far=self.loop.train_again(whole, state))
        except FewLabelsError as error:
            if state.round > 0 or state.rounds[0]["source"] != "taught":
                raise
            first = first_so_far(state)  # kept, as teach would have kept them
            waiting = FirstRound(training, state.seed, first, error)
            return replace(self, so_far=waiting)

    def _learn_first(self, training, purchase):
        """Fit the first model; keep labels that allow of none."""
        nowhere = np.empty(0, int)
        labeled_iter, places = self._placed(purchase, self._unlabeled(), nowhere, 0)
        whole = self._around(training, places)
        so_far: Any
        try:
            so_far = self.loop.train(whole, purchase, labeled_iter, places)
        except FewLabelsError as error:
            so_far = FirstRound(training, self.loop.seed, purchase, error)
        return replace(self, so_far=so_far)

    def _first_so_far(self):
        """Return what the first round has bought, which may be nothing."""
        if self.so_far is None:
            return unasked(np.empty(0, int))
        if isinstance(self.so_far, FirstRound):
            return self.so_far.purchase
        return first_so_far(self.so_far)


def so_far_of(learner):
    """Return what a learner has come to, a State or a FirstRound; None at first."""
    if "estimator_" in vars(learner):
        return State.of(learner)
    return FirstRound.of(learner) if "_first" in vars(learner) else None


def kind_before_labels(estimator):
    """Return the kind of target that an estimator is for, as far as it tells."""
    if is_structured(estimator):
        return "structured"
    return "regression" if is_regressor(estimator) else "multiclass"
