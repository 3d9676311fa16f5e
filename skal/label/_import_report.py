"""What a file of labels would bring, or has brought, into a project."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

#: How many of each kind a report names.
NAMED = 5


class Conflict(NamedTuple):
    """A record that speaks against what is in the project.

    Parameters
    ----------
    place : str
        Where it stands in the file.
    id : str
        The row.
    annotator : str
        Who said both.
    here : str
        What the project has.
    there : str
        What the file says.
    """

    place: str
    id: str
    annotator: str
    here: str
    there: str


@dataclass
class ImportReport:
    """What a file would bring, or has brought, into a project.

    Parameters
    ----------
    path : Path
        The file.
    n_read : int
        Records that say something.
    matched : int
        Those whose row is in the project.
    same : int
        Those of them that the project holds already.
    new : int
        Those of them that are written, or would be.
    unknown_ids : list of str
        Rows that the project does not have.
    changed : list of str
        Rows that hold something else than they did when the file was made.
    unknown_classes : dict of str to int
        Classes that the project does not have, and how often they come.
    conflicts : list of Conflict
        What the same people have said otherwise in the project.
    problems : list of str
        Rows of the file that cannot be read.
    batches : dict of str to str
        The name of what was written of each person, which is one undo of theirs; empty
        if nothing was.

    See Also
    --------
    import_labels : Makes it.
    undo_import : Takes back the whole import.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skal.label import ImportReport
    >>> print(ImportReport(Path("labels.csv"), n_read=2, matched=2, same=2))
    labels.csv: 2 labels, skips and discards
      2 match rows of the project
      2 of them are there already
      0 are new
    """

    path: Path
    n_read: int = 0
    matched: int = 0
    same: int = 0
    new: int = 0
    unknown_ids: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unknown_classes: dict[str, int] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    batches: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Tell it in words, the first few of each kind by name."""
        clashes = [
            f"{c.id!r} by {c.annotator}: {c.here} here, {c.there} there"
            for c in self.conflicts
        ]
        classes = [f"{name!r} ({n} times)" for name, n in self.unknown_classes.items()]
        lines = [
            f"{self.path}: {self.n_read} labels, skips and discards",
            f"  {self.matched} match rows of the project",
            f"  {self.same} of them are there already",
            f"  {self.new} are new",
            *_named("unknown rows", [repr(name) for name in self.unknown_ids]),
            *_named("rows that hold something else now", map(repr, self.changed)),
            *_named("unknown classes", classes),
            *_named("conflicts", clashes),
            *_named("rows that cannot be read", self.problems),
        ]
        return "\n".join(lines)


def _named(what, names):
    names = list(names)
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"  {len(names)} {what}: {', '.join(names[:NAMED])}{more}"
