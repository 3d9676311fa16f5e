"""Keyed random streams, and torch seeded inside a fork.

skal never reads or writes a global random number generator. Each draw comes from
a stream named by a seed, a round and a purpose, so that asking again, or asking
after a pickle, gives the same numbers.
"""

import sys
from contextlib import contextmanager
from zlib import crc32

import numpy as np
from sklearn.utils import check_random_state

_SEED_BOUND = 2**31 - 1


def as_random_state(random_state):
    """Return a RandomState; None means fresh entropy, never the global state."""
    if random_state is None:
        return np.random.RandomState(np.random.MT19937())
    return check_random_state(random_state)


def draw_seed(random_state):
    """Draw an integer seed from anything scikit-learn accepts as a random_state."""
    return int(as_random_state(random_state).randint(_SEED_BOUND))


def stream(seed, round, purpose):
    """Return the RandomState named by a seed, a round and a purpose."""
    key = np.random.SeedSequence([seed, round, crc32(purpose.encode())])
    return np.random.RandomState(np.random.MT19937(key))


def unseeded_params(estimator):
    """List the names of an estimator's random_state parameters that are None."""
    return [
        name
        for name, value in sorted(estimator.get_params(deep=True).items())
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    ]


@contextmanager
def fork_torch(seed, round, purpose):
    """Seed torch inside a fork of its random state, if torch is in use at all."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    in_use = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = range(torch.cuda.device_count()) if in_use else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(draw_seed(stream(seed, round, f"torch {purpose}")))
        yield
