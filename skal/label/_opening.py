"""What a session is given at its start: checked, and agreed with its project."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from skal._checks import check_fraction, check_int
from skal._seed import draw_seed
from skal.label._described import learner_of
from skal.label._models import as_learner
from skal.label._sources import Source, as_source, open_source
from skal.label._sources._given import known_label
from skal.label._spellings import ClassNames, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from skal.label._derived import Derived
    from skal.label._ledger import Ledger
    from skal.label._meta import Meta

#: Shares of rows drawn at random, and shown again, in a new project.
SHARES = {"audit": 0.1, "repeat": 0.0}


def source_of(
    X: Any,
    meta: Meta,
    derived: Derived,
    *,
    ids: Any,
    kind: str | None,
    y: list[Any] | None,
    as_given: bool,
) -> Source:
    """Return the rows: those given, of a file or folder, or those of the project."""
    if X is None or isinstance(X, (str, Path, Source)):
        check_not_given(ids=ids, y=y)
    if X is None:
        return open_source(meta, derived)
    if isinstance(X, (str, Path)):
        options = {} if kind is None else {"kind": kind}
        return open_source({"source": str(X), "options": options}, derived)
    return as_source(X, ids=ids, kind=kind, y=y, as_given=as_given)


def check_start(source: Source, classes: list[Any], meta: Meta, ledger: Ledger) -> None:
    """Refuse what does not go together, before anything of it is written."""
    kind = meta.get("kind", source.kind)
    if kind != source.kind:
        raise ValueError(
            f"X must be rows of the kind {kind!r} as in this project, got "
            f"{source.kind!r}."
        )
    known, added = meta.get("classes", []), ledger.classes
    by_name = {str(value): value for value in (*added, *classes, *known)}
    names = ClassNames(by_name.values())
    for label in {*source.labels} - {None}:
        names.check(label, "y")


def remember(
    meta: Meta,
    source: Source,
    classes: list[Any],
    *,
    random_state: Any,
    guidelines: str | None,
    shares: Mapping[str, float | None],
    reject_label: Any = None,
) -> None:
    """Write what the project is to know of itself, the first time all of it."""
    if "seed" not in meta:
        meta.begin(
            "seed",
            created=time.time(),
            kind=source.kind,
            classes=classes,
            seed=draw_seed(random_state),
            **source.meta(),
        )
    if guidelines is not None:
        meta["guidelines"] = guidelines
    if reject_label is not None:
        meta["reject_label"] = reject_label
    meta.update(
        {
            name: meta.get(name, SHARES[name]) if share is None else share
            for name, share in shares.items()
        }
    )


def learner_for(learner: Any, meta: Meta) -> Any:
    """Return the learner that the user gave, that the project names, or the default."""
    kind, seed, spec = meta["kind"], meta["seed"], meta.get("model")
    if learner is None and spec is not None:
        found = learner_of(spec, kind, seed)
    else:
        found = as_learner(learner, kind, seed)
    if meta.get("reject_label") is not None:
        found.set_params(reject_label=meta["reject_label"])
    return found


def reject_of(
    reject_label: Any, learner: Any, meta: Mapping[str, Any], classes: list[Any]
) -> Any:
    """Return the answer "none of these": given, the project's, or the learner's."""
    of_learner = plain(getattr(learner, "reject_label", None))
    found = meta.get("reject_label") if reject_label is None else plain(reject_label)
    if found is None:
        found = of_learner
    elif of_learner is not None and of_learner != found:
        raise ValueError(
            f"reject_label must be {of_learner!r} as in the learner, got {found!r}. "
            "Leave it out of the learner: the session tells it."
        )
    if found is None:
        return None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    check_reject(found, [*meta.get("classes", []), *classes])
    if found == getattr(learner, "missing_label", -1):
        raise ValueError(
            f"reject_label must not be {found!r}, which marks rows without a label for "
            "the learner. Take another."
        )
    return found


def check_reject(reject_label, classes):
    """Refuse an answer that cannot stand beside the classes."""
    is_word = isinstance(reject_label, str)
    is_answer = is_word or is_whole(reject_label)
    if not is_answer or any(isinstance(one, str) != is_word for one in classes):
        raise ValueError(
            "reject_label must be a word, or a whole number where the classes are, got "
            f"{reject_label!r}."
        )


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def check_rule(stopping, train):
    """Refuse what is no stopping rule, and one that would never be asked."""
    if stopping is None:
        return
    if isinstance(stopping, type) or not hasattr(stopping, "verdict"):
        raise TypeError(
            f"stopping must be None or a rule of skal.stopping, got {stopping!r}."
        )
    if train == "elsewhere":
        raise ValueError(
            'stopping must be None where train="elsewhere", got '
            f"{stopping!r}: the rule looks at the model that the session trains."
        )


def check_share(name, value):
    return None if value is None else check_fraction(name, value)


def check_refit_after(value):
    return None if value is None else check_int("refit_after", value)


def check_learner_given(learner):
    """Refuse what cannot be trained."""
    if learner is not None:
        as_learner(learner, "array")


def check_not_given(**given):
    """Refuse ids and labels of rows that have their own."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name} must be None where the rows of X are not in memory, got "
                f"{value!r:.80}. Read them, and give X, ids and y together."
            )


def plain_list(classes):
    """Return classes as a list of Python's own values."""
    if isinstance(classes, (str, bytes)):
        raise TypeError(f"classes must be a list of every label, got {classes!r}.")
    return [plain(value) for value in (() if classes is None else classes)]


def labels_of(y, classes):
    """Return labels as a list of Python's own values.

    A column of whole numbers with gaps is one of floats in a frame: they are whole
    again, unless classes are no whole numbers themselves.
    """
    labels = [plain(value) for value in y]
    known = [value for value in labels if known_label(value) is not None]
    whole = all(isinstance(value, float) and value.is_integer() for value in known)
    floats = any(isinstance(value, float) for value in classes)
    if len(known) == len(labels) or not whole or floats:
        return labels
    return [None if known_label(value) is None else int(value) for value in labels]


def classes_of(source, y):
    """Return the classes among the labels that there are already."""
    labels = source.labels if y is None else y
    known = {label for label in labels if known_label(label) is not None}
    return sorted(known, key=lambda value: (isinstance(value, str), value))
