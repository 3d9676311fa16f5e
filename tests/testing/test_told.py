"""Strategies that read groups and costs are told some that move with the rows."""

import numpy as np
import pytest
import scipy.sparse as sp

from skal import Rows
from skal.query import QueryStrategy, ScoreStrategy
from skal.testing import _defaults, strategy_checks
from skal.testing._told import told


def test_what_is_told_follows_from_what_a_row_holds(rng):
    X = rng.normal(size=(60, 4))
    order = rng.permutation(60)
    expected = told(Rows(X))
    assert 5 < len(np.unique(expected.groups)) < 60
    assert set(expected.costs) == {1, 2, 3}
    for other in (X[order], sp.csr_array(X[order]), X[order].reshape(60, 2, 2, 1)):
        moved = told(Rows(other))
        np.testing.assert_array_equal(moved.groups, expected.groups[order])
        np.testing.assert_array_equal(moved.costs, expected.costs[order])
    some = told(Rows(X, [7, 3]))
    np.testing.assert_array_equal(some.groups, expected.groups[[7, 3]])
    words = told(Rows(["a b", "c", "a b"]))
    assert words.groups[0] == words.groups[2] != words.groups[1]


class Cheapest(ScoreStrategy):
    """Asks for what costs least, and says that it reads it."""

    needs = frozenset({"costs"})

    def _score(self, view, rows):
        return -rows.costs


class Silent(ScoreStrategy):
    """The same without a word."""

    def _score(self, view, rows):
        return -rows.costs


class ByPlace(QueryStrategy):
    """Takes groups for places, so that the order of the rows matters."""

    needs = frozenset({"groups"})

    def _query(self, view, rows, n_instances, rng):
        return np.argsort(rows.groups % 7, kind="stable")[:n_instances]


def laws_of(strategy, monkeypatch):
    monkeypatch.setattr(_defaults, "N_POOL", 800)
    return dict(strategy_checks(strategy))


def test_a_strategy_that_reads_costs_is_held_to_the_laws(monkeypatch):
    laws = laws_of(Cheapest(), monkeypatch)
    for name in ("positions", "declared_needs", "cold_start", "row_order", "sparse"):
        laws[name]()


def test_a_strategy_that_does_not_say_what_it_reads_is_told_nothing(monkeypatch):
    with pytest.raises(AssertionError, match="breaks the law 'positions'"):
        laws_of(Silent(), monkeypatch)["positions"]()


def test_a_strategy_of_groups_that_breaks_a_law_is_caught(monkeypatch):
    laws = laws_of(ByPlace(), monkeypatch)
    laws["positions"]()
    with pytest.raises(AssertionError, match="breaks the law 'row_order'"):
        laws["row_order"]()
