"""What happened to each row, by its id, and what counts today as a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from skal.label._events import Event
    from skal.label._ledger import Ledger
    from skal.label._spellings import ClassNames
    from skal.label._store import LabelStore


class History(Mapping):
    """The events of each row, in order, by the id of the row; read when asked for."""

    def __init__(self, store: LabelStore) -> None:
        self._store = store
        items = sorted(store.items(), key=lambda row: row.present)
        self._numbers = {row.id: row.item for row in items}  # present ones win

    def __getitem__(self, id: Any) -> list[Event]:
        return self._store.events(item=self._numbers[str(id)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"<history of {len(self)} rows: history[id] lists the events of one>"


#: Columns of the frame of labels.
COLUMNS = ("id", "label", "annotator", "time", "source", "round", "score")


def labels_frame(ledger: Ledger, store: LabelStore, classes: ClassNames) -> Any:
    """Return the label of each person on each row, in the order of their labels.

    A row that anybody discarded is left out, as it is in training; a row that is gone
    is where its id is another's by now.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'labels needs pandas. Install it with: pip install "skal[label]", or read '
            "store.current()."
        ) from error
    known = sorted(store.items(), key=lambda row: row.present)
    named = {row.id: row.item for row in known}  # present ones win
    ids: dict[Any, str] = {item: id for id, item in named.items()}
    rows_said = (ledger.said[item] for item in ledger.labels if item in ids)
    said = [event for row in rows_said for event in row.values()]
    labels = sorted((e for e in said if e.kind == "label"), key=lambda event: event.seq)
    rows = [
        (
            ids[event.item],
            classes.value_of(event.value),
            event.annotator,
            pd.Timestamp(event.time, unit="s", tz="UTC"),
            event.source,
            event.model or 0,
            event.score,
        )
        for event in labels
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
