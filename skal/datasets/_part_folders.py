"""A data set that somebody turned into image files: train/cat/1.png and so on."""

import zipfile

from skal.datasets._folder import load_image_folder


def load_part(folder, stems, part, class_names, color, shape):
    """Load the images and labels of a part, None where there are none.

    Parameters
    ----------
    folder : Path
        The folder of data sets. The images are in it, or in a folder or zip in it.
    stems : tuple of str
        What the name of that folder or zip begins with.
    part : {"train", "test"}
        The folder in that one.
    class_names : list of str
        The folders in the part, sorted.
    color : {"rgb", "gray"}
        Whether to keep the colours.
    shape : tuple of int
        The shape an image must have.
    """
    if not folder.is_dir():
        return None
    named = [
        place for place in folder.iterdir() if place.name.lower().startswith(stems)
    ]
    for place in (folder, *sorted(named)):
        if _holds(place, part, class_names):
            images, target = load_image_folder(
                place / part, color=color, return_X_y=True
            )
            if images.shape[1:] != shape:
                raise ValueError(
                    f"{str(place)!r} must hold images of shape {shape}, got "
                    f"{images.shape[1:]}. Give it another name if it holds other data."
                )
            return images, target
    return None


def _holds(place, part, class_names):
    """Tell whether all the classes have their folder in a part."""
    wanted = {f"{part}/{name}" for name in class_names}
    if place.is_dir():
        return all((place / folder).is_dir() for folder in wanted)
    if not zipfile.is_zipfile(place):
        return False
    with zipfile.ZipFile(place) as archive:
        return wanted <= {"/".join(n.split("/")[:2]) for n in archive.namelist()}
