"""Label by hand: a session, its record, a page, a widget, files in and out.

A session asks, a store keeps, a trainer ranks; they meet in the files of a project.
Uses the public doors of the rooms below; the command line uses this one.
"""

from typing import TYPE_CHECKING

from skal.label import _backend, _desk
from skal.label._agreement import Agreement
from skal.label._events import Event
from skal.label._export import export_labels
from skal.label._import import import_labels, undo_import
from skal.label._import_report import ImportReport
from skal.label._item import Item
from skal.label._leases import Lease
from skal.label._open import open_source
from skal.label._session import LabelSession
from skal.label._store import LabelStore
from skal.label._stored_items import StoredItem

if TYPE_CHECKING:
    from typing import Any

#: What ``skal label`` is made of; not for users.
command_line = _desk
#: What ``skal ls-backend`` is made of; not for users.
ml_backend = _backend

__all__ = [
    "Agreement",
    "Event",
    "ImportReport",
    "Item",
    "LabelSession",
    "LabelStore",
    "Lease",
    "StoredItem",
    "export_labels",
    "import_labels",
    "open_source",
    "undo_import",
]


def __getattr__(name: str) -> "Any":
    if name == "LabelWidget":  # anywidget: not for all
        from skal.label._widget import LabelWidget

        return LabelWidget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
