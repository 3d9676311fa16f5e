"""Laws about what a live loop cannot know: it and its simulation ask the same rows."""

import numpy as np
from sklearn.base import is_regressor

from skal import ActiveLearner, ModelView
from skal.testing._trial import assert_same

#: Rows of the pool, labels of the first round, labels of each later one.
N_ROWS, N_FIRST, N_NEXT = 300, 30, 10
ROUNDS = 1


def simulation_is_live(trial):
    """Ask the same rows in a simulation as live, whatever classes nobody has seen."""
    X, y = trial.pool(N_ROWS), trial.y_pool[:N_ROWS]
    live = learner(trial, query_strategy=trial.strategy)
    left = np.arange(N_ROWS)
    asked = []
    for size in (N_FIRST, *[N_NEXT] * ROUNDS):
        picks, rows = live.query(X, size, candidates=left)
        asked.append(picks)
        left = np.setdiff1d(left, picks)
        live.teach(rows, y[picks])
    budget = N_FIRST + N_NEXT * ROUNDS
    simulated = learner(trial, query_strategy=trial.strategy, n_labels=budget)
    simulated.fit(X, with_a_strange_class(trial, y, left))
    told = simulated.history_["indices"]
    recorded = live.history_["pool_indices"]
    for round, expected in enumerate(asked):
        what = f"a simulation against a live loop in round {round}"
        assert_same(told[round], expected, what)
        assert_same(recorded[round], expected, f"the live history of round {round}")
    assert_no_class_matters_before_its_first_label(trial, X)


def assert_no_class_matters_before_its_first_label(trial, X):
    """Ask views that know of more classes than the model has seen, by name alone."""
    if trial.classes is None or trial.classes.dtype.kind == "b":
        return
    known = ModelView(
        trial.fitted, trial.X_training, trial.y_training, random_state=trial.seed
    )
    more = ModelView(
        trial.fitted,
        trial.X_training,
        trial.y_training,
        classes=[*trial.classes, *strange_names(trial.classes)],
        random_state=trial.seed,
    )
    expected, positions = (trial.ask(10, X, model=view) for view in (known, more))
    assert_same(positions, expected, "classes without a label against none of them")


def simulated_start(trial):
    """Choose the first rows alike in a simulation and live, if it can choose them."""
    if trial.strategy.needs - {"embed"} or trial.asks_a_function:
        return
    X, y = trial.pool(N_ROWS), trial.y_pool[:N_ROWS]
    live = learner(trial, initial=trial.strategy)
    expected, _ = live.query(X, N_FIRST)
    hidden = np.setdiff1d(np.arange(N_ROWS), expected)
    y = with_a_strange_class(trial, y, hidden)
    told = learner(trial, initial=trial.strategy, n_labels=N_FIRST).fit(X, y)
    first = told.history_["indices"][0]
    assert_same(first, expected, "initial= of a simulation against a live loop")
    if trial.classes is not None:
        live = learner(trial, initial=trial.strategy, classes=trial.classes)
        named, _ = live.query(X, N_FIRST)
        assert_same(named, expected, "initial= with classes= against without")


def learner(trial, **options):
    """Build a learner whose rounds are those of the law."""
    return ActiveLearner(
        trial.estimator,
        n_initial=N_FIRST,
        batch_size=N_NEXT,
        random_state=trial.seed,
        **options,
    )


def with_a_strange_class(trial, y, hidden):
    """Return y with a class that only hidden rows have, where there are classes."""
    if is_regressor(trial.estimator) or y.ndim > 1 or y.dtype.kind == "b":
        return y  # there is no third class beside True and False
    strange = strange_names(np.unique(y))
    y = y.astype(np.result_type(y, strange))
    y[hidden[:3]] = strange
    return y


def strange_names(names):
    """Return three names of classes that come after those there are."""
    steps = np.arange(1, 4)
    if names.dtype.kind in "iuf":
        return names[-1] + steps
    return np.array([f"{names[-1]}{'~' * step}" for step in steps])
