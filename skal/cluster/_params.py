"""What the parameters of a clusterer may be, and what a budget comes to."""

from __future__ import annotations

from skal._checks import check_int, check_number
from skal.cluster._strategy import as_pair_strategy

#: Answers that a super-instance takes: exact ones, and noisy ones.
_EXACT, _NOISY = 2, 16
#: Super-instances where no budget says how many, and the most that "auto" makes.
_USUAL, _MOST = 100, 1000


def checked_strategy(clusterer):
    """Raise on bad parameters of a clusterer; return its strategy."""
    for name, least in (("n_clusters", 1), ("n_queries", 0)):
        if getattr(clusterer, name) is not None:
            check_int(name, getattr(clusterer, name), least)
    check_int("batch_size", clusterer.batch_size)
    n_items = clusterer.n_super_instances
    if isinstance(n_items, str):
        if n_items != "auto":
            raise ValueError(
                "n_super_instances must be an integer, 'auto' or None, got "
                f"{n_items!r}."
            )
    elif n_items is not None:
        check_int("n_super_instances", n_items)
    check_noise(clusterer.oracle_noise)
    strategy = as_pair_strategy(clusterer.query_strategy, asking="groups")
    strategy._check_params()
    return strategy


def check_noise(noise):
    """Refuse a share of wrong answers that is none."""
    if isinstance(noise, str):
        if noise != "estimate":
            raise ValueError(
                "oracle_noise must be a number in [0, 0.5) or 'estimate', got "
                f"{noise!r}."
            )
        return
    if check_number("oracle_noise", noise, minimum=0) >= 0.5:
        raise ValueError(
            f"oracle_noise must be in [0, 0.5), got {noise!r}. Answers that are wrong "
            "half the time say nothing."
        )


def n_items_of(clusterer, n_rows):
    """Return how many super-instances to look for."""
    n_items = clusterer.n_super_instances
    if n_items == "auto":
        n_items = _USUAL
        if clusterer.n_queries is not None:
            share = _EXACT if clusterer.oracle_noise == 0 else _NOISY
            n_items = min(max(clusterer.n_queries // share, 2), _MOST)
        n_items = max(n_items, clusterer.n_clusters or 1)
    return n_rows if n_items is None else min(n_rows, n_items)


def n_left(clusterer):
    """Return how many answers fit may still buy."""
    if clusterer.n_queries is not None:
        return clusterer.n_queries - clusterer.n_queries_
    if clusterer.mode_ == "closure":
        return clusterer.batch_size  # until nothing is left to ask
    return _NOISY * len(clusterer.super_instances_) - clusterer.n_queries_
