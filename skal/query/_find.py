"""Look for one class: ask for what is probably of it, or what may be."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np

from skal._checks import name_of
from skal._data import n_rows
from skal.query._base import ScoreStrategy
from skal.query._labeled import check_labels
from skal.query._target import check_target, embed_like, target_columns
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_table
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


class _OfOneClass(ScoreStrategy):
    """A score of one class, and of nearness to seeds while no model knows the class."""

    target_types = frozenset({"multiclass", "multilabel"})

    def __init__(self, target: Any = None, seeds: Any = None) -> None:
        self.target = target
        self.seeds = seeds

    @property
    def needs(self) -> frozenset[str]:
        """Decision values; labels to name the rarest class; embeddings with seeds."""
        labels = {"labels"} if self.target is None else set()
        return frozenset({"decision"}) | labels | self._first_needs

    @property
    def separable(self) -> bool:
        """Whether chances alone are asked for: distances to seeds are the pool's."""
        return self.seeds is None

    @property
    def _first_needs(self):
        """What it needs before the first label; seeds do without a model."""
        if self.seeds is None:
            return frozenset({"decision"})
        return frozenset({"embed"})

    def _check_params(self):
        check_target(self.target)
        if self.seeds is not None and n_rows(self.seeds) == 0:
            raise ValueError("seeds must hold at least one row, got none.")

    def _query(self, view, rows, n_instances, rng):
        if self.seeds is not None or self._knows(view):
            return super()._query(view, rows, n_instances, rng)
        warn(
            f"{name_of(self)} draws at random: target is {self.target!r}, of which no "
            f"row is labelled yet, and seeds is None. Labelled are {known(view)}. Give "
            "rows like those you look for as seeds=.",
            stacklevel=2,
        )
        return draw_rows(len(rows), n_instances, rng), {}

    def _score(self, view, rows):
        if self.seeds is not None and not self._knows(view):
            return nearness(view, rows, self.seeds)
        columns = target_columns(self, view)
        if not len(columns):  # all are wanted as much
            return np.zeros(len(rows))
        if hasattr(view, "predict_proba"):
            return self._of_proba(view.predict_proba(rows)[:, columns]).max(axis=1)
        return self._of_decision(decisions(view, rows)[:, columns]).max(axis=1)

    def _knows(self, view):
        """Tell whether the model can tell the class from others."""
        if not view.__sklearn_is_fitted__():
            if self.seeds is None:
                check_labels(self, view)
            return self.seeds is None  # then the view will say that it has no model
        return len(target_columns(self, view)) > 0

    @abstractmethod
    def _of_proba(self, chance: NDArray[Any]) -> NDArray[Any]:
        """Score chances of a class."""

    @abstractmethod
    def _of_decision(self, decision: NDArray[Any]) -> NDArray[Any]:
        """Score decision values of a class, from -inf to inf."""


class Find(_OfOneClass):
    r"""Pick the rows that are most probably of one class.

    To find all there is of something rare, a question is well spent where the answer is
    probably yes; and each yes teaches what others look like. A row scores

    .. math:: p(\mathrm{target} \mid x)

    A model that has not met the class cannot tell its chance. Until then rows are taken
    by their nearness to ``seeds``, positives from anywhere: more like this.

    Parameters
    ----------
    target : object, default=None
        The class, as its label is written; for multilabel targets the number of the
        label. None is the class with the fewest labels so far, whichever that is.
    seeds : array-like of shape (n_seeds, ...), default=None
        Rows of the class, as the learner sees rows, from the pool or not. Given so, the
        strategy serves as ``initial=`` too. None draws at random, and warns, while no
        row of the class is labelled.

    Attributes
    ----------
    needs : frozenset of str
        "decision"; "embed" with seeds; "labels" where no target is named.

    See Also
    --------
    TargetMargin : Asks where the class begins, to learn it well.
    Neighbours : Looks around what has been found, in a pool too big to score.
    RandomTail : Goes over to random rows when nothing more is found.
    skal.stopping.RecallTarget : Stops when a share of them is surely found.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one pass of the pool through
    ``predict_proba``, or ``decision_function`` where there is none: its values f score
    :math:`\tfrac12 (1 + f / (1 + |f|))`, which keeps their order. Seeds cost O(n s d)
    for s of them and d features of the embedding, and a row at distance r scores
    1 / (1 + r).

    What is found teaches little about the border of the class, so the model may stay
    poor where :class:`TargetMargin` would mend it; a :class:`Mixture` takes both.

    References
    ----------
    Lewis, D., Gale, W. (1994). A sequential algorithm for training text classifiers.
    SIGIR. doi:10.1007/978-1-4471-2099-5_1 (there as relevance sampling)

    Cormack, G., Grossman, M. (2014). Evaluation of machine-learning protocols for
    technology-assisted review in electronic discovery. SIGIR.
    doi:10.1145/2600428.2609601

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import Find
    >>> X, y = load_digits(return_X_y=True)
    >>> find = Find(9, seeds=X[[9]] / 16)
    >>> learner = ActiveLearner(query_strategy=find, initial=find, n_labels=60,
    ...                         random_state=0)
    >>> int((learner.fit(X / 16, y).y_training_ == 9).sum())
    47
    """

    alias = "find"

    def _of_proba(self, chance):
        return chance

    def _of_decision(self, decision):
        return (1 + decision / (1 + np.abs(decision))) / 2


class TargetMargin(_OfOneClass):
    r"""Pick the rows of which the model cannot say whether they are of one class.

    The margin between one class and all others together: which of the others a row is
    does not matter. Where a class is rare, doubt about the others would take all the
    questions. A row scores

    .. math:: 1 - |2 p(\mathrm{target} \mid x) - 1|

    Parameters
    ----------
    target : object, default=None
        The class, as its label is written; for multilabel targets the number of the
        label. None is the class with the fewest labels so far, whichever that is.
    seeds : array-like of shape (n_seeds, ...), default=None
        Rows of the class, as the learner sees rows, from the pool or not: until a row
        of the class is labelled, rows are taken by their nearness to these. Given so,
        the strategy serves as ``initial=`` too. None draws at random, and warns, while
        no row of the class is labelled.

    Attributes
    ----------
    needs : frozenset of str
        "decision"; "embed" with seeds; "labels" where no target is named.

    See Also
    --------
    Find : Asks for what is probably of the class.
    Margin : Looks at the two best classes, whichever these are.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one pass of the pool through
    ``predict_proba``, or ``decision_function`` where there is none: its values f score
    1 / (1 + abs(f)). Seeds cost O(n s d) for s of them and d features.

    References
    ----------
    Lewis, D., Gale, W. (1994). A sequential algorithm for training text classifiers.
    SIGIR. doi:10.1007/978-1-4471-2099-5_1

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import TargetMargin
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> TargetMargin(2).score_samples(model, X[[0, 133]]).round(2)
    array([0.  , 0.95])
    """

    alias = "target_margin"

    def _of_proba(self, chance):
        return 1 - np.abs(2 * chance - 1)

    def _of_decision(self, decision):
        return 1 / (1 + np.abs(decision))


def decisions(view, rows):
    """Return decision values a class, (n, C); two classes share one, of two signs."""
    values = np.asarray(view.decision_function(rows), dtype=np.float64)
    return np.column_stack([-values, values]) if values.ndim == 1 else values


def nearness(view, rows, seeds):
    """Score rows by the distance to the nearest seed: 1 there, 0 far away."""
    E = check_table("X", view.embed(rows))
    seeds = check_table("seeds", embed_like(view, rows, seeds))
    if seeds.shape[1] != E.shape[1]:
        raise ValueError(
            f"seeds must have the {E.shape[1]} features of the pool, got "
            f"{seeds.shape[1]}. Give rows as the learner sees them."
        )
    points = Points(E)
    near = points.like(seeds).take(slice(None))
    return 1 / (1 + np.sqrt(points.nearest(near)[1], dtype=np.float64))


def known(view):
    """List the classes that have a label, for messages."""
    classes = np.unique(view.y_training) if view.n_labels else np.empty(0)
    return ", ".join(map(repr, classes.tolist())) or "none"
