"""A digest of what an object holds, whatever modules its classes lie in."""

from __future__ import annotations

import pickle
from types import FunctionType
from typing import TYPE_CHECKING

from joblib.hashing import NumpyHasher

from skal.experiment._public_name import public_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def digest(value: Any, name_of: Callable[[Any], str] = public_name) -> str:
    """Return joblib's hash of an object, with its classes and functions named.

    Parameters
    ----------
    value : object
        An array, or anything that can be pickled.
    name_of : callable, default=public_name
        Names classes and functions; joblib takes the modules that define them.

    Returns
    -------
    str
        The same for the same content, in every process.
    """
    return _NamingHasher(name_of).hash(value)


class _NamingHasher(NumpyHasher):
    """A pickler that writes other names than pickle would."""

    def __init__(self, name_of):
        super().__init__()
        self.name_of = name_of

    def save_global(self, obj, name=None):
        path = _path(obj)
        if name is None and path is not None and self.name_of(obj) != path:
            module = self.name_of(obj)[: -len(obj.__qualname__) - 1]
            self.write(pickle.GLOBAL + f"{module}\n{obj.__qualname__}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch = NumpyHasher.dispatch | {type: save_global, FunctionType: save_global}


def _path(obj):
    """Return where a class or a function is defined, None for anything else."""
    if not isinstance(obj, type | FunctionType):
        return None
    return f"{obj.__module__}.{obj.__qualname__}"
