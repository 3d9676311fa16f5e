"""Rows in memory: arrays, CSR matrices, frames and lists of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.label._digests import digest_of_array, digest_of_fields, digest_of_text
from skal.label._sources._base import KINDS, Source
from skal.label._sources._given import as_rows, check_ids, ids_of, known, known_label
from skal.label._sources._image_features import SIDE, image_features, leading
from skal.label._sources._shown import shown_fields, shown_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class MemorySource(Source):
    """Rows that are in memory already.

    Parameters
    ----------
    X : array, CSR matrix, frame or list of str
        The rows.
    ids : sequence, default=None
        Their names; None takes the index of a frame, else their positions.
    kind : {"image", "text", "table", "array"}, default=None
        What they are; None looks.
    y : sequence, default=None
        Labels that are known, None where one is not.
    as_given : bool, default=False
        Whether ``features`` returns X itself, for a learner of the user's own.

    Examples
    --------
    >>> from skal.label._sources import MemorySource
    >>> source = MemorySource(["good", "bad"])
    >>> source.kind, source.ids, source.show(1)
    ('text', ['0', '1'], {'kind': 'text', 'text': 'bad'})
    """

    def __init__(
        self,
        X: Any,
        ids: Sequence[Any] | None = None,
        kind: str | None = None,
        y: Sequence[Any] | None = None,
        as_given: bool = False,
    ) -> None:
        self.match_by = "content" if ids is None else "id"
        ids = ids_of(X) if ids is None else ids
        self.X = X = as_rows(X)
        self.kind = _kind_of(X) if kind is None else kind
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
        self.as_given = as_given
        n = _n_rows(X)
        self.ids = list(map(str, range(n) if ids is None else ids))
        check_ids(self.ids, n)
        self.digests = [self._digest(position) for position in range(n)]
        self.labels = [None] * n if y is None else [known_label(one) for one in y]
        if len(self.labels) != n:
            raise ValueError(
                f"y must hold one for each of {n} rows, None for one without a label, "
                f"got {len(self.labels)}."
            )

    def _features(self, derived, progress):
        if self.as_given or self.kind == "array":
            return self.X
        if self.kind == "image":
            return _image_features(np.asarray(self.X))
        from skal.label._sources._columns import table_features, text_features

        if self.kind == "text":
            return text_features(list(self.X))
        return table_features(self._columns())

    def show(self, position):
        if self.kind == "text":
            return shown_text(self.X[position])
        if self.kind == "image":
            return {"kind": "image", "image": np.asarray(self.X[position])}
        return shown_fields(self._fields(position), self.kind)

    def row(self, position):
        if self.kind == "text":
            return {"text": self.X[position]}
        if self.kind == "image":
            return self.show(position)
        return {"fields": self._fields(position)}

    def _fields(self, position):
        if hasattr(self.X, "iloc"):
            row = self.X.iloc[position]
            return dict(zip(map(str, self.X.columns), map(known, row), strict=True))
        row = self.X[position]
        row = row.toarray() if hasattr(row, "toarray") else row
        return {str(i): value for i, value in enumerate(np.ravel(row).tolist())}

    def _columns(self):
        if hasattr(self.X, "iloc"):
            return {
                str(name): list(map(known, self.X[name])) for name in self.X.columns
            }
        return {
            str(i): list(column) for i, column in enumerate(zip(*self.X, strict=True))
        }

    def _digest(self, position):
        if self.kind == "text":
            return digest_of_text(self.X[position])
        if hasattr(self.X, "iloc"):
            return digest_of_fields(self._fields(position))
        return digest_of_array(self.X[position])


def _image_features(images):
    """Return features of images of any size and range, (n, h, w) or (n, 3, h, w)."""
    from PIL import Image

    if images.dtype != np.uint8:
        low, high = images.min(), images.max()
        images = (images - low) * (255 / max(high - low, 1e-12))
    small = np.empty((len(images), 3, SIDE, SIDE), np.uint8)
    for i, image in enumerate(images):
        image = (
            image
            if image.ndim == 2 or image.shape[-1] == 3
            else image.transpose(1, 2, 0)
        )
        image = Image.fromarray(np.squeeze(image).astype(np.uint8)).convert("RGB")
        resized = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        small[i] = np.moveaxis(np.asarray(resized), -1, 0)
    return leading(image_features(small))


def _kind_of(X):
    if hasattr(X, "iloc"):
        return "table"
    if hasattr(X, "ndim") and not hasattr(X, "tocsr") and X.ndim > 2:
        return "image"
    one_column = len(getattr(X, "shape", (0,))) == 1
    return "text" if one_column and all(isinstance(one, str) for one in X) else "array"


def _n_rows(X):
    return X.shape[0] if hasattr(X, "shape") else len(X)
