"""Rows that have a label for each of their units: what is measured, what is refused."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from skal._checks import name_of
from skal._model import is_structured
from skal.experiment._measures import UNITS
from skal.metrics import mean_iou

if TYPE_CHECKING:
    from skal import ActiveLearner
    from skal.experiment._data import Data


class UnitAnswers:
    """What a model says of the units of test rows, each thing worked out once.

    Parameters
    ----------
    learner : ActiveLearner
        As of the end of a round.
    X_test, y_test : array-like
        The held-out rows, and what their user gave for each.
    """

    proba = None  # of rows, which have no class

    def __init__(self, learner, X_test, y_test):
        self.learner, self.X_test = learner, X_test
        self.y_test = y_test.tolist() if y_test.dtype == object else y_test

    @property
    def mean_iou(self) -> float:
        """Mean intersection over union of the classes."""
        return mean_iou(self.truth, self.predicted)

    @property
    def pixel_accuracy(self) -> float:
        """The share of the known units whose class is predicted."""
        n_right = n_known = 0
        for truth, answer in zip(self.truth, self.predicted, strict=True):
            known = truth != -1
            n_right += int(np.sum(known & (truth == answer)))
            n_known += int(np.sum(known))
        return n_right / n_known

    @property
    def score(self) -> float:
        """What the estimator's own ``score`` returns."""
        return self.learner.score(self.X_test, self.y_test)

    @cached_property
    def predicted(self) -> Any:
        """The classes of units as predicted."""
        return self.learner.predict(self.X_test)

    @cached_property
    def truth(self) -> list[Any]:
        """The classes of the units of each row, -1 where nobody knows."""
        mark = self.learner.missing_label
        signed = (np.asarray(row, np.int64) for row in self.y_test)
        return [np.where(row == mark, -1, row) for row in signed]


def default_metrics(data: Data, template: Any) -> list[str]:
    """Return what is measured of units where nobody says it.

    Parameters
    ----------
    data : Data
        Rows with a label for each unit.
    template : estimator
        What is trained.

    Returns
    -------
    list of str
        Measures of masks where the labels are masks and the estimator predicts these,
        else its own score.
    """
    if data.are_masks and hasattr(template, "predict"):
        return ["mean_iou", "pixel_accuracy"]
    return ["score"]


def check_unit_metrics(name: str, data: Data, template: Any, metrics: Any) -> None:
    """Refuse measures that labels of units do not have, or an estimator cannot give.

    Parameters
    ----------
    name : str
        Of the data set.
    data : Data
        Rows with a label for each unit.
    template : estimator
        What is trained.
    metrics : str, list, dict or None
        As :class:`Experiment` takes it.
    """
    wanted = default_metrics(data, template) if metrics is None else metrics
    wanted = [wanted] if isinstance(wanted, str) else wanted
    wanted = wanted.values() if isinstance(wanted, dict) else wanted
    way_out = "Give a dict of scorers f(estimator, X, y)."
    for metric in (one for one in wanted if isinstance(one, str)):
        if metric not in UNITS:
            words = ", ".join(map(repr, UNITS))
            raise ValueError(
                f"metrics must be among {words} for {name!r}, whose rows have a label "
                f"for each unit, got {metric!r}. {way_out}"
            )
        if metric != "score" and not data.are_masks:
            raise ValueError(
                f"metrics must be 'score' for {name!r}, whose labels are no masks of "
                f"whole numbers, got {metric!r}. {way_out}"
            )
        method = "score" if metric == "score" else "predict"
        if not hasattr(template, method):
            raise TypeError(
                f"metrics must be what {name_of(template)} can answer, which has no "
                f"{method}, got {metrics!r}. {way_out}"
            )


def check_classes(name: str, data: Data, learner: ActiveLearner) -> None:
    """Refuse masks with classes that an estimator was told there are none of.

    It would find out in the round that first asks for one.

    Parameters
    ----------
    name : str
        Of the data set.
    data : Data
        Rows with a label for each unit.
    learner : ActiveLearner
        Has the estimator, and the mark of what nobody knows.
    """
    classes = getattr(learner._template(), "classes", None)
    if classes is None or not data.are_masks:
        return
    masks = [*data.y, *(() if data.y_test is None else data.y_test)]
    there = set().union(*(np.unique(mask).tolist() for mask in masks))
    if odd := sorted(there - {*classes, -1, learner.missing_label}):
        raise ValueError(
            f"y of {name!r} must hold the classes of {name_of(learner._template())}, "
            f"{list(classes)}, got {odd}. Give every class in classes=, and mark what "
            "nobody knows by -1."
        )


def check_answers(name: str, data: Data, template: Any) -> None:
    """Refuse an estimator that answers for rows where units are asked, and vice versa.

    Parameters
    ----------
    name : str
        Of the data set.
    data : Data
        Its rows.
    template : estimator
        What is trained.
    """
    if is_structured(template) == data.units:
        return
    which = "a label each"
    if data.units:
        which = "a label for each unit, such as a class a pixel"
    raise TypeError(
        f"estimators must answer for {'units of rows' if data.units else 'rows'} for "
        f"{name!r}, whose rows have {which}, got {name_of(template)}."
        + " It has no predict_units; see skal.structured.Units."
        * data.units
    )


def refuse_for_units(parameter: str, value: Any, name: str) -> None:
    """Refuse a parameter that is about one class a row.

    Parameters
    ----------
    parameter : str
        Its name.
    value : object
        What was given; None and False are nothing.
    name : str
        Of a data set whose rows have a label for each unit.
    """
    if value is not None and value is not False:
        raise ValueError(
            f"{parameter} must be left out for {name!r}, whose rows have a label for "
            f"each unit, got {value!r}. It is about one class a row."
        )
