"""Objects that another version of skal has pickled: they load, or say why not."""

import importlib.util
import pickle
import sys

import pytest

import skal
from skal.callback import HeldOutMonitor
from skal.query import CallableStrategy, RandomSampling


@pytest.mark.parametrize(
    "name",
    [
        "_learner\nActiveLearner",
        "_rows\nRows",
        "_view\nModelView",
        "_labels\nLabels",
        "query._compose\nShortlist",
        "nets._loop\nBatches",
    ],
)
def test_a_class_that_has_moved_says_what_to_do(name):
    module = name.partition("\n")[0].replace(".", r"\.")
    says = rf"skal\.{module} has moved or is gone\. .* made and fitted again"
    with pytest.raises(ModuleNotFoundError, match=says):
        pickle.loads(f"cskal.{name}\n.".encode())


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("query._base\nRandomSampling", RandomSampling),
        ("query._base\nCallableStrategy", CallableStrategy),
        ("callback\nHeldOutMonitor", HeldOutMonitor),
    ],
)
def test_strategies_and_callbacks_of_the_version_before_load(name, cls):
    assert pickle.loads(f"cskal.{name}\n.".encode()) is cls


def test_the_scorer_inside_a_monitor_of_the_version_before_loads():
    scorer = HeldOutMonitor([[0.0]], [0])._scoring
    found = pickle.loads(b"cskal.callback\n_RoundScorer\n.")
    assert isinstance(scorer, found)


@pytest.mark.parametrize(
    "name", ["skal.nothing", "skal._nothing", "nothing._at_all", "skal_._learner"]
)
def test_other_modules_that_are_not_there_are_none_of_our_business(name):
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        __import__(name)


def test_a_private_name_that_is_not_there_is_still_an_import_error():
    assert importlib.util.find_spec("skal._nothing") is None
    with pytest.raises(AttributeError, match=r"'skal\.query\._base' has no attribute"):
        skal.query._base.nothing  # noqa: B018


def test_the_finder_stands_behind_all_others_once():
    from skal._moved import MovedFinder, answer_for_moved_modules

    answer_for_moved_modules()
    assert sys.meta_path.count(MovedFinder) == 1
