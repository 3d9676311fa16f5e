"""FrozenBackbone brings images to what pretrained weights expect."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import ResNet18_Weights

from skal.nets import CNNClassifier, FrozenBackbone

pytestmark = pytest.mark.usefixtures("seeded_torch")

MEAN = np.array([0.485, 0.456, 0.406])[:, None, None]
STD = np.array([0.229, 0.224, 0.225])[:, None, None]


@pytest.fixture
def photos(rng):
    return rng.randint(0, 256, (5, 3, 12, 10)).astype(np.uint8)


def test_images_are_normalized_as_imagenet_was(photos):
    """Weights saw images that no network was trained on."""
    for images in (photos, photos.astype(np.float32) / 255):
        E = FrozenBackbone(nn.Flatten(), normalize="imagenet").transform(images)
        expected = (photos / 255 - MEAN) / STD
        np.testing.assert_allclose(E, expected.reshape(5, -1), atol=1e-5)
    own = FrozenBackbone(nn.Flatten(), normalize=([0.5] * 3, [0.25] * 3))
    np.testing.assert_allclose(
        own.transform(photos), ((photos / 255 - 0.5) * 4).reshape(5, -1), atol=1e-5
    )


def test_gray_images_get_the_channels_of_the_weights(photos):
    gray = photos[:, 0]
    E = FrozenBackbone(nn.Flatten(), normalize="imagenet").transform(gray)
    expected = (gray[:, None] / 255 - MEAN) / STD
    np.testing.assert_allclose(E, expected.reshape(5, -1), atol=1e-5)


def test_images_are_resized_without_aliasing():
    stripes = np.zeros((2, 1, 8, 8), np.uint8)
    stripes[:, :, ::2] = 255
    E = FrozenBackbone(nn.Flatten(), resize=(2, 4)).transform(stripes)
    assert E.shape == (2, 8)
    np.testing.assert_allclose(E, 0.5, atol=0.1)
    assert FrozenBackbone(nn.Flatten(), resize=16).transform(stripes).shape == (2, 256)


def test_the_transforms_of_weights_are_taken(photos):
    transforms = ResNet18_Weights.IMAGENET1K_V1.transforms(crop_size=8, resize_size=9)
    expected = transforms(torch.from_numpy(photos).float() / 255).flatten(1)
    backbone = FrozenBackbone(nn.Flatten(), transforms=transforms)
    np.testing.assert_allclose(backbone.transform(photos), expected, atol=1e-5)
    assert backbone.transform(photos[:, 0]).shape == (5, 3 * 8 * 8)


def test_what_is_remembered_is_of_the_preparation(photos):
    backbone = FrozenBackbone(nn.Flatten())
    plain = backbone.transform(photos)
    backbone.set_params(normalize="imagenet")
    assert not np.allclose(backbone.transform(photos), plain)
    np.testing.assert_array_equal(
        backbone.set_params(normalize=None).transform(photos), plain
    )


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"resize": 0}, ValueError, "resize must be at least 1, got 0"),
        (
            {"resize": (1, 2, 3)},
            ValueError,
            "resize must be a number of pixels, or a p",
        ),
        ({"resize": "224"}, TypeError, "resize must be an integer, got '224'"),
        ({"normalize": "cifar"}, ValueError, "normalize must be 'imagenet', a pair of"),
        ({"normalize": ([0.5], [0.0])}, ValueError, "standard deviations above 0, one"),
        (
            {"normalize": ([0.5] * 2, [1] * 2)},
            ValueError,
            "for each of 3 channels, got 2",
        ),
        (
            {"transforms": "imagenet"},
            TypeError,
            "transforms must be a function of a ba",
        ),
        (
            {"transforms": abs, "resize": 8},
            ValueError,
            "transforms must be None where r",
        ),
    ],
)
def test_bad_preparations_are_refused(photos, params, error, words):
    with pytest.raises(error, match=words):
        FrozenBackbone(nn.Flatten(), **params).transform(photos)


def test_rows_that_do_not_fit_are_refused(photos):
    backbone = FrozenBackbone(nn.Flatten(), normalize="imagenet")
    with pytest.raises(
        ValueError, match=r"X must hold uint8 images, or others in \[0, 1"
    ):
        backbone.transform(photos.astype(float))
    with pytest.raises(ValueError, match="must be None for rows that are no images"):
        backbone.transform(np.zeros((3, 4)))
    net = CNNClassifier(channels=(2,), max_steps=1).fit(photos, np.arange(5) % 2)
    with pytest.raises(
        ValueError, match="must be None for a fitted net, which prepares"
    ):
        FrozenBackbone(net, normalize="imagenet").transform(photos)
