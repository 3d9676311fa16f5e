"""Patches of images: drawn, brought to one contrast, whitened, held against centres."""

import numpy as np
import torch
from torch.nn.functional import unfold

from skal.nets._layout import check_finite


def drawn_patches(inputs, size, n_patches, rng):
    """Return patches from any places of images, flat: (n_patches, C * size ** 2).

    Every image gives as many, or one more, where there are no more images than patches.
    """
    images = rng.permutation(len(inputs))[:n_patches]
    per_image = np.resize(np.arange(len(images)), n_patches)
    per_image.sort()
    places = [side - size + 1 for side in inputs.layout.shape[1:]]
    top, left = (torch.from_numpy(rng.randint(n, size=n_patches)) for n in places)
    images.sort()
    found, start = [], 0
    for batch in inputs.batches_of(images, torch.device("cpu")):
        check_finite(batch, inputs.owner)
        mine = slice(*np.searchsorted(per_image, [start, start + len(batch)]))
        of = torch.from_numpy(per_image[mine] - start)
        windows = batch.unfold(2, size, 1).unfold(3, size, 1)  # (n, C, h, w, s, s)
        windows = windows.permute(0, 2, 3, 1, 4, 5)
        found.append(windows[of, top[mine], left[mine]].flatten(1))
        start += len(batch)
    return torch.cat(found)


def one_contrast(patches, flat, dim):
    """Bring patches, laid along a dimension, to mean 0 and variance 1, but flat ones.

    It is done in place.
    """
    patches -= patches.mean(dim, keepdim=True)
    spread = patches.square().mean(dim, keepdim=True).add_(flat).sqrt_()
    return patches.div_(spread.clamp_(min=torch.finfo(spread.dtype).tiny))


def zca(patches, whiten):
    """Return the mean (d,) of rows, and what whitens them but does not turn them."""
    mean = patches.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(
        np.cov(patches, rowvar=False).reshape(len(mean), -1)
    )
    scale = 1 / np.sqrt(np.maximum(variances, 0) + whiten)
    return mean.astype(np.float32), ((axes * scale) @ axes.T).astype(np.float32)


class PatchMaps:
    """How near the patches of images are to centres, summed over parts of the image.

    ``centers`` (K, d) are whitened, as ``whitening`` (d, d) does with a patch less its
    ``mean`` (d,).
    """

    def __init__(self, centers, whitening, mean, flat, device):
        # Copies: an array that another process maps cannot be a tensor.
        arrays = centers, whitening, mean
        self.centers, self.whitening, mean = (
            torch.tensor(one, device=device) for one in arrays
        )
        self.shift = -(self.whitening @ mean)[:, None]  # (d, 1)
        self.squares = self.centers.square().sum(1, keepdim=True)  # (K, 1)
        self.flat = flat

    def __call__(self, images, size, parts):
        """Return the features (n, K * parts ** 2) of images (n, C, H, W)."""
        n = len(images)
        patches = one_contrast(unfold(images, size), self.flat, dim=1)  # (n, d, P)
        # One product an image: its last bits do not depend on its neighbours.
        whitening, centers = (
            one.expand(n, -1, -1) for one in (self.whitening, self.centers)
        )
        white = torch.baddbmm(self.shift, whitening, patches)
        distances = torch.baddbmm(self.squares, centers, white, alpha=-2)  # (n, K, P)
        distances += white.square().sum(1, keepdim=True)
        distances.clamp_(min=0).sqrt_()
        near = distances.sub_(distances.mean(1, keepdim=True)).neg_().relu_()
        where = in_parts([side - size + 1 for side in images.shape[2:]], parts)
        where = where.to(images.device).expand(n, -1, -1)
        return torch.bmm(near, where).flatten(1)


def in_parts(places, parts):
    """Return which place, row by row, is in which part: (h * w, parts ** 2) of 0, 1."""
    height, width = (
        torch.eye(parts)[torch.arange(n) * parts // n] for n in places
    )  # (h, parts), (w, parts)
    return torch.kron(height, width)
