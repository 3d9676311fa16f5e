"""Where the rows to label come from: folders, files of rows, and what is in memory."""

from skal.label._sources._base import Source
from skal.label._sources._folder import ImageFolder
from skal.label._sources._memory import MemorySource
from skal.label._sources._open import as_source, open_source
from skal.label._sources._safe_image import in_colour, open_image, unreadable
from skal.label._sources._table import TableFile

__all__ = [
    "ImageFolder",
    "MemorySource",
    "Source",
    "TableFile",
    "as_source",
    "in_colour",
    "open_image",
    "open_source",
    "unreadable",
]
