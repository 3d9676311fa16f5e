"""Ask only around what is labelled, and at random beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, check_number
from skal._data import as_rows, n_rows
from skal.query._base import TARGET_TYPES
from skal.query._labeled import check_labels
from skal.query._neighbor_index import check_index
from skal.query._picks import split_result
from skal.query._target import check_target, is_target
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._nearest import nearest_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy
    from skal.query._neighbor_index import NeighborIndex


class Neighbours(WrapperStrategy):
    """Show a strategy only the rows near those labelled, and some at random.

    What is rare often lies together: the neighbours of what has been found hold far
    more of it than the pool does, and the model need not see the rest, however big it
    is. A share of random rows keeps open what nobody has looked at.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="margin"
        The strategy that picks from the candidates.
    target : object, default=None
        A class, as its label is written, or the number of a label for multilabel
        targets: candidates are the neighbours of its rows alone, once there are any.
        None takes those of every labelled row.
    n_neighbors : int, default=100
        Neighbours of each labelled row.
    random_share : float, default=0.1
        Share of the candidates that are drawn from all others, in [0, 1). Where the
        neighbours are fewer than are asked for, random rows fill up.
    index : NeighborIndex, default=None
        An index of the whole pool, as it is queried. None searches the embeddings of
        the candidates anew in each query.

    Attributes
    ----------
    needs : frozenset of str
        "labels", what the base needs, and "embed" without an index.

    See Also
    --------
    Find : Asks for what is probably of a class.
    Shortlist : Shows a strategy random rows alone.
    NeighborIndex : Serves many rounds, and may be approximate.

    Notes
    -----
    Cost: O(n l d) for n rows and l labelled rows searched around, of d features; with
    an index O(n) and the search around rows labelled since the last query. Then that
    of the base, on at most ``n_neighbors`` candidates a labelled row and the random
    ones. Equal rows at the border of a neighbourhood are taken in their order.

    An index holds positions in one pool: query that pool each time, with
    ``candidates=``, as a simulation does. Where a net's embeddings move from round to
    round, the index keeps to its own.

    References
    ----------
    Coleman, C., Chou, E., Katz-Samuels, J., Culatana, S., Bailis, P., Berg, A., Nowak,
    R., Sumbaly, R., Zaharia, M., Yalniz, I. Z. (2022). Similarity search for efficient
    active learning and search of rare concepts. AAAI. arXiv:2007.00077

    Lesci, P., Vlachos, A. (2024). AnchorAL: computationally efficient active learning
    for large and imbalanced datasets. NAACL. arXiv:2404.05623

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import Find, NeighborIndex, Neighbours
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> near = Neighbours(Find(9), target=9, n_neighbors=20, index=NeighborIndex(X))
    >>> learner = ActiveLearner(query_strategy=near, n_labels=60, random_state=1)
    >>> int((learner.fit(X, y).y_training_ == 9).sum())
    45
    """

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "margin",
        target: Any = None,
        n_neighbors: int = 100,
        random_share: float = 0.1,
        index: NeighborIndex | None = None,
    ) -> None:
        self.base = base
        self.target = target
        self.n_neighbors = n_neighbors
        self.random_share = random_share
        self.index = index

    @property
    def _own_needs(self) -> frozenset[str]:  # type: ignore[override]
        searched = {"embed"} if self.index is None else set()
        return frozenset({"labels"} | searched)

    @property
    def _own_target_types(self) -> frozenset[str]:  # type: ignore[override]
        named = self.target is not None
        without = {"regression", "structured"} if named else set()
        return TARGET_TYPES - without

    def _check_params(self):
        check_target(self.target)
        check_int("n_neighbors", self.n_neighbors)
        check_number("random_share", self.random_share, minimum=0)
        if not self.random_share < 1:
            raise ValueError(
                f"random_share must be below 1, got {self.random_share!r}. The base "
                "alone sees the whole pool."
            )
        check_index(self.index)

    def _query(self, view, rows, n_instances, rng):
        check_labels(self, view)
        near = np.zeros(len(rows), bool)
        near[self._near(view, rows)] = True
        n_near = np.count_nonzero(near)
        n_drawn = round(n_near * self.random_share / (1 - self.random_share))
        n_drawn = min(max(n_drawn, n_instances - n_near), len(rows) - n_near)
        if n_drawn > 0:
            others = np.flatnonzero(~near)
            near[rng.choice(others, n_drawn, replace=False)] = True
        candidates = np.flatnonzero(near)
        result = self._base()(
            view, rows.take(candidates), n_instances, random_state=rng
        )
        picked, info = split_result(result)
        return candidates[picked], {**info, "n_candidates": len(candidates)}

    def _near(self, view, rows):
        """Return the positions in rows of what lies near the labelled rows."""
        around = as_rows(view.X_training)
        if self.target is not None:
            hits = is_target(view, self.target)
            around = around.take(hits) if hits.any() else around
        if self.index is None:
            E, around = view.embed(rows), view.embed(around)
            return np.unique(nearest_rows(E, around, self.n_neighbors))
        check_same_pool(self.index, rows)
        near = np.unique(self.index.search(around, self.n_neighbors))
        places = np.full(self.index.n_rows, -1)
        places[rows.positions()] = np.arange(len(rows))
        return places[near][places[near] >= 0]


def check_same_pool(index, rows):
    """Refuse a pool that is not as large as the one in the index."""
    if n_rows(rows.X) != index.n_rows:
        raise ValueError(
            f"index must hold the pool that is queried, of {n_rows(rows.X)} rows, got "
            f"one of {index.n_rows}. Query the same pool each time, with candidates= "
            "for the rows that are left."
        )
