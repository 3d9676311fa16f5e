"""Posteriors around networks of dense targets: draws of every pixel."""

import numpy as np
import pytest

from skal import ActiveLearner
from skal.datasets import make_shapes
from skal.metrics import mean_iou
from skal.nets import MLPNetClassifier, SegmentationNet
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee
from skal.query import Aggregate


def small(**params):
    how = {"max_steps": 3, "module__channels": (4, 8), "classes": range(4)}
    return SegmentationNet(**{**how, **params})


def posteriors(net):
    return {
        "dropout": MCDropoutCommittee(net, n_samples=4, random_state=0),
        "ensemble": EnsembleClassifier(net, n_members=2, random_state=0),
        "laplace": LaplaceClassifier(
            net, n_samples=4, prior_precision=10.0, random_state=0
        ),
    }


@pytest.fixture(scope="module")
def shapes():
    return make_shapes(16, size=16, mean_shapes=2, return_X_y=True, random_state=0)


@pytest.fixture(scope="module", params=["dropout", "ensemble", "laplace"])
def fitted(request, shapes):
    return posteriors(small())[request.param].fit(*shapes)


def test_units_are_the_mean_of_their_samples(fitted, shapes):
    X, y = shapes
    samples = fitted.sample_units(X)
    assert samples.shape[1:] == (16, 16, 16, 4)
    assert samples.std(axis=0).max() > 1e-4
    units = fitted.predict_units(X)
    np.testing.assert_allclose(units, samples.mean(axis=0), atol=1e-5)
    predicted = fitted.predict(X)
    np.testing.assert_array_equal(predicted, units.argmax(axis=-1))
    assert fitted.score(X, y) == mean_iou(y, predicted)
    first = fitted.sample_units(X, n_samples=1)
    np.testing.assert_allclose(first[0], samples[0], atol=1e-6)


def test_rows_embed_as_those_of_the_network(fitted, shapes):
    X, _ = shapes
    n_networks = len(getattr(fitted, "estimators_", [fitted]))
    assert fitted.embed(X).shape == (16, 8 * n_networks)


def test_members_that_lack_a_class_leave_room_for_it(shapes):
    X, y = shapes
    y = np.where(y == 3, 0, y)
    y[0, 0, 0] = 3  # only one row, which a bootstrap may leave out
    ensemble = EnsembleClassifier(
        small(classes=None, max_steps=1), n_members=5, bootstrap=True, random_state=1
    ).fit(X, y)
    widths = {len(member.classes_) for member in ensemble.estimators_}
    assert widths == {3, 4}
    assert ensemble.predict_units(X).shape[-1] == 4


@pytest.mark.parametrize("kind", ["dropout", "ensemble", "laplace"])
def test_a_learner_asks_by_the_draws_of_a_posterior(kind, shapes):
    X, y = shapes
    learner = ActiveLearner(
        posteriors(small(max_steps=1))[kind],
        Aggregate("bald"),
        n_initial=3,
        batch_size=3,
        n_labels=6,
        random_state=0,
    ).fit(X, y)
    assert learner.y_training_.shape == (6, 16, 16)


def test_posteriors_of_rows_answer_for_no_units():
    for posterior in posteriors(MLPNetClassifier()).values():
        assert not hasattr(posterior, "predict_units")
        assert not hasattr(posterior, "sample_units")
