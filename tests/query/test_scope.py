"""InScope learns from rejected rows which others are of no class."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner, ModelView
from skal.query import InScope, as_strategy
from skal.query.functional import in_scope


@pytest.fixture
def open_pool():
    """Return 400 rows of six groups, of which the last three are foreign."""
    rng = np.random.RandomState(0)
    y = rng.randint(6, size=400)
    centres = rng.randn(6, 4) * 4
    return centres[y] + rng.randn(400, 4), np.where(y < 3, y, -5)


def a_view(X, y, rejected=True):
    known, out = X[:60][y[:60] >= 0], X[:60][y[:60] < 0]
    model = LogisticRegression().fit(known, y[:60][y[:60] >= 0])
    y = y[:60][y[:60] >= 0]
    return ModelView(model, known, y, X_rejected=out if rejected else None)


def test_it_goes_by_its_name():
    assert repr(as_strategy("in_scope")) == "InScope()"


@pytest.mark.parametrize("base", ["margin", "uherding", "random"])
def test_before_any_reject_it_is_its_base(open_pool, base):
    X, y = open_pool
    view = a_view(X, y, rejected=False)
    found = InScope(base)(view, X, 10, random_state=0)
    expected = as_strategy(base)(view, X, 10, random_state=0)
    assert str(found) == str(expected)


@pytest.mark.parametrize("base", ["margin", "uherding", "random"])
def test_what_it_asks_for_belongs_to_a_class(open_pool, base):
    X, y = open_pool
    found = InScope(base)(a_view(X, y), X[60:], 40, random_state=0)
    picked, info = found
    assert len(set(picked)) == 40
    assert np.mean(y[60:][picked] >= 0) > 0.8 > 0.6 > np.mean(y[60:] >= 0)
    assert 0.5 < info["purity"] <= 1


@pytest.mark.parametrize("base", ["uherding", "margin"])
def test_columns_of_sparse_rows_come_in_any_order(open_pool, base):
    """They were sorted in place: an error, where the view keeps them read-only."""
    X, y = open_pool
    X = X.astype(np.float32)
    turned = sp.csr_array(X)
    turned.indices = np.tile(np.arange(X.shape[1])[::-1], len(X)).astype(np.int32)
    turned.data = X[:, ::-1].ravel()
    turned.has_sorted_indices = False
    picks = [
        InScope(base)(a_view(found, y), found[60:], 10, random_state=0)[0]
        for found in (sp.csr_array(X), turned)
    ]
    np.testing.assert_array_equal(*picks)
    np.testing.assert_array_equal(turned.indices[:4], [3, 2, 1, 0])


def test_a_simulation_is_in_scope_and_is_the_live_run(open_pool):
    X, y = open_pool
    learner = ActiveLearner(
        GaussianNB(), "in_scope", n_labels=60, reject_label=-5, random_state=0
    ).fit(X, y)
    n_rejected = learner.history_["n_rejected"]
    assert n_rejected[-1] - n_rejected[0] < 8
    live = ActiveLearner(GaussianNB(), "in_scope", reject_label=-5, random_state=0)
    left = np.ones(len(X), bool)
    while left.sum() > 340:
        indices, rows = live.query(X, candidates=left)
        live.teach(rows, y[indices])
        left[indices] = False
    assert_array_equal(live.X_training_, learner.X_training_)


def test_the_answer_moves_with_the_rows(open_pool):
    X, y = open_pool
    order = np.random.RandomState(1).permutation(340)
    view = a_view(X, y)
    strategy = InScope("margin")
    first = strategy(view, X[60:], 10, random_state=0)[0]
    second = strategy(view, X[60:][order], 10, random_state=0)[0]
    assert set(order[second]) == set(first)


def test_all_rows_of_a_pool_can_be_asked_for(open_pool):
    X, y = open_pool
    picked, _ = InScope()(a_view(X, y), X[60:80], 20, random_state=0)
    assert sorted(picked) == list(range(20))


def test_more_rows_in_scope_than_wanted_let_more_through(open_pool):
    """What is strict beyond need never sees rows that are unlike the labelled ones."""
    X, y = open_pool
    view = a_view(X, y)
    n_rejected = len(view.X_rejected)
    seen = []

    def base(learner, X, n_instances=1):
        seen.append(len(X))
        return np.arange(n_instances)

    for first in (0, n_rejected):  # rejects all since, or all in the first round
        view.history = {"n_labels": np.array([first]), "n_rejected": np.array([first])}
        InScope(base)(view, X, 5, random_state=0)
    assert seen[0] < seen[1] <= len(X)


def test_the_probabilities_by_a_slow_reference():
    rng = np.random.RandomState(0)
    E, labeled, rejected = rng.randn(30, 3), rng.randn(6, 3), rng.randn(3, 3) + 2
    known = np.concatenate([labeled, rejected])
    away = np.array([[np.linalg.norm(a - b) for b in known] for a in known])
    width = np.median(away[away > 0]) / 2
    gram = np.exp(-(away**2) / width**2 / 2)
    gram += np.diag([0.2 * 6 / 9] * 6 + [0.2 * 3 / 9] * 3)
    weights = np.linalg.solve(gram, [1.0] * 6 + [-1.0] * 3)
    far = np.array([[np.linalg.norm(a - b) for b in known] for a in E])
    expected = 1 / (1 + np.exp(-3 * np.exp(-(far**2) / width**2 / 2) @ weights))
    assert_allclose(in_scope(E, labeled, rejected), expected)
    sparse = [sp.csr_array(rows) for rows in (E, labeled, rejected)]
    assert_allclose(in_scope(*sparse), expected)
    near = np.exp(-(far.min(axis=1) ** 2) / width**2 / 2)
    logits = np.log(expected / (1 - expected)) + 3 * 0.7 * np.sqrt(1 - near**2)
    expected = 1 / (1 + np.exp(-logits))
    assert_allclose(in_scope(E, labeled, rejected, optimism=0.7), expected)


def test_the_base_sees_a_class_that_nobody_has_met():
    """Cut by how surely rows belong to a class met already, it was shut out."""
    rng = np.random.RandomState(0)
    centres = np.array([[0.0, 0], [6, 0], [0, 6], [40, 40]])  # the third is foreign
    y = np.repeat([0, 1, 2, 3], [150, 150, 200, 20])
    X = centres[y] + rng.randn(len(y), 2)
    known, out = X[100:200], X[300:350]
    view = ModelView(GaussianNB().fit(known, y[100:200]), known, y[100:200])
    view.X_rejected = out
    seen = []

    def base(learner, X, n_instances=1):
        seen.append(X)
        return np.arange(n_instances)

    InScope(base)(view, X, 5, random_state=0)
    assert np.sum(seen[0][:, 0] > 30) == 20
    assert np.mean(seen[0][:, 1] > 3) < 0.2  # the new class is a fifth of these


@pytest.mark.parametrize("wrong", [-1.0, "much"])
def test_optimism_is_a_number_from_0_up(wrong):
    with pytest.raises((TypeError, ValueError), match="optimism must be"):
        in_scope([[0.0]], [[0.0]], [[1.0]], optimism=wrong)


def test_of_many_known_rows_some_are_drawn():
    rng = np.random.RandomState(0)
    found = in_scope(
        np.array([[0.0], [9.0]]),
        rng.randn(1500, 1),
        rng.randn(5, 1) + 9,
        random_state=0,
    )
    assert found[0] > 0.8 > 0.4 > found[1]


@pytest.mark.parametrize(
    ("labeled", "rejected", "message"),
    [
        (np.empty((0, 1)), [[1.0]], "labeled must hold at least one row, got none"),
        ([[1.0]], np.empty((0, 1)), "rejected must hold at least one row, got none"),
        ([[1.0]], [[np.nan]], "rejected must hold finite numbers, got NaN"),
        ([[1.0, 2.0]], [[1.0]], "must have the 1 columns of E"),
    ],
)
def test_rows_that_tell_nothing_are_refused(labeled, rejected, message):
    with pytest.raises(ValueError, match=message):
        in_scope([[0.0]], labeled, rejected)
