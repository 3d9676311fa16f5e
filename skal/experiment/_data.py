"""The rows and labels of an experiment, and how a seed splits them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import type_of_target

from skal._data import Rows, take_rows
from skal._seed import draw_seed, stream
from skal.experiment._digest import digest
from skal.experiment._group_split import split_by_group
from skal.experiment._labels import by_entry, is_mask, read_labels
from skal.experiment._public_name import public_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Data:
    """Rows and labels; with test rows of their own, or to be split by each seed.

    ``as_numbers`` says that whole numbers are no classes; ``groups`` holds the group of
    each row, 0 to n_groups - 1, which no split tears apart; ``costs`` what each label
    costs; ``positive`` is the class that scores of two classes look for; ``reject`` the
    label of rows of no class. ``columns`` says what the columns of a table hold, where
    it needs a Pipeline. ``units`` says that a row has a label for each of its units,
    such as pixels: y is then an array (n, ...), or one of n objects.
    """

    X: Any
    y: NDArray[Any]
    X_test: Any = None
    y_test: NDArray[Any] | None = None
    image_shape: tuple[int, ...] | None = None
    as_numbers: bool = False
    groups: NDArray[np.int64] | None = None
    positive: Any = None
    reject: Any = None
    columns: dict[str, list[str]] | None = None
    costs: NDArray[np.float64] | None = None
    units: bool = False

    def fingerprint(self, name_of: Callable[[Any], str] = public_name) -> str:
        """Digest of the content: another digest is another experiment.

        Parameters
        ----------
        name_of : callable, default=public_name
            Names the classes of the containers.

        Returns
        -------
        str
            The digest.
        """
        y, y_test = (by_entry(one, name_of) for one in (self.y, self.y_test))
        content = (self.X, y, self.X_test, y_test)
        more = {"groups": self.groups, "positive": self.positive}
        more |= {"reject": self.reject, "costs": self.costs}
        more = {name: one for name, one in more.items() if one is not None}
        return digest((*content, more) if more else content, name_of)

    @cached_property
    def classes(self) -> NDArray[Any] | None:
        """Every class there is; None for regression."""
        if not self.is_classes:
            return None
        both = self.y if self.y_test is None else np.append(self.y, self.y_test)
        return np.unique(both[self.in_scope(both)])

    def in_scope(self, y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which labels are classes, and not that of rows of no class."""
        return np.ones(len(y), bool) if self.reject is None else y != self.reject

    def with_reject(self, name: str, label: Any) -> Data:
        """Return the data with a label of rows of no class, which no test row has.

        Parameters
        ----------
        name : str
            Of the data set.
        label : object
            A label, or how it is written.

        Returns
        -------
        Data
            The data.
        """
        known = [] if self.classes is None else self.classes.tolist()
        found = [one for one in known if one == label or str(one) == str(label)]
        if not found:
            words = f"one of {known}" if known else "left out for numbers"
            raise ValueError(
                f"reject_label must be {words}, the labels of {name!r}, got {label!r}."
            )
        data = replace(self, reject=found[0])
        if data.y_test is None:
            return data
        kept = np.flatnonzero(data.in_scope(data.y_test))
        X_test, y_test = take_rows(data.X_test, kept), data.y_test[kept]
        return replace(data, X_test=X_test, y_test=y_test)

    @cached_property
    def is_classes(self) -> bool:
        """Whether the labels are classes."""
        if self.units or (self.as_numbers and self.y.dtype.kind in "iuf"):
            return False
        return type_of_target(self.y) in ("binary", "multiclass")

    @property
    def target_type(self) -> str:
        """The kind of target, as strategies know it."""
        if self.units:
            return "structured"
        return "multiclass" if self.is_classes else "regression"

    @cached_property
    def are_masks(self) -> bool:
        """Whether labels are classes of units, told by whole numbers."""
        return self.units and all(map(is_mask, (self.y, self.y_test)))

    def split(self, seed: int, test_size: Any, pool_size: int | None) -> Split:
        """Return the pool and the test rows of a seed.

        Parameters
        ----------
        seed : int
            The seed that all strategies share.
        test_size : int or float
            As in train_test_split; not used where there are test rows.
        pool_size : int or None
            How many rows of the pool to keep; None keeps all.

        Returns
        -------
        Split
            The rows of this seed.
        """
        pool, test = self.positions(seed, test_size, pool_size)
        whole = len(pool) == len(self.y)
        return Split(
            pool,
            self.X if whole else take_rows(self.X, pool),
            self.y[pool],
            self.X_test if test is None else take_rows(self.X, test),
            self.y_test if test is None else self.y[test],
            self.beside(pool),
        )

    @property
    def rows(self) -> Rows:
        """The rows as strategies see them, with their groups and costs."""
        return Rows(self.X, groups=self.groups, costs=self.costs)

    @property
    def range_of_costs(self) -> list[float] | None:
        """The least and the highest cost of a label, and what all cost."""
        if self.costs is None:
            return None
        return [float(f(self.costs)) for f in (np.min, np.max, np.sum)]

    def beside(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the groups and costs of rows, those of them that are known."""
        known = {"groups": self.groups, "costs": self.costs}
        return {name: one[rows] for name, one in known.items() if one is not None}

    def positions(self, seed, test_size, pool_size):
        """Return which rows are the pool and the test rows, None where they are given.

        Takes what :meth:`split` does.
        """
        pool, test = np.arange(len(self.y)), None
        if self.groups is not None and self.y_test is None:
            codes = np.zeros(len(pool), dtype=np.int64)
            if self.is_classes:
                codes = np.unique(self.y, return_inverse=True)[1]
            rng = stream(seed, 0, "split")
            pool, test = split_by_group(self.groups, codes, test_size, rng)
        elif self.X_test is None:
            pool, test = train_test_split(
                pool,
                test_size=test_size,
                stratify=self.y if self.is_classes else None,
                random_state=draw_seed(stream(seed, 0, "split")),
            )
        if test is not None:
            test = test[self.in_scope(self.y[test])]
        if pool_size is not None and pool_size < len(pool):
            rng = stream(seed, 0, "pool")
            kept = pool[np.sort(rng.permutation(len(pool))[:pool_size])]
            if self.is_classes and len(np.unique(self.y[kept])) == 1 < pool_size:
                kept = self._of_each_class(pool, pool_size, rng)
            pool = kept
        return pool, test

    def _of_each_class(self, pool, size, rng):
        """Return rows of the pool, one of each class first as far as there is room."""
        order = rng.permutation(pool)
        _, firsts = np.unique(self.y[order], return_index=True)
        order = np.append(order[firsts], np.delete(order, firsts))
        return np.sort(order[:size])


@dataclass(frozen=True)
class Split:
    """The rows of one seed; ``pool`` holds their positions in the data.

    ``beside`` holds the groups and costs of the pool, as ``fit`` takes them.
    """

    pool: NDArray[np.int64]
    X_pool: Any
    y_pool: NDArray[Any]
    X_test: Any
    y_test: Any
    beside: dict[str, NDArray[Any]]


def checked(
    name: str,
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    units: bool = False,
) -> Data:
    """Build a Data after checking that its parts fit together."""
    y = read_labels(f"y of {name!r}", y, X, units)
    if X_test is not None or y_test is not None:
        y_test = read_labels(f"y_test of {name!r}", y_test, X_test, units)
        dense = units and y_test is not None and object not in (y.dtype, y_test.dtype)
        if dense and is_mask(y) != is_mask(y_test):
            raise ValueError(
                f"y_test of {name!r} must hold labels as y does, got masks of whole "
                "numbers in one of them alone."
            )
    shape = np.shape(X) if hasattr(X, "shape") or not units else ()  # rows may differ
    is_image = len(shape) in (3, 4) and not (units and y.ndim == 2)  # but signals
    image_shape = tuple(shape[1:]) if is_image else None
    return Data(X, y, X_test, y_test, image_shape, units=units)
