"""LinearCombination adds up what several strategies make of each row."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skal import ActiveLearner
from skal.query import (
    BALD,
    Entropy,
    ExpectedGradientLength,
    InformationDensity,
    LinearCombination,
    Margin,
    ScoreStrategy,
    Shortlist,
    StochasticBatch,
)


@pytest.fixture
def model(blobs):
    X, y = blobs
    return LogisticRegression().fit(X[:40], y[:40])


def both(**options):
    bases = [("doubt", Entropy()), ("lead", Margin())]
    return LinearCombination(bases, **options)


def test_scores_are_weighed_and_added(blobs, model):
    X, _ = blobs
    entropy, margin = (s.score_samples(model, X) for s in (Entropy(), Margin()))
    np.testing.assert_allclose(both().score_samples(model, X), entropy + margin)
    scores = both(weights=[0.7, -0.3]).score_samples(model, X)
    np.testing.assert_allclose(scores, 0.7 * entropy - 0.3 * margin)
    picked, info = both(weights=[0.7, -0.3])(model, X, 5, random_state=0)
    np.testing.assert_allclose(info["score"], np.sort(scores)[::-1][:5])
    np.testing.assert_allclose(scores[picked], info["score"])


def test_ranks_do_not_know_of_units(blobs, model):
    X, _ = blobs
    plain = LinearCombination(
        [("far", ExpectedGradientLength()), ("doubt", "entropy")], transform="rank"
    )
    scaled = clone(plain).set_params(far=Thousandfold())
    expected = plain.score_samples(model, X)
    np.testing.assert_allclose(scaled.score_samples(model, X), expected)
    alone = LinearCombination([("doubt", "entropy")], transform="rank")
    ranks = alone.score_samples(model, X)
    np.testing.assert_allclose(np.sort(ranks), (np.arange(300) + 0.5) / 300)
    np.testing.assert_array_equal(
        np.argsort(ranks), np.argsort(Entropy().score_samples(model, X))
    )


class Thousandfold(ScoreStrategy):
    needs = ExpectedGradientLength.needs
    target_types = ExpectedGradientLength.target_types

    def _score(self, view, rows):
        return 1000 * ExpectedGradientLength().score_samples(view, rows)


def test_equal_scores_share_a_rank(blobs, model):
    X, _ = blobs
    twice = np.repeat(X[:5], 2, axis=0)
    scores = both(transform="rank").score_samples(model, twice)
    np.testing.assert_array_equal(scores[::2], scores[1::2])


def test_logarithms_rank_as_the_product_of_powers(blobs, model):
    X, _ = blobs
    entropy, margin = (s.score_samples(model, X) for s in (Entropy(), Margin()))
    product = entropy**2 * (1 + margin) ** 0.5  # margins count from 0 up
    scores = both(weights=[2, 0.5], transform="log").score_samples(model, X)
    np.testing.assert_allclose(scores, np.log(product), rtol=1e-5, atol=1e-5)


def test_a_row_of_score_zero_is_the_last_of_a_product(blobs):
    X, y = blobs
    forest = RandomForestClassifier(5, random_state=0).fit(X[:60], y[:60])
    scores = LinearCombination(
        [("dispute", BALD()), ("doubt", "entropy")], transform="log"
    ).score_samples(forest, X)
    agreed = BALD().score_samples(forest, X) == 0
    assert agreed.any()
    assert np.isneginf(scores[agreed]).all()
    assert np.isfinite(scores[~agreed]).all()


def test_a_weight_of_zero_leaves_a_strategy_unasked(blobs, model):
    X, _ = blobs
    bases = [("doubt", "entropy"), ("broken", Broken())]
    combination = LinearCombination(bases, weights=[1, 0], transform="log")
    assert combination.score_samples(model, X).shape == (300,)


class Broken(ScoreStrategy):
    def _score(self, view, rows):
        raise AssertionError("asked")


class Below(ScoreStrategy):
    def _score(self, view, rows):
        return np.full(len(rows), -2.0)


def test_what_it_cannot_add_up_is_refused(blobs, model):
    X, _ = blobs
    with pytest.raises(TypeError, match=r"bases must be .*score rows, got CoreSet"):
        LinearCombination([("far", "core_set")]).check(model, "multiclass")
    with pytest.raises(ValueError, match=r"weights must be 2 numbers, .*got \[1\]"):
        both(weights=[1]).check(model, "multiclass")
    with pytest.raises(ValueError, match=r'weights must be 0 or more for tran.*"log"'):
        both(weights=[1, -1], transform="log").check(model, "multiclass")
    with pytest.raises(ValueError, match=r"transform must be one of 'rank', 'log'"):
        both(transform="ranks").check(model, "multiclass")
    below = LinearCombination([("below", Below())], transform="log")
    with pytest.raises(ValueError, match=r"bases must give scores from 0 up.*-2 from"):
        below(model, X, 3)
    with pytest.raises(TypeError, match="needs strategies for one kind"):
        LinearCombination([("a", "margin"), ("b", "committee_std")]).check(
            model, "multiclass"
        )


def test_it_nests_and_tunes(blobs):
    X, y = blobs
    inner = LinearCombination([("doubt", "entropy"), ("typical", InformationDensity())])
    strategy = Shortlist(
        StochasticBatch(
            LinearCombination([("inner", inner), ("lead", "margin")], transform="rank")
        ),
        n_candidates=100,
    )
    assert strategy.needs == {"proba", "embed", "decision"}
    learner = ActiveLearner(
        LogisticRegression(), strategy, n_labels=20, n_initial=10, random_state=0
    )
    base = "query_strategy__base__base"
    search = GridSearchCV(
        learner,
        {f"{base}__weights": [None, [1, 2]], f"{base}__inner__typical__beta": [1, 2]},
        cv=2,
    )
    assert search.fit(X, y).best_score_ > 0.5


def test_it_ranks_as_modals_own_combination(blobs, model):
    combination = pytest.importorskip(
        "modAL.utils.combination", reason="the extra 'modal' is not installed"
    )
    from modAL.uncertainty import classifier_entropy, classifier_uncertainty

    X, _ = blobs
    parts = (classifier_entropy, classifier_uncertainty)
    bases = [("entropy", Entropy()), ("doubt", "least_confidence")]
    added = combination.make_linear_combination(*parts, weights=[0.4, 2.0])
    ours = LinearCombination(bases, weights=[0.4, 2.0]).score_samples(model, X)
    np.testing.assert_allclose(ours, added(model, X), rtol=1e-5)
    times = combination.make_product(*parts, exponents=[0.5, 2.0])
    ours = LinearCombination(bases, [0.5, 2.0], "log").score_samples(model, X)
    np.testing.assert_allclose(np.exp(ours), times(model, X), rtol=1e-5)
