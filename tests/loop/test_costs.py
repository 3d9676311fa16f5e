"""Labels may cost: budgets are amounts of cost, kept to and told of."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.semi_supervised import SelfTrainingClassifier

from skal import ActiveLearner
from skal._loop.budget import Budget, budget_of, most_labels
from skal.callback import HeldOutMonitor
from skal.multilabel import BinaryRelevance
from skal.query import CoreSet, PerCost, PerGroup, QueryStrategy, Schedule, TypiClust
from skal.stopping import OverallUncertainty

SLACK = 1 + 1e-9


def prices(n, seed=0):
    """Return costs of which the dearest is a hundred times the cheapest."""
    return 10 ** np.random.RandomState(seed).uniform(-1, 1, n)


def assert_same_run(first, second):
    """Compare all of two runs but the times and what costs add."""
    assert_array_equal(first.labeled_iter_, second.labeled_iter_)
    assert_array_equal(first.X_training_, second.X_training_)
    assert_array_equal(first.y_training_, second.y_training_)
    assert first.termination_condition_ == second.termination_condition_
    assert first.seed_ == second.seed_
    assert second.history_.keys() - first.history_.keys() == {"cost"}
    for name in first.history_.keys() - {"query_time", "fit_time", "info"}:
        for one, other in zip(first.history_[name], second.history_[name], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    assert pickle.dumps(first.estimator_) == pickle.dumps(second.estimator_)


# A cost of 1 is the plain loop ----------------------------------------------------

ALIKE = {
    "margin": {},
    "a share": {"n_labels": 0.13},
    "more than there is": {"n_labels": 5000, "batch_size": 100},
    "a batch strategy": {"query_strategy": "badge"},
    "chance": {"query_strategy": "random"},
    "a cold start": {"initial": TypiClust(), "n_initial": 7},
    "by class": {"initial": "stratified"},
    "one label a class": {"n_initial": 1, "batch_size": [1, 2, 9]},
    "a rule": {"stopping": OverallUncertainty(0.1)},
    "a forest": {
        "estimator": RandomForestClassifier(3, min_samples_leaf=5),
        "query_strategy": "bald",
    },
    "a warm start": {
        "estimator": SGDClassifier(loss="log_loss", max_iter=5, tol=None),
        "warm_start": True,
    },
    "pseudo-labels": {
        "estimator": SelfTrainingClassifier(GaussianNB()),
        "use_unlabeled": True,
    },
    "per cost": {"query_strategy": "entropy"},
}


@pytest.mark.parametrize("case", ALIKE)
@pytest.mark.parametrize("costs", [1, np.ones(300, int), lambda X: np.ones(len(X))])
def test_labels_that_cost_1_are_the_plain_loop_to_the_bit(blobs, case, costs):
    X, y = blobs
    params = {"estimator": LogisticRegression(), "n_labels": 43, "random_state": 3}
    learner = ActiveLearner(**{"query_strategy": "margin", **params, **ALIKE[case]})
    plain, priced = clone(learner).fit(X, y), clone(learner)
    if case == "per cost":
        priced.set_params(query_strategy=PerCost("entropy"))
    priced.fit(X, y, costs=costs)
    assert_same_run(plain, priced)
    assert_array_equal(priced.history_["cost"], plain.history_["n_labels"])


def test_a_share_of_equal_costs_is_a_share_of_the_rows(blobs):
    X, y = blobs
    for share in (0.05, 1 / 7, 0.3, 1.0):
        learner = ActiveLearner(GaussianNB(), "margin", n_labels=share, random_state=0)
        plain = clone(learner).fit(X, y)
        assert_same_run(plain, clone(learner).fit(X, y, costs=0.1))


# A budget is kept to --------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["margin", "random", "core_set", PerCost()])
@pytest.mark.parametrize("seed", range(6))
def test_a_budget_is_never_overspent_and_ends_when_nothing_can_be_paid(
    blobs, strategy, seed
):
    X, y = blobs
    rng, costs = np.random.RandomState(seed), prices(300, seed)
    budget = float(rng.uniform(costs.min(), 60))
    learner = ActiveLearner(
        GaussianNB(),
        strategy,
        n_labels=budget if budget > 1 else int(np.ceil(budget)),
        n_initial=rng.randint(1, 12),
        batch_size=rng.randint(1, 15),
        random_state=seed,
    )
    learner.fit(X, y, costs=costs)
    spent = learner.costs_training_.sum()
    budget = learner.n_labels
    assert spent <= budget * SLACK
    assert learner.termination_condition_ == "n_labels"
    bought = learner.labeled_iter_ >= 0
    assert costs[~bought].min() > budget - spent
    order = np.concatenate(learner.history_["indices"])
    assert_array_equal(learner.costs_training_, costs[order])
    assert len(np.unique(order)) == len(order) == learner.history_["n_labels"][-1]
    ends = np.cumsum(costs[order])[learner.history_["n_labels"] - 1]
    np.testing.assert_allclose(learner.history_["cost"], ends)
    sizes = np.diff(learner.history_["n_labels"], prepend=0)
    assert sizes.min() >= 1
    assert sizes[1:].max(initial=0) <= learner.batch_size


def test_of_a_batch_that_costs_too_much_the_best_that_can_be_paid_are_bought():
    class InOrder(QueryStrategy):
        def _query(self, view, rows, n_instances, rng):
            score = -np.arange(n_instances, dtype=float)
            return np.arange(n_instances), {"score": score, "size": n_instances}

    X, y = np.arange(8.0)[:, None], np.arange(8) % 2
    learner = ActiveLearner(
        GaussianNB(),
        InOrder(),
        initial=InOrder(),
        n_initial=2,
        batch_size=3,
        n_labels=10,
        random_state=0,
    )
    learner.fit(X, y, costs=[1, 1, 5, 4, 2, 9, 1, 8])
    # 8 are left: 5 and 2 of 5, 4, 2; then 1 of what 1 can pay
    assert [each.tolist() for each in learner.history_["indices"]] == [
        [0, 1],
        [2, 4],
        [6],
    ]
    assert learner.history_["cost"].tolist() == [2, 9, 10]
    assert learner.history_["score"][1].tolist() == [0, -2]
    sizes = [info.get("size") for info in learner.history_["info"][1:]]
    assert sizes == [3, 1]
    assert learner.termination_condition_ == "n_labels"


def test_rows_that_the_whole_budget_cannot_pay_are_never_asked_for(blobs):
    X, y = blobs
    costs = np.where(np.arange(300) < 250, 50.0, 1.0)
    for initial in ("random", "stratified", TypiClust()):
        learner = ActiveLearner(
            GaussianNB(), "margin", n_labels=30, initial=initial, random_state=0
        ).fit(X, y, costs=costs)
        assert np.concatenate(learner.history_["indices"]).min() >= 250
        assert [*learner.history_["cost"]] == [10, 20, 30]


def test_a_first_round_of_one_class_goes_on_with_what_can_be_paid():
    X = np.arange(100.0)[:, None]
    y = (np.arange(100) == 60).astype(int)
    costs = np.where(np.arange(100) % 2, 7.0, 1.0)
    learner = ActiveLearner(
        LogisticRegression(), "margin", n_initial=2, n_labels=400, random_state=0
    ).fit(X, y, costs=costs)
    first = learner.history_["indices"][0]
    assert y[first].tolist() == [0] * (len(first) - 1) + [1]
    poor = clone(learner).set_params(n_labels=1)
    with pytest.raises(ValueError, match="labels of one class: all 1 are"):
        poor.fit(X, y, costs=costs)


def test_a_share_is_one_of_the_cost_and_all_of_it_buys_every_row(blobs):
    X, y = blobs
    costs = prices(300)
    learner = ActiveLearner(GaussianNB(), "margin", n_labels=0.3, random_state=0)
    spent = clone(learner).fit(X, y, costs=costs).history_["cost"][-1]
    assert 0.3 * costs.sum() - costs.min() < spent <= 0.3 * costs.sum()
    whole = clone(learner).set_params(n_labels=1.0).fit(X, y, costs=costs)
    assert len(whole.y_training_) == 300
    assert whole.termination_condition_ == "n_labels"
    more = clone(learner).set_params(n_labels=1e6).fit(X, y, costs=costs)
    assert len(more.y_training_) == 300
    assert more.termination_condition_ == "exhausted"


def test_a_function_of_costs_is_called_once_a_pool(blobs):
    X, y = blobs
    calls = []

    def costs(X):
        calls.append(len(X))
        return 1 + X[:, 0] ** 2

    learner = ActiveLearner(GaussianNB(), PerCost(), n_labels=100, random_state=0)
    learner.fit(X, y, costs=costs)
    assert calls == [300]
    learner.query(X, 5, costs=costs)
    assert calls == [300, 300]
    learner.teach(X[:3], y[:3], costs=costs)
    assert calls == [300, 300, 3]
    assert learner.costs_training_[-3:].tolist() == (1 + X[:3, 0] ** 2).tolist()


def test_the_sums_of_a_budget():
    costs = np.array([3.0, 1.0, 2.0, 5.0])
    assert budget_of(7, 4, costs) == 7
    assert budget_of(2.5, 4, costs) == 2.5
    assert budget_of(0.5, 4, costs) == 5.5
    assert budget_of(99, 4, costs) == 11
    assert budget_of(0.3, 4, np.full(4, 2.0)) == 4  # ceil(1.2) rows, as without costs
    assert budget_of(3, 4) == 3
    assert most_labels(3) == 3
    assert most_labels(6, costs) == 3
    budget = Budget(6, costs)
    assert budget.left([0, 2]) == 1
    assert budget.most(6, 2) == 2
    assert budget.most(6, 2, [0, 3]) == 1
    assert budget.most(0.5, 4) == 0
    assert budget.payable(2, np.array([True, True, False, True])).tolist() == [1]
    assert budget.payable(5, np.array([True, True, False, True])).tolist() == [0, 1, 3]
    assert [*budget.within([3, 0, 1, 2], 6)] == [3, 1]
    assert [*Budget(0.3, np.full(3, 0.1)).within(range(3), 0.3)] == [0, 1, 2]
    assert 0.1 + 0.1 + 0.1 > 0.3  # which is rounding


# A simulation is a live run -------------------------------------------------------


GROUPS = np.arange(300) // 5


def live_run(learner, X, y, costs, budget):
    """Play a live run, pickled and asked twice every round, as far as a budget goes."""
    left, hidden, purse = budget, np.ones(len(X), bool), Budget(budget, costs)
    while len(payable := purse.payable(left, hidden)):
        usual = learner.batch_size if left < budget else learner.n_initial
        size = purse.most(left, min(usual, len(payable)), payable)
        learner = pickle.loads(pickle.dumps(learner))
        pool = {"candidates": payable, "costs": costs, "groups": GROUPS}
        learner.query(X, size, **pool)
        indices, _ = learner.query(X, size, **pool)
        bought = np.array([*purse.within(indices, left)])
        learner.teach(X[bought], y[bought], costs=costs[bought], groups=GROUPS[bought])
        hidden[bought] = False
        left = budget - learner.costs_training_.sum()
    return learner


LIVE = [
    (GaussianNB(), "margin"),
    (GaussianNB(), PerCost()),
    (GaussianNB(), PerGroup(PerCost("entropy"), 2)),
    (GaussianNB(), CoreSet()),
    (GaussianNB(), "random"),
    (Ridge(), "greedy_sampling"),
]


@pytest.mark.parametrize(("estimator", "strategy"), LIVE)
def test_a_simulation_with_costs_is_a_live_run(blobs, estimator, strategy):
    X, y = blobs
    y = X[:, 0] * X[:, 1] if isinstance(estimator, Ridge) else y
    classes = None if isinstance(estimator, Ridge) else [0, 1, 2]
    costs = prices(300, 4).round(2)
    learner = ActiveLearner(
        estimator, strategy, n_initial=15, classes=classes, random_state=5
    )
    simulated = clone(learner).set_params(n_labels=77.7)
    simulated.fit(X, y, costs=costs, groups=GROUPS)
    live = live_run(clone(learner), X, y, costs, 77.7)
    told, expected = live.history_, simulated.history_
    for name in ("n_labels", "cost", "pool_indices", "score"):
        for ours, theirs in zip(told[name], expected[name], strict=True):
            assert_array_equal(ours, theirs, err_msg=name)
    assert_array_equal(live.costs_training_, simulated.costs_training_)
    assert_array_equal(live.groups_training_, simulated.groups_training_)
    assert_array_equal(live.predict(X), simulated.predict(X))


def test_a_first_round_of_one_class_is_alike_in_both():
    X, costs = np.arange(60.0)[:, None], prices(60)
    y = (np.arange(60) == 37).astype(int)
    learner = ActiveLearner(LogisticRegression(), "margin", n_initial=2, random_state=1)
    simulated = clone(learner).set_params(n_labels=1.0).fit(X, y, costs=costs)
    live, hidden = clone(learner), np.ones(60, bool)
    while not hasattr(live, "estimator_"):
        live = pickle.loads(pickle.dumps(live))
        indices, rows = live.query(X, candidates=hidden, costs=costs)
        live.teach(rows, y[indices], costs=costs[indices])
        hidden[indices] = False
    first = simulated.history_["indices"][0]
    assert_array_equal(live.history_["pool_indices"][0], first)
    assert live.history_["cost"][0] == simulated.history_["cost"][0]
    assert live.history_["cost"][0] == costs[first].sum()


# What was taught, amended ---------------------------------------------------------


def test_costs_follow_rows_that_are_corrected_repeated_and_taken_back():
    X, y = np.arange(6.0)[:, None], np.array([0, 1, 0, 1, 0, 1])
    learner = ActiveLearner(GaussianNB(), random_state=0)
    learner.teach(X[:4], y[:4], costs=[1, 2, 3, 4]).teach(X[4:], y[4:], costs=5)
    assert learner.history_["cost"].tolist() == [10, 20]
    learner.correct([1], [0])
    assert learner.costs_training_.tolist() == [1, 2, 3, 4, 5, 5]
    learner.forget([0, 4])
    assert learner.costs_training_.tolist() == [2, 3, 4, 5]
    assert learner.history_["cost"].tolist() == [10, 14]
    learner.teach(X[2:3], y[2:3], costs=9, on_repeat="replace")
    assert learner.costs_training_.tolist() == [2, 9, 4, 5]
    learner.teach(X[[0, 5]], [0, None], costs=[7, 7])  # a row without a label
    assert learner.costs_training_.tolist() == [2, 9, 4, 5, 7]
    assert learner.history_["cost"].tolist() == [10, 14, 20, 27]


def test_rejected_rows_cost_what_they_cost(blobs):
    X, y = blobs
    answers, costs = np.where(y == 2, "none", y.astype(str)), prices(300)
    learner = ActiveLearner(
        GaussianNB(), "margin", reject_label="none", n_labels=50, random_state=0
    ).fit(X, answers, costs=costs)
    assert learner.history_["n_rejected"][-1] > 0
    assert len(learner.costs_training_) == len(learner.y_training_)
    assert learner.history_["cost"][-1] == learner.costs_training_.sum() <= 50 * SLACK


def test_stages_know_the_costs_of_their_rows(blobs):
    X, y = blobs
    learner = ActiveLearner(
        GaussianNB(), "margin", n_labels=50, store_estimators=True, random_state=0
    ).fit(X, y, costs=prices(300))
    for stage, cost in zip(learner.staged(), learner.history_["cost"], strict=True):
        assert stage.costs_training_.sum() == cost
        assert stage.history_["cost"][-1] == cost


def test_a_schedule_may_read_the_cost_of_the_rounds(blobs):
    X, y = blobs
    seen = []

    class Spy(QueryStrategy):
        def _query(self, view, rows, n_instances, rng):
            seen.append((view.history["cost"][-1], rows.costs.sum()))
            return np.arange(n_instances)

    costs = prices(300)
    learner = ActiveLearner(
        GaussianNB(), Schedule([("a", Spy()), ("b", Spy())]), n_labels=40
    ).fit(X, y, costs=costs)
    spent, left = np.transpose(seen)
    assert_array_equal(spent, learner.history_["cost"][:-1])
    assert np.all(left <= costs.sum() - spent + 1e-9)


def test_a_run_without_costs_after_one_with_them_forgets_them(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "margin", n_labels=30, random_state=0)
    assert "cost" not in learner.fit(X, y, costs=2.0).fit(X, y).history_
    assert not hasattr(learner, "costs_training_")
    waiting = ActiveLearner(LogisticRegression(), "margin")
    waiting.teach(X[:2], [0, 0], costs=1)
    assert waiting.costs_training_.tolist() == [1, 1]
    waiting.fit(X, y)
    assert not hasattr(waiting, "costs_training_")


def test_rounds_whose_number_the_costs_leave_open_are_watched_as_others_are(blobs):
    X, y = blobs
    monitor = HeldOutMonitor(X, y)
    learner = ActiveLearner(GaussianNB(), "margin", n_labels=20, random_state=0)
    learner.set_callbacks(monitor, ProgressBar()).fit(X, y, costs=prices(300))
    told = [row["n_labels"] for row in monitor.get_logs().data]
    assert told == learner.history_["n_labels"].tolist()


# In searches ----------------------------------------------------------------------


def test_a_search_slices_costs_as_it_slices_weights(blobs):
    X, y = blobs
    costs = prices(300)
    search = GridSearchCV(
        ActiveLearner(GaussianNB(), "margin", n_labels=40, random_state=0),
        {"n_labels": [20, 40]},
        cv=2,
        error_score="raise",
    ).fit(X, y, costs=costs)
    best = search.best_estimator_
    bought = np.concatenate(best.history_["indices"])
    assert_array_equal(best.costs_training_, costs[bought])


# What is refused ------------------------------------------------------------------

BAD_COSTS = {
    "wrong length": ([1.0, 2.0], ValueError, r"each of 300 rows, got shape \(2,\)"),
    "a matrix": (np.ones((300, 1)), ValueError, r"got shape \(300, 1\)"),
    "NaN": (np.r_[np.nan, np.ones(299)], ValueError, "finite and above 0, got nan"),
    "infinite": (np.inf, ValueError, "finite and above 0, got inf among 300 of 300"),
    "negative": (np.r_[-2, np.ones(299)], ValueError, "above 0, got -2.0 among 1 of"),
    "free": (0, ValueError, "above 0, got 0.0"),
    "missing": ([None, *np.ones(299)], ValueError, "above 0, got nan among 1 of 300"),
    "words": (["dear"] * 300, TypeError, "for each row or .*got values of type <U4"),
    "a word": ("dear", TypeError, "or a function of X, got 'dear'"),
    "flags": (np.ones(300, bool), TypeError, "got values of type bool"),
    "a bad function": (lambda X: [1, 2], ValueError, r"got shape \(2,\)"),
}


@pytest.mark.parametrize("case", BAD_COSTS)
def test_costs_that_are_none_are_refused_before_any_work(blobs, case):
    X, y = blobs
    costs, error, match = BAD_COSTS[case]
    learner = ActiveLearner(GaussianNB(), "margin", random_state=0)
    with pytest.raises(error, match=match):
        clone(learner).set_params(n_labels=30).fit(X, y, costs=costs)
    with pytest.raises(error, match=match):
        learner.query(X, 5, costs=costs)
    with pytest.raises(error, match=match):
        learner.teach(X, y, costs=costs)
    assert "seed_" not in vars(learner)


def test_a_budget_that_pays_for_nothing_is_refused(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), "margin", random_state=0)
    for n_labels in (3, 0.001):
        with pytest.raises(ValueError, match=r"n_labels must pay .* cheapest costs 5"):
            clone(learner).set_params(n_labels=n_labels).fit(
                X, y, costs=np.linspace(5, 9, 300)
            )
    for n_labels, match in ((-2.5, "above 0"), (0, "at least 1"), (0.0, "above 0")):
        with pytest.raises(ValueError, match=match):
            clone(learner).set_params(n_labels=n_labels).fit(X, y, costs=1.0)
    with pytest.raises(ValueError, match="whole number of rows or a share"):
        clone(learner).set_params(n_labels=12.5).fit(X, y)
    assert clone(learner).set_params(n_labels=12.5).fit(X, y, costs=1).n_iter_ == 1


def test_costs_are_given_in_every_round_or_in_none(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(X[:50], y[:50], costs=1)
    with pytest.raises(ValueError, match="costs must be given for the new rows too"):
        learner.teach(X[50:60], y[50:60])
    assert learner.teach(X[50:60], y[50:60], costs=2).history_["cost"][-1] == 70
    plain = ActiveLearner(GaussianNB(), random_state=0).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="costs must be given from the first round on"):
        plain.teach(X[50:60], y[50:60], costs=2)


def test_single_labels_have_no_costs(blobs):
    X, _ = blobs
    Y = (X > 0).astype(int)
    learner = ActiveLearner(
        BinaryRelevance(), "label_uncertainty", n_labels=40, random_state=0
    )
    with pytest.raises(ValueError, match=r"costs must be None where parts of rows"):
        learner.fit(X, Y, costs=1)
    with pytest.raises(ValueError, match=r"costs must be None where parts of rows"):
        learner.query(X, 4, candidates=np.ones(Y.shape, bool), costs=1)


def test_costs_of_a_series_and_of_several_labels_a_row(blobs):
    X, _ = blobs
    Y, costs = (X > 0).astype(int), pd.Series(prices(300), index=np.arange(300)[::-1])
    learner = ActiveLearner(
        MultiOutputClassifier(GaussianNB()), "entropy", n_labels=40, random_state=0
    ).fit(X, Y, costs=costs)
    bought = np.concatenate(learner.history_["indices"])
    assert_array_equal(learner.costs_training_, costs.to_numpy()[bought])
