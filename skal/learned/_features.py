"""What a scorer sees: ranks and ratios of rows, and of the round that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import name_of
from skal._data import as_rows
from skal._model import as_view, lacking, provides
from skal._seed import as_random_state
from skal.learned._ranks import Ranks, rounded
from skal.query import check_labels, draw_rows, labeled_of, learnt, learnt_columns
from skal.query.functional import Points, common_units, entropy, margin
from skal.query.functional import least_distance as least_distance_of
from skal.query.functional import spread as spread_of

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: The version of what the features mean. A scorer serves the version that it saw.
SCHEMA = 1
#: What is known of a row.
CANDIDATE_FEATURES = (
    "doubt_rank",  # 1 - margin
    "entropy_rank",
    "doubt",
    "confidence",  # 0 for an even chance of each class, 1 for certainty
    "distance_rank",  # to the nearest labelled row
    "distance",  # the same, over the pool's median
    "density_rank",
    "local_doubt_rank",  # of the rows around
    "gain_rank",  # of doubt that a label here would cover
    "gain",  # the same, over the largest
    "disagrees",  # the nearest labelled row has another class than is predicted
    "class_share",  # labels of the predicted class, over those of an average class
)
#: What is known of the round.
STATE_FEATURES = (
    "labels_per_class",  # as a logarithm
    "mean_doubt",
    "std_doubt",
    "mean_entropy",
    "balance",  # 1 where each class has as many labels, 0 where one has all
    "inverse_classes",
)
#: Rows of the pool that density and gain are measured on: fewer of large pools, so
#: that there are no more pairs than these.
_REFERENCE = (128, 256)
_PAIRS = 2**22
#: Tiles of pairs are so many times as thin as others: several are held at once.
_THIN = 4
#: The nearest rows, as a share of the reference, that a density is about.
_NEAR = 0.05
#: The largest ratio that is told apart.
_LIMIT = 4.0
_TINY = np.finfo(np.float32).tiny


def pool_features(
    learner: Any, X: Any, *, random_state: int | np.random.RandomState | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Tell what a scorer sees of the rows of a pool, and of the round.

    Ranks and ratios alone: they mean the same for any number of rows, columns and
    classes, and in any units. Their names stand in ``CANDIDATE_FEATURES`` and
    ``STATE_FEATURES``, their version in ``SCHEMA``.

    Parameters
    ----------
    learner : ModelView, ActiveLearner or fitted estimator
        The model, which must know its labelled rows.
    X : array-like or Rows
        The pool.
    random_state : int, RandomState instance or None, default=None
        Draws the rows that density and coverage are measured on, from more than 256.

    Returns
    -------
    candidates : ndarray of float32 of shape (n_rows, 12)
        What is known of each row.
    state : ndarray of float32 of shape (6,)
        What is known of the round.

    Raises
    ------
    TypeError
        If there are no labelled rows, no probabilities, or several labels a row.

    See Also
    --------
    LearnedStrategy : Scores rows by these.

    Notes
    -----
    Costs O(n (m + r) d) for n rows, m labelled and r <= 256 reference rows and d
    columns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skal import ActiveLearner
    >>> from skal.learned import pool_features
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(random_state=0).fit(X[::10], y[::10])
    >>> candidates, state = pool_features(learner, X, random_state=0)
    >>> candidates.shape, state.shape
    ((150, 12), (6,))
    """
    view = as_view(learner)
    check_labels(None, view)
    if view.target_type != "multiclass":
        raise TypeError(
            "learner must be a classifier of one label a row, got "
            f"{name_of(view.estimator)} of a {view.target_type} target. For those ask "
            "by another strategy."
        )
    if not provides(view.estimator, "proba"):
        raise lacking(view.estimator, "proba")
    features = PoolFeatures(view, as_rows(X), as_random_state(random_state))
    return features.candidates(), features.state


class PoolFeatures:
    """The features of a pool, which follow the picks of a batch.

    A pick brings rows nearer to a label; what else is known stays until it has one.
    """

    def __init__(self, view, rows, rng):
        self.n = len(rows)
        proba = learnt(view, view.predict_proba(rows))  # (n, C)
        self.n_classes = proba.shape[1]
        self.table = np.empty((self.n, len(CANDIDATE_FEATURES)), np.float32)
        entropies = self._doubt(proba)
        self.points, known = embedded(view, rows, rng)
        which = self._measure(known, rng)
        counts = self._classes(view, proba.argmax(axis=1), which)
        self.state = state_of(view.n_labels, counts, self.doubt, entropies)

    def candidates(self):
        """Return the features of each row: (n, F)."""
        return self.table

    def _set(self, name, values, rows=slice(None)):
        self.table[rows, CANDIDATE_FEATURES.index(name)] = values

    def _doubt(self, proba):
        """Fill in what the probabilities say; return entropies from 0 to 1."""
        if self.n_classes == 1:  # nothing is in doubt
            self.doubt = entropies = confidence = np.zeros(self.n, np.float32)
        else:
            # In float32 a margin has six digits.
            self.doubt = np.round(1 - margin(proba), 6).astype(np.float32)
            entropies = np.round(entropy(proba) / np.log(self.n_classes), 6)
            even = 1 / self.n_classes
            best = proba.max(axis=1)
            best = best.astype(np.result_type(best, np.float32), copy=False)
            confidence = np.round((best - even) / (1 - even), 6)
        self._set("doubt_rank", Ranks(self.doubt).of_pool)
        self._set("entropy_rank", Ranks(entropies).of_pool)
        self._set("doubt", self.doubt)
        self._set("confidence", confidence)
        return entropies

    def _measure(self, known, rng):
        """Fill in distances, density and gain; return the nearest labelled row."""
        points = self.points
        which, self.squared = points.nearest(known.take(slice(None)))
        self.squared[self.squared <= points.slack] = 0
        bandwidth = min(spread_of(points), least_distance_of(known))
        self.scale = self._scale(bandwidth**2)
        size = min(self.n, int(np.clip(_PAIRS // self.n, *_REFERENCE)))
        self.reference = np.sort(draw_rows(self.n, size, rng))
        self.around = points.take(self.reference)  # (r, d)
        self.column = np.full(self.n, -1)
        self.column[self.reference] = np.arange(size)
        distance = rounded(np.sqrt(self.squared))
        self.distance_ranks = Ranks(distance)
        self.unit = float(np.median(distance)) or 1.0
        gain = self._nearby()
        self.gain_ranks, self.most = Ranks(gain), float(gain.max()) or 1.0
        self._set("distance_rank", self.distance_ranks.of_pool)
        self._set("gain_rank", self.gain_ranks.of_pool)
        self._fill(slice(None), distance, gain)
        return which

    def _fill(self, rows, distance, gain):
        """Fill in what follows the picks, but for the ranks."""
        self._set("distance", np.minimum(distance / self.unit, _LIMIT), rows)
        self._set("gain", gain / self.most, rows)

    def _nearby(self):
        """Fill in how dense and how doubtful it is around each row; return the gain."""
        doubt, narrow = self.doubt[self.reference], self._narrow()
        density, doubts = np.empty((2, self.n), np.float32)
        covered = np.empty(self.n)
        for rows in self.points.tiles(_THIN * len(doubt)):
            squared = self._squared_to_reference(rows)  # (tile, r)
            covered[rows] = self._covered(squared)
            squared *= narrow
            near = np.exp(squared, out=squared)
            density[rows], doubts[rows] = near.sum(axis=1), near @ doubt
        doubts = rounded(doubts / np.maximum(density, _TINY))
        # A row of the reference does not count itself, and has one row less.
        others = np.full(self.n, len(self.reference))
        others[self.reference] -= 1
        density = rounded(density / np.maximum(others, 1))
        self._set("density_rank", Ranks(density).of_pool)
        self._set("local_doubt_rank", Ranks(doubts).of_pool)
        return self._gain(covered, slice(None))

    def _squared_to_reference(self, rows):
        """Return squared distances to the reference, infinite to the row itself."""
        squared, column = self.points.scaled(rows, self.around, 1), self.column[rows]
        own = np.flatnonzero(column >= 0)
        squared[own, column[own]] = np.inf
        return self._without_noise(squared, rows)

    def _squared(self, rows, others):
        """Return squared distances."""
        return self._without_noise(self.points.scaled(rows, others, 1), rows)

    def _without_noise(self, squared, rows):
        """Return squared distances, 0 where there is no more than rounding."""
        slack = self.points.slack[rows]
        if squared.min() <= slack.max():
            squared[squared <= slack[:, np.newaxis]] = 0
        return squared

    def _narrow(self):
        """Return the scale of a kernel that sees the nearest rows of the reference."""
        r = len(self.reference)
        squared = self._squared(self.reference, self.around)
        k = min(r - 1, max(1, round(_NEAR * r)))
        near = np.partition(squared, k, axis=1)[:, k]  # the first is the row itself
        reach = float(np.median(near)) or spread_of(self.points) ** 2
        return self._scale(reach)

    def _scale(self, squared):
        """Return the factor of a Gaussian kernel as wide as a squared distance."""
        dtype = self.points.dtype
        return dtype.type(-0.5 / max(squared, float(np.finfo(dtype).tiny)))

    def _covered(self, squared):
        """Return the doubt of the reference that a label of each row would cover.

        A row covers those that it is nearer to than any label: few of all pairs.
        """
        r, level = len(self.reference), self.squared[self.reference]
        pairs = np.flatnonzero(squared < level)
        row = pairs // r
        other = pairs - r * row
        more = np.exp(self.scale * squared.ravel()[pairs])
        more -= np.exp(self.scale * level)[other]  # covered so far
        more *= self.doubt[self.reference][other]
        return np.bincount(row, more, minlength=len(squared))

    def _gain(self, covered, rows):
        """Return the doubt that a label of each row would cover, as UHerding's gain."""
        own = self.doubt[rows] * (1 - np.exp(self.scale * self.squared[rows]))
        return rounded(covered * (self.n / len(self.reference)) + own)

    def _classes(self, view, predicted, which):
        """Fill in what is known of the predicted class; return labels a class."""
        y = np.asarray(view.y_training)
        names, counts = np.unique(y, return_counts=True)
        columns = learnt_columns(view)
        of_model = view.classes_ if columns is None else view.classes_[columns]
        predicted = of_model[predicted]
        place = np.minimum(np.searchsorted(names, predicted), len(names) - 1)
        share = counts[place] * len(names) / len(y)
        nearest = y[np.minimum(which, len(y) - 1)]
        # Rejected rows come after the labelled ones, and have no class.
        self._set("disagrees", (which < len(y)) & (nearest != predicted))
        self._set("class_share", np.minimum(share, _LIMIT))
        return counts

    # What follows the picks of a batch ----------------------------------------------

    def keep(self, rows):
        """Remember how near some rows are to the reference: a batch comes of them."""
        self.kept, self.near = rows, self._squared_to_reference(rows)

    def add(self, pick):
        """Take a pick into account; return the features of the rows that were kept."""
        one, rows = self.points.take([pick]), self.kept
        for some in (rows, self.reference):
            squared = self._squared(some, one)[:, 0]
            self.squared[some] = np.minimum(self.squared[some], squared)
        distance = rounded(np.sqrt(self.squared[rows]))
        gain = self._gain(self._covered(self.near), rows)
        self._set("distance_rank", self.distance_ranks(distance), rows)
        self._set("gain_rank", self.gain_ranks(gain), rows)
        self._fill(rows, distance, gain)
        return self.table[rows]


def embedded(view, rows, rng):
    """Return the pool and the labelled rows as points around one centre."""
    E, labeled = common_units(view.embed(rows), labeled_of(view), random_state=rng)
    points = Points(E)
    return points, points.like(labeled)


def state_of(n_labels, counts, doubt, entropies):
    """Return what is known of the round: (S,)."""
    n_classes = len(counts)
    shares = counts / counts.sum()
    balance = -(shares * np.log(shares)).sum() / np.log(max(n_classes, 2))
    return np.array(
        [
            np.log(n_labels / n_classes),
            doubt.mean(),
            doubt.std(),
            entropies.mean(),
            balance,
            1 / n_classes,
        ],
        np.float32,
    )
