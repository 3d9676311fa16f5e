"""The measures of a round against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    roc_auc_score,
    roc_curve,
)

from skal.experiment import _measures as measures


@pytest.fixture(params=[2, 7])
def answers(request):
    """Return codes and probabilities; rounded, so that there are ties."""
    rng = np.random.RandomState(request.param)
    n_classes = request.param
    codes = rng.randint(n_classes, size=300)
    proba = rng.dirichlet(np.ones(n_classes), 300) + 0.3 * np.eye(n_classes)[codes]
    return codes, measures.as_distribution(proba.round(2) + 1e-3)


def test_likelihood_and_brier(answers):
    codes, proba = answers
    classes = np.arange(proba.shape[1])
    expected = log_loss(codes, proba, labels=classes)
    assert measures.nll(codes, proba) == pytest.approx(expected)
    expected = brier_score_loss(codes, proba, labels=classes, scale_by_half=False)
    assert measures.brier(codes, proba) == pytest.approx(expected)


def test_certainty_that_is_wrong_costs_much_and_not_all():
    assert measures.nll(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(
        34.54, 1e-3
    )


def test_confusion_and_balanced_accuracy(answers):
    codes, proba = answers
    predicted, n = proba.argmax(axis=1), proba.shape[1]
    counts = measures.confusion(codes, predicted, n)
    np.testing.assert_array_equal(counts, confusion_matrix(codes, predicted))
    expected = balanced_accuracy_score(codes, predicted)
    assert measures.balanced(counts) == pytest.approx(expected)


def test_auc_and_roc(answers):
    codes, proba = answers
    n = proba.shape[1]
    each = [roc_auc_score(codes == k, proba[:, k]) for k in range(n)]
    assert measures.macro_auc(codes, proba) == pytest.approx(np.mean(each))
    curves = measures.roc(codes, proba)
    for k in range(n):
        fpr, tpr, _ = roc_curve(codes == k, proba[:, k], drop_intermediate=False)
        np.testing.assert_allclose(curves[k], np.interp(measures.FPR_GRID, fpr, tpr))


def test_classes_that_the_test_rows_lack_are_left_out():
    codes, proba = np.array([0, 0, 1, 1]), np.array([[0.7, 0.2, 0.1]] * 4)
    proba[3] = [0.2, 0.7, 0.1]
    assert measures.macro_auc(codes, proba) == pytest.approx(0.75)
    assert np.isnan(measures.roc(codes, proba)[2]).all()
    assert measures.balanced(measures.confusion(codes, proba.argmax(1), 3)) == 0.75
    assert np.isnan(measures.macro_auc(np.zeros(4, int), proba))


def test_calibration_error_by_hand():
    codes = np.array([0, 0, 1, 1])
    proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    # Bin of 0.9: three rows, two right; bin of 0.6: one row, right.
    expected = 3 / 4 * abs(0.9 - 2 / 3) + 1 / 4 * abs(0.6 - 1)
    assert measures.ece(codes, proba) == pytest.approx(expected)
    assert measures.ece(codes, np.eye(2)[codes]) == 0


def test_class_entropy():
    assert measures.class_entropy(np.array([5, 5, 5])) == pytest.approx(1)
    assert measures.class_entropy(np.array([5, 0, 0])) == 0
    assert np.isnan(measures.class_entropy(np.array([5])))
