"""The project of a folder or file: begun, or gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skal.label._derived import Derived
from skal.label._described import foreign_classes, model_of
from skal.label._project import Project
from skal.label._session import LabelSession
from skal.label._sources import open_source
from skal.label._store import LabelStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from typing import Any


def open_project(
    source: str | PathLike[str],
    *,
    project: str | PathLike[str] | None = None,
    classes: Iterable[str] | None = None,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    strategy: str | None = None,
    trust: bool = False,
    annotator: str = "me",
    guidelines: str | None = None,
    audit: float | None = None,
    repeat: float | None = None,
    reject_label: str | None = None,
) -> LabelSession:
    """Open the project of a folder or file; begin one where there is none.

    Parameters
    ----------
    source : path-like
        A folder of images, or a file of rows.
    project : path-like or None, default=None
        Its folder; None takes the one beside the source.
    classes : list of str or None, default=None
        What a row can be; may be None where the source has labels, and later.
    options : dict or None, default=None
        What the source is to know: "text", "show", "label", "id".
    model, strategy : str or None, default=None
        An estimator by name, or a TOML file; a strategy by name.
    trust : bool, default=False
        Whether to run the classes that a project names which is gone on with.
    annotator : str, default="me"
        Who labels.
    guidelines : str or None, default=None
        What people should know who label.
    audit, repeat : float or None, default=None
        Shares of rows drawn at random, and shown again; None keeps what was, at first
        a tenth and none.
    reject_label : str or None, default=None
        The answer "none of these"; None keeps what was.

    Returns
    -------
    LabelSession
        The session of the page: it trains nothing itself.
    """
    here = Project.of_source(source) if project is None else Project.at(project)
    known = remembered(here)
    spec = described(model, strategy) or known.get("model")
    if known.get("model") == spec and foreign_classes(spec) and not trust:
        names = ", ".join(map(repr, foreign_classes(spec)))
        raise ValueError(
            f"config must be given again for a project that runs {names}. Or say "
            "--trust, if you know who wrote it."
        )
    opened = read(source, merged(known, options, spec), here)
    if not classes and not known and not any(opened.labels):
        raise ValueError(
            "classes must be given for rows that have no label yet, got none. Say "
            "--classes cat,dog; more can be added on the page."
        )
    session = LabelSession(
        opened,
        project=here.folder,
        classes=list(classes or labels_of(opened, known)),
        annotator=annotator,
        train="elsewhere",
        guidelines=guidelines,
        audit=audit,
        repeat=repeat,
        reject_label=reject_label,
    )
    # A folder that has moved is found again; a model given now is the model.
    session.store.meta.update(name=Path(source).name, model=spec, **opened.meta())
    return session


def remembered(project):
    """Return what a project knows of itself; nothing of one that is not there."""
    if not project.exists:
        return {}
    with LabelStore(project.labels) as store:
        return dict(store.meta)


def described(model, strategy):
    """Return the description of a learner, as far as it was given."""
    spec = {} if model is None else model_of(model)
    return spec if strategy is None else {**spec, "strategy": strategy}


def merged(known, options, spec):
    """Return the options of a source: those given now before those of before."""
    given = {name: value for name, value in (options or {}).items() if value}
    before = known.get("options") or {}
    if {"text", "show"} & given.keys():  # one takes the place of the other
        before = {k: v for k, v in before.items() if k not in ("text", "show")}
    if spec and spec.get("input"):
        given["input"] = spec["input"]
    return {**before, **given}


def read(source, options, project):
    """Open a source; files that have not changed since need not be read."""
    meta = {"source": str(source), "options": options}
    if not project.exists:
        return open_source(meta)
    derived = Derived(project.model)
    try:
        return open_source(meta, derived)
    finally:
        derived.close()


def labels_of(source, known):
    """Return the classes that the labels of a new source name."""
    if known:
        return []
    return sorted({label for label in source.labels if label is not None})
