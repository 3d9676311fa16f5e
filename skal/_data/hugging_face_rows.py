"""Rows of a Dataset of Hugging Face."""

from skal._data.columns import check_columns, rows_of_table
from skal._data.stored_rows import StoredRows


class HuggingFaceRows(StoredRows):
    """Rows of a Dataset of Hugging Face, whose Arrow files are mapped into memory.

    Columns that its format leaves out are left out.
    """

    def __init__(self, X):
        names = X.format["columns"]
        if X.format["type"] == "custom":
            raise TypeError(
                "X must hold its rows, got a Dataset that makes them by a transform. "
                "Pass skal.nets.DatasetPool(X, target=...), or X.map(...) in place of "
                "X.with_transform(...)."
            )
        decoded = [
            name for name in names if hasattr(X.features[name], "decode_example")
        ]
        if decoded:
            raise TypeError(
                f"X must hold numbers and texts, got {decoded[0]!r}, a column of "
                f"{type(X.features[decoded[0]]).__name__}. Pass "
                "skal.nets.DatasetPool(X, target=...) to a network, or leave it out: "
                f"X.remove_columns({decoded!r})."
            )
        self._table = X.with_format("arrow", columns=names)
        few = self._table[: min(100, len(X))]
        check_columns(few.schema)
        super().__init__(X, len(X), few.nbytes / max(1, len(few)))

    def _rising(self, positions):
        dense = len(positions) and positions[-1] + 1 - positions[0] == len(positions)
        where = (
            slice(int(positions[0]), int(positions[-1]) + 1)
            if dense
            else positions.tolist()
        )
        return rows_of_table(self._table[where], positions)
