"""Correlation clustering: the groups that agree best with answers that disagree.

It maximises the summed evidence of the pairs inside groups, with as many groups as
that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal.cluster._evidence import Evidence

#: Passes over the nodes before a search gives up on standing still.
_PASSES = 30
#: Gains below this are rounding.
_LEAST_GAIN = 1e-9


def correlation_clustering(
    evidence: Evidence, labels: NDArray[np.int64], max_groups: int | None
) -> NDArray[np.int64]:
    """Improve groups by moving a node at a time, and by merging two groups.

    A node opens a group of its own where it is unwelcome in all others.
    """
    labels = np.unique(labels, return_inverse=True)[1]
    for _ in range(_PASSES):
        moved = move_nodes(evidence, labels, max_groups)
        merged = merge_groups(evidence, moved)
        if np.array_equal(merged, labels):
            break
        labels = merged
    return labels


def move_nodes(evidence, labels, max_groups):
    """Move each node that is better off elsewhere, the one that gains most first."""
    labels = labels.copy()
    pull = evidence.times(one_hot(labels))
    pull = np.hstack([pull, np.zeros((len(labels), 1))])  # the last group is empty
    counts = np.bincount(labels, minlength=pull.shape[1])
    for _ in range(_PASSES * len(labels)):
        gain = pull.max(axis=1) - pull[np.arange(len(labels)), labels]
        node = gain.argmax()
        if gain[node] <= _LEAST_GAIN:
            break
        old, new = labels[node], pull[node].argmax()
        opens = counts[new] == 0
        if opens and not may_open(counts, max_groups, pull[node, old]):
            pull[node][counts == 0] = -np.inf
            continue
        column = column_of(evidence, node)
        pull[:, old] -= column
        pull[:, new] += column
        labels[node] = new
        counts[old], counts[new] = counts[old] - 1, counts[new] + 1
        if opens and (counts == 0).sum() == 0:
            pull = np.hstack([pull, np.zeros((len(labels), 1))])
            counts = np.append(counts, 0)
    return np.unique(labels, return_inverse=True)[1]


def may_open(counts, max_groups, pull_now):
    """Tell whether one more group may be: what must be honoured opens it anyway."""
    return max_groups is None or (counts > 0).sum() < max_groups or pull_now < -1e5


def column_of(evidence, node):
    """Return what a node's presence in a group says for each other node: (m,)."""
    row = evidence.answers[[node]]
    column = np.zeros(evidence.answers.shape[0])
    column[row.indices] = row.data
    if evidence.prior_weight:
        pull = 2 * evidence.prior @ evidence.prior[node]
        pull -= evidence.sizes * evidence.sizes[node]
        pull[node] = 0
        column += evidence.prior_weight * pull
    return column


def merge_groups(evidence, labels):
    """Merge the two groups that gain most by it, until none do."""
    while labels.max() > 0:
        member = one_hot(labels)
        between = member.T @ evidence.times(member)
        np.fill_diagonal(between, -np.inf)
        first, second = np.unravel_index(between.argmax(), between.shape)
        if between[first, second] <= _LEAST_GAIN:
            break
        labels = np.where(labels == second, first, labels)
        labels = np.unique(labels, return_inverse=True)[1]
    return labels


def one_hot(labels):
    """Return labels as indicator columns: (m, K)."""
    out = np.zeros((len(labels), labels.max() + 1))
    out[np.arange(len(labels)), labels] = 1
    return out
