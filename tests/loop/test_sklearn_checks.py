"""ActiveLearner keeps scikit-learn's rules in both meanings of fit."""

import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearner

#: Every check that is expected to fail, with its reason.
EXPECTED_FAILURES = {
    "check_classifiers_classes": (
        "labels every row with one of the classes -1 and 1, and the default "
        "missing_label=-1 takes rows labelled -1 as unlabelled"
    ),
}

ESTIMATORS = {
    "logistic": LogisticRegression(),
    "forest": RandomForestClassifier(n_estimators=5, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "ridge": Ridge(),
}
STRATEGIES = {"ridge": "random"}


def learners(**params):
    """Return a learner around each estimator, at both meanings of fit."""
    return [
        ActiveLearner(
            estimator,
            STRATEGIES.get(name, "margin"),
            n_labels=n_labels,
            batch_size=50,
            random_state=0,
            **params,
        )
        for name, estimator in ESTIMATORS.items()
        for n_labels in (None, 1.0)
    ]


def expected_failures(learner):
    """Return the reasons by check: none where -1 may be a class, nor in regression."""
    minus_one_is_a_label = learner.missing_label is None
    if minus_one_is_a_label or isinstance(learner.estimator, Ridge):
        return {}
    return EXPECTED_FAILURES


@parametrize_with_checks(
    learners(), expected_failed_checks=expected_failures, xfail_strict=True
)
def test_the_default_learner_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [
        learner
        for learner in learners(missing_label=None)
        if isinstance(learner.estimator, LogisticRegression)
    ],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_a_learner_without_missing_label_passes_every_check(estimator, check):
    check(estimator)


def test_one_failure_at_most_is_expected():
    assert len(EXPECTED_FAILURES) == 1
    assert all(expected_failures(learner) == {} for learner in learners()[-2:])


@pytest.mark.parametrize("n_labels", [None, 1.0])
def test_the_expected_failure_says_how_to_go_on(n_labels):
    learner = ActiveLearner(n_labels=n_labels)
    with pytest.raises(ValueError, match="missing_label=None"):
        learner.fit([[0.0], [1.0], [2.0], [3.0]], [-1, 1, -1, 1])
