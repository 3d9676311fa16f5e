"""QuerySynthesis: draw rows that the model is unsure of, and ask for their like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.decomposition import PCA

from skal._checks import check_int
from skal._data import as_rows, n_rows
from skal._model import as_view
from skal._seed import as_random_state
from skal.query import (
    ScoreStrategy,
    WrapperStrategy,
    as_strategy,
    check_transformer,
    fitted_for,
    split_result,
    top_n,
)
from skal.query.functional import k_center_greedy, nearest_rows
from skal.synthesis._latent import Codes, bounds, dense, mixed

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: What a generator can do.
_BOTH_WAYS = ("transform", "inverse_transform")
#: Rows whose distance to their nearest neighbour stands for that of all.
_N_LOOK = 200
#: Neighbours that are looked up at once for each drawn row, since others may take some.
_N_NEAR = 16
#: How often the way to the best point of a line is halved, from a quarter of it.
_HALVINGS = 10
#: The generator where none is given: components that keep this share of the variance.
_SHARE = 0.95


class QuerySynthesis(WrapperStrategy):
    """Draw rows that a score wants, far from each other, and ask for their like.

    A generator turns rows into codes, and mixtures of the codes of two rows into new
    rows. Of many such mixtures those are kept that the score wants most, and of these
    a batch that is spread out in the codes. As a strategy it asks for the row of the
    pool nearest to each; ``propose`` hands out the drawn rows themselves, for an oracle
    that can answer them: an experiment, a simulation, a person who sees a picture.

    Parameters
    ----------
    generator : transformer, default=None
        Has ``transform`` and ``inverse_transform``: a :class:`VAE`, a PCA, a
        ``KernelPCA(fit_inverse_transform=True)``. One that is fitted must be frozen, by
        ``sklearn.frozen.FrozenEstimator``, and is taken as it is; of another a clone is
        fitted on the candidates of each query, 5000 of them at most. None is a PCA that
        keeps 95 % of the variance.
    score : str or ScoreStrategy, default="margin"
        What says how much a drawn row is wanted.
    n_candidates : int, default=400
        Mixtures that are drawn; at least ``spread`` for each row asked for.
    spread : int, default=5
        Rows that are kept by the score for each row asked for; 1 spreads nothing.

    See Also
    --------
    skal.query.DiverseBatch : Spreads out rows of the pool; try it first.
    skal.query.Embedded : Lets it do so in the codes of a generator.
    boundary_strip : What lies between two rows.

    Notes
    -----
    Cost: for c candidates and n rows of the pool a decode and a score of c rows, and
    O(n c d) for the rows nearest to those kept, d being the length of a code; the model
    sees the pool itself only where a fallback is needed. A drawn row farther from every
    row left in the pool, in the codes, than half of the pool's rows are from their
    nearest neighbour has no like: the rows that the score itself wants take its place,
    and ``info["drawn"]`` is False there. ``info["projection_distance"]`` holds the
    distances.

    Drawn values are kept within those of the rows that they are mixtures of, taken
    together. Asking by the score on the pool itself is as good, and spreading that out
    better: the page on models that propose points in the documentation has figures.

    References
    ----------
    Wang, L., Hu, X., Yuan, B., Lu, J. (2015). Active learning via query synthesis and
    nearest neighbour search. Neurocomputing 147. doi:10.1016/j.neucom.2014.06.042

    Zhu, J.-J., Bento, J. (2017). Generative adversarial active learning.
    arXiv:1702.07956

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.synthesis import QuerySynthesis
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = QuerySynthesis()
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), strategy)
    >>> learner = learner.fit(X[:50], y[:50])
    >>> indices, rows = learner.query(X[50:], n_instances=3)
    >>> drawn, codes = strategy.propose(learner, X[50:], 3, random_state=0)
    >>> drawn.shape
    (3, 64)
    """

    def __init__(
        self,
        generator: Any = None,
        score: str | ScoreStrategy = "margin",
        n_candidates: int = 400,
        spread: int = 5,
    ) -> None:
        self.generator = generator
        self.score = score
        self.n_candidates = n_candidates
        self.spread = spread

    def _base(self):
        return as_strategy(self.score, "score")

    def _check_params(self):
        if self.generator is not None:
            check_transformer("generator", self.generator, _BOTH_WAYS)
        if not isinstance(self._base(), ScoreStrategy):
            raise TypeError(
                "score must be a strategy that scores rows, got "
                f"{self.score!r}. Use one such as 'margin' or 'entropy'."
            )
        check_int("n_candidates", self.n_candidates)
        check_int("spread", self.spread)

    def propose(
        self,
        learner: Any,
        X: Any,
        n_instances: int = 1,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[Any, NDArray[Any]]:
        """Draw rows to ask about that need not be in the pool.

        On the line between its two rows each mixture is moved to where the score wants
        it most, so that with "margin" it lies on a boundary of the model.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model to improve.
        X : array-like or Rows
            The pool that rows are mixtures of.
        n_instances : int, default=1
            How many rows to draw.
        random_state : int, RandomState instance or None, default=None
            Fixes the draw.

        Returns
        -------
        rows : array, CSR or frame of shape (n_instances, ...)
            The rows, as X holds them, whole numbers where it holds such; of those that
            are wanted most, the ones farthest from all labelled rows come first.
            ``learner.teach(rows, y)`` takes them with the answers; each counts as a
            label.
        codes : ndarray of shape (n_instances, d)
            Their codes.

        Raises
        ------
        TypeError
            If X does not hold numbers, or the score needs what the estimator cannot
            give.
        ValueError
            If a parameter is out of bounds.
        """
        rows, rng = as_rows(X), as_random_state(random_state)
        check_int("n_instances", n_instances)
        view = as_view(learner)._expecting(self, rng)
        draw = Draw(self, view, rows, n_instances, rng)
        draw.climb()
        picked = draw.batch(n_instances, self.spread)
        return draw.decoded(picked), draw.codes[picked]

    def _query(self, view, rows, n_instances, rng):
        draw = Draw(self, view, rows, n_instances, rng)
        wanted = draw.codes[draw.batch(n_instances, self.spread)]
        picked, distance = projected(draw.space, rows, wanted, rng)
        drawn = picked >= 0
        if not drawn.all():
            result = self._base()(view, rows, n_instances, random_state=rng)
            own, _ = split_result(result)
            picked[~drawn] = own[~np.isin(own, picked)][: (~drawn).sum()]
        return picked, {"drawn": drawn, "projection_distance": distance}


class Draw:
    """Mixtures of pairs of rows of the pool, drawn for a query.

    Attributes
    ----------
    ends : list of two ndarray of shape (n, d)
        The codes of the rows that are mixed.
    share : ndarray of shape (n, 1)
        How far each mixture is from the first towards the second.
    """

    def __init__(self, strategy, view, rows, n_instances, rng):
        self.score, self.view, self.rng = strategy._base(), view, rng
        generator = PCA(_SHARE) if strategy.generator is None else strategy.generator
        self.space = Codes(fitted_for(generator, rows, rng, dense), rows)
        n = max(strategy.n_candidates, strategy.spread * n_instances)
        parents = rows.take(rng.randint(len(rows), size=2 * n))
        self.low, self.high = bounds(parents)
        self.ends = np.split(self.space.of(parents), 2)  # 2 x (n, d)
        self.share = rng.uniform(size=(n, 1))

    @property
    def codes(self):
        """The codes of the mixtures, as they are now."""
        first, second = self.ends
        return mixed(first, second, self.share)

    def decoded(self, which=slice(None)):
        """Return mixtures as rows."""
        return self.space.decode(self.codes[which], self.low, self.high)

    def scores(self):
        """Return how much each mixture is wanted."""
        return self.score.score_samples(self.view, self.decoded())

    def climb(self):
        """Move each mixture along its line to where it is wanted most."""
        best, step = self.scores(), 0.25
        for _ in range(_HALVINGS):
            for move in (-step, step):
                before = self.share
                self.share = np.clip(before + move, 0, 1)
                scores = self.scores()
                better = scores > best
                self.share = np.where(better[:, None], self.share, before)
                best = np.where(better, scores, best)
            step /= 2

    def batch(self, n_instances, spread):
        """Return the positions of mixtures that are wanted, and spread in the codes."""
        best = top_n(self.scores(), spread * n_instances, self.rng)
        X = self.view.X_training
        labeled = self.space.of(X) if X is not None and n_rows(X) else None
        codes = self.codes[best]
        return best[
            k_center_greedy(codes, n_instances, labeled=labeled, random_state=self.rng)
        ]


def projected(space, rows, wanted, rng):
    """Return the rows nearest to drawn codes, each once, -1 where none is near enough.

    And how far they are. Rows are read in an order drawn for it, so that of equally
    near ones, equal up to rounding, any may be found.
    """
    order = rng.permutation(len(rows))
    codes = space.of(rows.take(order))
    limit = np.median(own_distances(codes))
    near = nearest_rows(codes, wanted, min(len(wanted), _N_NEAR))  # the nearest first
    picked, distance = np.full(len(wanted), -1), np.full(len(wanted), np.nan)
    left = np.ones(len(rows), bool)
    for i, found in enumerate(near):
        if not left[found].any():
            found = nearest_rows(codes, wanted[[i]], i + 1)[0]
        place = found[left[found]][0]
        distance[i] = np.linalg.norm(codes[place] - wanted[i])
        if distance[i] <= limit:
            picked[i], left[place] = order[place], False
    return picked, distance


def own_distances(codes):
    """Return how far the first of some rows are from their nearest neighbours."""
    few = codes[:_N_LOOK]
    second = nearest_rows(codes, few, 2)[:, -1]
    return np.linalg.norm(codes[second] - few, axis=1)
