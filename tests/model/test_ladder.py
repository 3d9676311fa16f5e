"""What an estimator is said to offer, before a fit and after it, is what it answers."""

import numpy as np
import pytest
from helpers import members_of
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RANSACRegressor,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView
from skal._model import as_view, find_layer, provides
from skal.calibration import TemperatureScaling
from skal.nets import MLPNetClassifier, NetRegressor
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee
from skal.pseudo import ConsistencyClassifier, PseudoLabelClassifier
from skal.query import VoteEntropy

tree = DecisionTreeClassifier(max_depth=2, random_state=0)
forest = RandomForestClassifier(n_estimators=3, random_state=0)
trees = RandomForestRegressor(n_estimators=3, random_state=0)
two = [("bayes", GaussianNB()), ("tree", tree)]
mlp = MLPNetClassifier(hidden=(4,), max_epochs=1, random_state=0)


class Shortcut(RandomForestClassifier):
    """Stands for a forest of another package."""


class Wrapper(ClassifierMixin, BaseEstimator):
    """Stands for a wrapper of another package, that answers by the model inside."""

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit(self, X, y):
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X):
        return self.estimator_.predict_proba(X)

    def predict(self, X):
        return self.estimator_.predict(X)


CLASSIFIERS = {
    "logistic": LogisticRegression(),
    "support vectors": SVC(random_state=0),
    "perceptron": Perceptron(),
    "tree": tree,
    "forest": forest,
    "subclass": Shortcut(n_estimators=3, random_state=0),
    "bagging": BaggingClassifier(tree, 3, random_state=0),
    "bagging of perceptrons": BaggingClassifier(Perceptron(), 3, random_state=0),
    "soft voting": VotingClassifier(two, voting="soft"),
    "hard voting": VotingClassifier(two),
    "hard voting in a pipeline": make_pipeline(PCA(2), VotingClassifier(two)),
    "hard voting in a search": GridSearchCV(VotingClassifier(two), {}, cv=2),
    "hard voting in a learner": ActiveLearner(VotingClassifier(two), random_state=0),
    "bagging of hard voters": BaggingClassifier(
        VotingClassifier(two), 3, random_state=0
    ),
    "adaptive boosting": AdaBoostClassifier(tree, n_estimators=3, random_state=0),
    "boosting of forests": AdaBoostClassifier(forest, n_estimators=2, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "stacking": StackingClassifier(two, tree, cv=2),
    "stacking to its default": StackingClassifier(two, cv=2),
    "default stack in a pipeline": make_pipeline(
        StandardScaler(), StackingClassifier(two, cv=2)
    ),
    "default stack in a search": GridSearchCV(StackingClassifier(two, cv=2), {}, cv=2),
    "stacking to no probabilities": StackingClassifier(
        two, LinearSVC(random_state=0), cv=2
    ),
    "calibrated": CalibratedClassifierCV(forest, cv=2),
    "one against the rest": OneVsRestClassifier(forest),
    "one against one": OneVsOneClassifier(forest),
    "output codes": OutputCodeClassifier(forest, random_state=0),
    "pipeline": make_pipeline(PCA(2), forest),
    "pipeline in a pipeline": make_pipeline(PCA(2), make_pipeline(PCA(1), forest)),
    "search": GridSearchCV(forest, {"max_depth": [1, 2]}, cv=2),
    "random search": RandomizedSearchCV(
        forest, {"max_depth": [1, 2]}, n_iter=1, cv=2, random_state=0
    ),
    "search over a pipeline": GridSearchCV(make_pipeline(PCA(2), forest), {}, cv=2),
    "search of no model": GridSearchCV(forest, {}, cv=2, refit=False),
    "elimination": RFE(forest, n_features_to_select=2),
    "elimination of a line": RFE(LogisticRegression(), n_features_to_select=2),
    "elimination by folds": RFECV(forest, cv=2),
    "threshold": TunedThresholdClassifierCV(forest, cv=2),
    "fixed threshold": FixedThresholdClassifier(forest),
    "self-training": SelfTrainingClassifier(forest),
    "wrapper": Wrapper(make_pipeline(PCA(2), forest)),
    "frozen": FrozenEstimator(forest),
    "frozen voters": FrozenEstimator(VotingClassifier(two)),
    "learner": ActiveLearner(forest, random_state=0),
    "default learner": ActiveLearner(random_state=0),
    "learner that keeps its models": ActiveLearner(
        forest, store_estimators=True, random_state=0
    ),
    "learner in a pipeline": make_pipeline(
        PCA(2), ActiveLearner(forest, random_state=0)
    ),
    "net": mlp,
    "net in a pipeline": make_pipeline(StandardScaler(), mlp),
    "temperature": TemperatureScaling(forest, cv=2),
    "temperature of a net": TemperatureScaling(mlp, cv=2),
    "temperature of a line": TemperatureScaling(LogisticRegression(), cv=2),
    "dropout": MCDropoutCommittee(mlp, n_samples=3, random_state=0),
    "dropout everywhere": MCDropoutCommittee(
        mlp, n_samples=3, dropout="all", random_state=0
    ),
    "ensemble": EnsembleClassifier(
        LogisticRegression(), n_members=2, bootstrap=True, random_state=0
    ),
    "laplace": LaplaceClassifier(LogisticRegression(), n_samples=3, random_state=0),
    "pseudo-labels": PseudoLabelClassifier(forest),
    "pseudo-labels of a net": PseudoLabelClassifier(mlp),
    "consistency": ConsistencyClassifier(mlp),
}
REGRESSORS = {
    "line": LinearRegression(),
    "bayesian line": BayesianRidge(),
    "relevance": ARDRegression(),
    "process": GaussianProcessRegressor(alpha=0.1),
    "forest": trees,
    "extra trees": ExtraTreesRegressor(n_estimators=3, random_state=0),
    "bagging": BaggingRegressor(LinearRegression(), 3, random_state=0),
    "voting": VotingRegressor([("line", LinearRegression()), ("trees", trees)]),
    "boosting": AdaBoostRegressor(trees, n_estimators=2, random_state=0),
    "stacking": StackingRegressor([("line", LinearRegression())], trees, cv=2),
    "consensus": RANSACRegressor(random_state=0),
    "consensus of forests": RANSACRegressor(trees, min_samples=20, random_state=0),
    "pipeline": make_pipeline(PCA(2), trees),
    "bayesian pipeline": make_pipeline(PCA(2), BayesianRidge()),
    "search": GridSearchCV(BayesianRidge(), {}, cv=2),
    "elimination": RFE(trees, n_features_to_select=2),
    "frozen": FrozenEstimator(BayesianRidge()),
    "transformed target": TransformedTargetRegressor(
        trees, func=np.cbrt, inverse_func=np.exp, check_inverse=False
    ),
    "transformed pipeline": TransformedTargetRegressor(
        make_pipeline(PCA(2), trees), transformer=StandardScaler()
    ),
    "transformed line": TransformedTargetRegressor(LinearRegression()),
    "transformed deviation": TransformedTargetRegressor(BayesianRidge()),
    "transformed default": TransformedTargetRegressor(),
    "learner": ActiveLearner(trees, "random", random_state=0),
    "learner of a deviation": ActiveLearner(BayesianRidge(), "random", random_state=0),
    "net": NetRegressor(module=None, max_epochs=1, random_state=0),
}


@pytest.fixture(scope="module")
def binary():
    rng = np.random.RandomState(3)
    X = rng.normal(size=(80, 4))
    return X, (X @ [2, -1, 0.5, 0] + rng.normal(size=80) > 0).astype(int)


def fitted(estimator, X, y):
    """Return a fitted copy; what is frozen is fitted before it is frozen."""
    if isinstance(estimator, FrozenEstimator):
        return FrozenEstimator(clone(estimator.estimator).fit(X, y))
    taught = (SelfTrainingClassifier, ConsistencyClassifier, PseudoLabelClassifier)
    if isinstance(estimator, taught):
        y = np.where(np.arange(len(y)) < 60, y, -1)
    return clone(estimator).fit(X, y)


def answers(ask):
    """Tell whether a question is answered, and not refused."""
    try:
        ask()
    except (TypeError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_offers_what_it_answers(name, binary):
    """Two ladders, by the name of a module and by type, used to disagree."""
    X, y = binary
    model = fitted(CLASSIFIERS[name], X, y)
    view = as_view(model)
    questions = {
        "proba": lambda: view.predict_proba(X),
        "embed": lambda: view.embed(X),
        "samples": lambda: view.sample_proba(X),
        "votes": lambda: view.reduce_votes(lambda votes: votes.mean(axis=(0, 2)), X),
        "head": lambda: view.head_proba(view.embed(X)),
    }
    given = {need: answers(ask) for need, ask in questions.items()}
    assert {need: provides(model, need) for need in questions} == given
    assert {need: provides(CLASSIFIERS[name], need) for need in questions} == given


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_offers_what_it_answers(name, binary):
    X, _ = binary
    y = X @ [2.0, -1.0, 0.5, 0.0] + np.sin(9 * X[:, 0])
    model = fitted(REGRESSORS[name], X, y)
    view = as_view(model)
    questions = {
        "proba": lambda: view.predict_proba(X),
        "embed": lambda: view.embed(X),
        "samples": lambda: view.predict_std(X),
        "draws": lambda: view.sample_predict(X),
        "votes": lambda: view.reduce_votes(lambda votes: votes.mean(axis=(0, 2)), X),
        "head": lambda: view.head_proba(view.embed(X)),
    }
    given = {need: answers(ask) for need, ask in questions.items()}
    assert {need: provides(model, need) for need in questions} == given
    assert {need: provides(REGRESSORS[name], need) for need in questions} == given


def test_members_of_a_transformed_target_answer_in_its_units(binary):
    """The members used to be hidden by the transform of the target."""
    X, _ = binary
    y = np.exp(X[:, 0])
    model = TransformedTargetRegressor(trees, func=np.log, inverse_func=np.exp)
    model.fit(X, y)
    view = ModelView(model)
    members = model.regressor_.estimators_
    expected = np.exp([member.predict(X) for member in members])
    np.testing.assert_allclose(view.sample_predict(X), expected)
    np.testing.assert_allclose(view.predict_std(X), expected.std(axis=0))
    np.testing.assert_allclose(view.predict_std(X, 2), expected[:2].std(axis=0))


def test_committees_of_each_output_answer_side_by_side(binary):
    X, _ = binary
    y = X[:, :2] * [1.0, 100.0]
    model = MultiOutputRegressor(trees)
    assert provides(model, "samples")
    view = ModelView(model.fit(X, y))
    members = [[one.predict(X) for one in each] for each in model.estimators_]
    expected = np.moveaxis(members, 0, 2)
    np.testing.assert_allclose(view.sample_predict(X), expected)
    np.testing.assert_allclose(view.predict_std(X), expected.std(axis=0).mean(axis=1))
    for alone in (MultiOutputRegressor(LinearRegression()), RegressorChain(trees)):
        assert not provides(alone, "samples")
        assert not provides(alone.fit(X, y), "samples")


def test_a_layer_is_found_with_the_rows_as_it_sees_them(binary):
    X, y = binary
    model = make_pipeline(PCA(2), GridSearchCV(forest, {}, cv=2)).fit(X, y)
    layer, seen = find_layer(model, "feature_importances_", X)
    assert layer is model[-1].best_estimator_
    np.testing.assert_array_equal(seen, model[0].transform(X))
    assert find_layer(model, "coef_") == (None, None)


def test_a_classifier_a_label_answers_by_the_members_of_each():
    """The forests inside were out of reach of every committee measure."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 3))
    Y = (X[:, :2] + 0.5 * rng.normal(size=(60, 2)) > 0).astype(int)
    Y = np.column_stack([Y, np.zeros(60, int)])  # a forest can learn that no row has it
    model = MultiOutputClassifier(RandomForestClassifier(4, random_state=0)).fit(X, Y)
    view = ModelView(model, X, Y)
    samples = view.sample_proba(X)
    assert samples.shape == (4, 60, 3)
    for label in 0, 1:
        trees = members_of(model.estimators_[label], X)
        np.testing.assert_allclose(samples[:, :, label], trees[:, :, 1], atol=1e-6)
    assert samples[:, :, 2].max() < 1e-6
    mean = samples.mean(axis=0)
    np.testing.assert_allclose(mean, view.predict_proba(X), atol=1e-6)
    assert view.sample_proba(X, 2).shape == (2, 60, 3)
    for strategy in "bald", "vote_entropy", "kl_divergence":
        learner = ActiveLearner(model, strategy, n_labels=40, random_state=0).fit(X, Y)
        assert learner.n_iter_ == 3


def test_hard_votes_reach_through_a_classifier_a_label(rng):
    X = rng.normal(size=(40, 3))
    Y = (X[:, :2] > 0).astype(int)
    model = MultiOutputClassifier(VotingClassifier(two)).fit(X, Y)
    votes = ModelView(model, X, Y).sample_predict(X)
    for label, voting in enumerate(model.estimators_):
        for member, vote in zip(voting.estimators_, votes, strict=True):
            np.testing.assert_array_equal(vote[:, label], member.predict(X))
    alone = MultiOutputClassifier(LogisticRegression())
    with pytest.raises(TypeError, match="which MultiOutputClassifier does not offer"):
        VoteEntropy().check(alone, "multilabel")
