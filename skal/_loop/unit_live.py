"""A live run that asks for single labels of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skal._data import LabelParts, Labels, n_rows, take_rows
from skal._loop.amended import without_rows
from skal._loop.few_labels import FewLabelsError
from skal._loop.first_round import FirstRound
from skal._loop.live import Live
from skal._loop.loop import Purchase
from skal._loop.state import State
from skal._loop.unit_question import UnitQuestion, settle_units
from skal._loop.units import first_of_each, first_units
from skal._model import is_structured
from skal.query import as_strategy

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from skal._loop.question import Question


@dataclass(frozen=True)
class UnitLive(Live):
    """What a live run has come to, in pairs of a row and a label.

    Its ``question`` is a UnitQuestion, or None. A row of which more is told is the row
    that it was.
    """

    asks: ClassVar[type[Question]] = UnitQuestion

    # Ask ------------------------------------------------------------------------

    def _question(self, chosen, picks, seconds, info):
        pairs = chosen.at(picks)
        asked = take_rows(chosen.rows.X, pairs[:, 0])
        return pairs, asked, UnitQuestion.of(pairs, asked, seconds, info)

    def _ask_first(self, chosen, size):
        """Pick labels row by row, the rows by ``initial``."""
        strategy = as_strategy(self.loop.query_strategy)
        rows, open = chosen.rows, chosen.open
        labels = Labels("multilabel", np.arange(open.shape[1]))
        if is_structured(self.loop.estimator):
            labels = Labels("structured")
        strategy.check(self.loop.estimator, labels.target_type)
        n_pool, told = n_rows(rows.X), self.told
        known = 0 if told is None else told.known_parts.sum()
        if known == 0 or len(chosen) + known != n_pool * open.shape[1]:
            begun = np.zeros(len(rows), bool)

            def ask(n):
                return self.loop.ask_first(rows, n, labels, known=known)[0]

            first = size if known == 0 else self.n_initial
            return np.array([*islice(first_units(ask, open, begun, first), size)])
        pool, whole = rows._whole(), np.zeros((n_pool, open.shape[1]), bool)
        whole[rows.positions()] = open  # the pool is there: go on as a simulation does
        queue = first_units(
            lambda n: self.loop.ask_first(pool, n, labels)[0],
            whole,
            ~whole.all(axis=1),
            self.n_initial,
        )
        picks = np.array([*islice(queue, size)])
        at = np.searchsorted(rows.positions(), picks[:, 0])
        return np.column_stack([at, picks[:, 1]])

    def _ask_next(self, chosen, size):
        """Pick labels by the model; return them, what was told, what was measured."""
        loop, state, view = self.loop, self.so_far, self.so_far.view()
        picks, info = loop.ask_units(view, chosen, size)
        rows = first_of_each(picks[:, 0])
        return picks, info, loop.measure(state, view, chosen.rows, rows)

    # Learn ----------------------------------------------------------------------

    def settle(self, training, n_before, on_repeat, at):
        """Settle which rows of a batch are rows of before; return what was told too."""
        training, purchase, left = settle_units(
            training, n_before, on_repeat, self.question, pool_rows_of(self.so_far)
        )
        return training, (purchase, left)

    def learn(self, training, taught):
        """Fit to a training set; ``taught`` is the purchase, and the question left."""
        purchase, question = taught
        answered = replace(self, question=question)
        if not isinstance(self.so_far, State):
            return answered._learn_first(training, self._first_so_far_and(purchase))
        before = self.so_far
        n_new = len(training.y) - len(before.training.y)
        new = np.full((n_new, before.labeled_iter.shape[1]), -1)
        labeled_iter = np.concatenate([before.labeled_iter, new])
        places = np.append(before.places, len(before.labeled_iter) + np.arange(n_new))
        at = places[purchase.rows[:, 0]], purchase.rows[:, 1]
        since = labeled_iter[at]
        labeled_iter[at] = np.where(since < 0, before.round + 1, since)
        state = self.loop.train(training, purchase, labeled_iter, places, before)
        return replace(answered, so_far=state)

    def amend(self, training, kept=None):
        """Fit the last model again, to what was taught as it stands now."""
        if isinstance(self.so_far, FirstRound):
            purchase = self.so_far.purchase
            return self._learn_first(training, amended(purchase, training, kept))
        state = self.so_far if kept is None else without_rows(self.so_far, kept)
        state = as_known(state, training)
        try:
            return replace(self, so_far=self.loop.train_again(training, state))
        except FewLabelsError as error:
            if state.round > 0 or state.rounds[0]["source"] != "taught":
                raise
            record = state.rounds[0]  # kept, as teach would have kept it
            purchase = Purchase(
                record["indices"],
                "taught",
                record["query_time"],
                pool_rows=record["pool_indices"],
            )
            first = amended(purchase, training)
            waiting = FirstRound(training, state.seed, first, error)
            return replace(self, so_far=waiting)

    def _learn_first(self, training, purchase):
        """Fit the first model; keep labels that allow of none."""
        labeled_iter = np.where(training.known_parts, 0, -1)
        so_far: FirstRound | State
        try:
            places = np.arange(len(training.y))
            so_far = self.loop.train(training, purchase, labeled_iter, places)
        except FewLabelsError as error:
            so_far = FirstRound(training, self.loop.seed, purchase, error)
        return replace(self, so_far=so_far)

    def _first_so_far_and(self, more):
        """Return what the first round has bought, and more."""
        if self.so_far is None:
            return more
        first = self.so_far.purchase
        new = ~among(more.rows, first.rows)
        spent = [each.query_time for each in (first, more)]
        spent = [seconds for seconds in spent if not np.isnan(seconds)]
        return Purchase(
            np.concatenate([first.rows, more.rows[new]]),
            "taught",
            float(sum(spent)) if spent else np.nan,
            pool_rows=np.concatenate([first.pool_rows, more.pool_rows[new]]),
        )


def check_kind(live, strategy):
    """Refuse a strategy of parts of rows after one of rows, and the other way round."""
    if live.so_far is None:
        return
    before, now = words_for(live), "rows"
    if isinstance(live, UnitLive):
        cells = as_strategy(strategy)._cells()
        now = (LabelParts() if cells is None else cells).words
    if before != now:
        raise ValueError(
            f"query_strategy must ask for {before}, as the rounds before did, got "
            f"{strategy!r}, which asks for {now}. Fit again with it."
        )


def words_for(live):
    """Say what the rounds so far have asked for: rows, or parts of them."""
    so_far = live.so_far
    waits = isinstance(so_far, FirstRound)
    told = so_far.purchase.rows if waits else so_far.labeled_iter
    return "rows" if told.ndim == 1 else so_far.training.labels.parts.words


def pool_rows_of(so_far: Any) -> NDArray[np.int64]:
    """Return where the rows known stood in the pool that was asked, -1 if nobody knows.

    Those given to fit, or bought in a simulation, stand in its X.
    """
    if so_far is None:
        return np.empty(0, int)
    pool = np.full(len(so_far.training.y), -1)
    told: list[Any]
    if isinstance(so_far, FirstRound):
        told = [(so_far.purchase.rows, so_far.purchase.pool_rows)]
    else:
        rounds = so_far.rounds
        given = [each["indices"] for each in rounds if each["source"] != "taught"]
        own = np.concatenate([*given, np.empty((0, 2), int)])[:, 0]
        pool = np.where(np.isin(so_far.places, own), so_far.places, -1)
        told = [
            (each["indices"], each["pool_indices"])
            for each in rounds
            if each["source"] == "taught"
        ]
    for pairs, asked in told:
        known = (pairs[:, 0] >= 0) & (asked[:, 0] >= 0)
        pool[pairs[known, 0]] = asked[known, 0]
    return pool


def as_known(state, training):
    """Return a state whose counts and rounds agree with what is known."""
    known, since = training.known_parts, state.labeled_iter[state.places]
    labeled_iter = state.labeled_iter.copy()
    since = np.where(since < 0, state.round, since)
    labeled_iter[state.places] = np.where(known, since, -1)
    last = {**state.rounds[-1], "n_labels": int(known.sum())}
    return replace(state, labeled_iter=labeled_iter, rounds=(*state.rounds[:-1], last))


def amended(purchase, training, kept=None):
    """Return a first round's purchase that holds what is known, and no more.

    ``kept`` are the rows that are left, where some are gone.
    """
    pairs, pool = purchase.rows, purchase.pool_rows
    if kept is not None:
        left = np.isin(pairs[:, 0], kept)
        pairs, pool = pairs[left].copy(), pool[left]
        pairs[:, 0] = np.searchsorted(kept, pairs[:, 0])
    known = np.argwhere(training.known_parts)
    still = among(pairs, known)
    pairs, pool = pairs[still], pool[still]
    new = known[~among(known, pairs)]
    unasked = np.column_stack([np.full(len(new), -1), new[:, 1]])
    rows, pool = np.concatenate([pairs, new]), np.concatenate([pool, unasked])
    return replace(purchase, rows=rows, pool_rows=pool)


def among(pairs, others):
    """Tell which pairs are among others."""
    found = {tuple(pair) for pair in others.tolist()}
    return np.array([tuple(pair) in found for pair in pairs.tolist()], bool)
