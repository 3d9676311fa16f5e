"""Draws of a detector disagree where their boxes do not meet, or differ in class."""

from itertools import combinations, permutations

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skal import ActiveLearner
from skal.query import BoxDisagreement
from skal.query.functional import box_disagreement
from skal.structured import Committee, Units


def found(*boxes, labels=None, **more):
    return {"boxes": boxes, "labels": labels or [1] * len(boxes), **more}


SQUARE, LOWER, LEFT, FAR = (0, 0, 2, 2), (0, 0, 2, 1), (0, 0, 1, 2), (5, 5, 7, 7)


def test_it_is_one_minus_the_mean_overlap_of_pairs_of_draws():
    """By hand: the square overlaps each half 1/2, the halves 1 of 2 + 2 - 1."""
    draws = [found(SQUARE), found(LOWER), found(LEFT)]
    overlaps = [1 / 2, 1 / 2, 1 / 3]
    assert box_disagreement([draws]) == pytest.approx([1 - np.mean(overlaps)])


def test_boxes_are_matched_one_to_one_and_those_left_over_count_as_none():
    two, one = found(SQUARE, FAR), found(LOWER)
    assert box_disagreement([[two, one]]) == pytest.approx([1 - 0.5 / 2])
    both = found(FAR, SQUARE)  # in another order
    assert box_disagreement([[two, both]]) == pytest.approx([0])
    twice = found(SQUARE, SQUARE)  # of which one alone finds the square
    assert box_disagreement([[two, twice]]) == pytest.approx([1 - 1 / 2])


def test_the_best_matching_counts_not_the_greedy_one():
    """The greatest overlap first would leave the other box without a partner."""
    a, b = (0, 0, 4, 1), (3, 0, 7, 1)
    c, d = (0.5, 0, 4.5, 1), (-3, 0, 1, 1)
    first, second = found(a, b), found(c, d)

    def iou(p, q):
        common = max(0, min(p[2], q[2]) - max(p[0], q[0]))
        return common / (8 - common)

    best = max(iou(a, c) + iou(b, d), iou(a, d) + iou(b, c))
    assert iou(a, c) > max(iou(a, d), iou(b, c), iou(b, d))
    assert best == iou(a, d) + iou(b, c) or best == iou(a, c) + iou(b, d)
    assert box_disagreement([[first, second]]) == pytest.approx([1 - best / 2])


def test_classes_must_match():
    draws = [found(SQUARE, labels=[1]), found(SQUARE, labels=[2])]
    assert box_disagreement([draws]).tolist() == [1]
    without = [{"boxes": [SQUARE]}, {"boxes": [SQUARE]}]
    assert box_disagreement([without]).tolist() == [0]


def test_nothing_found_agrees_with_nothing_and_with_nothing_else():
    nothing = found()
    pairs = [[nothing, nothing], [nothing, found(SQUARE)]]
    assert box_disagreement(pairs).tolist() == [0, 1]
    assert box_disagreement([]).shape == (0,)
    point = found((1, 1, 1, 1))  # of no area, which overlaps nothing
    assert box_disagreement([[point, point]]).tolist() == [1]


def test_boxes_of_low_score_are_left_out():
    draws = [found(SQUARE, FAR, scores=[0.9, 0.2]), found(SQUARE, scores=[0.8])]
    assert box_disagreement([draws]).tolist() == [0.5]
    assert box_disagreement([draws], min_score=0.5).tolist() == [0]


def test_tensors_are_read_as_arrays(torch):
    boxes = torch.tensor([[0.0, 0, 2, 2]], requires_grad=True)
    tensors = {"boxes": boxes, "labels": torch.tensor([1])}
    assert box_disagreement([[tensors, found(LOWER)]]).tolist() == [0.5]


def test_it_is_what_trying_every_matching_finds(rng):
    def corners(k):
        low = rng.uniform(0, 4, (k, 2))
        return np.hstack([low, low + rng.uniform(1, 4, (k, 2))])

    for _ in range(10):
        draws = [
            {"boxes": corners(k), "labels": rng.randint(2, size=k)}
            for k in rng.randint(5, size=3)
        ]
        expected = 1 - np.mean([tried(*pair) for pair in combinations(draws, 2)])
        assert box_disagreement([draws]) == pytest.approx([expected])


def tried(first, second):
    """Return the best mean overlap of all matchings, by trying each."""
    few, many = sorted([first, second], key=lambda draw: len(draw["boxes"]))
    if len(many["boxes"]) == 0:
        return 1.0
    k, most = len(few["boxes"]), len(many["boxes"])
    totals = [
        sum(overlap(few, i, many, j) for i, j in enumerate(chosen))
        for chosen in permutations(range(most), k)
    ]
    return max(totals) / most


def overlap(first, i, second, j):
    if first["labels"][i] != second["labels"][j]:
        return 0.0
    a, b = first["boxes"][i], second["boxes"][j]
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return common / (sum(area) - common)


@pytest.mark.parametrize(
    ("draws", "match"),
    [
        ([[found(SQUARE)]], "draws must hold at least two draws of each row, got 1"),
        ([[found((0, 0, 1)), found()]], "boxes must be finite corners"),
        ([[found((0, 0, 1, np.inf)), found()]], "boxes must be finite corners"),
        ([[found((2, 2, 0, 0))] * 2], r"with x1 <= x2 and y1 <= y2, got \[2.0, 2.0"),
        (
            [[found(SQUARE, labels=[1, 2])] * 2],
            "labels must hold a value for each of",
        ),
    ],
)
def test_what_is_no_draw_is_refused(draws, match):
    with pytest.raises(ValueError, match=match):
        box_disagreement(draws)


def test_scores_stand_beside_boxes():
    with pytest.raises(ValueError, match="scores must hold a value for each of 1 box"):
        box_disagreement([[found(SQUARE, scores=[0.1, 0.9])] * 2], min_score=0.5)


@pytest.mark.parametrize("draw", [None, {"box": []}, [SQUARE]])
def test_a_draw_is_a_dict_of_boxes(draw):
    with pytest.raises(TypeError, match='draws must hold a dict with "boxes"'):
        box_disagreement([[draw, draw]])


# The strategy -----------------------------------------------------------------


class Detector(BaseEstimator):
    """Finds a square as large as X says, a little off; the more, the larger X is."""

    def __init__(self, off=0.0):
        self.off = off

    def fit(self, X, y):
        assert isinstance(y, list)
        self.n_boxes_ = sum(len(row["boxes"]) for row in y)
        return self

    def predict(self, X):
        move = np.ravel(X) * self.off
        boxes = np.column_stack([move, move, move + 1, move + 1])
        return [{"boxes": box[None], "labels": np.array([1])} for box in boxes]

    def score(self, X, y):
        return 0.5


@pytest.fixture(scope="module")
def rows():
    X = np.linspace(0, 1, 30)[:, np.newaxis]
    return X, [found((0, 0, 1, 1)) for _ in X]


def test_a_committee_of_detectors_asks_for_what_it_disputes(rows):
    X, y = rows
    committee = Committee([Detector(), Detector(0.5)])
    learner = ActiveLearner(
        committee, BoxDisagreement(), n_labels=20, n_initial=5, random_state=0
    )
    learner.fit(X, y)
    scores = learner.score_pool(X)
    shift = X.ravel() / 2
    common = (1 - shift) ** 2
    np.testing.assert_allclose(scores, 1 - common / (2 - common), atol=1e-12)
    asked = learner.history_["indices"][1]
    left = np.setdiff1d(np.arange(30), learner.history_["indices"][0])
    np.testing.assert_array_equal(asked, left[::-1][:10])  # the larger, the farther
    assert learner.y_training_[0] == y[0]
    assert learner.score(X, y) == 0.5
    assert len(learner.predict(X)) == 30


def test_a_function_may_draw_boxes(rows):
    X, y = rows

    def draws(model, X, n_samples, random_state):
        n = n_samples or 2
        offs = np.random.RandomState(random_state).uniform(size=n)
        each = [Detector(off).predict(X) for off in offs]
        return [list(row) for row in zip(*each, strict=True)]

    learner = ActiveLearner(
        Units(Detector(), None, boxes=draws), BoxDisagreement(3), random_state=0
    )
    learner.fit(X[:5], y[:5])
    asked, _ = learner.query(X, 3)
    np.testing.assert_array_equal(asked, [29, 28, 27])
    np.testing.assert_array_equal(learner.query(X, 3)[0], asked)


def test_one_detector_has_no_draws(rows):
    X, y = rows
    model = Units(Detector(), lambda model, X: [np.ones((1, 1))] * len(X))
    with pytest.raises(TypeError, match=r"needs several draws of boxes .*Committee"):
        ActiveLearner(model, BoxDisagreement(), n_labels=9).fit(X, y)
