"""Small pictures are drawn and compared by their components, in a bounded time."""

import numpy as np
import pytest

from skal.label._gallery import COMPONENTS, Gallery


def noise(n, side=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), np.uint8)


def test_a_strip_of_full_rank_ends_at_the_rows_and_interpolates():
    pictures = noise(40)
    gallery = Gallery(pictures.__getitem__)
    gallery.look(range(40), 60)
    strip = gallery.strip(3, 7, 5)
    np.testing.assert_array_equal(strip[[0, -1]], pictures[[3, 7]])
    middle = (pictures[3].astype(float) + pictures[7]) / 2
    np.testing.assert_allclose(strip[2], middle, atol=0.51)


def test_components_are_bounded_and_rows_like_a_picture_are_found():
    pictures = noise(300, 12)
    gallery = Gallery(pictures.__getitem__)
    gallery.look(range(300), 60)
    assert gallery._pca.n_components_ == COMPONENTS
    assert gallery.like(pictures[[5, 9]], range(300), 1) == [[5], [9]]
    found = gallery.like(pictures[[5]], [9, 400, 7], 3)[0]  # nobody has seen 400
    assert sorted(found) == [7, 9]
    assert gallery.like(pictures[[5, 9]], [], 1) == [[], []]


def test_looking_ends_when_the_time_is_over_and_goes_on_another_time():
    """And a picture that is broken is not tried again."""
    seen, pictures = [], noise(10)

    def picture(item):
        seen.append(item)
        if item == 1:
            raise ValueError("broken")
        return pictures[item]

    gallery = Gallery(picture)
    gallery.look(range(10), -1)
    assert seen == []
    assert not gallery.is_ready
    gallery.look(range(4), 60)
    gallery.look(range(10), 60)
    assert seen == list(range(10))
    assert gallery.known(range(10)) == [0, *range(2, 10)]


def test_components_are_learnt_anew_when_twice_as_many_are_known():
    """So the ends of a strip are exact again, without a fit at each look."""
    pictures = noise(40)
    gallery = Gallery(pictures.__getitem__)
    learnt = []
    for n in range(1, 41):
        gallery.look(range(n), 60)
        learnt.append(gallery._learnt_on)
    assert sorted(set(learnt)) == [0, 2, 4, 8, 16, 32]


@pytest.mark.parametrize("shape", [(6, 9, 3), (12, 12, 3)])
def test_pictures_of_another_shape_are_brought_to_that_of_most(shape):
    pictures = [*noise(5), np.full(shape, 90, np.uint8)]
    gallery = Gallery(pictures.__getitem__)
    gallery.look(range(6), 60)
    np.testing.assert_array_equal(gallery.picture(5), np.full((6, 6, 3), 90))
    np.testing.assert_array_equal(
        gallery.strip(5, 0, 2), [np.full((6, 6, 3), 90), pictures[0]]
    )


def test_pictures_that_are_all_the_same_are_drawn_without_a_warning():
    gallery = Gallery(lambda item: np.full((6, 6, 3), 90, np.uint8))
    gallery.look(range(5), 60)
    np.testing.assert_array_equal(gallery.strip(0, 1, 3), np.full((3, 6, 6, 3), 90))
