"""What a row of many units costs, beside what its units are worth."""

import numpy as np
from sklearn.base import BaseEstimator

from skal import ActiveLearner
from skal.query import Aggregate, PerCost


class Words(BaseEstimator):
    """The chance of a tag is a word's number, whatever has been learnt."""

    def fit(self, X, y):
        return self

    def predict_units(self, X):
        return [np.stack([words, 1 - words], axis=1) for words in X]


def test_a_price_by_the_word_makes_the_mean_of_the_sum(rng):
    X = [rng.uniform(size=rng.randint(1, 9)) for _ in range(60)]
    y = [(words > 0.5).astype(int) for words in X]
    lengths = np.array([len(words) for words in X])
    mean = ActiveLearner(Words(), Aggregate(reduce="mean"), n_labels=40, random_state=0)
    mean.fit(X, y)
    words = ActiveLearner(
        Words(), PerCost(Aggregate(reduce="sum")), n_labels=130, random_state=0
    ).fit(X, y, costs=lengths)
    first_rounds = (run.history_["indices"][:2] for run in (mean, words))
    for by_mean, by_price in zip(*first_rounds, strict=True):
        np.testing.assert_array_equal(by_mean, by_price)
    assert words.history_["cost"][-1] <= 130
