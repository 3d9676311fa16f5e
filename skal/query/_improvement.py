"""Look for the best row there is, by what a regressor predicts and how surely."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_number, name_of
from skal._model import check_n_samples
from skal.query import functional
from skal.query._base import ScoreStrategy
from skal.query._labeled import check_labels

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


class _OfImprovement(ScoreStrategy):
    """A score of how far a row may be above the best label so far."""

    needs = frozenset({"samples", "labels"})
    target_types = frozenset({"regression"})
    separable = True

    def __init__(
        self,
        tradeoff: float = 0.0,
        maximize: bool = True,
        n_samples: int | None = None,
    ) -> None:
        self.tradeoff = tradeoff
        self.maximize = maximize
        self.n_samples = n_samples

    def _check_params(self):
        check_number("tradeoff", self.tradeoff)
        check_search(self)

    def _score(self, view, rows):
        best = best_label(self, view)
        mean, std = beliefs(self, view, rows)
        return self._formula(mean, std, best, tradeoff=self.tradeoff)

    @staticmethod
    @abstractmethod
    def _formula(
        mean: NDArray[Any], std: NDArray[Any], best: float, *, tradeoff: float
    ) -> NDArray[Any]:
        """Score rows by their mean and standard deviation, and the best label."""


class ExpectedImprovement(_OfImprovement):
    r"""Pick the rows expected to beat the best label so far by most.

    To find the best recipe, not to know them all: a row is worth asking for if its
    prediction is good, or so unsure that it may be. With mean :math:`\mu`, standard
    deviation :math:`\sigma` and :math:`z = (\mu - y^* - \xi) / \sigma` a row scores

    .. math:: E[\max(0, f - y^* - \xi)] = \sigma \left( z \Phi(z) + \phi(z) \right)

    Parameters
    ----------
    tradeoff : float, default=0.0
        What an improvement must exceed to count, :math:`\xi`, in the units of the
        target. Above 0 the search goes farther from what it knows.
    maximize : bool, default=True
        Whether the largest label is the best; False looks for the smallest.
    n_samples : int, default=None
        How many members or posterior draws to ask; None takes the estimator's own
        number.

    See Also
    --------
    ProbabilityOfImprovement : Whether a row is better, not by how much.
    UpperConfidenceBound : Sets by hand how much the spread counts.
    CommitteeStd : Learns the whole target, not where it is best.
    KrigingBeliever : Makes batches whose rows take each other into account.
    skal.query.functional.expected_improvement : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n) for S members and n rows, after one pass of each member over the pool.
    Needs one target, at least one label, and a regressor with ``return_std``, as a
    Gaussian process has, or with members or draws: a forest, bagging, a network. The
    best label is taken as it was seen, noise and all. The best rows tend to be alike:
    ask one at a time, or wrap it in ``KrigingBeliever`` or ``DiverseBatch``.

    References
    ----------
    Jones, D. R., Schonlau, M., Welch, W. J. (1998). Efficient global optimization of
    expensive black-box functions. Journal of Global Optimization 13.
    doi:10.1023/A:1008306431147

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from skal import ActiveLearner
    >>> X = np.linspace(0, 10, 201)[:, np.newaxis]
    >>> y = np.sin(X[:, 0]) + X[:, 0] / 10  # the largest is 1.79
    >>> search = ActiveLearner(
    ...     GaussianProcessRegressor(optimizer=None), "expected_improvement",
    ...     n_initial=4, n_labels=12, batch_size=1, random_state=0,
    ... )
    >>> search.fit(X, y).y_training_.max().round(3)
    np.float64(1.79)
    """

    alias = "expected_improvement"
    _formula = staticmethod(functional.expected_improvement)


class ProbabilityOfImprovement(_OfImprovement):
    r"""Pick the rows that most probably beat the best label so far.

    By how much does not count: with a tradeoff of 0 it stays close to the best row
    known. With mean :math:`\mu` and standard deviation :math:`\sigma` a row scores

    .. math:: \Phi\left( (\mu - y^* - \xi) / \sigma \right)

    Parameters
    ----------
    tradeoff : float, default=0.0
        What an improvement must exceed to count, :math:`\xi`, in the units of the
        target. Above 0 the search goes farther from what it knows.
    maximize : bool, default=True
        Whether the largest label is the best; False looks for the smallest.
    n_samples : int, default=None
        How many members or posterior draws to ask; None takes the estimator's own
        number.

    See Also
    --------
    ExpectedImprovement : By how much, too.
    UpperConfidenceBound : Sets by hand how much the spread counts.
    skal.query.functional.probability_of_improvement : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n) for S members and n rows, after one pass of each member over the pool.
    Needs what ``ExpectedImprovement`` needs. The best rows tend to be alike: ask one at
    a time, or wrap it in ``KrigingBeliever`` or ``DiverseBatch``.

    References
    ----------
    Kushner, H. J. (1964). A new method of locating the maximum point of an arbitrary
    multipeak curve in the presence of noise. Journal of Basic Engineering 86.
    doi:10.1115/1.3653121

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import BayesianRidge
    >>> from skal import ModelView
    >>> from skal.query import ProbabilityOfImprovement
    >>> X, y = load_diabetes(return_X_y=True)
    >>> view = ModelView(BayesianRidge().fit(X[:50], y[:50]), X[:50], y[:50])
    >>> scores = ProbabilityOfImprovement(maximize=False).score_samples(view, X[50:])
    >>> scores.shape
    (392,)
    """

    alias = "probability_of_improvement"
    _formula = staticmethod(functional.probability_of_improvement)


class UpperConfidenceBound(ScoreStrategy):
    r"""Pick the rows that may plausibly have the best label of all.

    Optimism in the face of doubt: a row is taken to be as good as it may well be. It
    scores, with mean :math:`\mu` and standard deviation :math:`\sigma`,

    .. math:: \mu + \beta \sigma

    or, where the smallest label is the best, :math:`-\mu + \beta \sigma`.

    Parameters
    ----------
    beta : float, default=1.0
        Weight of the standard deviation, from 0, which trusts the predictions. It is
        the square root of what the paper calls beta.
    maximize : bool, default=True
        Whether the largest label is the best; False looks for the smallest.
    n_samples : int, default=None
        How many members or posterior draws to ask; None takes the estimator's own
        number.

    See Also
    --------
    ExpectedImprovement : Knows how good the best label is.
    CommitteeStd : The standard deviation alone.
    skal.query.functional.upper_confidence_bound : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n) for S members and n rows, after one pass of each member over the pool.
    Needs what ``ExpectedImprovement`` needs, but no labels. The best rows tend to be
    alike: ask one at a time, or wrap it in ``KrigingBeliever`` or ``DiverseBatch``.

    References
    ----------
    Srinivas, N., Krause, A., Kakade, S., Seeger, M. (2010). Gaussian process
    optimization in the bandit setting: no regret and experimental design. ICML.
    arXiv:0912.3995

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import BayesianRidge
    >>> from skal.query import UpperConfidenceBound
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = BayesianRidge().fit(X[:50], y[:50])
    >>> UpperConfidenceBound(beta=2.0).score_samples(model, X[50:]).shape
    (392,)
    """

    alias = "upper_confidence_bound"
    needs = frozenset({"samples"})
    target_types = frozenset({"regression"})
    separable = True

    def __init__(
        self,
        beta: float = 1.0,
        maximize: bool = True,
        n_samples: int | None = None,
    ) -> None:
        self.beta = beta
        self.maximize = maximize
        self.n_samples = n_samples

    def _check_params(self):
        check_number("beta", self.beta, minimum=0)
        check_search(self)

    def _score(self, view, rows):
        mean, std = beliefs(self, view, rows)
        return functional.upper_confidence_bound(mean, std, beta=self.beta)


def check_search(strategy):
    """Refuse what says neither which label is best nor how many members to ask."""
    if not isinstance(strategy.maximize, bool | np.bool_):
        raise TypeError(f"maximize must be True or False, got {strategy.maximize!r}.")
    check_n_samples(strategy.n_samples)


def best_label(strategy, view):
    """Return the best label so far, where more is better: of costs, minus the least."""
    check_labels(strategy, view)
    labels = one_target(strategy, np.asarray(view.y_training, np.float64))
    return labels.max() if strategy.maximize else -labels.min()


def beliefs(strategy, view, rows):
    """Return mean and standard deviation of each row, where more is better."""
    mean = one_target(strategy, np.asarray(view.predict(rows), np.float64))
    std = view.predict_std(rows, strategy.n_samples)
    return (mean if strategy.maximize else -mean), std


def one_target(strategy, values):
    """Return (n,) numbers; refuse several targets, which have no best row."""
    if values.ndim > 1 and values.shape[1] > 1:
        raise ValueError(
            f"{name_of(strategy)} needs one target, got {values.shape[1]}. Optimise "
            "one of them, or a weighted sum."
        )
    return values.reshape(len(values))
