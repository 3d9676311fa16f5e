"""Embedded lets a strategy measure distances where a transformer puts the rows."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

from skal import ActiveLearner, ModelView
from skal.query import (
    ALFAMix,
    CoreSet,
    DiverseBatch,
    Embedded,
    Margin,
    TypiClust,
)


def first_column(X):
    return np.asarray(X)[:, :1]


class Counts(FunctionTransformer):
    """Notes of how many rows it was asked."""

    seen: list[int] = []  # noqa: RUF012

    def transform(self, X):
        self.seen.append(len(X))
        return super().transform(X)


@pytest.fixture
def view(blobs):
    X, y = blobs
    return ModelView(LogisticRegression().fit(X[:20], y[:20]), X[:20], y[:20])


def test_it_is_the_base_on_transformed_rows(blobs, view):
    X, y = blobs
    low = PCA(1).fit(X)
    strategy = Embedded(CoreSet(), FrozenEstimator(low))
    other = ModelView(
        LogisticRegression().fit(low.transform(X[:20]), y[:20]),
        low.transform(X[:20]),
        y[:20],
    )
    expected = CoreSet()(other, low.transform(X), 7, random_state=0)
    np.testing.assert_array_equal(strategy(view, X, 7, random_state=0), expected)


def test_probabilities_stay_those_of_the_model(blobs, view):
    X, _ = blobs
    alone = Margin()(view, X, 5, random_state=0)[0]
    within = Embedded("margin", FunctionTransformer(first_column))
    np.testing.assert_array_equal(within(view, X, 5, random_state=0)[0], alone)


def test_the_embedding_of_a_net_is_not_taken_for_that_of_the_transformer(blobs):
    class Halved(LogisticRegression):
        def embed(self, X):
            return np.asarray(X, np.float32)

        def head_proba(self, E):
            return self.predict_proba(E)

    X, y = blobs
    view = ModelView(Halved().fit(X[:20], y[:20]), X[:20], y[:20])
    inner = view.embedded_by(first_column)._expecting(DiverseBatch())
    np.testing.assert_allclose(inner.predict_proba(X), view.predict_proba(X))
    assert inner.embed(X).shape == (len(X), 1)
    assert view.embed(X).shape == X.shape


def test_two_spaces_do_not_mix_in_one_query(blobs, view):
    X, _ = blobs
    first, second = view.embedded_by(first_column), view.embedded_by(lambda X: -X)
    np.testing.assert_array_equal(first.embed(X)[:, 0], X[:, 0].astype(np.float32))
    np.testing.assert_array_equal(second.embed(X), -X.astype(np.float32))


def test_without_a_transformer_the_rows_are_where_they_are(blobs):
    """The model looks at other features than the rows hold."""
    X, y = blobs
    model = make_pipeline(FunctionTransformer(first_column), LogisticRegression())
    view = ModelView(model.fit(X[:20], y[:20]), X[:20], y[:20])
    plain = ModelView(LogisticRegression().fit(X[:20], y[:20]), X[:20], y[:20])
    expected = CoreSet()(plain, X, 5, random_state=0)
    found = Embedded("core_set")(view, X, 5, random_state=0)
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(CoreSet()(view, X, 5, random_state=0), expected)


def test_what_is_not_frozen_is_fitted_on_the_candidates(blobs, view):
    X, _ = blobs
    far = np.r_[X[:100], [[1000.0, 0.0]]]
    strategy = Embedded(CoreSet(), StandardScaler())
    fitted = FrozenEstimator(StandardScaler().fit(far))
    np.testing.assert_array_equal(
        strategy(view, far, 6, random_state=0),
        Embedded(CoreSet(), fitted)(view, far, 6, random_state=0),
    )


def test_rows_are_transformed_once_a_query(blobs, view):
    X, _ = blobs
    Counts.seen.clear()
    spread = DiverseBatch(TypiClust(), method="kcenter", shortlist=3)
    Embedded(spread, Counts(first_column))(view, X, 4, random_state=0)
    assert sum(Counts.seen) == len(X) + 20


def test_it_chooses_first_rows(blobs):
    X, _ = blobs
    learner = ActiveLearner(initial=Embedded("typiclust", PCA(1)), random_state=0)
    assert len(learner.query(X, 5)[0]) == 5
    learner = ActiveLearner(initial=Embedded(DiverseBatch(), PCA(1)))
    with pytest.raises(ValueError, match="initial must be"):
        learner.query(X, 5)


def test_texts_go_to_the_transformer_as_they_are():
    texts = ["red apple", "green apple", "fast car", "slow car", "red car"] * 3
    y = [0, 0, 1, 1, 1] * 3
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y)
    strategy = Embedded("core_set", TfidfVectorizer(analyzer="char"))
    assert len(np.unique(strategy(model, texts, 4, random_state=0))) == 4


def test_images_are_flattened_for_what_takes_tables():
    digits = load_digits()
    model = make_pipeline(FunctionTransformer(flattened), LogisticRegression())
    model.fit(digits.images[:50] / 16, digits.target[:50])
    strategy = Embedded("typiclust", PCA(5))
    assert len(strategy(model, digits.images[50:200] / 16, 4, random_state=0)) == 4


def flattened(X):
    return X.reshape(len(X), -1)


def test_a_base_that_asks_about_embeddings_is_refused(view, blobs):
    with pytest.raises(ValueError, match=r"base must ask .* got ALFAMix\. Put the"):
        Embedded(ALFAMix(), PCA(1))(view, blobs[0], 2)


def test_what_would_forget_is_refused(view, blobs):
    X, _ = blobs
    with pytest.raises(ValueError, match=r"must be frozen .* FrozenEstimator\(transfo"):
        Embedded("typiclust", PCA(1).fit(X))(view, X, 2)


@pytest.mark.parametrize("last", [Normalizer(), "passthrough", FunctionTransformer()])
def test_a_pipeline_that_ends_in_what_needs_no_fit_is_fitted_too(view, blobs, last):
    X, _ = blobs
    steps = make_pipeline(PCA(2), last)
    found = Embedded("core_set", steps)(view, X, 3, random_state=0)
    frozen = FrozenEstimator(make_pipeline(PCA(2), last).fit(X))
    expected = Embedded("core_set", frozen)(view, X, 3, random_state=0)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"must be frozen .* got Pipeline"):
        Embedded("core_set", steps.fit(X))(view, X, 3)


def test_what_cannot_be_cloned_is_refused(view, blobs):
    class Plain:
        def fit(self, X):
            return self

        def transform(self, X):
            return X

    with pytest.raises(TypeError, match=r"scikit-learn's kind, .* Derive Plain from"):
        Embedded("typiclust", Plain())(view, blobs[0], 3)
