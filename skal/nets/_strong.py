"""Strong views: rows changed so much that it takes understanding to know them again."""

from __future__ import annotations

import torch

from skal._checks import nearest_first
from skal.nets._augment import augment_parts
from skal.nets._layout import SetLayout
from skal.nets._tensor_set import TensorSet, row_shape

#: Share of each side that is cut out.
_CUT = 1 / 3
#: Share of values that come from another row, and noise in units of the spread.
_MIXED, _NOISE = 0.2, 0.1


def check_strong(strong, layout):
    """Return the function of a batch that ``strong`` names, or None.

    "auto" is what fits the rows: nothing, where these are ids or have several parts.
    """
    if callable(strong) or strong is None:
        return strong
    if isinstance(layout, SetLayout):
        if isinstance(strong, str) and strong == "auto":
            return None
        return augment_parts(strong, layout, check_strong, "strong")
    fitting = views_for(layout)
    if isinstance(strong, str) and strong == "auto":
        return next(iter(fitting.values()), None)
    if isinstance(strong, str) and strong in fitting:
        return fitting[strong]
    known = [*map(repr, nearest_first(strong, ["auto", *fitting])), "a callable"]
    raise ValueError(
        f"strong must be {', '.join(known)} or None for rows of shape {layout.shape}, "
        f"got {strong!r}. A callable takes a batch of tensors and returns one of the "
        "same shape."
    )


def views_for(layout):
    """Return the strong views of rows, the first of them best, by name."""
    if layout.ids:
        return {}
    if len(layout.shape) < 2:
        return {"mask_noise": mask_noise}
    both = {"cutout": cutout, "mask_noise": mask_noise}
    return both if layout.is_image else dict(reversed(both.items()))


def viewed(strong, rows):
    """Return the strong view of a batch; refuse one that is no batch like it."""
    n_rows, shape = len(rows), row_shape(rows)
    view = strong(rows)
    alike = isinstance(view, torch.Tensor | TensorSet) and len(view) == n_rows
    if not alike or row_shape(view) != shape:
        got = (len(view), *row_shape(view)) if hasattr(view, "device") else view
        raise ValueError(
            "strong must return a batch of the shape that it is given, "
            f"{(n_rows, *shape)}, got {got!r}."
        )
    return view


def cutout(rows):
    """Set a block of each row to 0, a third of every side long, anywhere in it.

    That is a square of an image, a stretch of a signal (DeVries and Taylor, 2017).
    """
    n, _, *sides = rows.shape
    cut = torch.ones((), dtype=torch.bool, device=rows.device)
    for axis, side in enumerate(sides):
        size = max(1, round(_CUT * side))
        start = torch.randint(side, (n, 1), device=rows.device) - size // 2
        places = torch.arange(side, device=rows.device)
        inside = (places >= start) & (places < start + size)  # (n, side)
        shape = [n, 1, *[1] * len(sides)]
        shape[2 + axis] = side
        cut = cut & inside.view(shape)
    return rows.masked_fill(cut, 0)


def mask_noise(rows):
    """Take a fifth of the values from another row of the batch, and add noise."""
    others = rows[torch.randperm(len(rows), device=rows.device)]
    mixed = torch.where(torch.rand_like(rows) < _MIXED, others, rows)
    spread = rows.std(dim=0, correction=0)
    return mixed + _NOISE * spread * torch.randn_like(rows)
