"""Changed copies of training images: whole batches at once, a draw for each image."""

import math
from collections.abc import Mapping
from functools import partial

import torch
from torch.nn.functional import affine_grid, grid_sample, pad

from skal._checks import nearest_first
from skal.nets._layout import SetLayout
from skal.nets._tensor_set import TensorSet

#: The range of each draw: degrees, shares of the side, shares of the size, slope.
_ROTATE, _SHIFT, _SCALE, _SHEAR = 20, 0.1, 0.15, 0.2
#: Pixels that a crop may move.
_CROP = 4


def check_augment(augment, layout):
    """Return the function of a batch that ``augment`` names, or None."""
    if isinstance(layout, SetLayout) and augment is not None:
        return augment_parts(augment, layout)
    if augment is None or callable(augment):
        return augment
    if not layout.is_image:
        raise ValueError(
            f"augment must be None or a callable for rows that are no images, got "
            f"{augment!r} for rows of shape {layout.shape}."
        )
    if isinstance(augment, str) and augment in AUGMENTATIONS:
        return AUGMENTATIONS[augment]
    known = ", ".join(map(repr, nearest_first(augment, AUGMENTATIONS)))
    raise ValueError(
        f"augment must be {known}, a callable or None, got {augment!r}. A callable "
        "takes a batch of tensors (n, C, H, W) and returns one of the same shape."
    )


def augment_parts(augment, layout, check=check_augment, name="augment"):
    """Return the function of a set of tensors: some parts changed, others as they are.

    Ids and masks are nothing that could be changed. ``check`` takes what is to become
    of a part, and its layout.
    """
    numbers = [key for key, part in layout.parts.items() if not part.ids]
    if not isinstance(augment, Mapping) or not set(augment) <= set(numbers):
        raise ValueError(
            f"{name} must be None or a dict of the parts to change, among the parts of "
            f"numbers {numbers}, for {layout.words}, got {augment!r}."
        )
    changes = {key: check(augment[key], layout.parts[key]) for key in augment}

    def change(batch):
        parts = dict(batch.parts)
        for key, function in changes.items():
            parts[key] = parts[key] if function is None else function(parts[key])
        return TensorSet(parts)

    return change


def affine(images):
    """Turn, shift, scale and shear each image by a draw of its own."""
    return draw_affine(images)(images)


def crop_flip(images):
    """Shift each image by up to 4 pixels, and mirror every second one."""
    return draw_crop_flip(images)(images)


AUGMENTATIONS = {"affine": affine, "crop_flip": crop_flip}

# What is drawn for a batch of images is a function, which moves what lies over them.


def draw_affine(images):
    """Draw for each image how it is turned, shifted, scaled and sheared."""
    n = len(images)
    draws = 2 * torch.rand(5, n, device=images.device, dtype=images.dtype) - 1
    angle = draws[0] * math.radians(_ROTATE)
    scale = 1 + _SCALE * draws[1]
    shear = _SHEAR * draws[2]
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    theta = images.new_zeros(n, 2, 3)
    theta[:, 0, 0] = cos
    theta[:, 0, 1] = cos * shear - sin
    theta[:, 1, 0] = sin
    theta[:, 1, 1] = sin * shear + cos
    theta[:, :, 2] = 2 * _SHIFT * draws[3:].T  # the side goes from -1 to 1
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return partial(grid_sample, grid=grid, align_corners=False)


def draw_crop_flip(images):
    """Draw for each image how it is shifted, and whether it is mirrored."""
    n, _, height, width = images.shape
    down, right = torch.randint(0, 2 * _CROP + 1, (2, n, 1), device=images.device)
    rows = down + torch.arange(height, device=images.device)  # (n, H)
    columns = right + torch.arange(width, device=images.device)  # (n, W)
    mirrored = torch.rand(n, 1, device=images.device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    which = torch.arange(n, device=images.device)[:, None, None]

    def move(images, mode=None):
        padded = pad(images, (_CROP,) * 4)
        crops = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]]
        return crops.permute(0, 3, 1, 2)  # (n, C, H, W), channels last in memory

    return move
