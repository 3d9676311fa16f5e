"""What the laws try a pair strategy on: clusterers that have heard some answers."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from skal.cluster import ActiveClusterer, UniformPairs, as_pair_strategy

#: Groups, rows of each, and features.
N_GROUPS, N_EACH, N_FEATURES = 4, 10, 3


class PairTrial:
    """A pair strategy, rows in groups, and views of them after some answers."""

    #: What pairs are to be good for.
    asking = "groups"
    #: The parameters under which answers that nobody asks for must not matter.
    ways: ClassVar[tuple[dict[str, Any], ...]] = (
        {"oracle_noise": 0.0},
        {"oracle_noise": 0.1},
    )

    def __init__(self, strategy, *, random_state=0):
        self.strategy = as_pair_strategy(strategy, "strategy", asking=self.asking)
        self.name = getattr(strategy, "__name__", None) or repr(strategy)
        self.seed = random_state

    @cached_property
    def y(self):
        """The groups, which no strategy may see."""
        labels = np.repeat(np.arange(N_GROUPS), N_EACH)
        return np.random.RandomState(self.seed).permutation(labels)

    @cached_property
    def X(self):
        """Rows that lie near others of their group, but not always nearest."""
        rng = np.random.RandomState(self.seed + 1)
        means = rng.normal(scale=2, size=(N_GROUPS, N_FEATURES))
        return means[self.y] + rng.normal(size=(len(self.y), N_FEATURES))

    @cached_property
    def views(self):
        """Views by name: before answers, of exact, unsure and noisy ones."""
        return {
            "no answers": self.view_after(0),
            "exact answers": self.view_after(40),
            "many exact answers": self.view_after(200),
            "answers of None": self.view_after(40, unclear=0.4),
            "noisy answers": self.view_after(200, noise=0.1),
        }

    def view_after(self, n_answers, *, noise=0.0, unclear=0.0):
        """Return what a strategy sees after answers about random pairs."""
        seen = []

        def watch(view, n_pairs, random_state):
            seen.append(view)
            return UniformPairs()(view, n_pairs, random_state=random_state)

        clusterer = self.learner(watch, oracle_noise=noise, batch_size=20)
        clusterer.fit(self.X)
        rng = np.random.RandomState(self.seed)
        while clusterer.n_queries_ < n_answers:
            pairs = clusterer.query()
            if len(pairs) == 0:
                break
            answers = [self.answer(i, j, rng, noise, unclear) for i, j in pairs]
            clusterer.teach(pairs, answers)
        clusterer.query()
        return seen[-1]

    def answer(self, i, j, rng, noise, unclear):
        """Answer as somebody does who errs and who cannot always tell."""
        flipped, silent = rng.uniform() < noise, rng.uniform() < unclear
        return None if silent else bool(self.truth(i, j) != flipped)

    def truth(self, i, j):
        """Answer as somebody does who always knows."""
        return bool(self.y[i] == self.y[j])

    def parts(self, view):
        """Return the arrays that a strategy sees, which are not its own."""
        arrays = view.centers, view.sizes, view.pairs, view.values
        return *arrays, view.labels, view.chances

    def moved(self, view, order):
        """Return the view of the same items in another order."""
        return view.take(order)

    def learner(self, strategy=None, **params):
        """Build a clusterer that takes every row by itself."""
        return ActiveClusterer(
            query_strategy=self.strategy if strategy is None else strategy,
            n_super_instances=None,
            random_state=self.seed,
            **params,
        )

    def ask(self, view, n_pairs=1, seed=0):
        """Ask the strategy for pairs; smaller positions first."""
        pairs = self.strategy(view, n_pairs, random_state=seed)
        return np.sort(pairs, axis=1)


def as_set(pairs):
    """Return pairs as a set, whichever way round they are."""
    return {tuple(sorted(map(int, pair))) for pair in pairs}
