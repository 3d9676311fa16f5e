"""Experiments: cells, files to go on with, tables, and mistakes told early."""

import builtins
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
import warnings
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib._parallel_backends import SequentialBackend
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits, load_iris, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skal import ActiveLearner
from skal.experiment import Experiment, Results, _npz
from skal.experiment._describe import describe, key_of
from skal.experiment._leaks import leaking_columns
from skal.experiment._report_text import headlines, setup_table, summary_table
from skal.experiment._table_files import read_table
from skal.query import (
    BAIT,
    BALD,
    GreedySampling,
    Margin,
    Mixture,
    ProbCover,
    Shortlist,
    StochasticBatch,
    VoteEntropy,
)
from skal.stopping import MaxConfidence

IRIS = load_iris(return_X_y=True)
SMALL = {"n_labels": 30, "n_initial": 10, "seeds": 2}


def small(estimators=None, strategies=("margin", "random"), data=IRIS, **more):
    estimators = GaussianNB() if estimators is None else estimators
    return Experiment(estimators, strategies, data, **{**SMALL, **more})


def files_of(directory, folder="cells"):
    return {path.name: path.read_bytes() for path in (directory / folder).iterdir()}


MENDED: list[bool] = []


class Fragile(GaussianNB):
    """Fails where the first class is rare among the labels it is given."""

    def fit(self, X, y):
        if len(y) == 30 and X[0, 0] > 5.5 and not MENDED:
            raise ArithmeticError("The labels do not suit me.")
        return super().fit(X, y)


class Deadly(GaussianNB):
    """Takes its process along, as one that asks for too much memory does."""

    def fit(self, X, y):
        if len(y) == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Broken(GaussianNB):
    """Fails always."""

    def fit(self, X, y):
        raise ArithmeticError


class Warns(GaussianNB):
    def fit(self, X, y):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("Not my day.", UserWarning, stacklevel=1)
        return super().fit(X, y)


class Counting(ClassifierMixin, BaseEstimator):
    """Writes down each fit."""

    def __init__(self, path=None):
        self.path = path

    def fit(self, X, y):
        with Path(self.path).open("a") as file:
            file.write(f"{len(y)}\n")
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.repeat(self.classes_[0], len(X))


# What comes out ------------------------------------------------------------------


def test_frame_has_a_row_for_each_round_of_each_cell():
    frame = small(seeds=3).run().frame
    assert len(frame) == 3 * 2 * 3
    one = frame[(frame.strategy == "margin") & (frame.seed == 1)]
    assert one["round"].tolist() == [0, 1, 2]
    assert one["n_labels"].tolist() == [10, 20, 30]
    assert set(frame) == {
        *("data", "estimator", "strategy", "seed", "round", "n_labels"),
        *("accuracy", "balanced_accuracy", "nll", "brier", "ece", "auc"),
        *("test_entropy", "train_nll", "asked_entropy", "labeled_entropy"),
        *("query_seconds", "fit_seconds", "peak_memory"),
    }
    assert not frame.isna().any(axis=None)


def test_strategies_of_a_seed_begin_alike_and_seeds_differ():
    """The law of a paired experiment: the first point is the same for all."""
    forest = RandomForestClassifier(5)  # its seed is the learner's to give
    results = small(forest, ["margin", "entropy", "random"], seeds=4).run()
    first = results.frame[results.frame["round"] == 0]
    measured = ["accuracy", "nll", "brier", "ece", "auc", "test_entropy", "train_nll"]
    for _, group in first.groupby("seed"):
        assert (group[measured].nunique() == 1).all()
    starts = {(one["seed"], tuple(one["asked"][0])) for one in results.records}
    assert len(starts) == 4
    assert first.groupby("seed")["nll"].first().nunique() == 4


def test_what_was_asked_lets_others_train_the_same_model():
    X, y = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=1000)
    settings = {"n_labels": 60, "n_initial": 20, "batch_size": 20, "seeds": [3]}
    results = Experiment(model, data=(X / 16, y), **settings).run()
    record = results.records[0]
    asked = results.asked(strategy="margin", seed=3)
    assert [len(rows) for rows in asked] == [20, 20, 20]
    rows = np.concatenate(asked)
    assert len(np.unique(rows)) == 60
    counts = np.bincount(y[asked[1]], minlength=10)
    assert record["asked_counts"][1] == counts.tolist()

    same = Experiment(model, data=(X / 16, y), **settings)
    split = same._plan().data["data"].split(3, 0.3, None)
    assert not set(rows) - set(split.pool)
    model.fit(X[rows] / 16, y[rows])
    accuracy = model.score(split.X_test, split.y_test)
    assert accuracy == pytest.approx(record["metrics"]["accuracy"][-1])


def test_test_rows_of_their_own_are_used_and_pools_may_be_smaller():
    X, y = IRIS
    data = (X[::2], y[::2], X[1::2], y[1::2])
    results = small(data=data, pool_size=40).run()
    record = results.records[0]
    assert (record["n_pool"], record["n_test"]) == (40, 75)
    assert results.records[0]["asked"][0] != results.records[2]["asked"][0]
    model = GaussianNB().fit(
        *(part[np.concatenate(record["asked"])] for part in data[:2])
    )
    assert record["metrics"]["accuracy"][-1] == model.score(*data[2:])


def test_labels_may_be_words_and_come_out_as_words():
    X, y = IRIS
    words = np.array(["setosa", "versicolor", "virginica"], dtype=object)[y]
    named, plain = small(data=(X, words)).run(), small().run()
    assert named.definition["data"]["data"]["classes"] == sorted(set(words))
    np.testing.assert_array_equal(named.frame["nll"], plain.frame["nll"])


def test_validation_labels_are_counted():
    results = small(n_validation=15, details_at=[35]).run()
    assert results.records[0]["n_labels"] == [25, 35, 45]
    assert list(results.records[0]["details"]) == ["35", "45"]


def test_a_learner_as_estimator_keeps_what_it_was_given():
    stopping = MaxConfidence(threshold=0.0)
    results = small(
        {
            "cold": LogisticRegression(max_iter=500),
            "warm": ActiveLearner(LogisticRegression(max_iter=500), warm_start=True),
            "stops": ActiveLearner(GaussianNB(), stopping=stopping),
        },
        seeds=1,
    ).run()
    ends = {(r["estimator"], r["termination"]) for r in results.records}
    assert {("cold", "n_labels"), ("warm", "n_labels")} <= ends
    cold, warm = (
        results.select(estimator=name, strategy="random").frame["nll"].to_numpy()
        for name in ("cold", "warm")
    )
    assert cold[0] == warm[0]
    assert cold[-1] != warm[-1]


def test_a_model_without_probabilities_has_what_it_can_have():
    results = small(LinearSVC(), ["random"]).run()
    frame = results.frame
    assert frame[["nll", "brier", "ece", "auc"]].isna().all(axis=None)
    assert (frame["accuracy"] > 0.5).all()
    assert "nll" not in results.metrics()
    assert results.records[0]["details"]["30"]["roc"] is None


def test_whole_numbers_are_numbers_to_regressors():
    """They were classes, whatever the estimator, and Ridge was refused."""
    X, y = make_regression(200, 5, noise=1.0, random_state=0)
    results = small(Ridge(), ["greedy_sampling"], (X, y.round())).run()
    assert "rmse" in results.metrics()
    assert small(Ridge(), ["random"], (X, y.astype(int).astype(object))).check() == 2


def test_integers_in_a_column_of_objects_are_classes():
    X, y = IRIS
    results = small(data=(X, y.astype(object)), seeds=1).run()
    assert results.definition["data"]["data"]["classes"] == [0, 1, 2]


def test_a_pool_size_beyond_the_pool_keeps_all():
    whole, large = small().run(), small(pool_size=1000).run()
    assert large.records[0]["n_pool"] == 105
    np.testing.assert_array_equal(large.frame["nll"], whole.frame["nll"])


def test_regression_is_measured_by_its_errors():
    X, y = make_regression(200, 5, noise=1.0, random_state=0)
    results = small(Ridge(), ["greedy_sampling", "random"], (X, y)).run()
    frame = results.frame
    assert {"r2", "rmse", "mae"} <= set(frame)
    assert (frame["mae"] <= frame["rmse"]).all()
    assert results.compare("rmse")["strategy"].tolist() == ["greedy_sampling"]


@pytest.fixture(scope="module")
def numbers():
    X, y = make_regression(120, 5, noise=1.0, random_state=0)
    return small(Ridge(), ["greedy_sampling", "random"], (X, y), seeds=2).run()


@pytest.mark.parametrize("method", ["summary", "compare", "ranks", "penalties"])
def test_numbers_are_compared_by_r2_unasked(numbers, method):
    """They asked for "accuracy", which regressors do not have."""
    found, asked = getattr(numbers, method)(), getattr(numbers, method)("r2")
    if method == "ranks":
        assert (found.names, found.ranks.tolist()) == (
            asked.names,
            asked.ranks.tolist(),
        )
    else:
        assert found.equals(asked)


@pytest.mark.parametrize("method", ["plot_curves", "plot_time", "plot_efficiency"])
def test_numbers_are_drawn_by_r2_unasked(numbers, method):
    drawn, asked = getattr(numbers, method)(), getattr(numbers, method)("r2")
    assert drawn.get_ylabel() == asked.get_ylabel()
    for one, other in zip(drawn.lines, asked.lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


def test_the_measure_is_that_of_the_setting_or_the_first():
    few = small(metrics=["f1_macro"], seeds=1).run()
    assert few.summary().equals(few.summary("f1_macro"))
    assert few.efficiency()["margin"].scores.tolist() == (
        few.efficiency("f1_macro")["margin"].scores.tolist()
    )


@pytest.mark.parametrize("metric", ["recall", "f1", "precision"])
def test_scorers_that_cannot_score_the_labels_are_refused_at_once(metric):
    """They failed cell by cell."""
    X, y = IRIS
    words = np.array(["no", "yes"])[(y == 1).astype(int)]
    match = f"such as 'no', got '{metric}'. Take '{metric}_macro'"
    for metrics in ([metric], {"mine": metric}, metric):
        with pytest.raises(ValueError, match=match):
            small(data=(X, words), metrics=metrics).check()
    assert small(data=(X, words), metrics=[f"{metric}_macro"]).check() == 4
    assert small(data=(X, y == 1), metrics=[metric]).check() == 4
    with pytest.raises(ValueError, match="Target is multiclass"):
        small(metrics=[metric]).check()


def test_metrics_may_be_names_scorers_and_functions_of_ones_own():
    def share_of_first(estimator, X, y):
        return np.mean(estimator.predict(X) == 0)

    metrics = {"acc": "accuracy", "f1": "f1_macro", "first": share_of_first}
    metrics["again"] = make_scorer(accuracy_score)
    frame = small(metrics=metrics).run().frame
    assert {"acc", "f1", "first", "again"} < set(frame)
    assert "nll" not in frame
    np.testing.assert_allclose(frame["acc"], frame["again"])


def test_a_word_is_one_name():
    results = small("logistic", "entropy", metrics="accuracy", seeds=1).run()
    assert results.settings() == [("data", "logistic")]
    assert list(results.definition["strategies"]) == ["entropy"]
    assert set(results.metrics()) == {"accuracy", "asked_entropy", "labeled_entropy"}


def test_names_are_as_people_would_write_them():
    strategies = ["random", Margin(), Shortlist("entropy", 20)]
    results = small(strategies=strategies, seeds=1).run()
    assert results.strategies()[:2] == ["random", "margin"]
    assert results.strategies()[2].startswith("Shortlist(")


def test_select_narrows_the_results():
    results = small(seeds=3).run()
    assert len(results.select(strategy="margin", seed=[0, 2]).records) == 2
    with pytest.raises(ValueError, match="where must name cells there are"):
        results.select(strategy="entropy")
    with pytest.raises(ValueError, match="Known for strategy: 'margin', 'random'"):
        results.select(strategy="margn")
    with pytest.raises(ValueError, match="where must be one of 'seed'"):
        results.select(sed=1)
    two = small({"a": GaussianNB(), "b": GaussianNB()}, seeds=1).run()
    assert len(two.asked(strategy="margin", seed=0, estimator="a")) == 3
    with pytest.raises(ValueError, match="asked must name one finished cell, got 2"):
        two.asked(strategy="margin", seed=0)


@pytest.mark.parametrize(
    "method",
    [
        *("summary", "compare", "penalties", "ranks", "efficiency"),
        *("plot_curves", "plot_efficiency", "plot_time"),
    ],
)
def test_a_measure_that_there_is_not_names_the_nearest(method, two_cells):
    """Some raised TypeError: unbound method set.intersection() needs an argument."""
    with pytest.raises(ValueError, match=r"must be one of 'accuracy'.*got 'acuracy'"):
        getattr(two_cells, method)("acuracy")


@pytest.fixture(scope="module")
def two_cells():
    return small(seeds=1).run()


def test_a_measure_of_other_settings_says_where_it_was_measured(two_cells):
    with pytest.raises(ValueError, match=r"measured on 'other' .* on \('data', 'Gau"):
        two_cells.paired("nll", "other", "GaussianNB")


def test_tables_say_which_estimator():
    results = small({"a": GaussianNB(), "b": GaussianNB(var_smoothing=0.1)}).run()
    expected = [("a", "margin"), ("a", "random"), ("b", "margin"), ("b", "random")]
    summary, compared = results.summary(), results.compare()
    assert list(zip(summary.estimator, summary.strategy, strict=True)) == expected
    assert compared.estimator.tolist() == ["a", "b"]
    columns, rows = summary_table(results, "accuracy", "random")
    assert columns[:2] == ["estimator", "strategy"]  # all are of one data set
    assert [tuple(row[:2]) for row in rows] == expected
    said = headlines(results, "accuracy", "random")
    assert [one.split(":")[0] for one in said] == [
        f"On data with {name}, margin" for name in "ab"
    ]


# Determinism and resuming --------------------------------------------------------


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the folder of a serial run with forests, which draw at random."""
    directory = tmp_path_factory.mktemp("reference")
    forests().run(directory)
    return directory


def forests(**more):
    return small(RandomForestClassifier(5), ["margin", "random"], seeds=3, **more)


@pytest.mark.parametrize("backend", ["loky", "threading", "whole_lists"])
def test_files_do_not_depend_on_the_backend(reference, tmp_path, backend):
    class WholeLists(SequentialBackend):
        supports_return_generator = False

    register_parallel_backend("whole_lists", WholeLists)
    with parallel_config(backend=backend, n_jobs=2):
        forests().run(tmp_path)
    assert files_of(tmp_path) == files_of(reference)
    for name in ("experiment.json",):
        assert (tmp_path / name).read_bytes() == (reference / name).read_bytes()


def test_a_second_run_computes_nothing(tmp_path):
    noted = tmp_path / "fits"
    experiment = small(Counting(str(noted)))
    first = experiment.run(tmp_path / "results")
    n_fits = len(noted.read_text().split())
    again = experiment.run(tmp_path / "results")
    assert len(noted.read_text().split()) == n_fits == 4 * 3
    assert again.outcomes == first.outcomes


def test_more_seeds_and_strategies_cost_only_themselves(reference, tmp_path):
    small(RandomForestClassifier(5), ["random"], seeds=2).run(tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()}
    assert len(before) == 2
    forests().run(tmp_path)
    for name, changed in before.items():
        assert (tmp_path / "cells" / name).stat().st_mtime_ns == changed
    assert files_of(tmp_path) == files_of(reference)


def test_another_definition_is_another_cell():
    def keys(**more):
        cells = small(**more)._plan().definition()["cells"]
        return {cell["key"] for cell in cells}

    X, y = IRIS
    same = keys()
    assert keys() == keys(time_limit=100.0, n_jobs=2) == same
    for more in (
        {"n_labels": 31},
        {"batch_size": 9},
        {"batch_size": [9, 10]},
        {"n_initial": 9},
        {"initial": "stratified"},
        {"test_size": 0.4},
        {"pool_size": 50},
        {"n_validation": 1},
        {"n_threads": 2},
        {"details_at": [20]},
        {"metrics": ["accuracy"]},
        {"estimators": GaussianNB(var_smoothing=1e-3)},
        {"data": (X + 1e-9, y)},
    ):
        assert not keys(**more) & same


def test_sizes_of_rounds_are_one_definition_however_they_are_written(tmp_path):
    def keys(sizes):
        cells = small(batch_size=sizes)._plan().definition()["cells"]
        return [cell["key"] for cell in cells]

    sizes = [[5, 9], (5, 9), np.array([5, 9]), [np.int64(5), 9]]
    assert all(keys(one) == keys(sizes[0]) for one in sizes)
    assert keys(10) == keys(np.int64(10)) != keys([10, 9])

    results = small(batch_size=np.array([5, 9]), seeds=1).run(tmp_path)
    assert results.records[0]["n_labels"] == [10, 15, 24, 30]
    again = Results.from_dir(tmp_path)
    for one in (results, again):
        (labels,) = (v for n, v in setup_table(one.definition) if n == "labels")
        assert labels == "30 in all, 10 at the start, 5, then 9 a round"


SCRIPT = """
import sys
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from skal.experiment import Experiment

Experiment(RandomForestClassifier(5), ["margin", "random"],
    load_iris(return_X_y=True), n_labels=30, n_initial=10, seeds=20).run(sys.argv[1])
"""


@pytest.mark.long
def test_a_run_killed_at_any_time_goes_on_where_it_was(tmp_path, rng):
    """SIGKILL, twice; the end is that of a run that was left alone."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    seen: dict[str, int] = {}
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, killed])
        wait_for_more_cells(killed / "cells", len(seen), process)
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = {p.name: p.stat().st_mtime_ns for p in (killed / "cells").iterdir()}
        assert len(seen) < len(now) < 40
        assert seen.items() <= now.items()  # none was computed again
        for path in (killed / "cells").iterdir():
            json.loads(path.read_text())
        seen = now
    experiment = small(RandomForestClassifier(5), seeds=20)
    experiment.run(killed)
    last = {p.name: p.stat().st_mtime_ns for p in (killed / "cells").iterdir()}
    assert seen.items() <= last.items()
    assert not list(killed.glob(".part-*"))
    small(RandomForestClassifier(5), seeds=20).run(whole)
    assert files_of(killed) == files_of(whole)


def wait_for_more_cells(folder, n_cells, process):
    while process.poll() is None:
        if folder.is_dir() and len(list(folder.iterdir())) > n_cells:
            return
        time.sleep(0.005)


# A folder holds one experiment ----------------------------------------------------


def bayes(**more):
    defaults = {"estimators": GaussianNB(), "strategies": ["random"], "seeds": 1}
    return small(**{**defaults, **more})


@pytest.mark.parametrize(
    ("more", "change"),
    [
        ({"n_labels": 25}, "n_labels was 30 and is 25"),
        ({"batch_size": [5, 9]}, r"batch_size was 10 and is \[5, 9\]"),
        ({"data": (IRIS[0] + 1, IRIS[1])}, "data had another 'data'"),
        ({"strategies": {"random": "margin"}}, "strategies had another 'random'"),
        (
            {"estimators": {"GaussianNB": GaussianNB(var_smoothing=0.1)}},
            "estimators had another 'GaussianNB'",
        ),
        (
            {
                "estimators": {
                    "GaussianNB": ActiveLearner(GaussianNB(), classes=[0, 1, 2])
                }
            },
            "estimators had another 'GaussianNB'",
        ),
    ],
)
def test_another_experiment_is_refused(tmp_path, no_compute_after, more, change):
    """It replaced experiment.json, and from_dir did not see the first cells."""
    bayes().run(tmp_path)
    kept = (tmp_path / "experiment.json").read_bytes()
    no_compute_after()
    other = Experiment(**{**vars(bayes()), **more})
    for refused in (other.run, other.check):
        with pytest.raises(ValueError, match=rf"1 finished cells of another.*{change}"):
            refused(tmp_path)
    assert (tmp_path / "experiment.json").read_bytes() == kept
    assert len(Results.from_dir(tmp_path).records) == 1


def test_parts_of_one_experiment_join_in_a_folder(tmp_path):
    bayes(seeds=2).run(tmp_path)
    part = bayes(strategies=["margin"], seeds=[1, 5]).run(tmp_path)
    assert part.strategies() == ["margin"]
    kept = (tmp_path / "experiment.json").read_bytes()
    again = bayes().run(tmp_path)  # fewer seeds than there are
    assert len(again.records) == 1
    assert (tmp_path / "experiment.json").read_bytes() == kept
    results = Results.from_dir(tmp_path)
    there = {(one["strategy"], one["seed"]) for one in results.records}
    assert there == {("random", 0), ("random", 1), ("margin", 1), ("margin", 5)}
    assert results.definition["seeds"] == [1, 5, 0]
    assert set(results.definition["strategies"]) == {"margin", "random"}


def test_a_folder_where_nothing_finished_is_free(tmp_path):
    experiment = bayes(estimators=Broken())
    assert experiment.run(tmp_path).failures
    assert bayes(n_labels=25).run(tmp_path).records


def test_a_file_about_something_else_is_not_replaced(tmp_path):
    (tmp_path / "experiment.json").write_text('{"title": "my life\'s work"}')
    with pytest.raises(ValueError, match=r"experiment\.json is about something else"):
        bayes().run(tmp_path)


# Broken files ----------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b'{"seed": 0, "metr', b"\xff\0\0", b"[1]"])
@pytest.mark.parametrize("folder", ["cells", "timings"])
def test_a_broken_file_is_named_and_its_cell_is_run_again(tmp_path, folder, content):
    """It raised JSONDecodeError, which names no file."""
    bayes(seeds=2).run(tmp_path)
    before = files_of(tmp_path)
    broken = sorted((tmp_path / folder).iterdir())[0]
    broken.write_bytes(content)
    named = rf"{broken.name}' is broken .*counts as not run"
    with pytest.warns(UserWarning, match=named):
        assert len(Results.from_dir(tmp_path).records) == 1
    with pytest.warns(UserWarning, match=named):
        results = bayes(seeds=2).run(tmp_path)
    assert len(results.records) == 2
    assert files_of(tmp_path) == before
    assert len(Results.from_dir(tmp_path).records) == 2


def test_a_broken_definition_says_what_to_do(tmp_path):
    bayes().run(tmp_path)
    path = tmp_path / "experiment.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match=r"experiment\.json' is broken .* Run the"):
        Results.from_dir(tmp_path)
    bayes().run(tmp_path)
    assert path.read_bytes() == whole


def test_broken_images_are_named_and_left_out(tmp_path):
    bayes().run(tmp_path)
    (tmp_path / "asked_images.npz").write_bytes(b"PK half a file")
    with pytest.warns(UserWarning, match=r"asked_images\.npz' is broken"):
        assert Results.from_dir(tmp_path).images == {}


# What goes wrong -----------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failing_cell_is_reported_and_sinks_nothing(tmp_path, n_jobs):
    experiment = small({"good": GaussianNB(), "bad": Fragile()}, n_jobs=n_jobs, seeds=4)
    results = experiment.run(tmp_path)
    failed = results.failures
    assert 0 < len(failed) < 8
    assert len(results.records) == 16 - len(failed)
    assert failed[0]["estimator"] == "bad"
    assert failed[0]["reason"] == "ArithmeticError: The labels do not suit me."
    assert "in fit" in failed[0]["traceback"]
    again = Results.from_dir(tmp_path)
    assert again.outcomes == results.outcomes
    assert again.frame.equals(results.frame)
    assert f"{len(failed)} failed" in repr(results)


def test_failed_cells_are_tried_again(tmp_path, monkeypatch):
    experiment = small(Fragile(), seeds=4)
    assert experiment.run(tmp_path).failures
    monkeypatch.setitem(globals(), "MENDED", [True])
    assert not experiment.run(tmp_path).failures
    assert not files_of(tmp_path, "failures")


@pytest.mark.long
def test_a_worker_that_dies_takes_only_its_own_cells_along(tmp_path):
    estimators = {"deadly": Deadly(), "good": GaussianNB()}
    experiment = small(estimators, ["random"], n_jobs=2, seeds=1)
    results = experiment.run(tmp_path)
    assert [one["estimator"] for one in results.failures] == ["deadly"]
    assert [one["estimator"] for one in results.records] == ["good"]
    assert Results.from_dir(tmp_path).outcomes == results.outcomes
    assert results.failures[0]["reason"].startswith("WorkerDied")


def test_warnings_are_counted_and_not_printed(capsys):
    results = small(Warns(), ["random"]).run()
    assert results.warnings == {"UserWarning: Not my day.": 6}
    assert capsys.readouterr() == ("", "")


def test_without_pandas_it_says_how_to_install_it(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name in ("pandas", "pyarrow"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "skal\[experiment\]"'):
        small().run()


@pytest.mark.long
def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, sklearn.linear_model\n"
        "before = set(sys.modules)\n"
        "import skal.experiment, skal.cli\n"
        "heavy = {'torch', 'matplotlib', 'pandas', 'pyarrow', 'skorch'}\n"
        "print(*sorted(heavy & set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_minus_one_may_be_a_class():
    X, y = IRIS
    learner = ActiveLearner(GaussianNB(), missing_label=None)
    results = small(
        estimators=learner, data=(X, np.where(y, 1, -1)), seeds=np.int64(1)
    ).run()
    assert results.failures == []


@pytest.fixture
def no_compute(monkeypatch):
    def fail(*args):
        pytest.fail("The experiment began to compute.")

    monkeypatch.setattr("skal.experiment._experiment.run_grid", fail)


X, Y = IRIS


@pytest.fixture
def no_compute_after(monkeypatch):
    def begin():
        monkeypatch.setattr("skal.experiment._experiment.run_grid", pytest.fail)

    return begin


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        ({"strategies": ["margn"]}, ValueError, "strategies must be one of 'margin'"),
        ({"strategies": []}, ValueError, "strategies must name at least one"),
        ({"strategies": ["margin", "margin"]}, ValueError, "names of their own"),
        ({"estimators": "logstic"}, ValueError, "estimators must be one of 'logistic'"),
        ({"estimators": GaussianNB}, TypeError, "estimators must have fit"),
        ({"estimators": Ridge()}, TypeError, "For a regressor use "),
        (
            {"estimators": {"a": GaussianNB(), "b": Ridge()}},
            TypeError,
            "must be classifiers for 'data'",
        ),
        (
            {"estimators": LinearSVC(), "strategies": ["entropy"]},
            TypeError,
            "predict_proba",
        ),
        ({"data": "digts"}, ValueError, "data must be one of 'digits'"),
        ({"data": "none.csv"}, FileNotFoundError, "a file that exists"),
        ({"data": {}}, ValueError, "at least one data set"),
        ({"data": 3}, TypeError, "data must be a name, a file"),
        ({"data": (X, Y[:-1])}, ValueError, "one label for each of the 150 rows"),
        ({"data": (X, np.eye(150))}, ValueError, "must be 1-D"),
        ({"data": (X[:0], Y[:0])}, ValueError, "y of 'data' must hold labels, got no"),
        ({"data": (X, Y * 0)}, ValueError, r"y of 'data' must hold two .* got \[0\]"),
        ({"data": (X, ["a"] * 150)}, ValueError, r"two classes or more, got \['a'\]"),
        (
            {"data": (X, np.full(150, "a", object))},
            ValueError,
            r"two classes or more, got \['a'\]",
        ),
        ({"data": {"d": (X, np.where(Y, 1, np.nan))}}, ValueError, "y of 'd'.* got 50"),
        ({"data": (X, np.where(Y, "a", None))}, ValueError, "y of 'data'.* got 50 of"),
        (
            {"data": (X, Y, X, Y * np.nan)},
            ValueError,
            "y_test of 'data' must hold every",
        ),
        ({"data": (X, Y, X[:9], Y)}, ValueError, "y_test of 'data' .* of the 9 rows"),
        ({"data": (X, np.where(Y, 1, np.inf))}, ValueError, "finite numbers, got inf"),
        ({"data": (X, np.arange(150) // 149)}, ValueError, "data 'data' cannot be spl"),
        ({"data": [IRIS, IRIS]}, ValueError, r"got \['data'\] more than once"),
        ({"test_size": 2.0}, ValueError, "data 'data' cannot be split.*test_size"),
        ({"data": (X, np.where(Y, 1, -1))}, ValueError, "got 50 of 150 missing.*None"),
        ({"n_labels": 106}, ValueError, "n_labels must be at most 105, the pool"),
        ({"n_labels": np.int64(106)}, ValueError, "n_labels must be at most 105"),
        ({"n_labels": 10}, ValueError, "n_initial must be less than the 10 labels"),
        ({"n_labels": 0}, ValueError, "n_labels must be at least 1"),
        ({"n_labels": 0.05}, ValueError, "n_initial must be less than the 6 labels"),
        ({"n_initial": 0}, ValueError, "n_initial must be at least 1"),
        ({"initial": "margin"}, ValueError, "initial must be a strategy that needs no"),
        ({"batch_size": 0.5}, TypeError, "batch_size must be an integer"),
        ({"batch_size": []}, ValueError, "batch_size must hold a size for the first"),
        ({"batch_size": [5, "x"]}, TypeError, "batch_size must be an integer, got 'x'"),
        ({"pool_size": 0}, ValueError, "pool_size must be at least 1"),
        ({"n_validation": -1}, ValueError, "n_validation must be at least 0"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        ({"details_at": 20}, TypeError, "details_at must list label counts, got 20"),
        ({"details_at": [0]}, ValueError, "details_at must be at least 1"),
        ({"time_limit": 0}, ValueError, "time_limit must be in"),
        ({"time_limit": float("inf")}, ValueError, "time_limit must be in"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be a number of cells at once"),
        ({"n_jobs": "2"}, TypeError, "n_jobs must be an integer, got '2'"),
        ({"seeds": 2.0}, TypeError, "seeds must be an integer, got 2.0"),
        ({"seeds": 0}, ValueError, "seeds must be at least 1"),
        ({"seeds": [1, 1]}, ValueError, "seeds must be a number of seeds or different"),
        ({"metrics": ["acuracy"]}, ValueError, "such as 'accuracy'"),
        ({"metrics": []}, ValueError, "metrics must name at least one"),
        ({"metrics": {"a": 3}}, TypeError, "metrics must be names, or a dict"),
        ({"metrics": 3}, TypeError, "metrics must be names, or a dict .* got 3"),
        ({"metrics": [len]}, TypeError, "metrics must be names, or a dict .* got <bui"),
    ],
)
def test_mistakes_are_found_before_any_compute(tmp_path, more, error, match):
    with pytest.raises(error, match=match):
        small(**more).run(tmp_path / "results")
    assert not (tmp_path / "results").exists()


class NeverFitted(LogisticRegression):
    """Fails the test that fits it."""

    def fit(self, X, y, sample_weight=None):
        pytest.fail("A model was fitted before the check.")


class NeverFittedRegressor(Ridge):
    """Fails the test that fits it."""

    def fit(self, X, y, sample_weight=None):
        pytest.fail("A model was fitted before the check.")


def first(learner, X, n_instances=1):
    return range(n_instances)


NUMBERS = make_regression(60, 3, random_state=0)


@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        ({"strategies": [GreedySampling()]}, TypeError, "GreedySampling needs a regr"),
        ({"strategies": [VoteEntropy()]}, TypeError, "VoteEntropy needs"),
        ({"strategies": [Shortlist("margin", 0)]}, ValueError, "n_candidates"),
        ({"strategies": [Mixture([("a", BALD())])]}, TypeError, "Mixture needs"),
        ({"strategies": ["random", StochasticBatch(BAIT())]}, TypeError, "StochasticB"),
        ({"strategies": [partial(first, n_instances=3)]}, ValueError, "batch_size=3"),
        ({"strategies": [len]}, TypeError, "must be a function f"),
        ({"initial": ProbCover(radius=-1)}, ValueError, "radius must be"),
        ({"initial": partial(first, n_instances=3)}, ValueError, "n_instances"),
        ({"stopping": MaxConfidence(-1)}, ValueError, "threshold must be"),
        ({"stopping": MaxConfidence}, TypeError, "stopping must be an instance"),
        ({"data": NUMBERS, "strategies": [BALD()]}, TypeError, "BALD needs a classif"),
        (
            {"data": NUMBERS, "stopping": MaxConfidence(), "strategies": ["random"]},
            TypeError,
            "stopping must be a rule for regression targets",
        ),
    ],
)
def test_what_cannot_serve_is_refused_before_any_fit(tmp_path, more, error, match):
    model = NeverFittedRegressor() if "data" in more else NeverFitted()
    learner = ActiveLearner(model, stopping=more.get("stopping"))
    more = {**more, "metrics": None, "estimators": learner}
    more.pop("stopping", None)
    for ask in (small(**more).check, small(**more).run):
        with pytest.raises(error, match=match):
            ask(tmp_path / "results")
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("no_compute")
def test_missing_data_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SKAL_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"skal.datasets.fetch_mnist\(\)"):
        small(data="mnist").run()


def test_check_counts_the_cells():
    assert small().check() == 4


# Data ----------------------------------------------------------------------------


def test_tables_in_files_are_read(tmp_path):
    import pandas as pd

    X, y = IRIS
    frame = pd.DataFrame(X, columns=list("abcd")).assign(target=y)
    frame.to_csv(tmp_path / "iris.csv", index=False)
    frame.to_parquet(tmp_path / "iris.parquet")
    np.savez(tmp_path / "iris.npz", X=X, y=y)
    expected = small().run().frame["accuracy"]
    for name in ("iris.csv", "iris.parquet", "iris.npz"):
        results = small(data=tmp_path / name).run()
        assert results.settings() == [("iris", "GaussianNB")]
        np.testing.assert_array_equal(results.frame["accuracy"], expected)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a,b\n1,2\n", "must have a column of labels called 'target'"),
        ("a,y\n1,2\n3,\n", "must hold every label in 'y', got 1 missing"),
        ("y\n1\n2\n", "must hold columns beside the labels, got 'y' alone"),
        (
            "a,y\n" + "".join(f"x{i},{i % 2}\n" for i in range(30)),
            "must hold columns to learn from, got 'a', which differ from row to row",
        ),
        ("a,y\n", "must hold rows, got its columns alone"),
        ("", r"table\.csv' cannot be read"),
    ],
)
def test_tables_that_do_not_serve_say_why(tmp_path, content, match):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(ValueError, match=match):
        small(data=str(tmp_path / "table.csv")).check()


@pytest.mark.parametrize(
    ("separator", "decimal"), [",.", ";.", "\t.", ";,", "\t,"], ids=repr
)
def test_tables_are_read_whatever_separates_their_columns(tmp_path, separator, decimal):
    """With semicolons or tabs there was one column, and no labels in it."""
    pd = pytest.importorskip("pandas")
    X, y = IRIS
    frame = pd.DataFrame(X).assign(y=np.array(["a", "b", "c"])[y])
    frame.to_csv(tmp_path / "a.csv", index=False, sep=separator, decimal=decimal)
    found = read_table(tmp_path / "a.csv")
    np.testing.assert_array_equal(found.X, X)
    assert found.y.tolist() == frame["y"].tolist()


SECRET = {
    "a second column of labels": (lambda y: {"label": y}, "got 'target', 'label'"),
    "a code": (lambda y: {"code": 7 - y}, "'code': each of its values has one label"),
    "finer classes": (
        lambda y: {"fine": 2 * y + np.arange(150) % 2},
        "'fine': each of its values has one label",
    ),
    "one class": (lambda y: {"hot": y == 1}, "'hot': each label has one of its values"),
    "the rows": (lambda y: {"Unnamed: 0": np.arange(150)}, "'Unnamed: 0': it counts"),
}


@pytest.mark.parametrize("kind", SECRET)
@pytest.mark.parametrize("words", [True, False])
def test_columns_that_give_the_labels_away_are_refused(tmp_path, kind, words):
    """They became features, and the accuracy was 1.0."""
    pd = pytest.importorskip("pandas")
    make, match = SECRET[kind]
    X, y = IRIS
    target = np.array(["a", "b", "c"])[y] if words else y
    frame = pd.DataFrame(X).assign(target=target, **make(y))
    frame.to_csv(tmp_path / "iris.csv", index=False)
    with pytest.raises(ValueError, match=re.escape(match)):
        small(data=str(tmp_path / "iris.csv")).check()


def test_a_target_in_another_unit_is_refused(tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = make_regression(80, 3, noise=1.0, random_state=0)
    frame = pd.DataFrame(X).assign(y=y)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert small(Ridge(), ["random"], str(tmp_path / "a.csv")).check() == 2
    frame.assign(fahrenheit=1.8 * y + 32).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="'fahrenheit': it is the labels in another u"):
        small(Ridge(), ["random"], str(tmp_path / "a.csv")).check()


def test_columns_that_merely_help_are_kept(rng):
    pd = pytest.importorskip("pandas")
    y = (np.arange(400) < 8).astype(int)  # two in a hundred
    frame = pd.DataFrame(
        {
            "measured": rng.normal(size=400) + 9 * y,  # apart, but each value once
            "rounded": np.append(rng.normal(3, 0.1, 8), np.arange(392) // 2 + 10),
            "rare": np.arange(400) == 3,
            "constant": 1,
            "count": rng.permutation(400),
        }
    )
    assert leaking_columns(frame, y) == {}
    X, y = load_digits(return_X_y=True)
    assert leaking_columns(pd.DataFrame(X), y) == {}


def test_an_npz_without_the_right_names_says_so(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(3), Y=np.arange(3))
    with pytest.raises(ValueError, match="must hold the arrays X and y"):
        small(data=tmp_path / "a.npz").check()
    (tmp_path / "a.npz").write_bytes(b"PK half of it")
    with pytest.raises(ValueError, match=r"a\.npz' cannot be read"):
        small(data=tmp_path / "a.npz").check()


def npz_of(path, shape, content, compression):
    """Write an npz file whose header says a shape, whatever it holds."""
    head = io.BytesIO()
    description = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, description)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in ("X", "y"):
            archive.writestr(f"{name}.npy", head.getvalue() + content)


def test_an_npz_that_swells_or_lies_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    npz_of(path, (10**13,), b"", zipfile.ZIP_STORED)
    with pytest.raises(ValueError, match=r"'X.npy' says that it is of shape"):
        small(data=str(path)).check()
    monkeypatch.setattr(_npz, "MAX_UNPACKED", 10**5)
    npz_of(path, (10**5,), bytes(8 * 10**5), zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"it unpacks to 16.* write it with np.savez"):
        small(data=str(path)).check()
    npz_of(path, (150,), bytes(1200), zipfile.ZIP_STORED)
    assert _npz.read_arrays(path)["X"].shape == (150,)


def test_several_data_sets_and_functions_that_make_them():
    def halves():
        return X[::2], Y[::2], X[1::2], Y[1::2]

    results = small(data={"whole": IRIS, "halves": halves}, seeds=1).run()
    assert results.settings() == [("whole", "GaussianNB"), ("halves", "GaussianNB")]


@pytest.mark.long
@pytest.mark.slow_data
def test_mnist_comes_with_its_test_rows(data_folder):
    experiment = Experiment(
        "forest", "random", "mnist", n_labels=40, seeds=1, pool_size=500
    )
    record = experiment.run().records[0]
    assert (record["n_pool"], record["n_test"]) == (500, 10_000)
    assert record["near_copies"] < 0.02
    assert record["metrics"]["accuracy"][-1] > 0.4


def test_images_are_shown_to_tables_and_kept(tmp_path):
    results = Experiment("forest", "random", "digits_images", n_labels=40, seeds=1).run(
        tmp_path
    )
    key = results.records[0]["key"]
    assert results.images[key].shape == (2, 10, 8, 8)
    again = Results.from_dir(tmp_path).images
    np.testing.assert_array_equal(again[key], results.images[key])


# Files ---------------------------------------------------------------------------


def test_parquet_holds_everything(tmp_path):
    experiment = small({"good": GaussianNB(), "bad": Fragile()}, seeds=4)
    results = experiment.run(tmp_path / "results")
    results.to_parquet(tmp_path / "results.parquet")
    again = Results.from_parquet(tmp_path / "results.parquet")
    assert again.outcomes == results.outcomes
    assert again.definition == results.definition
    assert again.frame.equals(results.frame)


def test_other_parquet_files_are_refused(tmp_path):
    import pandas as pd

    path = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(path)
    for content in (path.read_bytes(), path.read_bytes()[:50], b"", b"not parquet"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a file that to_parquet wrote"):
            Results.from_parquet(path)
    with pytest.raises(FileNotFoundError):
        Results.from_parquet(tmp_path / "none.parquet")


def test_parquet_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    results = bayes().run()
    results.to_parquet(path := tmp_path / "results.parquet")
    whole = path.read_bytes()

    def half(table, where):
        where.write(b"PAR1")
        raise OSError("No space left on device")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="No space"):
        results.to_parquet(path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_results_without_a_finished_cell_are_not_written(tmp_path):
    results = bayes(estimators=Broken()).run()
    with pytest.raises(ValueError, match="must have a finished cell to write"):
        results.to_parquet(tmp_path / "results.parquet")


def test_a_selection_knows_what_it_is_made_of(tmp_path):
    """Its definition went on to name what was left out."""
    estimators = {"a": GaussianNB(), "b": GaussianNB(var_smoothing=0.1)}
    results = small(estimators, seeds=3)
    results = results.run().select(strategy="margin", seed=range(1, 3), estimator="a")
    definition = results.definition
    assert list(definition["strategies"]) == ["margin"]
    assert list(definition["estimators"]) == ["a"]
    assert definition["seeds"] == [1, 2]
    keys = [cell["key"] for cell in definition["cells"]]
    assert keys == [one["key"] for one in results.records]
    results.to_parquet(tmp_path / "some.parquet")
    again = Results.from_parquet(tmp_path / "some.parquet")
    assert (again.definition, again.outcomes) == (definition, results.outcomes)
    assert again.select(seed=[1]).definition["seeds"] == [1]


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="must hold results of an experiment"):
        Results.from_dir(tmp_path)


def test_results_say_what_they_ran_on():
    (environment,) = small().run().environments
    assert environment["threads"] == 1
    assert {"skal", "numpy", "scikit-learn", "python", "processor"} < set(environment)


# Descriptions --------------------------------------------------------------------


MINE = """
from sklearn.base import BaseEstimator
from skal.query import ScoreStrategy
SCALE, CALLS, SEEN = 2, 0, []
def helper(X):
    global CALLS
    CALLS += 1
    return inner(X) * SCALE
def inner(X):
    return len(X)
def other(X):
    return 1
class Base(ScoreStrategy):
    def _score(self, view, rows):
        return helper(rows)
class Mine(Base):
    @property
    def shown(self):
        return 3
"""


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("return 3", "return 4", True),  # in a property
        ("helper(rows)", "helper(rows) + 1", True),  # in a base class
        ("len(X)", "len(X) + 1", True),  # in what is called by what is called
        ("SCALE, CALLS", "SCALE, CALLS", False),
        ("= 2, 0", "= 3, 0", True),  # a constant that is read
        ("= 2, 0", "= 2, 5", False),  # one that runs change
        ("return 1", "return 2", False),  # what is not called
        ("def other", "\n\n# A comment\ndef other", False),
    ],
)
@pytest.mark.parametrize("what", ["an instance", "a class"])
def test_edited_code_of_ones_own_is_another_cell(
    tmp_path, monkeypatch, old, new, counts, what
):
    """An edited strategy got its old results from the folder."""

    def key(source):
        module = types.ModuleType("mine")
        module.__file__ = str(tmp_path / "mine.py")
        monkeypatch.setitem(sys.modules, "mine", module)
        exec(source, vars(module))
        return key_of(describe(module.Mine if what == "a class" else module.Mine()))

    assert old in MINE
    assert (key(MINE) != key(MINE.replace(old, new))) == counts


def test_code_with_a_set_in_it_has_one_key_whatever_its_order():
    """Strings in a set have another order in each process, and so had the key."""

    def is_known(x):
        return x in {0, 8}

    code = is_known.__code__
    found = {one for one in code.co_consts if isinstance(one, frozenset)}
    assert found == {frozenset([0, 8])}
    orders = [frozenset([0, 8]), frozenset([8, 0])]
    assert repr(orders[0]) != repr(orders[1])
    keys = set()
    for order in [*orders, frozenset([0, 9])]:
        consts = [order if one in found else one for one in code.co_consts]
        is_known.__code__ = code.replace(co_consts=tuple(consts))
        keys.add(key_of(describe(is_known)))
    assert len(keys) == 2


@pytest.mark.parametrize("thing", [Margin(), Margin, GaussianNB(), Shortlist("margin")])
def test_installed_code_is_known_by_its_name(thing):
    """Keys of results of skal's own classes must stay as they are."""
    assert "code" not in json.dumps(describe(thing))


def test_descriptions_tell_apart_what_computes_differently():
    def plus(n):
        return lambda x: x + n

    things = [
        plus(1),
        plus(2),
        lambda x: x * 2,
        GaussianNB(),
        GaussianNB(var_smoothing=0.1),
        GaussianNB,
        np.arange(3),
        np.arange(4),
        1,
        1.0,
        "1",
        None,
        True,
        {"a": 1},
        {"a"},
        float("nan"),
    ]
    keys = [key_of(describe(thing)) for thing in things]
    assert len(set(keys)) == len(keys) - 1 + (key_of(1) != key_of(1.0))
    assert keys == [key_of(describe(thing)) for thing in things]
    assert key_of(describe(plus(1))) == keys[0]
