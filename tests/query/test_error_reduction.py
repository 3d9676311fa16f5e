"""ExpectedErrorReduction tries the labels that a row may have."""

import warnings
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView
from skal.query import DiverseBatch, ExpectedErrorReduction, RandomSampling

WORDS = np.array(["cherry", "apple", "banana"])
LOSSES = {
    "zero_one": lambda p: 1 - p.max(axis=1),
    "log": lambda p: -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1),
}


def brute_force(estimator, X, y, X_pool, loss):
    """Return the expected loss on all other rows of the pool, as the paper has it."""
    model = estimator().fit(X, y)
    expected = []
    for i, chances in enumerate(model.predict_proba(X_pool)):
        others = np.delete(X_pool, i, axis=0)
        losses = []
        for label in model.classes_:
            after = estimator().fit(np.vstack([X, X_pool[i]]), np.append(y, label))
            losses.append(LOSSES[loss](after.predict_proba(others)).mean())
        expected.append(chances @ losses)
    return np.array(expected)


def every_row(loss="log", **options):
    """Return the strategy that tries every row and expects errors on all of them."""
    return ExpectedErrorReduction(loss, n_candidates=999, n_reference=999, **options)


def ask(strategy, estimator, X, y, X_pool, n=5):
    view = ModelView(estimator.fit(X, y), X, y, random_state=0)
    return strategy(view, X_pool, n, random_state=0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression,
        GaussianNB,
        lambda: KNeighborsClassifier(3),
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        lambda: DecisionTreeClassifier(max_depth=2, random_state=0),
    ],
    ids=["linear", "bayes", "neighbours", "pipeline", "tree"],
)
def test_every_row_is_tried_with_every_label(estimator, loss, blobs):
    X, y = blobs[0], WORDS[blobs[1]]
    expected = brute_force(estimator, X[:24], y[:24], X[200:210], loss)
    picked, info = ask(every_row(loss), estimator(), X[:24], y[:24], X[200:210], 10)
    np.testing.assert_allclose(info["score"], -expected[picked], rtol=1e-5, atol=1e-9)
    assert (np.diff(info["score"]) <= 0).all()


@pytest.mark.parametrize("loss", ["binary", "log"])
def test_picks_are_those_of_modals_own_function(loss, blobs, monkeypatch):
    """Its module asks numpy for a name that is gone: the test gives it another."""
    pytest.importorskip("modAL", reason="the extra 'modal' is not installed")
    monkeypatch.setattr(np, "float", float, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # where it is compiled anew
        from modAL.expected_error import expected_error_reduction
    X, y = blobs
    peer = SimpleNamespace(
        estimator=GaussianNB(),
        X_training=X[:24],
        y_training=y[:24],
        predict_proba=GaussianNB().fit(X[:24], y[:24]).predict_proba,
    )
    # It draws from the global state, whether to skip a row of none that it may skip.
    monkeypatch.setattr(np.random, "rand", lambda: 0.5)
    theirs = expected_error_reduction(peer, X[200:225], loss, n_instances=5)
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    strategy = every_row({"binary": "zero_one", "log": "log"}[loss])
    ours, _ = ask(strategy, GaussianNB(), X[:24], y[:24], X[200:225])
    assert set(ours) == set(theirs)


# What is tried ------------------------------------------------------------------


class Counting(ClassifierMixin, BaseEstimator):
    """Counts fits and the rows that it is asked about; wants codes without gaps."""

    fits: ClassVar[list] = []
    asked: ClassVar[list] = []

    def fit(self, X, y):
        self.fits.append((np.asarray(X), np.asarray(y)))
        self.model_ = GaussianNB().fit(X, y)
        self.classes_ = self.model_.classes_
        if not np.array_equal(self.classes_, np.arange(len(self.classes_))):
            raise ValueError(f"codes with gaps: {self.classes_}")
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        self.asked.append(len(X))
        return self.model_.predict_proba(X)


@pytest.fixture
def counting(monkeypatch):
    monkeypatch.setattr(Counting, "fits", [])
    monkeypatch.setattr(Counting, "asked", [])
    return Counting()


def test_the_cost_is_candidates_times_classes(counting, blobs):
    X, y = blobs
    strategy = ExpectedErrorReduction(n_candidates=7, n_reference=30)
    view = ModelView(counting.fit(X[:30], y[:30]), X[:30], y[:30])
    counting.fits.clear()
    counting.asked.clear()
    strategy(view, X[30:], 4, random_state=0)
    assert len(counting.fits) == 7 * 3
    assert counting.asked == [270] + [30] * 21  # the base's, and the clones'
    assert {len(fitted) for fitted, _ in counting.fits} == {31}


def test_a_learner_hands_codes_to_the_clones(counting, blobs):
    """A model that takes the codes 0, 1, 2 alone is fitted on these, with words too."""
    X, y = blobs[0], WORDS[blobs[1]]
    learner = ActiveLearner(
        counting,
        ExpectedErrorReduction(n_candidates=5, n_reference=20),
        classes=["a", *WORDS],  # of which one has no label, so that places have a gap
        random_state=0,
    ).fit(X[:30], y[:30])
    rows, _ = learner.query(X[30:], 3)
    assert {tuple(np.unique(codes)) for _, codes in counting.fits[1:]} == {(0, 1, 2)}
    by_hand = ModelView(GaussianNB().fit(X[:30], y[:30]), X[:30], y[:30])
    assert len(np.unique(rows)) == 3
    again = every_row()(learner, X[30:60], 30, random_state=0)
    alone = every_row()(by_hand, X[30:60], 30, random_state=0)
    np.testing.assert_allclose(again[1]["score"], alone[1]["score"], rtol=1e-6)


def test_rows_that_were_not_tried_follow_in_the_order_of_the_base(blobs):
    X, y = blobs
    strategy = ExpectedErrorReduction(n_candidates=4, n_reference=20)
    picked, info = ask(strategy, GaussianNB(), X[:30], y[:30], X[30:], 10)
    margins, _ = ask(strategy._base(), GaussianNB(), X[:30], y[:30], X[30:], 10)
    assert set(picked[:4]) == set(margins[:4])
    np.testing.assert_array_equal(picked[4:], margins[4:])
    assert np.isfinite(info["score"][:4]).all()
    assert np.isnan(info["score"][4:]).all()


def test_a_label_without_a_chance_is_not_tried(counting, blobs):
    X, y = blobs
    far = np.array([[1e3, 1e3]])
    view = ModelView(counting.fit(X[:30], y[:30]), X[:30], y[:30])
    counting.fits.clear()
    every_row()(view, np.vstack([far, X[30:32]]), 1, random_state=0)
    sure = counting.model_.predict_proba(far)[0]
    assert len(counting.fits) == np.count_nonzero(sure) + 6
    assert np.count_nonzero(sure) == 1


def test_a_single_row_is_picked(blobs):
    X, y = blobs
    picked, info = ask(every_row(), GaussianNB(), X[:30], y[:30], X[30:31], 1)
    assert (picked.tolist(), info["score"].tolist()) == ([0], [0.0])


def test_one_labelled_class_leaves_the_order_to_the_base(blobs):
    X, y = blobs
    of_one = X[y == 0]
    strategy = every_row(base=RandomSampling())
    tree = DecisionTreeClassifier(random_state=0)
    picked, info = ask(strategy, tree, of_one[:9], np.zeros(9, int), X, 5)
    assert len(np.unique(picked)) == 5
    np.testing.assert_array_equal(info["score"], 0)


def test_copies_share_a_score(blobs):
    X, y = blobs
    twice = np.repeat(X[200:204], 2, axis=0)
    picked, info = ask(every_row(), GaussianNB(), X[:30], y[:30], twice, 8)
    np.testing.assert_array_equal(np.sort(picked), np.arange(8))
    scores = info["score"][np.argsort(picked)]
    np.testing.assert_allclose(scores[::2], scores[1::2])


# How it is run ------------------------------------------------------------------


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.long)]
)
def test_threads_and_processes_change_nothing(backend, blobs):
    X, y = blobs
    tree = DecisionTreeClassifier(max_features=1)  # it draws
    strategy = ExpectedErrorReduction(n_candidates=6, n_reference=20)
    learner = ActiveLearner(tree, strategy, random_state=0).fit(X[:30], y[:30])
    expected, _ = learner.query(X[30:], 6)
    learner.set_params(query_strategy__n_jobs=2)
    with parallel_config(backend=backend):
        np.testing.assert_array_equal(learner.query(X[30:], 6)[0], expected)


def test_clones_of_a_model_that_draws_are_seeded_by_the_query(blobs, monkeypatch):
    X, y = blobs
    monkeypatch.setattr(Drawing, "seeds", [])
    model = Drawing(random_state=7).fit(X[:30], y[:30]).set_params(random_state=None)
    for seed in (0, 0, 1):
        view = ModelView(model, X[:30], y[:30], random_state=seed)
        every_row()(view, X[100:104], 4, random_state=0)
    first, second, third = np.split(np.array(Drawing.seeds[1:]), 3)
    np.testing.assert_array_equal(first, second)
    assert len({*first, *third}) == 2


class Drawing(GaussianNB):
    seeds: ClassVar[list] = []

    def __init__(self, random_state=None):
        super().__init__()
        self.random_state = random_state

    def fit(self, X, y):
        self.seeds.append(self.random_state)
        return super().fit(X, y)


@pytest.mark.parametrize("convert", [sp.csr_array, list, "frame"])
def test_rows_of_any_container_serve(convert, blobs):
    X, y = blobs
    if convert == "frame":
        convert = pytest.importorskip("pandas").DataFrame
    model = LogisticRegression()
    expected, _ = ask(every_row(), model, X[:24], y[:24], X[200:210])
    learner = ActiveLearner(model, every_row(), random_state=0)
    learner.fit(convert(X[:24]), y[:24])
    found, _ = learner.query(convert(X[200:210]), 5)
    assert set(found) == set(expected)


def test_it_nests_and_simulates(blobs):
    X, y = blobs
    strategy = DiverseBatch(
        ExpectedErrorReduction(base="entropy", n_candidates=8, n_reference=20),
        shortlist=2,
    )
    learner = ActiveLearner(
        GaussianNB(), strategy, n_initial=10, n_labels=18, batch_size=4, random_state=0
    ).set_params(query_strategy__base__loss="zero_one")
    assert learner.fit(X, y).n_iter_ == 2


def test_what_it_does_not_serve_is_refused(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match=r"loss must be one of 'log', 'zero_one'"):
        ExpectedErrorReduction("binary").check(GaussianNB(), "multiclass")
    with pytest.raises(ValueError, match=r"n_jobs must not be 0, got 0\. Use 1, or -1"):
        ExpectedErrorReduction(n_jobs=0).check(GaussianNB(), "multiclass")
    with pytest.raises(TypeError, match=r"ExpectedErrorReduction needs labels"):
        ExpectedErrorReduction()(GaussianNB().fit(X, y), X)
    with pytest.raises(TypeError, match=r"needs one class a row, got multilabel"):
        ExpectedErrorReduction().check(GaussianNB(), "multilabel")
