"""A batch asked of several strategies, of which some may fail."""

from __future__ import annotations

import warnings

import numpy as np

from skal.query._mixture import draw_counts
from skal.query._picks import ask, scores_of


class Panel:
    """Several strategies, and the rows that they have picked together.

    One that fails tells why in ``failed``, warns, and is not asked again in this query.

    Parameters
    ----------
    names : list of str
        What the strategies are called.
    arms : list of QueryStrategy
        The strategies.
    view, rows, rng :
        What is handed on to them.
    """

    def __init__(self, names, arms, view, rows, rng):
        self.names = names
        self.arms = arms
        self.view = view
        self.rows = rows
        self.rng = rng
        self.picked = []  # positions, the number of the arm, the score
        self.failed = {}
        self._left = np.ones(len(rows), bool)

    @property
    def is_alive(self):
        """Which strategies have not failed."""
        return ~np.isin(self.names, [*self.failed])

    def pick(self, chances, n_instances):
        """Share a batch out by chance; what one fails to pick goes to the others."""
        missing = n_instances
        while missing:
            for arm, count in enumerate(self._counts(chances, missing)):
                if count:
                    missing -= self._ask(arm, count)

    def advice(self, n_instances):
        """Let every strategy pick a batch for itself: (K, n) positions, scores."""
        return [
            self._answer(arm, n_instances, np.arange(len(self.rows)))
            for arm in range(len(self.arms))
        ]

    def follow(self, advice, chances, n_instances):
        """Share a batch out by chance; each picks the best of its advice that is left.

        ``advice`` is what ``advice`` has returned.
        """
        for arm, count in enumerate(self._counts(chances, n_instances)):
            if count:
                positions, scores = advice[arm]
                free = np.flatnonzero(self._left[positions])[:count]
                self._take(arm, positions[free], scores[free])

    def batch(self):
        """Return positions and arms, so interleaved that each part keeps the shares."""
        parts = [positions for positions, _, _ in self.picked]
        places = np.concatenate([(np.arange(len(p)) + 0.5) / len(p) for p in parts])
        order = np.argsort(places, kind="stable")
        by = np.repeat([arm for _, arm, _ in self.picked], [len(p) for p in parts])
        scores = np.concatenate([scores for _, _, scores in self.picked])
        return np.concatenate(parts)[order], by[order], scores[order]

    def _counts(self, chances, n_instances):
        """Draw how many rows each is asked for, among those that have not failed."""
        chances = np.where(self.is_alive, chances, 0.0)
        if not chances.any():  # all that had a chance have failed
            chances = self.is_alive.astype(float)
        if not chances.any():
            said = "; ".join(f"{name}: {why}" for name, why in self.failed.items())
            raise RuntimeError(
                "strategies must hold one that can pick, got an error from each of "
                f"them. {said}"
            )
        return draw_counts(chances / chances.sum(), n_instances, self.rng)

    def _ask(self, arm, count):
        """Let a strategy pick among the rows left; return how many it has picked."""
        answer = self._answer(arm, count, np.flatnonzero(self._left))
        if answer is None:
            return 0
        self._take(arm, *answer)
        return count

    def _take(self, arm, positions, scores):
        self.picked.append((positions, arm, scores))
        self._left[positions] = False

    def _answer(self, arm, count, among):
        """Return positions and scores; None where the strategy fails."""
        rows = self.rows.take(among)
        try:
            picked, info = ask(self.arms[arm], self.view, rows, count, self.rng)
        except Exception as error:
            if not self.view.__sklearn_is_fitted__():
                raise  # there is no model yet, and it needs one
            name, why = self.names[arm], f"{type(error).__name__}: {error}"
            self.failed[name] = why
            warnings.warn(
                f"The strategy {name!r} has failed, and the others have picked in its "
                f"place. {why}",
                UserWarning,
                stacklevel=2,
            )
            return None
        return among[picked], scores_of(info, count)
