"""The folder of a training that may be stopped."""

from __future__ import annotations

import json
from pathlib import Path


def open_checkpoint(folder, about):
    """Return the folder of a checkpoint, made where there is none; None stays."""
    if folder is None:
        return None
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "about.json"
    text = json.dumps(about, indent=2, sort_keys=True, default=repr)
    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"checkpoint must be a folder of the same parameters, got {str(folder)!r}, "
            "which is of others. Name another folder."
        )
    file.write_text(text, encoding="utf-8")
    return folder
