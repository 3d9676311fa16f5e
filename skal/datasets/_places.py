"""Where data sets lie, and how they get there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

#: The parts that make up each subset.
PARTS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}


def cache_folder() -> Path:
    """Return skal's folder for what can be made or fetched again."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "skal"


def data_folder(data_dir: Any = None) -> Path:
    """Return the folder of data sets: as given, else SKAL_DATA, else in the cache."""
    if data_dir is None:
        data_dir = os.environ.get("SKAL_DATA") or cache_folder() / "data"
    return Path(data_dir).expanduser()


def first_existing(folders, names):
    """Return the first path that exists of all the names in all the folders."""
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    return None


def missing(what, folder, way_out):
    """Build the error for a data set that is not in its folder."""
    return FileNotFoundError(
        f"data_dir must hold {what}, got {str(folder)!r}. {way_out}, or allow the "
        "download with download_if_missing=True."
    )


def download(dataset, folder, inside, way_out):
    """Let torchvision download a data set beside its place, then move it there.

    Parameters
    ----------
    dataset : str
        Name of the class in torchvision.datasets.
    folder : Path
        The folder of data sets.
    inside : str
        The folder within it that torchvision fills, and that is kept.
    way_out : str
        What to do where it fails.
    """
    from torchvision import datasets

    try:
        (folder / inside).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            getattr(datasets, dataset)(beside, download=True)
            for file in (Path(beside) / inside).iterdir():
                os.replace(file, folder / inside / file.name)
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"{dataset} could not be downloaded into {str(folder)!r}: {error}. "
            f"{way_out}, or try again."
        ) from error
