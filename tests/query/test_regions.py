"""Regions are cells of a grid over units, asked for in doubt or at random."""

import pickle

import numpy as np
import pytest
from helpers import Brightness, Tagger
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import Mixture, RandomRegions, Regions, functional

STRATEGIES = {
    "regions": Regions(),
    "few a row": Regions(grid=(2, 3), max_per_row=1),
    "draws": Regions("bald", reduce="topk", topk=0.5),
    "random": RandomRegions(),
}
each = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(40, 9, 7))
    return X, (X + rng.normal(0, 0.1, X.shape) > 0.5).astype(int)


@pytest.fixture(scope="module")
def view(pixels):
    X, y = pixels
    return ModelView(Brightness().fit(X[:5], y[:5]), X[:5], y[:5], random_state=0)


def pairs_of(result):
    return result[0] if isinstance(result, tuple) else result


def n_cells(strategy):
    return 6 if strategy.grid == (2, 3) else 16


# Laws -------------------------------------------------------------------------


@each
@pytest.mark.parametrize("n", [1, 30, 100])
def test_pairs_are_different_open_and_as_many_as_asked(strategy, view, pixels, n):
    open = np.random.RandomState(1).uniform(size=(40, n_cells(strategy))) < 0.6
    pairs = pairs_of(strategy(view, pixels[0], n, open=open, random_state=0))
    assert pairs.dtype == np.int64
    assert pairs.shape == (n, 2)
    assert len(np.unique(pairs, axis=0)) == n
    assert open[tuple(pairs.T)].all()


@each
def test_all_cells_may_be_asked_and_no_more(strategy, view, pixels):
    n = 40 * n_cells(strategy)
    pairs = pairs_of(strategy(view, pixels[0], n, random_state=0))
    assert len(np.unique(pairs, axis=0)) == n
    with pytest.raises(PoolExhaustedError, match=f"at most {n}, the number of pairs"):
        strategy(view, pixels[0], n + 1)


@each
def test_a_seed_settles_the_pairs_and_nothing_is_kept(strategy, view, pixels):
    copy = pickle.loads(pickle.dumps(clone(strategy)))
    first, again = (
        pairs_of(each(view, pixels[0], 20, random_state=3)) for each in (strategy, copy)
    )
    np.testing.assert_array_equal(first, again)
    assert vars(strategy) == vars(copy) == strategy.get_params()


def test_the_order_of_rows_does_not_matter(view, pixels):
    X, _ = pixels
    order = np.random.RandomState(0).permutation(len(X))
    for strategy in (Regions(), Regions("bald", grid=2, max_per_row=2)):
        pairs = pairs_of(strategy(view, X, 15, random_state=0))
        moved = pairs_of(strategy(view, X[order], 15, random_state=0))
        np.testing.assert_array_equal(order[moved[:, 0]], pairs[:, 0])
        np.testing.assert_array_equal(moved[:, 1], pairs[:, 1])


# What is picked -----------------------------------------------------------------


@pytest.mark.parametrize("grid", [1, 2, (3, 2), (9, 7), (4,)])
def test_the_cells_in_doubt_come_first(grid, view, pixels):
    """By a slow reference: each pixel is told its cell, and cells are averaged."""
    X, _ = pixels
    proba = view.predict_units(X)
    doubt = functional.entropy(proba.reshape(-1, 2)).reshape(X.shape)
    rows, columns = (grid, grid) if isinstance(grid, int) else (*grid, 1)[:2]
    scores = np.zeros((len(X), rows * columns))
    for i in range(rows):
        for j in range(columns):
            high = [r for r in range(9) if 9 * i // rows <= r < 9 * (i + 1) // rows]
            wide = [
                c for c in range(7) if 7 * j // columns <= c < 7 * (j + 1) // columns
            ]
            cell = [doubt[:, r, c] for r in high for c in wide]
            scores[:, i * columns + j] = np.mean(cell, axis=0)
    best = np.argsort(-scores, axis=None)[:12]
    expected = np.column_stack(np.unravel_index(best, scores.shape))
    pairs, info = Regions(grid=grid)(view, X, 12, random_state=0)
    np.testing.assert_array_equal(pairs, expected)
    np.testing.assert_allclose(info["score"], scores.ravel()[best])


def test_signals_have_one_axis(rng):
    X = rng.uniform(size=(5, 12))
    y = (X > 0.5).astype(int)
    model = Brightness().fit(X, y)
    X[3, 6:9] = model.middle_
    pairs, _ = Regions(grid=(4,))(model, X, random_state=0)
    assert pairs.tolist() == [[3, 2]]


def test_a_row_is_asked_for_few_cells_while_there_are_others(view, pixels):
    pairs, _ = Regions(grid=2, max_per_row=1)(view, pixels[0], 60, random_state=0)
    assert len(np.unique(pairs[:40, 0])) == 40


def test_random_cells_are_uniform_over_what_is_open(view, pixels):
    open = np.zeros((40, 4), bool)
    open[:3] = [[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]]
    counts = np.zeros((40, 4))
    for seed in range(700):
        strategy = RandomRegions(grid=2)
        pair = strategy(view, pixels[0], open=open, random_state=seed)
        counts[tuple(pair.T)] += 1
    assert counts[open].sum() == 700
    assert 65 < counts[open].min() <= counts[open].max() < 140


# In a learner -------------------------------------------------------------------


def masks(y, pairs, strategy):
    """Return the labels of the cells of pairs, -1 around them, a mask a pair."""
    known = np.zeros((len(pairs), n_cells(strategy)), bool)
    known[np.arange(len(pairs)), pairs[:, 1]] = True
    return strategy._cells(-1).only(y[pairs[:, 0]], known)


@each
def test_a_simulation_asks_and_ends_as_a_live_run(strategy, pixels):
    X, y = pixels
    sizes = {"n_initial": 20, "batch_size": 15, "random_state": 0}
    simulated = ActiveLearner(Brightness(), strategy, n_labels=60, **sizes).fit(X, y)
    assert simulated.history_["n_labels"].tolist() == [20, 35, 50, 60]
    live = ActiveLearner(Brightness(), strategy, **sizes)
    left = np.ones((40, n_cells(strategy)), bool)
    for expected in simulated.history_["indices"]:
        pairs, rows = live.query(X, len(expected), candidates=left)
        again, _ = live.query(X, len(expected), candidates=left)
        np.testing.assert_array_equal(again, pairs)
        left[tuple(pairs.T)] = False
        live = pickle.loads(pickle.dumps(live))
        live.teach(rows, masks(y, pairs, strategy))
        recorded = live.history_["pool_indices"][-1]
        assert {*map(tuple, recorded.tolist())} == {*map(tuple, expected.tolist())}
    assert live.history_["n_labels"].tolist() == [20, 35, 50, 60]
    assert live.estimator_.middle_ == simulated.estimator_.middle_
    known = simulated.labeled_iter_ >= 0
    np.testing.assert_array_equal(~left, known)
    told = simulated.history_["indices"][0]
    first = simulated.estimator_.seen_[1]
    assert first.shape == (len(np.flatnonzero(known.any(axis=1))), 9, 7)
    assert (first >= 0).sum() == cell_sizes(strategy)[known.nonzero()[1]].sum()
    assert len(told) == 20


def cell_sizes(strategy):
    ones = np.ones((n_cells(strategy), 9, 7), int)
    alone = strategy._cells(-1).only(ones, np.eye(n_cells(strategy), dtype=bool))
    return (alone >= 0).sum(axis=(1, 2))


def test_the_answers_about_an_image_may_come_at_once(pixels):
    X, y = pixels
    strategy = Regions(grid=2)
    learner = ActiveLearner(Brightness(), strategy, random_state=0)
    pairs, _ = learner.query(X, 8)  # whole images at first
    rows = np.unique(pairs[:, 0])
    assert len(rows) == 2
    learner.teach(X[rows], y[rows])
    assert learner.history_["n_labels"].tolist() == [8]
    assert learner.y_training_.shape == (2, 9, 7)


def test_a_given_mask_known_in_part_counts_its_cells(pixels):
    X, y = pixels
    y = y.copy()
    y[3:] = -1
    y[0, 2:] = -1  # the cells above have a label each
    learner = ActiveLearner(Brightness(), Regions(grid=3), random_state=0).fit(X, y)
    assert learner.history_["n_labels"].tolist() == [3 + 9 + 9]
    assert learner.labeled_iter_.shape == (40, 9)
    assert (learner.labeled_iter_ == 0).sum() == 21
    assert learner.correct([0], y[1:2]).history_["n_labels"].tolist() == [27]
    assert learner.forget([0]).history_["n_labels"].tolist() == [18]


def test_what_the_oracle_does_not_know_is_not_asked(pixels):
    X, y = pixels
    y = y.copy()
    y[:, :3] = -1
    learner = ActiveLearner(Brightness(), Regions(grid=3), n_labels=1.0, random_state=0)
    learner.fit(X, y)
    assert learner.history_["n_labels"][-1] == 40 * 6
    assert np.concatenate(learner.history_["indices"])[:, 1].min() == 3


def test_unsigned_masks_are_given_a_sign(pixels):
    X, y = pixels
    learner = ActiveLearner(Brightness(), Regions(grid=3), n_labels=30, random_state=0)
    learner.fit(X, y.astype(np.uint8))
    assert learner.y_training_.min() == -1


def test_stages_are_what_was_known(pixels):
    X, y = pixels
    learner = ActiveLearner(
        Brightness(), Regions(grid=3), n_labels=40, store_estimators=True
    )
    learner.fit(X, y)
    known = [stage.labeled_iter_ >= 0 for stage in learner.staged()]
    assert [mask.sum() for mask in known] == [10, 20, 30, 40]
    for stage in learner.staged():
        np.testing.assert_array_equal(stage.y_training_, stage.estimator_.seen_[1])


# What is refused ------------------------------------------------------------------


def test_masks_of_other_cells_do_not_mix(pixels):
    X, y = pixels
    learner = ActiveLearner(Brightness(), Regions(grid=2), random_state=0).fit(X, y)
    learner.set_params(query_strategy__grid=3)
    with pytest.raises(ValueError, match=r"for cells of a grid of 2 x 2 .*of 3 x 3"):
        learner.query(X)
    learner.set_params(query_strategy="aggregate")
    with pytest.raises(ValueError, match=r"for cells of a grid .*asks for rows"):
        learner.query(X)


@pytest.mark.parametrize("grid", [(10, 2), (2, 2, 2)])
def test_there_are_no_more_cells_than_units(grid, pixels):
    X, y = pixels
    learner = ActiveLearner(Brightness(), Regions(grid=grid), n_labels=20)
    with pytest.raises(ValueError, match="grid must have at most as many cells as"):
        learner.fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"grid": 0}, ValueError, "grid must be at least 1"),
        ({"grid": ()}, ValueError, "grid must have at least one axis"),
        ({"grid": (2, 1.5)}, TypeError, "grid must be an integer"),
        ({"base": "badge"}, TypeError, "base must be a strategy that scores each"),
        ({"reduce": "median"}, ValueError, "reduce must be one of"),
        ({"topk": 0}, ValueError, "topk must be at least 1"),
        ({"quantile": 2}, ValueError, "quantile must be in"),
        ({"max_per_row": 0}, ValueError, "max_per_row must be at least 1"),
    ],
)
def test_bad_parameters_are_refused_before_any_work(parameters, error, match, pixels):
    learner = ActiveLearner(Brightness(), Regions(**parameters), n_labels=20)
    with pytest.raises(error, match=match):
        learner.fit(*pixels)


@pytest.mark.parametrize("mark", [None, "?"])
def test_what_is_not_asked_is_marked_by_a_number(mark, pixels):
    learner = ActiveLearner(Brightness(), Regions(), missing_label=mark)
    with pytest.raises(ValueError, match="missing_label must be a number where cells"):
        learner.fit(*pixels)


def test_texts_have_no_cells_and_rows_no_units(blobs, pixels):
    learner = ActiveLearner(Tagger(), RandomRegions(grid=(1,)), n_labels=2)
    with pytest.raises(ValueError, match="where cells of rows are asked for, got entr"):
        learner.fit([["a"], ["b", "c"]], [[0], [1, 0]])
    learner = ActiveLearner(LogisticRegression(), RandomRegions(), n_labels=20)
    with pytest.raises(TypeError, match="RandomRegions needs units of rows"):
        learner.fit(*blobs)
    with pytest.raises(TypeError, match="which picks parts of them"):
        Mixture([("a", Regions()), ("b", "random")])(
            Brightness().fit(*pixels), pixels[0]
        )


def test_parts_cost_the_same(pixels):
    learner = ActiveLearner(Brightness(), Regions(grid=2), n_labels=20)
    with pytest.raises(ValueError, match="costs must be None where parts of rows are"):
        learner.fit(*pixels, costs=2)


def test_a_signal_is_told_how_it_is_cut(pixels):
    X, y = pixels[0][:, 0], pixels[1][:, 0]
    with pytest.raises(ValueError, match=r"Signals have one axis, grid=\(8,\)"):
        ActiveLearner(Brightness(), Regions(grid=2), n_labels=20).fit(X, y)
