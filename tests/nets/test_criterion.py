"""criterion=: any loss, by name, class, instance or function; checked before work."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn
from torch.nn import functional as F

from skal.nets import CNNClassifier, MLPNetClassifier, NetClassifier, NetRegressor
from skal.nets._class_criteria import NAMED
from skal.nets._criterion import read_criterion
from skal.nets._one_label import focal


def classifier(**params):
    params = {"hidden": (8,), "max_steps": 12, "random_state": 0, **params}
    return MLPNetClassifier(**params)


def regressor(**params):
    return NetRegressor(**{"max_steps": 12, "random_state": 0, **params})


def weights_of(net):
    return [weight.detach().numpy() for weight in net.module_.parameters()]


def assert_same_net(net, other):
    for weight, expected in zip(weights_of(net), weights_of(other), strict=True):
        np.testing.assert_array_equal(weight, expected)


def rows_of_cross_entropy(scores, codes):
    return F.cross_entropy(scores, codes, reduction="none")


def mean_cross_entropy(scores, codes):
    return F.cross_entropy(scores, codes)


@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss,
        nn.CrossEntropyLoss(),
        F.cross_entropy,
        rows_of_cross_entropy,
        mean_cross_entropy,
    ],
)
def test_a_loss_is_the_same_however_it_is_given(blobs, criterion):
    expected = classifier(early_stopping=True).fit(*blobs)
    assert_same_net(
        classifier(criterion=criterion, early_stopping=True).fit(*blobs), expected
    )


@pytest.mark.parametrize(
    ("name", "criterion"),
    [
        ("mse", nn.MSELoss(reduction="sum")),
        ("l1", nn.L1Loss),
        ("huber", F.huber_loss),
        ("gaussian_nll", nn.GaussianNLLLoss),
        ("mse", lambda outputs, targets: (outputs - targets).square()),
    ],
)
def test_losses_of_numbers_have_names(blobs, criterion, name):
    X = blobs[0]
    y = np.column_stack([X[:, 0], X @ [2.0, 1.0]])
    expected = regressor(criterion=name).fit(X, y)
    assert_same_net(regressor(criterion=criterion).fit(X, y), expected)
    assert expected.predict(X).shape == y.shape


def test_the_loss_changes_what_is_learnt():
    """A half of the rows lies far off: the median stays, the mean does not."""
    X = np.zeros((90, 1))
    y = np.where(np.arange(90) < 30, 90.0, 0.0)
    params = {"module__in_features": 1, "module__out_features": 1, "lr": 0.1}
    fits = {
        name: NetRegressor(nn.Linear, criterion=name, max_steps=150, **params)
        for name in ("mse", "l1")
    }
    answers = {name: net.fit(X, y).predict(X[:1])[0] for name, net in fits.items()}
    assert answers["mse"] == pytest.approx(30, abs=2)
    assert answers["l1"] == pytest.approx(0, abs=2)


# Focal loss ---------------------------------------------------------------------


def test_focal_loss_with_gamma_zero_is_cross_entropy_to_the_bit(blobs):
    params = {"label_smoothing": 0.1, "class_weight": "balanced"}
    expected = classifier(**params).fit(*blobs)
    net = classifier(criterion="focal", criterion__gamma=0, **params).fit(*blobs)
    assert_same_net(net, expected)


def test_focal_loss_by_hand():
    p = torch.tensor([[0.9, 0.06, 0.04], [0.2, 0.5, 0.3]])
    values = focal(p.log(), torch.tensor([0, 2]), gamma=2.0)
    expected = [-(0.1**2) * np.log(0.9), -(0.7**2) * np.log(0.3)]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_focal_loss_of_a_smoothed_label_by_hand():
    p = np.array([0.5, 0.3, 0.2])
    shares = np.array([0.8, 0.1, 0.1])  # 0.3 of a label over three classes
    value = focal(
        torch.tensor(p).log()[None], torch.tensor([0]), gamma=1.0, label_smoothing=0.3
    )
    expected = -(shares * (1 - p) * np.log(p)).sum()
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


def test_focal_loss_has_a_gradient_where_a_row_is_certain():
    scores = torch.tensor([[200.0, -200.0]], requires_grad=True)
    focal(scores, torch.tensor([0]), gamma=0.5).sum().backward()
    assert torch.isfinite(scores.grad).all()


def test_focal_loss_works_with_the_defaults_of_a_convolutional_net():
    X = np.random.RandomState(0).rand(20, 8, 8)
    net = CNNClassifier(
        criterion="focal", channels=(2,), hidden=4, max_steps=2, random_state=0
    )
    assert net.fit(X, np.arange(20) % 2).label_smoothing == 0.1


# Weights and smoothing ------------------------------------------------------------


def test_smoothing_goes_to_what_takes_it(blobs):
    expected = classifier(label_smoothing=0.2).fit(*blobs)
    net = classifier(criterion=nn.CrossEntropyLoss, label_smoothing=0.2).fit(*blobs)
    assert_same_net(net, expected)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_fits_are_compared_without_smoothing(name):
    scores, codes = torch.arange(15.0).reshape(5, 3).sin(), torch.arange(5) % 3
    smoothed = read_criterion(name, NAMED, {}, 0.3)
    plain = read_criterion(name, NAMED, {})
    assert torch.equal(smoothed(scores, codes, exact=True), plain(scores, codes))
    assert not torch.equal(smoothed(scores, codes), plain(scores, codes))


def test_weights_of_rows_weigh_any_loss_of_rows(blobs):
    X, y = blobs
    weight = np.where(y == 0, 0.0, 1.0)
    params = {"criterion": nn.MultiMarginLoss, "classes": np.unique(y)}
    expected = classifier(**params).fit(X[y > 0], y[y > 0])
    net = classifier(**params).fit(X, y, sample_weight=weight)
    assert set(net.predict(X)) == set(expected.predict(X)) == {1, 2}


def test_an_instance_is_left_as_it_was(blobs):
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))
    net = classifier(criterion=criterion).fit(*blobs)
    assert net.criterion is criterion
    assert criterion.reduction == "mean"


# What is refused, before any work -------------------------------------------------


def never_made(n_classes):
    raise AssertionError("The module was made.")


def with_a_weight():
    loss = nn.CrossEntropyLoss()
    loss.scale = nn.Parameter(torch.ones(()))
    return loss


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"criterion": "crossentropy"}, ValueError, "criterion must be one of 'cross_"),
        ({"criterion": 3}, TypeError, "criterion must be a name, a loss of torch.nn"),
        ({"criterion": nn.NLLLoss}, ValueError, "NLLLoss, which reads log-prob"),
        ({"criterion": nn.BCELoss()}, ValueError, "probabilities. Use criterion='bce'"),
        (
            {"criterion": "focal", "criterion__gama": 1},
            TypeError,
            "criterion__gama must be a parameter of the criterion, got it for 'focal'",
        ),
        (
            {"criterion": nn.CrossEntropyLoss(), "criterion__weight": None},
            TypeError,
            "criterion__weight must be .* Set it on the instance",
        ),
        (
            {"criterion": "focal", "criterion__gamma": -1},
            ValueError,
            r"criterion__gamma must be in \[0, inf\], got -1",
        ),
        (
            {"criterion": nn.MultiMarginLoss, "label_smoothing": 0.1},
            ValueError,
            "label_smoothing must be 0 with criterion=MultiMarginLoss",
        ),
        ({"criterion": with_a_weight()}, ValueError, "no weights to train, got Cross"),
        (
            {"criterion": lambda scores, codes: codes},
            ValueError,
            "criterion must give a loss for each row, or a number",
        ),
        (
            {"criterion": mean_cross_entropy, "class_weight": "balanced"},
            ValueError,
            "where rows or classes have weights, got one number",
        ),
        ({"criterion": "bce"}, ValueError, r"shape \(n_rows, n_labels\), got shape"),
    ],
)
def test_what_no_fit_could_use_is_refused_before_a_module_is_made(
    blobs, params, error, message
):
    net = NetClassifier(never_made, max_steps=2, **params)
    with pytest.raises(error, match=message):
        net.fit(*blobs)


def test_a_loss_that_fails_says_what_it_was_called_with(blobs):
    def fails(scores, codes):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as caught:
        classifier(criterion=fails).fit(*blobs)
    assert "outputs (4, 3) and targets (4,)" in caught.value.__notes__[0]


@pytest.mark.parametrize("criterion", [nn.PoissonNLLLoss, F.poisson_nll_loss])
def test_losses_of_counts_are_refused(criterion):
    with pytest.raises(ValueError, match="counts, and the targets are standardized"):
        regressor(criterion=criterion).fit([[0.0], [1.0]], [0.0, 1.0])


# As a parameter -------------------------------------------------------------------


def test_it_is_searched_like_any_parameter(blobs):
    grid = {"criterion__gamma": [0.0, 2.0]}
    search = GridSearchCV(classifier(criterion="focal", max_steps=5), grid, cv=2)
    assert search.fit(*blobs).best_params_["criterion__gamma"] in (0.0, 2.0)
    assert clone(search.best_estimator_).criterion == "focal"


def test_a_net_that_was_pickled_before_it_had_a_criterion_has_the_default(blobs):
    net = classifier().fit(*blobs)
    state = {k: v for k, v in net.__getstate__().items() if k != "criterion"}
    old = object.__new__(MLPNetClassifier)
    old.__setstate__(pickle.loads(pickle.dumps(state)))
    assert clone(old).criterion == "cross_entropy"
    np.testing.assert_array_equal(
        old.predict_proba(blobs[0]), net.predict_proba(blobs[0])
    )
