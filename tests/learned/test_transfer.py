"""What was learnt on made-up tasks serves on data sets that nobody made up."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skal import ModelView
from skal.learned import LearnedStrategy, untrained_scorer
from skal.query import Margin, RandomSampling

SETS = {
    "digits": load_digits,
    "wine": load_wine,
    "iris": load_iris,
    "breast_cancer": load_breast_cancer,
}
MODEL = LogisticRegression(max_iter=1000, tol=1e-3)


def data_of(name):
    X, y = SETS[name](return_X_y=True)
    return (X / 16 if name == "digits" else StandardScaler().fit_transform(X)), y


def area(name, strategy, seed, n_queries=20):
    """Buy labels one at a time, from one of each class; return the mean accuracy."""
    X, y = data_of(name)
    order = np.random.RandomState(seed).permutation(len(y))
    pool, test = np.split(order, [min(200, len(y) // 2)])
    labeled = pool[np.unique(y[pool], return_index=True)[1]]
    scores = []
    for number in range(n_queries):
        model = MODEL.fit(X[labeled], y[labeled])
        scores.append(model.score(X[test], y[test]))
        left = np.setdiff1d(pool, labeled)
        view = ModelView(model, X[labeled], y[labeled], random_state=seed)
        picked, *_ = strategy(view, X[left], 1, random_state=number)
        labeled = np.append(labeled, left[picked])
    return np.mean(scores)


def gap(name, strategy, other, seeds=range(4)):
    """Return by how much the area of a strategy is above another's, on paired seeds."""
    return np.mean([area(name, strategy, s) - area(name, other, s) for s in seeds])


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_scorer_that_comes_with_skal_asks_well_on_data_it_has_not_seen():
    """Of more seeds and queries tells the page; here bounds are wider by the noise."""
    learned, untrained = (
        LearnedStrategy(),
        LearnedStrategy(untrained_scorer(random_state=0)),
    )
    assert gap("digits", learned, Margin()) > 0.01
    assert gap("digits", learned, RandomSampling()) > 0.04
    for name in ("wine", "iris", "breast_cancer"):
        assert gap(name, learned, Margin()) > -0.02, name
    for name in SETS:
        assert gap(name, learned, untrained) > 0, name
