"""Layout: how a row of X becomes what the module sees."""

from dataclasses import dataclass
from math import isqrt, prod

import numpy as np
import torch

from skal.nets._device import memory_format


@dataclass(frozen=True)
class Layout:
    """The shape of a row as the module sees it, and whether it comes as pixels.

    ``pixels`` is None where no rows have been seen yet.
    """

    shape: tuple[int, ...]
    pixels: bool | None

    def check(self, other):
        """Refuse rows that are not laid out as those of fit were."""
        if other.shape != self.shape:
            raise ValueError(
                f"X must hold rows of shape {self.shape}, as in fit, got rows of "
                f"shape {other.shape}."
            )
        if other.pixels != self.pixels and self.pixels is not None:
            words = ["numbers that are not uint8", "uint8 pixels (scaled to [0, 1])"]
            raise ValueError(
                f"X must hold {words[self.pixels]}, as in fit, got "
                f"{words[other.pixels]}, so that the scale would differ. Convert one "
                "of them: X.astype('float32') / 255 is what becomes of pixels."
            )

    def arrange(self, rows, device):
        """Return raw rows as the module takes them: float, on its device."""
        rows = rows.to(device, non_blocking=True)
        if self.pixels:
            rows = rows.float().div_(255)
        rows = rows.reshape(-1, *self.shape)
        if len(self.shape) == 3:
            rows = rows.contiguous(memory_format=memory_format(rows.device))
        return rows


def as_given(row_shape, input_shape):
    """Return the shape that a module of the user's sees: a channel for (H, W)."""
    if input_shape is not None:
        return reshaped(row_shape, tuple(input_shape))
    return (1, *row_shape) if len(row_shape) == 2 else row_shape


def as_images(row_shape, input_shape):
    """Return the shape (C, H, W) of an image."""
    if input_shape is not None:
        shape = tuple(input_shape)
        return reshaped(row_shape, (1, *shape) if len(shape) == 2 else shape)
    if len(row_shape) == 1:
        return squared(row_shape[0])
    shape = (1, *row_shape) if len(row_shape) == 2 else row_shape
    if len(shape) != 3:
        raise ValueError(
            "X must hold images of shape (n, H, W) or (n, C, H, W), or flat rows, got "
            f"rows of shape {row_shape}."
        )
    if shape[2] in (1, 3, 4) and shape[0] not in (1, 3, 4):
        raise ValueError(
            f"X must hold images of shape (n, C, H, W), got rows of shape {row_shape}, "
            "whose channels stand last. Use X.transpose(0, 3, 1, 2)."
        )
    return shape


def as_table(row_shape, input_shape):
    """Return the shape (d,) of a flat row."""
    return (prod(row_shape),)


def squared(n_features):
    """Return the shape of a flat row that is a square image of one channel."""
    side = isqrt(n_features)
    if side * side != n_features:
        raise ValueError(
            f"input_shape must be given for flat rows of {n_features} features, which "
            "are no square image of one channel, got None. Give (C, H, W)."
        )
    return (1, side, side)


def reshaped(row_shape, shape):
    """Return the shape asked for, if the rows have as many values."""
    if prod(row_shape) != prod(shape):
        raise ValueError(
            f"input_shape must have as many values as a row of X, got {shape} for rows "
            f"of shape {row_shape}."
        )
    return shape


def check_finite(rows, name):
    """Refuse rows that hold NaN or infinity, or overflow in single precision."""
    if rows.is_floating_point() and not bool(torch.isfinite(rows.sum())):
        finite = torch.isfinite(rows)
        if bool(finite.all()):  # only their sum is too large
            return
        holds = "NaN" if bool(torch.isnan(rows).any()) else "infinity"
        raise ValueError(
            f"X must hold finite numbers for {name}, got {holds}. Input X contains "
            f"{holds} or a value too large for dtype('float32')."
        )


def check_kind(X):
    """Refuse an array whose values are no numbers."""
    if isinstance(X, torch.Tensor):
        complex_or_not = X.is_complex()
    else:
        complex_or_not = np.asarray(X).dtype.kind not in "fiub"
    if complex_or_not:
        raise ValueError(f"X must hold real numbers, got {X.dtype}.")
