"""Scores of units become scores of rows, whatever their order and their padding."""

import numpy as np
import pytest
from helpers import Brightness, Tagger, peak_bytes
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner, ModelView
from skal.query import (
    BALD,
    Aggregate,
    DiverseBatch,
    Entropy,
    InformationDensity,
    Shortlist,
    functional,
)
from skal.query.functional import aggregate
from skal.structured import Units

WAYS = {
    "mean": {"reduce": "mean"},
    "max": {"reduce": "max"},
    "sum": {"reduce": "sum"},
    "sum by length": {"reduce": "sum", "normalize": "length"},
    "sum by root": {"reduce": "sum", "normalize": "sqrt"},
    "three": {"reduce": "topk", "topk": 3},
    "a third": {"reduce": "topk", "topk": 0.3},
    "quantile": {"reduce": "quantile", "quantile": 0.7},
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def slowly(row, reduce, topk=0.1, quantile=0.9, normalize=None):
    """Reduce the scores of a row by the definition."""
    ordered = sorted(np.ravel(row).tolist(), reverse=True)
    n = len(ordered)
    if reduce == "quantile":
        return np.quantile(ordered, quantile)
    k = {"max": 1, "mean": n, "sum": n}.get(reduce)
    if k is None:
        k = min(n, topk) if isinstance(topk, int) else int(np.ceil(topk * n - 1e-9))
    total = sum(ordered[:k])
    if reduce == "sum":
        return total / {None: 1, "length": n, "sqrt": n**0.5}[normalize]
    return total / k


# The formula ------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 20_000])
@pytest.mark.parametrize("reduce", ["topk", "mean"])
def test_a_score_that_is_none_is_refused_however_many_there_are(n, reduce):
    scores = np.ones((2, n))
    scores[1, 1] = np.nan
    with pytest.raises(ValueError, match=r"got NaN for 1 units\. Leave places"):
        aggregate(scores, reduce)
    keep = ~np.isnan(scores)
    assert aggregate(scores, reduce, mask=keep).tolist() == [1, 1]


def test_rows_may_stand_in_an_array_of_objects():
    scores = np.empty(2, object)
    scores[0], scores[1] = [0.1, 0.9], [0.2]
    assert aggregate(scores, "mean").tolist() == [0.5, 0.2]


def test_votes_of_yes_and_no_are_numbers():
    assert aggregate(np.array([[True, False]]), "quantile", quantile=0.5) == [0.5]


@pytest.mark.parametrize("scores", [3.0, None, "abc", [["a"]], (x for x in "a")])
def test_what_are_no_scores_is_refused(scores):
    with pytest.raises(TypeError, match="scores must be"):
        aggregate(scores)


def test_what_the_reductions_are():
    scores = [[0.0, 1.0, 0.5, 0.5], [0.25, 0.25, 0.25, 0.25]]
    found = {name: aggregate(scores, **way).tolist() for name, way in WAYS.items()}
    assert found["mean"] == [0.5, 0.25]
    assert found["max"] == [1.0, 0.25]
    assert found["sum"] == [2.0, 1.0]
    assert found["sum by length"] == found["mean"]
    assert found["sum by root"] == [1.0, 0.5]
    assert found["three"] == [pytest.approx(2 / 3), 0.25]
    assert found["a third"] == [0.75, 0.25]  # 1.2 of four, rounded up
    assert found["quantile"] == [pytest.approx(0.55), 0.25]


@each_way
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_definition_row_by_row(way, dtype, rng):
    scores = rng.uniform(size=(6, 5, 7)).astype(dtype)
    expected = [slowly(row, **way) for row in scores]
    np.testing.assert_allclose(aggregate(scores, **way), expected, rtol=1e-6)
    assert aggregate(scores, **way).dtype == np.float64


@pytest.mark.parametrize("topk", [2, 0.1, 0.95, 1.0])
@pytest.mark.parametrize("order", ["any", "rising", "falling", "constant"])
def test_the_largest_of_many_units_are_those_that_sorting_finds(topk, order, rng):
    scores = rng.uniform(size=(3, 20_000)).astype(np.float32)
    scores.sort(axis=1)
    scores = {
        "any": rng.permutation(scores.T).T,
        "rising": scores,
        "falling": scores[:, ::-1],
        "constant": np.full_like(scores, 0.5),
    }[order]
    k = topk if isinstance(topk, int) else int(topk * 20_000)
    expected = np.sort(scores, axis=1)[:, -k:].mean(axis=1, dtype=float)
    np.testing.assert_allclose(aggregate(scores, topk=topk), expected, rtol=1e-12)


@each_way
def test_the_order_of_the_units_counts_for_nothing(way, rng):
    scores = rng.uniform(size=(6, 40)).astype(np.float32)
    moved = np.stack([rng.permutation(row) for row in scores])
    np.testing.assert_allclose(
        aggregate(moved, **way), aggregate(scores, **way), rtol=1e-12
    )


@each_way
def test_padding_counts_for_nothing(way, rng):
    """A list of rows of several lengths is an array with a mask, to the bit."""
    ragged = [rng.uniform(size=n) for n in (3, 7, 1, 12)]
    for fill in (-5.0, 0.0, 9.0, np.nan):
        padded, mask = np.full((4, 12), fill), np.zeros((4, 12), bool)
        for row, kept, scores in zip(padded, mask, ragged, strict=True):
            at = np.sort(rng.permutation(12)[: len(scores)])
            row[at], kept[at] = scores, True
        found = aggregate(padded, **way, mask=mask)
        np.testing.assert_array_equal(found, aggregate(ragged, **way))


@each_way
def test_a_row_is_reduced_alone_as_among_others(way, rng):
    ragged = [rng.uniform(size=n) for n in (3, 7, 1, 12)]
    alone = np.concatenate([aggregate([row], **way) for row in ragged])
    np.testing.assert_array_equal(aggregate(ragged, **way), alone)


@each_way
def test_a_row_without_a_unit_has_no_score(way):
    found = aggregate([[], [0.5]], **way)
    assert np.isnan(found).tolist() == [True, False]
    assert np.isnan(aggregate(np.empty((2, 0)), **way)).all()
    assert aggregate([], **way).shape == (0,)


def test_weights_multiply_the_scores():
    assert aggregate([[1.0, 2.0]], "sum", weights=[[3.0, 0.5]]).tolist() == [4.0]
    ragged = aggregate([[1.0, 2.0], [4.0]], "max", weights=[[3.0, 0.5], [0.25]])
    assert ragged.tolist() == [3.0, 1.0]


@pytest.mark.parametrize("name", ["weights", "mask"])
def test_what_stands_beside_the_scores_has_their_shape(name):
    with pytest.raises(ValueError, match=f"{name} must have the shape of scores"):
        aggregate([[1.0, 2.0], [3.0]], **{name: [[1.0], [1.0]]})


# The strategy -----------------------------------------------------------------


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(60, 5, 6))
    y = (X + rng.normal(0, 0.1, X.shape) > 0.5).astype(int)
    return X, y


@pytest.fixture(scope="module")
def model(pixels):
    X, y = pixels
    return Brightness().fit(X[:5], y[:5])


DOUBTS = {
    "entropy": functional.entropy,
    "least_confidence": functional.least_confidence,
    "margin": lambda proba: 1 - functional.margin(proba),  # which counts from 0 up
}
DISPUTES = {
    "bald": functional.mutual_information,
    "predictive_entropy": functional.predictive_entropy,
    "consensus_entropy": functional.consensus_entropy,
    "kl_divergence": functional.kl_divergence,
    "vote_entropy": functional.vote_entropy,
    "variation_ratio": functional.variation_ratio,
    "mean_std": functional.mean_std,
}


@pytest.mark.parametrize("base", DOUBTS)
@pytest.mark.parametrize("reduce", ["mean", "topk"])
def test_doubts_are_reduced_row_by_row(base, reduce, pixels, model):
    X, _ = pixels
    doubts = [DOUBTS[base](model.predict_units(x).reshape(-1, 2)) for x in X]
    expected = [slowly(row, reduce) for row in doubts]
    found = Aggregate(base, reduce).score_samples(model, X)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("base", DISPUTES)
def test_any_dispute_of_draws_is_reduced_row_by_row(base, pixels, model):
    X, _ = pixels
    view = ModelView(model, random_state=3)
    draws = model.sample_units(X, None, view.seed)  # (S, n, H, W, C)
    disputes = [DISPUTES[base](draws[:, i].reshape(4, -1, 2)) for i in range(len(X))]
    expected = [slowly(row, "quantile") for row in disputes]
    found = Aggregate(base, "quantile").score_samples(view, X)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_base_says_how_many_draws_it_reads(pixels, model):
    X, _ = pixels
    view = ModelView(model, random_state=3)
    draws = model.sample_units(X, 9, view.seed)
    disputes = functional.mutual_information(draws.reshape(9, -1, 2))
    expected = disputes.reshape(len(X), -1).mean(axis=1)
    found = Aggregate(BALD(n_samples=9), "mean").score_samples(view, X)
    np.testing.assert_allclose(found, expected)


def test_texts_of_any_length_are_asked_for_by_their_tokens():
    texts = [["a", "bb"], ["ccc"], ["dd", "e", "fff", "g"]]
    model = Tagger().fit(texts, [[0, 1], [1], [0, 0, 1, 1]])
    assert model.rate_ == {1: pytest.approx(1 / 3), 2: 0.5, 3: 1.0}
    mean = Aggregate("least_confidence", "mean").score_samples(model, texts)
    np.testing.assert_allclose(mean, [5 / 12, 0, 7 / 24])
    longest = Aggregate("least_confidence", "sum").score_samples(model, texts)
    np.testing.assert_allclose(longest, [5 / 6, 0, 7 / 6])


def test_classes_weigh_by_how_likely_they_are(model):
    X = np.array([[[0.3, 0.9]], [[0.6, 0.6]]])
    proba = model.predict_units(X)
    doubt = 1 - proba.max(axis=-1)
    expected = (doubt * (2 * proba[..., 0] + 5 * proba[..., 1])).mean(axis=(1, 2))
    strategy = Aggregate("least_confidence", "mean", class_weights=[2, 5])
    np.testing.assert_allclose(strategy.score_samples(model, X), expected)
    with pytest.raises(ValueError, match="a weight for each of 2 classes, got 3"):
        strategy.set_params(class_weights=[1, 2, 3]).score_samples(model, X)


@pytest.mark.parametrize(("empty", "expected"), [("last", 0.25), ("first", 0.5)])
def test_rows_without_a_unit_come_last_or_first(empty, expected):
    class Finds:
        def predict_units(self, X):
            return [np.array(row, float).reshape(-1, 2) for row in X]

    model, X = Finds(), [[[0.5, 0.5]], [], [[0.75, 0.25]]]
    strategy = Aggregate("least_confidence", "max", empty=empty)
    assert strategy.score_samples(model, X).tolist() == [0.5, expected, 0.25]
    assert strategy.score_samples(model, [[], []]).tolist() == [0, 0]


def test_a_strategy_around_it_costs_no_second_pass(pixels):
    X, y = pixels

    class Counting(Brightness):
        def predict_units(self, X):
            asked.append(len(X))
            return super().predict_units(X)

    asked = []
    model = Counting().fit(X[:5], y[:5])
    wrapped = Shortlist(DiverseBatch(Aggregate(Entropy()), method="mmr"))
    wrapped(model, X, 4, random_state=0)
    assert sum(asked) == len(X)


def test_rows_in_any_order_have_the_same_scores(pixels, model):
    X, _ = pixels
    order = np.random.RandomState(0).permutation(len(X))
    for base in ("entropy", "bald"):
        scores = Aggregate(base).score_samples(ModelView(model, random_state=0), X)
        moved = Aggregate(base).score_samples(
            ModelView(model, random_state=0), X[order]
        )
        np.testing.assert_allclose(moved, scores[order])


def test_it_never_holds_the_units_of_all_rows():
    class Wide:
        def predict_units(self, X):
            return np.full((len(X), 2**15, 2), 0.5, np.float32)  # 256 kB a row

    X = np.zeros((400, 1))
    used = peak_bytes(lambda: Aggregate().score_samples(Wide(), X))
    assert used < 7e7  # of 105 MB


# What is refused --------------------------------------------------------------


def test_a_base_looks_at_each_unit_alone(pixels, model):
    for base in ("core_set", "badge", InformationDensity(), "random", Aggregate()):
        with pytest.raises(TypeError, match="base must be a strategy that scores each"):
            Aggregate(base).score_samples(model, pixels[0])


def test_an_estimator_of_one_target_a_row_has_no_units(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), Aggregate(), n_labels=20)
    with pytest.raises(TypeError, match=r"Aggregate needs units of rows \(pixels, tok"):
        learner.fit(X, y)


@pytest.mark.parametrize(
    "change",
    [
        lambda proba: np.log(proba + 1e-9),
        lambda proba: np.moveaxis(proba, -1, 1),
        lambda proba: proba[..., 1:],
        lambda proba: proba[..., 1],
        lambda proba: proba * (np.arange(proba.shape[1]) < 2)[:, None, None],
    ],
    ids=["scores", "classes not last", "one class of two", "no classes", "filled up"],
)
@pytest.mark.parametrize("base", ["entropy", "bald"])
@pytest.mark.parametrize("apart", [False, True], ids=["array", "list"])
def test_what_are_no_probabilities_is_refused(change, base, apart, pixels, model):
    """Columns of an image were taken for classes, and asked for all the same."""

    class Other(Brightness):
        def predict_units(self, X):
            units = change(super().predict_units(X))
            return list(units) if apart else units

        def sample_units(self, X, n_samples=None, random_state=None):
            draws = super().sample_units(X, n_samples, random_state)
            return list(np.swapaxes(draws, 0, 1)) if apart else draws

    strategy, other = Aggregate(base), Other().fit(*pixels)
    message = r"sum to 1 over the last axis, got .*moveax.*1 - p, p.*length, answer"
    with pytest.raises(ValueError, match=message):
        strategy.score_samples(other, pixels[0])


def test_draws_are_asked_for_before_any_work(pixels):
    X, y = pixels
    model = Units(Brightness(), "predict_units")
    learner = ActiveLearner(model, Aggregate("bald"), n_labels=20)
    learner.fit(X, y)  # what is inside has draws

    class NoDraws(Brightness):
        sample_units = property()

    with pytest.raises(TypeError, match=r"needs samples of units of rows .*Committee"):
        learner.set_params(estimator=NoDraws()).fit(X, y)


def test_one_target_a_row_is_what_other_strategies_want(pixels):
    X, y = pixels
    with pytest.raises(TypeError, match=r"which predicts units\. Use Aggregate a"):
        ActiveLearner(Brightness(), "entropy", n_labels=20).fit(X, y)


def test_a_sum_wants_scores_from_zero_up(pixels, model):
    class Below(Entropy):
        alias = None
        below_zero = True

        def _score(self, view, rows):
            return super()._score(view, rows) - 1

    with pytest.raises(ValueError, match="base must give scores from 0 up for reduce="):
        Aggregate(Below(), "sum").score_samples(model, pixels[0])


def test_a_view_does_not_answer_by_parameters_of_before(pixels):
    X, y = pixels
    view = ModelView(Brightness().fit(X, y))
    strategy = Aggregate("entropy", "max")
    highest = strategy.score_samples(view, X)
    strategy.set_params(reduce="mean")
    on_the_mean = strategy.score_samples(view, X)
    assert (on_the_mean < highest).all()
    np.testing.assert_array_equal(
        on_the_mean, Aggregate("entropy", "mean").score_samples(view, X)
    )
