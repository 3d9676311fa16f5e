"""Experiments from TOML, YAML or JSON files."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib import import_module
from inspect import signature
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal import query
from skal._checks import nearest_first
from skal.experiment._experiment import Experiment
from skal.experiment._names import serve_numbers, serve_units
from skal.experiment._sources import FILES, load_data, whole_path
from skal.experiment._table_files import need_pandas

if TYPE_CHECKING:
    from typing import Any

    from skal.experiment._data import Data

CONFIGS = (".toml", ".yaml", ".yml", ".json")
#: What is compared where nobody says it.
STRATEGIES = ["margin", "entropy", "random"]
STRATEGIES_FOR_UNITS = ["aggregate", "random"]
STRATEGIES_FOR_NUMBERS = ["greedy_sampling", "core_set", "random"]
#: Parameters of Experiment that may name objects.
BUILT = ("costs", "data", "estimators", "initial", "metrics", "strategies")
#: What a configuration says beside them: where modules of the user's own lie.
MODULES = "modules_in"
#: Parameters of Experiment that say how data is read.
ABOUT_DATA = ("target", "groups", "costs", "pos_label", "reject_label")
#: What a file may say: the parameters of Experiment.
KEYS_AND_DEFAULTS = signature(Experiment).parameters
KEYS = tuple(KEYS_AND_DEFAULTS)


def read_config(path: Path) -> dict[str, Any]:
    """Read the parameters of an experiment from a file.

    Parameters
    ----------
    path : Path
        A TOML, YAML or JSON file.

    Returns
    -------
    dict
        What it says; files of data that it names are looked for beside it.

    Raises
    ------
    ValueError
        If the file cannot be read, or names a parameter there is not.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    config = _parse(path)
    if not isinstance(config, dict):
        raise ValueError(f"{str(path)!r} must hold names and values, got {config!r}.")
    for key in config:
        if key not in KEYS:
            words = ", ".join(map(repr, nearest_first(key, KEYS)))
            raise ValueError(f"{str(path)!r} may hold {words}, got {key!r}.")
    if "data" in config:
        config["data"] = _beside(config["data"], path.parent)
    if foreign_classes(config):
        config[MODULES] = str(path.parent.resolve())
    return config


def _parse(path):
    try:
        if path.suffix == ".toml":
            return tomllib.loads(path.read_text("utf-8"))
        if path.suffix == ".json":
            return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error
    try:
        import yaml
    except ImportError as error:
        raise ValueError(
            f"{str(path)!r} needs PyYAML: pip install pyyaml. Or write it in TOML."
        ) from error
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error


def _beside(data, folder):
    """Turn paths of data into whole ones, so that a run resumes from anywhere."""
    if isinstance(data, dict) and "folder" in data:
        beside = {name: _if_file(one, folder) for name, one in data.items()}
        return {**beside, "folder": str((folder / data["folder"]).resolve())}
    if isinstance(data, dict) and {"class", "import"} & data.keys():
        return {name: _if_file(one, folder) for name, one in data.items()}
    if isinstance(data, dict):
        return {name: _beside(source, folder) for name, source in data.items()}
    if isinstance(data, list):
        return [_beside(source, folder) for source in data]
    return whole_path(data, folder) if isinstance(data, str) else data


def _if_file(value, folder):
    """Turn a parameter of a loader into a whole path, where it names a file of data."""
    is_file = isinstance(value, str) and Path(value).suffix in (*FILES, ".tsv")
    return str((folder / value).resolve()) if is_file else value


def experiment_of(config: dict[str, Any], **more: Any) -> Experiment:
    """Make the experiment that a configuration describes.

    Parameters
    ----------
    config : dict
        Parameters of :class:`Experiment`. Where an object is needed stands its name,
        or a table whose ``class`` is a strategy of skal.query or a dotted path, and
        whose other entries are its parameters, or whose ``import`` is a dotted path
        to the object itself.
    **more : dict
        Further parameters, as they are.

    Returns
    -------
    Experiment
        The experiment.
    """
    built = {
        name: build(value, name) if name in BUILT else value
        for name, value in config.items()
        if name != MODULES and name not in more
    }
    return Experiment(**{**built, **more})


def loaded_experiment(
    config: dict[str, Any], download: bool = False
) -> tuple[Experiment, dict[str, Any]]:
    """Make the experiment that a configuration describes, with its data.

    Parameters
    ----------
    config : dict
        As :func:`experiment_of` takes it.
    download : bool, default=False
        Whether named data that is missing may be downloaded.

    Returns
    -------
    experiment : Experiment
        The experiment.
    config : dict
        The configuration with what it left to the data.
    """
    need_pandas()
    default = KEYS_AND_DEFAULTS["data"].default
    if MODULES in config and foreign_classes(config):
        look_in(config[MODULES])
    about = {
        name: build(config[name], name) if name in BUILT else config[name]
        for name in ABOUT_DATA
        if name in config
    }
    source = build(config.get("data", default), "data")
    estimators = build(config.get("estimators"), "estimators")
    data = load_data(source, download, units=serve_units(estimators), **about)
    numbers = not any(one.is_classes for one in data.values())
    numbers = numbers or serve_numbers(estimators)
    strategies = STRATEGIES_FOR_NUMBERS if numbers else STRATEGIES
    if all(one.units for one in data.values()):
        strategies = STRATEGIES_FOR_UNITS
    defaults: dict[str, Any] = {"strategies": strategies}
    n_initial = config.get("n_initial", KEYS_AND_DEFAULTS["n_initial"].default)
    if not numbers and any(starts_with_one_class(o, n_initial) for o in data.values()):
        defaults["initial"] = "stratified"
    config = {**defaults, **config}
    return experiment_of(config, data=data), config


def starts_with_one_class(data: Data, n_initial: Any) -> bool:
    """Tell whether as many rows drawn at random may well be of one class.

    Parameters
    ----------
    data : Data
        A data set.
    n_initial : int
        Labels of the first round.

    Returns
    -------
    bool
        Whether that happens in more than one of twenty seeds.
    """
    if not data.is_classes or not isinstance(n_initial, Integral):
        return False
    largest = np.unique(data.y, return_counts=True)[1].max() / len(data.y)
    return bool(largest ** int(n_initial) > 0.05)


def build(value: Any, parameter: str) -> Any:
    """Make the objects that a value names.

    Parameters
    ----------
    value : object
        Part of a configuration.
    parameter : str
        What it is for, in error messages.

    Returns
    -------
    object
        The value, with an object for each table that has a ``class`` or ``import``; the
        class "None" is None, which TOML has no word for.
    """
    if value == {"class": "None"}:
        return None
    if isinstance(value, dict) and "import" in value:
        return _imported(value, parameter)
    if isinstance(value, list):
        items = [build(item, parameter) for item in value]
        named = (
            len(items) == 2
            and isinstance(items[0], str)
            and hasattr(items[1], "get_params")
        )
        return tuple(items) if named else items  # a step of a Pipeline
    if not isinstance(value, dict):
        return value
    entries = {name: build(one, parameter) for name, one in value.items()}
    if "class" not in entries:
        return entries
    name = entries.pop("class")
    kind = _class_of(name, parameter)
    try:
        return kind(**entries)
    except TypeError as error:
        raise ValueError(
            f"{parameter} must give {name!r} what it takes, got "
            f"{', '.join(map(repr, entries)) or 'nothing'}. ({error})"
        ) from error


def foreign_classes(config: Any) -> list[str]:
    """List what a configuration would import from elsewhere than skal.query.

    Parameters
    ----------
    config : object
        A configuration, or a part of one.

    Returns
    -------
    list of str
        Dotted paths, each once.
    """
    if isinstance(config, list):
        parts, named = config, []
    elif isinstance(config, dict):
        parts = list(config.values())
        named = [str(config[word]) for word in ("class", "import") if word in config]
    else:
        return []
    found = [name for name in named if name not in ("None", *query.__all__)]
    found += [name for part in parts for name in foreign_classes(part)]
    return list(dict.fromkeys(found))


def _imported(value, parameter):
    """Return the object that a table names: a function, a class, a loader of data."""
    if len(value) > 1:
        raise ValueError(
            f"{parameter} must give an import nothing beside its path, got "
            f"{', '.join(map(repr, value))}. What is to be called goes by class."
        )
    return _class_of(value["import"], parameter)


def look_in(folder: str) -> None:
    """Let modules be imported from a folder, after all others."""
    if folder not in sys.path:
        sys.path.append(folder)


def _class_of(name, parameter):
    if name in query.__all__:
        return getattr(query, name)
    module, _, attribute = str(name).rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        words = ", ".join(map(repr, nearest_first(name, query.__all__)[:5]))
        raise ValueError(
            f"{parameter} must name a class by its dotted path, such as "
            f"'sklearn.svm.SVC', a function likewise, or a strategy such as {words}, "
            f"got {name!r}. "
            f"({type(error).__name__}: {error})"
        ) from error
