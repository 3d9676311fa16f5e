"""Keyed random streams, and torch seeded inside a fork.

skal never reads or writes a global random number generator. Each draw comes from
a stream named by a seed, a round and a purpose, so that asking again, or asking
after a pickle, gives the same numbers.
"""

import os
import sys
import threading
from contextlib import contextmanager, nullcontext
from typing import Any
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


def seeds_for(estimator, rng):
    """Draw a seed for each random_state parameter of an estimator that is None."""
    return {name: draw_seed(rng) for name in unseeded_params(estimator)}


#: Forks of torch's state that are under way, and the state before the first of them.
#: Torch has one state a process: forks of several threads count as one.
_forks: dict[str, Any] = {"open": 0, "before": None}
_forks_lock = threading.Lock()

#: Held by the thread whose net draws from torch: nobody else's may, nor seed it.
_alone = threading.RLock()


def _renew_locks():
    """Free the locks in a process that was forked while another thread held them."""
    global _forks_lock, _alone
    _forks_lock, _alone = threading.Lock(), threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def alone_with_torch():
    """Return the lock under which no other thread of skal draws from torch or seeds it.

    What waits for other threads must not be done in it, or they wait for each other.
    """
    return _alone


@contextmanager
def fork_torch(seed, round, purpose, *, alone=False):
    """Seed torch inside a fork of its random state, if torch is in use at all.

    The state is left as it was, under threads too. They share it where they overlap,
    but for those that are ``alone`` with it: these take turns.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    seed = draw_seed(stream(seed, round, f"torch {purpose}"))
    with alone_with_torch() if alone else nullcontext(), _forked(torch, seed):
        yield


@contextmanager
def _forked(torch, seed):
    """Seed torch, and bring back its state when the last fork ends."""
    with _forks_lock:
        if _forks["open"] == 0:
            _forks["before"] = torch_state(torch)
        _forks["open"] += 1
    try:
        with alone_with_torch():  # not while a net of another thread draws
            torch.manual_seed(seed)
        yield
    finally:
        with _forks_lock:
            _forks["open"] -= 1
            if _forks["open"] == 0:
                restore_torch(torch, _forks["before"])
                _forks["before"] = None


def torch_state(torch):
    """Return the random state of the CPU and of every GPU in use."""
    in_use = torch.cuda.is_available() and torch.cuda.is_initialized()
    gpus = torch.cuda.get_rng_state_all() if in_use else []
    # In a process forked from one that used it, a GPU of Apple cannot be used.
    apple = torch.backends.mps.is_available() and not torch.mps._is_in_bad_fork()
    mps = torch.mps.get_rng_state() if apple else None
    return torch.random.get_rng_state(), gpus, mps


def restore_torch(torch, state):
    """Set the random state of the CPU and of the GPUs."""
    cpu, gpus, mps = state
    torch.random.set_rng_state(cpu)
    if mps is not None:
        torch.mps.set_rng_state(mps)
    if gpus:
        torch.cuda.set_rng_state_all(gpus)
    elif torch.cuda.is_initialized():  # inside the fork: it had no state before
        torch.cuda.manual_seed_all(torch.initial_seed())
