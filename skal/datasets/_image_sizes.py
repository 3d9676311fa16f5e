"""How large images are, by their headers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.datasets._image_files import list_images

if TYPE_CHECKING:
    from os import PathLike


def size_within(path: str | PathLike[str], side: int) -> int | None:
    """Return a size to load a folder of images in.

    Parameters
    ----------
    path : str or path
        As :func:`load_image_folder` takes it.
    side : int
        How many pixels a side may have.

    Returns
    -------
    int or None
        ``side``, or None where the images are of one size that does not exceed it.
    """
    from PIL import Image

    files = list_images(path)
    sizes = set()
    for name in files.names:
        try:
            with files.open(name) as file, Image.open(file) as image:
                sizes.add(image.size)
        except OSError:  # who loads it names all that cannot be read
            return side
        if len(sizes) > 1 or max(image.size) > side:
            return side
    return None
