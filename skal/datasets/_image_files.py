"""Which image files a folder or a zip holds, and how to open them."""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

SUFFIXES = (
    *(".apng", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
#: The suffixes of what each word of ``formats`` reads.
FORMATS = {
    "images": SUFFIXES,
    "dicom": (".dcm", ".dicom", ".ima"),
    "nifti": (".nii", ".nii.gz"),
}
_VIDEO = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
#: What lies beside images without anybody's doing: notes of file managers, our caches.
_LITTER = re.compile(
    r"(thumbs\.db|desktop\.ini|dicomdir|[0-9a-f]{32}\.(npy|json|lock))", re.IGNORECASE
)


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

    @property
    def advice(self):
        """Say how to read those of the other files that can be; nothing for none.

        Returns
        -------
        str
            Sentences for a message, each after a blank.
        """
        ways = {
            (*FORMATS["dicom"],): "formats='dicom' reads the {} of DICOM.",
            (*FORMATS["nifti"],): "formats='nifti' reads the {} of NIfTI.",
            SUFFIXES: "formats='images' reads the {} images.",
            _VIDEO: "Save frames of the {} videos as images.",
        }
        counts = {way: sum(map(self.others.get, way, repeat(0))) for way in ways}
        return "".join(f" {ways[way].format(n)}" for way, n in counts.items() if n)

    def only(self, names):
        """Return some of the files alone.

        Parameters
        ----------
        names : collection of str
            Their names.

        Returns
        -------
        ImageFiles
            The files, in the order in which they are.
        """
        wanted = set(names)
        stamps = [stamp for stamp in self.stamps if stamp[0] in wanted]
        return replace(self, names=[name for name, *_ in stamps], stamps=stamps)

    def open(self, name):
        """Return a file for reading the image of this name."""
        if self.archive is None:
            return open(self.root / name, "rb")
        return self.archive.open(self.prefix + name)


def list_images(path: Any, formats: str = "images") -> ImageFiles:
    """Find the image files below a folder, a zip, or a folder inside a zip."""
    path = Path(path).expanduser().absolute()
    if path.is_dir():
        return _nonempty(_in_folder(path, formats), formats)
    for archive in (path, *path.parents):
        if archive.is_file():
            return _nonempty(_in_zip(archive, path, formats), formats)
    raise FileNotFoundError(
        f"path must be a folder or a zip of images, got {str(path)!r}. There is no "
        "such file; mind the folder you are in."
    )


def _in_folder(root, formats):
    found = []
    others: Counter[str] = Counter()
    for place, files in _walk(root):
        for file in files:
            path = Path(place, file)
            if not _is_wanted(file, formats, partial(open, path, "rb")):
                if _is_other(file) and path.is_file():
                    others[_suffix(file)] += 1
                continue
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


def _in_zip(archive, path, formats):
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
    found = []
    others: Counter[str] = Counter()
    for member in members:
        name = PurePosixPath(member.filename).name
        if member.is_dir():
            continue
        if _is_wanted(name, formats, partial(file.open, member)):
            name = member.filename.removeprefix(prefix)
            found.append((name, member.file_size, member.CRC))
        elif _is_other(name):
            others[_suffix(name)] += 1
    found.sort()
    return ImageFiles(path, [name for name, *_ in found], found, file, prefix, others)


def _is_hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _is_wanted(name, formats, opened):
    """Tell whether a file is of the formats asked for, if need be by its first bytes.

    ``opened`` opens it. What a hospital exports often has no suffix, or a number.
    """
    if _is_hidden(name) or _LITTER.fullmatch(name):
        return False
    if name.lower().endswith(FORMATS[formats]):
        return True
    if formats != "dicom" or not re.fullmatch(r"|\.\d+", _suffix(name)):
        return False
    from skal.datasets._medical import is_dicom

    try:
        with opened() as file:
            return is_dicom(file)
    except OSError:  # a link to nowhere
        return False


def _is_other(name):
    return not (_is_hidden(name) or _LITTER.fullmatch(name))


def _suffix(name):
    lower = PurePosixPath(name.lower())
    return "".join(lower.suffixes[-2:]) if lower.suffix == ".gz" else lower.suffix


def _nonempty(files, formats):
    if not files.names:
        others = f" but other files: {files.passed_over}" if files.others else ""
        raise ValueError(
            f"path must hold {formats} ({', '.join(FORMATS[formats])}), got "
            f"{str(files.root)!r}, which holds none{others}.{files.advice}"
        )
    return files
