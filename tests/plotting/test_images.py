"""Pictures of rows that are images, with their captions and samples."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from skal.datasets import load_digits_images
from skal.plotting import plot_images, plot_posterior, plot_top_bottom
from skal.plotting._images import as_pixels


@pytest.fixture(scope="module")
def images():
    return load_digits_images().images[:12]


def drawn(figure):
    """Return the images of a figure, in order."""
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images]


def captions(figure):
    return [ax.get_xlabel() for ax in figure.axes if ax.images]


# plot_images ---------------------------------------------------------------------


def test_images_stand_in_rows_with_their_captions(images):
    figure = plot_images(images[:7], range(7), n_columns=3)
    assert len(figure.axes) == 9
    np.testing.assert_array_equal(drawn(figure), images[:7])
    assert captions(figure) == list("0123456")
    assert not figure.axes[7].axison  # no empty frames
    assert len(plot_images(images).axes) == 16


def test_all_images_share_one_scale(images):
    figure = plot_images(images)
    limits = {ax.images[0].get_clim() for ax in figure.axes if ax.images}
    assert limits == {(0, 255)}
    figure = plot_images(images / 255.0)
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    np.testing.assert_allclose(drawn(figure), images / 255.0)


@pytest.mark.parametrize("shape", [(5, 3, 8, 9), (5, 8, 9, 3)])
def test_colours_first_or_last(shape):
    images = np.random.RandomState(0).randint(256, size=shape).astype(np.uint8)
    pixels = as_pixels(images)
    assert pixels.shape == (5, 8, 9, 3)
    expected = np.moveaxis(images, 1, -1) if shape[1] == 3 else images
    np.testing.assert_array_equal(pixels, expected)
    np.testing.assert_array_equal(drawn(plot_images(images)), expected)


def test_one_channel_is_gray():
    images = np.arange(2 * 64, dtype=np.uint8).reshape(2, 1, 8, 8)
    np.testing.assert_array_equal(as_pixels(images), images[:, 0])
    last = np.moveaxis(images, 1, -1)
    np.testing.assert_array_equal(as_pixels(last), images[:, 0])


def test_standardized_images_are_stretched_alike():
    images = np.array([[[-2.0, 0.0]], [[1.0, 2.0]]])
    np.testing.assert_allclose(as_pixels(images), [[[0, 0.5]], [[0.75, 1]]])
    np.testing.assert_allclose(as_pixels([[[True, False]]]), [[[1, 0]]])


def test_a_figure_or_a_part_of_one_may_be_given(images):
    left, right = plt.figure(layout="constrained").subfigures(1, 2)
    assert plot_images(images[:4], figure=left) is left
    plot_top_bottom(images, np.arange(12), k=3, figure=right)
    assert len(right.axes) == 6


@pytest.mark.parametrize("shape", [(5, 64), (0, 8, 8), (5, 2, 8, 8), (5, 8, 8, 8)])
def test_what_are_no_images_is_refused(shape):
    with pytest.raises(
        ValueError, match=r"images must be of shape .* Reshape flat rows"
    ):
        plot_images(np.zeros(shape))


def test_captions_are_counted(images):
    with pytest.raises(ValueError, match="captions must be as many as the 12 images"):
        plot_images(images, ["one"])
    with pytest.raises(ValueError, match="n_columns must be at least 1, got 0"):
        plot_images(images, n_columns=0)


# plot_top_bottom -----------------------------------------------------------------


def test_highest_above_lowest(images):
    scores = np.array([5, 1, 9, 3, 7, 0, 11, 2, 8, 4, 10, 6]) / 4
    figure = plot_top_bottom(images, scores, k=3, labels=list("abcdefghijkl"))
    np.testing.assert_array_equal(drawn(figure), images[[6, 10, 2, 5, 1, 7]])
    assert captions(figure)[:2] == ["2.750\ng", "2.500\nk"]
    assert captions(figure)[3] == "0.000\nf"
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["highest score", "", "", "lowest score", "", ""]


def test_few_images_and_equal_scores(images):
    figure = plot_top_bottom(images[:2], [0.001234, 0.001234], score_name="BALD")
    np.testing.assert_array_equal(drawn(figure), images[[0, 1, 0, 1]])
    assert captions(figure) == ["0.00123"] * 4
    assert figure.axes[0].get_title(loc="left") == "highest BALD"


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([-3e-5, -0.5, -1.0], ["0.000", "-1.000"]),
        ([0.00012, 0.00013, 0.00015], ["0.00015000", "0.00012000"]),
        ([1234.5, 0.0, 10.0], ["1234", "0"]),
        ([np.inf, 0.5, -np.inf], ["inf", "-inf"]),
        ([-np.inf, 0.5, 0.25], ["0.5000", "-inf"]),
        ([True, False, False], ["1.000", "0.000"]),
    ],
)
def test_scores_have_the_digits_they_need(images, scores, words):
    assert captions(plot_top_bottom(images[:3], scores, k=1)) == words


def test_only_the_images_shown_are_read(images):
    class Lazy:
        """Stands for a pool that does not fit in memory."""

        shape = images.shape

        def __len__(self):
            return len(images)

        def __getitem__(self, positions):
            assert len(positions) == 2
            return images[positions]

    figure = plot_top_bottom(Lazy(), np.arange(12), k=2)
    np.testing.assert_array_equal(drawn(figure), images[[11, 10, 0, 1]])


@pytest.mark.parametrize("scores", [np.zeros(5), np.zeros((12, 2)), [np.nan] * 12])
def test_scores_that_do_not_fit(images, scores):
    with pytest.raises(
        ValueError, match="scores must hold a number for each of the 12"
    ):
        plot_top_bottom(images, scores)


def test_there_must_be_images_to_show(images):
    with pytest.raises(ValueError, match="scores must hold a number for each of the 0"):
        plot_top_bottom(images[:0], [])


def test_labels_that_do_not_fit(images):
    with pytest.raises(ValueError, match="labels must be as many as the 12 images"):
        plot_top_bottom(images, np.zeros(12), labels=["a"])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        plot_top_bottom(images, np.zeros(12), k=0)


# plot_posterior ------------------------------------------------------------------


@pytest.fixture
def samples():
    """Return 20 draws for 3 images and 4 classes."""
    return np.random.RandomState(0).dirichlet([0.4] * 4, (20, 3))


def test_bars_are_means_and_dots_are_draws(images, samples):
    figure = plot_posterior(images[:3], samples)
    np.testing.assert_array_equal(drawn(figure), images[:3])
    panels = [ax for ax in figure.axes if not ax.images]
    for i, ax in enumerate(panels):
        heights = [bar.get_height() for bar in ax.patches]
        np.testing.assert_allclose(heights, samples[:, i].mean(axis=0))
        dots = ax.collections[0].get_offsets()
        np.testing.assert_allclose(
            np.sort(dots[:, 1]), np.sort(samples[:, i].ravel()), atol=1e-9
        )
        # Each dot stands over the bar of its class.
        for column in range(4):
            mine = dots[np.rint(dots[:, 0]).astype(int) == column, 1]
            np.testing.assert_allclose(np.sort(mine), np.sort(samples[:, i, column]))


def test_the_title_tells_doubt_from_disagreement(images):
    agree = np.full((8, 1, 2), 0.5)
    disagree = np.eye(2)[[0, 1] * 4][:, np.newaxis]
    for samples, words in (
        (agree, "entropy 0.69, of which disagreement 0.00"),
        (disagree, "entropy 0.69, of which disagreement 0.69"),
    ):
        figure = plot_posterior(images[:1], samples)
        assert figure.axes[1].get_title(loc="right") == words


def test_true_classes_are_marked_by_name(images, samples):
    names = ["ash", "beech", "oak", "sycamore"]
    figure = plot_posterior(
        images[:3], samples, classes=names, y_true=["oak", "ash", "oak"], n_columns=2
    )
    panels = [ax for ax in figure.axes if ax.patches]
    marked = [
        [
            tick.get_text()
            for tick in ax.get_xticklabels()
            if tick.get_weight() == "bold"
        ]
        for ax in panels
    ]
    assert marked == [["oak"], ["ash"], ["oak"]]


def test_of_many_classes_the_most_probable_are_shown(images):
    samples = np.random.RandomState(0).dirichlet([0.1] * 100, (10, 1))
    figure = plot_posterior(images[:1], samples, max_classes=3)
    shown = [int(tick.get_text()) for tick in figure.axes[1].get_xticklabels()]
    assert shown == sorted(np.argsort(-samples.mean(axis=0)[0])[:3])


def test_a_single_draw(images, samples):
    plot_posterior(images[:3], samples[:1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"samples": np.zeros((20, 4))},
            r"samples must be of shape \(n_draws, 3, n_cl",
        ),
        ({"samples": np.zeros((0, 3, 4))}, r"for as many images, got \(0, 3, 4\)"),
        ({"samples": np.zeros((20, 2, 4))}, r"for as many images, got \(20, 2, 4\)"),
        ({"classes": ["a"]}, "classes must name the 4 columns of samples, got 1 names"),
        ({"y_true": [0, 1]}, "y_true must hold one of the classes for each of the 3"),
        ({"y_true": [0, 1, 7]}, r"y_true must hold .*, got \[0, 1, 7\]"),
        ({"max_classes": 0}, "max_classes must be at least 1, got 0"),
        ({"n_columns": 0}, "n_columns must be at least 1, got 0"),
    ],
)
def test_a_posterior_of_other_things_is_refused(images, samples, options, message):
    with pytest.raises(ValueError, match=message):
        plot_posterior(images[:3], **{"samples": samples, **options})


def test_text_does_not_overlap(images, samples):
    """Captions, tick labels and titles keep clear of each other."""
    names = ["airplane", "automobile", "bird", "locomotive"]
    many = np.random.RandomState(1).dirichlet([0.4] * 4, (20, 4))
    figures = [
        plot_images(images, [f"digit {i}" for i in range(12)], n_columns=6),
        plot_top_bottom(images, -np.arange(12) / 1e4, labels=["truck"] * 12),
        plot_posterior(images[:4], many, classes=names, n_columns=2),
    ]
    for figure in figures:
        figure.canvas.draw()
        boxes = [box for ax in figure.axes for box in text_boxes(ax)]
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[:i])


def text_boxes(ax):
    """Return where the upright texts of some axes stand."""
    texts = [ax.xaxis.label, ax.title, ax._left_title, ax._right_title]
    if not ax.images:
        texts += [tick for tick in ax.get_xticklabels() if tick.get_rotation() == 0]
    return [text.get_window_extent() for text in texts if text.get_text()]
