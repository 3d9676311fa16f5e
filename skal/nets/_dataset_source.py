"""DatasetSource: rows of a torch Dataset, read a batch at a time."""

import torch

from skal._data import MultiInput
from skal.nets._dataset_pool import DatasetPool
from skal.nets._drawing import drawing_by
from skal.nets._layout import SEQUENCE, Layout, SetLayout
from skal.nets._rows import as_parts, is_whole, items, stack, the_row
from skal.nets._tensor_set import TensorSet


class DatasetSource:
    """Rows of a torch data set, or of a list of what one holds.

    ``ids`` tells whether whole numbers stay what they are; those of a row that
    consists of several parts always do.
    """

    def __init__(self, dataset, ids=False):
        self.dataset = dataset
        with drawing_by((0, 0)):
            self.first = self.rows([0])[0]
        if isinstance(self.first, dict):
            self.kinds = {key: kind_of(part, True) for key, part in self.first.items()}
            self.row_shape, self.pixels = (), False
        else:
            self.kind = kind_of(self.first, ids)
            self.row_shape, self.pixels = self.kind.shape, self.kind.pixels

    def __len__(self):
        return len(self.dataset)

    @property
    def holds_whole_numbers(self):
        """Whether the rows are whole numbers, but no pixels."""
        return not isinstance(self.first, dict) and is_whole(self.first.dtype)

    def layout(self, arrange):
        """Return the layout of the rows, in the shape that a function makes of it."""
        if isinstance(self.first, dict):
            return SetLayout(self.kinds)
        if self.kind.ids:
            return self.kind
        return Layout(arrange(self.row_shape), self.pixels)

    def blank(self):
        """Return a row of zeros, as X might hold it."""
        if isinstance(self.first, dict):
            rows = {
                key: blank(part, self.kinds[key]) for key, part in self.first.items()
            }
            return MultiInput.of(rows)
        return blank(self.first, self.kind)

    def rows(self, positions, training=False):
        """Return rows: a tensor each, or a dict of tensors by position or name."""
        if isinstance(self.dataset, DatasetPool):
            found = self.dataset.rows(positions, training=training)
        else:
            every = items(self.dataset, positions)
            found = [the_row(item, self.dataset) for item in every]
        return [as_parts(row) for row in found]

    def take(self, where, training=False, key=(0, 0)):
        """Return the rows at positions, or in a slice, as one tensor or set.

        The key fixes what is drawn at random meanwhile.
        """
        if isinstance(where, slice):
            where = range(where.start, where.stop)
        with drawing_by(key):
            rows = self.rows([int(i) for i in where], training)
        if not isinstance(self.first, dict):
            return stacked(rows, self.kind)
        columns = {}
        for key, kind in self.kinds.items():
            columns[key] = stacked([row[key] for row in rows], kind)
        return TensorSet(columns)


def kind_of(row, ids):
    """Return the layout of a row, or a part of one, as it is."""
    ids = ids and is_whole(row.dtype)
    shape = SEQUENCE if ids and row.dim() == 1 else tuple(row.shape)
    return Layout(shape, row.dtype == torch.uint8, ids)


def blank(row, kind):
    """Return an X of one row: zeros, but for ids and masks, which may not be."""
    row = row if kind.ids else torch.zeros_like(row)
    return [row] if kind.is_set else row[None]


def stacked(rows, kind):
    """Return rows of one kind as a tensor."""
    return stack(rows, ids=kind.ids, floats=not kind.pixels)
