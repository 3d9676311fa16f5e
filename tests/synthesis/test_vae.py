"""VAE: codes of rows and the way back, learnt without labels."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal.nets import CNNClassifier, FrozenBackbone
from skal.synthesis import VAE

# After a few steps no code tells anything yet.
pytestmark = pytest.mark.filterwarnings("ignore:No number of the code")

WIDTH = 8


@pytest.fixture(scope="module")
def digits():
    """Return rows to fit on and rows that no fit sees."""
    X = load_digits().data.astype(np.float32) / 16
    return train_test_split(X, random_state=0)


@pytest.fixture(scope="module")
def fitted(digits):
    return VAE(WIDTH, max_steps=400, random_state=0).fit(digits[0])


def small(**params):
    params = {"n_components": 3, "hidden": 16, "channels": (4, 8), **params}
    return VAE(**{"max_steps": 5, "random_state": 0, **params})


def error(model, X):
    """Return the mean squared error of rows and back."""
    return float(((model.inverse_transform(model.transform(X)) - X) ** 2).mean())


#: Every check of scikit-learn that is expected to fail, with its reason.
EXPECTED_FAILURES = {
    "check_do_not_raise_errors_in_init_or_set_params": (
        "passes a keyword named like **params, which is no parameter: it is refused at "
        "once, as Python refuses unknown keywords"
    ),
}


@parametrize_with_checks(
    [VAE(2, hidden=8, max_steps=5)],
    expected_failed_checks=lambda vae: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_rows_that_it_never_saw_come_back_better_than_from_pca(digits, fitted):
    X, unseen = digits
    assert error(fitted, unseen) < 0.85 * error(PCA(WIDTH).fit(X), unseen)


def test_codes_come_back_from_the_rows_that_they_stand_for(digits, fitted):
    codes = fitted.transform(digits[1])
    again = fitted.transform(fitted.inverse_transform(codes))
    gap = np.sqrt(((again - codes) ** 2).mean())
    assert gap < 0.35 * codes.std()


def test_transform_is_the_same_whenever_it_is_asked(digits, fitted):
    X = digits[1]
    codes = fitted.transform(X)
    np.testing.assert_array_equal(fitted.transform(X), codes)
    np.testing.assert_allclose(fitted.transform(X[:3]), codes[:3], atol=1e-5)
    np.testing.assert_array_equal(fitted.embed(X), codes)


def test_labels_are_not_read(digits):
    X = digits[0][:100]
    labelled = small().fit(X, np.arange(100) % 2)
    strange = small().fit(X, ["no number"] * 7)
    alone = small().fit(X)
    for other in (labelled, strange):
        np.testing.assert_array_equal(alone.transform(X), other.transform(X))


def test_a_seed_a_clone_and_a_pickle_give_the_same_codes(digits):
    X = digits[0][:100]
    vae = small().fit(X)
    for other in (clone(vae).fit(X), pickle.loads(pickle.dumps(vae))):
        np.testing.assert_array_equal(other.transform(X), vae.transform(X))
    assert (
        np.abs(small(random_state=1).fit(X).transform(X) - vae.transform(X)).max() > 0
    )


def test_saved_weights_bring_back_codes_and_rows(digits, tmp_path):
    X = digits[0][:100].reshape(-1, 8, 8)
    vae = small().fit(X)
    vae.save_params(tmp_path / "vae.pt")
    other = small()
    other.load_params(tmp_path / "vae.pt")
    np.testing.assert_array_equal(other.transform(X), vae.transform(X))
    np.testing.assert_array_equal(other.sample(2, 0), vae.sample(2, 0))


@pytest.mark.parametrize(
    "shape", [(64,), (8, 8), (1, 8, 8), (7, 9), (3, 5, 6), (2, 4, 6)], ids=str
)
def test_rows_come_back_in_their_shape(shape):
    X = np.random.RandomState(0).normal(size=(40, *shape)).astype(np.float32)
    vae = small().fit(X)
    assert vae.transform(X).shape == (40, 3)
    assert vae.inverse_transform(vae.transform(X)).shape == X.shape
    assert vae.sample(2).shape == (2, *shape)
    assert vae.score_samples(X).shape == (40,)


def test_flat_rows_are_images_where_their_shape_is_said(digits):
    X = digits[0][:50]
    vae = small(input_shape=(8, 8)).fit(X)
    assert any(isinstance(part, torch.nn.Conv2d) for part in vae.module_.modules())
    assert vae.inverse_transform(vae.transform(X)).shape == X.shape


def test_pixels_come_back_as_pixels(digits):
    X = (digits[0][:200] * 255).astype(np.uint8).reshape(-1, 8, 8)
    rows = small(max_steps=100).fit(X).sample(20, random_state=0)
    assert rows.dtype == np.uint8
    assert 30 < rows.mean() < 130


def test_foreign_rows_score_lower(digits, fitted):
    X = digits[1]
    noise = np.random.default_rng(0).permuted(X, axis=1)
    assert np.median(fitted.score_samples(noise)) < np.quantile(
        fitted.score_samples(X), 0.05
    )


def test_draws_look_like_rows(digits, fitted):
    """A row drawn is nearer to some digit than pixels shuffled from digit to digit."""
    X = digits[0]

    def nearest(rows):
        return np.median(((rows[:, None] - X[None, :400]) ** 2).sum(-1).min(axis=1))

    shuffled = np.random.default_rng(0).permuted(X, axis=0)
    assert nearest(fitted.sample(60, 0)) < 0.7 * nearest(shuffled[:60])


def test_a_code_that_tells_nothing_is_warned_of(digits):
    with pytest.warns(
        UserWarning, match=r"posterior collapsed.* Lower beta, got 10000"
    ):
        vae = small(beta=1e4, max_steps=200).fit(digits[0][:200])
    assert vae.code_std_.max() < 0.1


def test_it_stands_before_a_classifier_which_then_embeds_in_its_codes(digits, fitted):
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32) / 16
    model = make_pipeline(FrozenBackbone(fitted), LogisticRegression(max_iter=500))
    assert model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.7


def test_redrawn_rows_train_a_net_and_keep_its_rows_otherwise(digits):
    X = digits[0][:100].reshape(-1, 8, 8)
    vae = small(max_steps=50).fit(X)
    batch = torch.from_numpy(X[:, None])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert torch.equal(vae.redraw(batch, 0.0), batch)
        drawn = vae.redraw(batch)
    kept = (drawn == batch).flatten(1).all(dim=1)
    assert drawn.shape == batch.shape
    assert 30 < kept.sum() < 70
    net = CNNClassifier(augment=vae.redraw, max_steps=5, random_state=0)
    y = np.arange(100) % 3
    first, again = clone(net).fit(X, y), clone(net).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1"),
        ({"hidden": 2.5}, TypeError, "hidden must be an integer"),
        ({"beta": 0}, ValueError, "beta must be above 0"),
        ({"channels": 4}, TypeError, "channels must be a sequence"),
    ],
)
def test_bad_parameters_are_refused(params, error, match):
    with pytest.raises(error, match=match):
        small(**params).fit(np.eye(8).reshape(8, 2, 4))


def test_codes_of_another_width_are_refused(fitted):
    with pytest.raises(ValueError, match=rf"X must hold codes of {WIDTH} finite"):
        fitted.inverse_transform(np.zeros((2, WIDTH + 1)))


def test_it_predicts_nothing(fitted):
    assert not hasattr(fitted, "predict")
    assert not hasattr(fitted, "predict_proba")
