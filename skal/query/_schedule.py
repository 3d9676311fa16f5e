"""One strategy after the other, by labels or by rounds."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_number, nearest_first
from skal._meta import NamedMembersMixin
from skal.query._mixture import share_out
from skal.query._names import as_strategy
from skal.query._picks import split_result
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from skal.query._base import QueryStrategy

#: What the way through a schedule is measured in.
UNITS = ("labels", "labels_per_class", "rounds")


class Schedule(NamedMembersMixin, WrapperStrategy):
    """Ask by one strategy first and by others later.

    With few labels the model's doubts mean little, and what covers the pool teaches
    most; later its doubts do. The defaults are TCM [1]_: TypiClust, then margin.

    Parameters
    ----------
    strategies : list of (str, strategy)
        Names and strategies, in the order in which they take over; a strategy may be a
        name such as "margin", too. Its own name is the prefix of its parameters. The
        default is "typiclust" as "explore" and "margin" as "exploit".
    switch : float, sequence of float or callable, default=3.0
        When the second strategy takes over, or when each after the first does, in
        ``unit``; the numbers may not fall. A callable ``f(round, n_labels)`` returns
        the name of the strategy that asks; to be pickled it must be a function of a
        module.
    unit : {"labels_per_class", "labels", "rounds"}, default="labels_per_class"
        What ``switch`` and ``ramp`` count: labels for each class that has one by then,
        or for each of several labels a row; labels; or rounds after the first.
    ramp : float, default=0.0
        How long it takes to hand over: the batch is shared between the two strategies,
        in a straight line from the one to the other, which begins at ``switch``.

    Attributes
    ----------
    needs : frozenset of str
        What any of the strategies needs.

    See Also
    --------
    Bandit : Learns from the answers which strategy to ask by.
    Mixture : Shares each batch out, by shares that may change with the labels.
    RandomTail : Goes over to random rows when a search has run dry.

    Notes
    -----
    Cost: O(n) for n rows, beside the strategies that ask; none is asked whose turn it
    is not. ``info["base"]`` tells which strategy picked each row. One that asks alone
    tells what it has to tell, so that a Bandit learns: its ``base`` are its own arms.

    Where the first strategy needs no model, a schedule serves as ``initial=`` too.

    References
    ----------
    .. [1] Doucet, P., Estermann, B., Aczel, T., Wattenhofer, R. (2024). Bridging
       diversity and uncertainty in active learning with self-supervised pre-training.
       arXiv:2403.03728

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import Schedule
    >>> X, y = load_digits(return_X_y=True)
    >>> schedule = Schedule([("cover", "core_set"), ("doubt", "margin")],
    ...     switch=20, unit="labels", ramp=20)
    >>> learner = ActiveLearner(query_strategy=schedule, n_labels=50, random_state=0)
    >>> for told in learner.fit(X[:500] / 16, y[:500]).history_["info"][1:]:
    ...     print(told["base"].tolist().count("doubt"), "of 10")
    0 of 10
    0 of 10
    5 of 10
    10 of 10
    """

    alias = "schedule"
    _members_param = "strategies"

    def __init__(
        self,
        strategies: Sequence[tuple[str, str | QueryStrategy | Callable[..., Any]]] = (
            ("explore", "typiclust"),
            ("exploit", "margin"),
        ),
        switch: float | Sequence[float] | Callable[[int, int], str] = 3.0,
        unit: str = "labels_per_class",
        ramp: float = 0.0,
    ) -> None:
        self.strategies = strategies
        self.switch = switch
        self.unit = unit
        self.ramp = ramp

    @property
    def target_types(self) -> frozenset[str]:
        """What all strategies serve; regressors and units have no labels per class."""
        served = super().target_types
        classless = {"regression", "structured"}
        return served - classless if self._counts_classes else served

    @property
    def _counts_classes(self):
        return self.unit == "labels_per_class" and not callable(self.switch)

    def _check_target(self, estimator, target_type):
        classless = {"regression": "a regressor", "structured": "units of rows"}
        if target_type in classless and self._counts_classes:
            raise TypeError(
                'Schedule needs unit="labels" or "rounds" for '
                f"{classless[target_type]}, got {self.unit!r}. There are no classes of "
                "rows."
            )
        super()._check_target(estimator, target_type)

    def _bases(self):
        self.check_members()
        return [as_strategy(base, name) for name, base in self.strategies]

    @property
    def _first_needs(self):
        """What those need that have a share before there is a label."""
        if callable(self.switch):
            return self.needs
        first = zip(self._shares_at(0), self._bases(), strict=True)
        return frozenset().union(*(base._first_needs for share, base in first if share))

    @property
    def _by_blocks(self):
        return self._bases_by_blocks

    def _check_params(self):
        check_choice("unit", self.unit, UNITS)
        check_number("ramp", self.ramp, minimum=0)
        if not callable(self.switch):
            self._switches()

    def _switches(self):
        """Return when each strategy after the first takes over."""
        switch: Any = self.switch
        many = [switch] if isinstance(switch, Real) else switch
        n = len(self.strategies) - 1
        try:
            at = np.asarray(many, dtype=float)
        except (TypeError, ValueError):
            at = np.empty(0) if n else np.empty(1)
        if at.shape != (n,) or not np.all(at >= 0) or np.any(np.diff(at) < 0):
            raise ValueError(
                f"switch must be {n} numbers, none below 0 or below the one before, or "
                f"a callable, got {switch!r}. There are {n + 1} strategies, and the "
                "first begins."
            )
        return at

    def _query(self, view, rows, n_instances, rng):
        shares = self._shares(view)
        names = [name for name, _ in self.strategies]
        named = [*zip(names, self._bases(), strict=True)]
        if np.count_nonzero(shares) > 1:
            return share_out(named, shares, view, rows, n_instances, rng)
        name, base = named[int(shares.argmax())]
        picked, info = split_result(base(view, rows, n_instances, random_state=rng))
        return picked, {"base": np.full(n_instances, name), **info}

    def _shares(self, view):
        """Return the share of each strategy in this round."""
        if not callable(self.switch):
            return self._shares_at(position_of(view, self.unit))
        names = [name for name, _ in self.strategies]
        name = self.switch(view.round, view.n_labels)
        if name not in names:
            known = ", ".join(map(repr, nearest_first(name, names)))
            raise ValueError(f"switch must return one of {known}, got {name!r}.")
        return np.array([float(one == name) for one in names])

    def _shares_at(self, position):
        """Return the shares so far into the schedule; they add up to 1."""
        gone = position - self._switches()
        level = np.clip(gone / self.ramp, 0, 1) if self.ramp else 1.0 * (gone >= 0)
        return -np.diff(level, prepend=1.0, append=0.0)


def position_of(view, unit):
    """Return how far a run has come."""
    if unit == "rounds":
        return view.round
    if unit == "labels" or not view.n_labels:
        return view.n_labels
    y = np.asarray(view.y_training)
    return view.n_labels / (len(np.unique(y)) if y.ndim == 1 else y.shape[1])
