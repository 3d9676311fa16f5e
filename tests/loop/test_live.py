"""A live run, with query and teach, is the simulation step by step."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from helpers import Witness, flat, in_order
from sklearn.base import clone
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skal import ActiveLearner
from skal.exceptions import PoolExhaustedError
from skal.query import (
    CommitteeStd,
    ConsensusEntropy,
    Entropy,
    ExpectedModelChange,
    GreedySampling,
    KLDivergence,
    LeastConfidence,
    Margin,
    QueryStrategy,
    RandomSampling,
    Shortlist,
    VoteEntropy,
)


def ordered(estimator=None, **params):
    defaults = {"query_strategy": in_order, "initial": in_order, "random_state": 0}
    return ActiveLearner(estimator or Witness(), **{**defaults, **params})


def numbered(n=20):
    return np.arange(n, dtype=float)[:, None], np.arange(n) % 2


def state_of(learner):
    """Return every attribute, by identity and by content."""
    return {name: (id(v), pickle.dumps(v)) for name, v in vars(learner).items()}


# simulation is live ------------------------------------------------------------


def take(X, indices):
    if isinstance(X, list):
        return [X[i] for i in indices]
    return X.iloc[indices] if hasattr(X, "iloc") else X[indices]


def live_run(learner, X, y, n_labels, **params):
    """Query and teach until n_labels, pickled and asked twice every round."""
    asked = []
    open_rows = np.ones(len(y), dtype=bool)
    while (bought := len(y) - open_rows.sum()) < n_labels:
        learner = pickle.loads(pickle.dumps(learner))
        usual = learner.batch_size if asked else learner.n_initial
        size = min(usual, n_labels - bought)
        first, _ = learner.query(X, size, candidates=open_rows)
        learner = pickle.loads(pickle.dumps(learner))
        indices, rows = learner.query(X, size, candidates=np.flatnonzero(open_rows))
        np.testing.assert_array_equal(first, indices)
        bought_params = {name: value[indices] for name, value in params.items()}
        learner.teach(rows, y[indices], **bought_params)
        open_rows[indices] = False
        asked.append(indices)
    return learner, asked


def assert_simulation_is_live(learner, X, y, n_labels=45, **params):
    simulated = clone(learner).set_params(n_labels=n_labels).fit(X, y, **params)
    live, asked = live_run(clone(learner), X, y, n_labels, **params)
    expected = simulated.history_["indices"]
    assert len(asked) == len(expected)
    for ours, theirs in zip(asked, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(live.predict(X), simulated.predict(X))
    if hasattr(simulated, "predict_proba"):
        np.testing.assert_array_equal(live.predict_proba(X), simulated.predict_proba(X))
    np.testing.assert_array_equal(live.y_training_, simulated.y_training_)
    order = np.concatenate(asked)
    np.testing.assert_array_equal(live.labeled_iter_, simulated.labeled_iter_[order])
    assert live.n_iter_ == simulated.n_iter_
    assert live.seed_ == simulated.seed_
    assert_same_history(live.history_, simulated.history_)
    again = simulated.query(X, 3)[0]
    np.testing.assert_array_equal(live.query(X, 3)[0], again)


def assert_same_history(live, simulated):
    """Compare all that both tell; positions in the pool are what ``fit`` counts."""
    assert live.keys() == simulated.keys()
    for name in live.keys() - {"indices", "query_time", "fit_time"}:
        for ours, theirs in zip(live[name], simulated[name], strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
    assert simulated["pool_indices"][-1] is simulated["indices"][-1]
    assert np.all(live["query_time"] > 0)


def named(part):
    """Name a case alike in every process: a function's str holds its address."""
    return getattr(part, "__name__", str(part))[:40]


def recent(learner, X, n_instances=1, random_state=None):
    """In modAL's manner: a fifth at random, the rest by doubt, as (indices, rows)."""
    doubt = 1 - learner.predict_proba(X).max(axis=1)
    order = np.argsort(-doubt - 0.2 * random_state.uniform(size=len(doubt)))
    return order[:n_instances], X[order[:n_instances]]


class Shy(QueryStrategy):
    """Draws, reads the round, and asks at random among the less sure half."""

    needs = frozenset({"proba"})

    def _query(self, view, rows, n_instances, rng):
        order = np.argsort(view.predict_proba(rows).max(axis=1))
        half = order[: max(n_instances, len(order) // (1 + view.round % 2))]
        return rng.permutation(half)[:n_instances]


CLASSIFIERS = [
    (LogisticRegression(), "margin"),
    (LogisticRegression(), "random"),
    (LogisticRegression(), recent),
    (LogisticRegression(), Shy()),
    (make_pipeline(StandardScaler(), LogisticRegression()), Shortlist("entropy", 60)),
    (SGDClassifier(loss="log_loss"), Entropy()),
    (KNeighborsClassifier(3), LeastConfidence()),
    (RandomForestClassifier(5), VoteEntropy()),
    (RandomForestClassifier(5), Margin()),
    (BaggingClassifier(GaussianNB(), 4, max_features=0.5), KLDivergence()),
    (RandomForestClassifier(5, min_samples_leaf=2), Shortlist(ConsensusEntropy(), 40)),
]


@pytest.mark.parametrize(("estimator", "strategy"), CLASSIFIERS, ids=named)
@pytest.mark.parametrize("names", [None, ["b", "c", "z"]], ids=["codes", "words"])
def test_a_simulation_is_a_live_run(blobs, estimator, strategy, names):
    X, y = blobs
    y = y if names is None else np.array(names)[y]
    learner = ActiveLearner(
        estimator,
        strategy,
        n_initial=15,
        batch_size=12,
        classes=np.unique(y),
        random_state=7,
    )
    assert_simulation_is_live(learner, X, y)


REGRESSORS = [
    (Ridge(), GreedySampling()),
    (Ridge(), GreedySampling("GSx")),
    (Ridge(), "random"),
    (make_pipeline(StandardScaler(), Ridge()), ExpectedModelChange()),
    (RandomForestRegressor(5), CommitteeStd()),
]


@pytest.mark.parametrize(("estimator", "strategy"), REGRESSORS, ids=named)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_simulation_is_a_live_run_in_regression(
    blobs, estimator, strategy, n_outputs
):
    X = blobs[0]
    y = np.column_stack([X[:, 0] * X[:, 1], X[:, 0]])[:, :n_outputs].squeeze()
    learner = ActiveLearner(
        estimator,
        strategy,
        initial=GreedySampling("GSx"),
        n_initial=5,
        batch_size=6,
        random_state=1,
    )
    assert_simulation_is_live(learner, X, y, n_labels=20)


@pytest.mark.parametrize("strategy", ["margin", VoteEntropy()], ids=str)
def test_a_simulation_is_a_live_run_for_multilabel(blobs, strategy):
    X, y = blobs
    Y = np.column_stack([y == 0, y > 0, X[:, 0] > 0]).astype(int)
    learner = ActiveLearner(
        RandomForestClassifier(5), strategy, n_initial=15, random_state=1
    )
    assert_simulation_is_live(learner, X, Y, n_labels=30)


def texts(X):
    return [f"a{int(a)} b{int(b)} c{int(a + b)}" for a, b in X]


def frame(X):
    return pd.DataFrame(X, columns=["a", "b"], index=np.arange(len(X)) % 7)


def polars_frame(X):
    return pl.DataFrame(X, schema=["a", "b"])


TEXT_MODEL = make_pipeline(HashingVectorizer(n_features=64), LogisticRegression())
CONTAINERS = {
    "csr_array": (sp.csr_array, LogisticRegression()),
    "csc_matrix": (sp.csc_matrix, LogisticRegression()),
    "pandas": (frame, LogisticRegression()),
    "polars": (polars_frame, LogisticRegression()),
    "texts": (texts, TEXT_MODEL),
    "text series": (
        lambda X: pd.Series(texts(X)),
        TEXT_MODEL,
    ),
    "text array": (
        lambda X: np.array(texts(X)),
        TEXT_MODEL,
    ),
    "images": (
        lambda X: np.tile(X[:, :, None, None], (1, 1, 2, 2)),
        make_pipeline(
            FunctionTransformer(flat),
            LogisticRegression(),
        ),
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_simulation_is_a_live_run_in_any_container(blobs, name):
    contain, estimator = CONTAINERS[name]
    X, y = blobs
    learner = ActiveLearner(estimator, n_initial=12, classes=[0, 1, 2], random_state=0)
    assert_simulation_is_live(learner, contain(X), y, n_labels=32)


def test_a_simulation_is_a_live_run_with_a_warm_start(blobs):
    X, y = blobs
    learner = ActiveLearner(
        SGDClassifier(loss="log_loss", tol=None, max_iter=3),
        n_initial=15,
        warm_start=True,
        classes=[0, 1, 2],
        random_state=2,
    )
    assert_simulation_is_live(learner, X, y)


def test_a_simulation_is_a_live_run_with_sample_weights(blobs, rng):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(), n_initial=15, classes=[0, 1, 2], random_state=2
    )
    assert_simulation_is_live(learner, X, y, sample_weight=rng.uniform(1, 9, 300))


def test_a_simulation_is_a_live_run_without_classes_once_all_were_seen(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), n_initial=30, random_state=0)
    assert_simulation_is_live(learner, X, y, n_labels=60)


def test_teaching_goes_on_from_a_simulation_as_the_simulation_would(blobs):
    X, y = blobs
    longer = ActiveLearner(GaussianNB(), n_labels=60, random_state=0).fit(X, y)
    learner = ActiveLearner(GaussianNB(), n_labels=40, random_state=0).fit(X, y)
    for _ in range(2):
        taught = learner.history_["indices"][4:]
        assert len(learner.history_["n_labels"]) == 4 + len(taught)
        order = longer.history_["indices"][: 4 + len(taught)]
        mask = np.ones(300, dtype=bool)
        mask[np.concatenate(order)] = False
        indices, rows = learner.query(X, candidates=mask)
        np.testing.assert_array_equal(
            indices, longer.history_["indices"][4 + len(taught)]
        )
        learner.teach(rows, y[indices])
    np.testing.assert_array_equal(learner.predict_proba(X), longer.predict_proba(X))
    assert learner.termination_condition_ is None
    assert longer.termination_condition_ == "n_labels"


# query -------------------------------------------------------------------------


def test_a_query_returns_positions_and_their_rows(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "margin", random_state=0).fit(X[:50], y[:50])
    indices, rows = learner.query(X[50:], 7)
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(rows, X[50:][indices])
    proba = np.sort(GaussianNB().fit(X[:50], y[:50]).predict_proba(X[50:]), axis=1)
    margin = proba[:, -1] - proba[:, -2]
    np.testing.assert_array_equal(indices, np.argsort(margin, kind="stable")[:7])


@pytest.mark.parametrize("known", [False, True])
def test_a_query_asks_for_the_usual_number_or_what_is_left(known):
    X, y = numbered()
    learner = ordered(n_initial=7, batch_size=4)
    if known:
        learner.fit(X, y)
    usual = 4 if known else 7
    assert len(learner.query(X)[0]) == usual
    assert len(learner.query(X[:3])[0]) == 3
    assert len(learner.query(X, np.int64(20))[0]) == 20


def test_a_query_asks_for_the_size_of_its_round_as_a_simulation_does(blobs):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(), n_initial=10, batch_size=(3, 8, 5), random_state=2
    )
    simulated = clone(learner).set_params(n_labels=36).fit(X, y)
    asked, is_open = [], np.ones(len(y), bool)
    for _ in range(5):
        learner = pickle.loads(pickle.dumps(learner))
        indices, rows = learner.query(X, candidates=is_open)
        learner.teach(rows, y[indices])
        is_open[indices] = False
        asked.append(indices)
    assert [len(indices) for indices in asked] == [10, 3, 8, 5, 5]
    expected = simulated.history_["indices"]
    assert [len(indices) for indices in expected] == [10, 3, 8, 5, 5, 5]
    for ours, theirs in zip(asked, expected[:-1], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(learner.query(X, candidates=is_open)[0], expected[-1])


@pytest.mark.parametrize("known", [False, True])
def test_candidates_limit_what_is_asked_and_keep_positions(known):
    X, y = numbered()
    learner = ordered()
    if known:
        learner.fit(X, y)
    mask = np.zeros(20, dtype=bool)
    mask[[3, 11, 17]] = True
    for candidates in (mask, mask.tolist(), pd.Series(mask), [17, 3, 11]):
        indices, rows = learner.query(X, 3, candidates=candidates)
        assert indices.tolist() == [3, 11, 17]
        np.testing.assert_array_equal(rows, X[[3, 11, 17]])


def test_candidates_are_the_same_as_a_smaller_pool(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(X[:50], y[:50])
    candidates = np.arange(100, 300, 2)
    inside = learner.query(X, 9, candidates=candidates)[0]
    alone = learner.query(X[candidates], 9)[0]
    np.testing.assert_array_equal(inside, candidates[alone])


@pytest.mark.parametrize("seed", [3, None])
def test_a_query_can_be_repeated_before_any_label(seed):
    X, _ = numbered(200)
    learner = ActiveLearner(GaussianNB(), random_state=seed)
    first = learner.query(X)[0]
    for _ in range(3):
        learner = pickle.loads(pickle.dumps(learner))
        np.testing.assert_array_equal(learner.query(X)[0], first)
    with pytest.raises(NotFittedError):
        learner.predict(X)


def test_a_query_changes_when_labels_come_in():
    X, y = numbered(200)
    learner = ActiveLearner(GaussianNB(), "random", random_state=0)
    seen = [learner.query(X)[0].tolist()]
    for start in (0, 10, 20):
        learner.teach(X[start : start + 10], y[start : start + 10])
        seen.append(learner.query(X)[0].tolist())
        assert learner.query(X)[0].tolist() == seen[-1]
    assert len({tuple(sorted(indices)) for indices in seen}) == 4


def test_a_query_changes_nothing_but_the_seed(blobs):
    X, y = blobs
    learner = ActiveLearner(RandomForestClassifier(5), VoteEntropy(), random_state=0)
    learner.fit(X[:50], y[:50])
    before = state_of(learner)
    learner.query(X, 5)
    learner.score_pool(X)
    del learner._question  # what was asked, for the history of the round to come
    assert state_of(learner) == before


def raising(learner, X, n_instances=1):
    raise LookupError("strategy lost its way")


def repeating(learner, X, n_instances=1):
    return np.zeros(n_instances, int)


@pytest.mark.parametrize("strategy", [raising, repeating])
@pytest.mark.parametrize("known", [False, True])
def test_a_failing_query_leaves_the_learner_as_it_was(strategy, known):
    X, y = numbered()
    learner = ordered(query_strategy=strategy, initial=strategy)
    if known:
        learner.fit(X, y)
    before = state_of(learner)
    with pytest.raises((LookupError, ValueError), match=r"lost its way|different rows"):
        learner.query(X, 3)
    assert state_of(learner) == before


@pytest.mark.parametrize("known", [False, True])
def test_more_than_the_pool_is_refused_with_both_numbers(known):
    X, y = numbered()
    learner = ordered()
    if known:
        learner.fit(X, y)
    before = state_of(learner)
    message = "n_instances must be at most 3, the number of candidates, got 4"
    with pytest.raises(PoolExhaustedError, match=message):
        learner.query(X, 4, candidates=[1, 2, 3])
    assert state_of(learner) == before


def test_cold_queries_use_initial_and_warm_ones_the_strategy():
    X, y = numbered()

    def last(learner, X, n_instances=1):
        return np.arange(len(X))[::-1][:n_instances]

    learner = ordered(query_strategy=last, n_initial=2, batch_size=2)
    assert learner.query(X)[0].tolist() == [0, 1]
    assert learner.teach(X[:2], y[:2]).query(X)[0].tolist() == [19, 18]


def test_initial_strategies_see_the_pool_through_a_pipeline():
    X = np.array([[0.0, 1000.0], [1.0, 3000.0], [2.0, 2000.0], [30.0, 2000.0]])
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), GaussianNB()), initial=GreedySampling("GSx")
    )
    assert learner.query(X, 4)[0].tolist()[1] == 3
    bare = ActiveLearner(GaussianNB(), initial=GreedySampling("GSx"))
    assert bare.query(X, 4)[0].tolist()[1] != 3


def test_score_pool_gives_what_the_query_ranks_by(blobs):
    X, y = blobs
    learner = ActiveLearner(RandomForestClassifier(9), "vote_entropy", random_state=0)
    learner.fit(X[:60], y[:60])
    scores = learner.score_pool(X)
    assert scores.shape == (300,)
    indices, _ = learner.query(X, 20)
    np.testing.assert_array_equal(scores[indices], np.sort(scores)[::-1][:20])
    np.testing.assert_array_equal(learner.score_pool(X), scores)


def test_score_pool_is_there_for_strategies_that_score():
    assert hasattr(ActiveLearner(query_strategy="margin"), "score_pool")
    for strategy in (RandomSampling(), "random", "no such name", in_order, None):
        assert not hasattr(ActiveLearner(query_strategy=strategy), "score_pool")
    with pytest.raises(AttributeError) as error:
        _ = ActiveLearner(query_strategy="random").score_pool
    assert "score_pool, got 'random', which only picks" in str(error.value.__cause__)
    with pytest.raises(NotFittedError):
        ActiveLearner(query_strategy="margin").score_pool([[0.0]])


def test_a_learner_at_the_end_of_a_pipeline_is_asked_about_transformed_rows(blobs):
    X, y = blobs
    pipe = make_pipeline(StandardScaler(), ActiveLearner(GaussianNB(), random_state=0))
    pipe.fit(X[:50], y[:50])
    indices, _ = pipe[-1].query(pipe[:-1].transform(X), 5)
    scaled = StandardScaler().fit(X[:50]).transform(X)
    alone = ActiveLearner(GaussianNB(), random_state=0).fit(scaled[:50], y[:50])
    np.testing.assert_array_equal(indices, alone.query(scaled, 5)[0])


# teach -------------------------------------------------------------------------


def test_teaching_adds_rows_and_fits_again():
    X, y = numbered()
    learner = ordered().fit(X[:4], y[:4])
    learner.teach(X[10:13], y[10:13]).teach(X[5:6], y[5:6])
    seen, codes, _ = learner.estimator_.seen_
    order = [0, 1, 2, 3, 10, 11, 12, 5]
    np.testing.assert_array_equal(seen, X[order])
    np.testing.assert_array_equal(codes, y[order])
    np.testing.assert_array_equal(learner.X_training_, X[order])
    np.testing.assert_array_equal(learner.y_training_, y[order])
    np.testing.assert_array_equal(learner.labeled_iter_, [0, 0, 0, 0, 1, 1, 1, 2])
    history = learner.history_
    assert history["n_labels"].tolist() == [4, 7, 8]
    assert [i.tolist() for i in history["indices"]] == [[0, 1, 2, 3], [4, 5, 6], [7]]
    assert np.isnan(history["query_time"]).all()
    assert learner.n_iter_ == 2


def test_teaching_ends_in_the_model_of_one_fit(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB())
    for start in range(0, 90, 30):
        learner.teach(X[start : start + 30], y[start : start + 30])
    alone = GaussianNB().fit(X[:90], y[:90])
    np.testing.assert_array_equal(learner.predict_proba(X), alone.predict_proba(X))


def test_rows_without_a_label_are_skipped_with_their_parameters():
    X, y = numbered()
    learner = ordered(classes=[0, 1]).fit(X[:2], y[:2], sample_weight=[1.0, 2.0])
    learner.teach(X[2:6], [-1, 1, None, 0], sample_weight=[3.0, 4.0, 5.0, 6.0])
    seen, codes, params = learner.estimator_.seen_
    np.testing.assert_array_equal(seen.ravel(), [0, 1, 3, 5])
    np.testing.assert_array_equal(codes, [0, 1, 1, 0])
    np.testing.assert_array_equal(params["sample_weight"], [1, 2, 4, 6])
    np.testing.assert_array_equal(learner.labeled_iter_, [0, 0, 1, 1])


def test_a_batch_of_one_class_with_a_row_skipped_can_come_first():
    """It was mistaken for classes -1 and 1, though no -1 was in sight."""
    learner = ActiveLearner(KNeighborsClassifier(1))
    learner.teach([[0.0], [1.0], [2.0]], ["yes", None, "yes"])
    assert learner.classes_.tolist() == ["yes"]
    learner.teach([[3.0], [4.0]], ["no", None])
    assert learner.predict([[0.0], [3.0]]).tolist() == ["yes", "no"]


@pytest.mark.parametrize("known", [False, True])
def test_a_batch_without_any_label_changes_nothing(known):
    X, y = numbered()
    learner = ordered()
    if known:
        learner.fit(X, y)
    before = state_of(learner)
    assert learner.teach(X[:2], [None, None]) is learner
    assert state_of(learner) == before


def test_a_new_class_is_learnt_where_classes_was_not_given():
    learner = ActiveLearner(KNeighborsClassifier(1))
    learner.teach([[1.0], [2.0]], ["b", "d"]).teach([[0.0], [3.0]], ["a", "e"])
    assert learner.classes_.tolist() == ["a", "b", "d", "e"]
    assert learner.predict([[0.0], [1.0], [2.0], [3.0]]).tolist() == list("abde")
    np.testing.assert_array_equal(learner.estimator_.classes_, [0, 1, 2, 3])


def test_a_new_class_outside_classes_is_refused_and_changes_nothing():
    X, y = numbered()
    learner = ordered(classes=[0, 1]).fit(X, y)
    before = state_of(learner)
    message = (
        r"y holds the labels \[2\], which are not among the known classes \[0, 1\]"
    )
    with pytest.raises(ValueError, match=message):
        learner.teach(X[:2], [1, 2])
    assert state_of(learner) == before


class Choosy(GaussianNB):
    """Fails, or answers NaN, from ``limit`` rows on."""

    def __init__(self, limit=4, nan=False):
        super().__init__()
        self.limit = limit
        self.nan = nan

    def fit(self, X, y):
        self.diverged_ = self.nan and len(X) >= self.limit
        if len(X) >= self.limit and not self.nan:
            raise RuntimeError("too many rows")
        return super().fit(X, y)

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        return np.full_like(proba, np.nan) if self.diverged_ else proba


@pytest.mark.parametrize("known", [False, True])
def test_a_failing_fit_leaves_the_learner_as_it_was(known):
    X, y = numbered()
    learner = ordered(Choosy(limit=4))
    if known:
        learner.teach(X[:3], y[:3])
    before = state_of(learner)
    with pytest.raises(RuntimeError, match="too many rows"):
        learner.teach(X[:5], y[:5])
    assert state_of(learner) == before


def test_a_diverged_model_is_refused_and_the_last_good_one_kept():
    X, y = numbered()
    learner = ordered(Choosy(limit=4, nan=True)).teach(X[:3], y[:3])
    before = state_of(learner)
    with pytest.raises(ValueError, match="Choosy answered NaN probabilities for 5 of"):
        learner.teach(X[3:5], y[3:5])
    assert state_of(learner) == before
    assert np.isfinite(learner.predict_proba(X)).all()


def test_a_simulation_that_diverges_keeps_its_last_good_round():
    X, y = numbered()
    learner = ordered(Choosy(6, nan=True), n_labels=8, n_initial=2, batch_size=2)
    with pytest.raises(ValueError, match="Choosy answered NaN probabilities"):
        learner.fit(X, y)
    assert learner.history_["n_labels"].tolist() == [2, 4]
    assert np.isfinite(learner.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("X_new", "y_new"),
    [
        (np.ones((2, 3)), [0, 1]),
        (np.ones((2, 1)), ["a", "b"]),
        (np.ones((2, 1)), [[0, 1], [1, 0]]),
        (np.ones((2, 1)), [0.5, 1.5]),
        (np.ones((2, 1)), [0, 1, 1]),
        (np.ones((0, 1)), []),
        (np.ones((1, 1)), 1),
        (sp.csr_array(np.ones((2, 1))), [0, 1]),
        (pd.DataFrame({"a": ["x", "y"]}), [0, 1]),
    ],
    ids=str,
)
def test_a_batch_of_another_kind_is_refused_and_changes_nothing(X_new, y_new):
    X, y = numbered()
    learner = ordered().fit(X, y)
    before = state_of(learner)
    with pytest.raises((ValueError, TypeError)):
        learner.teach(X_new, y_new)
    assert state_of(learner) == before


def test_a_frame_of_other_columns_is_refused_and_changes_nothing():
    """Columns were joined by name and the gaps filled with NaN, unnoticed."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = numbered(40)
    X = pd.DataFrame({"a": X.ravel(), "b": -X.ravel()})
    learner = ActiveLearner(HistGradientBoostingClassifier(max_iter=2)).fit(X, y)
    with pytest.raises(ValueError, match="columns"):
        learner.teach(X.rename(columns={"b": "c"})[:2], y[:2])
    assert learner.n_features_in_ == 2


def test_teaching_does_not_alter_what_it_is_given(blobs):
    X, y = blobs  # read-only
    learner = ActiveLearner(GaussianNB())
    learner.teach(X[:20], y[:20], sample_weight=np.ones(20))
    kept = learner.X_training_, learner.y_training_
    copies = [part.copy() for part in kept]
    learner.teach(X[20:40], y[20:40], sample_weight=np.ones(20))
    for part, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_use_unlabeled_names_fit_instead_of_teach():
    X, y = numbered()
    learner = ordered(use_unlabeled=True, n_labels=4, n_initial=2).fit(X, y)
    before = state_of(learner)
    message = r"use_unlabeled must be False for teach.*use fit\(X, y_partial\)"
    with pytest.raises(ValueError, match=message):
        learner.teach(X[:2], y[:2])
    assert state_of(learner) == before


# fit parameters ----------------------------------------------------------------


def test_parameters_join_those_of_earlier_rounds():
    X, y = numbered()
    learner = ordered().teach(X[:2], y[:2], sample_weight=[1.0, 2.0], note="x")
    learner.teach(X[2:5], y[2:5], sample_weight=[3.0, 4.0, 5.0], note="y")
    params = learner.estimator_.seen_[2]
    np.testing.assert_array_equal(params["sample_weight"], [1, 2, 3, 4, 5])
    assert params["note"] == "y"


@pytest.mark.parametrize("later", [list, np.array, pd.Series, tuple], ids=str)
@pytest.mark.parametrize("first", [list, np.array, pd.Series, tuple], ids=str)
def test_parameters_of_each_round_may_come_in_any_container(first, later):
    """A Series followed by an array was a TypeError."""
    X, y = numbered()
    learner = ordered().teach(X[:2], y[:2], sample_weight=first([1.0, 2.0]))
    learner.teach(X[2:4], y[2:4], sample_weight=later([3.0, 4.0]))
    weight = learner.estimator_.seen_[2]["sample_weight"]
    np.testing.assert_array_equal(weight, [1, 2, 3, 4])


def test_parameters_of_earlier_rounds_must_not_be_left_out():
    X, y = numbered()
    learner = ordered().fit(X[:4], y[:4], sample_weight=np.ones(4))
    before = state_of(learner)
    for params in ({}, {"sample_weight": None}):
        with pytest.raises(ValueError, match="sample_weight must be given for the new"):
            learner.teach(X[4:6], y[4:6], **params)
        assert state_of(learner) == before


def test_parameters_must_not_come_in_late():
    X, y = numbered()
    learner = ordered().fit(X[:4], y[:4])
    before = state_of(learner)
    with pytest.raises(ValueError, match="sample_weight must be given from the first"):
        learner.teach(X[4:6], y[4:6], sample_weight=np.ones(2))
    assert state_of(learner) == before


def test_parameters_hold_one_value_for_each_row():
    X, y = numbered()
    learner = ActiveLearner(GaussianNB()).fit(X[:4], y[:4], sample_weight=np.ones(4))
    before = state_of(learner)
    with pytest.raises(ValueError, match="sample_weight"):
        learner.teach(X[4:6], y[4:6], sample_weight=np.ones(3))
    assert state_of(learner) == before


def test_a_weight_for_each_label_instead_of_each_row_is_refused():
    """n_initial weights were given to the first rows, whichever these were."""
    X, y = numbered()
    learner = ActiveLearner(GaussianNB(), n_labels=10, n_initial=10, random_state=0)
    with pytest.raises(ValueError, match="sample_weight"):
        learner.fit(X, y, sample_weight=np.ones(10))


def test_weights_of_one_row_are_still_row_wise():
    X, y = numbered()
    learner = ordered(KNeighborsRegressor(1)).set_params(estimator=Witness())
    learner.teach(X[:1], y[:1], sample_weight=[2.0])
    learner.teach(X[1:2], y[1:2], sample_weight=[3.0])
    np.testing.assert_array_equal(learner.estimator_.seen_[2]["sample_weight"], [2, 3])


# the caller's own objects --------------------------------------------------------


def test_a_buffer_that_is_used_again_does_not_rewrite_what_was_taught(blobs):
    """X_training_ used to be the array that the caller had taught."""
    X, y = blobs
    learner, buffer = ActiveLearner(random_state=0), X[:20].copy()
    learner.teach(buffer, y[:20])
    buffer[:] = 0
    np.testing.assert_array_equal(learner.X_training_, X[:20])


def test_a_list_that_grows_does_not_grow_what_was_taught():
    """Appending to the texts that were taught used to desynchronise X and y."""
    texts = ["a cat", "a dog", "the cat", "the dog"]
    model = make_pipeline(CountVectorizer(), MultinomialNB())
    for learn in (ActiveLearner.teach, ActiveLearner.fit):
        known = list(texts)
        learner = learn(ActiveLearner(model, random_state=0), known, [0, 1, 0, 1])
        known.append("another")
        assert learner.X_training_ == texts
        learner.teach(["cats"], [0])
        assert len(learner.X_training_) == len(learner.y_training_) == 5


class TakesAnything(GaussianNB):
    def fit(self, X, y, **params):
        self.params_ = params
        return super().fit(X, y)


def test_a_constant_parameter_may_be_as_long_as_a_batch(blobs):
    """A list as long as the new batch used to be taken for one value a row."""
    X, y = blobs
    tags = ["a", "b", "c"]
    learner = ActiveLearner(TakesAnything()).fit(X[:20], y[:20], tags=tags)
    learner.teach(X[20:23], y[20:23], tags=tags)
    assert learner.estimator_.params_["tags"] == tags


def test_an_estimator_without_length_is_still_the_fitted_one(blobs):
    """An estimator whose len() is 0 used to be replaced by its template."""
    X, y = blobs

    class Hollow(GaussianNB):
        def __len__(self):
            return 0

    learner = ActiveLearner(Hollow()).fit(X, y)
    assert learner._inside() is learner.estimator_


def test_polars_columns_may_come_in_another_order(blobs):
    """polars used to refuse what pandas aligns."""
    X, y = blobs
    frame = pl.DataFrame(X[:40], schema=["a", "b"])
    learner = ActiveLearner(random_state=0).fit(frame[:20], y[:20])
    learner.teach(frame[20:40].select(["b", "a"]), y[20:40])
    assert learner.X_training_.equals(frame)


def test_a_frame_after_arrays_is_refused(blobs):
    """Its columns used to be taken in whatever order they stood."""
    X, y = blobs
    learner = ActiveLearner(random_state=0).fit(X[:20], y[:20])
    with pytest.raises(ValueError, match="got a frame with the columns"):
        learner.teach(pd.DataFrame(X[20:30], columns=["b", "a"]), y[20:30])


def test_scores_of_a_pool_leave_torch_alone(blobs):
    """score_pool used to run outside the fork of torch's state."""
    X = blobs[0]

    class Draws(LinearRegression):
        def fit(self, X, y):
            return super().fit(X, y + torch.rand(len(y)).numpy())

    state = torch.random.get_rng_state()
    learner = ActiveLearner(Draws(), "expected_model_change", random_state=0)
    learner.fit(X[:20], X[:20, 0])
    first = learner.score_pool(X[20:60])
    np.testing.assert_array_equal(first, learner.score_pool(X[20:60]))
    assert torch.equal(state, torch.random.get_rng_state())


# what a review by users found ------------------------------------------------------


def rare(n=120, seed=0):
    """Return rows of which one in twelve is positive."""
    X = np.random.RandomState(seed).standard_normal((n, 2))
    return X, (np.arange(n) % 12 == 0).astype(int)


FIRST_DAYS = [
    (LogisticRegression(), "random"),
    (LogisticRegression(), "typiclust"),
    (make_pipeline(StandardScaler(), SVC()), "random"),
    (GaussianNB(), "random"),  # it can be fitted on one class
    (GaussianNB(), "typiclust"),
    (HistGradientBoostingClassifier(max_iter=2), "random"),
]


@pytest.mark.parametrize(("estimator", "initial"), FIRST_DAYS, ids=named)
@pytest.mark.parametrize("at_once", [1, 7])
def test_a_first_day_with_a_rare_class_is_simulated_as_it_is_lived(
    estimator, initial, at_once
):
    """teach raised, forgot what it was told, and the same rows were asked again."""
    X, y = rare()
    params = {"initial": initial, "n_initial": 4, "random_state": 1}
    learner = ActiveLearner(estimator, "random", **params)
    simulated = clone(learner).set_params(n_labels=60, batch_size=5).fit(X, y)
    first = simulated.history_["indices"][0]
    assert len(np.unique(y[first])) == 2
    assert len(first) > 4  # a rare class, as the test means it
    asked, free = [], np.ones(len(y), bool)
    while len(np.unique(y[asked])) < 2:
        learner = pickle.loads(pickle.dumps(learner))
        n = None if at_once == 1 else at_once if asked else 4
        rows, _ = learner.query(X, n, candidates=free)
        np.testing.assert_array_equal(rows, learner.query(X, n, candidates=free)[0])
        assert len(rows) == (4 if not asked else at_once)
        learner.teach(X[rows], y[rows])
        assert learner.y_training_.tolist() == y[asked + rows.tolist()].tolist()
        asked += rows.tolist()
        free[rows] = False
    assert asked[: len(first)] == first.tolist()
    assert len(set(asked)) == len(asked)
    assert learner.n_iter_ == 0
    np.testing.assert_array_equal(learner.labeled_iter_, np.zeros(len(asked)))
    if at_once == 1:
        assert asked == first.tolist()
        rows, _ = learner.query(X, 5, candidates=free)
        np.testing.assert_array_equal(rows, simulated.history_["indices"][1])
        stopped = clone(simulated).set_params(n_labels=len(first)).fit(X, y)
        np.testing.assert_array_equal(learner.predict(X), stopped.predict(X))


def test_labels_of_one_class_wait_for_another(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    ones = np.flatnonzero(y == 1)
    learner.teach(X[ones[:5]], y[ones[:5]]).teach(X[ones[5:7]], y[ones[5:7]])
    with pytest.raises(NotFittedError):
        learner.predict(X)
    assert learner.query(X[20:], 3)[0].tolist() == learner.query(X[20:], 3)[0].tolist()
    learner.teach(X[y == 0][:2], [0, 0])
    alone = LogisticRegression().fit(learner.X_training_, learner.y_training_)
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))
    assert learner.history_["n_labels"].tolist() == [9]


def test_a_pool_that_shrinks_is_asked_anew_while_there_is_one_class():
    """The same rows were asked for, again and again, where the pool stayed whole."""
    X = rare()[0]
    learner = ActiveLearner(LogisticRegression(), n_initial=5, random_state=0)
    rows, X_rows = learner.query(X)
    learner.teach(X_rows, np.zeros(5))
    assert not np.array_equal(learner.query(X, 5)[0], rows)
    left = np.delete(X, rows, axis=0)
    assert len(learner.query(left, 5)[0]) == 5


def test_other_faults_than_a_single_class_are_raised_and_nothing_is_kept():
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    for X in ([[np.nan], [1.0]], [["a"], ["b"]]):
        before = state_of(learner)
        with pytest.raises(ValueError, match=r"contains NaN|convert string"):
            learner.teach(X, [1, 1])
        assert state_of(learner) == before
    with pytest.raises(ValueError, match=r"of one class: all 2 are 1 .* teach keeps"):
        learner.fit([[0.0], [1.0]], [1, 1])


def test_rows_of_another_kind_are_refused_in_our_words(blobs):
    """numpy, scipy and pandas used to fail in theirs."""
    X, y = blobs
    learner = ActiveLearner(random_state=0).fit(X[:20], y[:20])
    wide = np.hstack([X, X])
    with pytest.raises(ValueError, match=r"\(rows of shape \(2,\)\), got rows"):
        learner.teach(wide[20:30], y[20:30])
    with pytest.raises(ValueError, match="got sparse rows of shape"):
        learner.teach(sp.csr_array(X[20:30]), y[20:30])
    assert len(learner.teach(X[20:30].tolist(), y[20:30]).X_training_) == 30


def test_integers_that_came_as_floats_stay_integers(blobs):
    """A batch without a skipped row used to turn classes_ into floats."""
    X, y = blobs
    learner = ActiveLearner(random_state=0).fit(X[:20], y[:20])
    learner.teach(X[20:22], np.array([0.0, np.nan]))
    learner.teach(X[22:24], np.array([0.0, 1.0]))
    assert learner.classes_.dtype.kind == "i"
    assert learner.predict(X[:1]).dtype.kind == "i"


def test_a_regression_target_may_be_used_again(blobs):
    X = blobs[0]
    target = X[:30, 0].copy()
    learner = ActiveLearner(Ridge(), "random", random_state=0).fit(X[:30], target)
    target[:] = 0
    np.testing.assert_array_equal(learner.y_training_, X[:30, 0])
