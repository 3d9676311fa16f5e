"""Images sorted into a folder a class, with a ``metadata.csv`` as in HF ``datasets``.

One label an image: a file can lie in one folder only.
"""

from __future__ import annotations

import os
import re
import shutil
from itertools import count
from pathlib import Path, PurePosixPath

from skal.label._formats import _csv, _jsonl
from skal.label._formats._record import as_row

METADATA = "metadata.csv"
#: What some file system refuses in a name, and what would lead out of the folder.
HOSTILE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%]|^[. ]|[. ]$')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
IMAGES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def write(records, path, *, copy=False):
    """Fill a new folder; the records name their files by ``content["path"]``.

    Parameters
    ----------
    records : iterable of (Record, Path)
        A label an image, and where the image lies.
    path : Path
        The folder.
    copy : bool, default=False
        Copy the files. By default they are hard links where the disk allows, which
        take no room.
    """
    path.mkdir()
    folders, rows = _Names(), []
    taken: dict[str, set[str]] = {}
    for record, file in records:
        folder = folders[record.label]
        names = taken.setdefault(folder, set())
        name = _free(_safe(PurePosixPath(record.id).name or "image"), names)
        (path / folder).mkdir(exist_ok=True)
        _place(file, path / folder / name, copy)
        rows.append({"file_name": f"{folder}/{name}", **as_row(record)})
    _csv.write_table(rows, path / METADATA, ["file_name"])


def read(path):
    """Yield a dict an image: what the metadata says, or the folder that it lies in.

    ``file`` is where the image lies, and never outside of the folder.
    """
    root = path.resolve()
    rows = _metadata(path)
    if rows is None:
        rows = ({"file_name": name, "path": name} for name in _images_in(root))
    for row in rows:
        name = row.pop("file_name", None)
        folder = PurePosixPath(name or "").parent.name
        file = (root / (name or "")).resolve()
        inside = file.is_relative_to(root) and file.is_file()
        yield {
            **row,
            "label": row.get("label") or folder or None,
            "path": row.get("path") or name,
            "file": file if inside else None,
        }


def is_export(path: Path) -> bool:
    """Tell whether a folder holds the files that its metadata lists, and no others."""
    if not (path / METADATA).is_file():
        return False
    listed = {row.get("file_name") for row in _csv.read(path / METADATA)} | {METADATA}
    files = (Path(at, name) for at, _, names in os.walk(path) for name in names)
    return all(file.relative_to(path).as_posix() in listed for file in files)


def _metadata(path):
    """Read the table beside the images; None where there is none."""
    if (path / METADATA).is_file():
        return _csv.read(path / METADATA)
    if (path / "metadata.jsonl").is_file():
        return _jsonl.read(path / "metadata.jsonl")
    return None


def _images_in(root):
    """List the images under a folder; links are not followed into other folders."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if file.suffix.lower() in IMAGES and file.parent != root:
                yield file.relative_to(root).as_posix()


class _Names(dict):
    """Folders of classes: a name each, also where the disk knows no capitals."""

    def __missing__(self, label):
        self[label] = _free(_safe(label), self.__dict__.setdefault("taken", set()))
        return self[label]


def _safe(name):
    """Write what a file system could refuse as %XX, as in addresses."""
    name = HOSTILE.sub(lambda match: f"%{ord(match[0]):02X}", name)
    name = f"%{ord(name[0]):02X}{name[1:]}" if RESERVED.fullmatch(name) else name
    return _short(name) or "%"


def _short(name, limit=200):
    """Shorten a name that no disk would take, from the front, to keep its ending."""
    while len(name.encode()) > limit:
        name = name[1:]
    return name


def _free(name, taken):
    """Return a name, with a number if somebody has it already."""
    stem, ending = os.path.splitext(name)
    numbered = (f"{stem}-{number}{ending}" for number in count(2))
    while name.casefold() in taken:
        name = next(numbered)
    taken.add(name.casefold())
    return name


def _place(file, target, copy):
    """Link a file, or copy it where it cannot be linked."""
    file = file.resolve()
    if not copy:
        try:
            os.link(file, target)
        except OSError:  # another disk, or one that knows no links
            pass
        else:
            return
    shutil.copyfile(file, target)
