"""A batch shared out among several strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._meta import NamedMembersMixin
from skal.query._names import as_strategy
from skal.query._picks import scores_of, split_result
from skal.query._random import RandomSampling, told_of_sample
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from skal.query._base import QueryStrategy


class Mixture(NamedMembersMixin, WrapperStrategy):
    """Share each batch out among several strategies.

    Exploration finds what the model does not know of, exploitation settles what it
    doubts: with a share of both no region stays unseen. No row is picked twice: each
    strategy chooses among the rows that those before it have left.

    Parameters
    ----------
    bases : list of (str, strategy)
        Names and strategies; a strategy may be a name such as "margin", too. Its own
        name is the prefix of its parameters: ``exploit__base__n_samples``. The default
        is "random" as "explore" and "margin" as "exploit".
    weights : sequence of float, dict or callable, default=None
        The shares of the strategies, in the order of ``bases``; they need not add up
        to 1. None shares evenly. A dict maps numbers of labels to shares, with
        straight lines in between: ``{20: [1, 0], 200: [0, 1]}``. A callable
        ``f(round, n_labels)`` returns the shares; to be pickled it must be a function
        of a module.

    Attributes
    ----------
    needs : frozenset of str
        What any of the strategies needs.

    See Also
    --------
    Bandit : Learns the shares from the answers.
    ClassBalanced : Shares a batch out among predicted classes.
    Schedule : One strategy after the other.

    Notes
    -----
    Cost: O(n) a base for n rows, beside the strategies whose share is not 0; they share
    the model's answers. What a share leaves over after whole rows is drawn, so that a
    strategy with a quarter of batches of 2 picks a row in every second batch on
    average.

    The batch is interleaved: each part of it keeps the shares. ``info["base"]`` tells
    which strategy picked each row. Where "random" comes first, as it does by default,
    ``info["sample"]`` holds the positions in the pool that it drew, from all of
    ``info["sampled_from"]`` rows: what :class:`~skal.stopping.RecallTarget` reads.

    References
    ----------
    Osugi, T., Kim, D., Scott, S. (2005). Balancing exploration and exploitation: a
    new algorithm for active machine learning. ICDM. doi:10.1109/ICDM.2005.33

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import Mixture
    >>> X, y = load_iris(return_X_y=True)
    >>> mixture = Mixture(weights=[1, 3]).set_params(exploit="entropy")
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> _, info = mixture(model, X, n_instances=8, random_state=0)
    >>> info["base"].tolist().count("exploit")
    6
    """

    _members_param = "bases"

    def __init__(
        self,
        bases: Sequence[tuple[str, str | QueryStrategy | Callable[..., Any]]] = (
            ("explore", "random"),
            ("exploit", "margin"),
        ),
        weights: Sequence[float]
        | Mapping[int, Sequence[float]]
        | Callable[[int, int], Sequence[float]]
        | None = None,
    ) -> None:
        self.bases = bases
        self.weights = weights

    def _bases(self):
        self.check_members()
        return [as_strategy(base, name) for name, base in self.bases]

    @property
    def _by_blocks(self):
        return self._bases_by_blocks

    def _check_params(self):
        weights: Any = self.weights
        if isinstance(weights, dict):
            for shares in table_of(weights)[1]:
                self._checked(shares)
        elif weights is not None and not callable(weights):
            self._checked(weights)

    def _query(self, view, rows, n_instances, rng):
        shares = self._shares(view.round, view.n_labels)
        names = [name for name, _ in self.bases]
        named = zip(names, self._bases(), strict=True)
        return share_out(named, shares, view, rows, n_instances, rng)

    def _shares(self, round, n_labels):
        """Return the shares of this round; they add up to 1."""
        weights: Any = self.weights
        if weights is None:
            weights = np.ones(len(self.bases))
        elif callable(weights):
            weights = weights(round, n_labels)
        elif isinstance(weights, dict):
            weights = between(weights, n_labels)
        shares = self._checked(weights)
        return shares / shares.sum()

    def _checked(self, weights):
        """Return weights as an array, if they are a share for each strategy."""
        try:
            shares = np.asarray(weights, dtype=float)
        except (TypeError, ValueError):
            shares = np.empty(0)
        right = shares.shape == (len(self.bases),) and np.all(np.isfinite(shares))
        if not right or shares.min() < 0 or shares.sum() == 0:
            raise ValueError(
                f"weights must give {len(self.bases)} shares, none below 0 and not all "
                f"of them 0, got {weights!r}. bases has {len(self.bases)} strategies."
            )
        return shares


def share_out(named, shares, view, rows, n_instances, rng):
    """Let strategies pick in turn, each by its share among the rows that are left."""
    left = np.arange(len(rows))
    parts: list[Any] = []
    scores: list[Any] = []
    told: dict[str, Any] = {}
    counts = draw_counts(shares, n_instances, rng)
    for (name, base), count in zip(named, counts, strict=True):
        if count == 0:
            continue
        result = base(view, rows.take(left), count, random_state=rng)
        picked, info = split_result(result)
        if type(base) is RandomSampling and not parts:  # the others leave less
            told = told_of_sample(rows, picked)
        parts.append((name, left[picked]))
        scores.append(scores_of(info, count))
        left = np.delete(left, picked)
    picked, info = interleaved(parts, scores)
    return picked, {**info, **told}


def between(knots, n_labels):
    """Interpolate shares between the numbers of labels for which they are given."""
    at, table = table_of(knots)
    return [np.interp(n_labels, at, column) for column in table.T]


def table_of(knots):
    """Return numbers of labels in order, and a row of shares for each."""
    try:
        at = np.asarray(sorted(knots), dtype=float)
        table = np.asarray([knots[key] for key in sorted(knots)], dtype=float)
    except (TypeError, ValueError):
        table = np.empty(0)
    if table.ndim != 2:
        raise ValueError(
            "weights must map numbers of labels to lists of as many shares as there "
            f"are bases, got {knots!r}."
        )
    return at, table


def draw_counts(shares, n_instances, rng):
    """Share rows out: whole rows by right, what is left over by one systematic draw.

    Each count is one of the two whole numbers next to its share, and the share on
    average.
    """
    edges = np.cumsum(shares) * n_instances
    edges[-1] = n_instances
    edges = np.round(edges, 9)
    offset = rng.uniform() if np.any(edges != np.floor(edges)) else 0.0
    return np.diff(np.floor(edges + offset), prepend=0.0).astype(int)


def interleaved(parts, scores):
    """Merge the picks so that each part of the batch keeps the shares."""
    places = np.concatenate([(np.arange(len(p)) + 0.5) / len(p) for _, p in parts])
    order = np.argsort(places, kind="stable")
    picked = np.concatenate([part for _, part in parts])[order]
    names = np.concatenate([np.full(len(part), name) for name, part in parts])[order]
    info = {"base": names}
    scores = np.concatenate(scores)[order]
    if not np.isnan(scores).all():
        info["score"] = scores
    return picked, info
