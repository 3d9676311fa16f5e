"""Strategies made for regression."""

from typing import Any

import numpy as np
from sklearn.base import clone

from skal._checks import check_choice, check_int
from skal._data import take_rows
from skal._seed import seeds_for
from skal.query import functional
from skal.query._base import TARGET_TYPES, QueryStrategy, ScoreStrategy
from skal.query._labeled import check_labels


class GreedySampling(QueryStrategy):
    r"""Pick rows far from everything labelled: in X, in the target, or in both.

    Labels on like rows tell the same thing twice. One row at a time is picked, the
    one of the largest smallest distance to the labelled and picked rows:
    :math:`\min_m d^x_{nm}` (GSx), :math:`\min_m d^y_{nm}` (GSy) or
    :math:`\min_m d^x_{nm} d^y_{nm}` (iGS), with :math:`d^x` between embeddings and
    :math:`d^y` from the prediction for a row to a label. Until its label is known, a
    picked row has its prediction for a label.

    Parameters
    ----------
    method : {"iGS", "GSx", "GSy"}, default="iGS"
        Which distance to use. GSx reads no predictions: it serves classifiers too,
        and as ``initial=``, where it starts with the row nearest to the centroid of
        the pool.

    See Also
    --------
    ExpectedModelChange : Scores rows by how far the model would move.
    CommitteeStd : Scores rows by the spread of predictions.
    skal.query.functional.greedy_sampling : The same on plain arrays.

    Notes
    -----
    Cost: O(n (m + k) d) for n rows, m labelled ones, k picks and d features, O(n)
    memory beyond the embeddings. Distances depend on units: scale the features. GSy
    and iGS need a fitted regressor and at least one label, GSx needs neither.

    References
    ----------
    Wu, D., Lin, C.-T., Huang, J. (2019). Active learning for regression using greedy
    sampling. Information Sciences 474. arXiv:1808.04245

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import GreedySampling
    >>> learner = ActiveLearner(LinearRegression(), initial=GreedySampling("GSx"))
    >>> learner.query([[0.0], [1.0], [2.0], [9.0]], n_instances=3)[0]
    array([2, 3, 0])
    """

    alias = "greedy_sampling"

    def __init__(self, method: str = "iGS") -> None:
        self.method = method

    @property
    def needs(self) -> frozenset[str]:
        """What the method reads."""
        reads = {"GSx": {"embed"}, "GSy": {"labels"}, "iGS": {"embed", "labels"}}
        return frozenset(reads[check_choice("method", self.method, reads)])

    @property
    def target_types(self) -> frozenset[str]:
        """Any where no target is read, else regression."""
        return frozenset({"regression"}) if "labels" in self.needs else TARGET_TYPES

    def _query(self, view, rows, n_instances, rng):
        arrays: dict[str, Any] = {}
        if "labels" in self.needs:
            check_labels(self, view)
            arrays |= {"predictions": view.predict(rows), "y_labeled": view.y_training}
        if "embed" in self.needs and view.n_labels:
            arrays["labeled"] = view.embed(view.X_training)
        return functional.greedy_sampling(
            view.embed(rows) if "embed" in self.needs else None,
            n_instances,
            method=self.method,
            random_state=rng,
            **arrays,
        )


class ExpectedModelChange(ScoreStrategy):
    r"""Pick the rows whose labels are expected to move a linear model most.

    Members :math:`f_k`, clones of the model fitted to bootstraps of the labelled
    rows, guess at the label of a row, and the length of the gradient of the squared
    loss tells how far that label would move a linear model on the embedding e:

    .. math:: \tfrac{1}{K} \sum_k | f_k(x) - f(x) | \, \| (e(x), 1) \|

    Parameters
    ----------
    n_members : int, default=4
        How many members K to fit.

    See Also
    --------
    CommitteeStd : The spread of predictions alone.
    GreedySampling : Spreads the batch out.
    skal.query.functional.expected_model_change : The formula on plain arrays.

    Notes
    -----
    Cost: O(n (K + d)) for n rows, K members and d features, after K fits on the
    labelled rows and one pass of each member and of the model over the pool. Members
    are seeded by the query's own seed, so that the scores of a query can be repeated.
    They are fitted without further metadata, such as sample weights. Length depends on
    units: scale the features.

    References
    ----------
    Cai, W., Zhang, Y., Zhou, J. (2013). Maximizing expected model change for active
    learning in regression. ICDM. doi:10.1109/ICDM.2013.104

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skal import ModelView
    >>> from skal.query import ExpectedModelChange
    >>> X, y = load_diabetes(return_X_y=True)
    >>> view = ModelView(Ridge().fit(X[:20], y[:20]), X[:20], y[:20], random_state=0)
    >>> ExpectedModelChange(n_members=5).score_samples(view, X).shape
    (442,)
    """

    alias = "expected_model_change"
    needs = frozenset({"embed", "labels"})
    target_types = frozenset({"regression"})

    def __init__(self, n_members: int = 4) -> None:
        self.n_members = n_members

    def _check_params(self):
        check_int("n_members", self.n_members)

    def _score(self, view, rows):
        check_labels(self, view)
        rng = np.random.RandomState(view.seed)
        members = [_fit_bootstrap(view, rng) for _ in range(self.n_members)]
        predictions = [  # (K, chunk) for each chunk
            np.stack([member.predict(chunk.data()) for member in members])
            for _, chunk in rows.chunks()
        ]
        return functional.expected_model_change(
            view.predict(rows), np.concatenate(predictions, axis=1), view.embed(rows)
        )


def _fit_bootstrap(view, rng):
    """Fit a seeded clone of the model to a bootstrap of the labelled rows."""
    member = clone(view.estimator)
    seeds = seeds_for(member, rng)
    drawn = rng.randint(view.n_labels, size=view.n_labels)
    X, y = take_rows(view.X_training, drawn), np.asarray(view.y_training)[drawn]
    return member.set_params(**seeds).fit(X, y)
