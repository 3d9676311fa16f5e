"""Read pickles that hold arrays, and nothing else."""

from __future__ import annotations

import pickle

import numpy as np

_RECONSTRUCT = np.zeros(1).__reduce__()[0]
_FROM_BUFFER = np.zeros(1).__reduce_ex__(5)[0]
#: All that a pickle of arrays, lists and strings needs to call, by every name that
#: it has had: numpy's core moved in version 2.
_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin-1"),
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _RECONSTRUCT),
            ("numeric", "_frombuffer", _FROM_BUFFER),
        )
    },
}


class ArraysOnly(pickle.Unpickler):
    """An unpickler that refuses to import anything but what arrays are made of.

    A pickle may run any code when it is read; this one cannot.
    """

    def find_class(self, module, name):
        """Return what the pickle asks for, if it is harmless."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def read_pickle(file, name):
    """Return what a pickle of arrays, lists and strings holds; keys are bytes."""
    try:
        return ArraysOnly(file, encoding="bytes").load()
    # A damaged pickle may ask for anything, and fail in any of these ways.
    except (
        *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError),
        *(KeyError, MemoryError, OverflowError, TypeError, ValueError),
    ) as error:
        raise ValueError(
            f"{name!r} must be a pickle of arrays, got one that cannot be read: "
            f"{error}. Fetch the file again."
        ) from error
