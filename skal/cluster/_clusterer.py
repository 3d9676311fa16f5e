"""ActiveClusterer: groups found by asking whether two rows belong together."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_array
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

from skal._checks import check_int
from skal._seed import draw_seed, stream
from skal.cluster._answers import check_answers, check_pairs
from skal.cluster._embedding import embed, fitted_embedder
from skal.cluster._oracle import oracle_of
from skal.cluster._params import checked_strategy, n_items_of, n_left
from skal.cluster._state import State, numbered
from skal.cluster._strategy import as_pair_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from skal.cluster._strategy import PairStrategy


class ActiveClusterer(ClusterMixin, BaseEstimator):
    """Find the groups that somebody has in mind, by asking whether two belong together.

    A clustering algorithm finds the groups that lie in the data, which need not be
    those that an application wants. Answers to "do these two belong together?" need no
    names of groups and not even their number. Rows that are much alike are asked about
    once, as a super-instance; what earlier answers imply is never asked. Answers that
    may be wrong are weighed against each other by correlation clustering.

    Parameters
    ----------
    n_clusters : int, default=None
        The number of groups, if it is known: it saves questions, and before they are
        answered the groups are those of k-means. None finds it.
    query_strategy : str, PairStrategy or callable, default="neighbourhood"
        Picks the pairs: "neighbourhood", "entropy", "maxexp", "uniform", a strategy of
        :mod:`skal.cluster`, or a function ``f(view, n_pairs)`` of a
        :class:`PairView`.
    n_super_instances : int, "auto" or None, default="auto"
        Into how many super-instances rows are gathered by k-means. More of them cost
        more answers and mix fewer groups. "auto" makes one for each two answers of
        ``n_queries``, for each 16 where they are noisy, at most 1 000, and 100 where
        there is no budget. None takes every row by itself.
    oracle_noise : float or "estimate", default=0.0
        The share of answers that are wrong, below 0.5; "estimate" learns it. With 0
        every answer is honoured, until two contradict each other: that is warned of,
        and the noise estimated from then on.
    n_queries : int, default=None
        How many answers ``fit`` buys, 0 for none. None goes on until everything is
        known; where answers are noisy, for 16 of each super-instance.
    batch_size : int, default=1
        How many pairs are asked for at a time.
    embedder : estimator, default=None
        Gives the space in which alike rows are near each other. A fitted estimator
        (a net, a Pipeline; its ``embed``) is used as it is, an unfitted transformer is
        cloned and fitted on X without labels. None takes X itself.
    random_state : int, RandomState instance or None, default=None
        Seeds super-instances and queries.

    Attributes
    ----------
    labels_ : ndarray of int64 of shape (n_samples,)
        The group of each row, numbered in the order of their first rows.
    n_clusters_ : int
        The number of groups.
    constraints_ : Constraints
        ``must_link`` of shape (n_must, 2) and ``cannot_link`` of shape (n_cannot, 2):
        the positions of rows that were said to belong together or not.
    n_queries_ : int
        The number of answers so far.
    uncertainty_ : ndarray of shape (n_samples,)
        How unsure the group of each row's super-instance is, from 0 to 1.
    history_ : dict
        Columns with an entry a round: ``n_queries``, ``pairs``, ``answers`` (1 for yes,
        -1 for no, NaN for neither), ``n_clusters``, ``mode``, ``oracle_noise``.
    mode_ : {"closure", "correlation"}
        Whether answers are taken for exact, or weighed against each other.
    oracle_noise_ : float
        The share of wrong answers that is reckoned with.
    super_instances_ : ndarray of int64 of shape (n_super_instances,)
        The position of the row that stands for each super-instance.
    super_instance_of_ : ndarray of int64 of shape (n_samples,)
        The super-instance of each row.
    embedder_ : estimator or None
        What embeds rows.
    seed_ : int
        The seed of every draw.
    n_features_in_ : int
        Number of features seen in ``fit``, where X has such.

    See Also
    --------
    PairStrategy : Base class of own strategies.
    sklearn.cluster.KMeans : Groups that lie in the data.

    Notes
    -----
    Live, ``fit(X)`` sets up, and then ``query`` and ``teach`` take turns; a loop of
    them asks what ``fit`` with ``y`` or ``oracle`` asks. After set-up, which costs
    O(n m d) a step for m super-instances of n rows, a question costs O(m^2 d) and the
    labels O(n); no array of n by n is made. Rows taught that do not stand for a
    super-instance become one of their own.

    References
    ----------
    van Craenendonck, T., Dumancic, S., van Wolputte, E., Blockeel, H. (2018). COBRAS:
    interactive clustering with pairwise queries. IDA. arXiv:1803.11060

    Aronsson, L., Chehreghani, M. H. (2024). Correlation clustering with active learning
    of pairwise similarities. Transactions on Machine Learning Research.
    arXiv:2302.10295

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.cluster import ActiveClusterer
    >>> X, y = load_digits(return_X_y=True)
    >>> clusterer = ActiveClusterer(n_queries=115, random_state=0).fit(X, y)
    >>> clusterer.n_clusters_
    10
    >>> clusterer = ActiveClusterer(random_state=0).fit(X)  # a person answers
    >>> pairs = clusterer.query()
    >>> clusterer.teach(pairs, [False]).n_clusters_
    2
    """

    def __init__(
        self,
        n_clusters: int | None = None,
        query_strategy: str | PairStrategy | Callable[..., Any] = "neighbourhood",
        *,
        n_super_instances: int | str | None = "auto",
        oracle_noise: float | str = 0.0,
        n_queries: int | None = None,
        batch_size: int = 1,
        embedder: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.query_strategy = query_strategy
        self.n_super_instances = n_super_instances
        self.oracle_noise = oracle_noise
        self.n_queries = n_queries
        self.batch_size = batch_size
        self.embedder = embedder
        self.random_state = random_state

    # Learn -----------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        oracle: Callable[[int, int], Any] | None = None,
    ) -> ActiveClusterer:
        """Find super-instances and, where somebody answers, ask about them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to group; with an ``embedder`` whatever that takes.
        y : array-like of shape (n_samples,), default=None
            Labels that answer: two rows belong together where theirs agree; nobody can
            tell where one is None, NaN or NA. They are hidden from everything else.
        oracle : callable, default=None
            Answers instead: ``oracle(i, j)`` of two positions in X returns True, False,
            None for "cannot tell" or a number from -1 (apart) to 1 (together).

        Returns
        -------
        ActiveClusterer
            The clusterer; with neither ``y`` nor ``oracle`` it waits for ``teach``. It
            keeps every complete round if the oracle fails.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of bounds, both ``y`` and ``oracle`` are given, or X
            cannot be embedded.
        """
        strategy = checked_strategy(self)
        seed = draw_seed(self.random_state)
        answer = oracle_of(y, oracle, _num_samples(X))
        embedder = fitted_embedder(self.embedder, X, stream(seed, 0, "embedder"))
        E = self._embedded(embedder, X, reset=True)
        state = State.start(
            E, n_items_of(self, E.shape[0]), self.n_clusters, self.oracle_noise, seed
        )
        self.embedder_, self.seed_ = embedder, seed
        self._E = E
        self._commit(state, [])
        while answer is not None and (left := n_left(self)) > 0:
            pairs = state.ask(strategy, min(self.batch_size, left))
            if len(pairs) == 0:
                break
            values = [answer(int(i), int(j)) for i, j in pairs]
            self._learn(pairs, check_answers(values, len(pairs)))
            state = self._state
        return self

    def fit_predict(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        oracle: Callable[[int, int], Any] | None = None,
    ) -> NDArray[np.int64]:
        """Do what ``fit`` does, and return the group of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to group.
        y : array-like of shape (n_samples,), default=None
            Labels that answer, as in ``fit``.
        oracle : callable, default=None
            Answers instead, as in ``fit``.

        Returns
        -------
        ndarray of int64 of shape (n_samples,)
            ``labels_``.
        """
        return self.fit(X, y, oracle=oracle).labels_

    def query(self, n: int | None = None) -> NDArray[np.int64]:
        """Return the pairs of rows to ask about next.

        Asked again before ``teach``, it returns the same.

        Parameters
        ----------
        n : int, default=None
            How many pairs; None takes ``batch_size``.

        Returns
        -------
        ndarray of int64 of shape (k, 2)
            Positions in X, best first; fewer than ``n`` where fewer are left, and none,
            shape (0, 2), where everything is known.

        Raises
        ------
        NotFittedError
            If ``fit`` has not been called.

        Examples
        --------
        >>> from skal.cluster import ActiveClusterer
        >>> clusterer = ActiveClusterer().fit([[0.0], [5.0]])
        >>> while len(pairs := clusterer.query()):
        ...     clusterer = clusterer.teach(pairs, [False])
        >>> clusterer.labels_
        array([0, 1])
        """
        check_is_fitted(self)
        n = self.batch_size if n is None else n
        strategy = as_pair_strategy(self.query_strategy, asking="groups")
        return self._state.ask(strategy, check_int("n", n))

    def teach(self, pairs: ArrayLike, answers: Any) -> ActiveClusterer:
        """Learn whether pairs of rows belong together.

        Parameters
        ----------
        pairs : array-like of int of shape (n, 2)
            Positions in X, asked for or not.
        answers : sequence of length n
            True, False, None for "cannot tell", or a number from -1 (apart) to 1
            (together) for more or less sure ones.

        Returns
        -------
        ActiveClusterer
            The clusterer itself; where something is wrong it has not changed.

        Raises
        ------
        NotFittedError
            If ``fit`` has not been called.
        TypeError
            If an answer is none of these.
        ValueError
            If pairs are not positions of two rows, or there is not an answer for each.
        """
        check_is_fitted(self)
        pairs = check_pairs(pairs, len(self.labels_))
        values = check_answers(answers, len(pairs))
        if len(pairs):
            self._learn(pairs, values)
        return self

    # Answer ----------------------------------------------------------------------

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return the group of rows: that of the nearest super-instance.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of int64 of shape (n_samples,)
            Groups, as in ``labels_``.
        """
        check_is_fitted(self)
        E = self._embedded(self.embedder_, X, reset=False)
        group_of_item = self.labels_[self.super_instances_]
        return group_of_item[self._state.items.predict(E)]

    def staged_labels(self) -> Iterator[NDArray[np.int64]]:
        """Yield ``labels_`` as they were before any answer, then after each round.

        Yields
        ------
        ndarray of int64 of shape (n_samples,)
            The group of each row, numbered afresh each time.

        Examples
        --------
        >>> from skal.cluster import ActiveClusterer
        >>> clusterer = ActiveClusterer(random_state=0).fit([[0.0], [5.0]], [0, 1])
        >>> [labels.tolist() for labels in clusterer.staged_labels()]
        [[0, 0], [0, 1]]
        """
        check_is_fitted(self)
        items = self._state.items
        for labels in self._staged:
            yield numbered(labels[items.of_row_among(len(labels))].astype(np.int64))

    @property
    def history_(self) -> dict[str, NDArray[Any]]:
        """What was asked and found in each round."""
        check_is_fitted(self)
        columns = (
            "n_queries",
            "pairs",
            "answers",
            "n_clusters",
            "mode",
            "oracle_noise",
        )
        return {name: column([r[name] for r in self._rounds]) for name in columns}

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there are rows to ask about."""
        return hasattr(self, "labels_")

    def __sklearn_tags__(self):
        """Say that sparse X is welcome, and anything that an embedder takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self.embedder is not None:
            tags.no_validation = True
        return tags

    # Inside ----------------------------------------------------------------------

    def _embedded(self, embedder, X, *, reset):
        """Return rows where they lie, checked: (n, d)."""
        if embedder is not None:
            validate_data(self, X, reset=reset, skip_check_array=True)
            E = embed(embedder, X)
            return check_array(E, accept_sparse="csr", dtype=(np.float64, np.float32))
        if not sp.issparse(X) and np.ndim(X) > 2:
            X = np.reshape(X, (len(X), -1))
        return validate_data(
            self, X, reset=reset, accept_sparse="csr", dtype=(np.float64, np.float32)
        )

    def _learn(self, pairs, values):
        """Take answers in; where that fails nothing has changed."""
        before = self._state
        state = before.taught(self._E, pairs, values)
        if state.contradicted and not before.contradicted and before.noise == 0:
            warnings.warn(
                "Answers contradict each other: some pairs were said to be apart that "
                "other answers put together. From now on answers are weighed by "
                "correlation clustering, and their noise is estimated. With "
                "oracle_noise='estimate' they are from the beginning.",
                UserWarning,
                stacklevel=3,
            )
        told = {"pairs": pairs, "answers": values}
        self._commit(state, [*self._rounds, told])

    def _commit(self, state, rounds):
        """Show a state: everything is worked out before anything is set."""
        belief, items = state.belief, state.items
        labels = state.row_labels()
        shown = {
            "labels_": labels,
            "n_clusters_": len(np.unique(labels)),
            "n_queries_": len(state.answers),
            "uncertainty_": belief.uncertainty[items.of_row],
            "constraints_": state.answers.constraints(),
            "mode_": state.mode,
            "oracle_noise_": state.noise_now,
            "super_instances_": items.rows,
            "super_instance_of_": items.of_row,
        }
        staged = compact(belief.labels)
        if rounds:
            known = ("n_queries", "n_clusters", "mode", "oracle_noise")
            rounds[-1] |= {name: shown[f"{name}_"] for name in known}
        self.__dict__.update(
            shown,
            _state=state,
            _rounds=rounds,
            _staged=[*self._staged, staged] if rounds else [staged],
        )


def column(values):
    """Return the entries of the rounds as an array, of objects if they are arrays."""
    if values and isinstance(values[0], np.ndarray):
        out = np.empty(len(values), object)
        out[:] = values
        return out
    return np.array(values)


def compact(labels):
    """Return labels in the smallest type that holds them."""
    return labels.astype(np.min_scalar_type(int(labels.max())))
