"""Neighbours shows its base what lies near the labels, by an index that remembers."""

import pickle
import sys
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from skal import ActiveLearner, ModelView
from skal.query import Find, NeighborIndex, Neighbours, QueryStrategy
from skal.query.functional import nearest_rows

RNG = np.random.RandomState(0)
X = RNG.normal(size=(2000, 8)).astype(np.float32)
Y = (X[:, 0] > 1.2).astype(int)
TOLD = np.append(np.flatnonzero(Y == 1)[:3], np.flatnonzero(Y == 0)[:4])


def brute(E, Q, k):
    far = ((Q[:, np.newaxis].astype(float) - E[np.newaxis]) ** 2).sum(axis=2)
    return np.argsort(far, axis=1, kind="stable")[:, :k]


class Shown(QueryStrategy):
    """Takes the first rows, and notes how many it was shown, and which."""

    SEEN: ClassVar[list[np.ndarray]] = []

    def _query(self, view, rows, n_instances, rng):
        self.SEEN.append(rows.positions())
        return range(n_instances)


def view_of(told=TOLD):
    return ModelView(LogisticRegression().fit(X[told], Y[told]), X[told], Y[told])


def shown(strategy, n_instances=5, rows=X):
    strategy.set_params(base=Shown())(view_of(), rows, n_instances, random_state=0)
    return Shown.SEEN.pop()


@pytest.mark.parametrize("k", [1, 7, 2000, 5000])
def test_the_exact_search_is_brute_force(k):
    E = X.astype(np.float64)  # float32 would leave ties
    expected = brute(E, E[:70], k)
    np.testing.assert_array_equal(nearest_rows(E, E[:70], k), expected)
    found = NeighborIndex(X).search(X[:70], k)
    far = ((E[found] - E[:70, np.newaxis]) ** 2).sum(axis=2)
    closest = ((E[expected] - E[:70, np.newaxis]) ** 2).sum(axis=2)
    np.testing.assert_allclose(far, closest, atol=1e-4)


def test_sparse_rows_and_offsets_cost_no_neighbour():
    expected = brute(X, X[:20], 5)
    far_away = X.astype(np.float64) + 1e6
    assert (NeighborIndex(far_away).search(far_away[:20], 5) == expected).all()
    thin = np.where(np.abs(X) > 1, X, 0)
    found = NeighborIndex(sp.csr_array(thin)).search(sp.csr_array(thin[:20]), 1)
    far = np.linalg.norm(thin[found[:, 0]] - thin[:20], axis=1)
    np.testing.assert_allclose(far, 0, atol=1e-3)
    # an embedding of the user's own
    first = NeighborIndex(X, embed=lambda rows: rows[:, :2]).search(X[:9], 5)
    np.testing.assert_array_equal(first, brute(X[:, :2], X[:9, :2], 5))


def test_what_was_found_is_remembered_and_a_clone_shares_it():
    index = NeighborIndex(X)
    first = index.search(X[:5], 10)
    searched = []
    search = index._searcher.search
    index._searcher.search = lambda v, k: (searched.append(len(v)), search(v, k))[1]
    again = index.search(X[:8], 10)
    assert searched == [3]
    np.testing.assert_array_equal(again[:5], first)
    assert clone(Neighbours(index=index)).index is index


def test_candidates_are_neighbours_and_a_random_share():
    near = np.unique(brute(X, X[TOLD], 20))
    for index in (None, NeighborIndex(X)):
        rows = shown(Neighbours(n_neighbors=20, random_share=0, index=index))
        np.testing.assert_array_equal(rows, near)
        rows = shown(Neighbours(n_neighbors=20, random_share=0.25, index=index))
        assert len(rows) == len(near) + round(len(near) / 3)
        assert np.isin(near, rows).all()
    hits = TOLD[Y[TOLD] == 1]
    rows = shown(Neighbours(target=1, n_neighbors=20, random_share=0))
    np.testing.assert_array_equal(rows, np.unique(brute(X, X[hits], 20)))
    nobody = shown(Neighbours(target="?", n_neighbors=20, random_share=0))
    np.testing.assert_array_equal(nobody, near)  # of whom nobody knows any


def test_random_rows_fill_up_and_every_row_can_come():
    assert len(shown(Neighbours(n_neighbors=1, random_share=0), 300)) == 300
    view, seen = view_of(), np.zeros(200, int)
    strategy = Neighbours(Shown(), n_neighbors=3, random_share=0.5)
    for seed in range(200):
        strategy(view, X[:200], 1, random_state=seed)
        seen[Shown.SEEN.pop()] += 1
    assert seen.min() > 0


def test_an_index_keeps_positions_in_the_pool_where_candidates_are_fewer():
    left = np.setdiff1d(np.arange(2000), TOLD)
    index = NeighborIndex(X)
    learner = ActiveLearner(
        LogisticRegression(), Neighbours(Find(1), target=1, index=index), random_state=0
    ).fit(X[TOLD], Y[TOLD])
    picked, rows = learner.query(X, 5, candidates=left)
    assert np.isin(picked, left).all()
    np.testing.assert_array_equal(rows, X[picked])
    assert Y[picked].mean() > 0.5
    assert learner.history_["n_labels"][-1] == len(TOLD)
    with pytest.raises(ValueError, match=r"index must hold the pool.*1993 rows.*2000"):
        learner.query(X[left], 5)


def test_a_pickled_learner_asks_the_same():
    near = Neighbours("margin", index=NeighborIndex(X))
    learner = ActiveLearner(LogisticRegression(), near, random_state=0)
    learner.fit(X[TOLD], Y[TOLD])
    again = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(learner.query(X, 9)[0], again.query(X, 9)[0])


def test_regressors_are_served_unless_a_class_is_named():
    model = Ridge().fit(X[:20], X[:20, 0])
    view = ModelView(model, X[:20], X[:20, 0])
    assert len(Neighbours("random")(view, X, 3)[0]) == 3
    with pytest.raises(TypeError, match="needs a classifier"):
        Neighbours("random", target=1)(view, X, 3)


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1"),
        ({"random_share": 1}, ValueError, "random_share must be below 1"),
        ({"random_share": -0.1}, ValueError, "random_share must be in"),
        ({"index": X}, TypeError, "index must be a NeighborIndex or None, got ndarray"),
        ({"target": [1]}, TypeError, "target must be one label"),
    ],
)
def test_bad_parameters_are_refused(parameters, error, match):
    with pytest.raises(error, match=match):
        Neighbours(**parameters).check(LogisticRegression(), "multiclass")


def test_an_index_refuses_what_it_cannot_search():
    with pytest.raises(ValueError, match=r"method must be one of .*'exact'"):
        NeighborIndex(X, method="exakt")
    with pytest.raises(ValueError, match="rows must have the 8 features of X, got 3"):
        NeighborIndex(X).search(X[:2, :3])
    with pytest.raises(ValueError, match="X must hold finite numbers"):
        NeighborIndex([[0.0], [np.nan]])
    with pytest.raises(ValueError, match="n_neighbors must be at least 1"):
        NeighborIndex(X).search(X[:2], 0)
    with pytest.raises(ValueError, match="queries must have the 8 columns of E, got 1"):
        nearest_rows(X, [[0.0]])
    assert repr(NeighborIndex(X)) == "<NeighborIndex of 2000 rows, exact>"


@pytest.mark.parametrize("method", ["usearch", "hnswlib"])
def test_a_library_that_is_not_there_is_named(method, monkeypatch):
    monkeypatch.setitem(sys.modules, method, None)
    with pytest.raises(ImportError, match=rf"{method}.*pip install skal\[index\]"):
        NeighborIndex(X, method=method)


@pytest.mark.parametrize("method", ["usearch", "hnswlib"])
def test_a_graph_finds_nearly_all_and_pickles(method):
    pytest.importorskip(method, reason=f"{method} is not installed")
    index = NeighborIndex(X, method=method)
    found, expected = index.search(X[:50], 20), brute(X, X[:50], 20)
    shared = [len(np.intersect1d(*pair)) for pair in zip(found, expected, strict=True)]
    assert np.mean(shared) >= 18
    again = pickle.loads(pickle.dumps(index)).search(X[:50], 20)
    np.testing.assert_array_equal(again, found)
    with pytest.raises(TypeError, match="X must be dense"):
        NeighborIndex(sp.csr_array(X), method=method)
