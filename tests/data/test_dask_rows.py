"""Rows on dask are taken by position, and cut on the grid of a pool in memory."""

import numpy as np
import pytest
import scipy.sparse as sp

from skal import Rows
from skal._data import (
    DaskRows,
    Stretch,
    blocks,
    check_pool,
    chunk_size,
    computed,
    is_dask,
    is_far,
    near,
    take_grown,
    take_rows,
)
from skal._data.dask_rows import Span, cut_from

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")


pytestmark = pytest.mark.usefixtures("dask_here")


def table(n=50):
    return np.arange(3.0 * n).reshape(n, 3)


def frame(n=50):
    return pd.DataFrame({"a": np.arange(n), "chunks": [f"w{i}" for i in range(n)]})


@pytest.mark.parametrize("chunks", [50, 7, (0, 3, 0, 40, 7, 0)])
@pytest.mark.parametrize("order", [[4, 49, 4, 0], [], [-0], range(50)])
def test_positions_in_any_order_and_more_than_once(chunks, order):
    X = table()
    got = take_rows(
        DaskRows(da.from_array(X, chunks=(chunks, 2))), np.array(order, int)
    )
    np.testing.assert_array_equal(got, X[list(order)])
    assert got.dtype == X.dtype


@pytest.mark.parametrize(
    "part", [slice(None), slice(5, 23), slice(9, 9), slice(0, 50, 7)]
)
def test_slices(part):
    X = table()
    pool = DaskRows(da.from_array(X, chunks=((0, 6, 0, 30, 14), 3)))
    np.testing.assert_array_equal(pool[part], X[part])


def test_frames_and_columns_of_unknown_length():
    known = frame()
    X = dd.from_pandas(known, npartitions=4)
    for there, here in ((X, known), (X["chunks"], known["chunks"])):
        pool = check_pool(there)
        assert pool.shape == here.shape
        pd_testing = pd.testing.assert_frame_equal
        if here.ndim == 1:
            pd_testing = pd.testing.assert_series_equal
        pd_testing(take_rows(pool, [30, 2]), here.iloc[[30, 2]], check_dtype=False)
        assert len(take_rows(pool, [])) == 0


def test_blocks_are_counted_once_in_a_process():
    seen = []
    X = dd.from_pandas(frame(), npartitions=4)
    X = X.map_partitions(counted, seen, meta=X._meta)
    for _ in range(3):
        assert len(DaskRows(X)) == 50
    assert len(seen) == 4


def test_an_array_of_unknown_length():
    X = table()
    there = da.from_array(X, chunks=(8, 3))
    there = there[there[:, 0] > 30]
    pool = DaskRows(there)
    assert pool.shape == (39, 3)
    np.testing.assert_array_equal(pool[np.array([38, 0])], X[[49, 11]])


def test_sparse_blocks_come_as_csr():
    X = sp.random_array((40, 6), density=0.3, format="csr", random_state=0)
    there = da.from_array(X.toarray(), chunks=(9, 6)).map_blocks(sp.csc_array)
    pool = DaskRows(there)
    for order in ([39, 3, 3], []):
        got = pool.take_rows(np.array(order, int))
        assert got.format == "csr"
        np.testing.assert_array_equal(got.toarray(), X.toarray()[order])


def test_images_keep_their_shape():
    X = np.arange(20 * 4 * 4).reshape(20, 4, 4)
    pool = DaskRows(da.from_array(X, chunks=(6, 2, 4)))
    assert Rows(pool).shape == (20, 4, 4)
    np.testing.assert_array_equal(pool[np.array([19, 1])], X[[19, 1]])


def counted(block, seen):
    seen.append(len(block))
    return block


def test_a_block_is_read_once_for_the_slices_within():
    seen = []
    X = da.from_array(table(), chunks=(25, 3))
    X = X.map_blocks(counted, seen, meta=np.empty((0, 3)))
    pool = DaskRows(X)
    for start in range(0, 50, 5):
        pool[start : start + 5]
    assert seen == [25, 25]


def test_rows_that_were_taken_are_not_fetched_again():
    seen = []
    X = da.from_array(table(), chunks=(10, 3))
    pool = DaskRows(X.map_blocks(counted, seen, meta=np.empty((0, 3))))
    take_grown(pool, np.array([3, 47]))
    assert len(seen) == 2
    got = take_grown(pool, np.array([3, 47, 48]))
    assert len(seen) == 3
    np.testing.assert_array_equal(got, table()[[3, 47, 48]])
    np.testing.assert_array_equal(take_grown(pool, np.array([47, 3])), table()[[47, 3]])


@pytest.mark.parametrize("chunks", [5000, 100, (1, 0, 3000, 1999), (2500, 2500)])
@pytest.mark.parametrize("share", [None, 0.5, 0.97])
def test_stretches_hand_out_what_a_pool_in_memory_hands_out(chunks, share, rng):
    X = rng.uniform(size=(5000, 2))
    positions = (
        None if share is None else np.flatnonzero(rng.uniform(size=5000) < share)
    )
    there = DaskRows(da.from_array(X, chunks=(chunks, 2)))
    assert chunk_size(there) == chunk_size(X) == 1024
    expected = [data[...] for data, _, _ in blocks(X, positions)]
    got, places = [], []
    for parts, span, where in there.stretches(positions):
        stretch = span.stretch(dask.compute(*parts))
        got += [data for data, _, _ in blocks(stretch, span.positions())]
        places.append(where)
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))
    ends = [(where.start, where.stop) for where in places]
    assert [a for a, _ in ends] == [0, *(b for _, b in ends[:-1])]


@pytest.mark.parametrize("positions", [None, [], [3], [0, 1, 2, 4], range(5)])
def test_the_shorter_list_travels(positions):
    rows = None if positions is None else np.array(positions, int)
    span = Span.of(4, 100, 5, rows)
    assert len(span.listed) <= 2
    expected = range(5) if positions is None else positions
    assert span.positions().tolist() == [*expected]


def test_stretches_without_candidates_are_not_read():
    X = da.from_array(table(9000), chunks=(3000, 3))
    asked = [*DaskRows(X).stretches(np.array([5, 8000]))]
    assert [where for *_, where in asked] == [slice(0, 1), slice(1, 2)]


def test_rows_near_and_far():
    X = table()
    far = Rows(DaskRows(da.from_array(X, chunks=(9, 3)))).take([40, 2])
    assert is_far(far)
    assert not is_far(near(far))
    np.testing.assert_array_equal(near(far).data(), X[[40, 2]])
    here = Rows(X)
    assert near(here) is here


def test_what_is_on_dask():
    bag = pytest.importorskip("dask.bag")
    assert is_dask(da.zeros(3))
    assert not is_dask(da.zeros(3).sum())
    assert not is_dask(table())
    with pytest.raises(TypeError, match="X must be rows that can be asked for"):
        check_pool(bag.from_sequence([1, 2]))
    np.testing.assert_array_equal(computed(da.zeros(3)), np.zeros(3))
    assert computed([1, 2]) == [1, 2]


def test_several_inputs_must_be_in_memory():
    with pytest.raises(TypeError, match="parts in memory, got part 'b' on dask"):
        check_pool({"a": table(), "b": da.zeros((50, 2))})


def test_a_stretch_counts_from_where_it_begins():
    stretch = Stretch([table(7), table(3)], 4, 100)
    assert chunk_size(stretch) == 4
    assert Rows(stretch).shape == (10, 3)


def test_a_stretch_copies_no_more_than_its_seams():
    parts = [table()[:7], table()[7:9], table()[9:]]
    stretch = Stretch(parts, 4, 0)
    for part in (slice(0, 4), slice(4, 8), slice(6, 12), slice(0, 50), slice(5, 5)):
        np.testing.assert_array_equal(stretch.take_rows(part), table()[part])
    assert np.shares_memory(stretch.take_rows(slice(10, 30)), parts[2])
    rows = np.array([0, 6, 7, 8, 9, 49])
    np.testing.assert_array_equal(stretch.take_rows(rows), table()[rows])
    assert stretch.take_rows(rows[:0]).shape == (0, 3)


def test_few_rows_cut_from_a_block_do_not_keep_it():
    block = table()
    assert not np.shares_memory(cut_from(block, 40, 50), block)
    assert np.shares_memory(cut_from(block, 10, 50), block)
    np.testing.assert_array_equal(cut_from(block, 40, 50), block[40:])
    part = cut_from(frame(), 40, 50)
    assert part["a"].tolist() == [*range(40, 50)]
