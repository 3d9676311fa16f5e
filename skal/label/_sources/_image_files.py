"""The files of images below a folder: which may be shown, and which have changed."""

from __future__ import annotations

import os
import stat
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path

from skal.label._sources._safe_image import MAX_BYTES, SUFFIXES

#: Files that a thread reads at one go.
_BLOCK = 128


def files_below(root):
    """Return paths and stamps of the images below a folder, and what was left out."""
    if not root.is_dir():
        raise ValueError(
            f"source must be a folder of images, got {str(root)!r}, which is none. "
            "Mind the folder you are in."
        )
    files: list[tuple[str, tuple[int, int]]] = []
    left_out: Counter[str] = Counter()
    for place, folders, names in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        left_out["links to folders"] += len(links)
        folders[:] = sorted(
            name for name in folders if name not in links and not _is_hidden(name)
        )
        for name in sorted(names):
            path = os.path.join(place, name)
            if _is_hidden(name):
                continue
            found = _stamp_of(path, root)
            if isinstance(found, str):
                left_out[found] += 1
            else:
                files.append((path, found))
    return files, +left_out


def _is_hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _stamp_of(path, root):
    """Return size and time of change of an image, or why it is left out."""
    if not path.lower().endswith(SUFFIXES):
        return "files that are no images"
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            if not Path(path).resolve(strict=True).is_relative_to(root):
                return "links out of the folder"
            found = os.stat(path)
    except (OSError, RuntimeError):  # to nowhere, or in a ring
        return "links to nowhere"
    if not stat.S_ISREG(found.st_mode):
        return "things that are no files"
    if found.st_size > MAX_BYTES:
        return f"files over {MAX_BYTES >> 20} MB"
    return found.st_size, found.st_mtime_ns


def in_words(left_out):
    """Say what was left out."""
    if not left_out:
        return ""
    counts = ", ".join(f"{count} {what}" for what, count in sorted(left_out.items()))
    return f"Left out: {counts}."


def as_text(name):
    """Return a file's name as text, also where it is in no encoding."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def digests_of(ids, files, derived):
    """Return the digest of each file; those that did not change are not read."""
    known = {} if derived is None else derived.stamps()
    digests = [
        known[id][2] if known.get(id, ())[:2] == stamp else None
        for id, (_, stamp) in zip(ids, files, strict=True)
    ]
    todo = [i for i, digest in enumerate(digests) if digest is None]
    blocks = [todo[i : i + _BLOCK] for i in range(0, len(todo), _BLOCK)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(
            lambda block: [_digest_of_file(files[i][0]) for i in block], blocks
        )
        for block, these in zip(blocks, found, strict=True):
            for i, digest in zip(block, these, strict=True):
                digests[i] = digest
    if derived is not None and (todo or len(known) > len(ids)):
        derived.keep_stamps(
            {
                id: (*stamp, digest)
                for id, (_, stamp), digest in zip(ids, files, digests, strict=True)
            }
        )
    return digests


def _digest_of_file(path):
    with open(path, "rb") as file:
        return f"sha256:{file_digest(file, 'sha256').hexdigest()}"
