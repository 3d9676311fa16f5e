"""How far people agree, with each other and with themselves, and models too."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skal.label._events import Event


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far people agree on the rows that two of them, or one twice, have labelled.

    Parameters
    ----------
    names : list of str
        The people.
    share : ndarray of float of shape (n, n)
        The share of rows on which two people say the same; on the diagonal, that of
        the rows that one was asked for again. NaN where there are none.
    kappa : ndarray of float of shape (n, n)
        The same beyond what chance would give (Cohen's kappa).
    n_rows : ndarray of int of shape (n, n)
        Of how many rows.

    See Also
    --------
    LabelSession : Shows a share of rows twice, with ``repeat``.

    References
    ----------
    .. [1] J. Cohen (1960). A coefficient of agreement for nominal scales. Educational
       and Psychological Measurement 20(1).

    Examples
    --------
    >>> from skal.label import LabelSession
    >>> session = LabelSession(["a", "b"], classes=["x", "y"], train="elsewhere")
    >>> for who, said in [("ann", "xy"), ("bob", "xx")]:
    ...     _ = session.label_many(["0", "1"], [*said], annotator=who)
    >>> session.agreement.names, float(session.agreement.share[0, 1])
    (['ann', 'bob'], 0.5)
    """

    names: list[str]
    share: np.ndarray
    kappa: np.ndarray
    n_rows: np.ndarray


def agreement_of(
    said: Iterable[Event], again: Iterable[tuple[str, str, str]]
) -> Agreement:
    """Compare labels that count today, and what people said of a row asked again.

    ``again`` are triples of a person, their earlier label, and their later one.
    """
    pairs = defaultdict(list)
    rows: dict[int | None, dict[str, str]] = defaultdict(dict)
    names = []
    for event in said:
        rows[event.item][event.annotator] = str(event.value)
        names.append(event.annotator)
    for name, before, after in again:
        pairs[name, name].append((before, after))
    for labels in rows.values():
        for one in labels:
            for other in labels:
                if one != other:
                    pairs[one, other].append((labels[one], labels[other]))
    names = list(dict.fromkeys(names))
    shape = len(names), len(names)
    share, kappa = np.full(shape, np.nan), np.full(shape, np.nan)
    n_rows = np.zeros(shape, int)
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            both = pairs.get((one, other), [])
            if both:
                n_rows[i, j] = len(both)
                share[i, j] = np.mean([a == b for a, b in both])
                kappa[i, j] = cohens_kappa(both)
    return Agreement(names, share, kappa, n_rows)


def kappa_of_models(
    first: Mapping[int, str], second: Mapping[int, str]
) -> float | None:
    """Compare two models on the rows that both speak of.

    Returns Cohen's kappa: 1 for full agreement, 0 for none beyond chance, or where
    both say one thing only; None without common rows.
    """
    common = first.keys() & second.keys()
    if not common:
        return None
    found = cohens_kappa([(first[item], second[item]) for item in common])
    return 0.0 if np.isnan(found) else found


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Cohen's kappa; NaN where chance alone explains full agreement."""
    names = sorted({name for pair in pairs for name in pair})
    code = {name: i for i, name in enumerate(names)}
    one, other = np.array([[code[a], code[b]] for a, b in pairs]).T
    agree = np.mean(one == other)
    counts = [np.bincount(codes, minlength=len(names)) for codes in (one, other)]
    chance = counts[0] @ counts[1] / len(pairs) ** 2
    return float((agree - chance) / (1 - chance)) if chance < 1 else np.nan
