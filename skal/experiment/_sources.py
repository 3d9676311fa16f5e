"""Where the data sets of an experiment come from: names, files, arrays, functions."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skal._checks import nearest_first
from skal.experiment._beside import named_columns, taken_out, with_beside
from skal.experiment._data import Data, checked
from skal.experiment._image_source import is_image_folder, load_images
from skal.experiment._names import by_name
from skal.experiment._positive_class import positive_class
from skal.experiment._table_files import read_table
from skal.experiment._units import refuse_for_units

FILES = (".csv", ".npz", ".parquet")
#: Whole numbers in a file are no classes where there are more, and some are there once.
MANY = 20


def load_data(
    data: Any,
    download: bool = False,
    *,
    units: bool = False,
    target: Any = None,
    groups: Any = None,
    costs: Any = None,
    pos_label: Any = None,
    reject_label: Any = None,
) -> dict[str, Data]:
    """Return the data sets of an experiment by name.

    Parameters
    ----------
    data : str, path, tuple, list or dict
        As :class:`Experiment` takes it.
    download : bool, default=False
        Whether a named data set that is missing may be downloaded.
    units : bool, default=False
        Whether a row has a label for each of its units, because the estimators answer
        for these.
    target, groups, costs, pos_label, reject_label : object, default=None
        As :class:`Experiment` takes them; dicts say them by the name of the data.

    Returns
    -------
    dict of str to Data
        The data sets, checked.
    """
    if isinstance(data, dict):
        named = dict(data)
    elif isinstance(data, list):
        named = by_name("data", data, _name_of)
    else:
        named = {_name_of(data): data}
    if not named:
        raise ValueError("data must name at least one data set, got none.")
    targets = _by_data("target", target, named)
    grouped = _by_data("groups", groups, named)
    priced = _by_data("costs", costs, named)
    positives = _by_data("pos_label", pos_label, named)
    rejects = _by_data("reject_label", reject_label, named)
    loaded = {}
    for name, source in named.items():
        beside = {"groups": grouped[name], "costs": priced[name]}
        one = _load(name, source, download, targets[name], beside, units)
        if one.units:
            refuse_for_units("pos_label", positives[name], name)
            refuse_for_units("reject_label", rejects[name], name)
        if rejects[name] is not None and one.reject is None:
            one = one.with_reject(name, rejects[name])
        if positives[name] is not None and one.positive is None:
            positive = positive_class(name, one.classes, positives[name])
            one = replace(one, positive=positive)
        loaded[name] = one
    return loaded


def _name_of(source):
    if isinstance(source, PathLike | str):
        return Path(source).stem if _is_path(source) else str(source)
    return "data"


def _is_path(source):
    """Tell a file of data or a folder of images from the name of a data set."""
    is_file = Path(source).suffix in FILES
    return source not in NAMED and (is_file or is_image_folder(source))


def _by_data(parameter, value, names):
    """Return what a parameter says of each data set."""
    if not isinstance(value, dict):
        return dict.fromkeys(names, value)
    strange = [name for name in value if name not in names]
    if strange:
        raise ValueError(
            f"{parameter} must go by the names of data, {', '.join(map(repr, names))}, "
            f"got {strange[0]!r}."
        )
    return {name: value.get(name) for name in names}


def _load(name, source, download, target, beside, units):
    """Return a data set; ``beside`` says which groups and costs its rows have."""
    if isinstance(source, Data):
        return source
    is_word = isinstance(source, PathLike | str)
    if is_word and source not in NAMED and not is_image_folder(source):
        return _of_file(name, source, target, beside, units)
    if target is not None:
        raise ValueError(
            f"target must be left out for {name!r}, which is no file, got {target!r}. "
            "Name it in a dict of data name to column."
        )
    if is_word and source in NAMED:
        return with_beside(name, NAMED[source](download), beside)
    if is_word or (isinstance(source, dict) and "folder" in source):
        return with_beside(name, load_images(name, source), beside)
    if callable(source):
        source = source()
    if not isinstance(source, tuple) or len(source) not in (2, 4):
        raise TypeError(
            "data must be a name, a file, a folder of images, (X, y) or (X, y, "
            f"X_test, y_test), got {type(source).__name__} for {name!r}. Name several "
            "in a dict."
        )
    X, y, *test = source
    X, test, beside = taken_out(X, test, beside)
    return with_beside(name, checked(name, X, y, *test, units=units), beside)


def _of_file(name, source, target, beside, units):
    """Read a file, and say whether whole numbers in it are numbers or classes."""
    table = _read(source, target, named_columns(beside))
    parts = table.X, table.y, table.X_test, table.y_test
    data = checked(name, *parts, units=units)
    as_numbers = not units and _are_numbers(data.y)
    data = replace(data, columns=table.columns, as_numbers=as_numbers)
    return with_beside(name, data, {**beside, **table.beside})


def _are_numbers(y):
    """Tell whether whole numbers are an amount: many, and some of them there once."""
    if y.dtype.kind not in "iuf":
        return False
    counts = np.unique(y, return_counts=True)[1]
    return len(counts) > MANY and bool(counts.min() == 1)


def _read(path, target, columns):
    """Return the table that a file holds."""
    path = Path(path)
    if path.suffix not in FILES:
        words = ", ".join(map(repr, nearest_first(str(path), NAMED)))
        raise ValueError(
            f"data must be one of {words}, a file that ends in {', '.join(FILES)} or a "
            f"folder of images, got {str(path)!r}."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"data must be a file that exists, got {str(path)!r}. Check the path."
        )
    return read_table(path, target, columns)


# Named data sets ----------------------------------------------------------------


def _digits(download):
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return Data(X / 16, y, image_shape=(8, 8))


def _digits_images(download):
    from skal.datasets import load_digits_images

    return checked("digits_images", *load_digits_images(return_X_y=True))


def _mnist(download):
    from skal.datasets import fetch_mnist

    return _with_test("mnist", fetch_mnist, download)


def _cifar10(download):
    from skal.datasets import fetch_cifar10

    return _with_test("cifar10", fetch_cifar10, download)


def _shapes(download):
    from skal.datasets import make_shapes

    X, y = make_shapes(500, return_X_y=True, random_state=0)
    return checked("shapes", X, y, units=True)


def _with_test(name, fetch, download):
    """Return a data set that comes with test rows."""
    try:
        train, test = (
            fetch(subset=subset, download_if_missing=download, return_X_y=True)
            for subset in ("train", "test")
        )
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"data {name!r} must be on this computer before an experiment starts. "
            f"Fetch it once with skal.datasets.{fetch.__name__}(), or run skal bench "
            f"with --download. ({error})"
        ) from error
    return checked(name, *train, *test)


NAMED = {
    "cifar10": _cifar10,
    "digits": _digits,
    "digits_images": _digits_images,
    "mnist": _mnist,
    "shapes": _shapes,
}


def whole_path(word: str, folder: Path) -> str:
    """Make the path of a file or a folder whole, so that a run resumes from anywhere.

    Parameters
    ----------
    word : str
        A path, or the name of a data set.
    folder : Path
        What a path is relative to.

    Returns
    -------
    str
        The whole path, or the name.
    """
    path = folder / Path(word).expanduser()
    return str(path.resolve()) if word not in NAMED and _is_path(path) else word
