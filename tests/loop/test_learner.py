"""A simulation: its rounds, budget, history, fits and what it keeps of them."""

import pickle

import numpy as np
import pytest
from helpers import Witness, in_order
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skal import ActiveLearner


class Warm(GaussianNB):
    """Counts how often it went on from the fit before."""

    def __init__(self, warm_start=False, limit=None):
        super().__init__()
        self.warm_start = warm_start
        self.limit = limit

    def fit(self, X, y):
        goes_on = self.warm_start and hasattr(self, "n_fits_")
        self.n_fits_ = self.n_fits_ + 1 if goes_on else 1
        if self.limit is not None and len(X) >= self.limit:
            raise RuntimeError("no more rows")
        return super().fit(X, y)


def pool(n=40):
    """Return rows numbered by their only feature, in classes 0 1 0 1 ..."""
    return np.arange(n, dtype=float)[:, None], np.arange(n) % 2


def ordered(estimator=None, **params):
    """Return a learner that asks for the rows of its pool in their order."""
    defaults = {"query_strategy": in_order, "initial": in_order, "random_state": 0}
    return ActiveLearner(estimator or Witness(), **{**defaults, **params})


def lengths(learner):
    return learner.history_["n_labels"].tolist()


def asked(learner):
    return [indices.tolist() for indices in learner.history_["indices"]]


def without_times(history):
    kept = {k: v for k, v in history.items() if not k.endswith("_time")}
    return {k: [np.asarray(item).tolist() for item in v] for k, v in kept.items()}


# fit without a budget ----------------------------------------------------------

CLASSIFIERS = [
    LogisticRegression(),
    RandomForestClassifier(5, random_state=0),
    make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=1)),
]
REGRESSORS = [Ridge(), make_pipeline(StandardScaler(), Ridge(alpha=0.1))]


def fitted_state(estimator):
    """Return what a linear model or forest learnt, as arrays."""
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    if hasattr(last, "coef_"):
        return [last.coef_, last.intercept_]
    return [tree.tree_.threshold for tree in last.estimators_]


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("names", [np.arange(3), np.array(["b", "c", "z"])], ids=str)
def test_fit_without_a_budget_is_the_estimators_own_fit(blobs, estimator, names):
    X, codes = blobs
    y = names[codes]
    learner = ActiveLearner(estimator).fit(X, y)
    alone = clone(estimator).fit(X, y)
    np.testing.assert_equal(
        fitted_state(learner.estimator_),
        fitted_state(clone(estimator).fit(X, codes)),
    )
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))
    np.testing.assert_array_equal(learner.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(learner.classes_, alone.classes_)
    assert learner.score(X, y) == alone.score(X, y)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
def test_fit_without_a_budget_is_the_regressors_own_fit(blobs, estimator):
    X, y = blobs[0], blobs[0][:, 0] ** 2
    learner = ActiveLearner(estimator, query_strategy="random").fit(X, y)
    alone = clone(estimator).fit(X, y)
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))
    assert learner.score(X, y) == alone.score(X, y)
    assert not hasattr(learner, "classes_")


def test_the_whole_of_X_reaches_the_estimator_uncopied():
    X, y = pool()
    learner = ordered().fit(X, y)
    assert learner.estimator_.seen_[0] is X
    assert learner.X_training_ is X


def test_fit_trains_on_the_labelled_rows_alone():
    X, _ = pool(6)
    partial = np.array([1, -1, 0, -1, 1, 0])
    learner = ordered(classes=[0, 1]).fit(X, partial)
    seen, codes, _ = learner.estimator_.seen_
    np.testing.assert_array_equal(seen.ravel(), [0, 2, 4, 5])
    np.testing.assert_array_equal(codes, [1, 0, 1, 0])
    np.testing.assert_array_equal(learner.labeled_iter_, [0, -1, 0, -1, 0, 0])
    np.testing.assert_array_equal(learner.X_training_, seen)
    np.testing.assert_array_equal(learner.y_training_, [1, 0, 1, 0])
    assert asked(learner) == [[0, 2, 4, 5]]
    assert lengths(learner) == [4]
    assert learner.n_iter_ == 0
    assert learner.termination_condition_ is None


def test_fit_leaves_the_parameters_and_the_estimator_alone(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "margin", n_labels=0.1, random_state=0)
    before = learner.get_params(deep=True)
    learner.fit(X, y)
    after = learner.get_params(deep=True)
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in before)
    assert not hasattr(learner.estimator, "classes_")


# fit with a budget -------------------------------------------------------------


def test_a_simulation_buys_round_by_round():
    X, y = pool()
    learner = ordered(n_labels=7, n_initial=3, batch_size=2).fit(X, y)
    assert lengths(learner) == [3, 5, 7]
    assert asked(learner) == [[0, 1, 2], [3, 4], [5, 6]]
    expected = np.full(40, -1)
    expected[:7] = [0, 0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(learner.labeled_iter_, expected)
    np.testing.assert_array_equal(learner.X_training_, X[:7])
    np.testing.assert_array_equal(learner.y_training_, y[:7])
    np.testing.assert_array_equal(learner.estimator_.seen_[0], X[:7])
    assert learner.n_iter_ == 2
    assert learner.termination_condition_ == "n_labels"


@pytest.mark.parametrize(
    ("n_labels", "n_initial", "batch_size", "n_labels_by_round", "reason"),
    [
        (20, 10, 10, [10, 20], "n_labels"),
        (25, 10, 10, [10, 20, 25], "n_labels"),
        (5, 10, 10, [5], "n_labels"),
        (10, 10, 3, [10], "n_labels"),
        (2, 2, 1, [2], "n_labels"),
        (40, 10, 100, [10, 40], "n_labels"),
        (41, 20, 15, [20, 35, 40], "exhausted"),
        (10**6, 10**6, 1, [40], "exhausted"),
        (1.0, 30, 10, [30, 40], "n_labels"),
        (0.5, 10, 10, [10, 20], "n_labels"),
        (0.51, 20, 10, [20, 21], "n_labels"),
        (np.float64(0.1), np.int64(2), np.int64(1), [2, 3, 4], "n_labels"),
        (30, 2, [3, 5, 10], [2, 5, 10, 20, 30], "n_labels"),
        (12, 2, (3, 5, 10), [2, 5, 10, 12], "n_labels"),
        (5, 2, (3, 5, 10), [2, 5], "n_labels"),
        (2, 2, (3, 5, 10), [2], "n_labels"),
        (9, 2, np.array([1, 3]), [2, 3, 6, 9], "n_labels"),
        (99, 30, [4], [30, 34, 38, 40], "exhausted"),
    ],
)
def test_the_budget_is_spent_to_the_label(
    n_labels, n_initial, batch_size, n_labels_by_round, reason
):
    X, y = pool(40)
    learner = ordered(n_labels=n_labels, n_initial=n_initial, batch_size=batch_size)
    learner.set_callbacks(watch := Halt(10**9)).fit(X, y)
    assert watch.planned == watch.ended == len(n_labels_by_round)
    assert lengths(learner) == n_labels_by_round
    assert learner.termination_condition_ == reason
    assert (learner.labeled_iter_ >= 0).sum() == n_labels_by_round[-1]


@pytest.mark.parametrize("sizes", [[2, 5], (2, 5), np.array([2, 5])], ids=repr)
def test_sizes_of_rounds_survive_clone_and_pickle(sizes):
    X, y = pool(40)
    learner = clone(ordered(n_labels=12, n_initial=2, batch_size=sizes))
    learner = pickle.loads(pickle.dumps(learner.fit(X, y)))
    assert lengths(clone(learner).fit(X, y)) == lengths(learner) == [2, 4, 9, 12]
    np.testing.assert_array_equal(learner.get_params()["batch_size"], [2, 5])


def test_a_search_finds_sizes_of_rounds():
    X, y = pool(40)
    search = GridSearchCV(
        ordered(n_labels=20, n_initial=2), {"batch_size": [5, (10, 20)]}, cv=2
    ).fit(X, y)
    assert list(search.cv_results_["param_batch_size"]) == [5, (10, 20)]
    rounds = {5: [2, 7, 12, 17, 20], (10, 20): [2, 12, 20]}
    best = search.best_params_["batch_size"]
    assert lengths(search.best_estimator_) == rounds[best]


@pytest.mark.parametrize(
    ("share", "n", "count"), [(0.07, 100, 7), (0.14, 50, 7), (0.55, 100, 55)]
)
def test_a_share_is_not_rounded_up_for_a_rounding_error(share, n, count):
    """0.07 * 100 is 7.000000000000001 in floating point, which made 8 labels."""
    X, y = pool(n)
    assert lengths(ordered(n_labels=share, batch_size=100).fit(X, y))[-1] == count


@pytest.mark.parametrize("strategy", ["random", "margin", "entropy"])
def test_no_row_is_bought_twice_and_labels_stay_with_their_rows(blobs, strategy):
    X, y = blobs
    learner = ActiveLearner(
        GaussianNB(), strategy, n_labels=1.0, batch_size=37, random_state=0
    ).fit(X, y)
    order = np.concatenate(learner.history_["indices"])
    np.testing.assert_array_equal(np.sort(order), np.arange(len(y)))
    np.testing.assert_array_equal(learner.X_training_, X[order])
    np.testing.assert_array_equal(learner.y_training_, y[order])
    for round, indices in enumerate(learner.history_["indices"]):
        assert np.all(learner.labeled_iter_[indices] == round)


@pytest.mark.parametrize(
    ("y", "n_initial", "n_labels", "first"),
    [
        ([0, 0, 0, 0, 0, 1, 0, 1], 2, 8, [0, 1, 2, 3, 4, 5]),
        ([0, 0, 0, 0, 0, 1, 0, 1], 6, 8, [0, 1, 2, 3, 4, 5]),
        ([0, 1, 0, 0, 0, 1, 0, 1], 1, 8, [0, 1]),
        ([0, 0, 0, 0, 0, 1, 0, 1], 2, 4, [0, 1, 2, 3]),
        ([0, 0, 0, 0, 0, 0, 0, 0], 2, 8, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_the_first_rows_go_on_until_they_hold_two_classes(
    y, n_initial, n_labels, first
):
    X, _ = pool(8)
    learner = ordered(n_initial=n_initial, n_labels=n_labels, batch_size=1)
    learner.fit(X, np.array(y))
    assert asked(learner)[0] == first
    assert learner.termination_condition_ == "n_labels"


def test_random_first_rows_that_go_on_keep_those_asked_first():
    X, y = pool(200)
    y = (np.arange(200) == 150).astype(int)
    learner = ActiveLearner(GaussianNB(), n_initial=5, n_labels=200, random_state=0)
    first = learner.fit(X, y).history_["indices"][0]
    assert first[-1] == 150
    assert len(np.unique(first)) == len(first)
    short = ActiveLearner(GaussianNB(), n_initial=5, random_state=0).query(X)[0]
    np.testing.assert_array_equal(first[:5], short)


def test_regressors_take_constant_first_rows():
    X, _ = pool(8)
    learner = ordered(LinearRegression(), n_initial=2, n_labels=4, batch_size=2)
    assert lengths(learner.fit(X, np.ones(8))) == [2, 4]


def test_stratified_first_rows_hold_every_class_in_proportion():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    X = np.arange(100.0)[:, None]
    learner = ActiveLearner(
        GaussianNB(), n_labels=10, n_initial=10, initial="stratified", random_state=3
    ).fit(X, y)
    assert np.bincount(learner.y_training_).tolist() == [6, 3, 1]
    rare = clone(learner).set_params(n_labels=3, n_initial=3).fit(X, y)
    assert sorted(rare.y_training_) == [0, 1, 2]


def test_the_estimator_sees_codes_whatever_the_labels():
    X, y = pool()
    learner = ordered(n_labels=4, n_initial=2, batch_size=2)
    learner.fit(X, np.array(["zebra", "ant"])[y])
    np.testing.assert_array_equal(learner.estimator_.seen_[1], [1, 0, 1, 0])
    np.testing.assert_array_equal(learner.classes_, ["ant", "zebra"])
    assert set(learner.predict(X)) <= {"ant", "zebra"}


def test_fit_params_are_sliced_to_the_revealed_rows():
    X, y = pool()
    weight = np.arange(40.0)
    learner = ordered(n_labels=4, n_initial=2, batch_size=2)
    learner.fit(X, y, sample_weight=weight, note="kept whole", scale=2)
    _, _, params = learner.estimator_.seen_
    np.testing.assert_array_equal(params.pop("sample_weight"), weight[:4])
    assert params == {"note": "kept whole", "scale": 2}


def test_history_holds_what_the_strategy_told():
    def told(learner, X, n_instances=1):
        scores = np.arange(n_instances) / 10
        return np.arange(n_instances), {"score": scores, "mood": "fine"}

    X, y = pool()
    learner = ordered(n_labels=4, n_initial=2, batch_size=2, query_strategy=told)
    history = learner.fit(X, y).history_
    assert {len(column) for column in history.values()} == {2}
    assert history["score"][0] is None
    np.testing.assert_array_equal(history["score"][1], [0, 0.1])
    assert history["info"].tolist() == [{}, {"mood": "fine"}]
    assert history["stopping"].tolist() == [None, None]
    assert np.all(history["query_time"] >= 0)
    assert np.all(history["fit_time"] >= 0)
    assert history["n_labels"].dtype == np.int64


def test_history_scores_are_those_of_the_model_that_asked(blobs):
    X, y = blobs
    learner = ActiveLearner(
        GaussianNB(), "margin", n_labels=20, store_estimators=True, random_state=0
    ).fit(X, y)
    proba = learner.estimators_[0].predict_proba(X[learner.history_["indices"][1]])
    top = np.sort(proba, axis=1)
    scores = learner.history_["score"][1]
    np.testing.assert_allclose(scores, top[:, -2] - top[:, -1])
    assert np.all(np.diff(scores) <= 0)


def test_a_new_fit_forgets_the_last():
    X, y = pool()
    learner = ordered(n_labels=9, n_initial=3, batch_size=2, store_estimators=True)
    learner.fit(X, y)
    learner.set_params(n_labels=None, store_estimators=False).fit(X[:5], y[:5])
    assert lengths(learner) == [5]
    assert learner.n_iter_ == 0
    assert learner.termination_condition_ is None
    assert len(learner.labeled_iter_) == 5
    assert "estimators_" not in vars(learner)


def test_fitting_twice_gives_the_same_run(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), n_labels=40, random_state=0)
    first = without_times(learner.fit(X, y).history_)
    assert without_times(learner.fit(X, y).history_) == first


@pytest.mark.parametrize("n_labels", [None, 1.0, 5])
def test_one_row_is_enough_for_an_estimator_that_it_is_enough_for(n_labels):
    learner = ActiveLearner(KNeighborsClassifier(1), n_labels=n_labels)
    learner.fit([[1.0]], ["only"])
    assert learner.predict([[7.0]]).tolist() == ["only"]
    assert learner.predict_proba([[7.0]]).tolist() == [[1.0]]
    assert learner.termination_condition_ == {None: None, 1.0: "n_labels"}.get(
        n_labels, "exhausted"
    )


# stopping and callbacks --------------------------------------------------------


class StopAt(BaseEstimator):
    """Stops at the k-th record; keeps what it was shown in the records."""

    def __init__(self, k=2):
        self.k = k

    def measure(self, view, rows, indices):
        n_base, n_candidates = len(rows.X), len(rows)
        asked = rows.take(indices).positions().tolist()
        return view.n_labels, n_base, n_candidates, asked

    def verdict(self, records):
        return float(len(records)), float(self.k), len(records) >= self.k


def test_a_stopping_rule_ends_the_run_before_its_batch_is_bought():
    X, y = pool()
    learner = ordered(n_labels=20, n_initial=2, batch_size=2, stopping=StopAt(3))
    learner.fit(X, y)
    assert lengths(learner) == [2, 4, 6]
    assert learner.termination_condition_ == "stopping"
    assert learner.history_["stopping"].tolist() == [
        (2, 40, 38, [2, 3]),
        (4, 40, 36, [4, 5]),
        (6, 40, 34, [6, 7]),
    ]
    assert (learner.labeled_iter_ >= 0).sum() == 6


def test_a_stopping_rule_leaves_the_learner_as_a_smaller_budget_would():
    X, y = pool()
    stopped = ordered(n_labels=20, n_initial=2, batch_size=2, stopping=StopAt(2))
    budget = ordered(n_labels=4, n_initial=2, batch_size=2)
    stopped.fit(X, y)
    budget.fit(X, y)
    np.testing.assert_array_equal(stopped.labeled_iter_, budget.labeled_iter_)
    np.testing.assert_array_equal(stopped.query(X)[0], budget.query(X)[0])


def test_the_last_round_is_not_measured_where_the_budget_ends():
    X, y = pool()
    learner = ordered(n_labels=4, n_initial=2, batch_size=2, stopping=StopAt(9))
    stopping = learner.fit(X, y).history_["stopping"]
    assert [record is None for record in stopping] == [False, True]
    assert learner.termination_condition_ == "n_labels"


class Halt:
    """A callback that stops the loop after ``rounds`` rounds, or raises there."""

    def __init__(self, rounds, error=None):
        self.rounds = rounds
        self.error = error
        self.ended = 0
        self.planned = None

    def setup(self, estimator, context):
        self.planned = context.max_subtasks

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name != "round":
            return False
        self.ended += 1
        if self.ended == self.rounds and self.error is not None:
            raise self.error
        return self.ended == self.rounds

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize(
    ("rounds", "n_labels_by_round", "reason"),
    [
        (1, [2], "callback"),
        (2, [2, 4], "callback"),
        (4, [2, 4, 6, 7], "n_labels"),
        (9, [2, 4, 6, 7], "n_labels"),
    ],
)
def test_a_callback_may_stop_the_loop(rounds, n_labels_by_round, reason):
    X, y = pool()
    halt = Halt(rounds)
    learner = ordered(n_labels=7, n_initial=2, batch_size=2).set_callbacks(halt)
    learner.fit(X, y)
    assert lengths(learner) == n_labels_by_round
    assert learner.termination_condition_ == reason
    assert halt.planned == 4


# what an interrupt leaves ------------------------------------------------------


def raises_at(n_labels, error):
    def strategy(learner, X, n_instances=1):
        if len(learner.y_training) >= n_labels:
            raise error
        return np.arange(n_instances)

    return strategy


class RaisingRule(StopAt):
    def __init__(self, n_labels=0, error=None):
        self.n_labels = n_labels
        self.error = error

    def measure(self, view, rows, indices):
        if view.n_labels >= self.n_labels:
            raise self.error

    def verdict(self, records):
        return 0.0, 0.0, False


def failing(where, error):
    """Return a learner whose fourth round of two rows never completes."""
    params = {"n_labels": 20, "n_initial": 2, "batch_size": 2}
    if where == "fit":
        return ordered(Witness(limit=8, error=error), **params)
    if where == "query":
        return ordered(query_strategy=raises_at(6, error), **params)
    if where == "stopping":
        return ordered(stopping=RaisingRule(6, error), **params)
    return ordered(**params).set_callbacks(Halt(3, error))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("out of memory")])
@pytest.mark.parametrize("where", ["fit", "query", "stopping", "callback"])
def test_a_run_that_breaks_off_keeps_its_complete_rounds(where, error):
    X, y = pool()
    learner = failing(where, error)
    with pytest.raises(type(error)):
        learner.fit(X, y)
    whole = ordered(n_labels=6, n_initial=2, batch_size=2).fit(X, y)
    assert without_times(learner.history_) == without_times(whole.history_)
    assert learner.termination_condition_ == "interrupted"
    assert learner.n_iter_ == 2
    np.testing.assert_array_equal(learner.labeled_iter_, whole.labeled_iter_)
    np.testing.assert_array_equal(learner.X_training_, whole.X_training_)
    np.testing.assert_array_equal(learner.y_training_, whole.y_training_)
    np.testing.assert_array_equal(learner.predict_proba(X), whole.predict_proba(X))


def test_a_run_that_broke_off_can_be_taught_on():
    X, y = pool()
    learner = failing("query", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        learner.fit(X, y)
    learner.set_params(query_strategy=in_order)
    indices, rows = learner.query(X, 2, candidates=learner.labeled_iter_ < 0)
    assert indices.tolist() == [6, 7]
    learner.teach(rows, y[indices])
    assert lengths(learner) == [2, 4, 6, 8]
    assert learner.termination_condition_ is None
    np.testing.assert_array_equal(learner.labeled_iter_[-2:], [3, 3])


@pytest.mark.parametrize("n_labels", [None, 10])
def test_a_fit_that_fails_at_once_leaves_the_last_fit(n_labels):
    X, y = pool()
    learner = ordered(n_labels=6, n_initial=2, batch_size=2).fit(X, y)
    before = dict(vars(learner))
    learner.set_params(estimator=Witness(0, RuntimeError("no")), n_labels=n_labels)
    with pytest.raises(RuntimeError, match="no"):
        learner.fit(X, y)
    after = vars(learner)
    fitted = before.keys() - {"estimator", "n_labels"}
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in fitted)


def test_a_first_fit_that_fails_at_once_leaves_an_unfitted_learner():
    X, y = pool()
    learner = ordered(Witness(0, RuntimeError("no")), n_labels=6)
    with pytest.raises(RuntimeError, match="no"):
        learner.fit(X, y)
    assert not hasattr(learner, "estimator_")
    assert not hasattr(learner, "history_")


# warm starts -------------------------------------------------------------------


def test_a_warm_start_goes_on_round_by_round_and_a_new_fit_starts_afresh():
    X, y = pool()
    learner = ordered(Warm(), warm_start=True, n_labels=8, n_initial=2, batch_size=2)
    assert learner.fit(X, y).estimator_.n_fits_ == 4
    assert learner.fit(X, y).estimator_.n_fits_ == 4
    assert learner.estimator.warm_start is False
    learner.set_params(n_labels=None)
    assert learner.fit(X, y).estimator_.n_fits_ == 1


def test_without_a_warm_start_each_round_starts_from_scratch():
    X, y = pool()
    learner = ordered(Warm(warm_start=True), n_labels=8, n_initial=2, batch_size=2)
    assert learner.fit(X, y).estimator_.n_fits_ == 1


def test_a_new_class_ends_a_warm_start():
    X, _ = pool(12)
    y = np.array([0, 1, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    learner = ordered(Warm(), warm_start=True, n_labels=12, n_initial=2, batch_size=2)
    learner.set_params(store_estimators=True).fit(X, y)
    n_fits = [estimator.n_fits_ for estimator in learner.estimators_]
    assert n_fits == [1, 2, 1, 2, 3, 4]


def test_a_warm_start_fits_a_copy_so_that_a_failure_leaves_the_model():
    X, y = pool()
    learner = ordered(Warm(limit=6), warm_start=True).teach(X[:4], y[:4])
    kept, theta = learner.estimator_, learner.estimator_.theta_.copy()
    with pytest.raises(RuntimeError, match="no more rows"):
        learner.teach(X[4:8], y[4:8])
    assert learner.estimator_ is kept
    assert kept.n_fits_ == 1
    np.testing.assert_array_equal(kept.theta_, theta)


WARM = [
    SGDClassifier(loss="log_loss", tol=None, max_iter=3),
    MLPClassifier(5, solver="adam", max_iter=3, tol=0),
    LogisticRegression(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("estimator", WARM, ids=str)
def test_real_estimators_start_warm_and_meet_new_classes(blobs, estimator):
    X, y = blobs
    order = np.argsort(y, kind="stable")
    first, later = order[:150], order[150:]  # two classes, then the third
    learner = ActiveLearner(estimator, warm_start=True, random_state=0)
    learner.teach(X[first[::2]], y[first[::2]])
    assert learner.classes_.tolist() == [0, 1]
    learner.teach(X[first[1::2]], y[first[1::2]])
    learner.teach(X[later], y[later])
    assert learner.classes_.tolist() == [0, 1, 2]
    proba = learner.predict_proba(X)
    assert proba.shape == (300, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_a_warm_start_goes_on_from_the_weights_of_the_round_before(blobs):
    X, y = blobs[0], blobs[0] @ [1.0, 2.0]
    model = SGDRegressor(tol=None, max_iter=1, random_state=0)
    learner = ordered(model, warm_start=True, n_labels=60, n_initial=20, batch_size=20)
    expected = clone(model).set_params(warm_start=True)
    for n in (20, 40, 60):
        expected.fit(X[:n], y[:n])
    np.testing.assert_array_equal(learner.fit(X, y).estimator_.coef_, expected.coef_)


# rows without labels -----------------------------------------------------------


def test_use_unlabeled_shows_the_estimator_every_row():
    X, y = pool(8)
    learner = ordered(use_unlabeled=True, n_labels=4, n_initial=2, batch_size=2).fit(
        X, np.array(["b", "a"])[y], sample_weight=np.arange(8)
    )
    seen, codes, params = learner.estimator_.seen_
    np.testing.assert_array_equal(seen, X)
    np.testing.assert_array_equal(codes, [1, 0, 1, 0, -1, -1, -1, -1])
    np.testing.assert_array_equal(params["sample_weight"], np.arange(8))
    np.testing.assert_array_equal(learner.X_training_, X[:4])
    np.testing.assert_array_equal(learner.y_training_, ["b", "a", "b", "a"])


def test_use_unlabeled_refuses_an_estimator_that_takes_the_mark_for_a_class(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), use_unlabeled=True)
    with pytest.raises(ValueError, match="use_unlabeled must be False for GaussianNB"):
        learner.fit(X, np.where(np.arange(300) % 5 == 0, y, -1))


SEMI = [SelfTrainingClassifier(LogisticRegression()), LabelSpreading()]


@pytest.mark.parametrize("estimator", SEMI, ids=str)
def test_use_unlabeled_is_the_estimators_own_semi_supervised_fit(blobs, estimator):
    X, y = blobs
    partial = np.where(np.arange(300) % 5 == 0, y, -1)
    learner = ActiveLearner(estimator, use_unlabeled=True).fit(X, partial)
    alone = clone(estimator).fit(X, partial)
    np.testing.assert_array_equal(learner.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(learner.classes_, [0, 1, 2])
    np.testing.assert_array_equal(learner.labeled_iter_, np.where(partial < 0, -1, 0))
    indices, _ = learner.query(X, 5, candidates=learner.labeled_iter_ < 0)
    assert np.all(partial[indices] == -1)


@pytest.mark.parametrize("estimator", SEMI, ids=str)
def test_semi_supervised_estimators_learn_in_a_simulation(blobs, estimator):
    X, y = blobs
    learner = ActiveLearner(
        estimator, use_unlabeled=True, n_labels=30, random_state=0
    ).fit(X, np.array(["u", "v", "w"])[y])
    assert lengths(learner) == [10, 20, 30]
    partial = np.where(learner.labeled_iter_ < 0, -1, y)
    alone = clone(estimator).fit(X, partial)
    np.testing.assert_array_equal(learner.predict_proba(X), alone.predict_proba(X))
    assert set(learner.predict(X)) == {"u", "v", "w"}


# every round's model -----------------------------------------------------------


def test_stored_models_are_those_of_shorter_runs(blobs):
    X, y = blobs
    params = {"n_initial": 20, "batch_size": 20, "random_state": 0}
    learner = ActiveLearner(
        GaussianNB(), n_labels=80, store_estimators=True, **params
    ).fit(X, y)
    labels = list(learner.staged_predict(X))
    probas = list(learner.staged_predict_proba(X))
    scores = list(learner.staged_score(X, y))
    assert len(learner.estimators_) == 4
    assert learner.estimators_[-1] is learner.estimator_
    for i, n_labels in enumerate([20, 40, 60, 80]):
        shorter = ActiveLearner(GaussianNB(), n_labels=n_labels, **params).fit(X, y)
        np.testing.assert_array_equal(labels[i], shorter.predict(X))
        np.testing.assert_array_equal(probas[i], shorter.predict_proba(X))
        assert scores[i] == shorter.score(X, y)


def test_stored_models_speak_in_todays_classes_while_classes_grow():
    X = np.arange(6.0)[:, None]
    learner = ActiveLearner(KNeighborsClassifier(1), store_estimators=True)
    learner.teach(X[2:4], ["c", "e"])
    learner.teach(X[:2], ["a", "d"])  # a sorts before c, d between c and e
    np.testing.assert_array_equal(learner.classes_, ["a", "c", "d", "e"])
    first, last = learner.staged_predict_proba(X[:4])
    np.testing.assert_array_equal(first.argmax(axis=1), [1, 1, 1, 3])
    np.testing.assert_array_equal(last.argmax(axis=1), [0, 2, 1, 3])
    np.testing.assert_array_equal(first.sum(axis=0), [0, 3, 0, 1])
    labels = [stage.tolist() for stage in learner.staged_predict(X[:4])]
    assert labels == [["c", "c", "c", "e"], ["a", "d", "c", "e"]]
    assert list(learner.staged_score(X[:4], ["a", "d", "c", "e"])) == [0.5, 1.0]


def test_models_are_stored_from_the_first_round_or_not_at_all(blobs):
    """estimators_ and history_ used to be of different lengths."""
    X, y = blobs
    learner = ActiveLearner(random_state=0).fit(X[:20], y[:20])
    learner.set_params(store_estimators=True)
    with pytest.raises(ValueError, match="store_estimators must be True from"):
        learner.teach(X[20:25], y[20:25])
    assert len(learner.y_training_) == 20
    learner.fit(X[:20], y[:20]).teach(X[20:25], y[20:25])
    assert len(learner.estimators_) == len(learner.history_["n_labels"]) == 2


def test_models_are_not_stored_unless_asked_for():
    X, y = pool()
    learner = ordered().fit(X, y)
    assert "estimators_" not in vars(learner)
    assert not hasattr(learner, "staged_predict")
    with pytest.raises(AttributeError, match="staged_score"):
        _ = learner.staged_score


# metadata ----------------------------------------------------------------------


class Weighed(GaussianNB):
    """Keeps the weights that it was fitted with."""

    def fit(self, X, y, sample_weight=None, note=None):
        self.weight_, self.note_ = sample_weight, note
        return super().fit(X, y, sample_weight)


def requested():
    return (
        Weighed()
        .set_fit_request(sample_weight=True, note=True)
        .set_score_request(sample_weight=True)
    )


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_each_round_with_and_without_routing(blobs, routing):
    X, y = blobs
    weight = np.arange(1.0, 301.0)
    with config_context(enable_metadata_routing=routing):
        estimator = requested() if routing else Weighed()
        learner = ActiveLearner(estimator, n_labels=40, random_state=0)
        learner.set_params(store_estimators=True)
        learner.fit(X, y, sample_weight=weight, note="hi")
        score = learner.score(X, y, sample_weight=weight)
        learner.teach(X[:2], y[:2], sample_weight=[5.0, 6.0], note="ho")
    order = np.concatenate(learner.history_["indices"][:4])
    *rounds, taught = learner.estimators_
    for estimator in rounds:
        expected = weight[order[: len(estimator.weight_)]]
        np.testing.assert_array_equal(estimator.weight_, expected)
        assert estimator.note_ == "hi"
    np.testing.assert_array_equal(taught.weight_, [*weight[order], 5, 6])
    assert taught.note_ == "ho"
    answers = rounds[-1].predict(X)
    assert score == pytest.approx(np.average(answers == y, weights=weight))


def test_routing_refuses_what_the_estimator_did_not_ask_for(blobs):
    X, y = blobs
    ones = np.ones(300)
    with config_context(enable_metadata_routing=True):
        silent = ActiveLearner(Weighed(), n_labels=30)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            silent.fit(X, y, sample_weight=ones)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            silent.teach(X, y, sample_weight=ones)
        asking = ActiveLearner(requested(), n_labels=30)
        with pytest.raises(TypeError, match="nonsense"):
            asking.fit(X, y, nonsense=ones)
        assert not hasattr(silent, "estimator_")
        assert not hasattr(asking, "estimator_")


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_a_learner_through_a_search(blobs, routing):
    X, y = blobs
    weight = np.arange(1.0, 301.0)
    with config_context(enable_metadata_routing=routing):
        learner = ActiveLearner(
            requested() if routing else Weighed(), n_labels=40, random_state=0
        )
        search = GridSearchCV(learner, {"query_strategy": ["margin", "random"]}, cv=2)
        search.fit(X, y, sample_weight=weight)
    best = search.best_estimator_
    order = np.concatenate(best.history_["indices"])
    np.testing.assert_array_equal(best.estimator_.weight_, weight[order])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_weights_reach_a_learner_through_a_pipeline(blobs):
    X, y = blobs
    weight = np.arange(1.0, 301.0)
    learner = ActiveLearner(Weighed(), n_labels=30, random_state=0)
    pipe = make_pipeline(StandardScaler(), learner)
    pipe.fit(X, y, activelearner__sample_weight=weight)
    order = np.concatenate(pipe[-1].history_["indices"])
    np.testing.assert_array_equal(pipe[-1].estimator_.weight_, weight[order])


def test_weights_reach_a_pipeline_in_a_learner(blobs):
    X, y = blobs
    weight = np.arange(1.0, 301.0)
    pipe = make_pipeline(StandardScaler(), Weighed())
    learner = ActiveLearner(pipe, n_labels=30, random_state=0)
    learner.fit(X, y, weighed__sample_weight=weight)
    order = np.concatenate(learner.history_["indices"])
    np.testing.assert_array_equal(learner.estimator_[-1].weight_, weight[order])


def test_weights_of_rows_without_a_label_are_left_out_of_the_score():
    X, _ = pool(4)
    learner = ActiveLearner(KNeighborsClassifier(1)).fit(X, [0, 1, 1, 1])
    weight = np.array([1.0, 2.0, 4.0, 8.0])
    with pytest.warns(UserWarning, match="The score leaves out 1 of 4 rows"):
        score = learner.score(X, [0, 0, -1, 1], sample_weight=weight)
    assert score == pytest.approx((1 + 8) / (1 + 2 + 8))
