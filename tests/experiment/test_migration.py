"""Runs of format 1, which the version before wrote, go on where they were."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import RidgeClassifier

from skal import ActiveLearner
from skal.callback import HeldOutMonitor
from skal.experiment import Experiment, Results, _names
from skal.experiment._describe import describe
from skal.experiment._migration import PATHS, path_in_format_1
from skal.experiment._public_name import public_name
from skal.query import CoreSet, Mixture, RandomSampling
from skal.stopping import KappaAverage

#: A folder of two strategies and two seeds, as the version before wrote it: path of
#: each file -> content. ``experiment`` below made it.
RUN = json.loads(Path(__file__).with_name("run_of_format_1.json").read_text("utf-8"))


def experiment(**more):
    X = np.arange(240.0).reshape(120, 2) % 7
    y = (X[:, 0] + X[:, 1] > 6).astype(int)
    settings = {
        "estimators": {
            "ridge": ActiveLearner(RidgeClassifier(), stopping=KappaAverage())
        },
        "strategies": {
            "random": "random",
            "both": Mixture([("far", CoreSet()), ("any", RandomSampling())]),
        },
        "data": {"table": (X, y)},
        "n_labels": 12,
        "n_initial": 6,
        "batch_size": 3,
        "initial": CoreSet(),
        "metrics": ["accuracy"],
        "seeds": 2,
    }
    return Experiment(**{**settings, **more})


def same_as_then():
    """Tell whether the libraries describe what was compared as they did then."""
    there, here = RUN["experiment.json"], experiment()._plan().definition_in_format_1()
    params = there["estimators"]["ridge"]["params"]
    same_digest = there["data"] == here["data"]  # a newer pickle makes another one
    return same_digest and params == here["estimators"]["ridge"]["params"]


then = pytest.mark.skipif(not same_as_then(), reason="other versions of libraries")


@pytest.fixture
def folder(tmp_path):
    """Unpack the old run."""
    for name, content in RUN.items():
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    np.savez(tmp_path / "run" / "asked_images.npz", **{keys(RUN)[0]: np.ones(3)})
    return tmp_path / "run"


@pytest.fixture
def ran(monkeypatch):
    """Collect the cells that are run anew, as (strategy, seed)."""
    from skal.experiment import _experiment

    found, run_grid = [], _experiment.run_grid

    def noted(cells, *rest):
        found.extend((cell.strategy, cell.seed) for cell in cells)
        return run_grid(cells, *rest)

    monkeypatch.setattr(_experiment, "run_grid", noted)
    return found


def keys(run):
    return [Path(name).stem for name in run if name.startswith("cells/")]


def without_key(record):
    return {name: value for name, value in record.items() if name != "key"}


def definition_of(folder):
    return json.loads((folder / "experiment.json").read_text())


@then
def test_a_finished_run_is_taken_over_and_nothing_is_computed(folder, ran):
    before = Results.from_dir(folder)
    after = experiment().run(folder)
    assert not ran
    assert after.frame.equals(before.frame)
    assert Results.from_dir(folder).frame.equals(before.frame)
    assert [one["timings"] for one in after.outcomes] == [
        one["timings"] for one in before.outcomes
    ]
    new = sorted(cell["key"] for cell in definition_of(folder)["cells"])
    assert not set(new) & set(keys(RUN))
    for kind in ("cells", "timings"):
        assert sorted(path.stem for path in (folder / kind).iterdir()) == new
    assert len(after.images) == 0
    assert Results.from_dir(folder).images.keys() < set(new)
    assert definition_of(folder) == after.definition


@then
def test_a_run_that_was_stopped_goes_on(folder, ran):
    there = RUN["experiment.json"]["cells"][2]
    (folder / "cells" / f"{there['key']}.json").unlink()
    before = Results.from_dir(folder)
    results = experiment().run(folder)
    assert ran == [(there["strategy"], there["seed"])]
    assert len(results.records) == 4
    kept = [without_key(record) for record in results.records]
    assert all(without_key(record) in kept for record in before.records)


@then
def test_what_an_experiment_does_not_name_waits_under_its_old_key(folder, ran):
    experiment(seeds=[1], strategies=["random"]).run(folder)
    assert not ran
    results = Results.from_dir(folder)
    assert len(results.records) == 4
    waiting = [c for c in results.definition["cells"] if c.get("format") == 1]
    assert {(c["strategy"], c["seed"]) for c in waiting} == {
        ("both", 0),
        ("both", 1),
        ("random", 0),
    }
    experiment().run(folder)
    assert not ran
    cells = definition_of(folder)["cells"]
    assert len(cells) == 4
    assert not any("format" in cell for cell in cells)


@then
def test_a_run_killed_while_it_renamed_is_taken_over_too(folder, ran, monkeypatch):
    from skal.experiment._store import Store

    def killed(self, definition):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "write_definition", killed)
    with pytest.raises(KeyboardInterrupt):
        experiment().run(folder)
    monkeypatch.undo()
    assert len(experiment().run(folder).records) == 4
    assert not ran


@then
def test_a_check_renames_nothing(folder):
    assert experiment().check(folder) == 4
    assert definition_of(folder) == RUN["experiment.json"]
    assert {path.stem for path in (folder / "cells").iterdir()} == set(keys(RUN))


@then
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_labels": 15}, "n_labels was 12 and is 15"),
        ({"strategies": {"both": CoreSet()}}, "strategies had another 'both'"),
        (
            {"estimators": {"ridge": RidgeClassifier()}},
            "estimators had another 'ridge'",
        ),
    ],
)
def test_another_experiment_is_refused_as_before(folder, changed, words):
    with pytest.raises(ValueError, match=words):
        experiment(**changed).check(folder)


def test_results_of_then_are_read_with_public_names(folder):
    definition = Results.from_dir(folder).definition
    assert definition["estimators"]["ridge"]["class"] == (
        "sklearn.linear_model.RidgeClassifier"
    )
    assert definition["strategies"]["random"]["class"] == "skal.query.RandomSampling"
    assert definition["settings"]["initial"]["class"] == "skal.query.CoreSet"
    assert "._" not in json.dumps(definition)
    assert "._" in json.dumps(RUN["experiment.json"])


def test_reading_imports_nothing_that_a_folder_names(folder, tmp_path, monkeypatch):
    there = json.loads((folder / "experiment.json").read_text())
    names = ["strange._a.B", "sklearn._strange.Thing", "sklearn.linear_model._a.B"]
    there["strategies"]["random"] = {"class": names[0], "params": {"x": names[1:]}}
    (folder / "experiment.json").write_text(json.dumps(there))
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "_a.py").write_text("class B: pass")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    found = Results.from_dir(folder).definition["strategies"]["random"]
    assert not {name for name in set(sys.modules) - before if "strange" in name}
    assert found["class"] == names[0]
    assert found["params"]["x"] == ["sklearn.Thing", "sklearn.linear_model.B"]


@pytest.mark.parametrize("name", sorted(PATHS))
def test_everything_format_1_could_name_is_known_by_its_place_of_then(name):
    module, _, attribute = name.rpartition(".")
    door = _names if attribute == "flat" else import_module(module)
    thing = getattr(door, attribute)
    assert public_name(thing) == name
    assert path_in_format_1(thing) == PATHS[name]


def test_what_is_not_of_skal_was_named_by_the_module_that_defines_it():
    path = f"{RidgeClassifier.__module__}.RidgeClassifier"
    assert path_in_format_1(RidgeClassifier) == path
    assert path_in_format_1(HeldOutMonitor) == "skal.callback.HeldOutMonitor"


def test_a_new_parameter_leaves_keys_as_they_were_until_it_is_used():
    """Results of nets were not found again once nets had got a criterion."""

    class Before(BaseEstimator):
        def __init__(self, width=1):
            self.width = width

    class Since(BaseEstimator):
        _added_params: ClassVar = {"depth": None}

        def __init__(self, width=1, depth=None):
            self.width = width
            self.depth = depth

    def params(estimator):
        return describe(estimator)["params"]

    assert params(Since(2)) == params(Before(2)) == {"width": 2}
    assert params(Since(depth=0)) == {"width": 1, "depth": 0}
    assert params(Since(depth=np.zeros(2))).keys() == {"width", "depth"}
