"""Rows of a data set as tensors, and tensors of them: stacked, padded, joined."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import torch
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from skal.nets._tensor_set import MASK, TensorSet


def items(dataset, positions):
    """Return what a data set holds at positions, in one call where it knows how."""
    if hasattr(dataset, "__getitems__"):
        return dataset.__getitems__(positions)
    return [dataset[i] for i in positions]


def the_row(item, dataset):
    """Return the row of an item, which is a row, (row,) or a pair (row, label)."""
    if is_sequence(item):
        return item
    if isinstance(item, (tuple, list)):
        if len(item) in (1, 2):
            return item[0]
        got = f"{len(item)} things"
    elif isinstance(item, (Mapping, str, bytes)):
        got = f"a {type(item).__name__}"
    else:
        return item
    raise ValueError(
        f"X must hold rows or pairs (row, label), got a {type(dataset).__name__} whose "
        f"items are {got} each. Say which is the label: "
        "skal.nets.DatasetPool(X, target=...)."
    )


def is_sequence(item):
    """Tell whether an item is a list of ids: a row, however long it is."""
    return isinstance(item, list) and all(isinstance(one, Integral) for one in item)


def as_parts(row):
    """Return a row as a tensor; one of several parts as a dict of tensors."""
    if isinstance(row, Mapping):
        return {key: as_part(part, key) for key, part in row.items()}
    if isinstance(row, tuple):
        return {place: as_part(part, place) for place, part in enumerate(row)}
    return as_part(row)


def as_part(row, name=None):
    """Return a row, or the part of it that has a name, as a tensor."""
    if isinstance(row, torch.Tensor):
        return row
    values = np.array(row)
    if values.size == 0 and values.ndim == 1:
        values = values.astype(np.int64)  # a sequence that is empty
    if values.dtype.kind not in "fiub":
        where = "" if name is None else f" in the part {name!r}"
        raise ValueError(
            f"X must hold rows of numbers, got {type(row).__name__}{where}. Make "
            "numbers of it in skal.nets.DatasetPool(X, transform=...)."
        )
    return torch.from_numpy(values)


def is_whole(dtype):
    """Tell whether a type of numpy or torch holds whole numbers, or booleans."""
    if isinstance(dtype, torch.dtype):
        floating = dtype.is_floating_point or dtype.is_complex
        return not floating and dtype != torch.uint8
    return np.dtype(dtype).kind in "iub" and dtype != np.uint8


def stack(rows, *, ids, floats=True):
    """Return rows as one tensor: ids as they are, padded and masked where sequences.

    Other rows are float32 if ``floats``, else uint8.
    """
    if ids and rows[0].dim() == 1:
        return padded(rows)
    shapes = {tuple(row.shape) for row in rows}
    if len(shapes) > 1:
        raise ValueError(
            f"X must hold rows of one shape, got {sorted(shapes)[:3]}. Resize or pad "
            "them in skal.nets.DatasetPool(X, transform=...)."
        )
    joined = torch.stack(rows)
    if ids:
        return joined if joined.dtype == torch.bool else joined.long()
    return joined.float() if floats else joined


def padded(rows):
    """Return sequences of ids, 0 up to the longest, and a mask of what is theirs."""
    if any(not is_whole(row.dtype) for row in rows):
        raise ValueError("X must hold sequences of whole numbers, got other numbers.")
    lengths = torch.tensor([len(row) for row in rows])
    width = max(1, int(lengths.max()))
    kept = rows if rows[0].dtype == torch.bool else [row.long() for row in rows]
    tokens = pad_sequence(kept, batch_first=True)
    tokens = pad(tokens, (0, width - tokens.shape[1]))
    return TensorSet({0: tokens, MASK: torch.arange(width) < lengths[:, None]})


def join(batches):
    """Return batches as one; sequences are padded to the longest of all."""
    if len(batches) == 1:
        return batches[0]
    if not isinstance(batches[0], TensorSet):
        return torch.cat(batches)
    joined = {}
    for key in batches[0].parts:
        parts = [batch.parts[key] for batch in batches]
        if len({part.shape[1:] for part in parts}) > 1:
            width = max(part.shape[1] for part in parts)
            parts = [pad(part, (0, width - part.shape[1])) for part in parts]
        joined[key] = torch.cat(parts)
    return TensorSet(joined)
