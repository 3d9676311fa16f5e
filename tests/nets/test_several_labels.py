"""Several labels a row: criterion="bce", labels known in part."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import entr
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_classifier_multioutput
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from skal import ModelView
from skal.nets import CNNClassifier, MLPNetClassifier, NetClassifier
from skal.nets._several_labels import LabelLosses, weights_of_labels
from skal.query import BALD, Margin


@pytest.fixture(scope="module")
def labelled():
    """Return X (120, 6) and Y (120, 3)."""
    return make_multilabel_classification(120, 6, n_classes=3, random_state=0)


def net(**params):
    params = {"hidden": (8,), "max_steps": 12, "random_state": 0, **params}
    return MLPNetClassifier(**{"criterion": "bce", **params})


def with_holes(Y, rng=0):
    """Return Y with one label missing a row, each as often as the others."""
    Y = Y.astype(float)
    missing = np.random.RandomState(rng).permutation(len(Y)) % Y.shape[1]
    Y[np.arange(len(Y)), missing] = np.nan
    return Y


def linear(weight):
    """Return what makes a linear layer of given weights (L, d), without a bias."""

    def make(n_features):
        layer = nn.utils.skip_init(nn.Linear, n_features, len(weight), bias=False)
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
        return layer

    return make


def descend(module, lr, n_rows, criterion="bce", **params):
    """Return a net that takes steps of plain gradient descent on all rows."""
    return NetClassifier(
        module,
        criterion=criterion,
        optimizer=torch.optim.SGD,
        lr=lr,
        lr_schedule=None,
        weight_decay=0,
        batch_size=n_rows,
        max_steps=20,
        random_state=0,
        **params,
    )


# Labels that are missing ----------------------------------------------------------


def test_a_missing_label_a_row_is_training_on_the_known_ones_alone(labelled):
    """Each label's weights are those of a net of its own, on the rows that have it.

    A net of L labels takes the mean of L - 1 a row over all rows; one of a single
    label the mean over (L - 1) / L of the rows: steps L times as long, the way there.
    """
    X, Y = labelled
    holes, start = with_holes(Y), np.linspace(-0.1, 0.1, 18).reshape(3, 6)
    together = descend(linear(start), 0.03, len(X)).fit(X, holes)
    for label in range(3):
        rows = np.flatnonzero(~np.isnan(holes[:, label]))
        alone = descend(linear(start[[label]]), 0.01, len(rows))
        alone.fit(X[rows], holes[rows][:, [label]])
        np.testing.assert_allclose(
            together.module_.weight[label].detach(),
            alone.module_.weight[0].detach(),
            atol=1e-5,
        )


def test_a_label_that_nobody_knows_is_left_out(labelled):
    X, Y = labelled
    start = np.linspace(-0.1, 0.1, 18).reshape(3, 6)
    unknown = Y.astype(float)
    unknown[:, 2] = np.nan
    three = descend(linear(start), 0.01, 40).fit(X, unknown).module_.weight
    two = descend(linear(start[:2]), 0.01, 40).fit(X, Y[:, :2]).module_.weight
    np.testing.assert_allclose(three[:2].detach(), two.detach(), atol=1e-6)
    np.testing.assert_array_equal(three[2].detach(), start[2].astype(np.float32))


def test_what_marks_a_missing_label_does_not_matter(labelled):
    X, Y = labelled
    holes = with_holes(Y)
    expected = net().fit(X, holes).predict_proba(X)
    unknown = np.isnan(holes)
    as_objects = np.where(unknown, None, Y.astype(object))
    for same in (as_objects, np.ma.masked_array(Y, unknown), holes.tolist()):
        np.testing.assert_array_equal(net().fit(X, same).predict_proba(X), expected)


def test_a_frame_with_missing_values_holds_labels(labelled):
    pd = pytest.importorskip("pandas", reason="frames need pandas")
    X, Y = labelled
    holes = with_holes(Y)
    expected = net().fit(X, holes).predict_proba(X)
    frame = pd.DataFrame(holes, columns=list("abc")).astype("Int8")
    np.testing.assert_array_equal(net().fit(X, frame).predict_proba(X), expected)


def test_labels_known_in_part_stop_early_and_are_weighed(labelled):
    X, Y = labelled
    params = {"early_stopping": True, "class_weight": "balanced", "lr": 0.03}
    fitted = net(label_smoothing=0.1, max_steps=60, **params).fit(
        X, with_holes(Y), sample_weight=np.arange(len(X))
    )
    losses = [epoch["valid_loss"] for epoch in fitted.history_ if "valid_loss" in epoch]
    assert np.isfinite(losses).all()
    assert roc_auc_score(Y, fitted.predict_proba(X)) > 0.7


# The loss -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "criterion",
    [
        nn.BCEWithLogitsLoss,
        nn.BCEWithLogitsLoss(),
        F.binary_cross_entropy_with_logits,
        lambda scores, targets: F.softplus(scores) - scores * targets,
        nn.MultiLabelSoftMarginLoss,
    ],
)
def test_the_loss_of_labels_may_be_given_as_any_other(labelled, criterion):
    X, Y = labelled
    expected = net().fit(X, Y).predict_proba(X)
    other = net(criterion=criterion).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(other, expected, atol=1e-4)


def test_the_loss_of_a_row_by_hand():
    losses = LabelLosses(
        lambda scores, wanted, exact=False: scores * wanted,
        smoothing=0.2,
        scale=1.5,
        per_class=np.array([[1.0, 1.0], [3.0, 1.0]]),
    )
    scores = torch.tensor([[2.0, 4.0], [5.0, 7.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, torch.nan]])
    np.testing.assert_allclose(
        losses(scores, targets), [(3 * 2 * 0.9 + 4 * 0.1) / 1.5, 5 * 0.1 / 1.5]
    )
    np.testing.assert_allclose(losses(scores, targets, exact=True), [6 / 1.5, 0])


def test_weights_are_those_of_each_label():
    Y = np.array([[1, 0], [0, 0], [0, np.nan], [0, 1]])
    np.testing.assert_allclose(
        weights_of_labels("balanced", Y), [[4 / 6, 3 / 4], [4 / 2, 3 / 2]]
    )
    np.testing.assert_array_equal(weights_of_labels({1: 5}, Y), [[1, 1], [5, 5]])
    each = [{0: 2}, {0: 3, 1: 4}]
    np.testing.assert_array_equal(weights_of_labels(each, Y), [[2, 3], [1, 4]])


def test_a_heavy_class_is_predicted_more_often(labelled):
    X, Y = labelled
    means = [
        net(class_weight={1: weight}, lr=0.03).fit(X, Y).predict_proba(X).mean()
        for weight in (0.1, 1, 10)
    ]
    assert means[0] + 0.05 < means[1] < means[2] - 0.05


# What comes out -------------------------------------------------------------------


def test_answers_are_chances_of_each_label(labelled):
    X, Y = labelled
    fitted = net(max_steps=100).fit(X, Y)
    proba = fitted.predict_proba(X)
    assert proba.shape == Y.shape
    assert abs(proba.sum(axis=1) - 1).max() > 0.1
    np.testing.assert_array_equal(fitted.predict(X), proba > 0.5)
    np.testing.assert_allclose(fitted.head_proba(fitted.embed(X)), proba, atol=1e-6)
    assert [classes.tolist() for classes in fitted.classes_] == [[0, 1]] * 3
    draws = fitted.sample_proba(X, 200, random_state=0)
    np.testing.assert_allclose(draws.mean(axis=0), proba, atol=0.25)


def test_scorers_read_two_labels_as_two_labels(labelled):
    """Two labels named 0 and 1 would read as two classes."""
    X, Y = labelled
    fitted = net().fit(X, Y[:, :2])
    expected = roc_auc_score(Y[:, :2], fitted.predict_proba(X))
    assert get_scorer("roc_auc")(fitted, X, Y[:, :2]) == expected


def in_doubt(p):
    """Return the entropy of a label of probability p."""
    return entr(p) + entr(1 - p)


def test_strategies_take_the_mean_over_the_labels(labelled):
    X, Y = labelled
    fitted = net().fit(X, Y)
    assert ModelView(fitted).target_type == "multilabel"
    expected = abs(2 * fitted.predict_proba(X) - 1).mean(axis=1)
    scores = Margin().score_samples(fitted, X)
    np.testing.assert_allclose(scores, -expected, atol=1e-6)
    view = ModelView(fitted, random_state=0)
    draws = view.sample_proba(X, 5).astype(float)  # (S, n, L)
    gain = in_doubt(draws.mean(axis=0)) - in_doubt(draws).mean(axis=0)
    scores = BALD(n_samples=5).score_samples(view, X)
    np.testing.assert_allclose(scores, gain.mean(axis=1), atol=1e-5)


def test_images_have_several_labels():
    rng = np.random.RandomState(0)
    X, Y = rng.rand(20, 8, 8), rng.randint(2, size=(20, 4))
    small = {"channels": (2,), "hidden": 4, "max_steps": 2, "random_state": 0}
    fitted = CNNClassifier(criterion="bce", **small).fit(X, Y)
    assert fitted.predict_proba(X).shape == Y.shape


def test_scikit_learn_finds_a_classifier_of_several_labels():
    tags = get_tags(net())
    assert tags.classifier_tags.multi_label
    assert tags.target_tags.multi_output
    assert not tags.target_tags.single_output
    assert not get_tags(net(criterion="focal")).classifier_tags.multi_label
    check_classifier_multioutput("MLPNetClassifier", net())


@pytest.mark.parametrize("kind", ["sparse", "bool", "dataset"])
def test_an_indicator_of_any_type_is_taken(labelled, kind):
    X, Y = labelled
    expected = net().fit(X, Y).predict_proba(X)
    if kind == "dataset":
        pairs = TensorDataset(torch.tensor(X).float(), torch.tensor(Y))
        fitted = net().fit(pairs)
    else:
        fitted = net().fit(X, sp.csr_array(Y) if kind == "sparse" else Y.astype(bool))
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_weights_are_loaded_into_a_net_of_several_labels(labelled, tmp_path):
    X, Y = labelled
    fitted = net(classes=["a", "b", "c"], input_shape=(6,)).fit(X, Y)
    fitted.save_params(f_params=tmp_path / "weights.pt")
    new = net(classes=["a", "b", "c"], input_shape=(6,)).initialize()
    new.load_params(f_params=tmp_path / "weights.pt")
    np.testing.assert_array_equal(new.predict_proba(X), fitted.predict_proba(X))


def test_training_goes_on(labelled):
    X, Y = labelled
    fitted = net().fit(X, Y)
    before = fitted.predict_proba(X)
    assert abs(fitted.partial_fit(X, with_holes(Y)).predict_proba(X) - before).max() > 0


# What is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        ({}, lambda Y: Y + 1, r"y must hold 0, 1, or NaN .*, got \[2.0\]"),
        ({}, lambda Y: np.where(Y == 0, -1, Y), r"NaN where a label .* got \[-1.0\]"),
        ({}, lambda Y: np.full(Y.shape, np.nan), "known label in each row, got 120 of"),
        ({}, lambda Y: Y[:, 0], r"y must hold a column a label.*got shape \(120,\)"),
        ({"classes": [0, 1]}, lambda Y: Y, "classes must name the 3 labels .* got 2"),
        ({"class_weight": "even"}, lambda Y: Y, "class_weight must be 'balanced', a"),
        ({"class_weight": [{}]}, lambda Y: Y, "class_weight must weigh 0 and 1, for"),
        ({"class_weight": {0: 0, 1: 0}}, lambda Y: Y, "leave a label of y some weight"),
        (
            {"criterion": nn.MultiLabelSoftMarginLoss},
            with_holes,
            "criterion must give a loss for each label",
        ),
        ({"criterion": "cross_entropy"}, lambda Y: Y, "Use criterion='bce'"),
    ],
)
def test_labels_that_no_fit_could_use_are_refused(labelled, params, change, message):
    X, Y = labelled
    with pytest.raises(ValueError, match=message):
        net(**params).fit(X, change(Y))


def test_another_number_of_labels_is_refused(labelled):
    X, Y = labelled
    fitted = net().fit(X, Y)
    with pytest.raises(ValueError, match="3 labels a row, as in the first fit, got 2"):
        fitted.partial_fit(X, Y[:, :2])
    fitted.set_params(criterion="cross_entropy")
    with pytest.raises(ValueError, match="several labels a row, as in the first fit"):
        fitted.partial_fit(X, Y[:, 0])


def test_a_file_of_as_many_labels_a_row_is_wanted(tmp_path, iris):
    """Its probabilities were then of another kind than the criterion says."""
    X, y = iris
    several = MLPNetClassifier(criterion="bce", max_steps=1).fit(X, np.eye(3)[y])
    several.save_params(f_params=tmp_path / "several.pt")
    one = MLPNetClassifier(max_steps=1).fit(X, y)
    one.save_params(f_params=tmp_path / "one.pt")
    with pytest.raises(ValueError, match="criterion must be for several labels a row"):
        MLPNetClassifier().load_params(tmp_path / "several.pt")
    with pytest.raises(ValueError, match=r"got 'bce'\. Use 'cross_entropy'"):
        several.load_params(tmp_path / "one.pt")
    assert several.predict(X).shape == (150, 3)
