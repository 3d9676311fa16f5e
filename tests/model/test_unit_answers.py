"""A view answers for units of rows in pieces, the same as all at once."""

import numpy as np
import pytest
from helpers import Brightness, Tagger
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearner, ModelView, Rows
from skal._model import unit_answers
from skal.query import Aggregate


class Noting(Brightness):
    """Notes how many rows it is asked about at a time."""

    def predict_units(self, X):
        self.sizes_.append(len(X))
        return super().predict_units(X)


@pytest.fixture
def model(pixels):
    model = Noting().fit(*pixels)
    model.sizes_ = []
    return model


def total(units):
    """Reduce the units of rows, dense or one by one, to a number each."""
    return np.array([row[..., 1].sum() for row in units])


def test_pieces_say_what_all_at_once_says(model, pixels, monkeypatch):
    X, _ = pixels
    expected = total(model.predict_units(X))
    for n_bytes in (1, 5 * 320, 10**9):  # a row has 4 x 5 x 2 floats, 320 bytes
        monkeypatch.setattr(unit_answers, "_STREAM_BYTES", n_bytes)
        model.sizes_ = []
        found = ModelView(model).reduce_units(total, X)
        np.testing.assert_array_equal(found, expected)
        assert sum(model.sizes_) == 40
        assert max(model.sizes_) == {1: 1, 5 * 320: 5}.get(n_bytes, 23)


def test_any_selection_in_any_order_is_answered(model, pixels):
    X, _ = pixels
    expected = total(model.predict_units(X))
    for at in ([5, 4, 3], [0, 1, 2, 3], [7, 39, 8], []):
        found = ModelView(model).reduce_units(total, Rows(X, at))
        np.testing.assert_array_equal(found, expected[at])


def test_draws_are_the_same_for_every_piece(pixels, monkeypatch):
    X, y = pixels
    view = ModelView(Brightness().fit(X, y), random_state=0)
    draws = view.sample_units(X, 3)
    assert draws.shape == (3, 40, 4, 5, 2)
    np.testing.assert_array_equal(view.sample_units(X[7:9], 3), draws[:, 7:9])
    monkeypatch.setattr(unit_answers, "_STREAM_BYTES", 1)

    def spread(draws):
        return draws[..., 1].std(axis=0).sum(axis=(1, 2))

    found = view.reduce_unit_samples(spread, X, 3)
    np.testing.assert_allclose(found, spread(draws))


def test_lists_are_answered_row_by_row(monkeypatch):
    texts = [["a", "bb"], ["ccc"], [], ["dd", "e", "fff", "g"]]
    model = Tagger().fit(texts, [[0, 1], [1], [], [0, 0, 1, 1]])
    view = ModelView(model)
    assert [row.shape for row in view.predict_units(texts)] == [
        (2, 2),
        (1, 2),
        (0, 2),
        (4, 2),
    ]
    expected = total(model.predict_units(texts))
    monkeypatch.setattr(unit_answers, "_STREAM_BYTES", 1)
    np.testing.assert_array_equal(view.reduce_units(total, texts), expected)
    assert view.predict(texts) == model.predict(texts)
    assert view.target_type == "structured"


def test_a_pipeline_and_a_learner_hand_it_on(model, pixels):
    X, y = pixels
    expected = model.predict_units(1 - X)
    pipeline = make_pipeline(FunctionTransformer(lambda X: 1 - X), model)
    np.testing.assert_array_equal(ModelView(pipeline).predict_units(X), expected)
    learner = ActiveLearner(Brightness(), Aggregate()).fit(X, y)
    np.testing.assert_array_equal(
        ModelView(learner).predict_units(X), learner.estimator_.predict_units(X)
    )
    draws = ModelView(learner, random_state=0).sample_units(X, 2)
    assert draws.shape == (2, 40, 4, 5, 2)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (lambda X: np.full((len(X), 3, 2), np.nan), "not finite for 3 units"),
        (lambda X: np.zeros((7, 3, 2)), "predict_units must answer for each of 1 rows"),
        (lambda X: [np.zeros(3)] * len(X), r"or with an array \(u, C\) a row, got flo"),
        (lambda X: np.zeros(len(X)), r"\(n, ..., C\) of probabilities, or with an arr"),
        (lambda X: np.zeros((len(X), 3, 0)), r"got shape \(1, 3, 0\)"),
        (lambda X: None, r"got object of shape \(\)"),
        (lambda X: np.full((len(X), 3, 2), "a"), "got <U1 of shape"),
        (
            lambda X: [np.ones((2, 2 + int(x[0]))) / (2 + x) for x in X],
            "as many classes",
        ),
    ],
)
def test_answers_that_are_none_are_refused(answer, match):
    class Wrong:
        def predict_units(self, X):
            return answer(X)

    with pytest.raises(ValueError, match=match):
        ModelView(Wrong()).reduce_units(total, np.arange(4.0)[:, None])


@pytest.mark.parametrize("none", [[], np.empty((0, 0)), np.empty((0, 3))])
@pytest.mark.parametrize("as_array", [False, True])
def test_rows_without_a_unit_may_come_in_any_shape(none, as_array):
    class Every:
        def predict_units(self, X):
            rows = [np.full((3, 2), 0.5) if x else none for x in X[:, 0]]
            if not as_array:
                return rows
            apart = np.empty(len(rows), object)
            for i, row in enumerate(rows):
                apart[i] = row
            return apart

    X = np.array([[0], [1], [0], [1]])
    view = ModelView(Every())
    assert [len(row) for row in view.predict_units(X)] == [0, 3, 0, 3]
    doubt = Aggregate(class_weights=[1, 1], reduce="max").score_samples(Every(), X)
    np.testing.assert_allclose(doubt, np.log(2))  # the least wanted are like the others


@pytest.mark.parametrize("method", ["predict_units", "sample_units", "sample_boxes"])
def test_what_an_estimator_has_not_is_said(method, blobs):
    from sklearn.dummy import DummyClassifier

    view = ModelView(DummyClassifier().fit(*blobs))
    with pytest.raises(TypeError, match=rf"\({method}\), which DummyClassifier does"):
        getattr(view, method)(blobs[0])
