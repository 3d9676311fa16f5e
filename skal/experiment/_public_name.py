"""The name by which users import an object, wherever its file lies."""

from __future__ import annotations

import sys
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

#: Packages whose private modules hold no code of users, so that a name is enough.
LIBRARIES = ("numpy", "scipy", "skal", "sklearn", "skorch", "torch")


def public_name(thing: Any) -> str:
    """Return the dotted name of a class or a function.

    Parameters
    ----------
    thing : class or function
        Of any package.

    Returns
    -------
    str
        Its name in the outermost public module that shows it. What no such module
        shows goes by the module that defines it; in libraries, without private parts.
    """
    for module in _public_modules(thing.__module__):
        if _shown(module, thing.__qualname__) is thing:
            return f"{module}.{thing.__qualname__}"
    return without_private_parts(f"{thing.__module__}.{thing.__qualname__}")


def without_private_parts(path: str) -> str:
    """Return the path in a library less its private modules; other paths stay."""
    parts = path.split(".")
    if parts[0] not in LIBRARIES:
        return path
    *modules, name = parts
    return ".".join([*(part for part in modules if not part.startswith("_")), name])


def _public_modules(module):
    """List the packages around a module, from the outermost, as far as public."""
    parts = module.split(".")
    for i, part in enumerate(parts):
        if part.startswith("_"):
            return
        yield ".".join(parts[: i + 1])


def _shown(module, name):
    """Return what a module shows under a name, None where it is nothing."""
    try:
        return attrgetter(name)(sys.modules.get(module))
    except AttributeError:
        return None
