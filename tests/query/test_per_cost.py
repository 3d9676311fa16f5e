"""PerCost divides a score by what the label costs."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from skal import Rows
from skal.query import Entropy, Margin, PerCost, ScoreStrategy, split_result
from skal.query._wrapper import check_from_zero


@pytest.fixture(scope="module")
def model():
    X = np.linspace(-3, 3, 50)[:, None]
    return LogisticRegression().fit(X, X[:, 0] + np.sin(9 * X[:, 0]) > 0)


X = np.linspace(-2, 2, 41)[:, None]
COSTS = 1.0 + np.arange(41) % 5


def test_a_row_scores_what_it_is_wanted_for_its_cost(model):
    rows = Rows(X, costs=COSTS)
    entropy = Entropy().score_samples(model, X)
    assert_array_equal(PerCost().score_samples(model, rows), entropy / COSTS)
    doubt = 1 + Margin().score_samples(model, X)  # a margin counts from -1
    assert_array_equal(PerCost("margin").score_samples(model, rows), doubt / COSTS)
    found, info = split_result(PerCost()(model, rows, 5, random_state=0))
    assert_array_equal(found, np.argsort(-entropy / COSTS, kind="stable")[:5])
    assert_array_equal(info["score"], (entropy / COSTS)[found])


def test_a_selection_of_rows_reads_its_own_costs(model):
    some = Rows(X, costs=COSTS).take([30, 4, 17])
    expected = Entropy().score_samples(model, X[[30, 4, 17]]) / COSTS[[30, 4, 17]]
    np.testing.assert_allclose(PerCost().score_samples(model, some), expected)


@pytest.mark.parametrize("unit", [1, 1.0, 0.25])
def test_costs_that_are_alike_change_no_pick(model, unit):
    for n in (1, 7, 41):
        for seed in range(5):
            plain, _ = split_result(Entropy()(model, X, n, random_state=seed))
            rows = Rows(X, costs=unit)
            priced, _ = split_result(PerCost()(model, rows, n, random_state=seed))
            assert_array_equal(priced, plain)


def test_a_cheaper_row_is_never_less_wanted(model):
    scores = PerCost().score_samples(model, Rows(X, costs=COSTS))
    for row in range(0, 41, 5):
        cheaper = COSTS.copy()
        cheaper[row] /= 2
        now = PerCost().score_samples(model, Rows(X, costs=cheaper))
        assert now[row] == 2 * scores[row]
        assert_array_equal(np.delete(now, row), np.delete(scores, row))


class Falls(ScoreStrategy):
    """Falls below 0 without saying so."""

    def _score(self, view, rows):
        return np.asarray(rows)[:, 0]


class Unbounded(Margin):
    alias = None
    lowest = None


def test_scores_below_zero_are_refused(model):
    with pytest.raises(ValueError, match=r"from 0 up, got -2\.0 from Falls\. A score"):
        PerCost(Falls()).score_samples(model, Rows(X, costs=COSTS))
    with pytest.raises(ValueError, match="base must give scores from 0 up, got Unbou"):
        check_from_zero(Unbounded())
    with pytest.raises(TypeError, match="base must be a strategy that scores rows, go"):
        PerCost("core_set").check(model, "multiclass")


def test_costs_that_are_not_there_are_missed(model):
    for ask in (PerCost().score_samples, PerCost()):
        with pytest.raises(ValueError, match=r"costs must be given for PerCost, which"):
            ask(model, X)
        with pytest.raises(ValueError, match=r"costs must be given for PerCost, which"):
            ask(model, Rows(X, groups=np.arange(41)))
