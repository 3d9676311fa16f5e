"""Pictures of shapes, drawn on the spot, with the class of every pixel and boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.utils import check_random_state

from skal._checks import check_int, check_number
from skal.datasets._bunch import as_answer

if TYPE_CHECKING:
    from typing import Any

_NAMES = ("background", "disc", "square", "triangle")
#: Radii, as shares of the side of the picture.
_RADII = (0.08, 0.2)
#: The colours of discs, squares and triangles, and how far one may be off, in gray
#: levels; backgrounds are of any colour in a range.
_COLOURS = ((195, 105, 90), (95, 125, 195), (120, 190, 110))
_SPREAD, _BACKGROUNDS = 25, (80, 175)
#: The smoothness in pixels and the spread in gray levels of a texture.
_GRAINS, _SPREADS = (0.7, 3.0), (5, 20)
#: Places that a shape tries before it is left out.
_TRIES = 20


def make_shapes(
    n_samples: int = 100,
    *,
    size: int = 48,
    mean_shapes: float = 1.5,
    shares: tuple[float, float, float] = (0.6, 0.35, 0.05),
    noise: float = 10.0,
    return_X_y: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    """Draw pictures of discs, squares and triangles, and what is where in them.

    Data to try segmentation and detection on, made in milliseconds. As in real pools
    most of a picture is background, many pictures show little, and one class is rare:
    unless ``shares`` says otherwise, one shape in twenty is a triangle. Discs tend
    to red, squares to blue and triangles to green, but colours vary, as do sizes, turns
    and textures, so that it is the form which decides.

    Parameters
    ----------
    n_samples : int, default=100
        The number of pictures.
    size : int, default=48
        Their height and width in pixels, at least 16.
    mean_shapes : float, default=1.5
        Shapes in a picture, on average; the number is Poisson's. Shapes do not
        overlap; one that finds no place is left out. The border may cut corners off.
    shares : tuple of 3 floats, default=(0.6, 0.35, 0.05)
        How many of the shapes are discs, squares and triangles; their sum is 1.
    noise : float, default=10.0
        Standard deviation of the noise of each pixel, in gray levels of 255.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` in place of a Bunch.
    random_state : int, RandomState instance or None, default=None
        Fixes the pictures. The first of a longer call are those of a shorter one.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or tuple of ndarray
        A dictionary with attributes:

        images : ndarray of shape (n_samples, 3, size, size), uint8
            The pictures, in colour.
        data : ndarray of shape (n_samples, 3 * size * size), uint8
            The same memory as flat rows.
        target : ndarray of shape (n_samples, size, size), int64
            The class of each pixel: the place of its name in ``target_names``.
        objects : list of dict
            For each picture, as detectors take it: "boxes" (k, 4), float32, the left,
            upper, right and lower edge of each of its k shapes in pixels, and "labels"
            (k,), int64, their classes.
        target_names : ndarray of shape (4,)
            "background", "disc", "square", "triangle".

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    load_digits_images : Small real images, with one label each.

    Examples
    --------
    >>> from skal.datasets import make_shapes
    >>> shapes = make_shapes(20, random_state=0)
    >>> shapes.images.shape, shapes.target.shape
    ((20, 3, 48, 48), (20, 48, 48))
    >>> objects = shapes.objects[0]
    >>> objects["boxes"].shape, [str(shapes.target_names[k]) for k in objects["labels"]]
    ((3, 4), ['disc', 'disc', 'square'])
    """
    check_int("n_samples", n_samples, minimum=1)
    check_int("size", size, minimum=16)
    check_number("mean_shapes", mean_shapes, minimum=0)
    check_number("noise", noise, minimum=0)
    check_shares(shares)
    rng = check_random_state(random_state)
    images = np.empty((n_samples, 3, size, size), dtype=np.uint8)
    masks = np.zeros((n_samples, size, size), dtype=np.int64)
    objects = []
    for image, mask in zip(images, masks, strict=True):
        canvas = texture(rng, size, rng.uniform(*_BACKGROUNDS, size=3))
        found = []
        for label in rng.choice(3, size=rng.poisson(mean_shapes), p=shares) + 1:
            found.extend(draw(rng, canvas, mask, label))
        canvas += rng.normal(scale=noise, size=canvas.shape)
        image[:] = np.rint(canvas.clip(0, 255))
        boxes = np.array([box for box, _ in found], dtype=np.float32).reshape(-1, 4)
        labels = np.array([label for _, label in found], dtype=np.int64)
        objects.append({"boxes": boxes, "labels": labels})
    return as_answer(images, masks, _NAMES, return_X_y, objects=objects)


def check_shares(shares):
    """Refuse shares of the three shapes that are none."""
    values = np.asarray(shares, dtype=float)
    of_three = values.shape == (3,) and (values >= 0).all()
    if not of_three or abs(values.sum() - 1) > 1e-6:
        raise ValueError(
            "shares must be three numbers of at least 0 whose sum is 1, of discs, "
            f"squares and triangles, got {shares!r}."
        )


def texture(rng, size, colour):
    """Return a field (3, size, size) of smooth noise around a colour."""
    field = gaussian_filter(rng.normal(size=(size, size)), rng.uniform(*_GRAINS))
    spread = rng.uniform(*_SPREADS) / field.std()
    return np.asarray(colour)[:, None, None] + spread * field


def draw(rng, canvas, mask, label):
    """Draw a shape where there is room; return its box and label, or nothing."""
    size = len(mask)
    for _ in range(_TRIES):
        radius = size * rng.uniform(*_RADII)
        centre = rng.uniform(radius, size - radius, size=2)
        depth = DEPTHS[label - 1](offsets(size, centre, rng.uniform(0, 2 * math.pi)))
        depth += radius
        inside = depth > 0
        if not mask[depth > -2].any():
            break
    else:
        return []
    colour = rng.normal(_COLOURS[label - 1], _SPREAD)
    cover = (depth + 0.5).clip(0, 1)  # a soft edge, one pixel wide
    canvas += cover * (texture(rng, size, colour) - canvas)
    mask[inside] = label
    rows, columns = (
        np.flatnonzero(inside.any(axis=1)),
        np.flatnonzero(inside.any(axis=0)),
    )
    box = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return [(box, label)]


def offsets(size, centre, angle):
    """Return each pixel's place (2, size, size) seen from a centre, turned."""
    y, x = np.mgrid[:size, :size] + 0.5 - np.reshape(centre, (2, 1, 1))
    cos, sin = math.cos(angle), math.sin(angle)
    return np.stack([cos * x - sin * y, sin * x + cos * y])


# How far below its edge each place (2, ...) is in a shape of radius 0; a radius adds.
# All three have about the same area at the same radius.


def disc(place):
    """Return the negative distance to the centre."""
    return -np.hypot(*place)


def square(place):
    """Return the depth in a square whose side is about twice the radius."""
    return -np.abs(place).max(axis=0) / 0.89


def triangle(place):
    """Return the depth in an equilateral triangle."""
    x, y = place
    slant = math.sqrt(3) / 2
    return -np.maximum(y, np.maximum(slant * x, -slant * x) - y / 2) / 0.78


DEPTHS = (disc, square, triangle)
