"""Laws that hold during every test and every doctest of the package."""

import ipaddress
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

#: What begins with an import of stable-baselines3 is read where that is installed.
OF_AGENTS = ["skal/learned/_callback.py", "skal/learned/_policies.py"]
collect_ignore = [] if find_spec("stable_baselines3") else OF_AGENTS


def pytest_collection_modifyitems(items):
    """Skip the tests on real data where the data is not."""
    if "SKAL_DATA" in os.environ:
        return
    skip = pytest.mark.skip(reason="SKAL_DATA does not name a data folder")
    for item in items:
        if item.get_closest_marker("slow_data"):
            item.add_marker(skip)


# scikit-learn's own check shuffles with the global state of numpy.
MOVES_GLOBAL_RNG = "check_methods_sample_order_invariance"


@pytest.fixture(autouse=True)
def global_rngs_untouched(request):
    """Fail a test that moves numpy's or torch's global random state."""
    numpy_before, torch_before = numpy_rng_state(), torch_rng_state()
    yield
    if MOVES_GLOBAL_RNG in request.node.name:
        return
    if numpy_rng_state() != numpy_before:
        pytest.fail("The test changed the global random state of numpy.")
    if torch_before is not None and torch_rng_state() != torch_before:
        pytest.fail("The test changed the global random state of torch.")


def numpy_rng_state():
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return name, keys.tobytes(), *rest


def torch_rng_state():
    """Return the state of torch; None until somebody imports it."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.random.get_rng_state().numpy().tobytes()


@pytest.fixture(autouse=True)
def network_blocked(monkeypatch):
    """Fail a test that connects to anything but this computer."""
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(self, address, original=original):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                refuse_remote(address[0])
            return original(self, address)

        monkeypatch.setattr(socket.socket, name, guarded)

    look_up = socket.getaddrinfo

    def guarded_look_up(host, *args, **kwargs):
        refuse_remote(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


def refuse_remote(host):
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost"):
        return
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        pytest.fail(f"The test tried to reach {host}; tests use no network.")


@pytest.fixture(autouse=True)
def figures_closed():
    """Close the figures that a test leaves open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder of real data sets, for tests marked slow_data."""
    return Path(os.environ["SKAL_DATA"])
