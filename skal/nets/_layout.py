"""Layout: how a row of X becomes what the module sees."""

from dataclasses import dataclass, replace
from math import isqrt, prod

import numpy as np
import torch

from skal.nets._device import memory_format
from skal.nets._tensor_set import MASK, TensorSet

#: The shape of rows that are sequences of ids, each of its own length.
SEQUENCE = (None,)
#: Ids in a row of zeros, where a sequence of some length is wanted.
_SOME_LENGTH = 16


@dataclass(frozen=True)
class Layout:
    """The shape of a row as the module sees it, and what its values are.

    ``pixels`` tells of uint8, which is scaled; it is None where no rows have been seen
    yet. ``ids`` tells of whole numbers and booleans that stay what they are,
    ``columns`` what those of a frame are called.
    """

    shape: tuple
    pixels: bool | None
    ids: bool = False
    columns: tuple | None = None

    @property
    def size(self):
        """The values in a row; None where rows have several lengths."""
        return None if self.shape == SEQUENCE else prod(self.shape)

    @property
    def is_image(self):
        """Whether rows are images (C, H, W) of numbers."""
        return len(self.shape) == 3 and not self.ids

    @property
    def is_set(self):
        """Whether batches are sets of tensors; sequences come with their mask."""
        return self.shape == SEQUENCE

    def facts(self):
        """Return what a module may want to know of a row."""
        return {
            "input_shape": self.shape,
            "n_channels": self.shape[0] if self.shape else 1,
            "n_features": self.size,
        }

    def with_pixels(self, pixels):
        """Return the layout of rows that come as pixels, or not."""
        return replace(self, pixels=bool(pixels))

    def same_kind(self, other):
        """Return the layout of others: sequences, where all are of one length."""
        alike = self.is_set and isinstance(other, Layout) and len(other.shape) == 1
        return replace(other, shape=SEQUENCE) if alike else other

    def check(self, other):
        """Refuse rows that are not laid out as those of fit were."""
        if isinstance(other, SetLayout):
            raise ValueError(
                f"X must hold rows of one tensor, as in fit, got {other.words}."
            )
        if self.columns and other.columns and other.columns != self.columns:
            raise ValueError(
                f"X must hold the columns {list(self.columns)}, in this order, as in "
                f"fit, got {list(other.columns)}."
            )
        if other.shape != self.shape:
            raise ValueError(
                f"X must hold rows of shape {self.shape}, as in fit, got rows of "
                f"shape {other.shape}."
            )
        if other.ids != self.ids:
            words = ["numbers", "ids or a mask (whole numbers or booleans)"]
            raise ValueError(
                f"X must hold {words[self.ids]}, as in fit, got {words[other.ids]}."
            )
        if other.pixels != self.pixels and self.pixels is not None:
            words = ["numbers that are not uint8", "uint8 pixels (scaled to [0, 1])"]
            raise ValueError(
                f"X must hold {words[self.pixels]}, as in fit, got "
                f"{words[other.pixels]}, so that the scale would differ. Convert one "
                "of them: X.astype('float32') / 255 is what becomes of pixels."
            )

    def arrange(self, rows, device):
        """Return raw rows as the module takes them, on its device."""
        if self.is_set:
            if isinstance(rows, torch.Tensor):  # all of one length
                mask = torch.ones(rows.shape, dtype=torch.bool)
                rows = TensorSet({0: rows, MASK: mask})
            return rows.map(lambda part: part.to(device, non_blocking=True))
        rows = rows.to(device, non_blocking=True)
        if self.pixels:
            rows = rows.float().div_(255)
        rows = rows.reshape(-1, *self.shape)
        if rows.ndim == 4:  # images
            rows = rows.contiguous(memory_format=memory_format(rows.device))
        return rows

    def one_row(self):
        """Return a raw row of zeros."""
        shape = (_SOME_LENGTH,) if self.is_set else self.shape
        return torch.zeros(1, *shape, dtype=torch.int64 if self.ids else None)

    def as_fact(self):
        """Return the layout as what JSON can say."""
        fact = {"shape": list(self.shape), "pixels": self.pixels, "ids": self.ids}
        return {**fact, "columns": self.columns and list(self.columns)}


@dataclass(frozen=True)
class SetLayout:
    """The layouts of the parts of which a row consists, by position or name."""

    parts: dict

    is_set = True
    is_image = False

    @property
    def words(self):
        """The parts, for messages."""
        return f"rows of the parts {list(self.parts)}"

    @property
    def size(self):
        """The values in a row; None where rows have several lengths."""
        sizes = [layout.size for layout in self.parts.values()]
        return None if None in sizes else sum(sizes)

    @property
    def pixels(self):
        """Of each part, whether it comes as pixels."""
        return [bool(layout.pixels) for layout in self.parts.values()]

    def facts(self):
        """Return what a module may want to know of a row: a dict of the parts each."""
        facts = {key: layout.facts() for key, layout in self.parts.items()}
        names = next(iter(facts.values()))
        return {name: {key: facts[key][name] for key in facts} for name in names}

    def with_pixels(self, pixels):
        """Return the layout of parts that come as pixels, or not."""
        pairs = zip(self.parts.items(), pixels, strict=True)
        return SetLayout({key: one.with_pixels(bool(p)) for (key, one), p in pairs})

    def check(self, other):
        """Refuse rows that are not laid out as those of fit were."""
        self.check_is_set(other)
        if set(other.parts) != set(self.parts):
            raise ValueError(f"X must hold {self.words}, as in fit, got {other.words}.")
        for key, layout in self.parts.items():
            try:
                layout.check(layout.same_kind(other.parts[key]))
            except ValueError as error:
                error.add_note(f"It is the part {key!r}.")
                raise

    def check_is_set(self, other):
        """Refuse rows, or a layout of such, that have no parts."""
        if not hasattr(other, "parts"):
            raise ValueError(
                f"X must hold {self.words}, as in fit, got rows of one tensor."
            )

    def arrange(self, rows, device):
        """Return raw rows as the module takes them, on its device."""
        parts = {}
        for key, layout in self.parts.items():
            part = layout.arrange(rows.parts[key], device)
            parts[key] = part.parts[0] if layout.is_set else part  # padded, unmasked
        return TensorSet(parts)

    def one_row(self):
        """Return a raw row of zeros."""
        return TensorSet({key: one.one_row() for key, one in self.parts.items()})

    def as_fact(self):
        """Return the layouts as what JSON can say."""
        return {"parts": [[key, one.as_fact()] for key, one in self.parts.items()]}


def layout_from(fact):
    """Return the layout that ``as_fact`` has put into words."""
    if "parts" in fact:
        return SetLayout({key: layout_from(one) for key, one in fact["parts"]})
    shape, columns = tuple(fact["shape"]), fact.get("columns")
    return Layout(shape, fact["pixels"], fact["ids"], columns and tuple(columns))


def as_given(row_shape, input_shape):
    """Return the shape that a module of the user's sees: a channel for (H, W)."""
    if input_shape is not None:
        return reshaped(row_shape, tuple(input_shape))
    return (1, *row_shape) if len(row_shape) == 2 else row_shape


def otherwise(row_shape, shape):
    """Return the other shape that rows may be meant to have; None if there is none.

    A channel is in front of a signal, or a volume, or it is not.
    """
    if len(row_shape) > 3 or row_shape == SEQUENCE:
        return None
    return (1, *row_shape) if shape == row_shape else row_shape


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
    if isinstance(rows, TensorSet):
        for part in rows.parts.values():
            check_finite(part, name)
        return
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
