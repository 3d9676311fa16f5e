"""Shapes: what is drawn, what is said of it, and what is refused."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from skal.datasets import make_shapes


def test_shapes_are_uint8_pictures_with_a_class_for_every_pixel():
    shapes = make_shapes(30, size=32, random_state=0)
    assert shapes.images.shape == (30, 3, 32, 32)
    assert shapes.images.dtype == np.uint8
    assert shapes.target.shape == (30, 32, 32)
    assert shapes.target.dtype == np.int64
    assert set(np.unique(shapes.target)) <= {0, 1, 2, 3}
    np.testing.assert_array_equal(shapes.data, shapes.images.reshape(30, -1))
    assert list(shapes.target_names) == ["background", "disc", "square", "triangle"]
    X, y = make_shapes(30, size=32, random_state=0, return_X_y=True)
    np.testing.assert_array_equal(X, shapes.images)
    np.testing.assert_array_equal(y, shapes.target)


def test_boxes_are_the_tightest_around_the_pixels_of_each_shape():
    shapes = make_shapes(60, mean_shapes=2, random_state=1)
    for mask, objects in zip(shapes.target, shapes.objects, strict=True):
        boxes, labels = objects["boxes"], objects["labels"]
        assert boxes.dtype == np.float32
        assert labels.dtype == np.int64
        assert boxes.shape == (len(labels), 4)
        inside = np.zeros(mask.shape, dtype=bool)
        for (left, upper, right, lower), label in zip(
            boxes.astype(int), labels, strict=True
        ):
            part = mask[upper:lower, left:right] == label
            assert part.any(axis=0)[[0, -1]].all()
            assert part.any(axis=1)[[0, -1]].all()
            inside[upper:lower, left:right] = True
        assert (mask[~inside] == 0).all()  # all else is background


@pytest.mark.parametrize("label", [1, 2, 3])
def test_a_shape_covers_about_pi_squared_radii(label):
    """The three have one area at one radius, 8 to 20 % of the side: none is harder."""
    shares = tuple(float(k == label) for k in (1, 2, 3))
    shapes = make_shapes(400, mean_shapes=1, shares=shares, random_state=0)
    n = sum(len(objects["labels"]) for objects in shapes.objects)
    expected = np.pi * 48**2 * (0.2**3 - 0.08**3) / (3 * 0.12)  # mean of pi r^2
    assert (shapes.target == label).sum() / n == pytest.approx(expected, rel=0.15)


def test_the_rare_class_is_rare_and_many_pictures_are_empty():
    shapes = make_shapes(600, size=32, random_state=0)
    labels = np.concatenate([objects["labels"] for objects in shapes.objects])
    counts = np.bincount(labels, minlength=4)[1:] / len(labels)
    np.testing.assert_allclose(counts, [0.6, 0.35, 0.05], atol=0.05)
    empty = np.mean([len(objects["labels"]) == 0 for objects in shapes.objects])
    assert empty == pytest.approx(np.exp(-1.5), abs=0.05)  # Poisson
    assert (shapes.target == 0).mean() > 0.85


def test_the_first_pictures_of_a_longer_call_are_those_of_a_shorter():
    short = make_shapes(3, size=16, random_state=5)
    long = make_shapes(8, size=16, random_state=5)
    np.testing.assert_array_equal(short.images, long.images[:3])
    np.testing.assert_array_equal(short.target, long.target[:3])
    other = make_shapes(3, size=16, random_state=6)
    assert (short.images != other.images).any()


def test_shapes_are_seen():
    """Without noise shapes differ in colour from the rings around them."""
    contrasts = []
    shapes = make_shapes(40, mean_shapes=1, noise=0, random_state=2)
    for image, mask in zip(shapes.images.astype(float), shapes.target, strict=True):
        inside = mask > 0
        if inside.any():
            ring = binary_dilation(inside, iterations=3) & ~binary_dilation(inside)
            away = image[:, inside].mean(axis=1) - image[:, ring].mean(axis=1)
            contrasts.append(np.abs(away).mean())
    assert min(contrasts) > 5
    assert np.mean(contrasts) > 30


def test_no_shapes_is_background_alone():
    shapes = make_shapes(4, mean_shapes=0, random_state=0)
    assert not shapes.target.any()
    assert all(objects["boxes"].shape == (0, 4) for objects in shapes.objects)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_samples": 0}, "n_samples must be"),
        ({"size": 8}, "size must be"),
        ({"mean_shapes": -1}, "mean_shapes must be"),
        ({"noise": -1}, "noise must be"),
        ({"shares": (0.5, 0.5)}, "shares must be three numbers"),
        ({"shares": (0.5, 0.5, 0.5)}, "shares must be three numbers"),
        ({"shares": (1.5, -0.5, 0.0)}, "shares must be three numbers"),
        ({"shares": (np.nan, 0.5, 0.5)}, "shares must be three numbers"),
    ],
)
def test_what_is_out_of_range_is_refused(params, words):
    with pytest.raises(ValueError, match=words):
        make_shapes(**params)
