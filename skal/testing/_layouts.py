"""Laws about what X and y may be: layouts, types, and labels of any kind."""

import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skal import ModelView
from skal._data import take_rows
from skal.query import ScoreStrategy
from skal.testing._trial import assert_same


def one_class(trial):
    """Serve while only one class has been labelled."""
    if trial.classes is None:
        return
    labels, counts = np.unique(trial.y_training, return_counts=True)
    of_one = np.flatnonzero(trial.y_training == labels[counts.argmax()])
    X, y = take_rows(trial.X_training, of_one), trial.y_training[of_one]
    try:
        fitted = clone(trial.estimator).fit(X, y)
    except ValueError:  # a model that needs two classes
        return
    for n_instances in (1, 10, 100):
        model = ModelView(fitted, X, y, classes=trial.classes, random_state=trial.seed)
        trial.ask_right(n_instances, model=model)


def label_names(trial):
    """Give the same batch for classes named by strings as for numbered ones."""
    if trial.classes is None:
        return
    codes = np.searchsorted(trial.classes, trial.y_training)
    named = np.array([f"class {code:04d}" for code in codes])
    try:
        fitted = [
            clone(trial.estimator).fit(trial.X_training, y) for y in (codes, named)
        ]
    except (TypeError, ValueError):  # a model that takes numbers only
        return
    by_number, by_name = (
        trial.ask(10, model=trial.view(model, None, y))
        for model, y in zip(fitted, (codes, named), strict=True)
    )
    assert_same(by_name, by_number, "classes named by strings against numbers")


def read_only(trial):
    """Take read-only rows, a memory map of a file for instance."""
    if not trial.plain:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "X.npy")
        np.save(path, trial.X_pool)
        X = np.load(path, mmap_mode="r")
        for n_instances in (10, 100):
            view = trial.view()
            view.X_training.flags.writeable = False
            positions = trial.ask(n_instances, X, model=view)
            assert_same(positions, trial.ask(n_instances), "a memory map against X")
        del X


def float32(trial):
    """Hand rows of float32 to the model as float32."""
    if not trial.plain:
        return
    gate = FunctionTransformer(demand_float32)
    model = trial.refitted(as_float32, steps=[gate])
    trial.ask_right(10, as_float32(trial.X_pool), model=model)


def as_float32(X):
    """Return X as float32."""
    return X.astype(np.float32)


def demand_float32(X):
    """Return X if it is float32."""
    assert X.dtype == np.float32, f"X of float32 came to the model as {X.dtype}."
    return X


def images(trial):
    """Give the same batch for images as for their flattened rows."""
    if not trial.plain:
        return
    model = trial.refitted(as_images, steps=[FunctionTransformer(as_flat)])
    for n_instances in (10, 100):
        expected = trial.ask(n_instances)
        seen = trial.ask(n_instances, as_images(trial.X_pool), model=model)
        assert_same(seen, expected, "4-D X against its flattened rows")


def as_images(X):
    """Fold rows into images of one channel and one column."""
    return X.reshape(len(X), 1, -1, 1)


def as_flat(X):
    """Flatten images into rows."""
    return X.reshape(len(X), -1)


def sparse(trial):
    """Take sparse rows where the estimator does."""
    if not trial.plain or not get_tags(trial.estimator).input_tags.sparse:
        return
    X, model = as_sparse(trial.X_pool), trial.refitted(as_sparse)
    for n_instances in (1, 10, 100):
        trial.ask_right(n_instances, X, model=model)
    if isinstance(trial.strategy, ScoreStrategy):
        sparse_scores = trial.strategy.score_samples(model, X)
        dense_scores = trial.strategy.score_samples(model, X.toarray())
        n_off = (~np.isclose(sparse_scores, dense_scores, rtol=1e-4, atol=1e-6)).sum()
        assert n_off == 0, f"{n_off} of {trial.n_pool} scores differ from dense ones."


def as_sparse(X):
    """Return the larger half of the numbers as CSR."""
    return sp.csr_array(np.where(np.abs(X) < np.median(np.abs(X)), 0, X))
