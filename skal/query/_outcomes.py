"""What came of earlier questions, from the history and the labels alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

#: An error of a regressor is large or small among so many before it.
_WINDOW = 50


@dataclass
class Outcome:
    """A query that several arms had a hand in, and its answers so far.

    ``info`` is what the strategy told then, ``asked`` says which of its picks have
    answers, ``places`` where these stand among all rows that have one. Both are in the
    order of the picks, in whichever order the answers came.
    """

    info: dict[str, Any]
    asked: NDArray[np.int64]
    places: NDArray[np.int64]

    @property
    def arms(self) -> NDArray[np.int64]:
        """The number of the arm that asked for each of the answered rows."""
        names = self.info["arms"]
        order = np.argsort(names)
        by = self.info["base"][self.asked]
        return order[np.searchsorted(names, by, sorter=order)]

    @property
    def is_alive(self) -> NDArray[np.bool_]:
        """Which arms were able to pick."""
        return ~np.isin(self.info["arms"], [*self.info.get("failed", {})])


def outcomes_of(view: Any, names: Any, told: Any = ()) -> list[Outcome]:
    """List the queries of the arms of these names that have answers.

    Only those that have ``told`` all that is wanted: another policy may have asked. A
    query that is answered in parts is one query: it is told by the number of labels
    before it and the rows that it asked for. Answers that were taken back are gone, and
    a query that has none left is as if it had never been.
    """
    found: dict[Any, Outcome] = {}
    for info, rows, places in rounds_of(view):
        if not np.array_equal(info.get("arms", ()), names) or set(told) - info.keys():
            continue
        asked = places_in(info["rows"], rows)
        known = (asked >= 0) & (places >= 0)
        asked, places = asked[known], places[known]
        query = info["n_labels"], info["rows"].tobytes()
        before = found.pop(query, None)
        if before is not None:
            asked = np.append(before.asked, asked)
            places = np.append(before.places, places)
        order = np.argsort(asked)
        found[query] = Outcome(info, asked[order], places[order])
    return [outcome for outcome in found.values() if len(outcome.asked)]


def rounds_of(view: Any) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """Yield what was told in each round, the rows asked, and where their labels are.

    A history from elsewhere does not say where they are: there they follow each other.
    """
    history = view.history
    if view.y_training is None or "info" not in history:
        return
    where = history.get("places")
    if where is None:
        where = np.split(np.arange(n_asked(view)), history["n_labels"][:-1])
    yield from zip(history["info"], history["pool_indices"], where, strict=True)


def n_asked(view: Any) -> int:
    """Count the rows that were asked for and answered, rejected ones too."""
    return view.n_labels if view.is_rejected is None else len(view.is_rejected)


def places_in(rows, wanted):
    """Return where each wanted number stands among different ones, -1 for nowhere."""
    order = np.argsort(rows)
    places = np.searchsorted(rows, wanted, sorter=order)
    places = order[np.minimum(places, len(rows) - 1)]
    return np.where(rows[places] == wanted, places, -1)


def surprises_of(view: Any, outcomes: list[Outcome], graded: bool = False) -> list[Any]:
    """Return how wrong the model was on each answered row, before it learnt it.

    0 is right, 1 is wrong, of several labels the share that was wrong. ``graded`` takes
    1 - the probability of the answer where it was told. For a regressor it is the share
    of the errors before it, or with it, that were smaller. Rejected rows teach nothing.
    """
    if view.y_training is None:
        return []
    y = view.in_order(view.y_training)
    errors = [error_of(view, y, outcome, graded) for outcome in outcomes]
    if view.target_type == "regression":
        errors = standings(errors)
    if view.is_rejected is None:
        return errors
    return [
        np.where(view.is_rejected[outcome.places], 0.0, error)
        for outcome, error in zip(outcomes, errors, strict=True)
    ]


def error_of(view, y, outcome, graded):
    """Return how far off the model was, a number an answered row."""
    info, y = outcome.info, y[outcome.places]
    predicted = np.asarray(info["predicted"])[outcome.asked]
    if view.target_type == "regression":
        return np.abs(predicted - y).reshape(len(y), -1).mean(axis=1)
    if view.target_type == "multilabel":
        known = ~np.isnan(np.asarray(y, float))
        wrong = known & (predicted != y)
        return wrong.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    if graded and "proba" in info:
        column = places_in(np.asarray(info["classes"]), y)
        proba = info["proba"][outcome.asked, column]
        return 1.0 - np.where(column >= 0, proba, 0.0)
    return (predicted != y).astype(float)


def standings(errors):
    """Return the share of errors that were smaller, among a window before each batch.

    Half of those that were as large count as smaller.
    """
    out, before = [], np.empty(0)
    for batch in errors:
        before = np.append(before, batch)[-max(_WINDOW, len(batch)) :]
        less = (before[:, None] < batch).mean(axis=0)
        same = (before[:, None] == batch).mean(axis=0)
        out.append(less + same / 2)
    return out


def base_of(info: dict[str, Any]) -> NDArray[Any]:
    """Return who picked each row of a query, empty where it does not tell.

    A name is empty where nobody in particular did.
    """
    base = np.asarray(info.get("base", ()))
    return base if base.ndim == 1 else np.empty(0)  # a function may tell anything


def asked_by(view: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return who asked for each labelled row, and how wrong the model was on it.

    The name is empty where nobody is told to have asked, the number NaN where nothing
    is told of what the model expected.
    """
    names, wrong = np.full(n_asked(view), "", object), np.full(n_asked(view), np.nan)
    expected = []
    for info, rows, places in rounds_of(view):
        base = base_of(info)
        asked = np.arange(len(rows))
        if "rows" in info:
            asked = places_in(info["rows"], rows)
        elif len(base) != len(rows):  # in which order, nobody knows
            continue
        known = (asked >= 0) & (places >= 0)
        names[places[known]] = base[asked[known]]
        if "predicted" in info:
            expected.append(Outcome(info, asked[known], places[known]))
    for outcome, surprise in zip(expected, surprises_of(view, expected), strict=True):
        wrong[outcome.places] = surprise
    return names, wrong
