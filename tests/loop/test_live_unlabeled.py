"""A live run that learns from unlabelled rows is the simulation step by step."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import Witness, in_order, peak_bytes
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skal import ActiveLearner
from skal.exceptions import PoolExhaustedError
from skal.nets import MLPNetClassifier
from skal.pseudo import ConsistencyClassifier, PseudoLabelClassifier
from skal.query import MaxHerding

NB = GaussianNB(var_smoothing=1e-2)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200] / 16, y[:200]


def live_learner(estimator=None, strategy="margin", **params):
    estimator = PseudoLabelClassifier(NB) if estimator is None else estimator
    defaults = {"n_initial": 20, "batch_size": 10, "random_state": 0}
    return ActiveLearner(
        estimator, strategy, use_unlabeled=True, **{**defaults, **params}
    )


def witness(n=12, **params):
    """Return a learner that asks in order and tells what it was fitted on; a pool."""
    params = {"n_initial": 2, "batch_size": 2, **params}
    learner = live_learner(Witness(), in_order, initial=in_order, **params)
    return learner, np.arange(n, dtype=float)[:, None], np.arange(n) % 2


def none_of(y, missing=-1):
    return np.full(len(y), missing)


def state_of(learner):
    return {name: (id(v), pickle.dumps(v)) for name, v in vars(learner).items()}


def again(learner):
    return pickle.loads(pickle.dumps(learner))


def asked_for(learner, X, y, n_labels, **params):
    """Query and teach up to n_labels, pickled and asked twice every round."""
    given = {"y": none_of(y)}
    learner = learner.fit(X, given.pop("y"), **params)
    n = 0
    while n < n_labels:
        learner = again(learner)
        size = min(learner.batch_size if n else learner.n_initial, n_labels - n)
        first, _ = learner.query(X, size)
        learner = again(learner)
        indices, rows = learner.query(n_instances=size)
        np.testing.assert_array_equal(first, indices)
        learner.teach(rows, y[indices])
        n += size
    return learner


def assert_simulation_is_live(learner, X, y, n_labels=50, **params):
    simulated = clone(learner).set_params(n_labels=n_labels).fit(X, y, **params)
    live = asked_for(clone(learner), X, y, n_labels, **params)
    np.testing.assert_array_equal(live.labeled_iter_, simulated.labeled_iter_)
    np.testing.assert_array_equal(live.y_training_, simulated.y_training_)
    np.testing.assert_array_equal(live.predict_proba(X), simulated.predict_proba(X))
    assert (live.n_iter_, live.seed_) == (simulated.n_iter_, simulated.seed_)
    ours, theirs = live.history_, simulated.history_
    assert ours.keys() == theirs.keys()
    unlike = {"indices", "query_time", "fit_time", "pseudo_accuracy"}
    for name in ours.keys() - unlike:
        for here, there in zip(ours[name], theirs[name], strict=True):
            np.testing.assert_array_equal(here, there, err_msg=name)
    assert np.isnan(ours["pseudo_accuracy"]).all()
    return live, simulated


@pytest.mark.parametrize(
    ("estimator", "strategy"),
    [
        (PseudoLabelClassifier(NB, threshold=0.8), "margin"),
        (PseudoLabelClassifier(NB, threshold=0.8), "random"),
        (PseudoLabelClassifier(LogisticRegression(), threshold=0.5), "uherding"),
        (PseudoLabelClassifier(NB, criterion="k_best"), "entropy"),
        (SelfTrainingClassifier(NB), "margin"),
        (SelfTrainingClassifier(KNeighborsClassifier()), "core_set"),
        (LabelSpreading(gamma=0.5), "entropy"),
    ],
    ids=str,
)
def test_simulation_is_live(digits, estimator, strategy):
    live, simulated = assert_simulation_is_live(
        live_learner(estimator, strategy), *digits
    )
    assert simulated.history_["n_pseudo_labeled"].max() > 0
    again = simulated.query(digits[0], 3, candidates=simulated.labeled_iter_ < 0)[0]
    np.testing.assert_array_equal(live.query(n_instances=3)[0], again)


@pytest.mark.parametrize("seed", range(5))
def test_simulation_is_live_whatever_the_pool_and_the_batches(digits, seed):
    """Pools hold equal rows, and the first labels may miss classes."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(200, size=120)  # some twice or more
    learner = live_learner(
        PseudoLabelClassifier(NB, threshold=0.7),
        str(rng.choice(["margin", "random", "least_confidence"])),
        n_initial=int(rng.integers(5, 15)),
        batch_size=int(rng.integers(1, 15)),
        random_state=seed,
    )
    X, y = (part[rows] for part in digits)
    assert_simulation_is_live(learner.set_params(classes=range(10)), X, y, 45)


@pytest.mark.parametrize("warm_start", [False, True])
def test_simulation_is_live_with_consistency(digits, warm_start):
    net = MLPNetClassifier(max_steps=30)
    model = ConsistencyClassifier(net, threshold=0.4, min_threshold=0.2)
    learner = live_learner(model, warm_start=warm_start)
    _, simulated = assert_simulation_is_live(learner, *digits, 40)
    assert simulated.history_["n_pseudo_labeled"].max() > 0


@pytest.mark.parametrize(
    "params",
    [
        {"initial": MaxHerding()},
        {"n_initial": 2, "batch_size": 7, "classes": range(10)},
        {"classes": range(12)},
        {"store_estimators": True},
    ],
    ids=str,
)
def test_simulation_is_live_with_other_parameters(digits, params):
    learner = live_learner(LabelSpreading(gamma=0.5), **params)
    assert_simulation_is_live(learner, *digits, 40)


@pytest.mark.parametrize("name", ["costs", "groups", "sample_weight"])
def test_simulation_is_live_where_the_pool_has_weights_groups_or_costs(digits, name):
    X, y = digits
    values = {
        "costs": np.ones(200),
        "groups": np.arange(200) % 7,
        "sample_weight": np.random.default_rng(0).uniform(0.5, 2, 200),
    }
    learner = live_learner(PseudoLabelClassifier(NB, threshold=0.8))
    live, simulated = assert_simulation_is_live(learner, X, y, **{name: values[name]})
    if name != "sample_weight":
        ours, theirs = (vars(one)[f"{name}_training_"] for one in (live, simulated))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "kind", [np.float32, sp.csr_matrix, sp.csc_array, pd.DataFrame, list, "memmap"]
)
def test_simulation_is_live_in_every_container(digits, tmp_path, kind):
    X, y = digits
    if kind == "memmap":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    elif kind is list:
        X = X.tolist()
    else:
        X = kind(X)
    estimator = PseudoLabelClassifier(LogisticRegression(), threshold=0.5)
    assert_simulation_is_live(live_learner(estimator), X, y, 30)


def test_labels_of_every_kind_may_be_missing(digits):
    X, codes = digits
    y = np.array(list("abcdefghij"), object)[codes]
    runs = []
    for missing, mark in [(-1, None), ("?", "?"), (None, np.nan)]:
        learner = live_learner(missing_label=missing).fit(
            X, np.full(200, mark, dtype=object)
        )
        for _ in range(3):
            indices, rows = learner.query()
            learner.teach(rows, y[indices])
        runs.append(learner.predict_proba(X))
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])


def test_a_pool_with_some_labels_goes_on_from_these(digits):
    X, y = digits
    partial = np.where(np.arange(200) < 40, y, -1)
    learner = live_learner().fit(X, partial)
    indices, rows = learner.query()
    assert indices.min() >= 40
    learner.teach(rows, y[indices])
    assert np.flatnonzero(learner.labeled_iter_ == 1).tolist() == sorted(indices)
    afresh = live_learner().fit(X, np.where(learner.labeled_iter_ >= 0, y, -1))
    np.testing.assert_allclose(afresh.predict_proba(X), learner.predict_proba(X))
    assert learner.history_["n_labels"].tolist() == [40, 50]
    np.testing.assert_array_equal(learner.history_["pool_indices"][1], indices)


# what the estimator sees ----------------------------------------------------------


def test_the_estimator_sees_the_pool_itself_and_the_labels_so_far():
    learner, X, y = witness()
    learner.fit(X, none_of(y))
    assert learner.pool_ is X
    for n in (2, 4):
        indices, rows = learner.query()
        learner.teach(rows, y[indices])
        seen, codes, _ = learner.estimator_.seen_
        assert seen is X
        np.testing.assert_array_equal(codes, np.where(np.arange(12) < n, y, -1))


def test_other_rows_follow_the_pool():
    learner, X, y = witness()
    learner.fit(X, none_of(y))
    learner.query()
    learner.teach([[70.0], [1.0], [80.0], [0.0]], [1, 1, 0, 0])
    seen, codes, _ = learner.estimator_.seen_
    np.testing.assert_array_equal(seen, np.vstack([X, [[70], [80]]]))
    np.testing.assert_array_equal(codes, [0, 1, *[-1] * 10, 1, 0])
    assert learner.labeled_iter_.tolist() == [0, 0, *[-1] * 10, 0, 0]
    assert learner.history_["pool_indices"][0].tolist() == [-1, 1, -1, 0]
    indices, rows = learner.query()
    assert indices.tolist() == [2, 3]
    learner.teach([*rows, [90.0]], [0, 1, 1])
    seen, codes, _ = learner.estimator_.seen_
    assert seen[12:].ravel().tolist() == [70, 80, 90]
    assert codes[12:].tolist() == [1, 0, 1]
    assert learner.labeled_iter_.tolist() == [0, 0, 1, 1, *[-1] * 8, 0, 0, 1]


def test_indices_say_where_rows_of_the_pool_stand():
    learner, X, y = witness()
    learner.fit(X, none_of(y)).teach(X[[7, 2]], y[[7, 2]], indices=[7, 2])
    assert np.flatnonzero(learner.labeled_iter_ == 0).tolist() == [2, 7]
    assert learner.X_training_.ravel().tolist() == [7, 2]
    mask = np.isin(np.arange(12), [0, 11])
    learner.teach(X[mask], y[mask], indices=mask)
    assert learner.history_["pool_indices"][1].tolist() == [0, 11]
    assert learner.query(n_instances=3)[0].tolist() == [1, 3, 4]


def test_rows_whose_label_is_missing_stay_in_the_pool():
    learner, X, y = witness(n_initial=4)
    learner.fit(X, none_of(y))
    _, rows = learner.query()
    learner.teach(rows, [0, None, None, 1])
    assert np.flatnonzero(learner.labeled_iter_ == 0).tolist() == [0, 3]
    assert learner.query()[0].tolist() == [1, 2]
    before = state_of(learner)
    assert state_of(learner.teach(rows, [None] * 4)) == before


def test_equal_rows_of_a_pool_stay_different_rows():
    learner, _, y = witness(4, n_initial=2)
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    learner.fit(X, none_of(y))
    _, rows = learner.query()
    learner.teach(rows, [None, 0])  # the second of two that hold the same
    assert learner.query(n_instances=3)[0].tolist() == [0, 2, 3]


def test_the_pool_that_is_known_is_scored():
    learner, X, y = witness(store_estimators=True)
    learner.set_params(query_strategy="margin").fit(X, none_of(y))
    _, rows = learner.query()
    learner.teach(rows, [0, 1])
    np.testing.assert_array_equal(learner.score_pool(), learner.score_pool(X))
    assert [stage.pool_ is X for stage in learner.staged()] == [True]


def test_rejected_rows_are_neither_labelled_nor_unlabelled():
    learner, X, y = witness(reject_label=9, n_initial=3)
    learner.fit(X, none_of(y))
    _, rows = learner.query()
    learner.teach(rows, [0, 9, 1])
    seen, codes, _ = learner.estimator_.seen_
    assert seen.ravel().tolist() == [0, *range(2, 12)]
    assert codes[:2].tolist() == [0, 1]
    assert learner.query()[0].tolist() == [3, 4]
    only = witness(reject_label=9)[0].fit(X, np.where(np.arange(12) < 2, 9, -1))
    assert only.query()[0].tolist() == [2]


def test_weights_may_be_told_anew():
    learner, X, y = witness()
    learner.fit(X, none_of(y), sample_weight=np.ones(12))
    _, rows = learner.query()
    learner.teach(rows, [0, 1], sample_weight=[3.0, 4.0])
    learner.query()
    learner.teach([[2.0], [50.0]], [0, 1], sample_weight=[5.0, 6.0])
    weights = learner.estimator_.seen_[2]["sample_weight"]
    assert weights.tolist() == [3, 4, 5, *[1] * 9, 6]


# amended labels ---------------------------------------------------------------------


def test_labels_are_amended():
    learner, X, y = witness()
    learner.fit(X, none_of(y))
    for _ in range(2):
        indices, rows = learner.query()
        learner.teach(rows, y[indices])
    learner.correct([0], [1])
    assert learner.estimator_.seen_[1][:5].tolist() == [1, 1, 0, 1, -1]
    learner.forget([1])
    assert learner.estimator_.seen_[1][:5].tolist() == [1, -1, 0, 1, -1]
    assert learner.query()[0].tolist() == [1, 4]
    learner.teach(X[[3]], [0], indices=[3], on_repeat="replace")
    assert learner.estimator_.seen_[1][:5].tolist() == [1, -1, 0, 0, -1]
    assert learner.history_["n_labels"].tolist() == [2, 3, 3]
    learner.teach(X[[2]], [1], on_repeat="replace")  # known by what it holds
    assert learner.estimator_.seen_[1][:5].tolist() == [1, -1, 1, 0, -1]


def test_other_rows_are_taken_back():
    learner, X, y = witness()
    learner.fit(X, none_of(y)).teach([[50.0], [60.0], [70.0]], [0, 1, 1])
    learner.forget([1])
    assert learner.labeled_iter_[12:].tolist() == [0, -1, 0]
    assert learner.estimator_.seen_[0][12:].ravel().tolist() == [50, 70]
    learner.teach([[80.0]], [0])
    assert learner.estimator_.seen_[0][12:].ravel().tolist() == [50, 70, 80]
    assert learner.labeled_iter_[12:].tolist() == [0, -1, 0, 1]


def test_what_a_correction_changes_is_counted_anew(digits):
    X, y = digits
    learner = live_learner(PseudoLabelClassifier(NB, threshold=0.8)).fit(X, none_of(y))
    indices, rows = learner.query()
    learner.teach(rows, y[indices]).correct([0], [int(y[indices[0]] + 1) % 10])
    assert learner.history_["n_pseudo_labeled"].tolist() == [
        learner.estimator_.n_pseudo_labeled_
    ]


# what no model can be fitted on ------------------------------------------------------


class TwoClasses(Witness):
    """Refuses labels of one class, as most classifiers do."""

    def fit(self, X, y, **params):
        if len(np.unique(y[y >= 0])) < 2:
            raise ValueError("two classes, please")
        return super().fit(X, y, **params)


@pytest.mark.parametrize("n_given", [0, 1, 2])
def test_labels_of_one_class_are_kept(n_given):
    X = np.arange(8.0)[:, None]
    y = np.array([5, 5, 5, 7, 5, 7, 5, 7])
    learner = live_learner(TwoClasses(), in_order, initial=in_order, n_initial=1)
    learner.fit(X, np.where(np.arange(8) < n_given, y, np.nan))
    while not hasattr(learner, "estimator_"):
        learner = again(learner)
        indices, rows = learner.query()
        learner.teach(rows, y[indices])
    assert learner.labeled_iter_.tolist() == [0, 0, 0, 0, -1, -1, -1, -1]
    assert learner.history_["pool_indices"][0].tolist() == [0, 1, 2, 3]
    assert learner.classes_.tolist() == [5, 7]


def test_a_pool_without_a_label_begins_anew(digits):
    X, y = digits
    learner = live_learner().fit(X, y)
    learner.fit(X[:50], none_of(y[:50]))
    assert set(vars(learner)) - set(learner.get_params()) <= {
        "pool_",
        "_told_of_pool",
        "seed_",
        *(name for name in vars(learner) if "callback" in name),
    }
    assert len(learner.query()[0]) == 20
    assert "pool_" not in vars(learner.set_params(n_labels=30).fit(X, y))


# what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda one, X: one.query(X[:5]),
            ValueError,
            "X_pool must be the pool that fit was given, of 12 rows, got 5",
        ),
        (
            lambda one, X: one.query(X + 1),
            ValueError,
            "got another: row 2 holds something else",
        ),
        (
            lambda one, X: one.teach(X[[5, 6]], [0, 1], indices=[5]),
            ValueError,
            "indices must hold a position in pool_ for each row of X, got 1 for 2",
        ),
        (
            lambda one, X: one.teach(X[[5, 6]], [0, 1], indices=[5, 7]),
            ValueError,
            "stand, got 7 for row 1 of X, which holds something else",
        ),
        (
            lambda one, X: one.teach(X[[5]], [0], indices=[12]),
            IndexError,
            r"indices must lie in \[0, 11\]",
        ),
        (
            lambda one, X: one.teach(X[[0, 5]], [0, 1], indices=[0, 5]),
            ValueError,
            "without a label, got 1 with a label, the first at 0.*'replace'",
        ),
        (
            lambda one, X: one.teach(X[[5, 5]], [0, 1], indices=[5, 5]),
            ValueError,
            "without a label, got 1 twice",
        ),
        (
            lambda one, X: one.teach(X[[1]], [0], on_repeat="error"),
            ValueError,
            "not taught before, got 1",
        ),
        (
            lambda one, X: one.teach(X[[5]], [0], sample_weight=[1.0]),
            ValueError,
            "sample_weight must be given to fit, for each row of the pool",
        ),
        (
            lambda one, X: one.query(n_instances=11),
            PoolExhaustedError,
            "at most 10",
        ),
    ],
)
def test_what_does_not_fit_the_pool_is_refused_and_changes_nothing(call, error, match):
    learner, X, y = witness()
    learner.fit(X, none_of(y))
    _, rows = learner.query()
    learner.teach(rows, [0, 1]).query()
    before = state_of(learner)
    with pytest.raises(error, match=match):
        call(learner, X)
    assert state_of(learner) == before


def test_other_rows_need_what_fit_was_given_for_the_pool():
    learner, X, y = witness()
    learner.fit(X, none_of(y), sample_weight=np.ones(12), groups=np.arange(12))
    with pytest.raises(ValueError, match="sample_weight must be given for rows that"):
        learner.teach([[50.0], [60.0]], [0, 1], groups=[1, 2])
    with pytest.raises(ValueError, match="groups must be given for rows that are not"):
        learner.teach([[50.0], [60.0]], [0, 1], sample_weight=[1.0, 1.0])


def test_a_failing_fit_changes_nothing():
    learner, X, y = witness()
    learner.fit(X, none_of(y))
    _, rows = learner.query()
    learner.teach(rows, [0, 1]).set_params(estimator__limit=1)
    learner.set_params(estimator__error=RuntimeError)  # an instance keeps its traceback
    indices, rows = learner.query()
    before = state_of(learner)
    with pytest.raises(RuntimeError):
        learner.teach(rows, y[indices])
    assert state_of(learner) == before


def test_a_pool_must_be_known_or_given():
    X = np.arange(4.0)[:, None]
    learner = ActiveLearner(GaussianNB())
    with pytest.raises(ValueError, match="X_pool must be given where no pool is known"):
        learner.query()
    with pytest.raises(ValueError, match="indices must be None where no pool is known"):
        learner.teach(X[:2], [0, 1], indices=[0, 1])
    with pytest.raises(ValueError, match="y must hold at least one label"):
        learner.fit(X, [-1] * 4)


def test_unlabelled_rows_need_one_class_a_row_before_any_label_too():
    X = np.arange(4.0)[:, None]
    with pytest.raises(ValueError, match="use_unlabeled must be False for regression"):
        ActiveLearner(Ridge(), use_unlabeled=True).fit(X, [np.nan] * 4)


def test_a_round_copies_no_pool():
    X = np.random.default_rng(0).normal(size=(20_000, 100))
    y = (X[:, 0] > 0).astype(int)
    learner = live_learner(Shallow(), "random").fit(X, none_of(y))

    def a_round():
        indices, rows = learner.query()
        learner.teach(rows, y[indices])

    a_round()
    assert peak_bytes(a_round) < X.nbytes / 4


class Shallow(LogisticRegression):
    """Looks at its labelled rows alone."""

    def fit(self, X, y):
        return super().fit(X[y >= 0], y[y >= 0])
