"""What answers imply, against a slow reference and by hand."""

import numpy as np

from skal.cluster._closure import Closure


def test_together_is_transitive_and_apart_holds_for_both_sides():
    closure = Closure.of(6, np.array([[0, 1], [1, 2], [3, 4]]), np.array([[2, 3]]))
    known = [[0, 2], [0, 4], [1, 3], [5, 0], [5, 4]]
    np.testing.assert_array_equal(
        closure.implies(np.array(known)), [True, True, True, False, False]
    )
    assert closure.is_consistent
    assert len(closure.groups) == 2


def test_a_contradiction_is_seen():
    together = np.array([[0, 1], [1, 2]])
    assert not Closure.of(3, together, np.array([[0, 2]])).is_consistent


def test_closure_agrees_with_a_slow_reference(rng):
    for _ in range(20):
        y = rng.randint(4, size=15)
        pairs = rng.randint(15, size=(rng.randint(1, 40), 2))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        same = y[pairs[:, 0]] == y[pairs[:, 1]]
        closure = Closure.of(15, pairs[same], pairs[~same])
        together, apart = slow_closure(15, pairs[same], pairs[~same])
        every = np.column_stack(np.triu_indices(15, 1))
        expected = (together | apart)[tuple(every.T)]
        np.testing.assert_array_equal(closure.implies(every), expected)
        groups = closure.groups
        members = [np.flatnonzero(closure.component == group)[0] for group in groups]
        assert apart[np.ix_(members, members)].sum() == len(groups) * (len(groups) - 1)


def slow_closure(n, together, apart):
    """Apply the two rules until nothing new follows."""
    is_same, is_apart = np.eye(n, dtype=bool), np.zeros((n, n), bool)
    for i, j in together:
        is_same[i, j] = is_same[j, i] = True
    for i, j in apart:
        is_apart[i, j] = is_apart[j, i] = True
    for _ in range(n):
        is_same = is_same | (is_same.astype(int) @ is_same > 0)
        is_apart = is_apart | (is_same.astype(int) @ is_apart @ is_same > 0)
    return is_same, is_apart


def test_what_is_of_none_but_one_group_is_of_that_one():
    apart = np.array([[0, 1], [0, 2], [1, 2], [3, 0], [3, 1], [4, 0]])
    closure = Closure.of(5, np.empty((0, 2), int), apart).with_groups(3)
    assert closure.component[3] == closure.component[2]
    assert closure.component[4] not in closure.component[:4]
    known = closure.implies(np.array([[3, 2], [3, 1], [4, 1]]))
    np.testing.assert_array_equal(known, [True, True, False])
