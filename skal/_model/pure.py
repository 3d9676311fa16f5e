"""Ensembles of trees whose leaves are pure: their probabilities are votes."""

import numpy as np
from sklearn.base import is_regressor

from skal._model.known_types import is_committee
from skal._model.needs import source


def only_votes(estimator):
    """Tell whether the members of a fitted ensemble are sure of whatever row there is.

    So are trees of which every leaf holds one class: each gives a row a probability
    of 1 for its vote, and 0 for all else.
    """
    layer, _ = source(estimator, "samples")
    if layer is None or is_regressor(layer) or not is_committee(layer):
        return False
    trees = [getattr(member, "tree_", None) for member in layer.estimators_]
    return all(tree is not None and is_pure(tree) for tree in trees)


def is_pure(tree):
    """Tell whether every leaf of a classifier's tree holds one class alone."""
    shares = tree.value[tree.children_left < 0]  # (leaves, outputs, classes)
    return bool(np.isin(shares, (0, 1)).all())
