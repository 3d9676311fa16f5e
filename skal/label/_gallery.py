"""Small pictures of rows, what lies between two of them, and which are like that."""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from sklearn.decomposition import PCA

from skal.synthesis import boundary_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

#: Principal components in which rows are mixed and compared, at most.
COMPONENTS = 100
#: Pictures that they are learnt on, at most.
LEARNT_ON = 1000


class Gallery:
    """Rows as small pictures of one shape, drawn and compared by their components.

    Pictures are looked at one by one, and as many as there is time for: what is left
    is looked at another time. The components are learnt anew when twice as many are
    known, so that little time is spent on it and the first strip need not wait.

    Parameters
    ----------
    picture : callable
        Returns the small picture of a row by its number, ndarray of uint8 of shape
        (h, w, 3); raises LookupError or ValueError where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.label._gallery import Gallery
    >>> greys = np.array([0, 100, 250], np.uint8)
    >>> gallery = Gallery(lambda item: np.full((2, 2, 3), greys[item]))
    >>> gallery.look(range(3), seconds=1)
    >>> gallery.strip(0, 2, 3)[:, 0, 0, 0]
    array([  0, 125, 250], dtype=uint8)
    >>> gallery.like(gallery.strip(0, 2, 3), range(3), 1)
    [[0], [1], [2]]
    """

    def __init__(self, picture: Callable[[int], np.ndarray]) -> None:
        self._read = picture
        self._pictures: dict[int, np.ndarray] = {}
        self._broken: set[int] = set()
        self._learnt_on = 0
        self._pca: Any = None
        self._shape: tuple[int, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether pictures can be drawn and compared."""
        return self._pca is not None

    def look(self, items: Iterable[int], seconds: float) -> None:
        """Look at rows in turn, those not known yet, until the time is over."""
        until = monotonic() + seconds
        for item in items:
            if monotonic() > until:
                break
            if item in self._pictures or item in self._broken:
                continue
            try:
                self._pictures[item] = self._read(item)
            except (LookupError, ValueError):
                self._broken.add(item)
        if len(self._pictures) >= max(2, 2 * self._learnt_on):
            self._learn()

    def _learn(self):
        shapes = Counter(one.shape for one in self._pictures.values())
        self._shape = shapes.most_common(1)[0][0]
        X = self._rows(list(self._pictures)[:LEARNT_ON])
        with np.errstate(invalid="ignore"):  # where all of them are the same picture
            self._pca = PCA(min(COMPONENTS, *X.shape), random_state=0).fit(X)
        self._learnt_on = len(self._pictures)

    def known(self, items: Iterable[int]) -> list[int]:
        """Return those of some rows that have been looked at."""
        return [item for item in items if item in self._pictures]

    def is_broken(self, item: int) -> bool:
        """Tell whether a row was looked at in vain."""
        return item in self._broken

    def strip(self, first: int, second: int, n: int) -> np.ndarray:
        """Draw n pictures that lead from one known row to another, ends included.

        Returns
        -------
        ndarray of uint8 of shape (n, h, w, 3)
            The pictures.
        """
        one, other = self._rows([first, second])
        drawn = boundary_strip(self._pca, one, other, n_steps=n)
        drawn = np.rint(np.clip(drawn, 0, 255)).astype(np.uint8)
        return drawn.reshape(n, *self._shape)

    def picture(self, item: int) -> np.ndarray:
        """Return the picture of a known row, (h, w, 3), in the shape of all."""
        return fitting(self._pictures[item], self._shape)

    def like(
        self, pictures: np.ndarray, items: Sequence[int], n: int
    ) -> list[list[int]]:
        """Return, for each picture, the n known rows most like it, best first."""
        items = self.known(items)
        if not items:
            return [[] for _ in pictures]
        codes = self._pca.transform(self._rows(items))  # (n_items, n_components)
        wanted = self._pca.transform(pictures.reshape(len(pictures), -1))
        far = [((codes - one) ** 2).sum(axis=1) for one in wanted]
        return [
            [items[i] for i in np.argsort(one, kind="stable")[:n].tolist()]
            for one in far
        ]

    def _rows(self, items):
        """Return the pictures of known rows as rows of numbers, in the shape of all."""
        pictures = np.stack([self.picture(item) for item in items])
        return pictures.reshape(len(pictures), -1).astype(np.float32)


def fitting(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a picture in a shape; what it is longer than wide is cut off."""
    if picture.shape == shape:
        return picture
    from PIL import Image, ImageOps

    height, width = shape[:2]
    return np.asarray(ImageOps.fit(Image.fromarray(picture), (width, height)))
