"""What a clusterer has come to: its items, the answers, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skal._seed import stream
from skal.cluster._answers import Answers
from skal.cluster._closure import Closure
from skal.cluster._evidence import Evidence
from skal.cluster._exact import exact_belief
from skal.cluster._items import Items
from skal.cluster._noisy import estimate_noise, noisy_belief
from skal.cluster._view import PairView
from skal.query.functional import kmeans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal.cluster._belief import Belief

#: The share of wrong answers that is reckoned with where a noise of 0 is given, but
#: some answers are only more or less sure.
_LEAST_NOISE = 0.01
#: How often noise and groups are estimated from each other after some answers.
_ROUNDS = 3


@dataclass(frozen=True)
class State:
    """A clusterer between two questions; a step returns the state after it.

    Attributes
    ----------
    items : Items
        What is asked about.
    answers : Answers
        The answers so far.
    n_clusters : int or None
        How many groups there are, if that is known.
    noise : float or "estimate"
        The share of wrong answers, as given.
    seed : int
        Names the random streams.
    first : ndarray of shape (m,)
        The clusters of the items before any answer.
    groups : ndarray of shape (m,) or None
        The groups before the last answers, which correlation clustering improves.
    contradicted : bool
        Whether answers given as exact contradict each other.
    """

    items: Items
    answers: Answers
    n_clusters: int | None
    noise: float | str
    seed: int
    first: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    contradicted: bool = False

    @classmethod
    def start(cls, E, n_items, n_clusters, noise, seed):
        """Return the state before the first answer."""
        items = Items.find(E, n_items, stream(seed, 0, "super-instances"))
        n_first = n_clusters or round(len(items) ** 0.5)
        first = kmeans(
            items.centers,
            min(n_first, len(items)),
            sample_weight=items.sizes,
            random_state=stream(seed, 0, "first clusters"),
        )[1].astype(np.int64)
        return cls(items, Answers.none(), n_clusters, noise, seed, first)

    def taught(self, E, pairs, values):
        """Return the state after more answers, about any rows."""
        items = self.items.with_rows(E, pairs.ravel())
        parents = items.parent[len(self.items) :]
        first = np.concatenate([self.first, self.first[parents]])
        groups = self.belief.labels
        groups = np.concatenate([groups, groups[parents]])
        answers = self.answers.and_then(pairs, values)
        new = replace(self, items=items, answers=answers, first=first, groups=groups)
        if new.noise == 0 and not new._plain_closure.is_consistent:
            new = replace(new, contradicted=True)
        return new

    @property
    def pairs(self):
        """The pairs of items that were answered: (a, 2), the smaller first."""
        return np.sort(self.items.of_row[self.answers.pairs], axis=1)

    @property
    def claims_exact(self):
        """Whether what is surely said must be honoured."""
        return self.noise == 0 and not self.contradicted

    @property
    def mode(self):
        """How groups are found: "closure", or "correlation" of noisy answers."""
        exact = self.claims_exact and self.answers.are_exact
        return "closure" if exact else "correlation"

    @cached_property
    def _plain_closure(self):
        values, pairs = self.answers.values, self.pairs
        return Closure.of(len(self.items), pairs[values == 1], pairs[values == -1])

    @cached_property
    def closure(self):
        """What exact answers imply, or None where they may be wrong."""
        if not self.claims_exact:
            return None
        closure = self._plain_closure
        return closure.with_groups(self.n_clusters) if self.n_clusters else closure

    @cached_property
    def _noisy(self):
        """Groups and noise that fit each other: (belief, noise)."""
        given = self.noise if not self.contradicted else "estimate"
        start = self.first if self.groups is None else self.groups
        noise = 0.1 if given == "estimate" else max(float(given), _LEAST_NOISE)
        if given == "estimate" and self.groups is not None:
            noise = estimate_noise(self.pairs, self.answers.values, start)
        for _ in range(_ROUNDS if given == "estimate" else 1):
            belief = noisy_belief(
                self.pairs,
                self.answers.values,
                noise,
                self.first,
                start,
                self.closure,
                self.n_clusters,
            )
            if given != "estimate":
                break
            before, start = noise, belief.labels
            noise = estimate_noise(self.pairs, self.answers.values, start)
            if abs(before - noise) < 0.01:
                break
        return belief, noise

    @cached_property
    def belief(self) -> Belief:
        """The group of each item, and how sure it is."""
        if self.mode == "closure":
            rng = stream(self.seed, len(self.answers), "groups")
            return exact_belief(self.closure, self.items, self.n_clusters, rng)
        return self._noisy[0]

    @property
    def noise_now(self):
        """The share of wrong answers, as given or estimated."""
        return 0.0 if self.claims_exact else self._noisy[1]

    @cached_property
    def view(self):
        """What a strategy may ask."""
        evidence = None
        if self.mode == "correlation":
            noise = max(self._noisy[1], _LEAST_NOISE)
            evidence = Evidence.of(
                len(self.items), self.pairs, self.answers.values, noise, self.first
            )
        return PairView(
            self.items.centers,
            self.items.sizes,
            self.pairs,
            self.answers.values,
            self.closure,
            self.belief,
            evidence,
        )

    def __getstate__(self):
        """Leave out what can be worked out again."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def ask(self, strategy, n_pairs):
        """Return pairs of rows that a strategy picks; the same if it is asked again."""
        rng = stream(self.seed, len(self.answers), "query")
        pairs = strategy(self.view, n_pairs, random_state=rng)
        return self.items.rows[pairs]

    def row_labels(self):
        """Return the group of each row, numbered in the order of their first rows."""
        labels = self.belief.labels[self.items.of_row]
        return numbered(labels)


def numbered(labels):
    """Return labels with groups numbered from 0 in the order of their first members."""
    _, first, labels = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[labels]
