"""A learner asks pools on dask: the same rows as in memory, and never the pool."""

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer
from time import sleep

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skal import ActiveLearner
from skal.query import Margin, PerCost, PerGroup, Shortlist
from skal.stopping import KappaAverage, OverallUncertainty

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
dask = pytest.importorskip("dask")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def one_thread(request):
    if "cluster" in request.fixturenames:
        yield
        return
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture(scope="module")
def pool():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(3000, 4))
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def learner(strategy="margin", **params):
    return ActiveLearner(LogisticRegression(), strategy, random_state=0, **params)


def rounds_of(learner):
    return [rows.tolist() for rows in learner.history_["indices"]]


@pytest.mark.parametrize("chunks", [3000, 500, (1, 0, 2000, 999)])
@pytest.mark.parametrize("initial", ["random", "stratified"])
def test_a_simulation_buys_the_same_labels(chunks, initial, pool):
    X, y = pool
    params = {"n_labels": 60, "initial": initial}
    here = learner(**params).fit(X, y)
    there = learner(**params).fit(da.from_array(X, chunks=(chunks, 4)), y)
    assert rounds_of(there) == rounds_of(here)
    assert type(there.X_training_) is np.ndarray
    np.testing.assert_array_equal(there.X_training_, here.X_training_)
    np.testing.assert_array_equal(there.estimator_.coef_, here.estimator_.coef_)


def test_a_live_loop_is_that_simulation(pool):
    X, y = pool
    there = da.from_array(X, chunks=(700, 4))
    simulated = learner(n_labels=40).fit(there, da.from_array(y, chunks=100))
    live, left = learner(), np.ones(len(X), bool)
    while left.sum() > len(X) - 40:
        indices, rows = live.query(there, candidates=left)
        assert type(rows) is np.ndarray
        live.teach(rows, y[indices])
        left[indices] = False
    np.testing.assert_array_equal(live.X_training_, simulated.X_training_)


def test_no_block_is_held_and_few_are_read_for_the_labels(pool):
    X, y = pool
    read = []

    def make(block):
        read.append(len(block))
        return block

    there = da.from_array(X, chunks=(100, 4)).map_blocks(make, meta=X[:0])
    learner("random", n_labels=40).fit(there, y)
    assert len(read) <= 40  # a block a label at most, and the pool is not scored


def test_candidates_are_positions_or_a_mask(pool):
    X, y = pool
    there, rows = da.from_array(X, chunks=(700, 4)), np.array([2999, 5, 800, 801])
    fitted, mask = learner().fit(X[:50], y[:50]), np.isin(np.arange(len(X)), rows)
    expected = fitted.query(X, 3, candidates=rows)
    for candidates in (rows, mask):
        indices, asked = fitted.query(there, 3, candidates=candidates)
        np.testing.assert_array_equal(indices, expected[0])
        np.testing.assert_array_equal(asked, expected[1])


def test_score_pool_is_computed_where_the_rows_are(pool):
    X, y = pool
    fitted = learner().fit(X[:50], y[:50])
    scores = fitted.score_pool(da.from_array(X, chunks=(900, 4)))
    np.testing.assert_array_equal(scores, fitted.score_pool(X))


def test_predictions_come_block_by_block_in_memory(pool):
    X, y = pool
    fitted = learner(n_labels=40).fit(X, y)
    there = da.from_array(X, chunks=((0, 2000, 1000), 4))
    np.testing.assert_array_equal(fitted.predict(there), fitted.predict(X))
    for method in ("predict_proba", "decision_function"):
        ask = getattr(fitted, method)
        np.testing.assert_allclose(ask(there), ask(X))
    assert fitted.score(there, y) == fitted.score(X, y)
    frame = dd.from_pandas(pd.DataFrame(X), npartitions=3)
    np.testing.assert_array_equal(fitted.predict(frame), fitted.predict(X))
    with pytest.raises(ValueError, match="at least one row, got empty blocks"):
        fitted.predict(there[:0])


def mixed(n=600):
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"size": rng.normal(size=n), "kind": rng.choice(["a", "b"], n)})
    return X, np.where(X["size"] + (X["kind"] == "a") > 0.5, "big", "small")


def test_dataframes_of_unknown_lengths_and_mixed_columns():
    X, y = mixed()
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["size"]), (OneHotEncoder(), ["kind"])
        ),
        LogisticRegression(),
    )
    there = dd.from_pandas(X, npartitions=5).map_partitions(lambda part: part)
    here = ActiveLearner(model, "margin", n_labels=40, random_state=0).fit(X, y)
    far = ActiveLearner(model, "margin", n_labels=40, random_state=0).fit(there, y)
    assert rounds_of(far) == rounds_of(here)
    indices, rows = far.query(there, 3)
    assert isinstance(rows, pd.DataFrame)
    assert rows.index.tolist() == indices.tolist()
    assert far.teach(rows, y[indices]).predict(there).shape == (600,)


def test_a_column_of_texts():
    words = np.array(["good fine nice", "bad poor sad", "good bad", "nice sad poor"])
    texts = pd.Series(np.resize(words, 300))
    y = np.resize([1, 0, 1, 0], 300)
    model = make_pipeline(CountVectorizer(), MultinomialNB())
    there = dd.from_pandas(texts, npartitions=4)
    here = ActiveLearner(model, "entropy", n_labels=30, random_state=0).fit(texts, y)
    far = ActiveLearner(model, "entropy", n_labels=30, random_state=0).fit(there, y)
    assert rounds_of(far) == rounds_of(here)


def test_sparse_blocks(pool):
    X, y = pool
    X = np.where(np.abs(X) > 0.7, X, 0)
    there = da.from_array(X, chunks=(400, 4)).map_blocks(sp.csr_array)
    here = learner(n_labels=40).fit(sp.csr_array(X), y)
    far = learner(n_labels=40).fit(there, y)
    assert rounds_of(far) == rounds_of(here)
    assert sp.issparse(far.X_training_)


class OfImages(ClassifierMixin, BaseEstimator):
    """A classifier of images (n, h, w) by their mean brightness."""

    def fit(self, X, y):
        assert X.ndim == 3
        self.model_ = LogisticRegression().fit(X.mean(axis=(1, 2))[:, None], y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        assert X.ndim == 3
        return self.model_.predict_proba(X.mean(axis=(1, 2))[:, None])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_images():
    X = np.random.RandomState(0).uniform(size=(2500, 4, 5))
    y = (X.mean(axis=(1, 2)) > 0.5).astype(int)
    params = {"n_labels": 30, "random_state": 0}
    here = ActiveLearner(OfImages(), "entropy", **params).fit(X, y)
    there = da.from_array(X, chunks=(600, 2, 5))
    far = ActiveLearner(OfImages(), "entropy", **params).fit(there, y)
    assert rounds_of(far) == rounds_of(here)


def test_regressors(pool):
    X, _ = pool
    y, forest = X[:, 0] ** 2 + X[:, 1], RandomForestRegressor(5)
    params = {"n_labels": 30, "random_state": 0}
    here = ActiveLearner(forest, "committee_std", **params).fit(X, y)
    there = da.from_array(X, chunks=(800, 4))
    far = ActiveLearner(forest, "committee_std", **params).fit(there, y)
    assert rounds_of(far) == rounds_of(here)
    info = ActiveLearner(forest, **params).fit(there, y).history_["info"][-1]
    assert info["strategy"] == "facility_location"


def test_the_default_serves_from_the_first_row_on(pool):
    X, y = pool
    there = da.from_array(X, chunks=(800, 4))
    far = ActiveLearner(n_labels=30, initial="auto", random_state=0).fit(there, y)
    info = far.history_["info"][-1]
    assert (info["strategy"], info["n_candidates"]) == ("uherding", 3000 - 20)


def test_rows_given_with_labels_are_fetched_and_no_more(pool):
    X, y = pool
    known = np.where(np.arange(len(X)) < 200, y, -1)
    there = da.from_array(X, chunks=(500, 4))
    far, here = learner().fit(there, known), learner().fit(X, known)
    np.testing.assert_array_equal(far.X_training_, here.X_training_)
    np.testing.assert_array_equal(far.estimator_.coef_, here.estimator_.coef_)
    whole = learner().fit(there, y)
    np.testing.assert_array_equal(whole.X_training_, X)


@pytest.mark.parametrize(
    "params",
    [
        {"query_strategy": "typiclust"},
        {"query_strategy": "margin", "initial": "typiclust"},
        {"query_strategy": Shortlist("margin"), "initial": lambda learner, X: [0]},
    ],
)
def test_what_cannot_work_is_refused_before_any_work(params, pool):
    X, y = pool

    def unread(block):
        raise AssertionError

    there = da.from_array(X, chunks=(500, 4)).map_blocks(unread, meta=X[:0])
    with pytest.raises(TypeError, match="X must be in memory for"):
        ActiveLearner(LogisticRegression(), n_labels=30, **params).fit(there, y)
    if "initial" not in params:
        fitted = ActiveLearner(LogisticRegression(), **params).fit(X[:50], y[:50])
        with pytest.raises(TypeError, match="X_pool must be in memory for TypiClust"):
            fitted.query(there, 2)


def test_models_that_need_the_whole_pool_are_refused(pool):
    X, y = pool
    there = da.from_array(X, chunks=(500, 4))
    with pytest.raises(ValueError, match="use_unlabeled must be False for a pool on"):
        learner(use_unlabeled=True).fit(there, np.where(X[:, 3] > 0, y, -1))


@pytest.mark.parametrize("rule", [KappaAverage(n_stop=500), OverallUncertainty(0.2)])
def test_a_stopping_rule_sees_what_it_would_see_in_memory(rule, pool):
    X, y = pool
    params = {"n_labels": 80, "stopping": rule}
    here = learner(**params).fit(X, y)
    far = learner(**params).fit(da.from_array(X, chunks=(700, 4)), y)
    assert far.termination_condition_ == here.termination_condition_
    assert rounds_of(far) == rounds_of(here)


# Where it matters -------------------------------------------------------------------


@pytest.mark.long
def test_ten_million_rows_are_bought_as_in_memory():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000_000, 2)).astype(np.float32)
    y = (X[:, 0] > X[:, 1]).astype(int)
    there = da.from_array(X, chunks=(700_001, 2))
    params = {"n_labels": 30, "initial": "random"}
    here, far = learner(**params).fit(X, y), learner(**params).fit(there, y)
    assert rounds_of(far) == rounds_of(here)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells its peak")
def test_40_gb_are_asked_in_less_than_1_gb():
    ask = "import json, bench_dask as b; print(json.dumps(b.ask_big(40)))"
    folder = Path(__file__).parents[2] / "benchmarks"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder.parent}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    size, _, peak, is_right = json.loads(told.stdout)
    assert size >= 40e9
    assert peak < 1e9
    assert is_right


# On several processes ---------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        suppress(KeyError),  # its own, where it closes after workers were killed
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.long
def test_the_blocks_are_scored_by_the_workers(cluster, pool):
    X, y = pool
    fitted = learner().fit(X[:50], y[:50])
    expected = fitted.query(X, 20)[0]
    for chunks in (3000, 250):
        there = cluster.persist(da.from_array(X, chunks=(chunks, 4)))
        indices, rows = fitted.query(there, 20)
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_array_equal(rows, X[indices])
    far = learner(n_labels=30).fit(there, y)
    assert rounds_of(far) == rounds_of(learner(n_labels=30).fit(X, y))


class Slow(LogisticRegression):
    """A model that takes its time over a block."""

    def predict_proba(self, X):
        sleep(0.3)
        return super().predict_proba(X)


@pytest.mark.long
def test_a_worker_killed_in_mid_query_changes_nothing(cluster):
    X, y = many_rows()
    fitted = ActiveLearner(Slow(), "margin", random_state=0).fit(X[:50], y[:50])
    expected = learner().fit(X[:50], y[:50]).query(X, 20)[0]
    there = cluster.persist(da.from_array(X, chunks=(1024, 4)))
    victim, *_ = cluster.run(os.getpid).values()
    timer = Timer(1.0, os.kill, (victim, signal.SIGKILL))
    timer.start()
    indices, _ = fitted.query(there, 20)
    timer.join()
    np.testing.assert_array_equal(indices, expected)
    cluster.wait_for_workers(2, timeout=60)
    assert victim not in cluster.run(os.getpid).values()


class Deadly(LogisticRegression):
    """A model that takes the worker down with it."""

    def predict_proba(self, X):
        if multiprocessing.current_process().name != "MainProcess":
            os._exit(1)
        return super().predict_proba(X)


@pytest.mark.long
def test_a_query_that_kills_its_worker_is_an_error_and_loses_nothing(
    cluster, monkeypatch
):
    from distributed.scheduler import KilledWorker

    X, y = many_rows()
    fitted = ActiveLearner(Deadly(), "margin", random_state=0).fit(X[:50], y[:50])
    before = pickle.dumps(vars(fitted))
    # One is enough: where several die at once, dask may wait for them for ever.
    monkeypatch.setattr(cluster.cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(KilledWorker, match="1 different workers"):
        fitted.query(da.from_array(X, chunks=(1024, 4)), 20)
    assert pickle.dumps(vars(fitted)) == before
    indices, rows = fitted.query(X, 20)
    fitted.teach(rows, y[indices])
    cluster.wait_for_workers(2, timeout=60)


def many_rows():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(20_000, 4))
    return X, (X[:, 0] > 0).astype(int)


@pytest.mark.long
def test_a_big_model_travels_without_a_word(cluster, pool):
    X, y = pool
    big = LogisticRegression().fit(X[:50], y[:50])
    big.ballast_ = np.random.RandomState(0).bytes(12_000_000)
    there = da.from_array(X, chunks=(1000, 4))
    picked, _ = Margin()(big, there, 5, random_state=0)
    np.testing.assert_array_equal(picked, Margin()(big, X, 5, random_state=0)[0])


@pytest.mark.parametrize("strategy", [PerGroup("margin"), PerCost("entropy")])
def test_groups_and_costs_reach_strategies_through_a_shortlist(strategy, pool):
    X, y = pool
    blocks = da.from_array(X, chunks=(700, 4))
    groups = np.arange(len(X)) % 7
    asked = []

    def costs(rows):
        asked.append(type(rows))
        return 1 + abs(rows[:, 0])

    found = learner(Shortlist(strategy, len(X)), n_labels=60).fit(
        blocks, y, groups=groups, costs=costs
    )
    plain = learner(Shortlist(strategy, len(X)), n_labels=60).fit(
        X, y, groups=groups, costs=1 + abs(X[:, 0])
    )
    assert asked == [type(blocks)]
    np.testing.assert_array_equal(found.labeled_iter_, plain.labeled_iter_)
    np.testing.assert_array_equal(found.groups_training_, plain.groups_training_)
