"""What the laws try a pair strategy on: learners of preferences, after some answers."""

from functools import cached_property

import numpy as np

from skal.cluster import PreferenceLearner, PreferenceView, UniformPairs
from skal.testing._pair_trial import PairTrial

#: Rows and features.
N_ROWS, N_FEATURES = 12, 3


class PreferenceTrial(PairTrial):
    """A pair strategy, rows with utilities, and views of them after some answers."""

    asking = "preferences"
    ways = ({"over": "features"}, {"over": "items"})

    def __init__(self, strategy, *, random_state=0):
        super().__init__(strategy, random_state=random_state)
        self.name += ", asked for preferences,"

    @cached_property
    def y(self):
        """The utilities, which no strategy may see; no two are equal."""
        return self.X @ np.random.RandomState(self.seed).normal(size=N_FEATURES)

    @cached_property
    def X(self):
        """Rows whose utility is linear in them."""
        rng = np.random.RandomState(self.seed + 1)
        return rng.normal(size=(N_ROWS, N_FEATURES))

    @cached_property
    def views(self):
        """Views by name: over both, before answers, of exact, unsure and noisy ones."""
        stages = {
            "no answers": (0, {}),
            "exact answers": (12, {}),
            "many exact answers": (60, {}),
            "answers of None": (12, {"unclear": 0.4}),
            "noisy answers": (24, {"noise": 0.2}),
        }
        return {
            f"{name} over {over}": self.view_after(n_answers, over=over, **answers)
            for over in ("features", "items")
            for name, (n_answers, answers) in stages.items()
        }

    def view_after(self, n_answers, *, over="items", noise=0.0, unclear=0.0):
        """Return what a strategy sees after answers about random pairs."""
        learner = self.learner(UniformPairs(), over=over).fit(self.X)
        rng = np.random.RandomState(self.seed)
        while learner.n_queries_ < n_answers and len(pairs := learner.query(4)):
            answers = [self.answer(i, j, rng, noise, unclear) for i, j in pairs]
            learner.teach(pairs, answers)
        return PreferenceView(learner._belief, learner.pairs_, learner.answers_)

    def truth(self, i, j):
        """Answer as somebody does who always knows."""
        return bool(self.y[i] > self.y[j])

    def parts(self, view):
        """Return the arrays that a strategy sees, which are not its own."""
        belief = view.belief
        return view.pairs, view.values, view.utilities, belief.Z, belief.weights

    def moved(self, view, order):
        """Return the view of the same items in another order."""
        place = np.argsort(order)
        over = "items" if view.belief.Z is None else "features"
        learner = self.learner(over=over).fit(self.X[order])
        if len(view.pairs):
            answers = [None if np.isnan(v) else float(v) for v in view.values]
            learner.teach(place[view.pairs], answers)
        return PreferenceView(learner._belief, learner.pairs_, learner.answers_)

    def learner(self, strategy=None, **params):
        """Build a learner that goes on while anything is open."""
        return PreferenceLearner(
            self.strategy if strategy is None else strategy,
            **{"n_queries": None, "random_state": self.seed, **params},
        )
