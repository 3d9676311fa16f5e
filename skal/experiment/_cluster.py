"""The cluster that a command is told to run on, by a word or an address."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from joblib import parallel_config

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What the addresses of schedulers of dask begin with.
DASK = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
#: Seconds to wait for a scheduler to answer.
PATIENCE = 30


@contextmanager
def on_cluster(address: str | None, n_jobs: int | None = None) -> Iterator[None]:
    """Give the grids that are run inside to dask or Ray.

    Parameters
    ----------
    address : str or None
        "dask" or "ray" for processes on this machine, the address of a scheduler of
        dask, the file that it wrote for its clients, or "ray://" and the address of a
        Ray cluster. None changes nothing.
    n_jobs : int or None, default=None
        How many processes on this machine; None is one a core, or for "ray" the
        cluster that the machine is part of.

    Yields
    ------
    None
        While the cluster is there.

    Raises
    ------
    ImportError
        If the engine is not installed.
    OSError
        If nobody answers.
    ValueError
        If the address is none.
    """
    with ExitStack() as stack:
        if address is not None:
            connect = _engine_of(address)
            try:
                connect(address, n_jobs, stack)
            except ImportError as error:
                package = "ray" if connect is _ray else '"skal[dask]"'
                raise ImportError(
                    f"cluster must name an engine that is installed, got {address!r}. "
                    f"Run pip install {package}."
                ) from error
        yield


def _engine_of(address):
    if address == "dask" or address.startswith(DASK) or address.endswith(".json"):
        return _dask
    if address == "ray" or address.startswith("ray://"):
        return _ray
    raise ValueError(
        "cluster must be 'dask', 'ray', the address of a scheduler such as "
        "'tcp://host:8786', its file such as 'scheduler.json', or "
        f"'ray://host:10001', got {address!r}."
    )


def _dask(address, n_jobs, stack):
    from distributed import Client, LocalCluster

    if address == "dask":
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=None if n_jobs in (None, -1) else n_jobs,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",  # with None it would be port 8787
            )
        )
        there: dict[str, Any] = {"address": cluster}
    else:
        name = "scheduler_file" if address.endswith(".json") else "address"
        there = {name: address, "timeout": PATIENCE}
    client = stack.enter_context(Client(**there))
    stack.enter_context(parallel_config(backend="dask", client=client))


def _ray(address, n_jobs, stack):
    import ray
    from ray.util.joblib import register_ray

    if address != "ray":
        ray.init(address)
    elif n_jobs in (None, -1):
        ray.init()  # where this machine is part of a cluster, that one
    else:
        ray.init("local", num_cpus=n_jobs)
    stack.callback(ray.shutdown)
    register_ray()
    stack.enter_context(parallel_config(backend="ray", n_jobs=-1))
