"""The rows and the model that a strategy is tried on where its author gives none."""

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skal import ModelView
from skal._seed import unseeded_params
from skal.testing._units_model import UnitForest

N_LABELED = 100
N_POOL = 5000
N_FEATURES = 16
N_CLASSES = 5


def made_up_data(regression, seed):
    """Draw five overlapping clouds of points; a regression target adds a slope."""
    rng = np.random.RandomState(seed)
    n = N_LABELED + N_POOL
    centers = rng.normal(size=(N_CLASSES, N_FEATURES))
    cloud = rng.randint(N_CLASSES, size=n)
    X = centers[cloud] + rng.normal(size=(n, N_FEATURES))
    return X, X @ rng.normal(size=N_FEATURES) + cloud if regression else cloud


def forest(regression, seed):
    """Return a model that answers every need, takes sparse rows and has few ties."""
    model = ExtraTreesRegressor if regression else ExtraTreesClassifier
    return make_pipeline(
        MaxAbsScaler(), model(n_estimators=10, min_samples_leaf=5, random_state=seed)
    )


def unit_forest(seed):
    """Return a model that answers for units of rows, dense or sparse."""
    return make_pipeline(MaxAbsScaler(), UnitForest(random_state=seed))


def several_labels(X):
    """Return three labels a row."""
    return (X[:, :3] > X[:, 3:6]).astype(int)


def seeded(estimator, seed):
    """Return a clone of which every random_state is set."""
    estimator = clone(estimator)
    return estimator.set_params(**dict.fromkeys(unseeded_params(estimator), seed))


def serves(estimator, strategy, X, y):
    """Whether the strategy can work with the estimator at all."""
    view = ModelView(clone(estimator).fit(X, y), X, y)
    try:
        strategy(view, X, 1, random_state=0)
    except (TypeError, ValueError):
        return False
    return True
