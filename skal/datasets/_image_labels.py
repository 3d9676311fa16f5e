"""Labels of image files: from their folders, a table, or a function of their names."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from warnings import warn

import numpy as np

from skal._checks import nearest_first

_TABLES = (".csv", ".tsv")
#: What columns of names and of labels are called in tables of more than two.
_NAMES = ("filename", "file_name", "file", "image", "path", "name", "id", "image_id")
_LABELS = ("label", "class", "target", "diagnosis", "y")


def label_source(labels):
    """Return where labels come from, checked, and a table read: a mapping, then."""
    if labels is None or callable(labels) or isinstance(labels, Mapping):
        return labels
    if isinstance(labels, str | os.PathLike):
        if labels in ("top", "parent"):
            return labels
        if str(labels).lower().endswith(_TABLES):
            return read_table(Path(labels).expanduser())
    words = ", ".join(map(repr, nearest_first(labels, ["parent", "top"])))
    raise ValueError(
        f"labels must be {words}, the path of a .csv or .tsv, a mapping of names to "
        f"labels, a function of a name, or None, got {labels!r}."
    )


def labels_of(files, labels):
    """Return the label of each file, None where it has none.

    Parameters
    ----------
    files : ImageFiles
        The files.
    labels : {"top", "parent"}, mapping, callable or None
        Where labels come from.
    """
    if labels is None:
        return [None] * len(files.names)
    if callable(labels):
        return [known(labels(name)) for name in files.names]
    if isinstance(labels, Mapping):
        return looked_up(files, labels)
    return folders(files, which=0 if labels == "top" else -1)


def codes_of(labels, before=()):
    """Return the code of each label, -1 for None, and the labels that codes are of.

    Those known before keep their codes.
    """
    found = {label for label in labels if label is not None} - set(before)
    names = [*before, *sorted(found, key=lambda label: (isinstance(label, str), label))]
    code_of = {None: -1, **{name: code for code, name in enumerate(names)}}
    return np.array([code_of[label] for label in labels], dtype=np.int64), names


def folders(files, which):
    """Return for each file a folder on its way, None where there is none.

    A zip is often made of one folder; that folder does not count.
    """
    parts = [PurePosixPath(name).parts for name in files.names]
    whole_archive = files.archive is not None and not files.prefix
    while whole_archive and len({way[0] for way in parts}) == 1 < len(parts[0]):
        parts = [way[1:] for way in parts]
    return [way[:-1][which] if len(way) > 1 else None for way in parts]


def looked_up(files, table):
    """Return what a table says of each file: by its whole name, or less of it."""
    found = [next((w for w in ways(name) if w in table), None) for name in files.names]
    if not any(way is not None for way in found):
        raise ValueError(
            f"labels must name files of path, got names like {next(iter(table), '')!r} "
            f"where files are like {files.names[0]!r}."
        )
    check_told_apart(files.names, found)
    unused = len(table) - len({way for way in found if way is not None})
    if unused:
        warn(
            f"labels names {unused} files that path does not hold; they are passed "
            "over.",
            stacklevel=4,
        )
    return [None if way is None else known(table[way]) for way in found]


def check_told_apart(names, found):
    """Refuse a short name in a table that files of several folders have."""
    first: dict[str, str] = {}
    for name, way in zip(names, found, strict=True):
        if way is not None and first.setdefault(way, name) != name:
            raise ValueError(
                f"labels must tell files apart, got {way!r} for {first[way]!r} and "
                f"{name!r}. Name them as they are in path."
            )


def ways(name):
    """Yield the names that a table may have for a file, the longest first."""
    path = PurePosixPath(name)
    bare = path.with_suffix("")
    yield from (name, str(bare), path.name, bare.name)
    if path.suffix == ".gz":  # two suffixes, which are one
        yield from (str(bare.with_suffix("")), bare.stem)


def read_table(path):
    """Return the labels in a table, by the names of files."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    lines = [line for line in lines if any(line)]
    if not lines:
        raise ValueError(f"labels must hold names and labels, got an empty {path}.")
    head = [column.strip().lower() for column in lines[0]]
    name, label = column(head, _NAMES), column(head, _LABELS)
    if name is None or label is None:
        if len(head) != 2:
            raise ValueError(
                f"labels must have a column of names ({', '.join(_NAMES)}) and one of "
                f"labels ({', '.join(_LABELS)}), got {lines[0]} in {str(path)!r}. A "
                "mapping says it without."
            )
        if name is None and label is None:  # a head of other words, or none: a name
            lines = [[], *lines]  # that is of no file does no harm
        name, label = 0, 1
    return by_name(path, [(cell(line, name), cell(line, label)) for line in lines[1:]])


def cell(line, place):
    """Return what a line holds at a place; short ones hold nothing there."""
    return line[place].strip() if place < len(line) else ""


def by_name(path, pairs):
    """Return labels by name, which may stand there twice, but alike."""
    table: dict[str, str] = {}
    for name, label in pairs:
        name = name.replace("\\", "/").removeprefix("./")
        if table.setdefault(name, label) != label:
            raise ValueError(
                f"labels must give a file one label, got {table[name]!r} and {label!r} "
                f"for {name!r} in {str(path)!r}."
            )
    table.pop("", None)
    return table


def column(head, names):
    """Return the place of the first of some names, or None."""
    return next((head.index(name) for name in names if name in head), None)


def known(label):
    """Return a label; None for an empty one, or one that is not a number."""
    label = label.item() if isinstance(label, np.generic) else label
    if label is None or label == "" or label != label:
        return None
    if not isinstance(label, str | int | float):
        raise TypeError(f"labels must give a text or a number, got {label!r}.")
    return label
