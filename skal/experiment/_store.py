"""Files of a run: one a cell, written whole or not at all."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np

from skal.experiment._describe import as_json
from skal.experiment._files import PART, BrokenFileError, read_json, write_whole
from skal.experiment._migration import in_public_names, taken_over
from skal.experiment._npz import read_arrays

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Kind of content -> folder. A cell is finished once its record is there.
FOLDERS = {"timings": "timings", "failure": "failures", "record": "cells"}
DEFINITION = "experiment.json"
IMAGES = "asked_images.npz"
#: What a definition holds.
PARTS = {"cells", "data", "estimators", "format", "seeds", "settings", "strategies"}


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

    def finished(self, keys: list[str]) -> dict[str, dict[str, Any]]:
        """Return what came of the cells that are finished, by key.

        The record of one that cannot be read is removed, so that it is run again.
        """
        outcomes = {key: self.read(key) for key in keys if self.has(key)}
        for key, outcome in outcomes.items():
            if "record" not in outcome:
                self.path("record", key).unlink(missing_ok=True)
        return {key: one for key, one in outcomes.items() if "record" in one}

    def read(self, key: str) -> dict[str, Any]:
        """Return what came of a cell, by kind; nothing where a file is broken."""
        paths = {kind: self.path(kind, key) for kind in FOLDERS}
        try:
            outcome = {
                kind: read_json(path) for kind, path in paths.items() if path.is_file()
            }
        except BrokenFileError as error:
            warn(
                f"{error} Its cell counts as not run. Run the experiment into the "
                "folder again to have it.",
                stacklevel=2,
            )
            return {}
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
        """Replace a file in one step."""
        write_whole(path, content, self.directory)

    def clear_parts(self) -> None:
        """Remove what a killed run left half written."""
        for part in self.directory.glob(f"{PART}*"):
            part.unlink(missing_ok=True)

    # The experiment -------------------------------------------------------------

    def joined(
        self,
        definition: dict[str, Any],
        in_format_1: Callable[[], dict[str, Any]],
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the definition with the cells that the folder has beyond it.

        Parameters
        ----------
        definition : dict
            Of the experiment that is to be run into the folder.
        in_format_1 : callable
            Returns what it was for the version before, whose cells are taken over.

        Returns
        -------
        joined : dict
            Of the experiment that the folder holds then.
        renamed : dict of str to str
            Key -> new key of the cells that are to be renamed first.

        Raises
        ------
        ValueError
            If the folder holds finished cells of another experiment.
        """
        try:
            there = self._read_definition()
        except (FileNotFoundError, BrokenFileError):  # it is new, or written anew
            return definition, {}
        n_finished = sum(self.has(cell["key"]) for cell in there["cells"])
        there, renamed = taken_over(there, definition, in_format_1)
        # A run that was killed while it renamed has some under the new keys already.
        n_finished += sum(self.has(key) for key in renamed.values())
        if n_finished == 0:
            return definition, {}
        changes = differences(there, definition)
        if changes:
            raise ValueError(
                f"directory must be new, or hold a part of this experiment, got "
                f"{str(self.directory)!r} with {n_finished} finished cells of another "
                f"one: {', '.join(changes)}. Choose another folder."
            )
        return merged(there, definition), renamed

    def rename(self, keys: dict[str, str]) -> None:
        """Give cells other keys: their records last, which mark them as finished.

        Parameters
        ----------
        keys : dict of str to str
            Old key -> new key. Those that are renamed already are left alone.
        """
        for old, new in keys.items():
            outcome = self.read(old)
            if "record" in outcome:
                outcome["record"]["key"] = new
            self.write(new, outcome)
            for kind in FOLDERS:
                self.path(kind, old).unlink(missing_ok=True)
        images = self.read_images()
        if keys.keys() & images.keys():
            self.save_images({keys.get(key, key): one for key, one in images.items()})

    def write_definition(self, definition: dict[str, Any]) -> None:
        """Write which cells the experiment has, and what it is made of."""
        text = as_json(definition, indent=1) + "\n"
        self.write_whole(self.directory / DEFINITION, text.encode())

    def read_definition(self) -> dict[str, Any]:
        """Return what :meth:`write_definition` wrote, in the names of today."""
        return in_public_names(self._read_definition())

    def _read_definition(self):
        path = self.directory / DEFINITION
        if not path.is_file():
            raise FileNotFoundError(
                f"directory must hold results of an experiment, got "
                f"{str(self.directory)!r} without {DEFINITION}. Run one into it first."
            )
        try:
            definition = read_json(path)
        except BrokenFileError as error:
            raise BrokenFileError(
                f"{error} Run the experiment into the folder again: it writes the "
                "file anew, and computes nothing twice."
            ) from error
        if not set(definition) >= PARTS or not _has_plain_keys(definition["cells"]):
            raise ValueError(
                f"directory must hold results of an experiment, got "
                f"{str(self.directory)!r}, whose {DEFINITION} is about something else."
            )
        return definition

    def write_images(self, images: dict[str, Any]) -> None:
        """Keep pictures of what was asked, beside those that are there."""
        self.save_images({**self.read_images(), **images})

    def save_images(self, images: dict[str, Any]) -> None:
        """Write the pictures of what was asked, and no others."""
        content = BytesIO()
        np.savez_compressed(content, **images)
        self.write_whole(self.directory / IMAGES, content.getvalue())

    def read_images(self) -> dict[str, Any]:
        """Return the pictures of what was asked, if there are any."""
        path = self.directory / IMAGES
        try:
            return read_arrays(path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            warn(f"{str(path)!r} is broken ({error}), and left out.", stacklevel=2)
            return {}


def _has_plain_keys(cells):
    """Tell whether keys are what skal makes: one with a slash leads out of a folder."""
    return all(
        isinstance(cell, dict) and re.fullmatch("[0-9a-f]+", str(cell.get("key")))
        for cell in cells
    )


def differences(there: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say what keeps two experiments from being parts of one."""
    if there["format"] != new["format"]:
        return ["another version of skal ran it"]
    changes = [
        f"{name} was {_short(there['settings'].get(name))} and is {_short(value)}"
        for name, value in new["settings"].items()
        if there["settings"].get(name) != value
    ]
    for part in ("data", "estimators", "strategies"):
        changes += [
            f"{part} had another {name!r}"
            for name, value in new[part].items()
            if there[part].get(name, value) != value
        ]
    if not changes:  # what a learner was given beside its estimator
        keys = {_place(cell): cell["key"] for cell in there["cells"]}
        changes = [
            f"estimators had another {cell['estimator']!r}"
            for cell in new["cells"]
            if keys.get(_place(cell), cell["key"]) != cell["key"]
        ]
    return list(dict.fromkeys(changes))


def merged(there: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the experiment that two are parts of."""
    known = {cell["key"] for cell in there["cells"]}
    if all(cell["key"] in known for cell in new["cells"]):
        return there
    keys = {cell["key"] for cell in new["cells"]}
    more = [cell for cell in there["cells"] if cell["key"] not in keys]
    seeds = [seed for seed in there["seeds"] if seed not in new["seeds"]]
    return {
        **new,
        **{
            part: {**new[part], **there[part]}
            for part in ("data", "estimators", "strategies")
        },
        "seeds": new["seeds"] + seeds,
        "cells": new["cells"] + more,
    }


def _place(cell):
    return cell["data"], cell["estimator"], cell["strategy"], cell["seed"]


def _short(value):
    text = repr(value)
    return text if len(text) < 40 else "another"
