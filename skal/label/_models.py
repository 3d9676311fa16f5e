"""Which learner serves which kind of rows, and learners that a file describes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from skal import ActiveLearner
from skal._checks import nearest_first

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

#: What a file that describes a model may say.
KEYS = ("estimator", "strategy", "initial", "input")
#: Before there are labels: spread over what there is, the densest places first.
INITIAL = "typiclust"
#: Estimators by name that look at images themselves.
_NETS = ("cnn", "resnet")
#: Largest file that is read as a description.
_MAX_BYTES = 100_000


def default_learner(kind: str, random_state: int | None = None) -> ActiveLearner:
    """Return the learner that serves a kind of rows with no word from the user.

    A linear model on features that were made of all rows without labels: TF-IDF for
    texts, edges and colours for images, normal scores and marks for tables. It asks
    for the rows it is least sure of.

    Parameters
    ----------
    kind : {"image", "text", "table", "array"}
        What the rows are.
    random_state : int, default=None
        Seed.

    Returns
    -------
    ActiveLearner
        Not fitted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Features of texts and images are of one scale. Images have no net by default for
    # its cost: from 100 labels a CNNClassifier on 32 by 32 pixels took 57 seconds of
    # one core, this .03. Which is right more often is open: on one split each the net
    # had 97.4 % to 96.7 % on digits, 25.4 % to 27.9 % on CIFAR-10.
    if kind in ("text", "image"):
        C = {"text": 10.0, "image": 3.0}[kind]
        estimator: Any = LogisticRegression(C=C, max_iter=1000)
    else:
        estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return ActiveLearner(
        estimator, "margin", initial=INITIAL, random_state=random_state
    )


def as_learner(learner: Any, kind: str, random_state: int | None = None) -> Any:
    """Return a learner: the default one for None, else an estimator is wrapped.

    Parameters
    ----------
    learner : ActiveLearner, estimator or None
        What the user gave.
    kind : {"image", "text", "table", "array"}
        What the rows are.
    random_state : int, default=None
        Seed of a learner that is made here.

    Returns
    -------
    ActiveLearner
        Not fitted by this.
    """
    if learner is None:
        return default_learner(kind, random_state)
    if isinstance(learner, ActiveLearner):
        if learner.n_labels is not None:
            raise ValueError(
                "learner must have n_labels=None, got "
                f"{learner.n_labels!r}: a person answers, nobody simulates."
            )
        return learner
    if isinstance(learner, type) or not hasattr(learner, "fit"):
        raise TypeError(
            "learner must be an ActiveLearner, an estimator with fit, or None, got "
            f"{learner!r}."
        )
    return ActiveLearner(learner, "margin", random_state=random_state)


# Learners that a file describes -------------------------------------------------------


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
