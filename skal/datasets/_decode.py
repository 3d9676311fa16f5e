"""From the bytes of one image file to an array of pixels."""

from __future__ import annotations

import numpy as np

#: Whatever Pillow's own bound was set to; a small file may say any size.
MAX_PIXELS = 178_956_970
#: The depths that cameras have, of pixels that are kept in 16 bits.
DEPTHS = (8, 10, 12, 14, 16)


def decode(file, formats, size, color, fit, bits, depth):
    """Return an image of shape (3, height, width) or (height, width), or a volume.

    Parameters
    ----------
    file : file object
        The image in any format that Pillow reads, or in DICOM; or a volume in NIfTI.
    formats : {"images", "dicom", "nifti"}
        Which of these.
    size : tuple of int or None
        Height and width to bring it to; of a volume depth, height and width.
    color : {"rgb", "gray"}
        Whether to keep the colours.
    fit : {"crop", "pad", "stretch"}
        How to bring it to the size.
    bits : int
        How many bits the pixels of a 16-bit image use.
    depth : {"scale", "uint16"}
        Whether to keep 8 bits or all of them.
    """
    if formats == "nifti":
        from skal.datasets._medical import read_nifti

        return read_nifti(file, size, depth)
    if formats == "dicom":
        from skal.datasets._medical import read_dicom

        image = read_dicom(file, depth)
    else:
        image = read_image(file, size, bits, depth)
    if image.mode != "F":
        image = image.convert("L" if color == "gray" else "RGB")
    return as_array(fitted(image, size, fit), color)


def read_image(file, size, bits, depth):
    """Return the image in a file: of 8 bits, or of all its bits in the mode F."""
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        check_pixels(image)
        if size is not None:  # a JPEG is decoded at the fraction of its size that does
            image.draft(None, (2 * max(size), 2 * max(size)))
        ImageOps.exif_transpose(image, in_place=True)  # as the camera was held
        if depth == "uint16":
            return _sixteen_bits(image)
        return _on_paper(_eight_bits(image, bits))


def fitted(image, size, fit):
    """Return an image brought to a size."""
    from PIL import ImageOps

    if size is None:
        return image
    width_height = size[::-1]
    if fit == "crop":
        return ImageOps.fit(image, width_height)
    if fit == "pad":
        return ImageOps.pad(image, width_height)
    return image.resize(width_height)


def as_array(image, color):
    """Return an image as an array, its channels first; those of mode F in 16 bits."""
    array = np.asarray(image)
    if image.mode == "F":
        array = np.rint(array).clip(0, 65535).astype(np.uint16)
        return array if color == "gray" else np.repeat(array[None], 3, axis=0)
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


def _sixteen_bits(image):
    """Keep all bits of a grey image, in the one deep mode that Pillow resizes."""
    from PIL import Image

    if not _is_deep(image):
        raise ValueError(
            f"grey pixels of 16 bits were expected, got mode {image.mode}; of colours "
            "Pillow reads 8 bits"
        )
    return Image.fromarray(np.asarray(image).astype(np.float32))


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
    image.load()  # before its file is closed
    return image


def _on_paper(image):
    """Lay transparent pixels on white."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
