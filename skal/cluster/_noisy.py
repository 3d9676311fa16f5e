"""Groups from answers some of which are wrong, and how many are."""

from __future__ import annotations

import numpy as np

from skal.cluster._belief import Belief
from skal.cluster._correlation import correlation_clustering
from skal.cluster._evidence import Evidence
from skal.cluster._mean_field import mean_field

#: The share of wrong answers before any is known, and how many answers that counts for.
_NOISE, _COUNT = 0.1, 20
#: An estimate stays within these.
_BOUNDS = 0.01, 0.45


def noisy_belief(pairs, values, noise, first, start, closure, max_groups):
    """Return the groups of items that agree best with answers, and the chances.

    ``first`` are the clusters before any answer, ``start`` the groups to improve;
    ``closure`` holds what must be honoured, or is None.
    """
    evidence = Evidence.of(len(first), pairs, values, noise, first)
    node = np.arange(len(first)) if closure is None else closure.component
    if closure is not None:
        evidence = evidence.merged(closure)
    firsts = np.unique(node, return_index=True)[1]
    labels = correlation_clustering(evidence, start[firsts], max_groups)
    chances = mean_field(evidence, labels)[node]
    return Belief(labels[node], np.hstack([chances, np.zeros((len(node), 1))]))


def estimate_noise(pairs, values, labels):
    """Return the share of answers that groups contradict, drawn to the usual share."""
    same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    said = np.nan_to_num(values)
    wrong = np.where(same, said < 0, said > 0) * np.abs(said)
    share = (wrong.sum() + _NOISE * _COUNT) / (np.abs(said).sum() + _COUNT)
    return float(np.clip(share, *_BOUNDS))
