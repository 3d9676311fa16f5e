"""Embeddings, heads and samples are found in any model, through any layers."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_multilabel_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
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
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView, Rows
from skal._model import as_view, check_needs, provides
from skal.nets import MLPNetClassifier
from skal.posterior import MCDropoutCommittee
from skal.query import ALFAMix, ScoreStrategy

# Embeddings ---------------------------------------------------------------------


class Net(ClassifierMixin, BaseEstimator):
    """Stand for a network: a trunk of two features, and a head on them."""

    def fit(self, X, y):
        self.passes_ = 0
        self.head_ = LogisticRegression().fit(self._trunk(X), y)
        self.classes_ = self.head_.classes_
        return self

    def _trunk(self, X):
        return np.tanh(np.asarray(X)[:, :2]).astype(np.float32)

    def embed(self, X):
        self.passes_ += 1
        return self._trunk(X)

    def head_proba(self, E):
        return self.head_.predict_proba(E)

    def predict_proba(self, X):
        return self.head_proba(self.embed(X))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class TrunkOnly(Net):
    """Embed, but keep the head to itself."""

    head_proba = None

    def __getattribute__(self, name):
        if name == "head_proba":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def predict_proba(self, X):
        return self.head_.predict_proba(self._trunk(X))


GRID = {"C": [0.1, 1.0]}
EMBEDDINGS = {
    "X itself": (LogisticRegression(), lambda model, X: X),
    "own method": (Net(), lambda model, X: np.tanh(X[:, :2])),
    "pipeline": (
        make_pipeline(StandardScaler(), PCA(2), LogisticRegression()),
        lambda model, X: model[:-1].transform(X),
    ),
    "pipeline of one step": (
        make_pipeline(LogisticRegression()),
        lambda model, X: X,
    ),
    "pipeline in a pipeline": (
        make_pipeline(StandardScaler(), make_pipeline(PCA(2), LogisticRegression())),
        lambda model, X: model[-1][:-1].transform(model[:-1].transform(X)),
    ),
    "own method in a pipeline": (
        make_pipeline(StandardScaler(), Net()),
        lambda model, X: np.tanh(model[:-1].transform(X)[:, :2]),
    ),
    "search": (
        GridSearchCV(LogisticRegression(), GRID, cv=2),
        lambda model, X: X,
    ),
    "search over a pipeline": (
        GridSearchCV(
            make_pipeline(PCA(2), LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            cv=2,
        ),
        lambda model, X: model.best_estimator_[:-1].transform(X),
    ),
    "selection": (
        RFE(LogisticRegression(), n_features_to_select=2),
        lambda model, X: model.transform(X),
    ),
    "frozen": (
        FrozenEstimator(make_pipeline(PCA(2), LogisticRegression())),
        lambda model, X: model.estimator[:-1].transform(X),
    ),
    "threshold": (
        TunedThresholdClassifierCV(make_pipeline(PCA(2), LogisticRegression()), cv=2),
        lambda model, X: model.estimator_[:-1].transform(X),
    ),
    "self-training": (
        SelfTrainingClassifier(make_pipeline(PCA(2), LogisticRegression())),
        lambda model, X: model.estimator_[:-1].transform(X),
    ),
    "a learner in a pipeline": (
        make_pipeline(StandardScaler(), ActiveLearner(Net())),
        lambda model, X: np.tanh(model[:-1].transform(X)[:, :2]),
    ),
    "a learner that keeps its models": (
        ActiveLearner(Net(), store_estimators=True),
        lambda model, X: np.tanh(X[:, :2]),
    ),
    "a search over a learner that keeps its models": (
        GridSearchCV(
            ActiveLearner(Net(), store_estimators=True), {"n_labels": [None]}, cv=2
        ),
        lambda model, X: np.tanh(X[:, :2]),
    ),
    "members": (
        BaggingClassifier(LogisticRegression(), 2, random_state=0),
        lambda model, X: X,
    ),
    "calibrated": (
        CalibratedClassifierCV(Net(), cv=2),
        lambda model, X: X,
    ),
}


@pytest.fixture(scope="module")
def binary():
    rng = np.random.RandomState(3)
    X = rng.normal(size=(120, 4))
    y = (X @ [2, -1, 0.5, 0] + rng.normal(size=120) > 0).astype(int)
    return X, y


def fitted(estimator, X, y):
    """Return a fitted copy; what is frozen is fitted before it is frozen."""
    if isinstance(estimator, FrozenEstimator):
        return FrozenEstimator(clone(estimator.estimator).fit(X, y))
    if isinstance(estimator, SelfTrainingClassifier):
        y = np.where(np.arange(len(y)) < 100, y, -1)
    return clone(estimator).fit(X, y)


@pytest.mark.parametrize("route", EMBEDDINGS)
def test_the_embedding_is_what_the_last_layer_sees(route, binary):
    X, y = binary
    estimator, expected = EMBEDDINGS[route]
    model = fitted(estimator, X, y)
    embedding = as_view(model).embed(X)
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, expected(model, X), rtol=1e-4, atol=1e-6)


CLASSIFIERS = {
    "lda": LinearDiscriminantAnalysis(),
    "bayes": GaussianNB(),
    "neighbours": KNeighborsClassifier(),
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": RandomForestClassifier(n_estimators=5, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "one against the rest": OneVsRestClassifier(LogisticRegression()),
    "soft voting": VotingClassifier(
        [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))],
        voting="soft",
    ),
    "stacking": StackingClassifier([("bayes", GaussianNB())], cv=2),
    "a forest in a pipeline": make_pipeline(
        PCA(3), RandomForestClassifier(n_estimators=5, random_state=0)
    ),
    **{
        name: estimator
        for name, (estimator, _) in EMBEDDINGS.items()
        if name != "calibrated"
    },
    "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_head_of_the_embedding_is_the_prediction(name, binary):
    X, y = binary
    view = as_view(fitted(CLASSIFIERS[name], X, y))
    np.testing.assert_allclose(
        view.head_proba(view.embed(X)), view.predict_proba(X), rtol=1e-3, atol=1e-5
    )


def test_the_head_pads_as_the_prediction_does(two_of_three):
    model, X = two_of_three
    view = ModelView(model, classes=[0, 1, 2])
    np.testing.assert_allclose(
        view.head_proba(view.embed(X)), view.predict_proba(X), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("wrap", [None, FrozenEstimator, make_pipeline])
def test_the_law_holds_where_a_learner_misses_a_class(wrap, blobs):
    X, y = blobs
    seen = y != 1
    learner = ActiveLearner(Net(), classes=[0, 1, 2], random_state=0)
    learner.fit(X[seen], y[seen])
    view = as_view(wrap(learner) if wrap else learner)
    assert view.predict_proba(X).shape == (300, 3)
    np.testing.assert_allclose(
        view.head_proba(view.embed(X)), view.predict_proba(X), atol=1e-6
    )


def test_a_frame_needs_no_names_in_the_head(binary):
    X, y = binary
    frame = pd.DataFrame(X, columns=list("abcd"))
    view = ModelView(LogisticRegression().fit(frame, y))
    np.testing.assert_allclose(
        view.head_proba(view.embed(frame)), view.predict_proba(frame), atol=1e-6
    )


def test_images_are_flattened_and_sparse_rows_stay_sparse(rng, binary):
    images = rng.uniform(size=(6, 2, 3, 3))
    flat = images.reshape(6, -1)
    model = LogisticRegression().fit(flat, [0, 1] * 3)
    np.testing.assert_array_equal(
        ModelView(model).embed(images), flat.astype(np.float32)
    )
    X, y = binary
    model = LogisticRegression().fit(sp.csr_array(X), y)
    for kind in (sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_array):
        view = ModelView(model)
        embedding = view.embed(kind(X))
        assert sp.issparse(embedding)
        assert embedding.format == "csr"
        assert embedding.dtype == np.float32
        np.testing.assert_allclose(
            view.head_proba(embedding), view.predict_proba(kind(X)), atol=1e-6
        )


def test_text_is_embedded_by_its_vectorizer():
    texts = ["a red cat", "a blue dog", "the red dog", "the blue cat"] * 3
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(texts, [0, 1, 0, 1] * 3)
    view = ModelView(model)
    embedding = view.embed(texts)
    assert sp.issparse(embedding)
    np.testing.assert_allclose(
        view.head_proba(embedding), model.predict_proba(texts), atol=1e-6
    )


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"size": [1.0, 2.0], "colour": ["red", "blue"]}),
        ["a red cat", "a blue dog"],
        np.array([["a"], ["b"]], dtype=object),
    ],
    ids=["frame", "texts", "objects"],
)
def test_words_are_no_embedding_and_the_error_says_what_helps(X):
    model = make_pipeline(tree()).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match=r"X must be numeric .* in a Pipeline"):
        ModelView(model).embed(X)


def test_a_frame_with_words_is_embedded_by_its_encoder():
    X = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "colour": ["red", "blue"] * 2})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"),
        LogisticRegression(),
    ).fit(X, [0, 1, 0, 1])
    view = ModelView(model)
    assert view.embed(X).shape == (4, 3)
    np.testing.assert_allclose(
        view.head_proba(view.embed(X)), view.predict_proba(X), atol=1e-6
    )


class Both(ScoreStrategy):
    """Ask for probabilities and embeddings."""

    needs = frozenset({"proba", "embed"})

    def _score(self, view, rows):
        return view.predict_proba(rows)[:, 0] + view.embed(rows)[:, 0]


def test_probabilities_and_embeddings_of_a_net_share_a_pass(binary):
    X, y = binary
    model = Net().fit(X, y)
    Both()(model, X, 3)
    assert model.passes_ == 1


def test_a_trunk_without_a_public_head_still_gives_both(binary):
    X, y = binary
    model = TrunkOnly().fit(X, y)
    scores = Both().score_samples(model, X)
    np.testing.assert_allclose(
        scores, model.predict_proba(X)[:, 0] + np.tanh(X[:, 0]), rtol=1e-5
    )


def test_a_trunk_without_a_public_head_has_no_head(binary):
    X, y = binary
    model = TrunkOnly().fit(X, y)
    with pytest.raises(
        TypeError, match=r"needs .*head_proba.* TrunkOnly does not offer"
    ):
        ModelView(model).head_proba(model.embed(X))


class Careless(Net):
    """Embed in whatever type comes along."""

    def embed(self, X):
        return super().embed(X).astype(float).tolist()

    def head_proba(self, E):
        return super().head_proba(np.asarray(E))


class Stamped(LogisticRegression):
    """Embed as the rows are."""

    def embed(self, X):
        return X

    def head_proba(self, E):
        return self.predict_proba(E)


STAMPS = 1.7e12 + np.arange(400.0)[:, None] * 50  # milliseconds: 20 seconds of a day

AS = {
    "array": lambda X: X,
    "integers": lambda X: X.astype(np.int64),
    "objects": lambda X: X.astype(object),
    "frame": lambda X: pd.DataFrame(X, columns=["time"]),
    "CSR": sp.csr_matrix,
}


@pytest.mark.parametrize("kind", AS)
def test_large_offsets_leave_the_differences_in_the_embedding(kind):
    """They used to be rounded to 131 seconds, and all rows to be one."""
    X, y = AS[kind](STAMPS), np.arange(400) % 2
    model = LogisticRegression().fit(X, y)
    view = ModelView(model, X, y)
    embedding = view.embed(X)
    np.testing.assert_array_equal(as_dense(embedding), STAMPS)
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(view.head_proba(embedding), proba)
    np.testing.assert_array_equal(as_dense(view.embed(X[:1])), STAMPS[:1])


def test_a_models_own_embedding_keeps_its_differences():
    model = Stamped().fit(STAMPS, np.arange(400) % 2)
    np.testing.assert_array_equal(ModelView(model).embed(STAMPS), STAMPS)


def test_differences_survive_in_the_memory_of_a_view(rng):
    """The first block of rows needs fewer digits than a later one."""
    X = np.concatenate([rng.normal(size=9000), 1.7e12 + np.arange(9000.0)])[:, None]
    view = ModelView(DecisionTreeClassifier(random_state=0).fit(X, X[:, 0] > 1))
    assert len(np.unique(view.embed(X)[9000:])) > 4000


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.int64])
def test_an_embedding_is_float32_where_no_digit_is_missed(dtype, rng):
    X = np.abs(rng.normal(100, 20, size=(300, 3))).astype(dtype)
    X[:, 0] = 2026 if np.dtype(dtype).itemsize > 1 else 7
    X[:299, 1] = 100  # a column that seems to be constant
    X[299, 1] = 90
    view = ModelView(DecisionTreeClassifier(random_state=0).fit(X, X[:, 2] > 100))
    assert view.embed(X).dtype == np.float32


def as_dense(embedding):
    return embedding.toarray() if sp.issparse(embedding) else embedding


def test_embeddings_are_float32_whatever_the_estimator_gives(binary):
    X, y = binary
    embedding = ModelView(Careless().fit(X, y)).embed(X)
    assert embedding.dtype == np.float32
    assert embedding.shape == (120, 2)


class ByHead(Both):
    """Ask for the head, after work that is expensive."""

    needs = frozenset({"head", "embed"})

    def _score(self, view, rows):
        return view.head_proba(view.embed(rows))[:, 0]


def test_a_missing_head_is_named_before_any_fit(binary):
    X, y = binary
    learner = ActiveLearner(TrunkOnly(), ByHead(), n_labels=30)
    with pytest.raises(TypeError, match=r"ByHead needs .*head_proba"):
        learner.fit(X, y)
    assert not hasattr(learner, "estimator_")


# Samples of classifiers ---------------------------------------------------------


def tree():
    return DecisionTreeClassifier(max_depth=3, random_state=0)


COMMITTEES = {
    "forest": RandomForestClassifier(n_estimators=4, random_state=0),
    "extra trees": ExtraTreesClassifier(n_estimators=4, random_state=0),
    "bagging": BaggingClassifier(tree(), 4, random_state=0),
    "bagging of features": BaggingClassifier(
        tree(), 4, max_features=0.5, bootstrap_features=True, random_state=0
    ),
    "bagging of few rows": BaggingClassifier(
        KNeighborsClassifier(1), 4, max_samples=3, random_state=0
    ),
    "bagging of votes": BaggingClassifier(LinearSVC(random_state=0), 4, random_state=0),
    "soft voting": VotingClassifier(
        [
            ("tree", tree()),
            ("bayes", GaussianNB()),
            ("gone", "drop"),
            ("lda", LinearDiscriminantAnalysis()),
            ("logistic", LogisticRegression()),
        ],
        voting="soft",
    ),
    "pipeline": make_pipeline(
        StandardScaler(), RandomForestClassifier(n_estimators=4, random_state=0)
    ),
    "search": GridSearchCV(
        RandomForestClassifier(n_estimators=4, random_state=0),
        {"max_depth": [2, 3]},
        cv=2,
    ),
    "selection": RFE(
        ExtraTreesClassifier(n_estimators=4, random_state=0), n_features_to_select=2
    ),
    "frozen": FrozenEstimator(RandomForestClassifier(n_estimators=4, random_state=0)),
    "learner": ActiveLearner(RandomForestClassifier(n_estimators=4), random_state=0),
}


@pytest.fixture(scope="module")
def words():
    """Return rows of four features in three classes named by words."""
    rng = np.random.RandomState(5)
    X = rng.normal(size=(150, 4))
    score = X @ [2, -1, 0.5, 0]
    return X, np.array(["zebra", "ant", "bee"])[np.digitize(score, [-1, 1])]


@pytest.mark.parametrize("name", COMMITTEES)
def test_the_mean_of_the_samples_is_the_prediction(name, words):
    X, y = words
    model = fitted(COMMITTEES[name], X, y)
    view = as_view(model)
    samples = view.sample_proba(X)
    assert samples.shape == (4, 150, 3)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples.sum(axis=2), 1, rtol=1e-5)
    np.testing.assert_allclose(
        samples.mean(axis=0), model.predict_proba(X), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", COMMITTEES)
def test_the_votes_of_the_members_are_labels(name, words):
    X, y = words
    view = as_view(fitted(COMMITTEES[name], X, y))
    votes = view.sample_predict(X)
    assert votes.shape == (4, 150)
    np.testing.assert_array_equal(
        votes, view.classes_[view.sample_proba(X).argmax(axis=2)]
    )
    assert set(np.unique(votes)) <= {"ant", "bee", "zebra"}


def test_a_bootstrap_that_misses_a_class_is_padded(words):
    X, y = words
    model = fitted(COMMITTEES["bagging of few rows"], X, y)
    assert min(len(member.classes_) for member in model.estimators_) < 3
    for draws, member in zip(
        ModelView(model).sample_proba(X), model.estimators_, strict=True
    ):
        np.testing.assert_array_equal(
            draws.sum(axis=0) > 0, np.isin(range(3), member.classes_)
        )


def test_a_forest_of_many_labels_gives_the_chance_of_each():
    X, y = make_multilabel_classification(80, 5, n_classes=4, random_state=0)
    model = RandomForestClassifier(n_estimators=4, random_state=0).fit(X, y)
    view = ModelView(model)
    assert view.target_type == "multilabel"
    samples = view.sample_proba(X)
    assert samples.shape == (4, 80, 4)
    np.testing.assert_allclose(
        samples.mean(axis=0), view.predict_proba(X), rtol=1e-4, atol=1e-6
    )
    votes = view.sample_predict(X)
    assert votes.shape == (4, 80, 4)
    np.testing.assert_array_equal(votes[0], model.estimators_[0].predict(X))


@pytest.mark.parametrize(
    "estimator",
    [
        MultiOutputClassifier(DecisionTreeClassifier(max_depth=2, random_state=0)),
        KNeighborsClassifier(),
        RandomForestClassifier(n_estimators=3, random_state=0),
    ],
    ids=repr,
)
def test_many_labels_have_one_column_each(estimator):
    X, y = make_multilabel_classification(80, 5, n_classes=4, random_state=0)
    y[:, 3] = 0  # a label never seen has no second column
    view = ModelView(estimator.fit(X, y), X, y)
    proba = view.predict_proba(X)
    assert proba.shape == (80, 4)
    np.testing.assert_array_equal(proba > 0.5, estimator.predict(X) == 1)


def test_a_net_of_many_labels_is_told_by_its_labels():
    X, y = make_multilabel_classification(80, 5, n_classes=4, random_state=0)
    for estimator in (
        OneVsRestClassifier(LogisticRegression(max_iter=1000)),
        MLPClassifier((4,), solver="lbfgs", max_iter=5000, random_state=0),
    ):
        view = ModelView(estimator.fit(X, y), X, y)
        assert view.target_type == "multilabel"
        assert view.predict_proba(X).shape == (80, 4)


@pytest.mark.parametrize("name", ["forest", "bagging of features", "soft voting"])
def test_fewer_samples_are_the_first_of_all(name, words):
    X, y = words
    view = ModelView(fitted(COMMITTEES[name], X, y))
    np.testing.assert_array_equal(
        view.sample_proba(X, n_samples=2), view.sample_proba(X)[:2]
    )


def test_an_ensemble_has_no_more_samples_than_members(words):
    X, y = words
    view = ModelView(fitted(COMMITTEES["forest"], X, y))
    with pytest.raises(ValueError, match=r"n_samples must be at most 4, .* got 5"):
        view.sample_proba(X, n_samples=5)


@pytest.mark.parametrize(
    ("n_samples", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)]
)
def test_a_number_of_samples_that_cannot_be_is_named(n_samples, error, words):
    """A negative number used to leave out that many members."""
    X, y = words
    view = ModelView(fitted(COMMITTEES["forest"], X, y))
    with pytest.raises(error, match="n_samples must be"):
        view.sample_proba(X, n_samples=n_samples)


@pytest.mark.parametrize(
    "estimator",
    [
        AdaBoostClassifier(n_estimators=3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        StackingClassifier([("tree", tree()), ("bayes", GaussianNB())], cv=2),
        CalibratedClassifierCV(
            RandomForestClassifier(n_estimators=3, random_state=0), cv=2
        ),
        OneVsRestClassifier(LogisticRegression()),
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_models_whose_parts_are_no_opinions_have_no_samples(estimator, words):
    X, y = words
    view = ModelView(fitted(estimator, X, y))
    for ask in (view.sample_proba, view.sample_predict):
        with pytest.raises(TypeError, match=r"needs samples .* Use a forest, Bagging"):
            ask(X)
    learner = ActiveLearner(estimator, "vote_entropy", n_labels=30)
    with pytest.raises(TypeError, match=r"VoteEntropy needs votes .* does not offer"):
        learner.fit(X, y)


@pytest.mark.parametrize("name", ["forest", "bagging", "bagging of features"])
def test_members_answer_for_frames_and_sparse_rows(name, words):
    X, y = words
    view = ModelView(fitted(COMMITTEES[name], X, y))
    expected = view.sample_proba(X)
    np.testing.assert_array_equal(view.sample_proba(sp.csr_array(X)), expected)
    frame = pd.DataFrame(X, columns=list("abcd"))
    view = ModelView(fitted(COMMITTEES[name], frame, y))
    np.testing.assert_allclose(view.sample_proba(frame), expected)


def test_voters_see_the_frame_that_they_were_fitted_on(words):
    """VotingClassifier hands frames on, so its members may choose columns by name."""
    X, y = words
    frame = pd.DataFrame(X, columns=list("abcd"))
    by_name = make_pipeline(
        make_column_transformer((StandardScaler(), ["d", "a"])), LogisticRegression()
    )
    for members in (
        [("plain", LogisticRegression()), ("tree", tree())],
        [("by name", by_name), ("tree", tree())],
    ):
        model = VotingClassifier(members, voting="soft").fit(frame, y)
        np.testing.assert_allclose(
            ModelView(model).sample_proba(frame).mean(axis=0),
            model.predict_proba(frame),
            rtol=1e-5,
        )


def test_voters_may_read_texts():
    texts = ["a red cat", "a blue dog", "the red dog", "the blue cat"] * 3
    model = VotingClassifier(
        [
            ("logistic", make_pipeline(TfidfVectorizer(), LogisticRegression())),
            ("tree", make_pipeline(TfidfVectorizer(), tree())),
        ],
        voting="soft",
    ).fit(texts, [0, 1, 0, 1] * 3)
    assert ModelView(model).sample_proba(texts).shape == (2, 12, 2)


@pytest.mark.parametrize("need", ["proba", "head", "samples"])
@pytest.mark.parametrize("name", sorted({**CLASSIFIERS, **COMMITTEES}))
def test_what_is_promised_before_a_fit_is_kept_after_it(need, name, binary):
    """The check before any expensive work must neither let through nor refuse more."""
    X, y = binary
    estimator = {**CLASSIFIERS, **COMMITTEES}[name]
    model = fitted(estimator, X, y)
    view = as_view(model)
    ask = {
        "proba": lambda: view.predict_proba(X),
        "head": lambda: view.head_proba(view.embed(X)),
        "samples": lambda: view.sample_proba(X),
    }[need]
    template = model if isinstance(estimator, FrozenEstimator) else estimator
    if provides(template, need):
        assert ask().shape[-1] == 2
    else:
        with pytest.raises((TypeError, AttributeError)):
            ask()


def test_a_stack_with_its_default_final_model_can_be_queried(binary):
    """Before fit, final_estimator=None hides the predict_proba that it will have."""
    X, y = binary
    stack = StackingClassifier([("bayes", GaussianNB())], cv=2)
    learner = ActiveLearner(stack, n_labels=40, n_initial=20, random_state=0)
    assert learner.fit(X, y).n_iter_ == 2


def test_a_stack_of_regressors_is_told_that_it_has_no_members(line):
    stack = StackingRegressor([("line", LinearRegression())], cv=2)
    learner = ActiveLearner(stack, "committee_std", n_labels=40)
    with pytest.raises(TypeError, match=r"CommitteeStd needs samples .*StackingReg"):
        learner.fit(*line)


class Posterior(Net):
    """Draw from a posterior of its own; count what it is asked."""

    def sample_proba(self, X, n_samples=None, random_state=None):
        noise = np.random.RandomState(random_state).normal(size=n_samples or 6)
        shifted = [self._trunk(X) + shift for shift in noise]
        return np.stack([self.head_.predict_proba(E) for E in shifted])


def test_a_models_own_samples_are_the_same_in_every_chunk(rng):
    X = rng.normal(size=(3000, 4))
    model = Posterior().fit(X[:100], X[:100, 0] > 0)
    view = ModelView(model, random_state=0)
    samples = view.sample_proba(X)
    assert samples.shape == (6, 3000, 2)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(
        samples, model.sample_proba(X, random_state=view.seed), rtol=1e-5
    )
    late = ModelView(model, random_state=0).sample_proba(Rows(X, [2999, 5]))
    np.testing.assert_allclose(late, samples[:, [2999, 5]], rtol=1e-6)
    other = ModelView(model, random_state=1).sample_proba(X[:5])
    assert not np.allclose(other, samples[:, :5])


def test_a_models_own_samples_are_found_through_layers(words):
    X, y = words
    model = make_pipeline(StandardScaler(), GridSearchCV(Posterior(), {}, cv=2))
    model.fit(X, y)
    assert ModelView(model).sample_proba(X, n_samples=9).shape == (9, 150, 3)


def test_samples_through_a_learner_in_a_pipeline_are_padded(blobs):
    X, y = blobs
    few = np.flatnonzero(y != 1)[:40]
    learner = ActiveLearner(
        RandomForestClassifier(n_estimators=4), classes=[0, 1, 2], random_state=0
    ).fit(X[few], y[few])
    view = ModelView(make_pipeline(FrozenEstimator(learner)))
    np.testing.assert_allclose(
        view.sample_proba(X).mean(axis=0), learner.predict_proba(X), atol=1e-6
    )


# Regression ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def line():
    X, y = make_regression(60, 4, noise=10, random_state=0)
    return X, y


def forest_regressor():
    return RandomForestRegressor(n_estimators=4, random_state=0)


REGRESSORS = {
    "forest": (forest_regressor(), lambda model: model.estimators_),
    "extra trees": (
        ExtraTreesRegressor(n_estimators=4, random_state=0),
        lambda model: model.estimators_,
    ),
    "bagging": (
        BaggingRegressor(LinearRegression(), 4, random_state=0),
        lambda model: model.estimators_,
    ),
    "voting": (
        VotingRegressor([("line", LinearRegression()), ("trees", forest_regressor())]),
        lambda model: model.estimators_,
    ),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_members_of_a_regressor_predict_each(name, line):
    X, y = line
    estimator, members = REGRESSORS[name]
    model = clone(estimator).fit(X, y)
    view = ModelView(model, X, y)
    assert view.target_type == "regression"
    draws = view.sample_predict(X)
    expected = np.stack([member.predict(X) for member in members(model)])
    np.testing.assert_allclose(draws, expected)
    np.testing.assert_allclose(view.predict_std(X), expected.std(axis=0))
    np.testing.assert_allclose(
        view.predict_std(X, n_samples=2), expected[:2].std(axis=0)
    )


def test_bagged_regressors_see_their_own_features(line):
    X, y = line
    model = BaggingRegressor(
        LinearRegression(), 4, max_features=0.5, random_state=0
    ).fit(X, y)
    np.testing.assert_allclose(
        ModelView(model).sample_predict(X).mean(axis=0), model.predict(X)
    )


@pytest.mark.parametrize("kind", ["bare", "pipeline", "search", "frozen", "learner"])
@pytest.mark.parametrize(
    "estimator",
    [GaussianProcessRegressor(RBF(2.0), optimizer=None), BayesianRidge()],
    ids=repr,
)
def test_a_models_own_deviation_is_used_through_layers(estimator, kind, line):
    X, y = line
    bare = clone(estimator).fit(X, y)
    expected = bare.predict(X + 0.1, return_std=True)[1]
    model = {
        "bare": lambda: bare,
        "pipeline": lambda: make_pipeline("passthrough", estimator).fit(X, y),
        "search": lambda: GridSearchCV(estimator, {}, cv=2).fit(X, y),
        "frozen": lambda: FrozenEstimator(bare),
        "learner": lambda: ActiveLearner(estimator, "random").fit(X, y),
    }[kind]()
    np.testing.assert_allclose(
        as_view(model).predict_std(X + 0.1), expected, rtol=1e-6, atol=1e-10
    )


def test_several_outputs_share_one_deviation(rng):
    X = rng.normal(size=(40, 3))
    y = np.column_stack([X[:, 0], 100 * X[:, 1]])
    forest = forest_regressor().fit(X, y)
    view = ModelView(forest)
    draws = view.sample_predict(X)
    assert draws.shape == (4, 40, 2)
    np.testing.assert_allclose(view.predict_std(X), draws.std(axis=0).mean(axis=1))
    process = GaussianProcessRegressor(alpha=0.1, normalize_y=True).fit(X, y)
    assert ModelView(process).predict_std(X).shape == (40,)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        AdaBoostRegressor(n_estimators=3, random_state=0),
        make_pipeline(LinearRegression()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_regressor_without_members_has_no_deviation(estimator, line):
    X, y = line
    view = ModelView(estimator.fit(X, y))
    with pytest.raises(TypeError, match=r"needs samples .* does not offer"):
        view.predict_std(X)
    with pytest.raises(TypeError, match=r"needs samples .* does not offer"):
        view.sample_predict(X)


class Distribution(RegressorMixin, BaseEstimator):
    """Draw predictions of its own."""

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)

    def sample_predict(self, X, n_samples=None, random_state=None):
        draws = np.random.RandomState(random_state).normal(size=(n_samples or 50, 1))
        return self.mean_ + draws * np.abs(X[:, 0])


def test_a_regressors_own_draws_give_its_deviation(line):
    X, y = line
    model = make_pipeline(StandardScaler(), Distribution()).fit(X, y)
    view = ModelView(model, random_state=0)
    assert view.sample_predict(X, n_samples=7).shape == (7, 60)
    np.testing.assert_allclose(
        view.predict_std(X), view.sample_predict(X).std(axis=0), rtol=1e-6
    )


class EmbedsOtherwise(LogisticRegression):
    """Embeds in a space of its own, around a model that has a head of its own."""

    def embed(self, X):
        return np.asarray(X)[:, :1]

    def fit(self, X, y):
        self.estimator_ = LogisticRegression().fit(X, y)
        return super().fit(X, y)


def test_the_head_of_a_model_inside_does_not_answer_for_another_embedding(rng):
    """The search for a head used to go past a layer with an embed of its own."""
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    view = ModelView(EmbedsOtherwise().fit(X, y))
    with pytest.raises(TypeError, match="EmbedsOtherwise does not offer"):
        view.head_proba(X)


def test_an_embedding_of_its_own_hides_the_head_inside():
    """It used to pass the check before the fit and fail at the first query."""
    posterior = MCDropoutCommittee(MLPNetClassifier(), dropout="all")
    with pytest.raises(TypeError, match=r"head_proba.*MCDropoutCommittee"):
        check_needs(ALFAMix(), posterior)
    check_needs(ALFAMix(), MLPNetClassifier())
