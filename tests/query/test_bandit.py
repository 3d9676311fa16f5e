"""Bandit asks by several strategies, and more by those whose answers teach."""

import pickle

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import Bandit, Shortlist
from skal.query._bandit import told_of_advice
from skal.query._outcomes import outcomes_of, standings, surprises_of
from skal.query._policies import ALBL, POLICIES, chances_of_being_best

MODEL = GaussianNB()


class Half:
    """Asks for rows of which the label is, or is not, what the model says."""

    def __init__(self, hard):
        self.hard = hard

    def __call__(self, learner, X, n_instances=1, random_state=None):
        wanted = np.flatnonzero((np.asarray(X)[:, 0] > 0) == self.hard)
        return random_state.permutation(wanted)[:n_instances]


def two_halves(n=600):
    """Return rows of which those right of 0 have labels of pure chance."""
    rng = np.random.RandomState(0)
    X = np.r_[rng.uniform(-2, -1, (n // 2, 1)), rng.uniform(1, 2, (n // 2, 1))]
    y = np.zeros(n, int)
    y[n // 2 :] = rng.randint(2, size=n // 2)
    return X, y


def one_good_arm(policy, **params):
    """Return a run in which one arm surprises the model, and two never do."""
    X, y = two_halves()
    arms = [("dull", Half(False)), ("good", Half(True)), ("dull too", Half(False))]
    return ActiveLearner(
        DummyClassifier(strategy="constant", constant=0),
        Bandit(arms, policy, **params),
        n_initial=10,
        n_labels=60,
        batch_size=1,
        random_state=1,
    ).fit(X, np.where(X[:, 0] > 0, 1, y))


def share_of(learner, name):
    info = learner.history_["info"][-1]
    return info["probabilities"][info["arms"].tolist().index(name)]


@pytest.mark.parametrize("policy", ["surprise", "thompson"])
def test_an_arm_that_teaches_is_asked_more_than_6_times_in_10(policy):
    learner = one_good_arm(policy)
    assert share_of(learner, "good") > 0.6
    asked = np.concatenate([info["base"] for info in learner.history_["info"][1:]])
    assert np.mean(asked[25:] == "good") > 0.6


def test_exp4p_learns_slowly_and_albl_hardly():
    shares = {p: share_of(one_good_arm(p), "good") for p in ("exp4p", "albl")}
    assert shares["exp4p"] > 0.45
    assert 0.25 < shares["albl"] < 0.4


def test_exp4p_leaves_each_arm_its_least_chance():
    learner = one_good_arm("exp4p", horizon=10)
    assert share_of(learner, "good") > 0.4
    least = np.sqrt(np.log(3) / 30)
    info = learner.history_["info"][-1]
    assert min(info["probabilities"]) >= least - 1e-12
    assert np.sum(info["probabilities"]) == pytest.approx(1)


def test_uniform_learns_nothing():
    learner = one_good_arm("uniform")
    for info in learner.history_["info"][1:]:
        np.testing.assert_allclose(info["probabilities"], 1 / 3)


def test_tailor_asks_the_arm_that_finds_the_rare_class():
    """Which is the one class and the other in turn, until there are as many of both."""
    learner = one_good_arm("tailor")
    infos = learner.history_["info"][11:]
    shares = [info["probabilities"][1] for info in infos]
    asked = np.concatenate([info["base"] for info in infos])
    assert max(shares) > 0.9
    assert min(shares) < 0.1
    assert 0.45 <= np.mean(asked == "good") <= 0.55


def test_no_history_means_even_chances(blobs):
    X, y = blobs
    view = ModelView(MODEL.fit(X, y), X, y)
    for policy in POLICIES:
        _, info = Bandit(policy=policy)(view, X, 4, random_state=0)
        even = np.full(4, 0.25)
        np.testing.assert_allclose(info["probabilities"], even, atol=0.06)


# The numbers -----------------------------------------------------------------


def test_chances_of_being_best_are_those_of_draws():
    successes, failures = np.array([1.0, 4.0, 9.5]), np.array([1.0, 3.0, 11.0])
    draws = np.random.RandomState(0).beta(successes, failures, (200_000, 3))
    expected = np.bincount(draws.argmax(axis=1)) / len(draws)
    chances = chances_of_being_best(successes, failures)
    np.testing.assert_allclose(chances, expected, atol=0.005)


def test_a_sharp_belief_is_resolved():
    chances = chances_of_being_best(np.array([1.0, 5e4]), np.array([1.0, 5e4]))
    np.testing.assert_allclose(chances, [0.5, 0.5], atol=0.01)


def by_hand(y, info, **view):
    """Return a view with a first round of two labels and one query."""
    X = np.arange(len(y), dtype=float)[:, None]
    model = DummyClassifier(strategy="prior").fit(X, y)
    history = {
        "n_labels": np.array([2, len(y)]),
        "pool_indices": [np.arange(2), np.arange(2, len(y))],
        "info": [{}, info],
    }
    return ModelView(model, X, y, history=history, **view)


def told(**more):
    """Return what a query told of four rows, which two arms asked for."""
    return {
        "arms": np.array(["b", "a"]),
        "base": np.array(["a", "b", "a", "a"]),
        "rows": np.array([5, 4, 3, 2]),
        "predicted": np.array([1, 1, 0, 0]),
        "probabilities": np.array([0.25, 0.75]),
        "n_labels": 2,
        **more,
    }


def test_a_query_is_read_by_the_rows_that_it_asked_for():
    view = by_hand(np.array([0, 1, 0, 1, 1, 1]), told())
    (outcome,) = outcomes_of(view, ["b", "a"])
    assert outcome.asked.tolist() == [0, 1, 2, 3]
    assert outcome.places.tolist() == [5, 4, 3, 2]
    assert outcome.arms.tolist() == [1, 0, 1, 1]
    (wrong,) = surprises_of(view, [outcome])
    assert wrong.tolist() == [0, 0, 1, 0]
    assert outcomes_of(view, ["a", "b"]) == []  # another bandit


def test_surprise_counts_the_wrong_and_the_right_of_each_arm():
    view = by_hand(np.array([0, 1, 0, 1, 1, 1]), told())
    policy = POLICIES["surprise"](["b", "a"], 0.9, 100)
    chances, _ = policy.shares(view, None, None)
    # a was wrong once in three, b never in one: Beta(2, 3) and Beta(1, 2)
    draws = np.random.RandomState(0).beta([1, 2], [2, 3], (200_000, 2))
    expected = np.mean(draws[:, 1] > draws[:, 0])
    np.testing.assert_allclose(chances[1], expected, atol=0.01)


def two_queries(more=None):
    """Return a view with two queries, of a row by each of two arms, of which b failed.

    Row 2 was a's, and the model was wrong; row 3 b's, and it was right.
    """
    y, arms, more = np.array([0, 1, 1, 0]), np.array(["a", "b"]), more or [{}, {}]
    infos: list[dict] = [{}]
    for row, name, told_too in zip([2, 3], arms, more, strict=True):
        one = {"arms": arms, "base": np.array([name]), "rows": np.array([row])}
        one |= {"predicted": np.array([0]), "n_labels": row, **told_too}
        infos.append({"probabilities": np.array([0.7, 0.3]), **one})
    history = {
        "n_labels": np.array([2, 3, 4]),
        "pool_indices": [np.arange(2), np.array([2]), np.array([3])],
        "info": infos,
    }
    X = np.arange(4.0)[:, None]
    return ModelView(DummyClassifier().fit(X, y), X, y, history=history)


def test_what_was_learnt_fades_by_the_query():
    policy = POLICIES["surprise"](["a", "b"], 0.5, 100)
    chances, _ = policy.shares(two_queries(), None, None)
    # a was wrong once, a query ago: Beta(1.5, 1); b right now: Beta(1, 2)
    expected = chances_of_being_best(np.array([1.5, 1]), np.array([1.0, 2]))
    np.testing.assert_allclose(chances, expected)
    # P(a > b) is the integral of 1.5 sqrt(x) (1 - (1 - x)^2), that is 1.2 - 3/7
    np.testing.assert_allclose(chances[0], 1.2 - 3 / 7, atol=1e-3)


def test_a_graded_belief_takes_a_part_of_an_answer():
    proba = {"proba": np.array([[0.8, 0.2]]), "classes": np.array([0, 1])}
    policy = POLICIES["thompson"](["a", "b"], 1.0, 100)
    chances, _ = policy.shares(two_queries([proba, proba]), None, None)
    # .8 of a surprise by a, .2 of one by b
    expected = chances_of_being_best(np.array([1.8, 1.2]), np.array([1.2, 1.8]))
    np.testing.assert_allclose(chances, expected)


def of_advice(*advised, rewards=()):
    """Return what two queries told of who advised their rows."""
    more = [
        {"advised": np.array([who], bool), "spread": np.array(spread)}
        for who, spread in zip(advised, [[1.0, 10 / 3], [1.0, 1.0]], strict=True)
    ]
    for told_too, reward in zip(more[1:], rewards, strict=False):
        told_too["reward"] = reward
    return two_queries(more)


def test_exp4p_by_hand():
    policy = POLICIES["exp4p"](["a", "b"], 0.5, 50)
    chances, _ = policy.shares(of_advice([1, 0], [1, 1]), None, None)
    least = (np.log(2) / 100) ** 0.5
    scale = (np.log(2 / 0.1) / 100) ** 0.5
    # The first row earned 1, by a chance of .7, for a alone; the second nothing.
    a = np.exp(least / 2 * (1 / 0.7 + scale + scale))
    b = np.exp(least / 2 * (scale * 10 / 3 + scale))
    expected = (1 - 2 * least) * np.array([a, b]) / (a + b) + least
    np.testing.assert_allclose(chances, expected)
    np.testing.assert_allclose(chances.sum(), 1)


def test_albl_by_hand():
    policy = POLICIES["albl"](["a", "b"], 0.5, 50)
    view = of_advice([1, 0], [1, 1], rewards=[0.04])
    chances, more = policy.shares(view, range(16), None)
    # The model says 0: right on row 3 alone, of which all had advised it.
    assert more["reward"] == pytest.approx(1 / (20 * 50))
    least = (np.log(2) / 100) ** 0.5
    scale = (np.log(2 / 0.1) / 100) ** 0.5
    # .04 was what the first answer led to; the variances are 1/.7 and 1/.3, twice
    a = np.exp(least / 2 * (0.04 / 0.7 + 0.001 + 2 * scale / 0.7))
    b = np.exp(least / 2 * (0.001 + 2 * scale / 0.3))
    expected = (1 - 2 * least) * np.array([a, b]) / (a + b) + least
    np.testing.assert_allclose(chances, expected)


def test_albl_does_not_take_a_rejected_row_for_one_that_is_right():
    """It was counted as right, as both what it is and what is expected were left 0."""
    rejected = np.array([False, False, False, True, False, False])
    info = told(advised=np.ones((4, 2), bool), spread=np.ones(2))
    y = np.array([0, 1, 0, 1, 0])
    view = by_hand(y, info, X_rejected=[[9.0]], is_rejected=rejected)
    view.history["n_labels"][1] = 6
    view.history["pool_indices"][1] = np.arange(2, 6)
    _, more = ALBL(["b", "a"], 1.0, 50).shares(view, range(94), None)
    assert more["reward"] == pytest.approx(2 / (100 * 50))  # rows 2 and 5


@pytest.mark.parametrize("y", [[0, 1, 1, 0, 0, 1], [0, 0, 0, 1, 0, 0]])
def test_tailor_by_hand(y):
    info = told(base=np.array(["a", "b", "a", "b"]))
    view = by_hand(np.array(y), info)
    chances, _ = POLICIES["tailor"](["b", "a"], 1.0, 100).shares(
        view, None, np.random.RandomState(0)
    )
    # a asked for rows 5 and 3, b for 4 and 2. Of two classes the rarer is worth more:
    # what an arm is worth grows with its chance of class 1, or here there are as many.
    ones = np.array([y[4] + y[2], y[5] + y[3]])
    expected = chances_of_being_best(1.0 + ones, 3.0 - ones)
    if y.count(0) == y.count(1):  # then no arm is better than another
        expected = [0.5, 0.5]
    np.testing.assert_allclose(chances, expected, atol=0.05)


def test_a_graded_surprise_is_what_the_answer_had_lacked():
    proba = np.array([[0.2, 0.8], [0.4, 0.6], [0.9, 0.1], [1.0, 0.0]])
    info = told(proba=proba, classes=np.array([0, 1]))
    view = by_hand(np.array([0, 1, 0, 1, 1, 2]), info)
    (wrong,) = surprises_of(view, outcomes_of(view, ["b", "a"]), graded=True)
    np.testing.assert_allclose(wrong, [1, 0.4, 0.9, 0])  # nobody had known of 2


def test_a_rejected_row_is_no_surprise():
    rejected = np.array([False, False, False, True, False, False])
    view = by_hand(
        np.array([0, 1, 0, 1, 1]),
        told(),
        X_rejected=[[9.0]],
        is_rejected=rejected,
    )
    view.history["n_labels"][1] = 6
    view.history["pool_indices"][1] = np.arange(2, 6)
    (wrong,) = surprises_of(view, outcomes_of(view, ["b", "a"]))
    assert wrong.tolist() == [0, 0, 0, 0]


def test_errors_of_a_regressor_stand_among_those_before_them():
    first, second = standings([np.array([3.0, 1.0]), np.array([2.0])])
    np.testing.assert_allclose(first, [0.75, 0.25])
    np.testing.assert_allclose(second, [0.5])


def test_albl_weighs_what_is_right_by_one_over_its_chance():
    y = np.array([0, 1, 0, 0, 1, 0])  # the model says 0
    advised = np.array([[0, 1], [1, 0], [1, 1], [0, 1]], bool)
    info = told(advised=advised, spread=np.ones(2))
    view = by_hand(y, info)
    policy = ALBL(["b", "a"], 1.0, 50)
    _, more = policy.shares(view, range(94), None)
    # rows 2, 3 and 5 are right, of chances .75, 1 and .75; row 4 is wrong
    assert more["reward"] == pytest.approx((1 / 0.75 + 1 + 1 / 0.75) / (100 * 50))


def test_what_was_advised_is_weighed_by_its_chance():
    advice = [(np.array([3, 1]), None), (np.array([1, 2]), None), None]
    chances = np.array([0.5, 0.25, 0.0])
    info = told_of_advice(advice, chances, np.array([1, 3]))
    assert info["advised"].tolist() == [[True, True, False], [True, False, False]]
    # of row 3 the chance is 2/3, of row 1 it is 1, of row 2 it is 1/3
    np.testing.assert_allclose(info["spread"], [(1.5 + 1) / 2, (1 + 3) / 2, 0])


# Live, simulated, pickled ----------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_a_pickled_learner_taught_live_asks_as_a_simulation_does(policy, blobs):
    X, y = blobs
    bandit = Bandit([("a", "random"), ("b", "margin"), ("c", "core_set")], policy)
    sizes = {"n_initial": 10, "batch_size": 4, "random_state": 3}
    live = ActiveLearner(MODEL, bandit, **sizes)
    left = np.arange(len(X))
    for _ in range(6):
        picks, rows = live.query(X, candidates=left)
        order = np.random.RandomState(0).permutation(len(picks))
        left = np.setdiff1d(left, picks)
        live.teach(rows[order], y[picks[order]])
        live = pickle.loads(pickle.dumps(live))
    simulated = ActiveLearner(MODEL, bandit, n_labels=30, **sizes)
    simulated.fit(X, y)
    for one, other in zip(
        live.history_["pool_indices"], simulated.history_["indices"], strict=True
    ):
        assert sorted(one) == sorted(other)
    last = [one.history_["info"][-1] for one in (live, simulated)]
    np.testing.assert_allclose(*[info["probabilities"] for info in last])
    assert np.ptp(last[0]["probabilities"]) > 0 or policy == "uniform"


def learnt_from(learner, X):
    """Return how likely each arm is to be asked now."""
    return learner.query_strategy(learner, X, 1, random_state=0)[1]["probabilities"]


def taught(X, y, parts):
    """Return a learner that was taught a query in parts."""
    learner = ActiveLearner(MODEL, Bandit(), random_state=0)
    first, rows = learner.query(X)
    learner.teach(rows, y[first])
    picks, _ = learner.query(X, 8, candidates=np.setdiff1d(range(len(X)), first))
    for part in np.split(picks, parts):
        learner.teach(X[part], y[part])
    return learner


def test_a_query_answered_in_parts_teaches_as_one(blobs):
    X, y = blobs
    whole, parts = (taught(X, y, at) for at in ([], [3, 4]))
    np.testing.assert_allclose(learnt_from(whole, X), learnt_from(parts, X))


def test_what_is_taken_back_or_corrected_is_learnt_anew(blobs):
    X, y = blobs
    right = learnt_from(taught(X, y, []), X)
    wrong = y.copy()
    last = taught(X, y, []).history_["pool_indices"][-1]
    wrong[last] = (wrong[last] + 1) % 3
    learner = taught(X, wrong, [])
    assert not np.allclose(learnt_from(learner, X), right)
    learner.correct(np.arange(10, 18), y[last])
    np.testing.assert_allclose(learnt_from(learner, X), right)
    learner.forget(np.arange(10, 18))
    np.testing.assert_allclose(learnt_from(learner, X), np.full(4, 0.25))


def test_rows_of_the_first_round_taken_back_shift_nothing(blobs):
    X, y = blobs
    learner = taught(X, y, [])
    before = learnt_from(learner, X)
    learner.forget([0, 3])
    np.testing.assert_allclose(learnt_from(learner, X), before)


def test_queries_at_the_same_number_of_labels_are_two(blobs):
    X, y = blobs
    learner = taught(X, y, [])
    learner.forget(np.arange(8))  # of the first round
    left = np.setdiff1d(range(len(X)), learner.history_["pool_indices"][1])
    learner.forget(np.arange(2, 4))
    learner.teach(X[:2], y[:2])
    picks, _ = learner.query(X, 8, candidates=left)
    learner.teach(X[picks], y[picks])
    view = learner.__skal_view__()
    names = [name for name, _ in Bandit().strategies]
    first, second = outcomes_of(view, names)
    assert first.info["n_labels"] == second.info["n_labels"] == 10
    assert [len(first.asked), len(second.asked)] == [6, 8]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_query_taken_back_is_as_if_it_had_never_been(policy):
    """EXP4.P kept its variance, and beliefs faded by a query more."""
    y = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    rows = [np.array([2, 3]), np.array([4, 5]), np.array([6, 7])]
    infos: list[dict] = [{}]
    for at in rows:
        info = told(
            base=np.array(["a", "b"]),
            rows=at,
            predicted=np.zeros(2, int),
            n_labels=at[0],
            advised=np.eye(2, dtype=bool)[::-1],
            spread=np.array([1.0, 4.0]),
            reward=0.01,
        )
        infos.append(info)
    history = {
        "n_labels": np.array([2, 4, 6, 8]),
        "pool_indices": np.array([np.arange(2), *rows]),
        "info": np.array(infos),
        "places": np.array([np.arange(2), *rows]),
    }
    gone = {**history, "places": np.array([np.arange(2), rows[0], [-1, -1], [4, 5]])}
    never = {name: column[[0, 1, 3]] for name, column in gone.items()}
    X, kept = np.arange(8.0)[:, None], [0, 1, 2, 3, 6, 7]
    model = DummyClassifier().fit(X, y)
    shares = [
        POLICIES[policy](["b", "a"], 0.5, 50).shares(
            ModelView(model, X[kept], y[kept], history=one),
            range(9),
            np.random.RandomState(0),
        )[0]
        for one in (gone, never)
    ]
    np.testing.assert_array_equal(*shares)


@pytest.mark.parametrize("after", POLICIES)
@pytest.mark.parametrize("before", POLICIES)
def test_the_policy_may_change_under_way(before, after, blobs):
    """Those of EXP4.P raised KeyError where another had asked before."""
    X, y = blobs
    learner = ActiveLearner(
        MODEL, Bandit([("a", "random"), ("b", "margin")], before), random_state=0
    )
    learner.teach(X[:10], y[:10])
    for policy in (before, before, after, after):
        learner.set_params(query_strategy__policy=policy)
        picks, rows = learner.query(X, 3, candidates=range(10, 300))
        learner.teach(rows, y[picks])
    assert learner.history_["info"][-1]["probabilities"].sum() == pytest.approx(1)


def test_rows_that_nobody_asked_for_teach_nothing(blobs):
    X, y = blobs
    learner = taught(X, y, [])
    before = learnt_from(learner, X)
    learner.teach(X[-3:], (y[-3:] + 1) % 3)
    np.testing.assert_allclose(learnt_from(learner, X), before)


def test_a_wrapper_that_hands_on_what_it_was_told_lets_it_learn():
    X, y = two_halves()
    y = np.where(X[:, 0] > 0, 1, y)
    bandit = Bandit([("dull", Half(False)), ("good", Half(True))])
    learner = ActiveLearner(
        DummyClassifier(strategy="constant", constant=0),
        Shortlist(bandit, n_candidates=300),
        n_labels=50,
        batch_size=2,
        random_state=0,
    ).fit(X, y)
    assert share_of(learner, "good") > 0.6


# Arms that fail --------------------------------------------------------------


def broken(learner, X, n_instances=1):
    raise OSError("the wire is cut")


def three(learner, X, n_instances=1):
    return range(min(3, n_instances))


def dry(learner, X, n_instances=1):
    raise PoolExhaustedError("nothing is left of it")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("arm", "match"),
    [(broken, "the wire is cut"), (three, "must return"), (dry, "nothing is left")],
)
def test_an_arm_that_fails_or_runs_dry_is_survived(policy, arm, match, blobs):
    X, y = blobs
    bandit = Bandit([("ill", arm), ("well", "margin"), ("too", "random")], policy)
    learner = ActiveLearner(MODEL, bandit, n_labels=46, batch_size=12, random_state=0)
    with pytest.warns(UserWarning, match=f"(?s)'ill' has failed.*{match}"):
        learner.fit(X, y)
    infos = learner.history_["info"][1:]
    assert any("ill" in info.get("failed", {}) for info in infos)
    for info in infos:
        assert len(info["base"]) == len(info["rows"]) == 12
        if "ill" in info.get("failed", {}):
            assert "ill" not in info["base"]


def test_an_arm_that_fails_is_asked_less(blobs):
    X, y = blobs
    bandit = Bandit([("ill", broken), ("well", "random")])
    learner = ActiveLearner(MODEL, bandit, n_labels=40, batch_size=1, random_state=0)
    with pytest.warns(UserWarning, match="has failed"):
        learner.fit(X, y)
    asked_in_vain = ["failed" in info for info in learner.history_["info"][1:]]
    assert 0 < np.mean(asked_in_vain) < 0.5


def test_when_every_arm_fails_the_query_does_and_says_why(blobs):
    X, y = blobs
    bandit = Bandit([("one", broken), ("two", dry)])
    model = MODEL.fit(X, y)
    with (
        pytest.warns(UserWarning, match="has failed"),
        pytest.raises(RuntimeError, match=r"(?s)strategies must hold one.*two: Pool"),
    ):
        bandit(model, X, 3, random_state=0)


# What it serves --------------------------------------------------------------


def test_a_regressor_is_surprised_by_large_errors():
    X = np.r_[np.random.RandomState(0).uniform(-2, -1, 150), np.linspace(1, 2, 150)]
    y = np.where(X > 0, 10 * np.random.RandomState(1).normal(size=300), 0.0)
    bandit = Bandit([("dull", Half(False)), ("good", Half(True))])
    learner = ActiveLearner(
        Ridge(), bandit, n_labels=60, batch_size=2, random_state=0
    ).fit(X[:, None], y)
    assert share_of(learner, "good") > 0.6


def test_rows_with_several_labels_surprise_by_the_share_that_was_wrong():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 3))
    Y = (X > 0).astype(int)
    learner = ActiveLearner(
        DecisionTreeClassifier(random_state=0),
        Bandit([("a", "random"), ("b", "entropy")]),
        n_labels=30,
        batch_size=5,
        random_state=0,
    ).fit(X, Y)
    assert learner.history_["info"][-1]["predicted"].shape == (5, 3)


@pytest.mark.parametrize("policy", ["albl", "tailor"])
def test_policies_of_classes_refuse_numbers_and_name_those_that_serve(policy):
    bandit = Bandit([("a", "random"), ("b", "core_set")], policy)
    match = f'policy must be one of "surprise", .* "uniform" for {{}}.*got {policy!r}'
    with pytest.raises(TypeError, match=match.format("regression targets")):
        bandit.check(Ridge(), "regression")
    with pytest.raises(TypeError, match=match.format("multilabel targets")):
        bandit.check(MODEL, "multilabel")


def test_a_horizon_too_short_for_its_arms_is_refused():
    with pytest.raises(ValueError, match="horizon must be at least 6 for 4 strategies"):
        Bandit(policy="exp4p", horizon=5).check(MODEL, "multiclass")
    Bandit(policy="surprise", horizon=5).check(MODEL, "multiclass")


def test_a_discount_of_nothing_is_refused():
    with pytest.raises(ValueError, match="discount must be above 0"):
        Bandit(discount=0).check(MODEL, "multiclass")


@pytest.mark.parametrize("policy", POLICIES)
def test_arms_share_one_pass_of_the_model(policy, blobs):
    X, y = blobs

    class Counting(GaussianNB):
        def predict_proba(self, X):
            asked.append(len(X))
            return super().predict_proba(X)

    asked = []
    model = Counting().fit(X, y)
    arms = [("a", "margin"), ("b", "entropy"), ("c", "least_confidence")]
    Bandit(arms, policy)(ModelView(model, X, y), X, 9, random_state=0)
    assert sum(asked) <= len(X)
