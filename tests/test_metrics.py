import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.metrics import (
    CurveScorer,
    area_under_learning_curve,
    label_efficiency,
    labels_to_reach,
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
