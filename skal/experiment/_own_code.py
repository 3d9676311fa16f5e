"""The code of classes that users wrote themselves, which they may edit at any time."""

from __future__ import annotations

import dis
import sys
import sysconfig
from functools import cached_property
from hashlib import sha256
from inspect import isclass, unwrap
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from skal.experiment._public_name import LIBRARIES

if TYPE_CHECKING:
    from typing import Any

_STANDARD = [
    Path(sysconfig.get_path(one)).resolve() for one in ("stdlib", "platstdlib")
]
_PACKAGES = {"dist-packages", "site-packages"}
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def own_code(kind: type) -> str | None:
    """Return a digest of what the methods of a class do, None for installed classes.

    What they call of the same module counts as well, and so do plain constants that
    they read there.

    Parameters
    ----------
    kind : type
        The class.

    Returns
    -------
    str or None
        The digest.
    """
    if not any(map(_is_own, kind.__mro__)):
        return None
    parts: dict[str, str] = {}
    for one in kind.__mro__:
        _add(one, parts)
    text = "\0".join(f"{name}={parts[name]}" for name in sorted(parts))
    return sha256(text.encode()).hexdigest()[:20]


def code_digest(code: CodeType) -> str:
    """Return a digest of what a function does, without its place in a file."""
    constants = [
        code_digest(constant) if isinstance(constant, CodeType) else _in_words(constant)
        for constant in code.co_consts
    ]
    parts = [code.co_code.hex(), *map(str, code.co_names), *constants]
    return sha256("\0".join(parts).encode()).hexdigest()[:20]


def _in_words(constant):
    """Return the repr of a constant; the order of a set differs between processes."""
    if isinstance(constant, frozenset):
        return f"frozenset({{{', '.join(sorted(map(repr, constant)))}}})"
    return repr(constant)


def _is_own(thing):
    """Tell whether a class or a function is of no installed package."""
    name = thing.__module__
    if name.partition(".")[0] in (*LIBRARIES, "builtins"):
        return False
    path = getattr(sys.modules.get(name), "__file__", None)
    if path is None:  # a notebook has no file, and neither has what is built in
        return name == "__main__"
    file = Path(path).resolve()
    standard = any(file.is_relative_to(one) for one in _STANDARD)
    return not standard and _PACKAGES.isdisjoint(file.parts)


def _add(thing, parts):
    """Add what a class or a function is made of, by name."""
    if not _is_own(thing):
        return
    name = f"{thing.__module__}.{thing.__qualname__}"
    if isclass(thing):
        if name in parts:
            return
        parts[name] = "class"
        for attribute, value in vars(thing).items():
            _add_value(f"{name}.{attribute}", attribute, value, thing.__module__, parts)
        return
    _add_function(name, unwrap(thing), parts)


def _add_value(name, attribute, value, module, parts):
    """Add an attribute of a class, or a global: functions, classes, plain constants."""
    for function in _functions(value):
        _add_function(f"{name}:{function.__qualname__}", function, parts)
    if isclass(value) and value.__module__ == module:
        _add(value, parts)
    elif _is_plain(value) and not attribute.startswith("__"):
        parts[name] = repr(value)


def _functions(value):
    """Return the functions that a method of any kind is made of."""
    if isinstance(value, FunctionType):
        return [unwrap(value)]
    if isinstance(value, staticmethod | classmethod):
        return _functions(value.__func__)
    if isinstance(value, cached_property):
        return _functions(value.func)
    if isinstance(value, property):
        return [f for one in (value.fget, value.fset) if one for f in _functions(one)]
    return []


def _add_function(name, function, parts):
    """Add a function, and what it reads of its module."""
    if name in parts:
        return
    defaults = [one for one in function.__defaults__ or () if _is_plain(one)]
    parts[name] = f"{code_digest(function.__code__)}{defaults!r}"
    module, around = function.__module__, function.__globals__
    read, written = _globals_of(function.__code__)
    for one in read - written:
        value = around.get(one)
        of_here = getattr(value, "__module__", None) == module
        if one in around and (of_here or _is_plain(value)):
            _add_value(f"{module}.{one}", one, value, module, parts)


def _globals_of(code):
    """Return the names that a code reads of its module, and those it writes there."""
    read, written = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(step.argval)
        elif step.opname == "STORE_GLOBAL":
            written.add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            more_read, more_written = _globals_of(constant)
            read |= more_read
            written |= more_written
    return read, written


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)
