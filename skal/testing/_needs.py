"""Laws about the model: what a strategy needs of it, and every way to hand it over."""

import sys

from skal import ActiveLearner, ModelView
from skal.query import QueryStrategy
from skal.testing._batch import learner_of
from skal.testing._trial import assert_right, assert_same, strategies_in

#: What ``needs`` may hold, and the methods of a view that each word stands for.
METHODS = {
    "proba": ("predict_proba",),
    "decision": ("decision_function",),  # or predict_proba
    "embed": ("embed",),
    "samples": ("sample_proba", "sample_predict", "reduce_samples", "predict_std"),
    "votes": ("reduce_votes",),
    "head": ("head_proba",),
    "gradients": ("gradient_features",),
    "units": ("predict_units", "reduce_units"),
    "unit_samples": ("sample_units", "reduce_unit_samples"),
    "boxes": ("sample_boxes",),
    "labels": (),
}
NEED_OF = {method: need for need, methods in METHODS.items() for method in methods}
PREDICTIONS = frozenset(METHODS) - {"embed", "labels"}


def declared_needs(trial):
    """List in needs or uses what is asked of the model, those of a base included."""
    strategy = trial.strategy
    needs = strategy.needs
    assert isinstance(needs, frozenset), f"needs must be a frozenset, got {needs!r}."
    strange = sorted(map(str, needs - METHODS.keys()))
    assert not strange, f"needs holds {strange}; the known words are {list(METHODS)}."
    for base in strategies_in(strategy)[1:]:
        lacking = sorted(base.needs - needs)
        assert not lacking, f"needs lacks {lacking}, which its base {base!r} needs."
    if trial.asks_a_function:
        return
    view = AttentiveView(
        trial.fitted, trial.X_training, trial.y_training, classes=trial.classes
    )
    trial.ask(10, model=view)
    either = {"proba"} if "decision" in needs else set()
    either = either.union(*(one.uses for one in strategies_in(strategy)))
    silent = sorted(view.asked - needs - either)
    assert not silent, f"needs is {sorted(needs)}, yet it asked for {silent} too."


class AttentiveView(ModelView):
    """A view that takes down what it is asked for, but not what it asks itself."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = set()

    def __getattribute__(self, name):
        if name in NEED_OF:
            asker = sys._getframe(1).f_globals
            if asker["__name__"] != ModelView.__module__:
                self.asked.add(NEED_OF[name])
        return super().__getattribute__(name)


def cold_start(trial):
    """Raise TypeError before any label is known, if predictions are needed."""
    strategy = trial.strategy
    if "labels" in strategy.needs:  # a learner refuses it before the first label
        return
    learner = ActiveLearner(
        trial.estimator, initial=First(strategy), random_state=trial.seed
    )
    try:
        positions, _ = learner.query(trial.X_pool, 10)
    except TypeError as error:
        if strategy.needs or trial.asks_a_function:
            return
        raise AssertionError(f"needs is empty, yet it raised {error}") from error
    assert_right(positions, 10, trial.n_pool)
    unmet = sorted(strategy._first_needs & PREDICTIONS)
    assert not unmet, f"it needs {unmet}, yet it chose rows without any."


class First(QueryStrategy):
    """Lets a strategy choose the first rows without asking for its needs."""

    def __init__(self, base=None):
        self.base = base

    def _query(self, view, rows, n_instances, rng):
        return self.base(view, rows, n_instances, random_state=rng)


def same_answer(trial):
    """Give the same batch for a fitted estimator, a view of it and a learner."""
    pairs = [(learner_of(trial), trial.view(), "a learner against a view of its model")]
    if "labels" not in trial.strategy.needs and not trial.asks_a_function:
        unlabeled = ModelView(trial.fitted, classes=trial.classes)
        pairs.append((trial.fitted, unlabeled, "an estimator against a view of it"))
    for first, second, what in pairs:
        for n_instances in (1, 10, 100):
            expected = trial.ask_right(n_instances, model=first)
            positions = trial.ask_right(n_instances, model=second)
            if not trial.model_draws:  # those are each view's own
                assert_same(positions, expected, what)
