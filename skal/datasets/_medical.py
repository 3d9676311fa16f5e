"""DICOM and NIfTI, by the libraries that hospitals use: the extra ``medical``."""

from __future__ import annotations

import gzip
from importlib.util import find_spec

import numpy as np

#: What reads each format.
LIBRARIES = {"dicom": "pydicom", "nifti": "nibabel"}
#: Where the word of a DICOM file stands, and the word.
_MAGIC_AT, _MAGIC = 128, b"DICM"
#: What DICOM calls pixels that are places in a table of colours.
_PALETTE = "PALETTE COLOR"


def check_library(formats):
    """Refuse a format whose library is not there, before any file is read."""
    library = LIBRARIES.get(formats)
    if library is not None and find_spec(library) is None:
        raise ImportError(
            f"formats={formats!r} needs {library}, which is not installed. Use pip "
            "install 'skal[medical]'."
        )


def is_dicom(file):
    """Tell by its first bytes whether a file is DICOM; many have no suffix."""
    return file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC


def read_dicom(file, depth):
    """Return the image in a DICOM file, the first of several, bright where it is dense.

    In 8 bits it is seen through the window that the file names, else all its bits are;
    in 16 bits it is what was stored, from 0 on.
    """
    from PIL import Image
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    try:
        data = dcmread(file)
        pixels = data.pixel_array
    except (InvalidDicomError, AttributeError, NotImplementedError) as error:
        raise ValueError(f"a DICOM file with an image was expected: {error}") from error
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        pixels = pixels[0]
    if data.SamplesPerPixel > 1 or data.PhotometricInterpretation == _PALETTE:
        if depth == "uint16":
            raise ValueError("grey pixels were expected, got colours")
        return Image.fromarray(in_rgb(pixels, data))
    signed, bits = bool(data.PixelRepresentation), int(data.BitsStored)
    low = -(1 << (bits - 1)) if signed else 0
    high = low + (1 << bits) - 1
    if depth == "scale" and has_window(data):
        pixels = apply_voi_lut(apply_modality_lut(pixels, data), data)
        ends = apply_modality_lut(np.array([low, high]), data)
        low, high = windowed_range(pixels, data, ends)
    pixels = pixels.astype(np.float32) - low
    if data.PhotometricInterpretation == "MONOCHROME1":  # dense is dark there
        pixels = (high - low) - pixels
    if depth == "uint16":
        return Image.fromarray(pixels)
    return Image.fromarray((pixels * (255 / max(high - low, 1))).astype(np.uint8))


def has_window(data):
    """Tell whether a file names a window; in many the places for it are empty."""
    return all(
        np.size(data.get(name)) and data.get(name) is not None
        for name in ("WindowCenter", "WindowWidth")
    )


def windowed_range(pixels, data, ends):
    """Return what the window of a file maps its darkest and brightest values to."""
    from pydicom.pixels import apply_voi_lut

    center, width = (
        float(np.ravel(data[name].value)[0]) for name in ("WindowCenter", "WindowWidth")
    )
    wide = np.array([center - width, center + width, *ends], dtype=np.float64)
    seen = apply_voi_lut(wide, data)
    return float(seen.min()), float(seen.max())


def in_rgb(pixels, data):
    """Return colours as red, green and blue, in 8 bits."""
    from pydicom.pixels import apply_color_lut, convert_color_space

    space = data.PhotometricInterpretation
    if space == _PALETTE:
        colors = apply_color_lut(pixels, data)
        return (colors >> (8 * (colors.dtype.itemsize - 1))).astype(np.uint8)
    if space.startswith("YBR"):
        pixels = convert_color_space(pixels, space, "RGB")
    return np.asarray(pixels >> max(int(data.BitsStored) - 8, 0), dtype=np.uint8)


def read_nifti(file, size, depth):
    """Return the volume in a NIfTI file, (1, depth, height, width), at full contrast.

    Its darkest value is 0 and its brightest 255, or 65 535 in 16 bits: what lies
    between has no unit of its own in magnetic resonance.
    """
    import nibabel

    content = file.read()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    try:
        volume = nibabel.Nifti1Image.from_bytes(content).get_fdata(dtype=np.float32)
    except Exception as error:  # nibabel's errors have no base of their own
        raise ValueError(f"a NIfTI volume was expected: {error}") from error
    if volume.ndim == 4:
        volume = volume[..., 0]  # the first of several in time
    if volume.ndim != 3 or volume.size == 0:
        raise ValueError(f"a volume of three sides was expected, got {volume.shape}")
    volume = np.where(np.isfinite(volume), volume, 0)  # which is what lies outside
    volume = volume.transpose(2, 1, 0)  # (x, y, z) -> (z, y, x)
    if size is not None:
        from scipy.ndimage import zoom

        ratios = [new / old for new, old in zip(size, volume.shape, strict=True)]
        volume = zoom(volume, ratios, order=1, grid_mode=True, mode="nearest")
    low, high = volume.min(), volume.max()
    top, kind = (65535, np.uint16) if depth == "uint16" else (255, np.uint8)
    scaled = (volume - low) * (top / (high - low) if high > low else 0)
    return np.rint(scaled).astype(kind)[None]  # (1, D, H, W)
