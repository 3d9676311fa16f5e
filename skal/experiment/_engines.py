"""Engines that run cells on other machines: dask and Ray, chosen by joblib's config.

joblib names the engine and skal asks it directly, a task a cell: so a worker that is
lost costs its cell and no more, and joblib does not wait for it for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joblib.parallel import get_active_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Stands for the answer of a task whose worker was lost, again and again.
LOST = object()


def active_engine() -> Dask | Ray | None:
    """Return the engine that ``joblib.parallel_config`` has chosen, if it is one."""
    backend = get_active_backend()[0]
    name = type(backend).__name__  # neither is to be imported for this
    if name == "DaskDistributedBackend":
        return Dask(backend)
    return Ray(backend) if name == "RayBackend" else None


class Dask:
    """The scheduler and the workers of a client of dask.

    A task whose worker is lost is given to another one, three times unless the
    scheduler's configuration says otherwise.

    Parameters
    ----------
    backend : DaskDistributedBackend
        Of joblib; tasks are submitted with its options, such as ``resources``.
    """

    def __init__(self, backend: Any) -> None:
        self.client = backend.client
        self.options = backend.submit_kwargs

    def shared(self, thing: Any) -> Any:
        """Send a thing once a worker, and return what stands for it in calls."""
        # To all of them, for what one of them alone has is lost with it.
        return self.client.scatter(thing, hash=False, broadcast=True)

    def run(
        self, function: Callable[..., Any], calls: dict[str, tuple[Any, ...]]
    ) -> Iterator[tuple[str, Any]]:
        """Yield what calls return, by key, as they end; LOST for those that cannot."""
        from distributed import KilledWorker, as_completed

        options = {"pure": False, **self.options}
        keys = {
            self.client.submit(function, *arguments, **options): key
            for key, arguments in calls.items()
        }
        try:
            for future in as_completed(keys):
                if future.cancelled():
                    raise ConnectionError(
                        "The dask scheduler has gone, or has cancelled the cells. "
                        "Cells that are finished are kept where the run has a folder: "
                        "run it again."
                    )
                if isinstance(future.exception(), KilledWorker):
                    yield keys.pop(future), LOST
                else:
                    yield keys.pop(future), future.result()
        finally:
            self.client.cancel(list(keys))


class Ray:
    """The Ray cluster that this process is connected to, or one on this machine.

    A task whose worker is lost is tried twice.

    Parameters
    ----------
    backend : RayBackend
        Of joblib; tasks are submitted with its ``ray_remote_args``.
    """

    def __init__(self, backend: Any) -> None:
        self.options = backend.ray_remote_args or {}

    def shared(self, thing: Any) -> Any:
        """Send a thing once, and return what stands for it in calls."""
        import ray

        return ray.put(thing)

    def run(
        self, function: Callable[..., Any], calls: dict[str, tuple[Any, ...]]
    ) -> Iterator[tuple[str, Any]]:
        """Yield what calls return, by key, as they end; LOST for those that cannot."""
        import ray
        from ray.exceptions import NodeDiedError, OutOfMemoryError, WorkerCrashedError

        options = {"num_cpus": 1, "max_retries": 1, **self.options}
        remote = ray.remote(**options)(function)
        keys = {remote.remote(*arguments): key for key, arguments in calls.items()}
        try:
            while keys:
                for done in ray.wait(list(keys))[0]:
                    try:
                        outcome = ray.get(done)
                    except (NodeDiedError, OutOfMemoryError, WorkerCrashedError):
                        outcome = LOST
                    yield keys.pop(done), outcome
        finally:
            for task in keys:
                ray.cancel(task, force=True)
