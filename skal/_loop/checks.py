"""What a learner refuses before any work: its parameters, and parts that do not fit."""

from inspect import isclass
from math import isnan
from numbers import Integral, Real
from types import NoneType

from sklearn.base import is_regressor
from sklearn.utils import get_tags

from skal._checks import check_classes, check_int, name_of
from skal._data import check_reject_label, check_unmarked
from skal._loop.batch_sizes import check_sizes, size_in_round
from skal._loop.budget import check_amount
from skal._loop.initial import resolve_initial
from skal._loop.training import warm_start_param
from skal._loop.units import asks_units
from skal._model import find_layer, is_structured, layers
from skal.query import CallableStrategy, as_strategy, check_beside, check_reach
from skal.structured import Units


def check_learner(learner, template, *, has_costs=False):
    """Refuse parameters that no run could use; the template is what will be fitted."""
    if not hasattr(template, "fit") or isclass(learner.estimator):
        raise TypeError(
            "estimator must be an estimator with fit, or None, got "
            f"{learner.estimator!r}."
        )
    check_int("n_initial", learner.n_initial)
    check_sizes("batch_size", learner.batch_size)
    as_strategy(learner.query_strategy)
    check_classes(learner.classes)
    if learner.n_labels is not None:
        check_amount(learner.n_labels, has_costs)
    if not isinstance(learner.missing_label, (Real, str, NoneType)):
        raise TypeError(
            "missing_label must be a number, a word or None, got "
            f"{learner.missing_label!r}."
        )
    if learner.classes is not None and not is_regressor(template):
        check_unmarked(learner.classes, learner.missing_label)
    if has_costs and asks_units(learner.query_strategy):
        raise ValueError(
            "costs must be None where parts of rows are asked for, got them with "
            f"query_strategy={learner.query_strategy!r}. Parts count, and cost, the "
            "same."
        )
    if is_structured(template):
        check_structured(learner, template)
    else:
        check_way_to_units(template)
    if learner.reject_label is not None and asks_units(learner.query_strategy):
        raise ValueError(
            "reject_label must be None where single labels of rows are asked for, got "
            f"{learner.reject_label!r}. A row that has none of the labels is all 0."
        )
    check_reject_label(
        learner.reject_label,
        learner.missing_label,
        learner.classes,
        regression=is_regressor(template),
    )
    if learner.warm_start:
        warm_start_param(template)
    rule = learner.stopping
    if isclass(rule):
        raise TypeError(
            f"stopping must be an instance, got the class {rule.__name__}. "
            f"Write {rule.__name__}()."
        )
    if rule is not None and not hasattr(rule, "verdict"):
        raise TypeError(
            "stopping must be None or a rule with measure and verdict, got "
            f"{rule!r}. See skal.stopping."
        )


def check_way_to_units(template):
    """Refuse Units that name a method which what they are around has not."""
    units, _ = layers.descend(template, lambda layer: isinstance(layer, Units))
    if isinstance(units, Units):
        raise TypeError(
            f"method must be the name of a method of {name_of(units.estimator)}, or a "
            f"function of it and X, got {units.method!r}."
        )


def check_structured(learner, template):
    """Refuse what has no meaning where a row has a label for each of its units."""
    if learner.classes is not None:
        raise ValueError(
            f"classes must be None for {name_of(template)}, which predicts units of "
            f"rows, got {learner.classes!r}. Name the classes of the units in the "
            "estimator."
        )
    if learner.reject_label is not None:
        raise ValueError(
            f"reject_label must be None for {name_of(template)}, which predicts units "
            f"of rows, got {learner.reject_label!r}. Leave out rows without any."
        )
    if learner.use_unlabeled:
        raise ValueError(
            f"use_unlabeled must be False for {name_of(template)}, which predicts "
            "units of rows, got True."
        )
    check_unit_mark(learner.missing_label, template)
    if asks_units(learner.query_strategy) and not isinstance(
        learner.missing_label, Real
    ):
        raise ValueError(
            "missing_label must be a number where cells of rows are asked for, got "
            f"{learner.missing_label!r}. It marks the units that nobody has labelled."
        )


def check_parts(template, target_type, asked, stopping):
    """Ask strategies and the stopping rule whether they serve an estimator.

    ``asked`` are pairs of a strategy and the number of rows that it will be asked for
    first; 0 for one that will not be asked.
    """
    for strategy, n_instances in asked:
        strategy.check(template, target_type)
        if isinstance(strategy, CallableStrategy) and n_instances > 0:
            strategy.check_size(n_instances)
    if hasattr(stopping, "check"):
        stopping.check(template, target_type)


def check_simulation(learner, template, oracle, n_most):
    """Check what a simulation of at most so many labels needs, before any work."""
    target_type = oracle.labels.target_type
    n_initial = min(learner.n_initial, n_most)
    n_next = min(size_in_round(learner.batch_size, 1), n_most - n_initial)
    initial = resolve_initial(learner.initial, oracle.y, target_type)
    asked = (as_strategy(learner.query_strategy), n_next), (initial, n_initial)
    for strategy, _ in asked:
        check_reach(strategy, oracle.X, "X")
    check_parts(template, target_type, asked, learner.stopping)
    for strategy, _ in asked:
        check_beside(strategy, oracle.pool)
    if get_tags(template).input_tags.pairwise:
        raise ValueError(
            "estimator must take rows of features in a simulation, got "
            f"{name_of(template)} with a precomputed kernel. Compute the kernel inside "
            "the estimator."
        )


def check_unit_mark(missing_label, template):
    """Refuse a mark that an estimator inside would learn as a class of units."""
    net = find_layer(template, "unknown_unit")[0]
    if net is None or not isinstance(missing_label, Real) or isnan(missing_label):
        return
    if missing_label != net.unknown_unit:
        raise ValueError(
            f"missing_label must be {net.unknown_unit} for {name_of(net)}, which would "
            f"learn any other mark as a class, got {missing_label!r}. Use "
            f"np.where(y == {missing_label}, {net.unknown_unit}, y.astype(int))."
        )


def incomplete(missing, n_labels, missing_label):
    """Build the error for a simulation whose oracle does not know every answer."""
    hint = ""
    if isinstance(missing_label, Integral):
        hint = f" If {missing_label} is a class, pass missing_label=None."
    return ValueError(
        f"y must hold every label when n_labels is set, since it answers the queries; "
        f"got {missing.sum()} of {len(missing)} labels missing with n_labels="
        f"{n_labels!r}. Set n_labels=None to train on the labelled rows.{hint}"
    )
