"""A model on its way to where the rows lie: it goes once, however many blocks ask."""

import sys
from contextlib import contextmanager

#: Above so many bytes of graph distributed warns; models are meant to travel in it.
_WARNS_ABOVE = "distributed.admin.large-graph-warning-threshold"


@contextmanager
def travelling(value):
    """Return a value as one node of a dask graph, to be computed within.

    In the graph a worker that is lost takes no copy with it that cannot be had again.
    """
    import dask

    node = dask.delayed(value, traverse=False, pure=False)
    if "distributed" not in sys.modules:
        yield node
        return
    import cloudpickle
    from dask.utils import parse_bytes

    size = parse_bytes(dask.config.get(_WARNS_ABOVE)) + len(cloudpickle.dumps(value))
    with dask.config.set({_WARNS_ABOVE: size}):
        yield node
