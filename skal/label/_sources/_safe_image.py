"""Open an image that may have come from a stranger."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

#: Formats of Pillow that are opened, whatever a file is called, and their suffixes.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff"),
    ".webp",
)
#: Bytes of a file, and pixels by its header, that are still decoded.
MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64_000_000


@contextmanager
def open_image(path: Path, root: Path | None = None) -> Iterator[Any]:
    """Open an image, of which the header alone has been read.

    Parameters
    ----------
    path : Path
        The file.
    root : Path, default=None
        The folder that it must lie in, links followed.

    Yields
    ------
    PIL.Image.Image
        The image, not decoded yet.

    Raises
    ------
    ValueError
        If it lies elsewhere, is no file, is too large, or no image.
    """
    from PIL import Image

    # A pipe would be waited for; a link may have been put here since.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        real = path.resolve()
        if root is not None and not real.is_relative_to(root.resolve()):
            raise ValueError(
                f"{path.name!r} must lie in its folder, got a way out of it."
            )
        handle = os.open(real, flags)
    except (OSError, RuntimeError) as error:  # a ring of links
        raise ValueError(f"{path.name!r} must be a file, got {error}.") from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise ValueError(f"{path.name!r} must be a file, got something else.")
    with open(handle, "rb") as file:
        if found.st_size > MAX_BYTES:
            raise ValueError(
                f"{path.name!r} must be a file of at most {MAX_BYTES >> 20} MB, got "
                f"{found.st_size >> 20} MB."
            )
        try:
            image = Image.open(file, formats=FORMATS)
        except unreadable() as error:
            raise ValueError(
                f"{path.name!r} must be an image ({', '.join(FORMATS)}) that can be "
                f"read, got {error}."
            ) from error
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(
                f"{path.name!r} must have at most {MAX_PIXELS} pixels, got "
                f"{image.width} by {image.height}."
            )
        with image:
            yield image


def unreadable() -> tuple[type[BaseException], ...]:
    """List what Pillow raises on files that are broken, or worse.

    Returns
    -------
    tuple of exception types
        For ``except``.
    """
    import zlib

    from PIL import Image

    return (
        *(OSError, SyntaxError, ValueError, RuntimeError, EOFError, zlib.error),
        *(MemoryError, OverflowError, TypeError, KeyError, IndexError),
        *(Image.DecompressionBombError, Image.DecompressionBombWarning),
    )


def read_pixels(path: Path, root: Path | None, side: int) -> Any:
    """Return an image as a small square, None where it cannot be read.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        The folder that it must lie in.
    side : int
        Pixels of a side; what an image is longer than wide is cut off.

    Returns
    -------
    ndarray of uint8 of shape (3, side, side) or None
        The pixels: turned as the camera was held, transparent ones on white, of a
        moving picture the first.
    """
    from PIL import Image, ImageOps

    try:
        with open_image(path, root) as image:
            image.draft("RGB", (2 * side, 2 * side))  # a JPEG is decoded this small
            ImageOps.exif_transpose(image, in_place=True)
            small = ImageOps.fit(in_colour(image), (side, side), Image.Resampling.BOX)
            return np.moveaxis(np.asarray(small), -1, 0)
    except unreadable():
        return None


def in_colour(image: Any) -> Any:
    """Return an image in red, green and blue, transparent parts on white."""
    from PIL import Image

    if image.mode.startswith("I;16"):  # Pillow would clip what is above 255
        top = np.asarray(image)
        return Image.fromarray((top >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")
