"""The names of what is compared hold wherever its file lies."""

import sys

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

import skal
from skal.experiment import _digest
from skal.experiment._describe import describe
from skal.experiment._digest import digest
from skal.experiment._migration import path_in_format_1
from skal.experiment._names import flat
from skal.experiment._public_name import public_name
from skal.query import Margin, RandomSampling, Shortlist
from skal.query.functional import entropy


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (skal.ActiveLearner, "skal.ActiveLearner"),
        (RandomSampling, "skal.query.RandomSampling"),
        (entropy, "skal.query.functional.entropy"),
        (LogisticRegression, "sklearn.linear_model.LogisticRegression"),
        (Pipeline, "sklearn.pipeline.Pipeline"),
        (np.random.RandomState, "numpy.random.RandomState"),
        (dict, "builtins.dict"),
        (flat, "skal.experiment.flat"),  # which no door shows
        (type(make_scorer(f1_score)), "sklearn.metrics._Scorer"),
    ],
)
def test_an_object_goes_by_the_outermost_module_that_shows_it(thing, name):
    assert public_name(thing) == name


def test_what_users_write_keeps_its_path():
    def mine():
        pass

    class Margin:
        pass

    assert public_name(mine).startswith(f"{__name__}.test_what_users_write")
    Margin.__module__, Margin.__qualname__ = "skal.query._mine", "Margin"
    assert public_name(Margin) == "skal.query.Margin"  # one that no door shows, of skal
    Margin.__module__ = "theirs._strategies"
    assert public_name(Margin) == "theirs._strategies.Margin"


def test_a_move_changes_no_description(monkeypatch):
    there = describe({"a": Shortlist(Margin(), 50), "b": skal.ActiveLearner()})
    for kind in (Margin, Shortlist, skal.ActiveLearner):
        monkeypatch.setattr(kind, "__module__", f"{kind.__module__}_moved")
    assert describe({"a": Shortlist(Margin(), 50), "b": skal.ActiveLearner()}) == there


def test_a_move_changes_no_digest(monkeypatch):
    things = [KFold(3), make_scorer(f1_score, average="macro")]
    there = [digest(thing) for thing in things]
    plain = [joblib.hash(thing) for thing in things]
    module = type(sys)("sklearn.model_selection._elsewhere")
    module.KFold = KFold
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(KFold, "__module__", module.__name__)
    assert digest(KFold(3)) == there[0]
    assert joblib.hash(KFold(3)) != plain[0]
    assert digest(KFold(4)) != there[0]
    assert digest(make_scorer(f1_score, average="micro")) != there[1]


@pytest.mark.parametrize(
    "value",
    [np.arange(12.0).reshape(3, 4), np.array(["a", None], object), [1, "a", {2: 3}]],
)
def test_arrays_have_the_digest_that_joblib_gives_them(value):
    assert digest(value) == joblib.hash(value)


def test_the_version_before_took_what_joblib_gave():
    for value in (csr_matrix(np.eye(3)), KFold(3), make_scorer(f1_score)):
        assert digest(value, path_in_format_1) == joblib.hash(value)
        assert digest(value, path_in_format_1) != digest(value)


def test_no_private_path_is_pickled_into_a_digest():
    hasher = _digest._NamingHasher(public_name)
    hasher.hash([KFold, RBF, f1_score, KFold(3)])
    pickled = hasher.stream.getvalue()
    assert b"sklearn.model_selection\nKFold" in pickled
    assert b"._" not in pickled
