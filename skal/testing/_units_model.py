"""A model that answers for units of rows, on which strategies of these are tried."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier

from skal._data import multilabel_proba

#: How many trees draw boxes: each pair of draws is compared.
_DRAWS = 2


class UnitForest(BaseEstimator):
    """A forest that says of each unit of a row whether it is 0 or 1; trees are draws.

    The units are the columns of y. Where a tree says 1 it draws a box.
    """

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        """Fit the forest to units (n, u) of 0 and 1, where -1 is nobody's word."""
        forest = ExtraTreesClassifier(
            10, min_samples_leaf=5, random_state=self.random_state
        )
        self.forest_ = forest.fit(X, np.maximum(y, 0))
        self.n_units_ = y.shape[1]
        return self

    def predict(self, X):
        """Return the likelier of 0 and 1 of each unit, (n, u)."""
        return self.predict_units(X).argmax(axis=-1)

    def score(self, X, y):
        """Return the share of the units that are right."""
        return float(np.mean(self.predict(X) == y))

    def embed(self, X):
        """Return the rows themselves."""
        return X.toarray() if hasattr(X, "toarray") else np.asarray(X)

    def predict_units(self, X):
        """Return the chances of 0 and 1, (n, u, 2)."""
        return self._both(self.forest_, X)

    def sample_units(self, X, n_samples=None, random_state=None):
        """Return what the trees say, (S, n, u, 2)."""
        trees = self.forest_.estimators_[:n_samples]
        return np.stack([self._both(tree, X) for tree in trees])

    def sample_boxes(self, X, n_samples=None, random_state=None):
        """Return a box for each unit that a tree takes for 1, as wide as it is sure."""
        draws = self.sample_units(X, n_samples or _DRAWS)[..., 1]  # (S, n, u)
        return [[boxes_of(chances) for chances in row] for row in draws.swapaxes(0, 1)]

    def _both(self, model, X):
        proba = model.predict_proba(X)
        proba = proba if isinstance(proba, list) else [proba]
        classes = model.classes_
        classes = classes if isinstance(classes, list) else [classes]
        one = multilabel_proba(proba, classes)
        return np.stack([1 - one, one], axis=-1)


def boxes_of(chances):
    """Return a box in the lane of each unit whose chance is over a half."""
    lanes = np.flatnonzero(chances > 0.5)
    boxes = np.column_stack([np.zeros(len(lanes)), lanes, chances[lanes], lanes + 1.0])
    return {"boxes": boxes, "labels": np.ones(len(lanes), int)}
