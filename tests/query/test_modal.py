"""modAL's functions run unmodified, and any function in modAL's manner with them."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, Rows
from skal._model import as_view
from skal.exceptions import PoolExhaustedError
from skal.query import Shortlist
from skal.query._modal import ModALLearner

modal = pytest.importorskip("modAL", reason="the extra 'modal' is not installed")

from modAL.batch import uncertainty_batch_sampling  # noqa: E402
from modAL.disagreement import (  # noqa: E402
    KL_max_disagreement,
    consensus_entropy_sampling,
    max_disagreement_sampling,
    max_std_sampling,
    vote_entropy_sampling,
)
from modAL.models import ActiveLearner as ModALActiveLearner  # noqa: E402
from modAL.models import Committee, CommitteeRegressor  # noqa: E402
from modAL.uncertainty import (  # noqa: E402
    entropy_sampling,
    margin_sampling,
    uncertainty_sampling,
)

SINGLE = [uncertainty_sampling, margin_sampling, entropy_sampling]
BY_COMMITTEE = [
    vote_entropy_sampling,
    consensus_entropy_sampling,
    max_disagreement_sampling,
]
CLASSIFICATION = [*SINGLE, *BY_COMMITTEE, uncertainty_batch_sampling]
WORDS = np.array(["cherry", "apple", "banana"])


def committee_of(bagging):
    """Return modAL's Committee of the members, which know codes."""
    return Committee([ModALActiveLearner(member) for member in bagging.estimators_])


def modal_learner_of(model, X_training):
    """Return modAL's ActiveLearner around a fitted model, without fitting it."""
    learner = ModALActiveLearner(model)
    learner.X_training = X_training
    return learner


def counterpart(function, model, X_training):
    """Return what modAL itself would hand to a function."""
    if function in BY_COMMITTEE:
        return committee_of(model)
    if function is max_std_sampling and hasattr(model, "estimators_"):
        members = [ModALActiveLearner(member) for member in model.estimators_]
        return CommitteeRegressor(members)
    return modal_learner_of(model, X_training)


def estimator_for(function):
    if function in BY_COMMITTEE:
        return BaggingClassifier(LogisticRegression(), 5, max_samples=0.6)
    return LogisticRegression()


@pytest.fixture(scope="module")
def line(rng_of_module):
    X = rng_of_module.uniform(-3, 3, size=(80, 2))
    return X, np.sin(X[:, 0]) + 0.1 * rng_of_module.normal(size=80)


@pytest.fixture(scope="module")
def rng_of_module():
    return np.random.RandomState(4)


@pytest.mark.parametrize("labels", ["codes", "words"])
@pytest.mark.parametrize("function", CLASSIFICATION, ids=lambda f: f.__name__)
def test_a_live_query_is_what_modal_answers(function, labels, blobs):
    X, y = blobs
    y = WORDS[y] if labels == "words" else y
    learner = ActiveLearner(estimator_for(function), function, random_state=0)
    learner.fit(X[:60], y[:60])
    indices, rows = learner.query(X[60:], 7)
    expected = function(
        counterpart(function, learner.estimator_, X[:60]), X[60:], n_instances=7
    )
    assert set(indices) == set(expected)
    np.testing.assert_array_equal(rows, X[60:][indices])
    np.testing.assert_array_equal(learner.query(X[60:], 7)[0], indices)


@pytest.mark.parametrize("labels", ["codes", "words"])
@pytest.mark.parametrize("function", CLASSIFICATION, ids=lambda f: f.__name__)
def test_every_round_of_a_simulation_is_what_modal_answers(function, labels, blobs):
    X, y = blobs
    y = WORDS[y] if labels == "words" else y
    learner = ActiveLearner(
        estimator_for(function),
        function,
        n_labels=40,
        batch_size=10,
        n_initial=20,
        store_estimators=True,
        random_state=0,
    ).fit(X, y)
    asked = learner.history_["indices"]
    known = np.concatenate(asked)
    assert len(np.unique(known)) == 40
    for round, n_known in ((1, 20), (2, 30)):
        model = learner.estimators_[round - 1]
        pool = np.setdiff1d(np.arange(300), known[:n_known])
        expected = function(
            counterpart(function, model, X[known[:n_known]]), X[pool], n_instances=10
        )
        assert set(asked[round]) == set(pool[expected])


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianProcessRegressor(RBF(1.0), optimizer=None, alpha=0.01),
        RandomForestRegressor(n_estimators=6, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_the_deviation_of_regressors_is_what_modal_reads(estimator, line):
    X, y = line
    learner = ActiveLearner(clone(estimator), max_std_sampling, random_state=0)
    learner.fit(X[:30], y[:30])
    indices, _ = learner.query(X[30:], 4)
    reference = counterpart(max_std_sampling, learner.estimator_, X[:30])
    assert set(indices) == set(max_std_sampling(reference, X[30:], n_instances=4))
    simulation = clone(learner).set_params(n_labels=30, batch_size=5).fit(X, y)
    assert len(np.unique(np.concatenate(simulation.history_["indices"]))) == 30


def test_ranked_batches_go_on_over_csr_rows_and_in_pipelines(blobs):
    X, y = blobs
    estimator = make_pipeline(StandardScaler(with_mean=False), LogisticRegression())
    answers = []
    for kind in (np.asarray, sp.csr_matrix):
        learner = ActiveLearner(estimator, uncertainty_batch_sampling, random_state=0)
        learner.fit(kind(X[:60]), y[:60])
        answers.append(learner.query(kind(X[60:]), 5)[0])
    np.testing.assert_array_equal(*answers)


def test_modals_own_keywords_can_be_fixed_beforehand(blobs):
    X, y = blobs
    strategy = partial(uncertainty_batch_sampling, metric="cityblock")
    learner = ActiveLearner(query_strategy=strategy, random_state=0).fit(X[:60], y[:60])
    indices, _ = learner.query(X[60:], 6)
    expected = uncertainty_batch_sampling(
        modal_learner_of(learner.estimator_, X[:60]),
        X[60:],
        n_instances=6,
        metric="cityblock",
    )
    np.testing.assert_array_equal(indices, expected)


def test_modals_functions_work_in_a_shortlist(blobs):
    X, y = blobs
    learner = ActiveLearner(
        estimator_for(vote_entropy_sampling),
        Shortlist(vote_entropy_sampling, 50),
        n_labels=40,
        n_initial=20,
        random_state=0,
    ).fit(X, y)
    assert learner.n_iter_ == 2


def test_a_committee_function_on_a_single_model_is_named(blobs):
    X, y = blobs
    model = LogisticRegression()
    learner = ActiveLearner(model, vote_entropy_sampling).fit(X, y)
    with pytest.raises(
        TypeError, match=r"needs samples .* LogisticRegression does not"
    ):
        learner.query(X, 3)


def test_modals_first_rows_need_no_model_only_where_they_say_so(blobs):
    """modAL ranks unfitted models as equally unsure; skal asks for another initial."""
    X, _ = blobs
    learner = ActiveLearner(initial=uncertainty_sampling)
    with pytest.raises(TypeError, match=r"no label is known yet\. As initial= give"):
        learner.query(X, 3)


# What a function is handed ------------------------------------------------------


@pytest.fixture
def taught(blobs):
    """Return a function that fits a learner with a strategy and queries five rows."""
    X, y = blobs

    def query(strategy, n_instances=5, estimator=None, **params):
        learner = ActiveLearner(estimator, strategy, random_state=0, **params)
        learner.fit(X[:60], WORDS[y[:60]])
        return learner.query(X[60:], n_instances)[0]

    return query


def test_the_learner_has_the_names_that_modal_reads(taught, blobs):
    X, y = blobs
    seen = []

    def look(learner, X_pool, n_instances=1):
        seen.append(learner)
        assert len(learner) == 5
        assert len(list(learner)) == 5
        assert bool(learner)
        assert learner.on_transformed is False
        np.testing.assert_array_equal(learner.X_training, X[:60])
        np.testing.assert_array_equal(learner.y_training, WORDS[y[:60]])
        np.testing.assert_array_equal(learner.classes_, sorted(WORDS))
        votes, chances = learner.vote(X_pool), learner.vote_proba(X_pool)
        assert votes.shape == (240, 5)
        assert chances.shape == (240, 5, 3)
        np.testing.assert_array_equal(votes, learner.classes_[chances.argmax(axis=2)])
        np.testing.assert_allclose(
            chances.mean(axis=1), learner.predict_proba(X_pool), rtol=1e-4, atol=1e-6
        )
        assert set(learner.predict(X_pool)) <= set(WORDS)
        assert learner.n_estimators == 5  # whatever else the fitted model has
        assert len(learner.estimator.estimators_) == 5
        assert learner.transform_without_estimating(X_pool).shape == (240, 2)
        return np.arange(n_instances)

    taught(look, estimator=estimator_for(vote_entropy_sampling))
    assert repr(seen[0]) == "ModALLearner(BaggingClassifier)"


def test_what_the_model_lacks_is_an_attribute_error(taught):
    def look(learner, X, n_instances=1):
        assert not hasattr(learner, "n_trees")
        assert not hasattr(learner, "_anything")
        return np.arange(n_instances)

    taught(look)


def test_a_regressor_tells_its_largest_target(line):
    X, y = line

    def look(learner, X, n_instances=1):
        assert learner.y_max == y[:30].max()
        mean, std = learner.predict(X, return_std=True)
        assert mean.shape == std.shape == (50,)
        return np.arange(n_instances)

    model = RandomForestRegressor(n_estimators=3)
    ActiveLearner(model, look, random_state=0).fit(X[:30], y[:30]).query(X[30:], 2)


def test_transformed_rows_are_what_the_last_step_sees(taught, blobs):
    X, _ = blobs
    scaler = StandardScaler().fit(X[:60])

    def look(learner, X, n_instances=1):
        np.testing.assert_allclose(
            learner.transform_without_estimating(X), scaler.transform(X), atol=1e-5
        )
        return np.arange(n_instances)

    taught(look, estimator=make_pipeline(StandardScaler(), LogisticRegression()))


def test_other_rows_than_the_pool_may_be_asked_about(taught, blobs):
    X, _ = blobs

    def look(learner, X_pool, n_instances=1):
        half = X_pool[::2]
        np.testing.assert_array_equal(
            learner.predict_proba(half), learner.predict_proba(X_pool)[::2]
        )
        np.testing.assert_array_equal(
            learner.predict_proba(X[:5]), learner.estimator.predict_proba(X[:5])
        )
        return np.arange(n_instances)

    taught(look)


def test_the_pool_comes_in_its_own_type_without_the_other_rows():
    def look(learner, X, n_instances=1):
        assert X == ["two", "four", "five"]
        return [2, 0]

    learner = ActiveLearner(initial=look)
    pool = ["one", "two", "three", "four", "five"]
    indices, rows = learner.query(pool, 2, candidates=[1, 3, 4])
    np.testing.assert_array_equal(indices, [4, 1])
    assert rows == ["five", "two"]


# How a function may be written --------------------------------------------------


def two_arguments(classifier, X):
    return np.arange(5)


def any_keywords(classifier, X, **kwargs):
    assert set(kwargs) == {"n_instances"}
    return np.arange(kwargs["n_instances"])


def keyword_only(classifier, X, *, n_instances):
    return np.arange(n_instances)


def seeded(classifier, X, n_instances=1, random_state=None):
    return random_state.permutation(len(X))[:n_instances]


def other_default(classifier, X, n_instances=20, metric="euclidean"):
    assert metric == "euclidean"
    return np.arange(n_instances)


class Picker:
    """A callable object."""

    def __call__(self, classifier, X, n_instances=1):
        return np.arange(n_instances)

    def pick(self, classifier, X, n_instances=1):
        return np.arange(n_instances)


@pytest.mark.parametrize(
    "function",
    [
        two_arguments,
        any_keywords,
        keyword_only,
        other_default,
        Picker(),
        Picker().pick,
        partial(other_default, metric="euclidean"),
        partial(lambda extra, clf, X, n_instances: np.arange(n_instances), "extra"),
        lambda *args, **kwargs: np.arange(kwargs["n_instances"]),
    ],
    ids=[
        "two arguments",
        "any keywords",
        "keyword only",
        "other default",
        "object",
        "method",
        "partial",
        "partial of positions",
        "stars",
    ],
)
def test_a_function_may_be_written_in_any_manner(function, taught):
    np.testing.assert_array_equal(taught(function), np.arange(5))


def test_random_state_is_passed_where_it_is_named_only(taught):
    indices = taught(seeded)
    np.testing.assert_array_equal(taught(seeded), indices)
    assert not np.array_equal(indices, np.arange(5))

    def unnamed(classifier, X, n_instances=1, **kwargs):
        assert kwargs == {}
        return np.arange(n_instances)

    taught(unnamed)


@pytest.mark.parametrize(
    "answer",
    [
        lambda n: np.arange(n),
        lambda n: list(range(n)),
        lambda n: range(n),
        lambda n: (np.arange(n), np.zeros((n, 2))),
        lambda n: (list(range(n)), np.zeros(n)),
        lambda n: (range(n), {"score": np.zeros(n)}),
        lambda n: (np.arange(n),),
        lambda n: np.arange(n, dtype=np.uint8),
    ],
    ids=[
        "array",
        "list",
        "range",
        "with rows",
        "with metrics",
        "with info",
        "alone in a tuple",
        "small integers",
    ],
)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_both_of_modals_conventions_are_understood(answer, n, taught):
    """modAL 0.4.2 took a list of exactly two positions for (positions, metrics)."""
    np.testing.assert_array_equal(
        taught(lambda learner, X, n_instances: answer(n_instances), n), np.arange(n)
    )


@pytest.mark.parametrize("two", [[3, 7], np.array([3, 7])], ids=["list", "array"])
def test_two_positions_are_two_positions(two, taught):
    np.testing.assert_array_equal(taught(lambda learner, X: two, 2), [3, 7])


def test_a_tuple_of_two_integers_is_a_position_and_something_else(taught):
    np.testing.assert_array_equal(taught(lambda learner, X: (3, 7), 1), [3])
    np.testing.assert_array_equal(taught(lambda learner, X: 3, 1), [3])


def test_what_a_function_tells_is_kept_in_the_history(blobs):
    def telling(learner, X, n_instances=1):
        return np.arange(n_instances), {"pool": len(X)}

    learner = ActiveLearner(query_strategy=telling, n_labels=30, random_state=0)
    learner.fit(*blobs)
    assert [info.get("pool") for info in learner.history_["info"]] == [None, 290, 280]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 1], "must return 3 rows, got 2"),
        ([0, 1, 1], "must return 3 different rows, got 2"),
        ([0, 1, 240], r"must return positions in \[0, 239\], got 0 to 240"),
        ([0, 1, -1], r"must return positions in \[0, 239\], got -1 to 1"),
        ([0.0, 1.0, 2.0], "must return whole numbers, got float64"),
        (np.arange(240) < 3, "must return whole numbers, got bool"),
        ([[0], [1], [2]], "must return whole numbers, got int64 of shape"),
        (None, "must return whole numbers, got object"),
        ("012", "must return whole numbers, got <U3"),
        ({0, 1, 2}, "must return whole numbers, got object"),
        ([], "must return"),
        ((), "must return"),
        ([[0], [1, 2]], "must return"),
        ((None, {"score": 1}), "must return whole numbers, got object"),
    ],
    ids=[
        "too few",
        "repeated",
        "outside",
        "negative",
        "floats",
        "mask",
        "column",
        "nothing",
        "words",
        "set",
        "empty",
        "empty tuple",
        "ragged",
        "tuple of nothing",
    ],
)
def test_a_wrong_answer_is_named_with_the_function(answer, message, taught):
    def wrong(learner, X, n_instances=1):
        return answer

    with pytest.raises(ValueError, match=f"The strategy wrong {message}"):
        taught(wrong, 3)


def test_a_wrong_answer_of_a_nameless_function_is_named_by_its_type(taught):
    class Liar:
        def __call__(self, learner, X):
            return np.arange(0, dtype=int)

    with pytest.raises(ValueError, match="The strategy Liar must return 3 rows, got 0"):
        taught(Liar(), 3)


@pytest.mark.parametrize("error", [TypeError, ValueError, AttributeError, KeyError])
def test_exceptions_pass_through_and_nothing_is_tried_twice(error, taught):
    """modAL 0.4.2 caught any exception and called the function again."""
    calls = []

    def failing(learner, X, n_instances=1):
        calls.append(n_instances)
        raise error("the reason")

    with pytest.raises(error, match="the reason"):
        taught(failing)
    assert calls == [5]


def test_a_function_is_called_once_a_query(blobs):
    calls = []

    def counting(learner, X, n_instances=1):
        calls.append((len(X), n_instances))
        return np.arange(n_instances)

    learner = ActiveLearner(
        query_strategy=counting, n_labels=25, batch_size=10, random_state=0
    ).fit(*blobs)
    assert calls == [(290, 10), (280, 5)]
    learner.query(blobs[0], 3)
    assert calls[2:] == [(300, 3)]


def test_a_function_is_not_asked_for_more_than_there_is(taught):
    def never(learner, X, n_instances=1):
        raise AssertionError

    with pytest.raises(PoolExhaustedError, match="at most 240"):
        taught(never, 241)


def test_a_wrong_answer_leaves_the_learner_as_it_was(blobs):
    X, y = blobs
    learner = ActiveLearner(query_strategy=lambda learner, X: [0, 0], random_state=0)
    learner.fit(X[:60], y[:60])
    before = set(vars(learner))
    with pytest.raises(ValueError, match="<lambda> must return 2 different rows"):
        learner.query(X, 2)
    assert set(vars(learner)) == before
    assert learner.n_iter_ == 0


def test_measures_of_modal_take_what_skal_hands_out(blobs):
    X, y = blobs
    learner = ActiveLearner(estimator_for(vote_entropy_sampling), random_state=0)
    view = as_view(learner.fit(X, y))
    adapter = ModALLearner(view, Rows(X), X)
    np.testing.assert_allclose(
        KL_max_disagreement(adapter, X),
        KL_max_disagreement(committee_of(learner.estimator_), X),
        rtol=1e-3,
        atol=1e-6,
    )
