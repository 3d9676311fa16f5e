"""Which learner serves which rows, and descriptions that may be a stranger's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skal import ActiveLearner
from skal.label._described import (
    check_spec,
    foreign_classes,
    learner_of,
    model_of,
)
from skal.label._models import as_learner, default_learner
from skal.label._sources import MemorySource
from skal.query import Margin, UHerding, as_strategy


def rows_of(kind, n=60):
    """Return rows of two classes."""
    y = np.arange(n) % 2
    if kind == "text":
        words = [["good fine nice", "bad dull poor"][one] for one in y]
        return [f"{word} film {i}" for i, word in enumerate(words)], y
    if kind == "image":
        X = np.random.RandomState(0).randint(0, 50, size=(n, 12, 12)).astype(np.uint8)
        X[y == 1, :, 6:] += 150
        return X, y
    if kind == "table":
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame({"a": y * 1.0, "b": np.where(y, "x", "y"), "c": None})
        frame.loc[::7, "a"] = np.nan
        frame.loc[::5, "b"] = None
        return frame, y
    return np.column_stack([y, np.arange(n)]) * 1.0, y


@pytest.mark.parametrize("kind", ["text", "image", "table", "array"])
def test_the_default_serves_its_kind_from_the_first_row_on(kind):
    X, y = rows_of(kind)
    source = MemorySource(X)
    assert source.kind == kind
    features = source.features()
    learner = default_learner(kind, random_state=0)
    first, _ = learner.query(features, 8)  # before any label
    assert len(set(first.tolist())) == 8
    learner.fit(features[first], y[first].astype(str))
    assert np.mean(learner.predict(features) == y.astype(str)) > 0.9
    left = np.setdiff1d(np.arange(len(y)), first)
    _, info = as_strategy(learner.query_strategy)(learner, features, 5)
    assert info["strategy"] == "uherding"
    assert len(learner.query(features, 5, candidates=left)[0]) == 5


def test_a_learner_of_the_users_own_is_taken_as_it_is():
    learner = ActiveLearner(SVC())
    assert as_learner(learner, "text") is learner
    assert isinstance(as_learner(SVC(), "text").estimator, SVC)
    assert as_learner(SVC(), "text").query_strategy == "auto"
    for bad in (SVC, "svc", 3):
        with pytest.raises(TypeError, match="learner must be an ActiveLearner, an est"):
            as_learner(bad, "text")
    with pytest.raises(ValueError, match="learner must have n_labels=None, got 50"):
        as_learner(ActiveLearner(n_labels=50), "text")
    with pytest.raises(ValueError, match="learner must ask for rows, of which"):
        as_learner(ActiveLearner(query_strategy="random_labels"), "text")


# Descriptions -------------------------------------------------------------------------

TOML = """
strategy = "uherding"
input = "pixels"
[estimator]
class = "sklearn.svm.SVC"
C = 3.0
probability = false
[initial]
class = "MaxHerding"
"""


def test_a_file_describes_a_learner(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text(TOML)
    spec = model_of(str(path))
    assert spec["input"] == "pixels"
    assert foreign_classes(spec) == ["sklearn.svm.SVC"]
    learner = learner_of(spec, "image", 7, trust=True)
    assert isinstance(learner.estimator, SVC)
    assert (learner.estimator.C, learner.random_state) == (3.0, 7)
    assert learner.query_strategy == "uherding"


def test_what_a_description_leaves_out_is_the_default():
    learner = learner_of({"strategy": {"class": "UHerding"}}, "text")
    assert isinstance(learner.query_strategy, UHerding)
    assert isinstance(learner.estimator, LogisticRegression)
    assert isinstance(learner_of(None, "text").estimator, LogisticRegression)


@pytest.mark.parametrize("kind", ["array", "text"])
def test_an_estimator_by_name(kind):
    X, y = rows_of(kind)
    X = MemorySource(X).features()
    assert learner_of(model_of("logistic"), kind).fit(X, y).score(X, y) > 0.9


def test_nets_are_given_pixels():
    assert model_of("cnn") == {"estimator": "cnn", "input": "pixels"}
    assert model_of("forest") == {"estimator": "forest"}


STRANGE = [
    {"estimator": {"class": "os.system", "command": "touch owned"}},
    {"estimator": {"class": "sklearn.svm.SVC"}},
    {"strategy": {"class": "Margin", "x": {"class": "builtins.eval"}}},
    {"initial": [{"class": "subprocess.Popen"}]},
]


@pytest.mark.parametrize("spec", STRANGE, ids=["system", "svc", "inside", "list"])
def test_what_a_stranger_names_is_not_imported(spec, monkeypatch):
    def no_import(name):
        raise AssertionError(f"{name} was imported")

    monkeypatch.setattr("skal.experiment._config.import_module", no_import)
    with pytest.raises(ValueError, match=r"model must name nothing but skal's own"):
        learner_of(spec, "text")


def test_skals_own_strategies_need_no_trust():
    spec = {"strategy": {"class": "Margin"}}
    assert isinstance(learner_of(spec, "text").query_strategy, Margin)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("forrest", "model must be one of 'forest', .* got 'forrest'"),
        ("none.toml", "model must be a name or a TOML file"),
    ],
)
def test_models_that_are_not_there(words, error):
    with pytest.raises(ValueError, match=error):
        model_of(words)


def test_a_file_that_is_no_toml(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text("estimator = ")
    with pytest.raises(ValueError, match=r"model .* cannot be read"):
        model_of(str(path))
    path.write_text("x" * 200_000)
    with pytest.raises(ValueError, match=r"of at most 100000 bytes"):
        model_of(str(path))


def test_a_word_that_means_nothing():
    with pytest.raises(ValueError, match=r"model may say 'estimator', .* 'estimate'"):
        check_spec({"estimate": "forest"})
    with pytest.raises(ValueError, match=r"estimator must be one of 'forest'"):
        learner_of({"estimator": "forrest"}, "text")
