"""Batches of positions: shuffled, and every one of the full size."""

import torch


def shuffled(n_rows, batch_size):
    """Yield positions without end, batch_size of them each.

    One shuffled order of the rows follows the other, and a batch may span two: a last,
    smaller batch would unsettle what is measured on batches, such as BatchNorm.
    """
    left = torch.randperm(n_rows)
    while True:
        parts, missing = [], batch_size
        while missing:
            if len(left) == 0:
                left = torch.randperm(n_rows)
            parts.append(left[:missing])
            left = left[missing:]
            missing -= len(parts[-1])
        yield parts[0] if len(parts) == 1 else torch.cat(parts)


def in_order(n_rows, size):
    """Yield slices that cover the rows once, in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
