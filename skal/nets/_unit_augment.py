"""Changed copies of training images together with the classes of their pixels."""

from __future__ import annotations

import torch

from skal._checks import nearest_first
from skal.nets._augment import draw_affine, draw_crop_flip
from skal.nets._unit_targets import UNKNOWN


def check_unit_augment(augment, layout, units):
    """Return the function of rows and classes of their units, or None."""
    if augment is None:
        return None
    if callable(augment):
        return own(augment)
    if not isinstance(augment, str) or augment not in DRAWS:
        known = ", ".join(map(repr, nearest_first(augment, DRAWS)))
        raise ValueError(
            f"augment must be {known}, a callable or None, got {augment!r}. A callable "
            "takes rows (n, C, H, W) and classes (n, H, W), -1 where they are not "
            "known, and returns both."
        )
    if not layout.is_image or units != layout.shape[1:]:
        raise ValueError(
            "augment must be None or a callable for rows that are no images with a "
            f"class for each pixel, got {augment!r} for rows of shape {layout.shape}."
        )
    return together(DRAWS[augment])


def own(augment):
    """Return a function of the user's, which is held to what it is to return."""

    def change(rows, codes):
        both = augment(rows, codes.long())
        told = both if isinstance(both, tuple | list) else [both]
        shapes = [tuple(getattr(one, "shape", ())) for one in told]
        if shapes != [tuple(rows.shape), tuple(codes.shape)]:
            raise ValueError(
                "augment must return rows and classes of the shapes that it is given, "
                f"{tuple(rows.shape)} and {tuple(codes.shape)}, got {shapes}."
            )
        return both

    return change


def together(draw):
    """Return a function that moves images and classes alike.

    What comes in from outside an image is of no known class.
    """

    def change(images, codes):
        move = draw(images)
        above = (codes - UNKNOWN).to(images.dtype)[:, None]  # 0 is unknown
        moved = move(above, mode="nearest")[:, 0].round()
        return move(images), moved.to(codes.dtype) + UNKNOWN

    return change


def draw_flip(images):
    """Draw for each image whether it is mirrored, left to right."""
    mirrored = torch.rand(len(images), device=images.device) < 0.5

    def move(images, mode=None):
        return torch.where(mirrored[:, None, None, None], images.flip(3), images)

    return move


def draw_turn_flip(images):
    """Draw for each image one of its turns by right angles, and of their mirrors."""
    n, square = len(images), images.shape[2] == images.shape[3]
    draws = torch.rand(3, n, device=images.device) < 0.5
    across, down, turned = (one[:, None, None, None] for one in draws)

    def move(images, mode=None):
        images = torch.where(across, images.flip(3), images)
        images = torch.where(down, images.flip(2), images)
        return torch.where(turned, images.transpose(2, 3), images) if square else images

    return move


DRAWS = {
    "affine": draw_affine,
    "crop_flip": draw_crop_flip,
    "flip": draw_flip,
    "turn_flip": draw_turn_flip,
}
