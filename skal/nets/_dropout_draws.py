"""Random numbers that masks are made of: one after another, or each by its place."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def draw_in_order(kind: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Return uniform numbers, or normal ones for that kind, as torch draws them."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn if kind == "normal" else torch.rand
    return draw(shape, generator=generator)


def draw_by_place(kind: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Return such numbers that each depends on the seed and its own place alone.

    What is padded further gets more of them, and keeps those that it had.
    """
    state = np.array(seed, np.uint64)
    with np.errstate(over="ignore"):  # modulo 2 ** 64
        for size in shape:
            places = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
            state = _mixed(state[..., np.newaxis] + places)
    uniform = torch.from_numpy(((state >> np.uint64(40)) + 0.5) * 2.0**-24)
    return (torch.special.ndtri(uniform) if kind == "normal" else uniform).float()


def _mixed(state):
    """Return integers whose every bit depends on all bits (Steele et al., 2014).

    Steele, G. L., Lea, D., Flood, C. H. (2014). Fast splittable pseudorandom number
    generators. OOPSLA. doi:10.1145/2660193.2660195
    """
    state = (state ^ (state >> np.uint64(30))) * np.uint64(_FIRST)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_SECOND)
    return state ^ (state >> np.uint64(31))
