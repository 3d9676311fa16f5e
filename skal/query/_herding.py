"""Strategies whose picks are near to all rows, or to all the model is unsure of."""

from __future__ import annotations

from typing import ClassVar

from skal._checks import check_choice, check_int
from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._classes import learnt
from skal.query._labeled import labeled_of
from skal.query._uncertainty import UNCERTAINTIES
from skal.query.functional._herding import check_bandwidth


class FacilityLocation(QueryStrategy):
    r"""Pick rows that bring all rows nearest to a label, one at a time.

    Each pick takes most off the mean distance of a row to its nearest labelled or
    picked row: dense regions get more labels than sparse ones, outliers none.

    Parameters
    ----------
    n_reference : int, default=5000
        How many rows, drawn at random, the mean is over; None takes all, exact and
        slower in proportion.
    scale : {None, "auto"}, default=None
        "auto" divides columns by their spread where they seem to be in units of their
        own, ages and incomes, say; pixels, words and learnt features stay as they are
        (:func:`skal.query.functional.common_units`). None takes all as they come.

    See Also
    --------
    CoreSet : Brings down the largest distance.
    KMeansSampling : As many rows at once, in the middle of clusters.
    skal.query.functional.facility_location : The same on plain arrays.

    Notes
    -----
    Cost: O(n r d) for n rows, r reference rows and d features, then a small multiple
    of it over the picks (lazy greedy); O(n) memory. Needs embeddings. Serves as
    ``initial=`` too.

    References
    ----------
    Wei, K., Iyer, R., Bilmes, J. (2015). Submodularity in data subset selection and
    active learning. ICML. PMLR 37

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import FacilityLocation
    >>> learner = ActiveLearner(initial=FacilityLocation())
    >>> learner.query([[0.0], [0.1], [0.2], [9.0], [-8.0]], n_instances=3)[0]
    array([1, 3, 4])
    """

    alias = "facility_location"
    needs = frozenset({"embed"})

    _added_params: ClassVar = {"scale": None}

    def __init__(
        self, n_reference: int | None = 5000, scale: str | None = None
    ) -> None:
        self.n_reference = n_reference
        self.scale = scale

    def _check_params(self):
        if self.n_reference is not None:
            check_int("n_reference", self.n_reference)
        check_scale(self.scale)

    def _query(self, view, rows, n_instances, rng):
        E, labeled = measured(view, rows, self.scale, rng)
        return functional.facility_location(
            E,
            n_instances,
            labeled=labeled,
            n_reference=self.n_reference,
            random_state=rng,
        )


class MaxHerding(QueryStrategy):
    r"""Pick rows that cover the pool best under a Gaussian kernel, one at a time.

    Coverage of a row fades with its distance to the nearest labelled or picked row, so
    there is no radius to hit. It serves small budgets without failing at larger ones.

    Parameters
    ----------
    bandwidth : float, default=None
        The bandwidth of the kernel. None takes the root mean square distance of the
        rows to their mean.
    n_reference : int, default=5000
        How many rows, drawn at random, coverage is measured on; None takes all, exact
        and slower in proportion.
    scale : {None, "auto"}, default=None
        "auto" divides columns by their spread where they seem to be in units of their
        own, ages and incomes, say; pixels, words and learnt features stay as they are
        (:func:`skal.query.functional.common_units`). None takes all as they come.

    See Also
    --------
    UHerding : Covers best where the model is unsure.
    ProbCover : Balls of one radius.
    FacilityLocation : The same with distances.
    skal.query.functional.max_herding : The same on plain arrays.

    Notes
    -----
    Cost: O(n r d) for n rows, r reference rows and d features, then a small multiple
    of it over the picks (lazy greedy); O(n) memory. Needs embeddings. Serves as
    ``initial=`` too. Where the reference rows are 2 000 or more, but not all, a first
    look at 500 of them tells which 1 024 rows are worth comparing with all; of more
    than 20 480 rows, the candidates are those near the middles of what first picks
    cover.

    References
    ----------
    Bae, W., Noh, J., Sutherland, D. J. (2024). Generalized coverage for more robust
    low-budget active learning. ECCV. arXiv:2407.12212

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import MaxHerding
    >>> learner = ActiveLearner(initial=MaxHerding(bandwidth=0.1))
    >>> learner.query([[0.0], [0.1], [0.2], [9.0]], n_instances=2)[0]
    array([1, 3])
    """

    alias = "max_herding"
    needs = frozenset({"embed"})

    _added_params: ClassVar = {"scale": None}

    def __init__(
        self,
        bandwidth: float | None = None,
        n_reference: int | None = 5000,
        scale: str | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.n_reference = n_reference
        self.scale = scale

    def _check_params(self):
        if self.bandwidth is not None:
            check_bandwidth(self.bandwidth)
        if self.n_reference is not None:
            check_int("n_reference", self.n_reference)
        check_scale(self.scale)

    def _query(self, view, rows, n_instances, rng):
        E, labeled = measured(view, rows, self.scale, rng)
        return functional.max_herding(
            E,
            n_instances,
            labeled=labeled,
            bandwidth=self.bandwidth,
            n_reference=self.n_reference,
            random_state=rng,
        )


class UHerding(QueryStrategy):
    r"""Pick rows that cover best where the model is unsure: for any number of labels.

    As MaxHerding, with rows weighted by the model's uncertainty and a bandwidth that
    shrinks as labels get dense: it turns from covering the pool into uncertainty
    sampling by itself.

    Parameters
    ----------
    uncertainty : {"margin", "entropy", "least_confidence"}, default="margin"
        The weight of a row; "margin" is 1 minus the margin.
    bandwidth : float, default=None
        The bandwidth of the kernel. None takes the least distance between two labelled
        rows that differ, at most the default of MaxHerding.
    n_reference : int, default=5000
        How many rows, drawn at random, coverage is measured on; None takes all, exact
        and slower in proportion.
    scale : {None, "auto"}, default=None
        "auto" divides columns by their spread where they seem to be in units of their
        own, ages and incomes, say; pixels, words and learnt features stay as they are
        (:func:`skal.query.functional.common_units`). None takes all as they come.

    See Also
    --------
    MaxHerding : Without a model; as ``initial=``, the same thing before any label.
    skal.query.functional.uherding : The same on plain arrays.

    Notes
    -----
    Cost: O(n r d + m^2 d) for n rows, r reference rows, m labelled ones and d features,
    then as MaxHerding, with its first look at large pools. Needs probabilities and
    embeddings. Uncertainty can be trusted as far as the probabilities: the authors
    scale their temperature on held-out rows.

    References
    ----------
    Bae, W., Oliveira, G. L., Sutherland, D. J. (2025). Uncertainty herding: one active
    learning method for all label budgets. ICLR. arXiv:2412.20644

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import MaxHerding, UHerding
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500)
    >>> learner = ActiveLearner(model, UHerding(), initial=MaxHerding(), n_labels=30)
    >>> learner.fit(X, y).n_iter_
    2
    """

    alias = "uherding"
    needs = frozenset({"embed", "proba"})
    target_types = frozenset({"multiclass", "multilabel"})

    _added_params: ClassVar = {"scale": None}

    def __init__(
        self,
        uncertainty: str = "margin",
        bandwidth: float | None = None,
        n_reference: int | None = 5000,
        scale: str | None = None,
    ) -> None:
        self.uncertainty = uncertainty
        self.bandwidth = bandwidth
        self.n_reference = n_reference
        self.scale = scale

    def _check_params(self):
        check_choice("uncertainty", self.uncertainty, UNCERTAINTIES)
        if self.bandwidth is not None:
            check_bandwidth(self.bandwidth)
        if self.n_reference is not None:
            check_int("n_reference", self.n_reference)
        check_scale(self.scale)

    def _query(self, view, rows, n_instances, rng):
        E, labeled = measured(view, rows, self.scale, rng)
        return functional.uherding(
            E,
            UNCERTAINTIES[self.uncertainty](learnt(view, view.predict_proba(rows))),
            n_instances,
            labeled=labeled,
            bandwidth=self.bandwidth,
            n_reference=self.n_reference,
            random_state=rng,
        )


def check_scale(scale):
    """Refuse what is no way to scale columns."""
    if scale is not None and scale != "auto":
        raise ValueError(
            f'scale must be None or "auto", got {scale!r}. None takes columns as they '
            "come."
        )


def measured(view, rows, scale, rng):
    """Return the embeddings of the pool and of the labelled rows, to be measured."""
    E, labeled = view.embed(rows), labeled_of(view)
    if scale is None:
        return E, labeled
    return functional.common_units(E, labeled, random_state=rng)
