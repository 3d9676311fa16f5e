"""Refine lets strategies narrow the pool down, and one cover what is left."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skal import ModelView
from skal.query import Refine, ScoreStrategy


class Largest(ScoreStrategy):
    """Wants the rows whose first feature is largest."""

    def _score(self, view, rows):
        return np.asarray(rows)[:, 0]


class Counting(LogisticRegression):
    """Counts the rows whose probabilities it is asked for."""

    def predict_proba(self, X):
        self.asked_ = getattr(self, "asked_", 0) + len(X)
        return super().predict_proba(X)


@pytest.fixture(scope="module")
def line():
    X = np.random.RandomState(0).permutation(200)[:, None] / 100.0
    return LogisticRegression().fit(X, X[:, 0] > 1), X


def test_what_a_good_strategy_takes_is_what_is_left_to_a_blind_one(line):
    model, X = line
    refine = Refine([("best", Largest())], final="random", n_levels=4, n_batches=20)
    picked, info = refine(model, X, 5, random_state=0)
    assert X[picked, 0].min() > np.quantile(X, 0.85)
    assert set(info["base"]) == {"best"}
    assert list(info["n_candidates"]) == sorted(info["n_candidates"])[::-1]


def test_a_share_of_one_leaves_each_strategy_its_batch(line):
    model, X = line
    refine = Refine([("best", Largest())], "random", n_levels=1, n_batches=3, share=1)
    picked, info = refine(model, X, 5, random_state=0)
    assert sorted(X[picked, 0]) == sorted(X[:, 0])[-5:]
    assert info["n_candidates"].tolist() == [5]


def test_the_whole_pool_is_not_narrowed_down(line):
    model, X = line
    picked, info = Refine()(model, X[:7], 7, random_state=0)
    assert sorted(picked) == list(range(7))
    assert len(info["n_candidates"]) == 0
    assert set(info["base"]) == {""}


def test_strategies_share_one_pass_of_the_model(line):
    _, X = line
    model = Counting().fit(X, X[:, 0] > 1)
    bases = [("a", "margin"), ("b", "entropy")]
    Refine(bases, "margin")(ModelView(model), X, 5, random_state=0)
    assert model.asked_ <= len(X)


def test_a_share_of_nothing_is_refused(line):
    with pytest.raises(ValueError, match="share must be above 0"):
        Refine(share=0).check(line[0], "multiclass")
