"""A batch that is wanted row by row, and diverse as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_fraction, check_int
from skal._data import near
from skal.query._labeled import labeled_of
from skal.query._picks import scores_of, split_result
from skal.query._wrapper import WrapperStrategy
from skal.query.functional import (
    facility_location,
    k_center_greedy,
    kmeans_plus_plus,
    kmeans_sampling,
    mmr,
    ranked_batch,
)
from skal.query.functional._batches import scaled

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

_METHODS = ("facility_location", "kcenter", "kmeans", "kmeans++", "mmr", "ranked")
#: Rows of a long shortlist that stand for all of it in facility location.
_N_REFERENCE = 5000


class DiverseBatch(WrapperStrategy):
    r"""Take the rows a strategy wants most, and of those a batch unlike each other.

    The k best rows of a score are often k times the same example. Here the base names
    the best ``shortlist * k`` rows, and k of them are picked that are spread out over
    the shortlist, on the embeddings of the model.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="margin"
        The strategy that names the shortlist.
    shortlist : int, default=10
        Rows on the shortlist for each row of the batch; 1 is the base alone.
    method : str, default="kmeans"
        How the batch is picked from the shortlist.

        - "kmeans": the middle rows of k clusters;
        - "kcenter": the row farthest from those picked, again and again;
        - "kmeans++": a row drawn by its squared distance to those picked;
        - "facility_location": rows near to all the others;
        - "mmr": a high score and no resemblance to what is picked, one row at a time;
        - "ranked": modAL's ranked batch mode, which weighs distance against score by
          the share of the pool that is unlabelled.

        All but "kmeans" take the labelled rows for picked: a row like one that is
        labelled already is redundant, too.
    diversity : float, default=0.5
        At 0 the scores count as much as they can, at 1 not at all once a row is on the
        shortlist. With r the scores, scaled to [0, 1] on the shortlist, rows weigh
        diversity + (1 - diversity) r under "kmeans", "kmeans++" and
        "facility_location"; for "mmr" see :func:`~skal.query.functional.mmr`.
        "kcenter" and "ranked" do without.

    Attributes
    ----------
    needs : frozenset of str
        "embed", and what the base needs.

    See Also
    --------
    StochasticBatch : Spreads a batch out by chance, at no cost.
    Deduplicate : Leaves out near-copies and nothing else.

    Notes
    -----
    Cost: O(q k d) for the q = ``shortlist * k`` best rows of the base, k picks and d
    features, beside the base itself; the model answers once for both. Any base serves.
    Its scores count if its order is theirs; of a base that tells no scores, or orders
    rows otherwise, the order counts: r falls evenly from 1 to 0.

    For "ranked" the scores are taken as they are, as in modAL, whose own is
    LeastConfidence.

    References
    ----------
    Zhdanov, F. (2019). Diverse mini-batch active learning. arXiv:1901.05954

    Carbonell, J., Goldstein, J. (1998). The use of MMR, diversity-based reranking for
    reordering documents and producing summaries. SIGIR. doi:10.1145/290941.291025

    Cardoso, T., Silva, R., Canuto, S., Moro, M., Gonçalves, M. (2017). Ranked
    batch-mode active learning. Information Sciences 379.
    doi:10.1016/j.ins.2016.10.037

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import DiverseBatch
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = DiverseBatch("entropy", method="mmr", diversity=0.3)
    >>> learner = ActiveLearner(query_strategy=strategy, n_labels=30, random_state=0)
    >>> learner.fit(X / 16, y).n_iter_
    2
    """

    _own_needs = frozenset({"embed"})

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "margin",
        shortlist: int = 10,
        method: str = "kmeans",
        diversity: float = 0.5,
    ) -> None:
        self.base = base
        self.shortlist = shortlist
        self.method = method
        self.diversity = diversity

    @property
    def _by_blocks(self):
        return self._bases_by_blocks

    def _check_params(self):
        check_int("shortlist", self.shortlist)
        check_choice("method", self.method, _METHODS)
        check_fraction("diversity", self.diversity)

    def _query(self, view, rows, n_instances, rng):
        size = min(n_instances * self.shortlist, len(rows))
        result = self._base()(view, rows, size, random_state=rng)
        named, info = split_result(result)
        scores = in_order(scores_of(info, len(named)))
        picked = self._pick(view, rows, named, scores, n_instances, rng)
        return named[picked], {
            key: of_picks(value, picked, len(named)) for key, value in info.items()
        }

    def _pick(self, view, rows, named, scores, n_instances, rng):
        """Return positions on the shortlist."""
        E = view.embed(near(rows.take(named)))
        options: dict[str, Any] = {"random_state": rng}
        if self.method != "kmeans" and (known := labeled_of(view)) is not None:
            options["labeled"] = known
        if self.method == "kcenter":
            return k_center_greedy(E, n_instances, **options)
        if self.method == "mmr":
            return mmr(E, scores, n_instances, diversity=self.diversity, **options)
        if self.method == "ranked":
            return ranked_batch(
                E, scores, n_instances, n_unlabeled=len(rows), **options
            )
        weights = self.diversity + (1 - self.diversity) * scaled(scores)
        if self.method == "kmeans":
            return kmeans_sampling(E, n_instances, sample_weight=weights, **options)
        if self.method == "kmeans++":
            return kmeans_plus_plus(E, n_instances, weights=weights, **options)
        return facility_location(
            E, n_instances, weights=weights, n_reference=_N_REFERENCE, **options
        )


def in_order(scores):
    """Return a base's scores if its order is theirs, else numbers from 1 to 0."""
    if np.isnan(scores).any() or np.any(scores[1:] > scores[:-1]):
        return np.linspace(1, 0, len(scores))
    return scores


def of_picks(value, picked, n):
    """Return what a base told of some of its n rows; what is no list of n, whole."""
    try:
        values = np.asarray(value)
    except ValueError:  # lists of different lengths
        return [value[i] for i in picked] if len(value) == n else value
    return values[picked] if values.shape[:1] == (n,) else value
