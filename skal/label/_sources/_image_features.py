"""Numbers that say what an image looks like: edges by place and direction, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

#: Images are looked at in this size.
SIDE = 32
#: Raised when the same image would give other numbers.
RECIPE = f"edges-colours-{SIDE}-1"
#: Directions that are left of the features.
LEADING = 256
#: Images that they are learnt on, at most.
_LEARNT_ON = 2000
_CELLS = 8, 4  # a side, fine and coarse
_DIRECTIONS = 9


def image_features(images: Any) -> Any:
    """Return features of images, for a linear model.

    Histograms of the directions of edges in small cells, normalised with their
    neighbours (Dalal and Triggs, 2005, CVPR), and the mean colour and its spread in
    each of 16 cells. Nothing is learnt, so nothing is downloaded, and an image has the
    same features whatever else is in the pool.

    Parameters
    ----------
    images : ndarray of uint8 of shape (n, 3, 32, 32)
        The images.

    Returns
    -------
    ndarray of float32 of shape (n, n_features)
        The features.
    """
    pixels = images.astype(np.float32) / 255  # (n, 3, SIDE, SIDE)
    edges = _edges(pixels)  # (n, directions, SIDE, SIDE)
    parts = [_blocks(_by_cell(edges, side)) for side in _CELLS]
    parts += [_by_cell(pixels, 4), np.sqrt(_variance(pixels, 4))]
    return np.concatenate([part.reshape(len(images), -1) for part in parts], axis=1)


def leading(features: Any) -> Any:
    """Return the leading directions of features, learnt on all rows without labels.

    They serve a linear model as well as all features do, at a tenth of the time.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        The features.

    Returns
    -------
    ndarray of float32 of shape (n, n_directions)
        At most 256 directions.
    """
    from sklearn.decomposition import PCA

    n = len(features)
    sample = features[:: -(-n // _LEARNT_ON)].astype(np.float32)
    n_directions = min(LEADING, *sample.shape)
    pca = PCA(
        n_directions, svd_solver="randomized", iterated_power=2, random_state=0
    ).fit(sample)
    blocks = (features[i : i + 1000].astype(np.float32) for i in range(0, n, 1000))
    return np.concatenate([pca.transform(block) for block in blocks])


def _edges(pixels):
    """Return how strong the edges are at each place, by direction."""
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    strength = np.hypot(across, down)
    best = strength.argmax(axis=1)[:, None]  # the channel that shows the edge best
    across, down, strength = (
        np.take_along_axis(one, best, axis=1)[:, 0] for one in (across, down, strength)
    )
    # (n, SIDE, SIDE); an edge has two neighbours in direction, and counts for both.
    turn = np.arctan2(down, across) / np.pi % 1 * _DIRECTIONS
    low = np.floor(turn)
    share = turn - low
    edges = np.zeros((len(pixels), _DIRECTIONS, *strength.shape[1:]), np.float32)
    for part, way in ((1 - share, low), (share, low + 1)):
        way = way.astype(int)[:, None] % _DIRECTIONS
        there = np.take_along_axis(edges, way, axis=1)
        np.put_along_axis(edges, way, there + (part * strength)[:, None], axis=1)
    return edges


def _by_cell(maps, side):
    """Return the means over ``side`` times ``side`` cells."""
    n, depth, height, width = maps.shape
    cells = maps.reshape(n, depth, side, height // side, side, width // side)
    return cells.mean(axis=(3, 5))  # (n, depth, side, side)


def _variance(maps, side):
    return np.maximum(_by_cell(maps**2, side) - _by_cell(maps, side) ** 2, 0)


def _blocks(cells):
    """Return each cell as it is among its neighbours, in squares of two by two."""
    squares = np.concatenate(
        [
            cells[:, :, :-1, :-1],
            cells[:, :, :-1, 1:],
            cells[:, :, 1:, :-1],
            cells[:, :, 1:, 1:],
        ],
        axis=1,
    )  # (n, 4 directions, side - 1, side - 1)
    squares = squares / np.sqrt((squares**2).sum(axis=1, keepdims=True) + 1e-3)
    squares = np.minimum(squares, 0.2)
    return squares / np.sqrt((squares**2).sum(axis=1, keepdims=True) + 1e-3)
