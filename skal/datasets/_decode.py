"""From the bytes of one image file to an array of pixels."""

from __future__ import annotations

import numpy as np


def decode(file, size, color, fit):
    """Return an image as uint8, of shape (3, height, width) or (height, width).

    Parameters
    ----------
    file : file object
        The image in any format that Pillow reads.
    size : tuple of int or None
        Height and width to bring it to.
    color : {"rgb", "gray"}
        Whether to keep the colours.
    fit : {"crop", "pad", "stretch"}
        How to bring it to the size.
    """
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        if size is not None:  # a JPEG is decoded at the fraction of its size that does
            image.draft(None, (2 * max(size), 2 * max(size)))
        ImageOps.exif_transpose(image, in_place=True)  # as the camera was held
        pixels = _on_paper(_eight_bits(image)).convert(
            "L" if color == "gray" else "RGB"
        )
    if size is not None:
        width_height = size[::-1]
        if fit == "crop":
            pixels = ImageOps.fit(pixels, width_height)
        elif fit == "pad":
            pixels = ImageOps.pad(pixels, width_height)
        else:
            pixels = pixels.resize(width_height)
    array = np.asarray(pixels)
    return array if color == "gray" else np.moveaxis(array, -1, 0)


def _eight_bits(image):
    """Keep the upper byte of 16-bit pixels, which Pillow would clip instead."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of 8 or 16 bits were expected, got mode {image.mode}")
    return image


def _on_paper(image):
    """Lay transparent pixels on white."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
