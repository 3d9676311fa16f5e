"""Handwritten digits as a folder of images: something to try the page on."""

from __future__ import annotations

import os
from pathlib import Path

#: What stands for the folder on the command line.
NAME = "digits"
CLASSES = [str(digit) for digit in range(10)]


def digits_folder() -> Path:
    """Write scikit-learn's digits as images into the user's cache folder, once.

    Returns
    -------
    Path
        The folder; its labels are kept beside it, as those of any other.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = cache / "skal" / "label" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    images = load_digits().images
    if len(list(folder.glob("*.png"))) < len(images):
        for i, image in enumerate(images):
            pixels = 255 - (image * (255 / 16)).astype(np.uint8)  # ink on paper
            Image.fromarray(pixels).save(folder / f"{i:04d}.png")
    return folder
