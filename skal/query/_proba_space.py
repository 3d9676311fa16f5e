"""Ask for rows whose probabilities differ from those of the rows known."""

from __future__ import annotations

from skal._checks import check_number
from skal.query import functional
from skal.query._base import QueryStrategy


class FALCUN(QueryStrategy):
    r"""Draw rows that are unsure, and unsure between other classes than those drawn.

    With :math:`u_n` one minus the margin and :math:`d_n`, at first :math:`u_n`, the
    smallest L1 distance of the probabilities to those of a row drawn, the next row is
    drawn with a chance in proportion to

    .. math:: (u_n + d_n / \max_m d_m)^\gamma

    Parameters
    ----------
    gamma : float, default=10.0
        From 0 (all rows alike) to greedy.

    See Also
    --------
    CDAL : The farthest probabilities, without chance.
    BADGE : Apart in the embedding too.
    skal.query.functional.falcun : The same on plain arrays.

    Notes
    -----
    Cost: O(n k C) for n rows, k picks and C classes, whatever the features, after one
    pass of the model over the pool. Needs probabilities alone. On multilabel targets
    margin and distance are means over the labels.

    References
    ----------
    Gilhuber, S., Beer, A., Ma, Y., Seidl, T. (2024). FALCUN: a simple and efficient
    deep active learning strategy. ECML PKDD, 421-439.
    https://openreview.net/forum?id=VcUMTKLWgn

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "falcun", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "falcun"
    needs = frozenset({"proba"})
    target_types = frozenset({"multiclass", "multilabel"})

    def __init__(self, gamma: float = 10.0) -> None:
        self.gamma = gamma

    def _check_params(self):
        check_number("gamma", self.gamma, minimum=0)

    def _query(self, view, rows, n_instances, rng):
        proba = view.predict_proba(rows)
        return functional.falcun(
            proba,
            n_instances,
            gamma=self.gamma,
            multilabel=view.target_type == "multilabel",
            random_state=rng,
        )


class CDAL(QueryStrategy):
    r"""Pick the row whose probabilities are farthest from all known, again and again.

    Which classes a row is confused between is the context that the model sees in it;
    confusions that no labelled or picked row shows come first. The distance is

    .. math:: \tfrac12 \mathrm{KL}(p \| q) + \tfrac12 \mathrm{KL}(q \| p)

    See Also
    --------
    FALCUN : Weighs uncertainty too, and draws.
    skal.query.functional.cdal : The same on plain arrays.

    Notes
    -----
    Cost: O(n (m + k) C) for n rows, m labelled ones, k picks and C classes, whatever
    the features, after one pass of the model over the pool and the labelled rows.
    Without labelled rows the first pick is the row nearest to the mean of the
    probabilities.

    References
    ----------
    Agarwal, S., Arora, H., Anand, S., Arora, C. (2020). Contextual diversity for
    active learning. ECCV. arXiv:2008.05723

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "cdal", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "cdal"
    needs = frozenset({"proba"})
    target_types = frozenset({"multiclass"})

    def _query(self, view, rows, n_instances, rng):
        proba = view.predict_proba(rows)
        known = view.predict_proba(view.X_training) if view.n_labels else None
        return functional.cdal(
            proba, n_instances, proba_labeled=known, random_state=rng
        )
