"""What a search has found: recall at a budget, work saved, the curve, a scorer."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.experiment import Experiment
from skal.metrics import (
    FoundScorer,
    found_curve,
    recall_at_budget,
    work_saved_over_sampling,
)

ASKED = ["no", "yes", "yes", "no", "yes", "no"]
X, Y = load_iris(return_X_y=True)


def test_the_curve_counts_from_no_label_on():
    assert found_curve(ASKED, "yes").tolist() == [0, 0, 1, 2, 2, 3, 3]
    assert found_curve([], 1).tolist() == [0]
    assert found_curve([[0, 1], [1, 1]], 1).tolist() == [0, 1, 2]
    assert found_curve([[0, 1], [1, 1]], 0).tolist() == [0, 0, 1]


def test_recall_at_a_budget():
    recalls = [recall_at_budget(ASKED, n, 4, target="yes") for n in range(7)]
    assert recalls == [0, 0, 0.25, 0.5, 0.5, 0.75, 0.75]


def test_work_saved_is_that_of_a_confusion_matrix():
    for recall, needed in ((0.25, 2), (0.5, 3), (0.75, 5), (0.7, 5)):
        n_left = 100 - needed  # true and false negatives
        expected = n_left / 100 - (1 - recall)
        saved = work_saved_over_sampling(ASKED, 100, 4, recall=recall, target="yes")
        assert saved == pytest.approx(expected)
    assert np.isnan(work_saved_over_sampling(ASKED, 100, 4, target="yes"))


def test_random_order_saves_nothing_on_average():
    rng = np.random.RandomState(0)
    y = np.arange(200) < 40
    saved = [
        work_saved_over_sampling(rng.permutation(y), 200, 40, recall=0.5, target=True)
        for _ in range(300)
    ]
    assert abs(np.mean(saved)) < 0.02


def test_a_recall_that_rounding_would_miss():
    """.95 of 20 is 19, though .95 * 20 is 19.000000000000004 in some orders."""
    saved = work_saved_over_sampling([1] * 19, 40, 20, recall=0.95)
    assert saved == pytest.approx(21 / 40 - 0.05)
    assert work_saved_over_sampling([1] * 7, 10, 10, recall=0.7) == 0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: found_curve(np.zeros((2, 2, 2))), "y_asked must hold labels of shape"),
        (lambda: found_curve([[0, 1]], 2), "target must be the number of an output"),
        (lambda: found_curve([[0, 1]], "a"), "output, from 0 to 1, got .a"),
        (lambda: recall_at_budget([1, 1], 1, 1), "n_positive must count all rows"),
        (lambda: recall_at_budget([1, 1], 3, 2), "budget must be at most 2"),
        (lambda: recall_at_budget([1], -1, 2), "budget must be at least 0"),
        (lambda: work_saved_over_sampling([1], 2, 3), "n_samples must count all rows"),
        (
            lambda: work_saved_over_sampling([1], 9, 3, recall=0),
            "recall must be above 0",
        ),
        (
            lambda: work_saved_over_sampling([1], 9, 3, recall=95),
            "recall must be in",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_a_scorer_counts_what_a_learner_has_found():
    learner = ActiveLearner(
        LogisticRegression(max_iter=500), "random", n_labels=40, random_state=0
    ).fit(X, Y)
    n = (learner.y_training_ == 2).sum()
    assert FoundScorer(2)(learner, X, Y) == n
    assert FoundScorer(2, n_positive=50)(learner) == n / 50
    pipe = make_pipeline(StandardScaler(), learner).fit(X, Y)
    assert FoundScorer(2)(pipe) == (pipe[-1].y_training_ == 2).sum()
    with pytest.raises(TypeError, match="estimator must be an ActiveLearner"):
        FoundScorer(2)(LogisticRegression())
    with pytest.raises(ValueError, match="n_positive must count"):
        FoundScorer(2, n_positive=1)(learner)


def test_an_experiment_draws_the_curve_of_what_was_found(tmp_path):
    experiment = Experiment(
        LogisticRegression(max_iter=500),
        ["random", "margin"],
        (X, Y),
        n_labels=30,
        n_initial=10,
        seeds=1,
        metrics={"found": FoundScorer(2)},
    )
    frame = experiment.run(tmp_path / "runs").frame
    found = frame.groupby("n_labels")["found"].min()
    assert found.tolist() == sorted(found)
    assert found.iloc[-1] > 0
