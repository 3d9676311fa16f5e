"""Which image files a folder or a zip holds, and how to open them."""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

SUFFIXES = (
    *(".apng", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
#: What lies beside images without anybody's doing: notes of file managers, our caches.
_LITTER = re.compile(r"(thumbs\.db|desktop\.ini|[0-9a-f]{32}\.npy)", re.IGNORECASE)


@dataclass(frozen=True)
class ImageFiles:
    """The image files below a folder, on disk or inside a zip, sorted by name."""

    root: Path
    names: list[str]  # relative to the root, with forward slashes
    stamps: list[tuple[Any, ...]]  # what changes when a file does
    archive: zipfile.ZipFile | None = None
    prefix: str = ""
    others: Counter[str] = field(default_factory=Counter)  # suffix -> files of no image

    @property
    def passed_over(self):
        """Say how many other files there are, by suffix; nothing where there are none.

        Returns
        -------
        str
            Words for a message.
        """
        counts = sorted(self.others.items(), key=lambda one: (-one[1], one[0]))
        words = ", ".join(
            f"{count} {suffix or 'no suffix'}" for suffix, count in counts
        )
        return f"{self.others.total()} ({words})" if counts else ""

    def open(self, name):
        """Return a file for reading the image of this name."""
        if self.archive is None:
            return open(self.root / name, "rb")
        return self.archive.open(self.prefix + name)

    def folders(self):
        """Return for each file the first folder on its way, None where there is none.

        A zip is often made of one folder; that folder does not count.
        """
        parts = [PurePosixPath(name).parts for name in self.names]
        whole_archive = self.archive is not None and not self.prefix
        while whole_archive and len({way[0] for way in parts}) == 1 < len(parts[0]):
            parts = [way[1:] for way in parts]
        return [way[0] if len(way) > 1 else None for way in parts]


def list_images(path: Any) -> ImageFiles:
    """Find the image files below a folder, a zip, or a folder inside a zip."""
    path = Path(path).expanduser().absolute()
    if path.is_dir():
        return _nonempty(_in_folder(path))
    for archive in (path, *path.parents):
        if archive.is_file():
            return _nonempty(_in_zip(archive, path))
    raise FileNotFoundError(
        f"path must be a folder or a zip of images, got {str(path)!r}. There is no "
        "such file; mind the folder you are in."
    )


def _in_folder(root):
    found = []
    others: Counter[str] = Counter()
    for place, files in _walk(root):
        others.update(
            _suffix(file)
            for file in files
            if _is_other(file) and os.path.isfile(os.path.join(place, file))
        )
        for file in filter(_is_image, files):
            path = Path(place, file)
            # A link to nowhere is named with all that cannot be read.
            stat = path.stat() if path.exists() else path.lstat()
            name = path.relative_to(root).as_posix()
            found.append((name, stat.st_size, stat.st_mtime_ns))
    found.sort()
    return ImageFiles(root, [name for name, *_ in found], found, others=others)


def _walk(root):
    """Yield each folder below root and its files; links are followed.

    But not to a folder that they lie in, which would go on for ever.
    """
    around = {os.fspath(root): {os.path.realpath(root)}}
    for place, folders, files in os.walk(root, followlinks=True):
        yield place, files
        above = around.pop(place)
        inside = {
            name: os.path.realpath(os.path.join(place, name))
            for name in folders
            if not _is_hidden(name)
        }
        folders[:] = [name for name, real in inside.items() if real not in above]
        for name in folders:
            around[os.path.join(place, name)] = above | {inside[name]}


def _in_zip(archive, path):
    try:
        file = zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"path must be a folder or a zip of images, got the file {str(archive)!r}: "
            f"{error}. Pass the folder around it."
        ) from error
    inside = path.relative_to(archive).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    members = [
        member
        for member in file.infolist()
        if member.filename.startswith(prefix)
        and not any(map(_is_hidden, member.filename.split("/")))
    ]
    found = sorted(
        (member.filename.removeprefix(prefix), member.file_size, member.CRC)
        for member in members
        if _is_image(member.filename)
    )
    names = [PurePosixPath(one.filename).name for one in members if not one.is_dir()]
    others = Counter(map(_suffix, filter(_is_other, names)))
    return ImageFiles(path, [name for name, *_ in found], found, file, prefix, others)


def _is_hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _is_image(name):
    return name.lower().endswith(SUFFIXES) and not _is_hidden(name)


def _is_other(name):
    return not (_is_image(name) or _is_hidden(name) or _LITTER.fullmatch(name))


def _suffix(name):
    return PurePosixPath(name).suffix.lower()


def _nonempty(files):
    if not files.names:
        others = f" but other files: {files.passed_over}" if files.others else ""
        raise ValueError(
            f"path must hold images ({', '.join(SUFFIXES)}), got {str(files.root)!r}, "
            f"which holds none{others}."
        )
    return files
