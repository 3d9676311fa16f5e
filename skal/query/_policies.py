"""By what rule a bandit shares its questions out among its arms."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skal.query._outcomes import n_asked, outcomes_of, surprises_of

if TYPE_CHECKING:
    from typing import Any

#: The points at which beliefs about an arm are laid out.
_GRID = 2048
#: Draws of what each arm is worth, where there is no formula.
_DRAWS = 1000
#: EXP4.P keeps its promise with a probability of 1 minus this.
_DELTA = 0.1


@dataclass(frozen=True)
class Policy:
    """A rule: how likely each of K arms is to be asked in the next query.

    ``advised`` says whether every arm gives its advice in every query, asked or not.
    """

    names: Any
    discount: float
    horizon: int

    advised = False

    @property
    def n_arms(self):
        """The number of arms, K."""
        return len(self.names)

    def shares(self, view, rows, rng):
        """Return the chances of the arms (K,), and what else is worth recording."""
        return np.full(self.n_arms, 1 / self.n_arms), {}

    def _weights(self, outcomes):
        """Weigh the queries, the latest by 1 and each before it by less."""
        return self.discount ** np.arange(len(outcomes))[::-1]


class Uniform(Policy):
    """Every arm alike, whatever comes of it."""


class Surprise(Policy):
    """Thompson sampling by whether the model was wrong on what an arm asked for."""

    graded = False

    def shares(self, view, rows, rng):
        outcomes = outcomes_of(view, self.names)
        surprises = surprises_of(view, outcomes, self.graded)
        counts = np.ones((2, self.n_arms))  # a flat belief in each arm
        for weight, outcome, wrong in zip(
            self._weights(outcomes), outcomes, surprises, strict=True
        ):
            for side, share in zip(counts, (wrong, 1 - wrong), strict=True):
                side += weight * np.bincount(outcome.arms, share, self.n_arms)
            counts[1] += weight * ~outcome.is_alive  # asked in vain
        return chances_of_being_best(*counts), {}


class Thompson(Surprise):
    """Thompson sampling by how improbable the model had held the answers."""

    graded = True


class Tailor(Policy):
    """Thompson sampling by the classes an arm finds; rare ones are worth more."""

    def shares(self, view, rows, rng):
        if view.y_training is None:
            return super().shares(view, rows, rng)
        classes, codes = np.unique(view.y_training, return_inverse=True)
        y = view.in_order(codes, rejected=len(classes))
        outcomes = outcomes_of(view, self.names)
        found = np.ones((self.n_arms, len(classes) + 1))
        for weight, outcome in zip(self._weights(outcomes), outcomes, strict=True):
            np.add.at(found, (outcome.arms, y[outcome.places]), weight)
        n_labels = np.bincount(codes, minlength=len(classes))
        worth = np.where(2 * n_labels > len(codes), -1.0, 1.0) / n_labels
        draws = rng.standard_gamma(found[:, :-1], (_DRAWS, *found[:, :-1].shape))
        draws /= draws.sum(axis=2, keepdims=True)  # (draws, K, C) of a Dirichlet
        value = draws @ worth  # (draws, K)
        # Classes of one size are of one worth: then no arm is better than another.
        value += 1e-9 * np.abs(worth).max() * rng.uniform(size=value.shape)
        best = value.argmax(axis=1)
        return np.bincount(best, minlength=self.n_arms) / _DRAWS, {}


class Exp4P(Policy):
    """EXP4.P, whose reward is the surprise of the answers."""

    advised = True

    def shares(self, view, rows, rng):
        outcomes = outcomes_of(view, self.names, ("advised",))
        rewards, told = self._rewards(view, rows, outcomes)
        weights = np.zeros(self.n_arms)  # logarithms
        scale = sqrt(log(self.n_arms / _DELTA) / (self.n_arms * self.horizon))
        for outcome, reward in zip(outcomes, rewards, strict=True):
            advised = outcome.info["advised"][outcome.asked]  # (m, K)
            gain = (reward / chances_of(outcome)) @ advised / max(len(advised), 1)
            weights += self.least / 2 * (gain + scale * self._spread(outcome))
        weights = np.exp(weights - weights.max())
        share = weights / weights.sum()
        return (1 - self.n_arms * self.least) * share + self.least, told

    @property
    def least(self):
        """The least that an arm can be given."""
        return sqrt(log(self.n_arms) / (self.n_arms * self.horizon))

    def _rewards(self, view, rows, outcomes):
        """Return the rewards of the answers to each query, and what is to be told."""
        return surprises_of(view, outcomes), {}

    def _spread(self, outcome):
        """Return a bound on the variance of what each arm is held to have earned."""
        return outcome.info["spread"]


class ALBL(Exp4P):
    """EXP4.P, whose reward is the importance-weighted accuracy, as published."""

    def _rewards(self, view, rows, outcomes):
        if not outcomes:
            return [], {}
        hits = np.asarray(view.y_training) == view.predict(view.X_training)
        right = view.in_order(hits, rejected=False)
        total = sum(
            right[outcome.places] @ (1 / chances_of(outcome)) for outcome in outcomes
        )
        latest = float(total / ((n_asked(view) + len(rows)) * self.horizon))
        # What the model of an earlier round was worth was told by the query after it;
        # where another policy asked that, nobody knows.
        earlier = [after.info.get("reward", 0.0) for after in outcomes[1:]]
        return [*earlier, latest], {"reward": latest}

    def _spread(self, outcome):
        """Return 1 over the chance of each arm, as if no two advised the same row."""
        return 1 / outcome.info["probabilities"]


def chances_of(outcome):
    """Return how likely each answered row was to be asked for, whoever asked."""
    chances = outcome.info["probabilities"]
    advised = outcome.info["advised"][outcome.asked]  # (m, K)
    return advised @ chances / chances[outcome.is_alive].sum()


def chances_of_being_best(successes, failures):
    """Return how likely each Beta-distributed chance is the largest of them all."""
    x = (np.arange(_GRID) + 0.5) / _GRID
    density = (successes[:, None] - 1) * np.log(x)
    density += (failures[:, None] - 1) * np.log1p(-x)  # (K, grid)
    density = np.exp(density - density.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    below = np.cumsum(density, axis=1) - density / 2
    best = np.array(
        [
            one @ np.prod(np.delete(below, k, axis=0), axis=0)
            for k, one in enumerate(density)
        ]
    )
    return best / best.sum()


def least_horizon(n_arms):
    """Return the fewest rounds that EXP4.P can plan for."""
    return max(1, ceil(n_arms * log(n_arms)))


#: The policies by name.
POLICIES: dict[str, type[Policy]] = {
    "surprise": Surprise,
    "thompson": Thompson,
    "exp4p": Exp4P,
    "albl": ALBL,
    "tailor": Tailor,
    "uniform": Uniform,
}
#: Those that count classes, or rows that are right.
OF_CLASSES = ("albl", "tailor")
