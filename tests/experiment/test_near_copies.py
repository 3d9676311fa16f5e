"""Near-copies that cross the split are found, and what is no copy is left in peace."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris, load_wine, make_blobs, make_moons

from skal.experiment._data import checked
from skal.experiment._near_copies import _mean_beyond, near_copies, share_of_copies
from skal.experiment._sources import load_data


def patients(rng, n_patients=80, n_copies=12, n_features=20, noise=0.1):
    """Return rows of patients that differ a little each."""
    rows = np.repeat(rng.randn(n_patients, n_features), n_copies, axis=0)
    return rows + noise * rng.randn(*rows.shape)


def share(X, seed=0, pool_size=None, **about):
    """Return what is said of a split of rows whose labels do not matter."""
    data = load_data((X, np.arange(X.shape[0]) % 2), **about)["data"]
    return near_copies(data, data.split(seed, 0.3, pool_size))


@pytest.mark.parametrize(
    ("shape", "noise", "least"),
    [
        ((80, 12, 20), 0.1, 0.95),
        ((80, 12, 20), 0.0, 0.95),  # equal rows
        ((300, 2, 20), 0.1, 0.5),  # one copy, which is in the test rows too at times
        ((40, 30, 10), 0.1, 0.5),
        ((80, 12, 2), 0.02, 0.1),  # in the plane chance makes gaps too
    ],
)
def test_near_copies_are_found(shape, noise, least):
    for seed in range(3):
        rng = np.random.RandomState(seed)
        assert share(patients(rng, *shape, noise), seed) >= least


def test_gaps_are_compared_with_those_beyond():
    """A slow reference: e_j = j log(d_{j+1} / d_j), averaged over j > s."""
    logs = np.cumsum(np.random.RandomState(0).exponential(size=(3, 12)), axis=1)
    e = np.arange(1, 12) * np.diff(logs)  # (3, 11)
    expected = np.transpose([e[:, s:].mean(axis=1) for s in (1, 2, 3)])
    np.testing.assert_allclose(_mean_beyond(logs, np.array([1, 2, 3])), expected)
    assert np.isinf(_mean_beyond(np.zeros((1, 5)), np.array([1]))).all()  # ties


def test_one_copy_among_strangers_counts_once(rng):
    pool, test = rng.randn(300, 5), rng.randn(4, 5)
    assert share_of_copies(pool, test) == 0
    test[2] = pool[7] + 1e-3
    assert share_of_copies(pool, test) == 0.25


def test_units_and_order_do_not_matter(rng):
    X = patients(rng)
    order, units = rng.permutation(len(X)), 10.0 ** rng.randint(-5, 5, X.shape[1])
    assert share(X[order] * units + 3) > 0.9
    assert share(X.reshape(-1, 4, 5)) > 0.9


@pytest.mark.parametrize("name", ["digits", "digits_images"])
def test_digits_are_no_copies(name):
    data = load_data(name)[name]
    assert near_copies(data, data.split(0, 0.3, None)) < 0.05


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_flowers_and_wines_are_no_copies(load):
    X, _ = load(return_X_y=True)
    assert all(share(X, seed) < 0.1 for seed in range(5))


def test_made_up_rows_are_no_copies(rng):
    made = [
        make_blobs(600, d, centers=c, cluster_std=std, random_state=0)[0]
        for d in (2, 10)
        for c in (3, 10)
        for std in (0.1, 1)
    ]
    made += [make_moons(500, random_state=0)[0], rng.standard_cauchy((600, 5))]
    assert max(share(X) for X in made) < 0.1


def test_equal_rows_of_a_few_values_are_no_copies(rng):
    """Rows of categories and one number were once taken for copies."""
    kinds = np.eye(3)[rng.randint(0, 3, (2000, 4))].reshape(2000, -1)
    tables = [
        kinds,
        rng.randint(0, 2, (1000, 5)).astype(float),
        rng.poisson(3, (1000, 4)).astype(float),
        np.c_[kinds, rng.exponential(size=2000)],
    ]
    assert max(share(X) for X in tables) < 0.1


def test_a_gap_is_a_value_as_any_other(rng):
    X = patients(rng)
    X[rng.random(X.shape) < 0.01] = np.nan
    X[:, 3] = np.inf
    assert share(X) > 0.5


def test_rows_in_sparse_matrices():
    rng = np.random.RandomState(0)
    X = patients(rng, noise=0.05)
    X[np.abs(X) < 0.3] = 0
    assert share_of_copies(sp.csr_matrix(X[::2]), sp.csr_matrix(X[1::2])) > 0.9
    assert share(sp.csr_array(X)) == share(sp.coo_array(X)) > 0.5


def test_tables_with_words_are_told_by_their_numbers(rng, tmp_path):
    pd = pytest.importorskip("pandas")
    X = patients(rng, n_features=8)
    frame = pd.DataFrame(X).assign(sex=rng.choice(["f", "m"], len(X)), target=0)
    frame["target"] = rng.randint(0, 2, len(X))
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = load_data(tmp_path / "a.csv")["a"]
    assert set(data.columns) == {"numbers", "categories"}
    assert near_copies(data, data.split(0, 0.3, None)) > 0.5


def test_frames_of_somebodys_own_are_told_by_their_numbers(rng):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(patients(rng)).assign(word="a")
    frame[3] = frame[3].round().astype("Int64").mask(frame[3] > 1)
    assert share(frame) > 0.5
    assert share(frame[["word"]]) is None


def test_where_nothing_can_be_said(rng):
    X = patients(rng)
    assert share(X, pool_size=99) is None
    assert share(X, groups=np.repeat(np.arange(80), 12)) is None
    texts = checked("t", [f"word {i}" for i in range(300)], np.arange(300) % 2)
    assert near_copies(texts, texts.split(0, 0.3, None)) is None


def test_the_work_is_bounded(monkeypatch, rng):
    sizes = []

    def seen(pool, test):
        sizes.append((pool.shape, test.shape))
        return 0.0

    monkeypatch.setattr("skal.experiment._near_copies.share_of_copies", seen)
    monkeypatch.setattr("skal.experiment._near_copies.N_NUMBERS", 10_000)
    share(rng.randn(3000, 20))
    share(rng.randn(400, 5000))
    assert sizes == [((500, 20), (200, 20)), ((100, 4096), (100, 4096))]
