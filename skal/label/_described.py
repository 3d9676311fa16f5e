"""Learners that a file, or a word, describes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from skal._checks import nearest_first
from skal.label._models import default_learner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

    from skal import ActiveLearner

#: What a file that describes a model may say.
KEYS = ("estimator", "strategy", "initial", "input")
#: Estimators by name that look at images themselves.
_NETS = ("cnn", "resnet")
#: Largest file that is read as a description.
_MAX_BYTES = 100_000


def read_model(path: str | PathLike[str]) -> dict[str, Any]:
    """Read the description of a model from a TOML file.

    Parameters
    ----------
    path : path-like
        The file. It may hold ``estimator``, ``strategy`` and ``initial``, each a name
        or a table with a ``class`` and its parameters, and ``input``, what the
        estimator is given: ``"features"``, ``"pixels"`` of images, or ``"rows"`` of
        a file.

    Returns
    -------
    dict
        What it says: plain values, which a project can keep.

    Raises
    ------
    ValueError
        If it cannot be read, or says what there is not.
    """
    path = Path(path)
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise ValueError(
            f"model must be a name or a TOML file of at most {_MAX_BYTES} bytes, got "
            f"{str(path)!r}."
        )
    try:
        spec = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"model {str(path)!r} cannot be read: {error}") from error
    return check_spec(spec)


def model_of(words: str) -> dict[str, Any]:
    """Return the description that a user names: a known estimator, or a TOML file.

    Parameters
    ----------
    words : str
        "cnn", "forest", "logistic", "resnet", or a path.

    Returns
    -------
    dict
        The description.
    """
    from skal.experiment import command_line

    if words in command_line.ESTIMATORS:
        takes_pixels = words in _NETS
        return {"estimator": words, **({"input": "pixels"} if takes_pixels else {})}
    if not words.endswith(".toml"):
        names = ", ".join(map(repr, nearest_first(words, command_line.ESTIMATORS)))
        raise ValueError(
            f"model must be one of {names}, or a TOML file, got {words!r}."
        )
    return read_model(words)


def check_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse a description that says what there is not.

    Parameters
    ----------
    spec : mapping
        The description.

    Returns
    -------
    dict
        The same.
    """
    for key in spec:
        if key not in KEYS:
            words = ", ".join(map(repr, nearest_first(key, KEYS)))
            raise ValueError(f"model may say {words}, got {key!r}.")
    return dict(spec)


def foreign_classes(spec: Any) -> list[str]:
    """List the classes that a description would import from elsewhere.

    Parameters
    ----------
    spec : mapping or None
        The description.

    Returns
    -------
    list of str
        Dotted paths; empty where it names strategies and estimators of skal's own.
    """
    from skal.experiment import command_line

    return command_line.foreign_classes(dict(spec or {}))


def learner_of(
    spec: Mapping[str, Any] | None,
    kind: str,
    random_state: int | None = None,
    *,
    trust: bool = False,
) -> ActiveLearner:
    """Make the learner that a description describes.

    Parameters
    ----------
    spec : mapping or None
        The description; None and what it leaves out mean the default.
    kind : {"image", "text", "table", "array"}
        What the rows are.
    random_state : int, default=None
        Seed.
    trust : bool, default=False
        Whether to run classes of elsewhere that it names. A project folder may come
        from a stranger, and to import what it names is to run it.

    Returns
    -------
    ActiveLearner
        Not fitted.

    Raises
    ------
    ValueError
        If it names a class of elsewhere and is not trusted.
    """
    from skal.experiment import command_line

    learner = default_learner(kind, random_state)
    if not spec:
        return learner
    found = foreign_classes(check_spec(spec))
    if found and not trust:
        raise ValueError(
            "model must name nothing but skal's own in a project that is gone on with, "
            f"got {', '.join(map(repr, found))}. Say --trust if you know who wrote it, "
            "or name your file again."
        )
    parts = {
        name: command_line.build(spec[name], name)
        for name in ("estimator", "strategy", "initial")
        if name in spec
    }
    if parts.get("estimator") == "logistic" and kind == "text":
        del parts["estimator"]  # the default; words are not to be centred
    elif isinstance(parts.get("estimator"), str):
        parts["estimator"] = _named(parts["estimator"])
    if "strategy" in parts:
        parts["query_strategy"] = parts.pop("strategy")
    return learner.set_params(**parts)


def _named(name):
    from skal.experiment import command_line

    if name not in command_line.ESTIMATORS:
        names = ", ".join(map(repr, nearest_first(name, command_line.ESTIMATORS)))
        raise ValueError(
            f"estimator must be one of {names}, or a table with a class, got {name!r}."
        )
    return command_line.ESTIMATORS[name]()
