"""Labels follow the content: files and rows may move, come, go and be copied."""

import random
from pathlib import PurePosixPath

import pytest

from skal.label import StoredItem
from skal.label._digests import digest_of_array, digest_of_fields, digest_of_text
from skal.label._items import match


def stored(*rows):
    """Return items 1, 2, ...: (id, digest), or (id, digest, False) for one gone."""
    return [
        StoredItem(i, id, digest, not gone)
        for i, (id, digest, *gone) in enumerate(rows, 1)
    ]


def test_nothing_changed():
    known = stored(("a", "1"), ("b", "2"))
    assert match(known, [("a", "1"), ("b", "2")]) == ([1, 2], [], [])


def test_a_file_that_moved_is_the_same():
    known = stored(("a.png", "1"), ("b.png", "2"))
    now = [("b.png", "2"), ("new/a.png", "1")]
    assert match(known, now) == ([2, 1], [1], [])


def test_two_files_that_were_swapped():
    known = stored(("a", "1"), ("b", "2"))
    assert match(known, [("a", "2"), ("b", "1")]) == ([2, 1], [1, 2], [])


def test_a_copy_is_new_and_the_original_stays():
    known = stored(("z.png", "1"))
    assert match(known, [("a.png", "1"), ("z.png", "1")]) == ([None, 1], [], [])


def test_of_two_copies_that_moved_each_keeps_its_file_name():
    known = stored(("x/a.png", "1"), ("x/b.png", "1"))
    now = [("y/b.png", "1"), ("y/a.png", "1")]
    assert match(known, now).items == [2, 1]


def test_a_file_that_was_deleted_is_gone():
    known = stored(("a", "1"), ("b", "2"), ("c", "3", "gone"))
    assert match(known, [("b", "2")]) == ([2], [], [1])


def test_a_file_that_comes_back_is_known_again():
    known = stored(("a", "1", "gone"))
    assert match(known, [("b", "1")]) == ([1], [1], [])


def test_of_a_file_that_is_there_and_one_that_was_the_first_is_taken():
    known = stored(("a", "1", "gone"), ("b", "1"))
    assert match(known, [("c", "1")]).items == [2]


def test_other_content_under_the_same_name_is_another_item():
    known = stored(("a", "1"))
    assert match(known, [("a", "2")]) == ([None], [], [1])


def test_content_that_moved_while_its_place_was_taken():
    known = stored(("a", "1"))
    assert match(known, [("a", "2"), ("b", "1")]) == ([None, 1], [1], [])


def test_rows_with_ids_of_their_own_may_change_their_content():
    known = stored(("17", "1"), ("18", "2"))
    assert match(known, [("17", "9"), ("18", "2")], by="id") == ([1, 2], [], [])


def test_a_row_put_in_front_moves_all_others():
    known = stored(("0", "a"), ("1", "b"), ("2", "a"))
    now = [("0", "new"), ("1", "a"), ("2", "b"), ("3", "a")]
    assert match(known, now).items == [None, 1, 2, 3]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_to_a_folder_each_content_keeps_its_item(seed):
    """Against a plain account: a dict from content to the item that has it."""
    draw = random.Random(seed)
    folder = {f"{i}.png": f"content {i}" for i in range(8)}
    known, item_of, last = [], {}, 0
    for _ in range(30):
        now = sorted(folder.items())
        found = match(known, now)
        before = {one.item: one for one in known}
        for item, (id, content) in zip(found.items, now, strict=True):
            if item is None:
                last += 1
                assert content not in item_of, "known content was taken for new"
                item = item_of[content] = last
            assert item_of[content] == item
            before[item] = StoredItem(item, id, content, True)
        there = {before[item].item for item in before if before[item].id in folder}
        present = {item_of[content] for content in folder.values()}
        assert present <= there
        assert not present & set(found.gone)
        known = [
            StoredItem(one.item, one.id, one.digest, one.item in present)
            for one in before.values()
        ]
        change(folder, draw)


def change(folder, draw):
    """Move, swap, delete or add files; no two hold the same."""
    names = sorted(folder)
    what = draw.choice(["move", "swap", "delete", "add", "back"])
    if what == "move" and names:
        name = draw.choice(names)
        folder[f"{draw.randrange(5)}/{PurePosixPath(name).name}"] = folder.pop(name)
    elif what == "swap" and len(names) > 1:
        a, b = draw.sample(names, 2)
        folder[a], folder[b] = folder[b], folder[a]
    elif what == "delete" and names:
        del folder[draw.choice(names)]
    elif what == "add":
        folder[f"n{draw.random()}.png"] = f"content {draw.random()}"
    elif f"content {(i := draw.randrange(8))}" not in folder.values():
        folder[f"back {i}.png"] = f"content {i}"


# Digests ------------------------------------------------------------------------


def test_a_text_is_the_same_however_it_is_written():
    one = digest_of_text("caf\u00e9  \r\nbar\n")
    assert one == digest_of_text("cafe\u0301\nbar")
    assert one.startswith("sha256:")
    assert len(one) == 71
    assert one != digest_of_text("cafe\nbar")


def test_a_row_is_the_same_in_any_order_of_columns_and_kind_of_number():
    import numpy as np

    one = digest_of_fields({"a": 1, "b": "x", "c": None})
    same = {"c": float("nan"), "b": "x", "a": np.float64(1.0)}
    assert one == digest_of_fields(same)
    assert one != digest_of_fields({"a": "1", "b": "x", "c": None})


def test_rows_of_arrays_differ_by_value_shape_and_type():
    import numpy as np
    import scipy.sparse as sp

    rows = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, np.float32), np.eye(1, 4)[0]]
    sparse = sp.csr_matrix([[0, 1.0, 0], [0, 0, 1.0]])
    found = [*map(digest_of_array, rows), *map(digest_of_array, sparse)]
    assert len(set(found)) == 6


def test_a_text_of_half_a_character_has_a_digest():
    assert digest_of_text("\ud800").startswith("sha256:")
