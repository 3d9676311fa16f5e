"""Stopping rules: their statistics by hand, and where a learner stops."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner, ModelView, Rows
from skal._meta import NamedMembersMixin
from skal.stopping import (
    All,
    Any,
    ClassificationChange,
    KappaAverage,
    MaxConfidence,
    OverallUncertainty,
    PerformanceConvergence,
    StoppingRule,
    ValidationPlateau,
    replay,
)
from skal.stopping._stability import spread_positions

HELD_OUT = {"X_val": np.arange(4)[:, None], "y_val": np.array([0, 1, 1, 0])}
RULES = [
    KappaAverage(),
    ClassificationChange(),
    OverallUncertainty(),
    MaxConfidence(),
    PerformanceConvergence(),
    ValidationPlateau(**HELD_OUT),
    Any([("kappa", KappaAverage()), ("sure", MaxConfidence())]),
    All([("kappa", KappaAverage()), ("pool", OverallUncertainty())]),
]
CLASS_RULES = [rule for rule in RULES if not isinstance(rule, ValidationPlateau)]


def name_of(rule):
    return type(rule).__name__


every_rule = pytest.mark.parametrize("rule", RULES, ids=name_of)
every_class_rule = pytest.mark.parametrize("rule", CLASS_RULES, ids=name_of)


class Told(ClassifierMixin, BaseEstimator):
    """Answers row i, whose only feature is i, with the i-th entry of a table."""

    def __init__(self, proba=None, labels=None, classes=None):
        self.proba = proba
        self.labels = labels
        self.classes = classes

    def fit(self, X, y=None):
        return self

    @property
    def classes_(self):
        if self.classes is not None:
            return np.asarray(self.classes)
        if self.labels is not None:
            return np.unique(self.labels)
        return np.arange(np.shape(self.proba)[1])

    def predict_proba(self, X):
        return np.asarray(self.proba, dtype=float)[rows_of(X)]

    def predict(self, X):
        if self.labels is not None:
            return np.asarray(self.labels)[rows_of(X)]
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class ToldRegression(RegressorMixin, BaseEstimator):
    def __init__(self, values=None):
        self.values = values

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return np.asarray(self.values, dtype=float)[rows_of(X)]


class ToldMultilabel(Told):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X):
        return (self.predict_proba(X) > 0.5).astype(int)

    def view(self):
        shape = np.shape(self.proba)
        return ModelView(self, np.zeros((shape[0], 1)), np.zeros(shape, dtype=int))


def rows_of(X):
    return np.asarray(X)[:, 0].astype(int)


def numbered(n):
    return np.arange(n)[:, None]


def kappa_records(rule, rounds, **told):
    n = len(rounds[0])
    return [rule.measure(Told(labels=y, **told), numbered(n), [0]) for y in rounds]


# The protocol ------------------------------------------------------------------


@every_rule
def test_no_records_decide_nothing(rule):
    value, threshold, stop = rule.verdict([])
    assert np.isnan(value)
    assert threshold >= 0
    assert stop is False


@every_rule
def test_a_record_is_small_pickles_and_says_the_same_again(rule):
    n = 5000
    proba = np.random.RandomState(0).dirichlet([1, 1], n)
    model = Told(proba=proba)
    records = [rule.measure(model, numbered(n), [3, 4]) for _ in range(12)]
    assert len(pickle.dumps(records[0])) < 10_000
    assert rule.verdict(records) == rule.verdict(pickle.loads(pickle.dumps(records)))
    assert [type(part) for part in rule.verdict(records)] == [float, float, bool]


@every_rule
def test_a_verdict_changes_neither_the_rule_nor_the_records(rule):
    model = Told(proba=[[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    before = repr(rule)
    records = [rule.measure(model, numbered(4), [0]) for _ in range(4)]
    kept = pickle.dumps(records)
    rule.verdict(records)
    assert pickle.dumps(records) == kept
    assert repr(rule) == before
    assert not [name for name in vars(rule) if name.endswith("_")]


@every_rule
def test_rules_clone_and_round_trip_their_parameters(rule):
    copy = clone(rule)
    assert repr(copy) == repr(rule)
    assert repr(copy.set_params(**rule.get_params(deep=False))) == repr(rule)
    assert repr(pickle.loads(pickle.dumps(rule))) == repr(rule)


@every_rule
def test_rounds_that_were_not_measured_are_skipped(rule):
    model = Told(proba=[[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    records = [rule.measure(model, numbered(4), [0]) for _ in range(5)]
    with_gaps = [None, *records[:3], None, *records[3:]]
    assert rule.verdict(with_gaps) == rule.verdict(records)


@every_class_rule
def test_rules_for_classes_say_what_serves_regressors(rule):
    with pytest.raises(TypeError, match=r"for regression targets.*ValidationPlateau"):
        rule.measure(ToldRegression(values=[1.0, 2.0]), numbered(2), [0])
    with pytest.raises(TypeError, match=r"for regression targets.*ValidationPlateau"):
        rule.check(Ridge(), "regression")


@pytest.mark.parametrize(
    "rule",
    [OverallUncertainty(), MaxConfidence(), PerformanceConvergence()],
    ids=name_of,
)
def test_rules_on_probabilities_say_that_they_need_them(rule):
    assert rule.needs == {"proba"}
    X = np.array([[0.0], [1.0], [2.0]])
    model = RidgeClassifier().fit(X, [0, 1, 1])
    with pytest.raises((TypeError, AttributeError), match="predict_proba"):
        rule.measure(model, X, [0])


def test_rules_on_predictions_do_without_probabilities():
    X = np.array([[0.0], [1.0], [2.0]])
    model = RidgeClassifier().fit(X, ["no", "yes", "yes"])
    record = KappaAverage().measure(model, X, [0])
    np.testing.assert_array_equal(record["codes"], [0, 1, 1])
    assert KappaAverage().needs == frozenset()


@pytest.mark.parametrize("X", [numbered(6), Rows(numbered(6)), numbered(6).tolist()])
def test_raw_rows_and_views_are_measured_alike(X):
    model = Told(proba=np.tile([[0.5, 0.5], [1.0, 0.0]], (3, 1)))
    for learner in (model, ModelView(model)):
        record = OverallUncertainty().measure(learner, X, [])
        assert record == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("indices", "error", "words"),
    [
        ([4], ValueError, r"indices must lie in \[0, 3\].*got 4 to 4"),
        ([-1, 0], ValueError, "indices must lie in"),
        ([0.5], TypeError, "indices must be a 1-D array of integer positions"),
        ([[0]], TypeError, r"got int64 of shape \(1, 1\)"),
        ([True, False], TypeError, "got bool"),
    ],
)
def test_bad_indices_are_refused(indices, error, words):
    model = Told(proba=np.full((4, 2), 0.5))
    with pytest.raises(error, match=words):
        MaxConfidence().measure(model, numbered(4), indices)


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        (KappaAverage(threshold=1.5), ValueError, r"threshold must be in \[0, 1\]"),
        (KappaAverage(window=0), ValueError, "window must be at least 1, got 0"),
        (KappaAverage(n_stop=2.5), TypeError, "n_stop must be an integer"),
        (KappaAverage(X_stop=np.empty((0, 2))), ValueError, "X_stop must have at"),
        (ClassificationChange(threshold="x"), TypeError, "threshold must be a number"),
        (OverallUncertainty(threshold=-1), ValueError, "threshold must be in"),
        (MaxConfidence(threshold=-1), ValueError, "threshold must be in"),
        (PerformanceConvergence(window=0), ValueError, "window must be at least 1"),
        (ValidationPlateau(), ValueError, "X_val must be held out.*got None"),
        (ValidationPlateau([[1]]), ValueError, "y_val must be held out.*got None"),
        (ValidationPlateau([[1]], [1, 2]), ValueError, "same number of rows.*1 and 2"),
        (ValidationPlateau(**HELD_OUT, patience=0), ValueError, "patience must be at"),
        (ValidationPlateau(**HELD_OUT, min_delta=-1), ValueError, "min_delta must be"),
        (ValidationPlateau(**HELD_OUT, scoring=["f1"]), TypeError, "scoring must be"),
        (
            ValidationPlateau(**HELD_OUT, scoring="f2"),
            ValueError,
            "scoring must be one of.*got 'f2'",
        ),
        (Any(), ValueError, "rules must have at least one pair"),
        (Any([KappaAverage()]), TypeError, r"rules must be a list of \(name, object\)"),
        (Any([("a", 3)]), TypeError, "rules must hold stopping rules, got 3 as 'a'"),
        (All([("a", Any()), ("a", Any())]), ValueError, "unique names.*got 'a'"),
        (All([("a__b", MaxConfidence())]), ValueError, "no double underscore"),
        (All([("rules", MaxConfidence())]), ValueError, "unique names.*got 'rules'"),
        (All([("a", MaxConfidence(threshold=-1))]), ValueError, "threshold must be"),
    ],
)
def test_bad_parameters_are_named_before_anything_is_computed(rule, error, words):
    class Untouchable(Told):
        def predict(self, X):
            raise AssertionError("predicted before the parameters were checked")

        predict_proba = predict

    model = Untouchable(proba=np.full((4, 2), 0.5))
    for attempt in (
        lambda: rule.check(model, "multiclass"),
        lambda: rule.verdict([]),
        lambda: rule.measure(model, numbered(4), [0]),
    ):
        with pytest.raises(error, match=words):
            attempt()


def test_a_metric_is_no_scorer():
    with pytest.raises(ValueError, match="looks like it is a metric"):
        ValidationPlateau(**HELD_OUT, scoring=accuracy_score).check(None, "multiclass")


# Replay ------------------------------------------------------------------------


def test_replay_judges_every_prefix():
    rule = OverallUncertainty(threshold=0.1)
    records = [0.4, 0.1, 0.2, 0.05]
    said = replay(rule, records)
    np.testing.assert_array_equal(said["value"], records)
    np.testing.assert_array_equal(said["threshold"], [0.1] * 4)
    np.testing.assert_array_equal(said["stop"], [False, True, False, True])
    prefixes = [rule.verdict(records[: t + 1]) for t in range(4)]
    assert prefixes == list(zip(*(said[k].tolist() for k in said), strict=True))


def test_replay_of_nothing_is_empty():
    said = replay(KappaAverage(), [])
    assert {key: (len(a), a.dtype.kind) for key, a in said.items()} == {
        "value": (0, "f"),
        "threshold": (0, "f"),
        "stop": (0, "b"),
    }


def test_replay_accepts_a_history_column():
    column = np.empty(3, dtype=object)
    column[:] = [0.5, 0.05, None]
    np.testing.assert_array_equal(
        replay(OverallUncertainty(), column)["stop"], [False, True, True]
    )


# Stable predictions ------------------------------------------------------------


def test_kappa_by_hand():
    rounds = [[0, 0, 0, 1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]]
    rule = KappaAverage(window=1)
    # Agreement .9; chance .3 * .2 + .7 * .8 = .62; kappa .28 / .38.
    value, threshold, stop = rule.verdict(kappa_records(rule, rounds))
    assert value == pytest.approx(0.28 / 0.38)
    assert threshold == 0.99
    assert stop is False


def test_kappa_agrees_with_scikit_learn_and_averages_the_last_pairs(rng):
    rounds = [rng.choice(["a", "b", "c"], 200) for _ in range(6)]
    for window in (1, 2, 5):
        rule = KappaAverage(window=window)
        pairs = [
            cohen_kappa_score(rounds[t], rounds[t + 1]) for t in range(5 - window, 5)
        ]
        value = rule.verdict(kappa_records(rule, rounds))[0]
        assert value == pytest.approx(np.mean(pairs))


def test_kappa_waits_for_a_whole_window():
    rule = KappaAverage(window=3)
    records = kappa_records(rule, [[0, 1, 1, 0]] * 5)
    said = replay(rule, records)
    np.testing.assert_array_equal(np.isnan(said["value"]), [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(said["stop"], [False, False, False, True, True])
    assert said["value"][-1] == 1


def test_one_class_everywhere_is_no_agreement_beyond_chance():
    """0/0: with rare positives the first models predict one class; go on."""
    rule = KappaAverage(window=1, threshold=0.5)
    same = kappa_records(rule, [[1] * 8, [1] * 8], classes=[0, 1])
    assert rule.verdict(same) == (0, 0.5, False)
    opposite = kappa_records(rule, [[0] * 8, [1] * 8], classes=[0, 1])
    assert rule.verdict(opposite) == (0, 0.5, False)


def test_kappa_does_not_depend_on_names_or_order_of_rows(rng):
    rounds = rng.randint(0, 3, (2, 300))
    order = rng.permutation(300)
    names = np.array(["zebra", "ant", "cat"])
    rule = KappaAverage(window=1)
    values = [
        rule.verdict(kappa_records(rule, some))[0]
        for some in (rounds, rounds[::-1], rounds[:, order], names[rounds])
    ]
    np.testing.assert_allclose(values, values[0])


def test_a_class_that_appears_later_shifts_no_codes():
    rule = KappaAverage(window=1)
    records = kappa_records(rule, [["a", "c", "c", "a"], ["a", "c", "b", "a"]])
    expected = cohen_kappa_score(["a", "c", "c", "a"], ["a", "c", "b", "a"])
    assert rule.verdict(records)[0] == pytest.approx(expected)
    assert ClassificationChange().verdict(records)[0] == 0.25


def test_records_hold_the_smallest_codes():
    record = KappaAverage().measure(Told(labels=["x", "y"] * 3), numbered(6), [0])
    assert record["codes"].dtype == np.int16
    many = Told(labels=np.arange(2**15 + 5))
    record = KappaAverage(n_stop=None).measure(many, numbered(2**15 + 5), [0])
    assert record["codes"].dtype == np.int32
    assert record["codes"][-1] == 2**15 + 4


@pytest.mark.parametrize("rule", [KappaAverage(), ClassificationChange()])
def test_the_stop_set_is_the_whole_pool_and_stays_the_same(rule):
    """The candidates shrink from round to round, the stop set does not."""
    model = Told(labels=np.arange(5000) % 7)
    pool = Rows(numbered(5000))
    first = rule.measure(model, pool, [0])
    later = rule.measure(model, pool.take(np.arange(100, 300)), [5])
    np.testing.assert_array_equal(first["codes"], later["codes"])
    assert len(first["codes"]) == 2000


def test_a_pool_that_lost_rows_needs_a_stop_set():
    model = Told(labels=np.arange(3000) % 2)
    rule = KappaAverage(window=1)
    records = [rule.measure(model, numbered(n), [0]) for n in (3000, 2990)]
    with pytest.raises(ValueError, match=r"pools of 3000 and 2990 rows. Pass.*X_stop="):
        rule.verdict(records)
    with pytest.raises(ValueError, match="X_stop="):
        ClassificationChange().verdict(records)
    rule.set_params(X_stop=numbered(50))
    records = [rule.measure(model, numbered(n), [0]) for n in (3000, 2990)]
    assert rule.verdict(records) == (1, 0.99, True)
    assert len(records[0]["codes"]) == 50


def test_a_rule_begins_anew_when_its_stop_set_has_changed():
    """It could not go on once the pool had grown, not even with an X_stop."""
    model = Told(labels=np.arange(400) % 2)
    rule, change = KappaAverage(window=2), ClassificationChange()

    def measured(*sizes):
        return [rule.measure(model, numbered(n), [0]) for n in sizes]

    def stops(records):
        return [replay(each, records)["stop"].tolist() for each in (rule, change)]

    grown = measured(300, 300, 300, 350, 350, 350)
    assert stops(grown) == [
        [False, False, True, False, False, True],
        [False, True, True, False, True, True],
    ]
    assert np.isnan(rule.verdict(grown[:4])[0])
    shrunk = measured(300, 300, 290)
    with pytest.raises(ValueError, match=r"pools of 300 and 290 rows. Pass.*X_stop="):
        rule.verdict(shrunk)
    assert rule.verdict([*shrunk, *measured(290, 290)]) == (1, 0.99, True)
    rule.set_params(X_stop=numbered(50))  # as the message says
    change.set_params(X_stop=numbered(50))
    for size in (50, 290):  # a stop set as large as the pool was is another one
        rule.set_params(X_stop=numbered(size))
        advised = [*shrunk, *measured(290, 280, 270)]
        assert np.isnan(rule.verdict(advised[:4])[0])
        assert rule.verdict(advised) == (1, 0.99, True)
        assert change.verdict(advised) == (0, 0, True)


@pytest.mark.parametrize("combine", [Any, All])
def test_a_combination_goes_on_when_a_member_changes_or_joins(combine):
    model = Told(proba=np.tile([0.9, 0.1], (400, 1)), labels=np.arange(400) % 2)
    rule = combine([("kappa", KappaAverage(window=1))])
    records = [rule.measure(model, numbered(n), [0]) for n in (300, 350)]
    assert not rule.verdict(records)[2]
    rule.set_params(rules=[*rule.rules, ("change", ClassificationChange())])
    records += [rule.measure(model, numbered(n), [0]) for n in (360, 360)]
    assert rule.verdict(records)[2]


@pytest.mark.parametrize("n", [1, 2, 7, 1999, 2000, 2001, 3000, 100_003])
def test_stop_rows_are_spread_one_to_a_stretch(n):
    rows = spread_positions(n, 2000)
    assert len(rows) == min(n, 2000)
    assert rows[0] >= 0
    assert rows[-1] < n
    assert np.all(np.diff(rows) > 0)
    if n > 2000:
        np.testing.assert_array_equal(rows * 2000 // n - np.arange(2000) <= 0, True)
        assert np.abs(rows / n - np.arange(2000) / 2000).max() <= 1 / 2000 + 1 / n


@pytest.mark.parametrize("period", [2, 3, 10, 50])
def test_stop_rows_are_out_of_step_with_periodic_pools(period):
    shares = np.bincount(spread_positions(100_000, 2000) % period) / 2000
    np.testing.assert_allclose(shares, 1 / period, atol=0.02)


def test_high_kappa_bounds_the_change_of_f(rng):
    """The docstring's bound 4 (1 - T) / T, on random models and true labels."""
    for _ in range(150):
        n = rng.randint(10, 80)
        first = rng.random_sample(n) < rng.random_sample()
        second = first ^ (rng.random_sample(n) < 0.3 * rng.random_sample())
        truth = [first, first & second, rng.random_sample(n) < 0.5][rng.randint(3)]
        rule = KappaAverage(window=1)
        kappa = rule.verdict(kappa_records(rule, [first, second], classes=[0, 1]))[0]
        if kappa > 0 and truth.any():
            change = abs(f1_score(truth, first) - f1_score(truth, second))
            assert change <= 4 * (1 - kappa) / kappa + 1e-12


def test_multilabel_predictions_are_pooled():
    first = ToldMultilabel(proba=[[0.9, 0.1], [0.8, 0.2], [0.1, 0.6]])
    second = ToldMultilabel(proba=[[0.9, 0.9], [0.8, 0.2], [0.1, 0.6]])
    rule = KappaAverage(window=1)
    records = [rule.measure(m.view(), numbered(3), [0]) for m in (first, second)]
    expected = cohen_kappa_score([1, 0, 1, 0, 0, 1], [1, 1, 1, 0, 0, 1])
    assert rule.verdict(records)[0] == pytest.approx(expected)
    assert ClassificationChange().verdict(records)[0] == pytest.approx(1 / 6)


def test_classification_change_by_hand():
    rounds = [[0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]]
    rule = ClassificationChange()
    said = replay(rule, kappa_records(rule, rounds))
    np.testing.assert_array_equal(said["value"], [np.nan, 0.25, 0])
    np.testing.assert_array_equal(said["stop"], [False, False, True])
    assert ClassificationChange(threshold=0.25).verdict(
        kappa_records(rule, rounds[:2])
    ) == (0.25, 0.25, True)


# Confidence --------------------------------------------------------------------


def test_overall_uncertainty_is_normalised_entropy():
    proba = [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]]
    value = OverallUncertainty().measure(Told(proba=proba), numbered(3), [])
    assert value == pytest.approx((0 + 1 + np.log(2) / np.log(3)) / 3)


def test_only_unlabelled_rows_count():
    model = Told(proba=[[0.5, 0.5], [1, 0], [1, 0]])
    pool = Rows(numbered(3))
    assert OverallUncertainty().measure(model, pool.take([1, 2]), []) == 0
    assert OverallUncertainty().measure(model, pool, []) == pytest.approx(1 / 3)


def test_nothing_is_unsure_of_one_class_or_of_an_empty_pool():
    """0/0: log C is 0 for one class, and the mean of no rows has no value."""
    one_class = Told(proba=np.ones((4, 1)))
    assert OverallUncertainty().measure(one_class, numbered(4), []) == 0
    empty = Rows(numbered(4)).take([])
    model = Told(proba=np.full((4, 2), 0.5))
    assert OverallUncertainty().measure(model, empty, []) == 0
    assert MaxConfidence().measure(model, empty, []) == 0
    assert MaxConfidence().verdict([0.0]) == (0, 0.001, True)


def test_overall_uncertainty_stops_at_its_threshold():
    rule = OverallUncertainty(threshold=0.05)
    np.testing.assert_array_equal(
        replay(rule, [0.06, 0.05, 0.04])["stop"], [False, True, True]
    )


def test_max_confidence_looks_at_the_least_sure_selected_row():
    model = Told(proba=[[0.5, 0.5], [0.9, 0.1], [1, 0]])
    rule = MaxConfidence()
    expected = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert rule.measure(model, numbered(3), [1, 2]) == pytest.approx(expected)
    assert rule.measure(model, numbered(3), [2]) == 0
    rows = Rows(numbered(3)).take([2, 1])
    assert rule.measure(model, rows, [1]) == pytest.approx(expected)


def test_multilabel_entropy_is_the_mean_over_labels():
    model = ToldMultilabel(proba=[[0.5, 1.0], [0.0, 1.0]])
    uncertainty = OverallUncertainty().measure(model.view(), numbered(2), [])
    assert uncertainty == pytest.approx(0.25)
    entropy = MaxConfidence().measure(model.view(), numbered(2), [0])
    assert entropy == pytest.approx(np.log(2) / 2)


# Performance -------------------------------------------------------------------


def test_estimated_f_of_classes_is_the_mean_top_probability():
    model = Told(proba=[[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])
    value = PerformanceConvergence().measure(model, numbered(3), [])
    assert value == pytest.approx((0.9 + 0.6 + 0.5) / 3)


def test_estimated_f_of_labels_by_hand():
    # Decided: .9, .8, .5. TP 2.2, FP .8, FN .1 + .3 + .2 = .6.
    model = ToldMultilabel(proba=[[0.9, 0.1], [0.8, 0.3], [0.2, 0.5]])
    value = PerformanceConvergence().measure(model.view(), numbered(3), [])
    assert value == pytest.approx(4.4 / (4.4 + 0.8 + 0.6))


def test_estimated_f_without_any_label_is_zero():
    model = ToldMultilabel(proba=np.zeros((3, 2)))
    assert PerformanceConvergence().measure(model.view(), numbered(3), []) == 0
    empty = Rows(numbered(3)).take([])
    assert PerformanceConvergence().measure(model.view(), empty, []) == 0


def test_performance_convergence_is_the_slope_of_the_moving_average():
    scores = [0.5, 0.6, 0.66, 0.69, 0.7, 0.705, 0.704, 0.706]
    rule = PerformanceConvergence(threshold=0.02, window=3)
    means = np.convolve(scores, np.ones(3) / 3, "valid")
    said = replay(rule, scores)
    assert np.isnan(said["value"][:3]).all()
    np.testing.assert_allclose(said["value"][3:], np.diff(means))
    # .705 rises by .015 and .706 by .002; .704 rises on average, but is no maximum.
    np.testing.assert_array_equal(said["stop"], [False] * 5 + [True, False, True])


@pytest.mark.parametrize("scores", [[0.7] * 5, [0.7, 0.6, 0.5, 0.4, 0.3]])
def test_performance_that_does_not_rise_has_not_converged(scores):
    said = replay(PerformanceConvergence(threshold=1, window=2), scores)
    assert not said["stop"].any()


def test_plateau_counts_rounds_without_a_rise():
    rule = ValidationPlateau(**HELD_OUT, patience=2)
    said = replay(rule, [0.5, 0.6, 0.6, 0.7, 0.65, 0.7, 0.8])
    np.testing.assert_array_equal(said["value"], [0, 0, 1, 0, 1, 2, 0])
    np.testing.assert_array_equal(said["stop"], np.arange(7) == 5)
    np.testing.assert_array_equal(said["threshold"], 2)


def test_plateau_ignores_small_rises_but_not_their_sum():
    rule = ValidationPlateau(**HELD_OUT, min_delta=0.05)
    np.testing.assert_array_equal(
        replay(rule, [0.5, 0.54, 0.58, 0.6])["value"], [0, 1, 0, 1]
    )


def test_plateau_takes_nan_for_no_rise():
    rule = ValidationPlateau(**HELD_OUT, patience=2)
    np.testing.assert_array_equal(
        replay(rule, [np.nan, 0.5, np.nan, np.nan])["value"], [1, 0, 1, 2]
    )


def test_plateau_scores_with_any_scorer():
    y_val = np.array(["no", "yes", "yes", "no"])
    proba = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]
    model = Told(proba=proba, classes=["no", "yes"])

    def measured(scoring):
        rule = ValidationPlateau(numbered(4), y_val, scoring=scoring)
        return rule.measure(model, numbered(4), [0])

    assert measured(None) == 0.75
    assert measured("balanced_accuracy") == 0.75
    assert measured("roc_auc") == 1
    expected = np.mean(np.log([0.9, 0.4, 0.8, 0.7]))
    assert measured("neg_log_loss") == pytest.approx(expected)
    assert measured(lambda model, X, y: model.predict_proba(X)[0, 0]) == 0.9


def test_plateau_serves_regressors():
    rule = ValidationPlateau(numbered(3), [0.0, 1.0, 2.0])
    model = ToldRegression(values=[0.0, 1.0, 3.0])
    assert rule.measure(model, numbered(3), [0]) == pytest.approx(0.5)
    rule.set_params(scoring="neg_mean_absolute_error")
    assert rule.measure(model, numbered(3), [0]) == pytest.approx(-1 / 3)


# Combinations ------------------------------------------------------------------


def test_any_and_all_count_who_wants_to_stop():
    members = [("pool", OverallUncertainty()), ("batch", MaxConfidence())]
    records = [
        {"pool": 0.5, "batch": 0.5},
        {"pool": 0.01, "batch": 0.5},
        {"pool": 0.01, "batch": 0.0},
    ]
    said = replay(Any(members), records)
    np.testing.assert_array_equal(said["value"], [0, 1, 2])
    np.testing.assert_array_equal(said["threshold"], 1)
    np.testing.assert_array_equal(said["stop"], [False, True, True])
    said = replay(All(members), records)
    np.testing.assert_array_equal(said["threshold"], 2)
    np.testing.assert_array_equal(said["stop"], [False, False, True])


def test_members_replay_separately():
    rule = Any([("kappa", KappaAverage(window=1)), ("pool", OverallUncertainty())])
    model = Told(proba=np.random.RandomState(0).dirichlet([1, 1], 30))
    records = [rule.measure(model, numbered(30), [0]) for _ in range(3)]
    assert [sorted(record) for record in records] == [["kappa", "pool"]] * 3
    alone = replay(KappaAverage(window=1), [record["kappa"] for record in records])
    np.testing.assert_array_equal(alone["stop"], [False, True, True])


def test_combinations_nest_and_share_one_pass():
    class Counted(Told):
        passes = 0

        def predict_proba(self, X):
            type(self).passes += len(X)
            return super().predict_proba(X)

    rule = All(
        [
            ("sure", Any([("a", MaxConfidence()), ("b", OverallUncertainty())])),
            ("settled", PerformanceConvergence()),
        ]
    )
    model = Counted(proba=np.full((6, 2), 0.5))
    record = rule.measure(ModelView(model), numbered(6), [1])
    assert record == {
        "sure": {"a": pytest.approx(np.log(2)), "b": pytest.approx(1)},
        "settled": pytest.approx(0.5),
    }
    assert Counted.passes == 6
    assert rule.verdict([record]) == (0, 2, False)
    assert rule.needs == {"proba"}


def test_a_combination_serves_what_every_member_serves():
    plateau = ("plateau", ValidationPlateau(**HELD_OUT))
    assert "regression" in Any([plateau]).target_types
    assert "regression" not in Any([plateau, ("k", KappaAverage())]).target_types


def test_parameters_of_members_are_reached_by_name():
    rule = Any([("kappa", KappaAverage()), ("inner", All([("m", MaxConfidence())]))])
    params = rule.get_params()
    assert params["kappa"] is rule.rules[0][1]
    assert params["kappa__window"] == 3
    assert params["inner__m__threshold"] == 0.001
    assert list(rule.get_params(deep=False)) == ["rules"]
    rule.set_params(kappa__window=5, inner__m__threshold=0.1)
    assert rule.rules[0][1].window == 5
    assert rule.rules[1][1].rules[0][1].threshold == 0.1


def test_members_are_replaced_by_name_without_touching_the_given_list():
    given = [("a", KappaAverage()), ("b", MaxConfidence())]
    rule = Any(given).set_params(a=OverallUncertainty(), a__threshold=0.2)
    assert repr(rule.rules) == repr(
        [("a", OverallUncertainty(threshold=0.2)), ("b", MaxConfidence())]
    )
    assert isinstance(given[0][1], KappaAverage)
    rule.set_params(rules=[("c", MaxConfidence())], c__threshold=0.5)
    assert rule.get_params()["c__threshold"] == 0.5


def test_an_unknown_member_is_refused():
    rule = Any([("kappa", KappaAverage())])
    with pytest.raises(ValueError, match="Invalid parameter 'kapa'"):
        rule.set_params(kapa__threshold=0.5)


def test_clones_of_a_combination_share_no_member():
    rule = Any([("kappa", KappaAverage())])
    copy = clone(rule).set_params(kappa__threshold=0.5)
    assert rule.get_params()["kappa__threshold"] == 0.99
    assert copy.get_params()["kappa__threshold"] == 0.5


def test_malformed_members_can_still_be_printed_and_cloned():
    broken = Any([KappaAverage()])
    assert "KappaAverage" in repr(clone(broken))
    assert broken.needs == frozenset()
    assert broken.target_types == frozenset()


def test_members_may_be_anything_that_has_parameters_or_not():
    class Bag(NamedMembersMixin, BaseEstimator):
        _members_param = "things"

        def __init__(self, things=(), size=1):
            self.things = things
            self.size = size

    bag = Bag([("model", Ridge()), ("word", "margin"), ("type", Ridge)])
    assert bag.get_params()["model__alpha"] == 1
    assert bag.set_params(word="entropy", size=2).things[1] == ("word", "entropy")
    assert bag.size == 2
    with pytest.raises(ValueError, match=r"unique names.*got 'size'"):
        Bag([("size", 3)]).check_members()


# In the loop -------------------------------------------------------------------


def learner_with(stopping, **params):
    params = {"n_labels": 1.0, "batch_size": 5, "random_state": 0} | params
    estimator = params.pop("estimator", LogisticRegression())
    return ActiveLearner(estimator, stopping=stopping, **params)


@pytest.mark.parametrize(
    "rule",
    [
        KappaAverage(threshold=0.95),
        ClassificationChange(threshold=0.02),
        OverallUncertainty(threshold=0.6),
        MaxConfidence(threshold=0.69),
        PerformanceConvergence(threshold=0.1, window=2),
        ValidationPlateau(np.zeros((3, 2)), [0, 1, 2], patience=3),
        Any([("kappa", KappaAverage()), ("change", ClassificationChange())]),
        All([("kappa", KappaAverage()), ("change", ClassificationChange())]),
    ],
    ids=name_of,
)
def test_a_learner_stops_where_replay_says(rule, blobs):
    X, y = blobs
    learner = learner_with(rule).fit(X, y)
    assert learner.termination_condition_ == "stopping"
    records = learner.history_["stopping"]
    stops = replay(rule, records)["stop"]
    assert stops[-1]
    assert not stops[:-1].any()
    assert learner.history_["n_labels"][-1] < len(X)


def test_other_thresholds_replay_on_a_whole_run(blobs):
    """What a recorded run says of a threshold is what a run with it does."""
    X, y = blobs
    never = All([("kappa", KappaAverage()), ("change", ClassificationChange(-0.0))])
    never.set_params(kappa__threshold=1.0)
    whole = learner_with(never, n_labels=200).fit(X, y)
    records = [r["kappa"] for r in whole.history_["stopping"] if r is not None]
    for threshold in (0.9, 0.95):
        rule = KappaAverage(threshold=threshold)
        stopped = learner_with(rule, n_labels=200).fit(X, y)
        first = np.argmax(replay(rule, records)["stop"])
        n_labels = whole.history_["n_labels"][first]
        assert stopped.history_["n_labels"][-1] == n_labels


def test_a_learner_refuses_a_rule_before_it_fits(blobs):
    X, y = blobs

    class Unfittable(LogisticRegression):
        def fit(self, X, y):
            raise AssertionError("fitted before the rule was checked")

    learner = learner_with(KappaAverage(window=0), estimator=Unfittable())
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        learner.fit(X, y)


def test_a_learner_refuses_a_rule_for_classes_around_a_regressor(blobs):
    X, y = blobs
    learner = learner_with(KappaAverage(), estimator=Ridge(), query_strategy="random")
    with pytest.raises(TypeError, match=r"for regression targets.*ValidationPlateau"):
        learner.fit(X, y)


def test_a_regressor_stops_on_a_plateau(blobs):
    X, _ = blobs
    y = X @ [1.0, 2.0]
    rule = ValidationPlateau(X[:50], y[:50], patience=2, min_delta=0.01)
    learner = learner_with(rule, estimator=Ridge(), query_strategy="random")
    assert learner.fit(X[50:], y[50:]).termination_condition_ == "stopping"


def test_parameters_of_a_member_tune_through_the_learner(blobs):
    X, y = blobs
    rule = Any([("kappa", KappaAverage()), ("sure", MaxConfidence())])
    learner = learner_with(rule)
    early = clone(learner).set_params(stopping__kappa__threshold=0.8).fit(X, y)
    late = clone(learner).set_params(stopping__kappa__threshold=1.0).fit(X, y)
    assert early.history_["n_labels"][-1] < late.history_["n_labels"][-1]


def test_your_own_rule_is_a_measure_and_a_verdict(blobs):
    class FewLeft(StoppingRule):
        target_types = StoppingRule.target_types | {"regression"}

        def _measure(self, view, rows, indices):
            return len(rows)

        def _verdict(self, records):
            return records[-1], 100, records[-1] <= 100

    X, y = blobs
    learner = learner_with(FewLeft()).fit(X, y)
    assert len(X) - learner.history_["n_labels"][-1] == 100


def test_a_learner_is_measured_by_hand(blobs):
    X, y = blobs
    learner = learner_with(None, n_labels=60, estimator=LogisticRegression()).fit(X, y)
    indices, _ = learner.query(X, 3)
    by_learner = MaxConfidence().measure(learner, X, indices)
    by_model = MaxConfidence().measure(ModelView(learner.estimator_), X, indices)
    assert by_learner == by_model


def test_a_live_loop_measures_with_positions_in_the_pool(digits):
    X, _, y, _ = digits
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(X[:50], y[:50])
    unlabeled = np.arange(len(X)) >= 50
    picks, _ = learner.query(X, 5, candidates=unlabeled)
    rule = MaxConfidence()
    record = rule.measure(learner, X, picks, candidates=unlabeled)
    assert record == rule.measure(
        learner, Rows(X, np.flatnonzero(unlabeled)), picks - 50
    )
    with pytest.raises(ValueError, match=r"must be among the candidates, got \[3\]"):
        rule.measure(learner, X, [3, 60], candidates=unlabeled)
