"""The configuration that a folder of results was made from, kept in the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from skal.experiment._files import read_json, write_whole
from skal.experiment._owner import OWNER
from skal.experiment._store import DEFINITION, FOLDERS

if TYPE_CHECKING:
    from typing import Any

CONFIG = "config.json"


def save_config(directory: Path, config: dict[str, Any]) -> None:
    """Keep a configuration in a folder, which is made where it is not there."""
    text = json.dumps(config, indent=1, sort_keys=True) + "\n"
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, text.encode())


def saved_config(directory: Path) -> dict[str, Any]:
    """Return the configuration that a folder keeps."""
    return read_json(directory / CONFIG)


def as_begun(directory: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that starts as the folder began, also before a default.

    Parameters
    ----------
    directory : Path
        The folder, which may not be there.
    config : dict
        The configuration.

    Returns
    -------
    dict
        With ``initial="random"``, where the folder's does not say what it was.
    """
    try:
        begun = saved_config(directory)
    except (OSError, ValueError):  # it is new, or written anew
        return config
    return config if "initial" in begun else {"initial": "random", **config}


def holds_other_files(directory: Path) -> bool:
    """Tell whether a folder is neither new nor one of results."""
    if not directory.is_dir():
        return False
    there = {path.name for path in directory.iterdir()}
    # All there is where a run was stopped at once.
    begun = {CONFIG, OWNER, *FOLDERS.values()}
    return DEFINITION not in there and not there <= begun
