"""Rows carry their groups and costs."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skal import Rows
from skal._data import check_apart, check_groups, group_codes, join_groups

X = np.arange(16.0).reshape(8, 2)
GROUPS = np.array(["a", "a", "b", "c", "b", "d", "d", "a"])


def test_selections_and_pieces_carry_what_belongs_to_them():
    pool = Rows(X, groups=GROUPS, costs=np.arange(1, 9))
    assert_array_equal(pool.groups, GROUPS)
    assert pool.costs.dtype == float
    some = pool.take([6, 2, 5])
    assert some.groups.tolist() == ["d", "b", "d"]
    assert some.costs.tolist() == [7, 3, 6]
    assert some.take([False, True, True]).groups.tolist() == ["b", "d"]
    pieces = [(piece.groups.tolist(), piece.costs.sum()) for _, piece in pool.chunks(3)]
    assert pieces == [(["a", "a", "b"], 6), (["c", "b", "d"], 15), (["d", "a"], 15)]
    again = pickle.loads(pickle.dumps(some))
    assert again.costs.tolist() == [7, 3, 6]
    inside = Rows(X, [1, 3], groups=GROUPS)
    assert inside.groups.tolist() == ["a", "c"]
    assert inside.costs is None
    assert Rows(X).take([1]).groups is None


def test_costs_may_be_a_number_or_a_function_of_the_whole_base():
    assert Rows(X, [0, 1], costs=3).costs.tolist() == [3, 3]
    told = []
    rows = Rows(X, [2, 3], costs=lambda X: told.append(X) or X.sum(axis=1) + 1)
    assert rows.costs.tolist() == [10, 14]
    assert rows.take([1]).costs.tolist() == [14]
    assert len(told) == 1
    assert told[0] is X
    sparse = Rows(
        sp.csr_array(X), costs=lambda X: np.asarray(X.sum(axis=1)).ravel() + 1
    )
    assert sparse.costs[2] == 10


def test_a_function_of_one_row_is_no_price():
    """Each row cost as much as there are rows: ``len`` was asked about all of them."""
    with pytest.raises(ValueError, match=r"a number for each of 8 rows, got 8\.0\. It"):
        Rows(X, costs=len)


@pytest.mark.parametrize(
    "groups",
    [
        GROUPS,
        GROUPS.tolist(),
        pd.Series(GROUPS, index=range(8, 0, -1)),
        pd.Series(GROUPS, dtype="category"),
        pd.Series(GROUPS, dtype="string"),
        [1, 1, "1", 2.5, "1", None is None, True, 1],
        [
            ("a", 1),
            ("a", 1),
            ("b", 1),
            ("c", 2),
            ("b", 1),
            ("d", 3),
            ("d", 3),
            ("a", 1),
        ],
        np.array([1, 1, 2, 3, 2, 4, 4, 1], dtype="datetime64[D]"),
    ],
    ids=range(8),
)
def test_groups_may_have_names_of_any_kind(groups):
    names = check_groups(groups, 8)
    assert names.shape == (8,)
    codes = group_codes(names)
    same = [[a == b for a in names.tolist()] for b in names.tolist()]
    assert_array_equal(codes[:, None] == codes, same)
    assert sorted({*codes.tolist()}) == [*range(codes.max() + 1)]


def test_joined_groups_of_two_kinds_stay_what_they_are():
    joined = join_groups(np.array([1, 2]), np.array(["1", "x"]))
    assert joined.tolist() == [1, 2, "1", "x"]
    assert join_groups(np.array(["a"]), np.array(["bcd"])).dtype.kind == "U"
    check_apart(joined, np.array([3]))
    check_apart(np.array(["1"]), np.array([1]))
    with pytest.raises(ValueError, match=r"got 2 that are, such as 'a', 'b'\. Hold"):
        check_apart(GROUPS, np.array(["b", "a", "z"]))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([2**60 + 1], [2.5]),
        (np.array([2**60 + 1]), np.array([1], np.uint64)),
        ([b"1"], [1]),
        (np.array(["2020-01-02"], "datetime64[D]"), ["2020-01-02"]),
        (np.array(["2020-01-02"], "datetime64[D]"), [3]),
    ],
    ids=["large numbers", "signs", "bytes", "dates and words", "dates and numbers"],
)
def test_joined_groups_are_found_again(first, second):
    """Large numbers were rounded, others written as words: their leaks went unseen."""
    first, second = check_groups(first, 1), check_groups(second, 1)
    joined = join_groups(first, second)
    assert len(np.unique(group_codes(joined))) == 2
    for part in (first, second):
        with pytest.raises(ValueError, match="got 1 that are"):
            check_apart(part, joined)


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_dates_of_two_units_are_the_same_dates(unit):
    """Those in nanoseconds were compared as numbers, and leaked."""
    days = np.array(["2020-01-02", "2020-01-03"], "datetime64[D]")
    with pytest.raises(ValueError, match="got 2 that are"):
        check_apart(
            check_groups(days, 2), check_groups(days.astype(f"datetime64[{unit}]"), 2)
        )
    close = np.array([1, 2], "datetime64[ns]")
    assert len(np.unique(group_codes(check_groups(close, 2)))) == 2


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT")])
def test_a_row_without_a_group_is_refused(missing):
    with pytest.raises(ValueError, match="got 1 missing"):
        check_groups(np.array(["a", missing], object), 2)


@pytest.mark.parametrize("name", [{1}, [1], {"a": 1}])
def test_names_that_cannot_be_hashed_are_refused(name):
    """They were taken, and failed in the first batch that counted groups."""
    with pytest.raises(TypeError, match=r"can be hashed, got .*\. Use strings"):
        check_groups([name, name], 2)


def test_costs_may_be_money():
    """Decimals, as databases hold amounts, were refused as no numbers."""
    assert Rows(X, costs=[Decimal("0.25")] * 8).costs.tolist() == [0.25] * 8
    assert Rows(X, costs=Decimal(2)).costs.tolist() == [2] * 8
    with pytest.raises(ValueError, match="above 0, got nan among 8"):
        Rows(X, costs=Decimal("NaN"))


def test_costs_that_overflow_as_they_add_up_are_refused():
    """They warned of an overflow in the middle of a run."""
    with pytest.raises(ValueError, match=r"add up to a number, got 1e\+308 among 8"):
        Rows(X, costs=[1e308, *range(1, 8)])


def test_costs_may_stand_in_a_nullable_column():
    costs = pd.Series([1, 2, 3, 4, 5, 6, 7, 8], dtype="Int64")
    assert Rows(X, costs=costs).costs.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    with pytest.raises(ValueError, match="above 0, got nan among 1 of 8 rows"):
        Rows(X, costs=costs.replace({3: None}))
