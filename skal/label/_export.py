"""The labels of a project as a file that other programs read."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from skal._checks import check_choice
from skal.label._exported import Shown, is_file, records_of, spoken
from skal.label._formats import (
    FILE_ENDINGS,
    FORMATS,
    is_export,
    write_records,
)
from skal.label._guesses import guesses
from skal.label._label_studio import LOCAL_FILES, SHOWN_BY, LabelConfig, tasks
from skal.label._shelf import opened


def export_labels(
    project: Any,
    to: str,
    out: Any = None,
    *,
    everything: bool = False,
    neutralise_formulas: bool = False,
    copy: bool = False,
    image_prefix: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the labels of a project to a file, or to a folder of images.

    Parameters
    ----------
    project : LabelSession or path-like
        The project, or its folder.
    to : {"csv", "imagefolder", "jsonl", "label-studio", "parquet"}
        The format. A line is what one person said of one row, beside what the newest
        model takes it for; ``discarded_by`` tells where anybody threw the row out, as
        then no label of it counts. A folder of images holds one label an image, that
        of most people. Label Studio gets tasks, and its labelling config in an ``.xml``
        file beside them.
    out : path-like, default=None
        The file or folder; by default it has the project's name and lies beside it.
    everything : bool, default=False
        Write rows too of which nobody has said anything; Label Studio always gets them.
    neutralise_formulas : bool, default=False
        Put an apostrophe before texts that a spreadsheet would run as formulas, for
        CSV. Importing takes it off again.
    copy : bool, default=False
        Copy the images of a folder; by default they are hard links where possible.
    image_prefix : str, default=None
        What stands before the paths of images in Label Studio's tasks; by default its
        address of local files and the name of the folder of images.
    overwrite : bool, default=False
        Replace what is there.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        If something is there already, or the format does not go with the project.
    """
    check_choice("to", to, FORMATS)
    if neutralise_formulas and to != "csv":
        raise ValueError(
            f"neutralise_formulas must be False for {to!r}, got True. Only CSV files "
            "are opened by spreadsheets."
        )
    with opened(project) as shelf:
        path = _target(shelf, to, out)
        _check_free(path, overwrite)
        with _at_once(path) as new:
            if to == "label-studio":
                _write_tasks(shelf, new, image_prefix)
            elif to == "imagefolder":
                write_records(_images(shelf), new, to, copy=copy)
            else:
                options = {"neutralise_formulas": True} if neutralise_formulas else {}
                write_records(records_of(shelf, everything), new, to, **options)
        if to == "label-studio":
            path.with_suffix(".xml").write_text(_config(shelf).xml(), encoding="utf-8")
    return path


def _target(shelf, to, out):
    """Return where to write."""
    if out is not None:
        return Path(out)
    if shelf.folder is None:
        raise ValueError("out must be a path, for the project is in memory, got None.")
    folder = Path(shelf.folder).absolute()
    name = folder.name.removesuffix(".skal")
    ending = ".label-studio.json" if to == "label-studio" else FILE_ENDINGS[to]
    return folder.with_name(f"{name}.labels{ending}")


def _check_free(path, overwrite):
    """Refuse to write over something, and into a folder that is not there."""
    if not path.parent.is_dir():
        raise ValueError(
            f"out must lie in an existing folder, got {str(path)!r}. Make the folder, "
            "or choose another."
        )
    if os.path.lexists(path) and not overwrite:
        raise ValueError(
            f"out must not be there yet, got {str(path)!r}. Choose another, or write "
            "over it with overwrite=True (--overwrite)."
        )
    if path.is_dir() and (path.is_symlink() or not is_export(path)):
        raise ValueError(
            f"out must be an earlier export and nothing else to be written over, got "
            f"{str(path)!r}. Choose another."
        )


@contextmanager
def _at_once(path):
    """Yield a place beside the target, and put it there when all of it is written."""
    with tempfile.TemporaryDirectory(prefix=".skal-", dir=path.parent) as folder:
        new = Path(folder) / path.name
        yield new
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(new, path)


def _config(shelf):
    kind = shelf.kind if shelf.kind in SHOWN_BY else "table"
    return LabelConfig.of(kind, shelf.class_names().names)


def _write_tasks(shelf, path, image_prefix):
    """Write tasks for Label Studio."""
    if image_prefix is None:
        root = Path(shelf.store.meta.get("source") or "").name
        image_prefix = f"{LOCAL_FILES}{quote(root)}/" if root else LOCAL_FILES
    made = tasks(records_of(shelf), _config(shelf), image_prefix)
    path.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")


def _images(shelf):
    """Yield the label of most people for each image, and its file."""
    has_files = shelf.source is not None and is_file(shelf.source.image(0))
    if not has_files:
        raise ValueError(
            "to must be 'csv' or the like for a project without image files, whose "
            f"kind is {shelf.kind!r}, got 'imagefolder'."
        )
    labels, shown = shelf.ledger().labels, Shown(shelf)
    for item, guess in guesses(shelf.store, shelf.derived):
        position = shown.position(guess)
        content = {} if item not in labels or position is None else shown(guess)
        if content:
            record = spoken(replace(guess, content=content), labels[item])
            yield record, Path(shelf.source.image(position))
