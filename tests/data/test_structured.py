"""Targets of many labels a row are read as arrays or as entries, and cut into cells."""

import numpy as np
import pytest

from skal._data import GridParts, cells_of, join_structured, read_structured


def test_an_array_misses_a_row_where_it_misses_every_unit():
    y = np.array([[[0, 1]], [[-1, 1]], [[-1, -1]]], np.int8)
    target = read_structured(y, -1)
    assert target.missing.tolist() == [False, False, True]
    assert target.y.dtype == np.int8
    assert target.kind == "structured"
    assert not read_structured(y, None).missing.any()
    assert read_structured(y[2:], -1).kind is None


def test_entries_are_kept_as_they_are():
    boxes = {"boxes": np.zeros((0, 4)), "labels": []}
    target = read_structured([boxes, None, float("nan"), "BIO"], -1)
    assert target.missing.tolist() == [False, True, True, False]
    assert target.y[0] is boxes
    assert target.y[3] == "BIO"


def test_arrays_of_several_shapes_are_entries_those_of_one_an_array():
    ragged = [np.array([0, 1]), np.array([-1]), np.array([1, -1, 0])]
    target = read_structured(ragged, -1)
    assert target.y.dtype == object
    assert target.missing.tolist() == [False, True, False]
    alike = read_structured([np.array([0, 1], np.uint8), None], -1)
    assert alike.y.tolist() == [[0, 1], [-1, -1]]
    assert alike.missing.tolist() == [False, True]
    booleans = read_structured([np.array([True, False]), None], -1)
    assert booleans.y.tolist() == [[1, 0], [-1, -1]]
    floats = read_structured([None, np.array([0.5, 1.5])], -1)
    np.testing.assert_array_equal(floats.y, [[np.nan, np.nan], [0.5, 1.5]])


def test_tensors_are_arrays(torch):
    tensor = torch.tensor([[0, 1], [-1, -1]])
    for y in (tensor, [*tensor]):
        target = read_structured(y, -1)
        assert target.missing.tolist() == [False, True]
        assert target.y.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
def test_a_list_of_masks_without_a_sign_needs_no_mark(dtype):
    masks = np.array([[[0, 1]], [[1, 1]]], dtype)
    target = read_structured([*masks], -1)
    assert target.y.dtype == dtype
    np.testing.assert_array_equal(target.y, masks)


def test_words_are_marked_by_a_word():
    y = np.array([["N", "?"], ["?", "?"]])
    assert read_structured(y, "?").missing.tolist() == [False, True]
    assert not read_structured(y, -1).missing.any()


def test_words_cannot_be_shown_in_part():
    with pytest.raises(ValueError, match="y must hold numbers where cells"):
        GridParts((2,), -1).known(np.array([["N", "V"]]))


def test_batches_of_one_shape_stay_an_array():
    first, second = np.zeros((2, 3), int), np.ones((1, 3), int)
    assert join_structured(first, second).shape == (3, 3)
    mixed = join_structured(first, np.ones((1, 4), int))
    assert [len(entry) for entry in mixed] == [3, 3, 4]


def test_cells_cover_every_unit_once(rng):
    for shape, grid in (((7, 5), (3, 2)), ((7, 5), (7,)), ((4, 9, 3), (4, 2))):
        counts = np.zeros(shape, int)
        cells = cells_of(shape, grid)
        for cell in cells:
            counts[cell] += 1
        assert (counts == 1).all()
        assert len(cells) == np.prod(grid)


def test_what_is_known_and_what_is_shown_are_the_same_cells(rng):
    parts = GridParts((3, 2), -1)
    y = rng.randint(3, size=(6, 7, 5))
    known = rng.uniform(size=(6, 6)) < 0.5
    shown = parts.only(y, known)
    np.testing.assert_array_equal(parts.known(shown), known)
    np.testing.assert_array_equal(shown[shown >= 0], y[shown >= 0])
    np.testing.assert_array_equal(parts.only(shown, known), shown)


def test_a_label_a_row_is_no_structure():
    with pytest.raises(ValueError, match=r"an entry a row, got shape \(3,\)"):
        read_structured(np.arange(3), -1)
