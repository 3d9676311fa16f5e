"""What a cell is made of, as plain values that hash alike in every process."""

from __future__ import annotations

import json
from enum import Enum
from functools import partial
from hashlib import sha256
from inspect import isclass
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from skal.experiment._digest import digest
from skal.experiment._own_code import code_digest, own_code
from skal.experiment._public_name import public_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def key_of(definition: Any) -> str:
    """Return the name of a definition: the same for the same content, anywhere."""
    return sha256(as_json(definition).encode()).hexdigest()[:20]


def as_json(value: Any, indent: int | None = None) -> str:
    """Write plain values the same way every time."""
    return json.dumps(value, sort_keys=True, indent=indent, allow_nan=False)


def describe(value: Any, name_of: Callable[[Any], str] = public_name) -> Any:
    """Turn an object into plain values that say what it is, not where it lies.

    Estimators and strategies become their class and parameters, functions their name
    and code, arrays a digest of their content. Classes that are of no installed package
    have their code with them, for it may be edited.

    Parameters
    ----------
    value : object
        What to describe.
    name_of : callable, default=public_name
        Names classes and functions.

    Returns
    -------
    object
        What JSON knows.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):  # not JSON's business: NaN, and floats of other widths
        return float(value) if isfinite(value) else repr(float(value))
    if isinstance(value, list | tuple):
        return [describe(item, name_of) for item in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted(as_json(describe(item, name_of)) for item in value)}
    if isinstance(value, dict):
        return {str(name): describe(item, name_of) for name, item in value.items()}
    return _describe_object(value, name_of)


def _describe_object(value, name_of):
    if isclass(value):
        code = own_code(value)
        return {"class": name_of(value), "code": code} if code else name_of(value)
    if isinstance(value, Path | Enum):
        return str(value)
    if isinstance(value, partial):
        return {
            "partial": describe([value.func, *value.args], name_of),
            "keywords": describe(value.keywords, name_of),
        }
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        around = [value.__defaults__, value.__kwdefaults__, cells]
        return {
            "function": name_of(value),
            "code": code_digest(value.__code__),
            "around": describe(around, name_of),
        }
    named, code = {"class": name_of(type(value))}, own_code(type(value))
    if code:
        named["code"] = code
    if hasattr(value, "get_params"):
        return named | {"params": describe(params_that_count(value), name_of)}
    return named | {"digest": digest(value, name_of)}


def params_that_count(estimator):
    """Return the parameters of an estimator, as they were when results were kept.

    A class names in ``_added_params`` those that it got since, with the value at which
    it is what it was before: there they do not count, and results stay found.
    """
    added = getattr(type(estimator), "_added_params", {})
    return {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in added or not as_before(value, added[name])
    }


def as_before(value, before):
    """Tell whether a parameter has the value that is as if there were none."""
    return type(value) is type(before) and bool(value == before)
