"""Every pair strategy keeps every law; strategies that do not are found out."""

from itertools import product

import numpy as np
import pytest

from skal.cluster import (
    ActiveClusterer,
    PairStrategy,
    ThompsonPairs,
    UniformPairs,
    as_pair_strategy,
)
from skal.cluster._maxexp import costs
from skal.testing import check_pair_strategy, pair_strategy_checks

NAMES = ["entropy", "maxexp", "neighbourhood", "uniform"]


def likely_pairs(view, n_pairs, random_state):
    """Ask about the pairs that are likeliest together, ties at random."""
    pairs = np.column_stack(np.triu_indices(view.n_items, 1))
    pairs = random_state.permutation(pairs[view.may_ask(pairs)])
    return pairs[np.argsort(-view.together(pairs), kind="stable")[:n_pairs]]


def long(name):
    """Leave a strategy to the long run."""
    return pytest.param(name, marks=pytest.mark.long)


@pytest.mark.parametrize(
    "strategy", ["neighbourhood", long("entropy"), long("maxexp"), long("uniform")]
)
def test_pair_strategies_keep_the_laws(strategy):
    for _, law in pair_strategy_checks(strategy, asking="groups"):
        law()


@pytest.mark.parametrize("strategy", ["d_optimal", long("thompson"), long("uniform")])
def test_strategies_for_preferences_keep_the_laws(strategy):
    for _, law in pair_strategy_checks(strategy, asking="preferences"):
        law()


def test_a_strategy_is_tried_at_all_that_it_asks_for():
    """Strategies for preferences used to be refused."""
    names = [name for name, _ in pair_strategy_checks("uniform")]
    once = [name for name, _ in pair_strategy_checks("d_optimal")]
    assert names == once * 2
    assert len(once) == 10
    with pytest.raises(ValueError, match="asks for groups, got ThompsonPairs"):
        check_pair_strategy(ThompsonPairs(), asking="groups")
    with pytest.raises(ValueError, match="asking must be one of 'groups'"):
        check_pair_strategy("uniform", asking="names")


class TamperingDuels(ThompsonPairs):
    """Breaks what a test tells it to."""

    def __init__(self, how="nothing"):
        self.how = how

    def _query(self, view, n_pairs, rng):
        if self.how == "stops" and len(view.values) > 20:
            return []
        if self.how == "alters":
            view.values[:1] *= 0.5
        if self.how == "first":
            pairs = np.column_stack(np.triu_indices(view.n_items, 1))
            return pairs[view.may_ask(pairs)][:n_pairs]
        return super()._query(view, n_pairs, rng)


@pytest.mark.parametrize(
    ("how", "law"),
    [
        ("stops", "pairs_of_items|nothing_known_is_asked"),
        ("alters", "view_untouched"),
        ("first", "item_order"),
    ],
)
def test_a_broken_promise_about_preferences_is_found(how, law):
    with pytest.raises(AssertionError, match=law):
        check_laws(TamperingDuels(how), law)


@pytest.mark.long
def test_a_plain_function_keeps_the_laws():
    check_pair_strategy(likely_pairs)


def check_laws(strategy, names, **params):
    """Check those laws that have one of the names."""
    for name, law in pair_strategy_checks(strategy, **params):
        if name in names.split("|"):
            law()


class Tampering(UniformPairs):
    """Breaks what a test tells it to."""

    def __init__(self, how="nothing"):
        self.how = how

    def _query(self, view, n_pairs, rng):
        pairs = super()._query(view, n_pairs, rng)
        if self.how == "stores":
            self.last = pairs
        if self.how == "alters":
            view.centers[0] += 1
        if self.how == "global":
            np.random.uniform()  # noqa: NPY002
        if self.how == "first":
            pairs = np.column_stack(np.triu_indices(view.n_items, 1))
            pairs = pairs[view.may_ask(pairs)][:n_pairs]
        if self.how == "stops" and len(view.values) > 50:
            return []
        return pairs


@pytest.mark.parametrize(
    ("how", "law"),
    [
        ("stores", "parameters_untouched"),
        ("alters", "view_untouched"),
        ("global", "global_random_state"),
        ("first", "item_order"),
        ("stops", "pairs_of_items|nothing_known_is_asked"),
    ],
)
def test_a_broken_promise_is_found(how, law):
    state = np.random.get_state()  # noqa: NPY002
    with pytest.raises(AssertionError, match=law):
        check_laws(Tampering(how), law, asking="groups")
    np.random.set_state(state)  # noqa: NPY002


def unseeded(view, n_pairs):
    return UniformPairs()(view, n_pairs)


@pytest.mark.long
def test_pairs_that_do_not_follow_the_seed_are_found():
    with pytest.raises(AssertionError, match=r"unseeded breaks.*global|same_seed"):
        check_pair_strategy(unseeded)


def asked(pairs):
    """Ask a function that returns given pairs; rows 0 and 1 are known to be one."""
    clusterer = ActiveClusterer(query_strategy=lambda view, n_pairs: pairs)
    clusterer.set_params(n_super_instances=None).fit([[0.0], [1.0], [2.0]])
    return clusterer.teach([[0, 1]], [True]).query()


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([[0, 1]], "known"),
        ([[1, 1]], "known"),
        ([[0, 3]], r"positions in \[0, 2\], got 0 to 3"),
        ([[0, 2], [1, 2]], "at most 1 pairs, got 2"),
        ([[0.5, 1]], "shape"),
        ([0, 2], "shape"),
    ],
)
def test_what_a_function_may_not_return(pairs, said):
    with pytest.raises(ValueError, match=said):
        asked(pairs)


def test_a_pair_may_come_only_once():
    def twice(view, n_pairs):
        return [[0, 1], [1, 0]]

    clusterer = ActiveClusterer(query_strategy=twice, n_super_instances=None)
    with pytest.raises(ValueError, match="twice returned a pair twice"):
        clusterer.fit([[0.0], [1.0], [2.0]]).query(2)


def test_names_resolve_and_strangers_are_named():
    assert [type(as_pair_strategy(name)).alias for name in NAMES] == NAMES
    with pytest.raises(ValueError, match=r"must be one of 'entropy'.*got 'entrpy'"):
        as_pair_strategy("entrpy")
    with pytest.raises(TypeError, match=r"Write UniformPairs\(\)"):
        as_pair_strategy(UniformPairs)
    with pytest.raises(TypeError, match="a name, a pair strategy or a function"):
        as_pair_strategy(3)
    with pytest.raises(ValueError, match="uniform' in Mine, which is UniformPairs's"):
        type("Mine", (PairStrategy,), {"alias": "uniform"})


def test_neighbourhood_takes_the_farthest_item_and_its_nearest_group():
    X = [[0.0], [1.0], [10.0], [10.5], [4.0]]
    clusterer = ActiveClusterer(n_super_instances=None, random_state=0).fit(X)
    clusterer.teach([[0, 1], [0, 2]], [True, False])  # groups {0, 1} and {2}
    assert sorted(clusterer.query()[0]) == [1, 4]  # 4 is 3 from a group, 3 only 0.5
    clusterer.teach([[1, 4]], [False])
    assert sorted(clusterer.query()[0]) == [2, 4]  # the other group, before item 3


def test_entropy_takes_the_pair_whose_chance_is_nearest_to_a_half():
    chances = np.array([[1, 0, 0], [0, 1, 0], [0.9, 0.1, 0], [0.5, 0.5, 0.0]])
    view = view_of(chances)
    assert {*as_pair_strategy("entropy")(view, 1)[0]} < {0, 1, 2, 3}
    p = view.together(np.column_stack(np.triu_indices(4, 1)))
    np.testing.assert_allclose(p, [0, 0.9, 0.5, 0.1, 0.5, 0.5], atol=1e-6)
    picks = {
        tuple(as_pair_strategy("entropy")(view, 1, random_state=s)[0])
        for s in range(30)
    }
    assert picks == {(0, 3), (1, 3), (2, 3)}  # a tie, broken at random


def test_entropy_takes_the_least_certain_pair_that_may_be_asked(rng):
    """Once many were asked in vain, it used to take any other pair at random."""
    clusterer = ActiveClusterer(n_super_instances=None, random_state=0)
    clusterer.fit(rng.normal(size=(30, 2)))
    clusterer.teach([[0, 1], [2, 3], [0, 2]], [True, True, False])
    pairs = np.column_stack(np.triu_indices(30, 1))
    doubt = np.abs(clusterer._state.view.together(pairs) - 0.5)
    in_vain = pairs[np.argsort(doubt, kind="stable")[:150]]
    clusterer.teach(in_vain, [None] * len(in_vain))
    view = clusterer._state.view
    left = pairs[view.may_ask(pairs)]
    picked = as_pair_strategy("entropy")(view, 1, random_state=0)
    doubts = np.abs(view.together(np.concatenate([picked, left])) - 0.5)
    assert doubts[0] <= doubts.min() + 1e-4


def view_of(chances):
    """Build the view of items with such chances, and no answers."""
    seen = []

    def watch(view, n_pairs):
        seen.append(view)
        return []

    X = np.zeros((len(chances), 1))
    clusterer = ActiveClusterer(query_strategy=watch, n_super_instances=None)
    clusterer.fit(X).query()
    belief = type(seen[0].belief)(chances.argmax(axis=1), chances)
    seen[0].belief = belief
    return seen[0]


def test_maxexp_counts_what_each_grouping_of_three_contradicts(rng):
    sides = [(0, 1), (0, 2), (1, 2)]
    groupings = {
        tuple(labels[a] == labels[b] for a, b in sides)
        for labels in product(range(3), repeat=3)
    }
    odds = rng.normal(size=(9, 3))
    for one, found in zip(odds, costs(odds), strict=True):
        expected = [np.abs(one[(one > 0) != grouping]).sum() for grouping in groupings]
        np.testing.assert_allclose(np.sort(found), np.sort(expected))


def test_maxexp_takes_the_weakest_pair_of_a_contradiction():
    X = np.zeros((5, 1))
    clusterer = ActiveClusterer(
        query_strategy="maxexp",
        n_super_instances=None,
        oracle_noise=0.2,
        random_state=0,
    ).fit(X)
    pairs = [[0, 1], [1, 2], [0, 2], [3, 4]]
    clusterer.teach(pairs, [True, True, -0.5, True])
    assert sorted(clusterer.query()[0]) == [0, 2]
