"""Ask for the labels after which the model is expected to err least."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from skal._checks import check_choice, check_int
from skal._data import concat_rows, take_rows
from skal.query._classes import learnt, learnt_columns
from skal.query._labeled import check_labels
from skal.query._picks import split_result
from skal.query._refit import refitted, unfitted
from skal.query._wrapper import WrapperStrategy
from skal.query.functional import entropy, least_confidence
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

#: What a model is expected to lose on a row, by its own probabilities.
LOSSES = {"log": entropy, "zero_one": least_confidence}


class ExpectedErrorReduction(WrapperStrategy):
    r"""Pick the rows whose labels are expected to leave the model least in error.

    It asks straight for what is wanted, a model that errs less on all other rows,
    and pays for it: for each row tried and each class c that it may have, a clone of
    the model is fitted with that label too, and asked how sure it is then. With
    :math:`p^{+x,c}` the probabilities of that clone, a row x scores

    .. math::
        -\sum_c p_c(x) \, \tfrac{1}{R} \sum_r \ell\left( p^{+x,c}(r) \right)

    where :math:`\ell` is the entropy ("log") or one minus the largest probability
    ("zero_one"), over R other rows of the pool.

    Parameters
    ----------
    loss : {"log", "zero_one"}, default="log"
        What an error costs. "zero_one" counts wrong predictions; "log" also what the
        probabilities of right ones lack, and ties less.
    base : str, QueryStrategy or callable, default="margin"
        The strategy that says which rows to try.
    n_candidates : int, default=50
        How many rows to try, those that ``base`` wants most. Where more are asked for,
        those not tried follow in its order.
    n_reference : int, default=200
        How many rows of the pool to expect errors on, drawn anew in each query.
    n_jobs : int, default=None
        How many rows to try at once, as in scikit-learn: None is one, -1 takes every
        core. It changes no score.

    See Also
    --------
    EPIG : The same end by the draws of a posterior, without fitting.
    ExpectedModelChange : The change of a regressor.
    ExpectedGradientLength : The change of the last layer, without fitting.

    Notes
    -----
    Cost: O(q C) fits for q rows tried and C classes, each on the m + 1 labelled rows
    and asked about R rows, whatever the size of the pool, beside that of ``base``: 500
    fits with 10 classes and the defaults. A class that the model gives a row no chance
    is not tried. To try every row of a small pool, as the paper does, set
    ``n_candidates`` and ``n_reference`` to its size or more.

    Clones are seeded by the query's own seed, all alike, and fitted to the labelled
    rows without metadata, such as sample weights. Rows of equal score keep the order
    of ``base``. The rows of a batch are scored one by one: wrap it in ``DiverseBatch``
    where they come out alike. Needs probabilities and at least one label.

    References
    ----------
    Roy, N., McCallum, A. (2001). Toward optimal active learning through sampling
    estimation of error reduction. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skal import ActiveLearner
    >>> from skal.query import ExpectedErrorReduction
    >>> X, y = load_iris(return_X_y=True)
    >>> strategy = ExpectedErrorReduction(n_candidates=10)
    >>> learner = ActiveLearner(GaussianNB(), strategy, random_state=0)
    >>> rows, _ = learner.fit(X[::10], y[::10]).query(X, n_instances=3)
    >>> rows.min() >= 50
    np.True_
    """

    alias = "expected_error_reduction"
    _own_needs = frozenset({"proba", "labels"})
    _own_target_types = frozenset({"multiclass"})

    def __init__(
        self,
        loss: str = "log",
        base: str | QueryStrategy | Callable[..., Any] = "margin",
        n_candidates: int = 50,
        n_reference: int = 200,
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.base = base
        self.n_candidates = n_candidates
        self.n_reference = n_reference
        self.n_jobs = n_jobs

    def _check_params(self):
        check_choice("loss", self.loss, LOSSES)
        check_int("n_candidates", self.n_candidates)
        check_int("n_reference", self.n_reference)
        if self.n_jobs is not None and check_int("n_jobs", self.n_jobs, -(2**31)) == 0:
            raise ValueError("n_jobs must not be 0, got 0. Use 1, or -1 for all cores.")

    def _query(self, view, rows, n_instances, rng):
        check_labels(self, view)
        size = min(max(n_instances, self.n_candidates), len(rows))
        wanted, _ = split_result(self._base()(view, rows, size, random_state=rng))
        tried, others = np.split(wanted, [self.n_candidates])
        reference = draw_rows(len(rows), min(self.n_reference, len(rows)), rng)
        errors = self._errors(view, rows, tried, np.sort(reference))
        order = np.argsort(errors, kind="stable")
        picked = np.concatenate([tried[order], others])[:n_instances]
        scores = np.append(-errors[order], np.full(len(others), np.nan))
        return picked, {"score": scores[:n_instances]}

    def _errors(self, view, rows, tried, reference):
        """Return what the model is expected to lose once each row has its label."""
        columns = learnt_columns(view)
        X = concat_rows(view.X_training, rows.take(tried).data())
        known = np.arange(view.n_labels)
        lose = partial(
            expected_loss,
            unfitted(view),
            view.y_training,
            view.classes_ if columns is None else view.classes_[columns],
            rows.take(reference).data(),
            LOSSES[self.loss],
        )
        tasks = (
            delayed(lose)(
                take_rows(X, np.append(known, len(known) + place)),
                chances,
                reference != tried[place],
            )
            for place, chances in enumerate(
                learnt(view, view.predict_proba(rows.take(tried)))
            )
        )
        return np.array(Parallel(n_jobs=self.n_jobs)(tasks))


def expected_loss(view, y, labels, X_reference, loss, X, chances, others):
    """Return the mean loss on other rows, expected over the label of X's last row.

    ``labels`` are those it may have, ``chances`` how probable each of them is;
    ``others`` leaves the row itself out of the reference.
    """
    if not others.any():
        return 0.0
    expected = 0.0
    for place in np.flatnonzero(chances):
        after = refitted(view, X, np.append(y, labels[place : place + 1]))
        proba = learnt(after, after.predict_proba(X_reference))  # (R, C)
        expected += chances[place] * loss(proba)[others].mean()
    return expected
