"""Digests of content: what a row is known by, wherever it lies."""

from __future__ import annotations

import json
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def digest_of_bytes(content: bytes) -> str:
    """Return the digest of a file's content.

    Parameters
    ----------
    content : bytes
        The content.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    return f"sha256:{sha256(content).hexdigest()}"


def digest_of_text(text: str) -> str:
    """Return the digest of a text, the same however its accents and lines are written.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    lines = unicodedata.normalize("NFC", text).splitlines()
    plain = "\n".join(line.rstrip() for line in lines).strip()
    return digest_of_bytes(plain.encode("utf-8", "surrogatepass"))


def digest_of_fields(fields: Mapping[str, Any]) -> str:
    """Return the digest of a row of a table, whatever the order of its columns.

    Parameters
    ----------
    fields : mapping
        Values by column.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    plain = {str(name): _plain(value) for name, value in fields.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return digest_of_bytes(text.encode("utf-8", "surrogatepass"))


def digest_of_array(row: Any) -> str:
    """Return the digest of a row of an array or of a CSR matrix.

    Parameters
    ----------
    row : array-like
        The row.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    if hasattr(row, "tocsr"):
        row = row.tocsr()
        row.sort_indices()
        parts = [np.asarray(row.indices, np.int64), np.asarray(row.data)]
    else:
        parts = [np.asarray(row)]
    if any(part.dtype.hasobject for part in parts):
        values = np.ravel(parts[0]).tolist()
        return digest_of_fields({str(i): value for i, value in enumerate(values)})
    head = ";".join(f"{part.dtype.str}{part.shape}" for part in parts).encode()
    return digest_of_bytes(head + b"".join(part.tobytes() for part in parts))


def _plain(value):
    """Return a value as JSON can hold it: 1.0 and 1 are one number, a gap is None."""
    if value is None or value != value:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool | int | float | str):
        return value
    return str(value)
