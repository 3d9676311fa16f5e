"""What every stopping rule shares, and judging a recorded run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skal._data import as_rows, select_rows
from skal._meta import ReadableReprMixin
from skal._model import as_view, check_needs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class StoppingRule(ReadableReprMixin, BaseEstimator):
    """Base class of the rules that say when to stop buying labels.

    A rule splits into what it sees and what it thinks of it. ``measure`` looks at the
    model of one round and returns a small record; ``verdict`` judges the records of
    all rounds so far and depends on nothing else. So a run needs to be made only
    once: other thresholds are judged on the records it left in
    ``history_["stopping"]`` (:func:`replay`).

    To add a rule, write ``_measure(view, rows, indices)``, which returns something
    small that pickles, and ``_verdict(records)``, which returns a value, the
    threshold it is held against, and whether to stop; NaN as the value means that
    there are too few records. ``_check_params()`` raises on bad parameters. The hooks
    trust their input.

    Attributes
    ----------
    needs : frozenset of str
        What the estimator must offer: "proba", or nothing.
    target_types : frozenset of str
        The kinds of target the rule serves: of "multiclass", "multilabel" and
        "regression".

    See Also
    --------
    KappaAverage : A good first choice for classifiers.
    ValidationPlateau : Serves regressors too.
    Any : Stop as soon as one of several rules says so.

    Notes
    -----
    A learner measures once a round, just after the query and on the same
    :class:`~skal.ModelView`, so probabilities that the strategy has asked for cost
    nothing more.

    Examples
    --------
    >>> from skal.stopping import StoppingRule
    >>> class FewLeft(StoppingRule):
    ...     def _measure(self, view, rows, indices):
    ...         return len(rows)
    ...     def _verdict(self, records):
    ...         return records[-1], 100, records[-1] <= 100
    >>> FewLeft().verdict([300, 200, 100])
    (100.0, 100.0, True)
    """

    if TYPE_CHECKING:  # subclasses set them, or work them out in properties

        @property
        def needs(self) -> frozenset[str]: ...
        @property
        def target_types(self) -> frozenset[str]: ...

    else:
        needs = frozenset()
        target_types = frozenset({"multiclass", "multilabel"})

    def check(self, estimator: Any, target_type: str) -> None:
        """Raise if the rule cannot serve an estimator; nothing is fitted.

        Parameters
        ----------
        estimator : estimator
            The model, fitted or not.
        target_type : {"multiclass", "multilabel", "regression", "structured"}
            The kind of target.

        Raises
        ------
        TypeError
            If the rule does not serve this kind of target, needs what the estimator
            cannot give, or a parameter has the wrong type.
        ValueError
            If a parameter is out of bounds.
        """
        self._check_params()
        if target_type not in self.target_types:
            raise TypeError(
                f"stopping must be a rule for {target_type} targets, got {self!r}. "
                "ValidationPlateau(X_val, y_val) serves every kind of target."
            )
        check_needs(self, estimator)
        for rule in self._rules():
            rule.check(estimator, target_type)

    def measure(
        self,
        learner: Any,
        X: Any,
        indices: ArrayLike,
        *,
        candidates: ArrayLike | None = None,
    ) -> Any:
        """Look at the model of one round.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model.
        X : Rows or array-like of shape (n_samples, ...)
            The pool. Rows are its unlabelled part, and their base is the whole.
        indices : array-like of int of shape (n_instances,)
            Positions in X of the rows that were selected for labelling.
        candidates : array-like of int or bool, default=None
            Positions, or a mask, of the rows of X that are unlabelled, as in
            :meth:`skal.ActiveLearner.query`; None means all of X.

        Returns
        -------
        object
            The record of the round: small, and it pickles.

        Raises
        ------
        TypeError
            If the estimator does not offer what the rule needs.
        ValueError
            If the rule does not serve the kind of target, or a parameter or a position
            is out of bounds.
        """
        view, rows = as_view(learner), as_rows(X)
        self.check(view.estimator, view.target_type)
        positions = checked_positions(indices, len(rows))
        if candidates is not None:
            left = select_rows(rows, candidates).indices
            rows, positions = rows.take(left), places_of(positions, left)
        return self._measure(view, rows, positions)

    def verdict(self, records: Sequence[Any]) -> tuple[float, float, bool]:
        """Judge the records of all rounds so far.

        Parameters
        ----------
        records : list
            What :meth:`measure` returned, round by round. None, for a round that was
            not measured, is skipped.

        Returns
        -------
        value : float
            What the rule looks at; NaN where there are too few records.
        threshold : float
            What the value is held against.
        stop : bool
            Whether to stop now.
        """
        self._check_params()
        known = [record for record in records if record is not None]
        value, threshold, stop = self._verdict(known) if known else self._undecided()
        return float(value), float(threshold), bool(stop)

    def _check_params(self):
        """Raise on bad parameters."""

    def _rules(self) -> Sequence[StoppingRule]:
        """Return the rules inside."""
        return ()

    def _undecided(self):
        """Return the verdict on too few records."""
        return np.nan, getattr(self, "threshold", np.nan), False


def replay(rule: StoppingRule, records: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Judge a recorded run round by round, as if it were under way.

    Parameters
    ----------
    rule : StoppingRule
        The rule, with the parameters to try out. What it measures must be what was
        measured in the run.
    records : list
        The records of the run, such as ``learner.history_["stopping"]``. Those of
        :class:`Any` and :class:`All` are dicts by the names of their members, so
        ``[record["kappa"] for record in records]`` replays one member.

    Returns
    -------
    dict
        ``value``, ``threshold`` (float) and ``stop`` (bool), arrays with one entry a
        record: the verdict on all records up to that one.

    See Also
    --------
    StoppingRule.verdict : The verdict on the last round alone.

    Examples
    --------
    >>> from skal.stopping import OverallUncertainty, replay
    >>> replay(OverallUncertainty(threshold=0.1), [0.4, 0.2, 0.05])["stop"]
    array([False, False,  True])
    """
    records = list(records)
    verdicts = [rule.verdict(records[: t + 1]) for t in range(len(records))]
    value, threshold, stop = zip(*verdicts, strict=True) if verdicts else ((), (), ())
    return {
        "value": np.array(value, dtype=float),
        "threshold": np.array(threshold, dtype=float),
        "stop": np.array(stop, dtype=bool),
    }


def places_of(positions, candidates):
    """Return where among the sorted candidates the positions stand."""
    strangers = np.setdiff1d(positions, candidates)
    if len(strangers):
        raise ValueError(
            f"indices must be among the candidates, got {strangers.tolist()} besides."
        )
    return np.searchsorted(candidates, positions)


def checked_positions(indices, n):
    """Return ``indices`` as integers after checking that they lie in ``range(n)``."""
    indices = np.asarray(indices)
    if indices.size == 0:
        return np.empty(0, dtype=np.int64)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise TypeError(
            "indices must be a 1-D array of integer positions, got "
            f"{indices.dtype} of shape {indices.shape}."
        )
    if indices.min() < 0 or indices.max() >= n:
        raise ValueError(
            f"indices must lie in [0, {n - 1}], the rows of X, got "
            f"{indices.min()} to {indices.max()}."
        )
    return indices
