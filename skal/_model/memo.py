"""Answers about rows, computed block by block and at most once each."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skal._data import Rows, blocks, n_rows, naming_holes, take_rows


class Memo:
    """Answers for rows of one base, computed at most once each.

    ``values`` belong to the rows at ``asked``, which is None for the whole base. Where
    each row's answer stands is worked out only when other rows are asked for.
    """

    def __init__(self, n_base):
        self.n_base = n_base
        self.asked: Any = None
        self.slots: Any = None
        self.values: Any = None

    def get(self, rows, compute):
        wanted = rows.indices
        if self.values is None:
            if wanted is not None and not _increasing(wanted):
                ordered, places = np.unique(wanted, return_inverse=True)
                return self.get(Rows(rows.X, ordered), compute)[places]
            self.asked, self.values = wanted, _compute(rows.X, wanted, compute)
            return self.values
        if wanted is self.asked:
            return self.values
        if self.asked is None:
            return self.values[wanted]
        if self.slots is None:
            self.slots = np.full(self.n_base, -1, np.int32)
            self.slots[self.asked] = np.arange(len(self.asked))
        slots = self.slots[slice(None) if wanted is None else wanted]
        if len(slots) and slots.min() < 0:
            self._extend(rows, slots < 0, compute)
            slots = self.slots[slice(None) if wanted is None else wanted]
        return self.values[slots]

    def _extend(self, rows, unknown, compute):
        """Compute the rows that are not known yet, and append their answers."""
        new = np.unique(rows.positions()[unknown])
        values = _stack([self.values, _compute(rows.X, new, compute)])
        known = self.values.shape[0]
        self.slots[new] = np.arange(known, known + len(new))
        self.values, self.asked = values, np.append(self.asked, new)


def _increasing(positions):
    return bool(np.all(positions[1:] > positions[:-1]))


def _compute(X, positions, compute):
    """Compute the answers for sorted positions of X, block by block."""
    out, parts = None, []
    n = n_rows(X) if positions is None else len(positions)
    for data, keep, where in blocks(X, positions):
        with naming_holes(X, positions):
            part = compute(data)
        part = part if keep is None else part[keep]
        if sp.issparse(part):
            parts.append(part)
            continue
        if out is None:
            out = np.empty((n, *part.shape[1:]), part.dtype)
        elif not np.can_cast(part.dtype, out.dtype):  # it needs more digits
            out = out.astype(np.result_type(out, part))
        out[where] = part
    if out is None and parts:
        out = _stack(parts)
        out.data.flags.writeable = False
    elif out is not None:
        out.flags.writeable = False  # it is shared by all who ask
    return compute(take_rows(X, np.arange(0))) if out is None else out


def _stack(parts):
    if sp.issparse(parts[0]):
        return sp.vstack(parts, format="csr")
    return np.concatenate(parts)
