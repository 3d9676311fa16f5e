"""A seed fixes a whole run, and hidden labels cannot influence it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetClassifier

from skal import ActiveLearner
from skal.query import (
    CommitteeStd,
    Entropy,
    ExpectedModelChange,
    GreedySampling,
    QueryStrategy,
    Shortlist,
    VoteEntropy,
)


class TorchNoise(ClassifierMixin, BaseEstimator):
    """A linear model whose weights come straight from torch's global generator."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        weight = torch.randn(X.shape[1], len(self.classes_), dtype=torch.float64)
        self.weight_ = weight.numpy()
        return self

    def predict_proba(self, X):
        scores = np.exp(X @ self.weight_ / 10)
        return scores / scores.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class TorchPicks(QueryStrategy):
    """Draws its rows from torch's global generator."""

    def _query(self, view, rows, n_instances, rng):
        return torch.randperm(len(rows))[:n_instances].numpy()


CASES = {
    "logistic": (LogisticRegression(), "margin"),
    "random": (LogisticRegression(), "random"),
    "forest": (RandomForestClassifier(5), VoteEntropy()),
    "bagging": (BaggingClassifier(DecisionTreeClassifier(max_depth=2), 4), "entropy"),
    "pipeline": (
        make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss")),
        Shortlist(Entropy(), 80),
    ),
    "projection": (
        make_pipeline(GaussianRandomProjection(2), LogisticRegression()),
        "margin",
    ),
    "torch model": (TorchNoise(), "margin"),
    "torch picks": (GaussianNB(), TorchPicks()),
}
every_case = pytest.mark.parametrize("name", CASES)


def run_of(learner, X, y):
    """Return what a run asked for and what it ended in."""
    learner = clone(learner).fit(X, y)
    asked = np.concatenate(learner.history_["indices"])
    answer = "predict_proba" if hasattr(learner, "predict_proba") else "predict"
    return asked.tolist(), getattr(learner, answer)(X).tolist()


def case(name, seed=0, **params):
    estimator, strategy = CASES[name]
    return ActiveLearner(
        estimator, strategy, n_labels=50, n_initial=20, random_state=seed, **params
    )


@every_case
def test_the_same_seed_gives_the_same_run(blobs, name):
    assert run_of(case(name, 3), *blobs) == run_of(case(name, 3), *blobs)


@every_case
def test_another_seed_gives_another_run(blobs, name):
    assert run_of(case(name, 3), *blobs)[0] != run_of(case(name, 4), *blobs)[0]


@every_case
def test_no_seed_means_fresh_entropy(blobs, name):
    first, second = (run_of(case(name, None), *blobs) for _ in range(2))
    assert first[0] != second[0]


@every_case
@pytest.mark.parametrize("seed", [0, None])
def test_the_global_generators_are_neither_moved_nor_read(blobs, name, seed):
    X, y = blobs
    torch_before = torch.random.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    learner = case(name, seed).fit(X, y)
    learner.query(X, 5)
    learner.teach(X[:5], y[:5])
    clone(learner).query(X, 5)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), torch_before)


@every_case
def test_the_state_of_the_global_generators_does_not_matter(blobs, name):
    state, torch_state = np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    try:
        runs = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            runs.append(run_of(case(name), *blobs))
    finally:
        np.random.set_state(state)  # noqa: NPY002
        torch.random.set_rng_state(torch_state)
    assert runs[0] == runs[1]


def test_the_same_seed_gives_the_same_run_in_threads(blobs):
    X, y = blobs
    names = ["forest", "pipeline", "projection"]
    alone = [run_of(case(name), X, y) for name in names]
    with parallel_config("threading", n_jobs=2):
        together = Parallel()(delayed(run_of)(case(name), X, y) for name in names)
    assert together == alone


def test_a_search_gives_the_same_scores_at_any_n_jobs(blobs):
    X, y = blobs
    grid = {"query_strategy": ["random", "margin"], "estimator__max_depth": [1, 3]}
    scores = [
        GridSearchCV(case("forest"), grid, cv=2, n_jobs=n_jobs)
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("inner_jobs", [1, 2])
def test_the_estimators_own_n_jobs_does_not_matter(blobs, inner_jobs):
    estimator = RandomForestClassifier(5, n_jobs=inner_jobs)
    learner = ActiveLearner(estimator, "margin", n_labels=30, random_state=0)
    plain = clone(learner).set_params(estimator__n_jobs=None)
    assert run_of(learner, *blobs) == run_of(plain, *blobs)


@pytest.fixture
def torch_state():
    """Return torch's global state, and put it back after the test."""
    state = torch.random.get_rng_state()
    yield state
    torch.random.set_rng_state(state)


def runs_in_threads(learner, X, y):
    with parallel_config("threading", n_jobs=4):
        return Parallel()(delayed(run_of)(learner, X, y) for _ in range(8))


@pytest.mark.long
def test_threads_leave_the_state_of_torch_as_it_was(blobs, torch_state):
    """Two threads put torch's state back in the wrong order."""
    runs_in_threads(case("logistic", batch_size=1), *blobs)
    assert torch.equal(torch.random.get_rng_state(), torch_state)


def test_a_skorch_net_is_seeded_and_leaves_torch_as_it_was(torch_state, digits):
    """The check of a new model's answers used to draw from torch's global state."""
    X, _, y, _ = digits
    net = NeuralNetClassifier(
        torch.nn.Linear(X.shape[1], 10),
        criterion=torch.nn.CrossEntropyLoss,
        classes=list(range(10)),
        train_split=None,
        max_epochs=3,
        verbose=0,
    )
    learner = ActiveLearner(net, n_labels=40, random_state=0)
    before = torch.random.get_rng_state()  # the layer has drawn its weights
    first, second = (clone(learner).fit(X.astype(np.float32), y) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(first.X_training_, second.X_training_)
    weights = [model.estimator_.module_.weight.detach() for model in (first, second)]
    assert torch.equal(*weights)


# seeds inside the estimator ----------------------------------------------------


def seeds_of(learner, X, y):
    learner.set_params(store_estimators=True).fit(X, y)
    return [estimator.random_state for estimator in learner.estimators_]


def test_each_refit_seeds_every_inner_random_state_that_is_none(blobs):
    inner = BaggingClassifier(DecisionTreeClassifier(max_depth=2), 3)
    learner = ActiveLearner(inner, n_labels=40, random_state=0)
    seeds = seeds_of(learner, *blobs)
    assert len(set(seeds)) == 4
    assert all(isinstance(seed, int) for seed in seeds)
    bases = [model.estimator.random_state for model in learner.estimators_]
    assert len(set(bases)) == 4
    assert inner.random_state is None
    assert inner.estimator.random_state is None


def test_inner_seeds_that_are_set_stay(blobs):
    learner = ActiveLearner(
        RandomForestClassifier(3, random_state=42), n_labels=30, random_state=0
    )
    assert seeds_of(learner, *blobs) == [42, 42, 42]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_inner_seeds_make_a_given_fit_repeatable(blobs):
    X, y = blobs
    model = MLPClassifier(4, max_iter=5)
    first, second = (
        ActiveLearner(model, random_state=5).fit(X, y).predict_proba(X)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    other = ActiveLearner(model, random_state=6).fit(X, y).predict_proba(X)
    assert np.abs(other - first).max() > 1e-6


def test_a_random_state_object_gives_a_new_run_each_time(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "random", n_labels=30)
    learner.set_params(random_state=np.random.RandomState(0))
    first = learner.fit(X, y).labeled_iter_
    second = learner.fit(X, y).labeled_iter_
    assert not np.array_equal(first, second)
    learner.set_params(random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(learner.fit(X, y).labeled_iter_, first)


def test_seed_is_drawn_once_and_kept(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "random")
    learner.query(X)
    seed = learner.seed_
    learner.teach(X[:9], y[:9]).query(X)
    learner.teach(X[9:19], y[9:19])
    assert learner.seed_ == seed


@pytest.mark.parametrize("seed", [0, None])
def test_a_cold_query_through_an_unseeded_transformer_can_be_repeated(blobs, seed):
    """The transformer drew from numpy's global generator."""
    X = np.random.RandomState(0).standard_normal((200, 10))
    model = make_pipeline(GaussianRandomProjection(2), GaussianNB())
    learner = ActiveLearner(model, initial=GreedySampling("GSx"), random_state=seed)
    first = learner.query(X, 20)[0]
    np.testing.assert_array_equal(learner.query(X, 20)[0], first)


def test_rounds_and_purposes_draw_from_different_streams(blobs):
    """A random query of each round is a different order of the rows."""
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "random", random_state=0)
    orders = []
    for start in range(0, 40, 10):
        learner.teach(X[start : start + 10], y[start : start + 10])
        orders.append(learner.query(X, 300)[0])
    for i, order in enumerate(orders):
        for other in orders[:i]:
            assert np.mean(order == other) < 0.05


def test_random_queries_are_uniform_over_rows():
    X = np.zeros((10, 1))
    counts = np.zeros(10)
    for seed in range(400):
        indices, _ = ActiveLearner(random_state=seed).query(X, 3)
        counts[indices] += 1
    # 400 draws of 3 out of 10: mean 120, standard deviation 9.2
    assert np.abs(counts - 120).max() < 4 * 9.2


@pytest.mark.long
def test_a_fresh_process_gives_the_same_run():
    code = (
        "import numpy as np; from skal import ActiveLearner;"
        "from sklearn.ensemble import RandomForestClassifier as Forest;"
        "X = np.random.RandomState(0).standard_normal((90, 2)); y = X[:, 0] > 0;"
        "learner = ActiveLearner(Forest(3), n_labels=30, random_state=1).fit(X, y);"
        "print(np.concatenate(learner.history_['indices']).tolist())"
    )
    X = np.random.RandomState(0).standard_normal((90, 2))
    learner = ActiveLearner(RandomForestClassifier(3), n_labels=30, random_state=1)
    here = np.concatenate(learner.fit(X, X[:, 0] > 0).history_["indices"]).tolist()
    fresh = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert fresh.stdout.strip() == str(here)


# what is hidden stays hidden ---------------------------------------------------

HIDDEN_CLASSES = [
    (LogisticRegression(), "margin"),
    (RandomForestClassifier(5), VoteEntropy()),
    (make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss")), "entropy"),
    (GaussianNB(), Shortlist("least_confidence", 50)),
    (GaussianNB(), "random"),
]
HIDDEN_NUMBERS = [
    (Ridge(), GreedySampling("iGS")),
    (Ridge(), GreedySampling("GSx")),
    (Ridge(), ExpectedModelChange()),
    (ExtraTreesRegressor(5), CommitteeStd()),
]


def assert_hidden_labels_do_not_matter(learner, X, y):
    learner = clone(learner).fit(X, y)
    hidden = np.flatnonzero(learner.labeled_iter_ < 0)
    shuffled = y.copy()
    shuffled[hidden] = y[np.random.RandomState(1).permutation(hidden)]
    assert np.any(shuffled != y)
    assert run_of(learner, X, shuffled) == run_of(learner, X, y)


@pytest.mark.parametrize(
    ("estimator", "strategy"), HIDDEN_CLASSES, ids=lambda part: str(part)[:30]
)
@pytest.mark.parametrize("n_initial", [1, 20])
def test_hidden_labels_cannot_influence_queries(blobs, estimator, strategy, n_initial):
    learner = ActiveLearner(
        estimator, strategy, n_labels=60, n_initial=n_initial, random_state=0
    )
    assert_hidden_labels_do_not_matter(learner, *blobs)


@pytest.mark.parametrize(
    ("estimator", "strategy"), HIDDEN_NUMBERS, ids=lambda part: str(part)[:30]
)
def test_hidden_numbers_cannot_influence_queries(blobs, estimator, strategy):
    X = blobs[0]
    learner = ActiveLearner(estimator, strategy, n_labels=30, random_state=0)
    assert_hidden_labels_do_not_matter(learner, X, X[:, 0] * X[:, 1])


def test_hidden_label_rows_cannot_influence_multilabel_queries(blobs):
    X, y = blobs
    Y = np.column_stack([y == 0, y > 0, X[:, 0] > 0]).astype(int)
    learner = ActiveLearner(
        RandomForestClassifier(5), "entropy", n_labels=60, random_state=0
    )
    assert_hidden_labels_do_not_matter(learner, X, Y)


@pytest.mark.parametrize("use_unlabeled", [False, True])
def test_hidden_labels_cannot_influence_one_class_first_rows(use_unlabeled):
    """Rows that are asked until two classes are there reveal no later label."""
    from sklearn.semi_supervised import LabelSpreading

    X = np.random.RandomState(0).standard_normal((120, 2))
    y = (np.arange(120) % 10 == 0).astype(int)
    learner = ActiveLearner(
        LabelSpreading(), use_unlabeled=use_unlabeled, n_labels=20, n_initial=2
    ).set_params(random_state=3)
    assert_hidden_labels_do_not_matter(learner, X, y)


@pytest.mark.parametrize("initial", ["random", GreedySampling("GSx"), "stratified"])
def test_only_stratified_looks_at_hidden_labels(blobs, initial):
    X, y = blobs
    learner = ActiveLearner(
        GaussianNB(), n_labels=30, n_initial=30, initial=initial, random_state=0
    )
    order = np.concatenate(learner.fit(X, y).history_["indices"])
    hidden = np.setdiff1d(np.arange(300), order)
    shuffled = y.copy()
    shuffled[hidden] = y[np.random.RandomState(1).permutation(hidden)]
    again = np.concatenate(learner.fit(X, shuffled).history_["indices"])
    assert np.array_equal(order, again) == (initial != "stratified")
