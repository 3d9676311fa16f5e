"""What FrozenBackbone costs beside a bare loop over the same network.

A ResNet-18 of torchvision, its weights drawn at random, and images that are brought to
another size first. The loop has the same memory layout, batches and preparation. Then
with features that go to a cache on disk, and what it takes to read them there. Target:
1.1 times the loop, with the cache too.
"""

import argparse
from tempfile import TemporaryDirectory

import numpy as np
import torch
from common import best, show, verdict
from torch import nn
from torch.nn.functional import interpolate
from torchvision.models import resnet18

from skal.nets import FrozenBackbone

TARGET = 1.1


def network_without_head():
    torch.manual_seed(0)
    network = resnet18(weights=None)
    network.fc = nn.Identity()
    return network.eval().to(memory_format=torch.channels_last)


def bare_pass(network, X, side):
    """Return the features of images as a loop by hand does."""
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    parts = []
    with torch.no_grad():
        for start in range(0, len(X), 256):
            batch = torch.from_numpy(X[start : start + 256])
            batch = batch.contiguous(memory_format=torch.channels_last).float() / 255
            batch = interpolate(
                batch, size=(side, side), mode="bilinear", antialias=True
            )
            parts.append(network((batch - mean) / std).numpy())
    return np.concatenate(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    network, side = network_without_head(), options.side
    rng = np.random.RandomState(0)
    X = rng.randint(0, 256, (options.images, 3, 32, 32)).astype(np.uint8)

    def frozen(folder=None):
        backbone = FrozenBackbone(
            network, resize=side, normalize="imagenet", device="cpu", cache=folder
        )
        return backbone.transform(X)

    def kept():
        with TemporaryDirectory() as folder:
            return frozen(folder)

    with TemporaryDirectory() as full:
        frozen(full)
        seconds = best(
            {
                "bare loop": lambda: bare_pass(network, X, side),
                "FrozenBackbone": frozen,
                "with an empty cache": kept,
                "from a full cache": lambda: frozen(full),
            },
            options.repeats,
        )
    bare = seconds["bare loop"]
    rows = [
        (name, f"{s:.2f} s", f"{s / bare:.3f}", verdict(s / bare, TARGET))
        for name, s in seconds.items()
    ]
    title = f"{options.images} images at {side} x {side}; torch {torch.__version__}"
    show(title, ("", "time", "ratio", f"<= {TARGET}"), rows)


if __name__ == "__main__":
    main()
