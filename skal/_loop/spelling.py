"""Classes that may be one, spelt in two ways."""

from unicodedata import normalize
from warnings import warn


def warn_of_spelling(classes, known, stacklevel):
    """Say which new classes differ from others in case, blanks or accents' form alone.

    ``known`` are the classes that there were before, of which nothing is said.
    """
    if classes is None or classes.dtype.kind not in "US":
        return
    spelt: dict[str, list[str]] = {}
    for name in classes.tolist():
        spelt.setdefault(plain(name), []).append(name)
    new = set(classes.tolist()) - set(known)
    alike = [names for names in spelt.values() if len(names) > 1 and new & {*names}]
    if alike:
        words = "; ".join(" and ".join(map(repr, names)) for names in alike)
        warn(
            f"y holds classes that differ in case or blanks alone: {words}. If they "
            "are one, correct(positions, labels) mends the labels; if not, "
            "classes= says so.",
            stacklevel=stacklevel,
        )


def plain(name):
    """Return a name without what may be a slip of the keyboard."""
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return " ".join(normalize("NFKC", text).casefold().split())
