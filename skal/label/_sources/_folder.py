"""A folder of images."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice
from skal.label._sources._base import Source
from skal.label._sources._image_features import (
    RECIPE,
    SIDE,
    image_features,
    leading,
)
from skal.label._sources._image_files import (
    as_text,
    digests_of,
    files_below,
    in_words,
)
from skal.label._sources._safe_image import SUFFIXES, read_pixels

if TYPE_CHECKING:
    from typing import Any

#: Images that are decoded, and kept, at one go.
_BLOCK = 128


class ImageFolder(Source):
    """The images below a folder.

    Parameters
    ----------
    path : str or path
        The folder. Links out of it, pipes, hidden files and files that are no images
        by their suffix are passed over; ``notes`` counts them.
    labels : {"folders"} or None, default=None
        "folders" takes the first folder on the way to an image for its label.
    input : {"features", "pixels"}, default="features"
        What a learner is given: numbers for a linear model, or pixels for a net.
    derived : Derived, default=None
        What is known of files that did not change, so that they need not be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from skal.label._sources import ImageFolder
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("a.png", "b.png"):
    ...         Image.new("RGB", (40, 30), "red").save(Path(folder, name))
    ...     photos = ImageFolder(folder)
    >>> photos.ids, len(set(photos.digests))
    (['a.png', 'b.png'], 1)
    """

    kind = "image"

    def __init__(
        self,
        path: str | os.PathLike[str],
        labels: str | None = None,
        input: str = "features",
        derived: Any = None,
    ) -> None:
        self.root = Path(path).expanduser().resolve()
        if labels is not None:
            check_choice("labels", labels, ("folders",))
        self.input = check_choice("input", input, ("features", "pixels"))
        self._labels_by = labels
        files, left_out = files_below(self.root)
        if not files:
            raise ValueError(
                f"source must hold images ({', '.join(SUFFIXES)}), got "
                f"{str(path)!r} with none. {in_words(left_out)}".strip()
            )
        self._files = [file for file, _ in files]
        # Of many files, text is cut in less time than paths are made.
        start = len(os.path.join(self.root, ""))
        self.ids = [as_text(file[start:]).replace(os.sep, "/") for file in self._files]
        self.digests = digests_of(self.ids, files, derived)
        self.labels = [
            id.partition("/")[0] if labels and "/" in id else None for id in self.ids
        ]
        self.notes = [in_words(left_out)] if left_out else []

    def _features(self, derived, progress):
        known = self._kept(derived)
        n, todo = len(self.ids), self._todo(known)
        with ThreadPoolExecutor(_threads()) as threads:
            for start in range(0, len(todo), _BLOCK):
                if progress is not None:
                    progress(n - len(todo) + start, n)
                found = self._block(todo[start : start + _BLOCK], threads)
                known.update(found)
                if derived is not None:
                    derived.keep_features(self._recipe, found)
        if progress is not None:
            progress(n, n)
        rows = np.stack([known[digest] for digest in self.digests])
        if self.input == "pixels":
            return rows.reshape(-1, 3, SIDE, SIDE)
        return leading(rows)

    def are_made(self, derived=None):
        """Tell whether every image was decoded already."""
        return self._made is not None or not self._todo(self._kept(derived))

    @property
    def _recipe(self):
        return RECIPE if self.input == "features" else f"pixels-{SIDE}"

    def _kept(self, derived):
        """Return the features that are kept, by digest."""
        if derived is None:
            return {}
        dtype = np.float16 if self.input == "features" else np.uint8
        return derived.features(self._recipe, self.digests, dtype)

    def _todo(self, known):
        """Return a position of each content whose features are missing."""
        places = {digest: i for i, digest in enumerate(self.digests)}
        return [i for digest, i in places.items() if digest not in known]

    def _block(self, positions, threads):
        """Return the features of some images; an image that cannot be read is grey."""
        grey = np.full((3, SIDE, SIDE), 127, np.uint8)
        found = threads.map(
            lambda i: read_pixels(Path(self._files[i]), self.root, SIDE), positions
        )
        rows = np.stack([grey if one is None else one for one in found])
        if self.input == "features":
            rows = image_features(rows).astype(np.float16)
        digests = [self.digests[i] for i in positions]
        return dict(zip(digests, rows.reshape(len(rows), -1), strict=True))

    def show(self, position):
        return {"kind": "image", "image": Path(self._files[position])}

    def meta(self):
        options = {"labels": self._labels_by, "input": self.input}
        return {"source": str(self.root), "options": options}


def _threads():
    """Leave a core to whoever labels."""
    return max(1, min(4, (os.cpu_count() or 1) - 1))
