"""What features of patches cost beyond the convolutions that they consist of.

PatchFeatures against a bare loop of convolutions in torch that whiten patches and find
their distances to as many centres, 64 images at a time, without a root, a mean or a sum
over parts; and against the formula in plain numpy, all patches of 100 images at a time.
Targets: 2 times the convolutions, .75 times numpy. Then the memory of a pass beyond the
features (target: 30 MB).
"""

import argparse

import numpy as np
import torch
from common import best, peak_resident, show, verdict
from torch.nn.functional import conv2d

from skal.nets import PatchFeatures

CONVOLUTIONS, NUMPY, MEMORY = 2, 0.75, 30


def convolutions(kinds, X):
    """Whiten all patches, and take the products with centres: no more than that."""
    n_channels, size = X.shape[1], kinds.patch_size
    whiten = torch.from_numpy(kinds.whitening_).reshape(-1, n_channels, size, size)
    centers = torch.from_numpy(kinds.cluster_centers_)[:, :, None, None]
    whiten = whiten.contiguous(memory_format=torch.channels_last)
    for start in range(0, len(X), 64):
        images = torch.from_numpy(X[start : start + 64]).float().div_(255)
        images = images.contiguous(memory_format=torch.channels_last)
        conv2d(conv2d(images, whiten), centers)


def in_numpy(kinds, X):
    """Return the features as the formula is written."""
    size, centers, parts = kinds.patch_size, kinds.cluster_centers_, []
    for start in range(0, len(X), 100):
        images = X[start : start + 100].astype(np.float32) / 255
        x = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(2, 3))
        x = x.transpose(0, 2, 3, 1, 4, 5).reshape(*x.shape[:1], *x.shape[2:4], -1)
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt(x.var(axis=-1, keepdims=True) + np.float32(kinds.flat_variance_))
        x = (x - kinds.patch_mean_) @ kinds.whitening_
        squares = (x**2).sum(-1, keepdims=True) + (centers**2).sum(1)
        distances = np.sqrt(np.maximum(squares - 2 * x @ centers.T, 0))
        near = np.maximum(distances.mean(-1, keepdims=True) - distances, 0)
        half = [-(-side // 2) for side in near.shape[1:3]]
        rows = [near[:, : half[0]], near[:, half[0] :]]
        cells = [(r[:, :, : half[1]], r[:, :, half[1] :]) for r in rows]
        sums = [cell.sum(axis=(1, 2)) for pair in cells for cell in pair]
        parts.append(np.stack(sums, axis=-1).reshape(len(images), -1))
    return np.concatenate(parts)


def compared(name, shape, n_images, n_clusters, repeats):
    """Return the row of the table of images of one shape."""
    rng = np.random.default_rng(0)
    X = rng.integers(256, size=(n_images, *shape), dtype=np.uint8)
    kinds = PatchFeatures(n_clusters, n_patches=5000, device="cpu", random_state=0)
    kinds.fit(X)
    np.testing.assert_allclose(kinds.transform(X), in_numpy(kinds, X), atol=0.05)
    seconds = best(
        {
            "skal": lambda: kinds.transform(X),
            "convolutions": lambda: convolutions(kinds, X),
            "numpy": lambda: in_numpy(kinds, X),
        },
        repeats,
    )
    mine = seconds["skal"]
    to_bare, to_numpy = mine / seconds["convolutions"], mine / seconds["numpy"]
    memory = peak_resident(lambda: kinds.transform(X)) / 1e6
    return (
        f"{name}, {n_clusters} kinds",
        f"{1e3 * mine / n_images:.2f}",
        f"{to_bare:.2f}",
        verdict(to_bare, CONVOLUTIONS),
        f"{to_numpy:.2f}",
        verdict(to_numpy, NUMPY),
        f"{memory:.0f}",
        verdict(memory, MEMORY),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    columns = ("images", "ms each", "x convolutions", "", "x numpy", "", "MB", "")
    cases = [("1 x 28 x 28", (1, 28, 28), 64), ("1 x 28 x 28", (1, 28, 28), 400)]
    cases += [("3 x 32 x 32", (3, 32, 32), 100), ("3 x 32 x 32", (3, 32, 32), 400)]
    rows = [
        compared(name, shape, options.images, n_clusters, options.repeats)
        for name, shape, n_clusters in cases
    ]
    show("Features of patches, one thread", columns, rows)


if __name__ == "__main__":
    main()
