"""A net that cannot give samples is refused before its first training step."""

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier

from skal import ActiveLearner
from skal.nets import MLPNetClassifier, NetClassifier, NetRegressor
from skal.posterior import MCDropoutCommittee


class CountingSteps(torch.optim.SGD):
    n_steps = 0

    def step(self, closure=None):
        CountingSteps.n_steps += 1
        return super().step(closure)


@pytest.fixture(autouse=True)
def no_steps_yet():
    CountingSteps.n_steps = 0


@pytest.fixture
def blobs():
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=60)
    return rng.normal(size=(60, 4)).astype(np.float32) + y[:, None], y


def plain(n_features, n_classes):
    return torch.nn.Linear(n_features, n_classes)


class Noisy(torch.nn.Module):
    """Draws random numbers that are no dropout layer's."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.dropout = torch.nn.Dropout()
        self.head = torch.nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.head(self.dropout(X)) + torch.rand(()) * 0  # or fit refuses it


class HiddenByAnIf(torch.nn.Module):
    """Its dropout is not called in evaluation mode."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.dropout = torch.nn.Dropout()
        self.head = torch.nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.head(self.dropout(X) if self.training else X)


UNFIT = {
    plain: "needs a network with dropout",
    Noisy: "draws random numbers that are no dropout layer's",
    HiddenByAnIf: "must call the same dropout layers",
}


@pytest.mark.parametrize("module", UNFIT)
@pytest.mark.parametrize("dropout", ["last", "all"])
@pytest.mark.parametrize("within", [(), (StandardScaler(),)], ids=["alone", "pipeline"])
def test_a_committee_without_dropout_fails_before_any_step(
    module, dropout, within, blobs
):
    net = NetClassifier(module, optimizer=CountingSteps, max_steps=9)
    estimator = make_pipeline(*within, net) if within else net
    committee = MCDropoutCommittee(estimator, dropout=dropout, random_state=0)
    with pytest.raises(TypeError, match=UNFIT[module]):
        committee.fit(*blobs)
    assert CountingSteps.n_steps == 0
    assert not hasattr(committee, "estimator_")


@pytest.mark.parametrize("module", UNFIT)
def test_a_simulation_with_a_committee_strategy_fails_before_any_step(module, blobs):
    net = NetClassifier(module, optimizer=CountingSteps, max_steps=9)
    learner = ActiveLearner(net, "bald", n_labels=30, random_state=0)
    with pytest.raises(TypeError, match=UNFIT[module]):
        learner.fit(*blobs)
    assert CountingSteps.n_steps == 0


def test_so_does_that_of_a_regressor(blobs):
    X, y = blobs
    net = NetRegressor(module=plain_regression, optimizer=CountingSteps, max_steps=9)
    learner = ActiveLearner(net, "committee_std", n_labels=30, random_state=0)
    with pytest.raises(TypeError, match="needs a network with dropout"):
        learner.fit(X, X[:, 0] + y)
    assert CountingSteps.n_steps == 0


def plain_regression(n_features, n_outputs):
    return torch.nn.Linear(n_features, n_outputs)


def test_a_net_without_dropout_is_trained_where_nothing_asks_for_samples(blobs):
    net = NetClassifier(plain, optimizer=CountingSteps, max_steps=9)
    ActiveLearner(net, "bald", random_state=0).fit(*blobs)
    assert CountingSteps.n_steps == 9
    ActiveLearner(net, "margin", n_labels=10, random_state=0).fit(*blobs)
    assert CountingSteps.n_steps == 18


def test_a_net_without_dropout_is_trained_where_the_budget_ends_with_its_labels(blobs):
    net = NetClassifier(plain, optimizer=CountingSteps, max_steps=9)
    ActiveLearner(net, "bald", n_labels=10, n_initial=10, random_state=0).fit(*blobs)
    assert CountingSteps.n_steps == 9


class OwnSamples(NeuralNetClassifier):
    """A net of skorch with samples of its own, which needs to be trained for them."""

    def sample_proba(self, X, n_samples=None, random_state=None):
        assert self.history, "asked before training"
        return np.stack([self.predict_proba(X)] * (n_samples or 2))


def test_samples_of_other_nets_are_not_asked_before_training(blobs):
    X, y = blobs
    net = OwnSamples(torch.nn.Linear, module__in_features=4, module__out_features=3)
    net.set_params(max_epochs=1, criterion=torch.nn.CrossEntropyLoss, verbose=0)
    net.set_params(train_split=None)
    learner = ActiveLearner(net, "bald", n_labels=30, random_state=0)
    assert learner.fit(X.astype(np.float32), y).n_iter_ == 2


@pytest.mark.parametrize("within", [(), (StandardScaler(),)], ids=["alone", "pipeline"])
def test_the_look_before_training_changes_no_weight(within, blobs):
    net = MLPNetClassifier(hidden=(8,), max_steps=9, random_state=3)
    estimator = make_pipeline(*within, net) if within else net
    committee = MCDropoutCommittee(estimator).fit(*blobs)
    trained = committee.estimator_[-1] if within else committee.estimator_
    alone = estimator.fit(*blobs)
    alone = alone[-1] if within else alone
    for weight, expected in zip(
        trained.module_.parameters(), alone.module_.parameters(), strict=True
    ):
        assert torch.equal(weight, expected)
    assert "on_train_begin" not in vars(trained)


@pytest.mark.parametrize("kind", ["uint8", "flat", "named"])
def test_rows_of_any_kind_are_looked_at(kind, blobs):
    X, y = blobs
    if kind == "uint8":
        X = (np.abs(X) * 20).astype(np.uint8).reshape(60, 2, 2)
    if kind == "named":
        pd = pytest.importorskip("pandas")
        X = pd.DataFrame(X, columns=list("abcd"))
    net = MLPNetClassifier(hidden=(8,), max_steps=2)
    assert MCDropoutCommittee(net, n_samples=3).fit(X, y).predict(X).shape == (60,)


def test_a_fit_that_fails_leaves_the_net_without_the_look(blobs):
    X, y = blobs
    net = NetClassifier(plain, max_steps=2)
    with pytest.raises(TypeError, match="needs a network with dropout"):
        MCDropoutCommittee(net).fit(X, y)
    assert net.fit(X, y).predict(X).shape == (60,)
