"""Several estimators whose answers for units of rows are draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_int, name_of
from skal._data import as_entries, n_rows, take_rows
from skal._meta import NamedMembersMixin, slice_params
from skal._model import answers, provides
from skal._seed import draw_seed, seeds_for, stream

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import NDArray


def _members_have_units(self):
    members = self._inside()
    # Boxes that each finds for itself are units of its own, of which there is no mean.
    finders = all(hasattr(member, "predict_boxes") for member in members)
    return not finders and all(provides(member, "units") for member in members)


def _members_have_boxes(self):
    return all(way_to_boxes(member) is not None for member in self._inside())


class Committee(NamedMembersMixin, BaseEstimator):
    """Several estimators that learn the same: where they differ, data is short.

    What the members answer for a unit of a row counts as so many draws, so that
    ``Aggregate("bald")`` and the other measures of committees read them. Detectors find
    boxes of their own each, which :class:`~skal.query.BoxDisagreement` compares.

    Parameters
    ----------
    estimators : list of estimator, or of (str, estimator)
        The members, which are cloned. Networks differ by the weights that they start
        from; each ``random_state`` that is None is seeded apart. Detectors have
        ``predict_boxes(X)``, or a ``predict(X)`` where they have no ``predict_units``,
        which returns a dict with "boxes" (k, 4) and "labels" (k,) for each row; their
        units are boxes of their own, and the committee has none.
    bootstrap : bool, default=False
        Whether each member sees as many rows as there are, drawn with replacement.
        Estimators that depend on no seed need it.
    random_state : int, RandomState instance or None, default=None
        Fixes the seeds of the members and the rows that they see.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted members.

    See Also
    --------
    Units : Makes an estimator answer for units.
    skal.posterior.EnsembleClassifier : The same for one class a row.

    Notes
    -----
    Costs what the members cost together. There are as many draws as members.

    References
    ----------
    Seung, H. S., Opper, M., Sompolinsky, H. (1992). Query by committee. COLT.
    doi:10.1145/130385.130417

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from skal.structured import Committee
    >>> class Share(BaseEstimator):  # each unit of a row is 1 as often as in y
    ...     def fit(self, X, y):
    ...         self.p_ = np.mean(y, axis=0)
    ...         return self
    ...     def predict_units(self, X):
    ...         one = np.broadcast_to(self.p_, (len(X), *self.p_.shape))
    ...         return np.stack([1 - one, one], axis=-1)
    >>> X, y = np.zeros((20, 1)), np.arange(60).reshape(20, 3) % 2
    >>> committee = Committee([Share(), Share()], bootstrap=True).fit(X, y)
    >>> committee.sample_units(X[:5]).shape
    (2, 5, 3, 2)
    """

    _members_param = "estimators"

    def __init__(
        self,
        estimators: list[Any],
        *,
        bootstrap: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimators = estimators
        self.bootstrap = bootstrap
        self.random_state = random_state

    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Fit a clone of each member.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows, as the members take them.
        y : array-like of shape (n_samples, ...), or list
            What they take for a row each.
        **params : dict
            Passed to the members' fit.

        Returns
        -------
        Committee
            The fitted committee.

        Raises
        ------
        TypeError
            If ``estimators`` is no list of estimators.
        ValueError
            If it is empty, or names are taken twice.
        """
        members, seed = self._members(), draw_seed(self.random_state)
        self.estimators_ = [
            self._fit_member(member, X, y, params, stream(seed, number, "committee"))
            for number, member in enumerate(members)
        ]
        return self

    def _members(self):
        """Return the members to clone."""
        given = self.estimators
        if self.named_members():
            self.check_members()
            return [member for _, member in given]
        if not isinstance(given, list | tuple) or not all(
            hasattr(member, "fit") for member in given
        ):
            raise TypeError(
                "estimators must be a list of estimators, or of (name, estimator) "
                f"pairs, got {given!r}."
            )
        if not given:
            raise ValueError(
                f"estimators must hold at least one estimator, got {given!r}."
            )
        return given

    def _fit_member(self, template, X, y, params, rng):
        member = clone(template)
        seeds = seeds_for(member, rng)
        member = member.set_params(**seeds) if seeds else member
        if self.bootstrap:
            n = n_rows(X)
            rows = rng.randint(n, size=n)
            params = slice_params(params, rows, n)
            X, y = take_rows(X, rows), take_rows(y, rows)
        return member.fit(X, y, **params)

    def _inside(self):
        """Return the fitted members, or the templates before that."""
        fitted = vars(self).get("estimators_")
        return self._members() if fitted is None else fitted

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether the members have been fitted."""
        return "estimators_" in vars(self)

    @available_if(_members_have_units)
    def predict_units(self, X: Any) -> Any:
        """Return the class probabilities of each unit, the mean over the members.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.

        Returns
        -------
        ndarray of shape (n_samples, ..., C), or list of n_samples ndarray (u, C)
            The mean of what the members answer.
        """
        draws = self.sample_units(X)
        if isinstance(draws, list):
            return [row.mean(axis=0) for row in draws]
        return draws.mean(axis=0)

    @available_if(_members_have_units)
    def sample_units(
        self, X: Any, n_samples: int | None = None, random_state: Any = None
    ) -> Any:
        """Return what each member answers for each unit.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.
        n_samples : int, default=None
            Number of members S, the first; None takes them all.
        random_state : object, default=None
            Changes nothing: the members are what they are.

        Returns
        -------
        ndarray of shape (S, n_samples, ..., C), or list of n_samples ndarray (S, u, C)
            Class probabilities.

        Raises
        ------
        ValueError
            If there are fewer members, or they find different units in a row.
        """
        members = self._first(n_samples)
        answered = [answers.predict_units(member, X) for member in members]
        rows = [*zip(*answered, strict=True)]
        for row in rows:
            if len({units.shape for units in row}) > 1:
                raise ValueError(
                    "estimators must answer for the same units of a row, in as many "
                    f"classes, got the shapes {[units.shape for units in row]}. Name "
                    "the classes in the estimator, since a member may miss one; boxes "
                    "that each finds for itself are compared by BoxDisagreement."
                )
        if not isinstance(answered[0], list):
            return np.stack(answered)
        return [np.stack(row) for row in rows]

    @available_if(_members_have_boxes)
    def sample_boxes(
        self, X: Any, n_samples: int | None = None, random_state: Any = None
    ) -> list[list[dict[str, NDArray[Any]]]]:
        """Return the boxes that each member finds in each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to ask about.
        n_samples : int, default=None
            Number of members S, the first; None takes them all.
        random_state : object, default=None
            Changes nothing: the members are what they are.

        Returns
        -------
        list of n_samples lists of S dict
            What each member's detector returns for the row.

        Raises
        ------
        ValueError
            If there are fewer members.
        """
        members = self._first(n_samples)
        found = [getattr(member, way_to_boxes(member))(X) for member in members]
        return [list(row) for row in zip(*found, strict=True)]

    def predict(self, X: Any) -> Any:
        """Predict the likeliest class of each unit, or the boxes of the first member.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, ...), or list of n_samples
            By the mean of the members, in their ``classes_`` where they have some;
            of boxes there is no mean.
        """
        check_is_fitted(self)
        first = self.estimators_[0]
        if not _members_have_units(self):
            return first.predict(X)
        classes, units = getattr(first, "classes_", None), self.predict_units(X)
        rows = units if isinstance(units, list) else as_entries(units)
        codes = [row.argmax(axis=-1) for row in rows]
        named = codes if classes is None else [classes[row] for row in codes]
        return named if isinstance(units, list) else np.stack(named)

    def score(self, X: Any, y: Any) -> float:
        """Return the mean of the members' scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to predict.
        y : array-like of shape (n_samples, ...), or list
            Their targets.

        Returns
        -------
        float
            The mean score.
        """
        check_is_fitted(self)
        return float(np.mean([member.score(X, y) for member in self.estimators_]))

    def _first(self, n_samples):
        """Return the first members; a committee has no more than it has."""
        check_is_fitted(self)
        members = self.estimators_
        if n_samples is None:
            return members
        if check_int("n_samples", n_samples) > len(members):
            raise ValueError(
                f"n_samples must be at most {len(members)}, the number of members of "
                f"{name_of(self)}, got {n_samples}."
            )
        return members[:n_samples]


def way_to_boxes(member):
    """Return the name of the method by which a member tells boxes, or None."""
    if hasattr(member, "predict_boxes"):
        return "predict_boxes"
    if hasattr(member, "predict") and not provides(member, "units"):
        return "predict"
    return None
