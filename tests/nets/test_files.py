"""Saved weights bring back all that a net's answers depend on, or are refused."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from skal.nets import CNNClassifier, MLPNetClassifier, NetRegressor, ResNetClassifier

pytestmark = pytest.mark.usefixtures("seeded_torch")

BOTH_KINDS = pytest.mark.parametrize("use_safetensors", [False, True])


@pytest.fixture(scope="module")
def pixels():
    X, y = load_digits(return_X_y=True)
    return X[:80].reshape(-1, 8, 8).astype(np.uint8), y[:80]


def small(**params):
    params = {"channels": (4, 8), "hidden": 16, "max_steps": 3, **params}
    return CNNClassifier(**{"random_state": 0, **params})


def saved(net, **how):
    file = io.BytesIO()
    net.save_params(f_params=file, **how)
    file.seek(0)
    return file


def state_of(net):
    """Return all there is of a net but its module, whose weights are copied."""
    kept = {k: v for k, v in vars(net).items() if k != "module_"}
    return kept, {k: v.clone() for k, v in net.module_.state_dict().items()}


def same_state(net, before):
    kept, weights = state_of(net)
    return kept == before[0] and all(
        torch.equal(weights[name], before[1][name]) for name in before[1]
    )


LABELS = {
    "str": np.array(list("abcdefghij")),
    "int": np.arange(10, 110, 10),
    "float": np.arange(10) * 2.0,
    "object": np.array(list("zyxwvutsrq"), dtype=object),
}


@BOTH_KINDS
@pytest.mark.parametrize("kind", LABELS)
def test_a_new_net_knows_all_that_the_saved_one_did(pixels, kind, use_safetensors):
    """It had to be told the classes and the shape, and took others in silence."""
    X, y = pixels
    net = small().fit(X, LABELS[kind][y])
    other = small()
    other.load_params(
        saved(net, use_safetensors=use_safetensors),
        **{"use_safetensors": use_safetensors},
    )
    assert other.classes_.dtype == net.classes_.dtype
    np.testing.assert_array_equal(other.predict(X), net.predict(X))
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    np.testing.assert_array_equal(other.embed(X), net.embed(X))
    assert other.n_features_in_ == net.n_features_in_
    with pytest.raises(ValueError, match="so that the scale would differ"):
        other.predict(X.astype(float))
    with pytest.raises(ValueError, match="as in fit, got rows of shape"):
        other.predict(X[:, 1:])
    again = small()  # and so on, from path to path
    again.load_params(saved(other))
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


@BOTH_KINDS
def test_a_new_regressor_knows_its_units(rng, tmp_path, use_safetensors):
    X = rng.normal(size=(40, 3))
    for y in (100 + X[:, 0], 100 + X[:, :2]):
        net = NetRegressor(max_steps=5, random_state=0).fit(X, y)
        net.save_params(tmp_path / "w", use_safetensors=use_safetensors)
        other = NetRegressor()
        other.load_params(tmp_path / "w", use_safetensors=use_safetensors)
        np.testing.assert_array_equal(other.predict(X), net.predict(X))
        assert other.predict(X).shape == y.shape


def test_columns_are_known_by_name(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    net = MLPNetClassifier(max_steps=2, hidden=(4,)).fit(frame, y)
    other = MLPNetClassifier(hidden=(4,))
    other.load_params(saved(net))
    np.testing.assert_array_equal(other.predict(frame), net.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        other.predict(frame[list("dcba")])


def test_weights_to_start_from_are_not_read_again(pixels, tmp_path):
    X, y = pixels
    net = ResNetClassifier(width=4, max_steps=1, random_state=0).fit(X, y)
    torch.save(net.module_.state_dict(), tmp_path / "start.pt")
    net.set_params(weights=tmp_path / "start.pt").fit(X, y)
    file = saved(net)
    (tmp_path / "start.pt").unlink()
    other = clone(net)
    other.load_params(file)
    np.testing.assert_array_equal(other.predict(X), net.predict(X))


def test_a_loaded_net_goes_on(pixels):
    X, y = pixels
    net = small(warm_start=True).fit(X, y)
    other = small(warm_start=True)
    other.load_params(saved(net))
    np.testing.assert_array_equal(
        other.fit(X, y).predict_proba(X), net.fit(X, y).predict_proba(X)
    )


def test_saving_leaves_the_weights_as_they_lie(pixels):
    """They were laid out anew twice, in the midst of a fit too."""
    net = small().fit(*pixels)
    places = [w.data_ptr() for w in net.module_.parameters()]
    saved(net, use_safetensors=True)
    assert [w.data_ptr() for w in net.module_.parameters()] == places


def test_files_that_do_not_fit_are_refused_and_nothing_changes(pixels, iris):
    """Some were taken in part, some in whole: the classes were then others."""
    X, y = pixels
    file = saved(small().fit(X, y))
    named = small().fit(X, np.array(list("abcdefghij"))[y])
    flowers = MLPNetClassifier(hidden=(16,), max_steps=1).fit(*iris)
    for other, words in [
        (
            small(channels=(4, 9)),
            r"differs at '4.weight' \(\(8, 4, 3, 3\) in the f",
        ),
        (small(classes=range(11)), r"classes must be those of the net that was saved"),
        (small(input_shape=(8, 9)), r"input_shape must be that of the net which was s"),
        (
            NetRegressor(),
            "f_params must be saved by a regressor, got a file of a class",
        ),
        (flowers, r"the network\), .* and \d+ more. Make the net with the parameters"),
    ]:
        before = None if other is not flowers else state_of(other)
        file.seek(0)
        with pytest.raises(ValueError, match=words):
            other.load_params(file)
        if before is None:
            assert not hasattr(other, "module_")
        else:
            assert same_state(other, before)
    file.seek(0)
    named.load_params(file)
    assert named.classes_.tolist() == list(range(10))


def test_what_holds_no_weights_is_refused(pixels, tmp_path):
    """The errors were those of pickle, zip and safetensors."""
    net = small().fit(*pixels)
    (tmp_path / "text").write_text("no weights")
    net.save_params(tmp_path / "safe", use_safetensors=True)
    net.save_params(tmp_path / "torch")
    torch.save([1, 2], tmp_path / "list")
    for name, use_safetensors, words in [
        ("text", False, "f_params must be a file of weights by torch.save, got .*text"),
        ("text", True, "f_params must be a file of weights by safetensors"),
        ("safe", False, "use_safetensors=True reads those of the other kind"),
        ("torch", True, "use_safetensors=False reads those of the other kind"),
        ("list", False, "which gives a list"),
    ]:
        with pytest.raises(ValueError, match=words):
            net.load_params(tmp_path / name, use_safetensors=use_safetensors)
    with pytest.raises(FileNotFoundError):
        net.load_params(tmp_path / "nothing")


def test_weights_from_elsewhere_need_a_net(pixels):
    X, y = pixels
    net = small().fit(X, y)
    file = io.BytesIO()
    torch.save(net.module_.state_dict(), file)
    file.seek(0)
    with pytest.raises(
        NotFittedError, match="must be made before it takes weights tha"
    ):
        small().load_params(file)


def test_a_fit_keeps_its_optimizer_to_itself(pixels):
    net = small().fit(*pixels)
    with pytest.raises(ValueError, match="f_optimizer must be None outside of a fit"):
        net.save_params(f_optimizer=io.BytesIO())
    with pytest.raises(ValueError, match="f_criterion must be None outside of a fit"):
        net.load_params(f_criterion=io.BytesIO())


def test_a_history_comes_back(pixels, tmp_path):
    net = small().fit(*pixels)
    net.save_params(f_history=tmp_path / "h.json")
    other = small().fit(*pixels).set_params(max_steps=1).fit(*pixels)
    other.load_params(f_history=tmp_path / "h.json")
    assert other.history_ == net.history_
