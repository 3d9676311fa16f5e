"""The estimators and strategies of an experiment, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal import ActiveLearner
from skal._checks import check_choice, name_of
from skal._model import is_structured
from skal.experiment._table_pipeline import on_columns
from skal.query import as_strategy, get_strategy_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skal.experiment._data import Data


def load_estimators(
    estimators: Any, default: str = "logistic"
) -> dict[str, ActiveLearner]:
    """Return a learner to clone for each estimator, by name.

    Parameters
    ----------
    estimators : estimator, str, list, dict or None
        As :class:`Experiment` takes it. An ActiveLearner keeps what it was given, such
        as ``warm_start`` or ``stopping``; anything else is wrapped in a new one.
    default : str, default="logistic"
        What None stands for.

    Returns
    -------
    dict of str to ActiveLearner
        Unfitted learners.
    """
    named = _named("estimators", default if estimators is None else estimators)
    return {name: _learner(name, source) for name, source in named.items()}


def learners_of_data(
    estimators: Any, learners: dict[str, ActiveLearner], data: Data
) -> dict[str, ActiveLearner]:
    """Return the learners that data wants in place of others, by name.

    Parameters
    ----------
    estimators : estimator, str, list, dict or None
        As :class:`Experiment` takes it.
    learners : dict of str to ActiveLearner
        What :func:`load_estimators` made of them.
    data : Data
        What they are to be trained on.

    Returns
    -------
    dict of str to ActiveLearner
        Regressors of the same name for numbers, and Pipelines around what takes numbers
        for tables with words or gaps; mostly none.
    """
    named = dict.fromkeys(learners, "") if estimators is None else estimators
    named = _named("estimators", named)
    others = {name: _other(named[name], one, data) for name, one in learners.items()}
    return {name: other for name, other in others.items() if other is not None}


def serve_numbers(estimators: Any) -> bool:
    """Tell whether all estimators may be regressors, and one is nothing else."""
    if estimators is None:
        return False
    named = _named("estimators", estimators)
    sure = [is_regressor(_learner(*one)._template()) for one in named.items()]
    may_be = [isinstance(one, str) and one in REGRESSORS for one in named.values()]
    return any(sure) and all(np.logical_or(sure, may_be))


def serve_units(estimators: Any) -> bool:
    """Tell whether an estimator answers for units of rows, such as pixels."""
    if estimators is None:
        return False
    learners = load_estimators(estimators).values()
    return any(is_structured(one._template()) for one in learners)


def default_estimator(data: dict[str, Data]) -> str:
    """Return the name of what is trained where nobody says it."""
    if all(one.units for one in data.values()):
        return "unet"
    return "logistic" if any(one.is_classes for one in data.values()) else "ridge"


def load_strategies(strategies: Any) -> dict[str, Any]:
    """Return the strategies by name, checked.

    Parameters
    ----------
    strategies : str, QueryStrategy, callable, list or dict
        As :class:`Experiment` takes it.

    Returns
    -------
    dict of str to object
        What goes into ``query_strategy=``.
    """
    named = _named("strategies", strategies)
    for strategy in named.values():
        as_strategy(strategy, "strategies")  # an unknown name is an error
    return named


def _named(parameter, things):
    """Return a dict of name to thing."""
    if isinstance(things, dict):
        named = {str(name): thing for name, thing in things.items()}
    else:
        things = things if isinstance(things, list | tuple) else [things]
        named = by_name(parameter, things, _name)
    if not named:
        raise ValueError(f"{parameter} must name at least one, got none.")
    return named


def by_name(
    parameter: str, things: Sequence[Any], name_of: Callable[[Any], str]
) -> dict[str, Any]:
    """Return a dict of name to thing; refuse two of one name."""
    names = [name_of(thing) for thing in things]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{parameter} must have names of their own, got {twice} more than once. "
            "Name them in a dict."
        )
    return dict(zip(names, things, strict=True))


def _name(thing):
    """Name a thing as a person would: an alias, a function's name, or its repr."""
    if isinstance(thing, str):
        return thing
    if hasattr(thing, "get_params"):
        text = " ".join(repr(thing).split())
        aliases = {repr(as_strategy(name)): name for name in get_strategy_names()}
        return aliases.get(text, text.removesuffix("()"))
    return getattr(thing, "__name__", name_of(thing))


def _other(source, learner, data):
    """Return the learner that data wants in place of another, None where it does not.

    A Pipeline of the user's own knows its columns; what goes by a name has none.
    """
    named = isinstance(source, str)
    other = None
    is_known = named and source in REGRESSORS
    if (
        is_known
        and data.target_type == "regression"
        and not is_regressor(learner._template())
    ):
        other = learner = ActiveLearner(REGRESSORS[source]())
    if data.columns is None:
        return other
    estimator = learner._template()
    if isinstance(estimator, Pipeline):
        if not named:
            return None
        estimator = estimator[-1]  # less what takes care of images, and scales
    return clone(learner).set_params(estimator=on_columns(clone(estimator)))


def _learner(name, source):
    known = {**REGRESSORS, **UNIT_ESTIMATORS, **ESTIMATORS}
    if isinstance(source, str):
        source = known[check_choice("estimators", source, known)]()
    if isinstance(source, ActiveLearner):
        return clone(source)
    if isinstance(source, type) or not hasattr(source, "fit"):
        raise TypeError(
            f"estimators must have fit, got {source!r} for {name!r}. Known by name "
            f"are {', '.join(map(repr, sorted(known)))}."
        )
    return ActiveLearner(source)


# Estimators that go by a name ---------------------------------------------------


def flat(X: Any) -> Any:
    """Return the rows as a table, for images and the like."""
    return X.reshape(len(X), -1) if np.ndim(X) > 2 else X


def _on_tables(*steps):
    """Return a Pipeline that takes images too."""
    return make_pipeline(FunctionTransformer(flat), *steps)


def _logistic():
    from sklearn.linear_model import LogisticRegression

    return _on_tables(StandardScaler(), LogisticRegression(max_iter=1000))


def _forest():
    from sklearn.ensemble import RandomForestClassifier

    return _on_tables(RandomForestClassifier())


def _ridge():
    from sklearn.linear_model import Ridge

    return _on_tables(StandardScaler(), Ridge())


def _forest_of_numbers():
    from sklearn.ensemble import RandomForestRegressor

    return _on_tables(RandomForestRegressor())


def _cnn():
    from skal.nets import CNNClassifier

    return CNNClassifier()


def _resnet():
    from skal.nets import ResNetClassifier

    return ResNetClassifier(width=16)


def _unet():
    from skal.nets import SegmentationNet

    return SegmentationNet()


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "cnn": _cnn,
    "forest": _forest,
    "logistic": _logistic,
    "resnet": _resnet,
}
#: What answers for units of rows.
UNIT_ESTIMATORS: dict[str, Callable[[], Any]] = {"unet": _unet}
#: What a name means where labels are numbers.
REGRESSORS: dict[str, Callable[[], Any]] = {
    "forest": _forest_of_numbers,
    "ridge": _ridge,
}
