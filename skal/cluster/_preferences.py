"""PreferenceLearner: utilities from answers to "which of the two is better?"."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

from skal._checks import check_above_zero, check_choice, check_int
from skal._seed import draw_seed, stream
from skal.cluster._answers import check_answers, check_pairs
from skal.cluster._bradley_terry import Utilities
from skal.cluster._hidden_utilities import HiddenUtilities
from skal.cluster._oracle import oracle_of
from skal.cluster._preference_view import PreferenceView
from skal.cluster._strategy import as_pair_strategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray


def _over_features(learner):
    if learner.over != "features" or getattr(learner, "coef_", ()) is None:
        raise AttributeError(
            "new rows have a utility only where it is learnt over features, not over "
            "'items'. Fit with over='features', or read scores_."
        )
    return True


class PreferenceLearner(BaseEstimator):
    r"""Learn what is better from comparisons of two, and choose what to compare.

    People tell more reliably which of two images, answers or designs is better than how
    good each is. In the Bradley-Terry model each row has a utility :math:`u_i`, and

    .. math:: P(i \text{ is better than } j) = 1 / (1 + e^{u_j - u_i})

    Utilities are linear in the features, or one number an item. What is believed of
    them is Gaussian: Laplace's approximation at the most probable ones.

    Parameters
    ----------
    query_strategy : str, PairStrategy or callable, default="d_optimal"
        What to compare: "d_optimal" for the order of all rows, "thompson" for the best
        one, "uniform" for any two; or an object, or ``f(view, n_pairs)`` with a
        :class:`PreferenceView`.
    over : {"features", "items"}, default="features"
        Whether a utility is linear in the row's features, so that new rows have one
        too, or each row has its own, whatever it is made of.
    prior_scale : float, default=3.0
        The standard deviation of utilities before any answer; over features, of an
        average row. Large values let few answers say much.
    n_queries : int or None, default=100
        The answers that ``fit`` asks for; None goes on while anything is open, about
        n log n answers.
    batch_size : int, default=1
        How many pairs are asked at once.
    random_state : int, RandomState instance or None, default=None
        Breaks ties, and makes what the strategy draws.

    Attributes
    ----------
    scores_ : ndarray of shape (n_samples,)
        The utility of each row of ``fit``; their mean is 0.
    scores_std_ : ndarray of shape (n_samples,)
        How uncertain each is; worked out when it is read.
    coef_ : ndarray of shape (n_features,) or None
        Over features, what utilities weigh them with.
    pairs_ : ndarray of int64 of shape (n_queries, 2)
        The pairs that were answered, in their order.
    answers_ : ndarray of float64 of shape (n_queries,)
        The answers: 1 where the first is better, -1 where the second is, between where
        it was less clear, NaN for "cannot tell".
    n_queries_ : int
        How many there are.
    history_ : dict of str to ndarray
        A column each for ``n_queries``, ``pairs`` and ``answers``, an entry a round.
    seed_ : int
        What all draws are made from.
    n_features_in_ : int
        Over features, how many X had.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    See Also
    --------
    ActiveClusterer : The same loop for "do these two belong together?".
    DOptimalPairs : The default strategy.

    Notes
    -----
    Exact answers are taken at their word: a pair is asked once, and not at all where
    earlier answers imply it by a chain. In a circle of answers that contradict each
    other nothing is implied.

    Features are centred, and divided by one number for all, so that their unit does
    not matter but their proportions do: put a StandardScaler before where they should
    not. X must be dense; embed texts with TruncatedSVD.

    Cost: a refit takes O(a d^2 + d^3) for a answers and d features, or the sparse
    system of the items compared so far. For a query see the strategy; no array is
    larger than X.

    References
    ----------
    .. [1] Bradley, R. A., Terry, M. E. (1952). Rank analysis of incomplete block
       designs: I. The method of paired comparisons. Biometrika 39.
       doi:10.2307/2334029

    .. [2] Chu, W., Ghahramani, Z. (2005). Preference learning with Gaussian processes.
       ICML. doi:10.1145/1102351.1102369

    Examples
    --------
    >>> import numpy as np
    >>> from skal.cluster import PreferenceLearner
    >>> X = np.random.RandomState(0).randn(200, 5)
    >>> utility = X @ [1.0, -2.0, 0.5, 0.0, 3.0]  # what the person has in mind
    >>> learner = PreferenceLearner(random_state=0).fit(X)
    >>> for _ in range(40):
    ...     (i, j), = learner.query()
    ...     learner = learner.teach([(i, j)], [utility[i] > utility[j]])
    >>> learner.score(X, utility) > 0.9  # Kendall's tau
    True
    """

    def __init__(
        self,
        query_strategy: Any = "d_optimal",
        *,
        over: str = "features",
        prior_scale: float = 3.0,
        n_queries: int | None = 100,
        batch_size: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.query_strategy = query_strategy
        self.over = over
        self.prior_scale = prior_scale
        self.n_queries = n_queries
        self.batch_size = batch_size
        self.random_state = random_state

    # Simulate -------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        oracle: Callable[[int, int], Any] | None = None,
    ) -> Self:
        """Take up rows, and ask an oracle about them if there is one.

        Without ``y`` and ``oracle`` nothing is asked: go on with :meth:`query` and
        :meth:`teach`, which do what ``fit`` does with an oracle.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows; over items any list of that length will do.
        y : array-like of shape (n_samples,), default=None
            Hidden utilities: of two rows the one with the greater is better, and equal
            ones are equally good. NaN: nobody can tell.
        oracle : callable, default=None
            ``f(i, j)`` tells of two positions whether the first is better: True, False,
            None for "cannot tell", or a number from -1 to 1.

        Returns
        -------
        PreferenceLearner
            The learner itself. It keeps every complete round if the oracle fails.

        Raises
        ------
        TypeError
            If a parameter or an answer has the wrong type.
        ValueError
            If a parameter or an answer is out of bounds, or both ``y`` and ``oracle``
            are given.
        """
        self._check_params()
        better = oracle_of(y, oracle, _num_samples(X), HiddenUtilities)
        n, Z, spread = self._read(X)
        self._n, self._Z, self._spread = n, Z, spread
        self.seed_ = draw_seed(self.random_state)
        self._hold(np.empty((0, 2), np.int64), np.empty(0), [0])
        while better is not None:
            left = self.batch_size
            if self.n_queries is not None:
                left = min(left, self.n_queries - self.n_queries_)
            pairs = self.query(left) if left else np.empty((0, 2), np.int64)
            if len(pairs) == 0:
                break
            self.teach(pairs, [better(int(i), int(j)) for i, j in pairs])
        return self

    # Ask and learn --------------------------------------------------------------

    def query(self, n: int | None = None) -> NDArray[np.int64]:
        """Choose pairs to compare, best first; asked again, it answers the same.

        Parameters
        ----------
        n : int, default=None
            How many; None takes ``batch_size``.

        Returns
        -------
        ndarray of int64 of shape (k, 2)
            Pairs of positions in X; fewer than n only where no more are open.

        Raises
        ------
        NotFittedError
            If there are no rows yet: call ``fit`` first.
        ValueError
            If the strategy breaks its promise.
        """
        check_is_fitted(self)
        strategy = self._check_params()
        n = self.batch_size if n is None else check_int("n", n)
        view = PreferenceView(self._belief, self.pairs_, self.answers_)
        rng = stream(self.seed_, len(self._ends), "pairs")
        return strategy(view, n, random_state=rng)

    def teach(self, pairs: ArrayLike, answers: Any) -> Self:
        """Learn what somebody said of pairs.

        Parameters
        ----------
        pairs : array-like of int of shape (k, 2)
            Pairs of positions in X, asked for or not.
        answers : list of length k
            For each pair True where the first is better, False where the second is,
            None for "cannot tell", or a number from -1 to 1 for something between; 0.0
            means equally good.

        Returns
        -------
        PreferenceLearner
            The learner itself. If anything fails, it stays as it was.

        Raises
        ------
        NotFittedError
            If there are no rows yet: call ``fit`` first.
        TypeError
            If an answer is none of these.
        ValueError
            If pairs are no pairs of positions, or an answer is out of bounds.
        """
        check_is_fitted(self)
        self._check_params()
        pairs = check_pairs(pairs, self._n)
        values = check_answers(answers, len(pairs))
        if len(pairs):
            pairs = np.concatenate([self.pairs_, pairs])
            values = np.concatenate([self.answers_, values])
            self._hold(pairs, values, [*self._ends, len(values)])
        return self

    # Read -----------------------------------------------------------------------

    @available_if(_over_features)
    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the utility of rows, also of new ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            Utilities, on the scale of ``scores_``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return (X - self._spread[0]) @ self.coef_

    def rank(self, X: Any = None) -> NDArray[np.int64]:
        """Return the positions of rows, the best first.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows, over features also new ones; None takes those of ``fit``.

        Returns
        -------
        ndarray of int64 of shape (n_samples,)
            Positions.
        """
        check_is_fitted(self)
        if X is None:
            scores = self.scores_
        else:
            _over_features(self)  # says why it cannot
            scores = self.predict(X)
        return np.argsort(-scores, kind="stable")

    def pair_proba(self, pairs: ArrayLike) -> NDArray[np.float64]:
        """Return the chance that the first row of each pair is the better one.

        It is an average over what is believed of the utilities, so that it is near 1/2
        where little is known.

        Parameters
        ----------
        pairs : array-like of int of shape (k, 2)
            Pairs of positions in X of ``fit``.

        Returns
        -------
        ndarray of float64 of shape (k,)
            Chances.
        """
        check_is_fitted(self)
        chances = [np.empty(0)]
        checked = check_pairs(pairs, self._n)
        for start in range(0, len(checked), 128):  # covariances of 256 items at most
            items, places = np.unique(checked[start : start + 128], return_inverse=True)
            i, j = places.reshape(-1, 2).T
            covariance = self._belief.covariance(items)
            variance = covariance.diagonal()
            variance = variance[i] + variance[j] - 2 * covariance[i, j]
            mean = self.scores_[items[i]] - self.scores_[items[j]]
            # MacKay's: the logistic function averaged over a Gaussian
            chances.append(expit(mean / np.sqrt(1 + np.pi * variance / 8)))
        return np.concatenate(chances)

    @available_if(_over_features)
    def score(self, X: Any, y: ArrayLike) -> float:
        """Return Kendall's tau between predicted and true utilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their true utilities.

        Returns
        -------
        float
            1 for the same order, -1 for the reverse.
        """
        return float(kendalltau(self.predict(X), y).statistic)

    @property
    def scores_std_(self) -> NDArray[np.float64]:
        """The standard deviation of each utility."""
        check_is_fitted(self)
        return self._belief.std()

    @property
    def history_(self) -> dict[str, NDArray[Any]]:
        """What was asked and answered in each round."""
        check_is_fitted(self)
        spans = [slice(a, b) for a, b in pairwise(self._ends)]
        return {
            "n_queries": np.array(self._ends[1:], np.int64),
            "pairs": objects([self.pairs_[span] for span in spans]),
            "answers": objects([self.answers_[span] for span in spans]),
        }

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there are rows to ask about."""
        return hasattr(self, "scores_")

    # Inside ---------------------------------------------------------------------

    def _check_params(self):
        """Raise on bad parameters; return the strategy."""
        check_choice("over", self.over, ["features", "items"])
        check_above_zero("prior_scale", self.prior_scale)
        if self.n_queries is not None:
            check_int("n_queries", self.n_queries, 0)
        check_int("batch_size", self.batch_size)
        strategy = as_pair_strategy(self.query_strategy, asking="preferences")
        strategy._check_params()
        return strategy

    def _read(self, X):
        """Return the number of rows, and over features these centred, and their spread.

        Divided by their root mean square distance to the mean, rows have a utility of
        standard deviation ``prior_scale`` on average.
        """
        if self.over == "items":
            if _num_samples(X) == 0:
                raise ValueError("X must hold at least one item, got none.")
            return _num_samples(X), None, None
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        mean = X.mean(axis=0)
        Z = X - mean
        scale = np.sqrt(np.einsum("ij,ij->", Z, Z, dtype=float) / len(Z))
        scale = X.dtype.type(scale if scale > 0 else 1)
        Z /= scale
        return len(Z), Z, (mean, scale)

    def _hold(self, pairs, values, ends):
        """Believe the answers, and keep them; nothing is kept if that fails."""
        belief = Utilities.of(self._n, self._Z, self.prior_scale, pairs, values)
        over_features = self._Z is not None
        self.__dict__.update(
            scores_=belief.mean - belief.mean.mean(),
            coef_=belief.weights / self._spread[1] if over_features else None,
            pairs_=pairs,
            answers_=values,
            n_queries_=len(values),
            _belief=belief,
            _ends=ends,
        )


def objects(arrays):
    """Return arrays in an array, each an entry."""
    result = np.empty(len(arrays), object)
    for i, array in enumerate(arrays):
        result[i] = array
    return result
