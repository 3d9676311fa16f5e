"""Strategies that leave no row far from a label."""

from __future__ import annotations

from skal._checks import check_above_zero, check_fraction, check_int
from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._classes import n_learnt
from skal.query._labeled import labeled_of

#: Clusters that stand for the classes where those are not known.
_N_CLASSES = 10


class CoreSet(QueryStrategy):
    r"""Pick the rows farthest from everything labelled: k-center greedy.

    A batch of the most uncertain rows holds near-copies; here each row moves the next
    pick away from itself. The largest distance of any row to its nearest label falls,
    to at most twice the best that is possible. Rows far out are picked first, wrong
    labels and noise among them.

    See Also
    --------
    FacilityLocation : Brings down the mean distance instead of the largest.
    GreedySampling : The same for regression, in the target too.
    skal.query.functional.k_center_greedy : The same on plain arrays.

    Notes
    -----
    Cost: O(n m d) for n rows, m labelled ones and d features, then little a pick; O(n)
    memory. Needs embeddings. Serves as ``initial=`` too, where it starts with the row
    nearest to the mean of the pool.

    References
    ----------
    Sener, O., Savarese, S. (2018). Active learning for convolutional neural networks:
    a core-set approach. ICLR. arXiv:1708.00489

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import CoreSet
    >>> learner = ActiveLearner(initial=CoreSet())
    >>> learner.query([[0.0], [1.0], [2.0], [9.0]], n_instances=3)[0]
    array([2, 3, 0])
    """

    alias = "core_set"
    needs = frozenset({"embed"})

    def _query(self, view, rows, n_instances, rng):
        return functional.k_center_greedy(
            view.embed(rows), n_instances, labeled=labeled_of(view), random_state=rng
        )


class ProbCover(QueryStrategy):
    r"""Pick rows with the most uncovered rows within a radius: for few labels.

    With little to learn from, typical rows teach most. A row is covered once it lies
    within the radius of a labelled or picked row, and each pick covers the most that
    are not. Once all are, the rows farthest from a label are picked.

    Parameters
    ----------
    radius : float, default=None
        The radius of the balls. None takes the largest at which a share ``purity`` of
        the balls hold rows of one cluster only.
    purity : float, default=0.95
        That share.
    n_clusters : int, default=None
        How many clusters stand for the classes. None takes the number of classes that
        have a label, 10 before the first one.

    See Also
    --------
    MaxHerding : The same without a radius.
    TypiClust : Typical rows of clusters.
    skal.query.functional.prob_cover : The same on plain arrays.
    skal.query.functional.purity_radius : The radius.

    Notes
    -----
    Cost: O(n^2 d) for n rows of d features, in matrix products, each pair of rows at
    most twice: seconds for 50 000 rows; use :class:`Shortlist` or MaxHerding beyond.
    O(n) memory: the graph of neighbours is never held. Needs embeddings, best those of
    a self-supervised net. Serves as ``initial=`` too.

    References
    ----------
    Yehuda, O., Dekel, A., Hacohen, G., Weinshall, D. (2022). Active learning through a
    covering lens. NeurIPS. arXiv:2205.11320

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import ProbCover
    >>> learner = ActiveLearner(initial=ProbCover(radius=0.4))
    >>> learner.query([[0.0], [1.0], [2.0], [8.0], [9.0]], n_instances=1)[0]
    array([1])
    """

    alias = "prob_cover"
    needs = frozenset({"embed"})

    def __init__(
        self,
        radius: float | None = None,
        purity: float = 0.95,
        n_clusters: int | None = None,
    ) -> None:
        self.radius = radius
        self.purity = purity
        self.n_clusters = n_clusters

    def _check_params(self):
        if self.radius is not None:
            check_above_zero("radius", self.radius)
        check_fraction("purity", self.purity)
        if self.n_clusters is not None:
            check_int("n_clusters", self.n_clusters, 2)

    def _query(self, view, rows, n_instances, rng):
        return functional.prob_cover(
            view.embed(rows),
            n_instances,
            labeled=labeled_of(view),
            radius=self.radius,
            purity=self.purity,
            n_clusters=self._n_clusters(view),
            random_state=rng,
        )

    def _n_clusters(self, view):
        if self.n_clusters is not None:
            return self.n_clusters
        return max(2, n_learnt(view) or _N_CLASSES)
