"""Metrics of a run and of its probabilities, by hand and against scikit-learn."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, make_scorer, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.metrics import (
    CurveScorer,
    answers_to_reach,
    area_under_learning_curve,
    expected_calibration_error,
    label_efficiency,
    labels_to_reach,
    nll_by_group,
    reliability_curve,
)

N = [10, 20, 40, 80]
SCORES = [0.5, 0.7, 0.6, 0.9]


# Area --------------------------------------------------------------------------


def test_area_by_hand():
    # .6 * 10 + .65 * 20 + .75 * 40 = 49, over 70 labels.
    assert area_under_learning_curve(N, SCORES) == pytest.approx(0.7)


def test_area_over_part_of_the_range():
    # .6 at 15, .7 at 20, .6 at 40, .75 at 60.
    expected = (0.65 * 5 + 0.65 * 20 + 0.675 * 20) / 45
    area = area_under_learning_curve(N, SCORES, start=15, stop=60)
    assert area == pytest.approx(expected)


def test_area_between_two_points_is_their_middle():
    area = area_under_learning_curve(N, SCORES, start=50, stop=70)
    assert area == pytest.approx(0.75)


def test_areas_of_parts_make_the_whole():
    parts = [
        (stop - start) * area_under_learning_curve(N, SCORES, start=start, stop=stop)
        for start, stop in [(10, 33), (33, 40), (40, 80)]
    ]
    whole = area_under_learning_curve(N, SCORES)
    assert sum(parts) / 70 == pytest.approx(whole)


@pytest.mark.parametrize(
    ("points", "bounds", "expected"),
    [
        (([10], [0.5]), {}, 0.5),
        ((N, SCORES), {"start": 30, "stop": 30}, 0.65),
        ((N, SCORES), {"start": 80}, 0.9),
    ],
)
def test_area_over_no_width_is_the_score_there(points, bounds, expected):
    assert area_under_learning_curve(*points, **bounds) == pytest.approx(expected)


def test_area_reads_as_a_score():
    assert area_under_learning_curve(N, [0.8] * 4) == pytest.approx(0.8)
    a = area_under_learning_curve(N, SCORES)
    scaled = area_under_learning_curve(np.array(N) * 7, np.array(SCORES) * 2 - 1)
    assert scaled == pytest.approx(2 * a - 1)
    more = area_under_learning_curve([10, 15, *N[1:]], [0.5, 0.6, *SCORES[1:]])
    assert more == pytest.approx(a)


@pytest.mark.parametrize(
    "bounds", [{"start": 5}, {"stop": 90}, {"start": 50, "stop": 40}, {"stop": np.nan}]
)
def test_area_is_not_extrapolated(bounds):
    with pytest.raises(ValueError, match=r"start and stop must lie in \[10, 80\]"):
        area_under_learning_curve(N, SCORES, **bounds)


@pytest.mark.parametrize(
    ("n_labels", "scores", "words"),
    [
        ([1, 2], [0.5], r"n_labels and scores must be 1-D.*\(2,\) and \(1,\)"),
        ([], [], "n_labels and scores must be 1-D"),
        ([[1, 2]], [[0.5, 0.6]], "n_labels and scores must be 1-D"),
        ([2, 1], [0.5, 0.6], "n_labels must be counts.*strictly increasing, got"),
        ([1, 1], [0.5, 0.6], "n_labels must be counts"),
        ([-1, 1], [0.5, 0.6], "n_labels must be counts from 0 up"),
        ([1, np.nan], [0.5, 0.6], "n_labels must be counts"),
        ([1, np.inf], [0.5, 0.6], "n_labels must be counts"),
        ([1, 2], [0.5, np.nan], "scores must be finite"),
    ],
)
def test_points_that_are_no_curve_are_refused(n_labels, scores, words):
    for attempt in (
        lambda: area_under_learning_curve(n_labels, scores),
        lambda: labels_to_reach(n_labels, scores, 0.5),
        lambda: label_efficiency(n_labels, scores, N, SCORES),
        lambda: label_efficiency(N, SCORES, n_labels, scores),
    ):
        with pytest.raises(ValueError, match=words):
            attempt()


# Labels to reach ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.4, 10),
        (0.5, 10),
        (0.6, 15),
        (0.7, 20),
        (0.75, 60),
        (0.9, 80),
        (0.91, np.inf),
        (np.inf, np.inf),
        (-np.inf, 10),
    ],
)
def test_labels_to_the_first_crossing(target, expected):
    labels = labels_to_reach(N, SCORES, target)
    assert type(labels) is float
    assert labels == pytest.approx(expected)


def test_several_targets_keep_their_shape():
    targets = np.array([[0.4, 0.6], [0.75, 1.0]])
    expected = [[labels_to_reach(N, SCORES, t) for t in row] for row in targets]
    np.testing.assert_array_equal(labels_to_reach(N, SCORES, targets), expected)
    assert labels_to_reach(N, SCORES, []).shape == (0,)


def test_flat_stretches_count_from_their_start():
    assert labels_to_reach([1, 2, 3, 4], [0.5, 0.7, 0.7, 0.8], 0.7) == 2
    assert labels_to_reach([5], [0.5], 0.5) == 5
    assert labels_to_reach([5], [0.5], 0.6) == np.inf


def test_labels_to_reach_agrees_with_a_search_on_a_fine_grid(rng):
    n_labels = np.cumsum(rng.randint(1, 9, 30))
    scores = np.cumsum(rng.normal(0.1, 0.3, 30))
    grid = np.linspace(n_labels[0], n_labels[-1], 200_001)
    curve = np.interp(grid, n_labels, scores)
    for target in np.linspace(scores.min(), scores.max() - 1e-3, 25):
        expected = grid[np.argmax(curve >= target)]
        assert labels_to_reach(n_labels, scores, target) == pytest.approx(
            expected, abs=2e-3
        )


def test_a_target_is_a_number():
    with pytest.raises(ValueError, match="target must be a score, got NaN"):
        labels_to_reach(N, SCORES, [0.5, np.nan])


# Label efficiency --------------------------------------------------------------


def test_efficiency_by_hand():
    efficiency = label_efficiency([10, 20, 40], [0.5, 0.7, 0.95], N, SCORES)
    # .5 takes 10 and .7 takes 20 on both sides; .95 the baseline never sees.
    np.testing.assert_array_equal(efficiency, [1, 1, np.nan])
    efficiency = label_efficiency([10, 20, 40], [0.5, 0.8, 0.9], N, SCORES)
    np.testing.assert_allclose(efficiency, [1, (40 + 40 * 2 / 3) / 20, 2])


def test_efficiency_at_given_scores():
    efficiency = label_efficiency(
        [10, 30], [0.5, 0.8], N, SCORES, targets=[0.5, 0.75, 0.9, 0.99]
    )
    # .75 takes 60 against 10 + 20 * 25 / 30; only the baseline reaches .9.
    np.testing.assert_allclose(efficiency, [1, 60 / (10 + 50 / 3), 0, np.nan])


def test_a_curve_is_as_efficient_as_itself():
    rising = [0.5, 0.6, 0.7, 0.8]
    np.testing.assert_allclose(label_efficiency(N, rising, N, rising), 1)


def test_a_dip_keeps_the_best_so_far():
    """At 40 labels SCORES has dipped: its best, .7, took it 20."""
    rising = [0.5, 0.6, 0.7, 0.8]
    np.testing.assert_allclose(
        label_efficiency(N, SCORES, N, rising), [1, 2, 1, np.nan]
    )


def test_efficiency_ignores_the_units_of_scores_and_labels():
    rising, tripled = np.array([0.55, 0.6, 0.7, 0.85]), np.multiply(N, 3)
    plain = label_efficiency(N, rising, N, SCORES)
    labels = label_efficiency(tripled, rising, tripled, SCORES)
    percent = label_efficiency(N, 100 * rising, N, np.multiply(SCORES, 100))
    np.testing.assert_allclose(labels, plain)
    np.testing.assert_allclose(percent, plain)


def test_scores_that_take_no_labels():
    """0/0 is NaN: a curve may begin with a model that has seen no label."""
    efficiency = label_efficiency([0, 10], [0.5, 0.6], N, SCORES)
    np.testing.assert_array_equal(efficiency, [np.inf, 1.5])
    efficiency = label_efficiency([0, 10], [0.5, 0.7], [0, 10], [0.5, 0.6])
    np.testing.assert_array_equal(efficiency, [np.nan, np.nan])


# The scorer --------------------------------------------------------------------


@pytest.fixture
def learner():
    return ActiveLearner(
        LogisticRegression(),
        n_labels=50,
        store_estimators=True,
        random_state=0,
    )


def test_the_scorer_is_the_area_of_staged_scores(learner, blobs):
    X, y = blobs
    learner.fit(X, y)
    scores = list(learner.staged_score(X, y))
    assert len(scores) == 5
    expected = area_under_learning_curve([10, 20, 30, 40, 50], scores)
    assert CurveScorer()(learner, X, y) == pytest.approx(expected)
    assert CurveScorer("accuracy")(learner, X, y) == pytest.approx(expected)
    part = area_under_learning_curve([10, 20, 30, 40, 50], scores, start=20, stop=35)
    assert CurveScorer(start=20, stop=35)(learner, X, y) == pytest.approx(part)


@pytest.mark.parametrize("names", [[0, 1, 2], ["x", "a", "m"]])
def test_the_scorer_takes_any_scorer_and_any_labels(learner, blobs, names):
    X, codes = blobs
    y = np.array(names)[codes]
    learner.fit(X, y)
    losses = [
        -log_loss(y, proba, labels=learner.classes_)
        for proba in learner.staged_predict_proba(X)
    ]
    expected = area_under_learning_curve([10, 20, 30, 40, 50], losses)
    assert CurveScorer("neg_log_loss")(learner, X, y) == pytest.approx(expected)
    recall = make_scorer(recall_score, labels=[y[0]], average="macro")
    recalls = [
        recall_score(y, said, labels=[y[0]], average="macro")
        for said in learner.staged_predict(X)
    ]
    expected = area_under_learning_curve([10, 20, 30, 40, 50], recalls)
    assert CurveScorer(recall)(learner, X, y) == pytest.approx(expected)


def test_scoring_the_curve_leaves_the_learner_as_it_was(learner, blobs):
    X, y = blobs
    learner.fit(X, y)
    last = learner.estimator_
    before = learner.predict_proba(X)
    CurveScorer("neg_log_loss")(learner, X, y)
    assert learner.estimator_ is last
    np.testing.assert_array_equal(learner.predict_proba(X), before)


def test_the_scorer_tunes_a_strategy(learner, blobs):
    X, y = blobs
    search = GridSearchCV(
        learner,
        {"query_strategy": ["margin", "random"]},
        scoring=CurveScorer(start=10, stop=50),
        cv=2,
        error_score="raise",
    ).fit(X, y)
    areas = search.cv_results_["mean_test_score"]
    assert np.isfinite(areas).all()
    assert areas[0] != areas[1]


def test_the_scorer_finds_a_learner_at_the_end_of_a_pipeline(learner, blobs):
    X, y = blobs
    pipeline = make_pipeline(StandardScaler(), learner).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    expected = CurveScorer()(learner.fit(scaled, y), scaled, y)
    assert CurveScorer()(pipeline, X, y) == pytest.approx(expected)
    alone = make_pipeline(learner).fit(scaled, y)
    assert CurveScorer()(alone, scaled, y) == pytest.approx(expected)


def test_one_round_is_a_curve_of_one_point(learner, blobs):
    X, y = blobs
    learner.set_params(n_labels=None).fit(X, y)
    assert CurveScorer()(learner, X, y) == learner.score(X, y)


def test_the_scorer_needs_the_models_of_all_rounds(learner, blobs):
    X, y = blobs
    learner.set_params(store_estimators=False).fit(X, y)
    with pytest.raises(ValueError, match=r"store_estimators must be True.*got False"):
        CurveScorer()(learner, X, y)


def test_the_scorer_pickles_and_prints():
    scorer = CurveScorer("neg_log_loss", start=10)
    assert pickle.loads(pickle.dumps(scorer)) == scorer
    assert repr(scorer) == "CurveScorer(scoring='neg_log_loss', start=10, stop=None)"


# Calibration -------------------------------------------------------------------


def drawn(n, n_classes, seed=0):
    """Return labels drawn from probabilities, and these: calibrated by making."""
    rng = np.random.RandomState(seed)
    proba = rng.dirichlet([0.5] * n_classes, n)
    return np.array([rng.choice(n_classes, p=row) for row in proba]), proba


def slow_ece(codes, proba, edges):
    """Compute the error from its definition, bin by bin and row by row."""
    total = 0.0
    for low, high in pairwise(edges):
        rows = [i for i in range(len(proba)) if low < max(proba[i]) <= high]
        if rows:
            right = np.mean([np.argmax(proba[i]) == codes[i] for i in rows])
            total += len(rows) * abs(right - np.mean([max(proba[i]) for i in rows]))
    return total / len(proba)


@pytest.mark.parametrize("n_bins", [1, 4, 15])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_ece_equals_its_definition(n_classes, n_bins):
    codes, proba = drawn(200, n_classes)
    ece = expected_calibration_error(codes, proba, n_bins=n_bins)
    edges = np.linspace(0, 1, n_bins + 1)
    assert ece == pytest.approx(slow_ece(codes, proba, edges))
    *_, edges = reliability_curve(codes, proba, n_bins=n_bins, strategy="quantile")
    ece = expected_calibration_error(codes, proba, n_bins=n_bins, strategy="quantile")
    assert ece == pytest.approx(slow_ece(codes, proba, edges))


def test_ece_by_hand():
    # Two bins: right 1 of 2 at .9 and 2 of 2 at .6; off by .4 each.
    y, proba = ["a", "b", "b", "b"], [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    assert expected_calibration_error(y, proba) == pytest.approx(0.4)
    # In one bin the two errors cancel: .75 right at .75.
    assert expected_calibration_error(y, proba, n_bins=1) == pytest.approx(0)
    certain = np.eye(3)[[0, 1, 2]]
    assert expected_calibration_error([0, 1, 2], certain) == 0
    assert expected_calibration_error([1, 2, 0], certain) == 1


def test_ece_of_honest_probabilities_shrinks_with_the_rows():
    few, many = (expected_calibration_error(*drawn(n, 5)) for n in (100, 20_000))
    assert many < 0.015 < few


def test_ece_does_not_mind_the_order_of_rows_or_the_names_of_labels():
    codes, proba = drawn(300, 3)
    ece = expected_calibration_error(codes, proba)
    order = np.random.RandomState(1).permutation(300)
    assert expected_calibration_error(codes[order], proba[order]) == pytest.approx(ece)
    names = np.array(["x", "m", "a"])  # columns in the model's order, not sorted
    named = expected_calibration_error(names[codes], proba, labels=names)
    assert named == pytest.approx(ece)
    half = expected_calibration_error(codes, proba.astype(np.float32))
    assert half == pytest.approx(ece, abs=1e-6)


def test_a_class_without_a_row_keeps_its_column():
    codes, proba = drawn(200, 4)
    seen = codes != 3
    ece = expected_calibration_error(codes[seen], proba[seen], labels=range(4))
    edges = np.linspace(0, 1, 16)
    assert ece == pytest.approx(slow_ece(codes[seen], proba[seen], edges))
    with pytest.raises(ValueError, match="labels must name the 4 columns of y_proba"):
        expected_calibration_error(codes[seen], proba[seen])
    one = expected_calibration_error([2, 2], proba[:2], labels=range(4))
    assert 0 <= one <= 1


def test_two_classes_by_the_probability_of_the_greater():
    codes, proba = drawn(200, 2)
    ece = expected_calibration_error(codes, proba)
    assert expected_calibration_error(codes, proba[:, 1]) == pytest.approx(ece)
    # One class only: 0 and 1 are known to be two, other labels are not.
    ones = expected_calibration_error([1, 1], [0.8, 0.6], n_bins=1)
    assert ones == pytest.approx(0.3)
    with pytest.raises(ValueError, match=r"labels must name .* got None with 1 differ"):
        expected_calibration_error(["yes", "yes"], [0.8, 0.6])
    named = expected_calibration_error(
        ["yes", "yes"], [0.8, 0.6], n_bins=1, labels=["no", "yes"]
    )
    assert named == pytest.approx(0.3)


def test_of_equal_probabilities_the_first_is_the_prediction():
    accuracy, confidence, count, _ = reliability_curve([0, 1], [[0.5, 0.5]] * 2)
    assert accuracy[count > 0] == [0.5]
    assert confidence[count > 0] == [0.5]
    assert reliability_curve([0, 0], [[0.5, 0.5]] * 2, n_bins=1)[0] == [1]


def test_bins_hold_their_upper_edge_and_may_be_empty():
    confidences = np.array([0.5, 0.75, 0.75, 1.0, 1.0, 1.0])
    accuracy, confidence, count, edges = reliability_curve(
        np.zeros(6, int), np.column_stack([confidences, 1 - confidences]), n_bins=4
    )
    np.testing.assert_array_equal(count, [0, 1, 2, 3])
    np.testing.assert_allclose(edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(confidence, [np.nan, 0.5, 0.75, 1])
    np.testing.assert_allclose(accuracy, [np.nan, 1, 1, 1])


def test_equal_confidences_share_a_quantile_bin():
    confidences = np.array([0.6] * 50 + [0.7] * 3 + [0.9] * 47)
    _, confidence, count, _ = reliability_curve(
        np.zeros(100, int),
        np.column_stack([confidences, 1 - confidences]),
        n_bins=10,
        strategy="quantile",
    )
    np.testing.assert_array_equal(count, [50, 50])
    np.testing.assert_allclose(confidence, [0.6, (3 * 0.7 + 47 * 0.9) / 50])
    same = reliability_curve([0, 1, 1], [[0.5, 0.5]] * 3, strategy="quantile")
    np.testing.assert_array_equal(same[2], [3])


def test_quantile_bins_are_equally_full():
    codes, proba = drawn(1000, 3)
    count = reliability_curve(codes, proba, n_bins=8, strategy="quantile")[2]
    np.testing.assert_array_equal(count, [125] * 8)


def test_reliability_agrees_with_scikit_learns_curve_of_a_right_prediction():
    codes, proba = drawn(500, 3)
    right = proba.argmax(axis=1) == codes
    expected = calibration_curve(right, proba.max(axis=1), n_bins=9)
    accuracy, confidence, count, _ = reliability_curve(codes, proba, n_bins=9)
    np.testing.assert_allclose([accuracy[count > 0], confidence[count > 0]], expected)


def test_nll_by_hand():
    proba = [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]
    nll = nll_by_group([0, 1, 0, 1], proba, ["new", "new", "old", "old"])
    assert list(nll) == ["new", "old"]
    assert nll["new"] == pytest.approx(np.log(2))
    assert nll["old"] == pytest.approx(-np.log(0.75) / 2)
    by_class = nll_by_group(["no", "yes", "no", "yes"], proba)
    assert by_class["no"] == pytest.approx(np.log(2) / 2)


def test_nll_of_groups_averages_to_the_log_loss():
    codes, proba = drawn(200, 4)
    proba[:20] = np.eye(4)[np.arange(20) % 4]  # certain, and often wrong
    groups = np.random.RandomState(1).randint(5, size=200)
    for some in (proba, proba.astype(np.float32)):
        nll = nll_by_group(codes, some, groups, labels=range(4))
        mean = sum(nll[g] * np.sum(groups == g) for g in nll) / 200
        assert mean == pytest.approx(log_loss(codes, some, labels=range(4)), rel=1e-5)


def test_the_brier_score_is_scikit_learns():
    """It serves several classes and missing ones, as the documentation says."""
    proba = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    score = brier_score_loss(["a", "b"], proba, labels=["a", "b", "c"])
    assert score == pytest.approx((0.04 + 0.01 + 0.01 + 0.04 + 0.09 + 0.01) / 2)
    one_class = brier_score_loss(["a", "a"], proba, labels=["a", "b", "c"])
    assert one_class == pytest.approx((0.06 + 0.64 + 0.49 + 0.01) / 2)


@pytest.mark.parametrize(
    ("y", "proba", "options", "message"),
    [
        ([0, 1], [[2.0, -1.0], [0.5, 0.5]], {}, "y_proba must hold probabilities that"),
        ([0, 1], [[0.9, 0.9], [0.5, 0.5]], {}, "sum to 1 in each row"),
        ([0, 1], [[np.nan, 1.0], [0.5, 0.5]], {}, "Pass what predict_proba returns"),
        ([0, 1], [[[0.5, 0.5]]] * 2, {}, r"y_proba must be of shape .n_samples, n_cl"),
        ([0], [[0.5, 0.5]] * 2, {}, "y_true must hold one label for each row of y_p"),
        ([], np.empty((0, 2)), {}, r"got shapes \(0,\) and \(0, 2\)"),
        ([0, 7], [[0.5, 0.5]] * 2, {"labels": [0, 1]}, r"among \[0, 1\], got 7"),
        ([0, 1], [[0.5, 0.5]] * 2, {"labels": [0, 1, 2]}, "labels must name the 2 col"),
        ([0, 1], [[0.5, 0.5]] * 2, {"labels": [1, 1]}, r"got \[1, 1\] with 2 differe"),
    ],
)
def test_what_are_no_predictions_is_refused(y, proba, options, message):
    for measure in (expected_calibration_error, reliability_curve, nll_by_group):
        with pytest.raises(ValueError, match=message):
            measure(y, proba, **options)


def test_options_of_calibration_are_checked():
    y, proba = [0, 1], [[0.5, 0.5]] * 2
    with pytest.raises(ValueError, match="n_bins must be at least 1, got 0"):
        reliability_curve(y, proba, n_bins=0)
    with pytest.raises(ValueError, match=r"strategy must be one of .*, got 'equal'"):
        expected_calibration_error(y, proba, strategy="equal")
    with pytest.raises(
        ValueError, match="groups must hold one group for each of the 2"
    ):
        nll_by_group(y, proba, [1])


def test_answers_are_counted_as_labels_are():
    targets = [0.0, 0.55, 0.8, 1.0]
    np.testing.assert_array_equal(
        answers_to_reach(N, SCORES, targets), labels_to_reach(N, SCORES, targets)
    )
    assert answers_to_reach([0, 4, 8], [0.0, 0.5, 0.3], 0.25) == 2
    with pytest.raises(ValueError, match="n_answers must be counts from 0 up"):
        answers_to_reach([4, 4], [0.1, 0.2], 0.1)
