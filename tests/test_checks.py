"""Parameter checks return good values, and say in one wording what is wrong."""

from fractions import Fraction

import numpy as np
import pytest

from skal._checks import (
    check_choice,
    check_fraction,
    check_int,
    check_number,
    count_of,
    nearest_first,
)
from skal._loop import check_sizes, rounds_for, size_in_round


@pytest.mark.parametrize(
    "value", [3, np.int64(3), np.uint8(3)], ids=lambda x: type(x).__name__
)
def test_integers_of_any_width_become_int(value):
    checked = check_int("n_instances", value)
    assert checked == 3
    assert type(checked) is int


@pytest.mark.parametrize("value", [True, 3.0, "3", None, [3], np.float64(4)])
def test_what_is_no_integer_is_a_type_error(value):
    with pytest.raises(TypeError, match="n_instances must be an integer, got"):
        check_int("n_instances", value)


def test_an_integer_below_its_minimum_is_named():
    assert check_int("n", -2, minimum=-2) == -2
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        check_int("n", 0)


@pytest.mark.parametrize(
    "value", [[5, 10], (5, 10), np.array([5, 10], np.uint8), range(5, 11, 5)], ids=repr
)
def test_sizes_of_rounds_come_in_any_sequence(value):
    checked = check_sizes("batch_size", value)
    assert checked == [5, 10]
    assert {type(size) for size in checked} == {int}
    assert [size_in_round(value, round) for round in (1, 2, 3, 9)] == [5, 10, 10, 10]
    assert type(size_in_round(value, 1)) is int
    assert check_sizes("batch_size", np.int64(7)) == size_in_round(np.int64(7), 3) == 7


@pytest.mark.parametrize(
    "value",
    [
        *("10", b"10", 2.5, None, True, float("nan"), {5, 10}, {5: 1}),
        *(np.array(5), np.array([[5]]), ["x"], [5, 2.5], [5, float("nan")], [True]),
    ],
    ids=repr,
)
def test_what_is_no_size_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"batch_size must be an integer.*, got"):
        check_sizes("batch_size", value)


@pytest.mark.parametrize("value", [[], (), np.array([], int), 0, [5, 0], [-1, 5]])
def test_sizes_below_one_and_no_sizes_are_value_errors(value):
    with pytest.raises(ValueError, match=r"batch_size must (be at least|hold a)"):
        check_sizes("batch_size", value)


@pytest.mark.parametrize("sizes", [1, 7, [7], (3, 1), [2, 2, 5], np.array([4, 1, 2])])
@pytest.mark.parametrize("n_labels", [0, 1, 2, 3, 4, 5, 9, 50])
def test_rounds_are_counted_as_they_are_run(sizes, n_labels):
    left, rounds = n_labels, 0
    while left > 0:
        rounds += 1
        left -= size_in_round(sizes, rounds)
    assert rounds_for(sizes, n_labels) == rounds


@pytest.mark.parametrize(
    "value", [0, 1, 0.5, np.float32(0.5), Fraction(1, 2)], ids=repr
)
def test_fractions_include_both_ends(value):
    checked = check_fraction("share", value)
    assert checked == value
    assert type(checked) is float


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_fraction_outside_its_bounds_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\], got"):
        check_fraction("share", value)


@pytest.mark.parametrize("value", [True, "0.5", None, 1j])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="share must be a number, got"):
        check_fraction("share", value)


def test_open_bounds_are_named_as_infinite():
    assert check_number("t", 1e9, minimum=0) == 1e9
    with pytest.raises(ValueError, match=r"t must be in \[0, inf\], got -1"):
        check_number("t", -1, minimum=0)
    with pytest.raises(ValueError, match=r"t must be in \[-inf, 2\], got 3"):
        check_number("t", 3, maximum=2)


def test_choices_are_listed_nearest_first():
    choices = ["random", "margin", "entropy"]
    assert check_choice("base", "margin", choices) == "margin"
    with pytest.raises(
        ValueError, match="base must be one of 'margin', 'entropy', 'random', got 'mar"
    ):
        check_choice("base", "margn", choices)


@pytest.mark.parametrize("value", [None, 3, ["margin"], {"margin": 1}])
def test_a_choice_that_is_no_word_is_a_type_error(value):
    with pytest.raises(TypeError, match="base must be one of 'margin', got"):
        check_choice("base", value, ["margin"])


def test_words_unlike_any_are_sorted():
    assert nearest_first("zzz", {"b", "a"}) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "count"),
    [(1, 1), (7, 7), (100, 100), (10**9, 100), (1.0, 100), (0.005, 1), (0.251, 26)],
)
def test_counts_are_clipped_to_the_rows_and_shares_rounded_up(value, count):
    counted = count_of("n_labels", value, 100)
    assert counted == count
    assert type(counted) is int


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_share_that_is_a_whole_number_of_rows_gives_that_number(percent):
    assert count_of("n_labels", percent / 100, 100) == percent


@pytest.mark.parametrize("value", [0.0, -0.5, 1.5, 20.0, float("nan"), float("inf")])
def test_a_share_outside_its_bounds_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"n_labels must be .* share in \(0, 1\], got"):
        count_of("n_labels", value, 100)


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (True, TypeError), ("all", TypeError)]
)
def test_a_count_that_cannot_be_is_refused(value, error):
    with pytest.raises(error, match="n_labels must be"):
        count_of("n_labels", value, 100)
