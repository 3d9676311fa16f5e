"""Batches of positions: shuffled and all of one size, or in order for a pass."""

import torch

#: Rows of a pass. Larger batches leave the cache and are slower on a CPU.
ROWS_A_PASS = 256


def shuffled(n_rows, batch_size, on_order=None):
    """Yield positions without end, batch_size of them each.

    One shuffled order of the rows follows the other, and a batch may span two: a last,
    smaller batch would unsettle what is measured on batches, such as BatchNorm.
    ``on_order`` is called with each order, and the number of its rows that each batch
    takes.
    """
    left = torch.empty(0)
    while True:
        parts, missing = [], batch_size
        while missing:
            if len(left) == 0:
                left = torch.randperm(n_rows)
                if on_order is not None:
                    on_order(left, cuts(n_rows, missing, batch_size))
            parts.append(left[:missing])
            left = left[missing:]
            missing -= len(parts[-1])
        yield parts[0] if len(parts) == 1 else torch.cat(parts)


def cuts(n_rows, missing, batch_size):
    """Return how many rows of an order complete a batch, make new ones, are left."""
    first = min(missing, n_rows)
    full, rest = divmod(n_rows - first, batch_size)
    return [first, *[batch_size] * full, *[rest] * (rest > 0)]


def in_order(n_rows, at_once=ROWS_A_PASS):
    """Yield slices that cover the rows once, in order, a pass each."""
    for start in range(0, n_rows, at_once):
        yield slice(start, min(start + at_once, n_rows))
