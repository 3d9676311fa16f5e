"""Labels as files: what was said of each row, written down and read again.

A file is a list of ``Record``; nothing here knows stores, sessions or models.
"""

from skal.label._formats._any import (
    FILE_ENDINGS,
    FORMATS,
    format_of,
    read_records,
    write_records,
)
from skal.label._formats._image_folder import is_export
from skal.label._formats._record import Record

__all__ = [
    "FILE_ENDINGS",
    "FORMATS",
    "Record",
    "format_of",
    "is_export",
    "read_records",
    "write_records",
]
