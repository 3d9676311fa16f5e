"""Folders of images, whose labels are the names of the folders inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from warnings import warn

from skal._checks import nearest_first
from skal.datasets import load_image_folder, size_within
from skal.experiment._data import Data, checked

#: Sides of images for which nobody says a size: enough to tell most things apart.
SIDE = 64
#: What a table that names a folder may say.
KEYS = (
    *("folder", "size", "color", "fit", "bits"),
    *("depth", "formats", "labels", "on_error"),
)


def is_image_folder(source: Any) -> bool:
    """Tell whether a path is a folder, a zip, or a folder inside a zip."""
    path = Path(source).expanduser()
    return path.is_dir() or any(one.suffix == ".zip" for one in (path, *path.parents))


def load_images(name: str, source: Any) -> Data:
    """Read a folder of images.

    Parameters
    ----------
    name : str
        Of the data set.
    source : str, path or dict
        The folder; or what :func:`skal.datasets.load_image_folder` is to be given, the
        path as "folder".

    Returns
    -------
    Data
        The images that have a label.
    """
    how = dict(source) if isinstance(source, dict) else {"folder": source}
    strange = [key for key in how if key not in KEYS]
    if strange:
        words = ", ".join(map(repr, nearest_first(strange[0], KEYS)))
        raise ValueError(
            f"data {name!r} may hold {words} beside the folder of images, got "
            f"{strange[0]!r}."
        )
    folder, size = how.pop("folder"), how.pop("size", None)
    size = tuple(size) if isinstance(size, list) else size
    if size is None:
        size = size_within(folder, SIDE) if reads_images(how) else SIDE
    photos = load_image_folder(folder, size=size, **how)
    labelled = photos.target >= 0
    n_without = int((~labelled).sum())
    if n_without == len(labelled):
        raise ValueError(
            f"data {name!r} must hold folders of images, whose names are their labels, "
            f"got {n_without} images in no folder. Or labels= says where labels are."
        )
    if n_without:
        warn(
            f"data {name!r} holds {n_without} images that have no label and are left "
            "out.",
            stacklevel=2,
        )
    X = photos.images[labelled] if n_without else photos.images
    return checked(name, X, photos.target_names[photos.target[labelled]].astype(str))


def reads_images(how):
    """Tell whether what is read are the images whose sizes Pillow tells."""
    return how.get("formats", "images") == "images"
