"""Grids on dask and Ray: the same files as here, and a lost worker costs its cell."""

import os
import pickle
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.experiment import Experiment, Results, _elsewhere, _grid
from skal.experiment._cluster import on_cluster
from skal.experiment._engines import LOST, active_engine
from skal.experiment._sent import read, written

IRIS = load_iris(return_X_y=True)


def small(estimators=None, strategies=("margin", "random"), **more):
    settings = {"n_labels": 30, "n_initial": 10, "seeds": 2, **more}
    estimators = GaussianNB() if estimators is None else estimators
    return Experiment(estimators, strategies, IRIS, **settings)


def files_of(directory, folder="cells"):
    return {path.name: path.read_bytes() for path in (directory / folder).iterdir()}


class Deadly(GaussianNB):
    """Ends the process that fits it, unless a file says that it has done so."""

    def __init__(self, once=None):
        super().__init__()
        self.once = once

    def fit(self, X, y):
        if self.once is None or not Path(self.once).exists():
            if self.once is not None:
                Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Strange(GaussianNB):
    """Has a failure of its own."""

    def fit(self, X, y):
        raise ArithmeticError("The labels do not suit me.")


# Sent by path ----------------------------------------------------------------------


def test_large_arrays_are_sent_by_the_path_of_a_file(tmp_path):
    large, few = np.arange(2.0**18).reshape(-1, 8), np.arange(5)
    thing = {"large": large, "few": few, "words": np.array(["a", None], object)}
    path = written(thing, tmp_path)
    assert path.stat().st_size < 2000
    again = read(path)
    assert isinstance(again["large"], np.memmap)
    assert not again["large"].flags.writeable
    for name, array in thing.items():
        np.testing.assert_array_equal(again[name], array)
    assert read(path) is again


def test_maps_of_files_are_sent_by_their_own_path(tmp_path):
    """Parts of them too: what takes a disk is not written a second time."""
    np.save(tmp_path / "X.npy", np.arange(2.0**18).reshape(-1, 8))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    folder = tmp_path / "run"
    folder.mkdir()
    path = written([X, X[5:], np.asarray(X)[::2]], folder)
    assert [one.name for one in folder.iterdir()] == [path.name]
    for one, expected in zip(read(path), [X, X[5:], X[::2]], strict=True):
        np.testing.assert_array_equal(one, expected)


# What a grid makes of the answers of an engine ---------------------------------------


class Engine:
    """Answers as it is told to, cell by cell; ``None`` runs the cell."""

    def __init__(self, answers=()):
        self.answers = {key: list(them) for key, them in dict(answers).items()}
        self.calls = []

    def shared(self, thing):
        return pickle.loads(pickle.dumps(thing))

    def run(self, function, calls):
        self.calls.append((function.__name__, list(calls)))
        for key, arguments in calls.items():
            answers = self.answers.get(key)
            answer = answers.pop(0) if answers else None
            yield key, function(*arguments) if answer is None else answer


@pytest.fixture
def run_on(monkeypatch):
    def run(engine, experiment, directory=None):
        monkeypatch.setattr(_grid, "active_engine", lambda: engine)
        return experiment.run(directory)

    return run


def keys_of(experiment):
    return [cell["key"] for cell in experiment._plan().definition()["cells"]]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    directory = tmp_path_factory.mktemp("reference")
    small().run(directory)
    return directory


def test_an_engine_gives_the_same_files(run_on, reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine = Engine()
    run_on(engine, small(), "here")
    assert files_of(tmp_path / "here") == files_of(reference)
    assert [name for name, keys in engine.calls if keys] == ["attempt_from"]
    assert not list((tmp_path / "here").glob("skal-run-*"))


def test_rows_are_not_in_the_calls(run_on, tmp_path):
    X, y = np.tile(IRIS[0], (250, 1)), np.tile(IRIS[1], 250)
    sizes = []

    class Scales(Engine):
        def run(self, function, calls):
            sizes.extend(len(pickle.dumps(call)) for call in calls.values())
            return super().run(function, calls)

    settings = {"n_labels": 30, "n_initial": 10, "seeds": 1}
    experiment = Experiment(GaussianNB(), ["random"], (X, y), **settings)
    assert not run_on(Scales(), experiment, tmp_path).failures
    assert X.nbytes > 1e6
    assert max(sizes) < 10_000


def test_workers_that_do_not_see_the_folder_get_the_data(run_on, reference, tmp_path):
    keys = keys_of(small())
    engine = Engine({key: [_elsewhere.UNSEEN] for key in keys[1:]})
    run_on(engine, small(), tmp_path)
    assert engine.calls[1] == ("attempt", keys[1:])
    assert files_of(tmp_path) == files_of(reference)


def test_a_cell_that_lost_its_worker_is_tried_again_by_itself(
    run_on, reference, tmp_path
):
    keys = keys_of(small())
    engine = Engine({keys[0]: [LOST], keys[2]: [LOST]})
    assert not run_on(engine, small(), tmp_path).failures
    assert [asked for _, asked in engine.calls[2:]] == [
        [k] for k in sorted(keys[0:3:2])
    ]
    assert files_of(tmp_path) == files_of(reference)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_cell_that_loses_every_worker_has_failed(run_on, tmp_path, keeps):
    key = keys_of(small())[1]
    engine = Engine({key: [LOST, LOST]})
    results = run_on(engine, small(), tmp_path if keeps else None)
    assert len(results.records) == 3
    assert results.failures[0]["reason"].startswith("WorkerDied")
    if keeps:
        assert Results.from_dir(tmp_path).outcomes == results.outcomes


def test_other_backends_are_no_engine():
    assert active_engine() is None
    with parallel_config(backend="threading", n_jobs=2):
        assert active_engine() is None


# Dask ------------------------------------------------------------------------------


@contextmanager
def dask_cluster(**options):
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            threads_per_worker=1, dashboard_address=None, **options
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def dask_thread():
    with dask_cluster(n_workers=1, processes=False) as client:
        yield client


def test_dask_in_this_process_gives_the_same_files(dask_thread, reference, tmp_path):
    with parallel_config(backend="dask", client=dask_thread):
        small().run(tmp_path)
    assert files_of(tmp_path) == files_of(reference)


@pytest.fixture(scope="module")
def dask_workers():
    with dask_cluster(n_workers=2, processes=True) as client:
        yield client


@pytest.mark.long
def test_dask_gives_the_same_files(dask_workers, reference, tmp_path):
    with parallel_config(backend="dask", client=dask_workers):
        results = small(time_limit=120).run(tmp_path)
        alone = small({"a": Strange(), "b": GaussianNB()}).run()
    assert files_of(tmp_path) == files_of(reference)
    assert results.records == Results.from_dir(reference).records
    assert len(alone.failures) == len(alone.records) == 4
    assert alone.failures[0]["reason"].startswith("ArithmeticError: The labels")


@pytest.mark.long
def test_dask_loses_a_worker_and_no_cell(dask_workers, reference, tmp_path):
    once = tmp_path / "died"
    with parallel_config(backend="dask", client=dask_workers):
        results = small(Deadly(str(once))).run()
    assert once.exists()
    assert not results.failures
    assert [one["asked"] for one in results.records] == [
        one["asked"] for one in Results.from_dir(reference).records
    ]


@pytest.mark.long
def test_dask_loses_a_cell_that_kills_its_workers(dask_workers, tmp_path):
    """joblib waits for such a cell for ever."""
    estimators = {"deadly": Deadly(), "good": GaussianNB()}
    with parallel_config(backend="dask", client=dask_workers):
        results = small(estimators, ["random"], seeds=1).run(tmp_path)
    assert {one["estimator"] for one in results.failures} == {"deadly"}
    assert {one["estimator"] for one in results.records} == {"good"}
    assert results.failures[0]["reason"].startswith("WorkerDied")
    assert Results.from_dir(tmp_path).outcomes == results.outcomes


@pytest.mark.long
def test_dask_searches_as_one_process_does(dask_workers):
    found = search().fit(*IRIS)
    with parallel_config(backend="dask", client=dask_workers):
        again = search().fit(*IRIS)
    assert_same_search(found, again)


@pytest.mark.long
def test_a_search_on_dask_outlives_a_worker(dask_workers, tmp_path):
    found = search().fit(*IRIS)
    once = tmp_path / "died"
    on_dask = {"backend": "dask", "client": dask_workers, "scatter": list(IRIS)}
    with parallel_config(**on_dask):
        again = search(Deadly(str(once))).fit(*IRIS)
    assert once.exists()
    assert_same_search(found, again)


def search(estimator=None):
    estimator = GaussianNB() if estimator is None else estimator
    learner = ActiveLearner(estimator, n_labels=30, random_state=0)
    grid = {"query_strategy": ["margin", "random"], "batch_size": [5, 10]}
    return GridSearchCV(learner, grid, cv=3)


def assert_same_search(found, again):
    assert found.best_params_ == again.best_params_
    for name, values in found.cv_results_.items():
        if "time" not in name:
            np.testing.assert_array_equal(values, again.cv_results_[name])


@pytest.mark.long
def test_a_word_starts_dask_on_this_machine(reference, tmp_path):
    pytest.importorskip("distributed")
    with on_cluster("dask", 2):
        assert len(active_engine().client.ncores()) == 2
        small().run(tmp_path)
    assert files_of(tmp_path) == files_of(reference)
    assert active_engine() is None


# Ray -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ray_workers():
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield ray
    ray.shutdown()


@pytest.mark.long
def test_ray_gives_the_same_files(ray_workers, reference, tmp_path):
    with parallel_config(backend="ray", n_jobs=2):
        small().run(tmp_path)
    assert files_of(tmp_path) == files_of(reference)


@pytest.mark.long
def test_ray_loses_a_cell_that_kills_its_workers(ray_workers, tmp_path):
    estimators = {"deadly": Deadly(), "good": GaussianNB()}
    with parallel_config(backend="ray", n_jobs=2):
        results = small(estimators, ["random"], seeds=1).run(tmp_path)
    assert {one["estimator"] for one in results.failures} == {"deadly"}
    assert {one["estimator"] for one in results.records} == {"good"}


@pytest.mark.long
def test_ray_searches_as_one_process_does(ray_workers):
    found = search().fit(*IRIS)
    with parallel_config(backend="ray", n_jobs=2):
        again = search().fit(*IRIS)
    assert_same_search(found, again)


# By a word or an address -----------------------------------------------------------


@pytest.mark.parametrize("address", ["spark", "host:8786", ""])
def test_what_is_no_address_is_told_which_there_are(address):
    with (
        pytest.raises(ValueError, match=r"cluster must be 'dask', 'ray', the address"),
        on_cluster(address),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "package", "way_out"),
    [
        ("dask", "distributed", r'pip install "skal\[dask\]"'),
        ("tcp://127.0.0.1:1", "distributed", r'pip install "skal\[dask\]"'),
        ("ray", "ray", "pip install ray"),
    ],
)
def test_an_engine_that_is_not_installed(monkeypatch, address, package, way_out):
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(ImportError, match=rf"cluster must name an .*{way_out}"),
        on_cluster(address),
    ):
        pass


def test_a_scheduler_that_does_not_answer(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("skal.experiment._cluster.PATIENCE", 0.5)
    with pytest.raises(OSError, match="Timed out"), on_cluster("tcp://127.0.0.1:1"):
        pass
