"""Parameters that name classes are told in labels, whatever codes there are."""

import pickle

import numpy as np
import pytest
from scipy.stats import uniform
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    make_scorer,
    precision_score,
    recall_score,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal._data import Labels
from skal._meta import in_codes
from skal._meta.scorers import scoring_in_codes
from skal.metrics import CurveScorer
from skal.pseudo import PseudoLabelClassifier

#: Not in the order of their first letters, so that no code is right by chance.
WORDS = np.array(["spam", "ham", "eggs"])
LABELS = Labels("multiclass", np.sort(WORDS))


def test_weights_in_a_grid_are_told_by_label(blobs):
    X, y = blobs
    heavy = {"spam": 1000, "ham": 1, "eggs": 1}
    for grid in (
        {"class_weight": [heavy]},
        [{"C": [1.0, 2.0]}, {"class_weight": [heavy], "C": [1.0]}],
    ):
        search = GridSearchCV(LogisticRegression(), grid, cv=2, scoring=sees_spam)
        learner = ActiveLearner(search).fit(X, WORDS[y])
        expected = GridSearchCV(LogisticRegression(), grid, cv=2, scoring=sees_spam)
        expected.fit(X, WORDS[y])
        np.testing.assert_array_equal(learner.predict(X), expected.predict(X))
        assert np.mean(learner.predict(X) == "spam") > 0.7


def sees_spam(model, X, y):
    """Return the share of rows said to be spam: label "spam", or its code 2."""
    return np.mean(np.isin(model.predict(X).astype(str), ["spam", "2"]))


def test_distributions_and_other_parameters_stay_as_they_are():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    tried = {
        "logisticregression__C": uniform(),
        "logisticregression__class_weight": ("balanced", None, {"spam": 3}),
        "logisticregression__tol": [1e-3],
    }
    params = in_codes(RandomizedSearchCV(pipeline, tried), LABELS)
    assert params.keys() == {"param_distributions"}
    translated = params["param_distributions"]
    assert translated["logisticregression__C"] is tried["logisticregression__C"]
    assert translated["logisticregression__class_weight"] == ["balanced", None, {2: 3}]
    assert translated["logisticregression__tol"] is tried["logisticregression__tol"]
    assert tried["logisticregression__class_weight"][2] == {"spam": 3}


def test_a_grid_of_constants_and_positive_labels():
    grid = {"constant": np.array(["ham", "spam"])}
    search = GridSearchCV(DummyClassifier(strategy="constant"), grid)
    assert in_codes(search, LABELS) == {"param_grid": {"constant": [1, 2]}}
    threshold = FixedThresholdClassifier(LogisticRegression())
    search = GridSearchCV(threshold, {"pos_label": ["eggs", None]})
    assert in_codes(search, LABELS) == {"param_grid": {"pos_label": [0, None]}}


@pytest.mark.parametrize("names", [WORDS, np.array([2, 0, 1]), np.array([1, 2, 3])])
def test_the_constant_of_a_dummy_is_a_label(blobs, names):
    """A constant of 1 among the labels 1, 2, 3 used to predict 2."""
    X, y = blobs
    dummy = make_pipeline(DummyClassifier(strategy="constant", constant=names[0]))
    learner = ActiveLearner(dummy).fit(X, names[y])
    assert set(learner.predict(X[:5])) == {names[0]}


def seen_as_spam(y_true, y_pred):
    return np.mean((y_pred == "spam") & (y_true == "spam"))


def nearness_to_spam(y_true, y_score, pos_label):
    return np.mean(y_score[y_true == pos_label])


def share_right(y_true, y_pred, pos_label="spam"):
    return np.mean((y_pred == pos_label) & (y_true == pos_label))


def spam_scorer(model, X, y):
    column = list(model.classes_).index("spam")
    hits = (y == "spam") * model.predict_proba(X)[:, column]
    return np.mean(hits) + recall_score(y, model.predict(X), pos_label="spam")


SCORERS = {
    "pos_label": make_scorer(recall_score, pos_label="spam"),
    "precision of ham": make_scorer(precision_score, pos_label="ham"),
    "probabilities": make_scorer(
        average_precision_score, pos_label="ham", response_method="predict_proba"
    ),
    "own metric": make_scorer(seen_as_spam),
    "own metric of chances": make_scorer(
        nearness_to_spam, pos_label="ham", response_method="predict_proba"
    ),
    "own metric of a class": make_scorer(share_right, pos_label="ham"),
    "own metric of its own class": make_scorer(share_right),
    "own scorer": spam_scorer,
    "no class": "balanced_accuracy",
}


@pytest.fixture
def mail(rng):
    """Return rows of two overlapping classes, of which ham is the second code."""
    y = np.array(["ham", "spam"])[(rng.random_sample(60) < 0.3) * 1]
    return rng.normal(size=(60, 1)) + (y == "spam")[:, None], y


@pytest.mark.parametrize("name", SCORERS)
def test_a_scorer_inside_a_search_names_classes_as_outside(mail, name):
    """The scorer's pos_label was no class of the codes, and every score NaN."""
    X, y = mail
    search = GridSearchCV(
        LogisticRegression(), {"C": [1.0]}, cv=2, scoring=SCORERS[name]
    )
    inside = ActiveLearner(search).fit(X, y).estimator_
    for key in ("split0_test_score", "split1_test_score"):
        expected = clone(search).fit(X, y).cv_results_[key]
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(inside.cv_results_[key], expected)
    pickle.loads(pickle.dumps(inside)).predict(X)


def test_several_scorers_and_thresholds_name_classes(mail):
    X, y = mail
    several = {"hit": SCORERS["pos_label"], "all": "accuracy"}
    search = GridSearchCV(
        LogisticRegression(), {"C": [1.0]}, cv=2, scoring=several, refit="hit"
    )
    inside = ActiveLearner(search).fit(X, y).estimator_.cv_results_
    expected = clone(search).fit(X, y).cv_results_
    for key in ("mean_test_hit", "mean_test_all"):
        assert inside[key] == pytest.approx(expected[key])
    for name in ("pos_label", "own metric"):
        tuned = TunedThresholdClassifierCV(
            LogisticRegression(), scoring=SCORERS[name], cv=2, thresholds=5
        )
        learner = ActiveLearner(tuned).fit(X, y)
        assert learner.estimator_.best_threshold_ == pytest.approx(
            clone(tuned).fit(X, y).best_threshold_
        )


def test_one_is_a_label_to_a_scorer_that_takes_it_for_positive(mail):
    """Among the labels 1 and 2, "recall" was that of 2, for its code is 1."""
    X, y = mail
    numbers = np.where(y == "spam", 1, 2)
    for scoring in ("recall", make_scorer(recall_score), "average_precision"):
        search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, scoring=scoring)
        inside = ActiveLearner(search).fit(X, numbers).estimator_.cv_results_
        expected = search.fit(X, numbers).cv_results_["mean_test_score"]
        np.testing.assert_allclose(inside["mean_test_score"], expected)


def test_scorers_that_name_no_class_stay_as_they_are():
    for scoring in ("accuracy", ["accuracy", "f1_macro"], None, {"a": "f1_macro"}):
        search = GridSearchCV(LogisticRegression(), {}, scoring=scoring)
        assert "scoring" not in in_codes(search, LABELS)
    boosting = HistGradientBoostingClassifier()  # whose scoring is "loss"
    assert in_codes(boosting, LABELS) == {}
    curve = CurveScorer()
    assert scoring_in_codes(curve, LABELS.classes, None) is curve
    codes = Labels("multiclass", np.arange(3))
    search = GridSearchCV(LogisticRegression(), {}, scoring=spam_scorer)
    assert "scoring" not in in_codes(search, codes)


def test_the_labels_of_a_scorer_are_labels(blobs):
    X, y = blobs
    scorer = make_scorer(f1_score, labels=["spam", "eggs"], average="macro")
    search = GridSearchCV(LogisticRegression(), {"C": [0.01]}, cv=2, scoring=scorer)
    inside = ActiveLearner(search).fit(X, WORDS[y]).estimator_
    expected = search.fit(X, WORDS[y]).best_score_
    assert inside.best_score_ == pytest.approx(expected)


def test_a_scorer_that_names_no_class_of_y_is_refused(mail):
    scorer = make_scorer(recall_score, pos_label="bacon")
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=scorer)
    with pytest.raises(
        ValueError, match=r"estimator__scoring must name .* \['bacon'\]"
    ):
        ActiveLearner(search).fit(*mail)


def test_what_is_called_constant_elsewhere_is_no_label():
    class Shift(StandardScaler):
        def __init__(self, constant=1):
            super().__init__()
            self.constant = constant

    assert in_codes(make_pipeline(Shift(), LogisticRegression()), LABELS) == {}


def test_a_grid_that_names_no_class_of_y_is_refused(blobs):
    X, y = blobs
    grid = {"class_weight": [None, {"bacon": 2, "ham": 1}]}
    learner = ActiveLearner(GridSearchCV(LogisticRegression(), grid))
    message = (
        r"estimator__param_grid\['class_weight'\] must name known classes, "
        r"\['eggs', 'ham', 'spam'\], got \['bacon'\]. Give every class in classes="
    )
    with pytest.raises(ValueError, match=message):
        learner.fit(X, WORDS[y])


def test_regression_has_no_class_names():
    weights = LogisticRegression(class_weight={"spam": 2})
    assert in_codes(weights, Labels("regression")) == {}


def test_a_positive_label_inside_pseudo_labels_is_a_label(blobs):
    """It used to be handed on as it was, and was then no class of the codes."""
    X, y = blobs
    some = y < 2
    X, names = X[some], np.array(["yes", "no"])[y[some]]
    model = FixedThresholdClassifier(
        LogisticRegression(),
        threshold=0.01,
        pos_label="no",
        response_method="predict_proba",
    )
    partial = names.astype(object)
    partial[::2] = None
    said = PseudoLabelClassifier(model).fit(X, partial).predict(X)
    expected = model.fit(X[1::2], names[1::2]).predict(X)
    assert np.mean(said == expected) > 0.95
    assert np.mean(said == "no") > 0.6
    with pytest.raises(ValueError, match=r"got \['maybe'\]. Label a row of each"):
        PseudoLabelClassifier(model.set_params(pos_label="maybe")).fit(X, partial)


def test_weights_of_classes_without_a_label_are_left_out_or_refused():
    model = LogisticRegression(class_weight={"spam": 2, "bacon": 3})
    few = in_codes(model, LABELS, skip_unknown=True)
    assert few == {"class_weight": {2: 2}}
    with pytest.raises(ValueError, match=r"got \['bacon'\]"):
        in_codes(model, LABELS)
