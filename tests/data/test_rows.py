"""Rows select rows of any kind of X without copying it."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner, ModelView, Rows
from skal._data import (
    as_rows,
    blocks,
    chunk_size,
    concat_rows,
    n_rows,
    select_rows,
    take_rows,
)

BASE = np.arange(24.0).reshape(8, 3)


def plain(data):
    """Return rows of any type as an array."""
    if sp.issparse(data):
        return data.toarray()
    return data.to_numpy() if hasattr(data, "to_numpy") else np.asarray(data)


def torch_tensor(X):
    import torch

    return torch.tensor(X)


KINDS = {
    "array": np.asarray,
    "fortran": np.asfortranarray,
    "list": np.ndarray.tolist,
    "csr": sp.csr_matrix,
    "csr_array": sp.csr_array,
    "csc": sp.csc_matrix,
    "coo": sp.coo_array,
    "pandas": lambda X: pd.DataFrame(X, columns=list("abc"), index=range(90, 98)),
    "polars": lambda X: pl.DataFrame(X, schema=list("abc")),
    "tensor": torch_tensor,
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    if request.param == "tensor":  # the first import of torch seeds it
        pytest.importorskip("torch")
    return KINDS[request.param]


@pytest.fixture
def X(kind):
    return kind(BASE)


def test_rows_of_every_kind_are_taken_by_position(X):
    rows = Rows(X, [6, 0, 3])
    assert len(rows) == 3
    np.testing.assert_array_equal(plain(rows.data()), BASE[[6, 0, 3]])


def test_a_slice_of_a_slice_refers_to_the_same_base(X):
    parent = Rows(X, [6, 0, 3])
    rows = parent.take([2, 0])
    assert rows.X is parent.X
    np.testing.assert_array_equal(plain(rows.data()), BASE[[3, 6]])
    np.testing.assert_array_equal(rows.positions(), [3, 6])


def test_all_rows_are_the_base_itself(X):
    rows = Rows(X)
    assert rows.indices is None
    assert len(rows) == n_rows(X) == 8
    assert rows.data() is rows.X


def test_rows_keep_the_type_of_the_base(X):
    rows = Rows(X)
    assert type(rows.take([1, 2]).data()) is type(rows.X)


def test_no_row_and_one_row_can_be_selected(X):
    assert n_rows(Rows(X).take([]).data()) == 0
    assert n_rows(Rows(X).take([5]).data()) == 1


def test_chunks_put_together_are_the_whole(X):
    rows = Rows(X, [7, 1, 1, 0, 4])
    seen = np.full((5, 3), np.nan)
    for where, chunk in rows.chunks(2):
        assert len(chunk) <= 2
        seen[where] = plain(chunk.data())
    np.testing.assert_array_equal(seen, BASE[[7, 1, 1, 0, 4]])


def test_chunks_of_a_big_array_hold_a_few_mib():
    X = np.zeros((100_000, 64))
    sizes = [len(chunk) for _, chunk in Rows(X).chunks()]
    assert sum(sizes) == 100_000
    assert max(sizes) * 64 * 8 <= 2**22


@pytest.mark.parametrize(
    "positions",
    [
        np.arange(5000),
        np.arange(0, 5000, 2),
        np.arange(1000, 1100),
        np.r_[0:1020, 3000:4999],
        np.array([4999]),
    ],
    ids=["all", "half", "inside one block", "most of some blocks", "the last"],
)
@pytest.mark.parametrize("kind", ["array", "csr", "pandas", "polars", "list"])
def test_blocks_give_each_wanted_row_once(kind, positions):
    base = np.arange(10_000.0).reshape(5000, 2)
    X = {
        "array": base,
        "csr": sp.csr_array(base),
        "pandas": pd.DataFrame(base),
        "polars": pl.DataFrame(base),
        "list": base.tolist(),
    }[kind]
    seen = np.full((len(positions), 2), np.nan)
    for data, keep, where in blocks(X, positions):
        seen[where] = plain(data)[keep]
    np.testing.assert_array_equal(seen, base[positions])


def test_a_block_that_is_wanted_whole_is_a_view_of_the_base():
    X = np.zeros((5000, 4))
    assert all(data.base is X for data, _, _ in blocks(X, np.arange(5000)))


def test_sparse_rows_without_a_value_have_a_chunk_size():
    assert chunk_size(sp.csr_array((10, 3))) > 0
    assert chunk_size(np.zeros((0, 3))) > 0
    assert chunk_size(np.zeros((5, 0))) > 0


def test_shape_is_that_of_the_selection():
    assert Rows(np.zeros((9, 2, 4, 4)), [1, 2]).shape == (2, 2, 4, 4)
    assert Rows(["a", "b", "c"], [0]).shape == (1,)
    assert Rows(sp.csr_array((5, 7)), [0, 1]).shape == (2, 7)


def test_rows_read_as_an_array():
    rows = Rows(BASE, [2, 0])
    np.testing.assert_array_equal(np.asarray(rows), BASE[[2, 0]])
    assert np.asarray(rows, dtype=np.float32).dtype == np.float32


def test_sparse_rows_read_as_an_array_are_their_values():
    """numpy wraps a sparse matrix into an array of one object."""
    np.testing.assert_array_equal(
        np.asarray(Rows(sp.csr_array(BASE), [2, 0])), BASE[[2, 0]]
    )


def test_writing_into_an_array_of_rows_leaves_the_base_alone():
    base = BASE.copy()
    copied = np.array(Rows(base))
    copied[:] = 0
    np.testing.assert_array_equal(base, BASE)


def test_as_rows_returns_rows_as_they_are():
    rows = Rows(BASE)
    assert as_rows(rows) is rows
    assert as_rows(BASE).X is BASE


def test_a_mask_selects_the_rows_where_it_is_true():
    """Read as positions, a mask gives rows 0 and 1 again and again."""
    mask = np.array([False, True, False, True, False, False, False, True])
    np.testing.assert_array_equal(Rows(BASE).take(mask).data(), BASE[mask])
    np.testing.assert_array_equal(Rows(BASE, mask).data(), BASE[mask])


def test_negative_positions_count_from_the_end_in_the_model_too(blobs):
    X, y = blobs
    model = LogisticRegression().fit(X, y)
    rows = Rows(X).take([3, -1])
    np.testing.assert_array_equal(rows.data(), X[[3, -1]])
    np.testing.assert_allclose(
        ModelView(model).predict_proba(rows), model.predict_proba(X[[3, -1]])
    )


@pytest.mark.parametrize("positions", [[8], [-9]])
def test_a_position_outside_the_base_is_an_error(positions):
    with pytest.raises(IndexError):
        Rows(BASE).take(positions).data()


def test_positions_that_are_no_whole_numbers_are_an_error():
    """Cut to integers, [0.2, 1.7] would read rows 0 and 1."""
    with pytest.raises((TypeError, ValueError, IndexError)):
        Rows(BASE).take([0.2, 1.7]).data()


def test_taking_rows_of_a_pool_copies_nothing():
    X = np.zeros((50_000, 20))
    tracemalloc.start()
    Rows(X).take(np.arange(40_000)).take(np.arange(30_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * X.nbytes


def test_a_memmap_is_read_only_where_it_is_asked(tmp_path):
    X = np.memmap(tmp_path / "pool", dtype=np.float32, mode="w+", shape=(2000, 3))
    X[:] = np.arange(2000)[:, None]
    rows = Rows(X).take([1500, 3])
    assert isinstance(rows.X, np.memmap)
    np.testing.assert_array_equal(rows.data(), [[1500] * 3, [3] * 3])


def test_repr_counts_the_rows():
    assert repr(Rows(BASE, [0, 1])) == "Rows(2 of 8 rows, ndarray)"


def test_rows_of_the_same_kind_are_joined(kind):
    X = kind(BASE)
    if sp.issparse(X):
        X = X.tocsr()
    joined = concat_rows(take_rows(X, [0, 1]), take_rows(X, [5]))
    assert type(joined) is type(X)
    np.testing.assert_array_equal(plain(joined), BASE[[0, 1, 5]])


def test_rows_join_in_the_type_of_those_before():
    joined = concat_rows(BASE[:2], BASE[2:4].tolist())
    np.testing.assert_array_equal(joined, BASE[:4])
    assert concat_rows(["a"], np.array(["b"])) == ["a", "b"]


@pytest.mark.parametrize("mask", [[True, False] * 4, np.arange(8) % 2 == 0])
def test_candidates_may_be_a_mask(mask):
    np.testing.assert_array_equal(select_rows(BASE, mask).indices, [0, 2, 4, 6])


def test_candidates_may_be_none_or_nobody():
    assert select_rows(BASE, None).indices is None
    assert len(select_rows(BASE, [])) == 0
    assert len(select_rows(BASE, np.zeros(8, bool))) == 0


def test_the_order_of_candidates_does_not_matter():
    np.testing.assert_array_equal(select_rows(BASE, [5, 2]).indices, [2, 5])


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([1, 1, 2], "candidates must be different rows, got 1"),
        ([0, 8], r"candidates must be positions in \[0, 7\], got 0 to 8"),
        ([-1, 3], r"candidates must be positions in \[0, 7\], got -1 to 3"),
        ([0.5], "candidates must be positions in X_pool or a mask of 8"),
        ([True, False], "candidates must be positions in X_pool or a mask of 8"),
        ([[0, 1]], "candidates must be positions in X_pool or a mask of 8"),
        ("all", "candidates must be positions in X_pool or a mask of 8"),
    ],
)
def test_candidates_that_cannot_be_are_named(candidates, message):
    with pytest.raises(ValueError, match=message):
        select_rows(BASE, candidates)


def test_a_query_answers_in_the_type_of_the_pool(X):
    indices, rows = ActiveLearner(random_state=0).query(X, 3)
    assert n_rows(rows) == 3
    np.testing.assert_array_equal(plain(rows), BASE[indices])
