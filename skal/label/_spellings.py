"""The names of the classes: exact ones, near ones, and new ones."""

from __future__ import annotations

import unicodedata
import warnings
from difflib import get_close_matches
from typing import TYPE_CHECKING

from skal._checks import check_classes, nearest_first
from skal.label._events import check_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


#: Classes that a message names.
SHOWN = 20


class ClassNames:
    """The classes of a session: what users call them, and the text that stores them.

    Classes may be words or numbers; each is stored as the text that ``str`` makes of
    it. They are numbers where all the first ones are.
    """

    def __init__(self, classes: Iterable[Any] = (), added: Iterable[str] = ()) -> None:
        self._named: dict[str, Any] = {}
        check_classes(list(classes) or None)
        for given in classes:
            value = plain(given)
            check_text("classes", str(value))
            if str(value) in self._named:
                raise ValueError(f"classes must be unique, got {given!r} twice.")
            self._named[str(value)] = value
        self._numbers = bool(self._named) and all(
            isinstance(value, int) for value in self._named.values()
        )
        #: The names that were added since, in order.
        self.added: list[str] = []
        for name in added:
            self.add(name)

    def warn_of_twins(self) -> None:
        """Warn of classes that a person would take for one."""
        seen: dict[str, str] = {}
        for name in self._named:
            twin = seen.setdefault(folded(name), name)
            if twin != name:
                warnings.warn(
                    f"classes holds {twin!r} and {name!r}, which differ in case or "
                    "spaces alone.",
                    UserWarning,
                    stacklevel=3,
                )

    @property
    def values(self) -> list[Any]:
        """The classes as their user gave them."""
        return list(self._named.values())

    @property
    def names(self) -> list[str]:
        """The classes as they are stored."""
        return list(self._named)

    def value_of(self, name: str | None) -> Any:
        """Return a class by its stored name; what is no class stays text."""
        return self._named.get(name, name)  # type: ignore[arg-type]

    def check(self, value: Any, name: str = "value") -> str:
        """Return the stored name of a class; refuse one that is not known."""
        text = str(self._whole(plain(value)))
        if text in self._named:
            return text
        close = self.twin(text) or next(iter(self.near(text, 0.6)), None)
        hint = "" if close is None else f" Did you mean {self.value_of(close)!r}?"
        raise ValueError(
            f"{name} must be one of {self._listed(text)}, got {value!r}.{hint} "
            f"add_class({value!r}) makes it a class."
        )

    def _whole(self, value):
        """Return 1.0 as 1 where classes are whole; columns with gaps have it."""
        whole = self._numbers and isinstance(value, float) and value.is_integer()
        return int(value) if whole else value

    def _listed(self, text):
        """Name the classes in a message: all, or those most like a word."""
        if not self._named:
            return "the classes, of which there is none"
        words = self.names if self._numbers else nearest_first(text, self._named)
        shown = [repr(self.value_of(word)) for word in words[:SHOWN]]
        more = len(words) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")

    def check_new(self, value: Any, near: bool = False) -> str:
        """Return the name to store for a new class; say which ones it looks like."""
        text = str(self._whole(plain(value)))
        check_text("name", text, most=200)
        if self._numbers:
            if as_number(text) is None:
                raise ValueError(
                    f"name must be a number like the other classes, got {value!r}."
                )
            text = str(as_number(text))  # 01 is 1, and no other class
        if text in self._named:
            return text
        twin = self.twin(text)
        if not near and twin is not None:
            raise ValueError(
                f"name must differ from {twin!r} in more than case or spaces, got "
                f"{value!r}. Use {twin!r}, or add_class({value!r}, near=True)."
            )
        if not near and text != text.strip():
            raise ValueError(
                f"name must have no spaces around it, got {value!r}. Leave them out, "
                f"or add_class({value!r}, near=True)."
            )
        close = self.near(text)
        if not near and close:
            warnings.warn(
                f"The new class {text!r} is spelt much like {close[0]!r}. If it is the "
                "same, undo the labels of one of them.",
                UserWarning,
                stacklevel=4,
            )
        return text

    def add(self, name: str) -> None:
        """Know a class by the name that was stored for it."""
        self.added.append(name)  # also where it was there from the start
        if name not in self._named:
            self._named[name] = as_number(name) if self._numbers else name

    def twin(self, text: str) -> str | None:
        """Return a class that differs in case, accents' encoding or spaces alone."""
        key = folded(text)
        return next((name for name in self._named if folded(name) == key), None)

    def near(self, text: str, cutoff: float = 0.8) -> list[str]:
        """Return the classes that are spelt almost like a word."""
        if self._numbers:
            return []
        keys = {folded(name): name for name in self._named}
        close = get_close_matches(folded(text), keys, cutoff=cutoff)
        return [keys[key] for key in close]


def plain(value):
    """Return a numpy scalar as Python's own."""
    return value.item() if hasattr(value, "item") else value


def folded(text):
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def as_number(text):
    try:
        return int(text)
    except ValueError:
        return None
