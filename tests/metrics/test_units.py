"""Mean intersection over union: by hand, against scikit-learn, and bad input."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from skal.metrics import mean_iou


def test_it_is_the_mean_over_classes_of_all_rows_together():
    """Class 0: 2 of 4 pixels. Class 1: 1 of 3. A class that nobody has: left out."""
    y_true = [[0, 0, 1], [0, 1, -1]]
    y_pred = [[0, 1, 1], [0, 0, 0]]
    assert mean_iou(y_true, y_pred) == pytest.approx((2 / 4 + 1 / 3) / 2)


def test_it_is_the_jaccard_score_of_the_units_that_are_known():
    rng = np.random.RandomState(0)
    y_true, y_pred = rng.randint(-1, 4, (5, 6, 7)), rng.randint(0, 4, (5, 6, 7))
    known = y_true >= 0
    expected = jaccard_score(y_true[known], y_pred[known], average="macro")
    assert mean_iou(y_true, y_pred) == pytest.approx(expected)
    weights = np.array([0.0, 1.0, 1.0, 2.5, 1.0])
    of_units = np.broadcast_to(weights[:, None, None], y_true.shape)[known]
    expected = jaccard_score(
        y_true[known], y_pred[known], average="macro", sample_weight=of_units
    )
    assert mean_iou(y_true, y_pred, weights) == pytest.approx(expected)


def test_rows_may_have_different_numbers_of_units():
    rows = [[0, 1, 1], [1]], [[0, 0, 1], [1]]
    together = mean_iou([[0, 1, 1, 1]], [[0, 0, 1, 1]])
    assert mean_iou(*([np.array(row) for row in y] for y in rows)) == together


def test_right_is_one_and_wrong_is_zero():
    y = np.arange(4).reshape(1, 2, 2)
    assert mean_iou(y, y) == 1
    assert mean_iou(y, (y + 1) % 4) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([[0, 1]], [[0, 1, 1]]), "y_pred must have the shapes of y_true"),
        (([[0.5, 1]], [[0, 1]]), "y_true must hold whole numbers"),
        (([[0, 1]], [[0.0, 1.0]]), "y_pred must hold whole numbers"),
        (([[-1, -1]], [[0, 1]]), "y_true must hold a unit whose class is known"),
        (([[0, 1]], [[0, 1]], [1, 1]), "sample_weight must hold a weight for each of"),
        (([[0, 1]], [[0, 1]], [-1]), "sample_weight must hold finite numbers of at"),
        (([[0, 1]], [[0, 1]], [0]), "sample_weight must hold .* not all 0"),
        (
            ([[0, 1]], [[0, 1], [0, 1]]),
            "y_pred must have as many rows as y_true, got 2",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        mean_iou(*given)


def test_a_row_without_units_counts_for_nothing():
    assert mean_iou([[], [1, 0]], [[], [1, 1]]) == 0.25
