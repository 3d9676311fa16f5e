"""Where the rows to label come from: folders, files of rows, and what is in memory."""

from skal.label._sources._base import Source
from skal.label._sources._memory import MemorySource
from skal.label._sources._open import as_source, open_source

__all__ = ["MemorySource", "Source", "as_source", "open_source"]
