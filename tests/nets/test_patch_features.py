"""PatchFeatures: kinds of patches found on the pool, and where in an image they are."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.utils.data import TensorDataset

from skal.datasets import embed_to, fetch_cifar10, fetch_mnist
from skal.nets import PatchFeatures
from skal.nets import _patch_features as of_patches
from skal.nets._inputs import read
from skal.nets._patches import in_parts, one_contrast, zca
from skal.query.functional import typiclust


def few(n_clusters=6, **params):
    """Return a transformer that is fitted in a moment."""
    params = {"patch_size": 3, "n_patches": 500, "random_state": 0, **params}
    return PatchFeatures(n_clusters, **params)


@pytest.fixture(scope="module")
def photographs():
    """Return 30 images of 3 channels, 9 by 11, of numbers."""
    noise = np.random.RandomState(0).rand(30, 3, 10, 12)
    return noise[:, :, 1:, 1:] + noise[:, :, :-1, :-1]


@pytest.fixture(scope="module")
def digits():
    """Return images of digits, and which they are."""
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8), y


# What it computes ---------------------------------------------------------------


def test_patches_come_to_one_contrast_but_flat_ones():
    patches = torch.tensor([[1.0, 5, 3, 3], [7, 7, 7, 7]])  # variance 2 and 0
    found = one_contrast(patches, flat=2.0, dim=1)
    np.testing.assert_allclose(found, [[-1, 1, 0, 0], [0, 0, 0, 0]])
    assert not one_contrast(torch.ones(1, 4), flat=0.0, dim=1).any()


def test_whitened_patches_have_no_covariance_left():
    rng = np.random.RandomState(0)
    rows = (rng.randn(300, 4) @ rng.randn(4, 4) + 3).astype(np.float32)
    mean, whitening = zca(rows, whiten=1e-9)
    white = (rows - mean) @ whitening
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(white.T), np.eye(4), atol=1e-3)
    np.testing.assert_array_equal(whitening, whitening.T)
    # By hand: variances 4 and 1, apart from what is added.
    rows = np.array([[2.0, 1], [-2, 1], [2, -1], [-2, -1]]) * np.sqrt(3 / 4)
    by_hand = np.diag([1 / 3, 1 / np.sqrt(6)])
    np.testing.assert_allclose(zca(rows, 5.0)[1], by_hand, atol=1e-6)


def test_parts_share_out_the_places():
    assert in_parts([2, 2], 2).tolist() == np.eye(4).tolist()
    where = in_parts([5, 7], 2).reshape(5, 7, 4)
    assert where[:3, :4, 0].all()
    assert where[:3, 4:, 1].all()
    assert where[3:, :4, 2].all()
    assert where[3:, 4:, 3].all()
    assert where.sum() == 35


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_features_are_those_of_the_formula(photographs, pool):
    kinds = few(pool=pool).fit(photographs)
    expected = np.zeros((6, pool, pool))
    X = photographs[4]
    for i in range(7):
        for j in range(9):
            x = X[:, i : i + 3, j : j + 3].ravel()
            x = (x - x.mean()) / np.sqrt(x.var() + kinds.flat_variance_)
            x = kinds.whitening_ @ (x - kinds.patch_mean_)
            distances = np.linalg.norm(x - kinds.cluster_centers_, axis=1)
            near = np.maximum(0, distances.mean() - distances)
            expected[:, i * pool // 7, j * pool // 9] += near
    found = kinds.transform(photographs[4:5])
    np.testing.assert_allclose(found[0], expected.ravel(), rtol=1e-3, atol=1e-3)
    assert found.dtype == np.float32


def test_kinds_are_the_strokes_of_the_pool():
    """Two kinds of patches: centres are these, and images are told apart by them."""
    upright = np.tile([0.0, 1.0], (4, 2))
    X = np.stack([upright, upright.T] * 10)
    kinds = PatchFeatures(2, patch_size=4, pool=1, n_patches=100, random_state=0)
    E = kinds.fit_transform(X)
    assert sorted(E[:2].argmax(axis=1)) == [0, 1]
    np.testing.assert_array_equal(E, np.tile(E[:2], (10, 1)))
    np.testing.assert_allclose(E.min(axis=1), 0)


# Laws ---------------------------------------------------------------------------


def test_an_image_has_the_same_features_alone_and_in_any_order(
    photographs, monkeypatch
):
    kinds = few(n_clusters=40).fit(photographs)
    whole = kinds.transform(photographs)
    order = np.random.RandomState(1).permutation(30)
    np.testing.assert_array_equal(kinds.transform(photographs[order]), whole[order])
    for at_once in (1, 7 * 63 * 40):  # one image at a time; seven
        monkeypatch.setattr(of_patches, "_AT_ONCE", at_once)
        np.testing.assert_array_equal(kinds.transform(photographs), whole)


def test_scale_and_brightness_of_the_pool_make_no_difference(photographs):
    pairs = [few().fit_transform(X) for X in (photographs, 100 * photographs + 30)]
    np.testing.assert_allclose(*pairs, rtol=0.01, atol=0.01)


def test_the_same_seed_gives_the_same_features(photographs):
    first, again = (few().fit_transform(photographs) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = few(random_state=1).fit_transform(photographs)
    assert np.abs(other - first).max() > 0.1
    before = torch.get_rng_state().tolist()
    few(random_state=None).fit(photographs)
    assert before == torch.get_rng_state().tolist()


def test_every_image_gives_patches_where_there_are_enough(photographs):
    X = photographs.copy()
    X[17] = np.nan
    with pytest.raises(ValueError, match="X must hold finite numbers for PatchFeature"):
        few().fit(X)
    few(n_patches=10).fit(photographs)  # fewer than images


def test_neither_patches_nor_distances_of_a_pool_are_held():
    X = np.random.RandomState(0).rand(1500, 20, 20).astype(np.float32)
    kinds = few(16, pool=1).fit(X[:300])
    tracemalloc.start()
    kinds.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6  # a pool's distances are 31 MB


# Images of all kinds ------------------------------------------------------------


def test_pixels_are_scaled_and_grey_images_need_no_channel(digits):
    X = (digits[0][:50] * 15).astype(np.uint8)
    kinds = few().fit(X)
    E = kinds.transform(X)
    np.testing.assert_array_equal(kinds.transform(X[:, None]), E)
    np.testing.assert_array_equal(kinds.transform(X.reshape(50, 64)), E)
    np.testing.assert_array_equal(kinds.transform(torch.from_numpy(X)), E)
    of_floats = few().fit_transform(X.astype(np.float32) / 255)
    np.testing.assert_allclose(of_floats, E, rtol=1e-5, atol=1e-5)


def test_a_data_set_is_read(photographs):
    X = photographs.astype(np.float32)
    data = TensorDataset(torch.from_numpy(X))
    np.testing.assert_array_equal(few().fit_transform(data), few().fit_transform(X))


def test_flat_rows_need_a_shape_unless_they_are_squares(photographs):
    flat = photographs.reshape(30, -1)
    with pytest.raises(ValueError, match="input_shape must be given for flat rows"):
        few().fit(flat)
    E = few(input_shape=(3, 9, 11)).fit_transform(flat)
    np.testing.assert_array_equal(E, few().fit_transform(photographs))
    frame = pd.DataFrame(flat[:, :81]).add_prefix("pixel")
    kinds = few().fit(frame)
    assert kinds.n_features_in_ == 81
    assert kinds.feature_names_in_[0] == "pixel0"


# An estimator -------------------------------------------------------------------


class OfColumns(PatchFeatures):
    """Takes rows as images of one pixel and many channels: any table will do."""

    def _read(self, X, layout):
        return read(self, X, lambda shape: (*shape, 1, 1), layout)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


@parametrize_with_checks([OfColumns(3, patch_size=1, pool=1, n_patches=90)])
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_is_cloned_pickled_and_named_as_fitted(photographs):
    kinds = few()
    with pytest.raises(NotFittedError):
        kinds.transform(photographs)
    params = kinds.get_params()
    kinds.fit(photographs)
    assert kinds.get_params() == params == clone(kinds).get_params()
    E = kinds.transform(photographs)
    again = pickle.loads(pickle.dumps(kinds))
    np.testing.assert_array_equal(again.transform(photographs), E)
    kinds.set_params(patch_size=2, pool=3, n_clusters=9)  # are for the next fit
    np.testing.assert_array_equal(kinds.transform(photographs), E)
    names = kinds.get_feature_names_out()
    assert list(names[[0, -1]]) == ["patchfeatures0", "patchfeatures23"]
    assert len(names) == E.shape[1]


def test_the_features_of_a_pool_are_written_to_a_file(photographs, tmp_path):
    kinds = few().fit(photographs)
    E = embed_to(tmp_path / "pool.npy", photographs, kinds, verbose=0)
    np.testing.assert_array_equal(E, kinds.transform(photographs))


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1, got 0"),
        ({"patch_size": 2.5}, TypeError, "patch_size must be an integer, got 2.5"),
        ({"patch_size": 10}, ValueError, "patch_size must be at most 9, the smaller"),
        ({"pool": 8}, ValueError, "pool must be at most 7, the places of a patch"),
        ({"whiten": 0}, ValueError, "whiten must be above 0, got 0"),
        ({"n_patches": 5}, ValueError, "n_patches must be at least n_clusters=6, got"),
        ({"device": "abacus"}, ValueError, "device must be 'auto', 'cpu'"),
        ({"input_shape": (3, 9)}, ValueError, "input_shape must have as many values"),
    ],
)
def test_parameters_that_are_none_are_refused(photographs, params, error, words):
    with pytest.raises(error, match=words):
        few(**params).fit(photographs)


def test_rows_that_are_no_such_images_are_refused(photographs):
    with pytest.raises(ValueError, match="whose channels stand last"):
        few().fit(photographs.transpose(0, 2, 3, 1))
    kinds = few().fit(photographs)
    with pytest.raises(ValueError, match=r"X must hold rows of shape \(3, 9, 11\)"):
        kinds.transform(photographs[:, :, :8])
    with pytest.raises(ValueError, match="X must hold numbers that are not uint8"):
        kinds.transform(photographs.astype(np.uint8))
    with pytest.raises(ValueError, match="got infinity"):
        kinds.transform(np.where(photographs > 1.9, np.inf, photographs))


# What it is for -----------------------------------------------------------------


def after_twenty_labels(E, y, n_pool, n_components=50):
    """Return the mean accuracy with 20 labels, asked for and used in one space."""
    prepare = make_pipeline(
        StandardScaler(), PCA(n_components, random_state=0), Normalizer()
    )
    pool = prepare.fit_transform(E[:n_pool])
    rest, scores = prepare.transform(E[n_pool:]), []
    for seed in range(4):
        asked = typiclust(pool, 20, random_state=seed)
        head = LogisticRegression(C=10).fit(pool[asked], y[asked])
        scores.append(head.score(rest, y[n_pool:]))
    return np.mean(scores)


def flat(X):
    """Return images as rows of pixels."""
    return X.reshape(len(X), -1) / 1.0


def test_twenty_labels_are_worth_more_than_on_pixels(digits):
    X, y = digits
    kinds = PatchFeatures(48, patch_size=4, n_patches=10_000, random_state=0).fit(X)
    E, pixels = kinds.transform(X), flat(X)
    of_kinds, of_pixels = (after_twenty_labels(F, y, 1000) for F in (E, pixels))
    assert of_kinds > of_pixels + 0.02, (of_kinds, of_pixels)


@pytest.mark.long
@pytest.mark.slow_data
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fetch", [fetch_mnist, fetch_cifar10])
def test_real_images_need_fewer_labels(fetch, data_folder):
    X, y = fetch(data_dir=data_folder, subset="train", return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(X))[:4000]
    X, y = X[rows], y[rows]
    E, pixels = PatchFeatures(64, random_state=0).fit_transform(X), flat(X)
    of_kinds, of_pixels = (after_twenty_labels(F, y, 2500) for F in (E, pixels))
    assert of_kinds > of_pixels + 0.02, (of_kinds, of_pixels)
