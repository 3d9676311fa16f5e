"""From the bytes of one image file to an array of pixels."""

from __future__ import annotations

import numpy as np

#: Whatever Pillow's own bound was set to; a small file may say any size.
MAX_PIXELS = 178_956_970
#: The depths that cameras have, of pixels that are kept in 16 bits.
DEPTHS = (8, 10, 12, 14, 16)


def decode(file, size, color, fit, bits):
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
    bits : int
        How many bits the pixels of a 16-bit image use.
    """
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        check_pixels(image)
        if size is not None:  # a JPEG is decoded at the fraction of its size that does
            image.draft(None, (2 * max(size), 2 * max(size)))
        ImageOps.exif_transpose(image, in_place=True)  # as the camera was held
        pixels = _on_paper(_eight_bits(image, bits)).convert(
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


def brightest(file):
    """Return the brightest pixel of a 16-bit image: of grey, of colours.

    Parameters
    ----------
    file : file object
        An image.

    Returns
    -------
    gray, color : int
        From 0 to 65 535; 0 where the image is of the other kind, or of 8 bits. Of
        colours Pillow reads the upper byte alone.
    """
    from PIL import Image

    with Image.open(file) as image:
        check_pixels(image)
        if _is_deep(image):
            return int(np.max(np.asarray(image), initial=0)), 0
        if any("16" in str(tile[-1]) for tile in image.tile):
            top = np.max(np.asarray(image.convert("RGB")), initial=0)
            return 0, int(top) << 8
    return 0, 0


def check_pixels(image):
    """Refuse an image by the size in its header, before it is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"{MAX_PIXELS} pixels at most were expected, got {image.width} by "
            f"{image.height}"
        )


def depth_of(top):
    """Return the depth of a camera that the brightest pixel needs."""
    return next(bits for bits in DEPTHS if top < 1 << bits)


def _is_deep(image):
    """Tell whether an image is grey of 16 bits."""
    return image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM")


def _eight_bits(image, bits):
    """Keep the upper 8 of the bits in use, which Pillow would clip instead."""
    from PIL import Image

    if _is_deep(image):
        pixels = np.asarray(image) >> (bits - 8)
        if np.max(pixels, initial=0) > 255:
            raise ValueError(f"pixels of {bits} bits were expected, got brighter ones")
        return Image.fromarray(pixels.astype(np.uint8))
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
