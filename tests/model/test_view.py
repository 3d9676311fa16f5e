"""A view answers for any fitted model, in full width, and computes each row once."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import make_regression
from sklearn.ensemble import (
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skal import ActiveLearner, ModelView, Rows
from skal._data import blocks
from skal._model import as_view
from skal._model import view as _view
from skal.query import ConsensusEntropy, ScoreStrategy, Shortlist
from skal.stopping import OverallUncertainty


class Counting(LogisticRegression):
    """Count the rows that are predicted, row by row of the data seen."""

    def fit(self, X, y):
        self.rows_ = []
        return super().fit(X, y)

    def predict_proba(self, X):
        self.rows_.extend(X[:, 0])
        return super().predict_proba(X)


@pytest.fixture
def counting(blobs):
    return Counting().fit(*blobs)


# Built by hand, or by a learner -------------------------------------------------


def test_a_view_of_a_fitted_model_answers_as_the_model(blobs):
    X, y = blobs
    model = LogisticRegression().fit(X, y)
    view = ModelView(model, X, y)
    np.testing.assert_array_equal(view.classes_, [0, 1, 2])
    assert (view.target_type, view.n_labels, view.round) == ("multiclass", 300, 0)
    assert view.history == {}
    np.testing.assert_array_equal(view.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(view.predict(X), model.predict(X))
    np.testing.assert_array_equal(view.decision_function(X), model.decision_function(X))


def test_a_learner_gives_its_view_the_data_and_the_history(blobs):
    X, y = blobs
    names = np.array(["ant", "bee", "cat"])[y]
    learner = ActiveLearner(n_labels=30, random_state=0).fit(X, names)
    view = as_view(learner)
    assert view.X_training is learner.X_training_
    np.testing.assert_array_equal(view.y_training, learner.y_training_)
    np.testing.assert_array_equal(view.classes_, ["ant", "bee", "cat"])
    np.testing.assert_array_equal(view.predict(X), learner.predict(X))
    assert (view.round, view.n_labels) == (2, 30)
    np.testing.assert_array_equal(view.history["n_labels"], [10, 20, 30])
    assert view.estimator is learner.estimator_


def test_a_view_of_a_view_is_itself(counting):
    view = ModelView(counting)
    assert as_view(view) is view


@pytest.mark.parametrize("wanted", [[0, 1, 2], [0, 2, 7]])
def test_classes_without_a_label_have_probability_zero(two_of_three, wanted):
    model, X = two_of_three
    view = ModelView(model, classes=wanted)
    absent = [wanted.index(c) for c in wanted if c not in (0, 2)]
    present = [wanted.index(0), wanted.index(2)]
    proba = view.predict_proba(X)
    np.testing.assert_array_equal(proba[:, absent], 0)
    np.testing.assert_array_equal(proba[:, present], model.predict_proba(X))
    decision = view.decision_function(X)
    assert decision.shape == (300, 3)
    np.testing.assert_array_equal(
        decision[:, absent].ravel(), decision[:, present].min(axis=1) - 1
    )
    np.testing.assert_array_equal(
        np.asarray(wanted)[decision.argmax(axis=1)], model.predict(X)
    )


def test_classes_that_leave_out_one_of_the_models_are_refused(two_of_three):
    """Class 2 would be read as class 1."""
    model, X = two_of_three
    with pytest.raises(ValueError, match="classes"):
        ModelView(model, classes=[0, 1]).predict_proba(X)


def test_samples_and_heads_are_padded_too(two_of_three):
    _, X = two_of_three
    y = np.where(X[:, 0] > 0, "left", "right")
    forest = RandomForestClassifier(n_estimators=4, random_state=0).fit(X, y)
    view = ModelView(forest, classes=["both", "left", "right"])
    assert view.sample_proba(X).shape == (4, 300, 3)
    np.testing.assert_array_equal(view.sample_proba(X)[:, :, 0], 0)
    np.testing.assert_array_equal(view.head_proba(X)[:, 0], 0)
    assert set(np.unique(view.sample_predict(X))) == {"left", "right"}


def test_labels_of_any_kind_come_back(blobs):
    X, y = blobs
    for labels in (np.array(["a", "bb", "ccc"])[y], y - 5, y == 1):
        model = LogisticRegression().fit(X, labels)
        np.testing.assert_array_equal(ModelView(model).predict(X), model.predict(X))


def test_keywords_reach_the_model_and_are_not_remembered():
    X, y = make_regression(30, 2, random_state=0)
    view = ModelView(BayesianRidge().fit(X, y))
    mean, std = view.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, view.predict(X))
    assert std.shape == (30,)


def test_what_the_model_cannot_do_a_view_has_not(blobs):
    view = ModelView(LinearSVC(random_state=0).fit(*blobs))
    assert hasattr(view, "decision_function")
    assert not hasattr(view, "predict_proba")
    with pytest.raises(AttributeError, match="no classes_"):
        _ = ModelView(LinearRegression().fit([[0.0], [1.0]], [0, 1])).classes_


def test_repr_names_the_model():
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    assert repr(ModelView(model, [[0.0]])) == (
        "ModelView(LogisticRegression(), n_labels=1)"
    )


def test_probabilities_that_are_not_numbers_are_an_error(blobs):
    class Diverged(Counting):
        def predict_proba(self, X):
            return np.where(X[:, :1] > 0, np.nan, super().predict_proba(X))

    X, y = blobs
    model = Diverged().fit(X, y)
    n_bad = (X[:, 0] > 0).sum()
    with pytest.raises(
        ValueError, match=f"Diverged answered NaN .* for {n_bad} of 300"
    ):
        ModelView(model).predict_proba(X)


class Answering(LogisticRegression):
    """Answers what it is told to, whatever the rows."""

    def fit(self, X, y, answer=None):
        self.answer_ = answer
        return super().fit(X, y)

    def predict_proba(self, X):
        return np.broadcast_to(self.answer_, (len(X), 3))

    def head_proba(self, E):
        return self.predict_proba(E)

    def sample_proba(self, X, n_samples=None, random_state=None):
        return np.stack([self.predict_proba(X)] * 4)


@pytest.mark.parametrize("answer", [np.nan, np.inf, -np.inf])
def test_whatever_is_asked_answers_finite_probabilities(blobs, answer):
    """The head was not looked at, and infinity was called NaN "for 0 of 300 rows"."""
    X, y = blobs
    model = Answering().fit(X, y, [0.5, answer, 0.5])
    view = ModelView(model, X, y)
    word = "NaN" if np.isnan(answer) else "infinite"
    words = f"Answering answered {word} probabilities for 300 of 300 rows"
    for ask in (view.predict_proba, view.head_proba, view.sample_proba):
        with pytest.raises(ValueError, match=words):
            ask(X)


@pytest.mark.parametrize("strategy", ["alfa_mix", "drop_query", "margin", "badge"])
def test_a_model_of_nan_picks_nothing(blobs, strategy):
    """ALFAMix and DropQuery picked some rows in silence."""
    X, y = blobs
    model = Answering().fit(X, y, [np.nan] * 3)
    learner = ActiveLearner(model, strategy, random_state=0)
    learner.fit(X[:30], y[:30])
    learner.estimator_.answer_ = [np.nan] * 3
    with pytest.raises(ValueError, match="Answering answered NaN probabilities"):
        learner.query(X[30:])


def test_half_precision_is_precise_enough(blobs):
    """Its sum is infinite over 65 504, which was called NaN "for 0 rows"."""
    X, y = blobs
    model = Answering().fit(X, y, np.float16([250.0, 0.5, 0.25]))  # 75 000 together
    view = ModelView(model, X, y)
    for answer in (view.predict_proba(X), view.head_proba(X)):
        assert answer.dtype == np.float16
        np.testing.assert_array_equal(answer[0], [250, 0.5, 0.25])


# One pass -----------------------------------------------------------------------


def test_asking_again_computes_nothing(counting, blobs):
    X, _ = blobs
    view = ModelView(counting)
    first = view.predict_proba(X).copy()
    np.testing.assert_array_equal(view.predict_proba(X), first)
    np.testing.assert_array_equal(
        view.predict_proba(Rows(X, [5, 3, 5])), first[[5, 3, 5]]
    )
    assert len(counting.rows_) == 300


def test_only_the_rows_never_asked_are_computed(counting, blobs):
    X, _ = blobs
    view = ModelView(counting)
    rows = Rows(X, np.arange(0, 300, 3))
    view.predict_proba(rows.take([4, 2]))
    view.predict_proba(rows)
    view.predict_proba(X)
    assert sorted(counting.rows_) == sorted(X[:, 0])
    np.testing.assert_allclose(
        view.predict_proba(X), LogisticRegression.predict_proba(counting, X)
    )


class TwiceScored(ScoreStrategy):
    """Score all rows, then the better half again, as refining wrappers do."""

    def _score(self, view, rows):
        scores = -view.predict_proba(rows).max(axis=1)
        better = np.argsort(-scores)[: len(rows) // 2]
        scores[better] += view.predict_proba(rows.take(better)).min(axis=1)
        return scores


@pytest.mark.parametrize(
    ("strategy", "n_passed"),
    [
        (TwiceScored(), 300),
        (Shortlist(TwiceScored(), 60), 60),
        (Shortlist(Shortlist(TwiceScored(), 40), 200), 40),
    ],
    ids=repr,
)
def test_a_wrapped_strategy_costs_one_pass_over_what_it_reads(
    strategy, n_passed, counting, blobs
):
    X, _ = blobs
    strategy(ModelView(counting), X, 5, random_state=0)
    assert len(counting.rows_) == len(set(counting.rows_)) == n_passed


def test_the_stopping_rule_reads_the_pass_of_the_query(blobs):
    X, y = blobs
    passed = []

    class Watched(Counting):
        def predict_proba(self, X):
            passed.append(len(X))
            return super().predict_proba(X)

    ActiveLearner(
        Watched(), n_labels=30, stopping=OverallUncertainty(), random_state=0
    ).fit(X, y)
    assert len([n for n in passed if n > 10]) == 2  # the rest looks for NaN


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, np.ndarray.tolist])
@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_questions_gets_the_right_answers(kind, seed, blobs):
    """Repeated rows, unsorted rows, no rows, all rows, slices of slices."""
    X, y = blobs
    rng = np.random.RandomState(seed)
    model = LogisticRegression().fit(X, y)
    pool, view = kind(X[:40]), ModelView(model)
    expected = model.predict_proba(X[:40])
    for _ in range(12):
        size = rng.randint(1, 45)
        positions = rng.randint(40, size=size)
        parent = Rows(pool, positions)
        inner = rng.randint(size, size=rng.randint(1, 9))
        distinct = rng.permutation(40)[: rng.randint(1, 40)]
        for rows, where in [
            (parent, positions),
            (parent.take(inner), positions[inner]),
            (Rows(pool, distinct), distinct),
            (Rows(pool, np.sort(distinct)), np.sort(distinct)),
            (Rows(pool), np.arange(40)),
        ][rng.randint(5) :]:
            np.testing.assert_allclose(view.predict_proba(rows), expected[where])
            np.testing.assert_allclose(
                as_dense(view.embed(rows)), X[where].astype(np.float32)
            )


def as_dense(embedding):
    return embedding.toarray() if sp.issparse(embedding) else embedding


def test_a_question_that_failed_can_be_asked_again(blobs):
    X, y = blobs

    class Failing(Counting):
        def predict_proba(self, X):
            if not self.rows_:
                self.rows_.append(0)
                raise ConnectionError
            return super().predict_proba(X)

    model = Failing().fit(X, y)
    view = ModelView(model)
    with pytest.raises(ConnectionError):
        view.predict_proba(Rows(X, [3, 4]))
    np.testing.assert_allclose(
        view.predict_proba(Rows(X, [4, 3])),
        LogisticRegression.predict_proba(model, X[[4, 3]]),
    )


def test_what_a_caller_does_to_an_answer_stays_with_the_caller(counting, blobs):
    """Sorting the probabilities in place must not reach whoever asks next."""
    X, _ = blobs
    view = ModelView(counting)
    expected = LogisticRegression.predict_proba(counting, X)
    proba = view.predict_proba(X)
    if proba.flags.writeable:
        proba[:] = 0
    np.testing.assert_allclose(view.predict_proba(X), expected)


def test_two_pools_are_not_mixed_up(counting, blobs):
    X, _ = blobs
    view = ModelView(counting)
    shifted = X + 1
    assert not np.allclose(view.predict_proba(X), view.predict_proba(shifted))
    for shift in range(20):  # a freed array's id may come back
        moved = X + shift
        np.testing.assert_allclose(
            view.predict_proba(moved), LogisticRegression.predict_proba(counting, moved)
        )


def test_chunked_equals_whole(rng):
    X = rng.normal(size=(9000, 12))
    y = (X[:, 0] > 0).astype(int)
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(
        X[:200], y[:200]
    )
    view = ModelView(forest)
    assert next(blocks(X, None))[0].shape[0] < 9000
    np.testing.assert_array_equal(view.predict_proba(X), forest.predict_proba(X))
    np.testing.assert_array_equal(
        view.sample_proba(X)[1], forest.estimators_[1].predict_proba(X)
    )
    scattered = Rows(X, rng.permutation(9000)[:4000])
    np.testing.assert_array_equal(
        ModelView(forest).embed(scattered), X.astype(np.float32)[scattered.indices]
    )


def test_a_csr_pool_is_answered_in_chunks_too(rng):
    X = sp.csr_array(rng.random((5000, 30)) * (rng.random((5000, 30)) < 0.1))
    y = np.arange(5000) % 2
    model = LogisticRegression().fit(X, y)
    view = ModelView(model)
    np.testing.assert_allclose(view.predict_proba(X), model.predict_proba(X))
    picked = rng.permutation(5000)[:999]
    embedded = ModelView(model).embed(Rows(X, picked))
    assert sp.issparse(embedded)
    np.testing.assert_allclose(embedded.toarray(), X[picked].toarray(), rtol=1e-6)


def test_rows_in_a_list_are_answered_once(counting):
    X = [[0.0, 1.0], [2.0, 3.0]]

    class OfLists(Counting):
        def predict_proba(self, X):
            return super().predict_proba(np.asarray(X))

    model = OfLists().fit(np.asarray(X), [0, 1])
    view = ModelView(model)
    view.predict_proba(X)
    view.predict_proba(Rows(X, [1]))
    assert len(model.rows_) == 2


# Reduced samples ----------------------------------------------------------------


class Posterior(LogisticRegression):
    """Draw from a posterior of its own: the boundary shifts."""

    def sample_proba(self, X, n_samples=None, random_state=None):
        shifts = np.random.RandomState(random_state).normal(size=n_samples or 6)
        return np.stack([self.predict_proba(X + shift) for shift in shifts])


def forest():
    return RandomForestClassifier(n_estimators=4, random_state=0)


def spread_of(samples):
    """Return the greatest disagreement of the members about each row."""
    return np.ptp(samples, axis=0).max(axis=1)


@pytest.fixture
def always_stream(monkeypatch):
    monkeypatch.setattr(_view, "_KEEP_SAMPLES_BYTES", 0)
    monkeypatch.setattr(_view, "_STREAM_BYTES", 7 * 6 * 2 * 4)


def test_the_seed_of_a_query_fixes_the_draws_of_a_view_built_by_hand(blobs):
    X, y = blobs
    model = Posterior().fit(X, y)
    answers = {
        seed: [ConsensusEntropy()(model, X, 20, random_state=seed)[0] for _ in range(2)]
        for seed in (0, 1)
    }
    np.testing.assert_array_equal(*answers[0])
    assert not np.array_equal(answers[0][0], answers[1][0])


def test_reducing_equals_reducing_the_whole(blobs):
    X, y = blobs
    view = ModelView(forest().fit(X, y))
    expected = spread_of(view.sample_proba(X))
    np.testing.assert_array_equal(view.reduce_samples(spread_of, X), expected)


def test_streaming_equals_reducing_the_whole(rng, always_stream):
    X = rng.normal(size=(100, 4))
    model = Posterior().fit(X, X[:, 0] > 0)
    view = ModelView(model, random_state=0)
    sizes = []

    def watched(samples):
        sizes.append(samples.shape)
        return spread_of(samples)

    rows = Rows(X, rng.permutation(100)[:50])
    streamed = view.reduce_samples(watched, rows)
    assert len(sizes) == 8
    assert max(shape[1] for shape in sizes) == 7
    whole = spread_of(
        np.asarray(model.sample_proba(rows.data(), random_state=view.seed))
    )
    np.testing.assert_allclose(streamed, whole, rtol=1e-4)


def test_streaming_pads_and_takes_fewer_samples(two_of_three, always_stream):
    _, X = two_of_three
    model = RandomForestClassifier(n_estimators=4, random_state=0)
    model.fit(X, np.where(X[:, 0] > 0, 2, 0))
    view = ModelView(model, classes=[0, 1, 2])
    shapes = set()

    def watched(samples):
        shapes.add((samples.shape[0], samples.shape[2]))
        return samples[:, :, 1].sum(axis=0)

    np.testing.assert_array_equal(view.reduce_samples(watched, X, n_samples=3), 0)
    assert shapes == {(3, 3)}


def test_reducing_no_rows_gives_no_numbers(blobs):
    X, y = blobs
    view = ModelView(forest().fit(X, y))
    assert view.reduce_samples(spread_of, Rows(X, [])).shape == (0,)


# Cold views ---------------------------------------------------------------------


class Probe(ScoreStrategy):
    """Hand the view to a function."""

    def __init__(self, ask=None):
        self.ask = ask

    def _score(self, view, rows):
        return self.ask(view, rows)


@pytest.mark.parametrize(
    "method",
    [
        "predict_proba",
        "predict",
        "decision_function",
        "head_proba",
        "sample_proba",
        "sample_predict",
    ],
)
def test_a_cold_view_predicts_nothing(method, blobs):
    learner = ActiveLearner(
        initial=Probe(lambda view, rows: getattr(view, method)(rows))
    )
    with pytest.raises(TypeError, match=rf"{method} needs a fitted model, .* initial="):
        learner.query(blobs[0], 3)
    assert not hasattr(learner, "seed_")


def test_a_cold_view_knows_its_place(blobs):
    def ask(view, rows):
        assert (view.round, view.n_labels, view.X_training) == (0, 0, None)
        assert view.y_training is None
        assert view.target_type == "multiclass"
        return np.zeros(len(rows))

    indices, _ = ActiveLearner(initial=Probe(ask)).query(blobs[0], 3)
    assert len(indices) == 3


def test_a_cold_view_embeds_by_transformers_fitted_on_the_whole_pool(blobs):
    X, _ = blobs
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    whole = StandardScaler().fit(X)

    def ask(view, rows):
        np.testing.assert_allclose(
            view.embed(rows), whole.transform(rows.data()), rtol=1e-4, atol=1e-5
        )
        return np.arange(len(rows))

    learner = ActiveLearner(estimator, initial=Probe(ask), random_state=0)
    indices, _ = learner.query(X, 1, candidates=np.arange(50, 60))
    assert indices == [59]
    assert not hasattr(estimator[0], "mean_")


@pytest.mark.parametrize(
    "wrap", [lambda e: e, lambda e: GridSearchCV(e, {}, cv=2)], ids=["bare", "search"]
)
def test_a_cold_view_embeds_texts_once(wrap):
    texts = ["a red cat", "a blue dog", "the red dog"]
    fits = []

    class Vectorizer(TfidfVectorizer):
        def fit_transform(self, raw, y=None):
            fits.append(len(raw))
            assert y is None
            return super().fit_transform(raw)

        def fit(self, raw, y=None):
            fits.append(len(raw))
            assert y is None
            return super().fit(raw)

    def ask(view, rows):
        shapes = {view.embed(rows).shape, view.embed(rows.take([0, 2])).shape}
        assert shapes == {(3, 5), (2, 5)}
        return np.zeros(len(rows))

    estimator = wrap(make_pipeline(Vectorizer(), LogisticRegression()))
    ActiveLearner(estimator, initial=Probe(ask)).query(texts, 1)
    assert fits == [3]


def test_a_cold_view_without_transformers_embeds_x_itself(blobs):
    X, _ = blobs

    def ask(view, rows):
        np.testing.assert_array_equal(view.embed(rows), X.astype(np.float32))
        return np.zeros(len(rows))

    alone = LogisticRegression()
    for estimator in (alone, make_pipeline(alone), forest()):
        ActiveLearner(estimator, initial=Probe(ask)).query(X, 1)


def test_a_view_is_cheap_to_make(counting, blobs):
    """Nothing is asked of the model until a strategy asks."""
    ModelView(counting, *blobs)
    assert counting.rows_ == []


def test_memories_of_different_questions_are_kept_apart(blobs):
    X, y = blobs
    view = ModelView(forest().fit(X, y))
    answers = [
        view.predict_proba(X),
        view.embed(X),
        view.predict(X),
        view.sample_proba(X),
        view.sample_proba(X, 2),
        view.predict_proba(X),
    ]
    assert all(a.shape != b.shape for a, b in pairwise(answers))
    np.testing.assert_array_equal(answers[0], answers[-1])


def test_answers_that_failed_are_computed_again(rng):
    """Rows used to count as known before they were computed."""
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    model = LogisticRegression().fit(X, y)
    view = ModelView(model)
    view.predict_proba(Rows(X, np.arange(10)))
    coef, model.coef_ = model.coef_, model.coef_ * np.nan
    with pytest.raises(ValueError, match="NaN"):
        view.predict_proba(Rows(X, np.arange(5, 20)))
    model.coef_ = coef
    np.testing.assert_array_equal(
        view.predict_proba(Rows(X, np.arange(5, 20))), model.predict_proba(X[5:20])
    )


def test_a_pickled_view_forgets_its_answers(rng):
    """Its memory was keyed by addresses of another process."""
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    view = ModelView(LogisticRegression().fit(X, y))
    expected = view.predict_proba(X)
    copy = pickle.loads(pickle.dumps(view))
    assert copy._memos == {}
    np.testing.assert_array_equal(copy.predict_proba(X), expected)


def test_sparse_embeddings_are_read_only_too(rng):
    X = sp.csr_array(rng.random((40, 8)) * (rng.random((40, 8)) < 0.3))
    view = ModelView(LogisticRegression().fit(X, np.arange(40) % 2))
    with pytest.raises(ValueError, match="read-only"):
        view.embed(X).data[:] = 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("sparse", [False, True])
def test_rows_without_distances_are_called_what_the_user_passed(bad, sparse):
    """It was said that E must hold finite numbers, and nobody had passed an E."""
    X = np.eye(6)
    X[2, 3] = bad
    view = ModelView(LogisticRegression().fit(np.eye(6), [0, 1] * 3))
    assert view.embed(np.eye(6)).shape == (6, 6)
    message = "X must be .* in the embedding of 1 of 6 rows by LogisticRegression"
    with pytest.raises(ValueError, match=message):
        view.embed(sp.csr_matrix(X) if sparse else X)
