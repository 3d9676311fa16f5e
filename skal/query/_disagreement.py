"""Query by committee: ask for the rows that members or posterior draws dispute."""

from functools import partial

from skal._model import check_n_samples
from skal.query._base import ScoreStrategy
from skal.query._classes import learnt
from skal.query.functional import (
    consensus_entropy,
    kl_divergence,
    mean_over_labels,
    vote_entropy,
)


class VoteEntropy(ScoreStrategy):
    r"""Pick the rows on which the votes of a committee split most evenly.

    A member's vote is its most probable class, or its prediction where it has no
    probabilities: this is disagreement about the decision, blind to how sure the
    members are. With :math:`V_c` the share of the votes for class c, a row scores

    .. math:: -\sum_c V_c \log V_c

    Parameters
    ----------
    n_samples : int, default=None
        How many members or posterior draws vote; None takes the estimator's own
        number.

    See Also
    --------
    KLDivergence : Disagreement of the probabilities, with fewer ties.
    ConsensusEntropy : Entropy of the mean probabilities.
    skal.query.functional.vote_entropy : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S members, n rows and C classes, in chunks, after one pass of
    each member over the pool. Needs votes: a forest, bagging, hard or soft voting, or
    an estimator with ``sample_proba``. Few members make many ties, which are broken at
    random. On multilabel targets it is the mean over the labels. Of trees whose leaves
    are pure ``BALD``, ``KLDivergence`` and ``ConsensusEntropy`` are the same as this.

    References
    ----------
    Dagan, I., Engelson, S. (1995). Committee-based sampling for training
    probabilistic classifiers. ICML. doi:10.1016/B978-1-55860-377-6.50027-X

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import VoteEntropy
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> VoteEntropy().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "vote_entropy"
    needs = frozenset({"votes"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, vote_entropy, view, rows, votes=True)


class ConsensusEntropy(ScoreStrategy):
    r"""Pick the rows where the mean probabilities of a committee are least decided.

    It is high where members disagree and where they agree on doubt. With
    :math:`\bar p` the mean of the members' probabilities a row scores, in nats,

    .. math:: H(\bar p) = -\sum_c \bar p_c \log \bar p_c

    Parameters
    ----------
    n_samples : int, default=None
        How many members or posterior draws to ask; None takes the estimator's own
        number.

    See Also
    --------
    Entropy : The same for one model.
    KLDivergence : Leaves out the doubt that all members share.
    skal.query.functional.consensus_entropy : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S members, n rows and C classes, in chunks, after one pass of
    each member over the pool. Needs samples: a forest, bagging, soft voting, or an
    estimator with ``sample_proba``. On multilabel targets it is the mean over the
    labels. Trees whose leaves are pure have no doubt of their own, and it is the
    entropy of their votes: set ``min_samples_leaf`` or ``max_depth``.

    References
    ----------
    Settles, B. (2009). Active learning literature survey. University of
    Wisconsin-Madison, Computer Sciences Technical Report 1648.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import ConsensusEntropy
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> ConsensusEntropy().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "consensus_entropy"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, consensus_entropy, view, rows)


class KLDivergence(ScoreStrategy):
    r"""Pick the rows where the members of a committee differ most from their mean.

    Doubt that all members share, from ambiguous rows, does not count; doubt that more
    labels would resolve does. A row scores, in nats,

    .. math:: \tfrac{1}{S} \sum_s \mathrm{KL}(p_s \| \bar p)

    which is the mutual information of the label and the member.

    Parameters
    ----------
    n_samples : int, default=None
        How many members or posterior draws to ask; None takes the estimator's own
        number.

    See Also
    --------
    VoteEntropy : Disagreement of the decisions only.
    ConsensusEntropy : Counts the shared doubt too.
    skal.query.functional.kl_divergence : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n C) for S members, n rows and C classes, in chunks, after one pass of
    each member over the pool. Needs samples: a forest, bagging, soft voting, or an
    estimator with ``sample_proba``. On multilabel targets it is the mean over the
    labels. Trees whose leaves are pure have no doubt of their own, and it is the
    entropy of their votes: set ``min_samples_leaf`` or ``max_depth``.

    References
    ----------
    McCallum, A., Nigam, K. (1998). Employing EM and pool-based active learning for
    text classification. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import KLDivergence
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    >>> KLDivergence().score_samples(forest, X).argmax() in range(50, 150)
    True
    """

    alias = "kl_divergence"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return score_of_draws(self.n_samples, kl_divergence, view, rows)


class CommitteeStd(ScoreStrategy):
    """Pick the rows on which a regressor's members differ most.

    A row scores the standard deviation of the prediction, in the units of the target:
    that over its own draws where it has ``sample_predict``, as networks do; else its
    own where ``predict`` takes ``return_std``, as a Gaussian process does; else that
    over its members. Of several outputs it is the mean.

    Parameters
    ----------
    n_samples : int, default=None
        How many members or posterior draws to ask; None takes the estimator's own
        number.

    See Also
    --------
    ExpectedModelChange : Weighs the spread by how far the model would move.
    GreedySampling : Spreads the batch out.
    LCMD : Spreads it out where a network tells rows apart.
    StochasticBatch : Draws a batch by such scores.
    skal.query.functional.committee_std : The formula on plain arrays.

    Notes
    -----
    Cost: O(S n) for S members and n rows, after one pass of each member over the pool.
    Needs a regressor with ``return_std`` or with members: a forest, bagging, voting.

    A batch of it is often worse than random rows, on forests and on networks with
    dropout. The trees of a forest differ most on the rows that share a leaf with an
    outlying label, which some bootstraps hold and others do not: a batch of these rows
    lies together, and tells of that label's noise as much as of the target. To take
    the noise of the leaves off the spread does not help. To spread the batch does:
    ``StochasticBatch(CommitteeStd(), beta=2)`` draws rows in proportion to their
    variance. :class:`LCMD` looks at distances alone.

    References
    ----------
    Burbidge, R., Rowland, J., King, R. (2007). Active learning for regression based
    on query by committee. IDEAL. doi:10.1007/978-3-540-77226-2_22

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skal.query import CommitteeStd
    >>> X, y = load_diabetes(return_X_y=True)
    >>> forest = RandomForestRegressor(10, random_state=0).fit(X[:50], y[:50])
    >>> CommitteeStd().score_samples(forest, X[50:]).shape
    (392,)
    """

    alias = "committee_std"
    needs = frozenset({"samples"})
    target_types = frozenset({"regression"})
    separable = True

    def __init__(self, n_samples: int | None = None) -> None:
        self.n_samples = n_samples

    def _check_params(self):
        check_n_samples(self.n_samples)

    def _score(self, view, rows):
        return view.predict_std(rows, self.n_samples)


def score_of_draws(n_samples, formula, view, rows, *, votes=False):
    """Apply a formula to the samples of each row, label by label where there are many.

    Where it reads votes alone, members without probabilities serve too. Samples are
    held or made in chunks, as their number asks for.
    """
    if view.target_type == "multilabel":
        formula = partial(mean_over_labels, formula)
    reduce = view.reduce_votes if votes else view.reduce_samples
    return reduce(lambda draws: formula(learnt(view, draws)), rows, n_samples)
