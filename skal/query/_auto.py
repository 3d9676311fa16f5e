"""The default: the strategy that loses least, by what the model and its rows offer."""

from __future__ import annotations

from skal._data import is_far
from skal._model import NoEmbedding, provides
from skal.query._aggregate import Aggregate
from skal.query._base import QueryStrategy
from skal.query._disagreement import VoteEntropy
from skal.query._herding import FacilityLocation, MaxHerding, UHerding
from skal.query._labeled import labeled_of
from skal.query._picks import split_result
from skal.query._random import RandomSampling
from skal.query._regression import GreedySampling
from skal.query._shortlist import Shortlist
from skal.query._uncertainty import Margin

#: Of a pool that lies elsewhere so many rows are drawn, and fetched.
_N_DRAWN = 20_000


class Auto(QueryStrategy):
    """Ask by the strategy that loses least for the model and the rows at hand.

    What it asks by, and says in ``info["strategy"]``:

    - "uherding" where the classifier gives probabilities and the rows embed as finite
      numbers;
    - "margin" where they do not (gaps, words, categories), or where there are decision
      values alone;
    - "vote_entropy" of members that do no more than vote;
    - "facility_location" for a regressor, "greedy_sampling" by its predictions alone
      where the rows do not embed;
    - "aggregate", the doubts about its units, where it answers for units of rows;
    - "max_herding" before any label is known, and where a model does no more than
      predict;
    - "random" where nothing else can serve.

    Distances are between columns of like spread where they seem to be in units of their
    own, as with ``UHerding(scale="auto")``.

    Of a pool on dask 20 000 rows are drawn at random, and it asks among these:
    ``info["n_candidates"]`` says how many they were.

    See Also
    --------
    UHerding : What it asks by for most classifiers.
    Margin : Looks at the probabilities alone, which costs least.

    Notes
    -----
    Cost: O(n r d + m^2 d) for n rows, r reference rows, m labelled ones and d features,
    where UHerding is chosen, else that of what is. It needs nothing of the estimator,
    and uses what it has. ``info["why"]`` says in a sentence why it chose; the choice is
    made anew in each round, for the rows that may be asked and those that are labelled.
    Serves as ``initial=`` too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skal import ActiveLearner
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(n_labels=30, random_state=0).fit(X, y)
    >>> learner.history_["info"][-1]["strategy"]
    'uherding'
    >>> learner.history_["info"][-1]["why"]
    'The model gives probabilities, and the rows embed as finite numbers.'
    """

    alias = "auto"
    uses = frozenset(
        {"embed", "proba", "decision", "votes", "samples", "units", "labels"}
    )
    _by_blocks = True

    def _query(self, view, rows, n_instances, rng):
        if is_far(rows):
            return Shortlist(self, _N_DRAWN)._query(view, rows, n_instances, rng)
        strategy, why = self._chosen(view, rows)
        picked, info = split_result(strategy(view, rows, n_instances, random_state=rng))
        return picked, {**info, "strategy": strategy.alias, "why": why}

    def _chosen(self, view, rows):
        """Return the strategy for this query, and why it is the one."""
        fault = fault_of_embedding(view, rows)
        if not view.__sklearn_is_fitted__():
            return without_answers(fault, "No label is known yet")
        if view.target_type == "regression":
            return for_numbers(view, fault)
        if provides(view.estimator, "units"):
            return Aggregate(), "The model gives probabilities of units of rows."
        if provides(view.estimator, "proba"):
            if fault is None:
                return UHerding(scale="auto"), (
                    "The model gives probabilities, and the rows embed as finite "
                    "numbers."
                )
            return Margin(), f"The model gives probabilities, but {fault}."
        if provides(view.estimator, "decision"):
            return Margin(), "The model gives decision values and no probabilities."
        if provides(view.estimator, "votes"):
            return VoteEntropy(), "The members of the model vote, and do no more."
        return without_answers(fault, "The model predicts, and does no more")


def fault_of_embedding(view, rows):
    """Say why the rows to choose from, or those labelled, do not embed, or None."""
    try:
        view.embed(rows)
        labeled_of(view)
    except NoEmbedding as error:
        numeric = isinstance(error, ValueError)
        return f"the rows do not embed as {'finite ' if numeric else ''}numbers"
    return None


def without_answers(fault, why):
    """Return a strategy that asks the model nothing."""
    if fault is None:
        return MaxHerding(scale="auto"), f"{why}, and the rows embed as finite numbers."
    return RandomSampling(), f"{why}, and {fault}."


def for_numbers(view, fault):
    """Return a strategy for a regressor."""
    if fault is None:
        return FacilityLocation(scale="auto"), (
            "It is a regressor, and the rows embed as finite numbers."
        )
    if view.n_labels:
        return GreedySampling("GSy"), f"It is a regressor, and {fault}."
    return without_answers(fault, "The labels of the regressor are unknown")
