"""PerGroup takes few rows of each group, in its base's order."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from skal import ModelView, Rows
from skal.query import (
    Bandit,
    Deduplicate,
    LeastConfidence,
    PerGroup,
    QueryStrategy,
    ScoreStrategy,
    split_result,
)


class Column(ScoreStrategy):
    """Scores rows by their first number."""

    def _score(self, view, rows):
        return np.asarray(rows)[:, 0]


class InOrder(QueryStrategy):
    """Takes rows as they stand, and tells nothing."""

    def _query(self, view, rows, n_instances, rng):
        return np.arange(n_instances)


@pytest.fixture(scope="module")
def model():
    X = np.arange(20.0)[:, None]
    return LogisticRegression().fit(X, X[:, 0] > 9)


def picked(strategy, model, groups, n, scores=None, seed=0):
    scores = -np.arange(len(groups), dtype=float) if scores is None else scores
    rows = Rows(np.asarray(scores)[:, None], groups=groups)
    return split_result(strategy(model, rows, n, random_state=seed))


def by_hand(groups, scores, n, bound):
    """Take the best row whose group has least room used, the slow way."""
    left, counts = [*np.argsort(-scores, kind="stable")], {}
    taken = []
    while len(taken) < n:
        free = [i for i in left if counts.get(groups[i], 0) < bound]
        if not free:
            bound += 1
            continue
        taken.append(free[0])
        left.remove(free[0])
        counts[groups[free[0]]] = counts.get(groups[free[0]], 0) + 1
    return taken


def test_of_each_group_the_best_rows_are_taken_in_order(model):
    groups = ["a", "a", "b", "a", "c", "b"]
    assert picked(PerGroup(Column()), model, groups, 3)[0].tolist() == [0, 2, 4]
    assert picked(PerGroup(InOrder()), model, groups, 3)[0].tolist() == [0, 2, 4]
    two = PerGroup(Column(), max_per_group=2)
    assert picked(two, model, groups, 4)[0].tolist() == [0, 1, 2, 4]
    _, info = picked(PerGroup(Column()), model, groups, 3)
    assert info["score"].tolist() == [0, -2, -4]
    assert picked(PerGroup(InOrder()), model, groups, 3)[1] == {}


def test_where_groups_run_out_each_has_one_row_more(model):
    groups = ["a", "a", "a", "a", "b", "b", "c"]
    for n, expected in (
        (3, [0, 4, 6]),
        (4, [0, 4, 6, 1]),
        (5, [0, 4, 6, 1, 5]),
        (6, [0, 4, 6, 1, 5, 2]),
        (7, [0, 4, 6, 1, 5, 2, 3]),
    ):
        assert picked(PerGroup(Column()), model, groups, n)[0].tolist() == expected


class Picks(QueryStrategy):
    """Picks as Column does, but has no scores to be asked for."""

    def _query(self, view, rows, n_instances, rng):
        return Column()(view, rows, n_instances, random_state=rng)


@pytest.mark.parametrize("base", [Column(), Picks()], ids=["scores", "picks"])
@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_slow_reference_and_keeps_its_bound(model, base, seed):
    rng = np.random.RandomState(seed)
    n_groups, n, bound = rng.randint(1, 40), rng.randint(1, 60), rng.randint(1, 4)
    groups, scores = rng.randint(n_groups, size=60), rng.permutation(60)
    found = picked(PerGroup(base, bound), model, groups, n, scores)[0]
    assert found.tolist() == by_hand(groups, scores, n, bound)
    counts = np.bincount(groups[found], minlength=n_groups)
    there = np.bincount(groups, minlength=n_groups)
    if np.minimum(there, bound).sum() >= n:
        assert counts.max() <= bound
    else:  # no group has two rows more than one that could have had one more
        assert np.all(counts.max() - 1 <= counts[counts < there].min(initial=n))
    order = rng.permutation(60)
    moved = picked(PerGroup(base, bound), model, groups[order], n, scores[order])[0]
    assert_array_equal(order[moved], found)


@pytest.mark.parametrize("base", ["random", "core_set", "badge", "bait", Deduplicate()])
@pytest.mark.parametrize("seed", range(3))
def test_batch_strategies_and_chance_keep_the_bound_too(blobs, base, seed):
    X, y = blobs
    view = ModelView(LogisticRegression().fit(X[:30], y[:30]), X[:30], y[:30])
    groups = np.random.RandomState(seed).randint(40, size=270)
    rows = Rows(X[30:], groups=groups)
    found, _ = split_result(PerGroup(base)(view, rows, 25, random_state=seed))
    assert len(np.unique(groups[found])) == 25


def test_a_bound_that_binds_nothing_leaves_the_base_as_it_is(blobs):
    X, y = blobs
    view = ModelView(LogisticRegression().fit(X, y), X, y)
    arms = Bandit([("a", "margin"), ("b", "random")])
    rows = Rows(X, groups=np.arange(300) // 150)
    expected, told = arms(view, rows, 10, random_state=5)
    found, info = PerGroup(arms, 10)(view, rows, 10, random_state=5)
    assert_array_equal(found, expected)
    assert info.keys() == told.keys()
    assert_array_equal(info["base"], told["base"])
    alone = Rows(X, groups=[("row", i) for i in range(300)])  # names may be tuples
    for base in ("margin", "random", "core_set"):
        found, _ = split_result(PerGroup(base)(view, alone, 20, random_state=1))
        plain, _ = split_result(PerGroup(base, 20)(view, alone, 20, random_state=1))
        assert_array_equal(found, plain)


def test_one_group_of_equal_rows_is_drawn_from_evenly(model):
    rows = Rows(np.ones((6, 1)), groups=["g"] * 6)
    counts = np.zeros(6)
    for seed in range(300):
        found, _ = split_result(
            PerGroup(LeastConfidence())(model, rows, 2, random_state=seed)
        )
        counts[found] += 1
    assert counts.min() > 60  # of 100 expected


def test_a_score_is_asked_for_twice_at_most_and_a_batch_few_times(model):
    asked = []

    class Counting(Column):
        def _score(self, view, rows):
            asked.append(len(rows))
            return super()._score(view, rows)

    class Copies(QueryStrategy):
        def _query(self, view, rows, n_instances, rng):
            asked.append(n_instances)
            return np.arange(n_instances)  # whole groups one after the other

    groups = np.arange(1200) // 12
    for base, n_asked in ((Counting(), 2), (Copies(), 5)):
        asked.clear()
        found = picked(PerGroup(base), model, groups, 100)[0]
        assert len(np.unique(groups[found])) == 100
        assert len(asked) <= n_asked


def test_groups_that_are_not_there_are_missed_before_the_base_is_asked(model):
    class Untouchable(QueryStrategy):
        def _query(self, view, rows, n_instances, rng):
            raise AssertionError("nothing may be asked")

    with pytest.raises(ValueError, match=r"groups must be given for PerGroup, which"):
        PerGroup(Untouchable())(model, np.ones((4, 1)), 2)
    with pytest.raises(ValueError, match=r"groups must be given for PerGroup, which"):
        PerGroup(PerGroup("margin"))(model, Rows(np.ones((4, 1)), costs=1), 2)
    with pytest.raises(ValueError, match=r"A search hands them on with enable_metada"):
        PerGroup("margin")(model, np.ones((4, 1)), 2)
