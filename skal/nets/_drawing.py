"""The random numbers that a data set draws while its rows are read."""

import random
from contextlib import contextmanager

import numpy as np
import torch

from skal._seed import alone_with_torch


@contextmanager
def drawing_by(key):
    """Seed torch, numpy and random on the CPU; leave their states as they were."""
    seeds = np.random.SeedSequence(key).generate_state(3)
    with alone_with_torch():
        ours, pythons = torch.get_rng_state(), random.getstate()
        numpys = np.random.get_state()  # noqa: NPY002 (what transforms draw from)
        torch.default_generator.manual_seed(int(seeds[0]))
        np.random.seed(seeds[1])  # noqa: NPY002
        random.seed(int(seeds[2]))
        try:
            yield
        finally:
            torch.set_rng_state(ours)
            np.random.set_state(numpys)  # noqa: NPY002
            random.setstate(pythons)
