"""The folder of a project: which file is where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skal.label._private import make_private_folder

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self


@dataclass(frozen=True)
class Project:
    """Where the labels, the models' answers and the thumbnails of a project lie."""

    folder: Path

    @classmethod
    def at(cls, folder: str | PathLike[str]) -> Self:
        """Return the project in a folder, there or not."""
        return cls(Path(folder))

    @classmethod
    def of_source(cls, source: str | PathLike[str]) -> Self:
        """Return the project beside a source: ``photos.skal`` beside ``photos``."""
        path = Path(source).resolve()
        return cls(path.with_name(f"{path.name}.skal"))

    @property
    def labels(self) -> Path:
        """The store: what cannot be made anew."""
        return self.folder / "labels.db"

    @property
    def model(self) -> Path:
        """What models say: may be deleted at any time."""
        return self.folder / "model.db"

    @property
    def thumbs(self) -> Path:
        """Small pictures, by digest."""
        return self.folder / "thumbs"

    @property
    def exists(self) -> bool:
        """Whether there is a store."""
        return self.labels.exists()

    def make(self) -> None:
        """Make the folder, closed to everybody else.

        A folder that holds something else, such as the images, stays as it is.
        """
        for place in (self.folder, *self.folder.parents):
            if place.exists() and not place.is_dir():
                raise ValueError(
                    f"project must be a folder, got {str(self.folder)!r}, where "
                    f"{place.name!r} is a file. Name one that is new or empty."
                )
        there = self.folder.exists()
        ours = self.labels.exists() or self.model.exists()
        if there and not ours and any(self.folder.iterdir()):
            raise ValueError(
                f"project must be a folder of its own, got {str(self.folder)!r}, "
                "which holds something else. Name one that is new or empty."
            )
        make_private_folder(self.folder)
