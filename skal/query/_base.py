"""What every query strategy is: a stateless callable that picks rows."""

from __future__ import annotations

import sys
from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from skal._checks import check_int, name_of
from skal._data import as_rows, is_far
from skal._model import as_view, check_needs
from skal._seed import as_random_state
from skal.exceptions import PoolExhaustedError
from skal.query._beside import check_beside
from skal.query._by_blocks import best_by_blocks, check_reach, scores_by_blocks
from skal.query._picks import check_positions, split_result
from skal.query.functional._order import top_n

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from skal._data import Rows
    from skal._model import ModelView


#: The strategies that go by a name, each under its own.
NAMED: dict[str, type[QueryStrategy]] = {}

#: Of fewer rows than these it means nothing that their scores tie.
_FEW_ROWS = 10

#: The kinds of target there are.
TARGET_TYPES = frozenset({"multiclass", "multilabel", "regression", "structured"})

#: Needs that a model answers a row at a time, where each row has one target.
_ROW_ANSWERS = frozenset({"proba", "decision", "samples", "votes", "head"})


class QueryStrategy(BaseEstimator, metaclass=ABCMeta):
    """Base class of the objects that pick which rows to label next.

    A strategy holds parameters and nothing else. Subclasses write one method,
    ``_query(view, rows, n_instances, rng)``, which returns positions into ``rows``,
    best first, or a tuple of positions and a dict of what else is worth recording;
    its input has been checked. ``_check_params()`` raises on bad parameters, and
    ``_bases()`` returns the strategies inside, which are checked with it.

    Attributes
    ----------
    alias : str
        The name by which ``query_strategy=`` and ``base=`` know the strategy, made
        with its defaults, in the process that has defined it: to other processes pass
        an object. Strategies without a name are passed as objects everywhere.
    needs : frozenset of str
        What the strategy asks of the model, of "proba", "decision", "embed", "samples",
        "votes", "head", "gradients", "units", "unit_samples", "boxes" and "labels", and
        of the rows, "groups" and "costs". It is checked before any work.
    uses : frozenset of str
        What the strategy reads besides, where the model has it: "proba", say, of one
        that does without where there is none. Nothing by default.
    target_types : frozenset of str
        The kinds of target the strategy serves, of "multiclass", "multilabel",
        "regression" and "structured": all of them by default.

    See Also
    --------
    ScoreStrategy : For strategies that score each row.
    skal.testing.check_strategy : Checks what a strategy promises.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import QueryStrategy
    >>> class FirstRows(QueryStrategy):
    ...     def _query(self, view, rows, n_instances, rng):
    ...         return range(n_instances)
    >>> X, y = load_iris(return_X_y=True)
    >>> FirstRows()(LogisticRegression(max_iter=500).fit(X, y), X, n_instances=3)
    array([0, 1, 2])
    """

    alias: ClassVar[str | None] = None
    uses: ClassVar[frozenset[str]] = frozenset()
    #: What takes its place for a kind of target that it does not serve, where some do.
    _instead: ClassVar[dict[str, str]] = {}

    if TYPE_CHECKING:  # subclasses set them, or work them out in properties

        @property
        def needs(self) -> frozenset[str]: ...
        @property
        def target_types(self) -> frozenset[str]: ...
        @property
        def _by_blocks(self) -> bool: ...

    else:
        needs = frozenset()
        target_types = TARGET_TYPES
        #: Whether it serves a pool that lies elsewhere, of which it holds few rows.
        _by_blocks = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the strategy under its name."""
        super().__init_subclass__(**kwargs)
        alias = vars(cls).get("alias")
        if alias is None:
            return
        taken = NAMED.get(alias, cls)
        if taken.__qualname__ != cls.__qualname__:  # or a module was run, then imported
            raise ValueError(
                f"alias must be a name that no strategy has yet, got {alias!r} in "
                f"{cls.__name__}, which is {taken.__name__}'s."
            )
        NAMED[alias] = cls

    def __call__(
        self,
        learner: Any,
        X: Any,
        n_instances: int = 1,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[np.int64] | tuple[NDArray[np.int64], dict[str, Any]]:
        """Pick rows of X to label.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model to improve.
        X : array-like or Rows
            The candidates.
        n_instances : int, default=1
            How many rows to pick.
        random_state : int, RandomState instance or None, default=None
            Breaks ties, and seeds what the strategy draws.

        Returns
        -------
        indices : ndarray of int64 of shape (n_instances,)
            Unique positions in X, best first.
        info : dict
            Only from strategies that have more to tell; the indices come in a tuple
            with it then.

        Raises
        ------
        PoolExhaustedError
            If X holds fewer than ``n_instances`` rows.
        TypeError
            If the strategy does not serve the kind of target, or needs what the
            estimator cannot give.
        ValueError
            If one of its parameters is out of bounds, it needs groups or costs that X
            does not have, or it breaks its promise.
        """
        rows = as_rows(X)
        check_reach(self, rows.X)
        n_instances = check_int("n_instances", n_instances)
        if n_instances > len(rows):
            raise PoolExhaustedError(
                f"n_instances must be at most {len(rows)}, the number of candidates, "
                f"got {n_instances}."
            )
        rng = as_random_state(random_state)
        view = as_view(learner)._expecting(self, rng)
        check_beside(self, rows)
        result = self._query(view, rows, n_instances, rng)
        positions, info = split_result(result)
        positions = check_positions(positions, n_instances, len(rows), self)
        return (positions, info) if isinstance(result, tuple) else positions

    def check(self, estimator: Any, target_type: str) -> None:
        """Raise if the strategy cannot serve an estimator; nothing is fitted.

        Parameters
        ----------
        estimator : estimator
            The model to improve, fitted or not.
        target_type : {"multiclass", "multilabel", "regression", "structured"}
            The kind of target.

        Raises
        ------
        TypeError
            If the strategy does not serve this kind of target, needs what the estimator
            cannot give, or a parameter has the wrong type.
        ValueError
            If a parameter is out of bounds.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from skal.query import BALD
        >>> BALD().check(Ridge(), "regression")
        Traceback (most recent call last):
            ...
        TypeError: BALD needs a classifier, got Ridge. For a regressor use ...
        """
        self._check_target(estimator, target_type)
        check_needs(self, estimator)
        self._check_params()
        for base in self._bases():
            base.check(estimator, target_type)

    def _check_target(self, estimator, target_type):
        """Raise if the strategy does not serve this kind of target."""
        of_rows = target_type == "structured" and self.needs & _ROW_ANSWERS
        if of_rows or target_type not in self.target_types:
            raise unserved(self, estimator, target_type)

    def _check_params(self):
        """Raise on bad parameters."""

    def _bases(self) -> Sequence[QueryStrategy]:
        """Return the strategies inside."""
        return ()

    @property
    def _first_needs(self) -> frozenset[str]:
        """What the strategy needs before there is a label, as ``initial=``."""
        return self.needs

    @abstractmethod
    def _query(
        self,
        view: ModelView,
        rows: Rows,
        n_instances: int,
        rng: np.random.RandomState,
    ) -> Any:
        """Return positions into rows, best first, or (positions, info)."""


class ScoreStrategy(QueryStrategy):
    """Base class of strategies that score every row and take the best.

    Subclasses write ``_score(view, rows)``, which returns one number a row, higher
    for rows more wanted. Ties are broken uniformly at random; where all scores tie,
    so that it is all left to chance, what it tells holds ``tied=True``, and a learner
    warns once.

    Attributes
    ----------
    below_zero : bool
        Whether all scores are 0 or less, as minus a distance is; False by default.
    lowest : float or None
        The least that a score below 0 can be, from which wrappers that want scores
        above 0 count; None where there is no such bound.
    separable : bool
        Whether the score of a row follows from the model and the row alone, whatever
        the other candidates are; False by default. Where it does, a pool on dask is
        scored block by block, where the blocks lie.

    See Also
    --------
    QueryStrategy : For strategies that choose batches.

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import ScoreStrategy
    >>> class LeastLikely(ScoreStrategy):
    ...     needs = frozenset({"proba"})
    ...     def _score(self, view, rows):
    ...         return -view.predict_proba(rows).max(axis=1)
    >>> learner = ActiveLearner(query_strategy=LeastLikely())
    """

    below_zero: ClassVar[bool] = False
    lowest: ClassVar[float | None] = None
    if TYPE_CHECKING:  # wrappers work it out in a property

        @property
        def separable(self) -> bool: ...

    else:
        separable = False

    @property
    def _by_blocks(self) -> bool:
        return self.separable

    def score_samples(self, learner: Any, X: Any) -> NDArray[Any]:
        """Return how much each row is wanted.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model to improve.
        X : array-like or Rows
            The candidates.

        Returns
        -------
        ndarray of float of shape (n_rows,)
            Higher is more wanted.

        Raises
        ------
        TypeError
            If the strategy does not serve the kind of target, or needs what the
            estimator cannot give.
        ValueError
            If one of its parameters is out of bounds, a score is NaN, or not every row
            is scored once.
        """
        rows = as_rows(X)
        check_reach(self, rows.X)
        view = as_view(learner)._expecting(self)
        check_beside(self, rows)
        if is_far(rows):
            return scores_by_blocks(self, view._settled(), rows)
        return self._checked(self._score(view, rows), rows)

    def _query(self, view, rows, n_instances, rng):
        if is_far(rows):
            return self._query_far(view, rows, n_instances, rng)
        scores = self._checked(self._score(view, rows), rows)
        picked = top_n(scores, n_instances, rng)
        return picked, told_of_scores(scores, picked)

    def _query_far(self, view, rows, n_instances, rng):
        """Pick as in memory, of the rows that are the best where they lie."""
        places, scores = best_by_blocks(self, view._settled(), rows, n_instances)
        picked = top_n(scores, n_instances, rng)
        info = {"score": scores[picked]}
        if len(scores) == len(rows):  # they are all there: they may all tie
            info = told_of_scores(scores, picked)
        return places[picked], info

    def _checked(self, scores, rows):
        scores = np.asarray(scores)
        scores = scores if scores.dtype.kind == "f" else scores.astype(float)
        if scores.shape != (len(rows),):
            raise ValueError(
                f"{name_of(self)} must give one score a row, {len(rows)} in all, "
                f"got shape {scores.shape}."
            )
        if np.isnan(scores).any():
            raise ValueError(
                f"{name_of(self)} gave NaN as the score of "
                f"{np.isnan(scores).sum()} of {len(rows)} rows."
            )
        return scores

    @abstractmethod
    def _score(self, view: ModelView, rows: Rows) -> ArrayLike:
        """Return one number a row, higher for rows more wanted."""


def told_of_scores(scores, picked):
    """Return what a strategy tells of its scores, and that they left it no choice.

    That a few rows tie is no wonder.
    """
    info = {"score": scores[picked]}
    is_choice = len(scores) >= max(_FEW_ROWS, len(picked) + 1)
    tied = is_choice and np.all(scores == scores[0])
    return {**info, "tied": True} if tied else info


def unserved(strategy, estimator, target_type):
    """Build the error for a kind of target that a strategy does not serve."""
    takes = strategy.target_types
    if not takes:
        what = f"strategies for one kind of target, got {strategy!r}"
        way_out = "Leave out those for another kind"
    elif target_type == "structured":
        what = f"one target a row, got {name_of(estimator)}, which predicts units"
        way_out = "Use Aggregate around a strategy that scores units, or CoreSet"
    elif takes == {"structured"}:
        what = f"units of rows (pixels, tokens, boxes), got {name_of(estimator)}"
        way_out = "Give an estimator with predict_units, or wrap it in structured.Units"
    elif target_type == "regression":
        what = f"a classifier, got {name_of(estimator)}"
        way_out = (
            "For a regressor use CommitteeStd, GreedySampling or ExpectedModelChange"
        )
    elif takes == {"regression"}:
        what = f"a regressor, got {name_of(estimator)}"
        way_out = "For a classifier use Margin, Entropy or VoteEntropy"
    elif target_type == "multilabel":
        what = "one class a row, got multilabel targets"
        way_out = "Use BALD, Entropy, KLDivergence or DiscriminativeAL there"
    else:
        words = " or ".join(sorted(takes))
        what, way_out = f"{words} targets, got {target_type}", "Use Margin or Entropy"
    if takes and target_type in strategy._instead:
        kind = {"regression": "regressor"}.get(target_type, "classifier")
        way_out = f"For a {kind} use {strategy._instead[target_type]}"
    return TypeError(f"{name_of(strategy)} needs {what}. {way_out}.")


def __getattr__(name):
    """Find the strategies that pickles of skal 0.1 look for here."""
    if name in {"CallableStrategy", "RandomSampling"}:
        return getattr(sys.modules["skal.query"], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
