"""Which column belongs to which label."""

import numpy as np
import pytest

from skal._meta import columns_of, over_all


@pytest.mark.parametrize("classes", [["a", "b", "c"], ["c", "a", "b"]])
def test_labels_are_found_in_classes_of_any_order(classes):
    classes = np.array(classes)
    labels = np.array(["b", "c", "c", "a"])
    np.testing.assert_array_equal(classes[columns_of(classes, labels)], labels)


def test_columns_are_spread_over_all_classes():
    proba = np.array([[0.25, 0.75]])
    wide = over_all(np.array([7, 8, 9]), proba, np.array([7, 9]))
    np.testing.assert_array_equal(wide, [[0.25, 0, 0.75]])
