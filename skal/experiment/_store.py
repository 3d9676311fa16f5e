"""Files of a run: one a cell, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal.experiment._describe import as_json

if TYPE_CHECKING:
    from typing import Any

#: Kind of content -> folder. A cell is finished once its record is there.
FOLDERS = {"timings": "timings", "failure": "failures", "record": "cells"}
DEFINITION = "experiment.json"
IMAGES = "asked_images.npz"


class Store:
    """A folder of results.

    ``cells/KEY.json`` holds what does not depend on the machine, ``timings/KEY.json``
    what does, ``failures/KEY.json`` why there is no result.

    Parameters
    ----------
    directory : Path
        The folder.
    """

    def __init__(self, directory):
        self.directory = Path(directory)

    def create(self):
        """Make the folders; say at once if they cannot be written."""
        for folder in FOLDERS.values():
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        self.clear_parts()
        self.write_whole(self.directory / ".writable", b"")
        (self.directory / ".writable").unlink()

    def path(self, kind: str, key: str) -> Path:
        """Return where something of a cell lies."""
        return self.directory / FOLDERS[kind] / f"{key}.json"

    def has(self, key: str) -> bool:
        """Tell whether a cell is finished."""
        return self.path("record", key).is_file()

    def read(self, key: str) -> dict[str, Any]:
        """Return what came of a cell, by kind."""
        outcome = {
            kind: json.loads(self.path(kind, key).read_text("utf-8"))
            for kind in FOLDERS
            if self.path(kind, key).is_file()
        }
        if "record" in outcome:
            outcome.pop("failure", None)
        return outcome

    def write(self, key: str, outcome: dict[str, Any]) -> None:
        """Write what came of a cell: its record last, for it marks the end."""
        for kind in FOLDERS:
            if kind in outcome:
                text = as_json(outcome[kind]) + "\n"
                self.write_whole(self.path(kind, key), text.encode())
        if "record" in outcome:
            self.path("failure", key).unlink(missing_ok=True)

    def write_whole(self, path: Path, content: bytes) -> None:
        """Replace a file in one step, so that a killed run leaves no half of it."""
        handle, beside = tempfile.mkstemp(dir=self.directory, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise

    def clear_parts(self) -> None:
        """Remove what a killed run left half written."""
        for part in self.directory.glob(".part-*"):
            part.unlink(missing_ok=True)

    # The experiment -------------------------------------------------------------

    def write_definition(self, definition: dict[str, Any]) -> None:
        """Write which cells the experiment has, and what it is made of."""
        text = as_json(definition, indent=1) + "\n"
        self.write_whole(self.directory / DEFINITION, text.encode())

    def read_definition(self) -> dict[str, Any]:
        """Return what :meth:`write_definition` wrote."""
        path = self.directory / DEFINITION
        if not path.is_file():
            raise FileNotFoundError(
                f"directory must hold results of an experiment, got "
                f"{str(self.directory)!r} without {DEFINITION}. Run one into it first."
            )
        return json.loads(path.read_text("utf-8"))

    def write_images(self, images: dict[str, Any]) -> None:
        """Keep pictures of what was asked."""
        path = self.directory / IMAGES
        part = self.directory / ".part-images.npz"
        np.savez_compressed(part, **images)
        os.replace(part, path)

    def read_images(self) -> dict[str, Any]:
        """Return the pictures of what was asked, if there are any."""
        path = self.directory / IMAGES
        if not path.is_file():
            return {}
        with np.load(path) as file:
            return {name: file[name] for name in file}
