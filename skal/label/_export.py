"""The labels of a project as a file that other programs read."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from skal._checks import check_choice
from skal.label._formats import FILE_ENDINGS, FORMATS, Record, write_records
from skal.label._formats._record import FIELD
from skal.label._guesses import guesses
from skal.label._label_studio import LOCAL_FILES, SHOWN_BY, LabelConfig, tasks
from skal.label._ledger import majority
from skal.label._opened import opened


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
        model takes it for. A folder of images holds one label an image, that of most
        people. Label Studio gets tasks, and its labelling config in an ``.xml`` file
        beside them.
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
    with opened(project) as session:
        path = _target(project, session, to, out)
        _check_free(path, overwrite)
        with _at_once(path) as new:
            if to == "label-studio":
                _write_tasks(session, new, image_prefix)
            elif to == "imagefolder":
                write_records(_images(session), new, to, copy=copy)
            else:
                options = {"neutralise_formulas": True} if neutralise_formulas else {}
                write_records(records_of(session, everything), new, to, **options)
        if to == "label-studio":
            config = _config(session).xml()
            path.with_suffix(".xml").write_text(config, encoding="utf-8")
    return path


def _target(project, session, to, out):
    """Return where to write."""
    if out is not None:
        return Path(out)
    folder = getattr(session, "project", None) or project
    if not isinstance(folder, (str, os.PathLike)):
        raise ValueError("out must be a path, for the project is in memory, got None.")
    folder = Path(folder).absolute()
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


@contextmanager
def _at_once(path):
    """Yield a place beside the target, and put it there when all of it is written."""
    with tempfile.TemporaryDirectory(prefix=".skal-", dir=path.parent) as folder:
        new = Path(folder) / path.name
        yield new
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        os.replace(new, path)


def records_of(session: Any, everything: bool = True) -> Iterator[Record]:
    """Yield what is known of each row, a record a person; the rows in their order.

    Parameters
    ----------
    session : LabelSession
        The session.
    everything : bool, default=True
        Also rows of which nobody has said anything.

    Yields
    ------
    Record
        Those of a row follow each other.
    """
    heard = _Heard(session.store)
    for guess, words, content in _rows(session, heard):
        if not words and everything:
            yield replace(guess, content=content())
        for word in words:
            yield heard.record(guess, word, content())


class _Heard:
    """What people have said, and of it what counts."""

    def __init__(self, store):
        self.words = {}
        for word in sorted(store.current(), key=lambda word: word.seq):
            self.words.setdefault(word.item, []).append(word)
        self.events = {event.event: event for event in store.events()}
        turns = {e.target: e.kind for e in self.events.values() if e.target is not None}
        self.notes = {
            (event.item, event.annotator): event.value
            for event in self.events.values()
            if event.kind == "note"
            and "undo" not in (turns.get(event.event), turns.get(event.batch))
        }

    def record(self, guess, word, content):
        """Return what one person said of one row, beside what the model says."""
        event = self.events[word.event]
        return replace(
            guess,
            kind=word.kind,
            label=word.value if word.kind == "label" else None,
            annotator=word.annotator,
            time=event.time,
            lead_ms=event.lead_ms,
            source=event.source,
            note=self.notes.get((word.item, word.annotator)),
            content=content,
        )


def _rows(session, heard):
    """Yield what the model says of each row, what people say, and how to show it."""
    for item, guess in guesses(session.store, session.derived):
        content = partial(_content, session.pool, item)
        yield guess, heard.words.get(item, []), content


def _content(pool, item):
    """Return what a person sees of a row, whole."""
    if item not in pool:  # the source no longer has it
        return {}
    position = pool.position(item)
    if pool.kind == "image":
        return {"path": pool.ids[position]}
    if pool.kind == "text":
        return {"text": pool.source.text(position)}
    shown = pool.show(position).get("fields", {})
    return {f"{FIELD}{name}": str(value) for name, value in shown.items()}


def _config(session):
    kind = session.pool.kind if session.pool.kind in SHOWN_BY else "table"
    return LabelConfig.of(kind, session.classes)


def _write_tasks(session, path, image_prefix):
    """Write tasks for Label Studio."""
    if image_prefix is None:
        root = Path(session.store.meta.get("source") or "").name
        image_prefix = f"{LOCAL_FILES}{root}/" if root else LOCAL_FILES
    made = tasks(records_of(session), _config(session), image_prefix)
    path.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")


def _images(session):
    """Yield the label of most people for each image, and its file."""
    if session.pool.kind != "image":
        raise ValueError(
            f"to must be a file format for a project of kind {session.pool.kind!r}, "
            "got 'imagefolder'. Try 'csv'."
        )
    heard = _Heard(session.store)
    for item, guess in guesses(session.store, session.derived):
        most = majority(heard.words.get(item, []))
        if most is not None and item in session.pool:
            file = session.pool.source.image(session.pool.position(item))
            record = heard.record(guess, most, {"path": guess.id})
            yield record, Path(file)
