"""Bayesian query strategies: ask for what the posterior is unsure of."""

from skal._model import check_n_samples
from skal.query._base import ScoreStrategy
from skal.query._disagreement import score_of_draws
from skal.query.functional import (
    mean_std,
    mutual_information,
    predictive_entropy,
    variation_ratio,
)


class BALD(ScoreStrategy):
    r"""Pick the rows whose labels would tell most about the model.

    Doubt that every draw of the posterior shares comes from the data and stays; doubt
    on which the draws disagree can be learnt away. A row scores, in nats,

    .. math:: I(y; \omega) = H(\bar p) - \tfrac{1}{S} \sum_s H(p_s)

    Parameters
    ----------
    n_samples : int, default=None
        How many posterior draws or members to ask; None takes the estimator's own
        number.

    See Also
    --------
    BatchBALD : Takes care that a batch does not ask the same thing many times.
    EPIG : Counts what helps the predictions for other rows only.
    KLDivergence : The same score, by its name for a committee.
    skal.query.functional.mutual_information : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S draws, n rows and C classes, after S passes over the pool, or
    what the estimator's ``sample_proba`` makes of them, in chunks: the samples of a
    large pool are never held. Needs samples: a net with dropout, a posterior, a forest,
    bagging or soft voting. On multilabel targets it is the mean over the labels. The
    best rows tend to be alike: for batches prefer ``BatchBALD``. Trees whose leaves are
    pure have no doubt of their own, and it is the entropy of their votes: set
    ``min_samples_leaf`` or ``max_depth``.

    References
    ----------
    Houlsby, N., Huszar, F., Ghahramani, Z., Lengyel, M. (2011). Bayesian active
    learning for classification and preference learning. arXiv:1112.5745

    Gal, Y., Islam, R., Ghahramani, Z. (2017). Deep Bayesian active learning with
    image data. ICML. arXiv:1703.02910

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import BALD
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> BALD().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "bald"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, mutual_information, view, rows)


class PredictiveEntropy(ScoreStrategy):
    r"""Pick the rows whose posterior predictive probabilities are least decided.

    It counts doubt of both kinds, that which labels resolve and that which they do
    not. With :math:`\bar p` the mean of the draws a row scores, in nats,

    .. math:: H(\bar p) = -\sum_c \bar p_c \log \bar p_c

    Parameters
    ----------
    n_samples : int, default=None
        How many posterior draws or members to ask; None takes the estimator's own
        number.

    See Also
    --------
    BALD : Leaves out the doubt that labels do not resolve.
    Entropy : The same of ``predict_proba``, one pass instead of S.
    ConsensusEntropy : The same score, by its name for a committee.
    skal.query.functional.predictive_entropy : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S draws, n rows and C classes, in chunks, after S passes over the
    pool. Needs samples: a net with dropout, a posterior, a forest, bagging or soft
    voting. On multilabel targets it is the mean over the labels. Of trees whose leaves
    are pure it is the entropy of the votes, as ``BALD`` is.

    References
    ----------
    Gal, Y., Islam, R., Ghahramani, Z. (2017). Deep Bayesian active learning with
    image data. ICML. arXiv:1703.02910

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import PredictiveEntropy
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> PredictiveEntropy().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "predictive_entropy"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, predictive_entropy, view, rows)


class VariationRatio(ScoreStrategy):
    r"""Pick the rows on which most draws vote against the commonest class.

    Each posterior draw votes for its most probable class. With :math:`V_c` the share
    of the votes for class c a row scores

    .. math:: 1 - \max_c V_c

    Parameters
    ----------
    n_samples : int, default=None
        How many posterior draws or members vote; None takes the estimator's own
        number.

    See Also
    --------
    BALD : Looks at the probabilities, and hardly ever ties.
    VoteEntropy : Looks at all the votes.
    skal.query.functional.variation_ratio : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S draws, n rows and C classes, in chunks, after S passes over the
    pool. Needs votes: a net with dropout, a posterior, a forest, bagging, hard or soft
    voting. On multilabel targets it is the mean over the labels. S draws give at most S
    different scores, so that many rows tie; which of them are taken is chance. More
    draws tie less.

    References
    ----------
    Freeman, L. C. (1965). Elementary applied statistics. Wiley.

    Gal, Y., Islam, R., Ghahramani, Z. (2017). Deep Bayesian active learning with
    image data. ICML. arXiv:1703.02910

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import VariationRatio
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> VariationRatio().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "variation_ratio"
    needs = frozenset({"votes"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, variation_ratio, view, rows, votes=True)


class MeanStd(ScoreStrategy):
    r"""Pick the rows whose class probabilities vary most between draws.

    A row scores the standard deviation over the draws, averaged over the classes:

    .. math:: \tfrac{1}{C} \sum_c \sqrt{\tfrac{1}{S} \sum_s (p_{sc} - \bar p_c)^2}

    Parameters
    ----------
    n_samples : int, default=None
        How many posterior draws or members to ask; None takes the estimator's own
        number.

    See Also
    --------
    BALD : Measures the spread in nats, where a change near 0 or 1 counts more.
    CommitteeStd : The spread of a regressor's members.
    skal.query.functional.mean_std : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S draws, n rows and C classes, in chunks, after S passes over the
    pool. Needs samples: a net with dropout, a posterior, a forest, bagging or soft
    voting. On multilabel targets it is the mean over the labels.

    References
    ----------
    Kampffmeyer, M., Salberg, A.-B., Jenssen, R. (2016). Semantic segmentation of
    small objects and modeling of uncertainty in urban remote sensing images using
    deep convolutional neural networks. CVPR workshops. doi:10.1109/CVPRW.2016.90

    Gal, Y., Islam, R., Ghahramani, Z. (2017). Deep Bayesian active learning with
    image data. ICML. arXiv:1703.02910

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import MeanStd
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> MeanStd().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "mean_std"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, mean_std, view, rows)
