"""Classes are told apart by their exact name, and near ones are pointed out."""

import pytest

from skal.label._spellings import ClassNames, folded


def test_case_spaces_and_encodings_fold():
    assert folded(" Ca\u0301t ") == folded("cát") == folded("CÁT")
    assert folded("a  b\tc") == "a b c"
    assert folded("Straße") == folded("STRASSE")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("Cat", "Did you mean 'cat'?"),
        ("cat ", "Did you mean 'cat'?"),
        ("ca", "Did you mean 'cat'?"),
        ("dgo", "Did you mean 'dog'?"),
    ],
)
def test_a_near_miss_is_named(value, hint):
    with pytest.raises(ValueError, match="value must be one of") as error:
        ClassNames(["cat", "dog"]).check(value)
    assert hint in str(error.value)


def test_what_is_near_nothing_is_only_refused():
    with pytest.raises(ValueError, match="must be one of") as error:
        ClassNames(["cat", "dog"]).check("spaceship")
    assert "Did you mean" not in str(error.value)


def test_a_message_does_not_name_a_thousand_classes():
    with pytest.raises(ValueError, match=r"one of 'c50',.* and 980 more, got 'c50O'"):
        ClassNames([f"c{i}" for i in range(1000)]).check("c50O")


def test_without_classes_the_way_out_is_to_add_one():
    with pytest.raises(ValueError, match=r"of which there is none.*add_class\('a'\)"):
        ClassNames().check("a")


def test_numbers_are_numbers_again():
    names = ClassNames([3, -1])
    assert names.check("3") == names.check(3) == "3"
    names.add("7")
    assert names.values == [3, -1, 7]
    assert names.value_of("-1") == -1
    mixed = ClassNames([3, "b"])
    mixed.add("7")
    assert mixed.values == [3, "b", "7"]


def test_a_number_is_one_class_however_it_is_written():
    """01 beside 1 used to become another class of the same value."""
    names = ClassNames([1, 2])
    assert [names.check_new(word) for word in ("01", " 1", 1.0, "+3")] == [
        *("1", "1", "1", "3")
    ]
