"""Images as pretrained weights saw them: of a size, and of a mean and a spread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import interpolate

from skal._checks import check_int

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Mean and standard deviation of the colours of ImageNet, in [0, 1].
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
#: How far above 1 a resampled image may be.
_SLACK = 0.5


def check_preparation(
    resize: Any, normalize: Any, transforms: Any
) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return the function of a batch of images that was asked for, or None."""
    if transforms is not None:
        if resize is not None or normalize is not None:
            raise ValueError(
                "transforms must be None where resize or normalize is given, got "
                f"{transforms!r}. It does both."
            )
        if not callable(transforms):
            raise TypeError(
                f"transforms must be a function of a batch of images, got "
                f"{transforms!r}. torchvision's weights have one: weights.transforms()."
            )
        colors = len(getattr(transforms, "mean", ()))
        return partial(prepared, steps=[transforms], colors=colors)
    steps: list[Callable[[torch.Tensor], torch.Tensor]] = []
    if resize is not None:
        steps.append(partial(resized, size=check_size(resize)))
    colors = 0
    if normalize is not None:
        mean, std = check_normalize(normalize)
        colors = len(mean)
        steps.append(partial(normalized, mean=mean, std=std))
    return partial(prepared, steps=steps, colors=colors) if steps else None


def check_size(resize):
    """Return height and width."""
    sides = resize if isinstance(resize, tuple | list) else (resize, resize)
    if len(sides) != 2:
        raise ValueError(
            "resize must be a number of pixels, or a pair of height and width, got "
            f"{resize!r}."
        )
    return tuple(check_int("resize", side) for side in sides)


def check_normalize(normalize):
    """Return mean and standard deviation, a number for each channel."""
    if isinstance(normalize, str) and normalize == "imagenet":
        return IMAGENET
    pair = normalize if isinstance(normalize, tuple | list) else ()
    sizes = [np.shape(one) for one in pair]
    fits = len(pair) == 2 and sizes[0] == sizes[1] and len(sizes[0]) == 1
    if not fits or not np.all(np.asarray(pair[1]) > 0):
        raise ValueError(
            "normalize must be 'imagenet', a pair of means and standard deviations "
            f"above 0, one for each channel, or None, got {normalize!r}."
        )
    return normalize


def prepared(images, *, steps, colors):
    """Return a batch of images after some steps; gray ones get the colours asked for.

    The numbers of weights are for images in [0, 1], which uint8 is brought to.
    """
    if images.ndim != 4:
        raise ValueError(
            "resize, normalize and transforms must be None for rows that are no images "
            f"(C, H, W), got rows of shape {tuple(images.shape[1:])}. Images that come "
            "flat need input_shape=(C, H, W), also for a network with a name."
        )
    if images.min() < -_SLACK or images.max() > 1 + _SLACK:
        raise ValueError(
            "X must hold uint8 images, or others in [0, 1], for resize, normalize and "
            f"transforms, got values from {float(images.min()):.3g} to "
            f"{float(images.max()):.3g}. Scale them, or let the network do it."
        )
    if images.shape[1] == 1 and colors > 1:
        images = images.expand(-1, colors, -1, -1)
    for step in steps:
        images = step(images)
    return images


def resized(images, *, size):
    """Return a batch of images of another size, without aliasing."""
    return interpolate(images, size=size, mode="bilinear", antialias=True)


def normalized(images, *, mean, std):
    """Return a batch of images less the mean, in units of the spread."""
    if images.shape[1] != len(mean):
        raise ValueError(
            f"normalize must have a number for each of {images.shape[1]} channels, got "
            f"{len(mean)}."
        )
    mean, std = (images.new_tensor(one)[:, None, None] for one in (mean, std))
    return (images - mean) / std
